//! What a proof of folded steps consists of.

use super::step::{BITS, SEGMENTS};
use crate::{
    cycle::{EncodedPoint, F, Point},
    ipa::Argument,
};

/// The random instance that hides the rest; its words and its slack are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskInstance {
    /// Commitments to its segments.
    pub segments: [EncodedPoint; SEGMENTS],
    /// Commitment to its error term.
    pub error: EncodedPoint,
}

/// Spartan's proof for the root, and its opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastProof {
    /// The first sumcheck's rounds: coefficients of `1, X², X³`.
    pub outer: [[F; 3]; BITS],
    /// `Az, Bz, Cz, E` at `r_x`.
    pub at_x: [F; 4],
    /// The second sumcheck's rounds: coefficients of `1, X²`.
    pub inner: [[F; 2]; BITS + 1],
    /// `W` at `r_y`.
    pub at_y: F,
    /// Blind of the combined commitment.
    pub blind: F,
    /// Its opening.
    pub argument: Argument<Point>,
}

/// All that follows a proof's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldProof {
    /// Commitments to each step's segments `D` and `V`.
    pub shares: Vec<[EncodedPoint; 2]>,
    /// Blind of `Σ D_i`.
    pub blind: F,
    /// The random instance.
    pub mask: MaskInstance,
    /// Commitments to the cross terms of every pair, level by level.
    pub cross: Vec<EncodedPoint>,
    /// The last proof.
    pub last: LastProof,
}

/// Pairs of each level of the tree over so many steps and the random instance.
pub fn pairs(steps: usize) -> impl Iterator<Item = usize> {
    let first = steps.saturating_add(1);
    let halved = |leaves: &usize| Some(leaves.div_ceil(2));
    core::iter::successors(Some(first), halved)
        .take_while(|leaves| *leaves > 1)
        .map(|leaves| leaves / 2)
}
