//! The public parameters on disk, so that a command need not derive 49,154 generators anew: decoding them takes 0.4 of the time
//! of building them on two cores.
//!
//! A file is a header (magic, format version, nova-snark's version, the parameters' digest, the contents' SHA3-256) and the
//! contents in bincode. What is loaded counts only if the digest recomputed from the decoded parameters is
//! [`PARAMETERS_DIGEST`], so that nothing written into the cache can weaken a proof. Keys are derived again, which is cheap.

use super::{PARAMETERS_DIGEST, Public};
use crate::cycle;
use etcetera::BaseStrategy;
use sha3::{Digest, Sha3_256};
use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

const MAGIC: [u8; 8] = *b"PLEATNVA";
const FORMAT: u32 = 1;
const NOVA_VERSION: [u8; 8] = *b"0.76.0\0\0";
const FILE: &str = "nova-parameters.bin";
const HEADER: usize = MAGIC.len() + 4 + NOVA_VERSION.len() + 32 + 32;
/// The contents have some 31 MB; a larger file is not ours.
const FILE_LIMIT: u64 = 100_000_000;
/// Names another folder than the platform's; empty for none.
const VARIABLE: &str = "PLEAT_CACHE";

/// Where parameters are cached, if anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFolder(Option<PathBuf>);

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

#[derive(Debug, thiserror::Error)]
enum CacheError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0} bytes are not a cache file's size")]
    Size(u64),
    #[error("not a file of this version of Pleat and nova-snark")]
    Version,
    #[error("the contents are damaged")]
    Checksum,
    #[error("the contents do not decode: {0}")]
    Decode(#[from] bincode::error::DecodeError),
    #[error("the contents do not encode: {0}")]
    Encode(#[from] bincode::error::EncodeError),
    #[error("the parameters' digest is not this version's")]
    Digest,
}

impl CacheFolder {
    /// `$PLEAT_CACHE` if it is set (empty: no cache), otherwise `pleat` in the platform's cache folder.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_variable(std::env::var_os(VARIABLE))
    }

    fn from_variable(variable: Option<OsString>) -> Self {
        match variable {
            Some(folder) if folder.is_empty() => Self(None),
            Some(folder) => Self(Some(folder.into())),
            None => Self(
                etcetera::choose_base_strategy()
                    .ok()
                    .map(|base| base.cache_dir().join("pleat")),
            ),
        }
    }

    /// This folder; it is made when needed.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(Some(folder.into()))
    }

    /// No cache.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// The file that holds Nova's parameters.
    #[must_use]
    pub fn parameters_file(&self) -> Option<PathBuf> {
        self.0.as_ref().map(|folder| folder.join(FILE))
    }

    /// The cached parameters, if there are any and they are right.
    pub(super) fn load(&self, on_event: &mut dyn FnMut(SetupEvent)) -> Option<Public> {
        let file = self.parameters_file().filter(|file| file.exists())?;
        on_event(SetupEvent::Loading(file.clone()));
        read(&file)
            .inspect_err(|error| tracing::warn!(file = %file.display(), %error, "rebuilding the cached Nova parameters"))
            .ok()
    }

    /// Stores the parameters, if there is a folder and it can be written.
    pub(super) fn store(&self, public: &Public, on_event: &mut dyn FnMut(SetupEvent)) {
        let Some(file) = self.parameters_file() else {
            return;
        };
        on_event(SetupEvent::Storing(file.clone()));
        if let Err(error) = write(&file, public) {
            tracing::warn!(file = %file.display(), %error, "cannot cache the Nova parameters; the next start builds them again");
        }
    }
}

fn header(contents: &[u8]) -> Vec<u8> {
    let checksum = Sha3_256::digest(contents);
    [
        &MAGIC[..],
        &FORMAT.to_le_bytes(),
        &NOVA_VERSION,
        &PARAMETERS_DIGEST,
        checksum.as_slice(),
    ]
    .concat()
}

fn read(file: &Path) -> Result<Public, CacheError> {
    let size = fs::metadata(file)?.len();
    if size > FILE_LIMIT {
        return Err(CacheError::Size(size));
    }
    let bytes = fs::read(file)?;
    let (found, contents) = bytes
        .split_at_checked(HEADER)
        .ok_or(CacheError::Size(size))?;
    let expected = header(contents);
    let version = HEADER - 32;
    if found.get(..version) != expected.get(..version) {
        return Err(CacheError::Version);
    }
    if found != expected {
        return Err(CacheError::Checksum);
    }
    let (public, read): (Public, usize) =
        bincode::serde::decode_from_slice(contents, bincode::config::standard())?;
    if read != contents.len() || cycle::field_to_bytes(&public.digest()) != PARAMETERS_DIGEST {
        return Err(CacheError::Digest);
    }
    Ok(public)
}

/// Writes beside the file, then renames: a reader sees the whole file or none.
fn write(file: &Path, public: &Public) -> Result<(), CacheError> {
    let contents = bincode::serde::encode_to_vec(public, bincode::config::standard())?;
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(&header(&contents))?;
    temporary.write_all(&contents)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::params::build_public;

    type Predicate<'a> = &'a dyn Fn(&CacheError) -> bool;

    /// A file that holds `contents`, with the header that belongs to them.
    fn sealed(contents: &[u8]) -> Vec<u8> {
        [header(contents).as_slice(), contents].concat()
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        write(&file, &build_public().unwrap()).unwrap();
        let good = fs::read(&file).unwrap();
        assert!(read(&file).is_ok());
        let contents = &good[HEADER..];
        let changed = |i: usize| {
            let mut bytes = good.clone();
            bytes[i] ^= 1;
            bytes
        };
        let resealed = |i: usize| {
            let mut contents = contents.to_vec();
            contents[i] ^= 1;
            sealed(&contents)
        };
        let is_version = |e: &CacheError| matches!(e, CacheError::Version);
        let is_checksum = |e: &CacheError| matches!(e, CacheError::Checksum);
        let is_size = |e: &CacheError| matches!(e, CacheError::Size(_));
        let is_content = |e: &CacheError| matches!(e, CacheError::Digest | CacheError::Decode(_));
        let cases: [(&str, Vec<u8>, Predicate<'_>); 14] = [
            ("empty", Vec::new(), &is_size),
            ("a header's part", good[..HEADER - 1].to_vec(), &is_size),
            ("magic", changed(0), &is_version),
            ("format version", changed(8), &is_version),
            ("nova-snark's version", changed(12), &is_version),
            ("parameters' digest", changed(20), &is_version),
            ("checksum", changed(HEADER - 1), &is_checksum),
            ("truncated", good[..good.len() - 1].to_vec(), &is_checksum),
            ("extended", [&good[..], &[0]].concat(), &is_checksum),
            ("contents", changed(HEADER + 1000), &is_checksum),
            ("arity, resealed", resealed(0), &is_content),
            (
                "generator, resealed",
                resealed(contents.len() / 2),
                &is_content,
            ),
            (
                "last byte, resealed",
                resealed(contents.len() - 1),
                &is_content,
            ),
            (
                "trailing byte, resealed",
                sealed(&[contents, &[0]].concat()),
                &is_content,
            ),
        ];
        for (what, bytes, expected) in cases {
            fs::write(&file, bytes).unwrap();
            let error = read(&file).err().unwrap();
            assert!(expected(&error), "{what}: {error}");
        }
        fs::remove_file(&file).unwrap();
        assert!(matches!(read(&file), Err(CacheError::Io(_))));
    }

    #[test]
    fn the_variable_names_the_folder() {
        assert_eq!(
            CacheFolder::from_variable(Some("".into())),
            CacheFolder::none()
        );
        assert_eq!(
            CacheFolder::from_variable(Some("/x/y".into())),
            CacheFolder::at("/x/y")
        );
        let platform = CacheFolder::from_variable(None).parameters_file().unwrap();
        assert!(
            platform.ends_with(Path::new("pleat").join(FILE)),
            "{}",
            platform.display()
        );
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
