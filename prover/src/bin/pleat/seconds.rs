//! Wall time by stage.

use std::fmt::Write;
use std::time::Instant;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::memory::peak_rss_bytes;

/// Wall time by stage, in order; as JSON an object with a `total` of everything since it was started.
#[derive(Clone, Debug)]
pub struct StageSeconds {
    start: Instant,
    stages: Vec<(String, f64)>,
    total: f64,
}

impl StageSeconds {
    /// The clock starts.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            stages: Vec::new(),
            total: 0.0,
        }
    }

    /// Runs one stage.
    pub fn time<T>(&mut self, name: &str, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = run();
        self.push(name, start.elapsed().as_secs_f64());
        result
    }

    /// Adds a stage that was timed elsewhere.
    pub fn push(&mut self, name: &str, seconds: f64) {
        self.stages.push((name.to_owned(), seconds));
        self.total = self.start.elapsed().as_secs_f64();
    }

    /// Time until the end of the last stage.
    pub const fn total(&self) -> f64 {
        self.total
    }

    /// Sum over stages whose name is not in `names`.
    pub fn without(&self, names: &[&str]) -> f64 {
        let others = self
            .stages
            .iter()
            .filter(|(n, _)| !names.contains(&n.as_str()));
        others.map(|(_, s)| s).sum()
    }

    /// The timing table.
    pub fn table(&self) -> String {
        let width = self.stages.iter().map(|(n, _)| n.len()).max().unwrap_or(0);
        let width = width.max("total".len());
        let mut table = String::new();
        for (name, seconds) in &self.stages {
            let share = if self.total > 0.0 {
                100.0 * seconds / self.total
            } else {
                0.0
            };
            // Writing to a string cannot fail.
            let _ = writeln!(table, "  {name:width$} {seconds:9.3} s {share:5.1} %");
        }
        let _ = write!(table, "  {:width$} {:9.3} s", "total", self.total);
        if let Some(bytes) = peak_rss_bytes() {
            let _ = write!(table, "   peak memory {} MiB", bytes >> 20);
        }
        table
    }
}

impl Serialize for StageSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.stages.len() + 1))?;
        for (name, seconds) in &self.stages {
            map.serialize_entry(name, seconds)?;
        }
        map.serialize_entry("total", &self.total)?;
        map.end()
    }
}
