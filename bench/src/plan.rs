//! Which networks are measured, how often, and by which systems.

use std::time::Duration;

use crate::child::Limits;
use crate::job::{Job, Subject, System};
use crate::nets::Shape;

/// Depths of the comparison of folding with everything else.
pub const DEPTHS: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// Systems that are compared with one another.
pub const SYSTEMS: [System; 5] = [
    System::Tree,
    System::Chain,
    System::Clear,
    System::Folding,
    System::Monolithic,
];

/// Networks that are compared: two whose layers are about as large as Nova's own part of a step, and the shape of Zator's network.
pub const SHAPES: [Shape; 3] = [
    Shape::Dense {
        batch: 1,
        width: 16,
    },
    Shape::Conv {
        channels: 2,
        side: 8,
    },
    Shape::Conv {
        channels: 2,
        side: 28,
    },
];

/// What a run may take unless the caller says otherwise: enough to show where the systems that are compared lose.
pub const COMPARED: Limits = Limits {
    time: Duration::from_secs(120),
    memory: 10 << 30,
};

/// Likewise where Pleat is measured by itself.
pub const ALONE: Limits = Limits {
    time: Duration::from_secs(900),
    memory: 20 << 30,
};

/// Jobs of one network and system, in ascending size: when one does not fit its limits, those after it do not either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Goes into the rows.
    pub comparison: &'static str,
    /// In ascending size.
    pub jobs: Vec<Job>,
}

/// One series for each network and system.
#[must_use]
pub fn folding(shapes: &[Shape], systems: &[System], depths: &[usize]) -> Vec<Series> {
    let series = |shape: Shape, system: System| Series {
        comparison: "folding",
        jobs: depths
            .iter()
            .map(|depth| Job {
                subject: Subject::Uniform {
                    shape,
                    depth: *depth,
                },
                system,
            })
            .collect(),
    };
    let of = |shape: &Shape| {
        let shape = *shape;
        systems.iter().map(move |system| series(shape, *system))
    };
    shapes.iter().flat_map(of).collect()
}

/// Pleat on networks that grow in rows, in weights, or in layers.
#[must_use]
pub fn growth() -> Vec<Series> {
    let dense = |batch, width| Subject::Uniform {
        shape: Shape::Dense { batch, width },
        depth: 4,
    };
    let series = |comparison, subjects: Vec<Subject>| Series {
        comparison,
        jobs: subjects
            .into_iter()
            .map(|subject| Job {
                subject,
                system: System::Tree,
            })
            .collect(),
    };
    vec![
        series(
            "growth-rows",
            [16, 64, 256, 1024, 4096].map(|n| dense(n, 64)).to_vec(),
        ),
        series(
            "growth-weights",
            [128, 256, 512, 1024, 2048, 4096]
                .map(|n| dense(1, n))
                .to_vec(),
        ),
        series(
            "growth-layers",
            [2, 8, 32, 128, 512]
                .map(|depth| Subject::Deep { depth })
                .to_vec(),
        ),
    ]
}

/// What Pleat is held to on a network: medians may not be larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The network.
    pub subject: Subject,
    /// Loading the parameters and proving, in seconds.
    pub prove: f64,
    /// Verifying with loaded parameters, in seconds.
    pub verify: f64,
    /// Length of the proof.
    pub proof_bytes: usize,
    /// Peak memory.
    pub peak_bytes: u64,
}

const MB: u64 = 1_000_000;

/// The networks that are quoted, with their limits on two cores.
pub const MODELS: [Limit; 4] = [
    Limit {
        subject: Subject::Credit,
        prove: 4.0,
        verify: 0.20,
        proof_bytes: 16_000,
        peak_bytes: 700 * MB,
    },
    Limit {
        subject: Subject::Mnist,
        prove: 5.0,
        verify: 0.20,
        proof_bytes: 16_000,
        peak_bytes: 700 * MB,
    },
    Limit {
        subject: Subject::Deep { depth: 512 },
        prove: 30.0,
        verify: 0.50,
        proof_bytes: 20_000,
        peak_bytes: 2_000 * MB,
    },
    Limit {
        subject: Subject::Uniform {
            shape: Shape::Dense {
                batch: 1,
                width: 4096,
            },
            depth: 4,
        },
        prove: 20.0,
        verify: 1.0,
        proof_bytes: 50_000,
        peak_bytes: 6_000 * MB,
    },
];

/// The networks of [`MODELS`].
#[must_use]
pub fn models() -> Vec<Series> {
    let series = |limit: &Limit| Series {
        comparison: "models",
        jobs: vec![Job {
            subject: limit.subject,
            system: System::Tree,
        }],
    };
    MODELS.iter().map(series).collect()
}
