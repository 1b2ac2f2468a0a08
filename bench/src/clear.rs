//! Pleat's sumchecks without the recursion: claims, evaluations and round messages are sent as they are, and the verifier executes
//! the steps that Nova would have proved. Nothing of the inside transcript is hidden: its nonces are zero.
//!
//! What follows from other messages is not sent: challenges, the claims that sumchecks start from, and the rounds of
//! zero-extended variables, whose polynomial is `claim·(1 - X)`.

use ff::Field;
use pleat_nova_circuits::chain::hash::hash;
use pleat_nova_circuits::chain::step::{
    ROUNDS, RoundWitness, SLOTS, SlotWitness, State, Witness, step,
};
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::relation::fold_round_at;
use pleat_prover::columns::Columns;
use pleat_prover::execute::{block_values, execute};
use pleat_prover::model::ProvingModel;
use pleat_prover::prove::{ProveError, Stage};
use pleat_prover::stages::{Claims, Traced};
use pleat_verifier::commitments::Commitments;
use pleat_verifier::descriptor::Node;
use pleat_verifier::encoding::{Reader, Writer};
use pleat_verifier::error::VerifyError;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::{Column, Network};
use pleat_verifier::pcs::{Opening, OpeningKey, argument_bytes};
use pleat_verifier::program::{Advice, Challenges, Program};
use pleat_verifier::proof::{Messages, PublicValues, elements};
use pleat_verifier::transcript::Statement;
use pleat_verifier::verify::verify_with;
use rand_core::{CryptoRng, OsRng, RngCore};

use crate::BenchError;
use crate::measure::{Measured, Meter};
use crate::pleat::Case;

const MAGIC: [u8; 8] = *b"PLEATCL\n";
const VERSION: u16 = 1;
const WHAT: &str = "proof in the clear";
/// Stands for the digest of Nova's parameters, of which there are none.
const PARAMETERS: [u8; 32] = [0; 32];

/// Nonces that hide nothing.
struct Zeros;

impl CryptoRng for Zeros {}

impl RngCore for Zeros {
    fn next_u32(&mut self) -> u32 {
        0
    }
    fn next_u64(&mut self) -> u64 {
        0
    }
    fn fill_bytes(&mut self, to: &mut [u8]) {
        to.fill(0);
    }
    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), rand_core::Error> {
        to.fill(0);
        Ok(())
    }
}

/// Rounds of each sumcheck over variables that are not zero-extended.
fn sent_rounds(network: &Network) -> [usize; 3] {
    let contract = network.nodes().iter().map(Node::contraction_bits).max();
    [
        contract.unwrap_or(0),
        network.nu(),
        network.open_variables(),
    ]
}

/// All rounds of each sumcheck.
fn all_rounds(network: &Network) -> [usize; 3] {
    let rounds = network.rounds();
    [rounds.contract, rounds.lookup, rounds.open]
}

/// Proves a run whose inputs and outputs are shown.
///
/// # Errors
/// Those of the prover's stages.
pub fn prove(
    model: &ProvingModel,
    key: &OpeningKey,
    inputs: &[Vec<i32>],
    meter: &mut Meter,
) -> Result<Vec<u8>, BenchError> {
    let network = model.network();
    let trace = meter.stage(Stage::Execute, || execute(network, model.weights(), inputs));
    let columns = Columns::new(network, trace.map_err(ProveError::from)?);
    let ports = network.descriptor().ports();
    let shown = ports.map(|port| Some(block_values(network, port.node, &columns.y)));
    let public = PublicValues::new(shown.collect());
    let committed = meter.stage(Stage::Commit, || {
        let mut traced = Traced::new(model, columns, public, &mut OsRng);
        for nonce in traced.0.nonces.iter_mut().flatten() {
            *nonce = F::ZERO;
        }
        traced.commit(key, &PARAMETERS)
    });
    let fixed = meter.stage(Stage::Fractions, || {
        committed.fractions().map(|f| f.commit(key))
    });
    let fixed = fixed.ok_or(ProveError::Randomness)?;
    let contracting = meter.stage(Stage::Claims, || fixed.claims().bind());
    let looking_up = meter.stage(Stage::Contract, || contracting.run(&mut Zeros).bind());
    let looked_up = meter.stage(Stage::Lookup, || looking_up.run(&mut Zeros));
    let opened = meter.stage(Stage::Open, || looked_up.bind().run(&mut Zeros));

    let mut out = Writer::new(MAGIC, VERSION);
    let ledger = &opened.0;
    for Claims { s, c, d, a, b } in ledger.claims.iter().take(network.nodes().len()) {
        out.fields(&[*s, *c, *d, *a, *b]);
    }
    let mut first = 0;
    for (sent, all) in sent_rounds(network).into_iter().zip(all_rounds(network)) {
        for round in ledger.rounds.iter().skip(first).take(sent) {
            out.fields(&[round.g0, round.g2, round.g3]);
        }
        first += all;
    }
    out.fields(&ledger.evaluations);
    let messages = meter.stage(Stage::Opening, || opened.open(key))?;
    encode(&mut out, &messages);
    Ok(out.finish())
}

/// The messages that a proof of Pleat has too, without challenges.
fn encode(out: &mut Writer, messages: &Messages) {
    for value in messages.public.shown().flatten() {
        out.bytes(&value.to_le_bytes());
    }
    let rows = Column::WITNESS
        .iter()
        .flat_map(|c| messages.commitments.rows(*c));
    for commitment in rows.chain(messages.commitments.masks()) {
        out.bytes(commitment.bytes());
    }
    out.fields(&messages.values);
    out.fields(&[messages.opening.blind]);
    out.bytes(&messages.opening.argument);
}

/// Checks a proof: the verifier of Pleat, and the steps executed natively.
///
/// # Errors
/// The check that refuses it.
pub fn verify(
    model: &VerificationModel,
    key: &OpeningKey,
    bytes: &[u8],
) -> Result<PublicValues, VerifyError> {
    let network = model.network();
    let mut input = Reader::new(bytes, MAGIC, VERSION, WHAT)?;
    let mut claims = Vec::with_capacity(network.slots());
    for _ in network.nodes() {
        let [s, c, d, a, b] = array(&mut input)?;
        claims.push(Claims { s, c, d, a, b });
    }
    claims.resize(network.slots(), Claims::default());
    let mut sent = Vec::new();
    for rounds in sent_rounds(network) {
        let messages = (0..rounds).map(|_| array::<3>(&mut input));
        sent.push(messages.collect::<Result<Vec<_>, _>>()?);
    }
    let evaluations: [F; 9] = array(&mut input)?;
    let ports = network.descriptor().ports();
    let shown = ports.map(|p| Ok(Some(input.integers(elements(p))?)));
    let public = PublicValues::new(shown.collect::<Result<_, VerifyError>>()?);
    let mut commitments = Commitments::default();
    for column in Column::WITNESS {
        commitments.set_rows(column, input.points(network.rows(column).len())?);
    }
    commitments.set_masks(input.points(Column::OPENED.len())?);
    let values: [F; 10] = array(&mut input)?;
    let blind = input.field()?;
    let argument = input.bytes(argument_bytes(network.row_bits()))?.to_vec();
    let opening = Opening::parse(blind, argument, network.row_bits())?;
    input.finish()?;

    let trace = Statement::new(&PARAMETERS, &model.id().0, &public).trace(&commitments);
    let (_, challenges) = trace.fractions(network, &commitments);
    let mut replay = Replay {
        network,
        challenges: &challenges,
        public: &public,
        claims,
        evaluations,
        rounds: Vec::new(),
        init: [F::ZERO; 3],
    };
    let advice = replay.run(&sent);
    let messages = Messages {
        model: model.id(),
        public: public.clone(),
        commitments,
        advice,
        values,
        opening,
    };
    let run = |program: &Program| {
        let mut state = program.start;
        for (i, words) in program.words.iter().enumerate() {
            let witness = replay.witness(i, words.rounds.end_l);
            let next = step(&state, words, &witness);
            let error = |source| pleat_nova_circuits::chain::Error::Step { step: i, source };
            state = next.map_err(error)?;
        }
        Ok::<State, VerifyError>(state)
    };
    verify_with(&PARAMETERS, key, model, &messages, run)?;
    Ok(public)
}

fn array<const N: usize>(input: &mut Reader<'_>) -> Result<[F; N], VerifyError> {
    let mut values = [F::ZERO; N];
    for value in &mut values {
        *value = input.field()?;
    }
    Ok(values)
}

/// Follows the inside transcript, as the prover does.
struct Replay<'a> {
    network: &'a Network,
    challenges: &'a Challenges,
    public: &'a PublicValues,
    /// One per slot.
    claims: Vec<Claims>,
    evaluations: [F; 9],
    rounds: Vec<RoundWitness>,
    init: [F; 3],
}

fn chain(seed: F, messages: impl Iterator<Item = [F; 3]>) -> F {
    messages.fold(seed, |t, m| hash(t, m, F::ZERO))
}

impl Replay<'_> {
    fn run(&mut self, sent: &[Vec<[F; 3]>]) -> Advice {
        let sent = |i: usize| sent.get(i).map_or(&[][..], Vec::as_slice);
        let [contract, lookup, open] = all_rounds(self.network);
        let sigma = chain(
            self.challenges.t0,
            self.claims.iter().map(|o| [o.s, o.c, o.d]),
        );
        let sums = self.claims.iter().map(|o| o.s);
        let sum = powers(sigma, sums);
        let x = self.sumcheck(0, sigma, sum, contract, sent(0));

        let last = x.last().copied().unwrap_or(F::ZERO);
        let tau = chain(last, self.claims.iter().map(|o| [o.a, o.b, F::ZERO]));
        let mut sum = self.network.public_z(&self.challenges.r);
        for (node, claims) in self.network.nodes().iter().zip(&self.claims) {
            let [k0, k1, k2] = self.network.slot_factors(node, &self.challenges.r);
            sum += k0 * claims.s + k1 * claims.c + k2 * claims.d;
        }
        let u = self.sumcheck(1, tau, sum, lookup, sent(1));

        let [y, p, r1, r0, f0, f1, f2, m, ht] = self.evaluations;
        let last = u.last().copied().unwrap_or(F::ZERO);
        let rho = chain(last, [[y, p, r1], [r0, f0, f1], [f2, m, ht]].into_iter());
        let slots = self.claims.iter().flat_map(|o| [o.a, o.b, o.c, o.d]);
        let shown = self.public.shown_nodes(self.network);
        let shown =
            shown.map(|(node, v)| self.network.public_value_at(node, v, &self.challenges.r));
        let sum = powers(rho, slots.chain(self.evaluations).chain(shown));
        let z = self.sumcheck(2, rho, sum, open, sent(2));
        Advice {
            sigma,
            x,
            tau,
            u,
            rho,
            z,
        }
    }

    /// The challenges of a sumcheck's rounds.
    fn sumcheck(
        &mut self,
        which: usize,
        seed: F,
        mut claim: F,
        rounds: usize,
        sent: &[[F; 3]],
    ) -> Vec<F> {
        if let Some(init) = self.init.get_mut(which) {
            *init = claim;
        }
        let mut challenge = seed;
        (0..rounds)
            .map(|i| {
                let message = sent.get(i).copied().unwrap_or([claim, F::ZERO, F::ZERO]);
                let [g0, g2, g3] = message;
                challenge = hash(challenge, message, F::ZERO);
                claim = fold_round_at(&claim, &message, &challenge);
                let nonce = F::ZERO;
                self.rounds.push(RoundWitness { g0, g2, g3, nonce });
                challenge
            })
            .collect()
    }

    /// What step `i` would have as its witness.
    fn witness(&self, i: usize, end_l: bool) -> Witness {
        let mut witness = Witness::zero();
        let claims = self.claims.iter().skip(i * SLOTS);
        for (slot, Claims { s, c, d, a, b }) in witness.slots.iter_mut().zip(claims) {
            *slot = SlotWitness {
                s: *s,
                c: *c,
                d: *d,
                nonce_z: F::ZERO,
                a: *a,
                b: *b,
                nonce_ab: F::ZERO,
            };
        }
        let rounds = self.rounds.iter().skip(i * ROUNDS);
        for (to, from) in witness.rounds.iter_mut().zip(rounds) {
            *to = *from;
        }
        let [contract, lookup, _] = all_rounds(self.network);
        let starts = [0, contract, contract + lookup];
        for (start, init) in starts.into_iter().zip(self.init) {
            if i * ROUNDS == start {
                witness.init = init;
            }
        }
        if end_l {
            witness.evaluations.values = self.evaluations;
        }
        witness
    }
}

/// `Σ base^i·value_i`.
fn powers(base: F, values: impl Iterator<Item = F>) -> F {
    let weighted = values.fold((F::ONE, F::ZERO), |(power, sum), v| {
        (power * base, sum + power * v)
    });
    weighted.1
}

/// Proves, verifies and measures.
///
/// # Errors
/// Those of prover and verifier; [`BenchError::Disagree`], [`BenchError::Accepted`].
pub fn run(case: &Case, meter: &mut Meter) -> Result<Measured, BenchError> {
    let key = meter.setup(|| OpeningKey::derive(case.model.network().row_bits()));
    let bytes = prove(&case.model, &key, std::slice::from_ref(&case.input), meter)?;
    let model = case.model.verification();
    let output = verify(model, &key, &bytes)?;
    let output = output.shown().last().map(<[i32]>::to_vec);
    if case.output.is_some() && output != case.output {
        return Err(BenchError::Disagree);
    }
    meter.verify(|| verify(model, &key, &bytes).map(drop))?;
    let mut other = bytes.clone();
    if let Some(byte) = other.get_mut(HEADER) {
        *byte ^= 1;
    }
    if verify(model, &key, &other).is_ok() {
        return Err(BenchError::Accepted);
    }
    meter.finish(bytes.len())
}

/// Bytes before the first claim.
const HEADER: usize = pleat_verifier::encoding::HEADER_BYTES;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::nets::{Net, Shape};

    /// 16 layers, two steps of slots.
    fn proof() -> (Case, OpeningKey, Vec<u8>) {
        let net = Net::new(Shape::Dense { batch: 1, width: 4 }, 16);
        let case = Case::of(&net).unwrap();
        let key = OpeningKey::derive(case.model.network().row_bits());
        let mut ignore = |_| {};
        let mut meter = Meter::new(&mut ignore);
        let bytes = prove(
            &case.model,
            &key,
            std::slice::from_ref(&case.input),
            &mut meter,
        )
        .unwrap();
        (case, key, bytes)
    }

    #[test]
    fn it_is_complete_and_as_long_as_counted() {
        let (case, key, bytes) = proof();
        let public = verify(case.model.verification(), &key, &bytes).unwrap();
        assert_eq!(public.shown().last(), case.output.as_deref());
        let network = case.model.network();
        let elements = 5 * network.nodes().len()
            + 3 * sent_rounds(network).iter().sum::<usize>()
            + 9
            + Commitments::count(network)
            + 11;
        let shown = 4 * 2 * 4;
        let expected = HEADER + 32 * elements + shown + argument_bytes(network.row_bits());
        assert_eq!(bytes.len(), expected);
    }

    #[test]
    fn every_message_counts() {
        let (case, key, bytes) = proof();
        let model = case.model.verification();
        let network = model.network();
        // Every element is hit, and the shown values among the elements' strides.
        for i in (HEADER..bytes.len()).step_by(32).chain([bytes.len() - 1]) {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert!(verify(model, &key, &changed).is_err(), "byte {i}");
        }
        assert!(verify(model, &key, &bytes[..bytes.len() - 1]).is_err());
        assert!(verify(model, &key, &[&bytes[..], &[0]].concat()).is_err());
        assert!(network.steps() >= 2);
    }
}
