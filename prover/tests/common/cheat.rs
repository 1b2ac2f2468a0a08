//! Provers that cheat: the honest stages, with an alteration between two of them and everything after it computed honestly
//! from what was altered.

use std::rc::Rc;

use ff::Field;
use pleat_nova_circuits::chain::params::ProofFormat;
use pleat_nova_circuits::chain::step::Check;
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::tree::instance::Step;
use pleat_nova_circuits::tree::{Check as TreeCheck, Key};
use pleat_prover::columns::Columns;
use pleat_prover::execute::{Executor, Trace, block_cells};
use pleat_prover::fold::Fold;
use pleat_prover::fold::chain::{Chain, Steps};
use pleat_prover::fold::tree::{Stated, Tree};
use pleat_prover::model::ProvingModel;
use pleat_prover::stages::{Claims, Ledger, Opened, Traced};
use pleat_prover::sumcheck::Open;
use pleat_verifier::error::{FormatError, VerifyError};
use pleat_verifier::fold::chain::EndState;
use pleat_verifier::fold::tree::{Statement, Weights};
use pleat_verifier::fold::{Folded, Mode};
use pleat_verifier::network::Network;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::Proof;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::Problem;
use super::algebra::{Executed, commit, key, public, verify_chain, verify_tree};

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
    /// At [`Stage::Words`], in the chain.
    pub steps: Option<&'a mut Steps>,
    /// At [`Stage::Words`], committed steps under their words.
    pub committed: Option<&'a mut Vec<(Step, Vec<F>)>>,
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
        let mut trace = executor
            .run_on(&self.problem.inputs, &self.problem.given)
            .unwrap();
        for node in 0..network.nodes().len() {
            let before = trace.clone();
            cheat.on_trace(Stage::Node(node), network, &mut trace);
            if trace != before {
                executor.rerun(node + 1, &mut trace).ok()?;
            }
        }
        Some(trace)
    }

    /// The verifier's answer to the cheat, in the chain.
    pub fn attempt(&self, cheat: &Cheat) -> Refusal {
        let trace = self.run(cheat).expect("a quotient is out of range");
        refusal(self.attempt_on(Mode::Chain, &self.model, trace, cheat, |i| i < usize::MAX))
    }

    /// The verifier's answer to the cheat, with committed steps: a whole proof. Where the shares' sum is what refuses, the equations
    /// that do not hold.
    pub fn attempt_tree(&self, cheat: &Cheat) -> (Refusal, Vec<Equation>) {
        let trace = self.run(cheat).expect("a quotient is out of range");
        self.attempt_trace(trace, cheat)
    }

    /// [`Setting::attempt_tree`] on a trace.
    pub fn attempt_trace(&self, trace: Trace, cheat: &Cheat) -> (Refusal, Vec<Equation>) {
        let stated = self.state(&self.model, trace, cheat, |i| i < usize::MAX);
        let equations = violated(&stated);
        let verdict = self.verify_stated(stated);
        (refusal(verdict), equations)
    }

    /// Proves a trace with the prover's own model, showing the ports that `show` names; verifies with the true one.
    pub fn attempt_on(
        &self,
        mode: Mode,
        model: &ProvingModel,
        mut trace: Trace,
        cheat: &Cheat,
        show: impl Fn(usize) -> bool,
    ) -> Result<(), VerifyError> {
        if mode == Mode::Tree {
            return self.verify_stated(self.state(model, trace, cheat, show));
        }
        cheat.on_trace(Stage::Trace, model.network(), &mut trace);
        let traced = self.traced(mode, model, trace, show);
        let proof = prove_chain(traced, &self.key, cheat);
        verify_chain(self.model.verification(), &self.key, &proof)
    }

    fn traced<'m>(
        &self,
        mode: Mode,
        model: &'m ProvingModel,
        trace: Trace,
        show: impl Fn(usize) -> bool,
    ) -> Traced<'m> {
        let columns = Columns::new(model.network(), trace);
        let shown = public(model, &columns, show);
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        Traced::new(model, mode, columns, shown, &mut rng)
    }

    /// All messages of a proof of committed steps, altered.
    pub fn state<'m>(
        &self,
        model: &'m ProvingModel,
        mut trace: Trace,
        cheat: &Cheat,
        show: impl Fn(usize) -> bool,
    ) -> Stated<'m> {
        cheat.on_trace(Stage::Trace, model.network(), &mut trace);
        let traced = self.traced(Mode::Tree, model, trace, show);
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        let opened = sumchecks::<Tree>(traced, &self.key, Key::embedded(), cheat, &mut rng);
        let mut stated = opened.state().unwrap();
        let play = Play {
            ledger: &mut stated.ledger,
            open: None,
            steps: None,
            committed: Some(&mut stated.steps),
        };
        cheat.on_ledger(Stage::Words, play);
        stated
    }

    fn verify_stated(&self, stated: Stated<'_>) -> Result<(), VerifyError> {
        let mut rng = ChaCha20Rng::seed_from_u64(13);
        let folded = stated.fold(&mut rng).unwrap();
        let proof = Proof {
            messages: stated.open(&self.key).unwrap(),
            folded: Folded::Tree(Box::new(folded)),
        };
        verify_tree(self.model.verification(), &self.key, &proof)
    }
}

/// One of the three equations whose sum the shares are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equation {
    Contract,
    Lookup,
    Open,
}

/// What refuses a cheat with committed steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Nothing.
    None,
    /// The sum of the shares, as this equation does not hold.
    Equation(Equation),
    /// The opening of the columns.
    Opening,
}

impl Committed {
    /// Where the relation stands with committed steps that refuses a cheat in the chain.
    pub fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::None => Self::None,
            Refusal::Opening => Self::Opening,
            Refusal::Step(Check::LookupClaim) | Refusal::End(EndState::BalZ) => {
                Self::Equation(Equation::Lookup)
            }
            Refusal::End(EndState::BalF | EndState::BalS) => Self::Equation(Equation::Contract),
            Refusal::End(EndState::Claim | EndState::BalV) => Self::Equation(Equation::Open),
            other => panic!("{other:?} is of the chain alone"),
        }
    }

    /// Whether an attempt ended so.
    pub fn is(self, (refusal, equations): &(Refusal, Vec<Equation>)) -> bool {
        match self {
            Self::None => *refusal == Refusal::None && equations.is_empty(),
            Self::Opening => *refusal == Refusal::Opening && equations.is_empty(),
            Self::Equation(equation) => {
                *refusal == Refusal::Steps(TreeCheck::Shares) && equations.contains(&equation)
            }
        }
    }
}

/// The equations that the committed messages do not satisfy.
pub fn violated(stated: &Stated<'_>) -> Vec<Equation> {
    let ledger = &stated.ledger;
    let statement = Statement {
        network: ledger.network(),
        challenges: &ledger.challenges,
        points: &ledger.points,
        public: &ledger.public,
        values: &ledger.values,
    };
    let (zero, one) = (F::ZERO, F::ONE);
    [
        (Equation::Contract, [one, zero, zero]),
        (Equation::Lookup, [zero, one, zero]),
        (Equation::Open, [zero, zero, one]),
    ]
    .into_iter()
    .filter(|(_, [contract, lookup, open])| {
        let weights = Weights {
            contract: *contract,
            lookup: *lookup,
            open: *open,
        };
        let equation = statement.equation(&weights).unwrap();
        let sum: F = equation
            .words
            .iter()
            .zip(&stated.steps)
            .map(|(words, (step, _))| step.clone().share(&words.flatten()))
            .sum();
        sum != equation.total
    })
    .map(|(equation, _)| equation)
    .collect()
}

fn on<'a, 'm>(cheat: &Cheat, stage: Stage, ledger: &'a mut Ledger<'m>, open: Option<&'a Open>) {
    let play = Play {
        ledger,
        open,
        steps: None,
        committed: None,
    };
    cheat.on_ledger(stage, play);
}

/// All stages up to the columns' values, altered.
fn sumchecks<'m, B: Fold>(
    mut traced: Traced<'m>,
    key: &OpeningKey,
    fold: B::Key<'_>,
    cheat: &Cheat,
    rng: &mut ChaCha20Rng,
) -> Opened<'m, B> {
    on(cheat, Stage::Counted, &mut traced.0, None);
    let mut fractions = traced.commit(key).fractions().unwrap();
    on(cheat, Stage::Fractions, &mut fractions.0, None);
    let mut claimed = fractions.commit(key).claims();
    on(cheat, Stage::Claims, &mut claimed.0, None);
    let mut contracting = claimed.bind::<B>(fold, rng);
    on(cheat, Stage::Sigma, &mut contracting.0, None);
    let mut contracted = contracting.run(rng);
    on(cheat, Stage::Contracted, &mut contracted.0, None);
    let mut looking = contracted.bind(rng);
    on(cheat, Stage::Tau, &mut looking.0, None);
    let mut looked = looking.run(rng);
    on(cheat, Stage::Evaluations, &mut looked.0, None);
    let mut prepared = looked.bind(rng);
    on(
        cheat,
        Stage::Rho,
        &mut prepared.ledger,
        Some(&prepared.open),
    );
    let mut opened = prepared.run(rng);
    on(cheat, Stage::Values, &mut opened.0, None);
    opened
}

/// All stages of a proof of the chain, altered.
fn prove_chain(traced: Traced<'_>, key: &OpeningKey, cheat: &Cheat) -> Executed {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let mut opened = sumchecks::<Chain>(traced, key, (), cheat, &mut rng);
    let mut steps = opened.steps();
    let play = Play {
        ledger: &mut opened.0,
        open: None,
        steps: Some(&mut steps),
        committed: None,
    };
    cheat.on_ledger(Stage::Words, play);
    let (messages, advice) = opened.open(key).unwrap();
    Executed {
        messages,
        advice,
        steps,
    }
}

/// Position of a node's first real row that satisfies `test`, or of its first row that is not real.
pub fn real(network: &Network, node: usize, test: impl Fn(usize) -> bool) -> usize {
    let found = block_cells(network, node).find(|cell| test(*cell));
    found.expect("a row to cheat in")
}

pub fn padding(network: &Network, node: usize) -> Option<usize> {
    let block = &network.nodes()[node];
    let real: Vec<usize> = block_cells(network, node).collect();
    (block.address()..block.address() + (1 << block.block_bits())).find(|cell| !real.contains(cell))
}

/// `f_l` as the verifier computes it, as far as the challenges are known.
pub fn slot_f(ledger: &Ledger<'_>, slot: usize) -> F {
    let network = ledger.network();
    let points = &ledger.points;
    let power = points.sigma.pow([u64::try_from(slot).unwrap()]);
    network.slots().nth(slot).map_or(F::ZERO, |slot| {
        network.contract_factor(&slot, &ledger.challenges, &points.x, power)
    })
}

// ---- what a lie has to make up for, and lies in one message that make the next check true

/// What LOOKUP's true sum has more than the claims give.
pub fn gap_z(ledger: &Ledger<'_>) -> F {
    let mut gap = ledger.with_lookup(|l| l.sum()) - ledger.public_z();
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
    Steps(TreeCheck),
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
    Value,
    Version,
    Truncated,
    Length,
    Field,
    Point,
    Flag,
    Mode,
    Other,
}

pub fn refusal(verdict: Result<(), VerifyError>) -> Refusal {
    use pleat_nova_circuits::chain::Error as Nova;
    match verdict {
        Ok(()) => Refusal::None,
        Err(VerifyError::Step(unsatisfied)) => Refusal::Step(unsatisfied.check),
        Err(VerifyError::Steps(check)) => Refusal::Steps(check),
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
            FormatError::Mode { .. } => Format::Mode,
            FormatError::Value { .. } => Format::Value,
            _ => Format::Other,
        }),
        Err(other) => panic!("no check, but {other}"),
    }
}
