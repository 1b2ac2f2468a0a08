//! Why a command could not be carried out; every message names the file or option and what to do.

use std::path::PathBuf;

use pleat_prover::artifacts::OrderError;
use pleat_prover::compile::CompileError;
use pleat_prover::data::DataError;
use pleat_prover::execute::ExecuteError;
use pleat_prover::files::WriteError;
use pleat_prover::link::LinkError;
use pleat_prover::model::ProvingModelError;
use pleat_prover::text::TextError;
use pleat_verifier::command::CommandError;
use pleat_verifier::error::FormatError;
use pleat_verifier::quantize::QuantizeError;
use pleat_verifier::receipt::ReceiptError;
use thiserror::Error;

/// Why a command could not be carried out: exit code 2.
#[derive(Debug, Error)]
pub enum CliError {
    /// What verification shares with the other commands: files, the model, the parameters.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// DATA cannot be used.
    #[error("{flag}: {source}")]
    Data {
        flag: &'static str,
        source: DataError,
    },
    /// DATA has no integers.
    #[error("{flag}: {source}")]
    Quantize {
        flag: &'static str,
        source: QuantizeError,
    },
    /// The model is too large for this machine.
    #[error(
        "{doing} takes some {} MiB of memory, and {} MiB are free; close other programs, or use a larger machine",
        needed >> 20,
        available >> 20
    )]
    Memory {
        doing: &'static str,
        needed: usize,
        available: usize,
    },
    /// An ONNX model without samples.
    #[error(
        "--calibration DATA is missing: the ranges of all tensors are those that typical inputs have; only folders have samples of their own"
    )]
    NoCalibration,
    /// The model cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The compiled model cannot be committed to.
    #[error("the compiled model cannot be committed to: {0}")]
    Commit(ProvingModelError),
    /// The proving model cannot be used.
    #[error("{}: {source}; a proving model is the .pleat file that `pleat compile` wrote", path.display())]
    ProvingModel {
        path: PathBuf,
        source: ProvingModelError,
    },
    /// There is no model of so many samples.
    #[error("{} on {count} samples at once: {source}; fewer may do", path.display())]
    Samples {
        path: PathBuf,
        count: usize,
        source: Box<ProvingModelError>,
    },
    /// The model is none of words.
    #[error("{}: --prompt needs a model of one sequence of words that shows its choices: compile a language model with --best", model.display())]
    NoWords { model: PathBuf },
    /// A text is none for the model.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The network does not run on this input.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// No proof was made.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A result cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A result has nowhere to go.
    #[error("cannot write {}: {reason}", path.display())]
    NowhereToWrite { path: PathBuf, reason: &'static str },
    /// No such tensor.
    #[error("the model has no input or output {port}; it has: {}", ports.join(", "))]
    NoPort { port: String, ports: Vec<String> },
    /// A file about a model that cannot be decoded with it.
    #[error("{}: {source}; is {} the model that it was made with?", path.display(), model.display())]
    NotOfModel {
        path: PathBuf,
        model: PathBuf,
        source: FormatError,
    },
    /// A file about another model.
    #[error("{} is about model {got}, and {} is model {expected}", path.display(), model.display())]
    OtherModel {
        path: PathBuf,
        model: PathBuf,
        got: String,
        expected: String,
    },
    /// Which of several inputs is meant.
    #[error("{flag} {text}: write NAME=… with one of the model's inputs, each once: {}", inputs.join(", "))]
    WhichInput {
        flag: &'static str,
        text: String,
        inputs: Vec<String>,
    },
    /// An input has no values.
    #[error("give the values of input {} with --input DATA, or an opening with --input-from", inputs.join(" and "))]
    NoInput { inputs: Vec<String> },
    /// An option that is not of its form.
    #[error("{option} {value}: it has to be {form}")]
    BadOption {
        option: &'static str,
        value: String,
        form: &'static str,
    },
    /// An opening does not fit an input.
    #[error("--input-from {}: {source}; it has to open a tensor of as many values as input {input}, committed to in as many rows", path.display())]
    NotThisInput {
        path: PathBuf,
        input: String,
        source: FormatError,
    },
    /// An opening that no previous receipt is about.
    #[error("--input-from {}: {reason}", path.display())]
    Unlinked { path: PathBuf, reason: LinkError },
    /// Claims that cannot be written into a receipt.
    #[error("{place}: {reason}")]
    BadClaims { place: String, reason: String },
    /// A file that is no receipt.
    #[error("{}: {source}", path.display())]
    NoReceipt { path: PathBuf, source: ReceiptError },
    /// A file that is damaged.
    #[error("{}: {source}", path.display())]
    Damaged { path: PathBuf, source: FormatError },
    /// A proof that does not decode.
    #[error("{}: {reason}", path.display())]
    BadProof { path: PathBuf, reason: String },
    /// Nothing that `inspect` knows.
    #[error("{} is no file of Pleat, nor an ONNX model ending in .onnx", path.display())]
    Unknown { path: PathBuf },
    /// A temporary folder or file cannot be made.
    #[error("cannot use a temporary folder: {0}")]
    Temporary(std::io::Error),
    /// A service cannot be started, or ended.
    #[cfg(feature = "serve")]
    #[error("{0}")]
    Service(std::io::Error),
    /// A result cannot be shown as JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard output is closed.
    #[error("cannot write to standard output: {0}")]
    StandardOutput(std::io::Error),
}
