//! Opening of the columns at `z` (PROTOCOL.md §4.10): all committed rows, weighted, are one vector `y*`, whose blind is
//! revealed, and an inner-product argument shows `⟨y*, eq(z_{<κ})⟩`.
//!
//! The argument is nova-snark's. Its vectors' lengths are fixed by `κ`, so ours are written without length prefixes.

use nova_snark::provider::{ipa_pc, keccak::Keccak256Transcript};
use nova_snark::traits::TranscriptEngineTrait;
use nova_snark::traits::commitment::CommitmentEngineTrait;
use nova_snark::traits::evaluation::EvaluationEngineTrait;
use pleat_nova_circuits::cycle::{
    Commitment, CommitmentEngine, CommitmentKey, F, FIELD_BYTES, POINT_BYTES, Point, Primary,
    affine, commitment_of_point, field_from_bytes, msm, point_from_affine, point_from_bytes,
};

use crate::commitments::{Commitments, GENERATOR_LABEL, Generators, RowCommitment};
use crate::error::{FormatError, VerifyError};
use crate::mle::eq_index;
use crate::model::VerificationModel;
use crate::network::{Column, Network};
use crate::proof::Messages;

type Engine = ipa_pc::EvaluationEngine<Primary>;
type Argument = <Engine as EvaluationEngineTrait<Primary>>::EvaluationArgument;
type ProverKey = <Engine as EvaluationEngineTrait<Primary>>::ProverKey;
type VerifierKey = <Engine as EvaluationEngineTrait<Primary>>::VerifierKey;

/// Generators for rows of `2^κ` cells, and the argument's keys.
pub struct OpeningKey {
    generators: Generators,
    commitment: CommitmentKey,
    prover: ProverKey,
    verifier: VerifierKey,
}

impl OpeningKey {
    /// Derives the key for a `κ`.
    ///
    /// # Errors
    /// If nova-snark refuses, which it has no reason to.
    pub fn derive(row_bits: usize) -> Result<Self, VerifyError> {
        let aborted = |e: nova_snark::errors::NovaError| VerifyError::Aborted(e.to_string());
        let commitment =
            CommitmentEngine::setup(GENERATOR_LABEL, 1_usize << row_bits).map_err(aborted)?;
        let (prover, verifier) = Engine::setup(&commitment).map_err(aborted)?;
        Ok(Self {
            generators: Generators::derive(row_bits),
            commitment,
            prover,
            verifier,
        })
    }

    /// The generators of row commitments.
    pub const fn generators(&self) -> &Generators {
        &self.generators
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
        let (points, scalar) = argument
            .split_at_checked(argument.len().saturating_sub(FIELD_BYTES))
            .unwrap_or((&[], &[]));
        let canonical_point = |c: &[u8]| {
            <[u8; 32]>::try_from(c)
                .ok()
                .and_then(|b| point_from_bytes(&b))
                .is_some()
        };
        if !points.chunks(POINT_BYTES).all(canonical_point) {
            return Err(FormatError::Point { what });
        }
        if <[u8; 32]>::try_from(scalar)
            .ok()
            .and_then(|b| field_from_bytes(&b))
            .is_none()
        {
            return Err(FormatError::Field { what });
        }
        Ok(Self { blind, argument })
    }

    /// nova-snark's form: the two vectors get their length prefixes, each one byte.
    fn decode(&self, row_bits: usize) -> Option<Argument> {
        let length = u8::try_from(row_bits).ok().filter(|n| *n < 64)?;
        let half = row_bits.checked_mul(POINT_BYTES)?;
        let (left, rest) = self.argument.split_at_checked(half)?;
        let (right, scalar) = rest.split_at_checked(half)?;
        let bytes = [&[length], left, &[length], right, scalar].concat();
        let (argument, read) =
            bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).ok()?;
        (read == bytes.len()).then_some(argument)
    }

    fn encode(argument: &Argument, row_bits: usize) -> Option<Vec<u8>> {
        let bytes = bincode::serde::encode_to_vec(argument, bincode::config::standard()).ok()?;
        let half = row_bits.checked_mul(POINT_BYTES)?;
        let (left, rest) = bytes.get(1..)?.split_at_checked(half)?;
        let (right, scalar) = rest.get(1..)?.split_at_checked(half)?;
        Some([left, right, scalar].concat())
    }
}

/// A transcript of its own for the argument: `η`, which binds all that went before, the blind, the blind-free commitment,
/// the value and the point.
fn transcript(
    eta: &F,
    blind: &F,
    commitment: &Commitment,
    value: &F,
    point: &[F],
) -> Keccak256Transcript<Primary> {
    let mut transcript = Keccak256Transcript::<Primary>::new(b"pleat/pcs/v1");
    transcript.absorb(b"eta", eta);
    transcript.absorb(b"blind", blind);
    transcript.absorb(b"commitment", commitment);
    transcript.absorb(b"value", value);
    transcript.absorb(b"point", &point);
    transcript
}

/// nova-snark's points list the most significant variable first.
fn big_endian(point: &[F]) -> Vec<F> {
    point.iter().rev().copied().collect()
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
/// If nova-snark refuses to make the argument.
pub fn open(
    key: &OpeningKey,
    network: &Network,
    eta: &F,
    y_star: &[F],
    blind: F,
    value: &F,
    z: &[F],
) -> Result<Opening, VerifyError> {
    let aborted = |e: nova_snark::errors::NovaError| VerifyError::Aborted(e.to_string());
    let point = big_endian(z.get(..network.row_bits()).unwrap_or(z));
    let commitment = commitment_of_point(&msm(y_star, key.generators.cells()));
    let mut transcript = transcript(eta, &blind, &commitment, value, &point);
    let argument = Engine::prove(
        &key.commitment,
        &key.prover,
        &mut transcript,
        &commitment,
        y_star,
        &point,
        value,
    )
    .map_err(aborted)?;
    let argument = Opening::encode(&argument, network.row_bits())
        .ok_or_else(|| VerifyError::Aborted("argument of an unexpected length".into()))?;
    Ok(Opening { blind, argument })
}

/// Checks a proof's opening against row commitments: the witness columns' from the proof, `W`'s from the model.
///
/// # Errors
/// [`VerifyError::Opening`] if the argument fails.
pub fn check(
    key: &OpeningKey,
    model: &VerificationModel,
    proof: &Messages,
    eta: &F,
) -> Result<(), VerifyError> {
    let Messages {
        commitments,
        values,
        opening,
        advice,
        ..
    } = proof;
    let network = model.network();
    let z = &advice.z;
    let combined = combine(network, model.weights(), commitments, eta, z);
    let unblinded = combined - point_from_affine(key.generators.blind()) * opening.blind;
    let commitment = commitment_of_point(&unblinded);
    let value = opened_value(eta, values);
    let point = big_endian(z.get(..network.row_bits()).unwrap_or(z));
    let mut transcript = transcript(eta, &opening.blind, &commitment, &value, &point);
    let argument = opening
        .decode(network.row_bits())
        .ok_or(VerifyError::Opening)?;
    Engine::verify(
        &key.verifier,
        &mut transcript,
        &commitment,
        &point,
        &value,
        &argument,
    )
    .map_err(|_| VerifyError::Opening)
}

/// `Σ_col η^col Σ_rows weight·commitment`, mask rows included: a commitment to `y*`.
fn combine(
    network: &Network,
    weights: &[RowCommitment],
    commitments: &Commitments,
    eta: &F,
    z: &[F],
) -> Point {
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
            bases.push(affine(commitment.point()));
        }
        scalars.push(eta_power * mask_weight);
        bases.push(affine(mask.point()));
        eta_power *= eta;
    }
    msm(&scalars, &bases)
}
