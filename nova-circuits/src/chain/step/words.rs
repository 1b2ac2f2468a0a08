//! State, words and witness of one step. Each is generic in its values, so that the lanes read the same structures whether
//! these hold field elements or circuit variables; the order of the words is that of [`Words::map`] and nowhere else.

use super::{ROUNDS, SLOTS, STATE, WORDS};
use crate::{
    cycle::F,
    relation::{LookupScalars, PUBLIC_COLUMNS, WITNESS_COLUMNS},
};
use core::fmt::Arguments;
use ff::Field;

/// What one step hands to the next; public at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<V = F> {
    /// `t_Z`: the chain over the slots' `s, c, d`.
    pub t_z: V,
    /// `t_AB`: the chain over the slots' `a, b`.
    pub t_ab: V,
    /// Digest of all words so far.
    pub dig: V,
    /// The running sumcheck claim.
    pub claim: V,
    /// `σ^l` of the next slot.
    pub sigma_power: V,
    /// `ρ^(4l)` of the next slot.
    pub rho_power: V,
    /// LOOKUP's initial claim against the slots' `Z~`.
    pub bal_z: V,
    /// CONTRACT's initial claim against the slots' `s`.
    pub bal_s: V,
    /// CONTRACT's last claim against the slots' `f·a·b`.
    pub bal_f: V,
    /// OPEN's initial claim against all claims about columns.
    pub bal_v: V,
}

impl<V> State<V> {
    /// In the page's order.
    pub fn to_array(self) -> [V; STATE] {
        let Self {
            t_z,
            t_ab,
            dig,
            claim,
            sigma_power,
            rho_power,
            bal_z,
            bal_s,
            bal_f,
            bal_v,
        } = self;
        [
            t_z,
            t_ab,
            dig,
            claim,
            sigma_power,
            rho_power,
            bal_z,
            bal_s,
            bal_f,
            bal_v,
        ]
    }

    /// The inverse of [`State::to_array`].
    pub fn from_array(elements: [V; STATE]) -> Self {
        let [
            t_z,
            t_ab,
            dig,
            claim,
            sigma_power,
            rho_power,
            bal_z,
            bal_s,
            bal_f,
            bal_v,
        ] = elements;
        Self {
            t_z,
            t_ab,
            dig,
            claim,
            sigma_power,
            rho_power,
            bal_z,
            bal_s,
            bal_f,
            bal_v,
        }
    }
}

/// A slot's words: `θ_l·(m_s, m_c, m_d)` and `f_l`; all zero in an unused slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotWords<V = F> {
    /// `θ_l·m_s`
    pub k0: V,
    /// `θ_l·m_c`
    pub k1: V,
    /// `θ_l·m_d`
    pub k2: V,
    /// `f_l`
    pub f: V,
}

/// The round lane's words. Flags are `bool` to the outside and numbers in the circuit, which does not constrain them: the
/// verifier computes them. At most one start flag and at most one end flag make sense in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundWords<V = F, B = bool> {
    /// CONTRACT starts here.
    pub start_c: B,
    /// LOOKUP starts here.
    pub start_l: B,
    /// OPEN starts here.
    pub start_o: B,
    /// The step has rounds.
    pub live: B,
    /// CONTRACT ends here.
    pub end_c: B,
    /// LOOKUP ends here.
    pub end_l: B,
    /// The challenge before the first round; 0 if not live.
    pub previous: V,
    /// The rounds' challenges; 0 if not live.
    pub challenges: [V; ROUNDS],
}

/// The scalar words, the same in every step of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalarWords<V = F> {
    /// `σ`
    pub sigma: V,
    /// `ρ`
    pub rho: V,
    /// `ρ⁴`
    pub rho4: V,
    /// `ρ_L = ρ^(4L*)`
    pub rho_l: V,
    /// `α`
    pub alpha: V,
    /// `β`
    pub beta: V,
    /// `β²`
    pub beta2: V,
    /// `γ`
    pub gamma: V,
    /// `δ`
    pub delta: V,
    /// `eq(r, u)`
    pub eq_r_u: V,
    /// `Π_{j≥ν}(1 - u_j)`
    pub zero_l: V,
    /// `2^(2B)`
    pub two_2b: V,
    /// `2^B`
    pub two_b: V,
    /// The range table's tag.
    pub rng: V,
    /// `tag~(u)`
    pub tag: V,
    /// `act~(u)`
    pub act: V,
    /// `Tin~(u)`
    pub tin: V,
    /// `Tout~(u)`
    pub tout: V,
    /// `Ttag~(u)`
    pub ttag: V,
}

impl<V: Clone> ScalarWords<V> {
    /// The scalars that `Λ` reads.
    pub fn lookup(&self) -> LookupScalars<V> {
        LookupScalars {
            alpha: self.alpha.clone(),
            beta: self.beta.clone(),
            beta2: self.beta2.clone(),
            gamma: self.gamma.clone(),
            delta: self.delta.clone(),
            two_2b: self.two_2b.clone(),
            two_b: self.two_b.clone(),
            rng: self.rng.clone(),
        }
    }

    /// The public columns at `u`.
    pub fn public_columns(&self) -> [V; PUBLIC_COLUMNS] {
        [&self.tag, &self.act, &self.tin, &self.tout, &self.ttag].map(V::clone)
    }
}

/// All public words of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words<V = F, B = bool> {
    /// Layer lane.
    pub slots: [SlotWords<V>; SLOTS],
    /// Round lane.
    pub rounds: RoundWords<V, B>,
    /// Scalars.
    pub scalars: ScalarWords<V>,
}

impl Words {
    /// The words in the order in which they are hashed, flags as 0 and 1.
    #[must_use]
    pub fn flatten(&self) -> [F; WORDS] {
        let mut words = [F::ZERO; WORDS];
        for (to, from) in words.iter_mut().zip(self.numeric().list()) {
            *to = from;
        }
        words
    }

    /// With flags as numbers.
    pub(super) fn numeric(&self) -> Words<F, F> {
        let RoundWords {
            start_c,
            start_l,
            start_o,
            live,
            end_c,
            end_l,
            previous,
            challenges,
        } = self.rounds;
        let [start_c, start_l, start_o, live, end_c, end_l] =
            [start_c, start_l, start_o, live, end_c, end_l].map(|flag| F::from(u64::from(flag)));
        let rounds = RoundWords {
            start_c,
            start_l,
            start_o,
            live,
            end_c,
            end_l,
            previous,
            challenges,
        };
        Words {
            slots: self.slots,
            rounds,
            scalars: self.scalars,
        }
    }

    /// The words of an empty step: no slots, no rounds, all scalars zero.
    #[must_use]
    pub fn zero() -> Self {
        let zero = || F::ZERO;
        Self {
            slots: [SlotWords {
                k0: zero(),
                k1: zero(),
                k2: zero(),
                f: zero(),
            }; SLOTS],
            rounds: RoundWords {
                start_c: false,
                start_l: false,
                start_o: false,
                live: false,
                end_c: false,
                end_l: false,
                previous: zero(),
                challenges: [zero(); ROUNDS],
            },
            scalars: ScalarWords {
                sigma: zero(),
                rho: zero(),
                rho4: zero(),
                rho_l: zero(),
                alpha: zero(),
                beta: zero(),
                beta2: zero(),
                gamma: zero(),
                delta: zero(),
                eq_r_u: zero(),
                zero_l: zero(),
                two_2b: zero(),
                two_b: zero(),
                rng: zero(),
                tag: zero(),
                act: zero(),
                tin: zero(),
                tout: zero(),
                ttag: zero(),
            },
        }
    }
}

impl<V: Clone> Words<V, V> {
    /// The words in the order in which they are hashed; there are [`WORDS`].
    pub(super) fn list(&self) -> Vec<V> {
        let mut list = Vec::with_capacity(WORDS);
        self.clone().map(|_, word| list.push(word));
        list
    }
}

impl<V> Words<V, V> {
    /// Maps every word, in the order in which words are hashed (this is the only definition of that order).
    pub(super) fn map<U>(self, mut f: impl FnMut(Arguments<'_>, V) -> U) -> Words<U, U> {
        let mut slot = 0..SLOTS;
        let slots = self.slots.map(
            |SlotWords {
                 k0,
                 k1,
                 k2,
                 f: factor,
             }| {
                let l = slot.next().unwrap_or(SLOTS);
                SlotWords {
                    k0: f(format_args!("slot {l} k0"), k0),
                    k1: f(format_args!("slot {l} k1"), k1),
                    k2: f(format_args!("slot {l} k2"), k2),
                    f: f(format_args!("slot {l} f"), factor),
                }
            },
        );
        let r = self.rounds;
        let mut round = 0..ROUNDS;
        let rounds = RoundWords {
            start_c: f(format_args!("start_C"), r.start_c),
            start_l: f(format_args!("start_L"), r.start_l),
            start_o: f(format_args!("start_O"), r.start_o),
            live: f(format_args!("live"), r.live),
            end_c: f(format_args!("end_C"), r.end_c),
            end_l: f(format_args!("end_L"), r.end_l),
            previous: f(format_args!("previous"), r.previous),
            challenges: r.challenges.map(|c| {
                f(
                    format_args!("challenge {}", round.next().unwrap_or(ROUNDS)),
                    c,
                )
            }),
        };
        let s = self.scalars;
        let scalars = ScalarWords {
            sigma: f(format_args!("σ"), s.sigma),
            rho: f(format_args!("ρ"), s.rho),
            rho4: f(format_args!("ρ⁴"), s.rho4),
            rho_l: f(format_args!("ρ_L"), s.rho_l),
            alpha: f(format_args!("α"), s.alpha),
            beta: f(format_args!("β"), s.beta),
            beta2: f(format_args!("β²"), s.beta2),
            gamma: f(format_args!("γ"), s.gamma),
            delta: f(format_args!("δ"), s.delta),
            eq_r_u: f(format_args!("eq(r,u)"), s.eq_r_u),
            zero_l: f(format_args!("Π(1-u)"), s.zero_l),
            two_2b: f(format_args!("2^2B"), s.two_2b),
            two_b: f(format_args!("2^B"), s.two_b),
            rng: f(format_args!("RNG"), s.rng),
            tag: f(format_args!("tag"), s.tag),
            act: f(format_args!("act"), s.act),
            tin: f(format_args!("Tin"), s.tin),
            tout: f(format_args!("Tout"), s.tout),
            ttag: f(format_args!("Ttag"), s.ttag),
        };
        Words {
            slots,
            rounds,
            scalars,
        }
    }
}

/// A slot's claims and the nonces that hide them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotWitness<V = F> {
    /// `s_l`, the contraction.
    pub s: V,
    /// `c_l`, the residual view at `r_l`.
    pub c: V,
    /// `d_l`, the bias view at `r_l`.
    pub d: V,
    /// Nonce of the `t_Z` chain.
    pub nonce_z: V,
    /// `a_l` at `x`.
    pub a: V,
    /// `b_l` at `x`.
    pub b: V,
    /// Nonce of the `t_AB` chain.
    pub nonce_ab: V,
}

/// A round's polynomial, without its linear coefficient, and its nonce; zeros in a step that is not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundWitness<V = F> {
    /// Coefficient of 1.
    pub g0: V,
    /// Coefficient of `X²`.
    pub g2: V,
    /// Coefficient of `X³`.
    pub g3: V,
    /// The nonce.
    pub nonce: V,
}

/// The witness columns at `u` and the nonces of the three hashes that absorb them; zeros unless LOOKUP ends in the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationsWitness<V = F> {
    /// `Y P R1 R0 F0 F1 F2 M HT` at `u`.
    pub values: [V; WITNESS_COLUMNS],
    /// One nonce for each three evaluations.
    pub nonces: [V; 3],
}

/// All that the prover alone knows in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness<V = F> {
    /// Layer lane.
    pub slots: [SlotWitness<V>; SLOTS],
    /// The initial claim of the sumcheck that starts in this step; 0 if none does.
    pub init: V,
    /// Round lane.
    pub rounds: [RoundWitness<V>; ROUNDS],
    /// LOOKUP's end.
    pub evaluations: EvaluationsWitness<V>,
}

impl Witness {
    /// A witness of zeros.
    #[must_use]
    pub fn zero() -> Self {
        let zero = F::ZERO;
        Self {
            slots: [SlotWitness {
                s: zero,
                c: zero,
                d: zero,
                nonce_z: zero,
                a: zero,
                b: zero,
                nonce_ab: zero,
            }; SLOTS],
            init: zero,
            rounds: [RoundWitness {
                g0: zero,
                g2: zero,
                g3: zero,
                nonce: zero,
            }; ROUNDS],
            evaluations: EvaluationsWitness {
                values: [zero; WITNESS_COLUMNS],
                nonces: [zero; 3],
            },
        }
    }
}

impl<V> Witness<V> {
    /// Maps every value.
    pub(super) fn map<U>(self, mut f: impl FnMut(Arguments<'_>, V) -> U) -> Witness<U> {
        let (mut slot, mut round, mut column, mut nonce) = (0.., 0.., 0.., 0..);
        let slots = self.slots.map(|w| {
            let l = slot.next().unwrap_or(SLOTS);
            SlotWitness {
                s: f(format_args!("slot {l} s"), w.s),
                c: f(format_args!("slot {l} c"), w.c),
                d: f(format_args!("slot {l} d"), w.d),
                nonce_z: f(format_args!("slot {l} nonce_z"), w.nonce_z),
                a: f(format_args!("slot {l} a"), w.a),
                b: f(format_args!("slot {l} b"), w.b),
                nonce_ab: f(format_args!("slot {l} nonce_ab"), w.nonce_ab),
            }
        });
        let init = f(format_args!("init"), self.init);
        let rounds = self.rounds.map(|w| {
            let i = round.next().unwrap_or(ROUNDS);
            RoundWitness {
                g0: f(format_args!("round {i} g0"), w.g0),
                g2: f(format_args!("round {i} g2"), w.g2),
                g3: f(format_args!("round {i} g3"), w.g3),
                nonce: f(format_args!("round {i} nonce"), w.nonce),
            }
        });
        let EvaluationsWitness { values, nonces } = self.evaluations;
        let evaluations = EvaluationsWitness {
            values: values.map(|v| {
                f(
                    format_args!("evaluation {}", column.next().unwrap_or(WITNESS_COLUMNS)),
                    v,
                )
            }),
            nonces: nonces.map(|v| {
                f(
                    format_args!("evaluation nonce {}", nonce.next().unwrap_or(3)),
                    v,
                )
            }),
        };
        Witness {
            slots,
            init,
            rounds,
            evaluations,
        }
    }
}
