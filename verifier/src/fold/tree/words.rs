//! The one equation of committed steps (PROTOCOL.md §5.1): unrolled over its rounds, each sumcheck ends in an equation that is
//! linear in the messages and their products, with public coefficients. Their weighted sum is `Σ words·messages = total`.

use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::relation::fold_round_at;
use pleat_nova_circuits::tree::lambda::lambda_form;
use pleat_nova_circuits::tree::step::Words;

use super::layout::Layout;
use crate::error::VerifyError;
use crate::mle::{eq, inner_product};
use crate::network::{Network, Rounds};
use crate::points::{Challenges, Points};
use crate::public::PublicValues;

/// What each of the three equations counts: `1, ζ, ζ²` in a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// CONTRACT's `E_C`.
    pub contract: F,
    /// LOOKUP's `E_L`.
    pub lookup: F,
    /// OPEN's `E_O`.
    pub open: F,
}

impl Weights {
    /// `1, ζ, ζ²`.
    pub fn powers(zeta: &F) -> Self {
        Self {
            contract: F::ONE,
            lookup: *zeta,
            open: zeta.square(),
        }
    }
}

/// `Σ words·messages = total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    /// Words of every step.
    pub words: Vec<Words>,
    /// What they have to come out as.
    pub total: F,
}

/// All public values that the equation depends on.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The network.
    pub network: &'a Network,
    /// Challenges that follow the row commitments.
    pub challenges: &'a Challenges,
    /// Those of the sumchecks.
    pub points: &'a Points,
    /// What is shown.
    pub public: &'a PublicValues,
    /// `col~(z)`.
    pub values: &'a [F; 10],
}

impl Statement<'_> {
    /// The equation.
    ///
    /// # Errors
    /// None for the `Λ` that there is.
    pub fn equation(&self, weights: &Weights) -> Result<Equation, VerifyError> {
        let layout = Layout::new(self.network);
        let mut equation = Equation {
            words: vec![Words::default(); layout.steps()],
            total: F::ZERO,
        };
        self.slots(weights, &mut equation);
        self.rounds(weights, &layout, &mut equation);
        self.evaluations(weights, &layout, &mut equation)?;
        let Points { u, z, .. } = self.points;
        let public_z = (self.network).public_z(&self.challenges.r, self.public.indices());
        let claims = self
            .network
            .public_claims(self.challenges, self.points, self.public);
        let functionals = self
            .network
            .functionals_at(self.challenges, self.points, self.public, z);
        let v_open = inner_product(self.values, &functionals);
        equation.total += weights.open * (v_open - product(z) * claims);
        equation.total -= weights.lookup * product(u) * public_z;
        Ok(equation)
    }

    /// What the claims of every slot count.
    fn slots(&self, weights: &Weights, equation: &mut Equation) {
        let Points {
            sigma,
            x,
            u,
            rho,
            z,
            ..
        } = self.points;
        let in_contract = weights.contract * product(x);
        let in_lookup = weights.lookup * product(u);
        let mut in_open = weights.open * product(z);
        let mut sigma_power = F::ONE;
        for (index, slot) in self.network.slots().enumerate() {
            let [s, c, d] = self
                .network
                .slot_factors(&slot, &self.challenges.r)
                .map(|factor| in_lookup * factor);
            let [a_open, b_open, c_open, d_open] = [(); 4].map(|()| {
                let own = in_open;
                in_open *= rho;
                own
            });
            let factor = self
                .network
                .contract_factor(&slot, self.challenges, x, sigma_power);
            let (step, place) = Layout::slot(index);
            let words = equation.words.get_mut(step);
            if let Some(words) = words.and_then(|w| w.slots.get_mut(place)) {
                *words = [
                    in_contract * sigma_power + s,
                    c + c_open,
                    d + d_open,
                    a_open,
                    b_open,
                    -(weights.contract * factor),
                ];
            }
            sigma_power *= sigma;
        }
    }

    /// What every round's coefficients count in the claim that its sumcheck ends in.
    fn rounds(&self, weights: &Weights, layout: &Layout, equation: &mut Equation) {
        let Points { x, u, z, .. } = self.points;
        let Rounds {
            contract, lookup, ..
        } = layout.rounds();
        let sumchecks = [
            (x, weights.contract, 0),
            (u, weights.lookup, contract),
            (z, weights.open, contract.saturating_add(lookup)),
        ];
        for (challenges, weight, first) in sumchecks {
            let mut after = weight;
            for (i, challenge) in challenges.iter().enumerate().rev() {
                let (step, place) = Layout::round(first.saturating_add(i));
                let [g0, g2, g3] = coefficients(challenge);
                let words = equation.words.get_mut(step);
                if let Some(words) = words.and_then(|w| w.rounds.get_mut(place)) {
                    *words = [after * g0, after * g2, after * g3];
                }
                after *= challenge;
            }
        }
    }

    /// What the evaluations and their products count.
    fn evaluations(
        &self,
        weights: &Weights,
        layout: &Layout,
        equation: &mut Equation,
    ) -> Result<(), VerifyError> {
        let Points { rho, z, .. } = self.points;
        let (public, u) = self.network.public_columns_at_u(self.points);
        let scalars = self.network.lookup_scalars(self.challenges);
        let form = lambda_form(&eq(&self.challenges.r, u), public, &scalars)
            .map_err(|e| VerifyError::Aborted(e.to_string()))?;
        let mut in_open = weights.open * product(z) * self.points.rho_l();
        if let Some(words) = equation.words.get_mut(layout.evaluations()) {
            for (word, coefficient) in words.evaluations.iter_mut().zip(form.evaluations) {
                *word = in_open - weights.lookup * coefficient;
                in_open *= rho;
            }
            words.products = form.products.map(|c| -(weights.lookup * c));
        }
        equation.total += weights.lookup * form.constant;
        Ok(())
    }
}

/// `Π_j c_j`: what the claim that a sumcheck starts from counts in the one that it ends in.
fn product(challenges: &[F]) -> F {
    challenges.iter().fold(F::ONE, |product, c| product * c)
}

/// What `g0, g2, g3` count in `g(c)`: `1-2c, c²-c, c³-c`.
fn coefficients(challenge: &F) -> [F; 3] {
    let unit = |i: usize| {
        let mut message = [F::ZERO; 3];
        if let Some(one) = message.get_mut(i) {
            *one = F::ONE;
        }
        fold_round_at(&F::ZERO, &message, challenge)
    };
    [unit(0), unit(1), unit(2)]
}
