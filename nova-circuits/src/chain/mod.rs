//! The mode whose proofs have one length for every depth: a chain of steps, each with the transcript of what it hides in it, folded
//! one after the other by Nova's recursion over the curve cycle and compressed by a Spartan proof on each curve
//! (PROTOCOL.md §9).
//!
//! One set of parameters serves every model: what depends on a model enters the circuit as public *words* ([`step::Words`]) that
//! the verifier computes itself.

mod error;
pub mod hash;
pub mod params;
mod spartan;
pub mod step;

pub use error::Error;
