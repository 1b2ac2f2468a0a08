//! Operators that read axes at other positions: slices, borders, concatenation, resizing. They are affine maps of the index,
//! which cost nothing where the zeros outside an axis can be expressed, and a block where not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ndarray::{ArrayD, Axis};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::array::{Pad, PadMode, Slice, TypedConcat};

use super::super::expr::{Atom, Sum, signed};
use super::linear::index_of;
use super::{Entry, Outcome, Refusal, Translator, input, unexpressed};

/// Longest axis that a contraction with a one-hot matrix regroups.
pub(super) const MOST_JOINED: usize = 512;

/// A new index for one logical axis: `offset + Σ stride·atom` (see [`Sum::window`]).
pub(in crate::compile) struct Reindex {
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
    /// Reindexes a view; if the zeros outside its axes cannot be expressed, a block made of it.
    pub(super) fn windowed(
        &mut self,
        outlet: OutletId,
        sum: &Sum,
        steps: &[Reindex],
    ) -> Outcome<Sum> {
        let name = self.label(outlet);
        let ready = self.graph.windowable(&name, sum, &[steps])?;
        self.graph.reindexed(&ready, steps).ok_or_else(unexpressed)
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
        let name = self.label(outlet);
        let ready = self.graph.windowable(&name, sum, &ways)?;
        let mut tensors = Vec::with_capacity(lists.len());
        for list in &lists {
            let mut whole: Option<Sum> = None;
            for (times, steps) in list {
                #[expect(clippy::cast_precision_loss, reason = "counts are small")]
                let factor = *times as f64;
                let piece = self
                    .graph
                    .reindexed(&ready, steps)
                    .ok_or_else(unexpressed)?;
                let piece = piece.affine(factor, 0.0);
                whole = Some(match whole {
                    None => piece,
                    Some(before) => self.graph.combined(before, &piece)?,
                });
            }
            tensors.push(whole.ok_or_else(|| Refusal::new("it has an axis of length 0"))?);
        }
        Ok(tensors)
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
                    Some(before) => self.graph.combined(before, &placed)?,
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
