//! Proofs without Nova: the prover's stages, and the full verifier with the steps executed natively. Only `dig` binds the
//! prover's words, as in a real proof.

use pleat_nova_circuits::chain::step::{State, step};
use pleat_prover::columns::Columns;
use pleat_prover::execute::{block_values, execute};
use pleat_prover::model::ProvingModel;
use pleat_prover::stages::{Steps, Traced};
use pleat_verifier::error::VerifyError;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Messages, PublicValues};
use pleat_verifier::verify::verify_with;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::Problem;

/// Stands for the digest of Nova's public parameters.
pub const PARAMETERS: [u8; 32] = [7; 32];

pub fn commit(problem: &Problem) -> ProvingModel {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let descriptor = problem.network.descriptor().clone();
    ProvingModel::commit(descriptor, problem.weights.clone(), String::new(), &mut rng).unwrap()
}

pub fn key(model: &ProvingModel) -> OpeningKey {
    OpeningKey::derive(model.network().row_bits())
}

/// The public values of a run that shows the ports for which `show` says so.
pub fn public(
    model: &ProvingModel,
    columns: &Columns,
    show: impl Fn(usize) -> bool,
) -> PublicValues {
    let network = model.network();
    let value = |(i, port): (usize, &pleat_verifier::descriptor::Port)| {
        show(i).then(|| block_values(network, port.node, &columns.y))
    };
    PublicValues::new(
        network
            .descriptor()
            .ports()
            .enumerate()
            .map(value)
            .collect(),
    )
}

/// A run of the network, all ports shown.
pub fn traced<'m>(model: &'m ProvingModel, inputs: &[Vec<i32>], seed: u64) -> Traced<'m> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let trace = execute(model.network(), model.weights(), inputs).unwrap();
    let columns = Columns::new(model.network(), trace);
    let public = public(model, &columns, |_| true);
    Traced::new(model, columns, public, &mut rng)
}

/// All stages, in order.
pub fn prove(traced: Traced<'_>, key: &OpeningKey) -> (Messages, Steps) {
    prove_under(&PARAMETERS, traced, key)
}

/// [`prove`] under some digest of Nova's parameters.
pub fn prove_under(
    parameters: &[u8; 32],
    traced: Traced<'_>,
    key: &OpeningKey,
) -> (Messages, Steps) {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let fixed = traced
        .commit(key, parameters)
        .fractions()
        .unwrap()
        .commit(key);
    let looking = fixed.claims().bind().run(&mut rng).bind();
    let opened = looking.run(&mut rng).bind().run(&mut rng);
    let steps = opened.steps();
    (opened.open(key).unwrap(), steps)
}

/// The full verifier, the steps executed natively.
pub fn verify(
    model: &VerificationModel,
    key: &OpeningKey,
    messages: &Messages,
    steps: &Steps,
) -> Result<(), VerifyError> {
    verify_under(&PARAMETERS, model, key, messages, steps)
}

/// [`verify`] under some digest of Nova's parameters.
pub fn verify_under(
    parameters: &[u8; 32],
    model: &VerificationModel,
    key: &OpeningKey,
    messages: &Messages,
    steps: &Steps,
) -> Result<(), VerifyError> {
    verify_with(parameters, key, model, messages, |program| {
        assert_eq!(program.words.len(), steps.steps.len());
        let run = |state: State, (words, witness)| {
            step(&state, words, witness).map_err(VerifyError::Step)
        };
        steps
            .steps
            .iter()
            .map(|(words, witness)| (words, witness))
            .try_fold(program.start, run)
    })
}
