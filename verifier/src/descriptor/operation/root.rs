//! `Root`: `v = ⌊√Z⌋`.
//!
//! Block 1 holds `v` as its digits, block 2 says that `Z - v²`, and block 3 that `2v - (Z - v²)`, are integers in `[0, 2^(3B))`.
//!
//! **Lemma.** `0 ≤ v < 2^(3B)` and `v² ≤ Z ≤ v² + 2v`. If `v > v'` both satisfy it for one `Z`, of which nothing is assumed, then
//! `(Z - v'²) - (Z - v²) = v² - v'² ≥ 2v' + 1`, in `F` and, both sides being integers far below `q`, for integers; but
//! `Z - v'² ≤ 2v'` and `Z - v² ≥ 0`. So `v` is unique; for an integer `Z` it is the root.
//!
//! Not provable: `Z < 0`, `2v ≥ 2^(3B)`.

use super::Lowering;
use crate::descriptor::{DescriptorError, Product, Read, Relation};

/// What may be read: `v`, and `⌊v/2^B⌋`.
pub(super) const OFFERS: &[Read] = &[Read::Exact, Read::Wide];

pub(super) fn lower(of: &Lowering<'_>) -> Result<Vec<Relation>, DescriptorError> {
    // Whatever the digits are, they are equal to themselves: what is said is that they are digits.
    let mut root = of.block(0);
    root.add(&of.own(Read::Exact, 0))?;
    let mut low = of.expression(1, 1)?;
    low.products.push(Product {
        multiplier: -1,
        contraction: of.node.out.clone(),
        a: of.own(Read::Exact, 0),
        k: of.own(Read::Exact, 0),
    });
    let mut high = of.block(2);
    high.add(&of.own(Read::Exact, 0).times(2))?;
    high.add(&of.own(Read::Exact, 1).times(-1))?;
    Ok(vec![root, low, high])
}
