//! The proving model: the network, its quantized weights, and the blinds of their commitments. It is secret.
//!
//! File: magic, version, verification model, weights (32-bit integers, block by block, row-major over true shapes), blinds,
//! compile report (JSON).

use pleat_nova_circuits::cycle::F;
use pleat_verifier::commitments::Generators;
use pleat_verifier::descriptor::{Descriptor, Limits};
use pleat_verifier::encoding::{Reader, Writer};
use pleat_verifier::error::{FormatError, ModelError};
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::{Column, Network};
use rand_core::CryptoRngCore;
use thiserror::Error;

use crate::columns::Cells;
use crate::commit::{commit_rows, random};
use crate::execute::{ExecuteError, runs, weight_column};

/// First bytes of a proving model file.
pub const PROVING_MAGIC: [u8; 8] = *b"PLEATPM\n";
/// Version of the format.
pub const PROVING_VERSION: u16 = 2;
const WHAT: &str = "proving model";

/// Why a proving model cannot be made or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProvingModelError {
    /// The verification model in it is wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The file is malformed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The weights do not fit the descriptor.
    #[error(transparent)]
    Weights(#[from] ExecuteError),
    /// The report is not JSON text.
    #[error("proving model: the compile report is not text")]
    Report,
}

/// What the prover knows about a model.
#[derive(Clone, Debug)]
pub struct ProvingModel {
    verification: VerificationModel,
    weights: Vec<i32>,
    blinds: Vec<F>,
    report: String,
}

impl ProvingModel {
    /// Commits to weights: `blocks` holds each weight block's integers, row-major over its true shape. `report` is kept as
    /// it is.
    ///
    /// # Errors
    /// If the descriptor breaks a rule or the blocks do not fit it.
    pub fn commit(
        descriptor: Descriptor,
        blocks: Vec<Vec<i32>>,
        report: String,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Self, ProvingModelError> {
        let network = Network::new(descriptor, &Limits::default()).map_err(ModelError::from)?;
        let generators = Generators::derive(network.row_bits());
        Self::commit_under(&generators, network, blocks, report, rng)
    }

    /// [`Self::commit`], for a network that is checked and under these generators. A model is one that others verify only under
    /// those that its row length derives.
    ///
    /// # Errors
    /// If the blocks do not fit the descriptor.
    pub fn commit_under(
        generators: &Generators,
        network: Network,
        blocks: Vec<Vec<i32>>,
        report: String,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Self, ProvingModelError> {
        let weights = weight_column(&network, &blocks)?;
        let blinds = random(network.rows(Column::W).len(), rng);
        let rows = commit_rows(
            generators,
            &network,
            Column::W,
            Cells::Signed(&weights),
            &blinds,
        );
        let verification = VerificationModel::new(network, rows)?;
        Ok(Self {
            verification,
            weights,
            blinds,
            report,
        })
    }

    /// The verifier's part.
    pub const fn verification(&self) -> &VerificationModel {
        &self.verification
    }

    /// The network.
    pub const fn network(&self) -> &Network {
        self.verification.network()
    }

    /// Column `W`, of length `2^νW`.
    pub fn weights(&self) -> &[i32] {
        &self.weights
    }

    /// Blinds of the rows of `W`, in ascending address.
    pub fn blinds(&self) -> &[F] {
        &self.blinds
    }

    /// The compile report, JSON.
    pub fn report(&self) -> &str {
        &self.report
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// If the descriptor cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProvingModelError> {
        let mut out = Writer::new(PROVING_MAGIC, PROVING_VERSION);
        out.prefixed(&self.verification.to_bytes()?);
        for block in &self.network().descriptor().weights {
            for run in runs(block.address, &block.shape) {
                out.integers(self.weights.get(run).unwrap_or_default());
            }
        }
        out.fields(&self.blinds);
        out.prefixed(self.report.as_bytes());
        Ok(out.finish())
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// If they are no proving model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProvingModelError> {
        let limits = Limits::default();
        let mut input = Reader::new(bytes, PROVING_MAGIC, PROVING_VERSION, WHAT)?;
        let verification = VerificationModel::from_bytes(input.prefixed(bytes.len())?, &limits)?;
        let network = verification.network();
        let blocks = network.descriptor().weights.iter();
        let count: usize = blocks.map(|b| b.shape.iter().product::<usize>()).sum();
        if input.left() / size_of::<i32>() < count {
            return Err(FormatError::Truncated { what: WHAT }.into());
        }
        // Straight into the column: a large model is its weights.
        let mut weights = vec![0; 1 << network.nu_w()];
        for block in &network.descriptor().weights {
            for run in runs(block.address, &block.shape) {
                input.integers_into(weights.get_mut(run).unwrap_or_default())?;
            }
        }
        let blinds = input.fields(network.rows(Column::W).len())?;
        let report = String::from_utf8(input.prefixed(bytes.len())?.to_vec())
            .map_err(|_| ProvingModelError::Report)?;
        input.finish()?;
        Ok(Self {
            verification,
            weights,
            blinds,
            report,
        })
    }

    /// The same model with other weights in the prover's hands: what a provider who cheats would use. Proofs made with it
    /// are refused.
    #[doc(hidden)]
    #[must_use]
    pub fn with_weight_cell(mut self, cell: usize, value: i32) -> Self {
        if let Some(v) = self.weights.get_mut(cell) {
            *v = value;
        }
        self
    }
}
