//! Functions (PROTOCOL.md §1): what a row's lookup applies to its quotient.
//!
//! Total on signed `B`-bit integers, integer arithmetic only, or the values carried in the descriptor, so that the
//! table is the same on every machine.

use serde::{Deserialize, Serialize};

/// A function from signed `B`-bit integers to integers below `2^31` in absolute value.
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
}

impl Function {
    /// `g(p)`; `None` if `p` is not a signed `digit_bits`-bit integer.
    pub fn apply(&self, p: i64, digit_bits: u32) -> Option<i64> {
        let half = 1_i64.checked_shl(digit_bits.checked_sub(1)?)?;
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
        }
    }

    /// Name for messages.
    pub fn name(&self) -> &str {
        match self {
            Self::Identity => "Identity",
            Self::Relu => "Relu",
            Self::Table { name, .. } => name,
        }
    }
}
