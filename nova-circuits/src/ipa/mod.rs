//! An inner-product argument: for a commitment `C`, a public vector `b` of length `2^m` and a value `v`, the prover knows a vector
//! `a` with `C = ⟨a, G⟩` and `v = ⟨a, b⟩`. The public vector is any, or `eq(p, ·)` for a point `p` of `m` coordinates, the first of
//! which belongs to the most significant bit of the index.
//!
//! The transcript, which has absorbed `C, b, v` or what they follow from, absorbs `m` and gives `u`; let `U = u·H`, `P = C + v·U`. In
//! each of `m` rounds, with halves `a = (a_L, a_R)`, `b = (b_L, b_R)`, `G = (G_L, G_R)`,
//!
//! ```text
//! L = ⟨a_L, G_R⟩ + ⟨a_L, b_R⟩·U     R = ⟨a_R, G_L⟩ + ⟨a_R, b_L⟩·U     are absorbed, and give x ≠ 0;
//! a ← a_L + a_R/x     b ← b_L + x·b_R     G ← G_L + x·G_R     P ← P + x·L + R/x
//! ```
//!
//! which keeps `P = ⟨a, G⟩ + ⟨a, b⟩·U`. The last `a` is sent. `G` and `b` have then become `⟨s, G⟩`, `s = ⊗(1, x_j)`, and
//! `b̂ = ⟨s, b⟩`, which is `Π (1 - p_j + x_j·p_j)` for a point, so that the verifier's only equation, one multi-scalar multiplication, is
//!
//! ```text
//! a·⟨s, G⟩ + u·(a·b̂ - v)·H - C - Σ (x_j·L_j + R_j/x_j) = 0
//! ```
//!
//! **Soundness** (sketch). Take accepting transcripts that differ from some round on, for four distinct `x`, and for each the
//! representation `a'(x)` of the next `P`, which the extractor has by induction (in the end, the scalar sent). Three of them
//! give `P, L, R` as combinations of `G` and `U`, since `(1/x, 1, x)` is a Vandermonde system; write `p, l, r` for their
//! coefficients on `G` and `c_P, c_L, c_R` for those on `U`. Unless a relation between generators has been found, comparing
//! coefficients on `G_L` and `G_R` gives `a'(x) = p_L + x·l_L + r_L/x` and `x·a'(x) = p_R + x·l_R + r_R/x`. Their difference is a
//! combination of `x², x, 1, 1/x` that vanishes at four points, hence `l_L = r_R = 0`, `l_R = p_L`, `r_L = p_R`:
//! `a'(x) = p_L + p_R/x`. On `U` that makes `c_P + x·c_L + c_R/x = ⟨a'(x), b_L + x·b_R⟩` at four points, hence `c_P = ⟨p, b⟩`. So every
//! round hands up a witness of its statement, and the first one's is `C + v·U = ⟨a, G⟩ + ⟨a, b⟩·U`. For another `u` the same
//! `a` must come out, as `C` is fixed: `(⟨a, b⟩ - v)·u·H` is the same for both, hence 0. The tree has `2·4^m` leaves, polynomial in
//! the vector's length; a round fails with probability about `4/q`. It needs that `H` has no known relation to `G`, therefore
//! a label of its own.
//!
//! **Not hiding**: `L`, `R` and the last `a` depend on the vector. It may be used only where the vector is uniformly random or
//! public: the last proof opens a root that a random instance is part of, Nova a witness after a random fold, the column
//! opening a masked row.

mod engine;
mod prove;
mod verify;

pub use engine::{EvaluationEngine, ProverKey, VerifierKey};
pub use prove::prove;
pub use verify::{Claim, claim, verify};

use crate::msm::EndoGroup;
use crate::vectors;
use ff::{Field, PrimeField};
use pleat_lanes::Element;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Label from which `H` is derived.
pub const INNER_LABEL: &[u8] = b"pleat/ipa/v1";

/// The random oracle of an argument. What it has absorbed before binds the argument to its context.
pub trait Transcript<S> {
    /// Absorbs bytes; the label tells the length, which is the same in every argument of one size.
    fn absorb(&mut self, label: &'static str, bytes: &[u8]);

    /// A challenge; `None` if the transcript cannot give one.
    fn challenge(&mut self, label: &'static str) -> Option<S>;
}

/// What an argument is relative to: `G` (of which a prefix may be used) and `H`.
#[derive(Clone, Copy, Debug)]
pub struct Bases<'a, G: EndoGroup> {
    /// `G`.
    pub generators: &'a [G::AffineGroupElement],
    /// `H`, from [`inner_generator`].
    pub inner: &'a G::AffineGroupElement,
}

/// The public vector `b`.
#[derive(Clone, Copy, Debug)]
pub enum Functional<'a, S> {
    /// `eq(p, ·)`; `p` has its most significant variable first.
    Point(&'a [S]),
    /// Any vector whose length is a power of two. The verifier multiplies once for each of its entries.
    Vector(&'a [S]),
}

impl<S: Element> Functional<'_, S> {
    /// `m`, where `b` has `2^m` entries.
    fn rounds(&self) -> Option<usize> {
        match self {
            Self::Point(point) => Some(point.len()),
            Self::Vector(vector) if vector.len().is_power_of_two() => {
                Some(vector.len().trailing_zeros() as usize)
            }
            Self::Vector(_) => None,
        }
    }

    /// `b`, written out.
    fn vector(&self) -> Vec<S> {
        match self {
            Self::Point(point) => equality(point),
            Self::Vector(vector) => vector.to_vec(),
        }
    }
}

/// What is claimed of the vector in a commitment `C`. **The transcript has to have absorbed `C`, `b` and `v`, or what they are a
/// function of**, before the argument begins; [`Statement::bind`] is for where it has not.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a, S> {
    /// `b`.
    pub functional: Functional<'a, S>,
    /// `v`.
    pub value: &'a S,
}

impl<S: Element> Statement<'_, S> {
    /// Absorbs all of the statement.
    pub fn bind<G: EndoGroup<Scalar = S>>(
        &self,
        transcript: &mut impl Transcript<S>,
        commitment: &G,
    ) {
        absorb_point::<G>(transcript, "commitment", &commitment.affine());
        let entries = match self.functional {
            Functional::Point(entries) | Functional::Vector(entries) => entries,
        };
        let bytes = entries.iter().map(|v| v.to_repr().as_ref().to_vec());
        transcript.absorb("functional", &bytes.collect::<Vec<_>>().concat());
        transcript.absorb("value", self.value.to_repr().as_ref());
    }
}

/// A commitment as a sum of points, which the verifier need not compute by itself: `Σ scalars[i]·points[i]`.
#[derive(Clone, Debug)]
pub struct Sum<G: EndoGroup> {
    /// Factors.
    pub scalars: Vec<G::Scalar>,
    /// As many points.
    pub points: Vec<G::AffineGroupElement>,
}

impl<G: EndoGroup> From<&G> for Sum<G> {
    fn from(point: &G) -> Self {
        Self {
            scalars: vec![G::Scalar::ONE],
            points: vec![point.affine()],
        }
    }
}

/// The argument. Serde's form is that of nova-snark's: two vectors of compressed points, then a scalar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Argument<G: EndoGroup> {
    /// `L` of each round.
    pub left: Vec<G>,
    /// `R` of each round.
    pub right: Vec<G>,
    /// The vector's last remainder.
    pub scalar: G::Scalar,
}

/// Why there is no argument, or why it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpaError {
    /// Lengths of vector, point, generators and argument do not belong together.
    #[error("vector, point, generators and argument differ in size")]
    Size,
    /// The transcript gave no challenge, or zero.
    #[error("the transcript gave no usable challenge")]
    Challenge,
    /// The argument does not show the statement.
    #[error("the inner-product argument does not verify")]
    Refused,
}

/// `H`, which has no known relation to generators of other labels.
#[must_use]
pub fn inner_generator<G: EndoGroup>() -> G::AffineGroupElement {
    let derived = crate::generators::derive::<G>(INNER_LABEL, 0..1);
    derived
        .first()
        .copied()
        .unwrap_or_else(|| G::zero().affine())
}

/// Larger vectors do not fit memory; it also keeps `1 << m` from overflowing.
const MAX_ROUNDS: usize = 31;

/// `m` and `2^m`, if there are so many generators.
fn size<G: EndoGroup>(
    bases: &Bases<'_, G>,
    functional: &Functional<'_, G::Scalar>,
) -> Result<(usize, usize), IpaError> {
    let rounds = functional.rounds().filter(|m| *m <= MAX_ROUNDS);
    let rounds = rounds.ok_or(IpaError::Size)?;
    if bases.generators.len() < 1 << rounds {
        return Err(IpaError::Size);
    }
    Ok((rounds, 1 << rounds))
}

fn nonzero_challenge<S: Field>(
    transcript: &mut impl Transcript<S>,
    label: &'static str,
) -> Result<S, IpaError> {
    let challenge = transcript.challenge(label).ok_or(IpaError::Challenge)?;
    if challenge == S::ZERO {
        return Err(IpaError::Challenge);
    }
    Ok(challenge)
}

/// Coordinates, which are zeros for the neutral element.
fn absorb_point<G: EndoGroup>(
    transcript: &mut impl Transcript<G::Scalar>,
    label: &'static str,
    point: &G::AffineGroupElement,
) {
    let point = G::coordinates(point);
    let bytes = [point.x.to_repr(), point.y.to_repr()].map(|repr| repr.as_ref().to_vec());
    transcript.absorb(label, &bytes.concat());
}

/// Absorbs the number of rounds; gives `u`.
fn start<S: Field>(transcript: &mut impl Transcript<S>, rounds: usize) -> Result<S, IpaError> {
    transcript.absorb("ipa", INNER_LABEL);
    transcript.absorb("rounds", &(rounds as u64).to_le_bytes());
    nonzero_challenge(transcript, "u")
}

/// Absorbs a round's `L` and `R`; gives `x`.
fn round<G: EndoGroup>(
    transcript: &mut impl Transcript<G::Scalar>,
    left: &G::AffineGroupElement,
    right: &G::AffineGroupElement,
) -> Result<G::Scalar, IpaError> {
    absorb_point::<G>(transcript, "L", left);
    absorb_point::<G>(transcript, "R", right);
    nonzero_challenge(transcript, "x")
}

/// `scale·⊗ (1, factor_j)`, the first factor for the most significant bit of the index.
fn tensor<S: Element>(scale: S, factors: &[S]) -> Vec<S> {
    let mut product = vec![scale];
    for factor in factors.iter().rev() {
        product.extend(scaled(&product, *factor));
    }
    product
}

/// `eq(point, ·)`, the most significant variable first.
pub(crate) fn equality<S: Element>(point: &[S]) -> Vec<S> {
    let reversed: Vec<S> = point.iter().rev().copied().collect();
    vectors::eq_table(&reversed)
}

fn scaled<S: Element>(values: &[S], by: S) -> Vec<S> {
    let mut out = values.to_vec();
    out.par_chunks_mut(SMALL)
        .for_each(|part| vectors::scale(part, by));
    out
}

/// Field operations that one thread does at a time.
const SMALL: usize = 1 << 12;
