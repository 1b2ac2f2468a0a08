//! Why a network does not run.

use thiserror::Error;

/// Why a network did not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// Another number of tensors than the network has.
    #[error("{got} {what} were given, the network has {expected}")]
    Count {
        /// Which tensors.
        what: &'static str,
        /// Tensors given.
        got: usize,
        /// Tensors of the network.
        expected: usize,
    },
    /// A tensor or column has the wrong number of values.
    #[error("{what} has {got} values, {expected} are needed")]
    Length {
        /// Which tensor.
        what: String,
        /// Values given.
        got: usize,
        /// Values needed.
        expected: usize,
    },
    /// An input value has more than `B` bits.
    #[error(
        "input {name}, index {index:?}: value {value} is outside {low}..={high}, which is as far as the model's \
         input scale reaches; compile the model again with calibration samples that cover such inputs, or with more headroom"
    )]
    InputRange {
        /// The input.
        name: String,
        /// Index of the value.
        index: Vec<usize>,
        /// The value.
        value: i32,
        /// Least integer that fits.
        low: i32,
        /// Greatest integer that fits.
        high: i32,
    },
    /// A quotient has more than `B` bits.
    #[error(
        "node {node}, index {index:?}: the requantized value {value} is outside {low}..={high}, so this input cannot be \
         proved; compile the model again with more representative calibration samples, or with more headroom"
    )]
    QuotientRange {
        /// The node.
        node: String,
        /// Index of the row in the node's block.
        index: Vec<usize>,
        /// The quotient.
        value: i128,
        /// Least quotient of the tables.
        low: i32,
        /// Greatest quotient of the tables.
        high: i32,
    },
    /// A divisor cannot be divided by.
    #[error(
        "node {node}, index {index:?}: the divisor {value} is outside 1..={high}, so this input cannot be proved; compile the \
         model again with more representative calibration samples"
    )]
    DivisorRange {
        /// The node.
        node: String,
        /// Index of the row in the node's blocks.
        index: Vec<usize>,
        /// The divisor.
        value: i128,
        /// Greatest divisor.
        high: i128,
    },
    /// A number has no root that fits.
    #[error(
        "node {node}, index {index:?}: {value} has no square root that fits, so this input cannot be proved"
    )]
    RadicandRange {
        /// The node.
        node: String,
        /// Index of the row in the node's blocks.
        index: Vec<usize>,
        /// The number.
        value: i128,
    },
    /// What a node asserts to be zero is not.
    #[error(
        "node {node}, index {index:?}: {value} is asserted to be zero, so this input cannot be proved"
    )]
    Assertion {
        /// The node.
        node: String,
        /// Index of the row in the node's block.
        index: Vec<usize>,
        /// The value.
        value: i128,
    },
    /// An answer leads too far.
    #[error(
        "node {node}, index {index:?}: the best candidate leads this one by {value}, more than digits hold, so this input \
         cannot be proved; compile the model again with more representative calibration samples"
    )]
    LeadRange {
        /// The node.
        node: String,
        /// Index of the row in the node's block.
        index: Vec<usize>,
        /// The difference.
        value: i128,
    },
    /// A given index is out of range.
    #[error("index input {name}, index {index:?}: {value} is not below {len}")]
    IndexRange {
        /// The index port.
        name: String,
        /// Index of the value.
        index: Vec<usize>,
        /// The value.
        value: u32,
        /// What it must be below.
        len: usize,
    },
    /// Sums of a node may need more than 128 bits.
    #[error(
        "node {node}: its sums may exceed 128 bits; use smaller multipliers, coefficients or weights"
    )]
    TooWide {
        /// The node.
        node: String,
    },
}
