//! Commitments with components outside of their own range: what such a component would alter counts nothing, because the last
//! argument combines commitments by powers of `μ`. With `μ = 1`, the same attacks succeed.

use crate::case::{
    Case, FULL, KEY, Weakness, add, on, on_variable, segment_of, share_variable, sum_of_shares,
};
use pleat_nova_circuits::{
    cycle::{Affine, EncodedPoint, F, generators},
    ipa::inner_generator,
    tree::{
        Check, FoldProof,
        fold::Leaves,
        step::{CONSTRAINTS, Message, Segment},
    },
};

/// Proves under a transcript that separates commitments, and under one that does not.
fn outcomes(case: &mut Case, mut prove: impl FnMut(&mut Case, Weakness) -> FoldProof) -> Outcomes {
    let [separated, one_mu] = [Weakness::None, Weakness::OneMu].map(|weakness| {
        let proof = prove(case, weakness);
        case.verify_with(weakness, &proof)
    });
    Outcomes { separated, one_mu }
}

#[derive(Debug, PartialEq, Eq)]
struct Outcomes {
    separated: Result<(), Check>,
    one_mu: Result<(), Check>,
}

/// Refused as it should be; and the attack is one, for without the powers of `μ` it succeeds.
const REFUSED: Outcomes = Outcomes {
    separated: Err(Check::Opening),
    one_mu: Ok(()),
};

fn commitment<'a>(
    case: &'a mut Case,
    leaves: &'a mut Leaves,
    step: usize,
    segment: Segment,
) -> &'a mut EncodedPoint {
    match segment {
        Segment::D => &mut leaves.shares[step][0],
        Segment::V => &mut leaves.shares[step][1],
        _ => case.instances[step].messages[segment.index()]
            .as_mut()
            .unwrap(),
    }
}

/// The step that has all segments is about another value of `target` than its own segment's commitment says: the commitment to
/// `carrier` has the difference, on `target`'s generator. Everything else is made for the other value, the verifier's total
/// included, of which the honest prover's differs.
fn carried(case: &mut Case, target: usize, carrier: Segment) -> Leaves {
    let by = F::from(1234);
    // `D`'s extra component has to cancel in the sum of shares: another step has its negative.
    let others: &[(usize, F)] = match carrier {
        Segment::D => &[(FULL, by), (0, -by)],
        _ => &[(FULL, by)],
    };
    let own = segment_of(target);
    let honest = case.total;
    let is_message = !matches!(own, Segment::D | Segment::V);
    for (step, by) in others {
        if is_message {
            case.steps[*step].0.variables[target] += by;
        }
    }
    let mut leaves = case.leaves();
    case.total = sum_of_shares(&leaves);
    for (step, by) in others {
        if !is_message {
            let less = commitment(case, &mut leaves, *step, own);
            add(less, on_variable(target, -*by));
        }
        let more = commitment(case, &mut leaves, *step, carrier);
        add(more, on_variable(target, *by));
    }
    if own == Segment::D {
        // The committed share is less, and so is the total that it fits.
        case.total -= by;
    }
    let altered = is_message || own == Segment::D;
    assert_eq!(case.total != honest, altered, "the statement is false");
    leaves
}

/// Every ordered pair of segments, of rounds the first, a middle and the last one.
#[test]
fn a_value_altered_through_another_segments_commitment() {
    let segments = [
        Segment::Z,
        Segment::A,
        Segment::R(0),
        Segment::R(7),
        Segment::R(15),
        Segment::E,
        Segment::D,
        Segment::V,
    ];
    for own in segments {
        for carrier in segments.into_iter().filter(|s| *s != own) {
            let range = own.range();
            let target = (range.start + range.end) / 2;
            let mut case = Case::new(3, 100);
            let leaves = carried(&mut case, target, carrier);
            let got = outcomes(&mut case, |case, weakness| {
                let mut hand = case.hand();
                hand.leaves = leaves.clone();
                hand.prove(weakness, &mut case.rng)
            });
            assert_eq!(got, REFUSED, "{own:?} through {carrier:?}");
        }
    }
}

/// A component of one `D_i` alone shows in the sum of shares.
#[test]
fn a_message_altered_through_one_share() {
    let mut case = Case::new(3, 101);
    let target = Message::Slot(5, 0).variable();
    let mut hand = case.hand();
    add(
        &mut hand.leaves.shares[FULL][0],
        on_variable(target, F::from(3)),
    );
    let proof = hand.prove(Weakness::None, &mut case.rng);
    assert_eq!(case.verify(&proof), Err(Check::Shares));
}

/// The mask's segments: a part of one's value in another's commitment.
#[test]
fn a_masks_value_through_another_of_its_segments() {
    let segments = [
        Segment::Z,
        Segment::A,
        Segment::R(3),
        Segment::E,
        Segment::D,
        Segment::V,
    ];
    for own in segments {
        for carrier in segments.into_iter().filter(|s| *s != own) {
            let target = own.range().start;
            let mut case = Case::new(3, 102);
            let mut hand = case.hand();
            let part = on_variable(target, F::from(99));
            add(&mut hand.masked.segments[carrier.index()], part);
            add(
                &mut hand.masked.segments[own.index()],
                on_variable(target, -F::from(99)),
            );
            let got = outcomes(&mut case, |case, weakness| {
                hand.prove(weakness, &mut case.rng)
            });
            assert_eq!(got, REFUSED, "{own:?} through {carrier:?}");
        }
    }
}

/// `comm_T` of the first pair counts `r` in the root, and so does that pair's right step: a message of each segment, and the share,
/// altered through it.
#[test]
fn a_value_altered_through_cross_terms() {
    let messages = [
        Message::Slot(5, 1),
        Message::Slot(5, 4),
        Message::Round(0, 0),
        Message::Round(15, 2),
        Message::Evaluation(4),
    ];
    let targets = messages.map(Message::variable);
    for target in targets.into_iter().chain([share_variable()]) {
        let mut case = Case::new(3, 103);
        let by = F::from(77);
        let share = target == share_variable();
        if !share {
            case.steps[FULL].0.variables[target] += by;
        }
        let mut hand = case.hand();
        case.total = sum_of_shares(&hand.leaves);
        if share {
            add(&mut hand.leaves.shares[FULL][0], on_variable(target, -by));
            case.total -= by;
        }
        let got = outcomes(&mut case, |case, weakness| {
            let folded = hand.fold(weakness, &mut case.rng, &mut |pair| {
                if pair.number == 0 {
                    *pair.extra += on_variable(target, by);
                }
            });
            hand.finish(folded)
        });
        assert_eq!(got, REFUSED, "{:?}", segment_of(target));
    }
}

/// A step that does not satisfy its constraints, with its error on `E`'s generators in the commitment to one of its segments: the
/// first step's error counts 1 in the root.
#[test]
fn an_error_in_a_segments_commitment() {
    for carrier in [
        Segment::Z,
        Segment::A,
        Segment::R(0),
        Segment::R(15),
        Segment::V,
    ] {
        let mut case = Case::new(3, 104);
        let mut hand = case.hand();
        let by = F::from(55);
        let step = &mut hand.leaves.steps[0];
        step.variables[share_variable()] += by;
        step.error[CONSTRAINTS - 1] = by;
        assert!(step.is_satisfied());
        add(
            &mut hand.leaves.shares[0][0],
            on_variable(share_variable(), by),
        );
        case.total += by;
        let on_error = on(&KEY.errors()[CONSTRAINTS - 1], by);
        let carrying = commitment(&mut case, &mut hand.leaves, 0, carrier);
        add(carrying, on_error);
        let got = outcomes(&mut case, |case, weakness| {
            hand.prove(weakness, &mut case.rng)
        });
        assert_eq!(got, REFUSED, "{carrier:?}");
    }
}

/// The mask's error in part in the commitment to one of its segments: possible only where both count the same, in a tree whose
/// challenge were 1; so here it is refused without a counterpart.
#[test]
fn the_masks_error_on_the_generators_of_variables_and_reversed() {
    let mut case = Case::new(3, 105);
    let by = F::from(31);
    let hand = case.hand();
    let mut variables = hand.clone();
    add(&mut variables.masked.error, on_variable(9, by));
    let mut errors = hand.clone();
    add(
        &mut errors.masked.segments[Segment::V.index()],
        on(&KEY.errors()[3], by),
    );
    for hand in [variables, errors] {
        let proof = hand.prove(Weakness::None, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Opening));
    }
    // Cross terms of every pair.
    for number in 0..3 {
        let folded = hand.fold(Weakness::None, &mut case.rng, &mut |pair| {
            if pair.number == number {
                *pair.extra += on_variable(9, by);
            }
        });
        let proof = hand.finish(folded);
        assert_eq!(case.verify(&proof), Err(Check::Opening), "pair {number}");
    }
}

/// Generators that are not the vector's, the argument's own included: no argument opens them, whatever `μ` is.
#[test]
fn a_component_on_a_foreign_generator() {
    let foreign: [Affine; 2] = [
        generators(b"pleat/hyrax/v1", 1)[0],
        inner_generator::<pleat_nova_circuits::cycle::Point>(),
    ];
    for generator in foreign {
        for segment in [Segment::Z, Segment::R(2), Segment::E, Segment::V] {
            let mut case = Case::new(3, 106);
            let mut hand = case.hand();
            add(
                commitment(&mut case, &mut hand.leaves, FULL, segment),
                on(&generator, F::from(8)),
            );
            for weakness in [Weakness::None, Weakness::OneMu] {
                let proof = hand.prove(weakness, &mut case.rng);
                let got = case.verify_with(weakness, &proof);
                assert_eq!(got, Err(Check::Opening), "{segment:?}, {weakness:?}");
            }
        }
    }
    // On that of blinds it is a blind, which the prover may choose.
    let mut case = Case::new(3, 107);
    let mut hand = case.hand();
    let products = &mut hand.leaves.shares[0][1];
    add(products, on(KEY.blind(), F::from(8)));
    let proof = hand.prove(Weakness::None, &mut case.rng);
    assert_eq!(case.verify(&proof), Err(Check::Opening));
    hand.leaves.steps[0].blinds[Segment::V.index()] += F::from(8);
    let proof = hand.prove(Weakness::None, &mut case.rng);
    assert_eq!(case.verify(&proof), Ok(()));
}

/// Shares that add up to the total although two commitments have components elsewhere, which cancel.
#[test]
fn shares_with_foreign_components_that_cancel() {
    let key = &KEY;
    let elsewhere = [
        key.variables()[0],
        key.variables()[Segment::V.range().start],
        key.errors()[0],
        generators(b"pleat/hyrax/v1", 1)[0],
    ];
    for generator in elsewhere {
        let mut case = Case::new(3, 108);
        let mut hand = case.hand();
        for (step, by) in [(0, F::from(6)), (2, -F::from(6))] {
            add(&mut hand.leaves.shares[step][0], on(&generator, by));
        }
        let proof = hand.prove(Weakness::None, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Opening));
    }
}
