//! The claims `s, c, d` of every slot at `r`, and CONTRACT's tables.

use super::{Claimed, Claims, Fixed, Ledger};
use crate::functional::contract;
use crate::sumcheck::{Contract, ContractItem};
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::coordinates::Coordinates;
use pleat_verifier::descriptor::{Role, Slot};
use pleat_verifier::mle::eq_table;
use rayon::prelude::*;
use tracing::info_span;

impl<'m> Fixed<'m> {
    /// Computes the claims `s, c, d` of every slot, and CONTRACT's tables (their weights `σ^l` are not known yet).
    pub fn claims(self) -> Claimed<'m> {
        let _span = info_span!("claims").entered();
        let Self(mut ledger, fixed) = self;
        let slots: Vec<Slot<'_>> = ledger.network().slots().collect();
        let computed: Vec<(Claims, Option<ContractItem>)> =
            slots.par_iter().map(|s| slot_claims(&ledger, s)).collect();
        let mut items = Vec::new();
        for (slot, (claims, item)) in ledger.claims.iter_mut().zip(computed) {
            *slot = claims;
            items.push(item);
        }
        // Slots without a product keep their place, so that an item's index is its slot.
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

/// One slot's `s, c, d` and its product's tables.
fn slot_claims(ledger: &Ledger<'_>, slot: &Slot<'_>) -> (Claims, Option<ContractItem>) {
    let network = ledger.network();
    let (r_low, _) = network.block_point(slot.relation, &ledger.challenges.r);
    let mut claims = Claims::default();
    let (mut a, mut b) = (None, None);
    for (role, view, _) in slot.views() {
        let table = contract(network, slot, role, view, r_low, ledger.sources());
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
        e: batch_table(slot, r_low),
    });
    if let Some(item) = &item {
        claims.s = item.sum();
    }
    (claims, item)
}

/// `e_l` on the cube of the contraction; nothing if the slot has no batch axis.
fn batch_table(slot: &Slot<'_>, r_low: &[F]) -> Option<Vec<F>> {
    slot.batch().next()?;
    let out = Coordinates::split(&slot.relation.out, r_low);
    let mut table = vec![F::ONE];
    for axis in slot.contraction() {
        let size = 1 << pleat_verifier::mle::bits(axis.len);
        let batch = slot.batch().any(|b| b.id == axis.id);
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
