//! Receipts: what a proof says, as a small JSON document that others can keep, sign, and refer to by its hash.
//!
//! A receipt names the model, the proof file, the commitments of all inputs and outputs and the values that are shown; all of
//! this is checked against the proof ([`Receipt::check`]). It may name previous receipts, and say that an input is a tensor of
//! one of them; [`chain`](crate::chain) checks that. Its claims are the creator's own words, which nothing checks.
//!
//! The file is the canonical JSON of the value ([`canonical()`]), so that a receipt has one text and one hash.

mod canonical;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use sha3::{Digest, Sha3_256};
use thiserror::Error;

use crate::commitments::RowCommitment;
use crate::descriptor::{Descriptor, IndexPort, IndexRole, Indices, Port};
use crate::fold::Mode;
use crate::messages::Messages;
use crate::model::{ModelId, VerificationModel};
use crate::places::Supplied;
use crate::proof::Proof;

pub use canonical::canonical;

/// What the member `receipt` says: the format's name and version.
pub const RECEIPT_VERSION: &str = "pleat/3";
/// Longer files are not read.
pub const RECEIPT_LIMIT: usize = 1 << 28;
/// Before the points that a tensor's commitment is the hash of.
const TENSOR_LABEL: &[u8] = b"pleat/tensor/v1";

/// A SHA3-256 hash; as text, 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha3Hash(pub [u8; 32]);

impl Sha3Hash {
    /// Of a file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha3_256::digest(bytes).into())
    }

    /// Of a tensor's row commitments: equal hashes mean equal commitments.
    pub fn of_tensor(rows: &[RowCommitment]) -> Self {
        let mut hash = Sha3_256::new();
        hash.update(TENSOR_LABEL);
        for row in rows {
            hash.update(row.bytes());
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Sha3Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ModelId(self.0).fmt(f)
    }
}

impl fmt::Debug for Sha3Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Sha3Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha3Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(deserializer)?;
        ModelId::from_str(&hex)
            .map(|id| Self(id.0))
            .map_err(|_| serde::de::Error::custom(format!("{hex:?} is not 64 hexadecimal digits")))
    }
}

/// Whether a tensor is an input or an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An input.
    Input,
    /// An output.
    Output,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// Where an input is said to come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Hash of the other proof's receipt; it is also among the previous ones.
    pub receipt: Sha3Hash,
    /// What the tensor was there.
    pub role: Role,
    /// Its name there.
    pub name: String,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Its name in the model.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Real value of one integer unit, in decimal: the shortest that reads back as the model's number.
    pub scale: String,
    /// Hash of its row commitments.
    pub commitment: Sha3Hash,
    /// Its integers, row-major, if the proof shows them.
    pub integers: Option<Vec<i32>>,
    /// For an input, the tensor of a previous proof that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
}

/// A public tensor of indices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexTensor {
    /// Its name in the model.
    pub name: String,
    /// Whether it is given, or an answer.
    pub role: IndexRole,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<u32>,
}

/// What a proof says, and what its creator says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`RECEIPT_VERSION`].
    receipt: String,
    /// The model id.
    pub model: Sha3Hash,
    /// Hash of the proof file.
    pub proof: Sha3Hash,
    /// The proof's mode.
    pub fold: Mode,
    /// The inputs.
    pub inputs: Vec<Tensor>,
    /// The outputs.
    pub outputs: Vec<Tensor>,
    /// The public indices.
    pub indices: Vec<IndexTensor>,
    /// The creator's own words; nothing checks them.
    pub claims: Map<String, Value>,
    /// Hashes of previous receipts.
    pub previous: Vec<Sha3Hash>,
}

/// The proof that a receipt is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its file.
    pub file: &'a [u8],
    /// Its mode.
    pub fold: Mode,
    /// Its messages.
    pub messages: &'a Messages,
}

impl<'a> Subject<'a> {
    /// A proof, given as file and decoded.
    pub const fn new(file: &'a [u8], proof: &'a Proof) -> Self {
        Self {
            file,
            fold: proof.mode(),
            messages: &proof.messages,
        }
    }
}

/// What a receipt says beyond its proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remarks {
    /// The creator's own words.
    pub claims: Map<String, Value>,
    /// Hashes of previous receipts.
    pub previous: Vec<Sha3Hash>,
    /// Per input, where it comes from.
    pub origins: Vec<Option<Origin>>,
}

/// Why bytes are not a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Too long.
    #[error("{got} bytes are over the limit of {RECEIPT_LIMIT}")]
    TooLong {
        /// The length.
        got: usize,
    },
    /// No JSON, or not of a receipt's form.
    #[error("not a receipt: {0}")]
    Form(String),
    /// Of another version.
    #[error("a receipt of version {got:?}; this program reads {RECEIPT_VERSION:?}")]
    Version {
        /// The version found.
        got: String,
    },
    /// Another text of the same value is the canonical one.
    #[error(
        "not in canonical form (RFC 8785): it was edited, or written by a program that does not follow it"
    )]
    NotCanonical,
    /// A number that JSON implementations do not agree on.
    #[error("the number {number} is a fraction or beyond 2^53; write it as a string")]
    Number {
        /// The number.
        number: String,
    },
}

/// What a receipt says that its proof does not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the receipt's {member} is not the proof's")]
pub struct ReceiptMismatch {
    /// The first member that differs, as a path: `model`, `inputs[0].commitment`.
    pub member: String,
}

impl Tensor {
    fn new(port: &Port, rows: &[RowCommitment], shown: Option<&[i32]>) -> Self {
        Self {
            name: port.name.clone(),
            shape: port.shape.clone(),
            scale: port.scale.to_string(),
            commitment: Sha3Hash::of_tensor(rows),
            integers: shown.map(<[i32]>::to_vec),
            from: None,
        }
    }

    /// The member in which `self` differs from `other`.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let members = [
            ("name", self.name == other.name),
            ("shape", self.shape == other.shape),
            ("scale", self.scale == other.scale),
            ("commitment", self.commitment == other.commitment),
            ("integers", self.integers == other.integers),
            ("from", self.from == other.from),
        ];
        members
            .into_iter()
            .find(|(_, same)| !same)
            .map(|(name, _)| name)
    }
}

impl IndexTensor {
    /// All of a proof's.
    pub fn all(descriptor: &Descriptor, indices: &Indices) -> Vec<Self> {
        let ports = descriptor.indices.iter().zip(indices.values());
        let tensor = |(port, values): (&IndexPort, &[u32])| Self {
            name: port.name.clone(),
            role: port.role,
            shape: port.shape.clone(),
            values: values.to_vec(),
        };
        ports.map(tensor).collect()
    }
}

impl Receipt {
    /// The public values that it lists.
    pub fn values(&self) -> Supplied {
        let ports = self.inputs.iter().chain(&self.outputs);
        let indices = self.indices.iter();
        Supplied {
            ports: ports.map(|tensor| tensor.integers.clone()).collect(),
            indices: indices.map(|tensor| Some(tensor.values.clone())).collect(),
        }
    }

    /// The receipt of a proof.
    pub fn new(model: &VerificationModel, proof: &Subject<'_>, remarks: Remarks) -> Self {
        let Subject {
            file,
            fold,
            messages,
        } = *proof;
        let network = model.network();
        let descriptor = network.descriptor();
        let ports = descriptor.ports().zip(messages.public.ports());
        let mut inputs: Vec<Tensor> = ports
            .map(|(port, shown)| {
                let rows = messages.port_commitment(network, port);
                Tensor::new(port, &rows, shown.as_deref())
            })
            .collect();
        let outputs = inputs.split_off(descriptor.inputs.len().min(inputs.len()));
        for (input, origin) in inputs.iter_mut().zip(remarks.origins) {
            input.from = origin;
        }
        Self {
            receipt: RECEIPT_VERSION.to_owned(),
            model: Sha3Hash(model.id().0),
            proof: Sha3Hash::of(file),
            fold,
            inputs,
            outputs,
            indices: IndexTensor::all(descriptor, messages.public.indices()),
            claims: remarks.claims,
            previous: remarks.previous,
        }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`ReceiptError::Number`] if the claims have numbers that are not exact.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ReceiptError> {
        let value = serde_json::to_value(self).map_err(|e| ReceiptError::Form(e.to_string()))?;
        canonical(&value).map(String::into_bytes)
    }

    /// Reads a file's bytes, strictly: one receipt has one text.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > RECEIPT_LIMIT {
            return Err(ReceiptError::TooLong { got: bytes.len() });
        }
        let form = |e: serde_json::Error| ReceiptError::Form(e.to_string());
        let value: Value = serde_json::from_slice(bytes).map_err(form)?;
        match value.get("receipt") {
            Some(Value::String(version)) if version == RECEIPT_VERSION => {}
            Some(Value::String(got)) => return Err(ReceiptError::Version { got: got.clone() }),
            _ => {
                return Err(ReceiptError::Form(
                    "it has no version \"receipt\"".to_owned(),
                ));
            }
        }
        let receipt: Self = serde_json::from_value(value).map_err(form)?;
        // Also finds members that occur twice, and upper-case digits.
        if receipt.to_bytes()? != bytes {
            return Err(ReceiptError::NotCanonical);
        }
        Ok(receipt)
    }

    /// Its tensors of one role.
    pub fn tensors(&self, role: Role) -> &[Tensor] {
        match role {
            Role::Input => &self.inputs,
            Role::Output => &self.outputs,
        }
    }

    /// Checks all that the receipt says about a proof. That the proof is valid is for the caller to check, and what
    /// previous receipts are about for [`chain`](crate::chain).
    ///
    /// # Errors
    /// The first member that is not the proof's.
    pub fn check(
        &self,
        model: &VerificationModel,
        proof: &Subject<'_>,
    ) -> Result<(), ReceiptMismatch> {
        let remarks = Remarks {
            claims: self.claims.clone(),
            previous: self.previous.clone(),
            origins: self.inputs.iter().map(|t| t.from.clone()).collect(),
        };
        let expected = Self::new(model, proof, remarks);
        self.difference(&expected)
            .map_or(Ok(()), |member| Err(ReceiptMismatch { member }))
    }

    /// The first member in which `self` differs from what the proof says, or contradicts itself.
    fn difference(&self, expected: &Self) -> Option<String> {
        if self.model != expected.model {
            return Some("model".to_owned());
        }
        if self.proof != expected.proof {
            return Some("proof".to_owned());
        }
        if self.fold != expected.fold {
            return Some("fold".to_owned());
        }
        for (list, own, other) in [
            ("inputs", &self.inputs, &expected.inputs),
            ("outputs", &self.outputs, &expected.outputs),
        ] {
            if own.len() != other.len() {
                return Some(list.to_owned());
            }
            let pairs = own.iter().zip(other).enumerate();
            let mut different =
                pairs.filter_map(|(i, (own, other))| Some((i, own.difference(other)?)));
            if let Some((i, member)) = different.next() {
                return Some(format!("{list}[{i}].{member}"));
            }
        }
        if self.indices.len() != expected.indices.len() {
            return Some("indices".to_owned());
        }
        let pairs = self.indices.iter().zip(&expected.indices);
        if let Some(i) = pairs.into_iter().position(|(own, other)| own != other) {
            return Some(format!("indices[{i}]"));
        }
        let known = |origin: &Origin| self.previous.contains(&origin.receipt);
        let mut origins = self.inputs.iter().map(|t| t.from.as_ref()).enumerate();
        if let Some((i, _)) = origins.find(|(_, from)| from.is_some_and(|o| !known(o))) {
            return Some(format!("inputs[{i}].from.receipt"));
        }
        let twice =
            |(i, hash): &(usize, &Sha3Hash)| self.previous.iter().take(*i).any(|p| p == *hash);
        let repeated = self.previous.iter().enumerate().find(twice);
        repeated.map(|(i, _)| format!("previous[{i}]"))
    }
}
