//! Maxima over windows and axes: `max(a, b) = b + relu(a - b)`, a node per comparison; sums stay views.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::MaxPool;

use super::{Entry, Outcome, Refusal, Translator, input};

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
        let (mut sum, shift) = self.graph.level(view, &name);
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
                sum = self.graph.max_of(sum, &element, &name)?;
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
        self.graph
            .largest_of(view, axes, sign, &name)
            .map(Entry::Sum)
    }
}
