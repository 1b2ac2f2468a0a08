//! Generators on disk: each costs a hash to the curve, and proofs of long rows need `2^16`.
//!
//! What is read counts only if its hash is the one that the caller knows, so that nobody can slip in generators with known
//! relations.

use super::{CacheFolder, write_whole};
use crate::{
    cycle::{Affine, Point},
    points::Form,
};
use sha3::{Digest, Sha3_256};
use std::fmt::Write;

/// SHA3-256 of generators, both coordinates of each, 32 bytes little-endian.
#[must_use]
pub fn generators_sha3(points: &[Affine]) -> [u8; 32] {
    Sha3_256::digest(Form::Coordinates.write::<Point>(points)).into()
}

/// The `n` generators that `derive` gives, whose [`generators_sha3`] is `sha3`: from the cache if they are there, otherwise derived
/// and stored. A cache that is missing, damaged or not writable costs time and at most a warning.
#[must_use]
pub fn cached_generators(
    cache: &CacheFolder,
    n: usize,
    sha3: &[u8; 32],
    derive: impl FnOnce() -> Vec<Affine>,
) -> Vec<Affine> {
    let name = sha3.iter().take(8).fold(String::new(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    });
    let Some(file) = cache.file(&format!("generators-{name}.bin")) else {
        return derive();
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
    let derived = derive();
    let bytes = Form::Coordinates.write::<Point>(&derived);
    if Sha3_256::digest(&bytes).as_slice() != sha3 {
        // They are right by definition; what is wrong is the pin, and every start pays for it.
        tracing::warn!(file = %file.display(), "the derived generators are not those whose hash is pinned; they are not cached");
    } else if let Err(error) = write_whole(&file, &[&bytes]) {
        tracing::warn!(file = %file.display(), %error, "cannot cache generators; the next start derives them again");
    }
    derived
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::cycle::generators;

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
            assert_eq!(
                cached_generators(&cache, 20, &sha3, || generators(LABEL, 20)),
                derived
            );
            assert_eq!(files().len(), 1);
        }
        // It is the file that is read, and nothing is derived.
        assert_eq!(cached_generators(&cache, 20, &sha3, Vec::new), derived);
        let file = files().remove(0);
        let good = std::fs::read(&file).unwrap();
        let mut other = good.clone();
        other.rotate_left(64);
        for bad in [&[][..], &good[1..], &other, &[&good[..], &[0]].concat()] {
            std::fs::write(&file, bad).unwrap();
            assert_eq!(
                cached_generators(&cache, 20, &sha3, || generators(LABEL, 20)),
                derived
            );
            assert!(std::fs::read(&file).unwrap() == good, "it is written anew");
        }
        // Generators that have another hash are not stored.
        assert_eq!(
            cached_generators(&cache, 10, &[0; 32], || generators(LABEL, 10)),
            generators(LABEL, 10)
        );
        assert_eq!(files().len(), 1);
        let derived = cached_generators(&CacheFolder::none(), 20, &sha3, || generators(LABEL, 20));
        assert_eq!(derived, generators(LABEL, 20));
    }
}
