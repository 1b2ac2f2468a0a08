//! The folder of proofs, secrets and receipts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use pleat_prover::files::{Access, NewFile, write_together};
use pleat_verifier::command::{RECEIPT_SUFFIX, read};

use crate::service::jobs::Clock;
use crate::service::models::{Folder, Name, lock};
use crate::service::trouble::Trouble;
use crate::service::work::Proof;

/// What a secret file's name adds to its proof's.
const SECRET_SUFFIX: &str = ".secret";
const PROOF_SUFFIX: &str = ".proof";

/// The folder.
pub struct Store {
    folder: Folder,
    clock: Clock,
    /// One proof is written at a time, so that none overwrites another.
    writing: Mutex<()>,
}

/// Names of the files of a proof.
pub struct Written {
    pub proof: String,
    pub receipt: String,
    pub secret: Option<String>,
}

impl Store {
    /// # Errors
    /// If the folder cannot be made.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)?;
        Ok(Self {
            folder: Folder::open(path)?,
            clock: Clock::default(),
            writing: Mutex::new(()),
        })
    }

    /// A name for the next proof: the one that is asked for, or a fresh one.
    pub fn name(&self, model: &str, asked: Option<&str>) -> Result<String, Trouble> {
        let name = match asked {
            Some(name) => {
                let name = name.strip_suffix(PROOF_SUFFIX).unwrap_or(name);
                format!("{name}{PROOF_SUFFIX}")
            }
            None => {
                let id = self.clock.next().to_string();
                let (time, random) = (id.get(..12), id.get(40..));
                let [time, random] = [time, random].map(Option::unwrap_or_default);
                format!("{model}-{time}{random}{PROOF_SUFFIX}")
            }
        };
        // Others are as long, or shorter by less than this.
        let longest = format!("{name}{RECEIPT_SUFFIX}");
        if Name::new(&longest).is_none() {
            return Err(Trouble::Invalid(
                "name: letters, digits, '.', '_' and '-', no folder, at most 100".to_owned(),
            ));
        }
        self.demand_free(&name)?;
        Ok(name)
    }

    fn demand_free(&self, name: &str) -> Result<(), Trouble> {
        let taken = ["", SECRET_SUFFIX, RECEIPT_SUFFIX].iter().any(|suffix| {
            self.path(&format!("{name}{suffix}"))
                .symlink_metadata()
                .is_ok()
        });
        if taken {
            return Err(Trouble::Exists {
                name: name.to_owned(),
            });
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a proof under a name that [`Store::name`] gave; the secret first, because a proof whose hidden values cannot be opened any
    /// more is worth less than none.
    pub fn write(&self, name: &str, proof: &Proof) -> Result<Written, Trouble> {
        let _one = lock(&self.writing);
        self.demand_free(name)?;
        let secret = format!("{name}{SECRET_SUFFIX}");
        let receipt = format!("{name}{RECEIPT_SUFFIX}");
        let paths = [&secret, name, &receipt].map(|n| self.path(n));
        let [secret_path, proof_path, receipt_path] = &paths;
        let mut files = Vec::new();
        if let Some(bytes) = &proof.secret {
            files.push(NewFile {
                path: secret_path,
                bytes,
                access: Access::Private,
            });
        }
        for (path, bytes) in [(proof_path, &proof.proof), (receipt_path, &proof.receipt)] {
            files.push(NewFile {
                path,
                bytes,
                access: Access::Shared,
            });
        }
        write_together(&files).map_err(Trouble::internal)?;
        Ok(Written {
            proof: name.to_owned(),
            receipt,
            secret: proof.secret.is_some().then_some(secret),
        })
    }

    /// A file that may be shown, of at most so many bytes: none that is secret.
    pub fn public(&self, name: &str, limit: usize) -> Result<Vec<u8>, Trouble> {
        if name.ends_with(SECRET_SUFFIX) {
            return Err(Trouble::NoFile {
                name: name.to_owned(),
            });
        }
        self.bytes(name, limit)
    }

    /// The secret of a proof.
    pub fn secret(&self, proof: &str, limit: usize) -> Result<Vec<u8>, Trouble> {
        self.bytes(&format!("{proof}{SECRET_SUFFIX}"), limit)
    }

    fn bytes(&self, name: &str, limit: usize) -> Result<Vec<u8>, Trouble> {
        let path = self.folder.file(name);
        let path = path.ok_or_else(|| Trouble::NoFile {
            name: name.to_owned(),
        })?;
        let length = path.metadata().map_or(0, |m| m.len());
        if usize::try_from(length).map_or(true, |n| n > limit) {
            return Err(Trouble::TooLarge { limit });
        }
        read(&path).map_err(Trouble::internal)
    }

    /// Names of all receipts.
    pub fn receipts(&self) -> Vec<String> {
        let names = self.folder.names(RECEIPT_SUFFIX);
        names
            .iter()
            .map(|name| format!("{name}{RECEIPT_SUFFIX}"))
            .collect()
    }
}
