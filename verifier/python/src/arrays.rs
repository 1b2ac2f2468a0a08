//! Tensors as the packages hand them over: a shape, and 32-bit floats in this machine's order.

use pyo3::prelude::*;

/// A tensor.
#[derive(Clone, Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub struct Array {
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    data: Vec<u8>,
}

impl Array {
    /// Its elements, row-major.
    pub fn values(&self) -> Vec<f32> {
        let (parts, _) = self.data.as_chunks();
        parts
            .iter()
            .map(|bytes| f32::from_ne_bytes(*bytes))
            .collect()
    }
}
