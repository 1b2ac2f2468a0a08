//! The digits that deep networks are normalised and calibrated on.

use pleat_prover::data::{DataError, load};

use super::network::PIXELS;

/// MNIST digits, 20 of each class, in the order of the classes.
pub const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/mnist-200.npz");

/// The step at which networks are normalised: two digits of each class.
pub const NORMALISING: usize = 10;

/// Every `step`-th digit, row-major.
///
/// # Errors
/// If the file cannot be read.
pub fn digits(step: usize) -> Result<Vec<Vec<f32>>, DataError> {
    let images = load(&format!("{DIGITS}:images"))?;
    let flat: Vec<f32> = images.iter().copied().collect();
    Ok(flat
        .chunks(PIXELS)
        .step_by(step)
        .map(<[f32]>::to_vec)
        .collect())
}
