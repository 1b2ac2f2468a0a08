//! Pleat's sumchecks without hiding what they are about: claims, evaluations and round messages are sent as they are, and the
//! verifier checks the equation of committed steps (PROTOCOL.md §5.1) itself. It is what both modes have in common.

use pleat_nova_circuits::cycle::{F, FIELD_BYTES, field_to_bytes};
use pleat_nova_circuits::tree::instance::Step;
use pleat_nova_circuits::tree::step::Message as Variable;
use pleat_prover::columns::Columns;
use pleat_prover::execute::{block_values, execute};
use pleat_prover::fold::Fold;
use pleat_prover::model::ProvingModel;
use pleat_prover::prove::{ProveError, Stage};
use pleat_prover::stages::{Claims, Ledger, Traced};
use pleat_prover::sumcheck::Message;
use pleat_verifier::commitments::Commitments;
use pleat_verifier::descriptor::Indices;
use pleat_verifier::encoding::{Reader, Writer};
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::Mode;
use pleat_verifier::fold::tree::{Equation, Layout, Statement as Equations, Weights};
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::{Column, Network, Rounds as Counts};
use pleat_verifier::pcs::{self, Opening, OpeningKey, argument_bytes};
use pleat_verifier::points::Points;
use pleat_verifier::proof::{Messages, PublicValues, elements};
use pleat_verifier::transcript::{FractionsFixed, Rounds, Statement};
use rand_core::{CryptoRngCore, OsRng};

use crate::BenchError;
use crate::measure::{Measured, Meter};
use crate::pleat::Case;

const MAGIC: [u8; 8] = *b"PLEATCL\n";
const VERSION: u16 = 2;
const WHAT: &str = "proof in the clear";

fn bytes(values: &[F]) -> Vec<u8> {
    values.iter().flat_map(field_to_bytes).collect()
}

fn first_claims(claims: &[Claims]) -> Vec<u8> {
    let values = claims.iter().flat_map(|o| [o.s, o.c, o.d]);
    bytes(&values.collect::<Vec<_>>())
}

fn second_claims(claims: &[Claims]) -> Vec<u8> {
    let values = claims.iter().flat_map(|o| [o.a, o.b]);
    bytes(&values.collect::<Vec<_>>())
}

/// Messages are absorbed as they are.
struct Clear(Rounds);

impl Fold for Clear {
    const MODE: Mode = Mode::Tree;
    type Key<'k> = ();

    fn start(
        (): (),
        fixed: FractionsFixed,
        ledger: &Ledger<'_>,
        _: &mut impl CryptoRngCore,
    ) -> (Self, F) {
        let (rounds, sigma) = fixed.claims(&[first_claims(&ledger.claims)]);
        (Self(rounds), sigma)
    }

    fn round(&mut self, message: &Message, _: &mut impl CryptoRngCore) -> F {
        self.0.round(&bytes(message))
    }

    fn products(&mut self, ledger: &Ledger<'_>, _: &mut impl CryptoRngCore) {
        self.0.products(&[second_claims(&ledger.claims)]);
    }

    fn evaluations(&mut self, ledger: &Ledger<'_>, _: &mut impl CryptoRngCore) -> F {
        self.0.evaluations(&bytes(&ledger.evaluations))
    }
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
    let public = PublicValues::new(shown.collect(), Indices::default());
    let rng = &mut OsRng;
    let committed = meter.stage(Stage::Commit, || {
        Traced::new(model, Clear::MODE, columns, public, rng).commit(key)
    });
    let fixed = meter.stage(Stage::Fractions, || {
        committed.fractions().map(|f| f.commit(key))
    });
    let fixed = fixed.ok_or(ProveError::Randomness)?;
    let contracting = meter.stage(Stage::Claims, || fixed.claims().bind::<Clear>((), rng));
    let looking_up = meter.stage(Stage::Contract, || contracting.run(rng).bind(rng));
    let looked_up = meter.stage(Stage::Lookup, || looking_up.run(rng));
    let opened = meter.stage(Stage::Open, || looked_up.bind(rng).run(rng));

    let mut out = Writer::new(MAGIC, VERSION);
    let (ledger, clear) = (opened.0, opened.1);
    for Claims { s, c, d, a, b } in &ledger.claims {
        out.fields(&[*s, *c, *d, *a, *b]);
    }
    out.fields(ledger.rounds.as_flattened());
    out.fields(&ledger.evaluations);
    let (_, eta, _) = clear.0.values(&ledger.values);
    let messages = meter.stage(Stage::Opening, || ledger.open(key, &eta))?;
    encode(&mut out, &messages);
    Ok(out.finish())
}

/// The messages that a proof of Pleat has too.
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

/// Checks a proof.
///
/// # Errors
/// The check that refuses it.
pub fn verify(
    model: &VerificationModel,
    key: &OpeningKey,
    bytes: &[u8],
) -> Result<PublicValues, VerifyError> {
    let network = model.network();
    let layout = Layout::new(network);
    let mut input = Reader::new(bytes, MAGIC, VERSION, WHAT)?;
    let mut claims = Vec::new();
    for _ in network.slots() {
        let [s, c, d, a, b] = input.field_array()?;
        claims.push(Claims { s, c, d, a, b });
    }
    let sent = (0..layout.rounds().total()).map(|_| input.field_array());
    let sent: Vec<Message> = sent.collect::<Result<_, _>>()?;
    let evaluations: [F; 9] = input.field_array()?;
    let ports = network.descriptor().ports();
    let shown = ports.map(|p| Ok(Some(input.integers(elements(p))?)));
    let public = PublicValues::new(
        shown.collect::<Result<_, VerifyError>>()?,
        Indices::default(),
    );
    let mut commitments = Commitments::default();
    for column in Column::WITNESS {
        commitments.set_rows(column, input.points(network.rows(column).len())?);
    }
    commitments.set_masks(input.points(Column::OPENED.len())?);
    let values = input.field_array()?;
    let blind = input.field()?;
    let argument = input.bytes(argument_bytes(network.row_bits()))?.to_vec();
    let opening = Opening::parse(blind, argument, network.row_bits())?;
    input.finish()?;
    let messages = Messages {
        model: model.id(),
        public,
        commitments,
        values,
        opening,
    };

    let statement = Statement::new(Clear::MODE, &model.id().0, &messages.public);
    let trace = statement.trace(&messages.commitments);
    let (fixed, challenges) = trace.fractions(network, &messages.commitments);
    let (mut rounds, sigma) = fixed.claims(&[first_claims(&claims)]);
    let Counts {
        contract, lookup, ..
    } = layout.rounds();
    let (first, rest) = sent.split_at(contract);
    let (second, third) = rest.split_at(lookup);
    let challenges_of = |rounds: &mut Rounds, sent: &[Message]| -> Vec<F> {
        sent.iter().map(|m| rounds.round(&self::bytes(m))).collect()
    };
    let x = challenges_of(&mut rounds, first);
    rounds.products(&[second_claims(&claims)]);
    let u = challenges_of(&mut rounds, second);
    let rho = rounds.evaluations(&self::bytes(&evaluations));
    let z = challenges_of(&mut rounds, third);
    let points = Points {
        slots: claims.len(),
        sigma,
        x,
        u,
        rho,
        z,
    };
    let (_, eta, zeta) = rounds.values(&values);
    let equation = Equations {
        network,
        challenges: &challenges,
        points: &points,
        public: &messages.public,
        values: &values,
    }
    .equation(&Weights::powers(&zeta))?;
    if sum(&layout, &equation, &claims, &sent, &evaluations) != equation.total {
        return Err(pleat_nova_circuits::tree::Check::Shares.into());
    }
    pcs::check(key, model, &messages.columns(&eta, &points.z))?;
    Ok(messages.public)
}

/// `Σ words·messages`.
fn sum(
    layout: &Layout,
    equation: &Equation,
    claims: &[Claims],
    sent: &[Message],
    evaluations: &[F; 9],
) -> F {
    let mut steps = vec![Step::new(); layout.steps()];
    let mut set = |step: usize, variable: Variable, value: F| {
        if let Some(step) = steps.get_mut(step) {
            step.set(variable, value);
        }
    };
    for (slot, Claims { s, c, d, a, b }) in claims.iter().enumerate() {
        let (step, place) = Layout::slot(slot);
        for (i, value) in [*s, *c, *d, *a, *b].into_iter().enumerate() {
            set(step, Variable::Slot(place, i), value);
        }
    }
    for (round, message) in sent.iter().enumerate() {
        let (step, place) = Layout::round(round);
        for (i, value) in message.iter().enumerate() {
            set(step, Variable::Round(place, i), *value);
        }
    }
    for (i, value) in evaluations.iter().enumerate() {
        set(layout.evaluations(), Variable::Evaluation(i), *value);
    }
    let steps = steps.iter_mut().zip(&equation.words);
    steps
        .map(|(step, words)| step.share(&words.flatten()))
        .sum()
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

/// Length of a proof about `network` that shows `shown` integers.
#[must_use]
pub fn proof_bytes(network: &Network, shown: usize) -> usize {
    let elements = 5 * network.slots().count()
        + 3 * network.rounds().total()
        + 9
        + Commitments::count(network)
        + 11;
    HEADER + FIELD_BYTES * elements + 4 * shown + argument_bytes(network.row_bits())
}

/// Bytes before the first claim.
const HEADER: usize = pleat_verifier::encoding::HEADER_BYTES;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::job::Subject;
    use crate::nets::Shape;

    /// 16 layers, two steps of slots.
    fn proof() -> (Case, OpeningKey, Vec<u8>) {
        let subject = Subject::Uniform {
            shape: Shape::Dense { batch: 1, width: 4 },
            depth: 16,
        };
        let case = subject.case().unwrap();
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
        let expected = proof_bytes(case.model.network(), 2 * 4);
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
        assert!(Mode::Tree.schedule(network).steps >= 2);
    }
}
