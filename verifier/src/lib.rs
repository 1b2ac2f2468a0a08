//! Verifies Pleat proofs.

pub mod descriptor;
pub mod mle;
pub mod network;
