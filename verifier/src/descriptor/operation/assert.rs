//! `Assert`: `Z = 0`.
//!
//! **Lemma.** `2^(2B)·Z = 2^(2B)·P + 2^B·R1 + R0` with `P = 0` says that `2^(2B)·Z` is an integer in `[0, 2^(2B))`. `Z` reads no
//! weights, so it is an integer far below `q/2^(2B)`, and a multiple of `2^(2B)` in that range is 0. (For a wild weight `z` in `F`,
//! `2^(2B)·z` may be any small number.)

use super::Lowering;
use crate::descriptor::{DescriptorError, Function, Read, Relation, Tag};

/// What may be read.
pub(super) const OFFERS: &[Read] = &[];

pub(super) fn lower(of: &Lowering<'_>) -> Result<Vec<Relation>, DescriptorError> {
    let zero = of.function(&Function::Zero)?;
    Ok(vec![Relation {
        tag: Tag::Function(zero),
        ..of.expression(0, of.unit())?
    }])
}
