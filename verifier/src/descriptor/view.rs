//! Views (PROTOCOL.md §2): tensors that are public integer-linear functions of committed tensors and public constants.
//!
//! `V[i] = Σ_terms coefficient · Σ_j Π_axes map[i, j]·block[j]`. An index axis that a term's maps do not read is
//! broadcast over its true length. Which index axes a view owns is decided by its role in the relation.

use serde::{Deserialize, Serialize};

use super::{AxisId, AxisMap};

/// What a term reads of a block. All are integers: public ones, or such as a row determines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Read {
    /// `Y`: the function's value.
    Value,
    /// `W`: a block of weights.
    Weight,
    /// `2^B·P + R1`, less the row's offset: `⌊Z/2^B⌋`.
    Wide,
    /// `2^(2B)·P + 2^B·R1 + R0`, less the row's offset: `Z` itself.
    Exact,
    /// `R1`: the middle digit.
    Middle,
    /// Public integers that the descriptor lists.
    Constant,
    /// `2^B·R1 + R0`: two digits. Lowered relations only.
    #[serde(skip)]
    Low,
    /// 1. Lowered relations only.
    #[serde(skip)]
    One,
    /// `[k_i = v]` of an index port: its axes, then `v`. Lowered relations only.
    #[serde(skip)]
    OneHot,
}

impl Read {
    /// Those of committed columns.
    pub const COMMITTED: [Self; 6] = [
        Self::Value,
        Self::Weight,
        Self::Wide,
        Self::Exact,
        Self::Middle,
        Self::Low,
    ];

    /// Whether it reads a trace block.
    pub const fn of_trace(self) -> bool {
        !matches!(
            self,
            Self::Weight | Self::Constant | Self::One | Self::OneHot
        )
    }
}

/// One term of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Integer factor, below `2^31` in absolute value.
    pub coefficient: i64,
    /// What is read of the block.
    pub read: Read,
    /// Index of the node, weight block, constant or index port.
    pub block: usize,
    /// One map per axis of the block, outermost first.
    pub maps: Vec<AxisMap>,
}

impl Term {
    /// A whole block read in order: the identity on each axis.
    pub fn whole(read: Read, block: usize, axes: &[super::Axis]) -> Self {
        let maps = axes.iter().map(|a| AxisMap::identity(a.len, a.id));
        Self {
            coefficient: 1,
            read,
            block,
            maps: maps.collect(),
        }
    }

    /// Index axes read by this term's maps, in order; repeated if two maps read one.
    pub fn axes(&self) -> Vec<AxisId> {
        self.maps.iter().flat_map(AxisMap::axes).collect()
    }
}

/// A public integer-linear function of blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The terms, added up.
    pub terms: Vec<Term>,
}

impl View {
    /// [`Term::whole`] by itself.
    pub fn whole(read: Read, block: usize, axes: &[super::Axis]) -> Self {
        Self {
            terms: vec![Term::whole(read, block, axes)],
        }
    }

    /// Whether any term reads index axis `axis`.
    pub fn reads(&self, axis: AxisId) -> bool {
        self.terms.iter().any(|t| t.axes().contains(&axis))
    }

    /// The view times an integer; saturating, which no rule lets pass.
    #[must_use]
    pub fn times(&self, factor: i64) -> Self {
        let mut view = self.clone();
        for term in &mut view.terms {
            term.coefficient = term.coefficient.saturating_mul(factor);
        }
        view
    }
}
