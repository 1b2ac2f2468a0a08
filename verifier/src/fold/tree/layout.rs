//! Where messages stand: slots and rounds are dealt to steps in order, and which segments a step has depends on the descriptor
//! alone (PROTOCOL.md §5.2).

use pleat_nova_circuits::tree::step::{ROUNDS, SLOTS, Segment};

use crate::fold::schedule::Schedule;
use crate::network::{Network, Rounds};

/// The places of a network's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    slots: usize,
    rounds: Rounds,
}

impl Layout {
    /// Of a network.
    pub fn new(network: &Network) -> Self {
        Self {
            slots: network.slots().count(),
            rounds: network.rounds(),
        }
    }

    /// Rounds, steps and slots.
    pub fn schedule(&self) -> Schedule {
        let rounds = self.rounds.total().div_ceil(ROUNDS);
        Schedule {
            rounds: self.rounds,
            steps: self.slot_steps().max(rounds),
            slots: self.slots,
        }
    }

    /// `T`.
    pub fn steps(&self) -> usize {
        self.schedule().steps
    }

    /// Rounds of the three sumchecks.
    pub const fn rounds(&self) -> Rounds {
        self.rounds
    }

    /// Steps that have slots: the first ones.
    pub const fn slot_steps(&self) -> usize {
        self.slots.div_ceil(SLOTS)
    }

    /// Step and place of a slot.
    pub const fn slot(slot: usize) -> (usize, usize) {
        (slot / SLOTS, slot % SLOTS)
    }

    /// Step and place of a round, counted through the three sumchecks.
    pub const fn round(round: usize) -> (usize, usize) {
        (round / ROUNDS, round % ROUNDS)
    }

    /// The step that has the evaluations: that of LOOKUP's last round.
    pub fn evaluations(&self) -> usize {
        let Rounds {
            contract, lookup, ..
        } = self.rounds;
        Self::round(contract.saturating_add(lookup).saturating_sub(1)).0
    }

    /// Whether a step commits to a segment of messages; to `D` and `V`, every step does.
    pub fn has(&self, step: usize, segment: Segment) -> bool {
        match segment {
            Segment::Z | Segment::A => step < self.slot_steps(),
            Segment::R(place) => {
                let round = step.saturating_mul(ROUNDS).saturating_add(place);
                round < self.rounds.total()
            }
            Segment::E => step == self.evaluations(),
            Segment::D | Segment::V => false,
        }
    }
}
