//! Pedersen commitments as nova-snark's commitment engine (its `provider::pedersen`): the same generators, the same values and
//! the same bytes everywhere, committed to by [`crate::msm`], and with a key that is also read by both coordinates of each point.
//!
//! nova-snark's own engine is the reference that this one is tested against; [`Commitments`] is what the rest of the crate needs
//! of either.

use crate::msm::{self, EndoGroup, Xy};
use crate::points::Form;
use core::marker::PhantomData;
use core::ops::{Add, Mul, MulAssign, Range};
use ff::{Field, PrimeField};
use nova_snark::{
    errors::NovaError,
    provider::{
        pedersen as nova,
        traits::{DlogGroup, DlogGroupExt},
    },
    traits::{
        AbsorbInRO2Trait, AbsorbInROTrait, Engine, ROTrait, TranscriptReprTrait,
        commitment::{CommitmentEngineTrait, CommitmentTrait, Len},
    },
};
use num_integer::Integer;
use num_traits::ToPrimitive;
use rayon::prelude::*;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor},
};

type AffineOf<E> = <<E as Engine>::GE as DlogGroup>::AffineGroupElement;

/// A commitment engine whose commitments are `Σ vᵢ·gᵢ + r·h`.
pub trait Commitments<E: Engine<GE: EndoGroup>>: CommitmentEngineTrait<E> {
    /// `g`.
    fn generators(key: &Self::CommitmentKey) -> &[AffineOf<E>];

    /// The commitment as a point.
    fn point(commitment: &Self::Commitment) -> E::GE;
}

/// Generators of vectors and of blinds; serde's form is that of nova-snark's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(bound = "")]
pub struct CommitmentKey<E: Engine<GE: EndoGroup>> {
    ck: Vec<AffineOf<E>>,
    h: AffineOf<E>,
}

/// The generator of blinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct DerandKey<E: Engine<GE: EndoGroup>> {
    h: AffineOf<E>,
}

/// A commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Commitment<E: Engine<GE: EndoGroup>> {
    comm: E::GE,
}

/// The engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentEngine<E> {
    engine: PhantomData<E>,
}

impl<E: Engine<GE: EndoGroup>> CommitmentKey<E> {
    /// All generators, that of blinds last, in a form that is read quickly.
    #[cfg(feature = "cache")]
    pub(crate) fn to_expanded(&self) -> Vec<u8> {
        let all = [self.ck.as_slice(), core::slice::from_ref(&self.h)].concat();
        let mut bytes = Vec::new();
        Form::Coordinates.write_list::<E::GE>(&all, &mut bytes);
        bytes
    }

    fn from_expanded(mut bytes: &[u8]) -> Option<Self> {
        let mut ck = Form::read_list::<E::GE>(&mut bytes)?;
        let h = ck.pop()?;
        bytes.is_empty().then_some(Self { ck, h })
    }
}

/// nova-snark's form is a list of points and a point; a string of bytes is the expanded form.
struct Key<E>(PhantomData<E>);

impl<'de, E: Engine<GE: EndoGroup>> Visitor<'de> for Key<E> {
    type Value = CommitmentKey<E>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a commitment key")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let missing = || A::Error::custom("a commitment key has two fields");
        let points: Vec<[u8; 32]> = fields.next_element()?.ok_or_else(missing)?;
        let h = fields.next_element()?.ok_or_else(missing)?;
        // Ordinates are square roots, which threads share.
        let ck = Form::Compressed
            .read::<E::GE>(points.as_flattened())
            .ok_or_else(|| A::Error::custom("not a generator"))?;
        Ok(CommitmentKey { ck, h })
    }

    fn visit_bytes<X: Error>(self, bytes: &[u8]) -> Result<Self::Value, X> {
        CommitmentKey::from_expanded(bytes).ok_or_else(|| X::custom("not a commitment key"))
    }
}

impl<'de, E: Engine<GE: EndoGroup>> Deserialize<'de> for CommitmentKey<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("CommitmentKey", &["ck", "h"], Key(PhantomData))
    }
}

impl<E: Engine<GE: EndoGroup>> Len for CommitmentKey<E> {
    fn length(&self) -> usize {
        self.ck.len()
    }
}

impl<E: Engine<GE: EndoGroup>> Default for Commitment<E> {
    fn default() -> Self {
        Self {
            comm: E::GE::zero(),
        }
    }
}

impl<E: Engine<GE: EndoGroup>> CommitmentTrait<E> for Commitment<E> {
    fn to_coordinates(&self) -> (E::Base, E::Base, bool) {
        self.comm.to_coordinates()
    }
}

impl<E: Engine<GE: EndoGroup>> TranscriptReprTrait<E::GE> for Commitment<E> {
    fn to_transcript_bytes(&self) -> Vec<u8> {
        let (x, y, is_infinity) = self.comm.to_coordinates();
        let coordinates = [x.to_transcript_bytes(), y.to_transcript_bytes()];
        [coordinates.concat(), vec![is_infinity.into()]].concat()
    }
}

impl<E: Engine<GE: EndoGroup>> AbsorbInROTrait<E> for Commitment<E> {
    fn absorb_in_ro(&self, ro: &mut E::RO) {
        let (x, y, is_infinity) = self.comm.to_coordinates();
        ro.absorb(x);
        ro.absorb(y);
        ro.absorb(E::Base::from(u64::from(is_infinity)));
    }
}

impl<E: Engine<GE: EndoGroup>> AbsorbInRO2Trait<E> for Commitment<E> {
    fn absorb_in_ro2(&self, ro: &mut E::RO2) {
        let (x, y, is_infinity) = self.comm.to_coordinates();
        // nova-snark's limbs of 64 bits, the least significant first.
        for coordinate in [x, y] {
            for limb in coordinate.to_repr().as_ref().as_chunks().0 {
                ro.absorb(E::Scalar::from(u64::from_le_bytes(*limb)));
            }
        }
        ro.absorb(E::Scalar::from(u64::from(is_infinity)));
    }
}

impl<E: Engine<GE: EndoGroup>> Add for Commitment<E> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            comm: self.comm + other.comm,
        }
    }
}

impl<E: Engine<GE: EndoGroup>> Mul<E::Scalar> for Commitment<E> {
    type Output = Self;

    fn mul(self, scalar: E::Scalar) -> Self {
        Self {
            comm: self.comm * scalar,
        }
    }
}

impl<E: Engine<GE: EndoGroup>> MulAssign<E::Scalar> for Commitment<E> {
    fn mul_assign(&mut self, scalar: E::Scalar) {
        self.comm *= scalar;
    }
}

/// `sum + r·h`.
fn blinded<E: Engine<GE: EndoGroup>>(
    key: &CommitmentKey<E>,
    sum: E::GE,
    r: &E::Scalar,
) -> Commitment<E> {
    let comm = if *r == E::Scalar::ZERO {
        sum
    } else {
        sum + msm::msm::<E::GE>(&[*r], &[key.h])
    };
    Commitment { comm }
}

/// As nova-snark's: a vector longer than the key is the caller's error, and no commitment to a part of it may come of it.
#[expect(clippy::panic, reason = "nova-snark's interface has no error here")]
fn bases<E: Engine<GE: EndoGroup>>(key: &CommitmentKey<E>, range: Range<usize>) -> &[AffineOf<E>] {
    match key.ck.get(range.clone()) {
        Some(bases) => bases,
        None => panic!(
            "generators {range:?} of a commitment key that has {}",
            key.ck.len()
        ),
    }
}

fn integers<T: Into<u64> + Copy>(v: &[T]) -> impl Iterator<Item = u64> {
    v.iter().map(|v| (*v).into())
}

impl<E: Engine<GE: EndoGroup>> CommitmentEngineTrait<E> for CommitmentEngine<E> {
    type CommitmentKey = CommitmentKey<E>;
    type DerandKey = DerandKey<E>;
    type Commitment = Commitment<E>;

    fn setup(label: &'static [u8], n: usize) -> Result<CommitmentKey<E>, NovaError> {
        let count = n.next_power_of_two().saturating_add(1);
        let generators = crate::generators::derive::<E::GE>(label, 0..count);
        let (h, ck) = generators
            .split_first()
            .ok_or(NovaError::InvalidCommitmentKeyLength)?;
        Ok(CommitmentKey {
            ck: ck.to_vec(),
            h: *h,
        })
    }

    fn derand_key(key: &CommitmentKey<E>) -> DerandKey<E> {
        DerandKey { h: key.h }
    }

    fn commit(key: &CommitmentKey<E>, v: &[E::Scalar], r: &E::Scalar) -> Commitment<E> {
        let sum = msm::msm(v, bases(key, 0..v.len()));
        blinded(key, sum, r)
    }

    fn commit_sparse_binary(
        key: &CommitmentKey<E>,
        indices: &[usize],
        r: &E::Scalar,
    ) -> Commitment<E> {
        Self::commit_sparse(key, indices, &vec![E::Scalar::ONE; indices.len()], r)
    }

    fn commit_sparse(
        key: &CommitmentKey<E>,
        indices: &[usize],
        scalars: &[E::Scalar],
        r: &E::Scalar,
    ) -> Commitment<E> {
        assert_eq!(indices.len(), scalars.len());
        let all = bases(key, 0..key.ck.len());
        let own: Vec<AffineOf<E>> = indices.iter().map(|i| all[*i]).collect();
        blinded(key, msm::msm(scalars, &own), r)
    }

    fn commit_small<T: Integer + Into<u64> + Copy + Sync + ToPrimitive>(
        key: &CommitmentKey<E>,
        v: &[T],
        r: &E::Scalar,
    ) -> Commitment<E> {
        let sum = msm::msm_small(integers(v), bases(key, 0..v.len()));
        blinded(key, sum, r)
    }

    fn commit_small_range<T: Integer + Into<u64> + Copy + Sync + ToPrimitive>(
        key: &CommitmentKey<E>,
        v: &[T],
        r: &E::Scalar,
        range: Range<usize>,
        _max_num_bits: usize,
    ) -> Commitment<E> {
        let sum = msm::msm_small(integers(&v[range.clone()]), bases(key, range));
        blinded(key, sum, r)
    }

    fn derandomize(key: &DerandKey<E>, commitment: &Commitment<E>, r: &E::Scalar) -> Commitment<E> {
        Commitment {
            comm: commitment.comm - E::GE::group(&key.h) * r,
        }
    }

    fn ck_to_coordinates(key: &CommitmentKey<E>) -> Vec<(E::Base, E::Base)> {
        let coordinates = |g| {
            let Xy { x, y } = E::GE::coordinates(g);
            (x, y)
        };
        key.ck.par_iter().map(coordinates).collect()
    }

    fn ck_to_group_elements(key: &CommitmentKey<E>) -> Vec<E::GE> {
        key.ck.par_iter().map(E::GE::group).collect()
    }

    fn ck_derive_by_address(
        key: &CommitmentKey<E>,
        addresses: &[usize],
        table_size: usize,
    ) -> Result<CommitmentKey<E>, NovaError> {
        if addresses.len() > key.ck.len() {
            return Err(NovaError::InvalidCommitmentKeyLength);
        }
        let mut sums = vec![E::GE::zero(); table_size];
        for (address, g) in addresses.iter().zip(&key.ck) {
            let sum = sums.get_mut(*address).ok_or(NovaError::InvalidIndex)?;
            *sum += E::GE::group(g);
        }
        Ok(CommitmentKey {
            ck: sums.par_iter().map(E::GE::affine).collect(),
            h: key.h,
        })
    }
}

impl<E: Engine<GE: EndoGroup>> Commitments<E> for CommitmentEngine<E> {
    fn generators(key: &CommitmentKey<E>) -> &[AffineOf<E>] {
        &key.ck
    }

    fn point(commitment: &Commitment<E>) -> E::GE {
        commitment.comm
    }
}

impl<E: Engine<GE: EndoGroup + DlogGroupExt>> Commitments<E> for nova::CommitmentEngine<E> {
    fn generators(key: &nova::CommitmentKey<E>) -> &[AffineOf<E>] {
        key.generators()
    }

    fn point(commitment: &nova::Commitment<E>) -> E::GE {
        // nova-snark's field is private. Its coordinates are zeros for the neutral element, as here.
        let (x, y, _) = commitment.to_coordinates();
        E::GE::group(&E::GE::from_coordinates(Xy { x, y }))
    }
}
