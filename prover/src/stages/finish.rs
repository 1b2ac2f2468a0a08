//! What is left when the sumchecks are done: the steps that Nova folds, and steps 9 and 10, the opening of the columns.

use super::{Claims, Ledger, Opened, Steps};
use ff::Field;
use pleat_nova_circuits::chain::step::{
    EvaluationsWitness, ROUNDS, SLOTS, SlotWitness, Witness, Words,
};
use pleat_nova_circuits::cycle::F;
use pleat_verifier::error::VerifyError;
use pleat_verifier::network::Column;
use pleat_verifier::pcs::{self, Opening, OpeningKey};
use pleat_verifier::program::Program;
use pleat_verifier::proof::Messages;
use rayon::prelude::*;
use tracing::info_span;

impl<'m> Opened<'m> {
    /// The program, as the verifier will compute it.
    pub fn program(&self) -> Program {
        self.0
            .network()
            .program(&self.0.challenges, &self.0.advice, &self.0.public)
    }

    /// What Nova folds: the program's words with the prover's witness.
    pub fn steps(&self) -> Steps {
        let program = self.program();
        Steps {
            start: program.start,
            steps: witnesses(&self.0, program.words),
        }
    }

    /// Steps 9 and 10: `η`, and the opening of the columns.
    ///
    /// # Errors
    /// If the inner-product argument cannot be made.
    pub fn open(self, key: &OpeningKey) -> Result<Messages, VerifyError> {
        let _span = info_span!("opening").entered();
        let Self(ledger, fixed) = self;
        let network = ledger.network();
        let eta = fixed.values(&ledger.advice, &ledger.values);
        let (y_star, blind) = combined_row(&ledger, &eta);
        let value = pcs::opened_value(&eta, &ledger.values);
        let opening: Opening =
            pcs::open(key, network, &eta, &y_star, blind, &value, &ledger.advice.z)?;
        Ok(Messages {
            model: ledger.model.verification().id(),
            public: ledger.public,
            commitments: ledger.commitments,
            advice: ledger.advice,
            values: ledger.values,
            opening,
        })
    }
}

/// `y* = Σ_col η^col Σ_rows weight·row`, mask rows included, and its blind.
fn combined_row(ledger: &Ledger<'_>, eta: &F) -> (Vec<F>, F) {
    let network = ledger.network();
    let z = &ledger.advice.z;
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

/// The witness of every step: slots in order, and the rounds of the three sumchecks one after another.
fn witnesses(ledger: &Ledger<'_>, words: Vec<Words>) -> Vec<(Words, Witness)> {
    let [nonces_z, nonces_ab, nonces_e] = &ledger.nonces;
    let at = |v: &[F], i: usize| v.get(i).copied().unwrap_or(F::ZERO);
    let mut lookup_ends = false;
    words
        .into_iter()
        .enumerate()
        .map(|(i, words)| {
            let mut witness = Witness::zero();
            for (k, slot) in witness.slots.iter_mut().enumerate() {
                let l = i * SLOTS + k;
                let Claims { s, c, d, a, b } = ledger.claims.get(l).copied().unwrap_or_default();
                *slot = SlotWitness {
                    s,
                    c,
                    d,
                    nonce_z: at(nonces_z, l),
                    a,
                    b,
                    nonce_ab: at(nonces_ab, l),
                };
            }
            let flags = words.rounds;
            let starts = [flags.start_c, flags.start_l, flags.start_o];
            let init = starts.iter().zip(ledger.init).find(|(start, _)| **start);
            witness.init = init.map_or(F::ZERO, |(_, init)| init);
            for (to, from) in witness
                .rounds
                .iter_mut()
                .zip(ledger.rounds.iter().skip(i * ROUNDS))
            {
                *to = *from;
            }
            if flags.end_l && !lookup_ends {
                lookup_ends = true;
                let nonces = [at(nonces_e, 0), at(nonces_e, 1), at(nonces_e, 2)];
                witness.evaluations = EvaluationsWitness {
                    values: ledger.evaluations,
                    nonces,
                };
            }
            (words, witness)
        })
        .collect()
}
