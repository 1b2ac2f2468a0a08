//! Hyrax row commitments (PROTOCOL.md §3): each committed row of `2^κ` cells is one Pedersen commitment with its own blind.

use pleat_nova_circuits::cycle::{
    Affine, F, POINT_BYTES, Point, affine, generators, msm, point_from_affine, point_from_bytes,
    point_to_bytes,
};

use crate::network::{Column, Network};

/// A label of its own: under another's a prover would know relations to the generators of the inner-product argument.
pub const GENERATOR_LABEL: &[u8] = b"pleat/hyrax/v1";

/// Generators for rows of up to `2^κ` cells, and one for the blind.
#[derive(Clone, Debug)]
pub struct Generators {
    blind: Affine,
    cells: Vec<Affine>,
}

impl Generators {
    /// Derives `2^row_bits + 1` generators. Those for a smaller `κ` are a prefix of those for a larger one.
    pub fn derive(row_bits: usize) -> Self {
        let count = (1_usize << row_bits).saturating_add(1);
        let all = generators(GENERATOR_LABEL, count);
        let (blind, cells) = all.split_first().map_or_else(
            || {
                (
                    affine(&pleat_nova_circuits::cycle::point_zero()),
                    Vec::new(),
                )
            },
            |(h, g)| (*h, g.to_vec()),
        );
        Self { blind, cells }
    }

    /// One generator per cell of a row.
    pub fn cells(&self) -> &[Affine] {
        &self.cells
    }

    /// The generator of blinds.
    pub const fn blind(&self) -> &Affine {
        &self.blind
    }

    /// `Σ row_i·G_i + blind·H`, for a row no longer than the generators.
    pub fn commit(&self, row: &[F], blind: &F) -> RowCommitment {
        RowCommitment::from_point(msm(row, &self.cells) + point_from_affine(&self.blind) * blind)
    }
}

/// A commitment to one row, with its canonical encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCommitment {
    bytes: [u8; POINT_BYTES],
    point: Point,
}

impl RowCommitment {
    /// Encodes a point.
    pub fn from_point(point: Point) -> Self {
        Self {
            bytes: point_to_bytes(&point),
            point,
        }
    }

    /// Decodes a canonical encoding.
    pub fn from_bytes(bytes: [u8; POINT_BYTES]) -> Option<Self> {
        Some(Self {
            bytes,
            point: point_from_bytes(&bytes)?,
        })
    }

    /// The canonical encoding.
    pub const fn bytes(&self) -> &[u8; POINT_BYTES] {
        &self.bytes
    }

    /// The point.
    pub const fn point(&self) -> &Point {
        &self.point
    }
}

/// All row commitments that a proof carries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Commitments {
    rows: [Vec<RowCommitment>; 9],
    masks: Vec<RowCommitment>,
}

impl Commitments {
    /// Commitments of a witness column's rows, in ascending address; empty for `W`, whose rows are the model's.
    pub fn rows(&self, column: Column) -> &[RowCommitment] {
        self.rows.get(column.index()).map_or(&[], Vec::as_slice)
    }

    /// Commitments of the mask rows, in the order of [`Column::OPENED`].
    pub fn masks(&self) -> &[RowCommitment] {
        &self.masks
    }

    /// Sets a witness column's rows; does nothing for `W`.
    pub fn set_rows(&mut self, column: Column, rows: Vec<RowCommitment>) {
        if let Some(slot) = self.rows.get_mut(column.index()) {
            *slot = rows;
        }
    }

    /// Sets the mask rows.
    pub fn set_masks(&mut self, masks: Vec<RowCommitment>) {
        self.masks = masks;
    }

    /// How many commitments a proof about `network` carries.
    pub fn count(network: &Network) -> usize {
        let rows = Column::WITNESS.iter().map(|c| network.rows(*c).len());
        rows.sum::<usize>().saturating_add(Column::OPENED.len())
    }
}
