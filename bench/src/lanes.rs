//! What vectors of eight field elements save: the same program with and without them, in turn, and what it is held to.

use crate::child::Limits;
use crate::job::Subject;
use crate::nets::Shape;
use crate::rows::Row;
use crate::summary::Metric;

/// One side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Without them, as on every other processor.
    Plain,
    /// With them.
    Lanes,
}

impl Side {
    /// Those that take turns.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Lanes];

    /// Goes into the rows.
    #[must_use]
    pub const fn comparison(self) -> &'static str {
        match self {
            Self::Plain => "lanes-off",
            Self::Lanes => "lanes-on",
        }
    }

    /// These limits for a process of this side.
    #[must_use]
    pub const fn of(self, limits: Limits) -> Limits {
        Limits {
            lanes: matches!(self, Self::Lanes),
            ..limits
        }
    }
}

/// A network, and what proving it may take on two cores with the lanes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The network.
    pub subject: Subject,
    /// At most, of what it takes without.
    pub ratio: Option<f64>,
    /// At most, in seconds.
    pub seconds: Option<f64>,
}

/// Networks that are proved by `pleat prove`, as whole processes.
pub const PROCESSES: [Bound; 4] = [
    Bound {
        subject: Subject::Credit,
        ratio: Some(0.6),
        seconds: Some(0.2),
    },
    Bound {
        subject: Subject::Mnist,
        ratio: Some(0.6),
        seconds: Some(0.3),
    },
    Bound {
        subject: Subject::Deep { depth: 512 },
        ratio: Some(0.5),
        seconds: Some(1.8),
    },
    Bound {
        subject: Subject::Uniform {
            shape: Shape::Dense {
                batch: 1,
                width: 4096,
            },
            depth: 4,
        },
        ratio: None,
        seconds: Some(0.9),
    },
];

/// More than four million rows, of which stages are timed.
pub const ROWS: Bound = Bound {
    subject: Subject::Deep { depth: 2_680 },
    ratio: Some(0.4),
    seconds: None,
};

/// Runs of [`ROWS`] on each side, which are long.
pub const ROWS_RUNS: usize = 3;

/// Seconds in which rows were committed to and looked up.
pub const COMMITTED: Metric = |row: &Row| Some(row.commit_trace? + row.fractions? + row.lookup?);
