//! Softmax along any axes, and what stands for minus infinity in its scores.

use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::math::{exp, ln};
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::super::expr::Sum;
use super::super::graph::Activation;
use super::super::unary::{Line, Operand, Unary};
use super::ratio::Ratio;
use super::{Entry, Outcome, Translator, input, unexpressed};

/// Below it, a constant that is added to scores means that they do not count.
const MASK_BELOW: f32 = -1e4;

impl Translator<'_> {
    /// `exp(x - max x)/Σ exp(x - max x)`, a fraction; or `x - max x - log Σ exp(x - max x)`.
    pub(super) fn softmax(&mut self, node: &TypedNode, op: &Softmax) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let name = self.label(OutletId::new(node.id, 0));
        let mut view = self.view(outlet)?;
        if view.constant.as_ref().is_some_and(|c| !c.atoms.is_empty()) {
            // A constant that varies, a mask for one, goes into a block that all comparisons read.
            view = self.graph.push(&name, view, Activation::Identity).1;
        }
        let largest = self.largest_of(outlet, view.clone(), &op.axes, 1.0, &name)?;
        let difference = self.combined(view, &largest.affine(-1.0, 0.0))?;
        let apply = |op: Box<dyn TypedOp>, name: &str| {
            Activation::Table(Arc::new(Unary::Apply {
                op,
                name: name.to_owned(),
                operands: vec![Operand::Of(Arc::new(Unary::Variable))],
            }))
        };
        let exponential = apply(Box::new(exp()), "Exp");
        let (_, powers) = self.graph.push(&name, difference.clone(), exponential);
        let total = self.summed(powers.clone(), &op.axes);
        match op.kind {
            SoftmaxKind::Softmax => {
                let (numerator, divisor) = powers
                    .unify(&total, &mut self.graph.atoms)
                    .ok_or_else(unexpressed)?;
                Ok(Entry::Ratio(Box::new(Ratio { numerator, divisor })))
            }
            SoftmaxKind::LogSoftmax => {
                let logarithm = apply(Box::new(ln()), "Ln");
                let (_, log) = self.graph.push(&name, total, logarithm);
                self.combined(difference, &log.affine(-1.0, 0.0))
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
