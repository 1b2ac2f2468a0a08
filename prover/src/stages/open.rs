//! OPEN's claim and its products.

use std::collections::BTreeMap;

use super::Ledger;
use crate::functional::{Pulled, outer_product, pull_back};
use crate::sumcheck::{Open, OpenBlock, OpenColumn, Source as OpenSource, Tensor};
use ff::Field;
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::vectors::{add_scaled, eq_table};
use pleat_verifier::coordinates::Coordinates;
use pleat_verifier::descriptor::{Read, View};
use pleat_verifier::mle::{bits, shape_bits};
use pleat_verifier::network::Column;

/// The `ρ`-weighted sum of all claims.
pub(super) fn open_claim(ledger: &Ledger<'_>) -> F {
    let (network, rho) = (ledger.network(), ledger.points.rho);
    let mut weight = F::ONE;
    let mut sum = F::ZERO;
    let slots = ledger.claims.iter().flat_map(|o| [o.a, o.b, o.c, o.d]);
    for value in slots.chain(ledger.evaluations) {
        sum += weight * value;
        weight *= rho;
    }
    sum + network.public_claims(&ledger.challenges, &ledger.points, &ledger.public)
}

/// The reads of committed columns, each with what is added up in it. Those that no view has are left out, but for values and weights.
fn reads(ledger: &Ledger<'_>) -> Vec<Read> {
    let network = ledger.network();
    let used = |read: &Read| {
        let views = network.slots().flat_map(|slot| slot.views());
        let terms = views.flat_map(|(_, view, _)| &view.terms);
        terms.into_iter().any(|term| term.read == *read)
    };
    let always = |read: &Read| matches!(read, Read::Value | Read::Weight);
    let committed = Read::COMMITTED.into_iter();
    committed.filter(|r| always(r) || used(r)).collect()
}

/// What OPEN's products are made of: all witness columns, which share the functional `eq(u, ·)`; then for each read what it adds
/// up, with the views that read so and, of values, the public ones.
pub(super) fn open_sources<'a>(ledger: &'a Ledger<'_>) -> Vec<OpenSource<'a>> {
    let rho = ledger.points.rho;
    let weights = std::iter::successors(Some(ledger.points.rho_l()), |w| Some(*w * rho));
    let witness = Column::WITNESS.into_iter().zip(weights);
    let mut sources = vec![witness.map(|(c, w)| (ledger.cells(c), w)).collect()];
    for read in reads(ledger) {
        let columns = ledger.network().read_columns(read).into_iter();
        let columns = columns.map(|(c, factor)| (ledger.cells(c), field_from_i64(factor)));
        sources.push(columns.collect());
    }
    sources
}

/// OPEN's products.
pub(super) fn open_items(ledger: &Ledger<'_>) -> Open {
    let network = ledger.network();
    let sources = open_sources(ledger);
    let functionals = functionals(ledger);
    let mut columns = Vec::with_capacity(sources.len());
    let mut sources = sources.iter();
    if let Some(witness) = sources.next() {
        columns.push(witness_columns(ledger, witness));
    }
    for (read, source) in reads(ledger).into_iter().zip(sources) {
        let blocks = blocks(ledger, read, &functionals);
        columns.push(OpenColumn::new(source, blocks, mask_row(ledger, read)));
    }
    Open::of(columns, network.row_bits(), network.mask_variable())
}

/// What a read adds up in the mask rows.
fn mask_row(ledger: &Ledger<'_>, read: Read) -> Vec<F> {
    let mut sum = Vec::new();
    for (column, factor) in ledger.network().read_columns(read) {
        let factor = field_from_i64(factor);
        let row = ledger.masks.rows.get(column.index());
        let row = row.map_or(&[][..], Vec::as_slice);
        sum.resize(row.len().max(sum.len()), F::ZERO);
        add_scaled(&mut sum, factor, row);
    }
    sum
}

/// All witness columns, weighted; their sums over the variables above the split are known since LOOKUP.
fn witness_columns(ledger: &Ledger<'_>, source: &OpenSource<'_>) -> OpenColumn {
    let network = ledger.network();
    let (low, high) = ledger.split_point(&ledger.points.u);
    let mut sums = vec![F::ZERO; 1 << low.len()];
    let mut mask_row = vec![F::ZERO; 1 << network.row_bits()];
    let own = source.iter().zip(&ledger.at_u).zip(&ledger.masks.rows);
    for (((_, weight), at_u), mask) in own {
        add_scaled(&mut sums, *weight, at_u);
        add_scaled(&mut mask_row, *weight, mask);
    }
    let tensor = Tensor {
        low: eq_table(low),
        high: eq_table(high),
    };
    OpenColumn::whole(network.nu(), tensor, sums, mask_row)
}

/// The functionals on each block that is read: the views of the claims, and the public values.
fn functionals(ledger: &Ledger<'_>) -> BTreeMap<(Read, usize), Vec<Pulled>> {
    let (network, rho) = (ledger.network(), ledger.points.rho);
    let indices = ledger.public.indices();
    let mut functionals: BTreeMap<(Read, usize), Vec<Pulled>> = BTreeMap::new();
    let mut add = |pulled: Vec<Pulled>| {
        for pulled in pulled {
            let own = functionals.entry((pulled.read, pulled.block)).or_default();
            own.push(pulled);
        }
    };
    network.for_each_view(
        &ledger.challenges,
        &ledger.points,
        |weight, slot, role, view, point| {
            let owned = slot.owned(role);
            add(pull_back(&owned, view, point, weight, indices));
        },
    );
    let mut weight = ledger.points.rho_l() * rho.pow([Column::WITNESS.len() as u64]);
    for (block, _) in ledger.public.shown_blocks(network) {
        let index = network
            .relations()
            .iter()
            .position(|r| std::ptr::eq(r, block));
        let own = View::whole(Read::Value, index.unwrap_or(usize::MAX), &block.out);
        let (r_low, _) = network.block_point(block, &ledger.challenges.r);
        let point = Coordinates::split(&block.out, r_low);
        add(pull_back(&block.out, &own, &point, weight, indices));
        weight *= rho;
    }
    functionals
}

/// The blocks of what a read adds up, their functionals cut between two axes.
fn blocks(
    ledger: &Ledger<'_>,
    read: Read,
    functionals: &BTreeMap<(Read, usize), Vec<Pulled>>,
) -> Vec<OpenBlock> {
    let network = ledger.network();
    let count = match read {
        Read::Weight => network.descriptor().weights.len(),
        _ => network.relations().len(),
    };
    let block = |block: usize| {
        let pulled = functionals
            .get(&(read, block))
            .map_or(&[][..], Vec::as_slice);
        let (address, shape) = network.block(read, block);
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
