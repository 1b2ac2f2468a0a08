//! Instances of the step's relaxed R1CS as the prover has them: a step whose segments are committed one by one, and what steps
//! are folded into.

use super::{
    key::Key,
    step::{
        CONSTRAINTS, Message, SEGMENTS, Segment, VARIABLES, WORDS, complete, products, residue,
        vector,
    },
};
use crate::cycle::{EncodedPoint, F};
use ff::Field;
use rand_core::CryptoRngCore;

/// A step in the making.
#[derive(Clone, Debug)]
pub struct Step {
    /// Messages, and what follows from them.
    pub variables: Vec<F>,
    /// Blind of each segment's commitment.
    pub blinds: [F; SEGMENTS],
    /// The commitments made so far.
    pub commitments: [Option<EncodedPoint>; SEGMENTS],
}

impl Step {
    /// A step without messages.
    #[must_use]
    pub fn new() -> Self {
        Self {
            variables: vec![F::ZERO; VARIABLES],
            blinds: [F::ZERO; SEGMENTS],
            commitments: [None; SEGMENTS],
        }
    }

    /// Sets a message.
    pub fn set(&mut self, message: Message, value: F) {
        if let Some(variable) = self.variables.get_mut(message.variable()) {
            *variable = value;
        }
    }

    /// Commits to a segment as it is now, with a fresh blind.
    pub fn commit(
        &mut self,
        key: &Key,
        segment: Segment,
        rng: &mut impl CryptoRngCore,
    ) -> EncodedPoint {
        let blind = F::random(rng);
        let point = key.commit_segment(segment, &self.variables, &blind);
        self.blinds[segment.index()] = blind;
        self.commitments[segment.index()] = Some(point);
        point
    }

    /// Fills in products and share under these words.
    pub fn complete(&mut self, words: &[F]) {
        complete(&mut self.variables, words);
    }

    /// `Δ` under these words.
    pub fn share(&mut self, words: &[F]) -> F {
        self.complete(words);
        let share = self.variables.get(Segment::D.range().start);
        share.copied().unwrap_or(F::ZERO)
    }
}

impl Default for Step {
    fn default() -> Self {
        Self::new()
    }
}

/// A relaxed instance with its witness: `Az∘Bz = u·Cz + E`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relaxed {
    /// `W`.
    pub variables: Vec<F>,
    /// `u`.
    pub slack: F,
    /// `X`.
    pub words: Vec<F>,
    /// `E`.
    pub error: Vec<F>,
    /// Blinds of the segments' commitments.
    pub blinds: [F; SEGMENTS],
    /// Blind of the commitment to `E`.
    pub error_blind: F,
}

impl Relaxed {
    /// A step, which is not relaxed: its slack is 1, its error 0. Blinds of segments that it does not commit to are 0.
    #[must_use]
    pub fn of_step(step: Step, words: Vec<F>) -> Self {
        Self {
            variables: step.variables,
            slack: F::ONE,
            words,
            error: vec![F::ZERO; CONSTRAINTS],
            blinds: step.blinds,
            error_blind: F::ZERO,
        }
    }

    /// A random instance, without words and slack. It is *not* an instance of a step: every variable is drawn by itself, products
    /// too, or they would show at the root what they are products of. It serves one proof only.
    pub fn random(rng: &mut impl CryptoRngCore) -> Self {
        let variables: Vec<F> = (0..VARIABLES).map(|_| F::random(&mut *rng)).collect();
        let slack = F::ZERO;
        let words = vec![F::ZERO; WORDS];
        let error = residue(&vector(&variables, &slack, &words));
        Self {
            variables,
            slack,
            words,
            error,
            blinds: [(); SEGMENTS].map(|()| F::random(&mut *rng)),
            error_blind: F::random(&mut *rng),
        }
    }

    /// `z`.
    #[must_use]
    pub fn vector(&self) -> Vec<F> {
        vector(&self.variables, &self.slack, &self.words)
    }

    /// What folding this instance with another leaves between their errors, `T`.
    #[must_use]
    pub fn cross(&self, other: &Self) -> Vec<F> {
        let [a1, b1, c1] = products(&self.vector());
        let [a2, b2, c2] = products(&other.vector());
        let (u1, u2) = (self.slack, other.slack);
        let row = |i: usize| a1[i] * b2[i] + a2[i] * b1[i] - u1 * c2[i] - u2 * c1[i];
        (0..CONSTRAINTS).map(row).collect()
    }

    /// Folds two instances into one: everything with `1, r`, errors with `1, r, r²`, the cross term between them.
    #[must_use]
    pub fn fold(&self, other: &Self, cross: &[F], cross_blind: &F, r: &F) -> Self {
        let linear =
            |a: &[F], b: &[F]| -> Vec<F> { a.iter().zip(b).map(|(a, b)| *a + *r * b).collect() };
        let square = r.square();
        let errors = self.error.iter().zip(cross).zip(&other.error);
        let mut blinds = self.blinds;
        let pairs = blinds.iter_mut().zip(&other.blinds);
        pairs.for_each(|(a, b)| *a += *r * b);
        Self {
            variables: linear(&self.variables, &other.variables),
            slack: self.slack + *r * other.slack,
            words: linear(&self.words, &other.words),
            error: errors.map(|((a, t), b)| *a + *r * t + square * b).collect(),
            blinds,
            error_blind: self.error_blind + *r * cross_blind + square * other.error_blind,
        }
    }

    /// Whether the constraints hold.
    #[must_use]
    pub fn is_satisfied(&self) -> bool {
        residue(&self.vector()) == self.error
    }
}
