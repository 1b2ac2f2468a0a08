//! The prover's half of the two modes (PROTOCOL.md §5, §9): how a message is bound and gives the challenge that follows it, and
//! what is left to prove when all messages are bound. Stages know [`Fold`] only.

pub mod chain;
pub mod tree;

use pleat_nova_circuits::cycle::F;
use pleat_verifier::fold::Mode;
use pleat_verifier::transcript::FractionsFixed;
use rand_core::CryptoRngCore;

use crate::stages::Ledger;
use crate::sumcheck::Message;

/// A mode's transcript, from the claims to `ρ` and OPEN's rounds.
pub trait Fold: Sized {
    /// The mode.
    const MODE: Mode;
    /// What the mode needs besides the transcript.
    type Key<'k>;

    /// Step 4: binds the claims `s, c, d`. Returns `σ`.
    fn start(
        key: Self::Key<'_>,
        fixed: FractionsFixed,
        ledger: &Ledger<'_>,
        rng: &mut impl CryptoRngCore,
    ) -> (Self, F);

    /// Binds a round's message. Returns its challenge.
    fn round(&mut self, message: &Message, rng: &mut impl CryptoRngCore) -> F;

    /// Step 6: binds the claims `a, b`.
    fn products(&mut self, ledger: &Ledger<'_>, rng: &mut impl CryptoRngCore);

    /// The end of step 7: binds the evaluations. Returns `ρ`.
    fn evaluations(&mut self, ledger: &Ledger<'_>, rng: &mut impl CryptoRngCore) -> F;
}
