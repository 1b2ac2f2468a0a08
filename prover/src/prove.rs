//! One proof, from integers to bytes: runs all stages in order and says how long each took.
//!
//! Stages are `tracing` spans named after the protocol; [`Timings`] adds up the same intervals for callers that want numbers
//! rather than a subscriber.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use pleat_nova_circuits::chain::params::{self, Parameters};
use pleat_nova_circuits::tree::Key;
use pleat_verifier::descriptor::{Indices, Port};
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::{Folded, Mode, chain};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Proof, PublicValues};
use rand_core::CryptoRngCore;
use thiserror::Error;
use tracing::info_span;

use crate::columns::Columns;
use crate::execute::{ExecuteError, Executor, Trace, block_values};
use crate::fold::Fold;
use crate::fold::chain::{Chain, Steps};
use crate::fold::tree::Tree;
use crate::model::ProvingModel;
use crate::opening::PrivateOpenings;
use crate::stages::{Fixed, LinkedInput, Opened, Traced};

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
    /// Folding of the steps; with committed steps, the last proof too.
    Fold,
    /// What is left, when they are folded, of the inner-product argument that opens the columns and runs beside.
    Opening,
    /// The chain's compressing SNARK.
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
        Self::Fold,
        Self::Opening,
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
    /// So many steps of the chain of so many are folded.
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
    Nova(#[from] pleat_nova_circuits::chain::Error),
    /// The opening failed.
    #[error(transparent)]
    Opening(#[from] VerifyError),
    /// Randomness is broken: a denominator was zero several times in a row.
    #[error(
        "LogUp denominators were zero {ATTEMPTS} times in a row; the source of randomness is broken"
    )]
    Randomness,
    /// An input is to carry commitments that it cannot have.
    #[error(
        "input {input} cannot carry another tensor's commitments: it has {rows} committed rows, the other has {given}"
    )]
    Linked {
        /// Position among the inputs.
        input: usize,
        /// Committed rows of the input.
        rows: usize,
        /// Blinds given.
        given: usize,
    },
    /// The caller's [`OnEvent`] said stop.
    #[error("cancelled")]
    Cancelled,
}

/// Which inputs and outputs a proof shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// Show the inputs.
    pub inputs: bool,
    /// Show the outputs.
    pub outputs: bool,
}

/// What is to be proved.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Integers of each input, row-major over the true shape.
    pub inputs: &'a [Vec<i32>],
    /// Values of each index port that is given, likewise.
    pub indices: &'a [Vec<u32>],
    /// What the proof shows.
    pub visibility: Visibility,
    /// Inputs that are to carry another proof's commitments.
    pub linked: &'a [LinkedInput],
}

/// Hears what happens; [`ControlFlow::Break`] ends the proof with [`ProveError::Cancelled`] before the next stage or step of the chain.
pub type OnEvent<'a> = dyn FnMut(Event) -> ControlFlow<()> + 'a;

/// Hears nothing, stops nothing.
pub const fn unheard(_: Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A proof and what the prover keeps.
pub struct Proved {
    /// The proof.
    pub proof: Proof,
    /// Integers of each output, row-major, shown or not.
    pub outputs: Vec<Vec<i32>>,
    /// Public indices: those given, and the answers.
    pub indices: Indices,
    /// Values and blinds of all inputs and outputs: secret.
    pub openings: PrivateOpenings,
    /// Wall time by stage.
    pub timings: Timings,
}

/// How to hide and to prove, with what that needs besides the model's generators.
#[derive(Clone, Copy)]
pub enum Folding<'a> {
    /// Committed steps: nothing.
    Tree,
    /// Nova's chain: its parameters, shared by all models.
    Chain(&'a Parameters),
}

impl Folding<'_> {
    /// The mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Tree => Mode::Tree,
            Self::Chain(_) => Mode::Chain,
        }
    }
}

/// Keys of one model's proofs.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Generators for the model's `κ`.
    pub opening: &'a OpeningKey,
    /// The mode. It is chosen before a proof begins, from public values.
    pub folding: Folding<'a>,
}

/// Runs the network on quantized inputs and proves the run. A state of `rng` serves one proof only: two proofs with the same masks
/// would let whoever has both test guesses of what they hide.
///
/// # Errors
/// If a value leaves its range, an input cannot be linked, Nova fails, or the caller cancels.
pub fn prove(
    model: &ProvingModel,
    keys: Keys<'_>,
    request: &Request<'_>,
    rng: &mut impl CryptoRngCore,
    on_event: &mut OnEvent<'_>,
) -> Result<Proved, ProveError> {
    let mut clock = Clock {
        timings: Timings::default(),
        on_event,
    };
    let network = model.network();
    let Request {
        inputs,
        indices,
        visibility,
        linked,
    } = *request;
    check_links(model, linked)?;
    let run = || Executor::new(network, model.weights())?.run_on(inputs, indices);
    let trace = clock.time(Stage::Execute, run)??;
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
    let public = PublicValues::new(public.collect(), trace.indices.clone());

    let fixed = {
        let mut trace = Some(trace);
        let mut attempt = 0;
        loop {
            let again: Trace = match trace.take() {
                Some(trace) => trace,
                None => run()?,
            };
            let committed = clock.time(Stage::Commit, || {
                let columns = Columns::new(network, again);
                let mode = keys.folding.mode();
                let mut traced = Traced::new(model, mode, columns, public.clone(), rng);
                // They were checked.
                let _ = linked.iter().all(|input| traced.link(input));
                traced.commit(keys.opening)
            })?;
            let fixed = clock.time(Stage::Fractions, || {
                committed.fractions().map(|f| f.commit(keys.opening))
            })?;
            attempt += 1;
            match fixed {
                Some(fixed) => break fixed,
                None if attempt < ATTEMPTS => {}
                None => return Err(ProveError::Randomness),
            }
        }
    };
    let openings = PrivateOpenings::new(&fixed.0);
    let proof = match keys.folding {
        Folding::Tree => {
            let opened = sumchecks::<Tree>(&mut clock, fixed, Key::embedded(), rng)?;
            prove_tree(&mut clock, keys.opening, opened, rng)?
        }
        Folding::Chain(parameters) => {
            let opened = sumchecks::<Chain>(&mut clock, fixed, (), rng)?;
            prove_chain(&mut clock, keys.opening, parameters, opened)?
        }
    };
    Ok(Proved {
        indices: public.indices().clone(),
        proof,
        outputs,
        openings,
        timings: clock.timings,
    })
}

/// The three sumchecks, in either mode.
fn sumchecks<'m, B: Fold>(
    clock: &mut Clock<'_, '_>,
    fixed: Fixed<'m>,
    key: B::Key<'_>,
    rng: &mut impl CryptoRngCore,
) -> Result<Opened<'m, B>, ProveError> {
    let contracting = clock.time(Stage::Claims, || fixed.claims().bind::<B>(key, rng))?;
    let looking_up = clock.time(Stage::Contract, || contracting.run(rng).bind(rng))?;
    let looked_up = clock.time(Stage::Lookup, || looking_up.run(rng))?;
    clock.time(Stage::Open, || looked_up.bind(rng).run(rng))
}

/// Folds the committed steps and opens the columns, side by side: neither needs the other.
fn prove_tree(
    clock: &mut Clock<'_, '_>,
    key: &OpeningKey,
    opened: Opened<'_, Tree>,
    rng: &mut impl CryptoRngCore,
) -> Result<Proof, ProveError> {
    let stated = opened.state()?;
    let (folded, messages) = thread::scope(|scope| {
        let opening = scope.spawn(|| stated.open(key));
        let folded = clock.time(Stage::Fold, || stated.fold(rng))??;
        let messages = clock.time(Stage::Opening, || joined(opening))??;
        Ok::<_, ProveError>((folded, messages))
    })?;
    Ok(Proof {
        messages,
        folded: Folded::Tree(Box::new(folded)),
    })
}

/// Folds the chain and opens the columns, side by side, then compresses.
fn prove_chain(
    clock: &mut Clock<'_, '_>,
    key: &OpeningKey,
    parameters: &Parameters,
    opened: Opened<'_, Chain>,
) -> Result<Proof, ProveError> {
    let steps = opened.steps();
    // Folding is in large part sequential.
    let (folded, (messages, advice)) = thread::scope(|scope| {
        let opening = scope.spawn(|| opened.open(key));
        let fold = |on_event: &mut OnEvent<'_>| fold(parameters, &steps, on_event);
        let folded = clock.time_with(Stage::Fold, fold)??;
        let messages = clock.time(Stage::Opening, || joined(opening))??;
        Ok::<_, ProveError>((folded, messages))
    })?;
    let nova = clock.time(Stage::Compress, || {
        let _span = info_span!("compress").entered();
        params::compress(parameters, &folded)
    })??;
    Ok(Proof {
        messages,
        folded: Folded::Chain(chain::Messages { advice, nova }),
    })
}

/// What a thread gives; its panic is this thread's.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Folds the steps until done or cancelled.
fn fold(
    parameters: &Parameters,
    steps: &Steps,
    on_event: &mut OnEvent<'_>,
) -> Result<params::Folded, ProveError> {
    let _span = info_span!("fold").entered();
    let total = steps.steps.len();
    let cancelled = Cell::new(false);
    // Fewer steps than there are give nothing that could be used by mistake: the result is dropped.
    let until_cancelled = steps.steps.iter().take_while(|_| !cancelled.get());
    let folded = params::fold(parameters, &steps.start, until_cancelled, &mut |done| {
        cancelled.set(on_event(Event::Folded(done, total)).is_break());
    });
    if cancelled.get() {
        return Err(ProveError::Cancelled);
    }
    Ok(folded?)
}

/// Demands that linked inputs exist and have as many rows as blinds.
fn check_links(model: &ProvingModel, linked: &[LinkedInput]) -> Result<(), ProveError> {
    let network = model.network();
    for LinkedInput { input, blinds } in linked {
        let port = network.descriptor().inputs.get(*input);
        let rows = port.map_or(0, |p| network.port_rows(p).len());
        if port.is_none() || rows != blinds.len() {
            return Err(ProveError::Linked {
                input: *input,
                rows,
                given: blinds.len(),
            });
        }
    }
    Ok(())
}

/// Times stages and announces them; [`ProveError::Cancelled`] if the caller wants no more.
struct Clock<'e, 'f> {
    timings: Timings,
    on_event: &'e mut OnEvent<'f>,
}

impl Clock<'_, '_> {
    fn time<T>(&mut self, stage: Stage, run: impl FnOnce() -> T) -> Result<T, ProveError> {
        self.time_with(stage, |_| run())
    }

    fn time_with<T>(
        &mut self,
        stage: Stage,
        run: impl FnOnce(&mut OnEvent<'_>) -> T,
    ) -> Result<T, ProveError> {
        if (self.on_event)(Event::Start(stage)).is_break() {
            return Err(ProveError::Cancelled);
        }
        let start = Instant::now();
        let result = run(self.on_event);
        self.timings.add(stage, start.elapsed());
        Ok(result)
    }
}
