//! Language models of known shapes, and many decisions in one proof: `pleat compile`, `pleat prove` and `pleat-verify` as whole
//! processes.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;

use crate::BenchError;
use crate::child::{Limits, Outcome, Usage, run_into};
use crate::decoder::{Network, write};
use crate::job::testdata;
use crate::measure::Facts;
use crate::rows::Row;

/// What is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One run of a language model with seeded weights; the best word after the last one is shown.
    Decoder {
        /// Of `models/decoder`.
        shape: &'static str,
        /// Blocks, if they are not the shape's own.
        layers: Option<usize>,
        /// Words of the run.
        tokens: usize,
    },
    /// Decisions of the credit model in one proof, data and decisions hidden.
    Credit {
        /// How many.
        samples: usize,
    },
}

/// A model, and what it is held to on two cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Large {
    /// In tables, and as an option.
    pub name: &'static str,
    /// What is proved.
    pub subject: Subject,
    /// Seconds to compile, at most.
    pub compile: Option<f64>,
    /// Seconds to prove, at most.
    pub prove: Option<f64>,
    /// Bytes of memory to prove, at most.
    pub memory: Option<u64>,
    /// Length of the proof, at most.
    pub bytes: Option<usize>,
    /// Seconds to verify, at most.
    pub verify: Option<f64>,
}

const GB: u64 = 1_000_000_000;

const fn decoder(
    name: &'static str,
    shape: &'static str,
    layers: Option<usize>,
    tokens: usize,
) -> Large {
    Large {
        name,
        subject: Subject::Decoder {
            shape,
            layers,
            tokens,
        },
        compile: None,
        prove: None,
        memory: None,
        bytes: None,
        verify: None,
    }
}

/// All of them. The last takes 5 GB of memory to compile, and is measured only if it is named.
pub const MODELS: [Large; 8] = [
    Large {
        prove: Some(1.2),
        bytes: Some(12_000),
        ..CREDIT
    },
    Large {
        prove: Some(1.0),
        bytes: Some(14_000),
        ..decoder("nano", "nano", None, 64)
    },
    Large {
        prove: Some(8.0),
        memory: Some(4 * GB),
        bytes: Some(35_000),
        verify: Some(0.6),
        ..decoder("gpt2-16", "gpt2", None, 16)
    },
    decoder("gpt2-32", "gpt2", None, 32),
    Large {
        prove: Some(30.0),
        memory: Some(8 * GB),
        bytes: Some(35_000),
        verify: Some(0.6),
        ..decoder("gpt2-64", "gpt2", None, 64)
    },
    decoder("gpt2-48-layers", "gpt2", Some(48), 16),
    decoder("gpt2-medium", "gpt2-medium", None, 16),
    Large {
        compile: Some(600.0),
        prove: Some(60.0),
        memory: Some(10 * GB),
        bytes: Some(80_000),
        verify: Some(2.0),
        ..decoder("llama", "llama-1.1b", None, 8)
    },
];

/// How many of [`MODELS`] are measured if none is named.
pub const USUAL: usize = MODELS.len() - 1;

const CREDIT: Large = Large {
    name: "credit-64",
    subject: Subject::Credit { samples: 64 },
    compile: None,
    prove: None,
    memory: None,
    bytes: None,
    verify: None,
};

/// What is run of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `pleat compile`.
    Compile,
    /// `pleat prove`.
    Prove,
    /// `pleat-verify`.
    Verify,
}

impl Program {
    /// In the order in which they need each other, with how often each is run.
    pub const RUNS: [(Self, usize); 3] = [(Self::Compile, 1), (Self::Prove, 3), (Self::Verify, 5)];

    /// Goes into the rows.
    #[must_use]
    pub const fn comparison(self) -> &'static str {
        match self {
            Self::Compile => "large-compile",
            Self::Prove => "large-prove",
            Self::Verify => "large-verify",
        }
    }

    /// As a user would say it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Compile => "pleat compile",
            Self::Prove => "pleat prove",
            Self::Verify => "pleat-verify",
        }
    }
}

/// What the programs may take: enough for a billion weights.
pub const LIMITS: Limits = Limits {
    time: Duration::from_secs(3_600),
    memory: 22 << 30,
    cores: None,
    lanes: true,
};

/// A model's files, in a folder that is gone afterwards.
#[derive(Debug)]
pub struct Bench<'a> {
    large: &'a Large,
    programs: [PathBuf; 2],
    folder: TempDir,
}

impl<'a> Bench<'a> {
    /// Makes the network, and the words that are proved.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn new(large: &'a Large, programs: [PathBuf; 2]) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir().map_err(BenchError::Io)?;
        if let Subject::Decoder {
            shape,
            layers,
            tokens,
        } = large.subject
        {
            let mut network = Network::named(shape).ok_or(BenchError::Empty)?;
            network.layers = layers.unwrap_or(network.layers);
            write(&network, 1, &folder.path().join("network")).map_err(BenchError::Io)?;
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let words = network.vocabulary() as u64;
            let ids: Vec<u64> = (0..tokens).map(|_| rng.next_u64() % words).collect();
            let data = serde_json::json!({ "input_data": [ids] });
            let file = folder.path().join("ids.json");
            std::fs::write(file, data.to_string()).map_err(BenchError::Io)?;
        }
        Ok(Self {
            large,
            programs,
            folder,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: Program) -> Command {
        let [pleat, verify] = &self.programs;
        let mut command = Command::new(if program == Program::Verify {
            verify
        } else {
            pleat
        });
        match (program, self.large.subject) {
            (Program::Compile, Subject::Decoder { tokens, .. }) => {
                command.arg("compile").arg(self.file("network"));
                command.args(["--tokens", &tokens.to_string()]);
                command.args(["--last", "1", "--best", "logits"]);
                command.arg("-o").arg(self.file("model"));
            }
            (Program::Compile, Subject::Credit { .. }) => {
                command.arg("compile").arg(testdata("credit_mlp.onnx"));
                command.arg("--calibration").arg(testdata("credit-300.npz"));
                command.arg("-o").arg(self.file("model"));
            }
            (Program::Prove, subject) => {
                command.arg("prove").arg(self.file("model.pleat"));
                match subject {
                    Subject::Decoder { .. } => {
                        command.arg("--input").arg(self.file("ids.json"));
                    }
                    Subject::Credit { samples } => {
                        command.arg("--input").arg(testdata("credit-300.npz"));
                        command.args(["--index", &format!("0..{samples}")]);
                        command.args(["--hide", "input", "--hide", "output"]);
                    }
                }
                command.arg("-o").arg(self.file("proof"));
            }
            (Program::Verify, subject) => {
                command.arg(self.file("model.vmodel"));
                command.arg(self.file("proof"));
                if let Subject::Credit { samples } = subject {
                    command.args(["--samples", &samples.to_string()]);
                }
            }
        }
        command.env("PLEAT_CACHE", self.file("cache"));
        command.args(["--json", "--quiet"]);
        command
    }

    /// Runs a program once; what it told as JSON besides.
    ///
    /// # Errors
    /// If it cannot be started. That it fails is an outcome.
    pub fn run(
        &self,
        program: Program,
        limits: Limits,
    ) -> Result<(Outcome<Usage>, Value), BenchError> {
        let told = self.file("told.json");
        let output = File::create(&told).map_err(BenchError::Io)?;
        let outcome = run_into(&mut self.command(program), limits, Stdio::from(output))?;
        let text = std::fs::read(&told).map_err(BenchError::Io)?;
        Ok((outcome, serde_json::from_slice(&text).unwrap_or_default()))
    }
}

/// What a compiler's JSON says about a network.
#[must_use]
pub fn facts(large: &Large, told: &Value) -> Facts {
    let number = |name: &str| {
        let n = told.get(name).and_then(Value::as_u64);
        n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    };
    let layers = match large.subject {
        Subject::Decoder { shape, layers, .. } => {
            layers.or_else(|| Network::named(shape).map(|n| n.layers))
        }
        Subject::Credit { .. } => None,
    };
    Facts {
        network: large.name.to_owned(),
        depth: layers.unwrap_or(0),
        width: None,
        rows: number("rows"),
        weights: number("parameters"),
        macs: number("macs"),
    }
}

/// Puts what a program told about itself into its row.
pub fn tell(row: &mut Row, told: &Value) {
    let seconds = |name: &str| told.get("seconds")?.get(name)?.as_f64();
    row.execute = seconds("execute");
    row.commit_trace = seconds("commit");
    row.fractions = seconds("fractions");
    row.claims = seconds("claims");
    row.contract = seconds("contract");
    row.lookup = seconds("lookup");
    row.open = seconds("open");
    row.opening = seconds("opening");
    row.fold = seconds("fold");
    row.verify = seconds("verify");
    if let Some(rows) = told.get("rows").and_then(Value::as_u64) {
        row.rows = usize::try_from(rows).ok();
    }
    let bytes = told.get("proof_bytes").and_then(Value::as_u64);
    row.proof_bytes = bytes.and_then(|n| usize::try_from(n).ok());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_shape_is_known_and_every_name_its_own() {
        let mut names: Vec<_> = MODELS.iter().map(|m| m.name).collect();
        for model in &MODELS {
            if let Subject::Decoder { shape, .. } = model.subject {
                assert!(Network::named(shape).is_some(), "{shape}");
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MODELS.len());
    }

    #[test]
    fn what_programs_tell_goes_into_rows() {
        let told = serde_json::json!({
            "rows": 7, "parameters": 9, "macs": 3, "proof_bytes": 11, "seconds": { "lookup": 0.5, "total": 1.0 }
        });
        let facts = facts(&MODELS[2], &told);
        assert_eq!((facts.depth, facts.rows, facts.weights), (12, 7, 9));
        let mut row = Row::default();
        tell(&mut row, &told);
        assert_eq!(
            (row.lookup, row.proof_bytes, row.fold),
            (Some(0.5), Some(11), None)
        );
    }
}
