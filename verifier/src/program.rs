//! The program: every word that the step circuit is told, with start and end state (PROTOCOL.md §5), computed from public
//! values alone by prover and verifier alike.

use ff::Field;
use pleat_nova_circuits::chain::hash::hash_words;
use pleat_nova_circuits::chain::step::{
    ROUNDS, RoundWords, SLOTS, ScalarWords, SlotWords, State, Words,
};
use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::relation::LookupScalars;

use crate::columns::field_from_usize;
use crate::descriptor::Node;
use crate::mle::{Coordinates, eq, eq_table, zeros_at};
use crate::network::Network;
use crate::proof::PublicValues;

/// Challenges of the outside transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenges {
    /// Shift of the LogUp denominators.
    pub alpha: F,
    /// Combines the entries of a lookup.
    pub beta: F,
    /// The point at which every layer's relation is claimed; `ν` coordinates.
    pub r: Vec<F>,
    /// Combines the parts of `Λ`.
    pub gamma: F,
    /// Weight of the LogUp sum.
    pub delta: F,
    /// Seed of the inside transcript.
    pub t0: F,
}

/// Challenges of the inside transcript: the prover states them, the circuit checks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// End of chain Z.
    pub sigma: F,
    /// CONTRACT's challenges.
    pub x: Vec<F>,
    /// End of chain AB.
    pub tau: F,
    /// LOOKUP's challenges.
    pub u: Vec<F>,
    /// End of the evaluations' chain.
    pub rho: F,
    /// OPEN's challenges.
    pub z: Vec<F>,
}

impl Advice {
    /// `ρ_L = ρ^(4L*)`: weight of the first evaluation.
    pub fn rho_l(&self, network: &Network) -> F {
        power(self.rho, network.slots().saturating_mul(4))
    }
}

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

/// `base^exponent`.
pub fn power(base: F, exponent: usize) -> F {
    base.pow_vartime([u64::try_from(exponent).unwrap_or(u64::MAX)])
}

/// Coordinates `n..` of a point, the zero-extended ones.
fn beyond(point: &[F], n: usize) -> &[F] {
    point.get(n..).unwrap_or(&[])
}

impl Network {
    /// `2^(2B-1)·act~(r)`: the public part of `Z*`.
    pub fn public_z(&self, r: &[F]) -> F {
        let exponent = self.digit_bits().saturating_mul(2).saturating_sub(1);
        field_from_usize(1_usize << exponent) * self.act_at(r)
    }

    /// `v~(r_block)` of public values listed row-major over the node's true shape.
    pub fn public_value_at(&self, node: &Node, values: &[i32], r: &[F]) -> F {
        let (low, _) = self.block_point(node, r);
        let coordinates = Coordinates::split(&node.out, low);
        let mut weights = vec![F::one()];
        for axis in &node.out {
            let table = eq_table(coordinates.of(axis.id));
            let own = table.get(..axis.len).unwrap_or(&table);
            weights = weights
                .iter()
                .flat_map(|w| own.iter().map(move |t| w * t))
                .collect();
        }
        let term = |(w, v): (&F, &i32)| *w * field_from_i64(i64::from(*v));
        weights
            .iter()
            .zip(values)
            .map(term)
            .fold(F::zero(), |sum, t| sum + t)
    }

    /// `θ_l·(m_s, m_c, m_d)`: what turns a node's claims `s, c, d` into its part of `Z*`.
    pub fn slot_factors(&self, node: &Node, r: &[F]) -> [F; 3] {
        let (_, theta) = self.block_point(node, r);
        let multipliers = [
            node.product.as_ref().map(|p| p.multiplier),
            node.linear.as_ref().map(|l| l.multiplier),
            node.bias.as_ref().map(|l| l.multiplier),
        ];
        multipliers.map(|m| m.map_or(F::zero(), |m| theta * field_from_i64(m)))
    }

    /// What `Λ` needs besides the row.
    pub fn lookup_scalars(&self, challenges: &Challenges) -> LookupScalars {
        LookupScalars {
            alpha: challenges.alpha,
            beta: challenges.beta,
            beta2: challenges.beta.square(),
            gamma: challenges.gamma,
            delta: challenges.delta,
            two_2b: field_from_usize(1_usize << self.digit_bits().saturating_mul(2)),
            two_b: field_from_usize(1_usize << self.digit_bits()),
            rng: field_from_usize(self.range_tag()),
        }
    }

    /// A node's words: `θ_l·(m_s, m_c, m_d)` and `f_l = σ^l·e_l(x)·Π_{j≥k_l}(1-x_j)`.
    fn slot_words(
        &self,
        node: &Node,
        challenges: &Challenges,
        x: &[F],
        sigma_power: F,
    ) -> SlotWords {
        let (r_low, _) = self.block_point(node, &challenges.r);
        let [k0, k1, k2] = self.slot_factors(node, &challenges.r);
        let f = if node.product.is_some() {
            sigma_power * node.batch_eq(r_low, x) * zeros_at(beyond(x, node.contraction_bits()))
        } else {
            F::zero()
        };
        SlotWords { k0, k1, k2, f }
    }

    /// The scalar words, the same in every step.
    fn scalar_words(&self, challenges: &Challenges, advice: &Advice) -> ScalarWords {
        let u = advice.u.get(..self.nu()).unwrap_or(&advice.u);
        let at_u = self.public_columns_at(u);
        let LookupScalars {
            alpha,
            beta,
            beta2,
            gamma,
            delta,
            two_2b,
            two_b,
            rng,
        } = self.lookup_scalars(challenges);
        ScalarWords {
            sigma: advice.sigma,
            rho: advice.rho,
            rho4: advice.rho.square().square(),
            rho_l: advice.rho_l(self),
            alpha,
            beta,
            beta2,
            gamma,
            delta,
            eq_r_u: eq(&challenges.r, u),
            zero_l: zeros_at(beyond(&advice.u, self.nu())),
            two_2b,
            two_b,
            rng,
            tag: at_u.tag,
            act: at_u.act,
            tin: at_u.tin,
            tout: at_u.tout,
            ttag: at_u.ttag,
        }
    }

    /// Words, start state and end state of the whole proof (PROTOCOL.md §5).
    pub fn program(
        &self,
        challenges: &Challenges,
        advice: &Advice,
        public: &PublicValues,
    ) -> Program {
        let steps = self.steps();
        let mut sigma_power = F::one();
        let mut slots: Vec<SlotWords> = Vec::with_capacity(self.slots());
        for node in self.nodes() {
            slots.push(self.slot_words(node, challenges, &advice.x, sigma_power));
            sigma_power *= advice.sigma;
        }
        let blank = Words::zero();
        let scalars = self.scalar_words(challenges, advice);
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

        let mut public_sum = F::zero();
        let mut weight = scalars.rho_l * power(advice.rho, 9);
        for (node, values) in public.shown_nodes(self) {
            public_sum += weight * self.public_value_at(node, values, &challenges.r);
            weight *= advice.rho;
        }
        let start = State {
            t_z: challenges.t0,
            t_ab: advice.x.last().copied().unwrap_or(F::zero()),
            dig: F::zero(),
            claim: F::zero(),
            sigma_power: F::one(),
            rho_power: F::one(),
            bal_z: self.public_z(&challenges.r),
            bal_s: F::zero(),
            bal_f: F::zero(),
            bal_v: public_sum,
        };
        let end = State {
            t_z: advice.sigma,
            t_ab: advice.tau,
            dig,
            claim: F::zero(),
            sigma_power: power(advice.sigma, self.slots()),
            rho_power: scalars.rho_l,
            bal_z: F::zero(),
            bal_s: F::zero(),
            bal_f: F::zero(),
            bal_v: F::zero(),
        };
        Program { words, start, end }
    }
}

/// The round lane: the three sumchecks follow each other from step 0.
fn round_lane(advice: &Advice) -> Vec<RoundWords> {
    enum Sumcheck {
        Contract,
        Lookup,
        Open,
    }
    let mut lane = Vec::new();
    let sumchecks = [
        (Sumcheck::Contract, advice.sigma, &advice.x),
        (Sumcheck::Lookup, advice.tau, &advice.u),
        (Sumcheck::Open, advice.rho, &advice.z),
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
