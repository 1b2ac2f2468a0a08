//! One proof, from integers to bytes: runs all stages in order and says how long each took.
//!
//! Stages are `tracing` spans named after the protocol; [`Timings`] adds up the same intervals for callers that want numbers
//! rather than a subscriber.

use std::time::{Duration, Instant};

use pleat_nova_circuits::params::{self, Parameters};
use pleat_verifier::descriptor::Port;
use pleat_verifier::error::VerifyError;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Proof, PublicValues};
use rand_core::CryptoRngCore;
use thiserror::Error;
use tracing::info_span;

use crate::columns::Columns;
use crate::execute::{ExecuteError, Trace, block_values, execute};
use crate::model::ProvingModel;
use crate::opening::PrivateOpenings;
use crate::stages::Traced;

/// How often a proof starts again because a LogUp denominator was zero; each has probability about `2^-230`.
const ATTEMPTS: usize = 4;

/// A stage of proving, as progress bars and timing tables name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Integer inference.
    Execute,
    /// Row commitments of the trace, and `α, β`.
    Commit,
    /// LogUp fractions and their commitments.
    Fractions,
    /// The claims of every layer, and CONTRACT's tables.
    Claims,
    /// First sumcheck.
    Contract,
    /// Second sumcheck.
    Lookup,
    /// Third sumcheck.
    Open,
    /// The inner-product argument that opens the columns.
    Opening,
    /// Nova steps.
    Fold,
    /// The compressing SNARK.
    Compress,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 10] = [
        Self::Execute,
        Self::Commit,
        Self::Fractions,
        Self::Claims,
        Self::Contract,
        Self::Lookup,
        Self::Open,
        Self::Opening,
        Self::Fold,
        Self::Compress,
    ];

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Commit => "commit",
            Self::Fractions => "fractions",
            Self::Claims => "claims",
            Self::Contract => "contract",
            Self::Lookup => "lookup",
            Self::Open => "open",
            Self::Opening => "opening",
            Self::Fold => "fold",
            Self::Compress => "compress",
        }
    }
}

/// What a caller hears while a proof is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A stage begins.
    Start(Stage),
    /// So many Nova steps of so many are folded.
    Folded(usize, usize),
}

/// Wall time by stage.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    stages: Vec<(Stage, Duration)>,
}

impl Timings {
    /// Stages in the order in which they ran, each once.
    pub fn stages(&self) -> &[(Stage, Duration)] {
        &self.stages
    }

    /// Sum over all stages.
    pub fn total(&self) -> Duration {
        self.stages.iter().map(|(_, d)| *d).sum()
    }

    fn add(&mut self, stage: Stage, elapsed: Duration) {
        match self.stages.iter_mut().find(|(s, _)| *s == stage) {
            Some((_, total)) => *total += elapsed,
            None => self.stages.push((stage, elapsed)),
        }
    }
}

/// Why no proof was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The network does not run on this input.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// Nova failed.
    #[error(transparent)]
    Nova(#[from] pleat_nova_circuits::Error),
    /// The opening failed.
    #[error(transparent)]
    Opening(#[from] VerifyError),
    /// Randomness is broken: a denominator was zero several times in a row.
    #[error(
        "LogUp denominators were zero {ATTEMPTS} times in a row; the source of randomness is broken"
    )]
    Randomness,
}

/// Which inputs and outputs a proof shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// Show the inputs.
    pub inputs: bool,
    /// Show the outputs.
    pub outputs: bool,
}

/// A proof and what the prover keeps.
pub struct Proved {
    /// The proof.
    pub proof: Proof,
    /// Integers of each output, row-major, shown or not.
    pub outputs: Vec<Vec<i32>>,
    /// Values and blinds of all inputs and outputs: secret.
    pub openings: PrivateOpenings,
    /// Wall time by stage.
    pub timings: Timings,
}

/// Keys of one model's proofs.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Nova's parameters, shared by all models.
    pub nova: &'a Parameters,
    /// Generators for the model's `κ`.
    pub opening: &'a OpeningKey,
}

/// Runs the network on quantized inputs (one list per input, row-major over the true shape) and proves the run.
///
/// # Errors
/// If a value leaves its range, or Nova fails.
pub fn prove(
    model: &ProvingModel,
    keys: Keys<'_>,
    inputs: &[Vec<i32>],
    visibility: Visibility,
    rng: &mut impl CryptoRngCore,
    on_event: &mut dyn FnMut(Event),
) -> Result<Proved, ProveError> {
    let mut clock = Clock {
        timings: Timings::default(),
        on_event,
    };
    let network = model.network();
    let trace = clock.time(Stage::Execute, || execute(network, model.weights(), inputs))?;
    let ports = |ports: &[Port]| -> Vec<Vec<i32>> {
        ports
            .iter()
            .map(|p| block_values(network, p.node, &trace.y))
            .collect()
    };
    let outputs = ports(&network.descriptor().outputs);
    let shown =
        |show: bool, values: Vec<Vec<i32>>| values.into_iter().map(move |v| show.then_some(v));
    let public = shown(visibility.inputs, ports(&network.descriptor().inputs))
        .chain(shown(visibility.outputs, outputs.clone()));
    let public = PublicValues::new(public.collect());

    let fixed = {
        let mut trace = Some(trace);
        let mut attempt = 0;
        loop {
            let again: Trace = match trace.take() {
                Some(trace) => trace,
                None => execute(network, model.weights(), inputs)?,
            };
            let committed = clock.time(Stage::Commit, || {
                let traced = Traced::new(model, Columns::new(network, again), public.clone(), rng);
                traced.commit(keys.opening, &keys.nova.digest())
            });
            let fixed = clock.time(Stage::Fractions, || {
                committed.fractions().map(|f| f.commit(keys.opening))
            });
            attempt += 1;
            match fixed {
                Some(fixed) => break fixed,
                None if attempt < ATTEMPTS => {}
                None => return Err(ProveError::Randomness),
            }
        }
    };
    let openings = PrivateOpenings::new(&fixed.0);
    let contracting = clock.time(Stage::Claims, || fixed.claims().bind());
    let looking_up = clock.time(Stage::Contract, || contracting.run(rng).bind());
    let looked_up = clock.time(Stage::Lookup, || looking_up.run(rng));
    let opened = clock.time(Stage::Open, || looked_up.bind().run(rng));
    let steps = opened.steps();
    let messages = clock.time(Stage::Opening, || opened.open(keys.opening))?;

    let total = steps.steps.len();
    let folded = clock.time_with(Stage::Fold, |on_event| {
        let _span = info_span!("fold").entered();
        params::fold(keys.nova, &steps.start, steps.steps.iter(), &mut |done| {
            on_event(Event::Folded(done, total))
        })
    })?;
    let nova = clock.time(Stage::Compress, || {
        let _span = info_span!("compress").entered();
        params::compress(keys.nova, &folded)
    })?;
    Ok(Proved {
        proof: Proof { messages, nova },
        outputs,
        openings,
        timings: clock.timings,
    })
}

/// Times stages and announces them.
struct Clock<'e> {
    timings: Timings,
    on_event: &'e mut dyn FnMut(Event),
}

impl Clock<'_> {
    fn time<T>(&mut self, stage: Stage, run: impl FnOnce() -> T) -> T {
        self.time_with(stage, |_| run())
    }

    fn time_with<T>(&mut self, stage: Stage, run: impl FnOnce(&mut dyn FnMut(Event)) -> T) -> T {
        (self.on_event)(Event::Start(stage));
        let start = Instant::now();
        let result = run(self.on_event);
        self.timings.add(stage, start.elapsed());
        result
    }
}
