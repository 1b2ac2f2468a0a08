//! The raw rows: one per run, in CSV, with where and when it was measured. A metric that is missing is empty, never 0; a run
//! that did not fit has a status that says so.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use pleat_prover::prove::Stage;
use serde::{Deserialize, Serialize};

use crate::BenchError;
use crate::child::{Outcome, Run, Usage};
use crate::measure::Facts;

/// Where and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// UTC, RFC 3339.
    pub date: String,
    /// Model of the processor.
    pub cpu_model: String,
    /// Logical processors that the program may use.
    pub cores: usize,
    /// Of the repository; with a `+` if the working tree differs from it.
    pub commit: String,
    /// Of the package.
    pub version: String,
}

impl Host {
    /// This machine, now.
    #[must_use]
    pub fn here() -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|l| l.strip_prefix("model name"));
        let model = model.map(|l| l.trim_start_matches([' ', '\t', ':']).to_owned());
        let now = DateTime::<Utc>::from(SystemTime::now());
        Self {
            date: now.to_rfc3339_opts(SecondsFormat::Secs, true),
            cpu_model: model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl Host {
    /// This machine, of which so many processors are used.
    #[must_use]
    pub fn with_cores(cores: Option<usize>) -> Self {
        let host = Self::here();
        Self {
            cores: cores.unwrap_or(host.cores),
            ..host
        }
    }
}

fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let folder = env!("CARGO_MANIFEST_DIR");
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(args)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    // Results may be written while this runs; they do not change the program.
    let changes = git(&[
        "status",
        "--porcelain",
        "--",
        "..",
        ":!../bench/results",
        ":!../docs",
    ])?;
    Some(if changes.is_empty() { hash } else { hash + "+" })
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// UTC, RFC 3339.
    pub date: String,
    /// See [`Host`].
    pub cpu_model: String,
    /// See [`Host`].
    pub cores: usize,
    /// See [`Host`].
    pub commit: String,
    /// See [`Host`]; of another system, its own version.
    pub version: String,
    /// What it is part of: `folding`, `growth-rows`, `processes-prove`, …
    pub comparison: String,
    /// What proved it.
    pub system: String,
    /// What was proved.
    pub network: String,
    /// Layers with weights.
    pub depth: usize,
    /// Features or channels of a layer.
    pub width: Option<usize>,
    /// Activations.
    pub rows: Option<usize>,
    /// Weights and biases.
    pub weights: Option<usize>,
    /// Multiplications of activations by weights.
    pub macs: Option<usize>,
    /// Constraints of the circuit.
    pub constraints: Option<usize>,
    /// From 1.
    pub repetition: usize,
    /// Seconds for parameters and keys.
    pub setup: Option<f64>,
    /// Seconds of wall time for proving; of whole processes, for everything.
    pub wall: Option<f64>,
    /// Seconds of CPU time, likewise.
    pub cpu: Option<f64>,
    /// Seconds of this stage, as the following.
    pub execute: Option<f64>,
    /// Row commitments of the trace.
    pub commit_trace: Option<f64>,
    /// LogUp fractions and their commitments.
    pub fractions: Option<f64>,
    /// Claims of every layer.
    pub claims: Option<f64>,
    /// First sumcheck.
    pub contract: Option<f64>,
    /// Second sumcheck.
    pub lookup: Option<f64>,
    /// Third sumcheck.
    pub open: Option<f64>,
    /// Inner-product argument of the columns.
    pub opening: Option<f64>,
    /// Folding of the steps; in the mode `tree`, the last proof too.
    pub fold: Option<f64>,
    /// Compressing, or proving the one instance; the mode `tree` has no such stage.
    pub compress: Option<f64>,
    /// Peak memory of the process.
    pub peak_bytes: Option<u64>,
    /// Length of the proof.
    pub proof_bytes: Option<usize>,
    /// Seconds for verifying.
    pub verify: Option<f64>,
    /// `ok`, `out of time`, `out of memory`, or `failed: …`.
    pub status: String,
}

/// [`Row::status`] of a run that was measured.
pub const OK: &str = "ok";
/// Of one that was stopped.
pub const OUT_OF_TIME: &str = "out of time";
/// Likewise.
pub const OUT_OF_MEMORY: &str = "out of memory";

impl Row {
    /// What is known of a run however it ends.
    fn begun(
        host: &Host,
        comparison: &str,
        system: &str,
        repetition: usize,
        facts: &Facts,
    ) -> Self {
        let known = |n: usize| (n > 0).then_some(n);
        Self {
            date: host.date.clone(),
            cpu_model: host.cpu_model.clone(),
            cores: host.cores,
            commit: host.commit.clone(),
            version: host.version.clone(),
            comparison: comparison.to_owned(),
            system: system.to_owned(),
            network: facts.network.clone(),
            depth: facts.depth,
            width: facts.width,
            rows: known(facts.rows),
            weights: known(facts.weights),
            macs: known(facts.macs),
            repetition,
            ..Self::default()
        }
    }

    /// The row of a run.
    #[must_use]
    pub fn new(host: &Host, comparison: &str, system: &str, repetition: usize, run: &Run) -> Self {
        let row = Self {
            constraints: run.constraints,
            status: status(&run.outcome),
            ..Self::begun(host, comparison, system, repetition, &run.facts)
        };
        let Outcome::Measured(measured) = &run.outcome else {
            return row;
        };
        let stage = |s: Stage| measured.stages.get(s.name()).copied();
        Self {
            setup: Some(measured.setup),
            wall: Some(measured.prove),
            cpu: Some(measured.prove_cpu),
            execute: stage(Stage::Execute),
            commit_trace: stage(Stage::Commit),
            fractions: stage(Stage::Fractions),
            claims: stage(Stage::Claims),
            contract: stage(Stage::Contract),
            lookup: stage(Stage::Lookup),
            open: stage(Stage::Open),
            opening: stage(Stage::Opening),
            fold: stage(Stage::Fold),
            compress: stage(Stage::Compress),
            peak_bytes: Some(measured.peak_bytes),
            proof_bytes: Some(measured.proof_bytes),
            verify: Some(measured.verify),
            ..row
        }
    }

    /// The row of a whole process.
    #[must_use]
    pub fn process(
        host: &Host,
        comparison: &str,
        system: &str,
        repetition: usize,
        facts: &Facts,
        outcome: &Outcome<Usage>,
    ) -> Self {
        let row = Self {
            status: status(outcome),
            ..Self::begun(host, comparison, system, repetition, facts)
        };
        let Outcome::Measured(usage) = outcome else {
            return row;
        };
        Self {
            wall: Some(usage.wall),
            cpu: Some(usage.cpu),
            peak_bytes: Some(usage.peak_bytes),
            ..row
        }
    }

    /// Whether it was measured.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == OK
    }

    /// Seconds in which the steps were folded and what was left of them was proved.
    #[must_use]
    pub fn folded(&self) -> Option<f64> {
        Some(self.fold? + self.compress.unwrap_or(0.0))
    }

    /// Seconds by stage, with its name.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, Option<f64>); 10] {
        let seconds = [
            self.execute,
            self.commit_trace,
            self.fractions,
            self.claims,
            self.contract,
            self.lookup,
            self.open,
            self.fold,
            self.opening,
            self.compress,
        ];
        let mut named = Stage::ALL.map(|s| (s.name(), None));
        for (to, from) in named.iter_mut().zip(seconds) {
            to.1 = from;
        }
        named
    }
}

/// A row's [`Row::status`].
fn status<M>(outcome: &Outcome<M>) -> String {
    match outcome {
        Outcome::Measured(_) => OK.to_owned(),
        Outcome::OutOfTime => OUT_OF_TIME.to_owned(),
        Outcome::OutOfMemory => OUT_OF_MEMORY.to_owned(),
        Outcome::Failed(error) => format!("failed: {error}"),
    }
}

/// Reads a file of rows; a file that is not there has none.
///
/// # Errors
/// If it cannot be read, or is not a file of rows.
pub fn read(file: &Path) -> Result<Vec<Row>, BenchError> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let mut reader = csv::Reader::from_path(file)?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

/// Appends a row, so that nothing measured is lost when a later run goes wrong.
///
/// # Errors
/// If it cannot be written.
pub fn append(file: &Path, row: &Row) -> Result<(), BenchError> {
    let fresh = !file.exists();
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(BenchError::Io)?;
    }
    let open = OpenOptions::new().append(true).create(true).open(file);
    let mut writer = csv::WriterBuilder::new()
        .has_headers(fresh)
        .from_writer(open.map_err(BenchError::Io)?);
    writer.serialize(row)?;
    writer.flush().map_err(BenchError::Io)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::measure::{Facts, Measured};

    fn run(outcome: Outcome) -> Run {
        let facts = Facts {
            network: "dense 4".into(),
            depth: 2,
            width: Some(4),
            rows: 12,
            weights: 40,
            macs: 32,
        };
        Run {
            facts,
            constraints: Some(5),
            outcome,
        }
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("rows.csv");
        assert_eq!(read(&file).unwrap(), []);
        let measured = Measured {
            prove: 1.5,
            stages: [("fold".to_owned(), 1.25)].into(),
            ..Measured::default()
        };
        let host = Host::here();
        assert!(host.cores > 0 && host.date.ends_with('Z'));
        let rows = [
            Row::new(
                &host,
                "folding",
                "tree",
                1,
                &run(Outcome::Measured(measured)),
            ),
            Row::new(&host, "folding", "tree", 2, &run(Outcome::OutOfTime)),
            Row::new(
                &host,
                "folding",
                "tree",
                3,
                &run(Outcome::Failed("a, \"b\"".into())),
            ),
        ];
        for row in &rows {
            append(&file, row).unwrap();
        }
        assert_eq!(read(&file).unwrap(), rows);
        let [first, second, _] = rows;
        assert_eq!(
            (first.fold, first.wall, first.open),
            (Some(1.25), Some(1.5), None)
        );
        let named = first.stages().into_iter().filter(|s| s.1.is_some());
        assert_eq!(named.collect::<Vec<_>>(), [("fold", Some(1.25))]);
        assert!(first.is_ok() && !second.is_ok());
        assert_eq!((second.wall, second.constraints), (None, Some(5)));
    }

    #[test]
    fn a_process_has_no_metrics_but_its_own() {
        let usage = Usage {
            wall: 0.25,
            cpu: 0.4,
            peak_bytes: 1 << 20,
        };
        let row = |outcome| {
            let facts = Facts::default();
            Row::process(
                &Host::here(),
                "processes-prove",
                "tree",
                1,
                &facts,
                &outcome,
            )
        };
        let used = row(Outcome::Measured(usage));
        assert_eq!((used.wall, used.cpu), (Some(0.25), Some(0.4)));
        assert_eq!(
            (used.verify, used.proof_bytes, used.setup),
            (None, None, None)
        );
        let failed = row(Outcome::Failed("exit status: 1: why".into()));
        assert_eq!(failed.status, "failed: exit status: 1: why");
        assert_eq!(failed.wall, None);
    }
}
