//! Random satisfying steps, and the step transliterated from `protocol_model.py` as an oracle.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests; not every test binary uses every item"
)]

use ff::Field;
use nova_snark::{
    frontend::{ConstraintSystem, num::AllocatedNum},
    traits::circuit::StepCircuit,
};
use pleat_nova_circuits::{
    chain::hash::{hash, hash_words},
    chain::step::{
        Check, EvaluationsWitness, ROUNDS, RoundWitness, RoundWords, SLOTS, STATE, ScalarWords,
        SlotWitness, SlotWords, State, UniversalStep, WORDS, Witness, Words,
    },
    cycle::F,
    relation::WITNESS_COLUMNS,
    test_cs::TestCs,
};
use rand_chacha::ChaCha20Rng;

/// The round lane's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags {
    pub start_c: bool,
    pub start_l: bool,
    pub start_o: bool,
    pub live: bool,
    pub end_c: bool,
    pub end_l: bool,
}

/// Every combination that a schedule of CONTRACT, LOOKUP and OPEN makes, of one or more steps each, and the idle step.
pub fn schedule_flags() -> Vec<Flags> {
    let middle = Flags {
        live: true,
        ..Flags::default()
    };
    vec![
        Flags {
            start_c: true,
            ..middle
        },
        Flags {
            start_c: true,
            end_c: true,
            ..middle
        },
        middle,
        Flags {
            end_c: true,
            ..middle
        },
        Flags {
            start_l: true,
            ..middle
        },
        Flags {
            start_l: true,
            end_l: true,
            ..middle
        },
        Flags {
            end_l: true,
            ..middle
        },
        Flags {
            start_o: true,
            ..middle
        },
        Flags::default(),
    ]
}

pub fn random_state(rng: &mut ChaCha20Rng) -> State {
    State::from_array(core::array::from_fn(|_| F::random(&mut *rng)))
}

/// A random step that the circuit accepts after `state`. What the circuit would check is chosen last: the challenges, `ρ`, and the
/// word `Π(1-u)`, which scales `Λ` to the claim.
pub fn random_step(rng: &mut ChaCha20Rng, state: &State, flags: Flags) -> (Words, Witness) {
    let mut draw = || F::random(&mut *rng);
    let Flags {
        start_c,
        start_l,
        start_o,
        live,
        end_c,
        end_l,
    } = flags;
    let mut witness = Witness {
        slots: core::array::from_fn(|_| SlotWitness {
            s: draw(),
            c: draw(),
            d: draw(),
            nonce_z: draw(),
            a: draw(),
            b: draw(),
            nonce_ab: draw(),
        }),
        ..Witness::zero()
    };
    let mut words = Words {
        slots: core::array::from_fn(|_| SlotWords {
            k0: draw(),
            k1: draw(),
            k2: draw(),
            f: draw(),
        }),
        rounds: RoundWords {
            start_c,
            start_l,
            start_o,
            live,
            end_c,
            end_l,
            ..Words::zero().rounds
        },
        scalars: ScalarWords {
            sigma: draw(),
            rho: draw(),
            rho4: draw(),
            rho_l: draw(),
            alpha: draw(),
            beta: draw(),
            beta2: draw(),
            gamma: draw(),
            delta: draw(),
            eq_r_u: draw(),
            zero_l: draw(),
            two_2b: draw(),
            two_b: draw(),
            rng: draw(),
            tag: draw(),
            act: draw(),
            tin: draw(),
            tout: draw(),
            ttag: draw(),
        },
    };
    let mut claim = state.claim;
    if start_c || start_l || start_o {
        witness.init = draw();
        claim = witness.init;
    }
    if live {
        words.rounds.previous = draw();
        let mut t = words.rounds.previous;
        for i in 0..ROUNDS {
            let round = RoundWitness {
                g0: draw(),
                g2: draw(),
                g3: draw(),
                nonce: draw(),
            };
            t = hash(t, [round.g0, round.g2, round.g3], round.nonce);
            claim = fold(claim, &round, t);
            words.rounds.challenges[i] = t;
            witness.rounds[i] = round;
        }
    }
    if end_l {
        witness.evaluations = EvaluationsWitness {
            values: core::array::from_fn(|_| draw()),
            nonces: core::array::from_fn(|_| draw()),
        };
        words.scalars.rho =
            evaluations_chain(words.rounds.challenges[ROUNDS - 1], &witness.evaluations);
        words.scalars.zero_l = claim
            * lambda(&witness.evaluations.values, &words.scalars)
                .invert()
                .unwrap();
    }
    (words, witness)
}

fn fold(claim: F, round: &RoundWitness, c: F) -> F {
    let RoundWitness { g0, g2, g3, .. } = *round;
    g0 + c * (claim - g0 - g0 - g2 - g3 + c * (g2 + c * g3))
}

fn evaluations_chain(mut t: F, evaluations: &EvaluationsWitness) -> F {
    for (e, n) in evaluations.values.chunks(3).zip(evaluations.nonces) {
        t = hash(t, [e[0], e[1], e[2]], n);
    }
    t
}

/// The model's `Lambda`, term by term.
pub fn lambda(values: &[F; 9], w: &ScalarWords) -> F {
    let [y, p, r1, r0, f0, f1, f2, m, ht] = *values;
    let phi = |i: F, o: F, t: F| w.alpha + i + w.beta * o + w.beta2 * t;
    let terms = [
        w.two_2b * p + w.two_b * r1 + r0,
        f0 * phi(p, y, w.tag) - w.act,
        f1 * phi(r0, F::ZERO, w.rng) - w.act,
        f2 * phi(r1, F::ZERO, w.rng) - w.act,
        ht * phi(w.tin, w.tout, w.ttag) - m,
        (F::ONE - w.act) * y,
    ];
    let weighted: F = terms
        .iter()
        .enumerate()
        .map(|(i, term)| w.gamma.pow([i as u64]) * term)
        .sum();
    w.eq_r_u * weighted + w.delta * (f0 + f1 + f2 - ht)
}

/// The model's `step`.
pub fn oracle(state: &State, w: &Words, wit: &Witness) -> Result<State, Check> {
    let (mut st, sc, lane) = (*state, &w.scalars, &w.rounds);
    st.dig = hash_words(st.dig, &w.flatten());
    for (k, o) in w.slots.iter().zip(&wit.slots) {
        st.t_z = hash(st.t_z, [o.s, o.c, o.d], o.nonce_z);
        st.t_ab = hash(st.t_ab, [o.a, o.b, F::ZERO], o.nonce_ab);
        st.bal_z += k.k0 * o.s + k.k1 * o.c + k.k2 * o.d;
        st.bal_s += st.sigma_power * o.s;
        st.bal_f += k.f * o.a * o.b;
        st.bal_v += st.rho_power * (o.a + sc.rho * (o.b + sc.rho * (o.c + sc.rho * o.d)));
        st.sigma_power *= sc.sigma;
        st.rho_power *= sc.rho4;
    }
    if lane.start_c {
        st.claim = wit.init;
        st.bal_s -= wit.init;
    }
    if lane.start_l {
        st.claim = wit.init;
        st.bal_z -= wit.init;
    }
    if lane.start_o {
        st.claim = wit.init;
        st.bal_v -= wit.init;
    }
    if lane.live {
        let mut t = lane.previous;
        for (i, (round, c)) in wit.rounds.iter().zip(lane.challenges).enumerate() {
            if hash(t, [round.g0, round.g2, round.g3], round.nonce) != c {
                return Err(Check::Round(i));
            }
            st.claim = fold(st.claim, round, c);
            t = c;
        }
    }
    if lane.end_c {
        st.bal_f -= st.claim;
    }
    if lane.end_l {
        if st.claim != sc.zero_l * lambda(&wit.evaluations.values, sc) {
            return Err(Check::LookupClaim);
        }
        if evaluations_chain(lane.challenges[ROUNDS - 1], &wit.evaluations) != sc.rho {
            return Err(Check::EvaluationsHash);
        }
        let sum: F = wit
            .evaluations
            .values
            .iter()
            .enumerate()
            .map(|(i, e)| sc.rho.pow([i as u64]) * e)
            .sum();
        st.bal_v += sc.rho_l * sum;
    }
    Ok(st)
}

/// The circuit's wires and constraints for one step, and its end state.
pub fn synthesize(state: &State, words: &Words, witness: &Witness) -> (TestCs, State) {
    let mut cs = TestCs::new();
    let z: Vec<_> = STATE_NAMES
        .into_iter()
        .zip(state.to_array())
        .map(|(name, value)| {
            AllocatedNum::alloc_infallible(cs.namespace(|| format!("state {name}")), || value)
        })
        .collect();
    let end = UniversalStep::new(words, witness)
        .synthesize(&mut cs, &z)
        .unwrap();
    let end: Vec<F> = end.iter().map(|wire| wire.get_value().unwrap()).collect();
    (cs, State::from_array(end.try_into().unwrap()))
}

pub const STATE_NAMES: [&str; 10] = [
    "t_Z", "t_AB", "dig", "claim", "σ^l", "ρ^4l", "balZ", "balS", "balF", "balV",
];

/// A change of one value of a step's input.
pub type Change = Box<dyn Fn(&mut State, &mut Words, &mut Witness)>;

/// Every value of state, words and witness, by name, each with a change of it. Flags are left out: with other flags it is another
/// step.
pub fn inputs() -> Vec<(String, Change)> {
    let mut list: Vec<(String, Change)> = Vec::new();
    for (i, name) in STATE_NAMES.into_iter().enumerate() {
        let change: Change = Box::new(move |state, _, _| {
            let mut array = state.to_array();
            array[i] += F::ONE;
            *state = State::from_array(array);
        });
        list.push((format!("state {name}"), change));
    }
    // Numbered structures and their fields; then arrays of plain values; then single values.
    macro_rules! each {
        ($name:literal, $n:expr, $words:ident $witness:ident $i:ident => $list:expr, [$($field:ident)+]) => {
            for $i in 0..$n {
                $(list.push((
                    format!("{} {} {}", $name, $i, stringify!($field)),
                    Box::new(move |_, $words, $witness| $list.$field += F::ONE),
                ));)+
            }
        };
    }
    macro_rules! array {
        ($name:literal, $n:expr, $words:ident $witness:ident $i:ident => $value:expr) => {
            for $i in 0..$n {
                list.push((
                    format!("{} {}", $name, $i),
                    Box::new(move |_, $words, $witness| $value += F::ONE),
                ));
            }
        };
    }
    macro_rules! scalars {
        ($($field:ident)+) => {
            $(list.push((format!("word {}", stringify!($field)), Box::new(|_, words, _| words.scalars.$field += F::ONE)));)+
        };
    }
    each!("word slot", SLOTS, words _w i => words.slots[i], [k0 k1 k2 f]);
    list.push((
        "word previous".to_owned(),
        Box::new(|_, words, _| words.rounds.previous += F::ONE),
    ));
    array!("word challenge", ROUNDS, words _w i => words.rounds.challenges[i]);
    scalars!(sigma rho rho4 rho_l alpha beta beta2 gamma delta eq_r_u zero_l two_2b two_b rng tag act tin tout ttag);
    each!("witness slot", SLOTS, _w witness i => witness.slots[i], [s c d nonce_z a b nonce_ab]);
    list.push((
        "witness init".to_owned(),
        Box::new(|_, _, witness| witness.init += F::ONE),
    ));
    each!("witness round", ROUNDS, _w witness i => witness.rounds[i], [g0 g2 g3 nonce]);
    array!("witness evaluation", WITNESS_COLUMNS, _w witness i => witness.evaluations.values[i]);
    array!("witness evaluation nonce", 3, _w witness i => witness.evaluations.nonces[i]);
    assert_eq!(
        list.len(),
        STATE + (WORDS - 6) + 7 * SLOTS + 1 + 4 * ROUNDS + WITNESS_COLUMNS + 3
    );
    list
}
