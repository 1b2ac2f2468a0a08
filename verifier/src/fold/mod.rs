//! The two ways in which a proof hides its messages and proves the relations between them. Each is a folder: how messages are
//! bound and challenges follow, what a step is told, what is checked in the end. Outside of this folder only [`Mode`],
//! [`Schedule`] and [`Folded`] are known.

pub mod chain;
pub(crate) mod mode;
pub(crate) mod schedule;
pub mod tree;

use crate::network::Network;

pub use mode::Mode;
pub use schedule::Schedule;

impl Mode {
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
