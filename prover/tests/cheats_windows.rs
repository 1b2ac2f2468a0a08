//! Provers that compute one node by other windows than the descriptor's (a neighbour's pixel, padding that is not zero, a
//! group left out, a maximum that is none) and everything after it honestly. Each lie is tried plainly, and carried on
//! through the claims that would hide it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::cheat::{
    Cheat, Committed, Refusal, Setting, Stage, lie_claim, lie_factor, real, refusal, trace,
};
use common::{
    Builder, IDENTITY, Problem, RELU, activations, axis, ident, ints, maxpool_net, node, product,
    rng, stride, term, whole, window,
};
use pleat_nova_circuits::chain::step::Check;
use pleat_prover::execute::{Executor, Trace, block_values};
use pleat_verifier::descriptor::{AxisMap, Limits, Node, Read, Term};
use pleat_verifier::fold::Mode;
use pleat_verifier::fold::chain::EndState;
use pleat_verifier::network::Network;

const LAMBDA: Refusal = Refusal::Step(Check::LookupClaim);
const BAL_F: Refusal = Refusal::End(EndState::BalF);
const OPEN_CLAIM: Refusal = Refusal::End(EndState::Claim);

/// Channel `2g + i` of group `g`.
fn channel(group: i64) -> AxisMap {
    AxisMap::Affine {
        source: 4,
        offset: 0,
        index: vec![stride('g', group), stride('i', 1)],
        inner: Vec::new(),
    }
}

/// A 3×3 convolution of 4 channels in two groups, stride 2, padding 1, ReLU; then the sum over each group's outputs.
fn grouped_net() -> Problem {
    const B: u32 = 5;
    let mut rng = rng(20);
    let mut b = Builder::new(B, 3);
    let w = b.weight(&[2, 2, 2, 3, 3]);
    let weights = vec![ints(&mut rng, 72, 2)];
    let input = ints(&mut rng, 100, 5);
    let x = b.input("x", &[axis('c', 4), axis('y', 5), axis('x', 5)]);
    let (g, o) = (axis('g', 2), axis('o', 2));
    let inside = [axis('i', 2), axis('u', 3), axis('v', 3)];
    let mut n = node("conv", &[g, o, axis('y', 3), axis('x', 3)], RELU);
    let contraction = [&[g], inside.as_slice()].concat();
    let maps = vec![
        channel(2),
        window(5, 'y', 'u', 2, 1, 1),
        window(5, 'x', 'v', 2, 1, 1),
    ];
    n.products = product(
        contraction,
        1 << B,
        activations(vec![term(1, x, maps)]),
        whole(Read::Weight, w, &[&[g, o], inside.as_slice()].concat()),
    );
    let conv = b.node(n);
    let mut n = node("out", &[g, axis('y', 3), axis('x', 3)], IDENTITY);
    let maps = vec![
        ident(2, 'g'),
        AxisMap::total(2),
        ident(3, 'y'),
        ident(3, 'x'),
    ];
    n.linear = common::linear(1 << (2 * B), activations(vec![term(1, conv, maps)]));
    let out = b.node(n);
    b.output(out);
    Problem {
        given: Vec::new(),
        name: "grouped convolution".to_owned(),
        network: b.build(),
        weights,
        inputs: vec![input],
        // Nothing here compares them: an honest proof is tried first.
        outputs: Vec::new(),
    }
}

/// The run of a network that differs in one node.
fn run_as(setting: &Setting, node: usize, alter: impl Fn(&mut Node)) -> Trace {
    let mut descriptor = setting.model.network().descriptor().clone();
    alter(&mut descriptor.nodes[node]);
    let network = Network::new(descriptor, &Limits::default()).unwrap();
    let executor = Executor::new(&network, setting.model.weights()).unwrap();
    let run = executor.run(&setting.problem.inputs).unwrap();
    let honest = setting.run(&Cheat::default()).unwrap();
    let differs = |trace: &Trace| block_values(&network, node, &trace.y);
    assert_ne!(differs(&run), differs(&honest), "the alteration matters");
    run
}

/// The refusal in the chain; with committed steps, the same relation refuses.
fn verdict(setting: &Setting, run: &Trace, cheat: &Cheat) -> Refusal {
    let model = &setting.model;
    let verdict = setting.attempt_on(Mode::Chain, model, run.clone(), cheat, |_| true);
    let refusal = refusal(verdict);
    let committed = setting.attempt_trace(run.clone(), cheat);
    assert!(Committed::of(refusal).is(&committed), "{committed:?}");
    refusal
}

fn a_terms(node: &mut Node) -> &mut Vec<Term> {
    &mut node.products[0].a.terms
}

fn c_terms(node: &mut Node) -> &mut Vec<Term> {
    &mut node.linear.as_mut().unwrap().view.terms
}

#[test]
fn other_windows_of_a_convolution_are_refused() {
    const CONV: usize = 1;
    let setting = Setting::new(grouped_net());
    let honest = setting.run(&Cheat::default()).unwrap();
    assert_eq!(verdict(&setting, &honest, &Cheat::default()), Refusal::None);
    type Alter = fn(&mut Node);
    let cheats: [(&str, Alter); 6] = [
        ("the neighbour's pixel", |n| {
            a_terms(n)[0].maps[2] = window(5, 'x', 'v', 2, 1, 0);
        }),
        ("every second pixel of the window", |n| {
            a_terms(n)[0].maps[1] = window(5, 'y', 'u', 2, 2, 1);
        }),
        ("stride 1", |n| {
            a_terms(n)[0].maps[1] = window(5, 'y', 'u', 1, 1, 1);
        }),
        ("padding by the border's value", |n| {
            // Row 0 also where the window is one above it: at p = u = 0 alone.
            let mut border = a_terms(n)[0].clone();
            border.maps[1] = AxisMap::Affine {
                source: 5,
                offset: 0,
                index: vec![stride('y', 5), stride('u', 5)],
                inner: Vec::new(),
            };
            a_terms(n).push(border);
        }),
        ("a group left out", |n| a_terms(n)[0].maps[0] = channel(4)),
        ("a group shifted by a channel", |n| {
            a_terms(n)[0].maps[0] = channel(1);
        }),
    ];
    for (name, alter) in cheats {
        let run = run_as(&setting, CONV, alter);
        let mut cheat = Cheat::default();
        assert_eq!(verdict(&setting, &run, &cheat), LAMBDA, "{name}");
        // The sum that the other windows have, then the factor at CONTRACT's point.
        cheat = cheat.and(&lie_claim(CONV, 's'));
        assert_eq!(verdict(&setting, &run, &cheat), BAL_F, "{name}: s");
        let in_a = cheat.and(&lie_factor(CONV, 'a'));
        assert_eq!(verdict(&setting, &run, &in_a), OPEN_CLAIM, "{name}: s, a");
        let in_b = cheat.and(&lie_factor(CONV, 'b'));
        assert_eq!(verdict(&setting, &run, &in_b), OPEN_CLAIM, "{name}: s, b");
    }
}

#[test]
fn other_sums_of_a_pool_are_refused() {
    const POOL: usize = 2;
    let setting = Setting::new(grouped_net());
    let run = run_as(&setting, POOL, |n| {
        c_terms(n)[0].maps[1] = AxisMap::fixed(2, 0);
    });
    assert_eq!(verdict(&setting, &run, &Cheat::default()), LAMBDA);
    let hidden = lie_claim(POOL, 'c');
    assert_eq!(verdict(&setting, &run, &hidden), OPEN_CLAIM);
}

#[test]
fn a_maximum_that_is_none_is_refused() {
    const DIFFERENCE: usize = 1;
    let setting = Setting::new(maxpool_net());
    type Alter = fn(&mut Node);
    let cheats: [(&str, Alter); 3] = [
        ("the second element, whatever the first", |n| {
            let mut second = c_terms(n)[1].clone();
            second.coefficient = 1;
            c_terms(n)[0] = second;
        }),
        ("the smaller one counts", |n| {
            for term in c_terms(n) {
                term.coefficient = -term.coefficient;
            }
        }),
        ("the neighbouring window's element", |n| {
            c_terms(n)[0].maps[2] = AxisMap::slice(4, common::id('p'), -2, 2);
        }),
    ];
    for (name, alter) in cheats {
        let run = run_as(&setting, DIFFERENCE, alter);
        assert_eq!(verdict(&setting, &run, &Cheat::default()), LAMBDA, "{name}");
        let hidden = lie_claim(DIFFERENCE, 'c');
        assert_eq!(verdict(&setting, &run, &hidden), OPEN_CLAIM, "{name}: c");
    }
}

/// The difference is right, but its ReLU is said to be 0: in `Y`, in `P` and `Y`, and with a digit out of range that keeps
/// the row relation.
#[test]
fn a_positive_difference_that_counts_as_zero_is_refused() {
    const DIFFERENCE: usize = 1;
    let setting = Setting::new(maxpool_net());
    let lies: [fn(&mut Trace, usize, u16); 3] = [
        |t, cell, _| t.y[cell] = 0,
        |t, cell, _| (t.y[cell], t.p[cell]) = (0, 0),
        |t, cell, base| {
            t.r1[cell] += u16::try_from(t.p[cell]).unwrap() * base;
            (t.y[cell], t.p[cell]) = (0, 0);
        },
    ];
    for (i, lie) in lies.into_iter().enumerate() {
        let cheat = trace(Stage::Node(DIFFERENCE), move |network, trace| {
            let base = 1 << network.digit_bits();
            let cell = real(network, DIFFERENCE, |cell| trace.p[cell] > 0);
            lie(trace, cell, base);
        });
        let run = setting.run(&cheat).unwrap();
        assert_eq!(
            verdict(&setting, &run, &Cheat::default()),
            LAMBDA,
            "lie {i}"
        );
    }
}
