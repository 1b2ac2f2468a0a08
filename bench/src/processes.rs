//! Whole processes: the programs as a user runs them, from their start to their end, reading and writing files included.
//!
//! Models are made by a process of their own, once for each network, in a folder that is gone afterwards; so is the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use pleat_verifier::fold::Mode;
use pleat_verifier::verify::dequantize;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::BenchError;
use crate::child::{self, Limits, Outcome, Usage};
use crate::job::{Subject, System};
use crate::measure::Facts;

/// Name of the subcommand by which the program makes files in a process of its own.
pub const SUBCOMMAND: &str = "prepare";

/// The network that `pleat demo` has with it.
pub const DEMO: Subject = Subject::Mnist;

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `pleat prove`, with what it needs in the cache.
    Prove,
    /// `pleat-verify`, likewise.
    Verify,
    /// `pleat-verify`, told to use no cache.
    VerifyUncached,
    /// `pleat demo`, on an empty cache.
    Demo,
}

impl Program {
    /// Those that are run for every network, in both modes.
    pub const OF_NETWORKS: [Self; 3] = [Self::Prove, Self::Verify, Self::VerifyUncached];

    /// Goes into the rows.
    #[must_use]
    pub const fn comparison(self) -> &'static str {
        match self {
            Self::Prove => "processes-prove",
            Self::Verify => "processes-verify",
            Self::VerifyUncached => "processes-verify-uncached",
            Self::Demo => "processes-demo",
        }
    }

    /// As a user would say it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Prove => "pleat prove",
            Self::Verify => "pleat-verify",
            Self::VerifyUncached => "pleat-verify, no cache",
            Self::Demo => "pleat demo, empty cache",
        }
    }
}

/// What [`serve`] is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    subject: Subject,
    folder: PathBuf,
}

/// A network's files.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// About the network.
    pub facts: Facts,
    subject: Subject,
    /// Their names without endings.
    base: PathBuf,
}

impl Prepared {
    fn file(&self, ending: &str) -> PathBuf {
        self.base.with_extension(ending)
    }

    fn proof(&self, mode: Mode) -> PathBuf {
        self.file(&format!("{mode}.proof"))
    }

    /// Length of the last proof of this system's mode.
    ///
    /// # Errors
    /// If there is none.
    pub fn proof_bytes(&self, system: System) -> Result<usize, BenchError> {
        let metadata = std::fs::metadata(self.proof(mode(system))).map_err(BenchError::Io)?;
        Ok(usize::try_from(metadata.len()).unwrap_or(usize::MAX))
    }
}

fn base(folder: &Path, subject: &Subject) -> PathBuf {
    folder.join(subject.name().replace(' ', "-"))
}

/// Makes a network's files in this process and tells about it on standard output.
///
/// # Errors
/// If the model cannot be made, or a file not be written.
pub fn serve(order: &str) -> Result<(), BenchError> {
    let Order { subject, folder } = serde_json::from_str(order)?;
    let case = subject.case()?;
    let base = base(&folder, &subject);
    let write = |ending: &str, bytes: &[u8]| {
        std::fs::write(base.with_extension(ending), bytes).map_err(BenchError::Io)
    };
    let network = case.model.network();
    let port = network.descriptor().inputs.first();
    let real = dequantize(port.ok_or(BenchError::Empty)?, &case.input);
    let data = serde_json::json!({ "input_data": [real] });
    write("json", data.to_string().as_bytes())?;
    write("vmodel", &case.model.verification().to_bytes()?)?;
    write("pleat", &case.model.to_bytes()?)?;
    serde_json::to_writer(std::io::stdout().lock(), &case.facts())?;
    Ok(())
}

/// Programs to be measured, and a folder for what they read and write.
#[derive(Debug)]
pub struct Stand {
    pleat: PathBuf,
    verify: PathBuf,
    folder: TempDir,
}

/// `pleat` and `pleat-verify` in a folder.
///
/// # Errors
/// [`BenchError::Program`] if one is not there.
pub fn programs(folder: &Path) -> Result<[PathBuf; 2], BenchError> {
    let program = |name: &str| {
        let file = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if file.is_file() {
            Ok(file)
        } else {
            Err(BenchError::Program(file))
        }
    };
    Ok([program("pleat")?, program("pleat-verify")?])
}

/// `pleat` and `pleat-verify` as they were built beside this program.
///
/// # Errors
/// [`BenchError::Program`] if one was not built.
pub fn programs_beside() -> Result<[PathBuf; 2], BenchError> {
    let own = std::env::current_exe().map_err(BenchError::Io)?;
    programs(own.parent().unwrap_or(Path::new(".")))
}

/// The programs' mode of a system.
const fn mode(system: System) -> Mode {
    match system {
        System::Chain => Mode::Chain,
        _ => Mode::Tree,
    }
}

impl Stand {
    /// With the programs that were built beside this one.
    ///
    /// # Errors
    /// [`BenchError::Program`] if one was not built.
    pub fn beside_this_program() -> Result<Self, BenchError> {
        let own = std::env::current_exe().map_err(BenchError::Io)?;
        Self::with_programs_of(own.parent().unwrap_or(Path::new(".")))
    }

    /// With the programs of this folder.
    ///
    /// # Errors
    /// [`BenchError::Program`] if one is not there.
    pub fn with_programs_of(folder: &Path) -> Result<Self, BenchError> {
        let [pleat, verify] = programs(folder)?;
        Ok(Self {
            pleat,
            verify,
            folder: tempfile::tempdir().map_err(BenchError::Io)?,
        })
    }

    /// Makes a network's files.
    ///
    /// # Errors
    /// [`BenchError::Prepare`].
    pub fn prepare(&self, subject: Subject) -> Result<Prepared, BenchError> {
        let folder = self.folder.path().to_owned();
        let base = base(&folder, &subject);
        let order = serde_json::to_string(&Order { subject, folder })?;
        let program = std::env::current_exe().map_err(BenchError::Io)?;
        let output = Command::new(program).args([SUBCOMMAND, &order]).output();
        let output = output.map_err(BenchError::Io)?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(BenchError::Prepare {
                network: subject.name(),
                reason: errors.lines().last().unwrap_or_default().to_owned(),
            });
        }
        Ok(Prepared {
            facts: serde_json::from_slice(&output.stdout)?,
            subject,
            base,
        })
    }

    /// Fills the cache and makes proofs, so that there is something to verify, and that all runs that are measured find the same.
    ///
    /// # Errors
    /// If a program cannot be started.
    pub fn warm_up(
        &self,
        prepared: &Prepared,
        system: System,
        limits: Limits,
    ) -> Result<Outcome<Usage>, BenchError> {
        let proved = self.run(Program::Prove, prepared, system, limits)?;
        if matches!(proved, Outcome::Measured(_)) {
            return self.run(Program::Verify, prepared, system, limits);
        }
        Ok(proved)
    }

    /// Runs a program on a network's files.
    ///
    /// # Errors
    /// If it cannot be started. That it fails is an outcome.
    pub fn run(
        &self,
        program: Program,
        prepared: &Prepared,
        system: System,
        limits: Limits,
    ) -> Result<Outcome<Usage>, BenchError> {
        let mode = mode(system);
        let cache = self.folder.path().join("cache");
        let mut command = match program {
            Program::Prove => {
                let mut command = Command::new(&self.pleat);
                command.arg("prove").arg(prepared.file("pleat"));
                command.arg("--input").arg(prepared.file("json"));
                command.args(["--fold", mode.name()]);
                if !prepared.subject.shown().inputs {
                    command.args(["--hide", "input"]);
                }
                command.arg("-o").arg(prepared.proof(mode));
                command.env("PLEAT_CACHE", cache);
                command
            }
            Program::Verify | Program::VerifyUncached => {
                let mut command = Command::new(&self.verify);
                command.args([prepared.file("vmodel"), prepared.proof(mode)]);
                if program == Program::Verify {
                    command.env("PLEAT_CACHE", cache);
                } else {
                    command.env("PLEAT_CACHE", "");
                }
                command
            }
            Program::Demo => return self.demo(limits),
        };
        child::run(command.arg("--quiet"), limits)
    }

    /// Runs `pleat demo` on a cache that is empty every time.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn demo(&self, limits: Limits) -> Result<Outcome<Usage>, BenchError> {
        let cache = tempfile::tempdir_in(self.folder.path()).map_err(BenchError::Io)?;
        let mut command = Command::new(&self.pleat);
        command.args(["demo", "--quiet"]);
        child::run(command.env("PLEAT_CACHE", cache.path()), limits)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_program_that_was_not_built_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pleat"), "").unwrap();
        let missing = Stand::with_programs_of(folder.path()).unwrap_err();
        let text = missing.to_string();
        assert!(text.contains("pleat-verify: build it with"), "{text}");
    }

    #[test]
    fn every_program_has_rows_of_its_own() {
        let all = [&Program::OF_NETWORKS[..], &[Program::Demo]].concat();
        let mut names: Vec<_> = all.iter().map(|p| p.comparison()).collect();
        assert!(names.iter().all(|n| n.starts_with("processes-")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }
}
