//! Opening of the columns at `z` (PROTOCOL.md §4.10): all committed rows, weighted, are one vector `y*`, whose blind is
//! revealed, and an inner-product argument shows `⟨y*, eq(z_{<κ})⟩`.
//!
//! The argument is [`ipa`]'s. Its vectors' lengths are fixed by `κ`, so they are written without length prefixes.

use pleat_nova_circuits::cycle::{
    Affine, F, FIELD_BYTES, POINT_BYTES, Point, field_from_bytes, field_to_bytes, point_from_bytes,
    point_to_bytes,
};
use pleat_nova_circuits::ipa::{self, Argument, Bases, Claim, Functional, Statement, Sum};

use crate::commitments::{Commitments, Generators, RowCommitment};
use crate::error::{FormatError, VerifyError};
use crate::mle::eq_index;
use crate::model::VerificationModel;
use crate::network::{Column, Network};
use crate::transcript::OpeningTranscript;

/// Generators for rows of `2^κ` cells, and the argument's own.
pub struct OpeningKey {
    generators: Generators,
    inner: Affine,
}

impl OpeningKey {
    /// Derives the key for a `κ`.
    pub fn derive(row_bits: usize) -> Self {
        Self {
            generators: Generators::derive(row_bits),
            inner: ipa::inner_generator::<Point>(),
        }
    }

    /// As [`Self::derive`], with generators from the cache.
    #[cfg(feature = "cli")]
    pub fn load_or_derive(
        row_bits: usize,
        cache: &pleat_nova_circuits::cache::CacheFolder,
    ) -> Self {
        Self {
            generators: Generators::load_or_derive(row_bits, cache),
            inner: ipa::inner_generator::<Point>(),
        }
    }

    /// A key of these generators, `inner` being the argument's own. *For tests*: whoever knows a relation between generators
    /// can forge.
    pub const fn from_generators_unchecked(generators: Generators, inner: Affine) -> Self {
        Self { generators, inner }
    }

    /// The generators of row commitments.
    pub const fn generators(&self) -> &Generators {
        &self.generators
    }

    /// What arguments are relative to.
    pub fn bases(&self) -> Bases<'_, Point> {
        Bases {
            generators: self.generators.cells(),
            inner: &self.inner,
        }
    }
}

/// The opening of all columns at `z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Blind of `y*`.
    pub blind: F,
    /// The argument: left and right points of each round, then one scalar.
    pub argument: Vec<u8>,
}

/// Length of the argument for rows of `2^κ` cells.
pub fn argument_bytes(row_bits: usize) -> usize {
    row_bits
        .saturating_mul(2)
        .saturating_mul(POINT_BYTES)
        .saturating_add(FIELD_BYTES)
}

impl Opening {
    /// Checks the argument's points and scalar.
    ///
    /// # Errors
    /// If one is not canonical or the length is wrong.
    pub fn parse(blind: F, argument: Vec<u8>, row_bits: usize) -> Result<Self, FormatError> {
        let what = "inner-product argument";
        if argument.len() != argument_bytes(row_bits) {
            return Err(FormatError::Length {
                what,
                got: argument.len(),
                expected: argument_bytes(row_bits),
            });
        }
        let opening = Self { blind, argument };
        let (points, scalar) = opening.parts();
        if !points.chunks(POINT_BYTES).all(|c| point(c).is_some()) {
            return Err(FormatError::Point { what });
        }
        if field(scalar).is_none() {
            return Err(FormatError::Field { what });
        }
        Ok(opening)
    }

    /// Bytes of the points, and of the scalar.
    fn parts(&self) -> (&[u8], &[u8]) {
        let points = self.argument.len().saturating_sub(FIELD_BYTES);
        self.argument.split_at_checked(points).unwrap_or_default()
    }

    fn decode(&self, row_bits: usize) -> Option<Argument<Point>> {
        let (points, scalar) = self.parts();
        let mut left: Vec<Point> = points
            .chunks(POINT_BYTES)
            .map(point)
            .collect::<Option<_>>()?;
        let right = left.split_off(row_bits.min(left.len()));
        Some(Argument {
            left,
            right,
            scalar: field(scalar)?,
        })
    }

    fn encode(blind: F, argument: &Argument<Point>) -> Self {
        let points = argument.left.iter().chain(&argument.right);
        let mut bytes: Vec<u8> = points.flat_map(point_to_bytes).collect();
        bytes.extend(field_to_bytes(&argument.scalar));
        Self {
            blind,
            argument: bytes,
        }
    }
}

fn point(bytes: &[u8]) -> Option<Point> {
    point_from_bytes(bytes.try_into().ok()?)
}

fn field(bytes: &[u8]) -> Option<F> {
    field_from_bytes(bytes.try_into().ok()?)
}

/// `z_{<κ}`, as the argument lists variables: the most significant first.
fn point_in_row(network: &Network, z: &[F]) -> Vec<F> {
    let low = z.get(..network.row_bits()).unwrap_or(z);
    low.iter().rev().copied().collect()
}

/// Weight of a row in `y*`, its column's power of `η` apart: `eq((z_κ..z_{N-1}), address)`.
pub fn row_weight(network: &Network, z: &[F], row: usize) -> F {
    let high = z
        .get(network.row_bits()..network.open_variables())
        .unwrap_or(&[]);
    eq_index(high, row)
}

/// `Σ_col η^col·col(z)`.
pub fn opened_value(eta: &F, values: &[F; 10]) -> F {
    values.iter().rev().fold(F::zero(), |sum, v| sum * eta + v)
}

/// Makes the opening of `y*`, which has `2^κ` cells.
///
/// # Errors
/// If the argument cannot be made.
pub fn open(
    key: &OpeningKey,
    network: &Network,
    eta: &F,
    y_star: &[F],
    blind: F,
    value: &F,
    z: &[F],
) -> Result<Opening, VerifyError> {
    let statement = Statement {
        functional: Functional::Point(&point_in_row(network, z)),
        value,
    };
    let mut transcript = OpeningTranscript::new(eta, &blind);
    ipa::prove(&key.bases(), &mut transcript, &statement, y_star)
        .map(|argument| Opening::encode(blind, &argument))
        .map_err(|e| VerifyError::Aborted(e.to_string()))
}

/// What an opening is about.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Row commitments of the witness columns, and of all mask rows.
    pub commitments: &'a Commitments,
    /// `col~(z)`.
    pub values: &'a [F; 10],
    /// The opening.
    pub opening: &'a Opening,
    /// `η`.
    pub eta: &'a F,
    /// `z`, which may have more coordinates than the columns.
    pub z: &'a [F],
}

/// Checks an opening against row commitments: the witness columns' from the proof, `W`'s from the model.
///
/// # Errors
/// [`VerifyError::Opening`] if the argument fails.
pub fn check(
    key: &OpeningKey,
    model: &VerificationModel,
    columns: &Columns<'_>,
) -> Result<(), VerifyError> {
    let claim = claim(key, model, columns)?;
    if claim.holds(&key.bases()) {
        Ok(())
    } else {
        Err(VerifyError::Opening)
    }
}

/// All of [`check`] but the last multiplication: the opening is right if the claim holds, relative to [`OpeningKey::bases`].
///
/// # Errors
/// [`VerifyError::Opening`] if the argument is none.
pub fn claim(
    key: &OpeningKey,
    model: &VerificationModel,
    columns: &Columns<'_>,
) -> Result<Claim<Point>, VerifyError> {
    let Columns {
        commitments,
        values,
        opening,
        eta,
        z,
    } = *columns;
    let network = model.network();
    let mut combined = combination(network, model.weights(), commitments, eta, z);
    combined.scalars.push(-opening.blind);
    combined.points.push(*key.generators.blind());
    let statement = Statement {
        functional: Functional::Point(&point_in_row(network, z)),
        value: &opened_value(eta, values),
    };
    let argument = opening
        .decode(network.row_bits())
        .ok_or(VerifyError::Opening)?;
    let mut transcript = OpeningTranscript::new(eta, &opening.blind);
    ipa::claim(
        &key.bases(),
        &mut transcript,
        &statement,
        combined,
        &argument,
    )
    .map_err(|_| VerifyError::Opening)
}

/// `Σ_col η^col Σ_rows weight·commitment`, mask rows included: a commitment to `y*`.
fn combination(
    network: &Network,
    weights: &[RowCommitment],
    commitments: &Commitments,
    eta: &F,
    z: &[F],
) -> Sum<Point> {
    let mut scalars = Vec::new();
    let mut bases = Vec::new();
    let mut eta_power = F::one();
    let mask_weight = row_weight(network, z, network.mask_row());
    for (column, mask) in Column::OPENED.into_iter().zip(commitments.masks()) {
        let own = if column == Column::W {
            weights
        } else {
            commitments.rows(column)
        };
        for (row, commitment) in network.rows(column).into_iter().zip(own) {
            scalars.push(eta_power * row_weight(network, z, row));
            bases.push(*commitment.affine());
        }
        scalars.push(eta_power * mask_weight);
        bases.push(*mask.affine());
        eta_power *= eta;
    }
    Sum {
        scalars,
        points: bases,
    }
}
