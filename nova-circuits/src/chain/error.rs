//! The crate's errors.

use super::{params::ProofFormat, step::Unsatisfied};
use nova_snark::errors::NovaError;

/// What can go wrong in building, folding, compressing and verifying.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// nova-snark refused to build parameters or keys.
    #[error("building Nova's public parameters failed: {0}")]
    Setup(#[source] NovaError),
    /// The built parameters are not those of this version.
    #[error(
        "Nova's public parameters have digest {got:02x?} instead of PARAMETERS_DIGEST: the circuit, nova-snark or this build differs"
    )]
    Digest {
        /// The digest built.
        got: [u8; 32],
    },
    /// Bytes are not the verifier key's.
    #[error("this is not the verifier key of this version: its SHA3-256 is {got:02x?}")]
    VerifierKey {
        /// SHA3-256 of the bytes.
        got: [u8; 32],
    },
    /// A program has at least one step.
    #[error("there are no steps to fold")]
    NoSteps,
    /// A step's witness does not satisfy the circuit.
    #[error("step {step} is not satisfied: {source}")]
    Step {
        /// The step, from 0.
        step: usize,
        /// The check that fails.
        source: Unsatisfied,
    },
    /// nova-snark failed while folding.
    #[error("folding step {step} failed: {source}")]
    Fold {
        /// The step, from 0.
        step: usize,
        /// nova-snark's reason.
        source: NovaError,
    },
    /// Nova's state after the last step is not the one that native execution gives.
    #[error("the circuit's end state differs from native execution")]
    EndState,
    /// nova-snark failed while compressing.
    #[error("compressing the folded steps failed: {0}")]
    Compress(#[source] NovaError),
    /// The proof's bytes are not of the one accepted form.
    #[error("the Nova proof is malformed: {0}")]
    Format(#[from] ProofFormat),
    /// nova-snark refuses the proof.
    #[error("the Nova proof does not verify: {0}")]
    Verify(#[source] NovaError),
    /// nova-snark panicked while it verified; the proof is refused.
    #[error("nova-snark panicked on the Nova proof")]
    VerifyPanic,
}
