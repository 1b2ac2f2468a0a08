//! The claims about columns that OPEN checks (PROTOCOL.md §4.8): each is a public functional of one column, and here its
//! multilinear extension is evaluated. Pulling a functional back to a column is the prover's.

use pleat_nova_circuits::cycle::{F, field_from_i64};

use crate::coordinates::Coordinates;
use crate::descriptor::{Axis, AxisId, Indices, Read, Role, Slot, Term, View};
use crate::mle::{
    bits, eq, eq_index, eq_prefix_sum, eq_table, indicator, inner_product, shape_bits, zeros_at,
};
use crate::network::{Column, Network};
use crate::points::{Challenges, Points};
use crate::public::PublicValues;

impl Slot<'_> {
    /// The point at which the slot's view of this role is claimed: output coordinates from `r_l`, contraction coordinates,
    /// for `A` and `K`, from CONTRACT's challenges.
    pub fn claim_point<'p>(&self, role: Role, r_low: &'p [F], x: &'p [F]) -> Coordinates<'p> {
        let out = Coordinates::split(&self.relation.out, r_low);
        match role {
            Role::A | Role::K => out.with(Coordinates::split(self.contraction(), x)),
            Role::C | Role::D => out,
        }
    }

    /// `e_l(x)`: `eq` of `r_l` and `x` on the batch axes, 1 if there are none.
    pub fn batch_eq(&self, r_low: &[F], x: &[F]) -> F {
        let out = Coordinates::split(&self.relation.out, r_low);
        let contraction = Coordinates::split(self.contraction(), x);
        self.batch().fold(F::one(), |product, a| {
            product * eq(out.of(a.id), contraction.of(a.id))
        })
    }
}

/// The factor of index axes that the view owns and a term does not read: their indicators.
pub fn broadcast(term_axes: &[AxisId], owned: &[Axis], point: &Coordinates<'_>) -> F {
    let unread = owned.iter().filter(|a| !term_axes.contains(&a.id));
    unread.fold(F::one(), |product, a| {
        product * indicator(a.len, point.of(a.id))
    })
}

impl Network {
    /// Multilinear extension of a term's functional at `(point, z)`, `z` of the column's variables; `owned` are its view's axes.
    pub fn term_at(
        &self,
        term: &Term,
        owned: &[Axis],
        point: &Coordinates<'_>,
        z: &[F],
        indices: &Indices,
    ) -> F {
        let (address, shape) = self.block(term.read, term.block);
        let n = shape_bits(&shape);
        let (mut low, high) = z.split_at_checked(n).unwrap_or((z, &[]));
        let mut product = field_from_i64(term.coefficient) * eq_index(high, address >> n);
        product *= broadcast(&term.axes(), owned, point);
        for map in term.maps.iter().rev() {
            let (own, rest) = low
                .split_at_checked(bits(map.source()))
                .unwrap_or((low, &[]));
            product *= map.mle(point, own, indices);
            low = rest;
        }
        product
    }

    /// What public constants add to a term's value at `point`: the listed integers, or the constant of the read at every true
    /// position of the block.
    fn term_constant(
        &self,
        term: &Term,
        owned: &[Axis],
        point: &Coordinates<'_>,
        indices: &Indices,
    ) -> F {
        let factor = || field_from_i64(term.coefficient) * broadcast(&term.axes(), owned, point);
        match term.read {
            Read::One => return factor(),
            Read::OneHot => return factor() * one_hot_at(term, point, indices),
            _ => {}
        }
        let listed = (self.descriptor().constants)
            .get(term.block)
            .filter(|_| term.read == Read::Constant);
        let everywhere = match self.relations().get(term.block) {
            Some(relation) if term.read.of_trace() => {
                relation.read_constant(term.read, self.digit_bits())
            }
            _ => 0,
        };
        if listed.is_none() && everywhere == 0 {
            return F::zero();
        }
        let pulled = term.maps.iter().map(|m| m.pull_back(point, indices));
        let sum = match listed {
            Some(constant) => {
                // Axis by axis, the last one first.
                let cells = constant.values.iter();
                let mut sums: Vec<F> = cells.map(|v| field_from_i64(i64::from(*v))).collect();
                for weights in pulled.rev() {
                    let rows = sums.chunks(weights.len().max(1));
                    sums = rows.map(|row| inner_product(row, &weights)).collect();
                }
                sums.first().copied().unwrap_or(F::zero())
            }
            None => pulled.fold(field_from_i64(everywhere), |product, weights| {
                product * weights.iter().fold(F::zero(), |sum, w| sum + w)
            }),
        };
        factor() * sum
    }

    /// The `ρ`-weighted sum of what constants add to the views' claims.
    pub fn constant_claims(
        &self,
        challenges: &Challenges,
        points: &Points,
        indices: &Indices,
    ) -> F {
        let mut sum = F::zero();
        self.for_each_view(challenges, points, |weight, slot, role, view, point| {
            sum += weight * self.view_constant(view, &slot.owned(role), point, indices);
        });
        sum
    }

    /// What public constants add to a view's value at `point`.
    pub fn view_constant(
        &self,
        view: &View,
        owned: &[Axis],
        point: &Coordinates<'_>,
        indices: &Indices,
    ) -> F {
        let terms = view.terms.iter();
        let terms = terms.map(|term| self.term_constant(term, owned, point, indices));
        terms.fold(F::zero(), |sum, term| sum + term)
    }

    /// Calls `f` for every claim about a view, with its weight and point.
    pub fn for_each_view<'n>(
        &'n self,
        challenges: &Challenges,
        points: &Points,
        mut f: impl FnMut(F, &Slot<'n>, Role, &'n View, &Coordinates<'_>),
    ) {
        let mut weight = F::one();
        for slot in self.slots() {
            let (r_low, _) = self.block_point(slot.relation, &challenges.r);
            let mut claim_weight = [F::zero(); 4];
            for w in &mut claim_weight {
                *w = weight;
                weight *= points.rho;
            }
            for (role, view, _) in slot.views() {
                let point = slot.claim_point(role, r_low, &points.x);
                f(role.of(claim_weight), &slot, role, view, &point);
            }
        }
    }

    /// `E_col(z)` of every column, `z` of `N` coordinates: the `ρ`-weighted sum of the claims' functionals, zero on mask rows.
    pub fn functionals_at(
        &self,
        challenges: &Challenges,
        points: &Points,
        public: &PublicValues,
        z: &[F],
    ) -> [F; 10] {
        let mut sums = [F::zero(); 10];
        let z_of = |column| z.get(..self.variables(column)).unwrap_or(z);
        self.for_each_view(challenges, points, |weight, slot, role, view, point| {
            let owned = slot.owned(role);
            for term in &view.terms {
                let columns = self.read_columns(term.read);
                let Some((first, _)) = columns.first() else {
                    continue;
                };
                let at_z =
                    weight * self.term_at(term, &owned, point, z_of(*first), public.indices());
                for (column, factor) in columns {
                    let own = if factor == 1 {
                        at_z
                    } else {
                        at_z * field_from_i64(factor)
                    };
                    add(&mut sums, column, own);
                }
            }
        });
        let mut weight = points.rho_l();
        let u = points.u.get(..self.nu()).unwrap_or(&points.u);
        let eq_u = eq(u, z_of(Column::Y));
        for column in Column::WITNESS {
            add(&mut sums, column, weight * eq_u);
            weight *= points.rho;
        }
        for (block, _) in public.shown_blocks(self) {
            let (r_low, _) = self.block_point(block, &challenges.r);
            let r = Coordinates::split(&block.out, r_low);
            let (z_low, theta) = self.block_point(block, z_of(Column::Y));
            let at = Coordinates::split(&block.out, z_low);
            let identity = block.out.iter().fold(theta, |p, a| {
                p * eq_prefix_sum(r.of(a.id), at.of(a.id), a.len)
            });
            add(&mut sums, Column::Y, weight * identity);
            weight *= points.rho;
        }
        for column in Column::OPENED {
            if let Some(sum) = sums.get_mut(column.index()) {
                *sum *= zeros_at(z.get(self.variables(column)..).unwrap_or(&[]));
            }
        }
        sums
    }
}

/// `Σ_i eq(p_i, i)·eq(p_v, k_i)` of an index port that a term reads whole.
fn one_hot_at(term: &Term, point: &Coordinates<'_>, indices: &Indices) -> F {
    let axes = term.axes();
    let Some((last, first)) = axes.split_last() else {
        return F::zero();
    };
    let at = indices_at(first, point);
    let candidate = point.of(*last);
    let terms = at.iter().zip(indices.of(term.block));
    terms.fold(F::zero(), |sum, (at, k)| {
        sum + at * eq_index(candidate, usize::try_from(*k).unwrap_or(usize::MAX))
    })
}

/// `[eq(point, i)]` over the true lengths of these axes, row-major.
pub(crate) fn indices_at(axes: &[AxisId], point: &Coordinates<'_>) -> Vec<F> {
    let mut weights = vec![F::one()];
    for axis in axes {
        let mut table = eq_table(point.of(*axis));
        table.truncate(point.len(*axis));
        let each = weights.iter();
        weights = each
            .flat_map(|w| table.iter().map(move |t| w * t))
            .collect();
    }
    weights
}

fn add(sums: &mut [F; 10], column: Column, value: F) {
    if let Some(sum) = sums.get_mut(column.index()) {
        *sum += value;
    }
}
