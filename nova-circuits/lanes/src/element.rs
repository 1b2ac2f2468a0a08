//! halo2curves' elements as lanes read them.
#![expect(unsafe_code, reason = "slices of elements are slices of their limbs")]

use ff::PrimeField;
use nova_snark::provider::pasta::{pallas, vesta};

use crate::{LANES, Limbs, Modulus, PallasBase, VestaBase};

mod sealed {
    /// Implementors have one field, of type [`crate::Limbs`], and its size.
    pub trait Sealed {}
}

/// An element of a field of the cycle.
pub trait Element: PrimeField + sealed::Sealed {
    /// Its modulus.
    type Modulus: Modulus;

    /// As it is in memory.
    fn limbs(&self) -> Limbs;

    /// From what [`Self::limbs`] gives.
    fn from_limbs(limbs: Limbs) -> Self;
}

macro_rules! element {
    ($field:ty, $modulus:ty) => {
        impl sealed::Sealed for $field {}

        impl Element for $field {
            type Modulus = $modulus;

            #[inline(always)]
            fn limbs(&self) -> Limbs {
                self.0
            }

            #[inline(always)]
            fn from_limbs(limbs: Limbs) -> Self {
                Self(limbs)
            }
        }

        // With nothing else in it, the field is the element.
        const _: () = assert!(size_of::<$field>() == size_of::<Limbs>());
        const _: () = assert!(align_of::<$field>() == align_of::<Limbs>());
    };
}

element!(pallas::Base, PallasBase);
element!(vesta::Base, VestaBase);

/// The sum of a vector's lanes.
#[must_use]
pub fn added<E: Element>(lanes: [Limbs; LANES]) -> E {
    lanes.into_iter().map(E::from_limbs).sum()
}

/// Elements' limbs.
#[must_use]
pub const fn limbs_of<E: Element>(elements: &[E]) -> &[Limbs] {
    // SAFETY: `Element` is sealed; its types have a field `Limbs` and the size and alignment of `Limbs`.
    unsafe { core::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
}

/// Elements' limbs; what is written has to be below the modulus.
#[must_use]
pub const fn limbs_of_mut<E: Element>(elements: &mut [E]) -> &mut [Limbs] {
    // SAFETY: as in `limbs_of`; every `Limbs` is a valid value of the element's type.
    unsafe { core::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), elements.len()) }
}
