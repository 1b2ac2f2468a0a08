//! The prover's side of maps and views (PROTOCOL.md §2): contracting a view with the output point into the tables of
//! CONTRACT, and pulling a claimed functional back to its column for OPEN.
//!
//! A term reads every index axis through at most one map, so a contraction runs axis by axis: each source axis is replaced
//! by the contraction axes that its map reads, its output axes being weighted with `eq` of the point.

use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::sums::{Small, Weighted, combine};
use pleat_verifier::coordinates::Coordinates;
use pleat_verifier::descriptor::{Axis, AxisId, AxisMap, Indices, Read, Role, Slot, Term, View};
use pleat_verifier::functional::broadcast;
use pleat_verifier::mle::{bits, eq_table};
use pleat_verifier::network::Network;
use rayon::prelude::*;

use crate::columns::Columns;
use crate::execute::Cells;
use crate::weights::{Part, Weights};

/// Work below which splitting over threads does not pay.
const PARALLEL_FROM: usize = 1 << 12;

/// The columns that views read.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Witness columns.
    pub columns: &'a Columns,
    /// Column `W`.
    pub weights: &'a Weights,
    /// Public indices.
    pub indices: &'a Indices,
}

impl<'a> Sources<'a> {
    /// A block as a term of a relation reads it, constants of the read included.
    fn block(&self, network: &Network, term: &Term) -> Option<(Tensor<'a>, Vec<usize>)> {
        let (address, shape) = network.block(term.read, term.block);
        let dims: Vec<usize> = shape.iter().map(|n| 1 << bits(*n)).collect();
        let at = address..address + dims.iter().product::<usize>();
        let tensor = match term.read {
            Read::Value => Tensor::Integers(self.columns.y.get(at)?),
            Read::Weight => match self.weights.part(at) {
                Part::Narrow(cells) => Tensor::Narrow(cells),
                Part::Wide(cells) => Tensor::Integers(cells),
            },
            Read::Constant => {
                let constant = network.descriptor().constants.get(term.block)?;
                let mut values = vec![F::zero(); at.len()];
                for (cell, v) in Cells::new(0, &shape).zip(&constant.values) {
                    *values.get_mut(cell)? = field_from_i64(i64::from(*v));
                }
                Tensor::Field(values)
            }
            Read::One => Tensor::Field(vec![F::one()]),
            Read::OneHot => {
                let mut values = vec![F::zero(); at.len()];
                let candidates = dims.last().copied().unwrap_or(1);
                let cells = Cells::new(0, shape.split_last().map_or(&[][..], |(_, first)| first));
                for (cell, k) in cells.zip(self.indices.of(term.block)) {
                    *values.get_mut(cell * candidates + *k as usize)? = F::one();
                }
                Tensor::Field(values)
            }
            Read::Wide | Read::Exact | Read::Middle | Read::Low => {
                let relation = network.relations().get(term.block)?;
                let constant = relation.read_constant(term.read, network.digit_bits());
                let columns = network.read_columns(term.read);
                let columns: Vec<_> = (columns.iter())
                    .map(|(column, factor)| (self.columns.cells(*column), *factor))
                    .collect();
                let cell = |i: usize| {
                    let digit = |(cells, factor): &(crate::columns::Cells<'_>, i64)| {
                        cells.integer(i).saturating_mul(*factor)
                    };
                    columns.iter().map(digit).sum::<i64>() + constant
                };
                // Positions outside the true lengths are read by no map.
                Tensor::Field(
                    at.into_par_iter()
                        .map(|i| field_from_i64(cell(i)))
                        .collect(),
                )
            }
        };
        Some((tensor, dims))
    }
}

/// `a_l` or `b_l` on the cube of the contraction (length `2^(k_l)`), `c_l` or `d_l` as a vector of length 1:
/// `[Σ_o eq(r_l, o)·V[x, o]]`, `o` over the output axes that the view owns.
pub fn contract(
    network: &Network,
    slot: &Slot<'_>,
    role: Role,
    view: &View,
    r_low: &[F],
    sources: Sources<'_>,
) -> Vec<F> {
    let contraction: &[Axis] = match role {
        Role::A | Role::K => slot.contraction(),
        Role::C | Role::D => &[],
    };
    let owned = slot.owned(role);
    let point = Coordinates::split(&slot.relation.out, r_low);
    let mut table = vec![F::zero(); 1 << pleat_verifier::descriptor::axes_bits(contraction)];
    for term in &view.terms {
        let Some((block, dims)) = sources.block(network, term) else {
            continue;
        };
        let (tensor, read) =
            contract_term(term, contraction, &point, block, &dims, sources.indices);
        let outer: Vec<Axis> = owned
            .iter()
            .filter(|a| contraction.iter().all(|x| x.id != a.id))
            .copied()
            .collect();
        let factor = field_from_i64(term.coefficient) * broadcast(&term.axes(), &outer, &point);
        scatter(&tensor, &read, contraction, factor, &mut table);
    }
    table
}

/// One entry of a map as a sparse matrix: from source position to contraction index.
#[derive(Clone, Copy)]
struct Entry {
    x: usize,
    j: usize,
    weight: F,
}

/// A map with its output axes weighted: contraction axes read, and the entries.
struct AxisMatrix {
    axes: Vec<Axis>,
    len: usize,
    entries: Vec<Entry>,
}

impl AxisMatrix {
    fn new(
        map: &AxisMap,
        contraction: &[Axis],
        point: &Coordinates<'_>,
        indices: &Indices,
    ) -> Self {
        let read: Vec<Option<Axis>> = map
            .axes()
            .iter()
            .map(|id| contraction.iter().find(|a| a.id == *id).copied())
            .collect();
        let axes: Vec<Axis> = read.iter().flatten().copied().collect();
        let len = axes.iter().map(|a| a.len).product();
        // Per axis: its length, and for output axes the weights.
        let weights: Vec<Option<Vec<F>>> = map
            .axes()
            .iter()
            .zip(&read)
            .map(|(id, x)| {
                if x.is_some() {
                    None
                } else {
                    Some(eq_table(point.of(*id)))
                }
            })
            .collect();
        let lens: Vec<usize> = map
            .axes()
            .iter()
            .zip(&read)
            .map(|(id, x)| x.map_or_else(|| point.len(*id), |a| a.len))
            .collect();
        let mut entries = Vec::new();
        let total: usize = lens.iter().product();
        let mut index = vec![0; lens.len()];
        for flat in 0..total {
            let mut rest = flat;
            for (i, n) in index.iter_mut().zip(&lens).rev() {
                *i = rest % n;
                rest /= n;
            }
            let mut weight = F::one();
            let mut x = 0;
            for ((i, w), axis) in index.iter().zip(&weights).zip(&read) {
                match (w, axis) {
                    (Some(table), _) => weight *= table.get(*i).copied().unwrap_or(F::zero()),
                    (None, Some(axis)) => x = x * axis.len + i,
                    (None, None) => {}
                }
            }
            entries.extend(map.positions(&index, indices).into_iter().map(|j| Entry {
                x,
                j,
                weight,
            }));
        }
        Self { axes, len, entries }
    }
}

/// A tensor being contracted: still the column's integers, or field elements.
enum Tensor<'a> {
    Integers(&'a [i32]),
    Narrow(&'a [i16]),
    Field(Vec<F>),
}

/// Contracts all source axes of a block. Returns the tensor over the contraction axes read, and these, row-major.
fn contract_term(
    term: &Term,
    contraction: &[Axis],
    point: &Coordinates<'_>,
    block: Tensor<'_>,
    dims: &[usize],
    indices: &Indices,
) -> (Vec<F>, Vec<Axis>) {
    let matrices: Vec<AxisMatrix> = term
        .maps
        .iter()
        .map(|m| AxisMatrix::new(m, contraction, point, indices))
        .collect();
    let mut dims = dims.to_vec();
    let mut tensor = block;
    // Axes that shrink most go first: what follows is then cheap.
    let mut order: Vec<usize> = (0..matrices.len()).collect();
    order.sort_by_key(|s| {
        (matrices.get(*s).map_or(0, |m| m.len) * 1024) / dims.get(*s).copied().unwrap_or(1).max(1)
    });
    for s in order {
        let Some(matrix) = matrices.get(s) else {
            continue;
        };
        let outer: usize = dims.iter().take(s).product();
        let inner: usize = dims.iter().skip(s + 1).product();
        let source = dims.get(s).copied().unwrap_or(1);
        let shape = Step {
            outer,
            source,
            inner,
        };
        let next = match &tensor {
            Tensor::Integers(values) => apply(matrix, shape, |entries, start, out| {
                combined(values, entries, start, inner, out);
            }),
            Tensor::Narrow(values) => apply(matrix, shape, |entries, start, out| {
                combined(values, entries, start, inner, out);
            }),
            Tensor::Field(values) => apply(matrix, shape, |entries, start, out| {
                for entry in entries {
                    let row = values.get(start + entry.j * inner..).unwrap_or_default();
                    let unit = entry.weight == F::one();
                    for (out, v) in out.iter_mut().zip(row) {
                        *out += if unit { *v } else { entry.weight * v };
                    }
                }
            }),
        };
        tensor = Tensor::Field(next);
        if let Some(d) = dims.get_mut(s) {
            *d = matrix.len;
        }
    }
    let axes = matrices
        .iter()
        .flat_map(|m| m.axes.iter().copied())
        .collect();
    let values = match tensor {
        Tensor::Field(values) => values,
        Tensor::Integers(values) => values
            .iter()
            .map(|v| field_from_i64(i64::from(*v)))
            .collect(),
        Tensor::Narrow(values) => values
            .iter()
            .map(|v| field_from_i64(i64::from(*v)))
            .collect(),
    };
    (values, axes)
}

/// `out[i] = Σ_entries weight·values[start + j·inner + i]`.
fn combined<T: Small>(values: &[T], entries: &[Entry], start: usize, inner: usize, out: &mut [F]) {
    let row = |e: &Entry| {
        let first = start + e.j * inner;
        let cells = values.get(first..first + out.len());
        (cells.unwrap_or_default(), e.weight)
    };
    let rows: Vec<Weighted<'_, T>> = entries.iter().map(row).collect();
    out.copy_from_slice(&combine(&rows, out.len()));
}

/// Sizes around the axis that a step contracts.
#[derive(Clone, Copy)]
struct Step {
    outer: usize,
    source: usize,
    inner: usize,
}

/// `out[o, x, i] = Σ weight·in[o, j, i]`: calls `add` for stretches of cells, with the entries of their `x` and the cell of the
/// tensor that entry 0 reads first; entry `j` starts `j·inner` cells later.
fn apply(
    matrix: &AxisMatrix,
    step: Step,
    add: impl Fn(&[Entry], usize, &mut [F]) + Sync,
) -> Vec<F> {
    let Step {
        outer,
        source,
        inner,
    } = step;
    let mut out = vec![F::zero(); outer * matrix.len * inner];
    if out.is_empty() {
        return out;
    }
    // Entries of each x together, so that an output cell is written by one thread.
    let mut by_x: Vec<Vec<Entry>> = vec![Vec::new(); matrix.len];
    for entry in &matrix.entries {
        if let Some(list) = by_x.get_mut(entry.x) {
            list.push(*entry);
        }
    }
    let fill = |(cell, out): (usize, &mut [F]), start: usize| {
        let (o, x) = (cell / matrix.len, cell % matrix.len);
        let entries = by_x.get(x).map_or(&[][..], Vec::as_slice);
        add(entries, o * source * inner + start, out);
    };
    let work = outer * matrix.entries.len() * inner;
    if work < PARALLEL_FROM {
        out.chunks_mut(inner)
            .enumerate()
            .for_each(|cell| fill(cell, 0));
    } else if outer * matrix.len >= 8 {
        out.par_chunks_mut(inner)
            .enumerate()
            .for_each(|cell| fill(cell, 0));
    } else {
        let piece = (inner / 16).max(256);
        out.chunks_mut(inner).enumerate().for_each(|(cell, row)| {
            row.par_chunks_mut(piece)
                .enumerate()
                .for_each(|(k, part)| fill((cell, part), k * piece));
        });
    }
    out
}

/// Adds `factor·tensor` (over the axes `read`, row-major, true lengths) to a table over the padded contraction, broadcasting
/// over contraction axes that were not read.
fn scatter(tensor: &[F], read: &[Axis], contraction: &[Axis], factor: F, table: &mut [F]) {
    let mut strides: Vec<(AxisId, usize)> = Vec::with_capacity(read.len());
    let mut stride = 1;
    for axis in read.iter().rev() {
        strides.push((axis.id, stride));
        stride *= axis.len;
    }
    let lens: Vec<usize> = contraction.iter().map(|a| a.len).collect();
    let source: Vec<usize> = contraction
        .iter()
        .map(|a| {
            strides
                .iter()
                .find(|(id, _)| *id == a.id)
                .map_or(0, |(_, s)| *s)
        })
        .collect();
    let total: usize = lens.iter().product();
    let mut index = vec![0; lens.len()];
    for _ in 0..total {
        let from: usize = index.iter().zip(&source).map(|(i, s)| i * s).sum();
        let to = index
            .iter()
            .zip(&lens)
            .fold(0, |flat, (i, n)| (flat << bits(*n)) | i);
        if let (Some(v), Some(t)) = (tensor.get(from), table.get_mut(to)) {
            *t += factor * v;
        }
        for (i, n) in index.iter_mut().zip(&lens).rev() {
            *i += 1;
            if *i < *n {
                break;
            }
            *i = 0;
        }
    }
}

/// The functional of one term of a view on a block's cells: `factor·Π_axes axes[axis][j_axis]`.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// What is read of the block.
    pub read: Read,
    /// Index of the block.
    pub block: usize,
    /// The term's weight.
    pub factor: F,
    /// Per axis of the block a vector, padded with zeros to a power of two.
    pub axes: Vec<Vec<F>>,
}

/// The functional of `weight·Σ_i eq(point, i)·V[i]`, term by term.
pub fn pull_back(
    owned: &[Axis],
    view: &View,
    point: &Coordinates<'_>,
    weight: F,
    indices: &Indices,
) -> Vec<Pulled> {
    let axis = |map: &AxisMap| {
        let mut pulled = map.pull_back(point, indices);
        pulled.resize(1 << bits(map.source()), F::zero());
        pulled
    };
    let term = |term: &Term| Pulled {
        read: term.read,
        block: term.block,
        factor: weight * field_from_i64(term.coefficient) * broadcast(&term.axes(), owned, point),
        axes: term.maps.iter().map(axis).collect(),
    };
    view.terms.iter().map(term).collect()
}

/// `factor·Π_axes axes[axis][j_axis]` for every cell `j`, the last axis least significant.
pub fn outer_product(factor: F, axes: &[Vec<F>]) -> Vec<F> {
    axes.iter().fold(vec![factor], |table, axis| {
        let cells = |t: &F| axis.iter().map(|v| *t * v).collect::<Vec<F>>();
        table.iter().flat_map(cells).collect()
    })
}
