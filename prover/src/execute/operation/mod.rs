//! How operations find their integers (PROTOCOL.md §2): from `Z`, and the divisor, to the digits and values of each block's row.

mod assert;
mod quotient;
mod root;

use pleat_verifier::descriptor::Operation;

/// One row of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) y: i32,
    pub(super) p: i32,
    pub(super) r1: u16,
    pub(super) r0: u16,
}

/// Why a row cannot be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// A quotient of more than `B` bits.
    Quotient(i128),
    /// A divisor that is not in `1..=2^(2B-1)`.
    Divisor(i128),
    /// A negative number under a root, or one whose root has more than `3B-1` bits.
    Radicand(i128),
    /// An assertion that does not hold.
    Assertion(i128),
    /// An answer that leads a candidate by more than `3B` bits.
    Lead(i128),
}

/// The most blocks that an operation other than a map takes.
pub(super) const BLOCKS: usize = 3;

/// The rows of an operation's blocks, for one row of `Z`; a map's, and those of the best, are [`super::rows`]'.
pub(super) fn rows(
    operation: &Operation,
    digit_bits: u32,
    z: i128,
    divisor: i128,
) -> Result<[Row; BLOCKS], Misfit> {
    match operation {
        Operation::Quotient { .. } => quotient::rows(digit_bits, z, divisor),
        Operation::Root => root::rows(digit_bits, z),
        Operation::Assert => assert::rows(z),
        Operation::Input | Operation::Boolean | Operation::Map { .. } | Operation::Best { .. } => {
            Ok([Row::default(); BLOCKS])
        }
    }
}

/// A row whose digits make up `value`, which is in `[0, 2^(3B))`.
pub(super) fn digits(digit_bits: u32, value: i128) -> Row {
    let mask = (1 << digit_bits) - 1;
    let digit = |i: u32| (value >> (i * digit_bits)) & mask;
    Row {
        y: 0,
        p: digit(2) as i32,
        r1: digit(1) as u16,
        r0: digit(0) as u16,
    }
}
