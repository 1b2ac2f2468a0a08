//! Convolution and average pooling: windows `y = stride·p + dilation·u - pad` on the spatial axes.

use ndarray::{ArrayD, IxDyn};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, KernelFormat, PoolSpec, SumPool};

use super::super::expr::{Atom, Constant, Factor, Product, Sum, signed};
use super::super::graph::Activation;
use super::reindex::Reindex;
use super::{Entry, Outcome, Refusal, Translator, input, unexpressed};

/// One spatial axis of a window.
pub(super) struct Window {
    /// The tensor's axis.
    pub axis: usize,
    pub len: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub pad: usize,
    pub out: usize,
}

impl Window {
    /// Where element `u` of the window at `p` is, if it is inside the axis.
    pub fn position(&self, p: usize, u: usize) -> Option<usize> {
        let at = (p * self.stride + u * self.dilation).checked_sub(self.pad)?;
        (at < self.len).then_some(at)
    }

    /// Elements of the window at `p` that are inside the axis.
    fn count(&self, p: usize) -> usize {
        (0..self.kernel).filter_map(|u| self.position(p, u)).count()
    }
}

/// One spatial axis of a transposed convolution.
struct Phases {
    axis: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
    out: usize,
}

impl Phases {
    /// `(t + pad - dilation·u) / stride` where it is whole: how far the element that `w[u]` meets is from `q`.
    fn distance(&self, t: usize, u: usize) -> Option<i64> {
        let distance = signed(t + self.pad) - signed(self.dilation * u);
        let stride = signed(self.stride);
        (distance % stride == 0).then(|| distance / stride)
    }

    /// The least distance, and the number of distances up to the greatest.
    fn reach(&self) -> Outcome<(i64, usize)> {
        let phases = 0..self.stride;
        let all = phases.flat_map(|t| (0..self.kernel).filter_map(move |u| self.distance(t, u)));
        let (least, most) = all.fold((i64::MAX, i64::MIN), |(l, m), d| (l.min(d), m.max(d)));
        let taps = usize::try_from(most.saturating_sub(least).saturating_add(1));
        match taps {
            Ok(taps @ 1..) => Ok((least, taps)),
            _ => Err(Refusal::new("its kernel is empty")),
        }
    }

    /// The `u` at this distance from phase `t`.
    fn tap(&self, distance: i64, t: usize) -> Option<usize> {
        (0..self.kernel).find(|u| self.distance(t, *u) == Some(distance))
    }
}

impl Translator<'_> {
    pub(super) fn windows(&self, node: &TypedNode, spec: &PoolSpec) -> Outcome<Vec<Window>> {
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

    /// What replaces every spatial axis by its windows: then the axes are the windows' positions. Also the atoms of the
    /// positions inside the windows.
    fn unfolding(&mut self, windows: &[Window]) -> (Vec<Reindex>, Vec<Vec<Atom>>) {
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
        (steps, inside)
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
        let kernel = grouped(kernel, op.kernel_fmt, op.group)?;
        let windows = self.windows(node, &op.pool_spec)?;
        let sum = self.view(outlet)?;
        let (steps, inside) = self.unfolding(&windows);
        let channels = channel_axis(&op.pool_spec);
        let windows = (steps.as_slice(), inside.as_slice(), inside.as_slice());
        let result = self.correlated(outlet, &sum, channels, &kernel, windows)?;
        Ok(Entry::Sum(self.biased(node, &sum, result, channels)?))
    }

    /// Adds the bias and what the operator makes of the operand's constant part. The importer turns the addition of a
    /// computed tensor that varies along the channels alone into a bias, so it may be one.
    fn biased(
        &mut self,
        node: &TypedNode,
        sum: &Sum,
        mut result: Sum,
        channels: usize,
    ) -> Outcome<Sum> {
        let computed = match node.inputs.get(2) {
            Some(bias) if !matches!(self.entry(*bias)?, Entry::Constant(_)) => {
                Some(self.view(*bias)?)
            }
            _ => None,
        };
        let operands = [Some((0, sum)), computed.as_ref().map(|b| (2, b))];
        let operands: Vec<(usize, &Sum)> = operands.into_iter().flatten().collect();
        result.constant = self.constant_part(node, &operands, &result.axes)?;
        let Some(bias) = computed else {
            return Ok(result);
        };
        let mut axes = vec![Vec::new(); result.axes.len()];
        if let Some(axis) = axes.get_mut(channels) {
            *axis = bias.atoms();
        }
        let bias = Sum {
            axes,
            constant: None,
            ..bias
        };
        self.graph.combined(result, &bias)
    }

    /// `Σ window·kernel` for a kernel with axes (group, output channel, input channel, and those of `inside`), summed
    /// over input channels and the axes in `summed`.
    fn correlated(
        &mut self,
        outlet: OutletId,
        sum: &Sum,
        channels: usize,
        kernel: &ArrayD<f32>,
        (steps, inside, summed): (&[Reindex], &[Vec<Atom>], &[Vec<Atom>]),
    ) -> Outcome<Sum> {
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
        let view = self.windowed(outlet, &split, steps)?;
        let o = self.graph.atoms.axis(out);
        let mut kernel_axes = vec![g.clone(), o.clone(), i.clone()];
        kernel_axes.extend(inside.iter().cloned());
        let k = self.constant_along(kernel, &kernel_axes)?;
        let mut axes = view.axes;
        if let Some(axis) = axes.get_mut(channels) {
            *axis = [g.as_slice(), &o].concat();
        }
        let summed = [i.clone(), summed.concat()].concat();
        Ok(self.graph.weighted(axes, &summed, view.reads, k))
    }

    /// A transposed convolution `y[o] = Σ x[i]·w[u]` over `o = stride·i + dilation·u - pad`. With `o = stride·q + t` it is
    /// a convolution whose kernel depends on the phase `t`: `y[q,t] = Σ_v x[q + least + v]·k[t,v]`.
    pub(super) fn deconvolution(&mut self, node: &TypedNode, op: &Deconv) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let Entry::Constant(kernel) = self.entry(input(node, 1)?)?.clone() else {
            return Err(Refusal::new("a kernel that is not constant"));
        };
        let kernel = grouped(kernel, op.kernel_format, op.group)?;
        let sum = self.view(outlet)?;
        let shape = self.shape(outlet)?;
        let spec = &op.pool_spec;
        let first = spec.data_format.h_axis();
        let lens = shape
            .get(first..first + spec.kernel_shape.len())
            .ok_or_else(|| Refusal::new("its kernel has more axes than its operand"))?;
        let padded = spec.padding.compute_for_deconv(
            lens,
            &spec.kernel_shape,
            &spec.dilations(),
            &spec.strides(),
            &op.adjustments,
        )?;
        let (mut steps, mut inside, mut phases) = (Vec::new(), Vec::new(), Vec::new());
        for (i, dim) in padded.iter().enumerate() {
            let at = |all: &[usize]| all.get(i).copied().unwrap_or(1);
            let phased = Phases {
                axis: first + i,
                kernel: at(&spec.kernel_shape),
                stride: at(&spec.strides()),
                dilation: at(&spec.dilations()),
                pad: dim.pad_before,
                out: dim.deconvoluted,
            };
            let (least, taps) = phased.reach()?;
            let q = self.graph.atoms.axis(phased.out.div_ceil(phased.stride));
            let v = self.graph.atoms.axis(taps);
            let both = q.iter().chain(&v);
            steps.push(Reindex {
                axis: phased.axis,
                offset: least,
                index: both.map(|a| (*a, 1)).collect(),
                new_axis: q,
            });
            inside.push((v, taps, least));
            phases.push((self.graph.atoms.axis(phased.stride), phased));
        }
        // (group, out, in, taps…, phases…)
        let mut shape: Vec<usize> = kernel.shape().iter().take(3).copied().collect();
        shape.extend(inside.iter().map(|(_, taps, _)| *taps));
        shape.extend(phases.iter().map(|(_, phased)| phased.stride));
        let spatial = phases.len();
        let phased_kernel = ArrayD::from_shape_fn(shape, |index| {
            let mut source: Vec<usize> = (0..3).map(|i| index[i]).collect();
            for (i, ((_, phased), (_, _, least))) in phases.iter().zip(&inside).enumerate() {
                let (v, t) = (index[3 + i], index[3 + spatial + i]);
                match phased.tap(least + signed(v), t) {
                    Some(u) => source.push(u),
                    None => return 0.0,
                }
            }
            kernel.get(source.as_slice()).copied().unwrap_or(0.0)
        });
        let mut extra: Vec<Vec<Atom>> = inside.into_iter().map(|(v, _, _)| v).collect();
        let taps = extra.len();
        extra.extend(phases.iter().map(|(t, _)| t.clone()));
        let channels = channel_axis(spec);
        let summed = extra.get(..taps).unwrap_or_default().to_vec();
        let windows = (steps.as_slice(), extra.as_slice(), summed.as_slice());
        let mut result = self.correlated(outlet, &sum, channels, &phased_kernel, windows)?;
        let own = OutletId::new(node.id, 0);
        let mut cut = Vec::new();
        for (t, phased) in phases {
            if let Some(axis) = result.axes.get_mut(phased.axis) {
                axis.extend(t);
            }
            if phased.out % phased.stride != 0 {
                let new = self.graph.atoms.axis(phased.out);
                cut.push(Reindex::line(phased.axis, 0, 1, new));
            }
        }
        if !cut.is_empty() {
            let whole = self
                .graph
                .push(&self.label(own), result, Activation::Identity)
                .1;
            result = self.windowed(own, &whole, &cut)?;
        }
        Ok(Entry::Sum(self.biased(node, &sum, result, channels)?))
    }

    pub(super) fn sum_pool(&mut self, node: &TypedNode, op: &SumPool) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let windows = self.windows(node, &op.pool_spec)?;
        let sum = self.view(outlet)?;
        let (steps, inside) = self.unfolding(&windows);
        let view = self.windowed(outlet, &sum, &steps)?;
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
            products: vec![Product {
                a: sum.reads,
                k: Factor::Constant(weights),
            }],
            ..Sum::zero(sum.axes)
        })
    }
}

fn channel_axis(spec: &PoolSpec) -> usize {
    let first = spec.data_format.h_axis();
    if spec.data_format.c_is_last() {
        first + spec.kernel_shape.len()
    } else {
        first - 1
    }
}

/// The kernel with axes (group, output channel, input channel, spatial…).
fn grouped(kernel: ArrayD<f32>, format: KernelFormat, group: usize) -> Outcome<ArrayD<f32>> {
    let rank = kernel.ndim();
    let order: Vec<usize> = match format {
        KernelFormat::OIHW => (0..rank).collect(),
        _ if group > 1 => {
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
    *out /= group;
    shape.insert(0, group);
    let flat: Vec<f32> = kernel.iter().copied().collect();
    ArrayD::from_shape_vec(IxDyn(&shape), flat).map_err(|e| Refusal::new(e.to_string()))
}
