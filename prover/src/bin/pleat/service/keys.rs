//! Keys that all models share, kept once they were needed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::Error;
use pleat_nova_circuits::chain::params::{Parameters, VerifierKey};
use pleat_verifier::pcs::OpeningKey;

use super::models::lock;

/// Row lengths whose generators are kept.
const KEPT: usize = 4;

/// The keys.
#[derive(Default)]
pub struct KeyRing {
    opening: Mutex<BTreeMap<usize, Arc<OpeningKey>>>,
    verifier: Mutex<Option<VerifierKey>>,
}

impl KeyRing {
    /// Generators of rows of so many bits.
    pub fn opening(&self, row_bits: usize) -> Arc<OpeningKey> {
        let mut known = lock(&self.opening);
        if let Some(key) = known.get(&row_bits) {
            return Arc::clone(key);
        }
        let cache = CacheFolder::from_environment();
        let key = Arc::new(OpeningKey::load_or_derive(row_bits, &cache));
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(row_bits, Arc::clone(&key));
        key
    }

    /// The chain's parameters to prove with. They are large, and loaded for every proof of that mode.
    pub fn parameters() -> Result<Parameters, Error> {
        Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| {})
    }

    /// The chain's key to verify with.
    pub fn verifier(&self) -> Result<VerifierKey, Error> {
        let mut known = lock(&self.verifier);
        if let Some(key) = &*known {
            return Ok(key.clone());
        }
        let key = VerifierKey::load_or_build(&CacheFolder::from_environment(), &mut |_| {})?;
        *known = Some(key.clone());
        Ok(key)
    }
}
