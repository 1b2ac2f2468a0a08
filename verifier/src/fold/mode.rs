//! The names and numbers of the modes.

use core::fmt;

use serde::{Deserialize, Serialize};

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
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
