//! A file of commitments as they are made, so that committing to a large model goes on where it was interrupted.
//!
//! It holds the blinds, and is as secret as the model. It is of one network, whose descriptor's hash it begins with: what another left
//! behind is not used, as the same commitment in two models shows that they have the same rows. An entry is found again by what it
//! commits to, and used once; one that was cut short or damaged is not used. One process at a time has the file.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use pleat_nova_circuits::cycle::{EncodedPoint, field_from_bytes, field_to_bytes};
use sha3::{Digest, Sha3_256};

use crate::shared::Known;

/// What a row commits to: `2^κ` integers.
pub(crate) type RowDigest = [u8; 32];

const HASH: usize = 32;
const SUM: usize = 8;
const ENTRY: usize = 3 * HASH + SUM;

/// The file, and what it held when it was opened.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    found: HashMap<RowDigest, VecDeque<Known>>,
    entries: usize,
}

impl Journal {
    /// Opens the file of a network, or makes it, for the user alone. What is in it of another network is thrown away.
    ///
    /// # Errors
    /// That of the file system, or that another process has it.
    pub fn open(path: &Path, descriptor: &[u8]) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => io::Error::other("another `pleat compile` is using it"),
            TryLockError::Error(e) => e,
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let own: [u8; HASH] = Sha3_256::digest(descriptor).into();
        if !bytes.starts_with(&own) {
            file.set_len(0)?;
            file.write_all(&own)?;
            bytes = own.to_vec();
        }
        let mut found: HashMap<RowDigest, VecDeque<Known>> = HashMap::new();
        let mut whole = 0;
        for entry in bytes.get(HASH..).unwrap_or_default().chunks_exact(ENTRY) {
            let Some((digest, known)) = read(entry) else {
                break;
            };
            whole += 1;
            found.entry(digest).or_default().push_back(known);
        }
        // What follows an entry that is none is of no use, and would stand between those to come.
        file.set_len((HASH + whole * ENTRY) as u64)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            found,
            entries: whole,
        })
    }

    /// Commitments that it held when it was opened.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.entries
    }

    /// A commitment to a row of these cells, if it holds one that was not taken yet.
    pub(crate) fn take(&mut self, digest: &RowDigest) -> Option<Known> {
        self.found.get_mut(digest)?.pop_front()
    }

    /// Writes commitments down.
    pub(crate) fn keep(&mut self, rows: &[(RowDigest, Known)]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(rows.len() * ENTRY);
        for (digest, (commitment, blind)) in rows {
            let start = bytes.len();
            bytes.extend(digest);
            bytes.extend(commitment.bytes());
            bytes.extend(field_to_bytes(blind));
            let own = bytes.get(start..).map(sum).unwrap_or_default();
            bytes.extend(own);
        }
        self.file.write_all(&bytes)?;
        self.file.sync_data()
    }

    /// Removes the file: everything is in the model's now.
    ///
    /// # Errors
    /// That of the file system.
    pub fn remove(self) -> io::Result<()> {
        drop(self.file);
        std::fs::remove_file(self.path)
    }
}

fn read(entry: &[u8]) -> Option<(RowDigest, Known)> {
    let (content, own) = entry.split_at_checked(3 * HASH)?;
    if sum(content) != own {
        return None;
    }
    let ([digest, commitment, blind], []) = content.as_chunks::<HASH>() else {
        return None;
    };
    let commitment = EncodedPoint::from_bytes(*commitment)?;
    Some((*digest, (commitment, field_from_bytes(blind)?)))
}

fn sum(content: &[u8]) -> [u8; SUM] {
    let hash: [u8; HASH] = Sha3_256::digest(content).into();
    let mut own = [0; SUM];
    own.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    own
}

/// The digest of a row's cells.
pub(crate) fn digest(cells: impl Iterator<Item = i32>) -> RowDigest {
    let mut hash = Sha3_256::new();
    for cell in cells {
        hash.update(cell.to_le_bytes());
    }
    hash.finalize().into()
}
