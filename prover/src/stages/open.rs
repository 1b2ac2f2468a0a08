//! OPEN's claim and its three products.

use std::collections::BTreeMap;

use super::Ledger;
use crate::functional::{Pulled, outer_product, pull_back};
use crate::sumcheck::{Open, OpenBlock, OpenColumn, Source as OpenSource, Tensor};
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::descriptor::{Role, Source, View};
use pleat_verifier::mle::{bits, eq_table, shape_bits};
use pleat_verifier::network::Column;

/// The `ρ`-weighted sum of all claims.
pub(super) fn open_claim(ledger: &Ledger<'_>) -> F {
    let (network, rho) = (ledger.network(), ledger.points.rho);
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

/// What OPEN's three columns are made of: all witness columns, which share the functional `eq(u, ·)`; `Y` with the views of
/// activations and the public values; `W` with the views of weights.
pub(super) fn open_sources<'a>(ledger: &'a Ledger<'_>) -> Vec<OpenSource<'a>> {
    let rho = ledger.points.rho;
    let weights = std::iter::successors(Some(ledger.points.rho_l()), |w| Some(*w * rho));
    let witness = Column::WITNESS.into_iter().zip(weights);
    vec![
        witness.map(|(c, w)| (ledger.cells(c), w)).collect(),
        vec![(ledger.cells(Column::Y), F::ONE)],
        vec![(ledger.cells(Column::W), F::ONE)],
    ]
}

/// OPEN's three products.
pub(super) fn open_items(ledger: &Ledger<'_>) -> Open {
    let network = ledger.network();
    let sources = open_sources(ledger);
    let mask_of = |column: Column| {
        let rows = &ledger.masks.rows;
        rows.get(column.index()).cloned().unwrap_or_default()
    };
    let functionals = functionals(ledger);
    let columns = sources.iter().enumerate().map(|(i, source)| match i {
        0 => witness_columns(ledger, source),
        1 => OpenColumn::new(
            source,
            blocks(ledger, Source::Activations, &functionals),
            mask_of(Column::Y),
        ),
        _ => OpenColumn::new(
            source,
            blocks(ledger, Source::Weights, &functionals),
            mask_of(Column::W),
        ),
    });
    Open::of(
        columns.collect(),
        network.row_bits(),
        network.mask_variable(),
    )
}

/// All witness columns, weighted; their sums over the variables above the split are known since LOOKUP.
fn witness_columns(ledger: &Ledger<'_>, source: &OpenSource<'_>) -> OpenColumn {
    let network = ledger.network();
    let (low, high) = ledger.split_point(&ledger.points.u);
    let mut sums = vec![F::ZERO; 1 << low.len()];
    let mut mask_row = vec![F::ZERO; 1 << network.row_bits()];
    let own = source.iter().zip(&ledger.at_u).zip(&ledger.masks.rows);
    for (((_, weight), at_u), mask) in own {
        let add = |sums: &mut [F], values: &[F]| {
            let pairs = sums.iter_mut().zip(values);
            pairs.for_each(|(sum, v)| *sum += *weight * v);
        };
        add(&mut sums, at_u);
        add(&mut mask_row, mask);
    }
    let tensor = Tensor {
        low: eq_table(low),
        high: eq_table(high),
    };
    OpenColumn::whole(network.nu(), tensor, sums, mask_row)
}

/// The functionals on each block that is read: the views of the claims, and the public values.
fn functionals(ledger: &Ledger<'_>) -> BTreeMap<(Source, usize), Vec<Pulled>> {
    let (network, rho) = (ledger.network(), ledger.points.rho);
    let mut functionals: BTreeMap<(Source, usize), Vec<Pulled>> = BTreeMap::new();
    let mut add = |source: Source, pulled: Vec<Pulled>| {
        for pulled in pulled {
            let own = functionals.entry((source, pulled.block)).or_default();
            own.push(pulled);
        }
    };
    let mut weight = F::ONE;
    for node in network.nodes() {
        let (r_low, _) = network.block_point(node, &ledger.challenges.r);
        let weights = [0; 4].map(|_| {
            let w = weight;
            weight *= rho;
            w
        });
        for (role, view, _) in node.views() {
            let point = node.claim_point(role, r_low, &ledger.points.x);
            let pulled = pull_back(node, role, view, &point, role.of(weights));
            add(view.source, pulled);
        }
    }
    let mut weight = ledger.points.rho_l() * rho.pow([Column::WITNESS.len() as u64]);
    for (node, _) in ledger.public.shown_nodes(network) {
        let Some(index) = network.nodes().iter().position(|n| std::ptr::eq(n, node)) else {
            continue;
        };
        let own = View::whole(Source::Activations, index, &node.out);
        let (r_low, _) = network.block_point(node, &ledger.challenges.r);
        let point = node.claim_point(Role::C, r_low, &[]);
        add(
            Source::Activations,
            pull_back(node, Role::C, &own, &point, weight),
        );
        weight *= rho;
    }
    functionals
}

/// The blocks of a column, their functionals cut between two axes.
fn blocks(
    ledger: &Ledger<'_>,
    source: Source,
    functionals: &BTreeMap<(Source, usize), Vec<Pulled>>,
) -> Vec<OpenBlock> {
    let descriptor = ledger.network().descriptor();
    let count = match source {
        Source::Activations => descriptor.nodes.len(),
        Source::Weights => descriptor.weights.len(),
    };
    let block = |block: usize| {
        let pulled = functionals
            .get(&(source, block))
            .map_or(&[][..], Vec::as_slice);
        let (address, shape) = ledger.network().block(source, block);
        let cut = cut(&shape);
        let tensor = |pulled: &Pulled| {
            let (high, low) = pulled.axes.split_at(cut);
            Tensor {
                low: outer_product(F::ONE, low),
                high: outer_product(pulled.factor, high),
            }
        };
        OpenBlock {
            address,
            variables: shape_bits(&shape),
            tensors: pulled.iter().map(tensor).collect(),
        }
    };
    (0..count).map(block).collect()
}

/// The axes before which a block's functionals are cut, so that neither part is long: `low` has the rest, and at least one
/// variable if the block has any.
fn cut(shape: &[usize]) -> usize {
    let total = shape_bits(shape);
    let longer = |cut: &usize| {
        let low = shape.iter().skip(*cut).map(|n| bits(*n)).sum::<usize>();
        if low == 0 {
            total
        } else {
            low.max(total - low)
        }
    };
    (0..=shape.len().saturating_sub(1))
        .min_by_key(longer)
        .unwrap_or(0)
}
