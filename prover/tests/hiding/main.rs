//! Hiding (PROTOCOL.md §7.2), by tests that can fail.
//!
//! - [`transport`]: every run has exactly one tape of random values for every proof; defects of the randomness are found;
//! - [`fresh`]: proofs of one run share nothing, and lengths say nothing;
//! - [`run`]: the prover with its randomness given, and with all that it commits to written down;
//! - [`tape`]: what a prover draws;
//! - [`network`]: networks of any depth.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod fresh;
mod network;
mod run;
mod tape;
mod transport;
