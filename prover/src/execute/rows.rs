//! One node's rows: its expression `Z[o] = Σ_p m_p·s_p[o] + m_c·C[o] + m_d·D[o]`, then what its operation makes of it
//! (PROTOCOL.md §1, §2).

use pleat_verifier::descriptor::{
    Axis, AxisId, Linear, Node, Operation, Relation, Slot, View, axes_bits,
};
use rayon::prelude::*;

use super::gather::{Gather, Integer, Scratch, unflatten, volume};
use super::operation::{self, BLOCKS, Misfit, Row};
use super::product::{Contraction, Split};
use super::sources::{Place, Sources};
use super::{Cells, ExecuteError, Trace, runs};

/// Row lengths below this are joined with the next axis, so that the work per row outweighs its set-up.
const ROW: usize = 256;

/// Arithmetic that a bound has shown to be wide enough: of the factors' rows, and of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// 32 and 64 bits.
    Short,
    /// 64 and 64 bits.
    Medium,
    /// 128 and 128 bits.
    Long,
}

/// An integer type of pre-activations.
trait Sum: Integer + Into<i128> {
    /// `(P, R1, R0)` of the row relation; `None` if `P` has more than `digit_bits` bits.
    fn requantize(self, digit_bits: u32) -> Option<(i32, u16, u16)>;
    /// `P`, whatever its size.
    fn quotient(self, digit_bits: u32) -> i128;
}

macro_rules! sum {
    ($type:ty) => {
        impl Sum for $type {
            fn requantize(self, digit_bits: u32) -> Option<(i32, u16, u16)> {
                let rounded = self + (1 << (2 * digit_bits - 1));
                let quotient = rounded >> (2 * digit_bits);
                let half = 1 << (digit_bits - 1);
                let mask = (1 << digit_bits) - 1;
                let high = (rounded >> digit_bits) & mask;
                let fits = quotient >= -half && quotient < half;
                fits.then_some((quotient as i32, high as u16, (rounded & mask) as u16))
            }

            fn quotient(self, digit_bits: u32) -> i128 {
                i128::from((self + (1 << (2 * digit_bits - 1))) >> (2 * digit_bits))
            }
        }
    };
}
sum!(i64);
sum!(i128);

/// A product of a node.
enum Factors {
    /// A matrix product; `strides` per output axis lead to a row's sums, `inner` along it.
    Contract {
        contraction: Contraction,
        strides: Vec<usize>,
        inner: Vec<usize>,
    },
    /// Nothing is summed: `A` and `K` are read like `C`.
    Elementwise { a: Gather, k: Gather },
}

/// A node prepared for running.
pub(super) struct NodePlan {
    width: Width,
    outer: Vec<Axis>,
    inner: Vec<Axis>,
    /// Offsets of a row's cells from its first.
    cells: Vec<usize>,
    products: Vec<(i64, Factors)>,
    /// `C` and `D` with their multipliers.
    linear: Vec<(i64, Gather)>,
    divisor: Option<Gather>,
}

/// What running a node needs beside its plan and the trace.
pub(super) struct Run<'a> {
    pub(super) node: &'a Node,
    pub(super) digit_bits: u32,
    /// `g(p)` at `p + 2^(B-1)`; empty unless the operation is a map.
    pub(super) table: &'a [i32],
    pub(super) sources: Sources<'a>,
}

/// A row that cannot be proved.
struct Failure {
    index: Vec<usize>,
    why: Misfit,
}

/// What running a node gives.
pub(super) struct Output {
    pub(super) blocks: Vec<Written>,
    /// The values of the index port that it is about; empty if it is about none.
    pub(super) answer: Vec<u32>,
}

/// A node's blocks, written.
pub(super) struct Written {
    y: Vec<i32>,
    p: Vec<i32>,
    r1: Vec<u16>,
    r0: Vec<u16>,
}

impl Written {
    fn new(size: usize) -> Self {
        Self {
            y: vec![0; size],
            p: vec![0; size],
            r1: vec![0; size],
            r0: vec![0; size],
        }
    }

    /// Moves real rows into the trace; of the others, `Y` alone.
    pub(super) fn store(&self, address: usize, shape: &[usize], trace: &mut Trace) {
        trace.y[address..address + self.y.len()].copy_from_slice(&self.y);
        for own in runs(0, shape) {
            let to = address + own.start..address + own.end;
            trace.p[to.clone()].copy_from_slice(&self.p[own.clone()]);
            trace.r1[to.clone()].copy_from_slice(&self.r1[own.clone()]);
            trace.r0[to].copy_from_slice(&self.r0[own]);
        }
    }
}

impl NodePlan {
    pub(super) fn new(place: &Place<'_>, node: &Node, width: Width) -> Self {
        let (outer, inner) = row_axes(&node.out);
        let by_row = |view: &View| Gather::new(view, place, &outer, &inner);
        // The node's own products, in a relation of their own: the axes' roles are those of its slots.
        let expression = Relation {
            products: node.products.clone(),
            ..Relation::empty(0, node, 0)
        };
        let factors = |slot: Slot<'_>| {
            let product = slot.product?;
            let split = Split::new(&slot);
            let factors = if volume(&split.summed) == 1 {
                Factors::Elementwise {
                    a: by_row(&product.a),
                    k: by_row(&product.k),
                }
            } else {
                let order = split.order();
                let stride = |id: AxisId| {
                    let after = order.iter().skip_while(|a| a.id != id).skip(1);
                    after.map(|a| a.len).product::<usize>()
                };
                let strides =
                    |axes: &[Axis]| -> Vec<usize> { axes.iter().map(|a| stride(a.id)).collect() };
                let along = strides(&inner);
                let mut index = vec![0; inner.len()];
                let positions = (0..volume(&inner)).map(|flat| {
                    unflatten(&inner, flat, &mut index);
                    index.iter().zip(&along).map(|(i, s)| i * s).sum()
                });
                Factors::Contract {
                    inner: positions.collect(),
                    strides: strides(&outer),
                    contraction: Contraction::new(product, split, place),
                }
            };
            Some((product.multiplier, factors))
        };
        let shape: Vec<usize> = inner.iter().map(|a| a.len).collect();
        let part = |l: &Linear| (l.multiplier, by_row(&l.view));
        Self {
            width,
            cells: Cells::new(0, &shape).collect(),
            products: expression.slots().filter_map(factors).collect(),
            linear: node.linear.iter().chain(&node.bias).map(part).collect(),
            divisor: node.operation.views().map(by_row),
            outer,
            inner,
        }
    }

    /// The node's blocks.
    pub(super) fn run(&self, run: &Run<'_>) -> Result<Output, ExecuteError> {
        let written = match self.width {
            Width::Short => self.run_in::<i32, i64>(run),
            Width::Medium => self.run_in::<i64, i64>(run),
            Width::Long => self.run_in::<i128, i128>(run),
        };
        written.map_err(|failure| error(run, failure))
    }

    fn run_in<E: Integer, T: Sum + From<E>>(&self, run: &Run<'_>) -> Result<Output, Failure> {
        let sums = |(_, factors): &(i64, Factors)| match factors {
            Factors::Contract { contraction, .. } => contraction.run::<E, T>(&run.sources),
            Factors::Elementwise { .. } => Vec::new(),
        };
        let sums: Vec<Vec<T>> = self.products.iter().map(sums).collect();
        if matches!(run.node.operation, Operation::Map { .. }) {
            let mut block = Written::new(self.size());
            self.map(run, &sums, &mut block)?;
            return Ok(Output {
                blocks: vec![block],
                answer: Vec::new(),
            });
        }
        if matches!(run.node.operation, Operation::Best { .. }) {
            return self.best(run, &sums);
        }
        Ok(Output {
            blocks: self.other(run, &sums)?,
            answer: Vec::new(),
        })
    }

    /// Cells of a block.
    fn size(&self) -> usize {
        1 << (axes_bits(&self.inner) + axes_bits(&self.outer))
    }

    fn map<T: Sum>(
        &self,
        run: &Run<'_>,
        sums: &[Vec<T>],
        block: &mut Written,
    ) -> Result<(), Failure> {
        let row_cells = 1 << axes_bits(&self.inner);
        let Written { y, p, r1, r0 } = block;
        let failure = y
            .par_chunks_mut(row_cells)
            .zip(p.par_chunks_mut(row_cells))
            .zip(
                r1.par_chunks_mut(row_cells)
                    .zip(r0.par_chunks_mut(row_cells)),
            )
            .enumerate()
            .with_min_len(4096_usize.div_ceil(row_cells))
            .map_init(
                || Buffers::<T>::new(self),
                |buffers, (padded, ((y_out, p), (r1, r0)))| {
                    if !real(&self.outer, padded, &mut buffers.index) {
                        return None;
                    }
                    self.pre_activations(run, sums, buffers);
                    for (position, (z, cell)) in buffers.z.iter().zip(&self.cells).enumerate() {
                        let Some((quotient, high, low)) = z.requantize(run.digit_bits) else {
                            let value = z.quotient(run.digit_bits);
                            let why = Misfit::Quotient(value);
                            return Some(self.failure(&buffers.index, position, why));
                        };
                        let half = 1 << (run.digit_bits - 1);
                        y_out[*cell] = run.table[(quotient + half) as usize];
                        p[*cell] = quotient;
                        r1[*cell] = high;
                        r0[*cell] = low;
                    }
                    None
                },
            )
            .flatten()
            .min_by(|a, b| a.index.cmp(&b.index));
        failure.map_or(Ok(()), Err)
    }

    fn other<T: Sum>(&self, run: &Run<'_>, sums: &[Vec<T>]) -> Result<Vec<Written>, Failure> {
        let row_cells = 1 << axes_bits(&self.inner);
        let mut rows = vec![[Row::default(); BLOCKS]; self.size()];
        let failure = rows
            .par_chunks_mut(row_cells)
            .enumerate()
            .with_min_len(1024_usize.div_ceil(row_cells))
            .map_init(
                || Buffers::<T>::new(self),
                |buffers, (padded, rows)| {
                    if !real(&self.outer, padded, &mut buffers.index) {
                        return None;
                    }
                    self.pre_activations(run, sums, buffers);
                    let Buffers {
                        index,
                        z,
                        row,
                        scratch,
                        ..
                    } = buffers;
                    row.fill(T::default());
                    if let Some(divisor) = &self.divisor {
                        divisor.row(&run.sources, index, scratch, row);
                    }
                    let pairs = z.iter().zip(row.iter()).zip(&self.cells);
                    for (position, ((z, divisor), cell)) in pairs.enumerate() {
                        let (z, divisor) = ((*z).into(), (*divisor).into());
                        match operation::rows(&run.node.operation, run.digit_bits, z, divisor) {
                            Ok(own) => rows[*cell] = own,
                            Err(why) => return Some(self.failure(index, position, why)),
                        }
                    }
                    None
                },
            )
            .flatten()
            .min_by(|a, b| a.index.cmp(&b.index));
        if let Some(failure) = failure {
            return Err(failure);
        }
        let block = |i: usize| {
            let of = |rows: &[Row; BLOCKS]| rows.get(i).copied().unwrap_or_default();
            Written {
                y: rows.iter().map(|r| of(r).y).collect(),
                p: rows.iter().map(|r| of(r).p).collect(),
                r1: rows.iter().map(|r| of(r).r1).collect(),
                r0: rows.iter().map(|r| of(r).r0).collect(),
            }
        };
        Ok((0..run.node.blocks.len()).map(block).collect())
    }

    /// The first of the largest along the last axis, and by how much it leads each candidate.
    fn best<T: Sum>(&self, run: &Run<'_>, sums: &[Vec<T>]) -> Result<Output, Failure> {
        let row_cells = 1 << axes_bits(&self.inner);
        let mut scores = vec![0_i128; self.size()];
        scores
            .par_chunks_mut(row_cells)
            .enumerate()
            .with_min_len(1024_usize.div_ceil(row_cells))
            .for_each_init(
                || Buffers::<T>::new(self),
                |buffers, (padded, scores)| {
                    if real(&self.outer, padded, &mut buffers.index) {
                        self.pre_activations(run, sums, buffers);
                        for (z, cell) in buffers.z.iter().zip(&self.cells) {
                            scores[*cell] = (*z).into();
                        }
                    }
                },
            );
        let out = &run.node.out;
        let (candidates, first) = out.split_last().map_or((1, &out[..]), |(v, i)| (v.len, i));
        let shape: Vec<usize> = first.iter().map(|a| a.len).collect();
        let mut block = Written::new(self.size());
        let mut answer = Vec::new();
        for (flat, cell) in Cells::new(0, &shape).enumerate() {
            let start = cell * candidates.next_power_of_two();
            let own = &scores[start..start + candidates];
            let best = (1..candidates).fold(0, |k, v| if own[v] > own[k] { v } else { k });
            answer.push(best as u32);
            for (v, score) in own.iter().enumerate() {
                let lead = own[best] - score - i128::from(v < best);
                if lead >= 1 << (3 * run.digit_bits) {
                    let mut index = vec![0; first.len()];
                    unflatten(first, flat, &mut index);
                    index.push(v);
                    let why = Misfit::Lead(lead);
                    return Err(Failure { index, why });
                }
                let row = operation::digits(run.digit_bits, lead);
                let at = start + v;
                (block.p[at], block.r1[at], block.r0[at]) = (row.p, row.r1, row.r0);
            }
        }
        Ok(Output {
            blocks: vec![block],
            answer,
        })
    }

    /// `Z` of one row, into `buffers.z`.
    fn pre_activations<T: Sum>(&self, run: &Run<'_>, sums: &[Vec<T>], buffers: &mut Buffers<T>) {
        let Buffers {
            index,
            z,
            row,
            second,
            scratch,
        } = buffers;
        z.fill(T::default());
        for ((multiplier, factors), sums) in self.products.iter().zip(sums) {
            let multiplier = T::small(*multiplier);
            match factors {
                Factors::Contract { strides, inner, .. } => {
                    let start: usize = index.iter().zip(strides).map(|(i, s)| i * s).sum();
                    for (z, offset) in z.iter_mut().zip(inner) {
                        *z += multiplier * sums[start + offset];
                    }
                }
                Factors::Elementwise { a, k } => {
                    a.row(&run.sources, index, scratch, row);
                    k.row(&run.sources, index, scratch, second);
                    for (z, (a, k)) in z.iter_mut().zip(row.iter().zip(second.iter())) {
                        *z += multiplier * (*a * *k);
                    }
                }
            }
        }
        for (multiplier, gather) in &self.linear {
            gather.row(&run.sources, index, scratch, row);
            let multiplier = T::small(*multiplier);
            for (z, v) in z.iter_mut().zip(row.iter()) {
                *z += multiplier * *v;
            }
        }
    }

    fn failure(&self, outer: &[usize], position: usize, why: Misfit) -> Failure {
        let mut index = vec![0; self.inner.len()];
        unflatten(&self.inner, position, &mut index);
        Failure {
            index: [outer, &index].concat(),
            why,
        }
    }
}

fn error(run: &Run<'_>, failure: Failure) -> ExecuteError {
    let half = 1 << (run.digit_bits - 1);
    let (node, index) = (run.node.name.clone(), failure.index);
    match failure.why {
        Misfit::Quotient(value) => ExecuteError::QuotientRange {
            node,
            index,
            value,
            low: -half,
            high: half - 1,
        },
        Misfit::Divisor(value) => ExecuteError::DivisorRange {
            node,
            index,
            value,
            high: 1 << (2 * run.digit_bits - 1),
        },
        Misfit::Radicand(value) => ExecuteError::RadicandRange { node, index, value },
        Misfit::Assertion(value) => ExecuteError::Assertion { node, index, value },
        Misfit::Lead(value) => ExecuteError::LeadRange { node, index, value },
    }
}

/// Buffers of one thread.
struct Buffers<T> {
    index: Vec<usize>,
    z: Vec<T>,
    row: Vec<T>,
    second: Vec<T>,
    scratch: Scratch,
}

impl<T: Integer> Buffers<T> {
    fn new(plan: &NodePlan) -> Self {
        let row = || vec![T::default(); volume(&plan.inner)];
        Self {
            index: vec![0; plan.outer.len()],
            z: row(),
            row: row(),
            second: row(),
            scratch: Scratch::default(),
        }
    }
}

/// Output axes before, and in, a row.
fn row_axes(out: &[Axis]) -> (Vec<Axis>, Vec<Axis>) {
    let mut first = out.len();
    while first > 0 && volume(&out[first..]) < ROW {
        first -= 1;
    }
    (out[..first].to_vec(), out[first..].to_vec())
}

/// Splits a padded position into an index; whether that is inside the true lengths.
fn real(axes: &[Axis], mut padded: usize, index: &mut [usize]) -> bool {
    let mut inside = true;
    for (axis, i) in axes.iter().zip(index).rev() {
        let size = axis.len.next_power_of_two();
        *i = padded % size;
        padded /= size;
        inside &= *i < axis.len;
    }
    inside
}
