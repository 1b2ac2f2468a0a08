//! The proving model: the network, its quantized weights, and the blinds of their commitments. It is secret.
//!
//! File: magic, version, verification model, weights (integers of 16 or 32 bits, block by block, row-major over true shapes), blinds,
//! compile report (JSON).

use std::collections::HashSet;

use pleat_nova_circuits::cycle::F;
use pleat_verifier::commitments::Generators;
use pleat_verifier::descriptor::{Descriptor, Limits};
use pleat_verifier::encoding::{Reader, Writer};
use pleat_verifier::error::{FormatError, ModelError};
use pleat_verifier::mle::shape_bits;
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::{Column, Network};
use rand_core::CryptoRngCore;
use rayon::prelude::*;
use thiserror::Error;

use crate::columns::Cells;
use crate::commit::{commit_row, random};
use crate::execute::{ExecuteError, runs};
use crate::journal::{Journal, RowDigest, digest};
use crate::shared::{Committed, Known, known, row_cells};
use crate::weights::{Integers, Part, Weights};

/// First bytes of a proving model file.
pub const PROVING_MAGIC: [u8; 8] = *b"PLEATPM\n";
/// Version of the format.
pub const PROVING_VERSION: u16 = 3;
const WHAT: &str = "proving model";
/// Bytes of each integer of a weight block, as the file says.
const NARROW: u8 = 2;
const WIDE: u8 = 4;

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
    /// A weight block's integers are of no known width.
    #[error("proving model: a weight block has integers of {got} bytes; they have 2 or 4")]
    Width {
        /// Bytes of each.
        got: u8,
    },
    /// Commitments cannot be written down as they are made.
    #[error("commitments cannot be kept for later: {0}")]
    Journal(std::io::Error),
    /// The report is not JSON text.
    #[error("proving model: the compile report is not text")]
    Report,
}

/// What the prover knows about a model.
#[derive(Clone, Debug)]
pub struct ProvingModel {
    verification: VerificationModel,
    weights: Weights,
    blinds: Vec<F>,
    report: String,
}

/// How weights are committed to.
#[derive(Default)]
pub struct Committing<'a> {
    /// A model whose rows keep its commitments here, where they are the same: whoever has both models sees which they are
    /// ([`VerificationModel::shared_rows`]). Rows must be as long in both.
    pub other: Option<&'a ProvingModel>,
    /// Where commitments are written down as they are made, and were, if this was begun before.
    pub journal: Option<&'a mut Journal>,
    /// Is told how many rows of how many are committed to.
    pub heard: Option<&'a mut dyn FnMut(u64, u64)>,
}

impl ProvingModel {
    /// Commits to weights: `blocks` holds each weight block's integers, row-major over its true shape. `report` is kept as
    /// it is.
    ///
    /// # Errors
    /// If the descriptor breaks a rule or the blocks do not fit it.
    pub fn commit(
        descriptor: Descriptor,
        blocks: Vec<impl Into<Integers>>,
        report: String,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Self, ProvingModelError> {
        let with = Committing::default();
        Self::commit_with(descriptor, blocks, report, rng, with)
    }

    /// [`Self::commit`], with what a large model wants besides.
    ///
    /// # Errors
    /// Those of [`Self::commit`], and [`ProvingModelError::Journal`].
    pub fn commit_with(
        descriptor: Descriptor,
        blocks: Vec<impl Into<Integers>>,
        report: String,
        rng: &mut impl CryptoRngCore,
        with: Committing<'_>,
    ) -> Result<Self, ProvingModelError> {
        let network = Network::new(descriptor, &Limits::default()).map_err(ModelError::from)?;
        let generators = Generators::derive(network.row_bits());
        let weights = Weights::new(&network, blocks.into_iter().map(Into::into).collect())?;
        Self::committed(&generators, network, weights, report, rng, with)
    }

    /// [`Self::commit`], for a network that is checked and under these generators. A model is one that others verify only under
    /// those that its row length derives.
    ///
    /// # Errors
    /// If the blocks do not fit the descriptor.
    pub fn commit_under(
        generators: &Generators,
        network: Network,
        blocks: Vec<impl Into<Integers>>,
        report: String,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Self, ProvingModelError> {
        let weights = Weights::new(&network, blocks.into_iter().map(Into::into).collect())?;
        let with = Committing::default();
        Self::committed(generators, network, weights, report, rng, with)
    }

    fn committed(
        generators: &Generators,
        network: Network,
        weights: Weights,
        report: String,
        rng: &mut impl CryptoRngCore,
        with: Committing<'_>,
    ) -> Result<Self, ProvingModelError> {
        let Committing {
            other,
            mut journal,
            mut heard,
        } = with;
        let mut hear = |done: usize, total: usize| {
            if let Some(heard) = &mut heard {
                heard(done as u64, total as u64);
            }
        };
        let addresses = network.rows(Column::W);
        let row_bits = network.row_bits();
        let mut blinds = random(addresses.len(), rng);
        let mut rows = Vec::with_capacity(addresses.len());
        let cells = Cells::Weights(&weights);
        let other = other.filter(|other| other.network().row_bits() == row_bits);
        let mut known = match other {
            Some(other) => known(
                &weights,
                &addresses,
                row_bits,
                &Committed {
                    weights: other.weights(),
                    rows: other.network().rows(Column::W),
                    commitments: other.verification().weights(),
                    blinds: other.blinds(),
                },
            ),
            None => vec![None; addresses.len()],
        };
        // Equal commitments in one model would show that two of its rows are equal.
        let taken = known.iter().flatten().map(|(row, _)| *row.bytes());
        let mut taken: HashSet<[u8; 32]> = taken.collect();
        // Some at a time, so that the caller hears how far it is, and what is done is written down.
        let batch = 16 * rayon::current_num_threads();
        let parts = addresses.chunks(batch).zip(blinds.chunks_mut(batch));
        for ((part, blinds), known) in parts.zip(known.chunks_mut(batch)) {
            hear(rows.len(), addresses.len());
            let digests: Vec<RowDigest> = match &journal {
                Some(_) => part
                    .par_iter()
                    .map(|row| digest(row_cells(&weights, *row, row_bits)))
                    .collect(),
                None => Vec::new(),
            };
            if let Some(journal) = &mut journal {
                for (digest, known) in digests.iter().zip(known.iter_mut()) {
                    *known = known.take().or_else(|| {
                        let found = journal.take(digest)?;
                        taken.insert(*found.0.bytes()).then_some(found)
                    });
                }
            }
            for (own, known) in blinds.iter_mut().zip(known.iter()) {
                if let Some((_, blind)) = known {
                    *own = *blind;
                }
            }
            let pairs = part.par_iter().zip(&*blinds).zip(&*known);
            let one = |((address, blind), known): ((&usize, &F), &Option<Known>)| match known {
                Some((commitment, _)) => *commitment,
                None => commit_row(generators, cells.row(*address, row_bits), blind),
            };
            let first = rows.len();
            rows.par_extend(pairs.map(one));
            if let Some(journal) = &mut journal {
                let own = rows.iter().skip(first).zip(&*blinds);
                let own = digests.into_iter().zip(own).zip(&*known);
                let fresh = own.filter(|(_, known)| known.is_none());
                let fresh: Vec<(RowDigest, Known)> = fresh
                    .map(|((digest, (row, blind)), _)| (digest, (*row, *blind)))
                    .collect();
                journal.keep(&fresh).map_err(ProvingModelError::Journal)?;
            }
        }
        hear(addresses.len(), addresses.len());
        let verification = VerificationModel::new(network, rows)?;
        Ok(Self {
            verification,
            weights,
            blinds,
            report,
        })
    }

    /// The model of `samples` runs side by side: the same weights under the same commitments.
    ///
    /// # Errors
    /// Those of [`VerificationModel::batched`].
    pub fn batched(self, samples: usize) -> Result<Self, ProvingModelError> {
        let limits = Limits::default();
        Ok(Self {
            verification: self.verification.batched(samples, &limits)?,
            ..self
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
    pub const fn weights(&self) -> &Weights {
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
            let end = block.address + (1_usize << shape_bits(&block.shape));
            let narrow = matches!(self.weights.part(block.address..end), Part::Narrow(_));
            out.bytes(&[if narrow { NARROW } else { WIDE }]);
            for run in runs(block.address, &block.shape) {
                match self.weights.part(run) {
                    Part::Narrow(v) => {
                        let bytes: Vec<u8> = v.iter().flat_map(|v| v.to_le_bytes()).collect();
                        out.bytes(&bytes);
                    }
                    Part::Wide(v) => out.integers(v),
                }
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
        let mut blocks = Vec::new();
        for block in &network.descriptor().weights {
            let count = block.shape.iter().product::<usize>();
            let [width] = input.array()?;
            blocks.push(match width {
                NARROW => {
                    let bytes = input.bytes(count.saturating_mul(size_of::<i16>()))?;
                    let (pairs, _) = bytes.as_chunks();
                    Integers::Narrow(pairs.iter().map(|b| i16::from_le_bytes(*b)).collect())
                }
                WIDE => Integers::Wide(input.integers(count)?),
                got => return Err(ProvingModelError::Width { got }),
            });
        }
        let weights = Weights::new(network, blocks)?;
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
        self.weights.set(cell, value);
        self
    }
}
