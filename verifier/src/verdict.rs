//! The verdict on a proof, as text and as JSON: the same from the command line and from WebAssembly.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::decoding::DecodingError;
#[cfg(feature = "cli")]
use crate::descriptor::IndexPort;
use crate::descriptor::Port;
use crate::error::VerifyError;
use crate::fold::Mode;
use crate::model::{ModelId, VerificationModel};
use crate::opened::PortOpening;
use crate::places::Supplied;
use crate::proof::{Proof, model_of};
#[cfg(feature = "cli")]
use crate::quantize::unflatten;
use crate::receipt::{IndexTensor, Receipt, ReceiptError, ReceiptMismatch, Sha3Hash, canonical};
use crate::verify::dequantize;

/// The proof is valid, or the command did what it should.
pub const EXIT_GOOD: u8 = 0;
/// The proof is invalid.
pub const EXIT_INVALID: u8 = 1;
/// The command could not be carried out.
pub const EXIT_FAILED: u8 = 2;

/// Values of a tensor that are printed as text; JSON has all.
const SHOWN: usize = 10;

/// Why a proof is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A check of the proof.
    #[error(transparent)]
    Proof(VerifyError),
    /// A check of a proof whose file leaves out public values, with those that the caller gave.
    #[error("{0}. The proof's file leaves out values that it shows: those given may be others")]
    Given(VerifyError),
    /// A check of the opening.
    #[error("the opening is refused: {0}")]
    Opening(VerifyError),
    /// The receipt is none.
    #[error("the receipt is refused: {0}")]
    Receipt(ReceiptError),
    /// The receipt says what the proof does not.
    #[error(transparent)]
    Mismatch(ReceiptMismatch),
    /// The receipt is not the one that a manifest names.
    #[error("the receipt's hash is {got}; the manifest names {expected}")]
    OtherReceipt {
        /// Of the receipt.
        got: Sha3Hash,
        /// In the manifest.
        expected: Sha3Hash,
    },
    /// The model is not the one demanded.
    #[error("the model's id is {got}, not {expected}")]
    ModelId {
        /// Of the model file.
        got: ModelId,
        /// Demanded.
        expected: ModelId,
    },
    /// The network was not given the words demanded.
    #[error("--prompt: {0}")]
    Prompt(DecodingError),
    /// A public index is not the one demanded.
    #[error("{flag}: index tensor {port}, index {index:?}, is {got} in the proof, not {expected}")]
    Index {
        /// The option that demands it.
        flag: &'static str,
        /// The tensor.
        port: String,
        /// The first element that differs.
        index: Vec<usize>,
        /// In the proof.
        got: u32,
        /// Demanded.
        expected: u32,
    },
    /// A value is not the one demanded.
    #[error(
        "{flag}: tensor {port}, index {index:?}, is {got} (integer {got_integer}) in the proof, not {expected} (integer {expected_integer})"
    )]
    Value {
        /// The option that demands it.
        flag: &'static str,
        /// The tensor.
        port: String,
        /// The first element that differs.
        index: Vec<usize>,
        /// Real value in the proof.
        got: f64,
        /// Integer in the proof.
        got_integer: i32,
        /// Real value of the integer demanded.
        expected: f64,
        /// Integer demanded.
        expected_integer: i32,
    },
}

impl Refusal {
    /// The check that refuses, under a name that stays: those of [`VerifyError::check`], after `opening-file/` where an
    /// opening is refused; `receipt/form`, `receipt/mismatch` and `receipt/other`; `demand/model-id`, `demand/prompt`, `demand/index` and `demand/value` for what the caller demands.
    pub fn check(&self) -> String {
        match self {
            Self::Proof(error) | Self::Given(error) => error.check().to_owned(),
            Self::Opening(error) => format!("opening-file/{}", error.check()),
            Self::Receipt(_) => "receipt/form".to_owned(),
            Self::Mismatch(_) => "receipt/mismatch".to_owned(),
            Self::OtherReceipt { .. } => "receipt/other".to_owned(),
            Self::ModelId { .. } => "demand/model-id".to_owned(),
            Self::Prompt(_) => "demand/prompt".to_owned(),
            Self::Index { .. } => "demand/index".to_owned(),
            Self::Value { .. } => "demand/value".to_owned(),
        }
    }

    /// Demands a model id, if one is given.
    ///
    /// # Errors
    /// [`Refusal::ModelId`] if the model has another.
    pub fn unless_model(model: &VerificationModel, demanded: Option<ModelId>) -> Result<(), Self> {
        let got = model.origin();
        match demanded.filter(|id| *id != got) {
            Some(expected) => Err(Self::ModelId { got, expected }),
            None => Ok(()),
        }
    }

    /// If the two differ, where they first do.
    #[cfg(feature = "cli")]
    pub(crate) fn of_indices(
        flag: &'static str,
        port: &IndexPort,
        demanded: &[u32],
        claimed: &[u32],
    ) -> Option<Self> {
        let mut pairs = demanded.iter().zip(claimed).enumerate();
        let (flat, (expected, got)) = pairs.find(|(_, (a, b))| a != b)?;
        Some(Self::Index {
            flag,
            port: port.name.clone(),
            index: unflatten(&port.shape, flat),
            got: *got,
            expected: *expected,
        })
    }

    /// If the two differ, where they first do.
    #[cfg(feature = "cli")]
    pub(crate) fn of_values(
        flag: &'static str,
        port: &Port,
        demanded: &[i32],
        claimed: &[i32],
    ) -> Option<Self> {
        let pairs = demanded.iter().zip(claimed).enumerate();
        let mut different = pairs.filter(|(_, (demanded, claimed))| demanded != claimed);
        different
            .next()
            .map(|(flat, (demanded, claimed))| Self::Value {
                flag,
                port: port.name.clone(),
                index: unflatten(&port.shape, flat),
                got: f64::from(*claimed) * port.scale,
                got_integer: *claimed,
                expected: f64::from(*demanded) * port.scale,
                expected_integer: *demanded,
            })
    }
}

/// A tensor of the statement, with its values if they are known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortValues {
    /// Its name in the model.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether the proof hides it.
    pub hidden: bool,
    /// Real values, row-major: integer times scale.
    pub values: Option<Vec<f64>>,
    /// The integers that the proof is about.
    pub integers: Option<Vec<i32>>,
    /// Real value of one integer unit.
    pub scale: f64,
}

impl PortValues {
    /// A tensor and what is known of it.
    pub fn new(port: &Port, hidden: bool, integers: Option<Vec<i32>>) -> Self {
        Self {
            name: port.name.clone(),
            shape: port.shape.clone(),
            hidden,
            values: integers.as_deref().map(|v| dequantize(port, v)),
            integers,
            scale: port.scale,
        }
    }

    /// The inputs and the outputs of a proof, as it shows them.
    pub fn of_proof(model: &VerificationModel, proof: &Proof) -> (Vec<Self>, Vec<Self>) {
        let descriptor = model.network().descriptor();
        let ports = descriptor.ports().zip(proof.messages.public.ports());
        let values = |(port, shown): (&Port, &Option<Vec<i32>>)| {
            Self::new(port, shown.is_none(), shown.clone())
        };
        let mut inputs: Vec<Self> = ports.map(values).collect();
        let outputs = inputs.split_off(descriptor.inputs.len().min(inputs.len()));
        (inputs, outputs)
    }
}

impl fmt::Display for PortValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: ", self.name, self.shape)?;
        match (&self.values, &self.integers) {
            (Some(values), Some(integers)) => f.write_str(&values_line(values, integers)),
            _ => f.write_str("hidden"),
        }
    }
}

/// The first values of a tensor, each real number beside its integer.
pub fn values_line(values: &[f64], integers: &[i32]) -> String {
    let pairs = values.iter().zip(integers).take(SHOWN);
    let pairs: Vec<String> = pairs.map(|(v, i)| format!("{v:.6} ({i})")).collect();
    let more = match values.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" … and {n} more"),
    };
    format!("{}{more}", pairs.join(", "))
}

impl fmt::Display for IndexTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values.iter().take(SHOWN).map(u32::to_string).collect();
        write!(
            f,
            "{:6} {} {:?}: ",
            self.role.to_string(),
            self.name,
            self.shape
        )?;
        f.write_str(&values.join(", "))?;
        match self.values.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            n => write!(f, " … and {n} more"),
        }
    }
}

/// A receipt that says what its proof says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReceiptSummary {
    /// Its hash.
    pub hash: String,
    /// The creator's own words; nothing checks them.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// Hashes of previous receipts, which `pleat verify-chain` checks.
    pub previous: Vec<Sha3Hash>,
}

impl ReceiptSummary {
    /// Of a receipt that was checked.
    pub fn new(receipt: &Receipt) -> Self {
        let bytes = receipt.to_bytes().unwrap_or_default();
        Self {
            hash: Sha3Hash::of(&bytes).to_string(),
            claims: receipt.claims.clone(),
            previous: receipt.previous.clone(),
        }
    }
}

impl fmt::Display for ReceiptSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hash)?;
        for previous in &self.previous {
            write!(
                f,
                "\n           after {previous} (for `verify-chain` to check)"
            )?;
        }
        if !self.claims.is_empty() {
            let claims = serde_json::Value::Object(self.claims.clone());
            let text = canonical(&claims).unwrap_or_default();
            write!(f, "\n           claims, checked by nobody: {text}")?;
        }
        Ok(())
    }
}

/// Wall time of a verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Seconds {
    /// Loading or building the universal parameters, deriving generators.
    pub setup: f64,
    /// The checks.
    pub verify: f64,
    /// Everything.
    pub total: f64,
}

/// What became of a proof.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether everything holds: the proof, the opening, the demands.
    pub valid: bool,
    /// The model that it was checked against.
    pub model_id: String,
    /// How many samples the proof was said to be about, if it is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// The proof's mode; absent if invalid.
    pub fold: Option<Mode>,
    /// Wall time.
    pub seconds: Seconds,
    /// Inputs; absent if invalid.
    pub input: Option<Vec<PortValues>>,
    /// Outputs; absent if invalid.
    pub output: Option<Vec<PortValues>>,
    /// Public indices, given and answers; absent if invalid, or if the model has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indices: Option<Vec<IndexTensor>>,
    /// The tensor that was opened.
    pub opened: Option<PortValues>,
    /// The receipt that was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptSummary>,
    /// The check that refuses it ([`Refusal::check`]).
    pub check: Option<String>,
    /// Why it is refused.
    pub reason: Option<String>,
}

/// A proof that is valid, and what was checked along with it.
#[derive(Clone, Debug)]
pub struct Valid {
    /// The proof.
    pub proof: Proof,
    /// An opening of one of its tensors.
    pub opening: Option<PortOpening>,
    /// Its receipt.
    pub receipt: Option<Receipt>,
}

impl From<Proof> for Valid {
    fn from(proof: Proof) -> Self {
        Self {
            proof,
            opening: None,
            receipt: None,
        }
    }
}

/// Why nothing can be said of a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The reason.
    pub error: String,
}

/// Decodes a proof about `model`; one about another model is refused as that, not for its length.
///
/// # Errors
/// The check that refuses it.
pub fn decode_proof(bytes: &[u8], model: &VerificationModel) -> Result<Proof, VerifyError> {
    decode_proof_with(bytes, model, &Supplied::default())
}

/// [`decode_proof`], with the public values that the file leaves out.
///
/// # Errors
/// The check that refuses it.
pub fn decode_proof_with(
    bytes: &[u8],
    model: &VerificationModel,
    supplied: &Supplied,
) -> Result<Proof, VerifyError> {
    let got = model_of(bytes)?;
    if got != model.id() {
        return Err(VerifyError::OtherModel {
            got: got.to_string(),
            expected: model.id().to_string(),
        });
    }
    Proof::from_bytes_with(bytes, model.network(), supplied)
}

impl Verdict {
    /// The verdict that an outcome gives.
    pub fn new(
        model: &VerificationModel,
        outcome: Result<Valid, Refusal>,
        seconds: Seconds,
    ) -> Self {
        let mut verdict = Self {
            valid: outcome.is_ok(),
            model_id: model.origin().to_string(),
            samples: Some(model.samples()).filter(|n| *n > 1),
            fold: None,
            seconds,
            input: None,
            output: None,
            indices: None,
            opened: None,
            receipt: None,
            check: None,
            reason: None,
        };
        match outcome {
            Ok(Valid {
                proof,
                opening,
                receipt,
            }) => {
                verdict.fold = Some(proof.mode());
                verdict.receipt = receipt.as_ref().map(ReceiptSummary::new);
                let descriptor = model.network().descriptor();
                let (inputs, outputs) = PortValues::of_proof(model, &proof);
                verdict.opened = opening.and_then(|o| {
                    let port = descriptor.ports().nth(o.port)?;
                    let shown = proof.messages.public.ports().get(o.port)?;
                    Some(PortValues::new(port, shown.is_none(), Some(o.values)))
                });
                verdict.input = Some(inputs);
                verdict.output = Some(outputs);
                let indices = IndexTensor::all(descriptor, proof.messages.public.indices());
                verdict.indices = Some(indices).filter(|i| !i.is_empty());
            }
            Err(refusal) => {
                verdict.check = Some(refusal.check());
                verdict.reason = Some(refusal.to_string());
            }
        }
        verdict
    }

    /// The exit code that says it.
    pub const fn exit_code(&self) -> u8 {
        if self.valid { EXIT_GOOD } else { EXIT_INVALID }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(reason) = &self.reason else {
            match self.samples {
                None => writeln!(f, "valid: a run of model {}", self.model_id)?,
                Some(n) => writeln!(f, "valid: {n} runs of model {}", self.model_id)?,
            }
            if let Some(fold) = self.fold {
                writeln!(f, "  fold   {fold}")?;
            }
            let kinds = [("input ", &self.input), ("output", &self.output)];
            for (kind, ports) in kinds {
                for port in ports.iter().flatten() {
                    writeln!(f, "  {kind} {port}")?;
                }
            }
            for tensor in self.indices.iter().flatten() {
                writeln!(f, "  {tensor}")?;
            }
            if let Some(opened) = &self.opened {
                writeln!(f, "  opened {opened}")?;
            }
            if let Some(receipt) = &self.receipt {
                writeln!(f, "  receipt {receipt}")?;
            }
            return Ok(());
        };
        writeln!(f, "INVALID: {reason}")?;
        if self.check.as_deref() == Some("other-model") {
            f.write_str(
                "(a proof about N samples of a model at once is checked with --samples N)\n",
            )?;
        }
        Ok(())
    }
}
