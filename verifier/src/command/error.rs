//! Why a verification could not be carried out. A proof that is refused is no error but a verdict.

use std::path::PathBuf;

use thiserror::Error;

use super::samples::Samples;

use crate::error::ModelError;
use crate::quantize::QuantizeError;
use crate::receipt::Sha3Hash;

/// Why a verification could not be carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The verification model cannot be used.
    #[error("{}: {source}; a verification model is the .vmodel file that `pleat compile` wrote", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ModelError,
    },
    /// There is no model of so many samples.
    #[error("{} with {count} samples at once: {source}", path.display())]
    Samples {
        /// The model's file.
        path: PathBuf,
        /// Asked for.
        count: usize,
        /// Why.
        source: ModelError,
    },
    /// Two options say how many samples there are, differently.
    #[error(
        "--samples {samples} and --index {index} are of different numbers of samples; one of them is enough"
    )]
    OtherCount {
        /// By the one.
        samples: usize,
        /// By the other.
        index: Samples,
    },
    /// DATA cannot be used.
    #[error("{flag} {spec}: {reason}")]
    Data {
        /// The option.
        flag: &'static str,
        /// Its argument.
        spec: String,
        /// Why.
        reason: String,
    },
    /// DATA has no integers.
    #[error("{flag}: {source}")]
    Quantize {
        /// The option.
        flag: &'static str,
        /// Why.
        source: QuantizeError,
    },
    /// The proof's file leaves out values that nobody gives.
    #[error(
        "the proof shows tensor {tensor}, but its file does not hold the values; give them with {flag} DATA"
    )]
    LeftOut {
        /// The tensor.
        tensor: String,
        /// The option that takes them.
        flag: &'static str,
    },
    /// A value is given for a tensor that the proof hides.
    #[error(
        "{flag} cannot be checked: the proof hides tensor {port}; ask the prover for an opening (`pleat open`) and give it with --opened"
    )]
    Hidden {
        /// The option.
        flag: &'static str,
        /// The tensor.
        port: String,
    },
    /// A receipt's model is not there.
    #[error("{}: its model {model} is none of those found; name it with --model MODEL.vmodel", receipt.display())]
    NoModel {
        /// The receipt.
        receipt: PathBuf,
        /// The model's id.
        model: Sha3Hash,
    },
    /// A receipt's proof is not there.
    #[error("{}: its proof is not known, as the name does not end in .receipt.json; name it with --proof PROOF", receipt.display())]
    NoProof {
        /// The receipt.
        receipt: PathBuf,
    },
    /// A manifest cannot be used.
    #[error("{}: {reason}; a manifest is what `pleat.ray.prove_many` writes beside its proofs", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The universal parameters cannot be had.
    #[error("cannot set up Nova's parameters: {0}")]
    Setup(#[from] pleat_nova_circuits::chain::Error),
}
