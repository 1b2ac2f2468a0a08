//! What the tests attack: honest steps, a transcript that can be weakened, and a prover whose every part can be changed.

use ff::Field;
use pleat_nova_circuits::{
    cycle::{
        Affine, EncodedPoint, F, Point, field_from_uniform, field_to_bytes, point_from_affine,
    },
    ipa::Transcript,
    tree::{
        Check, FoldProof, Key, MaskInstance,
        fold::{Coefficients, Leaves, StepInstance, commit_mask, verify},
        instance::{Relaxed, Step},
        last,
        step::{Message, Segment, WORDS},
    },
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use sha3::{Digest, Sha3_256};
use std::sync::LazyLock;

pub static KEY: LazyLock<Key> = LazyLock::new(Key::new);

/// How a transcript is weaker than it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It is not.
    None,
    /// Commitments are not kept apart: `μ` is 1.
    OneMu,
    /// Messages of this label are not absorbed: challenges do not follow them.
    Without(&'static str),
    /// The message of this label that comes after so many others of it is not absorbed.
    WithoutNumber(&'static str, usize),
}

/// A transcript of the tests'.
#[derive(Clone)]
pub struct Hashed {
    hash: Sha3_256,
    weakness: Weakness,
    /// Labels of all messages.
    pub absorbed: Vec<&'static str>,
    /// Challenges, with their labels.
    pub drawn: Vec<(&'static str, F)>,
}

impl Hashed {
    pub fn new(weakness: Weakness) -> Self {
        Self {
            hash: Sha3_256::new(),
            weakness,
            absorbed: Vec::new(),
            drawn: Vec::new(),
        }
    }

    fn update(&mut self, label: &str, bytes: &[u8]) {
        self.hash.update((label.len() as u64).to_le_bytes());
        self.hash.update(label);
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }
}

impl Transcript<F> for Hashed {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        let before = self.absorbed.iter().filter(|l| **l == label).count();
        self.absorbed.push(label);
        let omitted = match self.weakness {
            Weakness::None | Weakness::OneMu => false,
            Weakness::Without(omitted) => omitted == label,
            Weakness::WithoutNumber(omitted, number) => omitted == label && number == before,
        };
        if !omitted {
            self.update(label, bytes);
        }
    }

    fn challenge(&mut self, label: &'static str) -> Option<F> {
        self.update(label, b"challenge");
        let mut bytes = [0; 64];
        for half in bytes.chunks_mut(32) {
            let squeezed = self.hash.clone().finalize();
            half.copy_from_slice(&squeezed);
            self.hash.update(squeezed);
        }
        let drawn = field_from_uniform(&bytes);
        let one = self.weakness == Weakness::OneMu && label == "mu";
        let challenge = if one { F::ONE } else { drawn };
        self.drawn.push((label, challenge));
        Some(challenge)
    }
}

/// The segment that a variable is in.
pub fn segment_of(variable: usize) -> Segment {
    Segment::all()
        .find(|s| s.range().contains(&variable))
        .unwrap()
}

/// The variable `Δ`.
pub fn share_variable() -> usize {
    Segment::D.range().start
}

/// `value` times the generator of a variable.
pub fn on_variable(variable: usize, value: F) -> Point {
    point_from_affine(&KEY.variables()[variable]) * value
}

/// `value` times a generator.
pub fn on(generator: &Affine, value: F) -> Point {
    point_from_affine(generator) * value
}

/// Adds to a commitment.
pub fn add(to: &mut EncodedPoint, point: Point) {
    *to = EncodedPoint::from_point(*to.point() + point);
}

/// Steps with random messages in every segment but those that are left out, and random words where there are messages. The last
/// of several steps has one round only, and the second one the evaluations: it alone has all segments.
pub struct Case {
    /// As the verifier has them.
    pub instances: Vec<StepInstance>,
    /// As the prover has them.
    pub steps: Vec<(Step, Vec<F>)>,
    pub total: F,
    pub rng: ChaCha20Rng,
}

/// The step of [`Case::new`] that has all segments.
pub const FULL: usize = 1;

/// Whether the step number `i` lacks a segment of messages.
fn left_out(i: usize, steps: usize, segment: Segment) -> bool {
    match segment {
        Segment::D | Segment::V => true,
        Segment::E => i != FULL,
        Segment::R(0) => false,
        _ => i + 1 == steps && steps > 1,
    }
}

impl Case {
    pub fn new(steps: usize, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let step = |i: usize| {
            let mut step = Step::new();
            let mut words = vec![F::ZERO; WORDS];
            for (word, message) in words.iter_mut().zip(Message::all()) {
                let segment = segment_of(message.variable());
                let lacks = left_out(i, steps, segment);
                if !lacks {
                    step.set(message, F::random(&mut rng));
                }
                if segment == Segment::V || !lacks {
                    *word = F::random(&mut rng);
                }
            }
            for segment in Segment::all().filter(|s| !left_out(i, steps, *s)) {
                step.commit(&KEY, segment, &mut rng);
            }
            (step, words)
        };
        let steps: Vec<(Step, Vec<F>)> = (0..steps).map(step).collect();
        let mut case = Self {
            instances: instances(&steps),
            steps,
            total: F::ZERO,
            rng,
        };
        case.total = sum_of_shares(&case.leaves());
        case
    }

    /// Completed steps, with shares and products committed.
    pub fn leaves(&mut self) -> Leaves {
        Leaves::new(&KEY, self.steps.clone(), &mut self.rng)
    }

    /// The honest prover.
    pub fn prove(&mut self, transcript: Weakness) -> FoldProof {
        let leaves = self.leaves();
        let mask = Relaxed::random(&mut self.rng);
        leaves
            .fold(&KEY, &mut Hashed::new(transcript), mask, &mut self.rng)
            .unwrap()
    }

    /// A prover that can be changed.
    pub fn hand(&mut self) -> Hand {
        let leaves = self.leaves();
        Hand::new(leaves, Relaxed::random(&mut self.rng))
    }

    pub fn verify(&self, proof: &FoldProof) -> Result<(), Check> {
        self.verify_with(Weakness::None, proof)
    }

    pub fn verify_with(&self, weakness: Weakness, proof: &FoldProof) -> Result<(), Check> {
        let mut transcript = Hashed::new(weakness);
        verify(&KEY, &mut transcript, &self.instances, &self.total, proof)
    }
}

/// The verifier's view of steps.
pub fn instances(steps: &[(Step, Vec<F>)]) -> Vec<StepInstance> {
    let instance = |(step, words): &(Step, Vec<F>)| StepInstance {
        messages: step.commitments,
        words: words.clone(),
    };
    steps.iter().map(instance).collect()
}

/// `Σ Δ_i`.
pub fn sum_of_shares(leaves: &Leaves) -> F {
    let shares = leaves.steps.iter().map(|s| s.variables[share_variable()]);
    shares.sum()
}

/// What [`Leaves::fold`] does, in pieces, each open to change.
#[derive(Clone)]
pub struct Hand {
    pub leaves: Leaves,
    /// The blind that is sent; `None` for that of the shares' sum.
    pub blind: Option<F>,
    pub mask: Relaxed,
    pub masked: MaskInstance,
}

/// One pair of a level, while its cross terms are made.
pub struct Pair<'a> {
    /// Number of the pair, counted through all levels.
    pub number: usize,
    pub left: &'a Relaxed,
    pub right: &'a Relaxed,
    /// The cross terms that are folded.
    pub terms: &'a mut Vec<F>,
    /// What is added to their commitment.
    pub extra: &'a mut Point,
}

/// The tree is folded, the root not yet proved.
pub struct Folded {
    pub root: Relaxed,
    pub cross: Vec<EncodedPoint>,
    pub levels: Vec<F>,
    pub transcript: Hashed,
}

impl Folded {
    /// By how much each leaf counts in the root.
    pub fn coefficients(&self) -> Coefficients {
        Coefficients::new(self.cross.len(), &self.levels)
    }
}

impl Hand {
    pub fn new(leaves: Leaves, mask: Relaxed) -> Self {
        Self {
            masked: commit_mask(&KEY, &mask),
            blind: None,
            leaves,
            mask,
        }
    }

    /// Commits to the mask as it is now.
    pub fn commit_mask(&mut self) {
        self.masked = commit_mask(&KEY, &self.mask);
    }

    fn blind(&self) -> F {
        let blinds = self.leaves.steps.iter();
        let sum = blinds.map(|s| s.blinds[Segment::D.index()]).sum();
        self.blind.unwrap_or(sum)
    }

    pub fn fold(
        &self,
        weakness: Weakness,
        rng: &mut ChaCha20Rng,
        change: &mut dyn FnMut(Pair<'_>),
    ) -> Folded {
        let mut transcript = Hashed::new(weakness);
        let mut point = |label, point: &EncodedPoint| transcript.absorb(label, point.bytes());
        for [share, products] in &self.leaves.shares {
            point("D", share);
            point("V", products);
        }
        transcript.absorb("b", &field_to_bytes(&self.blind()));
        for segment in &self.masked.segments {
            transcript.absorb("mask", segment.bytes());
        }
        transcript.absorb("mask E", self.masked.error.bytes());
        let mut nodes = self.leaves.steps.clone();
        nodes.push(self.mask.clone());
        let (mut cross, mut levels) = (Vec::new(), Vec::new());
        while nodes.len() > 1 {
            let blinds: Vec<F> = (0..nodes.len() / 2).map(|_| F::random(&mut *rng)).collect();
            let mut level = Vec::new();
            for (pair, blind) in nodes.chunks_exact(2).zip(&blinds) {
                let mut terms = pair[0].cross(&pair[1]);
                let mut extra = on_variable(0, F::ZERO);
                change(Pair {
                    number: cross.len(),
                    left: &pair[0],
                    right: &pair[1],
                    terms: &mut terms,
                    extra: &mut extra,
                });
                let committed = KEY.commit_errors(&terms, blind) + extra;
                cross.push(EncodedPoint::from_point(committed));
                transcript.absorb("T", cross.last().unwrap().bytes());
                level.push(terms);
            }
            let r = transcript.challenge("level").unwrap();
            levels.push(r);
            let fold = |(i, pair): (usize, &[Relaxed])| match pair {
                [left, right] => left.fold(right, &level[i], &blinds[i], &r),
                other => other[0].clone(),
            };
            nodes = nodes.chunks(2).enumerate().map(fold).collect();
        }
        Folded {
            root: nodes.remove(0),
            cross,
            levels,
            transcript,
        }
    }

    /// Proves the root.
    pub fn finish(&self, folded: Folded) -> FoldProof {
        self.finish_drawn(folded).0
    }

    /// Proves the root; the challenges, too.
    pub fn finish_drawn(&self, folded: Folded) -> (FoldProof, Vec<(&'static str, F)>) {
        let Folded {
            root,
            cross,
            mut transcript,
            ..
        } = folded;
        let proof = FoldProof {
            shares: self.leaves.shares.clone(),
            blind: self.blind(),
            mask: self.masked.clone(),
            last: last::prove(&KEY, &mut transcript, &root).unwrap(),
            cross,
        };
        (proof, transcript.drawn)
    }

    /// Folds and proves, with cross terms as they should be.
    pub fn prove(&self, weakness: Weakness, rng: &mut ChaCha20Rng) -> FoldProof {
        self.finish(self.fold(weakness, rng, &mut |_| ()))
    }
}
