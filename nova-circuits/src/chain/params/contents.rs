//! The parameters as the cache's bytes: both keys with both coordinates of each point, then nova-snark's `PublicParams` in bincode
//! without them. nova-snark's own form has compressed points, whose ordinates are square roots and take a quarter of a second.
//!
//! The bytes are pinned, and nothing is decoded before their hash is known to be right: bincode and nova-snark are not asked to
//! withstand contents that someone made up.

use super::Public;
use crate::{
    chain::spartan::Blob,
    cycle::{Primary, Secondary},
    pedersen::CommitmentKey,
};
use bincode::{
    config::{Configuration, standard},
    error::{DecodeError, EncodeError},
    serde::{borrow_decode_from_slice, encode_to_vec, seed_decode_from_slice},
};
use nova_snark::{
    r1cs::R1CSShape,
    traits::{ROConstants, ROConstantsCircuit},
};
use serde::de::{
    Deserialize, DeserializeSeed, SeqAccess,
    value::{BytesDeserializer, SeqAccessDeserializer},
};
use sha2::{Digest, Sha256};

/// Why a cached file is not used, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CacheError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0} bytes are not a cache file's size")]
    Size(u64),
    #[error("not a file of this version of Pleat and nova-snark")]
    Version,
    #[error("the contents do not decode: {0}")]
    Decode(#[from] bincode::error::DecodeError),
    #[error("the contents do not encode: {0}")]
    Encode(#[from] bincode::error::EncodeError),
    #[error("the contents are not those that this version writes")]
    Contents,
    #[error(transparent)]
    Key(#[from] crate::chain::Error),
}

/// SHA-256 of what [`written`] gives for the parameters of [`PARAMETERS_DIGEST`](super::PARAMETERS_DIGEST), on every machine. It is
/// at least as strong as that digest, which is a hash of the decoded parameters: equal bytes decode to equal parameters. Processors
/// compute it several times as fast as SHA3, and there are 32 MB.
pub(super) const CONTENTS_SHA256: [u8; 32] = [
    30, 69, 94, 164, 108, 74, 78, 241, 232, 46, 131, 201, 171, 207, 141, 131, 131, 192, 68, 147,
    159, 163, 68, 238, 110, 193, 228, 94, 195, 53, 20, 49,
];

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
pub(super) fn written(public: &Public) -> Result<Vec<u8>, CacheError> {
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
    let (value, read) = borrow_decode_from_slice(bytes, standard())?;
    let (own, rest) = bytes
        .split_at_checked(read)
        .ok_or(DecodeError::ArrayLengthMismatch {
            required: read,
            found: bytes.len(),
        })?;
    *bytes = rest;
    Ok((value, own))
}

/// The parameters, if these are their bytes.
pub(super) fn read(bytes: &[u8]) -> Result<Public, CacheError> {
    if Sha256::digest(bytes).as_slice() != CONTENTS_SHA256 {
        return Err(CacheError::Contents);
    }
    Ok(decoded(bytes)?)
}

/// What these bytes decode to.
fn decoded(bytes: &[u8]) -> Result<Public, DecodeError> {
    let (keys, read): ((Blob, Blob), usize) = borrow_decode_from_slice(bytes, standard())?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::super::{PARAMETERS_DIGEST, build_public};
    use super::*;
    use crate::cycle::field_to_bytes;
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{RngCore, SeedableRng},
    };

    /// All that is done with contents as if their hash were right: it may give an error, but not panic, nor allocate without end.
    fn survives(bytes: &[u8]) {
        if let Ok(public) = decoded(bytes) {
            public.digest();
        }
    }

    #[test]
    fn the_contents_are_pinned_and_decode_to_the_parameters() {
        let good = written(&build_public().unwrap()).unwrap();
        let hash: [u8; 32] = Sha256::digest(&good).into();
        assert_eq!(hash, CONTENTS_SHA256);
        let public = read(&good).unwrap();
        assert_eq!(field_to_bytes(&public.digest()), PARAMETERS_DIGEST);
        assert!(written(&public).unwrap() == good);

        // Without the hash, too, a decoder that is given anything returns. First the length of the primary curve's key and what
        // follows; decoding all that comes behind the keys takes a while.
        let start = &good[..4 << 20];
        for at in 0..64 {
            for bit in 0..8 {
                let mut changed = start.to_vec();
                changed[at] ^= 1 << bit;
                survives(&changed);
            }
        }
        // A length of 2^64 - 1 wherever there is one, and elsewhere.
        let huge = [&[0xfd][..], &[0xff; 8]].concat();
        let behind = 2 * 10 + 64 * 49_154;
        for at in [0, 1, behind, behind + 1, good.len() / 3] {
            survives(&[&good[..at], &huge, &good[at..]].concat());
        }
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for _ in 0..10 {
            let mut changed = good.clone();
            for _ in 0..4 {
                let at = rng.next_u64() as usize % good.len();
                changed[at] = rng.next_u32() as u8;
            }
            survives(&changed);
        }
    }
}
