//! The verifier's key and its bytes. They are pinned: a file or a download is the key, or it is nothing.

#[cfg(feature = "cache")]
use super::CompressionKey;
use super::{NovaVerifierKey, PARAMETERS_DIGEST};
#[cfg(feature = "cache")]
use crate::{
    chain::spartan::{self, Blob, OpenedEngine},
    cycle::{F, Primary, Secondary},
    pedersen::DerandKey,
    points::Form,
};
use crate::{
    chain::{Error, hash},
    cycle::FIELD_BYTES,
};
#[cfg(feature = "cache")]
use nova_snark::traits::ROConstants;
use serde::Serialize;
use sha3::{Digest, Sha3_256};
use std::sync::Arc;

/// SHA3-256 of [`VerifierKey::to_bytes`]. A change of circuit, generators or format has to change this constant, knowingly.
pub const VERIFIER_KEY_SHA3: [u8; 32] = [
    178, 153, 81, 73, 119, 151, 5, 110, 151, 58, 14, 138, 34, 255, 134, 162, 72, 133, 34, 111, 137,
    253, 47, 7, 243, 139, 37, 143, 213, 131, 87, 32,
];

/// What a verifier needs.
#[derive(Clone)]
pub struct VerifierKey {
    pub(super) nova: Arc<NovaVerifierKey>,
}

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
        let key = Self {
            nova: Arc::new(nova),
        };
        match sha3(&key.to_bytes()) {
            VERIFIER_KEY_SHA3 => Ok(key),
            got => Err(Error::VerifierKey { got }),
        }
    }

    /// The key as bytes, 4.8 MB of which matrices compress well. Anyone may hand them to a verifier.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(&*self.nova)
    }

    /// The key, if these are its bytes. Without threads, that takes about a second: ordinates are square roots.
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
        Ok(Self {
            nova: Arc::new(nova),
        })
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

    /// The key, if these are its bytes in the expanded form: what they decode to has to encode to the pinned bytes.
    #[cfg(feature = "cache")]
    pub(super) fn from_expanded(bytes: &[u8]) -> Result<Self, Error> {
        let nova = decoded(bytes).ok_or_else(|| Error::VerifierKey { got: sha3(bytes) })?;
        Self::new(nova)
    }

    /// The compressing prover's keys, which are short: digests of the verifier's, and one generator each.
    #[cfg(feature = "cache")]
    pub(super) fn compression(&self) -> Option<CompressionKey> {
        let parts: Parts = decoded(&self.to_bytes())?;
        let primary = spartan::ProverKey::<Primary>::beside(&parts.primary.0)?;
        let secondary = spartan::ProverKey::<Secondary>::beside(&parts.secondary.0)?;
        decoded(&encoded(&(primary, secondary)))
    }

    /// [`PARAMETERS_DIGEST`], which the key contains.
    #[must_use]
    pub fn digest(&self) -> [u8; FIELD_BYTES] {
        PARAMETERS_DIGEST
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

fn decoded<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, read) =
        bincode::serde::decode_from_slice(bytes, bincode::config::standard()).ok()?;
    (read == bytes.len()).then_some(value)
}

#[cfg(all(test, feature = "cache"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::chain::params::Parameters;

    #[test]
    fn the_expanded_form_is_pinned_too() {
        let parameters = Parameters::build().unwrap();
        let key = parameters.verifier_key();
        let compression = key.compression().unwrap();
        assert_eq!(encoded(&compression), encoded(&parameters.compression));
        let good = key.to_expanded().unwrap();
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
    }
}
