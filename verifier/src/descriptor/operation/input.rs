//! `Input`, `Boolean`: a tensor that nothing determines.
//!
//! **Lemma.** `2^(2B)·Y + 2^(2B-1) = 2^(2B)·P + 2^B·R1 + R0` with `Y = g(P) = P` holds for exactly the arguments `P` of `g`: the
//! signed `B`-bit integers if `g` is the identity, 0 and 1 if it is `Boolean`; with it go `R1 = 2^(B-1)` and `R0 = 0`.

use super::Lowering;
use crate::descriptor::{DescriptorError, Function, Linear, Offset, Read, Relation, Tag};

/// What may be read.
pub(super) const OFFERS: &[Read] = &[Read::Value];

pub(super) fn lower(
    of: &Lowering<'_>,
    function: &Function,
) -> Result<Vec<Relation>, DescriptorError> {
    Ok(vec![Relation {
        linear: Some(Linear {
            multiplier: of.unit(),
            view: of.own(Read::Value, 0),
        }),
        offset: Offset::Constant(of.half()),
        tag: Tag::Function(of.function(function)?),
        ..of.block(0)
    }])
}
