//! The universal step of PROTOCOL.md §9.2: a layer lane of [`SLOTS`] slots and a round lane of [`ROUNDS`] sumcheck rounds, side by
//! side, told what to check by public words that are hashed into the state.
//!
//! The step is written once, over [`crate::algebra::Algebra`]; [`step`] executes it in the field, [`UniversalStep`] is the
//! circuit that Nova folds. Which words are right, and which start and end states, is the verifier's business.

mod circuit;
mod lanes;
mod native;
mod words;

pub use circuit::UniversalStep;
pub use native::{Check, Unsatisfied, step};
pub use words::{
    EvaluationsWitness, RoundWitness, RoundWords, ScalarWords, SlotWitness, SlotWords, State,
    Witness, Words,
};

/// Layer slots per step, `S`.
pub const SLOTS: usize = 12;
/// Sumcheck rounds per step, `Q`.
pub const ROUNDS: usize = 16;
/// Elements of the state.
pub const STATE: usize = 10;
/// Words per step: four a slot, six flags, the previous challenge, the challenges, 19 scalars.
pub const WORDS: usize = 4 * SLOTS + 6 + 1 + ROUNDS + 19;
