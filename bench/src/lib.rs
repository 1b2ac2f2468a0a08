//! What Pleat is measured with: networks, other ways to prove them, the meter, and what becomes of its figures.

pub mod argument;
pub mod child;
pub mod clear;
pub mod cost;
mod decoder;
pub mod deep;
pub mod job;
pub mod lanes;
pub mod large;
pub mod measure;
pub mod nets;
pub mod plan;
pub mod pleat;
pub mod plots;
pub mod processes;
pub mod r1cs;
pub mod rows;
pub mod summary;
pub mod tables;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// nova-snark failed, or refused a proof of its own.
    #[error("nova-snark: {0}")]
    Nova(#[from] nova_snark::errors::NovaError),
    /// The circuit's folding failed.
    #[error(transparent)]
    Circuits(#[from] pleat_nova_circuits::chain::Error),
    /// A circuit could not be synthesized.
    #[error("synthesis: {0}")]
    Synthesis(#[from] nova_snark::frontend::SynthesisError),
    /// Pleat's prover failed.
    #[error(transparent)]
    Prove(#[from] pleat_prover::prove::ProveError),
    /// A model could not be made.
    #[error(transparent)]
    Model(#[from] pleat_prover::model::ProvingModelError),
    /// Pleat's verifier refused.
    #[error("refused: {0}")]
    Verify(#[from] pleat_verifier::error::VerifyError),
    /// A proof is malformed.
    #[error(transparent)]
    Format(#[from] pleat_verifier::error::FormatError),
    /// A proof could not be encoded.
    #[error(transparent)]
    Encode(#[from] bincode::error::EncodeError),
    /// A network could not be compiled.
    #[error(transparent)]
    Compile(#[from] pleat_prover::compile::CompileError),
    /// Test data could not be read.
    #[error(transparent)]
    Data(#[from] pleat_prover::data::DataError),
    /// Test data do not fit the network.
    #[error(transparent)]
    Quantize(#[from] pleat_verifier::quantize::QuantizeError),
    /// A file or process.
    #[error(transparent)]
    Io(std::io::Error),
    /// A job or event that does not decode.
    #[error("between the processes: {0}")]
    Json(#[from] serde_json::Error),
    /// A file of rows.
    #[error("rows: {0}")]
    Csv(#[from] csv::Error),
    /// A plot could not be drawn.
    #[error("plot: {0}")]
    Plot(String),
    /// A page has no place for a table.
    #[error("{file} has no lines `<!-- {table} -->` and `<!-- /{table} -->`")]
    Place {
        /// The page.
        file: String,
        /// The table.
        table: &'static str,
    },
    /// There are no circuits for this network.
    #[error("{0} cannot be written as layers of one shape, which the circuits need")]
    Circuit(String),
    /// A system's outputs are not the executor's.
    #[error("the outputs or weights that were proved are not the executor's")]
    Disagree,
    /// A false statement was accepted.
    #[error("a proof was accepted for a statement that it does not prove")]
    Accepted,
    /// There is nothing to prove.
    #[error("a network needs at least one layer")]
    Empty,
    /// The machine is too small.
    #[error("{asked} cores are asked for, and this machine has {there}")]
    Cores {
        /// As many were to be used.
        asked: usize,
        /// As many may be used.
        there: usize,
    },
    /// A program to be measured was not built.
    #[error(
        "there is no {}: build it with `cargo build --release --workspace`, and run target/release/pleat-bench",
        .0.display()
    )]
    Program(std::path::PathBuf),
    /// Files for whole processes could not be made.
    #[error("the files of {network} could not be made: {reason}")]
    Prepare {
        /// The network.
        network: String,
        /// What the process that was to make them said last.
        reason: String,
    },
    /// A verification model could not be encoded.
    #[error(transparent)]
    Verification(#[from] pleat_verifier::error::ModelError),
    /// The system does not say how much memory is used.
    #[error("/proc does not tell how much memory was used; peak memory is measured on Linux only")]
    Memory,
}

/// Whether criterion measures; otherwise, as under `cargo test`, it runs every body once. It knows by the same flag.
#[must_use]
pub fn measured_mode() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
