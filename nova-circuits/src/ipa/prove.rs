//! The prover. Folding generators each round would cost a full scalar multiplication for each of them; instead, [`DEFERRED`] rounds
//! are played on the generators as they are, with scalars multiplied out, before they are folded at once.

use super::{Argument, Bases, IpaError, SMALL, Statement, Transcript, round, scaled, size, start};
use crate::msm::{EndoGroup, fold, msm};
use crate::vectors::{add_scaled, inner_product};
use ff::Field;
use pleat_lanes::Element;
use rayon::prelude::*;

/// Rounds between two foldings. Each costs a multi-scalar multiplication over all generators, and makes folding cheaper.
const DEFERRED: usize = 3;
/// Foldings into fewer generators than this cost more than the rounds that they speed up.
const WORTHWHILE: usize = 64;

/// Generators of which `current` are left: `G_i = Σ_j weights[j]·points[j·current + i]`.
struct Deferred<'a, G: EndoGroup> {
    points: std::borrow::Cow<'a, [G::AffineGroupElement]>,
    weights: Vec<G::Scalar>,
}

impl<G: EndoGroup> Deferred<'_, G> {
    /// `⟨vector, half of the generators⟩ + inner·U`; the upper half, or the lower.
    fn commit(
        &self,
        vector: &[G::Scalar],
        upper: bool,
        inner: (G::Scalar, G::AffineGroupElement),
    ) -> G {
        let half = vector.len();
        let blocks = self.points.chunks_exact(half).skip(usize::from(upper));
        let mut points = blocks.step_by(2).collect::<Vec<_>>().concat();
        let weighted = self.weights.iter().flat_map(|w| scaled(vector, *w));
        let mut scalars: Vec<G::Scalar> = weighted.collect();
        scalars.push(inner.0);
        points.push(inner.1);
        msm(&scalars, &points)
    }

    /// `G_L + x·G_R`.
    fn challenge(&mut self, x: &G::Scalar) {
        let double = |w: &G::Scalar| [*w, *w * x];
        self.weights = self.weights.iter().flat_map(double).collect();
        let left = self.points.len() / self.weights.len();
        if self.weights.len() >= 1 << DEFERRED && left >= WORTHWHILE {
            self.points = fold::<G>(&self.weights, &self.points).into();
            self.weights = vec![G::Scalar::ONE];
        }
    }
}

/// Shows that `vector` satisfies the statement, to which the transcript has to be bound; if it does not, the argument will not verify.
///
/// # Errors
/// [`IpaError::Size`] unless the vector has as many entries as `b`, and there are so many generators;
/// [`IpaError::Challenge`].
pub fn prove<G: EndoGroup>(
    bases: &Bases<'_, G>,
    transcript: &mut impl Transcript<G::Scalar>,
    statement: &Statement<'_, G::Scalar>,
    vector: &[G::Scalar],
) -> Result<Argument<G>, IpaError> {
    let (rounds, n) = size(bases, &statement.functional)?;
    if vector.len() != n {
        return Err(IpaError::Size);
    }
    let inner = (G::group(bases.inner) * start(transcript, rounds)?).affine();
    let mut a = vector.to_vec();
    let mut b = statement.functional.vector();
    let mut generators = Deferred::<G> {
        points: bases.generators[..n].into(),
        weights: vec![G::Scalar::ONE],
    };
    let (mut left, mut right) = (Vec::new(), Vec::new());
    while a.len() > 1 {
        let (a_left, a_right) = a.split_at(a.len() / 2);
        let (b_left, b_right) = b.split_at(b.len() / 2);
        let (l, r) = rayon::join(
            || generators.commit(a_left, true, (product(a_left, b_right), inner)),
            || generators.commit(a_right, false, (product(a_right, b_left), inner)),
        );
        let x = round::<G>(transcript, &l.affine(), &r.affine())?;
        let inverse = Option::from(x.invert()).ok_or(IpaError::Challenge)?;
        a = combined(a_left, &inverse, a_right);
        b = combined(b_left, &x, b_right);
        generators.challenge(&x);
        left.push(l);
        right.push(r);
    }
    let scalar = a.first().copied().ok_or(IpaError::Size)?;
    Ok(Argument {
        left,
        right,
        scalar,
    })
}

fn product<S: Element>(a: &[S], b: &[S]) -> S {
    let chunks = a.par_chunks(SMALL).zip(b.par_chunks(SMALL));
    chunks.map(|(a, b)| inner_product(a, b)).sum()
}

/// `low + factor·high`.
fn combined<S: Element>(low: &[S], factor: &S, high: &[S]) -> Vec<S> {
    let mut out = low.to_vec();
    out.par_chunks_mut(SMALL)
        .zip(high.par_chunks(SMALL))
        .for_each(|(out, high)| add_scaled(out, *factor, high));
    out
}
