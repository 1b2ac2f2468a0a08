//! What the prover knows so far, and the constants and summands that follow from it.

use std::borrow::Cow;

use crate::columns::{Cells, Columns, network_tags};
use crate::commit::{ColumnBlinds, commit_rows};
use crate::functional::Sources;
use crate::model::ProvingModel;
use crate::sumcheck::{Contract, Lookup, LookupColumns, Message, Transcript};
use crate::weights::Weights;
use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::relation::LookupScalars;
use pleat_verifier::columns::TableEntry;
use pleat_verifier::commitments::Commitments;
use pleat_verifier::fold::{Mode, Schedule};
use pleat_verifier::mle::{eq_table, inner_product};
use pleat_verifier::network::{Column, Network};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::points::{Challenges, Points};
use pleat_verifier::proof::PublicValues;

/// The claims of one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The contraction at `r_l`.
    pub s: F,
    /// The linear view at `r_l`.
    pub c: F,
    /// The bias view at `r_l`.
    pub d: F,
    /// `a_l` at CONTRACT's challenges.
    pub a: F,
    /// `b_l` likewise.
    pub b: F,
}

/// Mask rows: all `2^κ` cells of `Y`'s, one cell of each other column's.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// In the order of [`Column::OPENED`].
    pub rows: Vec<Vec<F>>,
}

/// All that the prover knows so far.
pub struct Ledger<'m> {
    /// The model.
    pub model: &'m ProvingModel,
    /// What is shown.
    pub public: PublicValues,
    /// Witness columns.
    pub columns: Columns,
    /// Column `W` as the prover uses it.
    pub weights: Cow<'m, Weights>,
    /// Mask rows.
    pub masks: Masks,
    /// Blinds, in the order of [`Column::OPENED`].
    pub blinds: Vec<ColumnBlinds>,
    /// Row commitments.
    pub commitments: Commitments,
    /// How messages are bound.
    pub mode: Mode,
    /// Rounds, steps and slots of the mode.
    pub schedule: Schedule,
    /// Challenges that follow the row commitments.
    pub challenges: Challenges,
    /// One per slot, used or not.
    pub claims: Vec<Claims>,
    /// CONTRACT's tables.
    pub contract: Contract,
    /// Claims from which the three sumchecks start.
    pub init: [F; 3],
    /// Claims in which they end.
    pub last: [F; 3],
    /// Messages of all rounds.
    pub rounds: Vec<Message>,
    /// Challenges of the sumchecks.
    pub points: Points,
    /// The nine columns at `u`.
    pub evaluations: [F; 9],
    /// The ten columns at `z`.
    pub values: [F; 10],
    /// The nine columns with the variables above the split bound to `u`, in the order of [`Column::WITNESS`].
    pub at_u: Vec<Vec<F>>,
    /// The ten columns' weighted rows at `z`, `Σ_rows weight·row`, mask rows included.
    pub at_z: Vec<Vec<F>>,
}

impl Ledger<'_> {
    /// The network.
    pub const fn network(&self) -> &Network {
        self.model.network()
    }

    /// A column's cells, `W`'s included.
    pub fn cells(&self, column: Column) -> Cells<'_> {
        if column == Column::W {
            Cells::Weights(&self.weights)
        } else {
            self.columns.cells(column)
        }
    }

    pub(super) fn sources(&self) -> Sources<'_> {
        Sources {
            columns: &self.columns,
            weights: &self.weights,
            indices: self.public.indices(),
        }
    }

    /// The public part of `Z*`.
    pub fn public_z(&self) -> F {
        let indices = self.public.indices();
        self.network().public_z(&self.challenges.r, indices)
    }

    /// `Λ`'s constants.
    pub fn lookup_scalars(&self) -> LookupScalars {
        self.network().lookup_scalars(&self.challenges)
    }

    /// Runs `f` on LOOKUP's summand.
    pub fn with_lookup<T>(&self, f: impl FnOnce(Lookup<'_>) -> T) -> T {
        let tags = network_tags(self.network());
        let table: Vec<TableEntry> = self.network().table().collect();
        let scalars = self.lookup_scalars();
        let source = LookupColumns {
            columns: &self.columns,
            tags: &tags,
            table: &table,
            scalars: &scalars,
        };
        f(Lookup::new(source, &self.challenges.r))
    }

    /// `θ_l·m` of a node's product, linear part and bias; zeros in unused slots.
    pub fn slot_factors(&self, slot: usize) -> [F; 3] {
        let slot = self.network().slots().nth(slot);
        slot.map_or([F::ZERO; 3], |slot| {
            self.network().slot_factors(&slot, &self.challenges.r)
        })
    }

    /// A point of the trace columns, cut in the middle: low and high variables.
    pub(super) fn split_point<'p>(&self, point: &'p [F]) -> (&'p [F], &'p [F]) {
        let nu = self.network().nu();
        let own = point.get(..nu).unwrap_or(point);
        own.split_at(own.len().div_ceil(2))
    }

    /// Evaluates the witness columns at `u`.
    pub(super) fn evaluate_at_u(&mut self) {
        let (low, high) = self.split_point(&self.points.u);
        let rows: Vec<(usize, F)> = eq_table(high).into_iter().enumerate().collect();
        let bound = |column: &Column| self.columns.cells(*column).combine(&rows, low.len());
        let at_u: Vec<Vec<F>> = Column::WITNESS.iter().map(bound).collect();
        let low = eq_table(low);
        for (value, at_u) in self.evaluations.iter_mut().zip(&at_u) {
            *value = inner_product(at_u, &low);
        }
        self.at_u = at_u;
    }

    /// Evaluates all columns, mask rows included, at `z`.
    pub(super) fn evaluate_at_z(&mut self) {
        let network = self.network();
        let z = &self.points.z;
        let row_bits = network.row_bits();
        let (low, high) = z.split_at_checked(row_bits).unwrap_or((z, &[]));
        let variables = network.open_variables().saturating_sub(row_bits);
        let weights = eq_table(high.get(..variables).unwrap_or(high));
        let weight = |row: usize| weights.get(row).copied().unwrap_or(F::ZERO);
        let mask_weight = weight(network.mask_row());
        let own = |(column, mask): (&Column, &Vec<F>)| {
            let rows = network.rows(*column).into_iter();
            let rows: Vec<(usize, F)> = rows.map(|row| (row, weight(row))).collect();
            let mut sums = self.cells(*column).combine(&rows, row_bits);
            let pairs = sums.iter_mut().zip(mask);
            pairs.for_each(|(sum, v)| *sum += mask_weight * v);
            sums
        };
        let at_z: Vec<Vec<F>> = Column::OPENED
            .iter()
            .zip(&self.masks.rows)
            .map(own)
            .collect();
        let low = eq_table(low);
        for (value, at_z) in self.values.iter_mut().zip(&at_z) {
            *value = inner_product(at_z, &low);
        }
        self.at_z = at_z;
    }

    pub(super) fn commit(&mut self, key: &OpeningKey, column: Column) {
        let Some(blinds) = self.blinds.get(column.index()) else {
            return;
        };
        let rows = commit_rows(
            key.generators(),
            self.network(),
            column,
            self.cells(column),
            &blinds.rows,
        );
        self.commitments.set_rows(column, rows);
    }

    pub(super) fn extend(&mut self, which: usize, transcript: Transcript) -> Vec<F> {
        self.rounds.extend(transcript.messages);
        if let Some(last) = self.last.get_mut(which) {
            *last = transcript.claim;
        }
        transcript.challenges
    }
}
