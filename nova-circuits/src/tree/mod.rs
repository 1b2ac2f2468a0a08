//! The mode whose proofs are made and checked fast: *committed steps* (PROTOCOL.md §5). A message that has to stay hidden is
//! committed, so that challenges come from outside and a step has no hash: products, and one linear equation with public
//! coefficients. Steps are folded natively, in a binary tree, by Nova's scheme for relaxed R1CS on one curve, with a random
//! instance that hides the rest; a last proof shows that what is left is satisfied.
//!
//! - [`step`]: what a step's variables are, in *segments*, and its constraints;
//! - [`lambda`]: LOOKUP's `Λ` as a linear form in messages and products;
//! - [`instance`] and [`fold`]: instances, and folding them;
//! - [`last`]: Spartan for the one instance that is left, and the argument that opens it;
//! - [`key`]: the generators.

pub mod fold;
pub mod instance;
pub mod key;
pub mod lambda;
pub mod last;
mod proof;
pub mod step;

pub use key::Key;
pub use proof::{FoldProof, LastProof, MaskInstance, pairs};

/// The check that refuses the folded steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Check {
    /// `Σ D_i = total·G_D + b·H`: the steps' shares add up to what the verifier demands.
    #[error("the steps' shares do not add up to the total")]
    Shares,
    /// There are as many commitments to cross terms as the tree has pairs.
    #[error("the cross terms are not those of a tree over these steps")]
    Tree,
    /// The last proof's first sumcheck ends in `eq(τ, r_x)·(Az·Bz - u·Cz - E)`.
    #[error("the root does not satisfy the steps' constraints")]
    Constraints,
    /// Its second sumcheck ends in the matrices at `(r_x, r_y)` times `z~(r_y)`.
    #[error("the root's products are not those of its variables")]
    Products,
    /// The argument that opens the root's commitments.
    #[error("the root's commitments do not open to the claimed values")]
    Opening,
}

/// Why there is no proof of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program has at least one step.
    #[error("there are no steps to fold")]
    NoSteps,
    /// The inner-product argument cannot be made.
    #[error("opening the root failed: {0}")]
    Opening(#[from] crate::ipa::IpaError),
}
