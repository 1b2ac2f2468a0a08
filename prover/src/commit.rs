//! Row commitments (PROTOCOL.md §3), from small integers where the column has them.

use ff::Field;
use nova_snark::provider::traits::DlogGroupExt;
use pleat_nova_circuits::cycle::{Affine, F, Point, msm, point_from_affine, point_zero};
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
        Cells::Signed(v) => signed_msm(v.iter().map(|v| i64::from(*v)), bases),
        Cells::Digits(v) => signed_msm(v.iter().map(|v| i64::from(*v)), bases),
        Cells::Counts(v) => signed_msm(v.iter().map(|v| i64::from(*v)), bases),
        Cells::Field(v) => {
            let (scalars, bases): (Vec<F>, Vec<Affine>) = v
                .iter()
                .zip(bases)
                .filter(|(v, _)| **v != F::ZERO)
                .map(|(v, g)| (*v, *g))
                .unzip();
            msm(&scalars, &bases)
        }
    };
    RowCommitment::from_point(sum + point_from_affine(generators.blind()) * blind)
}

/// `Σ v_i·G_i` for small integers: positive and negative parts apart, zeros skipped.
fn signed_msm(values: impl Iterator<Item = i64>, bases: &[Affine]) -> Point {
    let (mut plus, mut minus) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for (v, base) in values.zip(bases) {
        let part = match v.signum() {
            1 => &mut plus,
            -1 => &mut minus,
            _ => continue,
        };
        part.0.push(v.unsigned_abs());
        part.1.push(*base);
    }
    // nova-snark's multi-scalar multiplication takes no empty list.
    let msm = |(scalars, bases): &(Vec<u64>, Vec<Affine>)| {
        if scalars.is_empty() {
            point_zero()
        } else {
            Point::vartime_multiscalar_mul_small(scalars, bases)
        }
    };
    msm(&plus) - msm(&minus)
}
