//! The verifier: one multi-scalar multiplication.

use super::{
    Argument, Bases, Functional, IpaError, Statement, Transcript, round, size, start, tensor,
};
use crate::msm::{EndoGroup, msm};
use crate::vectors::inner_product;
use ff::{BatchInvert, Field};

/// Checks that the argument shows the statement. The transcript has to be in the state in which the prover's was.
///
/// # Errors
/// [`IpaError`].
pub fn verify<G: EndoGroup>(
    bases: &Bases<'_, G>,
    transcript: &mut impl Transcript<G::Scalar>,
    statement: &Statement<'_, G>,
    argument: &Argument<G>,
) -> Result<(), IpaError> {
    let (rounds, n) = size(bases, &statement.functional)?;
    let Argument {
        left,
        right,
        scalar,
    } = argument;
    if left.len() != rounds || right.len() != rounds {
        return Err(IpaError::Size);
    }
    let u = start(transcript, statement)?;
    let challenges = left
        .iter()
        .zip(right)
        .map(|(l, r)| round(transcript, l, r))
        .collect::<Result<Vec<_>, _>>()?;
    let mut inverses = challenges.clone();
    inverses.iter_mut().batch_invert();

    let mut scalars = tensor(*scalar, challenges.iter().map(|x| (G::Scalar::ONE, *x)));
    // What the last remainders' product is: `scalar·b̂`.
    let product = match statement.functional {
        Functional::Point(point) => {
            let factors = point.iter().zip(&challenges);
            factors.fold(*scalar, |product, (p, x)| {
                product * (G::Scalar::ONE - p + *x * p)
            })
        }
        Functional::Vector(vector) => inner_product(&scalars, vector),
    };
    let mut points = bases.generators[..n].to_vec();
    scalars.push(u * (product - statement.value));
    points.push(*bases.inner);
    scalars.push(-G::Scalar::ONE);
    points.push(statement.commitment.affine());
    scalars.extend(challenges.iter().chain(&inverses).map(|x| -*x));
    points.extend(left.iter().chain(right).map(G::affine));
    if msm::<G>(&scalars, &points) == G::zero() {
        Ok(())
    } else {
        Err(IpaError::Refused)
    }
}
