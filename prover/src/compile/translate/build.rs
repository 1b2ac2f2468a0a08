//! Expressions made of expressions, whatever they were imported from: sums, contractions, maxima, softmax and roots.

use std::sync::Arc;

use ndarray::Array2;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::math::exp;

use super::super::expr::{Atom, Constant, Factor, Product, Read, Rename, Sum, Unified, signed};
use super::super::graph::{Activation, Graph};
use super::super::unary::{Operand, Unary};
use super::letter::Letter;
use super::ratio::Ratio;
use super::reindex::{MOST_JOINED, Reindex};
use super::{Outcome, Refusal, unexpressed};

/// What softmax is made of.
pub(in crate::compile) struct Exponentials {
    /// `x - max x`.
    pub difference: Sum,
    /// `exp(x - max x)`.
    pub powers: Sum,
    /// `Σ exp(x - max x)`.
    pub total: Sum,
}

/// The table of an operator of one variable.
pub(in crate::compile) fn table(op: Box<dyn TypedOp>, name: &str) -> Activation {
    Activation::Table(Arc::new(Unary::Apply {
        op,
        name: name.to_owned(),
        operands: vec![Operand::Of(Arc::new(Unary::Variable))],
    }))
}

impl Graph {
    /// The exponentials of scores along some axes; what stands for minus infinity is in the scores' constant.
    pub(in crate::compile) fn exponentials(
        &mut self,
        mut view: Sum,
        axes: &[usize],
        name: &str,
    ) -> Outcome<Exponentials> {
        if view.constant.as_ref().is_some_and(|c| !c.atoms.is_empty()) {
            // A constant that varies, a mask for one, goes into a block that all comparisons read.
            view = self.push(name, view, Activation::Identity).1;
        }
        let largest = self.largest_of(view.clone(), axes, 1.0, name)?;
        let difference = self.combined(view, &largest.affine(-1.0, 0.0))?;
        let exponential = table(Box::new(exp()), "Exp");
        let (_, powers) = self.push(name, difference.clone(), exponential);
        let total = self.summed(powers.clone(), axes);
        Ok(Exponentials {
            difference,
            powers,
            total,
        })
    }

    /// `numerator / divisor`, broadcast.
    pub(in crate::compile) fn ratio(&mut self, numerator: &Sum, divisor: &Sum) -> Outcome<Ratio> {
        let (numerator, divisor) = numerator
            .unify(divisor, &mut self.atoms)
            .ok_or_else(unexpressed)?;
        Ok(Ratio { numerator, divisor })
    }

    /// `√(mean x² + ε)` along one axis, of a view without a constant.
    pub(in crate::compile) fn root_mean_square(
        &mut self,
        view: &Sum,
        axis: usize,
        epsilon: f32,
        name: &str,
    ) -> Outcome<Sum> {
        let count = view.shape(&self.atoms).get(axis).copied();
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
        let mut square = self.summed(squared, &[axis]).affine(mean, 0.0);
        square.add_constant(&Constant::scalar(epsilon));
        Ok(self.push(name, square, Activation::Root).1)
    }

    /// The node of a quotient.
    pub(in crate::compile) fn quotient(&mut self, name: &str, ratio: Ratio) -> Sum {
        let activation = Activation::Quotient(Box::new(ratio.divisor));
        self.push(name, ratio.numerator, activation).1
    }

    /// The sum of two sums, broadcast.
    pub(in crate::compile) fn combined(&mut self, left: Sum, right: &Sum) -> Outcome<Sum> {
        let (mut left, right) = left.unify(right, &mut self.atoms).ok_or_else(unexpressed)?;
        left.add(right);
        Ok(left)
    }

    /// The product of two views without constants.
    pub(in crate::compile) fn product_of(&mut self, a: &Sum, b: &Sum) -> Outcome<Sum> {
        let (a, b) = a.unify(b, &mut self.atoms).ok_or_else(unexpressed)?;
        Ok(Sum {
            products: vec![Product {
                a: a.reads,
                k: Factor::Reads(b.reads),
            }],
            ..Sum::zero(a.axes)
        })
    }

    /// `b + relu(a - b)` of two views.
    pub(in crate::compile) fn max_of(&mut self, a: Sum, b: &Sum, name: &str) -> Outcome<Sum> {
        let difference = self.combined(a, &b.clone().affine(-1.0, 0.0))?;
        let (_, relu) = self.push(name, difference, Activation::Relu);
        self.combined(relu, b)
    }

    /// Sums over whole logical axes, which become axes of length 1. Constants are the caller's business.
    pub(in crate::compile) fn summed(&mut self, sum: Sum, axes: &[usize]) -> Sum {
        let mut rename = Rename::new();
        for atom in axes.iter().filter_map(|a| sum.axes.get(*a)).flatten() {
            let len = self.atoms.len(*atom);
            rename.insert(*atom, vec![self.atoms.fresh(len)]);
        }
        let fresh: Vec<Atom> = rename.values().flatten().copied().collect();
        let renamed = sum.rename(&rename, &self.atoms);
        let mut result = renamed.total(&fresh, &self.atoms);
        for product in &mut result.products {
            self.count_unread(product, &fresh);
        }
        result.constant = None;
        result
    }

    /// A contraction of two views without constants; also, what the left one's atoms have become.
    pub(in crate::compile) fn contract_views(
        &mut self,
        left: &Sum,
        right: &Sum,
        letters: &[Letter],
        rank: usize,
    ) -> Outcome<(Sum, Rename)> {
        let mut names = Unified::default();
        let mut out_axes = vec![Vec::new(); rank];
        let mut summed = Vec::new();
        for letter in letters {
            let of = |sum: &Sum, slot: usize| -> Vec<Atom> {
                let place = letter.operands.get(slot).copied().flatten();
                place
                    .and_then(|p| sum.axes.get(p))
                    .cloned()
                    .unwrap_or_default()
            };
            let atoms = names
                .axis(&mut self.atoms, &of(left, 0), &of(right, 1))
                .ok_or_else(unexpressed)?;
            match letter.output.and_then(|p| out_axes.get_mut(p)) {
                Some(axis) => *axis = atoms,
                None => summed.extend(atoms),
            }
        }
        let mut product = Product {
            a: left.rename(&names.left, &self.atoms).reads,
            k: Factor::Reads(right.rename(&names.right, &self.atoms).reads),
        };
        self.count_unread(&mut product, &summed);
        Ok((
            Sum {
                products: vec![product],
                ..Sum::zero(out_axes)
            },
            names.left,
        ))
    }

    /// `Σ_summed reads·k`; uniform weights make no contraction.
    pub(in crate::compile) fn weighted(
        &self,
        axes: Vec<Vec<Atom>>,
        summed: &[Atom],
        reads: Vec<Read>,
        k: Constant,
    ) -> Sum {
        let mut sum = Sum {
            reads,
            ..Sum::zero(axes)
        };
        if k.atoms.is_empty() {
            let factor = k.values.first().copied().map_or(0.0, f64::from);
            return sum.total(summed, &self.atoms).affine(factor, 0.0);
        }
        let mut product = Product {
            a: std::mem::take(&mut sum.reads),
            k: Factor::Constant(k),
        };
        self.count_unread(&mut product, summed);
        sum.products.push(product);
        sum
    }

    /// Summed axes that neither factor reads multiply the product by their length.
    pub(in crate::compile) fn count_unread(&self, product: &mut Product, summed: &[Atom]) {
        let read = product.atoms();
        for atom in summed.iter().filter(|a| !read.contains(a)) {
            #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
            let len = self.atoms.len(*atom) as f64;
            for read in &mut product.a {
                read.coefficient *= len;
            }
        }
    }

    /// The sum without its constant, or a block made of it, such that every list of steps can be expressed.
    pub(in crate::compile) fn windowable(
        &mut self,
        name: &str,
        sum: &Sum,
        ways: &[&[Reindex]],
    ) -> Outcome<Sum> {
        let mut plain = Sum {
            constant: None,
            ..sum.clone()
        };
        let works =
            |t: &Self, sum: &Sum| ways.iter().all(|steps| t.reindexed(sum, steps).is_some());
        if works(self, &plain) {
            return Ok(plain);
        }
        for step in ways.iter().copied().flatten() {
            match plain.axes.get_mut(step.axis) {
                // A block axis of length 1, so that there is something to be outside of.
                Some(none) if none.is_empty() => none.push(self.atoms.fresh(1)),
                Some(several) if several.len() > 1 => {
                    plain = self.joined(name, plain, step.axis)?;
                }
                _ => {}
            }
        }
        if works(self, &plain) {
            return Ok(plain);
        }
        let view = self.push(name, plain, Activation::Identity).1;
        if works(self, &view) {
            Ok(view)
        } else {
            Err(unexpressed())
        }
    }

    /// The same tensor with a single atom along one axis: as a repetition, or else as a node that picks every element
    /// by a contraction with a one-hot tensor.
    pub(in crate::compile) fn joined(&mut self, name: &str, sum: Sum, axis: usize) -> Outcome<Sum> {
        if let Some(repeated) = sum.repeated(axis, &mut self.atoms) {
            return Ok(repeated);
        }
        let parts = sum.axes.get(axis).cloned().unwrap_or_default();
        let len = self.atoms.size(&parts);
        if len > MOST_JOINED {
            return Err(Refusal::new(format!(
                "it needs {len} regrouped positions in one axis; up to {MOST_JOINED} are supported"
            )));
        }
        let whole = self.atoms.fresh(len);
        let mut axes = sum.axes;
        if let Some(joined) = axes.get_mut(axis) {
            *joined = vec![whole];
        }
        let one_hot = Array2::from_diag_elem(len, 1.0).into_dyn();
        let axes_of = [parts.clone(), vec![whole]];
        let one_hot = Constant::along(&one_hot, &axes_of, &self.atoms).ok_or_else(unexpressed)?;
        let picked = self.weighted(axes, &parts, sum.reads, one_hot);
        Ok(self.push(name, picked, Activation::Identity).1)
    }

    pub(in crate::compile) fn reindexed(&self, sum: &Sum, steps: &[Reindex]) -> Option<Sum> {
        let step = |sum: Sum, s: &Reindex| {
            sum.window(s.axis, s.offset, &s.index, s.new_axis.clone(), &self.atoms)
        };
        steps.iter().try_fold(sum.clone(), step)
    }

    /// The largest (or, with `sign` -1, smallest) element of a view along axes, which get length 1.
    pub(in crate::compile) fn largest_of(
        &mut self,
        view: Sum,
        axes: &[usize],
        sign: f64,
        name: &str,
    ) -> Outcome<Sum> {
        let (mut sum, shift) = self.level(view.affine(sign, 0.0), name);
        for axis in axes {
            // One atom after the other; comparisons give those that are left new names.
            while let Some(atom) = sum.axes.get_mut(*axis).and_then(Vec::pop) {
                // On an axis of its own, beside the tensor's.
                let own = sum.axes.len();
                let mut len = self.atoms.len(atom);
                sum.axes.push(vec![atom]);
                while len > 1 {
                    let half = len.div_ceil(2);
                    let new = self.atoms.axis(half);
                    let side = |offset: usize| [Reindex::line(own, signed(offset), 1, new.clone())];
                    let (low, high) = (side(0), side(len - half));
                    sum = self.windowable(name, &sum, &[&low, &high])?;
                    let [low, high] = [low, high].map(|steps| self.reindexed(&sum, &steps));
                    let (low, high) = (low.ok_or_else(unexpressed)?, high.ok_or_else(unexpressed)?);
                    sum = self.max_of(low, &high, name)?;
                    len = half;
                }
                // What is left of it, if anything, has one element.
                let left = sum.axes.pop().unwrap_or_default();
                sum = sum.total(&left, &self.atoms);
            }
        }
        if let Some(c) = shift {
            sum.add_constant(&c);
        }
        Ok(sum.affine(sign, 0.0))
    }

    /// Splits off a constant part that is the same everywhere, which maxima commute with; any other goes into a block.
    pub(in crate::compile) fn level(
        &mut self,
        mut sum: Sum,
        name: &str,
    ) -> (Sum, Option<Constant>) {
        if sum.constant.as_ref().is_some_and(|c| !c.atoms.is_empty()) {
            sum = self.push(name, sum, Activation::Identity).1;
        }
        let shift = sum.constant.take();
        (sum, shift)
    }
}
