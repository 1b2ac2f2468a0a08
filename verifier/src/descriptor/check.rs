//! What a verifier demands of a descriptor before it uses it (PROTOCOL.md §2 and §3); each rule has its own error.

use super::DescriptorError as E;
use super::{Axis, AxisId, AxisMap, Descriptor, Function, Limits, Node, Role, Source, Term, View};
use crate::mle::{bits, shape_bits};

/// Absolute bound on every integer of a descriptor, exclusive.
const INTEGER_BOUND: i64 = 1 << 31;
/// `2·max(ν,νW) + max k_l + 2·log2(terms per view)` and its sharper twin may not exceed this, so that `|Z| < q/2`:
/// five factors below `2^31` and this many bits stay below `2^253`.
pub(super) const RANGE_BITS: usize = 97;

/// A block's place, for the disjointness check.
struct Placed {
    label: String,
    address: usize,
    bits: usize,
}

/// Sizes derived from a descriptor in the course of checking it.
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
    pub(crate) fn check(&self, limits: &Limits) -> Result<Sizes, E> {
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
            ("number of functions", self.functions.len()),
            ("number of inputs", self.inputs.len()),
            ("number of outputs", self.outputs.len()),
        ] {
            limit(what, items, limits.items)?;
        }
        for (what, empty) in [
            ("nodes", self.nodes.is_empty()),
            ("outputs", self.outputs.is_empty()),
        ] {
            if empty {
                return Err(E::Empty(what));
            }
        }
        self.check_functions()?;
        self.check_shapes(limits)?;
        self.check_ports()?;
        let sizes = self.check_layout(limits)?;
        let mut work = 0_usize;
        for (index, node) in self.nodes.iter().enumerate() {
            self.check_node(index, node, limits, &mut work)?;
        }
        limit("work of the maps", work, limits.map_work)?;
        self.check_range(&sizes)?;
        Ok(sizes)
    }

    fn check_functions(&self) -> Result<(), E> {
        let expected = 1_usize << self.digit_bits;
        for function in &self.functions {
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
            for axes in [&node.out, &node.contraction] {
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
            limit(
                "bits of a contraction",
                node.contraction_bits(),
                limits.contraction_bits,
            )?;
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
            if product(&port.shape).is_none() || product(&port.shape) != product(&node.shape()) {
                return bad("its shape has another number of elements than its block");
            }
        }
        Ok(())
    }

    fn check_layout(&self, limits: &Limits) -> Result<Sizes, E> {
        let trace = self.nodes.iter().enumerate().map(|(i, n)| Placed {
            label: format!("the block of node {}", n.name),
            address: n.address,
            bits: self.reserved_bits(i, n),
        });
        let weights = self.weights.iter().enumerate().map(|(i, b)| Placed {
            label: format!("weight block {i}"),
            address: b.address,
            bits: shape_bits(&b.shape),
        });
        let row_bits = to_usize(self.row_bits);
        let trace_end = disjoint(trace.collect(), row_bits, limits)?;
        let weights_end = disjoint(weights.collect(), row_bits, limits)?;
        let tags = self.functions.len().saturating_add(1);
        let table_rows = tags.checked_shl(self.digit_bits).ok_or(E::OverLimit {
            what: "number of functions",
            value: self.functions.len(),
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

    fn check_node(
        &self,
        index: usize,
        node: &Node,
        limits: &Limits,
        work: &mut usize,
    ) -> Result<(), E> {
        let name = || node.name.clone();
        if node.function >= self.functions.len() {
            return Err(E::FunctionNotListed {
                node: name(),
                function: node.function,
            });
        }
        if node.product.is_none() && !node.contraction.is_empty() {
            return Err(E::ContractionWithoutProduct { node: name() });
        }
        if node.views().next().is_none() {
            return Err(E::EmptyNode { node: name() });
        }
        for axis in node.batch() {
            let out = node
                .out
                .iter()
                .find(|o| o.id == axis.id)
                .map_or(0, |o| o.len);
            if out != axis.len {
                return Err(E::BatchLength {
                    node: name(),
                    axis: axis.id.0,
                    out,
                    contraction: axis.len,
                });
            }
        }
        let declared = self.inputs.iter().any(|p| p.node == index);
        if declared != self.has_input_form(index, node) {
            return Err(E::InputForm { node: name() });
        }
        for (role, view, multiplier) in node.views() {
            small(
                || format!("node {}, multiplier of {role:?}", node.name),
                multiplier,
            )?;
            let allowed = match role {
                Role::A | Role::C => view.source == Source::Activations,
                Role::K => true,
                Role::D => view.source == Source::Weights,
            };
            if !allowed {
                return Err(E::WrongSource {
                    node: name(),
                    role,
                    source_column: view.source,
                });
            }
            limit("number of terms of a view", view.terms.len(), limits.terms)?;
            let owned = node.owned(role);
            for term in &view.terms {
                if view.source == Source::Activations && term.block >= index && !declared {
                    return Err(E::ReadsLater {
                        node: name(),
                        block: term.block,
                    });
                }
                self.check_term(node, role, view, term, &owned, work)?;
            }
        }
        Ok(())
    }

    /// Whether the node is exactly `Z = 2^(2B)·Y_own` with the identity.
    fn has_input_form(&self, index: usize, node: &Node) -> bool {
        let identity = self.functions.get(node.function) == Some(&Function::Identity);
        identity
            && *node
                == Node::input(
                    node.name.clone(),
                    index,
                    node.address,
                    node.out.clone(),
                    self.digit_bits,
                    node.function,
                )
    }

    fn check_term(
        &self,
        node: &Node,
        role: Role,
        view: &View,
        term: &Term,
        owned: &[Axis],
        work: &mut usize,
    ) -> Result<(), E> {
        let name = || node.name.clone();
        let shape = match view.source {
            Source::Activations => self.nodes.get(term.block).map(Node::shape),
            Source::Weights => self.weights.get(term.block).map(|b| b.shape.clone()),
        };
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
        small(place, term.coefficient)?;
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
        let extent = |axis| node.extent(axis).unwrap_or(1);
        for map in &term.maps {
            let tuples = map.work(&extent).unwrap_or(usize::MAX);
            *work = work.saturating_add(tuples);
        }
        Ok(())
    }

    /// `|Z| < q/2` (PROTOCOL.md §3), once by the page's bound and once by counting the positions that a view really adds
    /// up: inner axes may visit one position more often than the column is long, which the page's bound does not see.
    fn check_range(&self, sizes: &Sizes) -> Result<(), E> {
        let terms = |n: &Node| {
            n.views()
                .map(|(_, v, _)| bits(v.terms.len()))
                .max()
                .unwrap_or(0)
        };
        let contraction = self
            .nodes
            .iter()
            .map(Node::contraction_bits)
            .max()
            .unwrap_or(0);
        let most_terms = self.nodes.iter().map(terms).max().unwrap_or(0);
        let column = sizes.nu.max(sizes.nu_w);
        let page = column
            .saturating_add(most_terms)
            .saturating_mul(2)
            .saturating_add(contraction);
        let inner = |view: &View| view.terms.iter().map(inner_bits).max().unwrap_or(0);
        let counted = |n: &Node| {
            let most = n.views().map(|(_, v, _)| inner(v)).max().unwrap_or(0);
            most.saturating_add(terms(n))
                .saturating_mul(2)
                .saturating_add(n.contraction_bits())
        };
        let bits = self.nodes.iter().map(counted).max().unwrap_or(0).max(page);
        if bits > RANGE_BITS {
            Err(E::RangeBound { bits })
        } else {
            Ok(())
        }
    }
}

/// `log2` of the number of positions, with multiplicity, that a term adds up for one index.
fn inner_bits(term: &Term) -> usize {
    let lens = |m: &AxisMap| match m {
        AxisMap::Affine { inner, .. } => inner
            .iter()
            .fold(0_usize, |n, a| n.saturating_add(bits(a.len))),
        AxisMap::Repeat { .. } => 0,
    };
    term.maps
        .iter()
        .fold(0_usize, |n, m| n.saturating_add(lens(m)))
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
