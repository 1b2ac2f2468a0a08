//! What is left when the sumchecks are done and `η` is known: the opening of the columns.

use super::Ledger;
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::error::VerifyError;
use pleat_verifier::network::Column;
use pleat_verifier::pcs::{self, OpeningKey};
use pleat_verifier::proof::Messages;
use rayon::prelude::*;
use tracing::info_span;

impl Ledger<'_> {
    /// Step 10: the opening of the columns, and with it all messages that proofs of both modes have.
    ///
    /// # Errors
    /// If the inner-product argument cannot be made.
    pub fn open(&self, key: &OpeningKey, eta: &F) -> Result<Messages, VerifyError> {
        let _span = info_span!("opening").entered();
        let network = self.network();
        let (y_star, blind) = combined_row(self, eta);
        let value = pcs::opened_value(eta, &self.values);
        let opening = pcs::open(key, network, eta, &y_star, blind, &value, &self.points.z)?;
        Ok(Messages {
            model: self.model.verification().id(),
            public: self.public.clone(),
            commitments: self.commitments.clone(),
            values: self.values,
            opening,
        })
    }
}

/// `y* = Σ_col η^col Σ_rows weight·row`, mask rows included, and its blind.
fn combined_row(ledger: &Ledger<'_>, eta: &F) -> (Vec<F>, F) {
    let network = ledger.network();
    let z = &ledger.points.z;
    let mut y_star = vec![F::ZERO; 1 << network.row_bits()];
    let mut blind = F::ZERO;
    let mut eta_power = F::ONE;
    let mask_weight = pcs::row_weight(network, z, network.mask_row());
    for ((column, blinds), at_z) in Column::OPENED
        .into_iter()
        .zip(&ledger.blinds)
        .zip(&ledger.at_z)
    {
        let pairs = y_star.par_iter_mut().zip(at_z).with_min_len(1 << 10);
        pairs.for_each(|(sum, v)| *sum += eta_power * v);
        for (row, row_blind) in network.rows(column).into_iter().zip(&blinds.rows) {
            blind += eta_power * pcs::row_weight(network, z, row) * row_blind;
        }
        blind += eta_power * mask_weight * blinds.mask;
        eta_power *= eta;
    }
    (y_star, blind)
}
