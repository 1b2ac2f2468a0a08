//! The model descriptor (PROTOCOL.md §2, §3): everything public about a network, from which the verifier derives the
//! whole program. It says nothing about weights beyond their shapes.
//!
//! [`Descriptor`] is what a file claims; [`Network`](crate::network::Network) is a descriptor that passed every rule.

mod batch;
mod bounds;
mod check;
mod error;
mod function;
mod indices;
mod layout;
mod limits;
mod map;
mod node;
mod operation;
mod relation;
mod view;

use serde::{Deserialize, Serialize};

pub use batch::one_sample;
pub(crate) use check::Checked;
pub use error::DescriptorError;
pub use function::Function;
pub use indices::{Agreement, IndexPort, IndexRole, Indices};
pub use layout::stack;
pub use limits::Limits;
pub use map::{AxisMap, Inner, Stride};
pub use node::{Axis, AxisId, Linear, Node, Product, axes_bits};
pub use operation::Operation;
pub use relation::{Offset, Relation, Role, Slot, Tag};
pub use view::{Read, Term, View};

/// Public integers that views read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constant {
    /// True lengths, last axis least significant.
    pub shape: Vec<usize>,
    /// Row-major over the true shape, below `2^31` in absolute value.
    pub values: Vec<i32>,
}

/// A weight tensor's place in column `W`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightBlock {
    /// First cell; a multiple of the padded size.
    pub address: usize,
    /// True lengths, last axis least significant.
    pub shape: Vec<usize>,
}

/// An input or output of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// The model's own name for the tensor.
    pub name: String,
    /// The node whose block it is.
    pub node: usize,
    /// The shape the model declares for one sample; as many elements as the block.
    pub shape: Vec<usize>,
    /// Real value of one integer unit: `real = scale·integer`. Positive and finite.
    pub scale: f64,
}

/// The public description of a quantized network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    /// `B`, 1 to 15: quotients are signed `B`-bit integers.
    pub digit_bits: u32,
    /// `κ`: a committed row has `2^κ` cells.
    pub row_bits: u32,
    /// Functions in use; the tag of the one at index `i` is `i + 1`. Tags of those that lowering appends follow.
    pub functions: Vec<Function>,
    /// Blocks of column `W`.
    pub weights: Vec<WeightBlock>,
    /// Constants.
    pub constants: Vec<Constant>,
    /// The nodes, each after those it reads.
    pub nodes: Vec<Node>,
    /// Inputs, in the order of public values.
    pub inputs: Vec<Port>,
    /// Outputs, likewise.
    pub outputs: Vec<Port>,
    /// Public indices, in the order of their values.
    pub indices: Vec<IndexPort>,
    /// What is demanded of answers besides.
    pub agreements: Vec<Agreement>,
}

impl Descriptor {
    /// Inputs, then outputs.
    pub fn ports(&self) -> impl Iterator<Item = &Port> {
        self.inputs.iter().chain(&self.outputs)
    }

    /// Cells that block number `block` of node `index` takes, as their `log2`: its padded size, and whole rows for what an input or
    /// output shows.
    pub fn reserved_bits(&self, index: usize, node: &Node, block: usize) -> usize {
        let row_bits = usize::try_from(self.row_bits).unwrap_or(usize::MAX);
        let whole_rows = block == 0 && self.ports().any(|p| p.node == index);
        if whole_rows {
            node.block_bits().max(row_bits)
        } else {
            node.block_bits()
        }
    }
}

/// Flat offset of `index` in a block of shape `shape`: axes padded to powers of two, last least significant.
pub fn flat_index(shape: &[usize], index: &[usize]) -> usize {
    shape
        .iter()
        .zip(index)
        .fold(0, |flat, (n, i)| (flat << crate::mle::bits(*n)) | i)
}

/// The cell of every element of a block of this true shape, row-major.
pub fn element_cells(shape: &[usize]) -> Vec<usize> {
    let size = shape.iter().fold(1_usize, |n, len| n.saturating_mul(*len));
    let mut index = vec![0_usize; shape.len()];
    let mut cells = Vec::with_capacity(size);
    for _ in 0..size {
        cells.push(flat_index(shape, &index));
        for (i, n) in index.iter_mut().zip(shape).rev() {
            *i = i.saturating_add(1);
            if *i < *n {
                break;
            }
            *i = 0;
        }
    }
    cells
}
