//! Committed steps: honest ones of several numbers are folded and verified; cheating provers are refused by a named check
//! (PROTOCOL.md §5).
//!
//! - [`case`]: honest steps, and a prover in pieces;
//! - [`across`]: commitments with components where they should have none;
//! - [`leaves`]: shares, steps and masks that are not what they should be;
//! - [`order`]: challenges that are known before what they must follow;
//! - [`tamper`]: every point and scalar of a proof, changed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod across;
mod case;
mod leaves;
mod order;
mod tamper;

use case::{Case, KEY, Weakness};
use ff::Field;
use pleat_nova_circuits::{
    cycle::F,
    tree::{Check, Error, fold::Leaves, instance::Relaxed, step},
};

#[test]
fn honest_steps_are_accepted() {
    for steps in [1, 2, 3, 4, 5, 8, 33] {
        let mut case = Case::new(steps, steps as u64);
        let proof = case.prove(Weakness::None);
        assert_eq!(proof.cross.len(), steps);
        assert_eq!(case.verify(&proof), Ok(()), "{steps} steps");
    }
}

/// The prover in pieces, with which the tests cheat, is the prover.
#[test]
fn the_prover_in_pieces_is_the_prover() {
    for steps in [1, 2, 3, 6] {
        let mut case = Case::new(steps, 90 + steps as u64);
        let mut other = case.rng.clone();
        let whole = case.prove(Weakness::None);
        std::mem::swap(&mut case.rng, &mut other);
        let hand = case.hand();
        let pieces = hand.prove(Weakness::None, &mut case.rng);
        assert!(whole == pieces, "{steps} steps");
    }
}

/// Weakened transcripts are still transcripts: what is refused under them is refused for another reason.
#[test]
fn honest_steps_are_accepted_under_weak_transcripts() {
    for weakness in [
        Weakness::OneMu,
        Weakness::Without("mask"),
        Weakness::Without("mask E"),
        Weakness::WithoutNumber("T", 2),
    ] {
        let mut case = Case::new(3, 91);
        let proof = case.prove(weakness);
        assert_eq!(case.verify_with(weakness, &proof), Ok(()), "{weakness:?}");
        // And they are others' than the verifier's.
        assert!(case.verify(&proof).is_err(), "{weakness:?}");
    }
}

#[test]
fn there_is_no_proof_of_no_steps() {
    let mut case = Case::new(1, 92);
    let leaves = Leaves {
        steps: Vec::new(),
        shares: Vec::new(),
    };
    let mask = Relaxed::random(&mut case.rng);
    let mut transcript = case::Hashed::new(Weakness::None);
    let proved = leaves.fold(&KEY, &mut transcript, mask, &mut case.rng);
    assert_eq!(proved, Err(Error::NoSteps));
}

#[test]
fn another_total_is_refused() {
    let mut case = Case::new(3, 7);
    let proof = case.prove(Weakness::None);
    case.total += F::ONE;
    assert_eq!(case.verify(&proof), Err(Check::Shares));
}

/// The table in the documentation of [`step`]: variables and constraints by slots and rounds.
#[test]
fn sizes_are_what_the_documentation_says() {
    let sizes = |s: usize, q: usize| (12 * s + 6 * q + 27, 7 * s + 3 * q + 18);
    // What is built, counted.
    let constraints: Vec<step::Constraint> = step::constraints().collect();
    let in_constraints = constraints.iter().flat_map(|c| {
        let factors = [c.left, c.right].into_iter();
        factors.chain(c.sum.clone())
    });
    let variables: std::collections::BTreeSet<usize> =
        in_constraints.filter(|i| *i < step::SLACK).collect();
    assert_eq!(
        (variables.len(), constraints.len()),
        sizes(step::SLOTS, step::ROUNDS)
    );
    assert_eq!(step::Segment::V.range().end, variables.len());

    let fits = |(variables, constraints): (usize, usize)| {
        let larger = variables.max(constraints);
        larger.next_power_of_two().trailing_zeros()
    };
    for (s, q, size, bits) in [
        (32, 16, (507, 290), 9),
        (74, 16, (1011, 584), 10),
        (75, 16, (1023, 591), 10),
        (76, 16, (1035, 598), 11),
    ] {
        assert_eq!(sizes(s, q), size);
        assert_eq!(fits(size), bits, "{s} slots, {q} rounds");
    }
    assert_eq!(step::BITS, 10);
}
