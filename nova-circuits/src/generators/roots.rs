//! Square roots in the fields of the cycle, whose multiplicative groups have order `2^32·t` with `t` odd.
//!
//! For `a`, with `w = a^((t-1)/2)`, `x = a·w` has `x² = a·b`, where `b = x·w = a^t` is a power `g^e` of a generator of the roots of unity
//! of order `2^32`: if `e` is even, `x·g^(-e/2)` is a root, otherwise there is none. The exponent is found eight bits at a time in
//! tables (Sarkar, ePrint 2020/1407), which leaves little but the power `w`; the field library's own way, in constant time, takes three
//! times as long. Nothing here is secret.

use ff::PrimeField;
use std::collections::HashMap;

/// Bits of `e` that one look-up gives.
const WINDOW: usize = 8;
/// Look-ups for an exponent of 32 bits.
const DIGITS: usize = 4;

/// Tables.
pub(crate) struct Roots<B> {
    /// `(t-1)/2` in digits of four bits, the highest first.
    exponent: Vec<u8>,
    /// `g^(-i·2^(8j))` for `i` below 256.
    inverses: [Vec<B>; DIGITS],
    /// `i` for the representation of `g^(i·2^24)`.
    logarithms: HashMap<u64, u8>,
}

/// Tells the 256 roots of unity of order 256 apart.
fn key<B: PrimeField>(value: &B) -> u64 {
    let repr = value.to_repr();
    repr.as_ref()
        .iter()
        .rev()
        .skip(repr.as_ref().len().saturating_sub(8))
        .fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// `1, base, base², …`: as many as a window has.
fn powers<B: PrimeField>(base: B) -> Vec<B> {
    let next = |power: &B| Some(*power * base);
    std::iter::successors(Some(B::ONE), next)
        .take(1 << WINDOW)
        .collect()
}

fn squared<B: PrimeField>(value: B, times: usize) -> B {
    (0..times).fold(value, |value, _| value.square())
}

impl<B: PrimeField> Roots<B> {
    /// Computes the tables: some microseconds.
    pub(crate) fn new() -> Self {
        // p - 1 is 2^32·t.
        let order = (-B::ONE).to_repr();
        let t = order.as_ref().get(B::S as usize / 8..).unwrap_or_default();
        // Halving the odd t leaves the remainder out. From the highest digit on:
        let mut exponent = Vec::with_capacity(2 * t.len());
        let mut carry = 0;
        for byte in t.iter().rev() {
            let half = byte >> 1 | carry << 7;
            carry = byte & 1;
            exponent.extend([half >> 4, half & 15]);
        }
        let inverse = B::ROOT_OF_UNITY_INV;
        let top = squared(B::ROOT_OF_UNITY, WINDOW * (DIGITS - 1));
        Self {
            exponent,
            inverses: core::array::from_fn(|j| powers(squared(inverse, WINDOW * j))),
            logarithms: powers(top).iter().map(key).zip(0..=u8::MAX).collect(),
        }
    }

    /// `a^((t-1)/2)`.
    fn power(&self, a: &B) -> B {
        let mut table = [B::ONE; 16];
        for i in 1..16 {
            table[i] = table[i - 1] * a;
        }
        let mut digits = self.exponent.iter().skip_while(|digit| **digit == 0);
        let first = digits.next().map_or(B::ONE, |d| table[usize::from(*d)]);
        digits.fold(first, |power, digit| {
            let power = squared(power, 4);
            match digit {
                0 => power,
                _ => power * table[usize::from(*digit)],
            }
        })
    }

    /// A square root, if there is one; which of the two is not said.
    pub(crate) fn root(&self, a: &B) -> Option<B> {
        if *a == B::ZERO {
            return Some(B::ZERO);
        }
        let w = self.power(a);
        let x = w * a;
        let mut lifted = [x * w; DIGITS];
        for i in 1..DIGITS {
            lifted[i] = squared(lifted[i - 1], WINDOW);
        }
        // lifted[i] is g^(e·2^(8i)), of whose exponent modulo 2^32 the digits from the (4-i)th on are gone.
        let mut exponent = 0_u32;
        for i in 0..DIGITS {
            let above = DIGITS - 1 - i;
            let known = (0..i).map(|j| self.inverses[above + j][digit(exponent, j)]);
            let rest: B = known.fold(lifted[above], |rest, inverse| rest * inverse);
            let found = u32::from(*self.logarithms.get(&key(&rest))?);
            exponent |= found << (WINDOW * i);
            if exponent & 1 == 1 {
                return None;
            }
        }
        let inverses = self.inverses.iter().enumerate();
        Some(inverses.fold(x, |x, (j, inverse)| x * inverse[digit(exponent / 2, j)]))
    }
}

fn digit(exponent: u32, at: usize) -> usize {
    usize::from(exponent.to_le_bytes()[at])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::cycle::{Primary, Secondary};
    use nova_snark::traits::Engine;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn agrees<B: PrimeField>() {
        let roots = Roots::<B>::new();
        assert_eq!(roots.logarithms.len(), 256);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        // Of every order of two, too.
        let unity = (0..=B::S).map(|i| squared(B::ROOT_OF_UNITY, i as usize));
        let small = [B::ZERO, B::ONE, -B::ONE, B::from(2), B::from(3), B::from(5)];
        let random = (0..500).map(|_| B::random(&mut rng));
        let mut squares = 0;
        for a in small.into_iter().chain(unity).chain(random) {
            let root = roots.root(&a);
            assert_eq!(root.is_some(), bool::from(a.sqrt().is_some()), "{a:?}");
            if let Some(root) = root {
                assert_eq!(root.square(), a);
                squares += 1;
            }
        }
        assert!((200..350).contains(&squares));
    }

    #[test]
    fn roots_are_those_of_the_field_library() {
        agrees::<<Primary as Engine>::Base>();
        agrees::<<Secondary as Engine>::Base>();
    }
}
