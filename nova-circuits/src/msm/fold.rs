//! `Q_i = Σ_j k_j·P_{j·m+i}` for `i < m`: many multi-scalar multiplications with the same scalars. Their sequence of doublings and
//! additions is the same for every `i` (Straus, signed digits), so each operation is one affine batch over all `i`.

use super::EndoGroup;
use super::affine::{Adder, Xy};
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
            let lists: Vec<Vec<Xy<G::Base>>> = (0..scalars.len())
                .map(|list| {
                    let place = |i: &usize| G::coordinates(&bases[list * outputs + i]);
                    places.iter().map(place).collect()
                })
                .collect();
            fold_chunk::<G>(&halves, &lists, places.len())
        })
        .collect()
}

fn fold_chunk<G: EndoGroup>(
    halves: &[Half],
    lists: &[Vec<Xy<G::Base>>],
    outputs: usize,
) -> Vec<G::AffineGroupElement> {
    let mut adder = Adder::new();
    let tables: Vec<_> = lists
        .iter()
        .map(|list| odd_multiples(&mut adder, list))
        .collect();
    let abscissas: Vec<Vec<G::Base>> = tables
        .iter()
        .map(|table| table.iter().map(|p| p.x * G::ZETA).collect())
        .collect();
    let mut sums = vec![Xy::NEUTRAL; outputs];
    let length = halves.iter().map(|h| h.digits.len()).max().unwrap_or(0);
    for bit in (0..length).rev() {
        for i in 0..outputs {
            adder.push(sums[i], sums[i], i, &mut sums);
        }
        adder.flush(&mut sums);
        for half in halves {
            let digit = half.digits.get(bit).copied().unwrap_or(0);
            if digit == 0 {
                continue;
            }
            let row = usize::from(digit.unsigned_abs() / 2) * outputs;
            let multiples = &tables[half.list][row..row + outputs];
            let abscissas = &abscissas[half.list][row..row + outputs];
            for (i, (multiple, abscissa)) in multiples.iter().zip(abscissas).enumerate() {
                let mut term = multiple.negated_if(digit < 0);
                if half.endomorphism {
                    term.x = *abscissa;
                }
                adder.push(sums[i], term, i, &mut sums);
            }
            adder.flush(&mut sums);
        }
    }
    sums.into_iter().map(G::from_coordinates).collect()
}

/// `P, 3P, 5P, …` of each point: all points' multiples of one kind, then the next kind's.
pub(super) fn odd_multiples<B: Element>(adder: &mut Adder<B>, points: &[Xy<B>]) -> Vec<Xy<B>> {
    let n = points.len();
    let mut doubles = vec![Xy::NEUTRAL; n];
    for (i, p) in points.iter().enumerate() {
        adder.push(*p, *p, i, &mut doubles);
    }
    adder.flush(&mut doubles);
    let mut table = vec![Xy::NEUTRAL; n * MULTIPLES];
    table[..n].copy_from_slice(points);
    for row in 1..MULTIPLES {
        for (i, double) in doubles.iter().enumerate() {
            adder.push(table[(row - 1) * n + i], *double, row * n + i, &mut table);
        }
        adder.flush(&mut table);
    }
    table
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
