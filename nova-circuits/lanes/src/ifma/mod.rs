//! Vectors of AVX-512 IFMA: an element is five limbs of 52 bits, a register holds one limb of all eight. All `unsafe` of the
//! workspace is here, for two reasons: intrinsics of instructions that [`detected`] has shown to be there, and loads and stores of
//! whole registers from references to as many bytes.
#![expect(unsafe_code, reason = "vector instructions")]

mod arithmetic;
mod layout;

use arithmetic::{multiply_add, square, table};
use core::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm256_loadu_si256, _mm512_add_epi64, _mm512_and_si512,
    _mm512_cmplt_epi64_mask, _mm512_cvtepi32_epi64, _mm512_cvtepu16_epi64, _mm512_cvtepu32_epi64,
    _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_add_epi64,
    _mm512_mask_cmpeq_epi64_mask, _mm512_mask_mov_epi64, _mm512_or_si512, _mm512_permutexvar_epi64,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_slli_epi64,
    _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64,
};
use core::marker::PhantomData;

use crate::{Kernel, LANES, Limbs, Modulus, Vector};

/// Bits of a limb.
const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// Whether the processor has what is used here.
pub fn detected() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512ifma")
}

/// Runs a kernel on vectors of this processor, which [`crate::available`] has shown to have them.
pub fn run<M: Modulus, K: Kernel<M>>(kernel: K) -> K::Output {
    debug_assert!(detected());
    // SAFETY: the caller has asked `available`, which is `detected`.
    unsafe { compiled(kernel) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn compiled<M: Modulus, K: Kernel<M>>(kernel: K) -> K::Output {
    kernel.run::<Ifma<M>>()
}

/// Eight elements, each as five limbs of 52 bits. Only [`compiled`] makes kernels that have any.
#[derive(Clone, Copy)]
pub struct Ifma<M>([__m512i; 5], PhantomData<M>);

/// `value` in limbs of 52 bits.
const fn split(value: &Limbs) -> [u64; 5] {
    let [a, b, c, d] = *value;
    [
        a & MASK,
        (a >> 52 | b << 12) & MASK,
        (b >> 40 | c << 24) & MASK,
        (c >> 28 | d << 36) & MASK,
        d >> 16,
    ]
}

#[inline(always)]
fn splat(value: u64) -> __m512i {
    // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
    unsafe { _mm512_set1_epi64(value.cast_signed()) }
}

impl<M: Modulus> Vector<M> for Ifma<M> {
    #[inline(always)]
    fn splat(element: &Limbs) -> Self {
        Self(split(element).map(splat), PhantomData)
    }

    #[inline(always)]
    fn load(elements: &[Limbs; LANES]) -> Self {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512; the loads are of the four quarters of
        // 256 bytes that the reference is to, and need no alignment.
        let pairs = unsafe {
            let at = elements.as_ptr().cast::<__m512i>();
            core::array::from_fn(|i| _mm512_loadu_si512(at.add(i)))
        };
        Self::from_pairs(pairs)
    }

    #[inline(always)]
    fn load_pairs(elements: &[Limbs; 2 * LANES]) -> [Self; 2] {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512; the loads are of the eight parts of
        // 512 bytes that the reference is to, and need no alignment.
        let (even, odd) = unsafe {
            let at = elements.as_ptr().cast::<__m512i>();
            let [a, b, c, d, e, f, g, h]: [__m512i; 8] =
                core::array::from_fn(|i| _mm512_loadu_si512(at.add(i)));
            (
                [
                    _mm512_shuffle_i64x2::<0x44>(a, b),
                    _mm512_shuffle_i64x2::<0x44>(c, d),
                    _mm512_shuffle_i64x2::<0x44>(e, f),
                    _mm512_shuffle_i64x2::<0x44>(g, h),
                ],
                [
                    _mm512_shuffle_i64x2::<0xee>(a, b),
                    _mm512_shuffle_i64x2::<0xee>(c, d),
                    _mm512_shuffle_i64x2::<0xee>(e, f),
                    _mm512_shuffle_i64x2::<0xee>(g, h),
                ],
            )
        };
        [Self::from_pairs(even), Self::from_pairs(odd)]
    }

    #[inline(always)]
    fn load_rows(rows: [&[Limbs; 4]; LANES]) -> [Self; 4] {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512; the loads are of the two halves of 128 bytes
        // that each reference is to, and need no alignment.
        unsafe {
            let zero = _mm512_setzero_si512();
            let mut pairs = [[zero; 4]; 4];
            for i in 0..4 {
                let (first, second) = (rows[2 * i].as_ptr(), rows[2 * i + 1].as_ptr());
                let (first, second) = (first.cast::<__m512i>(), second.cast::<__m512i>());
                for half in 0..2 {
                    let a = _mm512_loadu_si512(first.add(half));
                    let b = _mm512_loadu_si512(second.add(half));
                    pairs[2 * half][i] = _mm512_shuffle_i64x2::<0x44>(a, b);
                    pairs[2 * half + 1][i] = _mm512_shuffle_i64x2::<0xee>(a, b);
                }
            }
            let [a, b, c, d] = pairs;
            [
                Self::from_pairs(a),
                Self::from_pairs(b),
                Self::from_pairs(c),
                Self::from_pairs(d),
            ]
        }
    }

    #[inline(always)]
    fn load_pairs_of(rows: [&[Limbs; 2]; LANES]) -> [Self; 2] {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512; the loads are of the 64 bytes that each
        // reference is to, and need no alignment.
        unsafe {
            let mut pairs = [[_mm512_setzero_si512(); 4]; 2];
            for i in 0..4 {
                let a = _mm512_loadu_si512(rows[2 * i].as_ptr().cast());
                let b = _mm512_loadu_si512(rows[2 * i + 1].as_ptr().cast());
                pairs[0][i] = _mm512_shuffle_i64x2::<0x44>(a, b);
                pairs[1][i] = _mm512_shuffle_i64x2::<0xee>(a, b);
            }
            let [first, second] = pairs;
            [Self::from_pairs(first), Self::from_pairs(second)]
        }
    }

    /// Takes off the multiple of `p` that the bits from `2^254` on give, which may leave less than nothing, though hardly ever does.
    #[inline(always)]
    fn reduced(self) -> Self {
        let mut limbs = self.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            let multiple = _mm512_srli_epi64::<46>(limbs[4]);
            limbs[4] = _mm512_and_si512(limbs[4], splat((1 << 46) - 1));
            for (limb, p) in limbs.iter_mut().zip(Self::MULTIPLES) {
                *limb = _mm512_sub_epi64(*limb, _mm512_permutexvar_epi64(multiple, table(p)));
            }
            let mut limbs = Self::carried(limbs);
            let negative = _mm512_cmplt_epi64_mask(limbs[4], _mm512_setzero_si512());
            if negative != 0 {
                for (limb, p) in limbs.iter_mut().zip(Self::P) {
                    *limb = _mm512_mask_add_epi64(*limb, negative, *limb, splat(p));
                }
                limbs = Self::carried(limbs);
            }
            Self(limbs, PhantomData)
        }
    }

    #[inline(always)]
    fn store(self, elements: &mut [Limbs; LANES]) {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512; the stores are to the four quarters of
        // 256 bytes that the reference is to, and need no alignment.
        unsafe {
            let at = elements.as_mut_ptr().cast::<__m512i>();
            for (i, pair) in self.into_pairs().into_iter().enumerate() {
                _mm512_storeu_si512(at.add(i), pair);
            }
        }
    }

    #[inline(always)]
    fn store_pairs(even: Self, odd: Self, elements: &mut [Limbs; 2 * LANES]) {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512; the stores are to the eight parts of
        // 512 bytes that the reference is to, and need no alignment.
        unsafe {
            let at = elements.as_mut_ptr().cast::<__m512i>();
            let pairs = even.into_pairs().into_iter().zip(odd.into_pairs());
            for (i, (even, odd)) in pairs.enumerate() {
                _mm512_storeu_si512(at.add(2 * i), _mm512_shuffle_i64x2::<0x44>(even, odd));
                _mm512_storeu_si512(at.add(2 * i + 1), _mm512_shuffle_i64x2::<0xee>(even, odd));
            }
        }
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u8 {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            let limbs = self.0.into_iter().zip(other.0);
            limbs.fold(u8::MAX, |equal, (a, b)| {
                _mm512_mask_cmpeq_epi64_mask(equal, a, b)
            })
        }
    }

    #[inline(always)]
    fn blend(self, other: Self, lanes: u8) -> Self {
        let mut limbs = self.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            for (limb, other) in limbs.iter_mut().zip(other.0) {
                *limb = _mm512_mask_mov_epi64(*limb, lanes, other);
            }
        }
        Self(limbs, PhantomData)
    }

    /// Montgomery's with radix `2^260`; sixteen times one factor makes up for the `2^256` of the elements. With factors below
    /// `2^255 + e` the result is below `2^255 + e + 2^126`: no chain of products is long enough for that to reach `2^256`.
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let [a0, a1, a2, a3, a4] = self.0;
        let b = other.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512 and IFMA.
        unsafe {
            let mask = splat(MASK);
            let shifted = |low, high| {
                let low = _mm512_srli_epi64::<48>(low);
                _mm512_and_si512(_mm512_or_si512(low, _mm512_slli_epi64::<4>(high)), mask)
            };
            let a = [
                _mm512_and_si512(_mm512_slli_epi64::<4>(a0), mask),
                shifted(a0, a1),
                shifted(a1, a2),
                shifted(a2, a3),
                // Below `2^48` and so without a mask.
                _mm512_or_si512(_mm512_srli_epi64::<48>(a3), _mm512_slli_epi64::<4>(a4)),
            ];
            let mut t = [_mm512_setzero_si512(); 10];
            multiply_add(&mut t, a, b);
            Self::divided(t)
        }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let mut limbs = self.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            for ((limb, other), p) in limbs.iter_mut().zip(other.0).zip(Self::P) {
                *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, splat(p)), other);
            }
        }
        Self(Self::carried(limbs), PhantomData)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut limbs = self.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            for (limb, other) in limbs.iter_mut().zip(other.0) {
                *limb = _mm512_add_epi64(*limb, other);
            }
        }
        Self(Self::carried(limbs), PhantomData)
    }

    /// Limb `i` is of `2^(52i)`. A product adds less than `2^56` to it.
    type Sum = [__m512i; 10];

    #[inline(always)]
    fn sum() -> Self::Sum {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe { [_mm512_setzero_si512(); 10] }
    }

    #[inline(always)]
    fn add_product(sum: &mut Self::Sum, left: Self, right: Self) {
        multiply_add(sum, left.0, right.0);
    }

    /// Products of factors below `2^255 + e` add up to less than `2^515 + e`; so what is left is below `3·2^254 + e` and can be a
    /// factor.
    #[inline(always)]
    fn total(sum: Self::Sum) -> Self {
        Self::splat(&Self::SIXTEEN).mul(Self::divided(sum))
    }

    /// Eight products of factors below `2^255 + e` add up to less than `2^513 + e`.
    #[inline(always)]
    fn sixteenth(sum: Self::Sum) -> Self {
        Self::divided(sum)
    }

    #[inline(always)]
    fn part_less<const N: usize>(self, other: Self, less: [Self; N]) -> Self {
        let mut t = Self::sum();
        multiply_add(&mut t, self.0, other.0);
        Self::product_less(t, less)
    }

    #[inline(always)]
    fn square_part_less<const N: usize>(self, less: [Self; N]) -> Self {
        Self::product_less(square(self.0), less)
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        let mut limbs = self.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            for ((limb, other), p) in limbs.iter_mut().zip(other.0).zip(Self::FOUR_P) {
                *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, splat(p)), other);
            }
        }
        Self(Self::carried(limbs), PhantomData)
    }

    #[inline(always)]
    fn minus_by_four(self, other: Self) -> Self {
        let mut limbs = self.0;
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            for ((limb, other), p) in limbs.iter_mut().zip(other.0).zip(Self::FOUR_P) {
                *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, splat(p)), other);
                *limb = _mm512_slli_epi64::<2>(*limb);
            }
        }
        Self(Self::carried(limbs), PhantomData)
    }

    type Integers = __m512i;

    #[inline(always)]
    fn from_i32(integers: &[i32; LANES]) -> __m512i {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512; the load is of the 32 bytes that the
        // reference is to, and needs no alignment.
        unsafe {
            let integers = _mm512_cvtepi32_epi64(_mm256_loadu_si256(integers.as_ptr().cast()));
            _mm512_add_epi64(integers, splat(1 << 31))
        }
    }

    #[inline(always)]
    fn from_u32(integers: &[u32; LANES]) -> __m512i {
        // SAFETY: as in `from_i32`.
        unsafe { _mm512_cvtepu32_epi64(_mm256_loadu_si256(integers.as_ptr().cast())) }
    }

    #[inline(always)]
    fn from_u16(integers: &[u16; LANES]) -> __m512i {
        // SAFETY: as in `from_i32`, of 16 bytes.
        unsafe { _mm512_cvtepu16_epi64(_mm_loadu_si128(integers.as_ptr().cast())) }
    }

    /// Limb `i` is of `2^(52i)`. A multiple adds less than `2^53` to it.
    type Multiples = [__m512i; 6];

    #[inline(always)]
    fn multiples() -> Self::Multiples {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe { [_mm512_setzero_si512(); 6] }
    }

    #[inline(always)]
    fn add_multiple(multiples: &mut Self::Multiples, element: Self, integers: __m512i) {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512 and IFMA.
        unsafe {
            for (i, limb) in element.0.into_iter().enumerate() {
                multiples[i] = _mm512_madd52lo_epu64(multiples[i], limb, integers);
                multiples[i + 1] = _mm512_madd52hi_epu64(multiples[i + 1], limb, integers);
            }
        }
    }

    #[inline(always)]
    fn multiplied([a, b, c, d, e, f]: Self::Multiples) -> Self {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        let zero = unsafe { _mm512_setzero_si512() };
        let divided = Self::divided([a, b, c, d, e, f, zero, zero, zero, zero]);
        Self::splat(&Self::RADIX).mul(divided)
    }

    type Tally = [__m512i; 5];

    #[inline(always)]
    fn tally() -> Self::Tally {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe { [_mm512_setzero_si512(); 5] }
    }

    #[inline(always)]
    fn count(tally: &mut Self::Tally, element: Self) {
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512.
        unsafe {
            for (sum, limb) in tally.iter_mut().zip(element.0) {
                *sum = _mm512_add_epi64(*sum, limb);
            }
        }
    }

    /// What is above `2^254` is taken off as that multiple of `p`, which may leave less than nothing, down to `-2^137`.
    #[inline(always)]
    fn counted(tally: Self::Tally) -> Self {
        let mut limbs = Self::carried(tally);
        // SAFETY: called by kernels that `compiled` runs, on processors that have AVX-512 and IFMA.
        unsafe {
            let multiple = _mm512_srli_epi64::<46>(limbs[4]);
            limbs[4] = _mm512_and_si512(limbs[4], splat((1 << 46) - 1));
            let mut less = [_mm512_setzero_si512(); 5];
            for j in 0..3 {
                let p = splat(Self::P[j]);
                less[j] = _mm512_madd52lo_epu64(less[j], multiple, p);
                less[j + 1] = _mm512_madd52hi_epu64(less[j + 1], multiple, p);
            }
            for ((limb, less), p) in limbs.iter_mut().zip(less).zip(Self::P) {
                *limb = _mm512_sub_epi64(_mm512_add_epi64(*limb, splat(p)), less);
            }
        }
        Self(Self::carried(limbs), PhantomData)
    }
}
