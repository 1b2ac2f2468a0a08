//! Limbs: products and what is left of them modulo `p`.
#![expect(unsafe_code, reason = "vector instructions")]

use super::{BITS, Ifma, MASK, splat, split};
use crate::modulus::times_power_of_two;
use crate::{Limbs, Modulus};
use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_permutexvar_epi64, _mm512_set_epi64, _mm512_setzero_si512, _mm512_slli_epi64,
    _mm512_srai_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
};
use core::marker::PhantomData;

/// `i - first` times each of the three lowest limbs of `p`, the others being zero and a power of two.
const fn multiples<M: Modulus>(first: i64) -> [[i64; 8]; 3] {
    let p = split(&M::P);
    let mut multiples = [[0; 8]; 3];
    let mut i = 0;
    while i < 24 {
        multiples[i / 8][i % 8] = p[i / 8].cast_signed() * ((i % 8) as i64 - first);
        i += 1;
    }
    multiples
}

/// `factor` times each limb of `p`.
const fn limbs_times<M: Modulus>(factor: u64) -> [u64; 5] {
    let [a, b, c, d, e] = split(&M::P);
    [factor * a, factor * b, factor * c, factor * d, factor * e]
}

#[inline(always)]
pub(super) fn table([a, b, c, d, e, f, g, h]: [i64; 8]) -> __m512i {
    // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
    unsafe { _mm512_set_epi64(h, g, f, e, d, c, b, a) }
}

/// `a²`, limb by limb: products of different limbs are there twice.
#[inline(always)]
pub(super) fn square(a: [__m512i; 5]) -> [__m512i; 10] {
    // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512 and IFMA.
    unsafe {
        let mut t = [_mm512_setzero_si512(); 10];
        for i in 0..5 {
            for j in i + 1..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[i], a[j]);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[i], a[j]);
            }
        }
        for t in &mut t {
            *t = _mm512_add_epi64(*t, *t);
        }
        for i in 0..5 {
            t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a[i], a[i]);
            t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a[i], a[i]);
        }
        t
    }
}

/// `t += a·b`, limb by limb.
#[inline(always)]
pub(super) fn multiply_add(t: &mut [__m512i; 10], a: [__m512i; 5], b: [__m512i; 5]) {
    // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512 and IFMA.
    unsafe {
        for (i, a) in a.into_iter().enumerate() {
            for (j, b) in b.into_iter().enumerate() {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a, b);
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a, b);
            }
        }
    }
}

impl<M: Modulus> Ifma<M> {
    pub(super) const P: [u64; 5] = split(&M::P);
    pub(super) const MULTIPLES: [[i64; 8]; 3] = multiples::<M>(0);
    pub(super) const MULTIPLES_LESS_ONE: [[i64; 8]; 3] = multiples::<M>(1);
    pub(super) const FOUR_P: [u64; 5] = limbs_times::<M>(4);
    pub(super) const FIVE_P: [u64; 5] = limbs_times::<M>(5);
    /// Sixteen, as an element.
    pub(super) const SIXTEEN: Limbs = times_power_of_two(&M::ONE, &M::P, 4);
    /// `2^260`, as an element.
    pub(super) const RADIX: Limbs = times_power_of_two(&M::ONE, &M::P, 260);

    /// Carries from limb to limb, which may be negative, so that all but the highest have 52 bits.
    #[inline(always)]
    pub(super) fn carried(mut limbs: [__m512i; 5]) -> [__m512i; 5] {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            let mask = splat(MASK);
            for i in 0..4 {
                let carry = _mm512_srai_epi64::<BITS>(limbs[i]);
                limbs[i] = _mm512_and_si512(limbs[i], mask);
                limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], carry);
            }
        }
        limbs
    }

    /// Takes off a multiple of `p` from what is between `p` less `2^224` and `8p`, so that between nothing and `2p + 2^222` is left.
    /// Limbs have less than 63 bits and may be negative. As they carry less than `2^13`, the highest tells the multiple, give or
    /// take one.
    #[inline(always)]
    pub(super) fn settled(mut limbs: [__m512i; 5]) -> Self {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            let multiple = _mm512_srli_epi64::<46>(limbs[4]);
            limbs[4] = _mm512_and_si512(limbs[4], splat((1 << 46) - 1));
            limbs[4] = _mm512_add_epi64(limbs[4], splat(1 << 46));
            for (limb, p) in limbs.iter_mut().zip(Self::MULTIPLES_LESS_ONE) {
                *limb = _mm512_sub_epi64(*limb, _mm512_permutexvar_epi64(multiple, table(p)));
            }
        }
        Self(Self::carried(limbs), PhantomData)
    }

    /// The product's five limbs, plus `5p` and less what is to be taken off.
    #[inline(always)]
    pub(super) fn product_less<const N: usize>(t: [__m512i; 10], less: [Self; N]) -> Self {
        let mut limbs = Self::quotient(t);
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            for (limb, p) in limbs.iter_mut().zip(Self::FIVE_P) {
                *limb = _mm512_add_epi64(*limb, splat(p));
            }
            for less in less {
                for (limb, less) in limbs.iter_mut().zip(less.0) {
                    *limb = _mm512_sub_epi64(*limb, less);
                }
            }
        }
        Self::settled(limbs)
    }

    /// `t/2^260`, a multiple of `p` being added to `t` that makes it divisible. Limbs of `t` are below `2^63`.
    #[inline(always)]
    pub(super) fn divided(t: [__m512i; 10]) -> Self {
        Self(Self::carried(Self::quotient(t)), PhantomData)
    }

    /// [`Self::divided`] before carries.
    #[inline(always)]
    pub(super) fn quotient(mut t: [__m512i; 10]) -> [__m512i; 5] {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512 and IFMA.
        unsafe {
            let mask = splat(MASK);
            let inverse = splat(M::NEGATIVE_INVERSE & MASK);
            let p: [__m512i; 3] = core::array::from_fn(|j| splat(Self::P[j]));
            for i in 0..5 {
                let m = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t[i], inverse);
                for (j, p) in p.into_iter().enumerate() {
                    t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, p);
                    t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, p);
                }
                // The highest limb of `p` is `2^46`, the one below is zero.
                let low = _mm512_and_si512(_mm512_slli_epi64::<46>(m), mask);
                t[i + 4] = _mm512_add_epi64(t[i + 4], low);
                t[i + 5] = _mm512_add_epi64(t[i + 5], _mm512_srli_epi64::<6>(m));
                t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<BITS>(t[i]));
            }
        }
        let [.., t5, t6, t7, t8, t9] = t;
        [t5, t6, t7, t8, t9]
    }
}
