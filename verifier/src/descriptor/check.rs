//! What a verifier demands of a descriptor before it uses it (PROTOCOL.md §2 and §3); each rule has its own error.

use super::DescriptorError as E;
use super::operation::Lowering;
use super::{
    Axis, AxisId, AxisMap, Descriptor, Function, IndexRole, Limits, Node, Offset, Operation, Read,
    Relation, Role, Slot, Term, View,
};
use crate::mle::{bits, shape_bits};

/// Absolute bound on every integer of a descriptor, exclusive.
const INTEGER_BOUND: i64 = 1 << 31;

/// A block's place, for the disjointness check.
struct Placed {
    label: String,
    address: usize,
    bits: usize,
}

/// What follows from a descriptor in the course of checking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// What its nodes are lowered to.
    pub relations: Vec<Relation>,
    /// Per node, the relation of its first block.
    pub firsts: Vec<usize>,
    /// The functions listed, then those that relations need besides.
    pub functions: Vec<Function>,
    /// Sizes.
    pub sizes: Sizes,
}

/// Sizes that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// `ν`.
    pub nu: usize,
    /// `νW`.
    pub nu_w: usize,
    /// `N_T`.
    pub table_rows: usize,
}

impl Descriptor {
    /// Demands every rule of PROTOCOL.md §2 and §3.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(crate) fn check(&self, limits: &Limits) -> Result<Checked, E> {
        if !(1..=15).contains(&self.digit_bits) {
            return Err(E::DigitBits(self.digit_bits));
        }
        limit(
            "row bits",
            to_usize(self.row_bits),
            to_usize(limits.row_bits),
        )?;
        for (what, items) in [
            ("number of nodes", self.nodes.len()),
            ("number of weight blocks", self.weights.len()),
            ("number of constants", self.constants.len()),
            ("number of functions", self.functions.len()),
            ("number of inputs", self.inputs.len()),
            ("number of outputs", self.outputs.len()),
            ("number of index ports", self.indices.len()),
            ("number of agreements", self.agreements.len()),
        ] {
            limit(what, items, limits.items)?;
        }
        for (what, empty) in [
            ("nodes", self.nodes.is_empty()),
            (
                "outputs",
                self.outputs.is_empty() && self.indices.iter().all(|p| p.role == IndexRole::Given),
            ),
        ] {
            if empty {
                return Err(E::Empty(what));
            }
        }
        self.check_functions()?;
        self.check_shapes(limits)?;
        self.check_ports()?;
        self.check_indices(limits)?;
        for (index, node) in self.nodes.iter().enumerate() {
            self.check_node(index, node, limits)?;
        }
        let functions = self.all_functions();
        let (relations, firsts) = self.lower(&functions)?;
        let sizes = self.check_layout(&functions, limits)?;
        let mut work = 0_usize;
        for relation in &relations {
            if let Offset::Before(port) = relation.offset {
                work = work.saturating_add(self.index_values(port));
            }
            for slot in relation.slots() {
                self.check_slot(&slot, &relations, limits, &mut work)?;
            }
        }
        limit("work of the maps", work, limits.map_work)?;
        self.check_range(&functions, &relations)?;
        Ok(Checked {
            relations,
            firsts,
            functions,
            sizes,
        })
    }

    /// The functions listed, then those of [`Function::AUXILIARY`] that some operation needs.
    pub fn all_functions(&self) -> Vec<Function> {
        let needed = |f: &Function| {
            let mut operations = self.nodes.iter().map(|n| &n.operation);
            operations.any(|o| o.auxiliary().as_ref() == Some(f))
        };
        let auxiliary = Function::AUXILIARY.into_iter().filter(needed);
        self.functions.iter().cloned().chain(auxiliary).collect()
    }

    /// Values that an index port has.
    fn index_values(&self, port: usize) -> usize {
        self.indices.get(port).map_or(0, super::IndexPort::elements)
    }

    /// The rules of index ports and agreements.
    fn check_indices(&self, limits: &Limits) -> Result<(), E> {
        let mut total = 0_usize;
        for (index, port) in self.indices.iter().enumerate() {
            let bad = |what| {
                Err(E::BadIndexPort {
                    port: port.name.clone(),
                    what,
                })
            };
            limit("number of axes", port.shape.len(), limits.axes)?;
            if port.shape.contains(&0) || port.len == 0 || u32::try_from(port.len).is_err() {
                return bad("a length is 0, or indices have more than 32 bits");
            }
            total = total.saturating_add(port.elements());
            limit("number of indices", total, limits.map_work)?;
            let about = |n: &&Node| n.operation == Operation::Best { port: index };
            let answers = self.nodes.iter().filter(about).count();
            match (port.role, answers) {
                (IndexRole::Given, 0) | (IndexRole::Answer, 1) => {}
                (IndexRole::Given, _) => return bad("it is given, so no node answers it"),
                (IndexRole::Answer, _) => {
                    return bad("it is an answer, so exactly one node is about it");
                }
            }
        }
        for (agreement, own) in self.agreements.iter().enumerate() {
            let bad = |what| Err(E::BadAgreement { agreement, what });
            let port = |index: usize, role: IndexRole| {
                let port = self.indices.get(index);
                port.filter(|p| p.role == role && p.shape.len() == 1)
            };
            let answer = port(own.answer, IndexRole::Answer);
            let given = port(own.given, IndexRole::Given);
            match (answer, given) {
                (Some(answer), Some(given)) if answer.len == given.len => {}
                (Some(_), Some(_)) => return bad("its ports' indices have different bounds"),
                _ => return bad("it is not about an answer and a given port of one axis"),
            }
        }
        Ok(())
    }

    /// Lowers all nodes; also, for each, the relation of its first block.
    fn lower(&self, functions: &[Function]) -> Result<(Vec<Relation>, Vec<usize>), E> {
        let mut relations = Vec::new();
        let mut firsts = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let first = relations.len();
            firsts.push(first);
            // From here on, views of trace blocks name relations.
            let mut node = node.clone();
            let own = node.products.iter_mut().flat_map(|p| [&mut p.a, &mut p.k]);
            let linear = node.linear.iter_mut().chain(&mut node.bias);
            let views = own
                .chain(linear.map(|l| &mut l.view))
                .chain(node.operation.views_mut());
            for term in views.flat_map(|v| &mut v.terms) {
                if term.read.of_trace() {
                    term.block = firsts.get(term.block).copied().unwrap_or(usize::MAX);
                }
            }
            relations.extend(node.operation.lower(&Lowering {
                index,
                node: &node,
                first,
                digit_bits: self.digit_bits,
                functions,
                indices: &self.indices,
            })?);
        }
        Ok((relations, firsts))
    }

    fn check_functions(&self) -> Result<(), E> {
        let expected = 1_usize << self.digit_bits;
        for function in &self.functions {
            if Function::AUXILIARY.contains(function) {
                return Err(E::FunctionMisused {
                    function: function.name().to_owned(),
                });
            }
            if let Function::Table { name, values } = function {
                if values.len() != expected {
                    return Err(E::TableLength {
                        name: name.clone(),
                        got: values.len(),
                        expected,
                    });
                }
                for v in values {
                    small(|| format!("table {name}"), i64::from(*v))?;
                }
            }
        }
        Ok(())
    }

    /// Axes, and sizes that later arithmetic relies on.
    fn check_shapes(&self, limits: &Limits) -> Result<(), E> {
        for node in &self.nodes {
            limit("number of products", node.products.len(), limits.products)?;
            let contractions = node.products.iter().map(|p| &p.contraction);
            for axes in contractions.chain([&node.out]) {
                limit("number of axes", axes.len(), limits.axes)?;
                let distinct = axes
                    .iter()
                    .enumerate()
                    .all(|(i, a)| axes.iter().skip(i.saturating_add(1)).all(|b| a.id != b.id));
                if !distinct || axes.iter().any(|a| a.len == 0) {
                    return Err(E::BadAxes {
                        place: format!("node {}", node.name),
                    });
                }
            }
            limit("bits of a block", node.block_bits(), limits.column_bits)?;
            for product in &node.products {
                limit(
                    "bits of a contraction",
                    product.contraction_bits(),
                    limits.contraction_bits,
                )?;
            }
        }
        let mut listed = 0_usize;
        for (i, constant) in self.constants.iter().enumerate() {
            listed = listed.saturating_add(constant.values.len());
            limit("number of constants' values", listed, limits.map_work)?;
            let place = || format!("constant {i}");
            limit("number of axes", constant.shape.len(), limits.axes)?;
            if constant.shape.contains(&0) {
                return Err(E::BadAxes { place: place() });
            }
            limit(
                "bits of a constant",
                shape_bits(&constant.shape),
                limits.column_bits,
            )?;
            let size = constant.shape.iter().product::<usize>();
            if size != constant.values.len() {
                return Err(E::ConstantLength {
                    constant: i,
                    got: constant.values.len(),
                    expected: size,
                });
            }
            for v in &constant.values {
                small(place, i64::from(*v))?;
            }
        }
        for (i, block) in self.weights.iter().enumerate() {
            limit("number of axes", block.shape.len(), limits.axes)?;
            if block.shape.contains(&0) {
                return Err(E::BadAxes {
                    place: format!("weight block {i}"),
                });
            }
            limit(
                "bits of a block",
                shape_bits(&block.shape),
                limits.column_bits,
            )?;
        }
        Ok(())
    }

    fn check_ports(&self) -> Result<(), E> {
        let ports: Vec<_> = self.ports().collect();
        for (i, port) in ports.iter().enumerate() {
            let node = self.nodes.get(port.node).ok_or_else(|| E::PortUnknown {
                port: port.name.clone(),
                node: port.node,
            })?;
            if ports.iter().take(i).any(|other| other.node == port.node) {
                return Err(E::PortTwice {
                    node: node.name.clone(),
                });
            }
            let bad = |what| {
                Err(E::BadPort {
                    port: port.name.clone(),
                    what,
                })
            };
            if !(port.scale.is_finite() && port.scale > 0.0) {
                return bad("its scale is not a positive number");
            }
            let product =
                |lens: &[usize]| lens.iter().try_fold(1_usize, |n, len| n.checked_mul(*len));
            if !node.operation.offers().contains(&Read::Value) {
                return bad("its node has no values to show");
            }
            if product(&port.shape).is_none() || product(&port.shape) != product(&node.shape()) {
                return bad("its shape has another number of elements than its block");
            }
        }
        Ok(())
    }

    fn check_layout(&self, functions: &[Function], limits: &Limits) -> Result<Sizes, E> {
        let trace = self.nodes.iter().enumerate().flat_map(|(i, n)| {
            n.blocks
                .iter()
                .enumerate()
                .map(move |(block, address)| Placed {
                    label: format!("a block of node {}", n.name),
                    address: *address,
                    bits: self.reserved_bits(i, n, block),
                })
        });
        let weights = self.weights.iter().enumerate().map(|(i, b)| Placed {
            label: format!("weight block {i}"),
            address: b.address,
            bits: shape_bits(&b.shape),
        });
        let row_bits = to_usize(self.row_bits);
        let trace_end = disjoint(trace.collect(), row_bits, limits)?;
        let weights_end = disjoint(weights.collect(), row_bits, limits)?;
        let tags = functions.len().saturating_add(1);
        let table_rows = tags.checked_shl(self.digit_bits).ok_or(E::OverLimit {
            what: "number of functions",
            value: functions.len(),
            limit: limits.items,
        })?;
        limit("number of table entries", table_rows, limits.table_rows)?;
        let nu = row_bits.max(bits(trace_end.max(table_rows)));
        let nu_w = row_bits.max(bits(weights_end));
        limit("bits of the trace", nu, limits.column_bits)?;
        limit("bits of the weights", nu_w, limits.column_bits)?;
        Ok(Sizes {
            nu,
            nu_w,
            table_rows,
        })
    }

    /// The rules of what a node says: its operation, its parts, and that it reads what others before it offer.
    fn check_node(&self, index: usize, node: &Node, limits: &Limits) -> Result<(), E> {
        let name = || node.name.clone();
        if node.blocks.len() != node.operation.blocks() {
            return Err(E::BlockCount {
                node: name(),
                operation: node.operation.name(),
                got: node.blocks.len(),
                expected: node.operation.blocks(),
            });
        }
        let empty = node.products.is_empty() && node.linear.is_none() && node.bias.is_none();
        let declared = self.inputs.iter().any(|p| p.node == index);
        if declared != node.operation.is_input() || (declared && !empty) {
            return Err(E::InputForm { node: name() });
        }
        if empty && !declared {
            return Err(E::EmptyNode { node: name() });
        }
        if let Operation::Map { function } = node.operation {
            self.functions
                .get(function)
                .ok_or_else(|| E::FunctionNotListed {
                    node: name(),
                    function,
                })?;
        }
        let products = node.products.iter();
        let products =
            products.flat_map(|p| [(Role::A, &p.a, p.multiplier), (Role::K, &p.k, p.multiplier)]);
        let linear = node.linear.iter().map(|l| (Role::C, &l.view, l.multiplier));
        let bias = node.bias.iter().map(|l| (Role::D, &l.view, l.multiplier));
        let own = node.operation.views().map(|v| (Role::C, v, 1));
        for (role, view, multiplier) in products.chain(linear).chain(bias) {
            small(
                || format!("node {}, multiplier of {role:?}", node.name),
                multiplier,
            )?;
            self.check_view(index, node, role, view, limits)?;
            let weights = view.terms.iter().any(|t| t.read == Read::Weight);
            if weights && !node.operation.reads_weights() {
                return Err(E::WrongRead {
                    node: name(),
                    role,
                    read: Read::Weight,
                });
            }
        }
        if let Some((role, view, _)) = own {
            self.check_view(index, node, role, view, limits)?;
        }
        Ok(())
    }

    /// That a view reads what its role may, of blocks that there are, before the node.
    fn check_view(
        &self,
        index: usize,
        node: &Node,
        role: Role,
        view: &View,
        limits: &Limits,
    ) -> Result<(), E> {
        let name = || node.name.clone();
        limit("number of terms of a view", view.terms.len(), limits.terms)?;
        for term in &view.terms {
            small(
                || format!("node {}, part {role:?}", node.name),
                term.coefficient,
            )?;
            let unknown = || E::BlockUnknown {
                node: name(),
                role,
                block: term.block,
            };
            let wrong = || E::WrongRead {
                node: name(),
                role,
                read: term.read,
            };
            if role == Role::D && term.read.of_trace() {
                return Err(wrong());
            }
            for map in &term.maps {
                let AxisMap::Gather { port, .. } = map else {
                    continue;
                };
                let what = match self.indices.get(*port).map(|p| p.role) {
                    Some(IndexRole::Given) => continue,
                    Some(IndexRole::Answer) => "by an answer",
                    None => "by an index port that does not exist",
                };
                return Err(E::BadGather {
                    node: name(),
                    role,
                    what,
                });
            }
            match term.read {
                Read::Low | Read::One | Read::OneHot => return Err(wrong()),
                Read::Weight => {
                    self.weights.get(term.block).ok_or_else(unknown)?;
                }
                Read::Constant => {
                    self.constants.get(term.block).ok_or_else(unknown)?;
                }
                _ => {
                    let read = self.nodes.get(term.block).ok_or_else(unknown)?;
                    if term.block >= index {
                        return Err(E::ReadsLater {
                            node: name(),
                            block: term.block,
                        });
                    }
                    if !read.operation.offers().contains(&term.read) {
                        return Err(wrong());
                    }
                }
            }
        }
        Ok(())
    }

    /// The rules of axes and maps, of all that a slot reads.
    fn check_slot(
        &self,
        slot: &Slot<'_>,
        relations: &[Relation],
        limits: &Limits,
        work: &mut usize,
    ) -> Result<(), E> {
        let relation = slot.relation;
        limit(
            "bits of a contraction",
            slot.contraction_bits(),
            limits.contraction_bits,
        )?;
        for axis in slot.batch() {
            let out = relation
                .out
                .iter()
                .find(|o| o.id == axis.id)
                .map_or(0, |o| o.len);
            if out != axis.len {
                return Err(E::BatchLength {
                    node: relation.name.clone(),
                    axis: axis.id.0,
                    out,
                    contraction: axis.len,
                });
            }
        }
        for (role, view, _) in slot.views() {
            let owned = slot.owned(role);
            for term in &view.terms {
                self.check_term(slot, relations, role, term, &owned, work)?;
            }
        }
        Ok(())
    }

    /// The shape of what a term of a relation reads.
    fn read_shape(&self, relations: &[Relation], term: &Term) -> Option<Vec<usize>> {
        match term.read {
            Read::Weight => self.weights.get(term.block).map(|b| b.shape.clone()),
            Read::Constant => self.constants.get(term.block).map(|c| c.shape.clone()),
            Read::One => Some(Vec::new()),
            Read::OneHot => {
                let port = self.indices.get(term.block)?;
                Some([port.lens().as_slice(), &[port.len]].concat())
            }
            _ => relations.get(term.block).map(Relation::shape),
        }
    }

    fn check_term(
        &self,
        slot: &Slot<'_>,
        relations: &[Relation],
        role: Role,
        term: &Term,
        owned: &[Axis],
        work: &mut usize,
    ) -> Result<(), E> {
        let node = slot.relation;
        let name = || node.name.clone();
        let shape = self.read_shape(relations, term);
        let shape = shape.ok_or_else(|| E::BlockUnknown {
            node: name(),
            role,
            block: term.block,
        })?;
        if !term
            .maps
            .iter()
            .map(AxisMap::source)
            .eq(shape.iter().copied())
        {
            return Err(E::MapsDoNotFit {
                node: name(),
                role,
                block: term.block,
            });
        }
        let place = || format!("node {}, part {role:?}", node.name);
        for map in &term.maps {
            match map {
                AxisMap::Affine {
                    offset,
                    index,
                    inner,
                    ..
                } => {
                    limit(
                        "number of axes",
                        index.len().max(inner.len()),
                        owned.len().max(16),
                    )?;
                    small(place, *offset)?;
                    for stride in index {
                        small(place, stride.stride)?;
                    }
                    for axis in inner {
                        small(place, axis.stride)?;
                        small(place, i64::try_from(axis.len).unwrap_or(i64::MAX))?;
                        if axis.len == 0 {
                            return Err(E::BadAxes { place: place() });
                        }
                    }
                }
                AxisMap::Repeat { factor, .. } => {
                    small(place, i64::try_from(*factor).unwrap_or(i64::MAX))?;
                    if *factor == 0 {
                        return Err(E::BadRepeat { node: name(), role });
                    }
                }
                AxisMap::Gather {
                    source,
                    port,
                    index,
                } => {
                    let port = self.indices.get(*port);
                    let lens = index.iter().map(|a| slot.extent(*a).unwrap_or(1));
                    let fits = |p: &super::IndexPort| p.len == *source && lens.eq(p.lens());
                    if !port.is_some_and(fits) {
                        return Err(E::BadGather {
                            node: name(),
                            role,
                            what: "an axis of another length than the port's bound, or by index axes of other lengths \
                                   than the port's",
                        });
                    }
                }
            }
        }
        let mut seen: Vec<AxisId> = Vec::new();
        for axis in term.axes() {
            if seen.contains(&axis) {
                return Err(E::AxisReadTwice {
                    node: name(),
                    role,
                    axis: axis.0,
                });
            }
            if owned.iter().all(|a| a.id != axis) {
                return Err(E::AxisNotOwned {
                    node: name(),
                    role,
                    axis: axis.0,
                });
            }
            seen.push(axis);
        }
        let extent = |axis| slot.extent(axis).unwrap_or(1);
        let listed = match term.read {
            Read::Constant => 1_usize << shape_bits(&shape),
            Read::OneHot => self.index_values(term.block),
            _ => 0,
        };
        *work = work.saturating_add(listed);
        for map in &term.maps {
            let tuples = map.work(&extent).unwrap_or(usize::MAX);
            *work = work.saturating_add(tuples);
        }
        Ok(())
    }
}

fn to_usize(v: u32) -> usize {
    usize::try_from(v).unwrap_or(usize::MAX)
}

fn limit(what: &'static str, value: usize, limit: usize) -> Result<(), E> {
    if value > limit {
        Err(E::OverLimit { what, value, limit })
    } else {
        Ok(())
    }
}

fn small(place: impl Fn() -> String, value: i64) -> Result<(), E> {
    let ok = value > INTEGER_BOUND.saturating_neg() && value < INTEGER_BOUND;
    if ok {
        Ok(())
    } else {
        Err(E::IntegerTooLarge {
            place: place(),
            value,
        })
    }
}

/// Demands alignment, disjointness and that not too many rows are committed. Returns the end of the last block.
fn disjoint(mut blocks: Vec<Placed>, row_bits: usize, limits: &Limits) -> Result<usize, E> {
    blocks.sort_by_key(|b| b.address);
    let mut end = 0_usize;
    let mut rows = 0_usize;
    let mut previous: Option<String> = None;
    for block in blocks {
        limit("bits of a block", block.bits, limits.column_bits)?;
        let size = 1_usize << block.bits;
        rows = rows.saturating_add(size >> row_bits);
        limit("number of committed rows", rows, limits.rows)?;
        if block.address & size.saturating_sub(1) != 0 {
            return Err(E::Misaligned {
                block: block.label,
                address: block.address,
                align: size,
            });
        }
        if let Some(first) = previous.filter(|_| block.address < end) {
            return Err(E::Overlap {
                first,
                second: block.label,
            });
        }
        end = block.address.saturating_add(size);
        previous = Some(block.label);
    }
    Ok(end)
}
