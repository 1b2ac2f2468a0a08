//! From real numbers to a port's integers: `integer = round(real / scale)`, ties away from zero. The way back is
//! [`dequantize`](crate::verify::dequantize).

use std::ops::RangeInclusive;

use thiserror::Error;

use crate::descriptor::{IndexPort, Port};
use crate::network::Network;
use crate::public::elements;

/// Why real numbers are not a tensor of the network.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// Another number of values.
    #[error("tensor {port} has shape {shape:?}, which takes {expected} values; {got} are given")]
    Length {
        /// The tensor.
        port: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Values given.
        got: usize,
        /// Values needed.
        expected: usize,
    },
    /// NaN or infinite.
    #[error("tensor {port}, index {index:?}: {value} is not a finite number")]
    NotFinite {
        /// The tensor.
        port: String,
        /// Where.
        index: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// No index of the model.
    #[error("tensor {port}, index {index:?}: {value} is not an integer from 0 to {last}")]
    Index {
        /// The tensor.
        port: String,
        /// Where.
        index: Vec<usize>,
        /// The value.
        value: f64,
        /// Largest index.
        last: u32,
    },
    /// The model's integers do not reach so far.
    #[error(
        "tensor {port}, index {index:?}: {value} is outside {low:.6}..={high:.6}, the range the model was compiled for; \
         compile it again with calibration samples that cover such values, or with a larger --headroom"
    )]
    Range {
        /// The tensor.
        port: String,
        /// Where.
        index: Vec<usize>,
        /// The value.
        value: f64,
        /// Smallest real number that has an integer.
        low: f64,
        /// Largest.
        high: f64,
    },
}

impl Network {
    /// Integers that an input may have: signed `B`-bit ones.
    pub fn input_range(&self) -> RangeInclusive<i32> {
        let half = 1_i32
            .checked_shl(self.digit_bits().saturating_sub(1))
            .unwrap_or(i32::MAX);
        half.saturating_neg()..=half.saturating_sub(1)
    }
}

/// Integers of `values`, row-major over the port's shape; all of them lie in `range`.
///
/// # Errors
/// The first value that has no integer in `range`.
pub fn quantize(
    port: &Port,
    range: &RangeInclusive<i32>,
    values: &[f64],
) -> Result<Vec<i32>, QuantizeError> {
    if values.len() != elements(port) {
        return Err(QuantizeError::Length {
            port: port.name.clone(),
            shape: port.shape.clone(),
            got: values.len(),
            expected: elements(port),
        });
    }
    let (low, high) = (f64::from(*range.start()), f64::from(*range.end()));
    let one = |(flat, value): (usize, &f64)| {
        let rounded = (value / port.scale).round();
        if (low..=high).contains(&rounded) {
            return Ok(integer(rounded));
        }
        let (port_name, index, value) = (port.name.clone(), unflatten(&port.shape, flat), *value);
        Err(if value.is_finite() {
            QuantizeError::Range {
                port: port_name,
                index,
                value,
                low: low * port.scale,
                high: high * port.scale,
            }
        } else {
            QuantizeError::NotFinite {
                port: port_name,
                index,
                value,
            }
        })
    };
    values.iter().enumerate().map(one).collect()
}

#[expect(
    clippy::as_conversions,
    reason = "a rounded number within the range of i32, for which there is no other conversion"
)]
fn integer(rounded: f64) -> i32 {
    rounded as i32
}

/// Indices of `values`, row-major over the port's shape.
///
/// # Errors
/// The first value that is no integer from 0 to `n - 1`.
pub fn indices(port: &IndexPort, values: &[f64]) -> Result<Vec<u32>, QuantizeError> {
    if values.len() != port.elements() {
        return Err(QuantizeError::Length {
            port: port.name.clone(),
            shape: port.shape.clone(),
            got: values.len(),
            expected: port.elements(),
        });
    }
    let one = |(flat, value): (usize, &f64)| {
        let last = u32::try_from(port.len)
            .unwrap_or(u32::MAX)
            .saturating_sub(1);
        let fits = value.fract() == 0.0 && (0.0..=f64::from(last)).contains(value);
        if fits {
            return Ok(index(*value));
        }
        Err(QuantizeError::Index {
            port: port.name.clone(),
            index: unflatten(&port.shape, flat),
            value: *value,
            last,
        })
    };
    values.iter().enumerate().map(one).collect()
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an integer in the range of u32, for which there is no other conversion"
)]
fn index(value: f64) -> u32 {
    value as u32
}

/// Index of element `flat` in a row-major tensor.
pub fn unflatten(shape: &[usize], mut flat: usize) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|n| {
            let i = flat.checked_rem(*n).unwrap_or(0);
            flat = flat.checked_div(*n).unwrap_or(0);
            i
        })
        .collect();
    index.reverse();
    index
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn port() -> Port {
        Port {
            name: "x".into(),
            node: 0,
            shape: vec![1, 2],
            scale: 0.5,
        }
    }

    #[test]
    fn rounds_to_the_nearest_and_ties_away_from_zero() {
        let q = |v: f64| quantize(&port(), &(-8..=7), &[v, 0.0]).unwrap()[0];
        assert_eq!(
            [q(0.24), q(0.25), q(-0.25), q(3.7), q(-4.2)],
            [0, 1, -1, 7, -8]
        );
    }

    #[test]
    fn refuses_what_has_no_integer_and_says_where() {
        let q = |v: &[f64]| quantize(&port(), &(-8..=7), v);
        let refused = |v: f64| q(&[0.0, v]).unwrap_err();
        let range = QuantizeError::Range {
            port: "x".into(),
            index: vec![0, 1],
            value: 3.75,
            low: -4.0,
            high: 3.5,
        };
        assert_eq!(refused(3.75), range);
        let nan = matches!(refused(f64::NAN), QuantizeError::NotFinite { ref index, .. } if *index == [0, 1]);
        assert!(nan);
        assert!(matches!(
            refused(f64::NEG_INFINITY),
            QuantizeError::NotFinite { .. }
        ));
        assert!(matches!(
            q(&[1.0]),
            Err(QuantizeError::Length {
                got: 1,
                expected: 2,
                ..
            })
        ));
    }
}
