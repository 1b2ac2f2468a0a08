//! The verifier: one multi-scalar multiplication.

use super::{Argument, Bases, IpaError, Statement, Transcript, length, round, start, tensor};
use crate::msm::{EndoGroup, msm};
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
    let n = length(bases, statement.point)?;
    let Argument {
        left,
        right,
        scalar,
    } = argument;
    if left.len() != statement.point.len() || right.len() != statement.point.len() {
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

    let eq = statement.point.iter().zip(&challenges);
    let eq = eq.fold(G::Scalar::ONE, |eq, (p, x)| {
        eq * (G::Scalar::ONE - p + *x * p)
    });
    let mut scalars = tensor(*scalar, challenges.iter().map(|x| (G::Scalar::ONE, *x)));
    let mut points = bases.generators[..n].to_vec();
    scalars.push(u * (*scalar * eq - statement.value));
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
