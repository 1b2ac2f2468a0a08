//! Steps 4 to 8: the chains that bind claims and evaluations, and the rounds of the three sumchecks between them.

use super::open::{open_claim, open_items, open_sources};
use super::{Claimed, Contracted, Contracting, LookedUp, LookingUp, Opened, Prepared, chain};
use crate::sumcheck::{self};
use ff::Field;
use pleat_nova_circuits::cycle::F;
use rand_core::CryptoRngCore;
use tracing::info_span;

impl<'m> Claimed<'m> {
    /// Step 4: hashes the claims to `σ`.
    pub fn bind(self) -> Contracting<'m> {
        let Self(mut ledger, fixed) = self;
        let messages = ledger.claims.iter().map(|o| [o.s, o.c, o.d]);
        let sigma = chain(ledger.challenges.t0, messages, &ledger.nonces[0]);
        ledger.advice.sigma = sigma;
        let mut power = F::ONE;
        let mut init = F::ZERO;
        for (l, claims) in ledger.claims.iter().enumerate() {
            if let Some(item) = ledger.contract.items.get_mut(l) {
                item.weight *= power;
            }
            init += power * claims.s;
            power *= sigma;
        }
        ledger.init[0] = init;
        Contracting(ledger, fixed)
    }
}

impl<'m> Contracting<'m> {
    /// Step 5: CONTRACT's rounds.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> Contracted<'m> {
        let _span = info_span!("contract").entered();
        let Self(mut ledger, fixed) = self;
        let rounds = ledger.network().rounds().contract;
        let mut contract = std::mem::take(&mut ledger.contract);
        let transcript = sumcheck::run(
            &mut contract,
            rounds,
            ledger.advice.sigma,
            ledger.init[0],
            rng,
        );
        ledger.advice.x = ledger.extend(0, transcript);
        let bound = |t: &[F]| t.first().copied().unwrap_or(F::ZERO);
        for (claims, item) in ledger.claims.iter_mut().zip(&contract.items) {
            (claims.a, claims.b) = (bound(&item.a), bound(&item.b));
        }
        Contracted(ledger, fixed)
    }
}

impl<'m> Contracted<'m> {
    /// Step 6: hashes the claims `a, b` to `τ`.
    pub fn bind(self) -> LookingUp<'m> {
        let Self(mut ledger, fixed) = self;
        let seed = ledger.advice.x.last().copied().unwrap_or(F::ZERO);
        let messages = ledger.claims.iter().map(|o| [o.a, o.b, F::ZERO]);
        ledger.advice.tau = chain(seed, messages, &ledger.nonces[1]);
        let mut init = ledger.network().public_z(&ledger.challenges.r);
        for (l, claims) in ledger.claims.iter().enumerate() {
            let [k0, k1, k2] = ledger.slot_factors(l);
            init += k0 * claims.s + k1 * claims.c + k2 * claims.d;
        }
        ledger.init[1] = init;
        LookingUp(ledger, fixed)
    }
}

impl<'m> LookingUp<'m> {
    /// Step 7: LOOKUP's rounds, and the columns at `u`.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> LookedUp<'m> {
        let _span = info_span!("lookup").entered();
        let Self(mut ledger, fixed) = self;
        let rounds = ledger.network().rounds().lookup;
        let (tau, init) = (ledger.advice.tau, ledger.init[1]);
        let transcript =
            ledger.with_lookup(|mut lookup| sumcheck::run(&mut lookup, rounds, tau, init, rng));
        ledger.advice.u = ledger.extend(1, transcript);
        ledger.evaluate_at_u();
        LookedUp(ledger, fixed)
    }
}

impl<'m> LookedUp<'m> {
    /// Hashes the evaluations to `ρ` and prepares OPEN.
    pub fn bind(self) -> Prepared<'m> {
        let _span = info_span!("open").entered();
        let Self(mut ledger, fixed) = self;
        let seed = ledger.advice.u.last().copied().unwrap_or(F::ZERO);
        let [y, p, r1, r0, f0, f1, f2, m, ht] = ledger.evaluations;
        let rho = chain(
            seed,
            [[y, p, r1], [r0, f0, f1], [f2, m, ht]].into_iter(),
            &ledger.nonces[2],
        );
        ledger.advice.rho = rho;
        let open = open_items(&ledger);
        ledger.init[2] = open_claim(&ledger);
        Prepared {
            ledger,
            open,
            fixed,
        }
    }
}

impl<'m> Prepared<'m> {
    /// Step 8: OPEN's rounds, and the columns at `z`.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> Opened<'m> {
        let _span = info_span!("open").entered();
        let Self {
            mut ledger,
            open,
            fixed,
        } = self;
        let rounds = ledger.network().rounds().open;
        let mut open = open.over(open_sources(&ledger));
        let transcript = sumcheck::run(&mut open, rounds, ledger.advice.rho, ledger.init[2], rng);
        drop(open);
        ledger.advice.z = ledger.extend(2, transcript);
        ledger.evaluate_at_z();
        Opened(ledger, fixed)
    }
}
