//! The claims `s, c, d` of every node at `r`, and CONTRACT's tables.

use super::{Claimed, Claims, Fixed, Ledger};
use crate::functional::contract;
use crate::sumcheck::{Contract, ContractItem};
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::descriptor::{Node, Role};
use pleat_verifier::mle::{Coordinates, eq_table};
use rayon::prelude::*;
use tracing::info_span;

impl<'m> Fixed<'m> {
    /// Computes the claims `s, c, d` of every node, and CONTRACT's tables (their weights `σ^l` are not known yet).
    pub fn claims(self) -> Claimed<'m> {
        let _span = info_span!("claims").entered();
        let Self(mut ledger, fixed) = self;
        let nodes = ledger.network().nodes();
        let computed: Vec<(Claims, Option<ContractItem>)> =
            nodes.par_iter().map(|n| node_claims(&ledger, n)).collect();
        let mut items = Vec::new();
        for (slot, (claims, item)) in ledger.claims.iter_mut().zip(computed) {
            *slot = claims;
            items.push(item);
        }
        // Nodes without a product keep their place, so that an item's index is its slot.
        let empty = || ContractItem {
            weight: F::ZERO,
            a: vec![F::ZERO],
            b: vec![F::ZERO],
            e: None,
        };
        ledger.contract = Contract {
            items: items.into_iter().map(|i| i.unwrap_or_else(empty)).collect(),
        };
        Claimed(ledger, fixed)
    }
}

/// One node's `s, c, d` and its product's tables.
fn node_claims(ledger: &Ledger<'_>, node: &Node) -> (Claims, Option<ContractItem>) {
    let network = ledger.network();
    let (r_low, _) = network.block_point(node, &ledger.challenges.r);
    let mut claims = Claims::default();
    let (mut a, mut b) = (None, None);
    for (role, view, _) in node.views() {
        let table = contract(network, node, role, view, r_low, ledger.sources());
        let single = table.first().copied().unwrap_or(F::ZERO);
        match role {
            Role::A => a = Some(table),
            Role::K => b = Some(table),
            Role::C => claims.c = single,
            Role::D => claims.d = single,
        }
    }
    let item = a.zip(b).map(|(a, b)| ContractItem {
        weight: F::ONE,
        a,
        b,
        e: batch_table(node, r_low),
    });
    if let Some(item) = &item {
        claims.s = item.sum();
    }
    (claims, item)
}

/// `e_l` on the cube of the contraction; nothing if the node has no batch axis.
fn batch_table(node: &Node, r_low: &[F]) -> Option<Vec<F>> {
    node.batch().next()?;
    let out = Coordinates::split(&node.out, r_low);
    let mut table = vec![F::ONE];
    for axis in &node.contraction {
        let size = 1 << pleat_verifier::mle::bits(axis.len);
        let batch = node.batch().any(|b| b.id == axis.id);
        let factors = if batch {
            eq_table(out.of(axis.id))
        } else {
            vec![F::ONE; size]
        };
        table = table
            .iter()
            .flat_map(|t| factors.iter().map(move |f| *t * f))
            .collect();
    }
    Some(table)
}
