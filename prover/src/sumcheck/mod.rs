//! The three sumchecks (PROTOCOL.md §4): rounds and their messages.
//!
//! Variable 0 is bound first. A round polynomial `g` is sent as its coefficients of `1, X², X³`; how a message is bound and gives
//! its challenge is the mode's.

mod braces;
mod contract;
mod lookup;
mod open;
mod rows;
mod table;

use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::relation::fold_round_at;
use pleat_nova_circuits::vectors;

pub use contract::{Contract, ContractItem};
pub use lookup::Lookup;
pub use open::{Open, OpenBlock, OpenColumn, OpenItem, OpenRounds, Source, Tensor};
pub use rows::LookupColumns;

/// The coefficients of `1, X², X³` of a round polynomial.
pub type Message = [F; 3];

/// A sum over a cube, ready to be bound variable by variable.
pub trait Summand {
    /// The round polynomial in the lowest unbound variable.
    fn message(&self) -> Message;
    /// Binds the lowest unbound variable.
    fn bind(&mut self, challenge: F);
}

/// What a sumcheck leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// One per round.
    pub challenges: Vec<F>,
    /// One per round.
    pub messages: Vec<Message>,
    /// The claim after the last round.
    pub claim: F,
}

/// Runs `rounds` rounds from `claim`; `challenge` binds a message and gives what follows it.
pub fn run(
    summand: &mut impl Summand,
    rounds: usize,
    claim: F,
    challenge: &mut dyn FnMut(&Message) -> F,
) -> Transcript {
    let mut out = Transcript {
        challenges: Vec::with_capacity(rounds),
        messages: Vec::with_capacity(rounds),
        claim,
    };
    for _ in 0..rounds {
        let message = summand.message();
        let challenge = challenge(&message);
        summand.bind(challenge);
        out.claim = fold_round_at(&out.claim, &message, &challenge);
        out.challenges.push(challenge);
        out.messages.push(message);
    }
    out
}

/// Binds variable 0 of a table in place: `t[i] = t[2i] + c·(t[2i+1] - t[2i])`. Chunks are bound side by side, then moved
/// together, so that no memory is asked for.
fn bind_table(table: &mut Vec<F>, challenge: F) {
    use rayon::prelude::*;
    const CHUNK: usize = 1 << 11;
    let bind = |part: &mut [F]| vectors::bind(part, challenge);
    let half = table.len() / 2;
    if table.len() <= CHUNK {
        bind(table);
    } else {
        table.par_chunks_mut(CHUNK).for_each(bind);
        for start in (CHUNK..table.len()).step_by(CHUNK) {
            let end = start + CHUNK.min(table.len() - start) / 2;
            table.copy_within(start..end, start / 2);
        }
    }
    table.truncate(half);
}

fn add(a: Message, b: Message) -> Message {
    let ([a0, a2, a3], [b0, b2, b3]) = (a, b);
    [a0 + b0, a2 + b2, a3 + b3]
}
