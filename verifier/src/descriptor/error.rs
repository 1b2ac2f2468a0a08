//! Why a descriptor is refused: one variant per rule of PROTOCOL.md §2 and §3.

use thiserror::Error;

use super::bounds::RANGE_BITS;
use super::{Read, Role};

/// Why a descriptor is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// `B` out of range.
    #[error("digit width is {0} bits; it must be 1 to 15")]
    DigitBits(u32),
    /// Some size is over a limit of the verifier.
    #[error("{what} is {value}, over this verifier's limit of {limit}")]
    OverLimit {
        /// Which size.
        what: &'static str,
        /// Its value.
        value: usize,
        /// The limit.
        limit: usize,
    },
    /// There is nothing to prove.
    #[error("the network has no {0}")]
    Empty(&'static str),
    /// A listed integer is too large.
    #[error("{place}: integer {value} is not below 2^31 in absolute value")]
    IntegerTooLarge {
        /// Where it stands.
        place: String,
        /// Its value.
        value: i64,
    },
    /// A table has the wrong number of values.
    #[error("function {name} has {got} values; {expected} are needed")]
    TableLength {
        /// The function.
        name: String,
        /// Values listed.
        got: usize,
        /// `2^B`.
        expected: usize,
    },
    /// A node's function is not in the list.
    #[error("node {node}: function {function} is not listed")]
    FunctionNotListed {
        /// The node.
        node: String,
        /// Its function index.
        function: usize,
    },
    /// Axes with no extent or a repeated name.
    #[error("{place}: axes must have distinct names and a length of at least 1")]
    BadAxes {
        /// Node or weight block.
        place: String,
    },
    /// A batch axis has two lengths.
    #[error(
        "node {node}: batch axis {axis} is {out} long in the output and {contraction} in the contraction"
    )]
    BatchLength {
        /// The node.
        node: String,
        /// The axis.
        axis: u16,
        /// Length in the output.
        out: usize,
        /// Length in the contraction.
        contraction: usize,
    },
    /// A node has as many blocks as its operation takes.
    #[error("node {node}: {operation} takes {expected} blocks, not {got}")]
    BlockCount {
        /// The node.
        node: String,
        /// Its operation.
        operation: &'static str,
        /// Blocks listed.
        got: usize,
        /// Blocks needed.
        expected: usize,
    },
    /// An operation needs a function that is not listed.
    #[error("node {node} needs function {function}, which is not listed")]
    FunctionMissing {
        /// The node.
        node: String,
        /// The function.
        function: String,
    },
    /// A function that only lowering appends.
    #[error("function {function} is none that a descriptor lists")]
    FunctionMisused {
        /// The function.
        function: String,
    },
    /// A `Best` of another form than lowering can express.
    #[error("node {node} does not fit Best: {what}")]
    BadBest {
        /// The node.
        node: String,
        /// The rule that it breaks.
        what: &'static str,
    },
    /// An index port breaks a rule.
    #[error("index port {port}: {what}")]
    BadIndexPort {
        /// The port.
        port: String,
        /// The rule.
        what: &'static str,
    },
    /// An agreement breaks a rule.
    #[error("agreement {agreement}: {what}")]
    BadAgreement {
        /// Which of them.
        agreement: usize,
        /// The rule.
        what: &'static str,
    },
    /// A map gathers by what it may not.
    #[error("node {node}, part {role:?}: it gathers {what}")]
    BadGather {
        /// The node.
        node: String,
        /// The part.
        role: Role,
        /// The rule.
        what: &'static str,
    },
    /// A constant has another number of values than its shape has elements.
    #[error("constant {constant} has {got} values; its shape has {expected}")]
    ConstantLength {
        /// The constant.
        constant: usize,
        /// Values listed.
        got: usize,
        /// Elements.
        expected: usize,
    },
    /// A node has no part at all.
    #[error("node {node} computes nothing")]
    EmptyNode {
        /// The node.
        node: String,
    },
    /// A block is not aligned to its size.
    #[error("{block} starts at cell {address}, which is not a multiple of {align}")]
    Misaligned {
        /// The block.
        block: String,
        /// Its address.
        address: usize,
        /// Its size, in whole rows for inputs and outputs.
        align: usize,
    },
    /// Two blocks share cells, or an input or output shares a row.
    #[error("{first} and {second} overlap (inputs and outputs take whole rows)")]
    Overlap {
        /// The earlier block.
        first: String,
        /// The later one.
        second: String,
    },
    /// A port names no node.
    #[error("port {port} names node {node}, which does not exist")]
    PortUnknown {
        /// The port.
        port: String,
        /// Its node.
        node: usize,
    },
    /// A node is listed twice among inputs and outputs.
    #[error("node {node} is listed twice among inputs and outputs")]
    PortTwice {
        /// The node.
        node: String,
    },
    /// A port's scale or shape makes no sense.
    #[error("port {port}: {what}")]
    BadPort {
        /// The port.
        port: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A declared input has some other form, or another node has the input form.
    #[error("node {node}: exactly the declared inputs have the input form")]
    InputForm {
        /// The node.
        node: String,
    },
    /// A node reads itself or a later node.
    #[error("node {node} reads node {block}, which does not come before it")]
    ReadsLater {
        /// The reader.
        node: String,
        /// Index of the node read.
        block: usize,
    },
    /// A view reads a block that does not exist.
    #[error("node {node}, part {role:?}: there is no block {block}")]
    BlockUnknown {
        /// The node.
        node: String,
        /// Which part.
        role: Role,
        /// The block index.
        block: usize,
    },
    /// A view reads what its role, or its operation, may not read, or what the block does not offer.
    #[error("node {node}: part {role:?} may not read {read:?} here")]
    WrongRead {
        /// The node.
        node: String,
        /// Which part.
        role: Role,
        /// What it reads.
        read: Read,
    },
    /// A term does not have one map per axis of its block, of that axis' true length.
    #[error("node {node}, part {role:?}: the maps do not fit the axes of block {block}")]
    MapsDoNotFit {
        /// The node.
        node: String,
        /// Which part.
        role: Role,
        /// The block index.
        block: usize,
    },
    /// An index axis is read by two maps of a term.
    #[error("node {node}, part {role:?}: axis {axis} is read twice by one term")]
    AxisReadTwice {
        /// The node.
        node: String,
        /// Which part.
        role: Role,
        /// The axis.
        axis: u16,
    },
    /// A term reads an axis that its part does not own.
    #[error("node {node}, part {role:?}: axis {axis} is not its own")]
    AxisNotOwned {
        /// The node.
        node: String,
        /// Which part.
        role: Role,
        /// The axis.
        axis: u16,
    },
    /// A repeat map repeats zero times.
    #[error("node {node}, part {role:?}: a repeat map needs a factor of at least 1")]
    BadRepeat {
        /// The node.
        node: String,
        /// Which part.
        role: Role,
    },
    /// `|Z + offset|` might reach `q/2`.
    #[error(
        "node {node}: sums of {bits} bits could wrap around the field; at most {RANGE_BITS} are allowed"
    )]
    RangeBound {
        /// The node.
        node: String,
        /// Bits counted.
        bits: usize,
    },
}
