//! Models by name, out of one folder and from nowhere else: NAME.pleat proves, NAME.vmodel verifies. The last ones used stay loaded, up
//! to so many bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use pleat_prover::model::ProvingModel;
use pleat_verifier::command::read;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::model::{ModelId, VerificationModel};

use super::answers::{ModelEntry, ModelList};
use super::trouble::Trouble;

const PROVING: &str = "pleat";
const VERIFYING: &str = "vmodel";
/// Longer names are none.
const NAME: usize = 128;
/// More models are not listed.
const LISTED: usize = 1000;

/// A name of a model or of a file: letters, digits, `.`, `_` and `-`, the first of them no `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// As a pattern of JSON Schema.
    pub const PATTERN: &'static str = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$";

    /// `None` if the text is no name.
    pub fn new(text: &str) -> Option<Self> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let good = !text.is_empty()
            && text.len() <= NAME
            && !text.starts_with('.')
            && text.chars().all(is_part);
        good.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A folder out of which files are read, and nothing besides.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// # Errors
    /// If it is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        if path.is_dir() {
            Ok(Self(path))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A regular file in it, itself or by a link that does not leave the folder.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let name = Name::new(name)?;
        let path = self.0.join(name.as_str()).canonicalize().ok()?;
        (path.starts_with(&self.0) && path.is_file()).then_some(path)
    }

    /// Names of its files that end so, without the ending, in order.
    pub fn names(&self, ending: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return Vec::new();
        };
        let names = entries
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok());
        let mut names: Vec<String> = names
            .filter(|name| self.file(name).is_some())
            .filter_map(|name| Some(name.strip_suffix(ending)?.to_owned()))
            .collect();
        names.sort();
        names
    }
}

/// What tells a file from a later one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

#[derive(Clone)]
enum Model {
    Proving(Arc<ProvingModel>),
    Verifying(Arc<VerificationModel>),
}

struct Loaded {
    path: PathBuf,
    stamp: Stamp,
    model: Model,
}

/// The models.
pub struct Models {
    folder: Folder,
    cache_bytes: u64,
    /// The last used at the end.
    loaded: Mutex<Vec<Loaded>>,
    /// One model is loaded at a time.
    loading: Mutex<()>,
    ids: Mutex<BTreeMap<PathBuf, (Stamp, ModelId)>>,
}

impl Models {
    /// Those of a folder, of which so many bytes stay loaded.
    pub const fn new(folder: Folder, cache_bytes: u64) -> Self {
        Self {
            folder,
            cache_bytes,
            loaded: Mutex::new(Vec::new()),
            loading: Mutex::new(()),
            ids: Mutex::new(BTreeMap::new()),
        }
    }

    /// All of them, by name.
    pub fn list(&self) -> ModelList {
        let proving = self.folder.names(".pleat");
        let verifying = self.folder.names(".vmodel");
        let mut names: Vec<&String> = proving.iter().chain(&verifying).collect();
        names.sort();
        names.dedup();
        let entry = |name: &&String| ModelEntry {
            name: (**name).clone(),
            model_id: self.id(name).map(|id| id.to_string()),
            can_prove: proving.contains(name),
        };
        ModelList {
            models: names.iter().take(LISTED).map(entry).collect(),
        }
    }

    /// The id of a model that has a file to verify with, or is loaded.
    fn id(&self, name: &str) -> Option<ModelId> {
        let path = self.path(name, VERIFYING)?;
        let stamp = Stamp::of(&path)?;
        let known = lock(&self.ids).get(&path).copied();
        if let Some((_, id)) = known.filter(|(of, _)| *of == stamp) {
            return Some(id);
        }
        Some(self.verification(name).ok()?.id())
    }

    /// The verification models of these ids.
    pub fn of_ids(&self, ids: &[ModelId]) -> Vec<Arc<VerificationModel>> {
        let names = self.folder.names(".vmodel");
        let wanted = names
            .iter()
            .filter(|name| self.id(name).is_some_and(|id| ids.contains(&id)));
        wanted
            .filter_map(|name| self.verification(name).ok())
            .collect()
    }

    fn path(&self, name: &str, ending: &str) -> Option<PathBuf> {
        Name::new(name)?;
        self.folder.file(&format!("{name}.{ending}"))
    }

    /// Whether there is a file to prove with.
    pub fn can_prove(&self, name: &str) -> bool {
        self.path(name, PROVING).is_some()
    }

    /// A model to prove with.
    pub fn proving(&self, name: &str) -> Result<Arc<ProvingModel>, Trouble> {
        let Some(path) = self.path(name, PROVING) else {
            return Err(match self.path(name, VERIFYING) {
                Some(_) => Trouble::NotProving {
                    name: name.to_owned(),
                },
                None => Trouble::NoModel {
                    name: name.to_owned(),
                },
            });
        };
        let load = |bytes: &[u8]| {
            let model = ProvingModel::from_bytes(bytes).map_err(|e| e.to_string())?;
            Ok(Model::Proving(Arc::new(model)))
        };
        match self.load(path, load)? {
            Model::Proving(model) => Ok(model),
            Model::Verifying(_) => Err(Trouble::BadModel),
        }
    }

    /// A model to verify with.
    pub fn verification(&self, name: &str) -> Result<Arc<VerificationModel>, Trouble> {
        let Some(path) = self.path(name, VERIFYING) else {
            let proving = self.proving(name)?;
            return Ok(Arc::new(proving.verification().clone()));
        };
        let load = |bytes: &[u8]| {
            let model = VerificationModel::from_bytes(bytes, &Limits::default());
            Ok(Model::Verifying(Arc::new(
                model.map_err(|e| e.to_string())?,
            )))
        };
        let stamp = Stamp::of(&path);
        match self.load(path.clone(), load)? {
            Model::Verifying(model) => {
                if let Some(stamp) = stamp {
                    lock(&self.ids).insert(path, (stamp, model.id()));
                }
                Ok(model)
            }
            Model::Proving(_) => Err(Trouble::BadModel),
        }
    }

    /// The file to verify with.
    pub fn vmodel(&self, name: &str) -> Result<Vec<u8>, Trouble> {
        match self.path(name, VERIFYING) {
            Some(path) => read(&path).map_err(Trouble::internal),
            None => {
                let model = self.proving(name)?;
                model.verification().to_bytes().map_err(Trouble::internal)
            }
        }
    }

    fn load(
        &self,
        path: PathBuf,
        load: impl FnOnce(&[u8]) -> Result<Model, String>,
    ) -> Result<Model, Trouble> {
        let bad = |reason: String| {
            tracing::error!("{}: {reason}", path.display());
            Trouble::BadModel
        };
        let stamp = Stamp::of(&path).ok_or_else(|| bad("it cannot be read".to_owned()))?;
        if let Some(model) = self.known(&path, stamp) {
            return Ok(model);
        }
        let _one = lock(&self.loading);
        if let Some(model) = self.known(&path, stamp) {
            return Ok(model);
        }
        let bytes = read(&path).map_err(|e| bad(e.to_string()))?;
        let model = load(&bytes).map_err(bad)?;
        self.keep(Loaded {
            path,
            stamp,
            model: model.clone(),
        });
        Ok(model)
    }

    fn known(&self, path: &Path, stamp: Stamp) -> Option<Model> {
        let mut loaded = lock(&self.loaded);
        let at = loaded.iter().position(|l| l.path == path)?;
        let found = loaded.remove(at);
        let model = (found.stamp == stamp).then(|| found.model.clone())?;
        loaded.push(found);
        Some(model)
    }

    /// A model takes about as much memory as its file.
    fn keep(&self, model: Loaded) {
        let mut loaded = lock(&self.loaded);
        if model.stamp.bytes > self.cache_bytes {
            return;
        }
        loaded.push(model);
        while loaded.iter().map(|l| l.stamp.bytes).sum::<u64>() > self.cache_bytes {
            loaded.remove(0);
        }
    }
}

/// A lock whose holder panicked is as good as before: what it guards is changed in single steps.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_folder() {
        for bad in [
            "", ".", "..", ".x", "a/b", "a\\b", "/a", "a b", "a\0", "ä", "%2e",
        ] {
            assert_eq!(Name::new(bad), None, "{bad}");
        }
        for good in ["credit", "a..b", "A-1_2.x"] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        assert!(Name::new(&"a".repeat(128)).is_some() && Name::new(&"a".repeat(129)).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_does_not_leave_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.pleat"), "x").unwrap();
        fs::write(inside.path().join("own.pleat"), "x").unwrap();
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, inside.path().join(name));
        link(&outside.path().join("secret.pleat"), "out.pleat").unwrap();
        link(&inside.path().join("own.pleat"), "in.pleat").unwrap();
        let folder = Folder::open(inside.path()).unwrap();
        assert_eq!(folder.file("out.pleat"), None);
        assert_eq!(folder.file("../secret.pleat"), None);
        assert!(folder.file("in.pleat").is_some());
        assert_eq!(folder.names(".pleat"), ["in", "own"]);
    }
}
