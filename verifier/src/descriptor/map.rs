//! Maps (PROTOCOL.md §2): how the index axes of a view select positions of one source axis.
//!
//! `j = offset + Σ stride·index + Σ stride·inner`, `j = ⌊i / factor⌋`, or `j = k[i]` of public indices; positions outside the axis are dropped,
//! which is zero padding. A map offers three things: apply to integers, pull back a point, and evaluate its own
//! multilinear extension at a pair of points. Products over several axes are the view's business.

use pleat_nova_circuits::cycle::F;
use serde::{Deserialize, Serialize};

use super::{AxisId, Indices};
use crate::coordinates::Coordinates;
use crate::mle::{eq_prefix_sum, eq_table, inner_product};

/// An index axis that a map reads, and how far one step along it moves the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stride {
    /// The index axis of the node.
    pub axis: AxisId,
    /// Positions per step.
    pub stride: i64,
}

/// An inner axis of a map, summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inner {
    /// True length.
    pub len: usize,
    /// Positions per step.
    pub stride: i64,
}

/// How the index axes of a view select the positions of one source axis that are added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AxisMap {
    /// `j = offset + Σ stride·index + Σ stride·inner`.
    Affine {
        /// True length of the source axis.
        source: usize,
        /// Position at index 0; negative pads in front.
        offset: i64,
        /// Index axes read.
        index: Vec<Stride>,
        /// Inner axes, summed over.
        inner: Vec<Inner>,
    },
    /// `j = ⌊i / factor⌋`: nearest-neighbour upsampling.
    Repeat {
        /// True length of the source axis.
        source: usize,
        /// The one index axis read.
        axis: AxisId,
        /// How many indices share a position.
        factor: usize,
    },
    /// `j = k[i]`: a position that an index port gives.
    Gather {
        /// True length of the source axis: the port's `n`.
        source: usize,
        /// The index port.
        port: usize,
        /// Index axes read: those of the port that are longer than 1, in order.
        index: Vec<AxisId>,
    },
}

impl AxisMap {
    /// `j = i`: the source axis read whole, in order, by an index axis of the same length.
    pub fn identity(source: usize, axis: AxisId) -> Self {
        Self::slice(source, axis, 0, 1)
    }

    /// `j = offset + step·i`: a slice; a negative offset pads in front.
    pub fn slice(source: usize, axis: AxisId, offset: i64, step: i64) -> Self {
        let index = vec![Stride { axis, stride: step }];
        Self::Affine {
            source,
            offset,
            index,
            inner: Vec::new(),
        }
    }

    /// `j = stride·p + dilation·u - pad`: a convolution's window.
    pub fn window(source: usize, p: Stride, u: Stride, pad: i64) -> Self {
        Self::Affine {
            source,
            offset: pad.saturating_neg(),
            index: vec![p, u],
            inner: Vec::new(),
        }
    }

    /// `j = offset`: one fixed position.
    pub fn fixed(source: usize, position: i64) -> Self {
        Self::Affine {
            source,
            offset: position,
            index: Vec::new(),
            inner: Vec::new(),
        }
    }

    /// The whole axis summed.
    pub fn total(source: usize) -> Self {
        let inner = vec![Inner {
            len: source,
            stride: 1,
        }];
        Self::Affine {
            source,
            offset: 0,
            index: Vec::new(),
            inner,
        }
    }

    /// True length of the source axis.
    pub fn source(&self) -> usize {
        match self {
            Self::Affine { source, .. }
            | Self::Repeat { source, .. }
            | Self::Gather { source, .. } => *source,
        }
    }

    /// The index axes read, in the order in which [`Self::positions`] takes their indices.
    pub fn axes(&self) -> Vec<AxisId> {
        match self {
            Self::Affine { index, .. } => index.iter().map(|s| s.axis).collect(),
            Self::Repeat { axis, .. } => vec![*axis],
            Self::Gather { index, .. } => index.clone(),
        }
    }

    /// `log2` of the number of positions, with multiplicity, that one index adds up.
    pub fn inner_bits(&self) -> usize {
        match self {
            Self::Affine { inner, .. } => inner
                .iter()
                .fold(0, |n, a| n.saturating_add(crate::mle::bits(a.len))),
            Self::Repeat { .. } | Self::Gather { .. } => 0,
        }
    }

    /// Whether this is `j = i` over the whole of an axis of `len` indices.
    pub fn is_identity(&self, len: usize) -> bool {
        match self {
            Self::Affine {
                source,
                offset: 0,
                index,
                inner,
            } => {
                *source == len
                    && inner.is_empty()
                    && matches!(index.as_slice(), [Stride { stride: 1, .. }])
            }
            _ => false,
        }
    }

    /// Apply: the source positions that index `index` (one entry per axis of [`Self::axes`]) adds up; a position may
    /// occur more than once.
    pub fn positions(&self, index: &[usize], indices: &Indices) -> Vec<usize> {
        match self {
            Self::Affine {
                source,
                offset,
                index: strides,
                inner,
            } => {
                let base = strides.iter().zip(index).fold(*offset, |j, (s, i)| {
                    j.saturating_add(s.stride.saturating_mul(signed(*i)))
                });
                let mut js = vec![base];
                for axis in inner {
                    js = js
                        .into_iter()
                        .flat_map(|j| {
                            (0..axis.len).map(move |u| {
                                j.saturating_add(axis.stride.saturating_mul(signed(u)))
                            })
                        })
                        .collect();
                }
                js.into_iter()
                    .filter_map(|j| usize::try_from(j).ok())
                    .filter(|j| j < source)
                    .collect()
            }
            Self::Repeat { source, factor, .. } => {
                let j = index.first().and_then(|i| i.checked_div(*factor));
                j.into_iter().filter(|j| j < source).collect()
            }
            Self::Gather { source, port, .. } => {
                let j = indices.at(*port, index);
                j.into_iter().filter(|j| j < source).collect()
            }
        }
    }

    /// What evaluating the map costs, in time and memory: the (index, inner) pairs that pulling a point back visits, and
    /// the positions of the source axis; only the coordinates for the identity. `None` if it overflows.
    pub fn work(&self, extent: &dyn Fn(AxisId) -> usize) -> Option<usize> {
        let inner = match self {
            Self::Affine { inner, .. } => inner.as_slice(),
            Self::Repeat { .. } | Self::Gather { .. } => &[],
        };
        let lens = self
            .axes()
            .into_iter()
            .map(extent)
            .chain(inner.iter().map(|a| a.len));
        if let [axis] = self.axes().as_slice()
            && self.is_identity(extent(*axis))
        {
            return Some(crate::mle::bits(self.source()));
        }
        let tuples = lens.into_iter().try_fold(1_usize, usize::checked_mul)?;
        Some(tuples.max(self.source()))
    }

    /// Pull back: `[Σ_i eq(point, i)·map[i, j]]` for every `j` inside the source axis (padding is not included).
    /// Index axes run over their true lengths only.
    pub fn pull_back(&self, point: &Coordinates<'_>, indices: &Indices) -> Vec<F> {
        let mut out = vec![F::zero(); self.source()];
        let axes = self.axes();
        let tables: Vec<Vec<F>> = axes.iter().map(|a| eq_prefix(point, *a)).collect();
        for_each_index(&tables, &mut |index, weight| {
            for j in self.positions(index, indices) {
                if let Some(v) = out.get_mut(j) {
                    *v += weight;
                }
            }
        });
        out
    }

    /// The map's own multilinear extension at `(point, z)`, `z` indexing the source axis.
    pub fn mle(&self, point: &Coordinates<'_>, z: &[F], indices: &Indices) -> F {
        if let [axis] = self.axes().as_slice()
            && self.is_identity(point.len(*axis))
        {
            return eq_prefix_sum(point.of(*axis), z, self.source());
        }
        inner_product(&self.pull_back(point, indices), &eq_table(z))
    }
}

fn signed(i: usize) -> i64 {
    i64::try_from(i).unwrap_or(i64::MAX)
}

/// `eq(point_axis, i)` for every `i` below the true length of the axis.
fn eq_prefix(point: &Coordinates<'_>, axis: AxisId) -> Vec<F> {
    let mut table = eq_table(point.of(axis));
    table.truncate(point.len(axis));
    table
}

/// Calls `f(index, Π table[index])` for every index of the tables' product.
fn for_each_index(tables: &[Vec<F>], f: &mut dyn FnMut(&[usize], F)) {
    fn descend(
        tables: &[Vec<F>],
        index: &mut Vec<usize>,
        weight: F,
        f: &mut dyn FnMut(&[usize], F),
    ) {
        let Some((first, rest)) = tables.split_first() else {
            return f(index, weight);
        };
        for (i, w) in first.iter().enumerate() {
            index.push(i);
            descend(rest, index, weight * w, f);
            index.pop();
        }
    }
    descend(tables, &mut Vec::new(), F::one(), f);
}
