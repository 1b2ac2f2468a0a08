//! `Quotient{D}`: `Y = ⌊(2Z + D)/(2D)⌋`, which is `Z/D` to the nearest integer, ties up.
//!
//! Block 1 says `2Z - 2·D·Y + D = lo` with `P = 0`, so `lo = 2^B·R1 + R0` is in `[0, 2^(2B))`, and `Y` is a signed `B`-bit integer;
//! block 2 says that `2D - 1 - lo` is an integer in `[0, 2^(3B))`.
//!
//! **Lemma.** `D` determines the integer `2D`, and with it `lo`: so `2D - 1 ≥ lo ≥ 0`, `D ≥ 1`, and `0 ≤ lo < 2D`. Let `Y, Y'`
//! satisfy both for one `Z`, of which nothing is assumed, and one `D`. Then `2D·(Y' - Y) = lo - lo'` in `F`; both sides are
//! integers far below `q`, so it holds for integers, and `|lo - lo'| < 2D` gives `Y = Y'`. For an integer `Z` it is the quotient.
//!
//! Not provable: `D ≤ 0`, `D > 2^(2B-1)`, a quotient of more than `B` bits.

use super::Lowering;
use crate::descriptor::{
    Axis, DescriptorError, Function, Product, Read, Relation, Tag, View,
};

/// What may be read.
pub(super) const OFFERS: &[Read] = &[Read::Value];

pub(super) fn lower(of: &Lowering<'_>, divisor: &View) -> Result<Vec<Relation>, DescriptorError> {
    let free = of.function(&Function::Free)?;
    let mut low = of.expression(0, 2)?;
    low.tag = Tag::Function(free);
    low.add(divisor)?;
    // `D·Y` is a product over the axes that `D` reads, all of them batch axes.
    let read = |a: &&Axis| divisor.reads(a.id);
    low.products.push(Product {
        multiplier: -2,
        contraction: of.node.out.iter().filter(read).copied().collect(),
        a: divisor.clone(),
        k: of.own(Read::Value, 0),
    });
    let mut high = of.block(1);
    high.offset = -1;
    high.add(&divisor.times(2))?;
    high.add(&of.own(Read::Exact, 0).times(-1))?;
    Ok(vec![low, high])
}
