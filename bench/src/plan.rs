//! Which networks are measured, how often, and by which systems.

use std::time::Duration;

use crate::child::Limits;
use crate::job::{Job, Subject, System};
use crate::nets::Shape;

/// Depths of the comparison of Pleat with everything else.
pub const DEPTHS: [usize; 5] = [1, 4, 16, 64, 256];

/// Systems that are compared with one another.
pub const SYSTEMS: [System; 5] = [
    System::Tree,
    System::Chain,
    System::Clear,
    System::Folding,
    System::Monolithic,
];

/// Pleat's modes.
pub const MODES: [System; 2] = [System::Tree, System::Chain];

/// Networks that are compared: two whose layers are about as large as Nova's own part of a step, and the shape of Zator's network.
pub const SHAPES: [Shape; 3] = [
    DENSE_16,
    Shape::Conv {
        channels: 2,
        side: 8,
    },
    Shape::Conv {
        channels: 2,
        side: 28,
    },
];

/// Those of [`SHAPES`] that are compared on one core, too.
pub const ONE_CORE_SHAPES: usize = 2;

/// The network on which [`RATIOS`] are measured.
const DENSE_16: Shape = Shape::Dense {
    batch: 1,
    width: 16,
};

/// What a run may take unless the caller says otherwise: enough to show where the systems that are compared lose.
pub const COMPARED: Limits = Limits {
    time: Duration::from_secs(60),
    memory: 10 << 30,
    cores: None,
    lanes: true,
};

/// Likewise where Pleat is measured by itself.
pub const ALONE: Limits = Limits {
    time: Duration::from_secs(900),
    memory: 20 << 30,
    cores: None,
    lanes: true,
};

/// A job that is run some times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What is run.
    pub job: Job,
    /// How often.
    pub repetitions: usize,
}

/// Networks in ascending size. Those of one round are run in turn, A B A B, so that whatever else the machine does meets all of
/// them. A system that does not fit its limits in one round takes no part in the later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Goes into the rows.
    pub comparison: &'static str,
    /// In ascending size.
    pub rounds: Vec<Vec<Turn>>,
}

impl Series {
    /// Runs, if all of them fit.
    #[must_use]
    pub fn runs(&self) -> usize {
        let turns = self.rounds.iter().flatten();
        turns.map(|turn| turn.repetitions).sum()
    }
}

/// How often a system is run in the comparison with others, of which there is one long run each.
const fn compared_repetitions(system: System) -> usize {
    match system {
        System::Tree | System::Chain | System::Clear => 3,
        _ => 1,
    }
}

/// One series for each network, one round for each depth; `repetitions` of each job, or of short ones three and of long ones one.
#[must_use]
pub fn folding(
    shapes: &[Shape],
    systems: &[System],
    depths: &[usize],
    repetitions: Option<usize>,
) -> Vec<Series> {
    let turn = |shape: Shape, depth: usize, system: System| Turn {
        job: Job {
            subject: Subject::Uniform { shape, depth },
            system,
        },
        repetitions: repetitions.unwrap_or_else(|| compared_repetitions(system)),
    };
    let round = |shape: Shape, depth: usize| {
        let turns = systems.iter().map(|system| turn(shape, depth, *system));
        turns.collect()
    };
    let series = |shape: &Shape| Series {
        comparison: "folding",
        rounds: depths.iter().map(|depth| round(*shape, *depth)).collect(),
    };
    shapes.iter().map(series).collect()
}

/// Pleat on networks that grow in rows, in weights, or in layers.
#[must_use]
pub fn growth(systems: &[System], repetitions: usize) -> Vec<Series> {
    let dense = |batch, width| Subject::Uniform {
        shape: Shape::Dense { batch, width },
        depth: 4,
    };
    let deep = |depth| Subject::Deep { depth };
    let series = |comparison, subjects: Vec<Subject>| Series {
        comparison,
        rounds: (subjects.into_iter())
            .map(|subject| round(subject, systems, repetitions))
            .collect(),
    };
    let rows = [16, 64, 256, 1024, 4096].map(|n| dense(n, 64));
    let weights = [128, 256, 512, 1024, 2048, 4096].map(|n| dense(1, n));
    // 512 layers are one of the quoted networks.
    let layers = [2, 8, 32, 128].map(deep);
    vec![
        series("growth-rows", rows.to_vec()),
        series("growth-weights", weights.to_vec()),
        series("growth-layers", layers.to_vec()),
    ]
}

fn round(subject: Subject, systems: &[System], repetitions: usize) -> Vec<Turn> {
    let turn = |system: &System| Turn {
        job: Job {
            subject,
            system: *system,
        },
        repetitions,
    };
    systems.iter().map(turn).collect()
}

/// What one mode is held to on a network: medians may not be larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Loading the parameters and proving, in seconds.
    pub prove: Option<f64>,
    /// Verifying with loaded parameters, in seconds.
    pub verify: f64,
    /// Length of the proof.
    pub proof_bytes: usize,
    /// Peak memory.
    pub peak_bytes: u64,
}

/// What Pleat is held to on a network. Ratios are between medians of the same measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The network.
    pub subject: Subject,
    /// Of the mode `tree`.
    pub tree: Bounds,
    /// Of the mode `chain`.
    pub chain: Bounds,
    /// The most that `tree` may take to verify, as a part of what `chain` takes.
    pub verify_ratio: Option<f64>,
    /// Likewise for all of `pleat prove`.
    pub process_ratio: f64,
    /// The most seconds that all of `pleat-verify` may take without a cache, in the mode `tree`.
    pub uncached: Option<f64>,
}

impl Limit {
    /// Those of one of [`MODES`].
    #[must_use]
    pub const fn bounds(&self, system: System) -> &Bounds {
        match system {
            System::Chain => &self.chain,
            _ => &self.tree,
        }
    }
}

/// The most seconds that `pleat demo` may take on an empty cache.
pub const DEMO: f64 = 5.0;

const MB: u64 = 1_000_000;

/// The networks that are quoted, with their limits on two cores.
pub const MODELS: [Limit; 4] = [
    Limit {
        subject: Subject::Credit,
        tree: Bounds {
            prove: None,
            verify: 0.04,
            proof_bytes: 8_200,
            peak_bytes: 700 * MB,
        },
        chain: Bounds {
            prove: Some(4.0),
            verify: 0.20,
            proof_bytes: 14_460,
            peak_bytes: 700 * MB,
        },
        verify_ratio: Some(0.33),
        process_ratio: 0.2,
        uncached: Some(0.15),
    },
    Limit {
        subject: Subject::Mnist,
        tree: Bounds {
            prove: None,
            verify: 0.04,
            proof_bytes: 9_200,
            peak_bytes: 700 * MB,
        },
        chain: Bounds {
            prove: Some(5.0),
            verify: 0.20,
            proof_bytes: 15_232,
            peak_bytes: 700 * MB,
        },
        verify_ratio: Some(0.33),
        process_ratio: 0.28,
        uncached: Some(0.15),
    },
    Limit {
        subject: Subject::Deep { depth: 512 },
        tree: Bounds {
            prove: None,
            verify: 0.50,
            proof_bytes: 13_800,
            peak_bytes: 2_000 * MB,
        },
        chain: Bounds {
            prove: Some(30.0),
            verify: 0.50,
            proof_bytes: 19_008,
            peak_bytes: 2_000 * MB,
        },
        verify_ratio: None,
        process_ratio: 0.36,
        uncached: None,
    },
    Limit {
        subject: Subject::Uniform {
            shape: Shape::Dense {
                batch: 1,
                width: 4096,
            },
            depth: 4,
        },
        tree: Bounds {
            prove: None,
            verify: 1.0,
            proof_bytes: 43_000,
            peak_bytes: 6_000 * MB,
        },
        chain: Bounds {
            prove: Some(20.0),
            verify: 1.0,
            proof_bytes: 47_736,
            peak_bytes: 6_000 * MB,
        },
        verify_ratio: None,
        process_ratio: 0.5,
        uncached: None,
    },
];

/// The networks of [`MODELS`], one after the other, in both modes.
#[must_use]
pub fn models(repetitions: usize) -> Vec<Series> {
    let series = |limit: &Limit| Series {
        comparison: "models",
        rounds: vec![round(limit.subject, &MODES, repetitions)],
    };
    MODELS.iter().map(series).collect()
}

/// What `tree` may take to prove, as a part of what another system takes on the same network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The network.
    pub shape: Shape,
    /// Its layers.
    pub depth: usize,
    /// The other system.
    pub against: System,
    /// At most.
    pub most: f64,
}

const fn dense_16(depth: usize, against: System, most: f64) -> Ratio {
    Ratio {
        shape: DENSE_16,
        depth,
        against,
        most,
    }
}

/// What `tree` is held to in the comparison with others.
pub const RATIOS: [Ratio; 4] = [
    dense_16(4, System::Chain, 0.2),
    dense_16(4, System::Clear, 1.6),
    dense_16(256, System::Chain, 0.2),
    dense_16(256, System::Clear, 1.6),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_modes_take_turns() {
        let series = models(5);
        assert_eq!(series.len(), MODELS.len());
        for series in series {
            assert_eq!(series.runs(), 10);
            let systems: Vec<_> = series
                .rounds
                .iter()
                .flatten()
                .map(|t| t.job.system)
                .collect();
            assert_eq!(systems, MODES);
        }
    }

    #[test]
    fn the_ratios_are_of_what_is_compared() {
        for ratio in RATIOS {
            assert!(SHAPES.contains(&ratio.shape) && DEPTHS.contains(&ratio.depth));
            assert!(SYSTEMS.contains(&ratio.against));
        }
        let series = folding(&SHAPES, &SYSTEMS, &DEPTHS, None);
        assert_eq!((series.len(), series[0].runs()), (3, 5 * 11));
        assert_eq!(folding(&SHAPES, &SYSTEMS, &DEPTHS, Some(2))[0].runs(), 50);
    }
}
