//! What descriptor and mode imply.

use crate::network::Rounds;

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
