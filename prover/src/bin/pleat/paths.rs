//! Names of the files that commands write.

use std::path::{Path, PathBuf};

use crate::error::CliError;

/// `path` with `suffix` after its whole name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The name of `path` without folder and ending: what is written goes to the current folder.
pub fn stem(path: &Path) -> PathBuf {
    path.file_stem()
        .map_or_else(|| PathBuf::from("model"), PathBuf::from)
}

/// Demands, before any work is done, that a file can be written here.
pub fn demand_writable(path: &Path) -> Result<(), CliError> {
    let refuse = |reason| {
        Err(CliError::NowhereToWrite {
            path: path.to_owned(),
            reason,
        })
    };
    match path.parent() {
        _ if path.is_dir() => refuse("it is a folder"),
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            refuse("its folder does not exist; make it first")
        }
        _ => Ok(()),
    }
}
