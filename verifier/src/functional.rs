//! The claims about columns that OPEN checks (PROTOCOL.md §4.8): each is a public functional of one column, and here its
//! multilinear extension is evaluated. Pulling a functional back to a column is the prover's.

use pleat_nova_circuits::cycle::{F, field_from_i64};

use crate::claims::{Challenges, Points};
use crate::descriptor::{Node, Role, Source, View};
use crate::mle::{Coordinates, bits, eq, eq_index, eq_prefix_sum, indicator, shape_bits, zeros_at};
use crate::network::{Column, Network};
use crate::public::PublicValues;

impl Node {
    /// The point at which the node's view of this role is claimed: output coordinates from `r_l`, contraction coordinates,
    /// for `A` and `K`, from CONTRACT's challenges.
    pub fn claim_point<'p>(&self, role: Role, r_low: &'p [F], x: &'p [F]) -> Coordinates<'p> {
        let out = Coordinates::split(&self.out, r_low);
        match role {
            Role::A | Role::K => out.with(Coordinates::split(&self.contraction, x)),
            Role::C | Role::D => out,
        }
    }

    /// `e_l(x)`: `eq` of `r_l` and `x` on the batch axes, 1 if there are none.
    pub fn batch_eq(&self, r_low: &[F], x: &[F]) -> F {
        let out = Coordinates::split(&self.out, r_low);
        let contraction = Coordinates::split(&self.contraction, x);
        self.batch().fold(F::one(), |product, a| {
            product * eq(out.of(a.id), contraction.of(a.id))
        })
    }
}

/// The factor of index axes that the view owns and a term does not read: their indicators.
pub fn broadcast(
    term_axes: &[crate::descriptor::AxisId],
    owned: &[crate::descriptor::Axis],
    point: &Coordinates<'_>,
) -> F {
    let unread = owned.iter().filter(|a| !term_axes.contains(&a.id));
    unread.fold(F::one(), |product, a| {
        product * indicator(a.len, point.of(a.id))
    })
}

impl Network {
    /// Multilinear extension of a view's functional at `(point, z)`, `z` of the column's variables.
    pub fn view_at(
        &self,
        node: &Node,
        role: Role,
        view: &View,
        point: &Coordinates<'_>,
        z: &[F],
    ) -> F {
        let owned = node.owned(role);
        view.terms.iter().fold(F::zero(), |sum, term| {
            let (address, shape) = self.block(view.source, term.block);
            let n = shape_bits(&shape);
            let (mut low, high) = z.split_at_checked(n).unwrap_or((z, &[]));
            let mut product = field_from_i64(term.coefficient) * eq_index(high, address >> n);
            product *= broadcast(&term.axes(), &owned, point);
            for map in term.maps.iter().rev() {
                let (own, rest) = low
                    .split_at_checked(bits(map.source()))
                    .unwrap_or((low, &[]));
                product *= map.mle(point, own);
                low = rest;
            }
            sum + product
        })
    }

    /// Address and true lengths of a block.
    pub fn block(&self, source: Source, block: usize) -> (usize, Vec<usize>) {
        let none = (0, Vec::new());
        match source {
            Source::Activations => self
                .nodes()
                .get(block)
                .map_or(none, |n| (n.address, n.shape())),
            Source::Weights => self
                .descriptor()
                .weights
                .get(block)
                .map_or(none, |b| (b.address, b.shape.clone())),
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
        let mut weight = F::one();
        for node in self.nodes() {
            let (r_low, _) = self.block_point(node, &challenges.r);
            let mut claim_weight = [F::zero(); 4];
            for w in &mut claim_weight {
                *w = weight;
                weight *= points.rho;
            }
            for (role, view, _) in node.views() {
                let column = view.source.column();
                let w = role.of(claim_weight);
                let point = node.claim_point(role, r_low, &points.x);
                add(
                    &mut sums,
                    column,
                    w * self.view_at(node, role, view, &point, z_of(column)),
                );
            }
        }
        let mut weight = points.rho_l();
        let u = points.u.get(..self.nu()).unwrap_or(&points.u);
        let eq_u = eq(u, z_of(Column::Y));
        for column in Column::WITNESS {
            add(&mut sums, column, weight * eq_u);
            weight *= points.rho;
        }
        for (node, _) in public.shown_nodes(self) {
            let (r_low, _) = self.block_point(node, &challenges.r);
            let r = Coordinates::split(&node.out, r_low);
            let (z_low, theta) = self.block_point(node, z_of(Column::Y));
            let at = Coordinates::split(&node.out, z_low);
            let identity = node.out.iter().fold(theta, |p, a| {
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

fn add(sums: &mut [F; 10], column: Column, value: F) {
    if let Some(sum) = sums.get_mut(column.index()) {
        *sum += value;
    }
}
