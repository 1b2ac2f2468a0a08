//! The verifier's challenges (PROTOCOL.md §4).

use ff::Field;
use pleat_nova_circuits::cycle::F;

/// Challenges that follow the row commitments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenges {
    /// Shift of the LogUp denominators.
    pub alpha: F,
    /// Combines the entries of a lookup.
    pub beta: F,
    /// The point at which every layer's relation is claimed; `ν` coordinates.
    pub r: Vec<F>,
    /// Combines the parts of `Λ`.
    pub gamma: F,
    /// Weight of the LogUp sum.
    pub delta: F,
}

/// Challenges of the sumchecks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Points {
    /// Slots whose claims are weighted before everything else, used or not: the mode's.
    pub slots: usize,
    /// Combines CONTRACT's sums.
    pub sigma: F,
    /// CONTRACT's challenges.
    pub x: Vec<F>,
    /// LOOKUP's challenges.
    pub u: Vec<F>,
    /// Combines the claims about columns.
    pub rho: F,
    /// OPEN's challenges.
    pub z: Vec<F>,
}

impl Points {
    /// None of them known.
    pub const fn unknown(slots: usize) -> Self {
        Self {
            slots,
            sigma: F::ZERO,
            x: Vec::new(),
            u: Vec::new(),
            rho: F::ZERO,
            z: Vec::new(),
        }
    }

    /// `ρ_L = ρ^(4·slots)`: weight of the first evaluation.
    pub fn rho_l(&self) -> F {
        power(self.rho, self.slots.saturating_mul(4))
    }
}

/// `base^exponent`.
pub fn power(base: F, exponent: usize) -> F {
    base.pow_vartime([u64::try_from(exponent).unwrap_or(u64::MAX)])
}
