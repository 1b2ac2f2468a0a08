//! The verdict on a proof, as text and as JSON: the same from the command line and from WebAssembly.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::descriptor::Port;
use crate::error::VerifyError;
use crate::model::{ModelId, VerificationModel};
use crate::opened::PortOpening;
use crate::proof::{Proof, model_of};
#[cfg(feature = "cli")]
use crate::quantize::unflatten;
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
    /// A check of the opening.
    #[error("the opening is refused: {0}")]
    Opening(VerifyError),
    /// The model is not the one demanded.
    #[error("the model's id is {got}, not {expected}")]
    ModelId {
        /// Of the model file.
        got: ModelId,
        /// Demanded.
        expected: ModelId,
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
    /// opening is refused; `demand/model-id` and `demand/value` for what the caller demands.
    pub fn check(&self) -> String {
        match self {
            Self::Proof(error) => error.check().to_owned(),
            Self::Opening(error) => format!("opening-file/{}", error.check()),
            Self::ModelId { .. } => "demand/model-id".to_owned(),
            Self::Value { .. } => "demand/value".to_owned(),
        }
    }

    /// Demands a model id, if one is given.
    ///
    /// # Errors
    /// [`Refusal::ModelId`] if the model has another.
    pub fn unless_model(model: &VerificationModel, demanded: Option<ModelId>) -> Result<(), Self> {
        let got = model.id();
        match demanded.filter(|id| *id != got) {
            Some(expected) => Err(Self::ModelId { got, expected }),
            None => Ok(()),
        }
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
    /// Wall time.
    pub seconds: Seconds,
    /// Inputs; absent if invalid.
    pub input: Option<Vec<PortValues>>,
    /// Outputs; absent if invalid.
    pub output: Option<Vec<PortValues>>,
    /// The tensor that was opened.
    pub opened: Option<PortValues>,
    /// The check that refuses it ([`Refusal::check`]).
    pub check: Option<String>,
    /// Why it is refused.
    pub reason: Option<String>,
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
    let got = model_of(bytes)?;
    if got != model.id() {
        return Err(VerifyError::OtherModel {
            got: got.to_string(),
            expected: model.id().to_string(),
        });
    }
    Proof::from_bytes(bytes, model.network())
}

impl Verdict {
    /// The verdict that an outcome gives: the proof, with the opening that was checked along with it, or why it is refused.
    pub fn new(
        model: &VerificationModel,
        outcome: Result<(Proof, Option<PortOpening>), Refusal>,
        seconds: Seconds,
    ) -> Self {
        let mut verdict = Self {
            valid: outcome.is_ok(),
            model_id: model.id().to_string(),
            seconds,
            input: None,
            output: None,
            opened: None,
            check: None,
            reason: None,
        };
        match outcome {
            Ok((proof, opening)) => {
                let descriptor = model.network().descriptor();
                let ports = descriptor.ports().zip(proof.messages.public.ports());
                let values = |(port, shown): (&Port, &Option<Vec<i32>>)| {
                    PortValues::new(port, shown.is_none(), shown.clone())
                };
                let mut inputs: Vec<PortValues> = ports.map(values).collect();
                let outputs = inputs.split_off(descriptor.inputs.len().min(inputs.len()));
                verdict.opened = opening.and_then(|o| {
                    let port = descriptor.ports().nth(o.port)?;
                    let shown = proof.messages.public.ports().get(o.port)?;
                    Some(PortValues::new(port, shown.is_none(), Some(o.values)))
                });
                verdict.input = Some(inputs);
                verdict.output = Some(outputs);
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
            writeln!(f, "valid: a run of model {}", self.model_id)?;
            let kinds = [("input ", &self.input), ("output", &self.output)];
            for (kind, ports) in kinds {
                for port in ports.iter().flatten() {
                    writeln!(f, "  {kind} {port}")?;
                }
            }
            if let Some(opened) = &self.opened {
                writeln!(f, "  opened {opened}")?;
            }
            return Ok(());
        };
        writeln!(f, "INVALID: {reason}")
    }
}
