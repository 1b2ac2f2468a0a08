//! The translated network in real numbers: what will become the descriptor's nodes, before quantization.

use std::collections::HashMap;
use std::sync::Arc;

use super::expr::{Atom, Atoms, Factor, Product, Sum};
use super::unary::Unary;
use pleat_verifier::descriptor::IndexRole;

/// What a node applies to its pre-activation.
#[derive(Clone, Debug)]
pub(super) enum Activation {
    /// Nothing; the node is an input of the network.
    Input,
    /// Nothing; the node is an input of zeros and ones.
    Boolean,
    /// Nothing.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// Any other function, a table.
    Table(Arc<Unary>),
    /// `√x`.
    Root,
    /// `x / divisor`, a view.
    Quotient(Box<Sum>),
    /// Nothing is read of it: the index port, number and all, says where the sum is largest along its last atom.
    Best(usize),
    /// Nothing is read of it: the sum is zero.
    Assert,
}

/// A public tensor of indices.
#[derive(Clone, Debug)]
pub(super) struct GraphIndices {
    pub name: String,
    pub shape: Vec<usize>,
    /// Indices are below it.
    pub len: usize,
    pub role: IndexRole,
}

/// What the model's inputs and outputs have become, in the model's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Number among the inputs, or the outputs.
    Tensor(usize),
    /// Number among the index ports.
    Indices(usize),
    /// Number among the inputs; an index below this length is a one where it points to, among zeros.
    OneHot(usize, usize),
}

/// A tensor that takes rows: `activation(sum)`, its block axes being the sum's atoms.
#[derive(Clone, Debug)]
pub(super) struct GraphNode {
    pub name: String,
    pub sum: Sum,
    pub activation: Activation,
}

/// Indices as ones among `len` zeros each.
pub(super) fn one_hot(indices: &[f32], len: usize) -> Vec<f32> {
    let row = |k: &f32| {
        let k = index(*k);
        (0..len).map(move |v| f32::from(u8::from(v == k)))
    };
    indices.iter().flat_map(row).collect()
}

impl GraphNode {
    /// Axes of the block.
    pub fn out(&self) -> Vec<Atom> {
        self.sum.atoms()
    }
}

/// An input or output tensor.
#[derive(Clone, Debug)]
pub(super) struct GraphPort {
    pub name: String,
    pub node: usize,
    pub shape: Vec<usize>,
}

/// The network.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub atoms: Atoms,
    pub nodes: Vec<GraphNode>,
    pub inputs: Vec<GraphPort>,
    pub outputs: Vec<GraphPort>,
    pub indices: Vec<GraphIndices>,
    /// Whether scores are masked.
    pub masks: bool,
    /// Where the model's inputs are.
    pub given: Vec<Place>,
    /// Where the model's outputs are.
    pub answers: Vec<Place>,
}

/// The index axes of a product, by who reads them.
#[derive(Clone, Debug)]
pub(super) struct ProductAxes {
    /// Output axes that both factors read.
    pub batch: Vec<Atom>,
    /// Output axes that only `A` reads.
    pub a_free: Vec<Atom>,
    /// Output axes that only `K` reads.
    pub k_free: Vec<Atom>,
    /// Axes that are not in the output.
    pub summed: Vec<Atom>,
}

impl ProductAxes {
    pub fn of(product: &Product, out: &[Atom]) -> Self {
        let a = super::expr::atoms_read(&product.a);
        let k = match &product.k {
            Factor::Constant(c) => c.atoms.clone(),
            Factor::Stored(s) => s.atoms(),
            Factor::Reads(reads) => super::expr::atoms_read(reads),
        };
        let select = |in_a: bool, in_k: bool| -> Vec<Atom> {
            let fits = |o: &&Atom| a.contains(o) == in_a && k.contains(o) == in_k;
            out.iter().filter(fits).copied().collect()
        };
        // In the weights' own order, so that a plain matrix is stored as it came.
        let all = k.iter().chain(a.iter().filter(|x| !k.contains(x)));
        Self {
            batch: select(true, true),
            a_free: select(true, false),
            k_free: select(false, true),
            summed: all.filter(|x| !out.contains(x)).copied().collect(),
        }
    }

    /// Axes of `x`.
    pub fn contraction(&self) -> Vec<Atom> {
        [self.batch.as_slice(), &self.summed].concat()
    }

    /// Axes of `A` as a matrix per batch: rows, then the contraction.
    pub fn a_order(&self) -> Vec<Atom> {
        [self.batch.as_slice(), &self.a_free, &self.summed].concat()
    }

    /// Axes of `K` as a matrix per batch: rows, then the contraction. Weights are stored in this order.
    pub fn k_order(&self) -> Vec<Atom> {
        [self.batch.as_slice(), &self.k_free, &self.summed].concat()
    }
}

impl GraphNode {
    /// Whether it is `exp` of a sum.
    pub fn exponentiates(&self) -> bool {
        matches!(&self.activation, Activation::Table(f) if f.describe() == "Exp")
    }
}

impl Graph {
    /// `B`, if nobody chooses: what is divided, rooted or exponentiated needs more digits.
    pub fn digit_bits(&self) -> u32 {
        let wide = |n: &GraphNode| {
            matches!(n.activation, Activation::Root | Activation::Quotient(_)) || n.exponentiates()
        };
        if self.nodes.iter().any(wide) { 14 } else { 12 }
    }

    /// Whether an input of this name is one of hidden indices.
    pub fn hides(&self, input: &str) -> bool {
        self.given.iter().any(|place| match place {
            Place::OneHot(i, _) => self.inputs.get(*i).is_some_and(|p| p.name == input),
            Place::Tensor(_) | Place::Indices(_) => false,
        })
    }

    /// Inputs of indices, public or hidden.
    pub fn selecting(&self) -> impl Iterator<Item = &str> {
        self.given.iter().filter_map(|place| match place {
            Place::Tensor(_) => None,
            Place::OneHot(i, _) => self.inputs.get(*i).map(|p| p.name.as_str()),
            Place::Indices(i) => self.indices.get(*i).map(|p| p.name.as_str()),
        })
    }

    /// Adds a node and returns the view that reads it whole.
    pub fn push(&mut self, name: &str, sum: Sum, activation: Activation) -> (usize, Sum) {
        let index = self.nodes.len();
        let view = Sum::block(index, sum.axes.clone(), &self.atoms);
        self.nodes.push(GraphNode {
            name: name.to_owned(),
            sum,
            activation,
        });
        (index, view)
    }

    /// Makes names unique, for messages that name a node.
    pub fn number_names(&mut self) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for node in &mut self.nodes {
            let count = seen.entry(node.name.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                node.name = format!("{}#{count}", node.name);
            }
        }
    }
}

/// A whole number as an index; beyond any port if it is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked"
)]
pub(super) fn index(value: f32) -> usize {
    if value >= 0.0 && value.fract() == 0.0 {
        value as usize
    } else {
        usize::MAX
    }
}
