//! Functions (PROTOCOL.md §1): what a row's lookup applies to its quotient.
//!
//! Integer arithmetic only, or the values carried in the descriptor, so that the table is the same on every machine. Each
//! fills `2^B` entries of the table.

use serde::{Deserialize, Serialize};

/// A function from signed `B`-bit integers to integers below `2^31` in absolute value, or a relation with fewer arguments: a
/// descriptor does not list those, lowering appends them if it needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Function {
    /// `g(p) = p`.
    Identity,
    /// `g(p) = max(p, 0)`.
    Relu,
    /// `g(p) = values[p + 2^(B-1)]`.
    Table {
        /// What it approximates; used in messages only.
        name: String,
        /// `2^B` values.
        values: Vec<i32>,
    },
    /// `p = 0`, and any signed `B`-bit value: a value that its operation determines.
    #[serde(skip)]
    Free,
    /// `g(0) = 0`, `g(1) = 1`: an input of zeros and ones.
    #[serde(skip)]
    Boolean,
    /// `g(0) = 0`: an assertion.
    #[serde(skip)]
    Zero,
}

impl Function {
    /// Those that no descriptor lists, in the order in which lowering appends them.
    pub const AUXILIARY: [Self; 3] = [Self::Free, Self::Boolean, Self::Zero];

    /// `g(p)`; `None` if `p` is not an argument of a function. [`Self::Free`] has no value of its own.
    pub fn apply(&self, p: i64, digit_bits: u32) -> Option<i64> {
        let half = half(digit_bits)?;
        if p < half.checked_neg()? || p >= half {
            return None;
        }
        match self {
            Self::Identity => Some(p),
            Self::Relu => Some(p.max(0)),
            Self::Table { values, .. } => {
                let index = usize::try_from(p.checked_add(half)?).ok()?;
                values.get(index).map(|v| i64::from(*v))
            }
            Self::Free => None,
            Self::Boolean => (0..=1).contains(&p).then_some(p),
            Self::Zero => (p == 0).then_some(0),
        }
    }

    /// Entry `i < 2^B` of the function's part of the table. Those of a function with fewer arguments repeat, which is harmless.
    pub fn entry(&self, i: usize, digit_bits: u32) -> (i64, i64) {
        let half = half(digit_bits).unwrap_or(0);
        let p = i64::try_from(i).unwrap_or(0).saturating_sub(half);
        match self {
            Self::Free => (0, p),
            Self::Boolean if i == 1 => (1, 1),
            Self::Boolean | Self::Zero => (0, 0),
            _ => (p, self.apply(p, digit_bits).unwrap_or(0)),
        }
    }

    /// An entry that says `(p, y)`.
    pub fn place(&self, p: i64, y: i64, digit_bits: u32) -> Option<usize> {
        let i = match self {
            Self::Free => y.checked_add(half(digit_bits)?)?,
            Self::Boolean => p,
            Self::Zero => 0,
            _ => p.checked_add(half(digit_bits)?)?,
        };
        let i = usize::try_from(i).ok()?;
        let entries = 1_usize.checked_shl(digit_bits)?;
        (i < entries && self.entry(i, digit_bits) == (p, y)).then_some(i)
    }

    /// A bound on the values: all are below `2^bits` in absolute value.
    pub fn value_bits(&self, digit_bits: u32) -> usize {
        let largest = match self {
            Self::Zero => 0,
            Self::Boolean => 1,
            Self::Table { values, .. } => {
                values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0)
            }
            _ => 1_u32
                .checked_shl(digit_bits.saturating_sub(1))
                .unwrap_or(u32::MAX),
        };
        usize::try_from(u32::BITS.saturating_sub(largest.leading_zeros())).unwrap_or(usize::MAX)
    }

    /// Name for messages.
    pub fn name(&self) -> &str {
        match self {
            Self::Identity => "Identity",
            Self::Relu => "Relu",
            Self::Table { name, .. } => name,
            Self::Free => "Free",
            Self::Boolean => "Boolean",
            Self::Zero => "Zero",
        }
    }
}

/// `2^(B-1)`.
fn half(digit_bits: u32) -> Option<i64> {
    1_i64.checked_shl(digit_bits.checked_sub(1)?)
}
