//! Splitting a scalar in two halves along the curve's endomorphism `φ(x, y) = (ζ·x, y) = λ·(x, y)`:
//! `k = k₁ + λ·k₂` with `|k₁|, |k₂| < 2^127` (Gallant, Lambert, Vanstone).
//!
//! With a reduced basis `(a₁, b₁), (-a₂, b₂)` of the lattice `{(a, b): a + λ·b = 0 mod q}`, the halves are `(k, 0)` less the lattice
//! vector that is nearest to it after rounding both coordinates.

use ff::PrimeField;

/// A reduced basis `(a1, b1), (-a2, b2)` of the lattice, all entries positive, and `round(2^380·b/q)` for both `b`.
#[derive(Clone, Copy, Debug)]
pub struct Lattice {
    /// First vector, first entry.
    pub a1: u128,
    /// First vector, second entry.
    pub b1: u128,
    /// Second vector, first entry, negated.
    pub a2: u128,
    /// Second vector, second entry.
    pub b2: u128,
    /// `round(2^380·b1/q)`, little-endian limbs.
    pub b1_over_q: [u64; 4],
    /// `round(2^380·b2/q)`, little-endian limbs.
    pub b2_over_q: [u64; 4],
}

impl Lattice {
    /// `(k₁, k₂)`. The quotients are rounded to within `1/2 + 2^-120`, so that `|k₁| ≤ (a1 + a2)/2 + 2^8` and
    /// `|k₂| ≤ (b1 + b2)/2 + 2^8`, both below `0.87·2^127`; arithmetic modulo `2^128` is therefore exact.
    pub(super) fn split<S: PrimeField>(&self, k: &S) -> (i128, i128) {
        let k = limbs(k);
        let c1 = rounded_product(&k, &self.b2_over_q);
        let c2 = rounded_product(&k, &self.b1_over_q);
        let low = u128::from(k[0]) | u128::from(k[1]) << 64;
        let k1 = low
            .wrapping_sub(c1.wrapping_mul(self.a1))
            .wrapping_sub(c2.wrapping_mul(self.a2));
        let k2 = c2
            .wrapping_mul(self.b2)
            .wrapping_sub(c1.wrapping_mul(self.b1));
        (k1 as i128, k2 as i128)
    }
}

fn limbs<S: PrimeField>(k: &S) -> [u64; 4] {
    let repr = k.to_repr();
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(repr.as_ref().chunks_exact(8)) {
        *limb = bytes
            .iter()
            .rev()
            .fold(0, |limb, b| limb << 8 | u64::from(*b));
    }
    limbs
}

/// `round(x·y / 2^380)`, its lowest 128 bits.
fn rounded_product(x: &[u64; 4], y: &[u64; 4]) -> u128 {
    let mut product = [0_u64; 8];
    for (i, x) in x.iter().enumerate() {
        let mut carry = 0;
        for (j, y) in y.iter().enumerate() {
            let sum = u128::from(product[i + j]) + u128::from(*x) * u128::from(*y) + carry;
            product[i + j] = sum as u64;
            carry = sum >> 64;
        }
        product[i + 4] = carry as u64;
    }
    // 380 = 5·64 + 60; the rounding bit is number 379.
    let high = u128::from(product[6]) | u128::from(product[7]) << 64;
    let shifted = high << 4 | u128::from(product[5] >> 60);
    shifted.wrapping_add(u128::from(product[5] >> 59 & 1))
}

#[cfg(test)]
mod tests {
    use crate::cycle::{Primary, Secondary};
    use crate::msm::EndoGroup;
    use ff::{Field, PrimeField, WithSmallOrderMulGroup};
    use nova_snark::traits::Engine;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn halves_recompose<G: EndoGroup<Scalar: WithSmallOrderMulGroup<3>>>() {
        let embed = |k: i128| {
            let magnitude = G::Scalar::from_u128(k.unsigned_abs());
            if k < 0 { -magnitude } else { magnitude }
        };
        let lambda = <G::Scalar as WithSmallOrderMulGroup<3>>::ZETA;
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let small = (0..100_u64).map(G::Scalar::from);
        let powers = (0..255).map(|i| G::Scalar::from(2).pow([i]));
        let random = (0..2000).map(|_| G::Scalar::random(&mut rng));
        let all: Vec<G::Scalar> = small.chain(powers).chain(random).collect();
        for k in all.iter().flat_map(|k| [*k, -*k, *k * lambda]) {
            let (k1, k2) = G::LATTICE.split(&k);
            assert!(k1.unsigned_abs() < 1 << 127 && k2.unsigned_abs() < 1 << 127);
            assert_eq!(embed(k1) + embed(k2) * lambda, k);
        }
    }

    #[test]
    fn halves_recompose_on_both_curves() {
        halves_recompose::<<Primary as Engine>::GE>();
        halves_recompose::<<Secondary as Engine>::GE>();
    }
}
