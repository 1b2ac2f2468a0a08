//! What a proof claims of the columns, in public values: challenges, and the parts of the three sumchecks' statements that
//! follow from these and from the descriptor (PROTOCOL.md §4).

use ff::Field;
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::relation::{LookupScalars, PUBLIC_COLUMNS};

use crate::columns::field_from_usize;
use crate::coordinates::Coordinates;
use crate::descriptor::{Indices, Offset, Relation, Slot};
use crate::functional::indices_at;
use crate::mle::{eq_table, indicator, zeros_at};
use crate::network::Network;
use crate::points::{Challenges, Points, power};
use crate::public::PublicValues;

/// Coordinates `n..` of a point, the zero-extended ones.
pub(crate) fn beyond(point: &[F], n: usize) -> &[F] {
    point.get(n..).unwrap_or(&[])
}

impl Network {
    /// `Σ_relations θ·offset~(r_l)`: the public part of `Z*`.
    pub fn public_z(&self, r: &[F], indices: &Indices) -> F {
        let of = |relation: &Relation| match relation.offset {
            Offset::Constant(0) => F::ZERO,
            Offset::Constant(offset) => field_from_i64(offset) * self.act(relation, r),
            Offset::Before(port) => -self.before(relation, indices.of(port), r),
        };
        self.relations().iter().map(of).sum()
    }

    /// `θ·Σ_i eq(r_i, i)·LT~(r_v, k_i)`, `LT~(p, k) = Σ_{v<k} eq(p, v)`.
    fn before(&self, relation: &Relation, indices: &[u32], r: &[F]) -> F {
        let (low, theta) = self.block_point(relation, r);
        let point = Coordinates::split(&relation.out, low);
        let Some((last, first)) = relation.out.split_last() else {
            return F::ZERO;
        };
        let axes: Vec<_> = first.iter().map(|a| a.id).collect();
        let candidates = point.of(last.id);
        let terms = indices_at(&axes, &point).into_iter().zip(indices);
        let sum = terms.fold(F::ZERO, |sum, (at, k)| {
            sum + at * indicator(usize::try_from(*k).unwrap_or(usize::MAX), candidates)
        });
        theta * sum
    }

    /// `v~(r_block)` of public values listed row-major over the block's true shape.
    pub fn public_value_at(&self, relation: &Relation, values: &[i32], r: &[F]) -> F {
        let (low, _) = self.block_point(relation, r);
        let coordinates = Coordinates::split(&relation.out, low);
        let mut weights = vec![F::one()];
        for axis in &relation.out {
            let table = eq_table(coordinates.of(axis.id));
            let own = table.get(..axis.len).unwrap_or(&table);
            weights = weights
                .iter()
                .flat_map(|w| own.iter().map(move |t| w * t))
                .collect();
        }
        let term = |(w, v): (&F, &i32)| *w * field_from_i64(i64::from(*v));
        weights
            .iter()
            .zip(values)
            .map(term)
            .fold(F::zero(), |sum, t| sum + t)
    }

    /// `θ_l·(m_s, m_c, m_d)`: what turns a slot's claims `s, c, d` into its part of `Z*`.
    pub fn slot_factors(&self, slot: &Slot<'_>, r: &[F]) -> [F; 3] {
        let (_, theta) = self.block_point(slot.relation, r);
        let multipliers = [
            slot.product.map(|p| p.multiplier),
            slot.linear().map(|l| l.multiplier),
            slot.bias().map(|l| l.multiplier),
        ];
        multipliers.map(|m| m.map_or(F::zero(), |m| theta * field_from_i64(m)))
    }

    /// What `Λ` needs besides the row.
    pub fn lookup_scalars(&self, challenges: &Challenges) -> LookupScalars {
        LookupScalars {
            alpha: challenges.alpha,
            beta: challenges.beta,
            beta2: challenges.beta.square(),
            gamma: challenges.gamma,
            delta: challenges.delta,
            two_2b: field_from_usize(1_usize << self.digit_bits().saturating_mul(2)),
            two_b: field_from_usize(1_usize << self.digit_bits()),
            rng: field_from_usize(self.range_tag()),
        }
    }

    /// `f_l = σ^l·e_l(x)·Π_{j≥k_l}(1-x_j)`, where `sigma_power` is `σ^l`: what the slot's `a·b` counts in CONTRACT's last claim.
    pub fn contract_factor(
        &self,
        slot: &Slot<'_>,
        challenges: &Challenges,
        x: &[F],
        sigma_power: F,
    ) -> F {
        if slot.product.is_none() {
            return F::ZERO;
        }
        let (r_low, _) = self.block_point(slot.relation, &challenges.r);
        sigma_power * slot.batch_eq(r_low, x) * zeros_at(beyond(x, slot.contraction_bits()))
    }

    /// The public columns `tag act Tin Tout Ttag` at LOOKUP's point, without the coordinates beyond `ν`, and that point.
    pub fn public_columns_at_u<'p>(&self, points: &'p Points) -> ([F; PUBLIC_COLUMNS], &'p [F]) {
        let u = points.u.get(..self.nu()).unwrap_or(&points.u);
        let at_u = self.public_columns_at(u);
        ([at_u.tag, at_u.act, at_u.tin, at_u.tout, at_u.ttag], u)
    }

    /// The public part of OPEN's claim: what the shown values claim, weighted after the evaluations, less what constants add to the
    /// views' claims.
    pub fn public_claims(
        &self,
        challenges: &Challenges,
        points: &Points,
        public: &PublicValues,
    ) -> F {
        let mut sum = -self.constant_claims(challenges, points, public.indices());
        let mut weight = points.rho_l() * power(points.rho, 9);
        for (relation, values) in public.shown_blocks(self) {
            sum += weight * self.public_value_at(relation, values, &challenges.r);
            weight *= points.rho;
        }
        sum
    }
}
