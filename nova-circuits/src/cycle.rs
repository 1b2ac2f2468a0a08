//! The curve cycle and its field: the only module that names curves.
//!
//! `F` is the scalar field of [`Primary`] (PROTOCOL.md §0), and every encoding here is canonical: a value has exactly one
//! byte string, and any other byte string is refused. Nothing here is constant-time beyond what the field library gives.

use std::sync::LazyLock;

use crate::pedersen::CommitmentEngine;
use crate::points::{Curve, Form};
use ff::PrimeField;
use nova_snark::{
    provider::{PallasEngine, VestaEngine, keccak::Keccak256Transcript, pasta, traits::DlogGroup},
    traits::{Engine, PrimeFieldExt},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The engine whose scalar field the step circuit is written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primary;
/// The other engine of the cycle; only Nova uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secondary;

/// nova-snark's engine but for its commitments, which are the same values computed by [`crate::msm`].
macro_rules! engine {
    ($name:ident, $nova:ty) => {
        impl Engine for $name {
            type Base = <$nova as Engine>::Base;
            type Scalar = <$nova as Engine>::Scalar;
            type GE = <$nova as Engine>::GE;
            type RO = <$nova as Engine>::RO;
            type ROCircuit = <$nova as Engine>::ROCircuit;
            type RO2 = <$nova as Engine>::RO2;
            type RO2Circuit = <$nova as Engine>::RO2Circuit;
            type TE = Keccak256Transcript<Self>;
            type CE = CommitmentEngine<Self>;
        }
    };
}

engine!(Primary, PallasEngine);
engine!(Secondary, VestaEngine);

/// The field of every value in the protocol.
pub type F = <Primary as Engine>::Scalar;
/// A point of the primary curve; its group has order `|F|`.
pub type Point = <Primary as Engine>::GE;
/// A point of the primary curve in affine form, as the multi-scalar multiplication wants its bases.
pub type Affine = pasta::pallas::Affine;
/// Length of an encoded field element.
pub const FIELD_BYTES: usize = 32;
/// Length of an encoded point.
pub const POINT_BYTES: usize = 32;

/// The 32 little-endian bytes of the representative in `[0, q)`.
#[must_use]
pub fn field_to_bytes(value: &F) -> [u8; FIELD_BYTES] {
    repr_bytes(value)
}

/// The element that these 32 little-endian bytes encode; `None` if they are `q` or more.
#[must_use]
pub fn field_from_bytes(bytes: &[u8; FIELD_BYTES]) -> Option<F> {
    repr_from_bytes(bytes)
}

/// The compressed encoding: the abscissa, and the parity of the ordinate in the top bit; zeros for the neutral element.
#[must_use]
pub fn point_to_bytes(point: &Point) -> [u8; POINT_BYTES] {
    encoded(point)
}

/// The point that these bytes encode; `None` if they are no point's [`point_to_bytes`]. In variable time, and three times as fast as the
/// curve library's own, which does it in constant time.
#[must_use]
pub fn point_from_bytes(bytes: &[u8; POINT_BYTES]) -> Option<Point> {
    affine_from_bytes(bytes).map(|point| point_from_affine(&point))
}

fn affine_from_bytes(bytes: &[u8; POINT_BYTES]) -> Option<Affine> {
    static CURVE: LazyLock<Curve<Point>> = LazyLock::new(|| Curve::new(Form::Compressed));
    if *bytes == [0; POINT_BYTES] {
        return Some(affine(&point_zero()));
    }
    CURVE.read(bytes)
}

/// 64 uniform bytes, little-endian, reduced mod `q` (PROTOCOL.md §4).
#[must_use]
pub fn field_from_uniform(bytes: &[u8; 64]) -> F {
    F::from_uniform(bytes)
}

/// The signed embedding of PROTOCOL.md §0: `x mod q`, negatives as `q - |x|`.
#[must_use]
pub fn field_from_i64(value: i64) -> F {
    let magnitude = F::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// The integer that [`field_from_i64`] embeds as `value`; `None` if there is none.
#[must_use]
pub fn field_to_i64(value: &F) -> Option<i64> {
    fn small(value: &F) -> Option<u64> {
        let (low, high) = repr_bytes(value)
            .split_first_chunk::<8>()
            .map(|(l, h)| (*l, h.iter().all(|b| *b == 0)))?;
        high.then_some(u64::from_le_bytes(low))
    }
    match small(value) {
        Some(magnitude) => i64::try_from(magnitude).ok(),
        None => 0_i64.checked_sub_unsigned(small(&-*value)?),
    }
}

/// A point with its canonical encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedPoint {
    bytes: [u8; POINT_BYTES],
    point: Point,
    affine: Affine,
}

impl EncodedPoint {
    /// Encodes a point.
    #[must_use]
    pub fn from_point(point: Point) -> Self {
        Self {
            bytes: point_to_bytes(&point),
            point,
            affine: affine(&point),
        }
    }

    /// Decodes a canonical encoding.
    #[must_use]
    pub fn from_bytes(bytes: [u8; POINT_BYTES]) -> Option<Self> {
        let affine = affine_from_bytes(&bytes)?;
        Some(Self {
            bytes,
            point: point_from_affine(&affine),
            affine,
        })
    }

    /// The canonical encoding.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; POINT_BYTES] {
        &self.bytes
    }

    /// The point.
    #[must_use]
    pub const fn point(&self) -> &Point {
        &self.point
    }

    /// The point in affine form, for which nothing is inverted.
    #[must_use]
    pub const fn affine(&self) -> &Affine {
        &self.affine
    }
}

impl AsRef<[u8]> for EncodedPoint {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// [`crate::msm::msm`] on the primary curve.
#[must_use]
pub fn msm(scalars: &[F], bases: &[Affine]) -> Point {
    crate::msm::msm(scalars, bases)
}

/// [`crate::msm::msm_small`] on the primary curve.
#[must_use]
pub fn msm_small(scalars: impl IntoIterator<Item = i64>, bases: &[Affine]) -> Point {
    crate::msm::msm_small(scalars, bases)
}

/// [`crate::msm::msm_indexed`] on the primary curve.
#[must_use]
pub fn msm_indexed(places: &[u32], values: &[F], bases: &[Affine]) -> Point {
    crate::msm::msm_indexed(places, values, bases)
}

/// `n` generators with no known relation to those of any other label: [`crate::generators::derive`] on the primary curve.
#[must_use]
pub fn generators(label: &[u8], n: usize) -> Vec<Affine> {
    crate::generators::derive::<Point>(label, 0..n)
}

/// The neutral element.
#[must_use]
pub fn point_zero() -> Point {
    Point::zero()
}

/// Affine form.
#[must_use]
pub fn affine(point: &Point) -> Affine {
    point.affine()
}

/// From affine form.
#[must_use]
pub fn point_from_affine(affine: &Affine) -> Point {
    Point::group(affine)
}

/// Whether `bytes` are the canonical encoding of a field element of `S`.
pub(crate) fn is_canonical_field<S: PrimeField>(bytes: &[u8; FIELD_BYTES]) -> bool {
    repr_from_bytes::<S>(bytes).is_some()
}

/// Whether `bytes` are the canonical encoding of a point of `E`'s curve.
pub(crate) fn is_canonical_point<E: Engine>(bytes: &[u8; POINT_BYTES]) -> bool {
    decoded::<E::GE>(bytes).is_some()
}

fn repr_bytes<S: PrimeField>(value: &S) -> [u8; FIELD_BYTES] {
    let mut bytes = [0; FIELD_BYTES];
    for (to, from) in bytes.iter_mut().zip(value.to_repr().as_ref()) {
        *to = *from;
    }
    bytes
}

fn repr_from_bytes<S: PrimeField>(bytes: &[u8; FIELD_BYTES]) -> Option<S> {
    let mut repr = S::Repr::default();
    if repr.as_ref().len() != FIELD_BYTES {
        return None;
    }
    repr.as_mut().copy_from_slice(bytes);
    S::from_repr(repr).into()
}

/// serde's encoding of a point or commitment, which is the curve library's compressed form.
#[expect(
    clippy::expect_used,
    reason = "the curve library serializes points to exactly 32 bytes; tested"
)]
fn encoded<T: Serialize>(value: &T) -> [u8; POINT_BYTES] {
    let mut bytes = [0; POINT_BYTES];
    let written = bincode::serde::encode_into_slice(value, &mut bytes, bincode::config::standard())
        .expect("a compressed point fits 32 bytes");
    debug_assert_eq!(written, POINT_BYTES);
    bytes
}

fn decoded<T: Serialize + DeserializeOwned>(bytes: &[u8; POINT_BYTES]) -> Option<T> {
    let (value, read): (T, usize) =
        bincode::serde::decode_from_slice(bytes, bincode::config::standard()).ok()?;
    (read == POINT_BYTES && encoded(&value) == *bytes).then_some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use ff::Field;
    use proptest::prelude::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    /// `value + modulus` as 32 little-endian bytes.
    fn plus_modulus(value: &F) -> [u8; 32] {
        let modulus = field_to_bytes(&-F::ONE);
        let (mut carry, mut out) = (1_u16, [0; 32]);
        for ((out, a), b) in out.iter_mut().zip(field_to_bytes(value)).zip(modulus) {
            carry += u16::from(a) + u16::from(b);
            *out = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(carry, 0);
        out
    }

    #[test]
    fn field_encoding_is_canonical() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for value in [F::ZERO, F::ONE, -F::ONE]
            .into_iter()
            .chain((0..20).map(|_| F::random(&mut rng)))
        {
            assert_eq!(field_from_bytes(&field_to_bytes(&value)), Some(value));
            assert_eq!(field_from_bytes(&plus_modulus(&value)), None);
        }
        assert_eq!(field_from_bytes(&[0xff; 32]), None);
    }

    #[test]
    fn point_encoding_is_canonical() {
        for (i, g) in generators(b"test", 20).iter().enumerate() {
            let point = point_from_affine(g);
            let bytes = point_to_bytes(&point);
            assert_eq!(point_from_bytes(&bytes), Some(point));
            // The other root is the negative, and is another encoding's point.
            let mut negated = bytes;
            negated[31] ^= 0x80;
            assert_eq!(
                point_from_bytes(&negated),
                Some(point_zero() - point),
                "generator {i}"
            );
        }
        assert_eq!(
            point_from_bytes(&point_to_bytes(&point_zero())),
            Some(point_zero())
        );
        // The neutral element has one encoding, and an abscissa has to be below the modulus.
        let mut signed_zero = [0; 32];
        signed_zero[31] = 0x80;
        assert_eq!(point_from_bytes(&signed_zero), None);
        assert_eq!(point_from_bytes(&[0x7f; 32]), None);
        let on_curve = (0..=255_u8).filter(|i| {
            let mut bytes = [0; 32];
            bytes[0] = *i;
            point_from_bytes(&bytes).is_some()
        });
        assert!(
            (64..192).contains(&on_curve.count()),
            "about half of all abscissas are on the curve"
        );
    }

    #[test]
    fn products_are_sums() {
        let g = generators(b"test", 3);
        let point = msm(&[F::from(3), -F::ONE, F::from(7)], &g);
        let sum = point_from_affine(&g[0]) * F::from(3) - point_from_affine(&g[1])
            + point_from_affine(&g[2]) * F::from(7);
        assert_eq!(point, sum);
    }

    proptest! {
        #[test]
        fn points_are_the_curve_librarys(mut bytes in any::<[u8; 32]>(), small in any::<bool>(), sign in any::<bool>()) {
            if small {
                bytes[1..].fill(0);
            }
            bytes[31] = bytes[31] & 0x7f | u8::from(sign) << 7;
            prop_assert_eq!(point_from_bytes(&bytes), decoded::<Point>(&bytes));
        }

        #[test]
        fn signed_embedding(x in any::<i64>()) {
            prop_assert_eq!(field_to_i64(&field_from_i64(x)), Some(x));
            prop_assert_eq!(field_from_i64(x) + field_from_i64(x.checked_neg().unwrap_or(0)), if x == i64::MIN { field_from_i64(x) } else { F::ZERO });
        }
    }

    #[test]
    fn signed_embedding_ends() {
        for x in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(field_to_i64(&field_from_i64(x)), Some(x));
        }
        assert_eq!(field_to_i64(&(field_from_i64(i64::MAX) + F::ONE)), None);
        assert_eq!(field_to_i64(&(field_from_i64(i64::MIN) - F::ONE)), None);
        assert_eq!(field_to_i64(&F::from(2).pow([100])), None);
    }

    #[test]
    fn uniform_bytes_are_little_endian() {
        let mut bytes = [0; 64];
        bytes[0] = 5;
        bytes[32] = 1;
        assert_eq!(
            field_from_uniform(&bytes),
            F::from(5) + F::from(2).pow([256])
        );
    }
}
