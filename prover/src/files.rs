//! Writing files whole: a file either has all its bytes under its name, or is not there (or as it was before).

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

/// A file could not be written.
#[derive(Debug, Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Lets `write` fill a temporary file in the folder of `path`, syncs it to disk and renames it to `path`. On an error
/// the temporary file is removed, and what was at `path` stays.
///
/// # Errors
/// The error of `write`, or of the file system, with the path.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let attempt = || {
        let mut builder = tempfile::Builder::new();
        // A temporary file is private; this one will be the user's file, so it gets a new file's permissions.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.prefix(".pleat-").tempfile_in(folder)?;
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        let file: NamedTempFile = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_folder(folder);
        Ok(())
    };
    attempt().map_err(|source| WriteError {
        path: path.to_owned(),
        source,
    })
}

/// Makes the rename itself durable. The file is complete already, so a folder that cannot be synced is no error.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
}
