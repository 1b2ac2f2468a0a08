//! The parameters as the cache's bytes: both keys with both coordinates of each point, then nova-snark's `PublicParams` in bincode
//! without them. nova-snark's own form has compressed points, whose ordinates are square roots and take seconds.

use super::Public;
use crate::{
    chain::spartan::Blob,
    cycle::{Primary, Secondary},
    pedersen::CommitmentKey,
};
use bincode::{
    config::{Configuration, standard},
    error::{DecodeError, EncodeError},
    serde::{decode_from_slice, encode_to_vec, seed_decode_from_slice},
};
use nova_snark::{
    r1cs::R1CSShape,
    traits::{ROConstants, ROConstantsCircuit},
};
use serde::de::{
    Deserialize, DeserializeSeed, SeqAccess,
    value::{BytesDeserializer, SeqAccessDeserializer},
};

/// `PublicParams` field by field: what precedes the keys, then primary key and matrices, secondary key and matrices.
type Head = (
    usize,
    ROConstants<Primary>,
    ROConstantsCircuit<Secondary>,
    ROConstants<Secondary>,
    ROConstantsCircuit<Primary>,
);
/// Where `PublicParams` has the keys.
const KEYS: [usize; 2] = [5, 7];
/// Its fields, a marker included.
const FIELDS: usize = 10;

/// The bytes that [`read`] reads.
pub(super) fn written(public: &Public) -> Result<Vec<u8>, super::cache::CacheError> {
    let nova = encode_to_vec(public, standard())?;
    let mut fields = nova.as_slice();
    let (_, head) = field::<Head>(&mut fields)?;
    let (key_primary, _) = field::<CommitmentKey<Primary>>(&mut fields)?;
    let (_, shape_primary) = field::<R1CSShape<Primary>>(&mut fields)?;
    let (key_secondary, _) = field::<CommitmentKey<Secondary>>(&mut fields)?;
    let keys = (
        Blob(key_primary.to_expanded()),
        Blob(key_secondary.to_expanded()),
    );
    let keys: Result<Vec<u8>, EncodeError> = encode_to_vec(&keys, standard());
    Ok([&keys?, head, shape_primary, fields].concat())
}

/// The next value, and its bytes.
fn field<'a, T: Deserialize<'a>>(bytes: &mut &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    let (value, read) = bincode::serde::borrow_decode_from_slice(bytes, standard())?;
    let (own, rest) = bytes
        .split_at_checked(read)
        .ok_or(DecodeError::ArrayLengthMismatch {
            required: read,
            found: bytes.len(),
        })?;
    *bytes = rest;
    Ok((value, own))
}

/// The parameters that these bytes decode to. Whether they are the right ones is for the caller to check.
pub(super) fn read(bytes: &[u8]) -> Result<Public, DecodeError> {
    let (keys, read): ((Blob, Blob), usize) = decode_from_slice(bytes, standard())?;
    let mut fields = Fields {
        next: 0,
        keys: [&keys.0.0, &keys.1.0],
        rest: bytes.get(read..).unwrap_or_default(),
    };
    let public = Public::deserialize(SeqAccessDeserializer::new(&mut fields))?;
    if fields.rest.is_empty() {
        Ok(public)
    } else {
        Err(DecodeError::Other("bytes after the parameters"))
    }
}

/// `PublicParams`' fields, for serde.
struct Fields<'a> {
    next: usize,
    keys: [&'a [u8]; 2],
    rest: &'a [u8],
}

impl<'de> SeqAccess<'de> for &mut Fields<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let own = self.next;
        if own >= FIELDS {
            return Ok(None);
        }
        self.next = own.saturating_add(1);
        let key = KEYS.iter().zip(self.keys).find(|(i, _)| **i == own);
        if let Some((_, key)) = key {
            return seed.deserialize(BytesDeserializer::new(key)).map(Some);
        }
        let (value, read) =
            seed_decode_from_slice::<_, Configuration>(seed, self.rest, standard())?;
        self.rest = self.rest.get(read..).unwrap_or_default();
        Ok(Some(value))
    }
}
