//! The step executed in the field, with an error that names the check which fails.

use super::{State, Witness, Words, lanes, lanes::StepAlgebra};
use crate::{algebra::Algebra, chain::hash, cycle::F};

/// A check that a step makes of its witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Check {
    /// The hash of a round's message is its challenge word.
    #[error("round hash = challenge word (round {0} of the step)")]
    Round(usize),
    /// LOOKUP's last claim is `Π(1-u_j)·Λ(evaluations)`.
    #[error("LOOKUP's last claim = Λ of the evaluations")]
    LookupClaim,
    /// The evaluations' absorption chain ends in `ρ`.
    #[error("evaluations hash to ρ")]
    EvaluationsHash,
}

/// A step whose witness does not satisfy the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check} does not hold")]
pub struct Unsatisfied {
    /// The first check that fails.
    pub check: Check,
}

/// Executes one step: the state after it.
///
/// # Errors
/// The first [`Check`] that fails.
pub fn step(state: &State, words: &Words, witness: &Witness) -> Result<State, Unsatisfied> {
    lanes::run(&mut Execution, *state, &words.numeric(), witness)
}

/// The field, with the step's hashes and checks.
struct Execution;

impl Algebra for Execution {
    type Value = F;
    type Error = Unsatisfied;

    fn constant(&self, value: F) -> F {
        value
    }
    fn add(&self, a: &F, b: &F) -> F {
        *a + *b
    }
    fn sub(&self, a: &F, b: &F) -> F {
        *a - *b
    }
    fn mul(&mut self, _: &'static str, a: &F, b: &F) -> Result<F, Unsatisfied> {
        Ok(*a * *b)
    }
}

impl StepAlgebra for Execution {
    fn hash(&mut self, t: &F, [m1, m2, m3]: [&F; 3], n: &F) -> Result<F, Unsatisfied> {
        Ok(hash::hash(*t, [*m1, *m2, *m3], *n))
    }

    fn hash_words(&mut self, dig: &F, words: &[F]) -> Result<F, Unsatisfied> {
        Ok(hash::hash_words(*dig, words))
    }

    fn require_equal(
        &mut self,
        check: Check,
        flag: &F,
        left: &F,
        right: &F,
    ) -> Result<(), Unsatisfied> {
        let holds = bool::from(ff::Field::is_zero(flag)) || left == right;
        if holds {
            Ok(())
        } else {
            Err(Unsatisfied { check })
        }
    }
}
