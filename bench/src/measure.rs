//! What is measured of one run, in a process of its own: wall and CPU time, peak memory, and the length of the proof.

use std::collections::BTreeMap;
use std::time::Instant;

use pleat_prover::prove::{Stage, Timings};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::BenchError;

/// Verification is timed so often, and the median counts.
const VERIFICATIONS: usize = 3;

/// What is known of a network without running it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What the network is called.
    pub network: String,
    /// Layers with weights.
    pub depth: usize,
    /// Features or channels of a layer; nothing if layers differ.
    pub width: Option<usize>,
    /// Activations, the input's included.
    pub rows: usize,
    /// Weights and biases.
    pub weights: usize,
    /// Multiplications of activations by weights.
    pub macs: usize,
}

/// What a run tells while it lasts, so that something is known of a run that does not end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// About the network.
    Facts(Facts),
    /// Constraints of the circuit: of a step's with Nova's own part, or of the whole.
    Constraints(usize),
    /// What it is doing.
    Doing(String),
    /// The run is over.
    Measured(Measured),
}

/// What was measured. Times are in seconds, lengths in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Wall time of deriving or loading parameters and keys, once per circuit.
    pub setup: f64,
    /// Wall time of proving, with setup done.
    pub prove: f64,
    /// CPU time of the same, of all threads together.
    pub prove_cpu: f64,
    /// Wall time by [`Stage::name`].
    pub stages: BTreeMap<String, f64>,
    /// Wall time of verifying, with keys derived.
    pub verify: f64,
    /// The proof.
    pub proof_bytes: usize,
    /// The most memory that the process has had.
    pub peak_bytes: u64,
}

/// Measures one run.
pub struct Meter<'e> {
    measured: Measured,
    report: &'e mut dyn FnMut(Event),
}

impl<'e> Meter<'e> {
    /// Nothing is measured yet.
    pub fn new(report: &'e mut dyn FnMut(Event)) -> Self {
        Self {
            measured: Measured::default(),
            report,
        }
    }

    /// Tells about the network.
    pub fn facts(&mut self, facts: Facts) {
        (self.report)(Event::Facts(facts));
    }

    /// Tells the size of the circuit.
    pub fn constraints(&mut self, constraints: usize) {
        (self.report)(Event::Constraints(constraints));
    }

    /// Parameters and keys.
    pub fn setup<T>(&mut self, run: impl FnOnce() -> T) -> T {
        (self.report)(Event::Doing("setup".to_owned()));
        let start = Instant::now();
        let result = run();
        self.measured.setup += start.elapsed().as_secs_f64();
        result
    }

    /// A part of proving.
    pub fn prove<T>(&mut self, run: impl FnOnce() -> T) -> T {
        (self.report)(Event::Doing("prove".to_owned()));
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let result = run();
        self.measured.prove_cpu += cpu_seconds() - cpu;
        self.measured.prove += start.elapsed().as_secs_f64();
        result
    }

    /// A part of proving that is a stage of its own.
    pub fn stage<T>(&mut self, stage: Stage, run: impl FnOnce() -> T) -> T {
        let before = self.measured.prove;
        let result = self.prove(run);
        let elapsed = self.measured.prove - before;
        *self
            .measured
            .stages
            .entry(stage.name().to_owned())
            .or_default() += elapsed;
        result
    }

    /// Stages that the prover timed itself.
    pub fn timings(&mut self, timings: &Timings) {
        for (stage, elapsed) in timings.stages() {
            let name = stage.name().to_owned();
            self.measured.stages.insert(name, elapsed.as_secs_f64());
        }
    }

    /// Verifies some times.
    ///
    /// # Errors
    /// The verifier's.
    pub fn verify<E>(&mut self, run: impl Fn() -> Result<(), E>) -> Result<(), E> {
        (self.report)(Event::Doing("verify".to_owned()));
        let mut times = Vec::with_capacity(VERIFICATIONS);
        for _ in 0..VERIFICATIONS {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed().as_secs_f64());
        }
        self.measured.verify = median(&times).unwrap_or_default();
        Ok(())
    }

    /// The run is over.
    ///
    /// # Errors
    /// If the system does not tell how much memory was used.
    pub fn finish(&mut self, proof_bytes: usize) -> Result<Measured, BenchError> {
        self.measured.proof_bytes = proof_bytes;
        self.measured.peak_bytes = memory("self", "VmHWM").ok_or(BenchError::Memory)?;
        Ok(self.measured.clone())
    }
}

/// CPU time of this process so far, user and system, of all threads.
#[must_use]
pub fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A line of `/proc/PROCESS/status` in bytes: `VmHWM`, the peak, or `VmRSS`, the present use.
#[must_use]
pub fn memory(process: &str, line: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The middle value, or the mean of the two in the middle; nothing of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let high = *sorted.get(middle)?;
    if sorted.len().is_multiple_of(2) {
        Some((sorted.get(middle.checked_sub(1)?)? + high) / 2.0)
    } else {
        Some(high)
    }
}
