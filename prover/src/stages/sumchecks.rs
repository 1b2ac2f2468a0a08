//! Steps 4 to 8: claims and evaluations are bound, and between them the rounds of the three sumchecks are run.

use super::open::{open_claim, open_items, open_sources};
use super::{Claimed, Contracted, Contracting, LookedUp, LookingUp, Opened, Prepared};
use crate::fold::Fold;
use crate::sumcheck::{self};
use ff::Field;
use pleat_nova_circuits::cycle::F;
use rand_core::CryptoRngCore;
use tracing::info_span;

impl<'m> Claimed<'m> {
    /// Step 4: binds the claims; `σ`.
    pub fn bind<B: Fold>(
        self,
        key: B::Key<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> Contracting<'m, B> {
        let Self(mut ledger, fixed) = self;
        let (fold, sigma) = B::start(key, fixed, &ledger, rng);
        ledger.points.sigma = sigma;
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
        Contracting(ledger, fold)
    }
}

impl<'m, B: Fold> Contracting<'m, B> {
    /// Step 5: CONTRACT's rounds.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> Contracted<'m, B> {
        let _span = info_span!("contract").entered();
        let Self(mut ledger, mut fold) = self;
        let rounds = ledger.schedule.rounds.contract;
        let mut contract = std::mem::take(&mut ledger.contract);
        let transcript = sumcheck::run(&mut contract, rounds, ledger.init[0], &mut |m| {
            fold.round(m, rng)
        });
        ledger.points.x = ledger.extend(0, transcript);
        let bound = |t: &[F]| t.first().copied().unwrap_or(F::ZERO);
        for (claims, item) in ledger.claims.iter_mut().zip(&contract.items) {
            (claims.a, claims.b) = (bound(&item.a), bound(&item.b));
        }
        Contracted(ledger, fold)
    }
}

impl<'m, B: Fold> Contracted<'m, B> {
    /// Step 6: binds the claims `a, b`.
    pub fn bind(self, rng: &mut impl CryptoRngCore) -> LookingUp<'m, B> {
        let Self(mut ledger, mut fold) = self;
        fold.products(&ledger, rng);
        let mut init = ledger.public_z();
        for (l, claims) in ledger.claims.iter().enumerate() {
            let [k0, k1, k2] = ledger.slot_factors(l);
            init += k0 * claims.s + k1 * claims.c + k2 * claims.d;
        }
        ledger.init[1] = init;
        LookingUp(ledger, fold)
    }
}

impl<'m, B: Fold> LookingUp<'m, B> {
    /// Step 7: LOOKUP's rounds, and the columns at `u`.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> LookedUp<'m, B> {
        let _span = info_span!("lookup").entered();
        let Self(mut ledger, mut fold) = self;
        let rounds = ledger.schedule.rounds.lookup;
        let init = ledger.init[1];
        let transcript = ledger.with_lookup(|mut lookup| {
            sumcheck::run(&mut lookup, rounds, init, &mut |m| fold.round(m, rng))
        });
        ledger.points.u = ledger.extend(1, transcript);
        ledger.evaluate_at_u();
        LookedUp(ledger, fold)
    }
}

impl<'m, B: Fold> LookedUp<'m, B> {
    /// Binds the evaluations; `ρ`. Prepares OPEN.
    pub fn bind(self, rng: &mut impl CryptoRngCore) -> Prepared<'m, B> {
        let _span = info_span!("open").entered();
        let Self(mut ledger, mut fold) = self;
        ledger.points.rho = fold.evaluations(&ledger, rng);
        let open = open_items(&ledger);
        ledger.init[2] = open_claim(&ledger);
        Prepared { ledger, open, fold }
    }
}

impl<'m, B: Fold> Prepared<'m, B> {
    /// Step 8: OPEN's rounds, and the columns at `z`.
    pub fn run(self, rng: &mut impl CryptoRngCore) -> Opened<'m, B> {
        let _span = info_span!("open").entered();
        let Self {
            mut ledger,
            open,
            mut fold,
        } = self;
        let rounds = ledger.schedule.rounds.open;
        let mut open = open.over(open_sources(&ledger));
        let transcript = sumcheck::run(&mut open, rounds, ledger.init[2], &mut |m| {
            fold.round(m, rng)
        });
        drop(open);
        ledger.points.z = ledger.extend(2, transcript);
        ledger.evaluate_at_z();
        Opened(ledger, fold)
    }
}
