//! Counts, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::memory::peak_rss_bytes;
use crate::service::jobs::Counts;
use crate::service::models::lock;

/// What happened since the server was started.
#[derive(Default)]
pub struct Metrics {
    answers: Mutex<BTreeMap<u16, u64>>,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
    proofs: AtomicU64,
    failed: AtomicU64,
    micros: AtomicU64,
}

impl Metrics {
    /// A response was sent.
    pub fn answered(&self, status: u16) {
        *lock(&self.answers).entry(status).or_default() += 1;
    }

    /// A request was refused.
    pub fn rejected(&self, kind: &'static str) {
        *lock(&self.rejected).entry(kind).or_default() += 1;
    }

    /// A job ended.
    pub fn worked(&self, proved: bool, took: Duration) {
        let count = if proved { &self.proofs } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The text.
    pub fn text(&self, jobs: Counts, limit: usize) -> String {
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        };
        let plain = |value: f64| vec![(String::new(), value)];
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        let states = [
            ("queued", jobs.queued),
            ("running", jobs.running),
            ("done", jobs.done),
            ("failed", jobs.failed),
        ];
        let states = states.map(|(state, n)| (format!("{{state=\"{state}\"}}"), n as f64));
        family(
            "pleat_jobs",
            "gauge",
            "Jobs that are kept, by state.",
            &states,
        );
        family(
            "pleat_queue_limit",
            "gauge",
            "Jobs that may wait.",
            &plain(limit as f64),
        );
        family(
            "pleat_proofs_total",
            "counter",
            "Proofs that were made.",
            &plain(load(&self.proofs)),
        );
        family(
            "pleat_jobs_failed_total",
            "counter",
            "Jobs that ended with an error.",
            &plain(load(&self.failed)),
        );
        family(
            "pleat_job_seconds_total",
            "counter",
            "Time that workers spent on jobs.",
            &plain(load(&self.micros) / 1e6),
        );
        let answers: Vec<(String, f64)> = lock(&self.answers)
            .iter()
            .map(|(status, n)| (format!("{{status=\"{status}\"}}"), *n as f64))
            .collect();
        family(
            "pleat_http_responses_total",
            "counter",
            "Responses by status.",
            &answers,
        );
        let rejected: Vec<(String, f64)> = lock(&self.rejected)
            .iter()
            .map(|(kind, n)| (format!("{{reason=\"{kind}\"}}"), *n as f64))
            .collect();
        family(
            "pleat_rejected_total",
            "counter",
            "Requests that were refused, by the kind of the error.",
            &rejected,
        );
        if let Some(bytes) = peak_rss_bytes() {
            family(
                "pleat_peak_memory_bytes",
                "gauge",
                "The most memory that the process has had.",
                &plain(bytes as f64),
            );
        }
        out
    }
}
