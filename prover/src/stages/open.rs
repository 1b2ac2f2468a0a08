//! OPEN's claim and its three products.

use super::Ledger;
use crate::columns::Cells;
use crate::functional::pull_back;
use crate::sumcheck::{Open, OpenItem};
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::descriptor::{Role, Source};
use pleat_verifier::mle::eq_table;
use pleat_verifier::network::Column;
use rayon::prelude::*;

/// The `ρ`-weighted sum of all claims.
pub(super) fn open_claim(ledger: &Ledger<'_>) -> F {
    let (network, rho) = (ledger.network(), ledger.advice.rho);
    let mut weight = F::ONE;
    let mut sum = F::ZERO;
    let slots = ledger.claims.iter().flat_map(|o| [o.a, o.b, o.c, o.d]);
    let shown = ledger.public.shown_nodes(network);
    let public =
        shown.map(|(node, values)| network.public_value_at(node, values, &ledger.challenges.r));
    for value in slots.chain(ledger.evaluations).chain(public) {
        sum += weight * value;
        weight *= rho;
    }
    sum
}

/// OPEN's three products: all witness columns, which share the functional `eq(u, ·)`; `Y` with the views of activations and
/// the public values; `W` with the views of weights.
pub(super) fn open_items(ledger: &Ledger<'_>) -> Open {
    let (network, rho) = (ledger.network(), ledger.advice.rho);
    let mut y_functional = vec![F::ZERO; 1 << network.nu()];
    let mut w_functional = vec![F::ZERO; 1 << network.nu_w()];
    let mut weight = F::ONE;
    for node in network.nodes() {
        let (r_low, _) = network.block_point(node, &ledger.challenges.r);
        let weights = [0; 4].map(|_| {
            let w = weight;
            weight *= rho;
            w
        });
        for (role, view, _) in node.views() {
            let point = node.claim_point(role, r_low, &ledger.advice.x);
            let w = role.of(weights);
            let column = match view.source {
                Source::Activations => &mut y_functional,
                Source::Weights => &mut w_functional,
            };
            pull_back(network, node, role, view, &point, w, column);
        }
    }
    let rho_l = ledger.advice.rho_l(network);
    let mut combined = vec![F::ZERO; 1 << network.nu()];
    let mut weight = rho_l;
    let mut mask = F::ZERO;
    let mut mask_row = Vec::new();
    for column in Column::WITNESS {
        let cells = ledger.columns.cells(column);
        let n = cells.len();
        combined
            .par_iter_mut()
            .enumerate()
            .take(n)
            .for_each(|(i, sum)| *sum += weight * cells.get(i));
        let own = ledger
            .masks
            .rows
            .get(column.index())
            .map_or(&[][..], Vec::as_slice);
        if column == Column::Y {
            mask_row = own.iter().map(|v| weight * v).collect();
        } else {
            mask += weight * own.first().copied().unwrap_or(F::ZERO);
        }
        weight *= rho;
    }
    if let Some(first) = mask_row.first_mut() {
        *first += mask;
    }
    for (node, _) in ledger.public.shown_nodes(network) {
        let Some(index) = network.nodes().iter().position(|n| std::ptr::eq(n, node)) else {
            continue;
        };
        let own = pleat_verifier::descriptor::View::whole(Source::Activations, index, &node.out);
        let (r_low, _) = network.block_point(node, &ledger.challenges.r);
        pull_back(
            network,
            node,
            Role::C,
            &own,
            &node.claim_point(Role::C, r_low, &[]),
            weight,
            &mut y_functional,
        );
        weight *= rho;
    }
    let u = eq_table(ledger.advice.u.get(..network.nu()).unwrap_or(&[]));
    let field = |cells: Cells<'_>| -> Vec<F> {
        (0..cells.len())
            .into_par_iter()
            .map(|i| cells.get(i))
            .collect()
    };
    let mask_of = |column: Column| {
        ledger
            .masks
            .rows
            .get(column.index())
            .cloned()
            .unwrap_or_default()
    };
    let items = vec![
        OpenItem {
            column: combined,
            functional: u,
            mask: mask_row,
        },
        OpenItem {
            column: field(ledger.columns.cells(Column::Y)),
            functional: y_functional,
            mask: mask_of(Column::Y),
        },
        OpenItem {
            column: field(Cells::Signed(&ledger.weights)),
            functional: w_functional,
            mask: mask_of(Column::W),
        },
    ];
    Open::new(items, network.row_bits(), network.mask_variable())
}
