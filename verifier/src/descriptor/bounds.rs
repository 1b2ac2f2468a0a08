//! The range bound (PROTOCOL.md §3): no relation's `Z + offset` can wrap around the field. Bounds are counted in bits: all that is
//! added up is below `2^bits` in absolute value.

use super::{
    Descriptor, DescriptorError, Function, Linear, Offset, Read, Relation, Slot, Tag, Term, View,
};
use crate::mle::bits;

/// `q/2` is above `2^253`.
pub(super) const RANGE_BITS: usize = 253;

/// Committed weights of a compiled model, constants, coefficients and multipliers are below `2^31`.
const INTEGER_BITS: usize = 31;

/// Bits of `|v|`.
fn magnitude(v: i64) -> usize {
    let bits = i64::BITS.saturating_sub(v.unsigned_abs().leading_zeros());
    usize::try_from(bits).unwrap_or(usize::MAX)
}

/// Bits of a sum of `count` numbers of so many bits each.
fn sum(each: usize, count: usize) -> usize {
    each.saturating_add(bits(count))
}

impl Descriptor {
    /// Demands that no relation can wrap around.
    pub(super) fn check_range(
        &self,
        functions: &[Function],
        relations: &[Relation],
    ) -> Result<(), DescriptorError> {
        let all = All {
            digit_bits: self.digit_bits,
            functions,
            relations,
        };
        for relation in relations {
            let bits = all.relation_bits(relation);
            if bits > RANGE_BITS {
                return Err(DescriptorError::RangeBound {
                    node: relation.name.clone(),
                    bits,
                });
            }
        }
        Ok(())
    }
}

/// What bounds follow from.
struct All<'a> {
    digit_bits: u32,
    functions: &'a [Function],
    relations: &'a [Relation],
}

impl All<'_> {
    /// Bits of `|Z + offset|`.
    fn relation_bits(&self, relation: &Relation) -> usize {
        let of_slot = |slot: Slot<'_>| {
            let product = slot.product.map_or(0, |p| {
                let factors = self.view_bits(&p.a);
                let factors = factors.saturating_add(self.view_bits(&p.k));
                magnitude(p.multiplier)
                    .saturating_add(factors)
                    .saturating_add(slot.contraction_bits())
            });
            let linear = |l: Option<&Linear>| {
                l.map_or(0, |l| {
                    magnitude(l.multiplier).saturating_add(self.view_bits(&l.view))
                })
            };
            sum(
                product.max(linear(slot.linear())).max(linear(slot.bias())),
                3,
            )
        };
        let largest = relation.slots().map(of_slot).max().unwrap_or(0);
        let count = relation.slots().count();
        sum(largest, count)
            .max(match relation.offset {
                Offset::Constant(offset) => magnitude(offset),
                Offset::Before(_) => 1,
            })
            .saturating_add(1)
    }

    fn view_bits(&self, view: &View) -> usize {
        let of = |t: &Term| {
            magnitude(t.coefficient)
                .saturating_add(self.read_bits(t))
                .saturating_add(visits(t))
        };
        sum(
            view.terms.iter().map(of).max().unwrap_or(0),
            view.terms.len(),
        )
    }

    /// Bits of what a term reads.
    fn read_bits(&self, term: &Term) -> usize {
        let digits = usize::try_from(self.digit_bits).unwrap_or(usize::MAX);
        match term.read {
            Read::Value => self.relations.get(term.block).map_or(0, |r| match r.tag {
                Tag::Function(f) => self
                    .functions
                    .get(f)
                    .map_or(INTEGER_BITS, |f| f.value_bits(self.digit_bits)),
                Tag::Range => 0,
            }),
            Read::Wide | Read::Low => digits.saturating_mul(2),
            Read::One | Read::OneHot => 1,
            Read::Exact => digits.saturating_mul(3).saturating_add(1),
            Read::Middle => digits,
            Read::Weight | Read::Constant => INTEGER_BITS,
        }
    }
}

/// `log2` of the number of positions, with multiplicity, that a term adds up for one index.
fn visits(term: &Term) -> usize {
    let inner = term.maps.iter().map(super::AxisMap::inner_bits);
    inner.fold(0, usize::saturating_add)
}
