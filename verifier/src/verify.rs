//! Verification (PROTOCOL.md §6).

use pleat_nova_circuits::chain::params::{self, VerifierKey};
use pleat_nova_circuits::chain::step::State;

use crate::descriptor::Port;
use crate::error::{EndState, VerifyError};
use crate::mle::zeros_at;
use crate::model::VerificationModel;
use crate::pcs::{self, OpeningKey};
use crate::program::Program;
use crate::proof::{Messages, Proof};
use crate::transcript::Statement;

/// Checks a proof against a model. `nova` is the universal step circuit's key, `opening` the key for the model's `κ`.
///
/// On success, the proof's public values are the integers of a run of the model's network; hidden inputs and outputs are
/// those that the proof's row commitments commit to.
///
/// # Errors
/// The check that refuses it.
pub fn verify(
    nova: &VerifierKey,
    opening: &OpeningKey,
    model: &VerificationModel,
    proof: &Proof,
) -> Result<(), VerifyError> {
    let run = |program: &Program| {
        Ok(params::verify(
            nova,
            &proof.nova,
            model.network().steps(),
            &program.start,
        )?)
    };
    verify_with(&nova.digest(), opening, model, &proof.messages, run)
}

/// [`verify`], with the recursion's verdict given by `run`: from a program to the end state that the steps lead to from
/// its start state. Everything else that a verifier checks is checked here.
///
/// # Errors
/// The check that refuses it.
pub fn verify_with(
    parameters: &[u8; 32],
    opening: &OpeningKey,
    model: &VerificationModel,
    proof: &Messages,
    run: impl FnOnce(&Program) -> Result<State, VerifyError> + Send,
) -> Result<(), VerifyError> {
    let network = model.network();
    if proof.model != model.id() {
        return Err(VerifyError::OtherModel {
            got: proof.model.to_string(),
            expected: model.id().to_string(),
        });
    }
    let trace = Statement::new(parameters, &model.id().0, &proof.public).trace(&proof.commitments);
    let (transcript, challenges) = trace.fractions(network, &proof.commitments);
    let program = network.program(&challenges, &proof.advice, &proof.public);
    let eta = transcript.values(&proof.advice, &proof.values);
    // Neither needs the other, and both are in part sequential.
    let (end, opened) = rayon::join(|| run(&program), || pcs::check(opening, model, proof, &eta));
    let end = end?;

    let (z, extended) = proof
        .advice
        .z
        .split_at_checked(network.open_variables())
        .unwrap_or((&proof.advice.z, &[]));
    let functionals = network.functionals_at(&challenges, &proof.advice, &proof.public, z);
    let v_open = zeros_at(extended) * crate::mle::inner_product(&proof.values, &functionals);
    compare(
        &end,
        &State {
            claim: v_open,
            ..program.end
        },
    )?;

    opened
}

fn compare(end: &State, required: &State) -> Result<(), VerifyError> {
    let equations = [
        (EndState::TZ, end.t_z, required.t_z),
        (EndState::TAb, end.t_ab, required.t_ab),
        (EndState::BalZ, end.bal_z, required.bal_z),
        (EndState::BalS, end.bal_s, required.bal_s),
        (EndState::BalF, end.bal_f, required.bal_f),
        (EndState::BalV, end.bal_v, required.bal_v),
        (EndState::Dig, end.dig, required.dig),
        (EndState::Claim, end.claim, required.claim),
        (EndState::SigmaPower, end.sigma_power, required.sigma_power),
        (EndState::RhoPower, end.rho_power, required.rho_power),
    ];
    let different = equations
        .into_iter()
        .find(|(_, got, expected)| got != expected);
    different.map_or(Ok(()), |(equation, _, _)| {
        Err(VerifyError::EndState(equation))
    })
}

/// Real values of a port's integers.
pub fn dequantize(port: &Port, values: &[i32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v) * port.scale).collect()
}
