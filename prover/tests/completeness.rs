//! Completeness: random dense networks prove and verify, steps executed natively; the prover's fast kernels are the
//! relations and functionals that the verifier checks, also on columns and nodes that no honest run has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::algebra::{check_both, commit, key, public, traced};
use common::dense::Dense;
use common::naive::Blocks;
use common::{Builder, Problem};
use ff::Field;
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::relation::{LookupRow, LookupScalars, fold_round_at, lambda_at};
use pleat_prover::columns::{Cells, Columns, network_tags};
use pleat_prover::execute::{Executor, block_cells, execute, weight_column};
use pleat_prover::functional::{Sources, contract, outer_product, pull_back};
use pleat_prover::sumcheck::{
    self, Contract, ContractItem, Lookup, LookupColumns, Open, OpenBlock, OpenColumn, OpenItem,
    Summand, Tensor,
};
use pleat_prover::weights::Weights;
use pleat_verifier::columns::{TableEntry, field_from_usize};
use pleat_verifier::coordinates::Coordinates;
use pleat_verifier::descriptor::{
    Axis, AxisMap, Indices, Inner, Read, Role, Slot, Stride, Term, View, element_cells,
};
use pleat_verifier::fold::Mode;
use pleat_verifier::mle::{bits, eq_index, eq_table, inner_product, zeros_at};
use pleat_verifier::network::{Column, Network};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

fn randomness(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn elements(n: usize, rng: &mut ChaCha20Rng) -> Vec<F> {
    (0..n).map(|_| F::random(&mut *rng)).collect()
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..ProptestConfig::default()
    }
}

// ---- whole proofs

/// 1 to 20 layers of widths 1 to 300 on 1 to 9 samples, of all functions; some layers share their weights.
fn dense() -> impl Strategy<Value = Dense> {
    let width = || prop_oneof![1..12_usize, 12..80_usize, 80..=300_usize];
    let layer = (width(), 0..5_usize, any::<bool>());
    let layers = prop_oneof![
        3 => prop::collection::vec(layer.clone(), 1..4),
        1 => prop::collection::vec(layer, 4..=20),
    ];
    (
        1..=9_usize,
        5..=9_u32,
        4..=9_u32,
        width(),
        layers,
        any::<u64>(),
    )
        .prop_map(|(batch, digit_bits, row_bits, first, layers, seed)| {
            let mut widths = vec![first];
            let mut pairs: Vec<usize> = Vec::new();
            for (width, _, share) in &layers {
                // A layer shares the weights of the one before it where the shapes allow.
                let i = pairs.len();
                let last = widths[i];
                match pairs.last() {
                    Some(pair) if *share && widths[i - 1] == last => {
                        pairs.push(*pair);
                        widths.push(last);
                    }
                    _ => {
                        pairs.push(i);
                        widths.push(if *share { last } else { *width });
                    }
                }
            }
            let mut functions: Vec<usize> = layers.iter().map(|(_, f, _)| *f).collect();
            // Functions 2, 3… are tables, numbered without gaps.
            let most = functions.iter().copied().max().unwrap();
            if most >= 2 {
                for function in &mut functions {
                    *function = (*function).min(3);
                }
            }
            Dense {
                batch,
                digit_bits,
                row_bits,
                widths,
                functions,
                pairs,
                seed,
            }
        })
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn dense_networks_prove(spec in dense(), seed in any::<u64>(), shown in 0..4_usize) {
        let problem = spec.problem();
        let model = commit(&problem);
        let key = key(&model);
        let run = traced(&model, Mode::Tree, &problem.inputs, seed);
        let outputs: Vec<Vec<i32>> = run.0.public.ports()[1..].iter().flatten().cloned().collect();
        prop_assert_eq!(outputs, problem.outputs.clone());
        let verdicts = check_both(&model, &key, |mode| {
            let mut traced = traced(&model, mode, &problem.inputs, seed);
            traced.0.public = public(&model, &traced.0.columns, |port| shown >> port & 1 == 1);
            traced
        });
        prop_assert!(verdicts.iter().all(Result::is_ok), "{:?}", verdicts);
    }
}

/// The corners of what random networks are drawn from.
#[test]
fn the_smallest_and_the_largest_networks_prove() {
    let corner = |batch, digit_bits, row_bits, widths: Vec<usize>, function| Dense {
        batch,
        digit_bits,
        row_bits,
        functions: vec![function; widths.len() - 1],
        pairs: (0..widths.len() - 1).collect(),
        widths,
        seed: 1,
    };
    for spec in [
        corner(1, 5, 0, vec![1, 1], 0),
        corner(1, 3, 1, vec![1, 1, 1], 2),
        corner(9, 12, 10, vec![300, 300], 1),
        corner(9, 5, 6, vec![3; 21], 2),
        corner(2, 15, 12, vec![2, 2], 0),
    ] {
        let problem = spec.problem();
        let model = commit(&problem);
        let key = key(&model);
        let verdicts = check_both(&model, &key, |mode| {
            traced(&model, mode, &problem.inputs, 5)
        });
        assert!(verdicts.iter().all(Result::is_ok), "{spec:?}: {verdicts:?}");
    }
}

// ---- LOOKUP

/// Columns that no run has: everything is random, beyond the table and on padding rows too.
fn random_columns(network: &Network, rng: &mut ChaCha20Rng) -> Columns {
    let n = 1 << network.nu();
    let table = network.rows(Column::M).len() << network.row_bits();
    let mut signed = |n: usize| -> Vec<i32> { (0..n).map(|_| rng.next_u32() as i32).collect() };
    let (y, p) = (signed(n), signed(n));
    let digits = |v: Vec<i32>| -> Vec<u16> { v.into_iter().map(|v| v as u16).collect() };
    let (r1, r0) = (digits(signed(n)), digits(signed(n)));
    let m = signed(table).into_iter().map(|v| v as u32).collect();
    Columns {
        y,
        p,
        r1,
        r0,
        m,
        indices: Indices::default(),
        f0: elements(n, rng).into_iter().collect(),
        f1: elements(n, rng).into_iter().collect(),
        f2: elements(n, rng).into_iter().collect(),
        ht: elements(table, rng),
    }
}

fn random_scalars(network: &Network, rng: &mut ChaCha20Rng) -> LookupScalars {
    let beta = F::random(&mut *rng);
    LookupScalars {
        alpha: F::random(&mut *rng),
        beta,
        beta2: beta * beta,
        gamma: F::random(&mut *rng),
        delta: F::random(&mut *rng),
        two_2b: field_from_usize(1 << (2 * network.digit_bits())),
        two_b: field_from_usize(1 << network.digit_bits()),
        rng: field_from_usize(network.range_tag()),
    }
}

/// The row relation's operands at row `i`, from the columns' definition.
fn lookup_row(columns: &Columns, tags: &[u16], table: &[TableEntry], i: usize) -> LookupRow {
    let tag = F::from(u64::from(tags[i]));
    let act = if tags[i] == 0 { F::ZERO } else { F::ONE };
    let entry = table.get(i);
    let witness = Column::WITNESS.map(|c| columns.cells(c).get(i));
    let public = [
        tag,
        act,
        entry.map_or(F::ZERO, |e| field_from_i64(e.input)),
        entry.map_or(F::ZERO, |e| field_from_i64(e.output)),
        entry.map_or(F::ZERO, |e| field_from_usize(e.tag)),
    ];
    LookupRow::new(witness, public)
}

/// Runs a sumcheck from its true sum and compares every claim on the way with the sum over the tables bound so far.
fn last_claim(
    mut summand: impl Summand,
    sum: F,
    rounds: usize,
    rng: &mut ChaCha20Rng,
) -> (Vec<F>, F) {
    let (mut claim, mut challenges) = (sum, Vec::new());
    for _ in 0..rounds {
        let message = summand.message();
        let challenge = F::random(&mut *rng);
        summand.bind(challenge);
        claim = fold_round_at(&claim, &message, &challenge);
        challenges.push(challenge);
    }
    (challenges, claim)
}

/// `f~(point)` of a vector padded with zeros.
fn extension(values: impl Iterator<Item = F>, point: &[F]) -> F {
    let values: Vec<F> = values.collect();
    inner_product(&values, &eq_table(point))
}

#[test]
fn lookup_is_the_relation() {
    let mut rng = randomness(31);
    for problem in common::all() {
        let network = &problem.network;
        let tags = network_tags(network);
        let table: Vec<TableEntry> = network.table().collect();
        let columns = random_columns(network, &mut rng);
        let scalars = random_scalars(network, &mut rng);
        let r = elements(network.nu(), &mut rng);
        let n = 1 << network.nu();
        let row = |i| lookup_row(&columns, &tags, &table, i);
        let definition = (0..n)
            .map(|i| lambda_at(&eq_index(&r, i), &row(i), &scalars))
            .fold(F::ZERO, |s, v| s + v);
        let lookup = Lookup::new(
            LookupColumns {
                columns: &columns,
                tags: &tags,
                table: &table,
                scalars: &scalars,
            },
            &r,
        );
        assert_eq!(lookup.sum(), definition, "{}", problem.name);
        // Bound to a point, and three zero-extended variables beyond: Λ of the columns' extensions there.
        let (u, claim) = last_claim(lookup, definition, network.nu() + 3, &mut rng);
        let (u, beyond) = u.split_at(network.nu());
        let witness =
            Column::WITNESS.map(|c| extension((0..n).map(|i| columns.cells(c).get(i)), u));
        let at_u = network.public_columns_at(u);
        let public = [at_u.tag, at_u.act, at_u.tin, at_u.tout, at_u.ttag];
        let eq_r_u = pleat_verifier::mle::eq(&r, u);
        let last = lambda_at(&eq_r_u, &LookupRow::new(witness, public), &scalars);
        assert_eq!(claim, zeros_at(beyond) * last, "{}", problem.name);
        // The public columns that the verifier evaluates are those of the rows.
        let own = |f: &dyn Fn(&LookupRow) -> F| extension((0..n).map(|i| f(&row(i))), u);
        assert_eq!(at_u.tag, own(&|row| row.tag));
        assert_eq!(at_u.act, own(&|row| row.act));
        assert_eq!(at_u.tin, own(&|row| row.tin));
        assert_eq!(at_u.tout, own(&|row| row.tout));
        assert_eq!(at_u.ttag, own(&|row| row.ttag));
    }
}

/// The rows of a run are looked up, not computed; a row that was tampered with is computed. Every message is that of the
/// same columns with all of their fractions written out, which are never looked up.
#[test]
fn rows_that_are_looked_up_are_their_definition() {
    let mut rng = randomness(33);
    for problem in common::all() {
        let network = &problem.network;
        let column = weight_column(network, &problem.weights).unwrap();
        let executor = Executor::new(network, &column).unwrap();
        let trace = executor.run_on(&problem.inputs, &problem.given).unwrap();
        let mut columns = Columns::new(network, trace);
        let scalars = random_scalars(network, &mut rng);
        assert!(columns.fractions(network, scalars.alpha, scalars.beta));
        let tags = network_tags(network);
        let table: Vec<TableEntry> = network.table().collect();
        let r = elements(network.nu(), &mut rng);
        for tampered in 0..8 {
            let cell = below(1 << network.nu(), &mut rng);
            match tampered {
                0 => {}
                1 => columns.y[cell] += 1,
                2 => columns.p[cell] -= 1,
                3 => columns.r1[cell] ^= 1,
                4 => columns.r0[cell] = u16::MAX,
                5 => columns.f0.set(cell, F::ONE),
                6 => columns.f1.set(cell, F::random(&mut rng)),
                _ => columns.m[0] += 1,
            }
            let mut written = columns.clone();
            for fractions in [&mut written.f0, &mut written.f1, &mut written.f2] {
                *fractions = fractions.iter().collect();
            }
            let lookup = |columns| {
                let source = LookupColumns {
                    columns,
                    tags: &tags,
                    table: &table,
                    scalars: &scalars,
                };
                Lookup::new(source, &r)
            };
            let (mut fast, mut plain) = (lookup(&columns), lookup(&written));
            assert_eq!(fast.sum(), plain.sum());
            for round in 0..network.nu() + 2 {
                assert_eq!(fast.message(), plain.message(), "{} {round}", problem.name);
                let challenge = F::random(&mut rng);
                fast.bind(challenge);
                plain.bind(challenge);
            }
        }
    }
}

// ---- CONTRACT and OPEN

/// Items of different sizes, with and without batch axes.
fn contract_items(rng: &mut ChaCha20Rng, sizes: &[usize]) -> Contract {
    let item = |(i, k): (usize, &usize)| ContractItem {
        weight: F::random(&mut *rng),
        a: elements(1 << k, rng),
        b: elements(1 << k, rng),
        e: (i % 2 == 0).then(|| elements(1 << k, rng)),
    };
    Contract {
        items: sizes.iter().enumerate().map(item).collect(),
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn contract_is_its_sum(sizes in prop::collection::vec(0..8_usize, 1..6), seed in any::<u64>()) {
        let mut rng = randomness(seed);
        let contract = contract_items(&mut rng, &sizes);
        let rounds = sizes.iter().copied().max().unwrap() + 2;
        let ones = |n: usize| vec![F::ONE; n];
        let mut sum = F::ZERO;
        for item in &contract.items {
            let e = item.e.clone().unwrap_or_else(|| ones(item.a.len()));
            for ((a, b), e) in item.a.iter().zip(&item.b).zip(&e) {
                sum += item.weight * a * b * e;
            }
        }
        prop_assert_eq!(contract.sum(), sum);
        let (x, claim) = last_claim(contract.clone(), sum, rounds, &mut rng);
        let mut last = F::ZERO;
        for (item, k) in contract.items.iter().zip(&sizes) {
            let (own, beyond) = x.split_at(*k);
            let e = item.e.clone().unwrap_or_else(|| ones(item.a.len()));
            let at = |t: &[F]| extension(t.iter().copied(), own);
            last += item.weight * at(&item.a) * at(&item.b) * at(&e) * zeros_at(beyond);
        }
        prop_assert_eq!(claim, last);
    }

    /// Columns with their mask rows, zero-padded to `2^N`; variables from `N` on are zero-extended once.
    #[test]
    fn open_is_its_sum(
        row_bits in 0..4_usize,
        above in prop::collection::vec(0..5_usize, 1..4),
        seed in any::<u64>(),
    ) {
        let mut rng = randomness(seed);
        let variables: Vec<usize> = above.iter().map(|a| row_bits + a).collect();
        let mask_variable = variables.iter().copied().max().unwrap();
        let all = mask_variable + 1;
        let item = |(i, n): (usize, &usize)| OpenItem {
            column: elements(1 << n, &mut rng),
            functional: elements(1 << n, &mut rng),
            mask: elements(if i == 0 { 1 << row_bits } else { 1 }, &mut rng),
        };
        let items: Vec<OpenItem> = variables.iter().enumerate().map(item).collect();
        let padded = |v: &[F], mask: &[F]| {
            let mut out = vec![F::ZERO; 1 << all];
            out[..v.len()].copy_from_slice(v);
            out[1 << mask_variable..][..mask.len()].copy_from_slice(mask);
            out
        };
        let full: Vec<(Vec<F>, Vec<F>)> = items
            .iter()
            .map(|i| (padded(&i.column, &i.mask), padded(&i.functional, &[])))
            .collect();
        let sum = full.iter().map(|(c, e)| inner_product(c, e)).fold(F::ZERO, |s, v| s + v);
        let open = Open::new(items, row_bits, mask_variable);
        prop_assert_eq!(open.sum(), sum);
        let (z, claim) = last_claim(open.over(Vec::new()), sum, all + 3, &mut rng);
        let (z, beyond) = z.split_at(all);
        let table = eq_table(z);
        let last = full.iter()
            .map(|(c, e)| inner_product(c, &table) * inner_product(e, &table))
            .fold(F::ZERO, |s, v| s + v);
        prop_assert_eq!(claim, zeros_at(beyond) * last);
    }
}

/// Aligned blocks of random sizes that fill a column with gaps between, some with no functional, some with several tensors.
fn random_blocks(variables: usize, rng: &mut ChaCha20Rng) -> Vec<OpenBlock> {
    let mut blocks = Vec::new();
    let mut address = 0_usize;
    while address < 1 << variables {
        let aligned = (address.trailing_zeros() as usize).min(variables);
        let own = below(aligned + 1, rng);
        if below(4, rng) > 0 {
            let low = below(own.max(1), rng) + usize::from(own > 0);
            let tensor = |rng: &mut _| Tensor {
                low: elements(1 << low, rng),
                high: elements(1 << (own - low), rng),
            };
            blocks.push(OpenBlock {
                address,
                variables: own,
                tensors: (0..below(4, rng)).map(|_| tensor(rng)).collect(),
            });
        }
        address += 1 << own;
    }
    blocks
}

proptest! {
    #![proptest_config(config(48))]

    /// A column given by blocks has the messages of the same column given by plain vectors.
    #[test]
    fn blocks_open_as_plain_vectors(variables in 0..7_usize, above in 0..2_usize, seed in any::<u64>()) {
        let mut rng = randomness(seed);
        let blocks = random_blocks(variables, &mut rng);
        let mut functional = vec![F::ZERO; 1 << variables];
        let mut signed = vec![0_i32; 1 << variables];
        for block in &blocks {
            let cells = block.address..block.address + (1 << block.variables);
            signed[cells].fill_with(|| rng.next_u32() as i32);
            for Tensor { low, high } in &block.tensors {
                for (i, high) in high.iter().enumerate() {
                    for (j, low) in low.iter().enumerate() {
                        functional[block.address + i * low_len(block) + j] += *high * low;
                    }
                }
            }
        }
        let counts: Vec<u32> = signed.iter().map(|v| v.unsigned_abs()).collect();
        let weights = elements(2, &mut rng);
        let source = vec![
            (Cells::Signed(&signed), weights[0]),
            (Cells::Counts(&counts), weights[1]),
        ];
        let cell = |i| source.iter().map(|(c, w)| c.get(i) * w).sum::<F>();
        let mask = elements(2, &mut rng);
        let plain = OpenItem {
            column: (0..1 << variables).map(cell).collect(),
            functional,
            mask: mask.clone(),
        };
        let last = variables + above;
        let fast = Open::of(vec![OpenColumn::new(&source, blocks, mask)], 1, last);
        let plain = Open::new(vec![plain], 1, last);
        prop_assert_eq!(fast.sum(), plain.sum());
        let (mut fast, mut plain) = (fast.over(vec![source]), plain.over(Vec::new()));
        for round in 0..last + 3 {
            prop_assert_eq!(fast.message(), plain.message(), "round {}", round);
            let challenge = F::random(&mut rng);
            fast.bind(challenge);
            plain.bind(challenge);
        }
    }
}

fn low_len(block: &OpenBlock) -> usize {
    block.tensors.first().map_or(1, |t| t.low.len())
}

/// Every message is bound before its challenge is known, in order, and folds the claim.
#[test]
fn rounds_follow_each_other() {
    let mut rng = randomness(7);
    let mut contract = contract_items(&mut rng, &[3, 1]);
    let sum = contract.sum();
    let mut bound = Vec::new();
    let out = sumcheck::run(&mut contract, 5, sum, &mut |message| {
        let challenge = F::random(&mut rng);
        bound.push((*message, challenge));
        challenge
    });
    let mut claim = sum;
    for (message, challenge) in &bound {
        claim = fold_round_at(&claim, message, challenge);
    }
    let (messages, challenges): (Vec<_>, Vec<_>) = bound.into_iter().unzip();
    assert_eq!((out.messages, out.challenges), (messages, challenges));
    assert_eq!(out.claim, claim);
}

// ---- views

/// The cells of a block that a view's terms add up, `index` by axis name.
fn view_entries(
    network: &Network,
    view: &View,
    indices: &Indices,
    index: &dyn Fn(pleat_verifier::descriptor::AxisId) -> usize,
    add: &mut dyn FnMut(&Term, usize),
) {
    for term in &view.terms {
        let (_, shape) = network.block(term.read, term.block);
        let mut cells = vec![0_usize];
        for (map, n) in term.maps.iter().zip(&shape) {
            let own: Vec<usize> = map.axes().into_iter().map(index).collect();
            let positions = map.positions(&own, indices);
            cells = cells
                .iter()
                .flat_map(|c| positions.iter().map(move |j| (c << bits(*n)) | j))
                .collect();
        }
        for cell in cells {
            add(term, cell);
        }
    }
}

/// All indices of some axes, row-major.
fn indices(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for axis in axes {
        let extend = |i: &Vec<usize>| -> Vec<Vec<usize>> {
            (0..axis.len)
                .map(|k| [i.as_slice(), &[k]].concat())
                .collect()
        };
        all = all.iter().flat_map(extend).collect();
    }
    all
}

/// Columns that no honest run has, padding rows included.
fn random_witness(
    network: &Network,
    indices: Indices,
    rng: &mut ChaCha20Rng,
) -> (Columns, Weights) {
    let cells = 1 << network.nu();
    let mut signed =
        |n: usize| -> Vec<i32> { (0..n).map(|_| rng.next_u32() as i32 >> 4).collect() };
    let (y, p, weights) = (signed(cells), signed(cells), signed(1 << network.nu_w()));
    let mut digits = || -> Vec<u16> { (0..cells).map(|_| rng.next_u32() as u16).collect() };
    let columns = Columns {
        y,
        p,
        r1: digits(),
        r0: digits(),
        indices,
        ..Columns::default()
    };
    (columns, Weights::from_cells(weights))
}

/// Random values of all index ports.
fn random_indices(network: &Network, rng: &mut ChaCha20Rng) -> Indices {
    let ports = &network.descriptor().indices;
    let values = ports.iter().map(|p| {
        let value = |_| u32::try_from(below(p.len, rng)).unwrap();
        (0..p.elements()).map(value).collect()
    });
    Indices::new(ports, values.collect())
}

/// A public constant that a term reads.
fn public_value(network: &Network, term: &Term, cell: usize, indices: &Indices) -> i64 {
    match term.read {
        Read::Weight => 0,
        Read::One => 1,
        Read::Constant => {
            let constant = &network.descriptor().constants[term.block];
            let mut cells = element_cells(&constant.shape).into_iter();
            let at = cells.position(|c| c == cell).unwrap();
            constant.values[at].into()
        }
        Read::OneHot => {
            let port = &network.descriptor().indices[term.block];
            let shape = [port.shape.as_slice(), &[port.len]].concat();
            let mut cells = element_cells(&shape).into_iter();
            let at = cells.position(|c| c == cell).unwrap();
            let k = indices.of(term.block)[at / port.len];
            i64::from(usize::try_from(k).unwrap() == at % port.len)
        }
        _ => network.relations()[term.block].read_constant(term.read, network.digit_bits()),
    }
}

/// Checks one view: the table of CONTRACT, the functional pulled back, and the functional's own extension.
fn check_view(network: &Network, slot: &Slot<'_>, role: Role, view: &View, rng: &mut ChaCha20Rng) {
    let owned = slot.owned(role);
    let contraction: &[Axis] = match role {
        Role::A | Role::K => slot.contraction(),
        Role::C | Role::D => &[],
    };
    let given = random_indices(network, rng);
    let (columns, weights) = random_witness(network, given.clone(), rng);
    let cells_of = |column: Column| match column {
        Column::W => Cells::Weights(&weights),
        _ => columns.cells(column),
    };
    let r_low = elements(slot.relation.block_bits(), rng);
    let x = elements(slot.contraction_bits() + 2, rng);
    let out_point = Coordinates::split(&slot.relation.out, &r_low);

    let mut table = vec![F::ZERO; 1 << pleat_verifier::descriptor::axes_bits(contraction)];
    let point = slot.claim_point(role, &r_low, &x);
    let mut functionals: Vec<Vec<F>> = (Column::OPENED.iter())
        .map(|c| vec![F::ZERO; 1 << network.variables(*c)])
        .collect();
    let mut constant = F::ZERO;
    for index in indices(&owned) {
        let of = |id| {
            owned
                .iter()
                .zip(&index)
                .find(|(a, _)| a.id == id)
                .map(|(_, i)| *i)
        };
        let weight = |only_out: bool| {
            owned.iter().zip(&index).fold(F::ONE, |w, (a, i)| {
                let in_contraction = contraction.iter().any(|x| x.id == a.id);
                match (only_out, in_contraction) {
                    (true, true) => w,
                    (true, false) => w * eq_index(out_point.of(a.id), *i),
                    (false, _) => w * eq_index(point.of(a.id), *i),
                }
            })
        };
        let (in_table, in_claim) = (weight(true), weight(false));
        let place = contraction
            .iter()
            .fold(0, |flat, a| (flat << bits(a.len)) | of(a.id).unwrap());
        view_entries(
            network,
            view,
            &given,
            &|id| of(id).unwrap(),
            &mut |term, cell| {
                let coefficient = field_from_i64(term.coefficient);
                let public = field_from_i64(public_value(network, term, cell, &given));
                let mut value = public;
                let (address, _) = network.block(term.read, term.block);
                for (column, factor) in network.read_columns(term.read) {
                    let factor = field_from_i64(factor);
                    value += factor * cells_of(column).get(address + cell);
                    functionals[column.index()][address + cell] += in_claim * coefficient * factor;
                }
                table[place] += in_table * coefficient * value;
                constant += in_claim * coefficient * public;
            },
        );
    }
    let name = format!("{} {role:?}", slot.relation.name);
    let sources = Sources {
        columns: &columns,
        weights: &weights,
        indices: &given,
    };
    let contracted = contract(network, slot, role, view, &r_low, sources);
    assert_eq!(contracted, table, "{name}: contracted");

    let weight = F::random(&mut *rng);
    let mut pulled: Vec<Vec<F>> = functionals.iter().map(|f| vec![F::ZERO; f.len()]).collect();
    for term in pull_back(&owned, view, &point, weight, &given) {
        let (address, _) = network.block(term.read, term.block);
        let cells = outer_product(term.factor, &term.axes);
        for (column, factor) in network.read_columns(term.read) {
            let own = &mut pulled[column.index()][address..];
            for (sum, v) in own.iter_mut().zip(&cells) {
                *sum += field_from_i64(factor) * v;
            }
        }
    }
    for (pulled, functional) in pulled.iter().flatten().zip(functionals.iter().flatten()) {
        assert_eq!(*pulled, weight * functional, "{name}: pulled back");
    }
    for (column, functional) in Column::OPENED.into_iter().zip(&functionals) {
        let z = elements(network.variables(column), rng);
        let at_z = extension(functional.iter().copied(), &z);
        let mut sum = F::ZERO;
        for term in &view.terms {
            for (own, factor) in network.read_columns(term.read) {
                if own == column {
                    let value = network.term_at(term, &owned, &point, &z, &given);
                    sum += field_from_i64(factor) * value;
                }
            }
        }
        assert_eq!(sum, at_z, "{name}: extension");
    }
    // What CONTRACT claims is what OPEN opens, and constants.
    let claim = extension(
        table.into_iter(),
        &x[..pleat_verifier::descriptor::axes_bits(contraction)],
    );
    let opened: F = (Column::OPENED.into_iter().zip(&functionals))
        .map(|(column, functional)| cells_of(column).dot(functional))
        .sum();
    assert_eq!(claim, opened + constant, "{name}: claim");
    let public = network.view_constant(view, &owned, &point, &given);
    assert_eq!(public, constant, "{name}: constants");
}

#[test]
fn views_of_all_networks_are_their_definition() {
    let mut rng = randomness(41);
    for problem in common::all() {
        let network = &problem.network;
        for slot in network.slots() {
            for (role, view, _) in slot.views() {
                check_view(network, &slot, role, view, &mut rng);
            }
        }
    }
}

/// Up to `most` of what is left, in random order.
fn take_some<T>(left: &mut Vec<T>, most: usize, rng: &mut ChaCha20Rng) -> Vec<T> {
    let n = below(most + 1, rng).min(left.len());
    (0..n)
        .map(|_| left.swap_remove(below(left.len(), rng)))
        .collect()
}

fn below(n: usize, rng: &mut ChaCha20Rng) -> usize {
    rng.next_u32() as usize % n
}

fn between(low: i64, high: i64, rng: &mut ChaCha20Rng) -> i64 {
    low + i64::from(rng.next_u32()) % (high - low + 1)
}

/// A view of a block of this shape by random maps that read some of `axes`, each at most once per term.
fn random_view(
    read: Read,
    block: usize,
    shape: &[usize],
    axes: &[Axis],
    rng: &mut ChaCha20Rng,
) -> View {
    let terms = (0..1 + below(2, rng)).map(|_| {
        let mut left = axes.to_vec();
        let maps = shape
            .iter()
            .map(|n| match take_some(&mut left, 2, rng).as_slice() {
                [axis] if below(3, rng) == 0 => AxisMap::Repeat {
                    source: *n,
                    axis: axis.id,
                    factor: 1 + below(3, rng),
                },
                [axis] if axis.len == *n && below(2, rng) == 0 => AxisMap::identity(*n, axis.id),
                read => AxisMap::Affine {
                    source: *n,
                    offset: between(-2, 2, rng),
                    index: (read.iter())
                        .map(|axis| Stride {
                            axis: axis.id,
                            stride: between(-1, 2, rng),
                        })
                        .collect(),
                    inner: (0..below(2, rng))
                        .map(|_| Inner {
                            len: 1 + below(3, rng),
                            stride: between(-1, 2, rng),
                        })
                        .collect(),
                },
            });
        let maps = maps.collect();
        common::reading(read, between(-2, 2, rng), block, maps)
    });
    View {
        terms: terms.collect(),
    }
}

/// An input, and one node that reads it and weights by random maps, with batch, free and contraction axes.
fn random_network(seed: u64) -> Problem {
    let mut rng = randomness(seed);
    let rng = &mut rng;
    let mut lens =
        |n: usize, most: usize| -> Vec<usize> { (0..n).map(|_| 1 + below(most, rng)).collect() };
    let (input_shape, weight_shape) = (lens(2, 5), lens(3, 3));
    let names = |names: &str, lens: Vec<usize>| -> Vec<Axis> {
        let axes = names.chars().zip(lens);
        axes.map(|(name, len)| common::axis(name, len)).collect()
    };
    let mut out = names("opq", lens(3, 4));
    let mut contraction = names("xy", lens(2, 4));
    let mut b = Builder::new(8, 3);
    let x = b.input("x", &names("ij", input_shape.clone()));
    let w = b.weight(&weight_shape);
    // Some output axes are batch axes; the others are split between the factors.
    let rest = take_some(&mut out, 3, rng);
    contraction.extend(take_some(&mut out.clone(), 1, rng));
    out.extend(rest);
    let mut free: Vec<Axis> = out.clone();
    free.retain(|o| contraction.iter().all(|a| a.id != o.id));
    let of_a = take_some(&mut free, 3, rng);
    let mut n = common::node("y", &out, 1);
    let (y, weights) = (Read::Value, Read::Weight);
    let a = random_view(
        y,
        x,
        &input_shape,
        &[contraction.as_slice(), &of_a].concat(),
        rng,
    );
    let axes_k = [contraction.as_slice(), &free].concat();
    let k = if below(2, rng) == 0 {
        random_view(weights, w, &weight_shape, &axes_k, rng)
    } else {
        random_view(y, x, &input_shape, &axes_k, rng)
    };
    n.products = common::product(contraction, between(-3, 3, rng), a, k);
    let c = random_view(y, x, &input_shape, &out, rng);
    n.linear = common::linear(between(-50, 50, rng), c);
    let d = random_view(weights, w, &weight_shape, &out, rng);
    n.bias = common::linear(between(-50, 50, rng), d);
    let index = b.node(n);
    b.output(index);
    let mut values = |shape: &[usize]| -> Vec<i32> {
        let n: usize = shape.iter().product();
        (0..n).map(|_| between(-9, 9, rng) as i32).collect()
    };
    Problem {
        given: Vec::new(),
        name: format!("random node {seed}"),
        weights: vec![values(&weight_shape)],
        inputs: vec![values(&input_shape)],
        outputs: Vec::new(),
        network: b.build(),
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn random_nodes_are_their_definition(seed in any::<u64>()) {
        let problem = random_network(seed);
        let network = &problem.network;
        let node = &network.nodes()[1];
        let mut rng = randomness(seed ^ 1);
        for slot in network.slots() {
            for (role, view, _) in slot.views() {
                check_view(network, &slot, role, view, &mut rng);
            }
        }
        let model = commit(&problem);
        let run = execute(network, model.weights(), &problem.inputs);
        prop_assume!(run.is_ok());
        let trace = run.unwrap();
        let blocks = Blocks {
            network,
            weights: &problem.weights,
            activations: vec![problem.inputs[0].clone()],
            exact: Vec::new(),
            indices: Indices::default(),
        };
        for (z, cell) in blocks.pre_activations(node).into_iter().zip(block_cells(network, 1)) {
            let z = i64::try_from(z).unwrap();
            let digits = (i64::from(trace.p[cell]) << 16)
                + (i64::from(trace.r1[cell]) << 8)
                + i64::from(trace.r0[cell]);
            prop_assert_eq!(z + (1 << 15), digits);
        }
        let key = key(&model);
        let verdicts = check_both(&model, &key, |mode| traced(&model, mode, &problem.inputs, seed));
        prop_assert!(verdicts.iter().all(Result::is_ok), "{:?}", verdicts);
    }
}
