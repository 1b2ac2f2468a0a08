//! Cheats that only committed steps know, through the whole verifier: a message altered after its challenge, shares, slots that
//! no node has, words of the prover's own, parts of one proof in another. What concerns folding and the last proof alone is
//! tested beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::cell::Cell;

use common::algebra::{prove_tree_with, traced, verify_tree};
use common::cheat::{Cheat, Equation, Play, Refusal, Setting, Stage, ledger, refusal, violated};
use common::dense::mlp;
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::tree::Check;
use pleat_nova_circuits::tree::instance::Step;
use pleat_nova_circuits::tree::step::{Message, Segment};
use pleat_verifier::fold::{Folded, Mode, tree};
use pleat_verifier::proof::Proof;

const SHARES: Refusal = Refusal::Steps(Check::Shares);
const OPENING: Refusal = Refusal::Steps(Check::Opening);

/// Changes the steps after all messages are bound.
fn committed(f: impl Fn(&mut Vec<(Step, Vec<F>)>) + 'static) -> Cheat {
    ledger(Stage::Words, move |Play { committed, .. }| {
        if let Some(steps) = committed {
            f(steps);
        }
    })
}

fn setting() -> Setting {
    Setting::new(mlp([0, 1]))
}

/// The word of a message, by its place in a step's words.
fn word(message: Message) -> usize {
    Message::all().position(|m| m == message).unwrap()
}

/// A false claim, bound; then this message takes the value with which the three equations hold.
#[test]
fn messages_altered_after_their_challenge_are_refused_by_the_opening() {
    let setting = setting();
    let lie = ledger(Stage::Claims, |play| play.ledger.claims[1].s += F::ONE);
    let messages = [
        (0, Message::Slot(1, 0)),
        (0, Message::Slot(0, 1)),
        (0, Message::Slot(2, 2)),
        (0, Message::Slot(1, 3)),
        (0, Message::Slot(2, 4)),
        (0, Message::Round(0, 0)),
        (0, Message::Round(3, 1)),
        (1, Message::Round(0, 2)),
    ];
    let network = setting.model.network();
    let evaluations = tree::Layout::new(network).evaluations();
    let evaluations = (0..9).map(|i| (evaluations, Message::Evaluation(i)));
    for (step, message) in messages.into_iter().chain(evaluations) {
        let trace = setting.run(&Cheat::default()).unwrap();
        let honest = setting.state(&setting.model, trace.clone(), &Cheat::default(), |_| true);
        assert_eq!(violated(&honest), []);
        let (got, equations) = setting.attempt_tree(&lie);
        assert_eq!(got, SHARES);
        assert!(equations.contains(&Equation::Contract) && equations.contains(&Equation::Lookup));

        let mend = committed(move |steps| {
            let (own, words) = &steps[step];
            let weight = words[word(message)];
            assert_ne!(weight, F::ZERO, "{message:?} counts");
            let share: F = steps.iter().map(|(s, w)| s.clone().share(w)).sum();
            let missing = TOTAL.with(Cell::get) - share;
            // Products change along; solve for this message, in which the share is affine.
            let mut moved = own.clone();
            moved.variables[message.variable()] += F::ONE;
            let slope = moved.share(words) - own.clone().share(words);
            let by = missing * slope.invert().unwrap();
            steps[step].0.variables[message.variable()] += by;
        });
        let stated = setting.state(&setting.model, trace.clone(), &lie, |_| true);
        TOTAL.with(|total| total.set(stated.equation.total));
        let (got, equations) = setting.attempt_tree(&lie.and(&mend));
        // The sum is right now; the commitment is to another value.
        assert_eq!(got, OPENING, "{message:?} of step {step}: {equations:?}");
    }
}

thread_local! {
    /// What the verifier demands of the shares.
    static TOTAL: Cell<F> = const { Cell::new(F::ZERO) };
}

/// Slots beyond the last node are committed to in the same segments, and nothing reads them.
#[test]
fn slots_that_no_node_has_count_for_nothing() {
    let setting = setting();
    let network = setting.model.network();
    let used = network.nodes().len();
    let trace = setting.run(&Cheat::default()).unwrap();
    let stated = setting.state(&setting.model, trace, &Cheat::default(), |_| true);
    for words in &stated.equation.words {
        for slot in &words.slots[used..] {
            assert_eq!(*slot, [F::ZERO; 6]);
        }
    }
}

/// A word of the prover's own: the verifier folds its own words, so that the root is another.
#[test]
fn words_of_the_provers_own_are_refused() {
    let setting = setting();
    for (step, message) in [
        (0, Message::Slot(1, 0)),
        (0, Message::Slot(1, 1)),
        (0, Message::Slot(1, 2)),
        (0, Message::Slot(1, 3)),
        (0, Message::Slot(1, 4)),
        (0, Message::Slot(1, 5)),
        (0, Message::Slot(70, 0)),
        (0, Message::Round(0, 0)),
        (1, Message::Round(5, 2)),
        (1, Message::Evaluation(3)),
        (1, Message::Product(2)),
    ] {
        let cheat = committed(move |steps| steps[step].1[word(message)] += F::ONE);
        let (got, _) = setting.attempt_tree(&cheat);
        // Where the message is not zero, its share changes with the word.
        let refused = [
            SHARES,
            Refusal::Steps(Check::Constraints),
            Refusal::Steps(Check::Products),
        ];
        assert!(
            refused.contains(&got),
            "{message:?} of step {step}: {got:?}"
        );
    }
}

/// Parts of an honest proof in places that are not theirs, or of another honest proof of the same statement.
#[test]
fn parts_of_honest_proofs_do_not_fit_elsewhere() {
    let setting = setting();
    let (model, key) = (setting.model.verification(), &setting.key);
    let prove = |seed| {
        let traced = traced(&setting.model, Mode::Tree, &setting.problem.inputs, seed);
        prove_tree_with(traced, key, seed)
    };
    let (one, other) = (prove(3), prove(4));
    assert_eq!(refusal(verify_tree(model, key, &one)), Refusal::None);
    assert_eq!(refusal(verify_tree(model, key, &other)), Refusal::None);
    let own = |proof: &Proof| match &proof.folded {
        Folded::Tree(own) => (**own).clone(),
        Folded::Chain(_) => panic!("committed steps"),
    };
    let attempt = |change: &dyn Fn(&mut tree::Messages)| {
        let mut messages = own(&one);
        change(&mut messages);
        let proof = Proof {
            messages: one.messages.clone(),
            folded: Folded::Tree(Box::new(messages)),
        };
        refusal(verify_tree(model, key, &proof))
    };
    let from = own(&other);
    type Change<'a> = &'a dyn Fn(&mut tree::Messages);
    let steps = |check| Refusal::Steps(check);
    let cases: [(&str, Change<'_>, Refusal); 9] = [
        (
            "all folded steps of another",
            &|m| m.fold = from.fold.clone(),
            SHARES,
        ),
        (
            "all messages of another",
            &|m| m.commitments = from.commitments.clone(),
            SHARES,
        ),
        (
            "a round of another",
            &|m| m.commitments.open[2] = from.commitments.open[2],
            SHARES,
        ),
        (
            "two rounds exchanged",
            &|m| m.commitments.lookup.swap(0, 1),
            SHARES,
        ),
        (
            "evaluations in place of claims",
            &|m| m.commitments.claims[0] = m.commitments.evaluations,
            SHARES,
        ),
        (
            "shares and products of two steps exchanged",
            &|m| m.fold.shares.swap(0, 1),
            steps(Check::Constraints),
        ),
        (
            "products of two steps exchanged",
            &|m| {
                let first = m.fold.shares[0][1];
                m.fold.shares[0][1] = m.fold.shares[1][1];
                m.fold.shares[1][1] = first;
            },
            steps(Check::Constraints),
        ),
        (
            "the random instance of another",
            &|m| m.fold.mask = from.fold.mask.clone(),
            steps(Check::Constraints),
        ),
        (
            "the last proof of another",
            &|m| m.fold.last = from.fold.last.clone(),
            steps(Check::Constraints),
        ),
    ];
    for (name, change, expected) in cases {
        assert_eq!(attempt(change), expected, "{name}");
    }
    // Segments of one step have other generators than those of another kind.
    assert_ne!(Segment::R(0).range(), Segment::R(1).range());
}
