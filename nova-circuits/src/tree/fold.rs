//! Folding the steps, and a random instance after them, in a binary tree. The cross terms of a whole level are committed before
//! its one challenge, so that an extractor's tree of transcripts is polynomial in the number of steps (PROTOCOL.md §5.3).

use super::{
    Check, Error, FoldProof, MaskInstance,
    instance::{Relaxed, Step},
    key::Key,
    last::{self, Opened, Root, challenge},
    pairs,
    step::{SEGMENTS, Segment, WORDS},
};
use crate::{
    cycle::{EncodedPoint, F, Point, field_to_bytes, point_zero},
    ipa::{Claim, IpaError, Transcript},
};
use ff::Field;
use rand_core::CryptoRngCore;
use rayon::prelude::*;

/// Absorbs a point.
fn absorb(transcript: &mut impl Transcript<F>, label: &'static str, point: &EncodedPoint) {
    transcript.absorb(label, point.bytes());
}

/// Before the first level: every step's share and products, the blind of the shares' sum, the random instance.
fn absorb_leaves(
    transcript: &mut impl Transcript<F>,
    shares: &[[EncodedPoint; 2]],
    blind: &F,
    mask: &MaskInstance,
) {
    for [share, products] in shares {
        absorb(transcript, "D", share);
        absorb(transcript, "V", products);
    }
    transcript.absorb("b", &field_to_bytes(blind));
    for point in &mask.segments {
        absorb(transcript, "mask", point);
    }
    absorb(transcript, "mask E", &mask.error);
}

/// Absorbs a level's cross terms; gives its challenge.
fn absorb_level(
    transcript: &mut impl Transcript<F>,
    cross: &[EncodedPoint],
) -> Result<F, IpaError> {
    for point in cross {
        absorb(transcript, "T", point);
    }
    challenge(transcript, "level")
}

/// Commits to a random instance.
pub fn commit_mask(key: &Key, mask: &Relaxed) -> MaskInstance {
    let segments: Vec<Segment> = Segment::all().collect();
    let commit = |segment: &Segment| {
        key.commit_segment(*segment, &mask.variables, &mask.blinds[segment.index()])
    };
    let (committed, error) = rayon::join(
        || segments.par_iter().map(commit).collect::<Vec<_>>(),
        || EncodedPoint::from_point(key.commit_errors(&mask.error, &mask.error_blind)),
    );
    let mut own = [error; SEGMENTS];
    own.copy_from_slice(&committed);
    MaskInstance {
        segments: own,
        error,
    }
}

/// Steps under their words, with shares and products committed, not folded yet.
#[derive(Clone, Debug)]
pub struct Leaves {
    /// The steps.
    pub steps: Vec<Relaxed>,
    /// Commitments to their segments `D` and `V`.
    pub shares: Vec<[EncodedPoint; 2]>,
}

impl Leaves {
    /// Completes the steps under their words, and commits to what that adds.
    pub fn new(key: &Key, steps: Vec<(Step, Vec<F>)>, rng: &mut impl CryptoRngCore) -> Self {
        let steps = steps.into_iter().map(|(mut step, words)| {
            step.complete(&words);
            step.blinds[Segment::D.index()] = F::random(&mut *rng);
            step.blinds[Segment::V.index()] = F::random(&mut *rng);
            Relaxed::of_step(step, words)
        });
        let steps: Vec<Relaxed> = steps.collect();
        let shares = steps.par_iter().map(|step| {
            [Segment::D, Segment::V].map(|segment| {
                key.commit_segment(segment, &step.variables, &step.blinds[segment.index()])
            })
        });
        Self {
            shares: shares.collect(),
            steps,
        }
    }

    /// Folds them with a random instance, and proves the root.
    ///
    /// # Errors
    /// [`Error`].
    pub fn fold(
        self,
        key: &Key,
        transcript: &mut impl Transcript<F>,
        mask: Relaxed,
        rng: &mut impl CryptoRngCore,
    ) -> Result<FoldProof, Error> {
        let Self { steps, shares } = self;
        if steps.is_empty() {
            return Err(Error::NoSteps);
        }
        let blind = steps.iter().map(|s| s.blinds[Segment::D.index()]).sum();
        let masked = commit_mask(key, &mask);
        absorb_leaves(transcript, &shares, &blind, &masked);
        let mut nodes = steps;
        nodes.push(mask);
        let mut cross = Vec::new();
        while nodes.len() > 1 {
            let blinds: Vec<F> = (0..nodes.len() / 2).map(|_| F::random(&mut *rng)).collect();
            let level = nodes.par_chunks_exact(2).zip(&blinds);
            let level: Vec<(Vec<F>, EncodedPoint)> = level
                .map(|(pair, blind)| {
                    let terms = pair[0].cross(&pair[1]);
                    let point = EncodedPoint::from_point(key.commit_errors(&terms, blind));
                    (terms, point)
                })
                .collect();
            let points: Vec<EncodedPoint> = level.iter().map(|(_, point)| *point).collect();
            let r = absorb_level(transcript, &points)?;
            let folded = nodes.par_chunks(2).enumerate();
            nodes = folded
                .map(|(i, pair)| match (pair, level.get(i), blinds.get(i)) {
                    ([left, right], Some((terms, _)), Some(blind)) => {
                        left.fold(right, terms, blind, &r)
                    }
                    (other, ..) => other[0].clone(),
                })
                .collect();
            cross.extend(points);
        }
        let last = last::prove(key, transcript, &nodes[0])?;
        Ok(FoldProof {
            shares,
            blind,
            mask: masked,
            cross,
            last,
        })
    }
}

/// A step as the verifier has it: commitments to its messages, and its words. A segment without a commitment is zero.
#[derive(Clone, Debug)]
pub struct StepInstance {
    /// Commitments to the segments but `D` and `V`.
    pub messages: [Option<EncodedPoint>; SEGMENTS],
    /// `X`.
    pub words: Vec<F>,
}

/// By how much leaves and cross terms count in the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coefficients {
    /// Of everything but the errors of each leaf.
    pub leaves: Vec<F>,
    /// Of the last leaf's error; the others have none.
    pub error: F,
    /// Of the cross terms, level by level.
    pub cross: Vec<F>,
}

impl Coefficients {
    /// For a tree over so many steps and one leaf more, folded under one challenge a level.
    #[must_use]
    pub fn new(steps: usize, challenges: &[F]) -> Self {
        let levels: Vec<(usize, &F)> = pairs(steps).zip(challenges).collect();
        let mut nodes = vec![(F::ONE, F::ONE)];
        let mut cross: Vec<Vec<F>> = Vec::new();
        let mut sizes: Vec<usize> = Vec::new();
        let mut size = steps.saturating_add(1);
        for _ in &levels {
            sizes.push(size);
            size = size.div_ceil(2);
        }
        for ((pairs, r), size) in levels.into_iter().zip(sizes).rev() {
            let parents = nodes.iter().take(pairs);
            cross.push(parents.map(|(_, error)| *error * r).collect());
            let children = nodes
                .iter()
                .flat_map(|(own, error)| [(*own, *error), (*own * r, *error * r.square())]);
            nodes = children.take(size).collect();
        }
        cross.reverse();
        Self {
            error: nodes.last().map_or(F::ONE, |(_, error)| *error),
            leaves: nodes.into_iter().map(|(own, _)| own).collect(),
            cross: cross.concat(),
        }
    }
}

/// Checks that steps with these commitments and words exist, satisfy the constraints, and have shares that add up to `total`.
/// The transcript has to be in the state in which the prover's was.
///
/// # Errors
/// The [`Check`] that refuses.
pub fn verify(
    key: &Key,
    transcript: &mut impl Transcript<F>,
    steps: &[StepInstance],
    total: &F,
    proof: &FoldProof,
) -> Result<(), Check> {
    let claim = claim(key, transcript, steps, total, proof)?;
    claim
        .holds(&key.bases())
        .then_some(())
        .ok_or(Check::Opening)
}

/// All of [`verify`] but the last multiplication: the proof is valid if the claim holds, relative to [`Key::bases`].
///
/// # Errors
/// [`Check`].
pub fn claim(
    key: &Key,
    transcript: &mut impl Transcript<F>,
    steps: &[StepInstance],
    total: &F,
    proof: &FoldProof,
) -> Result<Claim<Point>, Check> {
    let FoldProof {
        shares,
        blind,
        mask,
        cross,
        last,
    } = proof;
    if shares.len() != steps.len() || cross.len() != steps.len() {
        return Err(Check::Tree);
    }
    let sum = shares
        .iter()
        .fold(point_zero(), |sum, [share, _]| sum + share.point());
    if sum != key.single(Segment::D.range().start, total, blind) {
        return Err(Check::Shares);
    }
    absorb_leaves(transcript, shares, blind, mask);
    let mut challenges = Vec::new();
    let mut rest = cross.as_slice();
    for pairs in pairs(steps.len()) {
        let (level, others) = rest.split_at_checked(pairs).ok_or(Check::Tree)?;
        challenges.push(absorb_level(transcript, level).map_err(|_| Check::Tree)?);
        rest = others;
    }
    let coefficients = Coefficients::new(steps.len(), &challenges);
    let root = root(steps, proof, &coefficients);
    last::claim(key, transcript, &root, last)
}

/// The root's commitments, as sums still to be computed, with its slack and words.
fn root(steps: &[StepInstance], proof: &FoldProof, coefficients: &Coefficients) -> Root {
    let mut root = Root {
        commitments: Vec::new(),
        slack: F::ZERO,
        words: vec![F::ZERO; WORDS],
    };
    let mut add = |opened: Opened, factor: &F, point: &EncodedPoint| {
        root.commitments.push((opened, *factor, *point.affine()));
    };
    let leaves = steps.iter().zip(&proof.shares).zip(&coefficients.leaves);
    for ((step, [share, products]), factor) in leaves {
        for (segment, message) in Segment::all().zip(&step.messages) {
            if let Some(point) = message {
                add(Opened::Segment(segment), factor, point);
            }
        }
        add(Opened::Segment(Segment::D), factor, share);
        add(Opened::Segment(Segment::V), factor, products);
        root.slack += factor;
        let pairs = root.words.iter_mut().zip(&step.words);
        pairs.for_each(|(sum, word)| *sum += *factor * word);
    }
    let factor = coefficients.leaves.last().copied().unwrap_or(F::ONE);
    for (segment, point) in Segment::all().zip(&proof.mask.segments) {
        add(Opened::Segment(segment), &factor, point);
    }
    add(Opened::Error, &coefficients.error, &proof.mask.error);
    for (point, factor) in proof.cross.iter().zip(&coefficients.cross) {
        add(Opened::Error, factor, point);
    }
    root
}
