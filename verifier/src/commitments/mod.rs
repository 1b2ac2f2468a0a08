//! Hyrax row commitments (PROTOCOL.md §3): each committed row of `2^κ` cells is one Pedersen commitment with its own blind.

mod embedded;

pub use embedded::Embedded;

use pleat_nova_circuits::cycle::{Affine, EncodedPoint, F, Point, affine, msm, point_from_affine};
use pleat_nova_circuits::generators;

#[cfg(feature = "cli")]
use pleat_nova_circuits::cache::{CacheFolder, cached_generators};

use crate::network::{Column, Network};

/// A label of its own: under another's a prover would know relations to the generators of the inner-product argument.
pub const GENERATOR_LABEL: &[u8] = b"pleat/hyrax/v1";

/// The first `κ` whose generators are pinned.
pub const PINNED_FROM: usize = 8;

/// [`generators_sha3`](pleat_nova_circuits::cache::generators_sha3) of the `2^κ + 1` generators, for `κ` from [`PINNED_FROM`].
pub const GENERATORS_SHA3: [[u8; 32]; 10] = [
    [
        71, 240, 183, 250, 49, 93, 249, 176, 255, 26, 112, 28, 189, 131, 216, 12, 243, 80, 79, 177,
        222, 45, 143, 158, 104, 63, 200, 237, 224, 11, 127, 214,
    ],
    [
        48, 96, 65, 163, 71, 101, 92, 227, 1, 66, 136, 197, 170, 19, 143, 48, 24, 59, 103, 142, 39,
        159, 194, 27, 97, 63, 70, 242, 0, 221, 234, 52,
    ],
    [
        45, 2, 245, 144, 34, 192, 67, 98, 201, 104, 198, 10, 69, 1, 79, 251, 23, 56, 223, 119, 232,
        169, 147, 42, 3, 28, 107, 14, 46, 9, 162, 3,
    ],
    [
        162, 69, 66, 114, 98, 157, 196, 254, 169, 181, 7, 61, 229, 233, 140, 235, 164, 165, 94, 7,
        131, 200, 180, 218, 249, 51, 73, 157, 108, 198, 21, 178,
    ],
    [
        4, 135, 27, 12, 182, 67, 122, 143, 173, 5, 43, 142, 211, 89, 24, 249, 109, 163, 240, 85,
        120, 94, 231, 126, 111, 54, 104, 12, 141, 41, 47, 10,
    ],
    [
        92, 21, 28, 97, 253, 71, 27, 180, 78, 111, 98, 43, 101, 247, 64, 55, 68, 23, 201, 120, 8,
        35, 37, 18, 149, 238, 53, 4, 219, 67, 180, 81,
    ],
    [
        186, 171, 238, 92, 98, 235, 13, 45, 142, 232, 62, 100, 91, 243, 101, 34, 116, 227, 188, 98,
        213, 192, 198, 58, 161, 43, 58, 188, 231, 106, 74, 106,
    ],
    [
        176, 70, 142, 178, 45, 131, 207, 141, 116, 202, 202, 22, 214, 96, 205, 243, 239, 169, 228,
        125, 110, 122, 66, 174, 229, 79, 210, 43, 231, 150, 90, 112,
    ],
    [
        223, 167, 178, 252, 160, 22, 173, 178, 51, 189, 239, 143, 38, 129, 126, 169, 116, 8, 131,
        27, 207, 201, 27, 133, 82, 107, 51, 92, 41, 61, 21, 17,
    ],
    [
        115, 125, 59, 220, 117, 57, 201, 130, 96, 139, 187, 121, 54, 210, 199, 76, 40, 162, 10,
        210, 91, 162, 2, 94, 168, 12, 231, 123, 210, 66, 143, 123,
    ],
];

/// Generators for rows of up to `2^κ` cells, and one for the blind.
#[derive(Clone, Debug)]
pub struct Generators {
    blind: Affine,
    cells: Vec<Affine>,
}

impl Generators {
    /// `2^row_bits + 1` generators, as their label gives them: the program has the first ([`Embedded::OWN`]) and derives the others.
    /// Those for a smaller `κ` are a prefix of those for a larger one.
    pub fn derive(row_bits: usize) -> Self {
        Self::split(&Self::all(row_bits))
    }

    /// As [`Self::derive`], with generators that would have to be derived from the cache, for the row lengths that are in use.
    #[cfg(feature = "cli")]
    pub fn load_or_derive(row_bits: usize, cache: &CacheFolder) -> Self {
        let pinned = row_bits
            .checked_sub(PINNED_FROM)
            .and_then(|at| GENERATORS_SHA3.get(at))
            .filter(|_| row_bits > Embedded::OWN.row_bits);
        let derive = || Self::all(row_bits);
        let count = Self::count(row_bits);
        let all = pinned.map_or_else(derive, |sha3| cached_generators(cache, count, sha3, derive));
        Self::split(&all)
    }

    fn all(row_bits: usize) -> Vec<Affine> {
        let count = Self::count(row_bits);
        let mut all = embedded::first(count);
        let missing = all.len()..count;
        if !missing.is_empty() {
            all.extend(generators::derive::<Point>(GENERATOR_LABEL, missing));
        }
        all
    }

    /// These generators. *For tests*: whoever knows a relation between them can open a commitment to anything.
    pub const fn from_points_unchecked(blind: Affine, cells: Vec<Affine>) -> Self {
        Self { blind, cells }
    }

    fn count(row_bits: usize) -> usize {
        (1_usize << row_bits).saturating_add(1)
    }

    fn split(all: &[Affine]) -> Self {
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
pub type RowCommitment = EncodedPoint;

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
