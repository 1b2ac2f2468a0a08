//! The verifier: one multi-scalar multiplication, or one for many arguments on the same generators.

use super::{
    Argument, Bases, Functional, IpaError, Statement, Sum, Transcript, round, size, start, tensor,
};
use crate::msm::{EndoGroup, msm};
use crate::vectors::{add_scaled, inner_product};
use ff::{BatchInvert, Field};

/// What an argument comes to: `Σ generators[i]·G_i + inner·H + Σ scalar·point`, which is the neutral element if the argument shows its
/// statement. Claims on the same generators can be added up, with weights that whoever made the arguments could not foresee.
#[derive(Clone, Debug)]
pub struct Claim<G: EndoGroup> {
    generators: Vec<G::Scalar>,
    inner: G::Scalar,
    scalars: Vec<G::Scalar>,
    points: Vec<G::AffineGroupElement>,
}

impl<G: EndoGroup> Claim<G> {
    /// Of nothing; it holds.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            generators: Vec::new(),
            inner: G::Scalar::ZERO,
            scalars: Vec::new(),
            points: Vec::new(),
        }
    }

    /// Adds `weight` times another claim.
    pub fn add(&mut self, other: &Self, weight: &G::Scalar) {
        let longer = self.generators.len().max(other.generators.len());
        self.generators.resize(longer, G::Scalar::ZERO);
        add_scaled(&mut self.generators, *weight, &other.generators);
        self.inner += other.inner * weight;
        let more = other.scalars.iter().map(|scalar| *scalar * weight);
        self.scalars.extend(more);
        self.points.extend_from_slice(&other.points);
    }

    /// Whether the sum is the neutral element.
    #[must_use]
    pub fn holds(&self, bases: &Bases<'_, G>) -> bool {
        if self.generators.len() > bases.generators.len() {
            return false;
        }
        let own = &bases.generators[..self.generators.len()];
        let scalars = [&self.generators[..], &[self.inner], &self.scalars].concat();
        let points = [own, &[*bases.inner], &self.points].concat();
        msm::<G>(&scalars, &points) == G::zero()
    }
}

/// Checks that the argument shows the statement about the vector in `commitment`. The transcript has to be in the state in which the
/// prover's was, bound to both.
///
/// # Errors
/// [`IpaError`].
pub fn verify<G: EndoGroup>(
    bases: &Bases<'_, G>,
    transcript: &mut impl Transcript<G::Scalar>,
    statement: &Statement<'_, G::Scalar>,
    commitment: Sum<G>,
    argument: &Argument<G>,
) -> Result<(), IpaError> {
    if claim(bases, transcript, statement, commitment, argument)?.holds(bases) {
        Ok(())
    } else {
        Err(IpaError::Refused)
    }
}

/// All of [`verify`] but the multiplication: the argument shows the statement if the claim holds.
///
/// # Errors
/// [`IpaError`], other than [`IpaError::Refused`].
pub fn claim<G: EndoGroup>(
    bases: &Bases<'_, G>,
    transcript: &mut impl Transcript<G::Scalar>,
    statement: &Statement<'_, G::Scalar>,
    commitment: Sum<G>,
    argument: &Argument<G>,
) -> Result<Claim<G>, IpaError> {
    let (rounds, _) = size(bases, &statement.functional)?;
    let Argument {
        left,
        right,
        scalar,
    } = argument;
    if left.len() != rounds || right.len() != rounds {
        return Err(IpaError::Size);
    }
    let u = start(transcript, rounds)?;
    let own: Vec<G::AffineGroupElement> = left.iter().chain(right).map(G::affine).collect();
    let (own_left, own_right) = own.split_at(rounds);
    let pairs = own_left.iter().zip(own_right);
    let challenges = pairs.map(|(l, r)| round::<G>(transcript, l, r));
    let challenges = challenges.collect::<Result<Vec<_>, _>>()?;
    let mut inverses = challenges.clone();
    inverses.iter_mut().batch_invert();

    let generators = tensor(*scalar, &challenges);
    // What the last remainders' product is: `scalar·b̂`.
    let product = match statement.functional {
        Functional::Point(point) => {
            let factors = point.iter().zip(&challenges);
            factors.fold(*scalar, |product, (p, x)| {
                product * (G::Scalar::ONE - p + *x * p)
            })
        }
        Functional::Vector(vector) => inner_product(&generators, vector),
    };
    let Sum {
        mut scalars,
        mut points,
    } = commitment;
    scalars.iter_mut().for_each(|scalar| *scalar = -*scalar);
    scalars.extend(challenges.iter().chain(&inverses).map(|x| -*x));
    points.extend(own);
    Ok(Claim {
        generators,
        inner: u * (product - statement.value),
        scalars,
        points,
    })
}
