//! Relations (PROTOCOL.md §2): what one trace block satisfies. Operations are lowered to them, and all that comes after a
//! descriptor is checked knows nothing else.
//!
//! `Z[o] + offset = 2^(2B)·P[o] + 2^B·R1[o] + R0[o]` and `(P[o], Y[o], tag)` in the table, on real rows `o`, with
//! `Z[o] = Σ_p m_p·Σ_x A_p[x,o]·K_p[x,o] + m_c·C[o] + m_d·D[o]`.

use super::{Axis, AxisId, Linear, Node, Product, Read, View, axes_bits};

/// What looks up a relation's quotients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A listed function, by its index.
    Function(usize),
    /// `RNG`: `0 ≤ P < 2^B` and `Y = 0`.
    Range,
}

/// Public integers that are added to `Z` on real rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// The same everywhere; where the block is read exactly or wide, a multiple of `2^B`.
    Constant(i64),
    /// `-[v < k_i]` of an index port: its axes are the block's first ones, `v` is the last.
    Before(usize),
}

/// What one trace block satisfies. Views of trace blocks name relations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The node's name.
    pub name: String,
    /// The node.
    pub node: usize,
    /// First cell of the block.
    pub address: usize,
    /// Output axes, last least significant: the axes of the block.
    pub out: Vec<Axis>,
    /// A slot each.
    pub products: Vec<Product>,
    /// `C`.
    pub linear: Option<Linear>,
    /// `D`.
    pub bias: Option<Linear>,
    /// On real rows.
    pub offset: Offset,
    /// What looks up the quotient.
    pub tag: Tag,
}

/// Which of a slot's views, in the order of its claims (PROTOCOL.md §4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Left factor of the contraction.
    A,
    /// Right factor of the contraction.
    K,
    /// Linear part.
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

impl Relation {
    /// One block of a node, `Z` and all else absent.
    pub fn empty(node: usize, of: &Node, address: usize) -> Self {
        Self {
            name: of.name.clone(),
            node,
            address,
            out: of.out.clone(),
            products: Vec::new(),
            linear: None,
            bias: None,
            offset: Offset::Constant(0),
            tag: Tag::Range,
        }
    }

    /// True lengths of the output axes: the shape of the block.
    pub fn shape(&self) -> Vec<usize> {
        self.out.iter().map(|a| a.len).collect()
    }

    /// `log2` of the block's padded size.
    pub fn block_bits(&self) -> usize {
        axes_bits(&self.out)
    }

    /// What a read adds to its columns: `-offset` where `Z` is read, `-offset/2^B` where `⌊Z/2^B⌋` is.
    pub const fn read_constant(&self, read: Read, digit_bits: u32) -> i64 {
        match (read, self.offset) {
            (Read::Exact, Offset::Constant(offset)) => offset.saturating_neg(),
            (Read::Wide, Offset::Constant(offset)) => (offset >> digit_bits).saturating_neg(),
            _ => 0,
        }
    }

    /// The relation's slots: one per product, and one if there is none. The first carries `C` and `D`.
    pub fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        let first = self.products.first();
        let others = self.products.iter().skip(1);
        let slot = |product, first| Slot {
            relation: self,
            product,
            first,
        };
        core::iter::once(slot(first, true)).chain(others.map(move |p| slot(Some(p), false)))
    }
}

/// A relation's place for the claims `s, c, d, a, b`. In a further slot `c` and `d` are claims about the zero functional.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'n> {
    /// The relation.
    pub relation: &'n Relation,
    /// Its product that has this slot.
    pub product: Option<&'n Product>,
    /// Whether `C` and `D` are this slot's.
    pub first: bool,
}

impl<'n> Slot<'n> {
    /// `C`, if it is there and this slot's.
    pub fn linear(&self) -> Option<&'n Linear> {
        self.relation.linear.as_ref().filter(|_| self.first)
    }

    /// `D`, likewise.
    pub fn bias(&self) -> Option<&'n Linear> {
        self.relation.bias.as_ref().filter(|_| self.first)
    }

    /// The views that are present, in claim order, with their multipliers.
    pub fn views(&self) -> impl Iterator<Item = (Role, &'n View, i64)> + use<'n> {
        let product = self
            .product
            .into_iter()
            .flat_map(|p| [(Role::A, &p.a, p.multiplier), (Role::K, &p.k, p.multiplier)]);
        let linear = self.linear().map(|l| (Role::C, &l.view, l.multiplier));
        let bias = self.bias().map(|l| (Role::D, &l.view, l.multiplier));
        product.chain(linear).chain(bias)
    }

    /// Axes of `x`; none without a product.
    pub fn contraction(&self) -> &'n [Axis] {
        self.product.map_or(&[], |p| &p.contraction)
    }

    /// `k_l`: variables of the contraction.
    pub fn contraction_bits(&self) -> usize {
        axes_bits(self.contraction())
    }

    /// True length of an index axis; `None` if there is no such axis.
    pub fn extent(&self, axis: AxisId) -> Option<usize> {
        let axes = self.relation.out.iter().chain(self.contraction());
        axes.into_iter().find(|a| a.id == axis).map(|a| a.len)
    }

    /// Axes of `x` that also occur in the output.
    pub fn batch(&self) -> impl Iterator<Item = &'n Axis> + use<'n> {
        let out = &self.relation.out;
        self.contraction()
            .iter()
            .filter(move |a| out.iter().any(|o| o.id == a.id))
    }

    /// Output axes that are not batch axes.
    fn free(&self) -> impl Iterator<Item = &'n Axis> + use<'n> {
        let contraction = self.contraction();
        self.relation
            .out
            .iter()
            .filter(move |o| contraction.iter().all(|a| a.id != o.id))
    }

    /// The index axes that the view of this role owns: its indicator and its table run over exactly these
    /// (PROTOCOL.md §2, "Padding").
    pub fn owned(&self, role: Role) -> Vec<Axis> {
        let read_by_a = |o: &&Axis| self.product.is_some_and(|p| p.a.reads(o.id));
        let contraction = self.contraction().iter();
        match role {
            Role::A => contraction
                .chain(self.free().filter(read_by_a))
                .copied()
                .collect(),
            Role::K => contraction
                .chain(self.free().filter(|o| !read_by_a(o)))
                .copied()
                .collect(),
            Role::C | Role::D => self.relation.out.clone(),
        }
    }
}
