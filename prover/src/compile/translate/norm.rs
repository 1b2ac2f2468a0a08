//! Normalizations that the importer has operators of its own for.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::nn::RmsNorm;

use super::super::expr::{Constant, Factor, Product, Sum};
use super::super::graph::Activation;
use super::{Entry, Outcome, Refusal, Translator, input};

impl Translator<'_> {
    /// `x / √(mean x² + ε)`.
    pub(super) fn rms_norm(&mut self, node: &TypedNode, op: &RmsNorm) -> Outcome<Entry> {
        let view = self.plain(input(node, 0)?)?;
        let name = self.label(OutletId::new(node.id, 0));
        let epsilon = op.eps.cast_to_scalar::<f32>()?;
        let count = view.shape(&self.graph.atoms).get(op.axis).copied();
        let count = count.ok_or_else(|| Refusal::new("it has no such axis"))?;
        let squared = Sum {
            products: vec![Product {
                a: view.reads.clone(),
                k: Factor::Reads(view.reads.clone()),
            }],
            ..Sum::zero(view.axes.clone())
        };
        #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
        let mean = 1.0 / count as f64;
        let mut square = self.summed(squared, &[op.axis]).affine(mean, 0.0);
        square.add_constant(&Constant::scalar(epsilon));
        let (_, root) = self.graph.push(&name, square, Activation::Root);
        self.over(view, &root, 1.0)
    }
}
