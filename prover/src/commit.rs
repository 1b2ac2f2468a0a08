//! Row commitments (PROTOCOL.md §3), from small integers where the column has them.

use ff::Field;
use pleat_nova_circuits::cycle::{F, msm, msm_indexed, msm_small};
use pleat_verifier::commitments::{Generators, RowCommitment};
use pleat_verifier::network::{Column, Network};
use rand_core::CryptoRngCore;
use rayon::prelude::*;

use crate::columns::Cells;

/// Blinds of a column's rows, and of its mask row.
#[derive(Clone, Debug, Default)]
pub struct ColumnBlinds {
    /// In ascending row address.
    pub rows: Vec<F>,
    /// The mask row's.
    pub mask: F,
}

/// `n` fresh random field elements.
pub fn random(n: usize, rng: &mut impl CryptoRngCore) -> Vec<F> {
    (0..n).map(|_| F::random(&mut *rng)).collect()
}

/// Commits to the rows of a column that the descriptor demands.
pub fn commit_rows(
    generators: &Generators,
    network: &Network,
    column: Column,
    cells: Cells<'_>,
    blinds: &[F],
) -> Vec<RowCommitment> {
    let rows = network.rows(column);
    rows.par_iter()
        .zip(blinds)
        .map(|(address, blind)| {
            commit_row(generators, cells.row(*address, network.row_bits()), blind)
        })
        .collect()
}

/// `Σ cell_i·G_i + blind·H`.
pub fn commit_row(generators: &Generators, row: Cells<'_>, blind: &F) -> RowCommitment {
    let bases = generators.cells();
    let sum = match row {
        Cells::Signed(v) => msm_small(v.iter().map(|v| i64::from(*v)), bases),
        Cells::Narrow(v) => msm_small(v.iter().map(|v| i64::from(*v)), bases),
        Cells::Weights(v) => msm_small((0..v.len()).map(|i| i64::from(v.get(i))), bases),
        Cells::Digits(v) => msm_small(v.iter().map(|v| i64::from(*v)), bases),
        Cells::Counts(v) => msm_small(v.iter().map(|v| i64::from(*v)), bases),
        Cells::Field(v) => msm(v, bases),
        Cells::Indexed(places, values) => msm_indexed(places, values, bases),
    };
    RowCommitment::from_point(sum + msm(&[*blind], &[*generators.blind()]))
}
