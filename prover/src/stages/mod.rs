//! The prover, stage by stage, in the order of messages of PROTOCOL.md §4. Each stage is a type that the next consumes.
//!
//! What the prover knows so far is a [`Ledger`]; its fields are open because nothing in a prover's hands is trusted: a
//! verifier must refuse whatever is made of it, and the tests of soundness do make something of it, between stages.
//! Stages come in pairs, one that computes a message and one that binds it (commits or hashes it, and learns the
//! challenge that follows).

mod claims;
mod finish;
mod ledger;
mod link;
mod open;
mod sumchecks;
mod trace;

use crate::sumcheck::Open;
use pleat_nova_circuits::chain::hash::hash;
use pleat_nova_circuits::chain::step::{State, Witness, Words};
use pleat_nova_circuits::cycle::F;
use pleat_verifier::transcript::{FractionsFixed, TraceFixed};

pub use ledger::{Claims, Ledger, Masks};
pub use link::LinkedInput;

/// The trace is known; nothing is committed.
pub struct Traced<'m>(pub Ledger<'m>);

/// Step 2 is done: the trace is committed, `α` and `β` are known.
pub struct Committed<'m>(pub Ledger<'m>, TraceFixed);

/// The fractions are computed.
pub struct Fractions<'m>(pub Ledger<'m>, TraceFixed);

/// Step 3 is done: the fractions are committed, all outside challenges but `η` are known.
pub struct Fixed<'m>(pub Ledger<'m>, FractionsFixed);

/// Claims `s, c, d` and CONTRACT's tables are computed.
pub struct Claimed<'m>(pub Ledger<'m>, FractionsFixed);

/// Step 4 is done: `σ` is known, and the claim from which CONTRACT starts.
pub struct Contracting<'m>(pub Ledger<'m>, FractionsFixed);

/// CONTRACT is done; claims `a, b` are computed.
pub struct Contracted<'m>(pub Ledger<'m>, FractionsFixed);

/// Step 6 is done: `τ` is known, and the claim from which LOOKUP starts.
pub struct LookingUp<'m>(pub Ledger<'m>, FractionsFixed);

/// LOOKUP's rounds are done; the evaluations are computed.
pub struct LookedUp<'m>(pub Ledger<'m>, FractionsFixed);

/// Step 7 is done: `ρ` is known; OPEN's tables and the claim from which it starts.
pub struct Prepared<'m> {
    /// The ledger.
    pub ledger: Ledger<'m>,
    /// OPEN's tables.
    pub open: Open,
    fixed: FractionsFixed,
}

/// OPEN is done; the columns' values at `z` are computed.
pub struct Opened<'m>(pub Ledger<'m>, FractionsFixed);

/// Everything that Nova folds.
#[derive(Clone, Debug)]
pub struct Steps {
    /// State before the first step.
    pub start: State,
    /// Words and witness of each step.
    pub steps: Vec<(Words, Witness)>,
}

/// End value of a chain of `H`.
fn chain(seed: F, messages: impl Iterator<Item = [F; 3]>, nonces: &[F]) -> F {
    messages.zip(nonces).fold(seed, |t, (m, n)| hash(t, m, *n))
}
