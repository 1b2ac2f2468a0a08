//! Integer views of activations, and weights.

use std::collections::HashSet;

use pleat_verifier::descriptor::{
    AxisMap, IndexPort, Inner, Linear, Read as Of, Stride, Term, View, WeightBlock,
};

use sha3::{Digest, Sha3_256};

use super::super::error::CompileError;
use super::super::expr::{Atom, Constant, Factor, Lookup, Map, Read, Table};
use super::super::graph::{Activation, Graph, GraphIndices};
use super::{
    BIAS_MAX, INTEGER_MAX, Integral, Names, Quantizer, WEIGHT_MAX, integer, largest, positive,
    small,
};

/// Terms that are multiples of one unit by at most so much are never rounded.
const EXACT: f64 = 4096.0;

impl Quantizer<'_> {
    /// How far the coefficients of a product's views may reach: they share `2^(2B)` with the other factor's precision.
    pub(super) fn most(&self, product: &super::super::expr::Product, p: f64) -> f64 {
        let size = |reads: &[Read]| {
            let sizes = reads.iter().map(|r| r.coefficient.abs() * self.y(r.node));
            sizes.fold(0.0, f64::max)
        };
        let (other, share) = match &product.k {
            Factor::Constant(k) => (largest(k), 0.5),
            Factor::Stored(k) => (k.matrix.largest(), 0.5),
            Factor::Reads(reads) => (size(reads), 0.25),
        };
        let steps = size(&product.a) * other * self.shift() / p;
        steps.powf(share).clamp(16.0, 65_536.0)
    }

    /// The smallest term's unit, if all terms are multiples of it by at most `most`.
    pub(super) fn common_unit(
        &self,
        reads: &[Read],
        most: f64,
        how: &dyn Fn(&Read) -> Of,
    ) -> Option<f64> {
        let real = |r: &Read| (r.coefficient * self.unit(r.node, how(r))).abs();
        let sizes = || reads.iter().map(real).filter(|v| *v > 0.0);
        let smallest = sizes().fold(f64::INFINITY, f64::min);
        let multiple = |v: f64| {
            let n = v / smallest;
            // Coefficients are products of 32-bit floats.
            (n - n.round()).abs() < 1e-6 * n && n <= most
        };
        (smallest.is_finite() && sizes().all(multiple)).then_some(smallest)
    }

    /// Whether a node's value is a root, which is read wide or exactly.
    pub(super) fn is_root(&self, node: usize) -> bool {
        let node = self.graph.nodes.get(node);
        node.is_some_and(|n| matches!(n.activation, Activation::Root))
    }

    /// How a term reads a node, precisely or not.
    pub(super) fn how(&self, node: usize, precise: bool) -> Of {
        if self.is_root(node) || precise && self.fine.contains(&node) {
            Of::Wide
        } else {
            Of::Value
        }
    }

    /// Real value of one unit of a node as it is read.
    pub(super) fn unit(&self, node: usize, how: Of) -> f64 {
        let digit = f64::from(self.digit_bits).exp2();
        let scale = self.scales.get(node);
        match (how, self.is_root(node)) {
            (Of::Wide, true) => scale.map_or(1.0, |s| s.y * digit),
            (Of::Wide, false) => scale.map_or(1.0, |s| s.p / digit),
            _ => scale.map_or(1.0, |s| s.y),
        }
    }

    pub(super) fn y(&self, node: usize) -> f64 {
        self.unit(node, self.how(node, false))
    }

    /// `C`: integer coefficients of their own for every term.
    pub(super) fn linear(&self, reads: &[Read], p: f64, names: &Names) -> Option<Linear> {
        let how = |r: &Read| self.how(r.node, true);
        let real = |r: &Read| r.coefficient * self.unit(r.node, how(r)) * self.shift() / p;
        let largest = reads.iter().map(|r| real(r).abs()).fold(0.0, f64::max);
        let multiplier = (largest / INTEGER_MAX).log2().ceil().max(0.0).exp2();
        // A coefficient of few digits would cost more than the reading gains.
        let how = |r: &Read| match how(r) {
            Of::Wide if real(r).abs() < 1024.0 && !self.is_root(r.node) => Of::Value,
            how => how,
        };
        let real = |r: &Read| r.coefficient * self.unit(r.node, how(r)) * self.shift() / p;
        let terms = self.terms(reads, names, &how, |r| {
            integer(
                (real(r) / multiplier)
                    .round()
                    .clamp(-INTEGER_MAX, INTEGER_MAX),
            )
        });
        (!terms.is_empty()).then(|| Linear {
            multiplier: integer(multiplier),
            view: View { terms },
        })
    }

    /// `D`: a constant, and rows of tables.
    pub(super) fn bias(
        &mut self,
        constant: Option<&Constant>,
        lookups: &[Lookup],
        out: &[Atom],
        p: f64,
        names: &Names,
    ) -> Result<Option<Linear>, CompileError> {
        let real = self.shift() / p;
        let mut terms = Vec::new();
        let mut multiplier = 1.0;
        if let Some(constant) = constant {
            multiplier = (largest(constant) * real / BIAS_MAX).ceil().max(1.0);
            let order: Vec<Atom> = out
                .iter()
                .filter(|x| constant.atoms.contains(x))
                .copied()
                .collect();
            terms.extend(
                self.weight(constant, &order, real / multiplier, names)
                    .terms,
            );
        }
        if !lookups.is_empty() {
            // Each has a coefficient of its own.
            for term in &mut terms {
                term.coefficient = integer(multiplier);
            }
            multiplier = 1.0;
        }
        for lookup in lookups {
            let real = real * lookup.coefficient;
            let table = match &lookup.table {
                Table::Known(table) => table,
                Table::Stored(table) => {
                    let stored = self.matrix(table)?;
                    terms.extend(self.lookup_terms(&stored, table, lookup, real, names));
                    continue;
                }
            };
            let coefficient = (largest(table) * real.abs() / WEIGHT_MAX).ceil().max(1.0);
            let mut order = vec![lookup.along];
            order.extend(out.iter().filter(|x| table.atoms.contains(x)));
            let lens = self.graph.atoms.lens(&order);
            let block = self.stored(table, &order, real / coefficient);
            let gather = AxisMap::Gather {
                source: lens.first().copied().unwrap_or(1),
                port: lookup.port,
                index: lookup.index.iter().map(|a| names.id(*a)).collect(),
            };
            let rest = order.iter().zip(&lens).skip(1);
            let rest = rest.map(|(a, len)| AxisMap::identity(*len, names.id(*a)));
            terms.push(Term {
                coefficient: integer(coefficient),
                read: Of::Weight,
                block,
                maps: std::iter::once(gather).chain(rest).collect(),
            });
        }
        Ok((!terms.is_empty()).then(|| Linear {
            multiplier: integer(multiplier),
            view: View { terms },
        }))
    }

    /// Stores `round(constant·factor)` as a weight block with axes `order`, unless it is already there.
    pub(super) fn weight(
        &mut self,
        constant: &Constant,
        order: &[Atom],
        factor: f64,
        names: &Names,
    ) -> View {
        let block = self.stored(constant, order, factor);
        View::whole(Of::Weight, block, &names.axes(order, self.graph))
    }

    fn stored(&mut self, constant: &Constant, order: &[Atom], factor: f64) -> usize {
        let values: Vec<i32> = constant
            .ordered(order)
            .iter()
            .map(|v| small((f64::from(*v) * factor).round()))
            .collect();
        let shape = self.graph.atoms.lens(order);
        let count = self.blocks.len();
        let mut digest = Sha3_256::new();
        for value in &values {
            digest.update(value.to_le_bytes());
        }
        let block = *self
            .known
            .entry((shape.clone(), digest.finalize().into()))
            .or_insert(count);
        if block == count {
            self.blocks.push(WeightBlock { address: 0, shape });
            self.weights.push(values.into());
        }
        block
    }

    /// A view of activations in a common unit, with coefficients up to `most`.
    pub(super) fn integral(
        &self,
        reads: &[Read],
        most: f64,
        precise: bool,
        names: &Names,
    ) -> Integral {
        self.integral_by(reads, most, names, |r| self.how(r.node, precise))
    }

    pub(super) fn integral_by(
        &self,
        reads: &[Read],
        most: f64,
        names: &Names,
        how: impl Fn(&Read) -> Of,
    ) -> Integral {
        let real = |r: &Read| r.coefficient * self.unit(r.node, how(r));
        let largest = reads.iter().map(|r| real(r).abs()).fold(0.0, f64::max);
        // Small whole multiples of one unit, an element beside a mean of many, are kept as they are.
        let unit = self
            .common_unit(reads, most.max(EXACT), &how)
            .unwrap_or_else(|| positive(largest / most, 1.0));
        let terms = self.terms(reads, names, &how, |r| integer((real(r) / unit).round()));
        Integral {
            view: View { terms },
            unit,
        }
    }

    fn terms(
        &self,
        reads: &[Read],
        names: &Names,
        how: &dyn Fn(&Read) -> Of,
        coefficient: impl Fn(&Read) -> i64,
    ) -> Vec<Term> {
        let term = |read: &Read| Term {
            coefficient: coefficient(read),
            read: how(read),
            block: read.node,
            maps: read.maps.iter().map(|m| map(m, names)).collect(),
        };
        reads
            .iter()
            .map(term)
            .filter(|t| t.coefficient != 0)
            .collect()
    }
}

/// Sums without a function of their own that others read beyond `B` bits: residual streams, and what is normalized. None if the
/// network neither takes roots nor divides.
pub(super) fn fine_nodes(graph: &Graph) -> HashSet<usize> {
    let precise = |a: &Activation| matches!(a, Activation::Root | Activation::Quotient(_));
    if !graph.nodes.iter().any(|n| precise(&n.activation)) {
        return HashSet::new();
    }
    let identity = |i: &usize| {
        let node = graph.nodes.get(*i);
        node.is_some_and(|n| matches!(n.activation, Activation::Identity))
    };
    let reads = graph.nodes.iter().flat_map(|n| {
        let factors = n.sum.products.iter().flat_map(|p| {
            let k = match &p.k {
                Factor::Reads(reads) => reads.as_slice(),
                Factor::Constant(_) | Factor::Stored(_) => &[],
            };
            p.a.iter().chain(k)
        });
        let factors = factors.filter(|_| precise(&n.activation));
        let residual = !n.sum.products.is_empty() || precise(&n.activation);
        let linear = n.sum.reads.iter().filter(move |_| residual);
        factors.chain(linear)
    });
    reads.map(|r| r.node).filter(identity).collect()
}

pub(super) fn index_port(indices: &GraphIndices) -> IndexPort {
    IndexPort {
        name: indices.name.clone(),
        shape: indices.shape.clone(),
        len: indices.len,
        role: indices.role,
    }
}

fn map(map: &Map, names: &Names) -> AxisMap {
    if let Some(port) = map.gather {
        return AxisMap::Gather {
            source: map.source,
            port,
            index: map.index.iter().map(|(a, _)| names.id(*a)).collect(),
        };
    }
    if let (2.., [(atom, _)]) = (map.repeat, map.index.as_slice()) {
        return AxisMap::Repeat {
            source: map.source,
            axis: names.id(*atom),
            factor: map.repeat,
        };
    }
    let stride = |(atom, stride): &(Atom, i64)| Stride {
        axis: names.id(*atom),
        stride: *stride,
    };
    let inner = |(len, stride): &(usize, i64)| Inner {
        len: *len,
        stride: *stride,
    };
    AxisMap::Affine {
        source: map.source,
        offset: map.offset,
        index: map.index.iter().map(stride).collect(),
        inner: map.inner.iter().map(inner).collect(),
    }
}
