//! Eight elements of a prime field at once: by AVX-512 IFMA on processors that have it, one after the other elsewhere.
//!
//! Elements are what halo2curves has in memory: `a·2^256 mod p`, four limbs of 64 bits, the least significant first; below `p`
//! wherever they are read or written. A [`Kernel`] is written once, for any [`Vector`], and [`run`] picks the vector at run time.
//! `PLEAT_LANES=off` in the environment picks the plain one.
//!
//! The fields are those of the Pasta curves: [`Modulus`] demands a modulus `2^254 + δ`, `δ < 2^126`, which leaves the multiplication
//! two products in five.

mod element;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod modulus;
mod plain;

use std::sync::OnceLock;

pub use element::{Element, added, limbs_of, limbs_of_mut};
pub use modulus::{Modulus, PallasBase, VestaBase};
pub use plain::Plain;

/// An element as it is in memory.
pub type Limbs = [u64; 4];

/// Elements that are computed with together.
pub const LANES: usize = 8;

/// Products that a [`Vector::Sum`] can hold.
pub const PRODUCTS: usize = 32;

/// Elements that a [`Vector::Tally`] can hold.
pub const TERMS: usize = 1 << 10;

/// Eight elements. A bound that an operation states is on every lane, as an integer; what is loaded is below `p`.
pub trait Vector<M: Modulus>: Copy {
    /// The same element in every lane.
    fn splat(element: &Limbs) -> Self;

    /// Eight elements that stand side by side.
    fn load(elements: &[Limbs; LANES]) -> Self;

    /// Those of even and those of odd number of sixteen elements.
    fn load_pairs(elements: &[Limbs; 2 * LANES]) -> [Self; 2];

    /// Those of each of the four places in eight rows.
    fn load_rows(rows: [&[Limbs; 4]; LANES]) -> [Self; 4];

    /// Those of both places in eight rows.
    fn load_pairs_of(rows: [&[Limbs; 2]; LANES]) -> [Self; 2];

    /// Below `p`; needs less than `4p`.
    #[must_use]
    fn reduced(self) -> Self;

    /// Writes all lanes, which have to be below `p`.
    fn store(self, elements: &mut [Limbs; LANES]);

    /// The lanes, which have to be below `p`.
    #[inline(always)]
    fn lanes(self) -> [Limbs; LANES] {
        let mut lanes = [[0; 4]; LANES];
        self.store(&mut lanes);
        lanes
    }

    /// Writes the lanes of `even` and `odd`, which have to be below `p`, in turn.
    fn store_pairs(even: Self, odd: Self, elements: &mut [Limbs; 2 * LANES]);

    /// The lanes, one bit each, that are the same in both, of which both have to be below `p`.
    #[must_use]
    fn equal(self, other: Self) -> u8;

    /// `other` in lanes of which the bit is set, `self` in the others.
    #[must_use]
    fn blend(self, other: Self, lanes: u8) -> Self;

    /// `self·other`, below `2p` and a little more ([`Self::reduced`] will do); needs the same, or less than `2p`, of both.
    #[must_use]
    fn mul(self, other: Self) -> Self;

    /// `self + p - other`; needs `other` below `p`.
    #[must_use]
    fn sub(self, other: Self) -> Self;

    /// `self + other`.
    #[must_use]
    fn add(self, other: Self) -> Self;

    /// Products that are added up and reduced together, at most [`PRODUCTS`] of them.
    type Sum: Copy;

    /// No product.
    fn sum() -> Self::Sum;

    /// Adds a product; needs the same of the factors as [`Self::mul`].
    fn add_product(sum: &mut Self::Sum, left: Self, right: Self);

    /// The sum, with the bounds of [`Self::mul`].
    fn total(sum: Self::Sum) -> Self;

    /// A sixteenth of the sum of at most eight products, with the bounds of [`Self::mul`]; costs half of what [`Self::total`] does.
    fn sixteenth(sum: Self::Sum) -> Self;

    /// A sixteenth of `self·other`, below `2p`; needs less than `2^514` of the product. Costs less than [`Self::mul`].
    #[must_use]
    #[inline(always)]
    fn part(self, other: Self) -> Self {
        let mut sum = Self::sum();
        Self::add_product(&mut sum, self, other);
        Self::sixteenth(sum)
    }

    /// A sixteenth of `self·other`, less what is to be taken off; *settled*, which is below `2p + 2^222`. The product has to be below
    /// `2^514`, what is taken off below `4p + 2^223`.
    #[must_use]
    fn part_less<const N: usize>(self, other: Self, less: [Self; N]) -> Self;

    /// [`Self::part_less`] of a square.
    #[must_use]
    fn square_part_less<const N: usize>(self, less: [Self; N]) -> Self;

    /// `self - other`, below `8p`; needs `self` settled or below `4p`, `other` settled.
    #[must_use]
    fn minus(self, other: Self) -> Self;

    /// `4·(self - other)`, below `26p`; needs settled elements.
    #[must_use]
    fn minus_by_four(self, other: Self) -> Self;

    /// Eight integers of 32 bits.
    type Integers: Copy;

    /// From eight integers that stand side by side, each plus `2^31`.
    fn from_i32(integers: &[i32; LANES]) -> Self::Integers;

    /// From eight integers that stand side by side.
    fn from_u32(integers: &[u32; LANES]) -> Self::Integers;

    /// From eight integers that stand side by side.
    fn from_u16(integers: &[u16; LANES]) -> Self::Integers;

    /// Elements times integers that are added up and reduced together, at most [`TERMS`] of them.
    type Multiples: Copy;

    /// No multiple.
    fn multiples() -> Self::Multiples;

    /// Adds elements below `p` times integers.
    fn add_multiple(multiples: &mut Self::Multiples, element: Self, integers: Self::Integers);

    /// The sum, with the bounds of [`Self::mul`].
    fn multiplied(multiples: Self::Multiples) -> Self;

    /// Elements that are added up and reduced together, at most [`TERMS`] of them.
    type Tally: Copy;

    /// No element.
    fn tally() -> Self::Tally;

    /// Adds an element below `p`.
    fn count(tally: &mut Self::Tally, element: Self);

    /// The sum, below `2p`.
    fn counted(tally: Self::Tally) -> Self;
}

/// A computation on vectors. Its `run` has to be `#[inline(always)]`, and all that it calls: only so is it compiled for the
/// processor's instructions. So vectors are no business of closures.
pub trait Kernel<M: Modulus> {
    /// What it gives.
    type Output;

    /// Computes.
    fn run<V: Vector<M>>(self) -> Self::Output;
}

/// Whether vectors are faster here than one element after the other.
#[must_use]
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let off = std::env::var_os("PLEAT_LANES").is_some_and(|v| v == "off");
        !off && detected()
    })
}

#[cfg(target_arch = "x86_64")]
fn detected() -> bool {
    ifma::detected()
}

#[cfg(not(target_arch = "x86_64"))]
const fn detected() -> bool {
    false
}

/// Runs a kernel on the fastest vectors that there are.
pub fn run<M: Modulus, K: Kernel<M>>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if available() {
        return ifma::run(kernel);
    }
    kernel.run::<Plain<M>>()
}

/// Runs a kernel on plain vectors.
pub fn run_plain<M: Modulus, K: Kernel<M>>(kernel: K) -> K::Output {
    kernel.run::<Plain<M>>()
}
