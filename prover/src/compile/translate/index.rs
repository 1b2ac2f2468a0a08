//! Indices: gathers by public indices and by constants, and answers.

use ndarray::{ArrayD, Axis, IxDyn};
use pleat_verifier::descriptor::IndexRole;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::AxisOp;
use tract_onnx::tract_core::ops::array::{Gather, GatherElements, GatherNd};
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::identity::Identity;

use super::super::expr::{Atom, Constant, Lookup, Map, Sum, Table};
use super::super::graph::{Activation, GraphIndices, GraphPort, Place};
use super::linear::index_of;
use super::{Entry, Outcome, Refusal, Translator, input};

/// An index port and how a tensor of indices stands in its axes.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub port: usize,
    pub axes: Vec<Vec<Atom>>,
}

impl Translator<'_> {
    /// If an input is of integers that are only gathered by, the length of the axis that they select from.
    pub(super) fn selects(&self, outlet: OutletId) -> Option<usize> {
        let fact = self.model.outlet_fact(outlet).ok()?;
        let whole = fact.datum_type.is_integer() || fact.datum_type == TDim::datum_type();
        let readers = self.model.outlet_successors(outlet);
        if !whole || readers.is_empty() {
            return None;
        }
        let mut found = None;
        for reader in readers {
            let node = self.model.node(reader.node);
            let len = if let Some(gather) = node.op_as::<Gather>() {
                if reader.slot != 1 {
                    return None;
                }
                let data = self.model.outlet_fact(*node.inputs.first()?).ok()?;
                *data.shape.as_concrete()?.get(gather.axis)?
            } else if node.op_is::<AxisOp>() || node.op_is::<Cast>() || node.op_is::<Identity>() {
                self.selects_on(OutletId::new(node.id, 0))?
            } else {
                return None;
            };
            if found.is_some_and(|f| f != len) {
                return None;
            }
            found = Some(len);
        }
        found
    }

    /// The same of what became of an input.
    fn selects_on(&self, outlet: OutletId) -> Option<usize> {
        self.selects(outlet)
    }

    /// Declares an input of indices.
    pub(super) fn given(
        &mut self,
        name: String,
        shape: Vec<usize>,
        len: usize,
        axes: Vec<Vec<Atom>>,
    ) -> Selector {
        let port = self.graph.indices.len();
        self.graph.indices.push(GraphIndices {
            name,
            shape,
            len,
            role: IndexRole::Given,
        });
        self.graph.given.push(Place::Indices(port));
        Selector { port, axes }
    }

    /// Indices in other axes.
    pub(super) fn regrouped(&self, mut selector: Selector, op: &AxisOp) -> Outcome<Selector> {
        let axes = &mut selector.axes;
        let bad = || Refusal::new("it has no such axis");
        match op {
            AxisOp::Add(at) if *at <= axes.len() => axes.insert(*at, Vec::new()),
            AxisOp::Rm(at) if *at < axes.len() => drop(axes.remove(*at)),
            AxisOp::Move(from, to) if *from.max(to) < axes.len() => {
                let axis = axes.remove(*from);
                axes.insert(*to, axis);
            }
            AxisOp::Reshape(at, from, to) => {
                let end = at + from.len();
                if end > axes.len() {
                    return Err(bad());
                }
                let merged: Vec<Atom> = axes.drain(*at..end).flatten().collect();
                let lens = to.iter().map(index_of).collect::<TractResult<Vec<_>>>()?;
                let mut rest = merged.as_slice();
                let mut groups = Vec::new();
                for len in lens {
                    let mut group = Vec::new();
                    while self.graph.atoms.size(&group) < len {
                        let (first, others) = rest.split_first().ok_or_else(bad)?;
                        group.push(*first);
                        rest = others;
                    }
                    if self.graph.atoms.size(&group) != len {
                        return Err(Refusal::new("it splits an axis of indices"));
                    }
                    groups.push(group);
                }
                axes.splice(*at..*at, groups);
            }
            _ => return Err(bad()),
        }
        Ok(selector)
    }

    /// Rows of a constant table or of a tensor, by indices that are public or constant.
    pub(super) fn gather(&mut self, node: &TypedNode, op: &Gather) -> Outcome<Entry> {
        let (data, indices) = (input(node, 0)?, input(node, 1)?);
        match self.entry(indices)?.clone() {
            Entry::Indices(selector) => self.selected(data, op.axis, &selector).map(Entry::Sum),
            Entry::OneHot(ones) => self.multiplied(data, op.axis, *ones).map(Entry::Sum),
            Entry::Constant(values) => {
                let sum = self.view(data)?;
                let len = sum.shape(&self.graph.atoms).get(op.axis).copied();
                let positions = positions(&values, len.unwrap_or(1))?;
                let lists = [positions];
                let constant = sum.constant.clone();
                let mut result = Sum::zero(Vec::new());
                for tensor in self.gathered(data, &sum, op.axis, &lists)? {
                    result = tensor;
                }
                let flat = result.axes.get(op.axis).cloned().unwrap_or_default();
                let lens = values.shape().to_vec();
                let (rename, groups) = result
                    .regroup(&flat, &lens, &mut self.graph.atoms)
                    .ok_or_else(super::unexpressed)?;
                result = result.rename(&rename, &self.graph.atoms);
                result.axes.splice(op.axis..=op.axis, groups);
                if constant.is_some() {
                    result.constant = self.constant_part(node, &[(0, &sum)], &result.axes)?;
                }
                Ok(Entry::Sum(result))
            }
            _ => Err(Refusal::new(
                "its indices are computed; they have to be constant or an input of integers",
            )),
        }
    }

    /// Declares a hidden input of indices: zeros and ones, of which one in each place is a one.
    pub(super) fn one_hot(
        &mut self,
        name: String,
        shape: &[usize],
        len: usize,
        mut axes: Vec<Vec<Atom>>,
    ) -> Sum {
        let along = self.graph.atoms.fresh(len);
        axes.push(vec![along]);
        let input = self.graph.inputs.len();
        self.graph.given.push(Place::OneHot(input, len));
        let (node, view) = self.graph.push(&name, Sum::zero(axes), Activation::Boolean);
        let mut total = view.total(&[along], &self.graph.atoms);
        total.add_constant(&Constant::scalar(-1.0));
        let assertion = format!("{name}, one each");
        self.graph.push(&assertion, total, Activation::Assert);
        self.graph.inputs.push(GraphPort {
            name,
            node,
            shape: [shape, &[len]].concat(),
        });
        view
    }

    /// Rows of a constant table by hidden indices: a contraction.
    fn multiplied(&mut self, data: OutletId, axis: usize, ones: Sum) -> Outcome<Sum> {
        let Entry::Constant(table) = self.entry(data)?.clone() else {
            return Err(Refusal::new(
                "hidden indices select from constant tables only",
            ));
        };
        let mut by = ones.axes;
        let along = by.pop().unwrap_or_default();
        let [atom] = along.as_slice() else {
            return Err(Refusal::new("it has no axis of candidates"));
        };
        let (axes, table) = self.table_along(&table, axis, *atom, &by)?;
        Ok(self.graph.weighted(axes, &[*atom], ones.reads, table))
    }

    /// A table by its atoms, `along` being those of the axis that is selected from, and the axes of what is selected.
    fn table_along(
        &mut self,
        table: &ArrayD<f32>,
        axis: usize,
        along: Atom,
        by: &[Vec<Atom>],
    ) -> Outcome<(Vec<Vec<Atom>>, Constant)> {
        let mut axes: Vec<Vec<Atom>> = Vec::new();
        let mut names = Vec::new();
        for (at, len) in table.shape().iter().enumerate() {
            if at == axis {
                axes.extend(by.iter().cloned());
                names.push(vec![along]);
            } else {
                let own = self.graph.atoms.axis(*len);
                names.push(own.clone());
                axes.push(own);
            }
        }
        let flat: Vec<usize> = names
            .iter()
            .flat_map(|a| self.graph.atoms.lens(a))
            .collect();
        let values: Vec<f32> = table.iter().copied().collect();
        let values = ArrayD::from_shape_vec(IxDyn(&flat), values)
            .map_err(|e| Refusal::new(e.to_string()))?;
        let table = Constant {
            atoms: names.concat(),
            values: values.into_shared(),
        };
        Ok((axes, table))
    }

    fn selected(&mut self, data: OutletId, axis: usize, by: &Selector) -> Outcome<Sum> {
        let index = by.axes.concat();
        if let Entry::Constant(table) = self.entry(data)?.clone() {
            let along = self.graph.atoms.fresh(table.len_of(Axis(axis)));
            let (axes, table) = self.table_along(&table, axis, along, &by.axes)?;
            let lookup = Lookup {
                coefficient: 1.0,
                port: by.port,
                index,
                along,
                table: Table::Known(table),
            };
            return Ok(Sum {
                lookups: vec![lookup],
                ..Sum::zero(axes)
            });
        }
        let view = self.view(data)?;
        let own = view.axes.get(axis).cloned().unwrap_or_default();
        let [atom] = own.as_slice() else {
            return Err(Refusal::new(
                "it gathers along an axis of length 1, or a regrouped one",
            ));
        };
        if view
            .constant
            .as_ref()
            .is_some_and(|c| c.atoms.contains(atom))
        {
            return Err(Refusal::new(
                "it gathers from a tensor with a constant part",
            ));
        }
        let len = self.graph.atoms.len(*atom);
        let mut result = view;
        for read in &mut result.reads {
            for map in &mut read.maps {
                let reads = map.index.iter().any(|(a, _)| a == atom);
                if !reads {
                    continue;
                }
                if *map != Map::identity(len, *atom) {
                    return Err(super::unexpressed());
                }
                map.index = index.iter().map(|a| (*a, 1)).collect();
                map.gather = Some(by.port);
            }
        }
        result.axes.splice(axis..=axis, by.axes.iter().cloned());
        Ok(result)
    }

    /// Elements of a tensor by constant indices, one for each element of the result.
    pub(super) fn gather_elements(
        &mut self,
        node: &TypedNode,
        op: &GatherElements,
    ) -> Outcome<Entry> {
        let Entry::Constant(values) = self.entry(input(node, 1)?)?.clone() else {
            return Err(Refusal::new(
                "its indices are computed; they have to be constant",
            ));
        };
        let shape = self.shape(input(node, 0)?)?;
        let len = shape.get(op.axis).copied().unwrap_or(1);
        let along = positions(&values, len)?;
        let mut taken = Vec::new();
        for ((index, _), position) in values.indexed_iter().zip(along) {
            let mut index = ndarray::Dimension::slice(&index).to_vec();
            if let Some(at) = index.get_mut(op.axis) {
                *at = position;
            }
            taken.push(index);
        }
        self.picked(node, &taken, values.shape())
    }

    /// Slices of a tensor by constant index tuples.
    pub(super) fn gather_nd(&mut self, node: &TypedNode, op: &GatherNd) -> Outcome<Entry> {
        let Entry::Constant(values) = self.entry(input(node, 1)?)?.clone() else {
            return Err(Refusal::new(
                "its indices are computed; they have to be constant",
            ));
        };
        let _ = values;
        let _ = op;
        // Which element it takes is read off what the operator does to `0, 1, 2, …`.
        let shape = self.shape(input(node, 0)?)?;
        let out = self.shape(OutletId::new(node.id, 0))?;
        let size: usize = shape.iter().product();
        #[expect(clippy::cast_precision_loss, reason = "positions below 2^24")]
        let ramp: Vec<f32> = (0..size).map(|i| i as f32).collect();
        let ramp =
            ArrayD::from_shape_vec(IxDyn(&shape), ramp).map_err(|e| Refusal::new(e.to_string()))?;
        let picked = self.evaluate(node, &[(0, ramp)])?;
        let picked = picked
            .first()
            .ok_or_else(|| Refusal::new("it has no output"))?;
        let flat = positions(picked, size)?;
        let taken: Vec<Vec<usize>> = flat
            .into_iter()
            .map(|f| pleat_verifier::quantize::unflatten(&shape, f))
            .collect();
        self.picked(node, &taken, &out)
    }

    /// The tensor of shape `out` whose elements are these, row-major: a contraction with a one-hot tensor.
    fn picked(&mut self, node: &TypedNode, taken: &[Vec<usize>], out: &[usize]) -> Outcome<Entry> {
        const MOST: usize = 1 << 22;
        let outlet = input(node, 0)?;
        let view = self.view(outlet)?;
        let atoms = view.atoms();
        let lens = self.graph.atoms.lens(&atoms);
        let shape = view.shape(&self.graph.atoms);
        let size: usize = lens.iter().product();
        if size.saturating_mul(taken.len()) > MOST {
            return Err(Refusal::new("it picks too many elements out of too many"));
        }
        let axes: Vec<Vec<Atom>> = out.iter().map(|n| self.graph.atoms.axis(*n)).collect();
        let mut one_hot = vec![0.0_f32; size * taken.len()];
        for (row, index) in taken.iter().enumerate() {
            let flat = index.iter().zip(&shape).fold(0, |f, (i, n)| f * n + i);
            if let Some(cell) = one_hot.get_mut(row * size + flat) {
                *cell = 1.0;
            }
        }
        let names = [axes.concat(), atoms.clone()].concat();
        let lens = self.graph.atoms.lens(&names);
        let values = ArrayD::from_shape_vec(IxDyn(&lens), one_hot)
            .map_err(|e| Refusal::new(e.to_string()))?;
        let one_hot = Constant {
            atoms: names,
            values: values.into_shared(),
        };
        let mut sum = self
            .graph
            .weighted(axes, &atoms, view.reads.clone(), one_hot);
        if view.constant.is_some() {
            sum.constant = self.constant_part(node, &[(0, &view)], &sum.axes)?;
        }
        Ok(Entry::Sum(sum))
    }

    /// The index of the largest (with `sign` -1, smallest) element along one axis.
    pub(super) fn best(
        &mut self,
        node: &TypedNode,
        axes: &[usize],
        sign: f64,
        last: bool,
    ) -> Outcome<Entry> {
        let [axis] = axes else {
            return Err(Refusal::new("the best along several axes"));
        };
        if last {
            return Err(Refusal::new(
                "the last of several best; the first is supported",
            ));
        }
        if !self.is_output(node) {
            return Err(Refusal::new(
                "the index of the best is supported as an output only",
            ));
        }
        let mut sum = self.demand(input(node, 0)?)?.affine(sign, 0.0);
        if sum.axes.get(*axis).is_some_and(|a| a.len() != 1) {
            sum = self.view(input(node, 0)?)?.affine(sign, 0.0);
        }
        let candidates = sum.axes.get_mut(*axis).map(std::mem::take);
        match candidates {
            Some(candidates) if candidates.len() == 1 => {
                // An axis of length 1 stays where it was.
                sum.axes.push(candidates);
                Ok(Entry::Best(Box::new(sum)))
            }
            _ => Err(Refusal::new(
                "the best along an axis of length 1, or a regrouped one",
            )),
        }
    }

    /// Whether nothing but casts and changes of axes stand between a node and an output.
    fn is_output(&self, node: &TypedNode) -> bool {
        let outputs = self.model.output_outlets().unwrap_or_default();
        let own = OutletId::new(node.id, 0);
        outputs.contains(&own)
            || self.model.outlet_successors(own).iter().all(|next| {
                let node = self.model.node(next.node);
                (node.op_is::<AxisOp>() || node.op_is::<Cast>()) && self.is_output(node)
            }) && !self.model.outlet_successors(own).is_empty()
    }

    /// Declares an output of indices.
    pub(super) fn answer(&mut self, name: &str, shape: Vec<usize>, scores: Sum) {
        let len = scores.axes.last().map_or(1, |a| self.graph.atoms.size(a));
        let port = self.graph.indices.len();
        self.graph.indices.push(GraphIndices {
            name: name.to_owned(),
            shape,
            len,
            role: IndexRole::Answer,
        });
        self.graph.answers.push(Place::Indices(port));
        self.graph.push(name, scores, Activation::Best(port));
    }

    /// To floats; to integers only what is a whole number already, or an index.
    pub(super) fn cast(&self, node: &TypedNode, op: &Cast) -> Outcome<Entry> {
        let entry = self.entry(input(node, 0)?)?.clone();
        let indices = matches!(entry, Entry::Indices(_) | Entry::OneHot(_) | Entry::Best(_));
        let from = self.model.outlet_fact(input(node, 0)?)?.datum_type;
        let whole =
            |dt: DatumType| dt.is_integer() || dt == bool::datum_type() || dt == TDim::datum_type();
        if op.to.is_float() && !indices || whole(op.to) && (indices || whole(from)) {
            return Ok(entry);
        }
        Err(Refusal::new(if indices {
            "arithmetic with indices"
        } else {
            "a cast to integers truncates"
        }))
    }
}

/// Whole numbers as positions; negative ones count from the end.
fn positions(values: &ArrayD<f32>, len: usize) -> Outcome<Vec<usize>> {
    let position = |v: &f32| {
        #[expect(clippy::cast_possible_truncation, reason = "a position")]
        let whole = *v as i64;
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let j = if whole < 0 { whole + len } else { whole };
        let inside = (0..len).contains(&j);
        let j = usize::try_from(j).ok().filter(|_| inside);
        j.ok_or_else(|| Refusal::new(format!("index {v} is outside an axis of {len}")))
    };
    values.iter().map(position).collect()
}
