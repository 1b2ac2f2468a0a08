//! The chain: every message is hashed with a nonce, as the step's circuit does; in the end the steps get their words, for Nova to
//! fold (PROTOCOL.md §9).

use ff::Field;
use pleat_nova_circuits::chain::hash::hash;
use pleat_nova_circuits::chain::step::{
    EvaluationsWitness, ROUNDS, RoundWitness, SLOTS, SlotWitness, State, Witness, Words,
};
use pleat_nova_circuits::cycle::F;
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::Mode;
use pleat_verifier::fold::chain::{Advice, Program, program};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::Messages;
use pleat_verifier::transcript::FractionsFixed;
use rand_core::CryptoRngCore;

use super::Fold;
use crate::commit::random;
use crate::stages::{Claims, Ledger, Opened};
use crate::sumcheck::Message;

/// The transcript that the circuit will run, and its nonces.
pub struct Chain {
    fixed: FractionsFixed,
    /// `t_0`.
    pub seed: F,
    previous: F,
    /// End of chain AB.
    pub tau: F,
    /// Nonces of chain Z, of chain AB, of the evaluations, and of the rounds.
    pub nonces: [Vec<F>; 4],
}

/// End value of a chain of `H`.
fn chain(seed: F, messages: impl Iterator<Item = [F; 3]>, nonces: &[F]) -> F {
    messages.zip(nonces).fold(seed, |t, (m, n)| hash(t, m, *n))
}

impl Fold for Chain {
    const MODE: Mode = Mode::Chain;
    type Key<'k> = ();

    fn start(
        (): (),
        mut fixed: FractionsFixed,
        ledger: &Ledger<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> (Self, F) {
        let seed = fixed.seed();
        let nonces = random(ledger.claims.len(), rng);
        let messages = ledger.claims.iter().map(|o| [o.s, o.c, o.d]);
        let sigma = chain(seed, messages, &nonces);
        let own = Self {
            fixed,
            seed,
            previous: sigma,
            tau: F::ZERO,
            nonces: [nonces, Vec::new(), Vec::new(), Vec::new()],
        };
        (own, sigma)
    }

    fn round(&mut self, message: &Message, rng: &mut impl CryptoRngCore) -> F {
        let nonce = F::random(rng);
        self.nonces[3].push(nonce);
        self.previous = hash(self.previous, *message, nonce);
        self.previous
    }

    fn products(&mut self, ledger: &Ledger<'_>, rng: &mut impl CryptoRngCore) {
        self.nonces[1] = random(ledger.claims.len(), rng);
        let messages = ledger.claims.iter().map(|o| [o.a, o.b, F::ZERO]);
        self.tau = chain(self.previous, messages, &self.nonces[1]);
        self.previous = self.tau;
    }

    fn evaluations(&mut self, ledger: &Ledger<'_>, rng: &mut impl CryptoRngCore) -> F {
        self.nonces[2] = random(3, rng);
        let [y, p, r1, r0, f0, f1, f2, m, ht] = ledger.evaluations;
        let messages = [[y, p, r1], [r0, f0, f1], [f2, m, ht]];
        self.previous = chain(self.previous, messages.into_iter(), &self.nonces[2]);
        self.previous
    }
}

/// Everything that Nova folds.
#[derive(Clone, Debug)]
pub struct Steps {
    /// State before the first step.
    pub start: State,
    /// Words and witness of each step.
    pub steps: Vec<(Words, Witness)>,
}

impl Opened<'_, Chain> {
    /// Challenges that the proof states.
    pub fn advice(&self) -> Advice {
        Advice {
            points: self.0.points.clone(),
            tau: self.1.tau,
        }
    }

    /// The program, as the verifier will compute it.
    pub fn program(&self) -> Program {
        let Self(ledger, own) = self;
        program(
            ledger.network(),
            own.seed,
            &ledger.challenges,
            &self.advice(),
            &ledger.public,
        )
    }

    /// What Nova folds: the program's words with the prover's witness.
    pub fn steps(&self) -> Steps {
        let program = self.program();
        Steps {
            start: program.start,
            steps: witnesses(&self.0, &self.1.nonces, program.words),
        }
    }

    /// Steps 9 and 10: `η`, and the opening of the columns.
    ///
    /// # Errors
    /// If the inner-product argument cannot be made.
    pub fn open(self, key: &OpeningKey) -> Result<(Messages, Advice), VerifyError> {
        let advice = self.advice();
        let Self(ledger, own) = self;
        let eta = advice.eta(own.fixed, &ledger.values);
        Ok((ledger.open(key, &eta)?, advice))
    }
}

/// The witness of every step: slots in order, and the rounds of the three sumchecks one after another.
fn witnesses(
    ledger: &Ledger<'_>,
    [nonces_z, nonces_ab, nonces_e, nonces_r]: &[Vec<F>; 4],
    words: Vec<Words>,
) -> Vec<(Words, Witness)> {
    let at = |v: &[F], i: usize| v.get(i).copied().unwrap_or(F::ZERO);
    let mut lookup_ends = false;
    words
        .into_iter()
        .enumerate()
        .map(|(i, words)| {
            let mut witness = Witness::zero();
            for (k, slot) in witness.slots.iter_mut().enumerate() {
                let l = i * SLOTS + k;
                let Claims { s, c, d, a, b } = ledger.claims.get(l).copied().unwrap_or_default();
                *slot = SlotWitness {
                    s,
                    c,
                    d,
                    nonce_z: at(nonces_z, l),
                    a,
                    b,
                    nonce_ab: at(nonces_ab, l),
                };
            }
            let flags = words.rounds;
            let starts = [flags.start_c, flags.start_l, flags.start_o];
            let init = starts.iter().zip(ledger.init).find(|(start, _)| **start);
            witness.init = init.map_or(F::ZERO, |(_, init)| init);
            let rounds = ledger.rounds.iter().zip(nonces_r).skip(i * ROUNDS);
            for (to, ([g0, g2, g3], nonce)) in witness.rounds.iter_mut().zip(rounds) {
                *to = RoundWitness {
                    g0: *g0,
                    g2: *g2,
                    g3: *g3,
                    nonce: *nonce,
                };
            }
            if flags.end_l && !lookup_ends {
                lookup_ends = true;
                let nonces = [at(nonces_e, 0), at(nonces_e, 1), at(nonces_e, 2)];
                witness.evaluations = EvaluationsWitness {
                    values: ledger.evaluations,
                    nonces,
                };
            }
            (words, witness)
        })
        .collect()
}
