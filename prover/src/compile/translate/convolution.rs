//! Convolution and pooling: windows `y = stride·p + dilation·u - pad` on the spatial axes.

use ndarray::{ArrayD, IxDyn};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PoolSpec, SumPool};

use super::super::expr::{Atom, Constant, Factor, Product, Sum, signed};
use super::super::graph::Activation;
use super::linear::Reindex;
use super::{Entry, Outcome, Refusal, Translator, input, unexpressed};

/// One spatial axis of a window.
struct Window {
    /// The tensor's axis.
    axis: usize,
    len: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
    out: usize,
}

impl Window {
    /// Positions of the window at `p` that are inside the axis.
    fn count(&self, p: usize) -> usize {
        let inside = |u: &usize| {
            let at = p * self.stride + u * self.dilation;
            at >= self.pad && at - self.pad < self.len
        };
        (0..self.kernel).filter(inside).count()
    }
}

impl Translator<'_> {
    fn windows(&self, node: &TypedNode, spec: &PoolSpec) -> Outcome<Vec<Window>> {
        let shape = self.shape(input(node, 0)?)?;
        let first = spec.data_format.h_axis();
        let count = spec.kernel_shape.len();
        let lens = shape
            .get(first..first + count)
            .ok_or_else(|| Refusal::new("its kernel has more axes than its operand"))?;
        let padding = spec.computed_padding(lens);
        let mut windows = Vec::with_capacity(count);
        for (i, (len, pad)) in lens.iter().zip(&padding).enumerate() {
            windows.push(Window {
                axis: first + i,
                len: *len,
                kernel: spec.kernel_shape.get(i).copied().unwrap_or(1),
                stride: spec.strides().get(i).copied().unwrap_or(1),
                dilation: spec.dilations().get(i).copied().unwrap_or(1),
                pad: pad.pad_before,
                out: pad.convoluted,
            });
        }
        Ok(windows)
    }

    /// Replaces every spatial axis by its windows. Returns the view, whose spatial axes are the windows' positions, and
    /// the atoms of the positions inside the windows.
    fn unfolded(
        &mut self,
        outlet: OutletId,
        sum: Sum,
        windows: &[Window],
    ) -> Outcome<(Sum, Vec<Vec<Atom>>)> {
        let mut steps = Vec::new();
        let mut inside = Vec::new();
        for w in windows {
            let p = self.graph.atoms.axis(w.out);
            let u = self.graph.atoms.axis(w.kernel);
            let stride = |atoms: &[Atom], s: usize| -> Vec<(Atom, i64)> {
                atoms.iter().map(|a| (*a, signed(s))).collect()
            };
            steps.push(Reindex {
                axis: w.axis,
                offset: -signed(w.pad),
                index: [stride(&p, w.stride), stride(&u, w.dilation)].concat(),
                new_axis: p,
            });
            inside.push(u);
        }
        Ok((self.windowed(outlet, &sum, &steps)?, inside))
    }

    pub(super) fn convolution(&mut self, node: &TypedNode, op: &Conv) -> Outcome<Entry> {
        if op.q_params.is_some() {
            return Err(Refusal::new(
                "it is already quantized; give the float model",
            ));
        }
        let outlet = input(node, 0)?;
        let Entry::Constant(kernel) = self.entry(input(node, 1)?)?.clone() else {
            return Err(Refusal::new("a kernel that is not constant"));
        };
        let kernel = grouped(kernel, op)?;
        let windows = self.windows(node, &op.pool_spec)?;
        let sum = self.view(outlet)?;
        let channels = if op.pool_spec.data_format.c_is_last() {
            windows.last().map_or(0, |w| w.axis + 1)
        } else {
            op.pool_spec.data_format.h_axis() - 1
        };
        // Split the channels into groups before the windows, whose zeros live on the spatial axes alone.
        let [group, out, inner] = [0, 1, 2].map(|i| kernel.shape().get(i).copied().unwrap_or(1));
        let axis = sum.axes.get(channels).cloned().unwrap_or_default();
        let (rename, groups) = sum
            .regroup(&axis, &[group, inner], &mut self.graph.atoms)
            .ok_or_else(unexpressed)?;
        let [g, i] = groups.as_slice() else {
            return Err(unexpressed());
        };
        let split = Sum {
            constant: None,
            ..sum.rename(&rename, &self.graph.atoms)
        };
        let (view, inside) = self.unfolded(outlet, split, &windows)?;
        let o = self.graph.atoms.axis(out);
        let mut kernel_axes = vec![g.clone(), o.clone(), i.clone()];
        kernel_axes.extend(inside.iter().cloned());
        let k = self.constant_along(&kernel, &kernel_axes)?;
        let mut axes = view.axes;
        if let Some(axis) = axes.get_mut(channels) {
            *axis = [g.as_slice(), &o].concat();
        }
        let summed = [i.clone(), inside.concat()].concat();
        let mut result = self.weighted(axes, &summed, view.reads, k);
        // With the bias.
        result.constant = self.constant_part(node, &[(0, &sum)], &result.axes)?;
        Ok(Entry::Sum(result))
    }

    pub(super) fn sum_pool(&mut self, node: &TypedNode, op: &SumPool) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let windows = self.windows(node, &op.pool_spec)?;
        let sum = self.view(outlet)?;
        let (view, inside) = self.unfolded(outlet, sum.clone(), &windows)?;
        let mut result = view.total(&inside.concat(), &self.graph.atoms);
        result.constant = None;
        if op.normalize {
            result = self.averaged(result, &windows, op.count_include_pad)?;
        }
        if sum.constant.is_some() {
            result.constant = self.constant_part(node, &[(0, &sum)], &result.axes)?;
        }
        Ok(Entry::Sum(result))
    }

    /// Divides sums over windows by the number of positions.
    fn averaged(&mut self, sum: Sum, windows: &[Window], with_padding: bool) -> Outcome<Sum> {
        let whole = |w: &Window| with_padding || (0..w.out).all(|p| w.count(p) == w.kernel);
        if windows.iter().all(whole) {
            let positions: usize = windows.iter().map(|w| w.kernel).product();
            #[expect(clippy::cast_precision_loss, reason = "windows are small")]
            let positions = positions as f64;
            return Ok(sum.affine(1.0 / positions, 0.0));
        }
        let mut weights = Constant::scalar(1.0);
        for w in windows {
            #[expect(clippy::cast_precision_loss, reason = "windows are small")]
            let inverse = |p: usize| 1.0 / w.count(p).max(1) as f32;
            let values: Vec<f32> = (0..w.out).map(inverse).collect();
            let mut shape = vec![1; sum.axes.len()];
            if let Some(len) = shape.get_mut(w.axis) {
                *len = w.out;
            }
            let values = ArrayD::from_shape_vec(IxDyn(&shape), values)
                .map_err(|e| Refusal::new(e.to_string()))?;
            weights = weights.times(&self.constant_along(&values, &sum.axes)?);
        }
        Ok(Sum {
            axes: sum.axes,
            product: Some(Product {
                a: sum.reads,
                k: Factor::Constant(weights),
            }),
            reads: Vec::new(),
            constant: None,
        })
    }

    /// One axis after the other, one position of the window after the other: `max(a, b) = b + relu(a - b)`.
    pub(super) fn max_pool(&mut self, node: &TypedNode, op: &MaxPool) -> Outcome<Entry> {
        if op.with_index_outputs.is_some() {
            return Err(Refusal::new(
                "the positions of the maxima have no translation",
            ));
        }
        let outlet = input(node, 0)?;
        let windows = self.windows(node, &op.pool_spec)?;
        let mut sum = self.view(outlet)?;
        for w in &windows {
            let padded = (0..w.out).any(|p| w.count(p) != w.kernel);
            if padded && !self.nonnegative(&sum) {
                return Err(Refusal::new(
                    "padding is supported only behind a ReLU, where it cannot win",
                ));
            }
            let p = self.graph.atoms.axis(w.out);
            let index: Vec<(Atom, i64)> = p.iter().map(|a| (*a, signed(w.stride))).collect();
            if sum.constant.as_ref().is_some_and(|c| !c.atoms.is_empty()) {
                sum = self
                    .graph
                    .push(
                        &self.label(OutletId::new(node.id, 0)),
                        sum,
                        Activation::Identity,
                    )
                    .1;
            }
            let shift = sum.constant.take();
            let position = |u: usize| {
                [Reindex {
                    axis: w.axis,
                    offset: signed(u * w.dilation) - signed(w.pad),
                    index: index.clone(),
                    new_axis: p.clone(),
                }]
            };
            let positions: Vec<[Reindex; 1]> = (0..w.kernel).map(position).collect();
            let ways: Vec<&[Reindex]> = positions.iter().map(<[_; 1]>::as_slice).collect();
            sum = self.windowable(outlet, &sum, &ways)?;
            let mut best: Option<Sum> = None;
            for steps in ways {
                let at = self.windowed(outlet, &sum, steps)?;
                best = Some(match best {
                    None => at,
                    Some(best) => self.max_of(best, &at, &self.label(OutletId::new(node.id, 0)))?,
                });
            }
            sum = best.ok_or_else(|| Refusal::new("its window is empty"))?;
            if let Some(c) = shift {
                sum.add_constant(&c);
            }
        }
        Ok(Entry::Sum(sum))
    }

    /// Whether no value can be negative: a sum of outputs of ReLUs.
    fn nonnegative(&self, sum: &Sum) -> bool {
        let relu = |node: usize| {
            let node = self.graph.nodes.get(node);
            node.is_some_and(|n| matches!(n.activation, Activation::Relu))
        };
        sum.constant.is_none()
            && sum
                .reads
                .iter()
                .all(|r| r.coefficient > 0.0 && relu(r.node))
    }
}

/// The kernel with axes (group, output channel, input channel, spatial…).
fn grouped(kernel: ArrayD<f32>, op: &Conv) -> Outcome<ArrayD<f32>> {
    let rank = kernel.ndim();
    let order: Vec<usize> = match op.kernel_fmt {
        KernelFormat::OIHW => (0..rank).collect(),
        _ if op.group > 1 => {
            return Err(Refusal::new("groups in a kernel with channels last"));
        }
        KernelFormat::HWIO => [rank - 1, rank - 2]
            .into_iter()
            .chain(0..rank - 2)
            .collect(),
        KernelFormat::OHWI => [0, rank - 1].into_iter().chain(1..rank - 1).collect(),
    };
    let kernel = kernel.permuted_axes(order);
    let mut shape = kernel.shape().to_vec();
    let Some(out) = shape.first_mut() else {
        return Err(Refusal::new("its kernel has no axes"));
    };
    *out /= op.group;
    shape.insert(0, op.group);
    let flat: Vec<f32> = kernel.iter().copied().collect();
    ArrayD::from_shape_vec(IxDyn(&shape), flat).map_err(|e| Refusal::new(e.to_string()))
}
