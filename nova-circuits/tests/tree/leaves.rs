//! Shares, steps and random instances that are not what they should be.

use crate::case::{
    Case, FULL, KEY, Pair, Weakness, add, instances, on_variable, share_variable, sum_of_shares,
};
use ff::Field;
use pleat_nova_circuits::{
    cycle::{EncodedPoint, F},
    tree::{
        Check,
        instance::Relaxed,
        step::{CONSTRAINTS, Message, PADDED, Segment, VARIABLES, complete, residue, vector},
    },
};

const HONEST: Weakness = Weakness::None;

/// A step's share is what its words and messages say; the verifier's total is another.
#[test]
fn shares_that_add_up_wrongly() {
    for variable in [share_variable(), 0, VARIABLES - 1] {
        let mut case = Case::new(3, 200);
        let mut hand = case.hand();
        let by = on_variable(variable, F::ONE);
        add(&mut hand.leaves.shares[0][0], by);
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Shares), "{variable}");
    }
    let mut case = Case::new(3, 201);
    let mut hand = case.hand();
    hand.blind = Some(F::from(5));
    let proof = hand.prove(HONEST, &mut case.rng);
    assert_eq!(case.verify(&proof), Err(Check::Shares), "a wrong blind");
}

/// A false total, and the share of one step that fits it.
#[test]
fn a_wrong_share_that_fits_the_total() {
    for step in 0..3 {
        let mut case = Case::new(3, 202);
        let mut hand = case.hand();
        case.total += F::ONE;
        hand.leaves.steps[step].variables[share_variable()] += F::ONE;
        let by = on_variable(share_variable(), F::ONE);
        add(&mut hand.leaves.shares[step][0], by);
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Constraints), "step {step}");
    }
}

/// A product of a slot, of evaluations, and of a word that is another.
#[test]
fn wrong_products() {
    let weighed = Segment::V.range().end - 1;
    let products = [
        Message::Slot(3, 5).variable(),
        Message::Product(2).variable(),
        weighed,
    ];
    for product in products {
        let mut case = Case::new(3, 203);
        let mut hand = case.hand();
        hand.leaves.steps[FULL].variables[product] += F::ONE;
        let by = on_variable(product, F::ONE);
        add(&mut hand.leaves.shares[FULL][1], by);
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Constraints), "{product}");
    }
}

#[test]
fn steps_exchanged() {
    // The prover's order is another than the verifier's.
    let mut case = Case::new(3, 204);
    let honest = case.instances.clone();
    case.steps.swap(0, 1);
    let proof = case.prove(HONEST);
    assert_eq!(case.verify(&proof), Err(Check::Products));
    case.instances = instances(&case.steps);
    assert_eq!(case.verify(&proof), Ok(()), "in the prover's order");

    // Messages exchanged, words in their places.
    let mut case = Case::new(3, 204);
    let words: Vec<Vec<F>> = honest.iter().map(|step| step.words.clone()).collect();
    let proof = case.prove(HONEST);
    case.instances.swap(0, 1);
    for (instance, words) in case.instances.iter_mut().zip(words) {
        instance.words = words;
    }
    assert_eq!(case.verify(&proof), Err(Check::Opening));

    // Shares and products exchanged, after and before challenges.
    let mut case = Case::new(3, 205);
    let mut proof = case.prove(HONEST);
    proof.shares.swap(0, 1);
    assert_eq!(case.verify(&proof), Err(Check::Constraints));
    let mut hand = case.hand();
    hand.leaves.shares.swap(0, 1);
    let proof = hand.prove(HONEST, &mut case.rng);
    assert_eq!(case.verify(&proof), Err(Check::Opening));
}

#[test]
fn steps_dropped_and_doubled() {
    // One too few, one too many.
    let mut case = Case::new(3, 206);
    let last = case.steps.pop().unwrap();
    let proof = case.prove(HONEST);
    assert_eq!(case.verify(&proof), Err(Check::Tree));
    case.steps.extend([last.clone(), last]);
    let proof = case.prove(HONEST);
    assert_eq!(case.verify(&proof), Err(Check::Tree));

    // One in another's place, with a total that fits.
    let mut case = Case::new(3, 207);
    case.steps[1] = case.steps[0].clone();
    let leaves = case.leaves();
    case.total = sum_of_shares(&leaves);
    let mut hand = case.hand();
    hand.leaves = leaves;
    let proof = hand.prove(HONEST, &mut case.rng);
    assert_eq!(case.verify(&proof), Err(Check::Products));
    // As many points as there should be, but of a tree over one step less.
    let mut case = Case::new(3, 208);
    let mut proof = case.prove(HONEST);
    proof.cross.pop();
    assert_eq!(case.verify(&proof), Err(Check::Tree));
    let another = proof.cross[0];
    proof.cross.extend([another, another]);
    assert_eq!(case.verify(&proof), Err(Check::Tree));
}

/// A segment that the verifier does not expect, and one that it does and the prover has not.
#[test]
fn segments_superfluous_and_missing() {
    for segment in [
        Segment::Z,
        Segment::A,
        Segment::R(0),
        Segment::R(15),
        Segment::E,
    ] {
        let mut case = Case::new(3, 209);
        let proof = case.prove(HONEST);
        case.instances[FULL].messages[segment.index()] = None;
        assert_eq!(
            case.verify(&proof),
            Err(Check::Opening),
            "{segment:?} superfluous"
        );

        // The step has no messages there, and the verifier a commitment to some.
        let mut case = Case::new(3, 210);
        let step = &mut case.steps[FULL].0;
        step.variables[segment.range()].fill(F::ZERO);
        step.blinds[segment.index()] = F::ZERO;
        let leaves = case.leaves();
        case.total = sum_of_shares(&leaves);
        let mut hand = case.hand();
        hand.leaves = leaves;
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(
            case.verify(&proof),
            Err(Check::Opening),
            "{segment:?} missing"
        );
    }
}

/// A message to which no word belongs counts nothing: it may be there.
#[test]
fn a_message_without_a_word() {
    let mut case = Case::new(3, 211);
    let before = case.total;
    let slot = Message::Slot(73, 1);
    let word = Message::all().position(|m| m == slot).unwrap();
    case.steps[0].1[word] = F::ZERO;
    case.steps[0].0.set(slot, F::from(1_000));
    let mut rng = case.rng.clone();
    case.steps[0].0.commit(&KEY, Segment::Z, &mut rng);
    case.instances = instances(&case.steps);
    let leaves = case.leaves();
    case.total = sum_of_shares(&leaves);
    assert_ne!(case.total, before, "its word was another");
    let proof = case.prove(HONEST);
    assert_eq!(case.verify(&proof), Ok(()));
}

#[test]
fn evaluations_in_another_step() {
    // With their words: the verifier's are elsewhere.
    let mut case = Case::new(3, 212);
    let honest = case.instances.clone();
    let range = Segment::E.range();
    let words = |step: &mut Vec<F>| {
        let moved = Message::all().zip(step.iter_mut());
        let moved = moved.filter(|(m, _)| matches!(m, Message::Evaluation(_)));
        moved.map(|(_, word)| std::mem::take(word)).collect()
    };
    let moved: Vec<F> = words(&mut case.steps[FULL].1);
    let place = Message::all().position(|m| m == Message::Evaluation(0));
    let place = place.unwrap();
    let from = case.steps[FULL].0.clone();
    for with_words in [true, false] {
        let mut case = Case::new(3, 212);
        let to = &mut case.steps[0];
        to.0.variables[range.clone()].copy_from_slice(&from.variables[range.clone()]);
        to.0.blinds[Segment::E.index()] = from.blinds[Segment::E.index()];
        if with_words {
            to.1[place..place + moved.len()].copy_from_slice(&moved);
            case.steps[FULL].1[place..place + moved.len()].fill(F::ZERO);
        }
        let step = &mut case.steps[FULL].0;
        step.variables[range.clone()].fill(F::ZERO);
        step.blinds[Segment::E.index()] = F::ZERO;
        let leaves = case.leaves();
        case.total = sum_of_shares(&leaves);
        case.instances.clone_from(&honest);
        let mut hand = case.hand();
        hand.leaves = leaves;
        let proof = hand.prove(HONEST, &mut case.rng);
        let check = if with_words {
            Check::Products
        } else {
            Check::Opening
        };
        assert_eq!(case.verify(&proof), Err(check), "words: {with_words}");
    }
}

/// The prover folds under other words than the verifier's, one of each kind, and its shares add up to the total all the same.
#[test]
fn a_wrong_word_of_each_kind() {
    let slots = (0..6).map(|i| Message::Slot(40, i));
    let rounds = (0..3).map(|i| Message::Round(9, i));
    let evaluations = (0..9).map(Message::Evaluation);
    let products = (0..4).map(Message::Product);
    let kinds = slots.chain(rounds).chain(evaluations).chain(products);
    for kind in kinds {
        let mut case = Case::new(3, 213);
        let word = Message::all().position(|m| m == kind).unwrap();
        case.steps[FULL].1[word] += F::ONE;
        let leaves = case.leaves();
        let honest = case.total;
        case.total = sum_of_shares(&leaves);
        assert_ne!(case.total, honest, "{kind:?} counts");
        let mut hand = case.hand();
        hand.leaves = leaves;
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Products), "{kind:?}");
    }
}

/// Cross terms as if both instances had slack 1: those of Nova, where one instance of each pair is not relaxed.
#[test]
fn cross_terms_of_unrelaxed_instances() {
    let mut case = Case::new(3, 214);
    let hand = case.hand();
    let unrelaxed = |instance: &Relaxed| Relaxed {
        slack: F::ONE,
        ..instance.clone()
    };
    let folded = hand.fold(HONEST, &mut case.rng, &mut |pair: Pair<'_>| {
        *pair.terms = unrelaxed(pair.left).cross(&unrelaxed(pair.right));
    });
    let proof = hand.finish(folded);
    assert_eq!(case.verify(&proof), Err(Check::Constraints));
    // No cross terms at all, on each level.
    for number in 0..3 {
        let folded = hand.fold(HONEST, &mut case.rng, &mut |pair| {
            if pair.number == number {
                pair.terms.fill(F::ZERO);
            }
        });
        let proof = hand.finish(folded);
        assert_eq!(
            case.verify(&proof),
            Err(Check::Constraints),
            "pair {number}"
        );
    }
}

/// With slack 0, a step without messages has any share; the verifier's slack is its own.
#[test]
fn a_relaxed_step() {
    for slack in [F::ZERO, F::from(2)] {
        let mut case = Case::new(3, 215);
        let mut hand = case.hand();
        let step = &mut hand.leaves.steps[0];
        step.slack = slack;
        step.error = residue(&vector(&step.variables, &slack, &step.words));
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Constraints));
    }

    // All steps null, the first one's share any total: satisfied with slack 0, without error.
    let mut case = Case::new(3, 216);
    for (step, _) in &mut case.steps {
        let mut rng = case.rng.clone();
        step.variables.fill(F::ZERO);
        for segment in Segment::all().filter(|s| !matches!(s, Segment::D | Segment::V)) {
            if step.commitments[segment.index()].is_some() {
                step.commit(&KEY, segment, &mut rng);
            }
        }
    }
    case.instances = instances(&case.steps);
    let mut hand = case.hand();
    let by = F::from(17);
    hand.leaves.steps[0].variables[share_variable()] = by;
    add(
        &mut hand.leaves.shares[0][0],
        on_variable(share_variable(), by),
    );
    case.total = by;
    for step in &mut hand.leaves.steps {
        step.slack = F::ZERO;
        assert!(step.is_satisfied());
    }
    let proof = hand.prove(HONEST, &mut case.rng);
    assert_eq!(case.verify(&proof), Err(Check::Constraints));
}

/// A step that is satisfied with an error, for which the verifier has no commitment.
#[test]
fn a_step_with_an_error() {
    for step in 0..3 {
        let mut case = Case::new(3, 217);
        let mut hand = case.hand();
        case.total += F::ONE;
        let own = &mut hand.leaves.steps[step];
        own.variables[share_variable()] += F::ONE;
        own.error[CONSTRAINTS - 1] = F::ONE;
        assert!(own.is_satisfied());
        let by = on_variable(share_variable(), F::ONE);
        add(&mut hand.leaves.shares[step][0], by);
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Opening), "step {step}");
    }
}

#[test]
fn a_mask_with_words_or_slack() {
    let with = |change: fn(&mut Relaxed)| {
        let mut case = Case::new(3, 218);
        let mut hand = case.hand();
        change(&mut hand.mask);
        hand.mask.error = residue(&hand.mask.vector());
        hand.commit_mask();
        let proof = hand.prove(HONEST, &mut case.rng);
        case.verify(&proof)
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(with(|m| m.words[3] = F::ONE), Err(Check::Products));
    let one_word = with(|m| *m.words.last_mut().unwrap() = F::ONE);
    assert_eq!(one_word, Err(Check::Products));
    assert_eq!(with(|m| m.slack = F::ONE), Err(Check::Constraints));
    // A satisfied step as a mask, words and all.
    let step = with(|m| {
        m.words.fill(F::ONE);
        m.slack = F::ONE;
        let words = m.words.clone();
        complete(&mut m.variables, &words);
    });
    assert_eq!(step, Err(Check::Constraints));
}

/// The mask's error is what its variables say, in every row.
#[test]
fn a_mask_that_is_not_satisfied() {
    for row in [0, 73, 74, 200, CONSTRAINTS - 1] {
        let mut case = Case::new(3, 219);
        let mut hand = case.hand();
        hand.mask.error[row] += F::ONE;
        hand.commit_mask();
        let proof = hand.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Constraints), "row {row}");
    }
}

/// Rows beyond the constraints have no error, whether the prover's sumcheck knows of it or not.
#[test]
fn an_error_in_a_padding_row() {
    for row in [CONSTRAINTS, PADDED - 1] {
        let mut case = Case::new(3, 220);
        let mut hand = case.hand();
        let sound = hand.mask.clone();
        for step in &mut hand.leaves.steps {
            step.error.resize(PADDED, F::ZERO);
        }
        hand.mask.error.resize(PADDED, F::ZERO);
        hand.mask.error[row] = F::from(12);
        hand.commit_mask();
        let mut long = |pair: Pair<'_>| pair.terms.resize(PADDED, F::ZERO);
        let folded = hand.fold(HONEST, &mut case.rng, &mut long);
        assert_ne!(folded.root.error[row], F::ZERO);
        let proof = hand.finish(folded);
        assert_eq!(case.verify(&proof), Err(Check::Constraints), "row {row}");

        let committed = hand.masked.clone();
        let mut silent = case.hand();
        silent.mask = sound;
        silent.masked = committed;
        let proof = silent.prove(HONEST, &mut case.rng);
        assert_eq!(case.verify(&proof), Err(Check::Opening), "row {row}");
    }
    // The same in cross terms.
    let mut case = Case::new(3, 221);
    let hand = case.hand();
    let folded = hand.fold(HONEST, &mut case.rng, &mut |pair| {
        if pair.number == 1 {
            *pair.extra += crate::case::on(&KEY.errors()[CONSTRAINTS], F::ONE);
        }
    });
    let proof = hand.finish(folded);
    assert_eq!(case.verify(&proof), Err(Check::Opening));
}

/// A mask of another proof is as good as a fresh one for the verifier: that it is fresh is the prover's concern.
#[test]
fn neutral_elements_are_commitments_too() {
    let mut case = Case::new(1, 222);
    let mut hand = case.hand();
    hand.mask.variables.fill(F::ZERO);
    hand.mask.error.fill(F::ZERO);
    hand.mask.blinds = [F::ZERO; pleat_nova_circuits::tree::step::SEGMENTS];
    hand.mask.error_blind = F::ZERO;
    hand.commit_mask();
    let zero = EncodedPoint::from_point(on_variable(0, F::ZERO));
    assert!(hand.masked.segments.iter().all(|p| *p == zero));
    let proof = hand.prove(HONEST, &mut case.rng);
    assert_eq!(case.verify(&proof), Ok(()));
}
