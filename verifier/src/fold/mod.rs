//! The two ways in which a proof hides its messages and proves the relations between them. Each is a folder: how messages are
//! bound and challenges follow, what a step is told, what is checked in the end. Outside of this folder only [`Mode`],
//! [`Schedule`] and [`Folded`] are known.

pub mod chain;
pub mod tree;

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::network::{Network, Rounds};

/// A way to hide messages and to prove the relations between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Committed steps, folded in a tree (PROTOCOL.md §5): fast, and a few points longer for every further 74 nodes.
    Tree,
    /// Hashing steps, folded one after the other by Nova's recursion (PROTOCOL.md §9): of one length for every depth.
    Chain,
}

impl Mode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tree, Self::Chain];

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Chain => "chain",
        }
    }

    /// What a proof's transcript and its file begin with.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tree => 1,
            Self::Chain => 2,
        }
    }

    /// The mode of a [`Mode::number`].
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.number() == number)
    }

    /// What binds the step's circuit and its generators.
    pub const fn digest(self) -> [u8; 32] {
        match self {
            Self::Tree => pleat_nova_circuits::tree::key::STEP_DIGEST,
            Self::Chain => pleat_nova_circuits::chain::params::PARAMETERS_DIGEST,
        }
    }

    /// The mode whose proofs about this network are shorter. It depends on the descriptor alone.
    pub fn shorter(network: &Network) -> Self {
        if tree::bytes(network) <= chain::bytes(network) {
            Self::Tree
        } else {
            Self::Chain
        }
    }

    /// Rounds, steps and slots of a proof about this network.
    pub fn schedule(self, network: &Network) -> Schedule {
        match self {
            Self::Tree => tree::Layout::new(network).schedule(),
            Self::Chain => chain::schedule(network),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What follows from descriptor and mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Rounds of the three sumchecks.
    pub rounds: Rounds,
    /// Steps.
    pub steps: usize,
    /// Slots whose claims are weighted, used or not.
    pub slots: usize,
}

/// The mode's part of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folded {
    /// Of committed steps.
    Tree(Box<tree::Messages>),
    /// Of Nova's chain.
    Chain(chain::Messages),
}

impl Folded {
    /// Which mode it is.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Tree(_) => Mode::Tree,
            Self::Chain(_) => Mode::Chain,
        }
    }
}
