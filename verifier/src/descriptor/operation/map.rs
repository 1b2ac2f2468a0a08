//! `Map{g}`: `Y = g(⌊Z/2^(2B) + 1/2⌋)`.
//!
//! **Lemma.** `R1, R0` are digits and `P` is an argument of `g`, so that `Z + 2^(2B-1)` is the integer `2^(2B)·P + 2^B·R1 + R0`, in
//! `[-2^(3B-1), 2^(3B-1))`. Division by `2^(2B)` with remainder is unique: `P`, `R1`, `R0` and `Y = g(P)` follow from `Z`. Hence so
//! do `2^B·P + R1 - 2^(B-1) = ⌊Z/2^B⌋`, `Z` itself, and the digit `R1`.

use super::Lowering;
use crate::descriptor::{Offset, Read, Relation, Tag};

/// What may be read.
pub(super) const OFFERS: &[Read] = &[Read::Value, Read::Wide, Read::Exact, Read::Middle];

pub(super) fn lower(of: &Lowering<'_>, function: usize) -> Vec<Relation> {
    let node = of.node;
    vec![Relation {
        products: node.products.clone(),
        linear: node.linear.clone(),
        bias: node.bias.clone(),
        offset: Offset::Constant(of.half()),
        tag: Tag::Function(function),
        ..of.block(0)
    }]
}
