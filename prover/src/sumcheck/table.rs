//! The lookup table's own columns in LOOKUP's rounds ([`super::lookup`]).

use ff::Field;
use pleat_lanes::{
    Element, Kernel, LANES, Limbs, Modulus, PRODUCTS, Vector, added, available, limbs_of, run,
};
use pleat_nova_circuits::cycle::F;

use super::bind_table;
use super::braces::Sums;

/// The columns of the lookup table; beyond their end `HT` is zero and `φT` constant.
pub(super) struct TableColumns {
    pub(super) ht: Vec<F>,
    pub(super) phi: Vec<F>,
    pub(super) beyond: F,
    /// `-γ⁴·M`, until it has been added to the rows' own.
    pub(super) counts: Vec<F>,
}

impl TableColumns {
    /// Makes the lengths even.
    pub(super) fn pad(&mut self) {
        if self.ht.len() % 2 == 1 {
            self.ht.push(F::ZERO);
            self.phi.push(self.beyond);
        }
    }

    /// The sums of the pairs from `first` on, one for each weight.
    pub(super) fn sums(&self, first: usize, weights: &[F]) -> Sums {
        let part = |column: &'_ [F]| -> (usize, usize) {
            let start = (2 * first).min(column.len());
            (start, (start + 2 * weights.len()).min(column.len()))
        };
        let (start, end) = part(&self.ht);
        let ht = self.ht.get(start..end).unwrap_or_default();
        let phi = self.phi.get(start..end).unwrap_or_default();
        let (start, end) = part(&self.counts);
        let counts = self.counts.get(start..end).unwrap_or_default();
        if ht.is_empty() && counts.is_empty() {
            return Sums::default();
        }
        let whole = ht.len() == 2 * weights.len() && weights.len().is_multiple_of(LANES);
        let counted = counts.is_empty() || counts.len() == ht.len();
        if available() && whole && counted {
            return by_lanes(ht, phi, counts, weights);
        }
        let at = |column: &[F], i: usize, beyond: F| column.get(i).copied().unwrap_or(beyond);
        let pair = |(i, eq): (usize, &F)| {
            let [h0, h1] = [2 * i, 2 * i + 1].map(|i| at(ht, i, F::ZERO));
            let [p0, p1] = [2 * i, 2 * i + 1].map(|i| at(phi, i, F::ZERO));
            let [c0, c1] = [2 * i, 2 * i + 1].map(|i| at(counts, i, F::ZERO));
            let sums = Sums {
                at0: h0 * p0 + c0,
                at1: h1 * p1 + c1,
                square: (h1 - h0) * (p1 - p0),
                logup0: -h0,
                logup1: -h1,
            };
            sums.times(eq)
        };
        let pairs = weights.iter().enumerate();
        pairs.map(pair).fold(Sums::default(), Sums::add)
    }

    pub(super) fn bind(&mut self, challenge: F) {
        bind_table(&mut self.ht, challenge);
        bind_table(&mut self.phi, challenge);
        self.counts = Vec::new();
        self.pad();
    }
}

fn by_lanes(ht: &[F], phi: &[F], counts: &[F], weights: &[F]) -> Sums {
    let sums = run::<<F as Element>::Modulus, _>(PairSums {
        ht: limbs_of(ht),
        phi: limbs_of(phi),
        counts: limbs_of(counts),
        weights: limbs_of(weights),
    });
    let [at0, at1, square, count0, count1, h0, h1] = sums.map(added::<F>);
    let sixteen = F::from(16);
    Sums {
        at0: at0 * sixteen + count0,
        at1: at1 * sixteen + count1,
        square: square * sixteen,
        logup0: -h0,
        logup1: -h1,
    }
}

struct PairSums<'a> {
    ht: &'a [Limbs],
    phi: &'a [Limbs],
    counts: &'a [Limbs],
    weights: &'a [Limbs],
}

impl<M: Modulus> Kernel<M> for PairSums<'_> {
    /// Sixteenths of the weighted products at 0, at 1 and of the differences, the weighted counts at 0 and at 1, and the fractions'
    /// sums at 0 and at 1.
    type Output = [[Limbs; LANES]; 7];

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let (ht, _) = self.ht.as_chunks::<{ 2 * LANES }>();
        let (phi, _) = self.phi.as_chunks::<{ 2 * LANES }>();
        let (counts, _) = self.counts.as_chunks::<{ 2 * LANES }>();
        let (weights, _) = self.weights.as_chunks::<LANES>();
        let mut tallies = [V::tally(); 7];
        let columns = ht.chunks(PRODUCTS).zip(phi.chunks(PRODUCTS));
        let blocks = weights.chunks(PRODUCTS).zip(columns);
        for (block, (weights, (ht, phi))) in blocks.enumerate() {
            let mut sums = [V::sum(); 5];
            let pairs = weights.iter().zip(ht.iter().zip(phi)).enumerate();
            for (i, (weight, (h, p))) in pairs {
                let weight = V::load(weight);
                let ([h0, h1], [p0, p1]) = (V::load_pairs(h), V::load_pairs(p));
                let factors = [(h0, p0), (h1, p1), (h1.sub(h0), p1.sub(p0))];
                for (sum, (h, p)) in sums.iter_mut().zip(factors) {
                    let mut product = V::sum();
                    V::add_product(&mut product, h, p);
                    V::add_product(sum, weight, V::sixteenth(product));
                }
                if let Some(counts) = counts.get(PRODUCTS * block + i) {
                    let [c0, c1] = V::load_pairs(counts);
                    V::add_product(&mut sums[3], weight, c0);
                    V::add_product(&mut sums[4], weight, c1);
                }
                V::count(&mut tallies[5], h0);
                V::count(&mut tallies[6], h1);
            }
            for (tally, sum) in tallies.iter_mut().zip(sums) {
                V::count(tally, V::total(sum).reduced());
            }
        }
        let mut out = [[[0; 4]; LANES]; 7];
        for (lanes, tally) in out.iter_mut().zip(tallies) {
            *lanes = V::counted(tally).reduced().lanes();
        }
        out
    }
}
