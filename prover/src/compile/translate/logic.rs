//! Comparisons, logic and choices between computed tensors: truth is a tensor of zeros and ones.

use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::prelude::*;

use super::super::expr::Sum;
use super::super::graph::Activation;
use super::super::unary::{Operand, Unary};
use super::{Entry, Outcome, Translator, input};

impl Translator<'_> {
    /// `a > b` and the like: a table of `a - b`.
    pub(super) fn comparison(&mut self, node: &TypedNode, name: &str) -> Outcome<Sum> {
        let label = self.label(OutletId::new(node.id, 0));
        let a = self.side(input(node, 0)?)?;
        let b = self.side(input(node, 1)?)?;
        let difference = self.graph.combined(a, &b.affine(-1.0, 0.0))?;
        let f = Unary::Apply {
            op: node.op.clone(),
            name: name.to_owned(),
            operands: vec![Operand::Of(Arc::new(Unary::Variable)), Operand::Scalar(0.0)],
        };
        let activation = Activation::Table(Arc::new(f));
        Ok(self.graph.push(&label, difference, activation).1)
    }

    /// `a ∧ b = ab`, `a ∨ b = a + b - ab`, `a ⊕ b = a + b - 2ab`.
    pub(super) fn logic(&mut self, node: &TypedNode, name: &str) -> Outcome<Sum> {
        let [left, right] = [input(node, 0)?, input(node, 1)?];
        let both = self.times(left, right)?;
        let times = match name {
            "And" => return Ok(both),
            "Or" => -1.0,
            _ => -2.0,
        };
        let (a, b) = (self.side(left)?, self.side(right)?);
        let either = self.graph.combined(a, &b)?;
        self.graph.combined(both.affine(times, 0.0), &either)
    }

    /// `c·x + (1 - c)·y`.
    pub(super) fn choice(&mut self, node: &TypedNode) -> Outcome<Entry> {
        let [test, yes, no] = [input(node, 0)?, input(node, 1)?, input(node, 2)?];
        if let Entry::Constant(test) = self.entry(test)?.clone() {
            let test = test.mapv(|v| f32::from(u8::from(v != 0.0)));
            let yes = self.kept(yes, &test)?;
            let no = self.kept(no, &test.mapv(|v| 1.0 - v))?;
            return self.graph.combined(yes, &no).map(Entry::Sum);
        }
        let test = self.plain(test)?;
        let (yes, no) = (self.alternative(yes)?, self.alternative(no)?);
        let difference = self.graph.combined(yes, &no.clone().affine(-1.0, 0.0))?;
        // A constant part is chosen by itself.
        let shift = difference.constant.clone();
        let reads = Sum {
            constant: None,
            ..difference.clone()
        };
        let mut chosen = if reads.reads.is_empty() {
            Sum::zero(reads.axes)
        } else {
            self.graph.product_of(&test, &reads)?
        };
        if let Some(shift) = shift {
            let of = Sum {
                constant: Some(shift),
                ..Sum::zero(difference.axes)
            };
            let values = of
                .constant
                .as_ref()
                .map(|c| c.dense(&of.axes, &self.graph.atoms));
            if let Some(values) = values {
                let own = self.view_times(test, &values)?;
                chosen = self.graph.combined(chosen, &own)?;
            }
        }
        self.graph.combined(chosen, &no).map(Entry::Sum)
    }

    /// A view of one block, its constant beside it, or a constant.
    fn alternative(&mut self, outlet: OutletId) -> Outcome<Sum> {
        match self.entry(outlet)?.clone() {
            Entry::Constant(values) => {
                let values = self.unmask(&values);
                let zero = Sum::zero(vec![Vec::new(); values.ndim()]);
                let (mut sum, constant) = self.along(zero, &values)?;
                sum.add_constant(&constant);
                Ok(sum)
            }
            _ => self.view(outlet),
        }
    }

    /// A tensor where `mask` is 1, zeros elsewhere.
    fn kept(&mut self, outlet: OutletId, mask: &ArrayD<f32>) -> Outcome<Sum> {
        let sum = self.alternative(outlet)?;
        if let Some(v) = super::elementwise::uniform(mask) {
            let sum = sum.affine(f64::from(v), 0.0);
            return Ok(self.along(sum, mask)?.0);
        }
        if sum.reads.is_empty() {
            let (mut sum, mask) = self.along(sum, mask)?;
            sum.constant = sum.constant.map(|c| c.times(&mask));
            return Ok(sum);
        }
        self.view_times(sum, mask)
    }
}
