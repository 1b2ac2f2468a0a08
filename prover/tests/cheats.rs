//! Provers that cheat and compute everything else honestly, against the full verifier: each row of the tables names the
//! check that must refuse. The cheats are those of the executable protocol model, and so are the checks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::cheat::{
    Cheat, Committed, Refusal, Setting, Stage, claim_mut, gap_f, gap_z, inverse, ledger, lie_claim,
    lie_factor, padding, real, refusal, slot_f, trace,
};
use common::dense::mlp;
use ff::Field;
use pleat_nova_circuits::chain::step::{Check, SLOTS};
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::relation::{LookupRow, lambda_at};
use pleat_nova_circuits::tree;
use pleat_prover::execute::Trace;
use pleat_prover::stages::Ledger;
use pleat_verifier::columns::field_from_usize;
use pleat_verifier::descriptor::Function;
use pleat_verifier::fold::Mode;
use pleat_verifier::fold::chain::EndState;
use pleat_verifier::mle::{eq, inner_product, zeros_at};
use pleat_verifier::network::{Column, Network};
use pleat_verifier::pcs::row_weight;
use pleat_verifier::points::{Points, power};
use pleat_verifier::proof::PublicValues;

const X: usize = 0;
const H0: usize = 1;
const H1: usize = 2;
/// The first unused slot.
const UNUSED: usize = 3;
/// `2^B` of the network.
const BASE: u16 = 16;

const LAMBDA: Refusal = Refusal::Step(Check::LookupClaim);
const EVALUATIONS: Refusal = Refusal::Step(Check::EvaluationsHash);
const OPEN_CLAIM: Refusal = Refusal::End(EndState::Claim);
const BAL_F: Refusal = Refusal::End(EndState::BalF);
const SHARES: Refusal = Refusal::Steps(tree::Check::Shares);

/// A cheat, and what refuses it in the chain.
struct Row {
    name: String,
    cheat: Cheat,
    refusal: Refusal,
    /// What refuses it with committed steps, if it can be played there.
    committed: Option<Committed>,
}

impl Row {
    /// A cheat that the same relation refuses in both modes.
    fn new(name: impl Into<String>, cheat: Cheat, refusal: Refusal) -> Self {
        Self {
            name: name.into(),
            cheat,
            refusal,
            committed: Some(Committed::of(refusal)),
        }
    }

    /// A cheat that only the chain knows: it alters a hash, a word's digest, or an unused slot.
    fn of_chain(name: impl Into<String>, cheat: Cheat, refusal: Refusal) -> Self {
        Self {
            name: name.into(),
            cheat,
            refusal,
            committed: None,
        }
    }
}

// ---- the trace

fn row_add(trace: &mut Trace, cell: usize, [y, p]: [i32; 2], [r1, r0]: [i32; 2]) {
    let digit = |d: u16, by: i32| u16::try_from(i32::from(d) + by).unwrap();
    trace.y[cell] += y;
    trace.p[cell] += p;
    trace.r1[cell] = digit(trace.r1[cell], r1);
    trace.r0[cell] = digit(trace.r0[cell], r0);
}

/// Adds to one real row of a node, right after it has run: to `Y, P` and to `R1, R0`.
fn add(node: usize, yp: [i32; 2], digits: [i32; 2]) -> Cheat {
    trace(Stage::Node(node), move |network, trace| {
        let cell = real(network, node, |i| trace.p[i] > 0);
        row_add(trace, cell, yp, digits);
    })
}

/// Adds to the first row of a node's block that is not real.
fn add_padding(node: usize, yp: [i32; 2], digits: [i32; 2]) -> Cheat {
    trace(Stage::Node(node), move |network, trace| {
        let cell = padding(network, node).expect("a padding row");
        row_add(trace, cell, yp, digits);
    })
}

/// `P - 1` and `Y = g(P - 1)`, a pair of the table; `R0 + d`.
fn wrong_activation(node: usize, d: i32) -> Cheat {
    trace(Stage::Node(node), move |network, trace| {
        let cell = real(network, node, |i| trace.p[i] > 0);
        assert!(wrong_at(network, trace, node, cell, -1));
        row_add(trace, cell, [0; 2], [0, d]);
    })
}

/// Another pair of the node's function in one row; `false` if the function has no such pair.
fn wrong_at(network: &Network, trace: &mut Trace, node: usize, cell: usize, by: i32) -> bool {
    let p = trace.p[cell] + by;
    let function: &Function = network.function(network.relation(node).unwrap()).0.unwrap();
    let Some(y) = function.apply(i64::from(p), network.digit_bits()) else {
        return false;
    };
    trace.p[cell] = p;
    trace.y[cell] = i32::try_from(y).unwrap();
    true
}

/// `R0 + 2^B`, `R1 - 1`: the row relation holds, the digit is none.
fn carry() -> Cheat {
    trace(Stage::Trace, |network, trace| {
        let cell = real(network, H0, |i| trace.r1[i] > 0);
        row_add(trace, cell, [0; 2], [-1, i32::from(BASE)]);
    })
}

// ---- the fractions

/// Adds to a cell of a column of fractions.
fn add_to_fraction(ledger: &mut Ledger<'_>, column: Column, cell: usize, by: F) {
    let columns = &mut ledger.columns;
    let fractions = match column {
        Column::F0 => &mut columns.f0,
        Column::F1 => &mut columns.f1,
        Column::F2 => &mut columns.f2,
        Column::HT => return columns.ht[cell] += by,
        _ => panic!("no column of field elements"),
    };
    let value = fractions.get(cell) + by;
    fractions.set(cell, value);
}

fn fraction(changes: &'static [(Column, i64)]) -> Cheat {
    ledger(Stage::Fractions, move |play| {
        let cell = real(play.ledger.network(), H0, |_| true);
        for (column, by) in changes {
            let by = pleat_nova_circuits::cycle::field_from_i64(*by);
            add_to_fraction(play.ledger, *column, cell, by);
        }
    })
}

/// Puts the imbalance of the LogUp sum into one cell of a column.
fn balance(column: Column) -> Cheat {
    ledger(Stage::Fractions, move |play| {
        let columns = &play.ledger.columns;
        let fractions = [&columns.f0, &columns.f1, &columns.f2];
        let added: F = fractions.iter().flat_map(|f| f.iter()).sum();
        let gap = added - columns.ht.iter().sum::<F>();
        let by = if column == Column::HT { gap } else { -gap };
        let cell = real(play.ledger.network(), H0, |_| true);
        add_to_fraction(play.ledger, column, cell, by);
    })
}

fn multiplicity() -> Cheat {
    ledger(Stage::Counted, |play| play.ledger.columns.m[3] += 1)
}

// ---- what a lie has to make up for

/// What LOOKUP's last claim has more than `Λ` of the values at `u`, and by how much `Λ` grows with one of the nine
/// evaluations or five public columns, in which it is affine.
fn slope(ledger: &Ledger<'_>, index: usize) -> (F, F) {
    let network = ledger.network();
    let (columns, u) = network.public_columns_at_u(&ledger.points);
    let extended = zeros_at(&ledger.points.u[u.len()..]);
    let scalars = network.lookup_scalars(&ledger.challenges);
    let eq_r_u = eq(&ledger.challenges.r, u);
    let at = |by: F| {
        let mut witness = ledger.evaluations;
        let mut public = columns;
        match index {
            0..9 => witness[index] += by,
            _ => public[index - 9] += by,
        }
        lambda_at(&eq_r_u, &LookupRow::new(witness, public), &scalars)
    };
    let true_value = at(F::ZERO);
    (
        ledger.last[1] * inverse(extended) - true_value,
        at(F::ONE) - true_value,
    )
}

// ---- lies in one message that make the next check true

fn claim(slot: usize, key: char, by: i64) -> Cheat {
    let stage = match key {
        'a' | 'b' => Stage::Contracted,
        _ => Stage::Claims,
    };
    ledger(stage, move |play| {
        *claim_mut(&mut play.ledger.claims[slot], key) +=
            pleat_nova_circuits::cycle::field_from_i64(by);
    })
}

/// An evaluation that agrees with LOOKUP's last claim.
fn lie_evaluation(column: Column) -> Cheat {
    ledger(Stage::Evaluations, move |play| {
        let (gap, slope) = slope(play.ledger, column.index());
        play.ledger.evaluations[column.index()] += gap * inverse(slope);
    })
}

/// A sumcheck started from its true sum, not from the claims: CONTRACT, LOOKUP, OPEN.
fn lie_init(which: usize) -> Cheat {
    let stage = [Stage::Sigma, Stage::Tau, Stage::Rho][which];
    ledger(stage, move |play| {
        play.ledger.init[which] = match which {
            0 => play.ledger.contract.sum(),
            1 => play.ledger.with_lookup(|l| l.sum()),
            _ => play.open.unwrap().sum(),
        };
    })
}

/// A value at `z` that agrees with OPEN's last claim.
fn lie_value(column: Column) -> Cheat {
    ledger(Stage::Values, move |play| {
        let Ledger {
            challenges,
            points,
            public,
            values,
            last,
            ..
        } = &*play.ledger;
        let network = play.ledger.network();
        let (z, extended) = points.z.split_at(network.open_variables());
        let functionals = network.functionals_at(challenges, points, public, z);
        let gap = last[2] * inverse(zeros_at(extended)) - inner_product(values, &functionals);
        let by = gap * inverse(functionals[column.index()]);
        play.ledger.values[column.index()] += by;
    })
}

fn value(column: Column) -> Cheat {
    ledger(Stage::Values, move |play| {
        play.ledger.values[column.index()] += F::ONE;
    })
}

// ---- lies chosen after the challenge that should have followed them: everything balances, only a hash is wrong

/// `key` of `h0` grows by `by`; an unused slot keeps `Σ power^l·key_l`.
fn late_claim(ledger: &mut Ledger<'_>, key: char, by: F, base: F) {
    *claim_mut(&mut ledger.claims[H0], key) += by;
    let weight = inverse(power(base, UNUSED - H0));
    *claim_mut(&mut ledger.claims[UNUSED], key) -= by * weight;
}

fn late_s() -> Cheat {
    ledger(Stage::Sigma, |play| {
        let by = gap_z(play.ledger) * inverse(play.ledger.slot_factors(H0)[0]);
        late_claim(play.ledger, 's', by, play.ledger.points.sigma);
    })
}

fn late_a() -> Cheat {
    ledger(Stage::Rho, |play| {
        let factor = slot_f(play.ledger, H0) * play.ledger.claims[H0].b;
        let by = gap_f(play.ledger) * inverse(factor);
        late_claim(play.ledger, 'a', by, power(play.ledger.points.rho, 4));
    })
}

/// Evaluations of `P` and `R0` that agree with LOOKUP's last claim and keep OPEN's sum.
fn late_evaluations() -> Cheat {
    ledger(Stage::Rho, |play| {
        let (p, r0) = (Column::P.index(), Column::R0.index());
        let (gap, slope_p) = slope(play.ledger, p);
        let (_, slope_r0) = slope(play.ledger, r0);
        let weight = power(play.ledger.points.rho, r0 - p);
        let by = gap * inverse(slope_r0 - weight * slope_p);
        play.ledger.evaluations[p] -= weight * by;
        play.ledger.evaluations[r0] += by;
    })
}

/// `g0` of CONTRACT's last round, chosen for its challenge.
fn late_round() -> Cheat {
    ledger(Stage::Values, |play| {
        let round = play.ledger.schedule.rounds.contract - 1;
        let challenge = play.ledger.points.x[round];
        let by = gap_f(play.ledger) * inverse(F::ONE - challenge - challenge);
        play.ledger.rounds[round][0] -= by;
    })
}

/// A word `k0` under which true claims match LOOKUP's start.
fn late_word() -> Cheat {
    ledger(Stage::Words, |play| {
        let by = gap_z(play.ledger) * inverse(play.ledger.claims[H0].s);
        let steps = play.steps.as_mut().unwrap();
        steps.steps[H0 / SLOTS].0.slots[H0 % SLOTS].k0 += by;
    })
}

/// A public column at `u` of the prover's own, under which LOOKUP's last check is true.
fn late_public(index: usize) -> Cheat {
    ledger(Stage::Words, move |play| {
        let (gap, slope) = slope(play.ledger, 9 + index);
        let by = gap * inverse(slope);
        for (words, _) in &mut play.steps.as_mut().unwrap().steps {
            let scalars = &mut words.scalars;
            let word = match index {
                0 => &mut scalars.tag,
                1 => &mut scalars.act,
                2 => &mut scalars.tin,
                3 => &mut scalars.tout,
                _ => &mut scalars.ttag,
            };
            *word += by;
        }
    })
}

/// An opened row of `Y`, the mask row, that agrees with the false value of `Y` at `z`.
fn late_row() -> Cheat {
    ledger(Stage::Values, |play| {
        let network = play.ledger.model.network();
        let z = play.ledger.points.z.clone();
        let true_value = honest_value(play.ledger, Column::Y);
        let weight = row_weight(network, &z, network.mask_row());
        let gap = play.ledger.values[0] - true_value;
        assert_ne!(gap, F::ZERO, "nothing to hide");
        let first = zeros_at(&z[..network.row_bits()]);
        play.ledger.masks.rows[0][0] += gap * inverse(weight * first);
        assert_eq!(honest_value(play.ledger, Column::Y), play.ledger.values[0]);
    })
}

/// `col~(z)` as the committed rows give it.
fn honest_value(ledger: &Ledger<'_>, column: Column) -> F {
    let network = ledger.network();
    let z = &ledger.points.z;
    let point = pleat_verifier::mle::eq_table(&z[..network.row_bits()]);
    let mask = inner_product(&ledger.masks.rows[column.index()], &point);
    let mut sum = row_weight(network, z, network.mask_row()) * mask;
    for row in network.rows(column) {
        let cells = ledger.cells(column).row(row, network.row_bits());
        sum += row_weight(network, z, row) * cells.dot(&point);
    }
    sum
}

// ---- false public values

fn false_public(port: usize) -> Cheat {
    ledger(Stage::Counted, move |play| {
        let mut ports = play.ledger.public.ports().to_vec();
        ports[port].as_mut().unwrap()[0] += 1;
        let indices = play.ledger.public.indices().clone();
        play.ledger.public = PublicValues::new(ports, indices);
    })
}

/// The difference in the slot whose weight would be the public value's, had only `⌈L/S⌉` steps slots.
fn in_unused_slot(port: usize) -> Cheat {
    let hide = ledger(Stage::Claims, move |play| {
        let network = play.ledger.network();
        let nominal = 4 * SLOTS * network.slots().count().div_ceil(SLOTS);
        let place = nominal + 9 + port;
        let node = network.descriptor().ports().nth(port).unwrap().node;
        let (low, _) =
            network.block_point(network.relation(node).unwrap(), &play.ledger.challenges.r);
        let by = zeros_at(low);
        let key = ['a', 'b', 'c', 'd'][place % 4];
        assert!(place / 4 < play.ledger.schedule.slots);
        *claim_mut(&mut play.ledger.claims[place / 4], key) -= by;
    });
    false_public(port).and(&hide)
}

// ---- the tables

fn trace_cheats() -> Vec<Row> {
    let base = i32::from(BASE);
    let row = |name: &str, cheat| Row::new(name, cheat, LAMBDA);
    let fractions = [Column::F0, Column::F1, Column::F2, Column::HT];
    let mut rows = vec![
        row("Y of a real row + 1", add(H0, [1, 0], [0, 0])),
        row("P of a real row + 1", add(H0, [0, 1], [0, 0])),
        row("R1 of a real row + 1", add(H0, [0, 0], [1, 0])),
        row("R0 of a real row + 1", add(H0, [0, 0], [0, 1])),
        row(
            "P - 1, Y - 1, R0 + 2^(2B): row relation kept",
            add(H1, [-1, -1], [0, base * base]),
        ),
        row(
            "P - 1, Y - 1, R1 + 2^B: row relation kept, F2 hides it",
            add(H1, [-1, -1], [base, 0]).and(&balance(Column::F2)),
        ),
        row(
            "Y of an input out of range (P too)",
            add(X, [base / 2, base / 2], [0, 0]),
        ),
        row("Y of a padding row = 1", add_padding(H0, [1, 0], [0, 0])),
        row(
            "Y + 1 (pair not in the table), F0 hides it",
            add(H0, [1, 0], [0, 0]).and(&balance(Column::F0)),
        ),
        row("R0 + 2^B, R1 - 1: row relation kept", carry()),
        row("M of an entry + 1", multiplicity()),
        row(
            "M of a row beyond the table = 1",
            ledger(Stage::Counted, |play| play.ledger.columns.m.push(1)),
        ),
        row(
            "M + 1, HT as before",
            multiplicity().and(&ledger(Stage::Fractions, |play| {
                let columns = &mut play.ledger.columns;
                let count = u64::from(columns.m[3]);
                let unit = columns.ht[3] * inverse(F::from(count));
                columns.ht[3] -= unit;
            })),
        ),
        row("F0 + 1", fraction(&[(Column::F0, 1)])),
        row("F1 + 1", fraction(&[(Column::F1, 1)])),
        row("F2 + 1", fraction(&[(Column::F2, 1)])),
        row("HT + 1", fraction(&[(Column::HT, 1)])),
        row(
            "F0 + 1, F1 - 1: sum kept",
            fraction(&[(Column::F0, 1), (Column::F1, -1)]),
        ),
        row(
            "F0 = 1 on a padding row, HT hides it",
            ledger(Stage::Fractions, |play| {
                let cell = padding(play.ledger.network(), H0).unwrap();
                play.ledger.columns.f0.set(cell, F::ONE);
            })
            .and(&balance(Column::HT)),
        ),
        row(
            "wrong consistent activation, last layer",
            wrong_activation(H1, 0),
        ),
        row(
            "wrong activation, R0 out of range: row relation kept",
            wrong_activation(H0, base * base),
        ),
        row("wrong consistent activation", wrong_activation(H0, 0)),
    ];
    for column in fractions {
        rows.push(row(
            &format!("R0 + 2^B, R1 - 1, {} hides the imbalance", column.name()),
            carry().and(&balance(column)),
        ));
    }
    rows
}

/// A false trace whose falsehood is carried through later messages.
fn hidden_cheats() -> Vec<Row> {
    let bad = wrong_activation(H0, 0);
    let in_s = bad.and(&lie_claim(H0, 's'));
    let in_s_a = in_s.and(&lie_factor(H0, 'a'));
    let row = |name: &str, cheat: Cheat, check| Row::new(name, cheat, check);
    let of_chain = |name: &str, cheat: Cheat, check| Row::of_chain(name, cheat, check);
    let mut rows = vec![
        row(
            "LOOKUP started from its true sum",
            bad.and(&lie_init(1)),
            Refusal::End(EndState::BalZ),
        ),
        of_chain(
            "LOOKUP started from its true sum, and a word k0 to match",
            bad.and(&lie_init(1)).and(&late_word()),
            Refusal::End(EndState::Dig),
        ),
        of_chain(
            "hidden in s, chosen after σ; an unused slot compensates",
            bad.and(&late_s()),
            Refusal::End(EndState::TZ),
        ),
        of_chain(
            "hidden in the evaluations, chosen after ρ",
            bad.and(&late_evaluations()),
            EVALUATIONS,
        ),
        row("hidden in s of h0", in_s.clone(), BAL_F),
        row(
            "hidden in d of h0",
            bad.and(&lie_claim(H0, 'd')),
            OPEN_CLAIM,
        ),
        row("hidden in c of x", bad.and(&lie_claim(X, 'c')), OPEN_CLAIM),
        row("hidden in s, then a of h0", in_s_a.clone(), OPEN_CLAIM),
        row(
            "hidden in s, then b of h0",
            in_s.and(&lie_factor(H0, 'b')),
            OPEN_CLAIM,
        ),
        row(
            "hidden in s, then a of h1",
            in_s.and(&lie_factor(H1, 'a')),
            OPEN_CLAIM,
        ),
        row(
            "hidden in s; CONTRACT started from its true sum",
            in_s.and(&lie_init(0)),
            Refusal::End(EndState::BalS),
        ),
        of_chain(
            "hidden in s, then a round sent after its challenge",
            in_s.and(&late_round()),
            Refusal::Step(Check::Round(15)),
        ),
        of_chain(
            "hidden in s, then a after ρ; an unused slot compensates",
            in_s.and(&late_a()),
            Refusal::End(EndState::TAb),
        ),
        row(
            "hidden in s, a, Y(z), then an opened row",
            in_s_a.and(&lie_value(Column::Y)).and(&late_row()),
            Refusal::Opening,
        ),
        row(
            "hidden in s, a; OPEN started from its true sum",
            in_s_a.and(&lie_init(2)),
            Refusal::End(EndState::BalV),
        ),
    ];
    for column in [Column::Y, Column::W] {
        rows.push(row(
            &format!("hidden in s, a, then {}(z)", column.name()),
            in_s_a.and(&lie_value(column)),
            Refusal::Opening,
        ));
    }
    for column in Column::WITNESS {
        rows.push(row(
            &format!("hidden in the evaluation of {}", column.name()),
            bad.and(&lie_evaluation(column)),
            OPEN_CLAIM,
        ));
    }
    for (index, name) in ["tag", "act", "Tin", "Tout", "Ttag"].iter().enumerate() {
        rows.push(of_chain(
            &format!("hidden in the word {name} at u"),
            bad.and(&late_public(index)),
            Refusal::End(EndState::Dig),
        ));
    }
    for column in [Column::P, Column::Y] {
        rows.push(row(
            &format!("hidden in the evaluation of P, then {}(z)", column.name()),
            bad.and(&lie_evaluation(Column::P)).and(&lie_value(column)),
            Refusal::Opening,
        ));
    }
    rows
}

/// One false message about a true trace.
fn message_cheats() -> Vec<Row> {
    let row = |name: &str, cheat: Cheat, check| Row::new(name, cheat, check);
    let of_chain = |name: &str, cheat: Cheat, check| Row::of_chain(name, cheat, check);
    let mut rows = Vec::new();
    let h0 = [
        ('s', LAMBDA),
        ('c', OPEN_CLAIM),
        ('d', LAMBDA),
        ('a', BAL_F),
        ('b', BAL_F),
    ];
    for (key, check) in h0 {
        rows.push(row(
            &format!("claim {key} of h0 + 1"),
            claim(H0, key, 1),
            check,
        ));
    }
    for key in ['s', 'd', 'a', 'b'] {
        let check = if key == 's' { BAL_F } else { OPEN_CLAIM };
        rows.push(row(
            &format!("absent part {key} of the input = 1"),
            claim(X, key, 1),
            check,
        ));
    }
    for key in ['s', 'c', 'd', 'a', 'b'] {
        let check = if key == 's' { BAL_F } else { OPEN_CLAIM };
        rows.push(of_chain(
            &format!("unused slot, {key} = 1"),
            claim(UNUSED, key, 1),
            check,
        ));
        rows.push(of_chain(
            &format!("last unused slot, {key} = 1"),
            ledger(
                if matches!(key, 'a' | 'b') {
                    Stage::Contracted
                } else {
                    Stage::Claims
                },
                move |play| {
                    *claim_mut(play.ledger.claims.last_mut().unwrap(), key) = F::ONE;
                },
            ),
            check,
        ));
    }
    rows.extend([
        of_chain(
            "s of h0 + 1, s of an unused slot - 1",
            claim(H0, 's', 1).and(&claim(UNUSED, 's', -1)),
            LAMBDA,
        ),
        row(
            "s and d of h0 wrong, balZ kept",
            ledger(Stage::Claims, |play| {
                let [k0, _, k2] = play.ledger.slot_factors(H0);
                play.ledger.claims[H0].s += k2;
                play.ledger.claims[H0].d -= k0;
            }),
            BAL_F,
        ),
        row(
            "claims s, c, d of h0 and h1 swapped",
            ledger(Stage::Claims, |play| play.ledger.claims.swap(H0, H1)),
            LAMBDA,
        ),
        row(
            "claims a, b of h0 and h1 swapped",
            ledger(Stage::Contracted, |play| {
                let [first, second] = [H0, H1].map(|l| play.ledger.claims[l]);
                let claims = &mut play.ledger.claims;
                (claims[H0].a, claims[H0].b) = (second.a, second.b);
                (claims[H1].a, claims[H1].b) = (first.a, first.b);
            }),
            BAL_F,
        ),
    ]);
    for column in Column::WITNESS {
        rows.push(row(
            &format!("evaluation of {} + 1", column.name()),
            ledger(Stage::Evaluations, move |play| {
                play.ledger.evaluations[column.index()] += F::ONE;
            }),
            LAMBDA,
        ));
    }
    for column in Column::OPENED {
        rows.push(row(
            &format!("{}(z) + 1", column.name()),
            value(column),
            OPEN_CLAIM,
        ));
    }
    rows.push(row(
        "Y(z) + 1, W(z) compensates",
        value(Column::Y).and(&lie_value(Column::W)),
        Refusal::Opening,
    ));
    for (port, name) in ["input", "output"].iter().enumerate() {
        rows.push(row(
            &format!("false public {name}"),
            false_public(port),
            OPEN_CLAIM,
        ));
        rows.push(of_chain(
            &format!("false public {name}, its difference in an unused slot"),
            in_unused_slot(port),
            OPEN_CLAIM,
        ));
    }
    rows
}

/// Attempts every row in both modes; a row whose refusal is another one fails by name.
fn refuse(rows: Vec<Row>) {
    let setting = Setting::new(mlp([0, 1]));
    let mut different: Vec<String> = Vec::new();
    for row in rows {
        let Row {
            name,
            cheat,
            refusal,
            committed,
        } = row;
        let got = setting.attempt(&cheat);
        if got != refusal {
            different.push(format!("{name}: {got:?} instead of {refusal:?}"));
        }
        let Some(committed) = committed else { continue };
        let got = setting.attempt_tree(&cheat);
        if !committed.is(&got) {
            different.push(format!(
                "{name}, committed: {got:?} instead of {committed:?}"
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn false_traces_are_refused_by_lookup() {
    refuse(trace_cheats());
}

#[test]
fn hidden_falsehoods_are_refused_where_they_end() {
    refuse(hidden_cheats());
}

#[test]
fn false_messages_are_refused() {
    refuse(message_cheats());
}

/// The honest prover and the padding rows that no relation reads: accepted, or the refusals above would mean nothing.
#[test]
fn what_is_harmless_is_accepted() {
    let base = i32::from(BASE);
    refuse(vec![
        Row::new("honest", Cheat::default(), Refusal::None),
        Row::new(
            "padding row P = -1, R0 = 2^(2B)",
            add_padding(H0, [0, -1], [0, base * base]),
            Refusal::None,
        ),
        Row::new(
            "padding row P = -1, R1 = 2^B",
            add_padding(H1, [0, -1], [base, 0]),
            Refusal::None,
        ),
    ]);
}

#[test]
fn another_network_or_other_weights_are_refused() {
    for (mode, lookup) in [(Mode::Tree, SHARES), (Mode::Chain, LAMBDA)] {
        let setting = Setting::new(mlp([0, 1]));
        let swapped = Setting::new(mlp([1, 0]));
        let honest = Cheat::default();
        // Both networks have the same layout: the trace of one fits the other.
        let run = swapped.run(&honest).unwrap();
        assert_ne!(run, setting.run(&honest).unwrap());
        let verdict = setting.attempt_on(mode, &setting.model, run.clone(), &honest, |_| true);
        assert_eq!(refusal(verdict), lookup, "layers run in another order");
        // An honest proof about the other model, its own id in it.
        let verdict = setting.attempt_on(mode, &swapped.model, run, &honest, |_| true);
        assert_eq!(refusal(verdict), Refusal::OtherModel);

        let weight = setting.model.weights().get(0);
        let cheater = Setting {
            problem: setting.problem.clone(),
            model: setting.model.clone().with_weight_cell(0, weight + 1),
            key: common::algebra::key(&setting.model),
        };
        let run = cheater.run(&honest).unwrap();
        assert_ne!(run, setting.run(&honest).unwrap(), "the weight matters");
        let verdict = setting.attempt_on(mode, &cheater.model, run, &honest, |_| true);
        assert_eq!(
            refusal(verdict),
            Refusal::Opening,
            "one weight + 1, same id"
        );
    }
}

/// In every node of every other network: a wrong pair of the node's own function, and a value on a padding row.
#[test]
fn every_node_is_bound() {
    for problem in [
        common::conv_net(),
        common::residual_net(),
        common::maxpool_net(),
        common::attention_net(),
        common::views_only(),
    ] {
        let setting = Setting::new(problem);
        let network = setting.model.network().clone();
        let inputs = network.descriptor().inputs.len();
        // Inputs are hidden, so that no public value refuses instead.
        let attempt = |cheat: &Cheat, what: String| {
            for (mode, lookup) in [(Mode::Tree, SHARES), (Mode::Chain, LAMBDA)] {
                let run = setting.run(cheat)?;
                let verdict = setting.attempt_on(mode, &setting.model, run, cheat, |i| i >= inputs);
                let name = &setting.problem.name;
                assert_eq!(refusal(verdict), lookup, "{name}, {mode}: {what}");
            }
            Some(())
        };
        for (index, node) in network.nodes().iter().enumerate() {
            let is_input = network.descriptor().inputs.iter().any(|p| p.node == index);
            let (function, _) = network.function(network.relation(index).unwrap());
            if let Some(cell) = padding(&network, index) {
                let zero = function.unwrap().apply(0, network.digit_bits()).unwrap();
                let y = if zero == 0 {
                    1
                } else {
                    i32::try_from(zero).unwrap()
                };
                let cheat = trace(Stage::Node(index), move |_, t| t.y[cell] = y);
                attempt(&cheat, format!("Y = {y} on a padding row of {}", node.name)).unwrap();
            }
            if is_input {
                // Another hidden input is no cheat.
                continue;
            }
            let cells: Vec<usize> = pleat_prover::execute::block_cells(&network, index).collect();
            let tried = cells
                .iter()
                .flat_map(|c| [(*c, -1), (*c, 1)])
                .find(|(cell, by)| {
                    let (cell, by) = (*cell, *by);
                    let cheat = trace(Stage::Node(index), move |network, t| {
                        wrong_at(network, t, index, cell, by);
                    });
                    let changed = setting.run(&cheat) != setting.run(&Cheat::default());
                    changed && attempt(&cheat, format!("P{by:+} in {}", node.name)).is_some()
                });
            assert!(tried.is_some(), "{}: no pair to cheat with", node.name);
        }
    }
}

/// The honest proof of one statement is refused for every other.
#[test]
fn statements_are_bound() {
    use common::algebra::{prove_chain, prove_tree, traced, verify_chain, verify_tree};
    let setting = Setting::new(mlp([0, 1]));
    let (model, key) = (setting.model.verification(), &setting.key);
    let inputs = &setting.problem.inputs;
    let chain = prove_chain(traced(&setting.model, Mode::Chain, inputs, 3), key);
    let tree = prove_tree(traced(&setting.model, Mode::Tree, inputs, 3), key);
    // The refusal in each mode when only these messages are changed.
    let verdicts = |change: &dyn Fn(&mut pleat_verifier::proof::Messages), model: &_| {
        let (mut chain, mut tree) = (chain.clone(), tree.clone());
        change(&mut chain.messages);
        change(&mut tree.messages);
        [
            refusal(verify_tree(model, key, &tree)),
            refusal(verify_chain(model, key, &chain)),
        ]
    };
    let bound = [SHARES, Refusal::End(EndState::TZ)];
    assert_eq!(verdicts(&|_| (), model), [Refusal::None; 2]);
    for port in 0..2 {
        let changed = |hide: bool| {
            move |messages: &mut pleat_verifier::proof::Messages| {
                let mut shown = messages.public.ports().to_vec();
                shown[port].as_mut().unwrap()[0] += 1;
                if hide {
                    shown[port] = None;
                }
                let indices = messages.public.indices().clone();
                messages.public = PublicValues::new(shown, indices);
            }
        };
        assert_eq!(verdicts(&changed(false), model), bound, "changed");
        assert_eq!(verdicts(&changed(true), model), bound, "hidden");
    }
    let weights = |cell: i32| {
        let mut problem = setting.problem.clone();
        problem.weights[0][0] += cell;
        common::algebra::commit(&problem)
    };
    assert_eq!(weights(0).verification().id(), model.id());
    for (what, other) in [
        ("weights", weights(1)),
        ("order of layers", common::algebra::commit(&mlp([1, 0]))),
    ] {
        let other = other.verification();
        assert_ne!(other.id(), model.id());
        let refused = verdicts(&|_| (), other);
        assert_eq!(refused, [Refusal::OtherModel; 2], "other {what}");
        let refused = verdicts(&|messages| messages.model = other.id(), other);
        assert_eq!(refused, bound, "other {what}");
    }
}

/// Why all slots' weights come before `ρ_L`: in the chain, the values of unused slots have weights of their own.
#[test]
fn weights_of_claims_are_distinct() {
    let setting = Setting::new(mlp([0, 1]));
    let network = setting.model.network();
    let slots = Mode::Chain.schedule(network).slots;
    assert!(slots > SLOTS * network.nodes().len().div_ceil(SLOTS));
    let points = Points {
        rho: field_from_usize(3),
        ..Points::unknown(slots)
    };
    assert_eq!(points.rho_l(), power(field_from_usize(3), 4 * slots));
    // With committed steps, words of unused slots are zero.
    assert_eq!(Mode::Tree.schedule(network).slots, network.nodes().len());
}
