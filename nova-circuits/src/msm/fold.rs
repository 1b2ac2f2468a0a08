//! `Q_i = Σ_j k_j·P_{j·m+i}` for `i < m`: many multi-scalar multiplications with the same scalars. Their sequence of doublings and
//! additions is the same for every `i` (Straus, signed digits), so each operation is one affine batch over all `i`.

use super::EndoGroup;
use super::affine::Points;
use super::slopes::{Additions, add};
use crate::vectors::scale;
use ff::Field;
use nova_snark::traits::Group;
use pleat_lanes::{Element, Kernel, LANES, Vector, limbs_of_mut};
use rayon::prelude::*;

/// Digits are odd and below `2^(DIGIT_BITS-1)` in absolute value.
const DIGIT_BITS: u32 = 5;
/// Odd multiples in a table.
const MULTIPLES: usize = 1 << (DIGIT_BITS - 2);
/// Outputs in one task: enough to share an inversion, and tables that stay in the cache.
const CHUNK: core::ops::RangeInclusive<usize> = 64..=256;

/// The most in lanes, eight of which share an inversion.
const CHUNK_IN_LANES: usize = 1 << 10;

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
    let longest = if pleat_lanes::available() {
        CHUNK_IN_LANES
    } else {
        *CHUNK.end()
    };
    let chunk = outputs
        .div_ceil(rayon::current_num_threads())
        .clamp(*CHUNK.start(), longest);
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
            let in_lanes = pleat_lanes::available().then(|| {
                pleat_lanes::run::<ModulusOf<G>, _>(InLanes::<G> {
                    halves: &halves,
                    lists: &lists,
                    outputs: places.len(),
                })
            });
            let sums = in_lanes
                .flatten()
                .unwrap_or_else(|| fold_chunk::<G>(&halves, &lists, places.len()));
            (0..places.len()).map(move |i| G::from_coordinates(sums.at(i)))
        })
        .collect()
}

fn fold_chunk<G: EndoGroup>(
    halves: &[Half],
    lists: &[Points<G::Base>],
    outputs: usize,
) -> Points<G::Base> {
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
    sums
}

/// [`fold_chunk`] in vectors; no result if points are neutral, equal or opposite where random ones are not.
struct InLanes<'a, G: EndoGroup> {
    halves: &'a [Half],
    lists: &'a [Points<G::Base>],
    outputs: usize,
}

type ModulusOf<G> = <<G as Group>::Base as Element>::Modulus;

impl<G: EndoGroup> Kernel<ModulusOf<G>> for InLanes<'_, G> {
    type Output = Option<Points<G::Base>>;

    #[inline(always)]
    fn run<V: Vector<ModulusOf<G>>>(self) -> Self::Output {
        let Self {
            halves,
            lists,
            outputs,
        } = self;
        if lists.iter().any(|list| list.y.contains(&G::Base::ZERO)) {
            return None;
        }
        let count = outputs.div_ceil(LANES);
        let mut products = Vec::with_capacity(count);
        let zeta = V::splat(&G::ZETA.limbs());
        // Of each multiple of each list: points, and their abscissas' products with `ζ`.
        let mut tables: Vec<(Vec<[V; 2]>, Vec<V>)> = Vec::with_capacity(lists.len() * MULTIPLES);
        for list in lists {
            let mut multiple = vectors::<G::Base, V>(list, count);
            let mut double = multiple.clone();
            if !add::<G::Base, V>(Doublings(&mut double), &mut products) {
                return None;
            }
            for i in 0..MULTIPLES {
                if i > 0 {
                    let next = Terms {
                        sums: &mut multiple,
                        points: &double,
                        turned: None,
                        negative: false,
                    };
                    if !add::<G::Base, V>(next, &mut products) {
                        return None;
                    }
                }
                let mut turned = Vec::with_capacity(count);
                for [x, _] in &multiple {
                    turned.push(x.mul(zeta));
                }
                tables.push((multiple.clone(), turned));
            }
        }
        // Nothing, until there is a digit.
        let mut sums: Vec<[V; 2]> = Vec::with_capacity(count);
        let length = halves.iter().map(|h| h.digits.len()).max().unwrap_or(0);
        for bit in (0..length).rev() {
            if !add::<G::Base, V>(Doublings(&mut sums), &mut products) {
                return None;
            }
            for half in halves {
                let digit = half.digits.get(bit).copied().unwrap_or(0);
                if digit == 0 {
                    continue;
                }
                let multiple = usize::from(digit.unsigned_abs() / 2);
                let (points, turned) = &tables[half.list * MULTIPLES + multiple];
                let terms = Terms {
                    sums: &mut sums,
                    points,
                    turned: half.endomorphism.then_some(turned),
                    negative: digit < 0,
                };
                if terms.sums.is_empty() {
                    for i in 0..count {
                        let [x, y] = terms.term::<G::Base>(i);
                        terms.sums.push([x, y.reduced()]);
                    }
                } else if !add::<G::Base, V>(terms, &mut products) {
                    return None;
                }
            }
        }
        let mut own = Points::neutral(count * LANES);
        for (i, [x, y]) in sums.into_iter().enumerate() {
            for (list, sums) in [(&mut own.x, x), (&mut own.y, y)] {
                if let Some(place) = limbs_of_mut(list)[LANES * i..].first_chunk_mut() {
                    sums.reduced().store(place);
                }
            }
        }
        own.x.truncate(outputs);
        own.y.truncate(outputs);
        Some(own)
    }
}

/// The last vector is filled with the list's last point.
#[inline(always)]
fn vectors<B: Element, V: Vector<B::Modulus>>(list: &Points<B>, count: usize) -> Vec<[V; 2]> {
    let mut vectors = Vec::with_capacity(count);
    for i in 0..count {
        let [mut own_x, mut own_y] = [[[0; 4]; LANES]; 2];
        for (lane, (x, y)) in own_x.iter_mut().zip(&mut own_y).enumerate() {
            let place = (LANES * i + lane).min(list.x.len() - 1);
            *x = list.x[place].limbs();
            *y = list.y[place].limbs();
        }
        vectors.push([V::load(&own_x), V::load(&own_y)]);
    }
    vectors
}

/// Points that are doubled.
struct Doublings<'a, V>(&'a mut [[V; 2]]);

impl<B: Element, V: Vector<B::Modulus>> Additions<B, V> for Doublings<'_, V> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn points(&self, i: usize) -> [[V; 2]; 2] {
        [self.0[i]; 2]
    }

    #[inline(always)]
    fn denominator(&self, i: usize) -> V {
        let [_, y] = self.0[i];
        y.add(y)
    }

    #[inline(always)]
    fn numerator(&self, i: usize) -> V {
        let [x, _] = self.0[i];
        let square = x.mul(x);
        square.add(square).add(square)
    }

    #[inline(always)]
    fn set(&mut self, i: usize, sum: [V; 2]) {
        self.0[i] = sum;
    }
}

/// Points that are added to sums, after the endomorphism where abscissas are those of its images.
struct Terms<'a, V> {
    sums: &'a mut Vec<[V; 2]>,
    points: &'a [[V; 2]],
    turned: Option<&'a Vec<V>>,
    negative: bool,
}

impl<V> Terms<'_, V> {
    #[inline(always)]
    fn term<B: Element>(&self, i: usize) -> [V; 2]
    where
        V: Vector<B::Modulus>,
    {
        let [mut x, mut y] = self.points[i];
        if let Some(turned) = self.turned {
            x = turned[i];
        }
        if self.negative {
            y = V::splat(&[0; 4]).minus(y);
        }
        [x, y]
    }
}

impl<B: Element, V: Vector<B::Modulus>> Additions<B, V> for Terms<'_, V> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.sums.len()
    }

    #[inline(always)]
    fn points(&self, i: usize) -> [[V; 2]; 2] {
        [self.sums[i], self.term::<B>(i)]
    }

    #[inline(always)]
    fn denominator(&self, i: usize) -> V {
        let [[x, _], [right_x, _]] = Additions::<B, V>::points(self, i);
        right_x.minus(x)
    }

    #[inline(always)]
    fn numerator(&self, i: usize) -> V {
        let [[_, y], [_, right_y]] = Additions::<B, V>::points(self, i);
        right_y.minus(y)
    }

    #[inline(always)]
    fn set(&mut self, i: usize, sum: [V; 2]) {
        self.sums[i] = sum;
    }
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
