//! What the prover states of the chain's transcript, and how long it is.

use pleat_nova_circuits::chain::step::{ROUNDS, SLOTS};
use pleat_nova_circuits::cycle::F;

use crate::fold::schedule::Schedule;
use crate::network::{Network, Rounds};
use crate::points::Points;
use crate::transcript::FractionsFixed;

/// Challenges that the prover states and the circuit checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Those of the sumchecks.
    pub points: Points,
    /// End of chain AB, from which LOOKUP's challenges follow.
    pub tau: F,
}

impl Advice {
    /// Step 9: absorbs the challenges and the columns' values at `z`. Returns `η`.
    pub fn eta(&self, fixed: FractionsFixed, values: &[F; 10]) -> F {
        let Self { points, tau } = self;
        let stated: [(&str, &[F]); 6] = [
            ("sigma", &[points.sigma]),
            ("x", &points.x),
            ("tau", &[*tau]),
            ("u", &points.u),
            ("rho", &[points.rho]),
            ("z", &points.z),
        ];
        fixed.stated(&stated, values)
    }
}

/// Rounds, each sumcheck's a multiple of `Q` so that the circuit knows no idle ones; steps; all slots of these.
pub fn schedule(network: &Network) -> Schedule {
    let whole = |n: usize| n.div_ceil(ROUNDS).max(1).saturating_mul(ROUNDS);
    let Rounds {
        contract,
        lookup,
        open,
    } = network.rounds();
    let rounds = Rounds {
        contract: whole(contract),
        lookup: whole(lookup),
        open: whole(open),
    };
    let steps = network.slots().count().div_ceil(SLOTS);
    let steps = steps.max(rounds.total().div_ceil(ROUNDS));
    Schedule {
        rounds,
        steps,
        slots: steps.saturating_mul(SLOTS),
    }
}
