//! The chain (PROTOCOL.md §9): challenges are derived inside the step's circuit, from hashes with nonces, so that the prover
//! states them; Nova folds the steps one after the other.

mod advice;
pub(crate) mod end_state;
mod program;

use pleat_nova_circuits::chain::params::{self, NOVA_PROOF_BYTES, NovaProof, VerifierKey};
use pleat_nova_circuits::chain::step::State;
use pleat_nova_circuits::cycle::FIELD_BYTES;

use crate::encoding::{Reader, Writer};
use crate::error::VerifyError;
use crate::fold::schedule::Schedule;
use crate::messages;
use crate::mle::zeros_at;
use crate::model::VerificationModel;
use crate::network::Network;
use crate::pcs::{self, OpeningKey};
use crate::points::{Challenges, Points};
use crate::transcript::FractionsFixed;

pub use advice::{Advice, schedule};
pub use end_state::EndState;
pub use program::{Program, program};

/// The mode's part of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// Challenges.
    pub advice: Advice,
    /// The folded and compressed steps.
    pub nova: NovaProof,
}

/// Length of the mode's part of a proof about `network`.
pub fn bytes(network: &Network) -> usize {
    let challenges = schedule(network).rounds.total().saturating_add(3);
    challenges
        .saturating_mul(FIELD_BYTES)
        .saturating_add(NOVA_PROOF_BYTES)
}

impl Messages {
    /// The messages that precede the columns' values.
    pub(crate) fn write_first(&self, out: &mut Writer) {
        let Advice { points, tau } = &self.advice;
        out.fields(&[points.sigma]);
        out.fields(&points.x);
        out.fields(&[*tau]);
        out.fields(&points.u);
        out.fields(&[points.rho]);
        out.fields(&points.z);
    }

    /// Those that follow the opening.
    pub(crate) fn write_last(&self, out: &mut Writer) {
        out.bytes(self.nova.to_bytes());
    }
}

/// Reads what [`Messages::write_first`] wrote.
pub(crate) fn read_first(input: &mut Reader<'_>, network: &Network) -> Result<Advice, VerifyError> {
    let Schedule { rounds, slots, .. } = schedule(network);
    let sigma = input.field()?;
    let x = input.fields(rounds.contract)?;
    let tau = input.field()?;
    let u = input.fields(rounds.lookup)?;
    let rho = input.field()?;
    let z = input.fields(rounds.open)?;
    let points = Points {
        slots,
        sigma,
        x,
        u,
        rho,
        z,
    };
    Ok(Advice { points, tau })
}

/// Reads what [`Messages::write_last`] wrote.
pub(crate) fn read_last(input: &mut Reader<'_>, advice: Advice) -> Result<Messages, VerifyError> {
    let nova = NovaProof::parse(input.bytes(NOVA_PROOF_BYTES)?);
    let nova = nova.map_err(|e| VerifyError::Nova(e.into()))?;
    Ok(Messages { advice, nova })
}

/// Checks the mode's part, and the columns' opening.
///
/// # Errors
/// The check that refuses it.
pub fn verify(
    key: &VerifierKey,
    opening: &OpeningKey,
    model: &VerificationModel,
    proof: &messages::Messages,
    messages: &Messages,
    fixed: (FractionsFixed, Challenges),
) -> Result<(), VerifyError> {
    let steps = schedule(model.network()).steps;
    let run = |program: &Program| Ok(params::verify(key, &messages.nova, steps, &program.start)?);
    verify_with(opening, model, proof, &messages.advice, fixed, run)
}

/// [`verify`], with the recursion's verdict given by `run`: from a program to the end state that the steps lead to from
/// its start state. Everything else that a verifier checks is checked here.
///
/// # Errors
/// The check that refuses it.
pub fn verify_with(
    opening: &OpeningKey,
    model: &VerificationModel,
    proof: &messages::Messages,
    advice: &Advice,
    (mut fixed, challenges): (FractionsFixed, Challenges),
    run: impl FnOnce(&Program) -> Result<State, VerifyError> + Send,
) -> Result<(), VerifyError> {
    let network = model.network();
    let seed = fixed.seed();
    let program = program(network, seed, &challenges, advice, &proof.public);
    let eta = advice.eta(fixed, &proof.values);
    let points = &advice.points;
    // Neither needs the other, and both are in part sequential.
    let (end, opened) = rayon::join(
        || run(&program),
        || pcs::check(opening, model, &proof.columns(&eta, &points.z)),
    );
    let end = end?;

    let (z, extended) = points
        .z
        .split_at_checked(network.open_variables())
        .unwrap_or((&points.z, &[]));
    let functionals = network.functionals_at(&challenges, points, &proof.public, z);
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
