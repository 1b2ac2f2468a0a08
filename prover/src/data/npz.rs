//! NumPy's `.npz` format: a zip archive of `.npy` files.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use zip::ZipArchive;

use super::{DataError, malformed, npy};

/// An open archive.
pub(super) struct Archive {
    path: PathBuf,
    zip: ZipArchive<Cursor<Vec<u8>>>,
    /// Names of the arrays and their positions in the archive, in file order.
    arrays: Vec<(String, usize)>,
}

impl Archive {
    pub(super) fn new(path: &Path, bytes: Vec<u8>) -> Result<Self, DataError> {
        let place = path.display().to_string();
        let broken = |e: zip::result::ZipError| malformed(&place, format!("not an .npz file: {e}"));
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        let mut arrays = Vec::new();
        for position in 0..zip.len() {
            let entry = zip.by_index_raw(position).map_err(broken)?;
            if !entry.is_dir() {
                let name = entry.name();
                arrays.push((
                    name.strip_suffix(".npy").unwrap_or(name).to_owned(),
                    position,
                ));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            zip,
            arrays,
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.arrays.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The first array in file order.
    pub(super) fn first(&mut self) -> Result<ArrayD<f32>, DataError> {
        match self.arrays.first().cloned() {
            Some((name, position)) => self.read(&name, position),
            None => Err(malformed(
                &self.path.display().to_string(),
                "there are no arrays in it",
            )),
        }
    }

    pub(super) fn by_name(&mut self, name: &str) -> Result<ArrayD<f32>, DataError> {
        let found = self.arrays.iter().find(|(n, _)| n == name);
        match found.map(|(_, position)| *position) {
            Some(position) => self.read(name, position),
            None => Err(DataError::NoArray {
                path: self.path.clone(),
                wanted: name.to_owned(),
                arrays: self.names(),
            }),
        }
    }

    fn read(&mut self, name: &str, position: usize) -> Result<ArrayD<f32>, DataError> {
        let place = format!("{}:{name}", self.path.display());
        match self.zip.by_index(position) {
            Ok(entry) => npy::read(&place, entry),
            Err(e) => Err(malformed(&place, e.to_string())),
        }
    }
}
