//! Eight elements of a prime field at once: by AVX-512 IFMA on processors that have it, one after the other elsewhere.
//!
//! Elements are what halo2curves has in memory: `a·2^256 mod p`, four limbs of 64 bits, the least significant first; below `p`
//! wherever they are read or written. A [`Kernel`] is written once, for any [`Vector`], and [`run`] picks the vector at run time.
//! `PLEAT_LANES=off` in the environment picks the plain one.
//!
//! The fields are those of the Pasta curves: [`Modulus`] demands a modulus `2^254 + δ`, `δ < 2^126`, which leaves the multiplication
//! two products in five.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod modulus;
mod plain;

use std::sync::OnceLock;

pub use modulus::{Modulus, PallasBase, VestaBase};
pub use plain::Plain;

/// An element as it is in memory.
pub type Limbs = [u64; 4];

/// Elements that are computed with together.
pub const LANES: usize = 8;

/// Eight elements. A bound that an operation states is on every lane, as an integer; what is loaded is below `p`.
pub trait Vector<M: Modulus>: Copy {
    /// The same element in every lane.
    fn splat(element: &Limbs) -> Self;

    /// Eight elements that stand side by side.
    fn load(elements: &[Limbs; LANES]) -> Self;

    /// Below `p`; needs less than `4p`.
    #[must_use]
    fn reduced(self) -> Self;

    /// Writes all lanes, which have to be below `p`.
    fn store(self, elements: &mut [Limbs; LANES]);

    /// `self·other`, below `2p` and a little more ([`Self::reduced`] will do); needs the same, or less than `2p`, of both.
    #[must_use]
    fn mul(self, other: Self) -> Self;

    /// `self + p - other`; needs `other` below `p`.
    #[must_use]
    fn sub(self, other: Self) -> Self;

    /// `self + other`.
    #[must_use]
    fn add(self, other: Self) -> Self;
}

/// A computation on vectors. Its `run` has to be `#[inline(always)]`, and all that it calls: only so is it compiled for the
/// processor's instructions.
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
