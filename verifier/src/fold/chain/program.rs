//! The program: every word that the step circuit is told, with start and end state (PROTOCOL.md §9.2), computed from public
//! values alone by prover and verifier alike.

use pleat_nova_circuits::chain::hash::hash_words;
use pleat_nova_circuits::chain::step::{
    ROUNDS, RoundWords, SLOTS, ScalarWords, SlotWords, State, Words,
};
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::relation::LookupScalars;

use super::advice::{Advice, schedule};
use crate::claims::beyond;
use crate::descriptor::Slot;
use crate::mle::{eq, zeros_at};
use crate::network::Network;
use crate::points::{Challenges, Points, power};
use crate::public::PublicValues;

/// What the circuit is told, and what it must start from and end in.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Words of every step.
    pub words: Vec<Words>,
    /// Start state.
    pub start: State,
    /// Required end state, `claim` excepted (0 here): that one is `v_open`.
    pub end: State,
}

/// A slot's words: `θ_l·(m_s, m_c, m_d)` and `f_l`.
fn slot_words(
    network: &Network,
    slot: &Slot<'_>,
    challenges: &Challenges,
    x: &[F],
    sigma_power: F,
) -> SlotWords {
    let [k0, k1, k2] = network.slot_factors(slot, &challenges.r);
    let f = network.contract_factor(slot, challenges, x, sigma_power);
    SlotWords { k0, k1, k2, f }
}

/// The scalar words, the same in every step.
fn scalar_words(network: &Network, challenges: &Challenges, points: &Points) -> ScalarWords {
    let ([tag, act, tin, tout, ttag], u) = network.public_columns_at_u(points);
    let LookupScalars {
        alpha,
        beta,
        beta2,
        gamma,
        delta,
        two_2b,
        two_b,
        rng,
    } = network.lookup_scalars(challenges);
    ScalarWords {
        sigma: points.sigma,
        rho: points.rho,
        rho4: points.rho.square().square(),
        rho_l: points.rho_l(),
        alpha,
        beta,
        beta2,
        gamma,
        delta,
        eq_r_u: eq(&challenges.r, u),
        zero_l: zeros_at(beyond(&points.u, network.nu())),
        two_2b,
        two_b,
        rng,
        tag,
        act,
        tin,
        tout,
        ttag,
    }
}

/// Words, start state and end state of the whole proof (PROTOCOL.md §9.2); `seed` is `t_0`.
pub fn program(
    network: &Network,
    seed: F,
    challenges: &Challenges,
    advice: &Advice,
    public: &PublicValues,
) -> Program {
    let Advice { points, tau } = advice;
    let steps = schedule(network).steps;
    let mut sigma_power = F::one();
    let mut slots: Vec<SlotWords> = Vec::with_capacity(points.slots);
    for slot in network.slots() {
        slots.push(slot_words(
            network,
            &slot,
            challenges,
            &points.x,
            sigma_power,
        ));
        sigma_power *= points.sigma;
    }
    let blank = Words::zero();
    let scalars = scalar_words(network, challenges, points);
    let lane = round_lane(advice);
    let words = (0..steps).map(|i| {
        let mut words = blank;
        words.scalars = scalars;
        let first = i.saturating_mul(SLOTS);
        for (to, from) in words.slots.iter_mut().zip(slots.iter().skip(first)) {
            *to = *from;
        }
        if let Some(rounds) = lane.get(i) {
            words.rounds = *rounds;
        }
        words
    });
    let words: Vec<Words> = words.collect();
    let dig = words
        .iter()
        .fold(F::zero(), |dig, w| hash_words(dig, &w.flatten()));
    let start = State {
        t_z: seed,
        t_ab: points.x.last().copied().unwrap_or(F::zero()),
        dig: F::zero(),
        claim: F::zero(),
        sigma_power: F::one(),
        rho_power: F::one(),
        bal_z: network.public_z(&challenges.r, public.indices()),
        bal_s: F::zero(),
        bal_f: F::zero(),
        bal_v: network.public_claims(challenges, points, public),
    };
    let end = State {
        t_z: points.sigma,
        t_ab: *tau,
        dig,
        claim: F::zero(),
        sigma_power: power(points.sigma, points.slots),
        rho_power: scalars.rho_l,
        bal_z: F::zero(),
        bal_s: F::zero(),
        bal_f: F::zero(),
        bal_v: F::zero(),
    };
    Program { words, start, end }
}

/// The round lane: the three sumchecks follow each other from step 0.
fn round_lane(advice: &Advice) -> Vec<RoundWords> {
    enum Sumcheck {
        Contract,
        Lookup,
        Open,
    }
    let mut lane = Vec::new();
    let Advice { points, tau } = advice;
    let sumchecks = [
        (Sumcheck::Contract, points.sigma, &points.x),
        (Sumcheck::Lookup, *tau, &points.u),
        (Sumcheck::Open, points.rho, &points.z),
    ];
    for (sumcheck, first, challenges) in sumchecks {
        let steps = challenges.chunks(ROUNDS).len();
        let mut previous = first;
        for (i, chunk) in challenges.chunks(ROUNDS).enumerate() {
            let mut words = Words::zero().rounds;
            let starts = i == 0;
            let ends = i.saturating_add(1) == steps;
            words.live = true;
            match sumcheck {
                Sumcheck::Contract => (words.start_c, words.end_c) = (starts, ends),
                Sumcheck::Lookup => (words.start_l, words.end_l) = (starts, ends),
                Sumcheck::Open => words.start_o = starts,
            }
            words.previous = previous;
            for (to, from) in words.challenges.iter_mut().zip(chunk) {
                *to = *from;
            }
            previous = chunk.last().copied().unwrap_or(previous);
            lane.push(words);
        }
    }
    lane
}
