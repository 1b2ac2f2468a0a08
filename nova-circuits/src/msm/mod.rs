//! Multi-scalar multiplication `Σ kᵢ·Pᵢ` on the curves of the cycle: Pippenger's buckets with affine batch additions, signed digits,
//! and scalars halved by the endomorphism. [`msm`] takes field elements, [`msm_indexed`] such of which few are distinct,
//! [`msm_small`] integers, [`fold`] many lists of points with the same scalars. All run in variable time.

mod affine;
mod endomorphism;
mod few;
mod fold;
mod indexed;
mod lanes;
mod pippenger;
mod point;
mod slopes;

pub(crate) use affine::Summer;
pub use endomorphism::Lattice;
pub use fold::fold;
pub use indexed::msm_indexed;
pub use point::Xy;

use crate::vectors::scale;
use ff::Field;
use nova_snark::provider::traits::DlogGroup;
use nova_snark::traits::Group;
use pippenger::pippenger;
use pleat_lanes::Element;
use point::Line;
use rayon::prelude::*;

/// A group of odd order on a curve `y² = x³ + b`, with the endomorphism `φ(x, y) = (ζ·x, y) = λ·(x, y)`.
pub trait EndoGroup: DlogGroup + Group<Base: Element, Scalar: Element> {
    /// `ζ`, a cube root of one.
    const ZETA: <Self as Group>::Base;
    /// Splits scalars along `φ`.
    const LATTICE: Lattice;
    /// What RFC 9380 calls the suite by which bytes are hashed to this curve.
    const HASH_SUITE: &'static [u8];

    /// Coordinates of a point; `(0, 0)` for the neutral element.
    fn coordinates(point: &Self::AffineGroupElement) -> Xy<Self::Base>;

    /// The point with these coordinates, which the caller knows to be on the curve.
    fn from_coordinates(point: Xy<Self::Base>) -> Self::AffineGroupElement;
}

/// Below this many terms, sharing anything between threads costs more than it saves.
const PARALLEL: usize = 1 << 10;

/// `Σ scalars[i]·bases[i]`. The shorter slice decides how many terms there are.
#[must_use]
pub fn msm<G: EndoGroup>(scalars: &[G::Scalar], bases: &[G::AffineGroupElement]) -> G {
    let terms = scalars.len().min(bases.len());
    if terms <= few::FEW {
        let points: Vec<_> = bases[..terms].iter().map(G::coordinates).collect();
        return few::few(&scalars[..terms], &points);
    }
    let mut halves = vec![0_i128; 2 * terms];
    let mut points = vec![Line::NEUTRAL; 2 * terms];
    halves
        .par_chunks_mut(2 * PARALLEL)
        .zip(points.par_chunks_mut(2 * PARALLEL))
        .zip(scalars.par_chunks(PARALLEL).zip(bases.par_chunks(PARALLEL)))
        .for_each(|((halves, points), (scalars, bases))| {
            let bases: Vec<_> = bases.iter().map(G::coordinates).collect();
            let mut turned: Vec<G::Base> = bases.iter().map(|base| base.x).collect();
            scale(&mut turned, G::ZETA);
            let (halves, points) = (halves.as_chunks_mut().0, points.as_chunks_mut().0);
            let places = halves.iter_mut().zip(points);
            for ((halves, points), ((k, base), x)) in
                places.zip(scalars.iter().zip(bases).zip(turned))
            {
                // What is neutral counts as what it is multiplied by zero.
                if *k != G::Scalar::ZERO && !base.is_neutral() {
                    *halves = G::LATTICE.split(k).into();
                    *points = [base, Xy { x, y: base.y }].map(Line::from);
                }
            }
        });
    if halves.contains(&0) {
        let terms = halves.into_iter().zip(points).filter(|(k, _)| *k != 0);
        (halves, points) = terms.unzip();
    }
    pippenger(&halves, &points)
}

/// `Σ scalars[i]·bases[i]` for integers of at most 64 bits; the fewer bits the largest has, and the more zeros there are, the faster. The shorter
/// slice decides how many terms there are.
#[must_use]
pub fn msm_small<G: EndoGroup>(
    scalars: impl IntoIterator<Item = impl Into<i128>>,
    bases: &[G::AffineGroupElement],
) -> G {
    let (scalars, bases): (Vec<i128>, Vec<Line<G::Base>>) = scalars
        .into_iter()
        .zip(bases)
        .map(|(k, base)| (k.into(), G::coordinates(base)))
        .filter(|(k, point)| *k != 0 && !point.is_neutral())
        .map(|(k, point)| (k, Line::from(point)))
        .unzip();
    pippenger(&scalars, &bases)
}

/// [`msm`] as it is defined, term by term: what the tests compare with.
#[must_use]
pub fn reference<G: EndoGroup>(scalars: &[G::Scalar], bases: &[G::AffineGroupElement]) -> G {
    let terms = scalars.iter().zip(bases);
    terms.fold(G::zero(), |sum, (k, base)| sum + G::group(base) * k)
}

/// [`fold`] as it is defined.
#[must_use]
pub fn fold_reference<G: EndoGroup>(
    scalars: &[G::Scalar],
    bases: &[G::AffineGroupElement],
) -> Vec<G::AffineGroupElement> {
    let outputs = bases.len().checked_div(scalars.len()).unwrap_or(0);
    let own = |i| {
        bases
            .iter()
            .skip(i)
            .step_by(outputs.max(1))
            .copied()
            .collect::<Vec<_>>()
    };
    (0..outputs)
        .map(|i| reference::<G>(scalars, &own(i)).affine())
        .collect()
}
