//! `pleat serve` from outside: paths, limits, and what survives a kill.
#![cfg(feature = "serve")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod client;
mod paths;
#[path = "../program/mod.rs"]
mod program;
mod queue;
