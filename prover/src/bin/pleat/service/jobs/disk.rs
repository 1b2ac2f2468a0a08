//! The folder of a job.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pleat_prover::files::{Access, NewFile, WriteError, write_together};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::JobId;
use crate::service::requests::ProveRequest;
use crate::service::work::Proof;

const HEAD: &str = "job.json";
const REQUEST: &str = "request.json";
const DONE: &str = "done.json";
/// The files that a job may give.
pub const PROOF: &str = "proof";
pub const RECEIPT: &str = "proof.receipt.json";
pub const SECRET: &str = "proof.secret";
/// Ends the name of a folder that is being removed.
const GONE: &str = ".gone";

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// With a proof.
    Done,
    /// With an error.
    Failed,
}

/// The last file of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    pub state: State,
    /// Milliseconds since 1970.
    pub finished: u64,
    /// Description of the proof.
    pub result: Option<Value>,
    /// Kind, message and remedy.
    pub error: Option<Value>,
}

/// What is known of a job without reading its request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    pub model: String,
    /// Hash of the caller's Idempotency-Key.
    pub key: Option<String>,
    /// Hash of the model's name and the request.
    pub digest: String,
}

/// A job that was found on disk.
pub struct Found {
    pub id: JobId,
    pub head: Head,
    pub done: Option<State>,
}

/// The folder of jobs, which one server has.
pub struct Disk {
    folder: PathBuf,
    /// Locked for as long as the process lives.
    _lock: fs::File,
}

impl Disk {
    /// # Errors
    /// If it cannot be made, or another server has it.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        let folder = folder.canonicalize()?;
        let file = folder.join(".lock");
        let lock = fs::File::options().create(true).append(true).open(file)?;
        lock.try_lock().map_err(|e| match e {
            fs::TryLockError::WouldBlock => {
                io::Error::other("another server works with this folder of jobs")
            }
            fs::TryLockError::Error(e) => e,
        })?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// All jobs, in order of their submission. What a kill left of a job that nobody was told of, or that is removed, goes.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn scan(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if let Some(name) = name.strip_suffix(GONE)
                && name.parse::<JobId>().is_ok()
            {
                discard(&path);
                continue;
            }
            let Ok(id) = name.parse::<JobId>() else {
                continue;
            };
            let head = read::<Head>(&path.join(HEAD)).filter(|_| path.join(REQUEST).is_file());
            match head {
                Some(head) => found.push(Found {
                    done: read::<Done>(&path.join(DONE)).map(|d| d.state),
                    id,
                    head,
                }),
                None => discard(&path),
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        for job in found.iter().filter(|job| job.done.is_none()) {
            self.tidy(&job.id);
        }
        Ok(found)
    }

    /// Removes what an interrupted attempt left.
    fn tidy(&self, id: &JobId) {
        for entry in fs::read_dir(self.path(id)).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name != HEAD && name != REQUEST {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, id: &JobId) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// Puts a job on disk; it is one when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(&self, id: &JobId, head: &Head, request: &[u8]) -> Result<(), WriteError> {
        let path = self.path(id);
        let head_path = path.join(HEAD);
        let error = |source| WriteError {
            path: path.clone(),
            source,
        };
        let head = serde_json::to_vec(head).map_err(|e| error(e.into()))?;
        fs::create_dir(&path).map_err(error)?;
        let request_path = path.join(REQUEST);
        // Inputs may be such as the proof hides.
        let written = write_together(&[file(&head_path, &head), file(&request_path, request)]);
        if written.is_err() {
            discard(&path);
        } else if let Ok(folder) = fs::File::open(&self.folder) {
            // The name of the new folder is durable, too.
            let _ = folder.sync_all();
        }
        written
    }

    /// The request of a job.
    pub fn request(&self, id: &JobId) -> Option<ProveRequest> {
        read(&self.path(id).join(REQUEST))
    }

    /// Ends a job with a proof, or without.
    ///
    /// # Errors
    /// If it cannot be written; then the job has not ended.
    pub fn finish(&self, id: &JobId, proof: Option<&Proof>, done: &Done) -> Result<(), WriteError> {
        let path = self.path(id);
        let [secret, plain, receipt, last] = [SECRET, PROOF, RECEIPT, DONE].map(|n| path.join(n));
        let done = serde_json::to_vec(done).map_err(|e| WriteError {
            path: last.clone(),
            source: e.into(),
        })?;
        let mut files = Vec::new();
        if let Some(proof) = proof {
            if let Some(bytes) = &proof.secret {
                files.push(file(&secret, bytes));
            }
            files.push(file(&plain, &proof.proof));
            files.push(file(&receipt, &proof.receipt));
        }
        files.push(file(&last, &done));
        write_together(&files)
    }

    /// How a job ended.
    pub fn done(&self, id: &JobId) -> Option<Done> {
        read(&self.path(id).join(DONE))
    }

    /// A file that a job gave.
    pub fn file(&self, id: &JobId, name: &'static str) -> Option<Vec<u8>> {
        fs::read(self.path(id).join(name)).ok()
    }

    /// Names of the files that a job gave.
    pub fn files(&self, id: &JobId) -> Vec<&'static str> {
        let path = self.path(id);
        let all = [(PROOF, "proof"), (RECEIPT, "receipt"), (SECRET, "secret")];
        all.into_iter()
            .filter(|(file, _)| path.join(file).is_file())
            .map(|(_, name)| name)
            .collect()
    }

    /// Removes a job. It is none from the first step on, whatever happens after it.
    pub fn remove(&self, id: &JobId) {
        let gone = self.folder.join(format!("{id}{GONE}"));
        match fs::rename(self.path(id), &gone) {
            Ok(()) => discard(&gone),
            Err(e) => tracing::error!("job {id} cannot be removed: {e}"),
        }
    }
}

/// All files of a job are for the server's user alone.
const fn file<'a>(path: &'a Path, bytes: &'a [u8]) -> NewFile<'a> {
    NewFile {
        path,
        bytes,
        access: Access::Private,
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn discard(path: &Path) {
    if let Err(e) = fs::remove_dir_all(path) {
        tracing::warn!("{}: {e}", path.display());
    }
}
