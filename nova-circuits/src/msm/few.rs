//! `Σ kᵢ·Pᵢ` for few points (Straus): buckets would be mostly empty, so the halves of all scalars share one sequence of doublings
//! instead.

use super::EndoGroup;
use super::affine::Points;
use super::fold::{odd_multiples, signed_digits};
use super::point::Xy;

/// Up to so many terms this is faster than buckets.
pub(super) const FEW: usize = 8;

/// `Σ scalars[i]·points[i]`.
pub(super) fn few<G: EndoGroup>(scalars: &[G::Scalar], points: &[Xy<G::Base>]) -> G {
    let (x, y) = points.iter().map(|p| (p.x, p.y)).unzip();
    let table = odd_multiples(&Points { x, y });
    let halves: Vec<(usize, bool, Vec<i8>)> = scalars
        .iter()
        .enumerate()
        .flat_map(|(i, k)| {
            let (first, second) = G::LATTICE.split(k);
            [(first, false), (second, true)]
                .map(|(k, endomorphism)| (i, endomorphism, signed_digits(k)))
        })
        .collect();
    let length = halves.iter().map(|(_, _, d)| d.len()).max().unwrap_or(0);
    let mut sum = G::zero();
    for bit in (0..length).rev() {
        sum = sum + sum;
        for (i, endomorphism, digits) in &halves {
            let digit = digits.get(bit).copied().unwrap_or(0);
            if digit == 0 {
                continue;
            }
            let multiples = &table[usize::from(digit.unsigned_abs() / 2)];
            let mut term = multiples.at(*i).negated_if(digit < 0);
            if *endomorphism {
                term.x *= G::ZETA;
            }
            if !term.is_neutral() {
                sum += G::group(&G::from_coordinates(term));
            }
        }
    }
    sum
}
