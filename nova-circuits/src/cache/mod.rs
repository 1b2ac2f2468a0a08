//! A folder for what is dear to make anew: generators, and the chain's parameters and keys. Nothing in it is trusted: each reader
//! knows the hash of what it may read.

mod generators;

pub use generators::{cached_generators, generators_sha3};

use etcetera::BaseStrategy;
use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Names another folder than the platform's; empty for none.
const VARIABLE: &str = "PLEAT_CACHE";

/// Where generators and the chain's parameters are cached, if anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFolder(Option<PathBuf>);

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

    /// A file of this name in the folder.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|folder| folder.join(name))
    }
}

/// Writes beside the file, then renames: a reader sees the whole file or none.
pub(crate) fn write_whole(file: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    for part in parts {
        temporary.write_all(part)?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

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
        let platform = CacheFolder::from_variable(None).file("a.bin").unwrap();
        assert!(
            platform.ends_with(Path::new("pleat").join("a.bin")),
            "{}",
            platform.display()
        );
    }
}
