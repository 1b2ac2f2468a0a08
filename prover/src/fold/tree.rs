//! Committed steps: every message becomes variables of a step and a commitment to them; in the end the steps are folded and the
//! root is proved (PROTOCOL.md §5).

use pleat_nova_circuits::cycle::{EncodedPoint, F};
use pleat_nova_circuits::tree::fold::Leaves;
use pleat_nova_circuits::tree::instance::{Relaxed, Step};
use pleat_nova_circuits::tree::step::{Message as Variable, Segment, Words};
use pleat_nova_circuits::tree::{FoldProof, Key};
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::Mode;
use pleat_verifier::fold::tree::{
    Commitments, Equation, Layout, Messages as TreeMessages, Statement, Weights,
};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::Messages;
use pleat_verifier::transcript::{Folding, FractionsFixed, Rounds};
use rand_core::CryptoRngCore;
use tracing::info_span;

use super::Fold;
use crate::stages::{Ledger, Opened};
use crate::sumcheck::Message;

/// The steps so far, and the transcript of their commitments.
///
/// The steps are open to change for the same reason as the ledger: a verifier must refuse whatever is made of them.
pub struct Tree {
    key: Key,
    layout: Layout,
    transcript: Rounds,
    /// One for each step of the proof.
    pub steps: Vec<Step>,
    /// Rounds so far.
    round: usize,
}

/// Sets messages of every node: for each of its claims, its place among the slot's and its value.
fn set_claims<const N: usize>(steps: &mut [Step], claims: impl Iterator<Item = [(usize, F); N]>) {
    for (slot, claims) in claims.enumerate() {
        let (step, place) = Layout::slot(slot);
        if let Some(step) = steps.get_mut(step) {
            for (i, value) in claims {
                step.set(Variable::Slot(place, i), value);
            }
        }
    }
}

/// Commits to a segment of every step.
fn commit(
    steps: &mut [Step],
    key: &Key,
    segment: Segment,
    rng: &mut impl CryptoRngCore,
) -> Vec<EncodedPoint> {
    let steps = steps.iter_mut();
    steps.map(|step| step.commit(key, segment, rng)).collect()
}

impl Tree {
    /// Steps that have slots.
    fn with_slots(&mut self) -> &mut [Step] {
        let n = self.layout.slot_steps().min(self.steps.len());
        &mut self.steps[..n]
    }

    /// The commitments to all messages.
    fn commitments(&self) -> Option<Commitments> {
        let own = |step: usize, segment: Segment| {
            *self.steps.get(step)?.commitments.get(segment.index())?
        };
        let rounds = self.layout.rounds();
        let each = |segment| (0..self.layout.slot_steps()).map(move |i| own(i, segment));
        let round = |n: usize| {
            let (step, place) = Layout::round(n);
            own(step, Segment::R(place))
        };
        let lookup = rounds.contract + rounds.lookup;
        Some(Commitments {
            claims: each(Segment::Z).collect::<Option<_>>()?,
            contract: (0..rounds.contract).map(round).collect::<Option<_>>()?,
            products: each(Segment::A).collect::<Option<_>>()?,
            lookup: (rounds.contract..lookup)
                .map(round)
                .collect::<Option<_>>()?,
            evaluations: own(self.layout.evaluations(), Segment::E)?,
            open: (lookup..rounds.total()).map(round).collect::<Option<_>>()?,
        })
    }
}

impl Fold for Tree {
    const MODE: Mode = Mode::Tree;
    type Key<'k> = &'k Key;

    fn start(
        key: &Key,
        fixed: FractionsFixed,
        ledger: &Ledger<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> (Self, F) {
        let layout = Layout::new(ledger.network());
        let mut steps = vec![Step::new(); layout.steps()];
        let claims = ledger.claims.iter();
        set_claims(&mut steps, claims.map(|o| [(0, o.s), (1, o.c), (2, o.d)]));
        let own = layout.slot_steps().min(steps.len());
        let committed = commit(&mut steps[..own], key, Segment::Z, rng);
        let (transcript, sigma) = fixed.claims(&committed);
        let tree = Self {
            key: key.clone(),
            layout,
            transcript,
            steps,
            round: 0,
        };
        (tree, sigma)
    }

    fn round(&mut self, message: &Message, rng: &mut impl CryptoRngCore) -> F {
        let (step, place) = Layout::round(self.round);
        self.round += 1;
        let key = &self.key;
        let committed = self.steps.get_mut(step).map(|step| {
            for (i, value) in message.iter().enumerate() {
                step.set(Variable::Round(place, i), *value);
            }
            step.commit(key, Segment::R(place), rng)
        });
        match committed {
            Some(point) => self.transcript.round(&point),
            // There are as many places as rounds.
            None => self.transcript.round(&[]),
        }
    }

    fn products(&mut self, ledger: &Ledger<'_>, rng: &mut impl CryptoRngCore) {
        let claims = ledger.claims.iter();
        set_claims(&mut self.steps, claims.map(|o| [(3, o.a), (4, o.b)]));
        let key = self.key.clone();
        let committed = commit(self.with_slots(), &key, Segment::A, rng);
        self.transcript.products(&committed);
    }

    fn evaluations(&mut self, ledger: &Ledger<'_>, rng: &mut impl CryptoRngCore) -> F {
        let step = self.layout.evaluations();
        let key = &self.key;
        let committed = self.steps.get_mut(step).map(|step| {
            for (i, value) in ledger.evaluations.iter().enumerate() {
                step.set(Variable::Evaluation(i), *value);
            }
            step.commit(key, Segment::E, rng)
        });
        match committed {
            Some(point) => self.transcript.evaluations(&point),
            None => self.transcript.evaluations(&[]),
        }
    }
}

/// All messages are bound: what the steps have to satisfy is known.
pub struct Stated<'m> {
    /// What the prover knows.
    pub ledger: Ledger<'m>,
    /// What the verifier demands.
    pub equation: Equation,
    /// The steps, under their words.
    pub steps: Vec<(Step, Vec<F>)>,
    /// `η`.
    pub eta: F,
    key: Key,
    commitments: Commitments,
    transcript: Folding,
}

impl<'m> Opened<'m, Tree> {
    /// Step 9: `η, ζ`, and the words of every step.
    ///
    /// # Errors
    /// If a message is missing.
    pub fn state(self) -> Result<Stated<'m>, VerifyError> {
        let Self(ledger, tree) = self;
        let missing = || VerifyError::Aborted("a message is missing".to_owned());
        let commitments = tree.commitments().ok_or_else(missing)?;
        let (transcript, eta, zeta) = tree.transcript.values(&ledger.values);
        let statement = Statement {
            network: ledger.network(),
            challenges: &ledger.challenges,
            points: &ledger.points,
            public: &ledger.public,
            values: &ledger.values,
        };
        let equation = statement.equation(&Weights::powers(&zeta))?;
        let words = equation.words.iter().map(Words::flatten);
        Ok(Stated {
            steps: tree.steps.into_iter().zip(words).collect(),
            equation,
            eta,
            key: tree.key,
            commitments,
            transcript,
            ledger,
        })
    }
}

impl Stated<'_> {
    /// Folds the steps with a random instance, and proves the root.
    ///
    /// # Errors
    /// If the inner-product argument cannot be made.
    pub fn fold(&self, rng: &mut impl CryptoRngCore) -> Result<TreeMessages, VerifyError> {
        let _span = info_span!("fold").entered();
        let leaves = Leaves::new(&self.key, self.steps.clone(), rng);
        let mask = Relaxed::random(rng);
        let mut transcript = self.transcript.clone();
        let fold: FoldProof = leaves
            .fold(&self.key, &mut transcript, mask, rng)
            .map_err(|e| VerifyError::Aborted(e.to_string()))?;
        Ok(TreeMessages {
            commitments: self.commitments.clone(),
            fold,
        })
    }

    /// Step 10: the opening of the columns.
    ///
    /// # Errors
    /// If the inner-product argument cannot be made.
    pub fn open(&self, key: &OpeningKey) -> Result<Messages, VerifyError> {
        self.ledger.open(key, &self.eta)
    }
}
