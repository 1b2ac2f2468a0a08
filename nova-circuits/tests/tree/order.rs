//! Challenges that are known before what they must follow. Each attack succeeds where prover and verifier share a transcript that
//! does not absorb that message, and is refused where they share the right one.

use crate::case::{
    Case, Folded, Hand, Hashed, KEY, Weakness, add, on, on_variable, share_variable,
};
use ff::Field;
use pleat_nova_circuits::{
    cycle::F,
    ipa::Transcript,
    relation::fold_round_at,
    tree::{
        Check,
        fold::commit_mask,
        instance::Relaxed,
        step::{PRODUCTS, SLOTS, WORDS, constraints, residue},
    },
};

/// A false total, and a share that fits it: one step does not satisfy its constraints.
fn false_share(seed: u64) -> (Case, Hand) {
    let mut case = Case::new(3, seed);
    let mut hand = case.hand();
    case.total += F::from(3);
    hand.leaves.steps[1].variables[share_variable()] += F::from(3);
    let by = on_variable(share_variable(), F::from(3));
    add(&mut hand.leaves.shares[1][0], by);
    assert!(!hand.leaves.steps[1].is_satisfied());
    (case, hand)
}

/// What the root's error would have to be, less what it is.
fn lacking(root: &Relaxed) -> Vec<F> {
    let needed = residue(&root.vector());
    let pairs = needed.iter().zip(&root.error);
    pairs.map(|(needed, is)| *needed - is).collect()
}

/// Runs an attack under the weak transcript and under the right one.
fn outcomes(
    weakness: Weakness,
    attack: impl Fn(Weakness) -> Result<(), Check>,
) -> [Result<(), Check>; 2] {
    [attack(Weakness::None), attack(weakness)]
}

const REFUSED: [Result<(), Check>; 2] = [Err(Check::Constraints), Ok(())];

fn inverse(value: &F) -> F {
    value.invert().unwrap()
}

/// The mask's error is chosen when the root is known.
#[test]
fn the_masks_error_solved_at_the_root() {
    let weakness = Weakness::Without("mask E");
    let got = outcomes(weakness, |weakness| {
        let (mut case, mut hand) = false_share(300);
        let mut folded = hand.fold(weakness, &mut case.rng, &mut |_| ());
        let factor = inverse(&folded.coefficients().error);
        let lacking = lacking(&folded.root);
        let solved: Vec<F> = lacking.iter().map(|e| factor * e).collect();
        let more = KEY.commit_errors(&solved, &F::ZERO);
        add(&mut hand.masked.error, more);
        let errors = folded.root.error.iter_mut().zip(&lacking);
        errors.for_each(|(e, lacking)| *e += lacking);
        assert!(folded.root.is_satisfied());
        let proof = hand.finish(folded);
        case.verify_with(weakness, &proof)
    });
    assert_eq!(got, REFUSED);
}

/// Cross terms, of the lowest level, of the other pair there, and of the highest level, are chosen when the root is known.
#[test]
fn cross_terms_solved_at_the_root() {
    for number in 0..3 {
        let weakness = Weakness::WithoutNumber("T", number);
        let got = outcomes(weakness, |weakness| {
            let (mut case, hand) = false_share(301);
            let mut folded = hand.fold(weakness, &mut case.rng, &mut |_| ());
            let factor = inverse(&folded.coefficients().cross[number]);
            let lacking = lacking(&folded.root);
            let solved: Vec<F> = lacking.iter().map(|e| factor * e).collect();
            let more = KEY.commit_errors(&solved, &F::ZERO);
            add(&mut folded.cross[number], more);
            let errors = folded.root.error.iter_mut().zip(&lacking);
            errors.for_each(|(e, lacking)| *e += lacking);
            assert!(folded.root.is_satisfied());
            let proof = hand.finish(folded);
            case.verify_with(weakness, &proof)
        });
        assert_eq!(got, REFUSED, "pair {number}");
    }
}

/// The mask's variables are chosen when `r` is known: the root's, for any error and whatever the steps are.
fn solve_root(root: &mut Relaxed) {
    let slack = inverse(&root.slack);
    for (i, constraint) in constraints().enumerate() {
        let z = root.vector();
        let sum: F = z[constraint.sum.clone()].iter().sum();
        if i < SLOTS + PRODUCTS + WORDS {
            // The product is what makes the row come out.
            let product = z[constraint.left] * z[constraint.right] - root.error[i];
            root.variables[constraint.sum.start] = slack * product;
        } else {
            root.variables[share_variable()] = sum + slack * root.error[i];
        }
    }
    assert!(root.is_satisfied());
}

#[test]
fn the_masks_variables_solved_at_the_root() {
    let weakness = Weakness::Without("mask");
    let got = outcomes(weakness, |weakness| {
        let (mut case, mut hand) = false_share(302);
        let mut folded = hand.fold(weakness, &mut case.rng, &mut |_| ());
        let before = folded.root.variables.clone();
        solve_root(&mut folded.root);
        let factor = inverse(folded.coefficients().leaves.last().unwrap());
        let moved = folded.root.variables.iter().zip(&before);
        let mask = hand.mask.variables.iter_mut().zip(moved);
        mask.for_each(|(mask, (new, old))| *mask += factor * (*new - old));
        let error = hand.masked.error;
        hand.masked = commit_mask(&KEY, &hand.mask);
        hand.masked.error = error;
        let proof = hand.finish(folded);
        case.verify_with(weakness, &proof)
    });
    assert_eq!(got, REFUSED);
}

/// Shares are chosen when `r` is known: of two steps, so that the root is satisfied and their sum stays what it is.
#[test]
fn shares_solved_at_the_root() {
    let weakness = Weakness::Without("D");
    let got = outcomes(weakness, |weakness| {
        let (mut case, mut hand) = false_share(303);
        let mut folded = hand.fold(weakness, &mut case.rng, &mut |_| ());
        // The share's row is the last.
        let needed = inverse(&folded.root.slack) * -*lacking(&folded.root).last().unwrap();
        folded.root.variables[share_variable()] += needed;
        assert!(folded.root.is_satisfied());
        let leaves = folded.coefficients().leaves;
        let by = inverse(&(leaves[1] - leaves[0])) * needed;
        for (step, by) in [(1, by), (0, -by)] {
            let more = on_variable(share_variable(), by);
            add(&mut hand.leaves.shares[step][0], more);
        }
        let proof = hand.finish(folded);
        case.verify_with(weakness, &proof)
    });
    assert_eq!(got, REFUSED);
}

/// `ρ` is known before the values that it combines: values of `Az, Bz, Cz` that the second sumcheck cannot tell from the root's,
/// but that satisfy the first one.
#[test]
fn products_at_x_solved_after_their_weights() {
    let weakness = Weakness::Without("at x");
    let got = outcomes(weakness, |weakness| {
        let (mut case, hand) = false_share(304);
        let folded = hand.fold(weakness, &mut case.rng, &mut |_| ());
        let slack = folded.root.slack;
        let (mut proof, drawn) = hand.finish_drawn(folded);
        let of = |label: &str| -> Vec<F> {
            let own = drawn.iter().filter(|(l, _)| *l == label);
            own.map(|(_, challenge)| *challenge).collect()
        };
        let (tau, x, rho) = (of("tau"), of("x"), of("rho")[0]);
        // The argument draws `x` too.
        let x = &x[..tau.len()];
        let eq: F = tau.iter().zip(x).fold(F::ONE, |eq, (t, x)| {
            eq * (*t * x + (F::ONE - t) * (F::ONE - x))
        });
        let rounds = proof.last.outer.iter().zip(x);
        let claim = rounds.fold(F::ZERO, |claim, (message, x)| {
            fold_round_at(&claim, message, x)
        });
        let [a, b, c, error] = proof.last.at_x;
        assert_ne!(claim, eq * (a * b - slack * c - error), "a false statement");
        let combined = a + rho * (b + rho * c);
        let c = -inverse(&slack) * (error + inverse(&eq) * claim);
        proof.last.at_x = [combined - rho.square() * c, F::ZERO, c, error];
        case.verify_with(weakness, &proof)
    });
    assert_eq!(got, [Err(Check::Products), Ok(())]);
}

/// A prover that leaves out one message of each kind, against the verifier: the first check after it refuses.
#[test]
fn a_message_that_only_the_verifier_absorbs() {
    let mut case = Case::new(3, 305);
    let kinds = [
        ("D", Check::Constraints),
        ("V", Check::Constraints),
        ("b", Check::Constraints),
        ("mask", Check::Constraints),
        ("mask E", Check::Constraints),
        ("T", Check::Constraints),
        ("outer", Check::Constraints),
        ("at x", Check::Products),
        ("inner", Check::Products),
        ("at y", Check::Opening),
        ("blind", Check::Opening),
        ("ipa", Check::Opening),
        ("rounds", Check::Opening),
        ("L", Check::Opening),
        ("R", Check::Opening),
    ];
    // Every label that there is.
    let mut transcript = Hashed::new(Weakness::None);
    let proof = case.prove(Weakness::None);
    pleat_nova_circuits::tree::fold::verify(
        &KEY,
        &mut transcript,
        &case.instances,
        &case.total,
        &proof,
    )
    .unwrap();
    let mut absorbed = transcript.absorbed;
    let each = absorbed.clone();
    absorbed.sort_unstable();
    absorbed.dedup();
    let mut listed = kinds.map(|(label, _)| label);
    listed.sort_unstable();
    assert_eq!(absorbed, listed);

    for (label, check) in kinds {
        let last = each.iter().filter(|l| **l == label).count() - 1;
        for number in [0, last] {
            // The second sumcheck's last variable tells variables from words; no value that is opened depends on it.
            let check = match label {
                "inner" if number == last => Check::Opening,
                _ => check,
            };
            let omitted = Weakness::WithoutNumber(label, number);
            let proof = case.prove(omitted);
            assert_eq!(case.verify(&proof), Err(check), "{label} {number}");
            let same = case.verify_with(omitted, &proof);
            assert_eq!(same, Ok(()), "{label} {number}");
        }
    }
}

/// Each level's challenge follows all of its pairs' cross terms, and all that went before.
#[test]
fn each_level_follows_what_it_must() {
    let case = || {
        let mut case = Case::new(5, 306);
        let hand = case.hand();
        (case, hand)
    };
    let levels = |number: Option<usize>| {
        let (mut case, hand) = case();
        let folded: Folded = hand.fold(Weakness::None, &mut case.rng, &mut |pair| {
            if Some(pair.number) == number {
                *pair.extra += on(KEY.blind(), F::ONE);
            }
        });
        folded.levels
    };
    let honest = levels(None);
    // Pairs of the three levels over six leaves.
    for (number, level) in [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2)] {
        let changed = levels(Some(number));
        assert_eq!(changed[..level], honest[..level], "pair {number}");
        for (changed, honest) in changed.iter().zip(&honest).skip(level) {
            assert_ne!(changed, honest, "pair {number}");
        }
    }
    // The transcript of these tests is deterministic.
    let mut transcript = Hashed::new(Weakness::None);
    let first = transcript.challenge("a");
    assert_ne!(first, transcript.challenge("a"));
}
