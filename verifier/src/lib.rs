//! Verifies Pleat proofs: "the quantized network committed to by this model id, run on this input, gives this output".
//!
//! The module names are the protocol page's own: [`descriptor`] and [`network`] say what is proved, [`program`] computes
//! what the step circuit is told, [`transcript`] and [`commitments`] fix the order of messages, [`functional`] evaluates
//! the claims, [`pcs`] opens the columns, [`verify`](mod@verify) joins the checks. There is no prover code here.
//!
//! Without the feature `cli`, which is on by default, nothing here needs a file system, a clock or threads.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

pub mod columns;
#[cfg(feature = "cli")]
pub mod command;
pub mod commitments;
pub mod descriptor;
pub mod encoding;
pub mod error;
pub mod functional;
pub mod mle;
pub mod model;
pub mod network;
pub mod opened;
pub mod pcs;
pub mod program;
pub mod proof;
pub mod quantize;
pub mod transcript;
pub mod verdict;
pub mod verify;
