//! `Quotient{D}`: `Y = ⌊(2Z + D)/(2D)⌋`, which is `Z/D` to the nearest integer, ties up.
//!
//! Block 1 says `2Z - D·(2Y - 1) = lo` with `P = 0`, so `lo = 2^B·R1 + R0` is in `[0, 2^(2B))`, and `Y` is a signed `B`-bit integer;
//! block 2 says that `2D - 1 - lo` is an integer in `[0, 2^(3B))`.
//!
//! **Lemma.** `D` determines the integer `2D`, and with it `lo`: so `2D - 1 ≥ lo ≥ 0`, `D ≥ 1/2`, and `0 ≤ lo < 2D`. Let `Y, Y'`
//! satisfy both for one `Z`, of which nothing is assumed, and one `D`. Then `2D·(Y' - Y) = lo - lo'` in `F`; both sides are
//! integers far below `q`, so it holds for integers, and `|lo - lo'| < 2D` gives `Y = Y'`. For integers `Z` and `D` it is the
//! quotient.
//!
//! Not provable: `D ≤ 0`, `lo ≥ 2^(2B)`, which `D ≤ 2^(2B-1)` excludes, a quotient of more than `B` bits.

use super::Lowering;
use crate::descriptor::{
    Axis, DescriptorError, Function, Offset, Product, Read, Relation, Tag, Term, View,
};

/// What may be read.
pub(super) const OFFERS: &[Read] = &[Read::Value];

pub(super) fn lower(of: &Lowering<'_>, divisor: &View) -> Result<Vec<Relation>, DescriptorError> {
    let mut low = of.expression(0, 2)?;
    low.tag = Tag::Function(of.function(&Function::Free)?);
    // A product over the axes that `D` reads, all of them batch axes.
    let read = |a: &&Axis| divisor.reads(a.id);
    let mut factor = of.own(Read::Value, 0).times(2);
    factor.terms.push(Term {
        coefficient: -1,
        ..Term::whole(Read::One, 0, &[])
    });
    low.products.push(Product {
        multiplier: -1,
        contraction: of.node.out.iter().filter(read).copied().collect(),
        a: divisor.clone(),
        k: factor,
    });
    let mut high = of.block(1);
    high.offset = Offset::Constant(-1);
    high.add(&divisor.times(2))?;
    high.add(&of.own(Read::Low, 0).times(-1))?;
    Ok(vec![low, high])
}
