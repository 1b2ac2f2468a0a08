//! Cheating provers of operations: what they write down instead of a quotient, a root, a one-hot or an answer makes every row relation
//! true, or has digits in range, and everything after it is computed honestly from it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::sync::LazyLock;

use common::cheat::{Cheat, Committed, Refusal, Setting, Stage, refusal, trace};
use common::operations_net;
use pleat_nova_circuits::chain::step::Check;
use pleat_prover::execute::{Cells, Trace};
use pleat_verifier::descriptor::{Agreement, Descriptor, IndexPort, IndexRole, Indices};
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::verify::check_indices;

/// The row relation, the lookups and the padding of LOOKUP.
const LAMBDA: Refusal = Refusal::Step(Check::LookupClaim);
const B: u32 = 8;
const BITS: usize = 1;
const NORM: usize = 3;
const NORMED: usize = 4;
const BEST: usize = 7;
const CANDIDATES: usize = 5;

static SETTING: LazyLock<Setting> = LazyLock::new(|| Setting::new(operations_net()));

/// The cell of row `flat` of a node's block.
fn cell(network: &Network, node: usize, block: usize, flat: usize) -> usize {
    let node = &network.nodes()[node];
    Cells::new(node.blocks[block], &node.shape())
        .nth(flat)
        .unwrap()
}

/// The number that a row's digits make up.
fn value(trace: &Trace, cell: usize) -> i64 {
    (i64::from(trace.p[cell]) << (2 * B))
        + (i64::from(trace.r1[cell]) << B)
        + i64::from(trace.r0[cell])
}

/// Writes it: the top digit takes what the others do not hold.
fn write(trace: &mut Trace, cell: usize, value: i64) {
    let digit = |v: i64| u16::try_from(v & 255).unwrap();
    trace.p[cell] = i32::try_from(value >> (2 * B)).unwrap();
    (trace.r1[cell], trace.r0[cell]) = (digit(value >> B), digit(value));
}

/// Demands that the check `Λ` refuses a cheat, in both modes, and that it alters the run.
fn refused(name: &str, cheat: &Cheat) {
    let setting = &*SETTING;
    let honest = setting.run(&Cheat::default()).unwrap();
    let run = setting
        .run(cheat)
        .unwrap_or_else(|| panic!("{name}: it cannot go on"));
    assert_ne!(run, honest, "{name}");
    let chain = setting.attempt_on(Mode::Chain, &setting.model, run.clone(), cheat, |_| true);
    assert_eq!(refusal(chain), LAMBDA, "{name}");
    let tree = setting.attempt_trace(run, cheat);
    assert!(Committed::of(LAMBDA).is(&tree), "{name}: {tree:?}");
}

#[test]
fn an_honest_run_is_accepted() {
    let setting = &*SETTING;
    let honest = Cheat::default();
    let run = setting.run(&honest).unwrap();
    let chain = setting.attempt_on(Mode::Chain, &setting.model, run.clone(), &honest, |_| true);
    assert_eq!(refusal(chain), Refusal::None);
    assert_eq!(setting.attempt_trace(run, &honest).0, Refusal::None);
}

/// Another quotient, `lo = 2Z - D(2Y - 1)` and `2D - 1 - lo` with it; `forced` keeps the digits of `lo` where they belong.
fn other_quotient(by: i32, forced: bool) -> Cheat {
    trace(Stage::Node(NORMED), move |network, trace| {
        let [first, second] = [0, 1].map(|block| cell(network, NORMED, block, 5));
        let doubled = value(trace, first) + value(trace, second) + 1;
        trace.y[first] += by;
        let low = value(trace, first) - doubled * i64::from(by);
        let low = if forced { low & 0xffff } else { low };
        write(trace, first, low);
        write(trace, second, doubled - 1 - low);
    })
}

#[test]
fn another_quotient_is_refused() {
    for by in [1, -1, 3] {
        refused("digits that match", &other_quotient(by, false));
        refused("digits in range", &other_quotient(by, true));
    }
}

/// Another root `v`, with `Z - v²` and `2v - (Z - v²)`.
fn other_root(by: i64) -> Cheat {
    trace(Stage::Node(NORM), move |network, trace| {
        let [first, second, third] = [0, 1, 2].map(|block| cell(network, NORM, block, 1));
        let v = value(trace, first);
        let z = v * v + value(trace, second);
        let other = v + by;
        write(trace, first, other);
        write(trace, second, z - other * other);
        write(trace, third, 2 * other - (z - other * other));
    })
}

#[test]
fn another_root_is_refused() {
    for by in [1, -1] {
        refused("a root beside it", &other_root(by));
    }
}

#[test]
fn an_input_of_zeros_and_ones_has_no_two() {
    // Beside a 2 a -1, so that the sum is 1.
    let cheat = trace(Stage::Node(BITS), |network, trace| {
        for (flat, bit) in [(2, 2), (3, -1)] {
            let at = cell(network, BITS, 0, flat);
            (trace.y[at], trace.p[at]) = (bit, bit);
        }
    });
    refused("a 2 and a -1", &cheat);
}

/// The numbers that were compared for position `i`, up to a constant.
fn scores(network: &Network, trace: &Trace, i: usize, best: usize) -> Vec<i64> {
    let lead = |v: usize| {
        let at = cell(network, BEST, 0, CANDIDATES * i + v);
        value(trace, at) + i64::from(v < best)
    };
    (0..CANDIDATES).map(|v| -lead(v)).collect()
}

/// Another answer at one position, the leads being those of it.
fn other_answer(i: usize, rank: usize) -> Cheat {
    trace(Stage::Node(BEST), move |network, trace| {
        let mut answers = trace.indices.of(1).to_vec();
        let best = usize::try_from(answers[i]).unwrap();
        let scores = scores(network, trace, i, best);
        let mut order: Vec<usize> = (0..CANDIDATES).collect();
        order.sort_by_key(|v| std::cmp::Reverse(scores[*v]));
        let other = order[rank];
        for v in 0..CANDIDATES {
            let at = cell(network, BEST, 0, CANDIDATES * i + v);
            write(trace, at, scores[other] - scores[v] - i64::from(v < other));
        }
        answers[i] = u32::try_from(other).unwrap();
        trace.indices.set(1, answers);
    })
}

#[test]
fn another_answer_is_refused() {
    for rank in [1, 4] {
        refused("an answer that is not the best", &other_answer(0, rank));
    }
    let unproved = trace(Stage::Node(BEST), |_, trace| {
        let mut answers = trace.indices.of(1).to_vec();
        answers[2] = (answers[2] + 1) % 5;
        trace.indices.set(1, answers);
    });
    refused("an answer that the rows are not about", &unproved);
}

#[test]
fn other_ids_than_those_of_the_run_are_refused() {
    let cheat = trace(Stage::Trace, |_, trace| trace.indices.set(0, vec![4, 0, 3]));
    let setting = &*SETTING;
    let run = setting.run(&Cheat::default()).unwrap();
    let chain = setting.attempt_on(Mode::Chain, &setting.model, run.clone(), &cheat, |_| true);
    assert_eq!(refusal(chain), LAMBDA);
    assert!(Committed::of(LAMBDA).is(&setting.attempt_trace(run, &cheat)));
}

fn port(name: &str, shape: &[usize], role: IndexRole) -> IndexPort {
    IndexPort {
        name: name.to_owned(),
        shape: shape.to_vec(),
        len: 4,
        role,
    }
}

#[test]
fn indices_are_in_range_and_agree() {
    let descriptor = Descriptor {
        indices: vec![
            port("ids", &[4], IndexRole::Given),
            port("next", &[4], IndexRole::Answer),
        ],
        agreements: vec![Agreement {
            answer: 1,
            given: 0,
            shift: 1,
        }],
        ..SETTING.model.network().descriptor().clone()
    };
    let check = |ids: [u32; 4], next: [u32; 4]| {
        let values = vec![ids.to_vec(), next.to_vec()];
        check_indices(&descriptor, &Indices::new(&descriptor.indices, values))
    };
    // The last answer has nobody to agree with.
    assert!(check([0, 3, 1, 2], [3, 1, 2, 0]).is_ok());
    assert!(check([0, 3, 1, 2], [3, 1, 2, 3]).is_ok());
    let range = check([0, 4, 1, 2], [3, 1, 2, 0]);
    assert!(matches!(
        range,
        Err(VerifyError::IndexRange { value: 4, .. })
    ));
    let range = check([0, 3, 1, 2], [3, 1, 2, u32::MAX]);
    assert!(matches!(range, Err(VerifyError::IndexRange { .. })));
    let other = check([0, 3, 1, 2], [3, 2, 2, 0]);
    let at = matches!(
        other,
        Err(VerifyError::Agreement {
            index: 1,
            got: 2,
            expected: 1,
            ..
        })
    );
    assert!(at, "{other:?}");
}
