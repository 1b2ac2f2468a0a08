//! Running the program `pleat` from tests.
#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// In the build folder, so that parameters are built once and not by every run of the tests.
pub const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pleat-cache");

/// What one run of the program gave.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        let mut values = serde_json::Deserializer::from_str(&self.out).into_iter::<Value>();
        let object = values.next().expect("nothing on standard output").unwrap();
        assert!(
            values.next().is_none(),
            "more than one object: {}",
            self.out
        );
        object
    }

    #[track_caller]
    pub fn demand(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in: {}", self.err);
        }
        self
    }
}

pub fn pleat(args: &[&str]) -> Ran {
    pleat_with_cache(args, CACHE)
}

/// With another cache folder than the tests'.
pub fn pleat_with_cache(args: &[&str], cache: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleat"));
    command
        .args(args)
        .env("PLEAT_CACHE", cache)
        .env_remove("RUST_LOG");
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Ran {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// A fresh folder of this name for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("program")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// A fresh folder of this name with the credit model, compiled, as `credit`.
pub fn credit_models(name: &str) -> PathBuf {
    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/");
    let folder = folder(name);
    let base = folder.join("credit");
    let (model, applicants) = (
        format!("{DATA}credit_mlp.onnx"),
        format!("{DATA}credit-300.npz"),
    );
    let args = [
        "compile",
        &model,
        "--calibration",
        &applicants,
        "-o",
        text(&base),
    ];
    pleat(&args).demand(0);
    folder
}
