//! The verifier's key and its bytes. They are pinned: a file or a download is the key, or it is nothing.

#[cfg(feature = "cache")]
use super::CompressionKey;
use super::{NovaVerifierKey, PARAMETERS_DIGEST};
#[cfg(feature = "cache")]
use crate::{
    chain::spartan::{self, Blob, OpenedEngine},
    pedersen::DerandKey,
    points::Form,
};
use crate::{
    chain::{Error, hash},
    cycle::{F, FIELD_BYTES, Primary, Secondary, field_to_bytes},
};
use nova_snark::traits::ROConstants;
use serde::Serialize;
#[cfg(feature = "cache")]
use sha2::Sha256;
use sha3::{Digest, Sha3_256};
use std::sync::Arc;

/// SHA3-256 of [`VerifierKey::to_bytes`]. A change of circuit, generators or format has to change this constant, knowingly.
pub const VERIFIER_KEY_SHA3: [u8; 32] = [
    178, 153, 81, 73, 119, 151, 5, 110, 151, 58, 14, 138, 34, 255, 134, 162, 72, 133, 34, 111, 137,
    253, 47, 7, 243, 139, 37, 143, 213, 131, 87, 32,
];

/// SHA-256 of the key's bytes with both coordinates of each point, as the cache has them.
#[cfg(feature = "cache")]
const EXPANDED_SHA256: [u8; 32] = [
    92, 251, 36, 221, 34, 15, 154, 105, 230, 22, 110, 2, 95, 203, 206, 244, 14, 136, 187, 77, 80,
    197, 55, 173, 63, 218, 215, 65, 225, 50, 52, 19,
];

/// What a verifier needs.
#[derive(Clone)]
pub struct VerifierKey {
    pub(super) nova: Arc<NovaVerifierKey>,
    digest: [u8; FIELD_BYTES],
}

/// What nova-snark's verifier key begins with; the last is the digest of the public parameters.
type Head = (usize, ROConstants<Primary>, ROConstants<Secondary>, F);

/// nova-snark's verifier key, field by field; each curve's key is a string of bytes.
#[cfg(feature = "cache")]
#[derive(Serialize, serde::Deserialize)]
struct Parts {
    arity: usize,
    hash_primary: ROConstants<Primary>,
    hash_secondary: ROConstants<Secondary>,
    digest: F,
    primary: Blob,
    secondary: Blob,
    blind_primary: DerandKey<Primary>,
    blind_secondary: DerandKey<Secondary>,
}

impl VerifierKey {
    /// nova-snark's key, if it is the expected one.
    pub(super) fn new(nova: NovaVerifierKey) -> Result<Self, Error> {
        let bytes = encoded(&nova);
        match sha3(&bytes) {
            VERIFIER_KEY_SHA3 => Self::of_parameters(nova, &bytes),
            got => Err(Error::VerifierKey { got }),
        }
    }

    /// The key with these bytes, if it belongs to the parameters of [`PARAMETERS_DIGEST`]: a digest of other parameters, pinned by
    /// mistake, would go into no transcript.
    fn of_parameters(nova: NovaVerifierKey, bytes: &[u8]) -> Result<Self, Error> {
        let head: Option<Head> = prefix(bytes).map(|(head, _)| head);
        let (.., digest) = head.ok_or_else(|| Error::VerifierKey { got: sha3(bytes) })?;
        match field_to_bytes(&digest) {
            PARAMETERS_DIGEST => Ok(Self {
                nova: Arc::new(nova),
                digest: PARAMETERS_DIGEST,
            }),
            got => Err(Error::Digest { got }),
        }
    }

    /// The key as bytes, 4.8 MB of which matrices compress well. Anyone may hand them to a verifier.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(&*self.nova)
    }

    /// The key, if these are its bytes. Without threads, that takes some 0.3 s: ordinates are square roots.
    ///
    /// # Errors
    /// [`Error::VerifierKey`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let got = sha3(bytes);
        if got != VERIFIER_KEY_SHA3 {
            return Err(Error::VerifierKey { got });
        }
        let nova = decoded(bytes).ok_or(Error::VerifierKey { got })?;
        hash::prepare();
        Self::of_parameters(nova, bytes)
    }

    /// Bytes that hold both coordinates of every point.
    #[cfg(feature = "cache")]
    pub(super) fn to_expanded(&self) -> Option<Vec<u8>> {
        let mut parts: Parts = decoded(&self.to_bytes())?;
        let (primary, secondary) = rayon::join(
            || expanded::<Primary>(&parts.primary),
            || expanded::<Secondary>(&parts.secondary),
        );
        (parts.primary, parts.secondary) = (primary?, secondary?);
        Some(encoded(&parts))
    }

    /// The key, if these are its bytes in the expanded form.
    #[cfg(feature = "cache")]
    pub(super) fn from_expanded(bytes: &[u8]) -> Result<Self, Error> {
        let refused = || Error::VerifierKey { got: sha3(bytes) };
        if Sha256::digest(bytes).as_slice() != EXPANDED_SHA256 {
            return Err(refused());
        }
        let nova = decoded(bytes).ok_or_else(refused)?;
        Self::of_parameters(nova, bytes)
    }

    /// The compressing prover's keys, which are short: digests of the verifier's, and one generator each.
    #[cfg(feature = "cache")]
    pub(super) fn compression(&self) -> Option<CompressionKey> {
        let parts: Parts = decoded(&self.to_bytes())?;
        let primary = spartan::ProverKey::<Primary>::beside(&parts.primary.0)?;
        let secondary = spartan::ProverKey::<Secondary>::beside(&parts.secondary.0)?;
        decoded(&encoded(&(primary, secondary)))
    }

    /// The digest of the public parameters that the key contains: [`PARAMETERS_DIGEST`], or there would be no key.
    #[must_use]
    pub fn digest(&self) -> [u8; FIELD_BYTES] {
        self.digest
    }
}

#[cfg(feature = "cache")]
fn expanded<E: OpenedEngine>(key: &Blob) -> Option<Blob> {
    let key = spartan::VerifierKey::<E>::from_bytes(&key.0)?;
    Some(Blob(key.to_bytes(Form::Coordinates)))
}

fn sha3(bytes: &[u8]) -> [u8; 32] {
    Sha3_256::digest(bytes).into()
}

#[expect(
    clippy::expect_used,
    reason = "encoding into memory fails for no value of these types; tested"
)]
fn encoded(value: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard())
        .expect("plain values are encoded")
}

/// The value that the bytes begin with, and how many are its own. Strings of bytes are borrowed, so that a length that is not there
/// is an error and not an allocation.
fn prefix<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<(T, usize)> {
    bincode::serde::borrow_decode_from_slice(bytes, bincode::config::standard()).ok()
}

fn decoded<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, read) = prefix(bytes)?;
    (read == bytes.len()).then_some(value)
}

#[cfg(all(test, feature = "cache"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::chain::params::Parameters;
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{RngCore, SeedableRng},
    };

    #[test]
    fn the_expanded_form_is_pinned_too() {
        let parameters = Parameters::build().unwrap();
        let key = parameters.verifier_key();
        let compression = key.compression().unwrap();
        assert_eq!(encoded(&compression), encoded(&parameters.compression));
        let good = key.to_expanded().unwrap();
        assert_eq!(Sha256::digest(&good).as_slice(), EXPANDED_SHA256);
        assert!(good.len() > key.to_bytes().len());
        let read = VerifierKey::from_expanded(&good).unwrap();
        assert!(read.to_bytes() == key.to_bytes());
        let refused = |what: &str, bytes: &[u8]| {
            let verdict = VerifierKey::from_expanded(bytes);
            assert!(
                matches!(verdict, Err(Error::VerifierKey { .. })),
                "{what} is accepted"
            );
        };
        refused("nothing", &[]);
        refused("a truncated key", &good[..good.len() - 1]);
        refused("an extended key", &[&good[..], &[0]].concat());
        for i in (0..good.len()).step_by(good.len() / 30) {
            let mut changed = good.clone();
            changed[i] ^= 1;
            refused(&format!("a key with byte {i} changed"), &changed);
        }
        // Without the hash, too, a decoder that is given anything returns.
        let survives = |bytes: &[u8]| drop(decoded::<NovaVerifierKey>(bytes));
        let blobs = {
            let (_, head): (Head, usize) = prefix(&good).unwrap();
            let parts: Parts = decoded(&good).unwrap();
            // Each has a length of five bytes before it.
            [head, head + 5 + parts.primary.0.len()]
        };
        let huge = [&[0xfd][..], &[0xff; 8]].concat();
        for at in blobs {
            assert!(good[at] > 0xfa, "a length begins here");
            for bit in 0..5 * 8 {
                let mut changed = good.clone();
                changed[at + bit / 8] ^= 1 << (bit % 8);
                survives(&changed);
            }
            survives(&[&good[..at], &huge, &good[at + 5..]].concat());
        }
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for _ in 0..50 {
            let mut changed = good.clone();
            for _ in 0..3 {
                let at = rng.next_u64() as usize % good.len();
                changed[at] = rng.next_u32() as u8;
            }
            survives(&changed);
        }
    }

    #[test]
    fn a_key_of_other_parameters_is_refused() {
        let bytes = Parameters::build().unwrap().into_verifier_key().to_bytes();
        let mut parts: Parts = decoded(&bytes).unwrap();
        parts.digest += F::from(1);
        let bytes = encoded(&parts);
        let nova: NovaVerifierKey = decoded(&bytes).unwrap();
        let verdict = VerifierKey::of_parameters(nova, &bytes);
        assert!(matches!(verdict, Err(Error::Digest { .. })));
    }
}
