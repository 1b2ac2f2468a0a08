//! How elements stand in memory, and how in registers.
#![expect(unsafe_code, reason = "vector instructions")]

use super::{Ifma, MASK, splat};
use crate::Modulus;
use core::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_set_epi64,
    _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srli_epi64,
};
use core::marker::PhantomData;

impl<M: Modulus> Ifma<M> {
    /// From registers of two elements each.
    #[inline(always)]
    pub(super) fn from_pairs([a, b, c, d]: [__m512i; 4]) -> Self {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        let words = unsafe {
            // Limbs 0 and 1 of four elements, then limbs 2 and 3.
            let low = _mm512_set_epi64(13, 9, 5, 1, 12, 8, 4, 0);
            let high = _mm512_set_epi64(15, 11, 7, 3, 14, 10, 6, 2);
            let (first, second) = (
                _mm512_permutex2var_epi64(a, low, b),
                _mm512_permutex2var_epi64(c, low, d),
            );
            let (third, fourth) = (
                _mm512_permutex2var_epi64(a, high, b),
                _mm512_permutex2var_epi64(c, high, d),
            );
            [
                _mm512_shuffle_i64x2::<0x44>(first, second),
                _mm512_shuffle_i64x2::<0xee>(first, second),
                _mm512_shuffle_i64x2::<0x44>(third, fourth),
                _mm512_shuffle_i64x2::<0xee>(third, fourth),
            ]
        };
        Self::from_words(words)
    }

    /// From one register per limb of 64 bits.
    #[inline(always)]
    pub(super) fn from_words([a, b, c, d]: [__m512i; 4]) -> Self {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            let mask = splat(MASK);
            let joined = |low, high| _mm512_and_si512(_mm512_or_si512(low, high), mask);
            Self(
                [
                    _mm512_and_si512(a, mask),
                    joined(_mm512_srli_epi64::<52>(a), _mm512_slli_epi64::<12>(b)),
                    joined(_mm512_srli_epi64::<40>(b), _mm512_slli_epi64::<24>(c)),
                    joined(_mm512_srli_epi64::<28>(c), _mm512_slli_epi64::<36>(d)),
                    _mm512_srli_epi64::<16>(d),
                ],
                PhantomData,
            )
        }
    }

    /// Registers of two elements each.
    #[inline(always)]
    pub(super) fn into_pairs(self) -> [__m512i; 4] {
        let [a, b, c, d] = self.words();
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            // Limbs 0 and 1 of elements 0 to 3, then of elements 4 to 7; then limbs 2 and 3.
            let first = _mm512_shuffle_i64x2::<0x44>(a, b);
            let second = _mm512_shuffle_i64x2::<0xee>(a, b);
            let third = _mm512_shuffle_i64x2::<0x44>(c, d);
            let fourth = _mm512_shuffle_i64x2::<0xee>(c, d);
            let low = _mm512_set_epi64(13, 9, 5, 1, 12, 8, 4, 0);
            let high = _mm512_set_epi64(15, 11, 7, 3, 14, 10, 6, 2);
            [
                _mm512_permutex2var_epi64(first, low, third),
                _mm512_permutex2var_epi64(first, high, third),
                _mm512_permutex2var_epi64(second, low, fourth),
                _mm512_permutex2var_epi64(second, high, fourth),
            ]
        }
    }

    /// One register per limb of 64 bits.
    #[inline(always)]
    pub(super) fn words(self) -> [__m512i; 4] {
        let [a, b, c, d, e] = self.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            [
                _mm512_or_si512(a, _mm512_slli_epi64::<52>(b)),
                _mm512_or_si512(_mm512_srli_epi64::<12>(b), _mm512_slli_epi64::<40>(c)),
                _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<28>(d)),
                _mm512_or_si512(_mm512_srli_epi64::<36>(d), _mm512_slli_epi64::<16>(e)),
            ]
        }
    }
}
