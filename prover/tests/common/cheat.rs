//! Provers that cheat: the honest stages, with an alteration between two of them and everything after it computed honestly
//! from what was altered.

use std::rc::Rc;

use ff::Field;
use pleat_nova_circuits::chain::params::ProofFormat;
use pleat_nova_circuits::chain::step::{Check, SLOTS};
use pleat_nova_circuits::cycle::F;
use pleat_prover::columns::Columns;
use pleat_prover::execute::{Executor, Trace, block_cells};
use pleat_prover::model::ProvingModel;
use pleat_prover::stages::{Claims, Ledger, Steps, Traced};
use pleat_prover::sumcheck::Open;
use pleat_verifier::error::{EndState, FormatError, VerifyError};
use pleat_verifier::network::Network;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::Messages;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::Problem;
use super::algebra::{PARAMETERS, commit, key, public, verify};

/// When an alteration takes place; stages of the protocol in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Right after a node has run, before later nodes read it.
    Node(usize),
    /// The trace is complete; lookups are not counted yet.
    Trace,
    /// Lookups are counted and public values read off.
    Counted,
    /// The fractions are computed.
    Fractions,
    /// Claims `s, c, d` are computed; `σ` follows.
    Claims,
    /// `σ` is known; CONTRACT's rounds follow.
    Sigma,
    /// Claims `a, b` are computed; `τ` follows.
    Contracted,
    /// `τ` is known; LOOKUP's rounds follow.
    Tau,
    /// The evaluations are computed; `ρ` follows.
    Evaluations,
    /// `ρ` is known; OPEN's rounds follow.
    Rho,
    /// The columns' values at `z` are computed; `η` follows.
    Values,
    /// Words and witnesses are written.
    Words,
}

/// What an alteration of the ledger works on.
pub struct Play<'a, 'm> {
    pub ledger: &'a mut Ledger<'m>,
    /// At [`Stage::Rho`].
    pub open: Option<&'a Open>,
    /// At [`Stage::Words`].
    pub steps: Option<&'a mut Steps>,
}

type OnTrace = dyn Fn(&Network, &mut Trace);
type OnLedger = dyn Fn(&mut Play<'_, '_>);

#[derive(Clone)]
enum Act {
    Trace(Rc<OnTrace>),
    Ledger(Rc<OnLedger>),
}

/// Alterations, in the order of their stages.
#[derive(Clone, Default)]
pub struct Cheat(Vec<(Stage, Act)>);

impl Cheat {
    /// This one, then another.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self([self.0.as_slice(), &other.0].concat())
    }

    fn on_trace(&self, now: Stage, network: &Network, trace: &mut Trace) {
        for (stage, act) in &self.0 {
            if let (true, Act::Trace(f)) = (*stage == now, act) {
                f(network, trace);
            }
        }
    }

    fn on_ledger(&self, now: Stage, mut play: Play<'_, '_>) {
        for (stage, act) in &self.0 {
            if let (true, Act::Ledger(f)) = (*stage == now, act) {
                f(&mut play);
            }
        }
    }
}

/// An alteration of the trace, at [`Stage::Node`] or [`Stage::Trace`].
pub fn trace(stage: Stage, f: impl Fn(&Network, &mut Trace) + 'static) -> Cheat {
    Cheat(vec![(stage, Act::Trace(Rc::new(f)))])
}

/// An alteration of the ledger, at any later stage.
pub fn ledger(stage: Stage, f: impl Fn(&mut Play<'_, '_>) + 'static) -> Cheat {
    Cheat(vec![(stage, Act::Ledger(Rc::new(f)))])
}

/// A committed network, ready for attempts.
pub struct Setting {
    pub problem: Problem,
    pub model: ProvingModel,
    pub key: OpeningKey,
}

impl Setting {
    pub fn new(problem: Problem) -> Self {
        let model = commit(&problem);
        let key = key(&model);
        Self {
            problem,
            model,
            key,
        }
    }

    /// A run, altered between nodes; a quotient out of range is an error of the cheat's choice of row.
    pub fn run(&self, cheat: &Cheat) -> Option<Trace> {
        let network = self.model.network();
        let executor = Executor::new(network, self.model.weights()).unwrap();
        let mut trace = executor.run(&self.problem.inputs).unwrap();
        for node in 0..network.nodes().len() {
            let before = trace.clone();
            cheat.on_trace(Stage::Node(node), network, &mut trace);
            if trace != before {
                executor.rerun(node + 1, &mut trace).ok()?;
            }
        }
        Some(trace)
    }

    /// The verifier's answer to the cheat.
    pub fn attempt(&self, cheat: &Cheat) -> Refusal {
        let trace = self.run(cheat).expect("a quotient is out of range");
        refusal(self.attempt_on(&self.model, trace, cheat, |i| i < usize::MAX))
    }

    /// Proves a trace with the prover's own model, showing the ports that `show` names; verifies with the true one.
    pub fn attempt_on(
        &self,
        model: &ProvingModel,
        mut trace: Trace,
        cheat: &Cheat,
        show: impl Fn(usize) -> bool,
    ) -> Result<(), VerifyError> {
        cheat.on_trace(Stage::Trace, model.network(), &mut trace);
        let columns = Columns::new(model.network(), trace);
        let shown = public(model, &columns, show);
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let traced = Traced::new(model, columns, shown, &mut rng);
        let (messages, steps) = prove(traced, &self.key, cheat);
        verify(self.model.verification(), &self.key, &messages, &steps)
    }
}

/// All stages, altered.
fn prove(mut traced: Traced<'_>, key: &OpeningKey, cheat: &Cheat) -> (Messages, Steps) {
    fn on<'a, 'm>(cheat: &Cheat, stage: Stage, ledger: &'a mut Ledger<'m>, open: Option<&'a Open>) {
        let play = Play {
            ledger,
            open,
            steps: None,
        };
        cheat.on_ledger(stage, play);
    }
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    on(cheat, Stage::Counted, &mut traced.0, None);
    let mut fractions = traced.commit(key, &PARAMETERS).fractions().unwrap();
    on(cheat, Stage::Fractions, &mut fractions.0, None);
    let mut claimed = fractions.commit(key).claims();
    on(cheat, Stage::Claims, &mut claimed.0, None);
    let mut contracting = claimed.bind();
    on(cheat, Stage::Sigma, &mut contracting.0, None);
    let mut contracted = contracting.run(&mut rng);
    on(cheat, Stage::Contracted, &mut contracted.0, None);
    let mut looking = contracted.bind();
    on(cheat, Stage::Tau, &mut looking.0, None);
    let mut looked = looking.run(&mut rng);
    on(cheat, Stage::Evaluations, &mut looked.0, None);
    let mut prepared = looked.bind();
    on(
        cheat,
        Stage::Rho,
        &mut prepared.ledger,
        Some(&prepared.open),
    );
    let mut opened = prepared.run(&mut rng);
    on(cheat, Stage::Values, &mut opened.0, None);
    let mut steps = opened.steps();
    let play = Play {
        ledger: &mut opened.0,
        open: None,
        steps: Some(&mut steps),
    };
    cheat.on_ledger(Stage::Words, play);
    (opened.open(key).unwrap(), steps)
}

/// Position of a node's first real row that satisfies `test`, or of its first row that is not real.
pub fn real(network: &Network, node: usize, test: impl Fn(usize) -> bool) -> usize {
    let found = block_cells(network, node).find(|cell| test(*cell));
    found.expect("a row to cheat in")
}

pub fn padding(network: &Network, node: usize) -> Option<usize> {
    let block = &network.nodes()[node];
    let real: Vec<usize> = block_cells(network, node).collect();
    (block.address..block.address + (1 << block.block_bits())).find(|cell| !real.contains(cell))
}

/// The words of a slot as the verifier computes them, as far as the challenges are known.
pub fn slot_f(ledger: &Ledger<'_>, slot: usize) -> F {
    let program = ledger
        .network()
        .program(&ledger.challenges, &ledger.advice, &ledger.public);
    program.words[slot / SLOTS].slots[slot % SLOTS].f
}

// ---- what a lie has to make up for, and lies in one message that make the next check true

/// What LOOKUP's true sum has more than the claims give.
pub fn gap_z(ledger: &Ledger<'_>) -> F {
    let mut gap = ledger.with_lookup(|l| l.sum()) - ledger.network().public_z(&ledger.challenges.r);
    for (l, claims) in ledger.claims.iter().enumerate() {
        let [k0, k1, k2] = ledger.slot_factors(l);
        gap -= k0 * claims.s + k1 * claims.c + k2 * claims.d;
    }
    gap
}

/// What CONTRACT's last claim has more than `Σ f·a·b`.
pub fn gap_f(ledger: &Ledger<'_>) -> F {
    let claims = ledger.claims.iter().enumerate();
    let sum = claims.map(|(l, o)| slot_f(ledger, l) * o.a * o.b);
    ledger.last[0] - sum.fold(F::ZERO, |s, v| s + v)
}

/// `1/v`.
pub fn inverse(v: F) -> F {
    v.invert().unwrap()
}

/// One of a slot's five claims.
pub fn claim_mut(claims: &mut Claims, key: char) -> &mut F {
    match key {
        's' => &mut claims.s,
        'c' => &mut claims.c,
        'd' => &mut claims.d,
        'a' => &mut claims.a,
        'b' => &mut claims.b,
        _ => panic!("no claim {key}"),
    }
}

/// A claim `s`, `c` or `d` from which LOOKUP's true sum follows.
pub fn lie_claim(slot: usize, key: char) -> Cheat {
    ledger(Stage::Claims, move |play| {
        let [k0, k1, k2] = play.ledger.slot_factors(slot);
        let factor = match key {
            's' => k0,
            'c' => k1,
            _ => k2,
        };
        let by = gap_z(play.ledger) * inverse(factor);
        *claim_mut(&mut play.ledger.claims[slot], key) += by;
    })
}

/// A claim `a` or `b` that agrees with CONTRACT's last claim.
pub fn lie_factor(slot: usize, key: char) -> Cheat {
    ledger(Stage::Contracted, move |play| {
        let claims = play.ledger.claims[slot];
        let other = if key == 'a' { claims.b } else { claims.a };
        let by = gap_f(play.ledger) * inverse(slot_f(play.ledger, slot) * other);
        *claim_mut(&mut play.ledger.claims[slot], key) += by;
    })
}

/// The check that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    None,
    Step(Check),
    End(EndState),
    Opening,
    OtherModel,
    Nova,
    NovaFormat(NovaFormat),
    Format(Format),
}

/// [`ProofFormat`] without positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NovaFormat {
    VectorLength,
    Scalar,
    Point,
    Other,
}

/// [`FormatError`] without details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Magic,
    Version,
    Truncated,
    Length,
    Field,
    Point,
    Flag,
    Other,
}

pub fn refusal(verdict: Result<(), VerifyError>) -> Refusal {
    use pleat_nova_circuits::chain::Error as Nova;
    match verdict {
        Ok(()) => Refusal::None,
        Err(VerifyError::Step(unsatisfied)) => Refusal::Step(unsatisfied.check),
        Err(VerifyError::EndState(equation)) => Refusal::End(equation),
        Err(VerifyError::Opening) => Refusal::Opening,
        Err(VerifyError::OtherModel { .. }) => Refusal::OtherModel,
        Err(VerifyError::Nova(Nova::Verify(_))) => Refusal::Nova,
        Err(VerifyError::Nova(Nova::Format(format))) => Refusal::NovaFormat(match format {
            ProofFormat::VectorLength { .. } => NovaFormat::VectorLength,
            ProofFormat::Scalar { .. } => NovaFormat::Scalar,
            ProofFormat::Point { .. } => NovaFormat::Point,
            _ => NovaFormat::Other,
        }),
        Err(VerifyError::Format(format)) => Refusal::Format(match format {
            FormatError::Magic { .. } => Format::Magic,
            FormatError::Version { .. } => Format::Version,
            FormatError::Truncated { .. } => Format::Truncated,
            FormatError::Length { .. } => Format::Length,
            FormatError::Field { .. } => Format::Field,
            FormatError::Point { .. } => Format::Point,
            FormatError::Flag { .. } => Format::Flag,
            _ => Format::Other,
        }),
        Err(other) => panic!("no check, but {other}"),
    }
}
