//! Steps 1 to 3: the trace, its commitments, the fractions and theirs.

use super::{Claims, Committed, Fixed, Fractions, Ledger, Masks, Traced};
use crate::columns::{Cells, Columns};
use crate::commit::{ColumnBlinds, commit_row, random};
use crate::model::ProvingModel;
use crate::sumcheck::Contract;
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::commitments::Commitments;
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Column;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::points::{Challenges, Points};
use pleat_verifier::proof::PublicValues;
use pleat_verifier::transcript::Statement;
use rand_core::CryptoRngCore;
use rayon::prelude::*;
use std::borrow::Cow;
use tracing::info_span;

impl<'m> Traced<'m> {
    /// Fresh masks and blinds for a proof of this mode about these columns.
    pub fn new(
        model: &'m ProvingModel,
        mode: Mode,
        columns: Columns,
        public: PublicValues,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        let network = model.network();
        let mask = |c: &Column, rng: &mut _| {
            random(
                if *c == Column::Y {
                    1 << network.row_bits()
                } else {
                    1
                },
                rng,
            )
        };
        let masks = Masks {
            rows: Column::OPENED.iter().map(|c| mask(c, &mut *rng)).collect(),
        };
        let blinds = Column::OPENED.iter().map(|c| {
            let rows = if *c == Column::W {
                model.blinds().to_vec()
            } else {
                random(network.rows(*c).len(), rng)
            };
            ColumnBlinds {
                rows,
                mask: F::random(&mut *rng),
            }
        });
        let blinds = blinds.collect();
        let schedule = mode.schedule(network);
        Self(Ledger {
            model,
            public,
            columns,
            weights: Cow::Borrowed(model.weights()),
            masks,
            blinds,
            commitments: Commitments::default(),
            challenges: Challenges {
                alpha: F::ZERO,
                beta: F::ZERO,
                r: Vec::new(),
                gamma: F::ZERO,
                delta: F::ZERO,
            },
            claims: vec![Claims::default(); schedule.slots],
            contract: Contract::default(),
            init: [F::ZERO; 3],
            last: [F::ZERO; 3],
            rounds: Vec::new(),
            points: Points::unknown(schedule.slots),
            mode,
            schedule,
            evaluations: [F::ZERO; 9],
            values: [F::ZERO; 10],
            at_u: Vec::new(),
            at_z: Vec::new(),
        })
    }

    /// Steps 1 and 2: commits to the trace and to the mask rows.
    pub fn commit(self, key: &OpeningKey) -> Committed<'m> {
        let _span = info_span!("commit").entered();
        let mut ledger = self.0;
        for column in Column::TRACE {
            ledger.commit(key, column);
        }
        let masks = ledger.masks.rows.par_iter().zip(&ledger.blinds);
        let masks = masks
            .map(|(row, blinds)| commit_row(key.generators(), Cells::Field(row), &blinds.mask))
            .collect();
        ledger.commitments.set_masks(masks);
        let statement = Statement::new(
            ledger.mode,
            &ledger.model.verification().id().0,
            &ledger.public,
        );
        let fixed = statement.trace(&ledger.commitments);
        (ledger.challenges.alpha, ledger.challenges.beta) = (fixed.alpha, fixed.beta);
        Committed(ledger, fixed)
    }
}

impl<'m> Committed<'m> {
    /// Computes the LogUp fractions; `None` if a denominator is zero (probability about `2^-230`): start again.
    pub fn fractions(self) -> Option<Fractions<'m>> {
        let _span = info_span!("fractions").entered();
        let Self(mut ledger, fixed) = self;
        let Challenges { alpha, beta, .. } = ledger.challenges;
        let network = ledger.model.network();
        ledger
            .columns
            .fractions(network, alpha, beta)
            .then_some(Fractions(ledger, fixed))
    }
}

impl<'m> Fractions<'m> {
    /// Step 3: commits to the fractions.
    pub fn commit(self, key: &OpeningKey) -> Fixed<'m> {
        let _span = info_span!("commit").entered();
        let Self(mut ledger, fixed) = self;
        for column in Column::FRACTIONS {
            ledger.commit(key, column);
        }
        let (fixed, challenges) = fixed.fractions(ledger.model.network(), &ledger.commitments);
        ledger.challenges = challenges;
        Fixed(ledger, fixed)
    }
}
