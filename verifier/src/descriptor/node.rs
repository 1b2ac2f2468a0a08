//! Nodes (PROTOCOL.md §2): what a descriptor lists. Each has an expression `Z` of earlier nodes, and an operation that says what
//! is done with it; the verifier lowers it to relations ([`super::operation`]).
//!
//! `Z[o] = Σ_p m_p·Σ_{x: batch(x)=batch(o)} A_p[x,o]·K_p[x,o] + m_c·C[o] + m_d·D[o]`.

use serde::{Deserialize, Serialize};

use super::View;
use super::operation::Operation;
use crate::mle::bits;

/// Names an index axis inside one node; equal names in output and contraction make a batch axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AxisId(pub u16);

/// An index axis and its true length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Name, local to the node.
    pub id: AxisId,
    /// True length, at least 1.
    pub len: usize,
}

/// `multiplier · view`: parts `C` and `D`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linear {
    /// `m_c` or `m_d`, below `2^31` in absolute value.
    pub multiplier: i64,
    /// Owns every output axis.
    pub view: View,
}

/// `multiplier · Σ_x A·K`: a contraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// `m_p`, below `2^31` in absolute value.
    pub multiplier: i64,
    /// Axes of `x`, last least significant.
    pub contraction: Vec<Axis>,
    /// Owns every contraction axis and the output axes that it reads.
    pub a: View,
    /// Owns every contraction axis and the output axes that `A` does not read.
    pub k: View,
}

impl Product {
    /// `k_l`: variables of the contraction.
    pub fn contraction_bits(&self) -> usize {
        axes_bits(&self.contraction)
    }
}

/// A layer, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The name the importer gave it; used in messages only.
    pub name: String,
    /// First cell of each of the operation's trace blocks; one for a map.
    pub blocks: Vec<usize>,
    /// Output axes, last least significant: the axes of the blocks.
    pub out: Vec<Axis>,
    /// `A_p` and `K_p`.
    pub products: Vec<Product>,
    /// `C`.
    pub linear: Option<Linear>,
    /// `D`, a view of weights and constants.
    pub bias: Option<Linear>,
    /// What is done with `Z`.
    pub operation: Operation,
}

impl Node {
    /// An input: its values are any signed `B`-bit integers, or, if it is `boolean`, zeros and ones.
    pub fn input(name: String, address: usize, out: Vec<Axis>, boolean: bool) -> Self {
        Self {
            name,
            blocks: vec![address],
            out,
            products: Vec::new(),
            linear: None,
            bias: None,
            operation: if boolean {
                Operation::Boolean
            } else {
                Operation::Input
            },
        }
    }

    /// First cell of the block that others read.
    pub fn address(&self) -> usize {
        self.blocks.first().copied().unwrap_or(0)
    }

    /// True lengths of the output axes: the shape of the blocks.
    pub fn shape(&self) -> Vec<usize> {
        self.out.iter().map(|a| a.len).collect()
    }

    /// `log2` of a block's padded size.
    pub fn block_bits(&self) -> usize {
        axes_bits(&self.out)
    }

    /// Real rows: elements of the node's tensor, once for each block.
    pub fn rows(&self) -> usize {
        volume(self.out.iter()).saturating_mul(self.blocks.len())
    }

    /// Multiplications of the contractions: one per output element and index that is summed over.
    pub fn macs(&self) -> usize {
        let is_summed = |a: &&Axis| self.out.iter().all(|o| o.id != a.id);
        let of = |p: &Product| {
            let summed = p.contraction.iter().filter(is_summed);
            volume(self.out.iter().chain(summed))
        };
        self.products.iter().fold(0, |n, p| n.saturating_add(of(p)))
    }
}

fn volume<'a>(axes: impl Iterator<Item = &'a Axis>) -> usize {
    axes.fold(1, |n, a| n.saturating_mul(a.len))
}

/// Variables that index a tensor with these axes, each padded to a power of two.
pub fn axes_bits(axes: &[Axis]) -> usize {
    axes.iter().fold(0, |n, a| n.saturating_add(bits(a.len)))
}
