//! Fold, compress, verify: the three uses of the parameters. `fold` executes every step natively beside the circuit, so that a
//! wrong witness is an error that names step and check, not an unsatisfiable instance found at the end.

use super::{Compressed, NovaProof, Parameters, Public, VerifierKey};
use crate::{
    chain::{
        Error,
        step::{State, UniversalStep, Witness, Words, step},
    },
    cycle::{F, Primary, Secondary},
};
use core::borrow::Borrow;
use nova_snark::nova::RecursiveSNARK;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The steps, folded into one instance. Its witness is secret.
pub struct Folded {
    nova: RecursiveSNARK<Primary, Secondary, UniversalStep>,
    end: State,
}

impl Folded {
    /// The state after the last step.
    #[must_use]
    pub fn end(&self) -> State {
        self.end
    }

    /// The number of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.nova.num_steps()
    }
}

/// Folds the steps, in order, from `start`; calls `progress` with the number of steps done after each.
///
/// # Errors
/// [`Error::NoSteps`]; [`Error::Step`] for a witness that does not satisfy its step; [`Error::Fold`] from nova-snark.
pub fn fold<S: Borrow<(Words, Witness)>>(
    parameters: &Parameters,
    start: &State,
    steps: impl IntoIterator<Item = S>,
    progress: &mut dyn FnMut(usize),
) -> Result<Folded, Error> {
    let public = &parameters.public;
    let mut state = *start;
    let mut folding: Option<RecursiveSNARK<_, _, _>> = None;
    for (i, item) in steps.into_iter().enumerate() {
        let (words, witness) = item.borrow();
        state = step(&state, words, witness).map_err(|source| Error::Step { step: i, source })?;
        let circuit = UniversalStep::new(words, witness);
        let folded = fold_step(public, folding.take(), start, &circuit)
            .map_err(|source| Error::Fold { step: i, source })?;
        folding = Some(folded);
        progress(i.saturating_add(1));
    }
    let nova = folding.ok_or(Error::NoSteps)?;
    if nova.outputs() != state.to_array() {
        return Err(Error::EndState);
    }
    Ok(Folded { nova, end: state })
}

/// nova-snark runs step 0 while it makes the instance, and takes the first `prove_step` for it.
fn fold_step(
    public: &Public,
    folding: Option<RecursiveSNARK<Primary, Secondary, UniversalStep>>,
    start: &State,
    circuit: &UniversalStep,
) -> Result<RecursiveSNARK<Primary, Secondary, UniversalStep>, nova_snark::errors::NovaError> {
    let mut folding = match folding {
        Some(folding) => folding,
        None => RecursiveSNARK::new(public, circuit, &start.to_array())?,
    };
    folding.prove_step(public, circuit)?;
    Ok(folding)
}

/// Compresses the folded steps into a proof, which hides them.
///
/// # Errors
/// [`Error::Compress`] from nova-snark; [`Error::Format`] if its proof is not of the form that a verifier accepts.
pub fn compress(parameters: &Parameters, folded: &Folded) -> Result<NovaProof, Error> {
    let proof = Compressed::prove(&parameters.public, &parameters.compression, &folded.nova)
        .map_err(Error::Compress)?;
    Ok(NovaProof::new(proof)?)
}

/// [`fold`], then [`compress`].
///
/// # Errors
/// Those of the two.
pub fn prove_steps<S: Borrow<(Words, Witness)>>(
    parameters: &Parameters,
    start: &State,
    steps: impl IntoIterator<Item = S>,
    progress: &mut dyn FnMut(usize),
) -> Result<NovaProof, Error> {
    compress(parameters, &fold(parameters, start, steps, progress)?)
}

/// Verifies that `steps` steps lead from `start` to the returned state. Whether that is the right end state, and its `dig`
/// the digest of the right words, is for the caller to check.
///
/// # Errors
/// [`Error::Verify`]; [`Error::VerifyPanic`] if nova-snark panics, which [`NovaProof`]'s parser should exclude.
pub fn verify(
    key: &VerifierKey,
    proof: &NovaProof,
    steps: usize,
    start: &State,
) -> Result<State, Error> {
    let start = start.to_array();
    let end: Vec<F> = catch_unwind(AssertUnwindSafe(|| {
        proof.nova().verify(&key.nova, steps, &start)
    }))
    .map_err(|_| Error::VerifyPanic)?
    .map_err(Error::Verify)?;
    let end = end.try_into().map_err(|_| Error::EndState)?;
    Ok(State::from_array(end))
}
