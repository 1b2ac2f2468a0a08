//! `Best{k}`: nothing; the index port `k` is the first index at which `Z` is largest along the last axis.
//!
//! With `S = Z`, over axes `(i…, v)`, block 1 says that `S[i,k_i] - S[i,v] - [v < k_i]` is an integer in `[0, 2^(3B))`.
//!
//! **Lemma.** It holds if `k_i` is the first of the largest and leads by less than `2^(3B)`. If it held for `k < k'` at one `i`, then
//! `S[k] - S[k']` and `S[k'] - S[k] - 1` would both be integers in `[0, 2^(3B))`, of sum `-1`. Nothing is assumed of `S`.
//!
//! Terms that do not read `v` cancel. In a product, `v` is read by one factor, and that factor's terms read none of `i…`: it is
//! gathered there, `i…` being made contraction axes. A linear term that reads axes of `i…` besides is made a product with the
//! port's one-hot tensor.

use super::Lowering;
use crate::descriptor::{
    Axis, AxisId, AxisMap, DescriptorError as E, Linear, Offset, Product, Read, Relation, Term,
    View,
};

/// What may be read.
pub(super) const OFFERS: &[Read] = &[];

pub(super) fn lower(of: &Lowering<'_>, port: usize) -> Result<Vec<Relation>, E> {
    let bad = |what| E::BadBest {
        node: of.node.name.clone(),
        what,
    };
    let indices = of
        .indices
        .get(port)
        .ok_or_else(|| bad("there is no such index port"))?;
    let (last, first) =
        (of.node.out.split_last()).ok_or_else(|| bad("it has no axis of candidates"))?;
    let lengths = first.iter().map(|a| a.len).eq(indices.lens());
    if !lengths || last.len != indices.len {
        return Err(bad(
            "its axes are not the port's, then one of the candidates",
        ));
    }
    let best = Best { port, first, last };
    let mut relation = Relation {
        offset: Offset::Before(port),
        ..of.block(0)
    };
    for product in &of.node.products {
        let (a, k) = (product.a.reads(last.id), product.k.reads(last.id));
        if product.contraction.iter().any(|x| x.id == last.id) || (a && k) {
            return Err(bad(
                "both factors of a product read the candidates' axis, or it is summed",
            ));
        }
        let other = |view: &View| view.terms.iter().any(|t| best.reads_others(t));
        let factor = if a { &product.a } else { &product.k };
        if !a && !k {
            continue;
        }
        if other(factor) {
            return Err(bad(
                "a factor reads other output axes beside the candidates'",
            ));
        }
        relation
            .products
            .extend(best.product(product, a).ok_or_else(|| bad(FIRST))?);
    }
    for part in of.node.linear.iter().chain(&of.node.bias) {
        best.linear(part, of.fresh_axis()?, &mut relation)
            .ok_or_else(|| bad(FIRST))?;
    }
    Ok(vec![relation])
}

const FIRST: &str = "the candidates' axis is read otherwise than whole and in order";

struct Best<'a> {
    port: usize,
    first: &'a [Axis],
    last: &'a Axis,
}

impl Best<'_> {
    fn reads_others(&self, term: &Term) -> bool {
        let axes = term.axes();
        axes.contains(&self.last.id) && self.first.iter().any(|a| axes.contains(&a.id))
    }

    /// The term with `v` replaced in the one map that reads it; `None` if that is no identity.
    fn replaced(&self, term: &Term, by: &AxisMap) -> Option<Term> {
        let map = |map: &AxisMap| {
            if !map.axes().contains(&self.last.id) {
                return Some(map.clone());
            }
            map.is_identity(self.last.len).then(|| by.clone())
        };
        Some(Term {
            maps: term.maps.iter().map(map).collect::<Option<_>>()?,
            ..term.clone()
        })
    }

    /// `v ↦ k_i`.
    fn gather(&self) -> AxisMap {
        AxisMap::Gather {
            source: self.last.len,
            port: self.port,
            index: self.first.iter().map(|a| a.id).collect(),
        }
    }

    /// `Σ A·K` at `k_i` less the same at `v`, which one factor reads.
    fn product(&self, product: &Product, in_a: bool) -> Option<[Product; 2]> {
        let gathered = |view: &View| {
            let terms = view.terms.iter();
            let terms = terms.map(|t| self.replaced(t, &self.gather()));
            Some(View {
                terms: terms.collect::<Option<_>>()?,
            })
        };
        let mut at = product.clone();
        if in_a {
            at.a = gathered(&at.a)?;
        } else {
            at.k = gathered(&at.k)?;
        }
        let batch = self.first.iter();
        let batch = batch.filter(|a| product.contraction.iter().all(|x| x.id != a.id));
        at.contraction.extend(batch);
        let less = Product {
            multiplier: product.multiplier.checked_neg()?,
            ..product.clone()
        };
        Some([at, less])
    }

    /// The same of `C` or `D`; `fresh` is an axis that the node does not have.
    fn linear(&self, part: &Linear, fresh: AxisId, relation: &mut Relation) -> Option<()> {
        let candidate = Axis {
            id: fresh,
            len: self.last.len,
        };
        let mut sum = View::default();
        let mut picked = View::default();
        for term in &part.view.terms {
            if !term.axes().contains(&self.last.id) {
                continue;
            }
            let mut less = self.replaced(term, &AxisMap::identity(self.last.len, self.last.id))?;
            less.coefficient = less.coefficient.checked_neg()?;
            sum.terms.push(less);
            if self.reads_others(term) {
                let own = AxisMap::identity(self.last.len, fresh);
                picked.terms.push(self.replaced(term, &own)?);
            } else {
                sum.terms.push(self.replaced(term, &self.gather())?);
            }
        }
        if !picked.terms.is_empty() {
            let axes = [self.first, &[candidate]].concat();
            relation.products.push(Product {
                multiplier: part.multiplier,
                k: View::whole(Read::OneHot, self.port, &axes),
                contraction: axes,
                a: picked,
            });
        }
        relation.add_scaled(&sum, part.multiplier).ok()
    }
}
