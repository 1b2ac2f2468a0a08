//! The public parameters on disk, so that a command need not derive 49,154 generators anew.
//!
//! A file is a header (magic, format version, nova-snark's version, the parameters' digest) and the [`contents`](super::contents).
//! The verifier's key has a file of its own, which a verifier reads alone: its bytes with both coordinates of each point.
//!
//! The bytes of both are pinned, and their hash is the first thing that is looked at: nothing written into the cache can weaken a
//! proof, nor keep a program from starting.

use super::contents::{self, CacheError};
use super::{PARAMETERS_DIGEST, Parameters, Public, VerifierKey, build_public};
use crate::{
    cache::{CacheFolder, write_whole},
    chain::{Error, hash},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const MAGIC: [u8; 8] = *b"PLEATNVA";
const FORMAT: u32 = 2;
const NOVA_VERSION: [u8; 8] = *b"0.76.0\0\0";
const FILE: &str = "nova-parameters.bin";
const KEY_FILE: &str = "verifier-key.bin";
const HEADER: usize = MAGIC.len() + 4 + NOVA_VERSION.len() + 32;
/// The contents have some 31 MB; a larger file is not ours.
const FILE_LIMIT: u64 = 100_000_000;

/// What setting up the parameters is about to do; for progress displays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupEvent {
    /// Reading this file.
    Loading(PathBuf),
    /// Deriving generators and matrices.
    Building,
    /// Writing this file.
    Storing(PathBuf),
}

impl CacheFolder {
    /// The file that holds Nova's parameters.
    #[must_use]
    pub fn parameters_file(&self) -> Option<PathBuf> {
        self.file(FILE)
    }

    /// The file that holds the verifier's key.
    #[must_use]
    pub fn verifier_key_file(&self) -> Option<PathBuf> {
        self.file(KEY_FILE)
    }

    fn load_key(&self, on_event: &mut dyn FnMut(SetupEvent)) -> Option<VerifierKey> {
        let file = self.verifier_key_file().filter(|file| file.exists())?;
        on_event(SetupEvent::Loading(file.clone()));
        read_key(&file)
            .inspect_err(|error| tracing::warn!(file = %file.display(), %error, "making the cached verifier key again"))
            .ok()
    }

    fn store_key(&self, key: &VerifierKey, on_event: &mut dyn FnMut(SetupEvent)) {
        let Some(file) = self.verifier_key_file() else {
            return;
        };
        on_event(SetupEvent::Storing(file.clone()));
        if let Err(error) = write_key(&file, key) {
            tracing::warn!(file = %file.display(), %error, "cannot cache the verifier key; the next start makes it again");
        }
    }

    /// The cached parameters, or new ones, which are stored.
    fn public(&self, on_event: &mut dyn FnMut(SetupEvent)) -> Result<Public, Error> {
        if let Some(public) = self.load(on_event) {
            return Ok(public);
        }
        on_event(SetupEvent::Building);
        let public = build_public()?;
        self.store(&public, on_event);
        Ok(public)
    }

    /// The cached parameters, if there are any and they are right.
    fn load(&self, on_event: &mut dyn FnMut(SetupEvent)) -> Option<Public> {
        let file = self.parameters_file().filter(|file| file.exists())?;
        on_event(SetupEvent::Loading(file.clone()));
        read(&file)
            .inspect_err(|error| tracing::warn!(file = %file.display(), %error, "rebuilding the cached Nova parameters"))
            .ok()
    }

    /// Stores the parameters, if there is a folder and it can be written.
    fn store(&self, public: &Public, on_event: &mut dyn FnMut(SetupEvent)) {
        let Some(file) = self.parameters_file() else {
            return;
        };
        on_event(SetupEvent::Storing(file.clone()));
        if let Err(error) = write(&file, public) {
            tracing::warn!(file = %file.display(), %error, "cannot cache the Nova parameters; the next start builds them again");
        }
    }
}

impl Parameters {
    /// Loads them from the cache, or builds them and stores them there. A cache that is missing, damaged, of another version
    /// or not writable costs time and a warning, never an error.
    ///
    /// # Errors
    /// Those of [`Parameters::build`].
    pub fn load_or_build(
        cache: &CacheFolder,
        on_event: &mut dyn FnMut(SetupEvent),
    ) -> Result<Self, Error> {
        let (public, key) = while_preparing(|| {
            let public = cache.public(on_event)?;
            // Folding begins with nova-snark's digest of the parameters, which is computed once and kept.
            let key = std::thread::scope(|scope| {
                scope.spawn(|| public.digest());
                cache.load_key(on_event)
            });
            Ok::<_, Error>((public, key))
        })?;
        if let Some((verifier, compression)) = key.and_then(|key| {
            let compression = key.compression()?;
            Some((key, compression))
        }) {
            return Ok(Self {
                public,
                compression,
                verifier,
            });
        }
        let built = Self::with_public(public)?;
        cache.store_key(&built.verifier, on_event);
        Ok(built)
    }
}

impl VerifierKey {
    /// Loads the key from the cache. If it is not there, it is made of the parameters, which are loaded or built, and stored;
    /// as for [`Parameters::load_or_build`], the cache is no source of errors.
    ///
    /// # Errors
    /// Those of [`Parameters::build`].
    pub fn load_or_build(
        cache: &CacheFolder,
        on_event: &mut dyn FnMut(SetupEvent),
    ) -> Result<Self, Error> {
        if let Some(key) = while_preparing(|| cache.load_key(on_event)) {
            return Ok(key);
        }
        let key = Parameters::with_public(cache.public(on_event)?)?.into_verifier_key();
        cache.store_key(&key, on_event);
        Ok(key)
    }
}

/// Runs `load` while another thread derives what every user of keys needs, too.
fn while_preparing<T>(load: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        scope.spawn(hash::prepare);
        load()
    })
}

fn header() -> Vec<u8> {
    [
        &MAGIC[..],
        &FORMAT.to_le_bytes(),
        &NOVA_VERSION,
        &PARAMETERS_DIGEST,
    ]
    .concat()
}

fn read(file: &Path) -> Result<Public, CacheError> {
    let size = fs::metadata(file)?.len();
    if size > FILE_LIMIT {
        return Err(CacheError::Size(size));
    }
    let bytes = fs::read(file)?;
    let (found, bytes) = bytes
        .split_at_checked(HEADER)
        .ok_or(CacheError::Size(size))?;
    if found != header() {
        return Err(CacheError::Version);
    }
    contents::read(bytes)
}

fn write(file: &Path, public: &Public) -> Result<(), CacheError> {
    Ok(write_whole(
        file,
        &[&header(), &contents::written(public)?],
    )?)
}

/// Needs no header: the bytes are the key's, or they are refused.
fn read_key(file: &Path) -> Result<VerifierKey, CacheError> {
    let size = fs::metadata(file)?.len();
    if size > FILE_LIMIT {
        return Err(CacheError::Size(size));
    }
    Ok(VerifierKey::from_expanded(&fs::read(file)?)?)
}

fn write_key(file: &Path, key: &VerifierKey) -> Result<(), CacheError> {
    let contents = key.to_expanded().ok_or(CacheError::Contents)?;
    Ok(write_whole(file, &[&contents])?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::chain::params::build_public;

    type Predicate<'a> = &'a dyn Fn(&CacheError) -> bool;

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        write(&file, &build_public().unwrap()).unwrap();
        let good = fs::read(&file).unwrap();
        assert!(read(&file).is_ok());
        // The contents' first generators: on the curve, but in another order.
        let mut swapped = good.clone();
        let (first, second) = (HEADER + 10, HEADER + 10 + 64);
        swapped[first..second + 64].rotate_left(64);
        let rest = HEADER + 2 * 10 + 64 * 49_154;
        let changed = |i: usize| {
            let mut bytes = good.clone();
            bytes[i] ^= 1;
            bytes
        };
        let is_version = |e: &CacheError| matches!(e, CacheError::Version);
        let is_size = |e: &CacheError| matches!(e, CacheError::Size(_));
        let is_content = |e: &CacheError| matches!(e, CacheError::Contents);
        let cases: [(&str, Vec<u8>, Predicate<'_>); 14] = [
            ("empty", Vec::new(), &is_size),
            ("a header's part", good[..HEADER - 1].to_vec(), &is_size),
            ("magic", changed(0), &is_version),
            ("format version", changed(8), &is_version),
            ("nova-snark's version", changed(12), &is_version),
            ("parameters' digest", changed(20), &is_version),
            ("truncated", good[..good.len() - 1].to_vec(), &is_content),
            ("extended", [&good[..], &[0]].concat(), &is_content),
            ("a key's length", changed(HEADER + 1), &is_content),
            ("a coordinate", changed(HEADER + 1000), &is_content),
            ("another generator", swapped, &is_content),
            ("arity", changed(rest), &is_content),
            ("a coefficient", changed(good.len() / 2), &is_content),
            ("last byte", changed(good.len() - 1), &is_content),
        ];
        for (what, bytes, expected) in cases {
            fs::write(&file, bytes).unwrap();
            let error = read(&file).err().unwrap();
            assert!(expected(&error), "{what}: {error}");
        }
        // Any bit of what the contents begin with, the length of the first key, and of what lies between the keys and behind.
        let starts = (0..64).map(|i| HEADER + i);
        let sampled = (HEADER..good.len()).step_by(good.len() / 20);
        for at in starts.chain(sampled).chain([rest - 5, rest, rest + 1]) {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&file, bytes).unwrap();
            let error = read(&file).err().unwrap();
            assert!(is_content(&error), "byte {at}: {error}");
        }
        fs::remove_file(&file).unwrap();
        assert!(matches!(read(&file), Err(CacheError::Io(_))));
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::File::create(&file)
            .unwrap()
            .set_len(FILE_LIMIT + 1)
            .unwrap();
        assert!(matches!(read(&file), Err(CacheError::Size(size)) if size == FILE_LIMIT + 1));
    }
}
