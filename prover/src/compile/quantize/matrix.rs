//! Matrices that are in a file become weight blocks, once each, whoever reads them: the integers do not depend on the reader's scale,
//! which is a multiple of theirs instead.
//!
//! A block pads each axis to a power of two, so an axis of 768 is cut into 512 and 256, and a view reads both, each where it is. A
//! matrix whose rows are looked up or compared (PROTOCOL.md §2.5) keeps that axis whole.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use pleat_verifier::descriptor::{AxisMap, Read as Of, Stride, Term, View, WeightBlock};
use rayon::prelude::*;

use super::super::error::CompileError;
use super::super::expr::{Atom, Factor, Lookup, Matrix, Stored, Table, signed};
use super::super::graph::{Activation, Graph};
use super::{Names, Quantizer, WEIGHT_MAX, integer};
use crate::weights::Integers;

/// Matrices of fewer cells are not cut.
const LEAST_CUT: usize = 1 << 12;

/// The blocks of a matrix.
#[derive(Clone, Debug)]
pub(super) struct StoredMatrix {
    /// Real value of one unit of the integers.
    pub unit: f64,
    blocks: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    block: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

/// Matrices that are looked up, or compared by an answer.
pub(super) fn whole_matrices(graph: &Graph) -> HashSet<*const Matrix> {
    let mut whole = HashSet::new();
    for node in &graph.nodes {
        for lookup in &node.sum.lookups {
            if let Table::Stored(table) = &lookup.table {
                whole.insert(Arc::as_ptr(&table.matrix));
            }
        }
        if matches!(node.activation, Activation::Best(_)) {
            for product in &node.sum.products {
                if let Factor::Stored(k) = &product.k {
                    whole.insert(Arc::as_ptr(&k.matrix));
                }
            }
        }
    }
    whole
}

/// Cuts an axis into powers of two, until padding what is left costs an eighth of it at most.
fn cuts(len: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut first = 0;
    while first < len {
        let left = len - first;
        let own = if left.next_power_of_two() - left <= left / 8 {
            left
        } else {
            1 << left.ilog2()
        };
        parts.push(first..first + own);
        first += own;
    }
    parts
}

impl Quantizer<'_> {
    /// Stores a matrix, unless it is already there.
    pub(super) fn matrix(&mut self, k: &Stored) -> Result<StoredMatrix, CompileError> {
        let key = Arc::as_ptr(&k.matrix);
        if let Some(known) = self.matrices.get(&key) {
            return Ok(known.clone());
        }
        let matrix = &k.matrix;
        let unit = match matrix.largest() / WEIGHT_MAX {
            unit if unit > f64::MIN_POSITIVE => unit,
            _ => 1.0,
        };
        let cut = |len: usize, whole: bool| {
            if whole || matrix.rows * matrix.columns < LEAST_CUT {
                std::iter::once(0..len).collect()
            } else {
                cuts(len)
            }
        };
        let columns = cut(matrix.columns, false);
        let mut blocks = Vec::new();
        for rows in cut(matrix.rows, self.whole.contains(&key)) {
            let stretches = matrix.stretches().into_par_iter().filter_map(|stretch| {
                let own = stretch.start.max(rows.start)..stretch.end.min(rows.end);
                (own.start < own.end).then_some(own)
            });
            let read = |own: Range<usize>| -> Result<Vec<Vec<i16>>, CompileError> {
                let values = matrix.read(own)?;
                #[expect(clippy::cast_possible_truncation, reason = "at most 15 bits")]
                let small = |v: &f32| (f64::from(*v) / unit).round() as i16;
                let part = |columns: &Range<usize>| {
                    let rows = values.chunks(matrix.columns);
                    let cells = rows.flat_map(|r| r.get(columns.clone()).unwrap_or_default());
                    cells.map(small).collect()
                };
                Ok(columns.iter().map(part).collect())
            };
            let read: Result<Vec<Vec<Vec<i16>>>, CompileError> = if matrix.is_sketch() {
                Ok(Vec::new())
            } else {
                stretches.map(read).collect()
            };
            let mut parts: Vec<Vec<i16>> = columns
                .iter()
                .map(|c| {
                    let cells = rows.len() * c.len();
                    Vec::with_capacity(if matrix.is_sketch() { 0 } else { cells })
                })
                .collect();
            for stretch in read? {
                for (part, cells) in parts.iter_mut().zip(stretch) {
                    part.extend(cells);
                }
            }
            for (columns, values) in columns.iter().zip(parts) {
                blocks.push(Part {
                    block: self.blocks.len(),
                    rows: rows.clone(),
                    columns: columns.clone(),
                });
                self.blocks.push(WeightBlock {
                    address: 0,
                    shape: vec![rows.len(), columns.len()],
                });
                self.weights.push(Integers::Narrow(values));
            }
        }
        let stored = StoredMatrix { unit, blocks };
        self.matrices.insert(key, stored.clone());
        Ok(stored)
    }

    /// One axis of a part: the index of the whole axis, from the part's own start on.
    fn along(&self, axis: &[Atom], part: &Range<usize>, names: &Names) -> AxisMap {
        let strides = Stored::strides(axis, &self.graph.atoms).into_iter();
        AxisMap::Affine {
            source: part.len(),
            offset: -signed(part.start),
            index: strides
                .map(|(atom, stride)| Stride {
                    axis: names.id(atom),
                    stride: signed(stride),
                })
                .collect(),
            inner: Vec::new(),
        }
    }

    /// The whole matrix, read by its own axes.
    pub(super) fn matrix_view(&self, stored: &StoredMatrix, k: &Stored, names: &Names) -> View {
        let term = |part: &Part| Term {
            coefficient: 1,
            read: Of::Weight,
            block: part.block,
            maps: vec![
                self.along(&k.rows, &part.rows, names),
                self.along(&k.columns, &part.columns, names),
            ],
        };
        View {
            terms: stored.blocks.iter().map(term).collect(),
        }
    }

    /// Rows of the matrix by an index port; one unit of the sum is `1/real`.
    pub(super) fn lookup_terms(
        &self,
        stored: &StoredMatrix,
        table: &Stored,
        lookup: &Lookup,
        real: f64,
        names: &Names,
    ) -> Vec<Term> {
        let coefficient = integer((real * stored.unit).round());
        let term = |part: &Part| Term {
            coefficient,
            read: Of::Weight,
            block: part.block,
            maps: vec![
                AxisMap::Gather {
                    source: part.rows.len(),
                    port: lookup.port,
                    index: lookup.index.iter().map(|a| names.id(*a)).collect(),
                },
                self.along(&table.columns, &part.columns, names),
            ],
        };
        stored.blocks.iter().map(term).collect()
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::single_range_in_vec_init,
    reason = "tests"
)]
mod tests {
    use super::*;

    #[test]
    fn cuts_waste_little() {
        assert_eq!(cuts(768), [0..512, 512..768]);
        assert_eq!(cuts(64), vec![0..64]);
        assert_eq!(cuts(61), vec![0..61]);
        assert_eq!(cuts(65), [0..64, 64..65]);
        for len in 1..5000 {
            let parts = cuts(len);
            let padded: usize = parts.iter().map(|p| p.len().next_power_of_two()).sum();
            assert!(8 * padded <= 9 * len, "{len}");
            assert_eq!(parts.first().unwrap().start, 0);
            assert_eq!(parts.last().unwrap().end, len);
            assert!(parts.windows(2).all(|p| p[0].end == p[1].start));
        }
    }
}
