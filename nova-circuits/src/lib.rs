//! The circuit half of Pleat: the curve cycle, the transcript hash `H`, the relations `Λ` and `g(c)`, the universal step
//! circuit of PROTOCOL.md §5, and the Nova parameters that fold and compress it.
//!
//! One set of parameters serves every model: what depends on a model enters the circuit as public *words*
//! ([`step::Words`]) that the verifier computes itself. This crate knows nothing of networks, columns or commitments.

pub mod algebra;
mod curves;
pub mod cycle;
pub mod error;
pub mod hash;
pub mod ipa;
pub mod msm;
pub mod params;
pub mod pedersen;
mod points;
pub mod relation;
pub mod spartan;
pub mod step;
pub mod sums;
pub mod test_cs;

pub use error::Error;
