//! Quotients of tensors, which stay fractions as long as they can: what multiplies one, or is contracted with it, goes into its
//! numerator. So a softmax costs no row for its probabilities, nor a norm for what it divides by. Factors that vary, a norm's scales,
//! do not: they would spread what has to fit one range, and go into the weights of the layers that read it.

use std::sync::Arc;

use tract_onnx::prelude::*;

use super::super::expr::{Atom, Factor, Product, Sum};
use super::super::unary::{Operand, Unary};
use super::letter::Letter;
use super::{Entry, Outcome, Translator, input};

/// `numerator / divisor`, over the same axes.
#[derive(Clone, Debug)]
pub(in crate::compile) struct Ratio {
    pub numerator: Sum,
    /// A view; positive, as far as calibration shows.
    pub divisor: Sum,
}

impl Translator<'_> {
    /// The fraction that a tensor is, if nobody else reads it.
    pub(super) fn lone_ratio(&self, outlet: OutletId) -> Outcome<Option<Ratio>> {
        Ok(match self.entry(outlet)? {
            Entry::Ratio(ratio) if self.model.outlet_successors(outlet).len() == 1 => {
                Some(ratio.as_ref().clone())
            }
            _ => None,
        })
    }

    /// A quotient, or a product one factor of which is a fraction.
    pub(super) fn fraction(&mut self, node: &TypedNode, name: &str) -> Outcome<Option<Entry>> {
        let (left, right) = (input(node, 0)?, input(node, 1)?);
        let constant = |t: &Self, outlet| {
            t.entry(outlet).map(|e| match e {
                Entry::Constant(values) => Some(values.clone()),
                _ => None,
            })
        };
        match name {
            "Div" if constant(self, right)?.is_none() => {
                let divisor = self.divisor(right)?;
                let numerator = self.numerator(left)?;
                self.over(numerator, &divisor, 1.0).map(Some)
            }
            "Mul" => {
                for (own, other) in [(left, right), (right, left)] {
                    if let Some(ratio) = self.lone_ratio(own)?
                        && let Some(values) = constant(self, other)?
                        && let Some(v) = super::elementwise::uniform(&values)
                        && ratio.numerator.is_view()
                    {
                        let sum = ratio.numerator.affine(f64::from(v), 0.0);
                        let numerator = self.along(sum, &values)?.0;
                        return self.over(numerator, &ratio.divisor, 1.0).map(Some);
                    }
                    if let Some((factor, divisor)) = self.inverse(own)? {
                        let numerator = self.numerator(other)?;
                        return self.over(numerator, &divisor, factor).map(Some);
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// `factor · numerator / divisor`, broadcast.
    pub(super) fn over(&mut self, numerator: Sum, divisor: &Sum, factor: f64) -> Outcome<Entry> {
        let numerator = numerator.affine(factor, 0.0);
        let ratio = self.graph.ratio(&numerator, divisor)?;
        Ok(Entry::Ratio(Box::new(ratio)))
    }

    /// What is divided: an expression, or a constant.
    fn numerator(&mut self, outlet: OutletId) -> Outcome<Sum> {
        match self.entry(outlet)? {
            Entry::Constant(_) => self.side(outlet),
            _ => self.demand(outlet),
        }
    }

    /// A tensor as a view to divide by.
    fn divisor(&mut self, outlet: OutletId) -> Outcome<Sum> {
        match self.entry(outlet)?.clone() {
            Entry::Unary { root, f } => self.function(outlet, root, &f),
            _ => self.view(outlet),
        }
    }

    /// `c` and `d` if the tensor is `c/d`, the inverse of something.
    fn inverse(&mut self, outlet: OutletId) -> Outcome<Option<(f64, Sum)>> {
        let Entry::Unary { root, f } = self.entry(outlet)?.clone() else {
            return Ok(None);
        };
        let Some((factor, of)) = f.inverse_of() else {
            return Ok(None);
        };
        Ok(Some((factor, self.function(outlet, root, &of)?)))
    }

    /// The product of a tensor with itself that a square is.
    pub(super) fn squared(&mut self, outlet: OutletId) -> Outcome<Option<Sum>> {
        let Entry::Unary { root, f } = self.entry(outlet)?.clone() else {
            return Ok(None);
        };
        let Some(base) = f.square_of() else {
            return Ok(None);
        };
        let view = match base.line() {
            Some(line) => self.view(root)?.affine(line.slope, line.shift),
            None => self.function(outlet, root, &base)?,
        };
        if view.constant.is_some() {
            return Ok(None);
        }
        Ok(Some(Sum {
            products: vec![Product {
                a: view.reads.clone(),
                k: Factor::Reads(view.reads),
            }],
            ..Sum::zero(view.axes)
        }))
    }

    /// A contraction of two activations; a fraction's numerator is contracted if its divisor has none of the axes that are
    /// summed.
    pub(super) fn contract_activations(
        &mut self,
        node: &TypedNode,
        letters: &[Letter],
        rank: usize,
    ) -> Outcome<Entry> {
        for slot in [0, 1] {
            let own = input(node, slot)?;
            let Some(ratio) = self.lone_ratio(own)? else {
                continue;
            };
            let plain = ratio.numerator.is_view() && ratio.numerator.constant.is_none();
            let summed: Vec<Atom> = letters
                .iter()
                .filter(|l| l.output.is_none())
                .filter_map(|l| l.operands.get(slot).copied().flatten())
                .filter_map(|p| ratio.numerator.axes.get(p))
                .flatten()
                .copied()
                .collect();
            let free = ratio
                .divisor
                .reads
                .iter()
                .all(|r| !summed.iter().any(|a| r.reads(*a)));
            let constant = ratio.divisor.constant.as_ref();
            let free = free && constant.is_none_or(|c| !c.atoms.iter().any(|a| summed.contains(a)));
            if !plain || !free {
                continue;
            }
            let other = self.plain(input(node, 1 - slot)?)?;
            let turned: Vec<Letter> = letters
                .iter()
                .map(|l| Letter {
                    operands: [slot, 1 - slot]
                        .iter()
                        .map(|s| l.operands.get(*s).copied().flatten())
                        .collect(),
                    output: l.output,
                })
                .collect();
            let (numerator, renamed) =
                self.graph
                    .contract_views(&ratio.numerator, &other, &turned, rank)?;
            let mut divisor = ratio.divisor.rename(&renamed, &self.graph.atoms);
            divisor.axes.clone_from(&numerator.axes);
            return Ok(Entry::Ratio(Box::new(Ratio { numerator, divisor })));
        }
        let (left, right) = (self.plain(input(node, 0)?)?, self.plain(input(node, 1)?)?);
        let (sum, _) = self.graph.contract_views(&left, &right, letters, rank)?;
        Ok(Entry::Sum(sum))
    }
}

impl Unary {
    /// The line under the root if this function is `√(line)`.
    pub(super) fn root_of(&self) -> Option<super::super::unary::Line> {
        match self {
            Self::Apply { name, operands, .. } if name == "Sqrt" => match operands.as_slice() {
                [Operand::Of(f)] => f.line(),
                _ => None,
            },
            _ => None,
        }
    }

    /// `f` if this function is `f·f`.
    pub(super) fn square_of(&self) -> Option<Arc<Self>> {
        let Self::Apply { name, operands, .. } = self else {
            return None;
        };
        match (name.as_str(), operands.as_slice()) {
            ("Square", [Operand::Of(f)]) => Some(Arc::clone(f)),
            ("Pow", [Operand::Of(f), Operand::Scalar(2.0)]) => Some(Arc::clone(f)),
            ("Mul", [Operand::Of(f), Operand::Of(g)])
                if Arc::ptr_eq(f, g) || both_variable(f, g) =>
            {
                Some(Arc::clone(f))
            }
            _ => None,
        }
    }

    /// `c` and `f` if this function is `c/f`.
    pub(super) fn inverse_of(&self) -> Option<(f64, Arc<Self>)> {
        let Self::Apply { op, name, operands } = self else {
            return None;
        };
        let _ = op;
        match (name.as_str(), operands.as_slice()) {
            ("Recip", [Operand::Of(f)]) => Some((1.0, Arc::clone(f))),
            ("Div", [Operand::Scalar(c), Operand::Of(f)]) => Some((f64::from(*c), Arc::clone(f))),
            ("Rsqrt", [Operand::Of(f)]) | ("Pow", [Operand::Of(f), Operand::Scalar(-0.5)]) => {
                Some((1.0, Arc::new(square_root(f))))
            }
            ("Pow", [Operand::Of(f), Operand::Scalar(-1.0)]) => Some((1.0, Arc::clone(f))),
            (
                "Mul",
                [Operand::Of(f), Operand::Scalar(c)] | [Operand::Scalar(c), Operand::Of(f)],
            ) => {
                let (inner, of) = f.inverse_of()?;
                Some((inner * f64::from(*c), of))
            }
            _ => None,
        }
    }
}

fn both_variable(f: &Unary, g: &Unary) -> bool {
    matches!((f, g), (Unary::Variable, Unary::Variable))
}

/// `√f`.
fn square_root(f: &Arc<Unary>) -> Unary {
    use tract_onnx::tract_core::ops::math::sqrt;
    Unary::Apply {
        op: Box::new(sqrt()),
        name: "Sqrt".to_owned(),
        operands: vec![Operand::Of(Arc::clone(f))],
    }
}
