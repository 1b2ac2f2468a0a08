//! Contractions, sums and regroupings of axes: they transform expressions, and cost nothing until somebody asks for a node.

use ndarray::ArrayD;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{AxisOp, DimLike};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

use super::super::expr::{Atom, Constant, Factor, Product, Sum, Unified, renamed};
use super::letter::Letter;
use super::ratio::Ratio;
use super::{Entry, Outcome, Refusal, Translator, input, unexpressed};

impl Translator<'_> {
    pub(super) fn einsum(&mut self, node: &TypedNode, op: &EinSum) -> Outcome<Entry> {
        if op.q_params.is_some() {
            return Err(Refusal::new(
                "it is already quantized; give the float model",
            ));
        }
        let mut letters = Vec::new();
        for axis in op.axes.iter_all_axes() {
            let once = |positions: &TVec<usize>| match positions.as_slice() {
                [] => Ok(None),
                [one] => Ok(Some(*one)),
                _ => Err(Refusal::new("it reads a diagonal")),
            };
            let operands = axis.inputs.iter().map(once).collect::<Outcome<Vec<_>>>()?;
            let output = axis.outputs.first().map_or(Ok(None), once)?;
            letters.push(Letter { operands, output });
        }
        let rank = op
            .axes
            .rank(tract_onnx::tract_core::internal::InOut::Out(0));
        let constant = |slot: usize| -> Outcome<Option<ArrayD<f32>>> {
            Ok(match self.entry(input(node, slot)?)? {
                Entry::Constant(v) => Some(v.clone()),
                _ => None,
            })
        };
        match node.inputs.len() {
            1 => self.contract_alone(node, &letters, rank),
            2 => match (constant(0)?, constant(1)?) {
                (None, Some(w)) => self.contract_weights(node, &letters, rank, 0, &w),
                (Some(w), None) => self.contract_weights(node, &letters, rank, 1, &w),
                _ => return self.contract_activations(node, &letters, rank),
            },
            n => Err(Refusal::new(format!("an Einstein sum of {n} operands"))),
        }
        .map(Entry::Sum)
    }

    /// A sum over some axes and a transposition of the others.
    fn contract_alone(
        &mut self,
        node: &TypedNode,
        letters: &[Letter],
        rank: usize,
    ) -> Outcome<Sum> {
        let mut sum = self.demand(input(node, 0)?)?;
        if !sum.lookups.is_empty() {
            sum = self.view(input(node, 0)?)?;
        }
        let summed: Vec<usize> = letters
            .iter()
            .filter(|l| l.output.is_none())
            .filter_map(|l| l.operands.first().copied().flatten())
            .collect();
        let mut result = self.graph.summed(sum.clone(), &summed);
        let mut axes = vec![Vec::new(); rank];
        for letter in letters {
            if let (Some(out), Some(Some(from))) = (letter.output, letter.operands.first())
                && let (Some(to), Some(atoms)) = (axes.get_mut(out), result.axes.get(*from))
            {
                to.clone_from(atoms);
            }
        }
        result.axes = axes;
        result.constant = match &sum.constant {
            Some(_) => self.constant_part(node, &[(0, &sum)], &result.axes)?,
            None => None,
        };
        Ok(result)
    }

    /// A contraction with weights.
    fn contract_weights(
        &mut self,
        node: &TypedNode,
        letters: &[Letter],
        rank: usize,
        slot: usize,
        weights: &ArrayD<f32>,
    ) -> Outcome<Sum> {
        let outlet = input(node, slot)?;
        let mut sum = self.demand(outlet)?;
        let scaling = |sum: &Sum| -> Option<Constant> {
            let [product] = sum.products.as_slice() else {
                return None;
            };
            if !sum.reads.is_empty() || !sum.lookups.is_empty() {
                return None;
            }
            let Factor::Constant(k) = &product.k else {
                return None;
            };
            let out = sum.atoms();
            let elementwise = product.atoms().iter().all(|a| out.contains(a));
            elementwise.then(|| k.clone())
        };
        if !sum.is_view() && scaling(&sum).is_none() {
            sum = self.view(outlet)?;
        }
        let mut names = Unified::default();
        let mut weight_axes = vec![Vec::new(); weights.ndim()];
        let mut out_axes = vec![Vec::new(); rank];
        let mut summed = Vec::new();
        for letter in letters {
            let place = |s: usize| letter.operands.get(s).copied().flatten();
            let own = place(slot).and_then(|p| sum.axes.get(p)).cloned();
            let weight_len = place(1 - slot).and_then(|p| weights.shape().get(p).copied());
            let own = own.unwrap_or_default();
            let atoms = if own.is_empty() {
                self.graph.atoms.axis(weight_len.unwrap_or(1))
            } else {
                names
                    .axis(&mut self.graph.atoms, &own, &[])
                    .ok_or_else(unexpressed)?
            };
            if let Some(axis) = place(1 - slot).and_then(|p| weight_axes.get_mut(p)) {
                axis.clone_from(&atoms);
            }
            match letter.output.and_then(|p| out_axes.get_mut(p)) {
                Some(axis) => *axis = atoms,
                None => summed.extend(atoms),
            }
        }
        let mut k = self.constant_along(weights, &weight_axes)?;
        let renamed = sum.rename(&names.left, &self.graph.atoms);
        let mut reads = renamed.reads.clone();
        if let Some(scale) = scaling(&renamed) {
            if scale.atoms.iter().all(|a| k.atoms.contains(a)) {
                k = k.times(&scale);
                let product = renamed.products.into_iter().next();
                reads = product.map_or_else(Vec::new, |p| p.a);
            } else {
                sum = self.view(outlet)?;
                reads = sum.rename(&names.left, &self.graph.atoms).reads;
            }
        }
        let mut result = self.graph.weighted(out_axes, &summed, reads, k);
        if sum.constant.is_some() {
            result.constant = self.constant_part(node, &[(slot, &sum)], &result.axes)?;
        }
        Ok(result)
    }

    pub(super) fn axis_op(&mut self, node: &TypedNode, op: &AxisOp) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        if let Entry::Indices(selector) = self.entry(outlet)?.clone() {
            return self.regrouped(selector, op).map(Entry::Indices);
        }
        let beside = match self.entry(outlet)?.clone() {
            Entry::Best(sum) => Some((sum, Entry::Best as fn(Box<Sum>) -> Entry)),
            Entry::OneHot(sum) => Some((sum, Entry::OneHot as fn(Box<Sum>) -> Entry)),
            _ => None,
        };
        if let Some((sum, entry)) = beside {
            let mut scores = *sum;
            let candidates = scores.axes.pop().unwrap_or_default();
            let [mut scores] = self.moved([scores], op)?;
            scores.axes.push(candidates);
            return Ok(entry(Box::new(scores)));
        }
        if let Some(ratio) = self.lone_ratio(outlet)? {
            let [numerator, divisor] = self.moved([ratio.numerator, ratio.divisor], op)?;
            return Ok(Entry::Ratio(Box::new(Ratio { numerator, divisor })));
        }
        let sum = self.demand(outlet)?;
        let [sum] = self.moved([sum], op)?;
        Ok(Entry::Sum(sum))
    }

    /// The same change of axes in sums of the same axes.
    fn moved<const N: usize>(&mut self, mut sums: [Sum; N], op: &AxisOp) -> Outcome<[Sum; N]> {
        let known = |p: usize, n: usize| {
            if p < n {
                Ok(p)
            } else {
                Err(Refusal::new(format!("it has no axis {p}")))
            }
        };
        let Some(first) = sums.first().cloned() else {
            return Ok(sums);
        };
        let mut axes = first.axes.clone();
        match op {
            AxisOp::Add(at) => axes.insert(known(*at, axes.len() + 1)?, Vec::new()),
            AxisOp::Rm(at) => {
                axes.remove(known(*at, axes.len())?);
            }
            AxisOp::Move(from, to) => {
                let axis = axes.remove(known(*from, axes.len())?);
                axes.insert(known(*to, axes.len() + 1)?, axis);
            }
            AxisOp::Reshape(at, from, to) => {
                let end = known(at + from.len(), axes.len() + 1)?;
                let lens = to.iter().map(index_of).collect::<TractResult<Vec<_>>>()?;
                let merged: Vec<Atom> = axes.drain(*at..end).flatten().collect();
                let (rename, groups) = first
                    .regroup(&merged, &lens, &mut self.graph.atoms)
                    .ok_or_else(unexpressed)?;
                for sum in &mut sums {
                    *sum = sum.rename(&rename, &self.graph.atoms);
                }
                for axis in &mut axes {
                    *axis = renamed(axis, &rename);
                }
                axes.splice(*at..*at, groups);
            }
        }
        for sum in &mut sums {
            sum.axes.clone_from(&axes);
        }
        Ok(sums)
    }

    pub(super) fn broadcast(&mut self, node: &TypedNode) -> Outcome<Entry> {
        let shape = self.shape(OutletId::new(node.id, 0))?;
        let mut sum = self.demand(input(node, 0)?)?;
        while sum.axes.len() < shape.len() {
            sum.axes.insert(0, Vec::new());
        }
        for (axis, len) in sum.axes.iter_mut().zip(shape) {
            if axis.is_empty() {
                *axis = self.graph.atoms.axis(len);
            }
        }
        Ok(Entry::Sum(sum))
    }

    pub(super) fn reduce(&mut self, node: &TypedNode, op: &Reduce) -> Outcome<Entry> {
        if op.reducer == Reducer::MeanOfSquares {
            return self.mean_of_squares(node, op);
        }
        if let Reducer::Max | Reducer::Min = op.reducer {
            let sign = if op.reducer == Reducer::Max {
                1.0
            } else {
                -1.0
            };
            return self.largest(node, &op.axes, sign);
        }
        if let Reducer::ArgMax(last) | Reducer::ArgMin(last) = op.reducer {
            let sign = if matches!(op.reducer, Reducer::ArgMax(_)) {
                1.0
            } else {
                -1.0
            };
            return self.best(node, &op.axes, sign, last);
        }
        if op.reducer != Reducer::Sum {
            return Err(Refusal::new(format!(
                "reduction by {:?} has no translation",
                op.reducer
            )));
        }
        let sum = match self.squared(input(node, 0)?)? {
            Some(squared) => squared,
            None => self.demand(input(node, 0)?)?,
        };
        let sum = if sum.lookups.is_empty() {
            sum
        } else {
            self.view(input(node, 0)?)?
        };
        let mut result = self.graph.summed(sum.clone(), &op.axes);
        if sum.constant.is_some() {
            result.constant = self.constant_part(node, &[(0, &sum)], &result.axes)?;
        }
        Ok(Entry::Sum(result))
    }

    /// A product of a view with itself, over the reduced axes.
    fn mean_of_squares(&mut self, node: &TypedNode, op: &Reduce) -> Outcome<Entry> {
        let sum = self.plain(input(node, 0)?)?;
        let shape = sum.shape(&self.graph.atoms);
        let count: usize = op.axes.iter().filter_map(|a| shape.get(*a)).product();
        let squared = Sum {
            products: vec![Product {
                a: sum.reads.clone(),
                k: Factor::Reads(sum.reads),
            }],
            ..Sum::zero(sum.axes)
        };
        #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
        let mean = 1.0 / count as f64;
        Ok(Entry::Sum(
            self.graph.summed(squared, &op.axes).affine(mean, 0.0),
        ))
    }
}

pub(super) fn index_of(dim: &TDim) -> TractResult<usize> {
    Ok(dim.to_usize()?)
}
