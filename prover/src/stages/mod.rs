//! The prover, stage by stage, in the order of messages of PROTOCOL.md §4. Each stage is a type that the next consumes.
//!
//! What the prover knows so far is a [`Ledger`]; its fields are open because nothing in a prover's hands is trusted: a
//! verifier must refuse whatever is made of it, and the tests of soundness do make something of it, between stages.
//! Stages come in pairs, one that computes a message and one that binds it and learns the challenge that follows. From the claims
//! on, how a message is bound is the mode's ([`crate::fold`]).

mod claims;
mod finish;
mod ledger;
mod link;
mod open;
mod sumchecks;
mod trace;

use crate::sumcheck::Open;
use pleat_verifier::transcript::{FractionsFixed, TraceFixed};

pub use ledger::{Claims, Ledger, Masks};
pub use link::LinkedInput;

/// The trace is known; nothing is committed.
pub struct Traced<'m>(pub Ledger<'m>);

/// Step 2 is done: the trace is committed, `α` and `β` are known.
pub struct Committed<'m>(pub Ledger<'m>, TraceFixed);

/// The fractions are computed.
pub struct Fractions<'m>(pub Ledger<'m>, TraceFixed);

/// Step 3 is done: the fractions are committed, what follows is the mode's transcript.
pub struct Fixed<'m>(pub Ledger<'m>, FractionsFixed);

/// Claims `s, c, d` and CONTRACT's tables are computed.
pub struct Claimed<'m>(pub Ledger<'m>, FractionsFixed);

/// Step 4 is done: `σ` is known, and the claim from which CONTRACT starts.
pub struct Contracting<'m, B>(pub Ledger<'m>, pub B);

/// CONTRACT is done; claims `a, b` are computed.
pub struct Contracted<'m, B>(pub Ledger<'m>, pub B);

/// Step 6 is done: the claims `a, b` are bound, and the claim from which LOOKUP starts.
pub struct LookingUp<'m, B>(pub Ledger<'m>, pub B);

/// LOOKUP's rounds are done; the evaluations are computed.
pub struct LookedUp<'m, B>(pub Ledger<'m>, pub B);

/// Step 7 is done: `ρ` is known; OPEN's tables and the claim from which it starts.
pub struct Prepared<'m, B> {
    /// The ledger.
    pub ledger: Ledger<'m>,
    /// OPEN's tables.
    pub open: Open,
    /// The mode's transcript.
    pub fold: B,
}

/// OPEN is done; the columns' values at `z` are computed.
pub struct Opened<'m, B>(pub Ledger<'m>, pub B);
