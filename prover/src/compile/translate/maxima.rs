//! Maxima over windows and axes: `max(a, b) = b + relu(a - b)`, a node per comparison; sums stay views.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::MaxPool;

use super::super::expr::{Constant, Sum, signed};
use super::super::graph::Activation;
use super::reindex::Reindex;
use super::{Entry, Outcome, Refusal, Translator, input, unexpressed};

impl Translator<'_> {
    /// One axis after the other, one position of the window after the other. Where the window leaves the axis, one of its
    /// own elements is compared a second time: padding never wins, whatever the sign of the others.
    pub(super) fn max_pool(&mut self, node: &TypedNode, op: &MaxPool) -> Outcome<Entry> {
        if op.with_index_outputs.is_some() {
            return Err(Refusal::new(
                "the positions of the maxima have no translation",
            ));
        }
        let outlet = input(node, 0)?;
        let name = self.label(OutletId::new(node.id, 0));
        let windows = self.windows(node, &op.pool_spec)?;
        let view = self.view(outlet)?;
        let (mut sum, shift) = self.level(view, &name);
        for w in &windows {
            let mut lists = vec![Vec::with_capacity(w.out); w.kernel];
            for p in 0..w.out {
                let mut inside = (0..w.kernel).filter_map(|u| w.position(p, u));
                let instead = inside
                    .next()
                    .ok_or_else(|| Refusal::new("one of its windows is outside the tensor"))?;
                for (u, list) in lists.iter_mut().enumerate() {
                    list.push(w.position(p, u).unwrap_or(instead));
                }
            }
            lists.dedup();
            let mut elements = self.gathered(outlet, &sum, w.axis, &lists)?.into_iter();
            let first = elements.next();
            sum = first.ok_or_else(|| Refusal::new("its window is empty"))?;
            for element in elements {
                sum = self.max_of(sum, &element, &name)?;
            }
        }
        if let Some(c) = shift {
            sum.add_constant(&c);
        }
        Ok(Entry::Sum(sum))
    }

    /// The largest (or, with `sign` -1, smallest) element along axes, which get length 1. Halves are compared, so that
    /// an axis of `n` costs `n - 1` rows, or a few more, in `log n` nodes.
    pub(super) fn largest(
        &mut self,
        node: &TypedNode,
        axes: &[usize],
        sign: f64,
    ) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let name = self.label(OutletId::new(node.id, 0));
        let view = self.view(outlet)?;
        self.largest_of(outlet, view, axes, sign, &name)
            .map(Entry::Sum)
    }

    /// The same of a view of `outlet`.
    pub(super) fn largest_of(
        &mut self,
        outlet: OutletId,
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
                let mut len = self.graph.atoms.len(atom);
                sum.axes.push(vec![atom]);
                while len > 1 {
                    let half = len.div_ceil(2);
                    let new = self.graph.atoms.axis(half);
                    let side = |offset: usize| [Reindex::line(own, signed(offset), 1, new.clone())];
                    let (low, high) = (side(0), side(len - half));
                    sum = self.windowable(outlet, &sum, &[&low, &high])?;
                    let [low, high] = [low, high].map(|steps| self.reindexed(&sum, &steps));
                    let (low, high) = (low.ok_or_else(unexpressed)?, high.ok_or_else(unexpressed)?);
                    sum = self.max_of(low, &high, name)?;
                    len = half;
                }
                // What is left of it, if anything, has one element.
                let left = sum.axes.pop().unwrap_or_default();
                sum = sum.total(&left, &self.graph.atoms);
            }
        }
        if let Some(c) = shift {
            sum.add_constant(&c);
        }
        Ok(sum.affine(sign, 0.0))
    }

    /// Splits off a constant part that is the same everywhere, which maxima commute with; any other goes into a block.
    fn level(&mut self, mut sum: Sum, name: &str) -> (Sum, Option<Constant>) {
        if sum.constant.as_ref().is_some_and(|c| !c.atoms.is_empty()) {
            sum = self.graph.push(name, sum, Activation::Identity).1;
        }
        let shift = sum.constant.take();
        (sum, shift)
    }
}
