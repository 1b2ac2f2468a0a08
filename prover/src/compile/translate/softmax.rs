//! Softmax along any axes, and what stands for minus infinity in its scores.

use ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::math::ln;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::super::expr::Sum;
use super::super::unary::Line;
use super::{Entry, Outcome, Translator, input, table};

/// Below it, a constant that is added to scores means that they do not count.
const MASK_BELOW: f32 = -1e4;

impl Translator<'_> {
    /// `exp(x - max x)/Σ exp(x - max x)`, a fraction; or `x - max x - log Σ exp(x - max x)`.
    pub(super) fn softmax(&mut self, node: &TypedNode, op: &Softmax) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let name = self.label(OutletId::new(node.id, 0));
        let view = self.view(outlet)?;
        let parts = self.graph.exponentials(view, &op.axes, &name)?;
        match op.kind {
            SoftmaxKind::Softmax => {
                let ratio = self.graph.ratio(&parts.powers, &parts.total)?;
                Ok(Entry::Ratio(Box::new(ratio)))
            }
            SoftmaxKind::LogSoftmax => {
                let logarithm = table(Box::new(ln()), "Ln");
                let (_, log) = self.graph.push(&name, parts.total, logarithm);
                self.graph
                    .combined(parts.difference, &log.affine(-1.0, 0.0))
                    .map(Entry::Sum)
            }
        }
    }

    /// A factor, or in its place one that masks as well: minus infinity has no integer.
    pub(super) fn unmasked(&mut self, factor: f32) -> f64 {
        if factor <= MASK_BELOW {
            self.graph.masks = true;
            -self.masked
        } else if factor >= 1e30 {
            self.graph.masks = true;
            self.masked
        } else {
            f64::from(factor)
        }
    }

    /// A line of a tensor; one that makes zeros and ones a mask masks as far as is needed.
    pub(super) fn straight(&mut self, sum: Sum, line: Line) -> Sum {
        let steep = line.slope.abs() >= f64::from(-MASK_BELOW);
        let masks = line.shift == 0.0 || line.shift == -line.slope.abs();
        let ratio = if steep && masks {
            self.graph.masks = true;
            self.masked / line.slope.abs()
        } else {
            1.0
        };
        sum.affine(line.slope * ratio, line.shift * ratio)
    }

    /// The same of a constant that is added, if it is a mask: small where it is not below [`MASK_BELOW`].
    pub(super) fn unmask(&mut self, values: &ArrayD<f32>) -> ArrayD<f32> {
        let masks = |v: &f32| *v <= MASK_BELOW;
        let rest = values.iter().filter(|v| !masks(v));
        let largest = rest.fold(0.0_f32, |m, v| m.max(v.abs()));
        if !values.iter().any(masks) || largest > 1e3 {
            return values.clone();
        }
        self.graph.masks = true;
        #[expect(clippy::cast_possible_truncation, reason = "a mask")]
        let masked = -self.masked as f32;
        values.mapv(|v| if masks(&v) { masked } else { v })
    }
}
