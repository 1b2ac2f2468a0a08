//! The curve cycle, the relations `Λ` and `g(c)`, the inner-product argument, and the two ways to prove steps without showing
//! what they are about: [`tree`], which folds committed steps, and [`chain`], which is Nova's recursion.
//!
//! This crate knows nothing of networks, columns or commitments to them: what depends on a model reaches a step as public *words*
//! that the verifier computes itself.

pub mod algebra;
#[cfg(feature = "cache")]
pub mod cache;
pub mod chain;
mod curves;
pub mod cycle;
pub mod generators;
pub mod ipa;
pub mod msm;
pub mod pedersen;
pub mod points;
pub mod relation;
pub mod sums;
pub mod test_cs;
pub mod tree;
pub mod vectors;
