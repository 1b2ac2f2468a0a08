//! Vectors without vector instructions.

use core::marker::PhantomData;

use crate::{LANES, Limbs, Modulus, Vector};

/// Eight elements, one after the other. They are always below `p`.
#[derive(Clone, Copy, Debug)]
pub struct Plain<M>([Limbs; LANES], PhantomData<M>);

impl<M: Modulus> Plain<M> {
    fn each(self, other: Self, f: impl Fn(&Limbs, &Limbs) -> Limbs) -> Self {
        let lanes = core::array::from_fn(|i| f(&self.0[i], &other.0[i]));
        Self(lanes, PhantomData)
    }
}

impl<M: Modulus> Vector<M> for Plain<M> {
    fn splat(element: &Limbs) -> Self {
        Self([*element; LANES], PhantomData)
    }

    fn load(elements: &[Limbs; LANES]) -> Self {
        Self(*elements, PhantomData)
    }

    fn load_pairs(elements: &[Limbs; 2 * LANES]) -> [Self; 2] {
        let from = |first| {
            Self(
                core::array::from_fn(|i| elements[2 * i + first]),
                PhantomData,
            )
        };
        [from(0), from(1)]
    }

    fn load_rows(rows: [&[Limbs; 4]; LANES]) -> [Self; 4] {
        core::array::from_fn(|place| Self(rows.map(|row| row[place]), PhantomData))
    }

    fn load_pairs_of(rows: [&[Limbs; 2]; LANES]) -> [Self; 2] {
        core::array::from_fn(|place| Self(rows.map(|row| row[place]), PhantomData))
    }

    fn reduced(self) -> Self {
        self
    }

    fn store(self, elements: &mut [Limbs; LANES]) {
        *elements = self.0;
    }

    fn store_pairs(even: Self, odd: Self, elements: &mut [Limbs; 2 * LANES]) {
        let (pairs, _) = elements.as_chunks_mut::<2>();
        for (pair, lanes) in pairs.iter_mut().zip(even.0.into_iter().zip(odd.0)) {
            *pair = lanes.into();
        }
    }

    fn equal(self, other: Self) -> u8 {
        let lanes = self.0.iter().zip(&other.0).enumerate();
        lanes.fold(0, |bits, (i, (a, b))| bits | u8::from(a == b) << i)
    }

    fn blend(self, other: Self, lanes: u8) -> Self {
        let lane = |i: usize| {
            if lanes >> i & 1 == 1 {
                other.0[i]
            } else {
                self.0[i]
            }
        };
        Self(core::array::from_fn(lane), PhantomData)
    }

    fn mul(self, other: Self) -> Self {
        self.each(other, multiply::<M>)
    }

    fn sub(self, other: Self) -> Self {
        self.each(other, |a, b| {
            let (difference, borrow) = subtract(a, b);
            if borrow {
                sum(&difference, &M::P)
            } else {
                difference
            }
        })
    }

    fn add(self, other: Self) -> Self {
        self.each(other, |a, b| reduce(sum(a, b), &M::P))
    }

    type Sum = Self;

    fn sum() -> Self {
        Self([[0; 4]; LANES], PhantomData)
    }

    fn add_product(sum: &mut Self, left: Self, right: Self) {
        *sum = sum.add(left.mul(right));
    }

    fn total(sum: Self) -> Self {
        sum
    }

    fn sixteenth(sum: Self) -> Self {
        // `2^252`, which is `2^256/16`.
        sum.mul(Self::splat(&[0, 0, 0, 1 << 60]))
    }

    fn part_less<const N: usize>(self, other: Self, less: [Self; N]) -> Self {
        less.into_iter().fold(self.part(other), Self::sub)
    }

    fn square_part_less<const N: usize>(self, less: [Self; N]) -> Self {
        self.part_less(self, less)
    }

    fn minus(self, other: Self) -> Self {
        self.sub(other)
    }

    fn minus_by_four(self, other: Self) -> Self {
        let difference = self.sub(other);
        let double = difference.add(difference);
        double.add(double)
    }

    type Integers = [u32; LANES];

    fn from_i32(integers: &[i32; LANES]) -> [u32; LANES] {
        integers.map(|v| v.cast_unsigned() ^ (1 << 31))
    }

    fn from_u32(integers: &[u32; LANES]) -> [u32; LANES] {
        *integers
    }

    fn from_u16(integers: &[u16; LANES]) -> [u32; LANES] {
        integers.map(u32::from)
    }

    type Multiples = Self;

    fn multiples() -> Self {
        Self::sum()
    }

    fn add_multiple(multiples: &mut Self, element: Self, integers: [u32; LANES]) {
        // Montgomery's product takes off what the integer lacks of an element.
        let integers = integers.map(|v| [u64::from(v), 0, 0, 0]);
        let integers = Self(integers, PhantomData).mul(Self::splat(&M::SQUARE));
        *multiples = multiples.add(element.mul(integers));
    }

    fn multiplied(multiples: Self) -> Self {
        multiples
    }

    type Tally = Self;

    fn tally() -> Self {
        Self::sum()
    }

    fn count(tally: &mut Self, element: Self) {
        *tally = tally.add(element);
    }

    fn counted(tally: Self) -> Self {
        tally
    }
}

/// `a + b mod 2^256`.
fn sum(a: &Limbs, b: &Limbs) -> Limbs {
    let mut carry = false;
    core::array::from_fn(|i| {
        let (sum, over) = a[i].add_with(b[i], carry);
        carry = over;
        sum
    })
}

/// `a - b mod 2^256`, and whether it is negative.
fn subtract(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let mut borrow = false;
    let difference = core::array::from_fn(|i| {
        let (first, under) = a[i].overflowing_sub(b[i]);
        let (second, again) = first.overflowing_sub(u64::from(borrow));
        borrow = under || again;
        second
    });
    (difference, borrow)
}

/// `a - p` if that is not negative.
fn reduce(a: Limbs, p: &Limbs) -> Limbs {
    let (difference, borrow) = subtract(&a, p);
    if borrow { a } else { difference }
}

trait Carry: Sized {
    fn add_with(self, other: Self, carry: bool) -> (Self, bool);
}

impl Carry for u64 {
    fn add_with(self, other: Self, carry: bool) -> (Self, bool) {
        let (first, over) = self.overflowing_add(other);
        let (second, again) = first.overflowing_add(Self::from(carry));
        (second, over || again)
    }
}

/// `a·b/2^256 mod p`, limb by limb (Montgomery).
fn multiply<M: Modulus>(a: &Limbs, b: &Limbs) -> Limbs {
    let mut t = [0_u64; 6];
    for a in a {
        add_product(&mut t, *a, b);
        let m = t[0].wrapping_mul(M::NEGATIVE_INVERSE);
        add_product(&mut t, m, &M::P);
        t.copy_within(1.., 0);
        t[5] = 0;
    }
    reduce([t[0], t[1], t[2], t[3]], &M::P)
}

/// `t += factor·b`.
fn add_product(t: &mut [u64; 6], factor: u64, b: &Limbs) {
    let mut carry = 0_u64;
    for (t, b) in t.iter_mut().zip(b) {
        let sum = u128::from(factor) * u128::from(*b) + u128::from(*t) + u128::from(carry);
        *t = sum as u64;
        carry = (sum >> 64) as u64;
    }
    let (sum, over) = t[4].overflowing_add(carry);
    t[4] = sum;
    t[5] += u64::from(over);
}
