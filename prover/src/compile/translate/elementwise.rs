//! Elementwise operators: functions of one tensor, sums, and products.

use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;

use super::super::expr::{Constant, Factor, Product, Sum};
use super::super::graph::Activation;
use super::super::unary::{Operand, Unary};
use super::{Entry, MOST_PRODUCTS, Outcome, Refusal, Translator, input};

impl Translator<'_> {
    /// An elementwise operator of one operand.
    pub(super) fn unary(&mut self, node: &TypedNode, name: &str) -> Outcome<Entry> {
        let (root, f) = self.rooted(input(node, 0)?)?;
        let f = Unary::Apply {
            op: node.op.clone(),
            name: name.to_owned(),
            operands: vec![Operand::Of(f)],
        };
        Ok(Entry::Unary {
            root,
            f: Arc::new(f),
        })
    }

    /// The tensor as a function of a root; a root is the identity of itself.
    fn rooted(&self, outlet: OutletId) -> Outcome<(OutletId, Arc<Unary>)> {
        match self.entry(outlet)? {
            Entry::Unary { root, f } => Ok((*root, Arc::clone(f))),
            Entry::Sum(_) | Entry::Ratio(_) => Ok((outlet, Arc::new(Unary::Variable))),
            Entry::Constant(_) => Err(Refusal::new("a constant operand in this place")),
            Entry::Indices(_) | Entry::OneHot(_) | Entry::Best(_) => {
                Err(Refusal::new("arithmetic with indices"))
            }
        }
    }

    /// An elementwise operator of two operands.
    pub(super) fn binary(&mut self, node: &TypedNode, op: &TypedBinOp) -> Outcome<Entry> {
        let name = op.0.name();
        let (left, right) = (input(node, 0)?, input(node, 1)?);
        if let Some(function) = self.of_one_root(node, name)? {
            return Ok(function);
        }
        if let Some(ratio) = self.fraction(node, name)? {
            return Ok(ratio);
        }
        match name {
            "Add" => self.sum(left, right, 1.0, 1.0),
            "Sub" => self.sum(left, right, 1.0, -1.0),
            "SubF" => self.sum(left, right, -1.0, 1.0),
            "Mul" => self.times(left, right),
            "Div" => self.divided(left, right),
            "EQ" | "NE" | "GT" | "GTE" | "LT" | "LTE" => self.comparison(node, name),
            "And" | "Or" | "Xor" => self.logic(node, name),
            "Max" => self.maximum(left, right, 1.0, &self.label(OutletId::new(node.id, 0))),
            "Min" => self.maximum(left, right, -1.0, &self.label(OutletId::new(node.id, 0))),
            _ => Err(Refusal::new(format!(
                "{name} of two tensors has no translation"
            ))),
        }
        .map(Entry::Sum)
    }

    /// A choice between two functions of a tensor, by a third.
    pub(super) fn selection(&mut self, node: &TypedNode) -> Outcome<Entry> {
        if let Some(function) = self.of_one_root(node, "Where")? {
            return Ok(function);
        }
        if let Some((x, slope)) = self.leak(node)? {
            return Ok(Entry::Sum(self.leaky(node, x, &slope)?));
        }
        self.choice(node)
    }

    /// `x` and `c` if the node is `0 > x ? c·x : x`, as the importer writes PRelu.
    fn leak(&self, node: &TypedNode) -> Outcome<Option<(OutletId, ArrayD<f32>)>> {
        let (test, scaled, x) = (input(node, 0)?, input(node, 1)?, input(node, 2)?);
        let constant = |outlet: OutletId| match self.entry(outlet) {
            Ok(Entry::Constant(values)) => Some(values.clone()),
            _ => None,
        };
        let operands = |outlet: OutletId| {
            let node = self.model.node(outlet.node);
            let name = node.op_as::<TypedBinOp>()?.0.name();
            let (left, right) = (*node.inputs.first()?, *node.inputs.get(1)?);
            if left == x {
                Some((name, constant(right)?, false))
            } else {
                Some((name, constant(left)?, right == x)).filter(|(_, _, found)| *found)
            }
        };
        let negative = match operands(test) {
            Some(("GT", bound, true) | ("LT", bound, false)) => uniform(&bound) == Some(0.0),
            _ => false,
        };
        Ok(match operands(scaled) {
            Some(("Mul", slope, _)) if negative => Some((x, slope)),
            _ => None,
        })
    }

    /// `relu(x) + slope·(x - relu(x))`.
    fn leaky(&mut self, node: &TypedNode, x: OutletId, slope: &ArrayD<f32>) -> Outcome<Sum> {
        let view = self.view(x)?;
        let name = self.label(OutletId::new(node.id, 0));
        let positive = self.graph.push(&name, view.clone(), Activation::Relu).1;
        let negative = self
            .graph
            .combined(view, &positive.clone().affine(-1.0, 0.0))?;
        let (negative, constant) = self.along(negative, slope)?;
        let scaled = Sum {
            products: vec![Product {
                a: negative.reads,
                k: Factor::Constant(constant.clone()),
            }],
            constant: negative.constant.map(|c| c.times(&constant)),
            ..Sum::zero(negative.axes)
        };
        self.graph.combined(scaled, &positive)
    }

    /// The node as a function of one tensor, if all its operands are.
    fn of_one_root(&self, node: &TypedNode, name: &str) -> Outcome<Option<Entry>> {
        let shape = self.shape(OutletId::new(node.id, 0))?;
        let mut root = None;
        let mut operands = Vec::new();
        for outlet in &node.inputs {
            let Some((own, operand)) = self.operand(*outlet, &shape)? else {
                return Ok(None);
            };
            if own.is_some() && root.is_some() && own != root {
                return Ok(None);
            }
            root = root.or(own);
            operands.push(operand);
        }
        let f = Unary::Apply {
            op: node.op.clone(),
            name: name.to_owned(),
            operands,
        };
        Ok(root.map(|root| Entry::Unary {
            root,
            f: Arc::new(f),
        }))
    }

    /// An operand of a function of one variable: a uniform constant, or a function of a root of the result's shape.
    fn operand(
        &self,
        outlet: OutletId,
        shape: &[usize],
    ) -> Outcome<Option<(Option<OutletId>, Operand)>> {
        if let Entry::Constant(values) = self.entry(outlet)? {
            return Ok(uniform(values).map(|v| (None, Operand::Scalar(v))));
        }
        let (root, f) = self.rooted(outlet)?;
        let fits = self.shape(outlet)? == shape;
        Ok(fits.then_some((Some(root), Operand::Of(f))))
    }

    /// `±left ± right`.
    fn sum(&mut self, left: OutletId, right: OutletId, l: f64, r: f64) -> Outcome<Sum> {
        let constant = |e: &Entry| match e {
            Entry::Constant(values) => Some(values.clone()),
            _ => None,
        };
        if let Some(values) = constant(self.entry(left)?) {
            return self.plus_constant(right, r, &values, l);
        }
        if let Some(values) = constant(self.entry(right)?) {
            return self.plus_constant(left, l, &values, r);
        }
        let first = self.demand(left)?;
        let mut second = self.demand(right)?;
        if first.products.len() + second.products.len() > MOST_PRODUCTS {
            second = self.view(right)?;
        }
        self.graph
            .combined(first.affine(l, 0.0), &second.affine(r, 0.0))
    }

    fn plus_constant(
        &mut self,
        outlet: OutletId,
        factor: f64,
        values: &ArrayD<f32>,
        times: f64,
    ) -> Outcome<Sum> {
        let sum = self.demand(outlet)?.affine(factor, 0.0);
        let values = &self.unmask(values);
        let (mut sum, constant) = self.along(sum, values)?;
        let negated = constant.times(&Constant::scalar(if times < 0.0 { -1.0 } else { 1.0 }));
        sum.add_constant(&negated);
        Ok(sum)
    }

    /// A constant in terms of a sum's axes, which are broadcast where the constant is longer.
    pub(super) fn along(&mut self, mut sum: Sum, values: &ArrayD<f32>) -> Outcome<(Sum, Constant)> {
        for (axis, len) in sum.axes.iter_mut().zip(values.shape()) {
            if axis.is_empty() {
                *axis = self.graph.atoms.axis(*len);
            }
        }
        let constant = self.constant_along(values, &sum.axes)?;
        Ok((sum, constant))
    }

    /// `left · right`.
    pub(super) fn times(&mut self, left: OutletId, right: OutletId) -> Outcome<Sum> {
        if let Entry::Constant(values) = self.entry(left)?.clone() {
            return self.times_constant(right, &values);
        }
        if let Entry::Constant(values) = self.entry(right)?.clone() {
            return self.times_constant(left, &values);
        }
        let (a, b) = (self.plain(left)?, self.plain(right)?);
        self.graph.product_of(&a, &b)
    }

    fn divided(&mut self, left: OutletId, right: OutletId) -> Outcome<Sum> {
        match self.entry(right)?.clone() {
            Entry::Constant(values) => self.times_constant(left, &values.mapv(f32::recip)),
            _ => Err(Refusal::new("division by this tensor")),
        }
    }

    /// Scales by a constant tensor: into the weights of a pending contraction if they vary along the same axes,
    /// otherwise as an elementwise product.
    fn times_constant(&mut self, outlet: OutletId, values: &ArrayD<f32>) -> Outcome<Sum> {
        if let Some(v) = uniform(values) {
            let v = self.unmasked(v);
            let sum = self.demand(outlet)?.affine(v, 0.0);
            return Ok(self.along(sum, values)?.0);
        }
        let pending = self.demand(outlet)?;
        if pending.reads.is_empty() && pending.lookups.is_empty() && pending.products.len() == 1 {
            let (mut sum, constant) = self.along(pending, values)?;
            if let [
                Product {
                    k: Factor::Constant(k),
                    ..
                },
            ] = sum.products.as_mut_slice()
                && constant.atoms.iter().all(|a| k.atoms.contains(a))
            {
                *k = k.times(&constant);
                sum.constant = sum.constant.map(|c| c.times(&constant));
                return Ok(sum);
            }
        }
        let view = self.view(outlet)?;
        self.view_times(view, values)
    }

    /// A view times a constant tensor, element by element.
    pub(super) fn view_times(&mut self, view: Sum, values: &ArrayD<f32>) -> Outcome<Sum> {
        let (sum, constant) = self.along(view, values)?;
        Ok(Sum {
            products: vec![Product {
                a: sum.reads,
                k: Factor::Constant(constant.clone()),
            }],
            constant: sum.constant.map(|c| c.times(&constant)),
            ..Sum::zero(sum.axes)
        })
    }

    /// `max(a, b) = b + relu(a - b)`, and `min(a, b) = -max(-a, -b)`.
    fn maximum(&mut self, left: OutletId, right: OutletId, sign: f64, name: &str) -> Outcome<Sum> {
        let a = self.side(left)?.affine(sign, 0.0);
        let b = self.side(right)?.affine(sign, 0.0);
        Ok(self.graph.max_of(a, &b, name)?.affine(sign, 0.0))
    }

    /// A view, or a constant as an expression.
    pub(super) fn side(&mut self, outlet: OutletId) -> Outcome<Sum> {
        let Entry::Constant(values) = self.entry(outlet)?.clone() else {
            return self.view(outlet);
        };
        let zero = Sum::zero(vec![Vec::new(); values.ndim()]);
        let (mut sum, constant) = self.along(zero, &values)?;
        sum.add_constant(&constant);
        Ok(sum)
    }
}

/// The one value of a tensor whose elements are all equal.
pub(super) fn uniform(values: &ArrayD<f32>) -> Option<f32> {
    let first = values.iter().next().copied()?;
    values.iter().all(|v| *v == first).then_some(first)
}
