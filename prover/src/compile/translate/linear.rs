//! Linear operators: they transform expressions, and cost nothing until somebody asks for a node.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ndarray::{Array2, ArrayD, Axis};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{AxisOp, DimLike};
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::array::{Pad, PadMode, Slice, TypedConcat};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};

use super::super::expr::{Atom, Constant, Factor, Product, Read, Rename, Sum, Unified, signed};
use super::{Entry, Outcome, Refusal, Translator, input, unexpressed};

/// Longest axis that a contraction with a one-hot matrix regroups.
const MOST_JOINED: usize = 512;

/// The axes of an Einstein sum: per letter, its position in each operand and in the output.
struct Letter {
    operands: Vec<Option<usize>>,
    output: Option<usize>,
}

/// A new index for one logical axis: `offset + Σ stride·atom` (see [`Sum::window`]).
pub(super) struct Reindex {
    pub axis: usize,
    pub offset: i64,
    pub index: Vec<(Atom, i64)>,
    pub new_axis: Vec<Atom>,
}

impl Reindex {
    /// Positions `offset + step·i` along `new_axis`.
    pub fn line(axis: usize, offset: i64, step: i64, new_axis: Vec<Atom>) -> Self {
        Self {
            axis,
            offset,
            index: new_axis.iter().map(|a| (*a, step)).collect(),
            new_axis,
        }
    }
}

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
                _ => self.contract_activations(node, &letters, rank),
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
        let sum = self.demand(input(node, 0)?)?;
        let summed: Vec<usize> = letters
            .iter()
            .filter(|l| l.output.is_none())
            .filter_map(|l| l.operands.first().copied().flatten())
            .collect();
        let mut result = self.summed(sum.clone(), &summed);
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

    /// Sums over whole logical axes, which become axes of length 1. Constants are the caller's business.
    fn summed(&mut self, sum: Sum, axes: &[usize]) -> Sum {
        let mut rename = Rename::new();
        for atom in axes.iter().filter_map(|a| sum.axes.get(*a)).flatten() {
            let len = self.graph.atoms.len(*atom);
            rename.insert(*atom, vec![self.graph.atoms.fresh(len)]);
        }
        let fresh: Vec<Atom> = rename.values().flatten().copied().collect();
        let renamed = sum.rename(&rename, &self.graph.atoms);
        let mut result = renamed.total(&fresh, &self.graph.atoms);
        if let Some(product) = &mut result.product {
            self.count_unread(product, &fresh);
        }
        result.constant = None;
        result
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
            let product = sum.product.as_ref().filter(|_| sum.reads.is_empty())?;
            let Factor::Constant(k) = &product.k else {
                return None;
            };
            let out = sum.atoms();
            let elementwise = product.atoms().iter().all(|a| out.contains(a));
            elementwise.then(|| k.clone())
        };
        if sum.product.is_some() && scaling(&sum).is_none() {
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
                reads = renamed.product.map_or_else(Vec::new, |p| p.a);
            } else {
                sum = self.view(outlet)?;
                reads = sum.rename(&names.left, &self.graph.atoms).reads;
            }
        }
        let mut result = self.weighted(out_axes, &summed, reads, k);
        if sum.constant.is_some() {
            result.constant = self.constant_part(node, &[(slot, &sum)], &result.axes)?;
        }
        Ok(result)
    }

    /// A contraction of two activations.
    fn contract_activations(
        &mut self,
        node: &TypedNode,
        letters: &[Letter],
        rank: usize,
    ) -> Outcome<Sum> {
        let (left, right) = (self.plain(input(node, 0)?)?, self.plain(input(node, 1)?)?);
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
                .axis(&mut self.graph.atoms, &of(&left, 0), &of(&right, 1))
                .ok_or_else(unexpressed)?;
            match letter.output.and_then(|p| out_axes.get_mut(p)) {
                Some(axis) => *axis = atoms,
                None => summed.extend(atoms),
            }
        }
        let mut product = Product {
            a: left.rename(&names.left, &self.graph.atoms).reads,
            k: Factor::Reads(right.rename(&names.right, &self.graph.atoms).reads),
        };
        self.count_unread(&mut product, &summed);
        Ok(Sum {
            axes: out_axes,
            product: Some(product),
            reads: Vec::new(),
            constant: None,
        })
    }

    /// `Σ_summed reads·k`; uniform weights make no contraction.
    pub(super) fn weighted(
        &self,
        axes: Vec<Vec<Atom>>,
        summed: &[Atom],
        reads: Vec<Read>,
        k: Constant,
    ) -> Sum {
        let mut sum = Sum {
            axes,
            product: None,
            reads,
            constant: None,
        };
        if k.atoms.is_empty() {
            let factor = k.values.first().copied().map_or(0.0, f64::from);
            return sum.total(summed, &self.graph.atoms).affine(factor, 0.0);
        }
        let mut product = Product {
            a: std::mem::take(&mut sum.reads),
            k: Factor::Constant(k),
        };
        self.count_unread(&mut product, summed);
        sum.product = Some(product);
        sum
    }

    /// Summed axes that neither factor reads multiply the product by their length.
    fn count_unread(&self, product: &mut Product, summed: &[Atom]) {
        let read = product.atoms();
        for atom in summed.iter().filter(|a| !read.contains(a)) {
            #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
            let len = self.graph.atoms.len(*atom) as f64;
            for read in &mut product.a {
                read.coefficient *= len;
            }
        }
    }

    pub(super) fn axis_op(&mut self, node: &TypedNode, op: &AxisOp) -> Outcome<Entry> {
        let mut sum = self.demand(input(node, 0)?)?;
        let known = |p: usize, n: usize| {
            if p < n {
                Ok(p)
            } else {
                Err(Refusal::new(format!("it has no axis {p}")))
            }
        };
        match op {
            AxisOp::Add(at) => sum.axes.insert(known(*at, sum.axes.len() + 1)?, Vec::new()),
            AxisOp::Rm(at) => {
                sum.axes.remove(known(*at, sum.axes.len())?);
            }
            AxisOp::Move(from, to) => {
                let axis = sum.axes.remove(known(*from, sum.axes.len())?);
                sum.axes.insert(known(*to, sum.axes.len() + 1)?, axis);
            }
            AxisOp::Reshape(at, from, to) => {
                let end = known(at + from.len(), sum.axes.len() + 1)?;
                let lens = to.iter().map(index_of).collect::<TractResult<Vec<_>>>()?;
                let merged: Vec<Atom> = sum.axes.drain(*at..end).flatten().collect();
                let (rename, groups) = sum
                    .regroup(&merged, &lens, &mut self.graph.atoms)
                    .ok_or_else(unexpressed)?;
                sum = sum.rename(&rename, &self.graph.atoms);
                sum.axes.splice(*at..*at, groups);
            }
        }
        Ok(Entry::Sum(sum))
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
        if op.reducer != Reducer::Sum {
            return Err(Refusal::new(format!(
                "reduction by {:?} has no translation",
                op.reducer
            )));
        }
        let sum = self.demand(input(node, 0)?)?;
        let mut result = self.summed(sum.clone(), &op.axes);
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
            product: Some(Product {
                a: sum.reads.clone(),
                k: Factor::Reads(sum.reads),
            }),
            reads: Vec::new(),
            ..sum
        };
        #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
        let mean = 1.0 / count as f64;
        Ok(Entry::Sum(self.summed(squared, &op.axes).affine(mean, 0.0)))
    }

    /// Reindexes a view; if the zeros outside its axes cannot be expressed, a block made of it.
    pub(super) fn windowed(
        &mut self,
        outlet: OutletId,
        sum: &Sum,
        steps: &[Reindex],
    ) -> Outcome<Sum> {
        let ready = self.windowable(outlet, sum, &[steps])?;
        self.reindexed(&ready, steps).ok_or_else(unexpressed)
    }

    /// The sum without its constant, or a block made of it, such that every list of steps can be expressed.
    pub(super) fn windowable(
        &mut self,
        outlet: OutletId,
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
                Some(none) if none.is_empty() => none.push(self.graph.atoms.fresh(1)),
                Some(several) if several.len() > 1 => {
                    plain = self.joined(outlet, plain, step.axis)?;
                }
                _ => {}
            }
        }
        if works(self, &plain) {
            return Ok(plain);
        }
        let name = self.label(outlet);
        let view = self.graph.push(&name, plain, super::Activation::Identity).1;
        if works(self, &view) {
            Ok(view)
        } else {
            Err(unexpressed())
        }
    }

    /// The same tensor with a single atom along one axis: as a repetition, or else as a node that picks every element
    /// by a contraction with a one-hot tensor.
    fn joined(&mut self, outlet: OutletId, sum: Sum, axis: usize) -> Outcome<Sum> {
        if let Some(repeated) = sum.repeated(axis, &mut self.graph.atoms) {
            return Ok(repeated);
        }
        let parts = sum.axes.get(axis).cloned().unwrap_or_default();
        let len = self.graph.atoms.size(&parts);
        if len > MOST_JOINED {
            return Err(Refusal::new(format!(
                "it needs {len} regrouped positions in one axis; up to {MOST_JOINED} are supported"
            )));
        }
        let whole = self.graph.atoms.fresh(len);
        let mut axes = sum.axes;
        if let Some(joined) = axes.get_mut(axis) {
            *joined = vec![whole];
        }
        let one_hot = self.constant_along(
            &Array2::from_diag_elem(len, 1.0).into_dyn(),
            &[parts.clone(), vec![whole]],
        )?;
        let picked = self.weighted(axes, &parts, sum.reads, one_hot);
        let name = self.label(outlet);
        Ok(self
            .graph
            .push(&name, picked, super::Activation::Identity)
            .1)
    }

    /// The tensor whose position `i` along `axis` is `positions[i]`, for several lists of equal length.
    pub(super) fn gathered(
        &mut self,
        outlet: OutletId,
        sum: &Sum,
        axis: usize,
        lists: &[Vec<usize>],
    ) -> Outcome<Vec<Sum>> {
        let source = self
            .graph
            .atoms
            .size(sum.axes.get(axis).map_or(&[], Vec::as_slice));
        let new = self.graph.atoms.axis(lists.first().map_or(1, Vec::len));
        let step = |p: &Piece| {
            (
                p.times,
                [Reindex::line(axis, p.offset, p.stride, new.clone())],
            )
        };
        let lists: Vec<Vec<(i64, [Reindex; 1])>> = lists
            .iter()
            .map(|l| pieces(l, source).iter().map(step).collect())
            .collect();
        let ways: Vec<&[Reindex]> = lists.iter().flatten().map(|(_, s)| s.as_slice()).collect();
        let ready = self.windowable(outlet, sum, &ways)?;
        let mut tensors = Vec::with_capacity(lists.len());
        for list in &lists {
            let mut whole: Option<Sum> = None;
            for (times, steps) in list {
                #[expect(clippy::cast_precision_loss, reason = "counts are small")]
                let factor = *times as f64;
                let piece = self.reindexed(&ready, steps).ok_or_else(unexpressed)?;
                let piece = piece.affine(factor, 0.0);
                whole = Some(match whole {
                    None => piece,
                    Some(before) => self.combined(before, &piece)?,
                });
            }
            tensors.push(whole.ok_or_else(|| Refusal::new("it has an axis of length 0"))?);
        }
        Ok(tensors)
    }

    pub(super) fn reindexed(&self, sum: &Sum, steps: &[Reindex]) -> Option<Sum> {
        let step = |sum: Sum, s: &Reindex| {
            sum.window(
                s.axis,
                s.offset,
                &s.index,
                s.new_axis.clone(),
                &self.graph.atoms,
            )
        };
        steps.iter().try_fold(sum.clone(), step)
    }

    pub(super) fn slice(&mut self, node: &TypedNode, op: &Slice) -> Outcome<Entry> {
        self.strided(node, op.axis, signed(index_of(&op.start)?), 1)
    }

    pub(super) fn downsample(&mut self, node: &TypedNode, op: &Downsample) -> Outcome<Entry> {
        let step = i64::try_from(op.stride).unwrap_or(i64::MAX);
        let len = self.shape(input(node, 0)?)?.get(op.axis).copied();
        let offset = if step > 0 {
            signed(op.modulo)
        } else {
            signed(len.unwrap_or(1)) - 1
        };
        self.strided(node, op.axis, offset, step)
    }

    /// Positions `offset + step·i` of one axis.
    fn strided(&mut self, node: &TypedNode, axis: usize, offset: i64, step: i64) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let len = self.shape(OutletId::new(node.id, 0))?.get(axis).copied();
        let sum = self.view(outlet)?;
        let atoms = self.graph.atoms.axis(len.unwrap_or(1));
        let step = Reindex::line(axis, offset, step, atoms);
        let mut result = self.windowed(outlet, &sum, &[step])?;
        if sum.constant.is_some() {
            result.constant = self.constant_part(node, &[(0, &sum)], &result.axes)?;
        }
        Ok(Entry::Sum(result))
    }

    pub(super) fn pad(&mut self, node: &TypedNode, op: &Pad) -> Outcome<Entry> {
        let outlet = input(node, 0)?;
        let sum = self.view(outlet)?;
        let mut result = sum.clone();
        for (axis, (before, after)) in op.pads.iter().copied().enumerate() {
            if (before, after) == (0, 0) {
                continue;
            }
            let len = sum.axes.get(axis).map_or(1, |a| self.graph.atoms.size(a));
            if matches!(op.mode, PadMode::Constant(_)) {
                let new = self.graph.atoms.axis(len + before + after);
                let step = Reindex::line(axis, -signed(before), 1, new);
                result = self.windowed(outlet, &result, &[step])?;
                continue;
            }
            let last = len.saturating_sub(1);
            let reflected = matches!(op.mode, PadMode::Reflect);
            if reflected && before.max(after) > last {
                return Err(Refusal::new("it reflects more than the axis has"));
            }
            let outside = |distance: usize| if reflected { distance } else { 0 };
            let positions = (0..before).rev().map(|d| outside(d + 1));
            let positions = positions.chain(0..len);
            let positions = positions.chain((0..after).map(|d| last - outside(d + 1)));
            let lists = [positions.collect()];
            for tensor in self.gathered(outlet, &result, axis, &lists)? {
                result = tensor;
            }
        }
        // Also what it pads with.
        result.constant = self.constant_part(node, &[(0, &sum)], &result.axes)?;
        Ok(Entry::Sum(result))
    }

    /// Nearest-neighbour resizing. Which element it takes is read off what the operator does to `0, 1, 2, …`.
    pub(super) fn resize(&mut self, node: &TypedNode, mode: &str) -> Outcome<Entry> {
        if mode != "nearest" {
            return Err(Refusal::new(format!(
                "only nearest-neighbour resizing is supported, not {mode}"
            )));
        }
        let outlet = input(node, 0)?;
        let (from, to) = (self.shape(outlet)?, self.shape(OutletId::new(node.id, 0))?);
        let sum = self.view(outlet)?;
        let mut result = Sum {
            constant: None,
            ..sum.clone()
        };
        for axis in 0..from.len() {
            let positions = self.resized(node, &from, axis)?;
            let (len, new) = (from.get(axis).copied(), to.get(axis).copied());
            let (len, new) = (len.unwrap_or(1), new.unwrap_or(1));
            let factor = new / len;
            if new == len * factor && (0..new).map(|i| i / factor).eq(positions.iter().copied()) {
                let repeats = self.graph.atoms.axis(factor);
                result
                    .axes
                    .get_mut(axis)
                    .into_iter()
                    .for_each(|a| a.extend(&repeats));
            } else {
                for tensor in self.gathered(outlet, &result, axis, &[positions])? {
                    result = tensor;
                }
            }
        }
        if sum.constant.is_some() {
            result.constant = self.constant_part(node, &[(0, &sum)], &result.axes)?;
        }
        Ok(Entry::Sum(result))
    }

    /// The positions of one axis that a resizing takes.
    fn resized(&self, node: &TypedNode, from: &[usize], axis: usize) -> Outcome<Vec<usize>> {
        #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
        let ramp = ArrayD::from_shape_fn(from, |index| index[axis] as f32);
        let resized = self.evaluate(node, &[(0, ramp)])?;
        let mut line = resized
            .first()
            .ok_or_else(|| Refusal::new("it has no output"))?
            .view();
        while line.ndim() > axis + 1 {
            line = line.index_axis_move(Axis(axis + 1), 0);
        }
        while line.ndim() > 1 {
            line = line.index_axis_move(Axis(0), 0);
        }
        let position = |v: &f32| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a position"
            )]
            let j = *v as usize;
            #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
            let exact = j as f32 == *v;
            exact
                .then_some(j)
                .ok_or_else(|| Refusal::new("only nearest-neighbour resizing is supported"))
        };
        line.iter().map(position).collect()
    }

    pub(super) fn concat(&mut self, node: &TypedNode, op: &TypedConcat) -> Outcome<Entry> {
        let shape = self.shape(OutletId::new(node.id, 0))?;
        let total = shape.get(op.axis).copied().unwrap_or(1);
        let whole = self.graph.atoms.axis(total);

        let mut offset = 0;
        let mut result: Option<Sum> = None;
        let mut parts: HashMap<usize, Sum> = HashMap::new();
        for (slot, outlet) in node.inputs.iter().enumerate() {
            let len = self.shape(*outlet)?.get(op.axis).copied().unwrap_or(1);
            if !matches!(self.entry(*outlet)?, Entry::Constant(_)) {
                let sum = self.view(*outlet)?;
                let step = Reindex::line(op.axis, -offset, 1, whole.clone());
                let placed = self.windowed(*outlet, &sum, &[step])?;
                result = Some(match result {
                    None => placed,
                    Some(before) => self.combined(before, &placed)?,
                });
                parts.insert(slot, sum);
            }
            offset += signed(len);
        }
        let mut result = result.ok_or_else(|| Refusal::new("it has no operands"))?;
        let parts: Vec<(usize, &Sum)> = parts.iter().map(|(s, sum)| (*s, sum)).collect();
        result.constant = self.constant_part(node, &parts, &result.axes)?;
        Ok(Entry::Sum(result))
    }
}

/// `times` copies of the positions `offset + stride·i` that are inside the axis.
struct Piece {
    times: i64,
    offset: i64,
    stride: i64,
}

/// Lines whose sum reads position `positions[i]` of an axis of `source` at `i`, and no other: long ones first, then what
/// they left out or have too much.
fn pieces(positions: &[usize], source: usize) -> Vec<Piece> {
    let count = signed(positions.len());
    let wanted = (0..).zip(positions).map(|(i, j)| ((i, signed(*j)), 1));
    let mut left: BTreeMap<(i64, i64), i64> = wanted.collect();
    let without = |left: &BTreeMap<(i64, i64), i64>, piece: &Piece| {
        let mut left = left.clone();
        for i in 0..count {
            let at = (i, piece.offset + piece.stride * i);
            if (0..signed(source)).contains(&at.1) {
                *left.entry(at).or_insert(0) -= piece.times;
            }
        }
        left.retain(|_, times| *times != 0);
        left
    };
    let mut pieces = Vec::new();
    while let Some((&(i, j), &times)) = left.first_key_value() {
        let line = |stride: i64| Piece {
            times,
            offset: j - stride * i,
            stride,
        };
        let others = left.keys().filter(|(k, _)| *k > i);
        let strides = others.filter_map(|(k, l)| {
            let whole = (l - j) % (k - i) == 0 && l != &j;
            whole.then(|| (l - j) / (k - i))
        });
        // A stride of the axis' length reads a single element.
        let strides: BTreeSet<i64> = strides.chain([signed(source)]).collect();
        let best = strides
            .into_iter()
            .map(line)
            .map(|piece| (without(&left, &piece), piece))
            .min_by_key(|(left, _)| left.len());
        let Some((rest, piece)) = best else { break };
        left = rest;
        pieces.push(piece);
    }
    pieces
}

fn index_of(dim: &TDim) -> TractResult<usize> {
    Ok(dim.to_usize()?)
}
