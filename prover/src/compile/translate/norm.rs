//! Normalizations that the importer has operators of its own for.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::nn::RmsNorm;

use super::{Entry, Outcome, Translator, input};

impl Translator<'_> {
    /// `x / √(mean x² + ε)`.
    pub(super) fn rms_norm(&mut self, node: &TypedNode, op: &RmsNorm) -> Outcome<Entry> {
        let view = self.plain(input(node, 0)?)?;
        let name = self.label(OutletId::new(node.id, 0));
        let epsilon = op.eps.cast_to_scalar::<f32>()?;
        let root = self
            .graph
            .root_mean_square(&view, op.axis, epsilon, &name)?;
        self.over(view, &root, 1.0)
    }
}
