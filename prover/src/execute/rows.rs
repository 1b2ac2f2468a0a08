//! One node's rows: `Z[o] = m_s·s[o] + m_c·C[o] + m_d·D[o]`, then the row relation of PROTOCOL.md §1.

use pleat_verifier::descriptor::{Axis, AxisId, Linear, Node, Source, View, axes_bits};
use pleat_verifier::network::Network;
use rayon::prelude::*;

use super::gather::{Gather, Integer, Scratch, unflatten, volume};
use super::product::{Contraction, Split};
use super::{Cells, ExecuteError, Trace};

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
trait Sum: Integer {
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

/// The product part of a node.
enum Factors {
    None,
    /// A matrix product; `strides` per output axis lead to a row's sums, `inner` along it.
    Contract {
        contraction: Contraction,
        source: Source,
        strides: Vec<usize>,
        inner: Vec<usize>,
    },
    /// Nothing is summed: `A` and `K` are read like `C`.
    Elementwise {
        a: Gather,
        k: Gather,
        source: Source,
    },
}

/// A node prepared for running.
pub(super) struct NodePlan {
    width: Width,
    outer: Vec<Axis>,
    inner: Vec<Axis>,
    /// Offsets of a row's cells from its first.
    cells: Vec<usize>,
    factors: Factors,
    linear: Option<Gather>,
    bias: Option<Gather>,
}

/// What running a node needs beside its plan and the trace.
pub(super) struct Run<'a> {
    pub(super) node: &'a Node,
    pub(super) digit_bits: u32,
    /// `g(p)` at `p + 2^(B-1)`.
    pub(super) table: &'a [i32],
    pub(super) weights: &'a [i32],
}

struct OutOfRange {
    index: Vec<usize>,
    value: i128,
}

impl NodePlan {
    pub(super) fn new(network: &Network, node: &Node, width: Width) -> Self {
        let (outer, inner) = row_axes(&node.out);
        let place = |source| {
            move |block: usize| match source {
                Source::Activations => {
                    let node = &network.nodes()[block];
                    (node.address, node.shape())
                }
                Source::Weights => {
                    let block = &network.descriptor().weights[block];
                    (block.address, block.shape.clone())
                }
            }
        };
        let by_row = |view: &View| Gather::new(view, &place(view.source), &outer, &inner);
        let factors = match &node.product {
            None => Factors::None,
            Some(product) => {
                let split = Split::new(node);
                let source = product.k.source;
                if volume(&split.summed) == 1 {
                    Factors::Elementwise {
                        a: by_row(&product.a),
                        k: by_row(&product.k),
                        source,
                    }
                } else {
                    let order = split.order();
                    let stride = |id: AxisId| {
                        let after = order.iter().skip_while(|a| a.id != id).skip(1);
                        after.map(|a| a.len).product::<usize>()
                    };
                    let strides = |axes: &[Axis]| -> Vec<usize> {
                        axes.iter().map(|a| stride(a.id)).collect()
                    };
                    let along = strides(&inner);
                    let mut index = vec![0; inner.len()];
                    let positions = (0..volume(&inner)).map(|flat| {
                        unflatten(&inner, flat, &mut index);
                        index.iter().zip(&along).map(|(i, s)| i * s).sum()
                    });
                    Factors::Contract {
                        inner: positions.collect(),
                        strides: strides(&outer),
                        contraction: Contraction::new(
                            product,
                            split,
                            &place(product.a.source),
                            &place(source),
                        ),
                        source,
                    }
                }
            }
        };
        let shape: Vec<usize> = inner.iter().map(|a| a.len).collect();
        Self {
            width,
            cells: Cells::new(0, &shape).collect(),
            factors,
            linear: node.linear.as_ref().map(|l| by_row(&l.view)),
            bias: node.bias.as_ref().map(|l| by_row(&l.view)),
            outer,
            inner,
        }
    }

    /// Fills the node's block.
    pub(super) fn run(&self, run: &Run<'_>, trace: &mut Trace) -> Result<(), ExecuteError> {
        match self.width {
            Width::Short => self.run_in::<i32, i64>(run, trace),
            Width::Medium => self.run_in::<i64, i64>(run, trace),
            Width::Long => self.run_in::<i128, i128>(run, trace),
        }
    }

    fn run_in<E: Integer, T: Sum + From<E>>(
        &self,
        run: &Run<'_>,
        trace: &mut Trace,
    ) -> Result<(), ExecuteError> {
        let node = run.node;
        let sums: Vec<T> = match &self.factors {
            Factors::Contract {
                contraction,
                source,
                ..
            } => contraction.run::<E, T>(&trace.y, column(*source, &trace.y, run.weights)),
            _ => Vec::new(),
        };
        let row_bits = axes_bits(&self.inner);
        let size = 1 << (row_bits + axes_bits(&self.outer));
        // Nodes read `Y` anywhere while this one's block is written, so the block is made apart.
        let mut block = vec![0; size];
        let at = node.address..node.address + size;
        let (p, r1, r0) = (
            &mut trace.p[at.clone()],
            &mut trace.r1[at.clone()],
            &mut trace.r0[at.clone()],
        );
        let y = &trace.y;
        let row_cells = 1 << row_bits;
        let failure = block
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
                    self.pre_activations(run, y, &sums, buffers);
                    for (position, (z, cell)) in buffers.z.iter().zip(&self.cells).enumerate() {
                        let Some((quotient, high, low)) = z.requantize(run.digit_bits) else {
                            let value = z.quotient(run.digit_bits);
                            return Some(self.out_of_range(&buffers.index, position, value));
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
        if let Some(OutOfRange { index, value }) = failure {
            let half = 1 << (run.digit_bits - 1);
            return Err(ExecuteError::QuotientRange {
                node: node.name.clone(),
                index,
                value,
                low: -half,
                high: half - 1,
            });
        }
        trace.y[at].copy_from_slice(&block);
        Ok(())
    }

    /// `Z` of one row, into `buffers.z`.
    fn pre_activations<T: Sum>(
        &self,
        run: &Run<'_>,
        y: &[i32],
        sums: &[T],
        buffers: &mut Buffers<T>,
    ) {
        let Buffers {
            index,
            z,
            row,
            second,
            scratch,
        } = buffers;
        z.fill(T::default());
        let multiplier = |m: i64| T::small(m);
        let m_s = multiplier(run.node.product.as_ref().map_or(0, |p| p.multiplier));
        match &self.factors {
            Factors::None => {}
            Factors::Contract { strides, inner, .. } => {
                let start: usize = index.iter().zip(strides).map(|(i, s)| i * s).sum();
                for (z, offset) in z.iter_mut().zip(inner) {
                    *z += m_s * sums[start + offset];
                }
            }
            Factors::Elementwise { a, k, source } => {
                a.row(y, index, scratch, row);
                k.row(column(*source, y, run.weights), index, scratch, second);
                for (z, (a, k)) in z.iter_mut().zip(row.iter().zip(second.iter())) {
                    *z += m_s * (*a * *k);
                }
            }
        }
        let mut add = |gather: &Option<Gather>, linear: &Option<Linear>, column| {
            if let (Some(gather), Some(linear)) = (gather, linear) {
                gather.row(column, index, scratch, row);
                let m = multiplier(linear.multiplier);
                for (z, v) in z.iter_mut().zip(row.iter()) {
                    *z += m * *v;
                }
            }
        };
        add(&self.linear, &run.node.linear, y);
        add(&self.bias, &run.node.bias, run.weights);
    }

    fn out_of_range(&self, outer: &[usize], position: usize, value: i128) -> OutOfRange {
        let mut index = vec![0; self.inner.len()];
        unflatten(&self.inner, position, &mut index);
        OutOfRange {
            index: [outer, &index].concat(),
            value,
        }
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

fn column<'a>(source: Source, y: &'a [i32], weights: &'a [i32]) -> &'a [i32] {
    match source {
        Source::Activations => y,
        Source::Weights => weights,
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
