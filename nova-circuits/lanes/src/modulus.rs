//! The two moduli.

use crate::Limbs;

/// A prime `2^254 + δ` with `0 < δ < 2^126`.
pub trait Modulus: Copy + Send + Sync + 'static {
    /// The prime.
    const P: Limbs;
    /// `2^256 mod p`: one.
    const ONE: Limbs;

    /// `2^512 mod p`: what makes an element of an integer by a multiplication.
    const SQUARE: Limbs = times_power_of_two(&Self::ONE, &Self::P, 256);

    /// `-p^(-1) mod 2^64`.
    const NEGATIVE_INVERSE: u64 = negative_inverse(Self::P[0]);
}

/// Base field of Pallas.
#[derive(Clone, Copy, Debug)]
pub struct PallasBase;

/// Base field of Vesta, the scalar field of Pallas.
#[derive(Clone, Copy, Debug)]
pub struct VestaBase;

impl Modulus for PallasBase {
    const P: Limbs = [
        0x992d_30ed_0000_0001,
        0x2246_98fc_094c_f91b,
        0,
        0x4000_0000_0000_0000,
    ];
    const ONE: Limbs = one(&Self::P);
}

impl Modulus for VestaBase {
    const P: Limbs = [
        0x8c46_eb21_0000_0001,
        0x2246_98fc_0994_a8dd,
        0,
        0x4000_0000_0000_0000,
    ];
    const ONE: Limbs = one(&Self::P);
}

/// By Newton's iteration, which doubles the bits that are right.
const fn negative_inverse(p: u64) -> u64 {
    let mut inverse = 1_u64;
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(p.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg()
}

/// `2^256 - 3p`, which is `2^256 mod p`, since `3p < 2^256 < 4p`.
const fn one(p: &Limbs) -> Limbs {
    let mut value: Limbs = [0; 4];
    let mut round = 0;
    while round < 3 {
        let mut borrow = false;
        let mut i = 0;
        while i < 4 {
            let (first, under) = value[i].overflowing_sub(p[i]);
            let (second, under_again) = first.overflowing_sub(borrow as u64);
            value[i] = second;
            borrow = under || under_again;
            i += 1;
        }
        round += 1;
    }
    value
}

/// `2^exponent·value mod p`, of a value below `p`.
pub const fn times_power_of_two(value: &Limbs, p: &Limbs, exponent: u32) -> Limbs {
    let mut value = *value;
    let mut i = 0;
    while i < exponent {
        value = double(&value, p);
        i += 1;
    }
    value
}

/// `2·value mod p`, of a value below `p`.
const fn double(value: &Limbs, p: &Limbs) -> Limbs {
    let mut doubled = [0; 4];
    let mut less = [0; 4];
    let (mut carry, mut borrow) = (0, false);
    let mut i = 0;
    while i < 4 {
        doubled[i] = value[i] << 1 | carry;
        carry = value[i] >> 63;
        let (first, under) = doubled[i].overflowing_sub(p[i]);
        let (second, under_again) = first.overflowing_sub(borrow as u64);
        less[i] = second;
        borrow = under || under_again;
        i += 1;
    }
    if borrow { doubled } else { less }
}
