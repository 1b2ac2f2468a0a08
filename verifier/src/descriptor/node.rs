//! Nodes (PROTOCOL.md §2): the one form that every layer takes.
//!
//! `Z[o] = m_s·Σ_{x: batch(x)=batch(o)} A[x,o]·K[x,o] + m_c·C[o] + m_d·D[o]`, then the row relation of §1 with the
//! node's function. A node owns one trace block, whose axes are its output axes.

use serde::{Deserialize, Serialize};

use super::{Source, View};
use crate::mle::bits;

/// Names an index axis inside one node; equal names in `out` and `contraction` make a batch axis.
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

/// `multiplier · view`: parts `C` and `D` of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linear {
    /// `m_c` or `m_d`, below `2^31` in absolute value.
    pub multiplier: i64,
    /// Owns every output axis.
    pub view: View,
}

/// `multiplier · Σ_x A·K`: the contraction of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// `m_s`, below `2^31` in absolute value.
    pub multiplier: i64,
    /// View of `Y`; owns every contraction axis and the output axes that it reads.
    pub a: View,
    /// View of `W` or `Y`; owns every contraction axis and the output axes that `A` does not read.
    pub k: View,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The name the importer gave it; used in messages only.
    pub name: String,
    /// First cell of the node's trace block.
    pub address: usize,
    /// Output axes, last least significant: the axes of the block.
    pub out: Vec<Axis>,
    /// Axes of `x`, last least significant; empty without a product.
    pub contraction: Vec<Axis>,
    /// `A` and `K`.
    pub product: Option<Product>,
    /// `C`, a view of `Y`.
    pub linear: Option<Linear>,
    /// `D`, a view of `W`.
    pub bias: Option<Linear>,
    /// Index into the descriptor's functions; its tag is one more.
    pub function: usize,
}

/// Which of a node's views, in the order of the claims of a slot (PROTOCOL.md §4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Left factor of the contraction.
    A,
    /// Right factor of the contraction.
    K,
    /// Residuals and pooling.
    C,
    /// Bias.
    D,
}

impl Role {
    /// The one of four values, in claim order, that belongs to this role.
    pub fn of<T>(self, [a, k, c, d]: [T; 4]) -> T {
        match self {
            Self::A => a,
            Self::K => k,
            Self::C => c,
            Self::D => d,
        }
    }
}

impl Node {
    /// The only form in which a node may read its own block: `Z = 2^(2B)·Y`, identity, which range-checks an input.
    pub fn input(
        name: String,
        index: usize,
        address: usize,
        out: Vec<Axis>,
        digit_bits: u32,
        identity: usize,
    ) -> Self {
        let view = View::whole(Source::Activations, index, &out);
        let linear = Some(Linear {
            multiplier: 1_i64 << digit_bits.saturating_mul(2).min(62),
            view,
        });
        Self {
            name,
            address,
            out,
            contraction: Vec::new(),
            product: None,
            linear,
            bias: None,
            function: identity,
        }
    }

    /// The views that are present, in claim order, with their multipliers.
    pub fn views(&self) -> impl Iterator<Item = (Role, &View, i64)> {
        let product = self
            .product
            .iter()
            .flat_map(|p| [(Role::A, &p.a, p.multiplier), (Role::K, &p.k, p.multiplier)]);
        let linear = self.linear.iter().map(|l| (Role::C, &l.view, l.multiplier));
        let bias = self.bias.iter().map(|l| (Role::D, &l.view, l.multiplier));
        product.chain(linear).chain(bias)
    }

    /// True length of an index axis; `None` if the node has no such axis.
    pub fn extent(&self, axis: AxisId) -> Option<usize> {
        self.out
            .iter()
            .chain(&self.contraction)
            .find(|a| a.id == axis)
            .map(|a| a.len)
    }

    /// True lengths of the output axes: the shape of the block.
    pub fn shape(&self) -> Vec<usize> {
        self.out.iter().map(|a| a.len).collect()
    }

    /// `log2` of the block's padded size.
    pub fn block_bits(&self) -> usize {
        axes_bits(&self.out)
    }

    /// `k_l`: variables of the contraction.
    pub fn contraction_bits(&self) -> usize {
        axes_bits(&self.contraction)
    }

    /// Real rows: elements of the node's tensor.
    pub fn rows(&self) -> usize {
        product(self.out.iter())
    }

    /// Multiplications of the contraction: one per output element and index that is summed over.
    pub fn macs(&self) -> usize {
        let is_summed = |a: &&Axis| self.out.iter().all(|o| o.id != a.id);
        match self.product {
            Some(_) => product(
                self.out
                    .iter()
                    .chain(self.contraction.iter().filter(is_summed)),
            ),
            None => 0,
        }
    }

    /// Axes of `x` that also occur in the output.
    pub fn batch(&self) -> impl Iterator<Item = &Axis> {
        self.contraction
            .iter()
            .filter(|a| self.out.iter().any(|o| o.id == a.id))
    }

    /// Output axes that are not batch axes.
    fn free(&self) -> impl Iterator<Item = &Axis> {
        self.out
            .iter()
            .filter(|o| self.contraction.iter().all(|a| a.id != o.id))
    }

    /// The index axes that the view of this role owns: its indicator and its table run over exactly these
    /// (PROTOCOL.md §2, "Padding").
    pub fn owned(&self, role: Role) -> Vec<Axis> {
        let read_by_a = |o: &&Axis| self.product.as_ref().is_some_and(|p| p.a.reads(o.id));
        match role {
            Role::A => self
                .contraction
                .iter()
                .chain(self.free().filter(read_by_a))
                .copied()
                .collect(),
            Role::K => self
                .contraction
                .iter()
                .chain(self.free().filter(|o| !read_by_a(o)))
                .copied()
                .collect(),
            Role::C | Role::D => self.out.clone(),
        }
    }
}

fn product<'a>(axes: impl Iterator<Item = &'a Axis>) -> usize {
    axes.fold(1, |n, a| n.saturating_mul(a.len))
}

/// Variables that index a tensor with these axes, each padded to a power of two.
pub fn axes_bits(axes: &[Axis]) -> usize {
    axes.iter().fold(0, |n, a| n.saturating_add(bits(a.len)))
}
