//! The verification model (PROTOCOL.md §3): descriptor and row commitments of the weights. A verifier loads it once.
//!
//! File: magic, version, length of the descriptor, descriptor, commitments. The model id is a hash of the same.

use std::collections::HashMap;
use std::fmt;

use sha3::{Digest, Sha3_256};

use crate::commitments::RowCommitment;
use crate::descriptor::{Descriptor, Limits};
use crate::encoding::{Reader, Writer};
use crate::error::ModelError;
use crate::network::{Column, Network};

/// First bytes of a verification model file.
pub const MODEL_MAGIC: [u8; 8] = *b"PLEATVM\n";
/// Version of the format; part of the model id.
pub const MODEL_VERSION: u16 = 2;

/// Hash of format version, descriptor and row commitments of `W`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelId(pub [u8; 32]);

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for ModelId {
    type Err = ModelError;

    fn from_str(hex: &str) -> Result<Self, ModelError> {
        let digits: Option<Vec<u8>> = hex
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        let bytes: Vec<u8> = digits
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|p| p.iter().fold(0, |b, d| (b << 4) | d))
            .collect();
        let exact = hex.len() == 64;
        <[u8; 32]>::try_from(bytes)
            .ok()
            .filter(|_| exact)
            .map(Self)
            .ok_or(ModelError::BadId)
    }
}

/// What a verifier knows about a model.
#[derive(Clone, Debug, PartialEq)]
pub struct VerificationModel {
    network: Network,
    weights: Vec<RowCommitment>,
    id: ModelId,
    origin: ModelId,
    samples: usize,
}

impl VerificationModel {
    /// Joins a network with the commitments of its weight rows, in ascending address.
    ///
    /// # Errors
    /// If their number is not the one the descriptor implies.
    pub fn new(network: Network, weights: Vec<RowCommitment>) -> Result<Self, ModelError> {
        let expected = network.rows(Column::W).len();
        if weights.len() != expected {
            return Err(ModelError::WeightRows {
                got: weights.len(),
                expected,
            });
        }
        let descriptor = network.descriptor().to_bytes()?;
        let mut hash = Sha3_256::new();
        hash.update(MODEL_MAGIC);
        hash.update(MODEL_VERSION.to_le_bytes());
        hash.update(
            u64::try_from(descriptor.len())
                .unwrap_or(u64::MAX)
                .to_le_bytes(),
        );
        hash.update(&descriptor);
        for row in &weights {
            hash.update(row.bytes());
        }
        let id = ModelId(hash.finalize().into());
        Ok(Self {
            network,
            weights,
            id,
            origin: id,
            samples: 1,
        })
    }

    /// The model of `samples` runs side by side ([`Descriptor::batched`]): the same commitments, another id.
    ///
    /// # Errors
    /// If there are none, or so many that the descriptor breaks a rule.
    pub fn batched(&self, samples: usize, limits: &Limits) -> Result<Self, ModelError> {
        if samples == 1 {
            return Ok(self.clone());
        }
        let descriptor = self.network.descriptor().batched(samples)?;
        let network = Network::new(descriptor, limits)?;
        Ok(Self {
            origin: self.origin,
            samples: self.samples.saturating_mul(samples),
            ..Self::new(network, self.weights.clone())?
        })
    }

    /// How many rows of weights are under commitments that `other` has, too, each of its own counted once: those rows are the same in
    /// both, as nobody can open a commitment in two ways. Where they stand is not compared.
    pub fn shared_rows(&self, other: &Self) -> usize {
        if self.network.row_bits() != other.network.row_bits() {
            return 0;
        }
        let mut theirs: HashMap<&[u8], usize> = HashMap::new();
        for row in &other.weights {
            let count = theirs.entry(&row.bytes()[..]).or_default();
            *count = count.saturating_add(1);
        }
        let own = self.weights.iter().filter(|row| {
            let left = theirs.get_mut(&row.bytes()[..]);
            left.is_some_and(|left| {
                let found = *left > 0;
                *left = left.saturating_sub(1);
                found
            })
        });
        own.count()
    }

    /// The network.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Commitments of the rows of `W`, in ascending address.
    pub fn weights(&self) -> &[RowCommitment] {
        &self.weights
    }

    /// The model id.
    pub const fn id(&self) -> ModelId {
        self.id
    }

    /// The id of the model of one sample that this one was derived from, otherwise its own: the one that is trusted.
    pub const fn origin(&self) -> ModelId {
        self.origin
    }

    /// How many runs of [`Self::origin`] it is about.
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// If the descriptor cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let mut out = Writer::new(MODEL_MAGIC, MODEL_VERSION);
        out.prefixed(&self.network.descriptor().to_bytes()?);
        for row in &self.weights {
            out.bytes(row.bytes());
        }
        Ok(out.finish())
    }

    /// Reads a file's bytes, strictly: one model has one encoding.
    ///
    /// # Errors
    /// If the bytes are no verification model, or the descriptor breaks a rule.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self, ModelError> {
        let mut input = Reader::new(bytes, MODEL_MAGIC, MODEL_VERSION, "verification model")?;
        let descriptor = Descriptor::from_bytes(input.prefixed(limits.bytes)?, limits)?;
        let network = Network::new(descriptor, limits)?;
        let count = network.rows(Column::W).len();
        let weights = input.points(count)?;
        input.finish()?;
        Self::new(network, weights)
    }
}

impl Descriptor {
    /// Canonical encoding: bincode's standard configuration.
    ///
    /// # Errors
    /// If a table has more entries than memory can hold; never in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        bincode::serde::encode_to_vec(self, bincode::config::standard())
            .map_err(|e| ModelError::Encode(e.to_string()))
    }

    /// Decodes a canonical encoding.
    ///
    /// # Errors
    /// If the bytes are too many, are no descriptor, or are not what encoding it gives.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self, ModelError> {
        if bytes.len() > limits.bytes {
            return Err(ModelError::TooLong {
                got: bytes.len(),
                limit: limits.bytes,
            });
        }
        let config = bincode::config::standard().with_limit::<{ 1 << 28 }>();
        let (descriptor, read): (Self, usize) = bincode::serde::decode_from_slice(bytes, config)
            .map_err(|e| ModelError::Decode(e.to_string()))?;
        if read != bytes.len() || descriptor.to_bytes()? != bytes {
            return Err(ModelError::NotCanonical);
        }
        Ok(descriptor)
    }
}
