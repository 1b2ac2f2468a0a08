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

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever may read a new file of the user.
    Shared,
    /// The user alone (mode 0600); elsewhere than on Unix, as the folder says.
    Private,
}

/// A file to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewFile<'a> {
    /// Where.
    pub path: &'a Path,
    /// Its contents.
    pub bytes: &'a [u8],
    /// Who may read it.
    pub access: Access,
}

/// Writes several files that belong together: all are complete on disk before the first gets its name, and they get
/// them in order.
///
/// # Errors
/// That of the file system, with the path. If it happens before the first file gets its name, as all likely ones do, nothing
/// has changed.
pub fn write_together(files: &[NewFile<'_>]) -> Result<(), WriteError> {
    let staged = files
        .iter()
        .map(|file| stage(file.path, file.access, |w| w.write_all(file.bytes)))
        .collect::<Result<Vec<_>, _>>()?;
    staged
        .into_iter()
        .zip(files)
        .try_for_each(|(staged, file)| name(staged, file.path))
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
    name(stage(path, Access::Shared, write)?, path)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn error(path: &Path, source: io::Error) -> WriteError {
    WriteError {
        path: path.to_owned(),
        source,
    }
}

fn stage(
    path: &Path,
    access: Access,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<NamedTempFile, WriteError> {
    let attempt = || {
        let mut builder = tempfile::Builder::new();
        // A temporary file is private; a shared one gets a new file's permissions.
        #[cfg(unix)]
        if access == Access::Shared {
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        #[cfg(not(unix))]
        let _ = access;
        let file = builder.prefix(".pleat-").tempfile_in(folder(path))?;
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        let file: NamedTempFile = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    attempt().map_err(|source| error(path, source))
}

fn name(file: NamedTempFile, path: &Path) -> Result<(), WriteError> {
    file.persist(path)
        .map_err(|failed| error(path, failed.error))?;
    sync_folder(folder(path));
    Ok(())
}

/// Makes the rename itself durable. The file is complete already, so a folder that cannot be synced is no error.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
}
