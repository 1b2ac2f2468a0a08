//! Letters of an Einstein sum.

/// The axes of an Einstein sum: per letter, its position in each operand and in the output.
pub(in crate::compile) struct Letter {
    pub operands: Vec<Option<usize>>,
    pub output: Option<usize>,
}
