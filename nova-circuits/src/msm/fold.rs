//! `Q_i = Σ_j k_j·P_{j·m+i}` for `i < m`: many multi-scalar multiplications with the same scalars. Their sequence of doublings and
//! additions is the same for every `i` (Straus, signed digits), so each operation is one affine batch over all `i`.

use super::EndoGroup;
use super::affine::Points;
use crate::vectors::scale;
use pleat_lanes::Element;
use rayon::prelude::*;

/// Digits are odd and below `2^(DIGIT_BITS-1)` in absolute value.
const DIGIT_BITS: u32 = 5;
/// Odd multiples in a table.
const MULTIPLES: usize = 1 << (DIGIT_BITS - 2);
/// Outputs in one task: enough to share an inversion, and tables that stay in the cache.
const CHUNK: core::ops::RangeInclusive<usize> = 64..=256;

/// One half of one scalar, in signed digits.
struct Half {
    list: usize,
    /// Whether the points go through the endomorphism.
    endomorphism: bool,
    /// The digit of weight `2^i`; most are zero.
    digits: Vec<i8>,
}

/// The lists' points: `scalars.len()` lists of the same length, one after the other; one sum for each place in the lists.
#[must_use]
pub fn fold<G: EndoGroup>(
    scalars: &[G::Scalar],
    bases: &[G::AffineGroupElement],
) -> Vec<G::AffineGroupElement> {
    let outputs = bases.len().checked_div(scalars.len()).unwrap_or(0);
    let halves: Vec<Half> = scalars
        .iter()
        .enumerate()
        .flat_map(|(list, k)| {
            let (first, second) = G::LATTICE.split(k);
            [(first, false), (second, true)].map(|(k, endomorphism)| Half {
                list,
                endomorphism,
                digits: signed_digits(k),
            })
        })
        .collect();
    let places: Vec<usize> = (0..outputs).collect();
    let chunk = outputs
        .div_ceil(rayon::current_num_threads())
        .clamp(*CHUNK.start(), *CHUNK.end());
    places
        .par_chunks(chunk)
        .flat_map_iter(|places| {
            let lists: Vec<Points<G::Base>> = (0..scalars.len())
                .map(|list| {
                    let place = |i: &usize| G::coordinates(&bases[list * outputs + i]);
                    let (x, y) = places.iter().map(place).map(|p| (p.x, p.y)).unzip();
                    Points { x, y }
                })
                .collect();
            fold_chunk::<G>(&halves, &lists, places.len())
        })
        .collect()
}

fn fold_chunk<G: EndoGroup>(
    halves: &[Half],
    lists: &[Points<G::Base>],
    outputs: usize,
) -> Vec<G::AffineGroupElement> {
    let tables: Vec<_> = lists.iter().map(odd_multiples).collect();
    let abscissas: Vec<Vec<Vec<G::Base>>> = tables
        .iter()
        .map(|table| {
            let turned = |multiples: &Points<G::Base>| {
                let mut x = multiples.x.clone();
                scale(&mut x, G::ZETA);
                x
            };
            table.iter().map(turned).collect()
        })
        .collect();
    let mut sums = Points::neutral(outputs);
    let length = halves.iter().map(|h| h.digits.len()).max().unwrap_or(0);
    for bit in (0..length).rev() {
        sums.double();
        for half in halves {
            let digit = half.digits.get(bit).copied().unwrap_or(0);
            if digit == 0 {
                continue;
            }
            let multiple = usize::from(digit.unsigned_abs() / 2);
            let Points { x, y } = &tables[half.list][multiple];
            let x = if half.endomorphism {
                &abscissas[half.list][multiple]
            } else {
                x
            };
            sums.add(x, y, digit < 0);
        }
    }
    (0..outputs)
        .map(|i| G::from_coordinates(sums.at(i)))
        .collect()
}

/// `P, 3P, 5P, …` of each point.
pub(super) fn odd_multiples<B: Element>(points: &Points<B>) -> Vec<Points<B>> {
    let mut double = points.clone();
    double.double();
    let next = |multiple: &Points<B>| {
        let mut next = multiple.clone();
        next.add(&double.x, &double.y, false);
        Some(next)
    };
    core::iter::successors(Some(points.clone()), next)
        .take(MULTIPLES)
        .collect()
}

/// Non-adjacent form of width [`DIGIT_BITS`]: `k = Σ digit_i·2^i`.
pub(super) fn signed_digits(mut k: i128) -> Vec<i8> {
    let mut digits = Vec::new();
    while k != 0 {
        let mut digit = 0;
        if k & 1 == 1 {
            let low = (k & ((1 << DIGIT_BITS) - 1)) as i8;
            digit = if low < 1 << (DIGIT_BITS - 1) {
                low
            } else {
                low - (1 << DIGIT_BITS)
            };
            k -= i128::from(digit);
        }
        digits.push(digit);
        k >>= 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_recompose(k in any::<i128>(), shift in 1_u32..128) {
            let k = k >> shift;
            let digits = signed_digits(k);
            prop_assert!(digits.iter().all(|d| *d == 0 || (d % 2 != 0 && d.unsigned_abs() < 1 << (DIGIT_BITS - 1))));
            prop_assert_eq!(digits.iter().rev().fold(0, |sum, d| 2 * sum + i128::from(*d)), k);
        }
    }
}
