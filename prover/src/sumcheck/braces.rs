//! What LOOKUP's rounds add up over pairs of rows: their braces, weighted, and their fractions ([`super::lookup`]); eight pairs at a
//! time where the processor has lanes.

use ff::Field;
use pleat_lanes::{
    Element, Kernel, LANES, Limbs, Modulus, PRODUCTS, Vector, added, available, limbs_of, run,
};
use pleat_nova_circuits::cycle::F;

/// Factors of a row.
pub(super) const FACTORS: usize = 9;

/// `F0 φ0 F1 φ1 F2 φ2 (1-act) y linear` as [`super::lookup`] names them, `M` apart.
pub(super) type Row = [F; FACTORS];

/// Sums of a round: the braces at 0 and 1 and their coefficient of `X²`, and the LogUp sum at 0 and 1.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) at0: F,
    pub(super) at1: F,
    pub(super) square: F,
    pub(super) logup0: F,
    pub(super) logup1: F,
}

impl Sums {
    pub(super) fn add(self, other: Self) -> Self {
        Self {
            at0: self.at0 + other.at0,
            at1: self.at1 + other.at1,
            square: self.square + other.square,
            logup0: self.logup0 + other.logup0,
            logup1: self.logup1 + other.logup1,
        }
    }

    /// The braces weighted.
    pub(super) fn times(self, weight: &F) -> Self {
        Self {
            at0: self.at0 * weight,
            at1: self.at1 * weight,
            square: self.square * weight,
            ..self
        }
    }
}

/// The braces of a row, those of the lookup table's own columns apart.
pub(super) fn braces([f0, p0, f1, p1, f2, p2, na, y, linear]: &Row) -> F {
    f0 * p0 + f1 * p1 + f2 * p2 + na * y + linear
}

/// The coefficient of `X²` of a pair's braces, likewise.
fn square(low: &Row, high: &Row) -> F {
    let [f0, p0, f1, p1, f2, p2, na, y, _] = low;
    let [f0h, p0h, f1h, p1h, f2h, p2h, nah, yh, _] = high;
    let product = |a: &F, ah: &F, b: &F, bh: &F| {
        let step = ah - a;
        if step == F::ZERO {
            F::ZERO
        } else {
            step * (bh - b)
        }
    };
    product(f0, f0h, p0, p0h)
        + product(f1, f1h, p1, p1h)
        + product(f2, f2h, p2, p2h)
        + product(na, nah, y, yh)
}

pub(super) fn fractions([f0, _, f1, _, f2, ..]: &Row) -> F {
    f0 + f1 + f2
}

/// Factors of an even number of rows, factor by factor.
pub(super) struct Chunk([Vec<F>; FACTORS]);

impl Chunk {
    pub(super) fn new(rows: usize) -> Self {
        Self(core::array::from_fn(|_| Vec::with_capacity(rows)))
    }

    pub(super) fn push(&mut self, row: Row) {
        for (factor, value) in self.0.iter_mut().zip(row) {
            factor.push(value);
        }
    }

    pub(super) fn parts(&self) -> Part<'_> {
        self.0.each_ref().map(Vec::as_slice)
    }
}

/// Some rows' factors.
pub(super) type Part<'a> = [&'a [F]; FACTORS];

fn row(part: &Part<'_>, i: usize) -> Row {
    part.map(|factor| factor.get(i).copied().unwrap_or(F::ZERO))
}

/// The sums of pairs of rows of which the last factor is the braces.
pub(super) fn known_braces(part: &Part<'_>, weights: &[F]) -> Sums {
    if let Some(sums) = by_lanes::<true>(part, weights) {
        return sums;
    }
    let pair = |(i, eq): (usize, &F)| {
        let (low, high) = (row(part, 2 * i), row(part, 2 * i + 1));
        let ([.., at0], [.., at1]) = (low, high);
        let sums = Sums {
            at0,
            at1,
            square: square(&low, &high),
            logup0: fractions(&low),
            logup1: fractions(&high),
        };
        sums.times(eq)
    };
    let pairs = weights.iter().enumerate();
    pairs.map(pair).fold(Sums::default(), Sums::add)
}

/// The sums of pairs of rows; those at 1 are left out if they follow from what is known.
pub(super) fn sums(part: &Part<'_>, weights: &[F], only_low: bool) -> Sums {
    if only_low && let Some(sums) = by_lanes::<false>(part, weights) {
        return sums;
    }
    let pair = |(i, eq): (usize, &F)| {
        let (low, high) = (row(part, 2 * i), row(part, 2 * i + 1));
        let mut sums = Sums {
            at0: braces(&low),
            square: square(&low, &high),
            logup0: fractions(&low),
            ..Sums::default()
        };
        if !only_low {
            sums.at1 = braces(&high);
            sums.logup1 = fractions(&high);
        }
        sums.times(eq)
    };
    let pairs = weights.iter().enumerate();
    pairs.map(pair).fold(Sums::default(), Sums::add)
}

/// The sums: if `KNOWN`, the last factor is the braces of both rows of each pair, and both rows count; else the low row's braces follow
/// from all factors, and the high rows do not count. `None` where that is no faster, or vectors would not be whole.
fn by_lanes<const KNOWN: bool>(part: &Part<'_>, weights: &[F]) -> Option<Sums> {
    let whole = part.iter().all(|factor| factor.len() == 2 * weights.len());
    if !available() || !whole || !weights.len().is_multiple_of(LANES) {
        return None;
    }
    let sums = run::<<F as Element>::Modulus, _>(PairSums::<KNOWN> {
        factors: part.map(limbs_of),
        weights: limbs_of(weights),
    });
    let [at0, at1, square, logup0, logup1] = sums.map(added::<F>);
    let sixteen = F::from(16);
    Some(Sums {
        at0: if KNOWN { at0 } else { at0 * sixteen },
        at1,
        square: square * sixteen,
        logup0,
        logup1,
    })
}

struct PairSums<'a, const KNOWN: bool> {
    factors: [&'a [Limbs]; FACTORS],
    weights: &'a [Limbs],
}

impl<M: Modulus, const KNOWN: bool> Kernel<M> for PairSums<'_, KNOWN> {
    /// In the order of [`Sums`]; sixteenths of the sums that need factors.
    type Output = [[Limbs; LANES]; 5];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let factors = self.factors.map(|f| f.as_chunks::<{ 2 * LANES }>().0);
        let (weights, _) = self.weights.as_chunks::<LANES>();
        let one = V::splat(&M::ONE);
        let mut tallies = [V::tally(); 5];
        for (block, weights) in weights.chunks(PRODUCTS).enumerate() {
            let mut sums = [V::sum(); 3];
            for (i, weight) in weights.iter().enumerate() {
                let i = PRODUCTS * block + i;
                let weight = V::load(weight);
                let (mut braces, mut square) = (V::sum(), V::sum());
                for product in 0..4 {
                    let [a, a_high] = pair(&factors, 2 * product, i);
                    let [b, b_high] = pair(&factors, 2 * product + 1, i);
                    if product < 3 {
                        V::count(&mut tallies[3], a);
                        if KNOWN {
                            V::count(&mut tallies[4], a_high);
                        }
                    }
                    if !KNOWN {
                        V::add_product(&mut braces, a, b);
                    }
                    V::add_product(&mut square, a_high.sub(a), b_high.sub(b));
                }
                let [last, last_high] = pair(&factors, 8, i);
                if KNOWN {
                    V::add_product(&mut sums[0], weight, last);
                    V::add_product(&mut sums[1], weight, last_high);
                } else {
                    V::add_product(&mut braces, one, last);
                    V::add_product(&mut sums[0], weight, V::sixteenth(braces));
                }
                V::add_product(&mut sums[2], weight, V::sixteenth(square));
            }
            for (tally, sum) in tallies.iter_mut().zip(sums) {
                V::count(tally, V::total(sum).reduced());
            }
        }
        let mut out = [[[0; 4]; LANES]; 5];
        for (lanes, tally) in out.iter_mut().zip(tallies) {
            *lanes = V::counted(tally).reduced().lanes();
        }
        out
    }
}

/// Eight pairs of a factor; there are as many of all factors.
#[inline(always)]
fn pair<M: Modulus, V: Vector<M>>(
    factors: &[&[[Limbs; 2 * LANES]]; FACTORS],
    factor: usize,
    i: usize,
) -> [V; 2] {
    match factors.get(factor).and_then(|f| f.get(i)) {
        Some(pairs) => V::load_pairs(pairs),
        None => [V::splat(&[0; 4]); 2],
    }
}
