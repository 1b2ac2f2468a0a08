//! Views (PROTOCOL.md §2): tensors that are public integer-linear functions of committed tensors.
//!
//! `V[i] = Σ_terms coefficient · Σ_j Π_axes map[i, j]·column_block[j]`. An index axis that a term's maps do not read is
//! broadcast over its true length. Which index axes a view owns is decided by its role in the node.

use serde::{Deserialize, Serialize};

use super::{AxisId, AxisMap};
use crate::network::Column;

/// The committed column that a view reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// Column `Y`: the blocks are the nodes' own.
    Activations,
    /// Column `W`: the blocks are the descriptor's weight blocks.
    Weights,
}

impl Source {
    /// The column itself.
    pub const fn column(self) -> Column {
        match self {
            Self::Activations => Column::Y,
            Self::Weights => Column::W,
        }
    }
}

/// One term of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Integer factor, below `2^31` in absolute value.
    pub coefficient: i64,
    /// Node index (activations) or weight block index (weights).
    pub block: usize,
    /// One map per axis of the block, outermost first.
    pub maps: Vec<AxisMap>,
}

impl Term {
    /// Index axes read by this term's maps, in order; repeated if two maps read one.
    pub fn axes(&self) -> Vec<AxisId> {
        self.maps.iter().flat_map(AxisMap::axes).collect()
    }
}

/// A public integer-linear function of the blocks of one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The column read.
    pub source: Source,
    /// The terms, added up.
    pub terms: Vec<Term>,
}

impl View {
    /// A whole block read in order: the identity on each axis.
    pub fn whole(source: Source, block: usize, axes: &[super::Axis]) -> Self {
        let maps = axes
            .iter()
            .map(|a| AxisMap::identity(a.len, a.id))
            .collect();
        Self {
            source,
            terms: vec![Term {
                coefficient: 1,
                block,
                maps,
            }],
        }
    }

    /// Whether any term reads index axis `axis`.
    pub fn reads(&self, axis: AxisId) -> bool {
        self.terms.iter().any(|t| t.axes().contains(&axis))
    }
}
