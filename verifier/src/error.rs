//! Errors of the verifier. [`VerifyError`] names the check that refused; the others say why a file could not be used.

use pleat_nova_circuits::chain::Error as NovaError;
use pleat_nova_circuits::tree::Check as Steps;
use thiserror::Error;

use crate::descriptor::DescriptorError;
use crate::fold::chain::end_state::EndState;

/// Why bytes are not the file they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Another kind of file.
    #[error("not a Pleat {what}")]
    Magic {
        /// The kind expected.
        what: &'static str,
    },
    /// A version that this program does not know.
    #[error("{what} of format version {got}; this program reads version {expected}")]
    Version {
        /// The kind of file.
        what: &'static str,
        /// Version found.
        got: u16,
        /// Version read.
        expected: u16,
    },
    /// It ends too early.
    #[error("{what} is truncated")]
    Truncated {
        /// The kind of file.
        what: &'static str,
    },
    /// A length is over the limit.
    #[error("{what}: a part of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// The kind of file.
        what: &'static str,
        /// Length claimed.
        length: u64,
        /// The limit.
        limit: usize,
    },
    /// It has another length than the model implies.
    #[error("{what} has {got} bytes; this model and these public values imply {expected}")]
    Length {
        /// The kind of file.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length implied.
        expected: usize,
    },
    /// Bytes follow the end.
    #[error("{what}: {bytes} bytes follow its end")]
    Trailing {
        /// The kind of file.
        what: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A field element is not below the modulus.
    #[error("{what}: a field element is not canonical")]
    Field {
        /// The kind of file.
        what: &'static str,
    },
    /// A point is not on the curve, or not canonically encoded.
    #[error("{what}: a point is not canonical")]
    Point {
        /// The kind of file.
        what: &'static str,
    },
    /// It is about an input or output that the model does not have.
    #[error("{what}: the model has no input or output number {port}")]
    NoSuchPort {
        /// The kind of file.
        what: &'static str,
        /// Position among inputs, then outputs.
        port: usize,
    },
    /// A mode that this program does not know.
    #[error("the proof is of an unknown mode, number {got}")]
    Mode {
        /// The number.
        got: u8,
    },
    /// A flag has no meaning.
    #[error("{what}: a visibility flag is none")]
    Flag {
        /// The kind of file.
        what: &'static str,
    },
    /// A public value is none that its tensor can have, or bits that fill the last byte are not zero.
    #[error("{what}: a public value is out of range")]
    Value {
        /// The kind of file.
        what: &'static str,
    },
}

/// Why a verification model cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file is malformed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The descriptor breaks a rule.
    #[error("descriptor: {0}")]
    Descriptor(#[from] DescriptorError),
    /// The descriptor is too long.
    #[error("descriptor of {got} bytes is over the limit of {limit}")]
    TooLong {
        /// Its length.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The descriptor's bytes are none.
    #[error("descriptor cannot be decoded: {0}")]
    Decode(String),
    /// The descriptor cannot be encoded.
    #[error("descriptor cannot be encoded: {0}")]
    Encode(String),
    /// Another encoding of the same descriptor exists.
    #[error("descriptor is not canonically encoded")]
    NotCanonical,
    /// The number of weight rows is wrong.
    #[error("{got} weight row commitments; the descriptor implies {expected}")]
    WeightRows {
        /// How many there are.
        got: usize,
        /// How many there should be.
        expected: usize,
    },
    /// Not 64 hexadecimal digits.
    #[error("a model id is 64 hexadecimal digits")]
    BadId,
}

/// The check that refuses a proof.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The proof file is malformed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The proof names another model.
    #[error("the proof is about model {got}, not {expected}")]
    OtherModel {
        /// Model of the proof.
        got: String,
        /// Model given.
        expected: String,
    },
    /// The proof's file does not hold the values of a tensor that it shows, and nobody supplied them.
    #[error("the proof shows tensor {tensor}, but its file does not hold the values")]
    LeftOut {
        /// An input, an output or an index port.
        tensor: String,
    },
    /// Values were supplied for a tensor that has another number of them.
    #[error("{got} values are supplied for {tensor}, which has {expected}")]
    Supplied {
        /// An input, an output or an index port.
        tensor: String,
        /// Values supplied.
        got: usize,
        /// Values needed.
        expected: usize,
    },
    /// A public index is out of range.
    #[error("index port {port}: value {value} at {index:?} is not below {len}")]
    IndexRange {
        /// The port.
        port: String,
        /// Where in it.
        index: Vec<usize>,
        /// The value.
        value: u32,
        /// What it must be below.
        len: usize,
    },
    /// An answer is not the index that was given.
    #[error(
        "{answer}[{index}] is {got}, but {given}[{at}] is {expected}: the answer is another than was given"
    )]
    Agreement {
        /// The port that is an answer.
        answer: String,
        /// Where in it.
        index: usize,
        /// Its value.
        got: u32,
        /// The given port.
        given: String,
        /// Where in it.
        at: usize,
        /// Its value.
        expected: u32,
    },
    /// Nova refuses the folded steps.
    #[error("Nova: {0}")]
    Nova(#[from] NovaError),
    /// Committed steps are refused.
    #[error("committed steps: {0}")]
    Steps(#[from] Steps),
    /// The proof is of the chain, and the caller gave no key to verify that with.
    #[error("this proof is of the mode `chain`, which needs the chain's verifier key")]
    NoChainKey,
    /// A step's constraints are violated (only where steps are executed natively).
    #[error("step circuit: {0}")]
    Step(pleat_nova_circuits::chain::step::Unsatisfied),
    /// The end state is not the one required.
    #[error("end state: {0:?} differs")]
    EndState(EndState),
    /// The polynomial commitment's argument fails.
    #[error("opening: ⟨y*, eq(z)⟩ is not Σ η^col·col(z)")]
    Opening,
    /// Revealed values are not the committed ones.
    #[error("the proof's commitment of {port} does not open to the revealed values")]
    Revealed {
        /// The input or output.
        port: String,
    },
    /// Foreign code panicked.
    #[error("the check was aborted: {0}")]
    Aborted(String),
}

impl VerifyError {
    /// The check, under a name that stays; what differs within one is in the message.
    pub const fn check(&self) -> &'static str {
        match self {
            Self::Format(_) => "format",
            Self::OtherModel { .. } => "other-model",
            Self::LeftOut { .. } | Self::Supplied { .. } => "left-out",
            Self::IndexRange { .. } => "index-range",
            Self::Agreement { .. } => "agreement",
            Self::Nova(NovaError::Format(_)) => "nova-format",
            Self::Nova(NovaError::VerifyPanic) => "aborted",
            Self::Nova(_) => "nova",
            Self::Steps(Steps::Shares) => "shares",
            Self::Steps(Steps::Constraints) => "constraints",
            Self::Steps(Steps::Products) => "products",
            // A decoded proof has as many as its steps imply.
            Self::Steps(Steps::Tree) => "format",
            Self::Steps(_) => "steps-opening",
            Self::NoChainKey => "no-chain-key",
            Self::Step(_) => "step",
            Self::EndState(_) => "end-state",
            Self::Opening => "opening",
            Self::Revealed { .. } => "revealed",
            Self::Aborted(_) => "aborted",
        }
    }
}
