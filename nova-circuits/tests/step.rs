//! The universal step: native execution, circuit and model agree; every input counts; every wire is constrained.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod common;

use common::{
    Flags, inputs, lambda, oracle, random_state, random_step, schedule_flags, synthesize,
};
use ff::Field;
use pleat_nova_circuits::{
    chain::hash::hash_words,
    chain::step::{Check, STATE, State, Unsatisfied, WORDS, Witness, Words, step},
    cycle::F,
    relation::{LookupRow, fold_round_at, lambda_at},
    test_cs::TestCs,
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};

/// Constraints and wires of the step alone, without Nova's own part.
const STEP_CONSTRAINTS: usize = 16_782;
const STEP_WIRES: usize = 17_025;

#[test]
fn native_circuit_and_model_agree() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for flags in schedule_flags() {
        let state = random_state(&mut rng);
        let (words, witness) = random_step(&mut rng, &state, flags);
        let expected = oracle(&state, &words, &witness).unwrap();
        assert_eq!(
            step(&state, &words, &witness),
            Ok(expected),
            "native, {flags:?}"
        );
        let (cs, end) = synthesize(&state, &words, &witness);
        assert_eq!(cs.which_unsatisfied(), None, "circuit, {flags:?}");
        assert_eq!(end, expected, "circuit, {flags:?}");
        assert_eq!(
            (cs.num_constraints(), cs.num_aux()),
            (STEP_CONSTRAINTS, STEP_WIRES),
            "one shape for all steps"
        );
    }
}

/// Selection is right for every value of the flags, not only for those that a schedule makes.
#[test]
fn all_flags_native() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    for bits in 0..64_u32 {
        let [start_c, start_l, start_o, live, end_c, end_l] =
            core::array::from_fn(|i| bits >> i & 1 == 1);
        let flags = Flags {
            start_c,
            start_l,
            start_o,
            live,
            end_c,
            end_l,
        };
        let state = random_state(&mut rng);
        let (words, witness) = random_step(&mut rng, &state, flags);
        let expected = oracle(&state, &words, &witness);
        assert!(expected.is_ok(), "{flags:?}: {expected:?}");
        assert_eq!(
            step(&state, &words, &witness),
            expected.map_err(|check| Unsatisfied { check }),
            "{flags:?}"
        );
    }
}

#[test]
fn words_are_hashed_in_the_page_order() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let state = random_state(&mut rng);
    let flags = Flags {
        start_l: true,
        live: true,
        end_c: true,
        ..Flags::default()
    };
    let (words, witness) = random_step(&mut rng, &state, flags);
    let mut expected = Vec::new();
    for s in &words.slots {
        expected.extend([s.k0, s.k1, s.k2, s.f]);
    }
    let [zero, one] = [F::ZERO, F::ONE];
    expected.extend([zero, one, zero, one, one, zero, words.rounds.previous]);
    expected.extend(words.rounds.challenges);
    let w = &words.scalars;
    expected.extend([
        w.sigma, w.rho, w.rho4, w.rho_l, w.alpha, w.beta, w.beta2, w.gamma, w.delta, w.eq_r_u,
        w.zero_l,
    ]);
    expected.extend([
        w.two_2b, w.two_b, w.rng, w.tag, w.act, w.tin, w.tout, w.ttag,
    ]);
    assert_eq!(expected.len(), WORDS);
    assert_eq!(words.flatten().to_vec(), expected);
    assert_eq!(
        step(&state, &words, &witness).unwrap().dig,
        hash_words(state.dig, &expected)
    );
}

#[test]
fn state_order() {
    let array: [F; STATE] = core::array::from_fn(|i| F::from(i as u64));
    let s = State::from_array(array);
    assert_eq!(s.to_array(), array);
    let page = [
        s.t_z,
        s.t_ab,
        s.dig,
        s.claim,
        s.sigma_power,
        s.rho_power,
        s.bal_z,
        s.bal_s,
        s.bal_f,
        s.bal_v,
    ];
    assert_eq!(page, array);
}

#[test]
fn relations_are_the_models() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for _ in 0..20 {
        let state = random_state(&mut rng);
        let (words, witness) = random_step(
            &mut rng,
            &state,
            Flags {
                live: true,
                end_l: true,
                ..Flags::default()
            },
        );
        let (values, scalars) = (witness.evaluations.values, &words.scalars);
        let row = LookupRow::new(values, scalars.public_columns());
        assert_eq!(
            lambda_at(&scalars.eq_r_u, &row, &scalars.lookup()),
            lambda(&values, scalars)
        );

        let [claim, g0, g2, g3, c] = core::array::from_fn(|_| F::random(&mut rng));
        let g1 = claim - g0 - g0 - g2 - g3;
        let at_c = g0 + g1 * c + g2 * c.square() + g3 * c.cube();
        assert_eq!(fold_round_at(&claim, &[g0, g2, g3], &c), at_c);
    }
}

/// Whether changing the input leaves the end state as it was, with every check satisfied.
fn is_free(name: &str, flags: Flags) -> bool {
    let starts = flags.start_c || flags.start_l || flags.start_o;
    let witness = name.strip_prefix("witness ").unwrap_or("");
    // What is not asked for is not looked at, and a sumcheck that starts forgets the claim before it.
    witness.starts_with("round") && !flags.live
        || witness.starts_with("evaluation") && !flags.end_l
        || witness == "init" && !starts
        || name == "state claim" && starts
}

/// Every value of state, words and witness decides the end state or violates a check, and the circuit, native execution and
/// the model agree on which.
#[test]
fn every_input_counts() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let inputs = inputs();
    for flags in schedule_flags() {
        let state = random_state(&mut rng);
        let (words, witness) = random_step(&mut rng, &state, flags);
        let honest = step(&state, &words, &witness);
        // Synthesis with all names is slow: the circuit sees a sample.
        let in_circuit: Vec<usize> = (0..6)
            .map(|_| rng.next_u32() as usize % inputs.len())
            .collect();
        for (i, (name, change)) in inputs.iter().enumerate() {
            let (mut state, mut words, mut witness) = (state, words, witness);
            change(&mut state, &mut words, &mut witness);
            let expected = oracle(&state, &words, &witness);
            assert_eq!(
                step(&state, &words, &witness),
                expected.map_err(|check| Unsatisfied { check }),
                "{name}, {flags:?}"
            );
            let same = expected.map_err(|check| Unsatisfied { check }) == honest;
            assert_eq!(same, is_free(name, flags), "{name}, {flags:?}");
            if in_circuit.contains(&i) {
                let (cs, end) = synthesize(&state, &words, &witness);
                match expected {
                    Ok(expected) => assert_eq!(
                        (cs.which_unsatisfied(), end),
                        (None, expected),
                        "{name}, {flags:?}"
                    ),
                    Err(check) => {
                        let failed = cs.which_unsatisfied().unwrap();
                        assert!(
                            failed.ends_with(&check.to_string()),
                            "{name}, {flags:?}: {failed}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn checks_are_named() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let state = random_state(&mut rng);
    let flags = Flags {
        start_l: true,
        live: true,
        end_l: true,
        ..Flags::default()
    };
    let (words, witness) = random_step(&mut rng, &state, flags);
    type Change = fn(&mut Words, &mut Witness);
    let cases: [(Check, Change); 5] = [
        (Check::Round(0), |_, w| w.rounds[0].nonce += F::ONE),
        (Check::Round(15), |_, w| w.rounds[15].g3 += F::ONE),
        (Check::LookupClaim, |_, w| w.init += F::ONE),
        (Check::LookupClaim, |w, _| w.scalars.gamma += F::ONE),
        (Check::EvaluationsHash, |_, w| {
            w.evaluations.nonces[1] += F::ONE
        }),
    ];
    for (check, change) in cases {
        let (mut words, mut witness) = (words, witness);
        change(&mut words, &mut witness);
        assert_eq!(step(&state, &words, &witness), Err(Unsatisfied { check }));
        let (cs, _) = synthesize(&state, &words, &witness);
        assert!(
            cs.which_unsatisfied()
                .unwrap()
                .ends_with(&check.to_string()),
            "{check}"
        );
    }
}

/// Where a constraint must fail when `wire` alone is overwritten; `None` if the wire may take any value.
fn scopes(wire: &str, flags: Flags) -> Option<Vec<String>> {
    let starts = [
        ("start C/", flags.start_c),
        ("start L/", flags.start_l),
        ("start O/", flags.start_o),
    ];
    let started = || {
        starts
            .into_iter()
            .find(|(_, flag)| *flag)
            .map(|(scope, _)| scope.to_owned())
    };
    let input = wire.strip_suffix("/num").unwrap_or(wire);
    let scope = if input.starts_with("word ") {
        "digest/".to_owned()
    } else if let Some(name) = input.strip_prefix("witness ") {
        let words: Vec<&str> = name.split(' ').collect();
        match words.as_slice() {
            ["slot", l, "a" | "b" | "nonce_ab"] => format!("slot {l}/t_AB/"),
            ["slot", l, _] => format!("slot {l}/t_Z/"),
            ["init"] => return started().map(|scope| vec![scope]),
            ["round", i, _] => format!("round {i}/sponge/"),
            ["evaluation", "nonce", i] => format!("end/hash {i}/"),
            ["evaluation", i] => format!("end/hash {}/", i.parse::<usize>().unwrap() / 3),
            other => panic!("{other:?}"),
        }
    } else if let Some(name) = input.strip_prefix("state ") {
        match name {
            "t_Z" | "t_AB" => format!("slot 0/{name}/"),
            "dig" => "digest/".to_owned(),
            "σ^l" => "slot 0/σ^l s/".to_owned(),
            "ρ^4l" => "slot 0/ρ^4l claims/".to_owned(),
            "claim" if starts.iter().any(|(_, flag)| *flag) => started()?,
            "claim" if flags.live => "round 0/c/".to_owned(),
            "claim" => "next claim/".to_owned(),
            balance => format!("next {balance}/"),
        }
    } else {
        // A wire within a gadget fails the constraint that defines it, in the gadget's own namespace.
        let (gadget, _) = input.rsplit_once('/').unwrap();
        format!("{gadget}/")
    };
    Some(vec![scope])
}

fn overwrite_every_wire(cs: &mut TestCs, flags: Flags) {
    assert_eq!(cs.which_unsatisfied(), None);
    let wires: Vec<String> = cs.wires().map(str::to_owned).collect();
    for wire in &wires {
        let value = cs.get(wire).unwrap();
        cs.set(wire, value + F::ONE).unwrap();
        let failed = cs.unsatisfied_at(wire);
        match scopes(wire, flags) {
            None => assert!(
                failed.is_empty(),
                "{wire} was thought free, {flags:?}: {failed:?}"
            ),
            Some(scopes) => {
                let as_expected = scopes
                    .iter()
                    .all(|scope| failed.iter().any(|name| name.starts_with(scope)));
                assert!(
                    as_expected,
                    "{wire}, {flags:?}: {scopes:?} expected, failed: {failed:?}"
                );
            }
        }
        cs.set(wire, value).unwrap();
        assert!(cs.unsatisfied_at(wire).is_empty(), "{wire} restored");
    }
    assert_eq!(cs.which_unsatisfied(), None);
}

#[test]
fn every_wire_is_constrained() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    for flags in [
        Flags {
            start_c: true,
            live: true,
            end_c: true,
            ..Flags::default()
        },
        Flags {
            start_l: true,
            live: true,
            end_l: true,
            ..Flags::default()
        },
        Flags {
            start_o: true,
            live: true,
            ..Flags::default()
        },
        Flags {
            live: true,
            ..Flags::default()
        },
        Flags::default(),
    ] {
        let state = random_state(&mut rng);
        let (words, witness) = random_step(&mut rng, &state, flags);
        let (mut cs, _) = synthesize(&state, &words, &witness);
        overwrite_every_wire(&mut cs, flags);
    }
}

/// Flags are words too, and change `dig`.
#[test]
fn flags_are_bound_by_the_digest() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let state = random_state(&mut rng);
    let (words, witness) = random_step(&mut rng, &state, Flags::default());
    let honest = step(&state, &words, &witness).unwrap();
    let flips: [fn(&mut Words); 4] = [
        |w| w.rounds.start_c = true,
        |w| w.rounds.start_l = true,
        |w| w.rounds.start_o = true,
        |w| w.rounds.end_c = true,
    ];
    for (i, flip) in flips.into_iter().enumerate() {
        let mut words = words;
        flip(&mut words);
        let end = step(&state, &words, &witness).unwrap();
        assert_ne!(end.dig, honest.dig, "flag {i}");
    }
}
