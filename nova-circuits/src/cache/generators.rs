//! Generators on disk: each costs a hash to the curve, some 50 µs, and proofs of long rows need `2^16`.
//!
//! What is read counts only if its hash is the one that the caller knows, so that nobody can slip in generators with known
//! relations.

use super::{CacheFolder, write_whole};
use crate::{
    cycle::{Affine, Point, generators},
    points::Form,
};
use sha3::{Digest, Sha3_256};
use std::fmt::Write;

/// SHA3-256 of generators, both coordinates of each, 32 bytes little-endian.
#[must_use]
pub fn generators_sha3(points: &[Affine]) -> [u8; 32] {
    Sha3_256::digest(Form::Coordinates.write::<Point>(points)).into()
}

/// As [`generators`]`(label, n)`, whose [`generators_sha3`] is `sha3`: from the cache if they are there, otherwise derived and
/// stored. A cache that is missing, damaged or not writable costs time and at most a warning.
#[must_use]
pub fn cached_generators(
    cache: &CacheFolder,
    label: &'static [u8],
    n: usize,
    sha3: &[u8; 32],
) -> Vec<Affine> {
    let name = sha3.iter().take(8).fold(String::new(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    });
    let Some(file) = cache.file(&format!("generators-{name}.bin")) else {
        return generators(label, n);
    };
    let length = n.saturating_mul(Form::Coordinates.bytes());
    let fits = file.metadata().is_ok_and(|m| m.len() == length as u64);
    if fits
        && let Ok(bytes) = std::fs::read(&file)
        && Sha3_256::digest(&bytes).as_slice() == sha3
        && let Some(points) = Form::Coordinates.read::<Point>(&bytes)
    {
        return points;
    }
    let derived = generators(label, n);
    let bytes = Form::Coordinates.write::<Point>(&derived);
    if Sha3_256::digest(&bytes).as_slice() == sha3
        && let Err(error) = write_whole(&file, &[&bytes])
    {
        tracing::warn!(file = %file.display(), %error, "cannot cache generators; the next start derives them again");
    }
    derived
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const LABEL: &[u8] = b"test/generators";

    #[test]
    fn what_is_cached_is_what_is_derived() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CacheFolder::at(folder.path());
        let derived = generators(LABEL, 20);
        let sha3 = generators_sha3(&derived);
        let files = || {
            std::fs::read_dir(folder.path())
                .unwrap()
                .map(|f| f.unwrap().path())
                .collect::<Vec<_>>()
        };
        for _ in 0..2 {
            assert_eq!(cached_generators(&cache, LABEL, 20, &sha3), derived);
            assert_eq!(files().len(), 1);
        }
        // It is the file that is read: another label's would be returned for this hash.
        assert_eq!(cached_generators(&cache, b"test/other", 20, &sha3), derived);
        let file = files().remove(0);
        let good = std::fs::read(&file).unwrap();
        let mut other = good.clone();
        other.rotate_left(64);
        for bad in [&[][..], &good[1..], &other, &[&good[..], &[0]].concat()] {
            std::fs::write(&file, bad).unwrap();
            assert_eq!(cached_generators(&cache, LABEL, 20, &sha3), derived);
            assert!(std::fs::read(&file).unwrap() == good, "it is written anew");
        }
        // Generators that have another hash are not stored.
        assert_eq!(
            cached_generators(&cache, LABEL, 10, &[0; 32]),
            generators(LABEL, 10)
        );
        assert_eq!(files().len(), 1);
        let derived = cached_generators(&CacheFolder::none(), LABEL, 20, &sha3);
        assert_eq!(derived, generators(LABEL, 20));
    }
}
