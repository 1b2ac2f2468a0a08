//! What is answered, over HTTP and MCP alike, with JSON schemas of the verifier's own types.

use std::borrow::Cow;

use pleat_verifier::command::{ChainVerdict, PortValues, Verdict};
use pleat_verifier::explain::explain;
use pleat_verifier::fold::Mode;
use pleat_verifier::receipt::IndexTensor;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::requests::Side;

/// A model of the folder.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ModelEntry {
    /// The name that requests use.
    pub name: String,
    /// Its id, if it has a file to verify with: the hash of the network's shape and of the commitments to its weights.
    pub model_id: Option<String>,
    /// Whether it runs and proves here; otherwise proofs about it can be verified.
    pub can_prove: bool,
}

/// The models of the folder.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ModelList {
    /// By name.
    pub models: Vec<ModelEntry>,
}

/// An input or output of a model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Its shape, for one sample.
    pub shape: Vec<usize>,
    /// How many numbers one sample takes.
    pub numbers: usize,
    /// Real value of one integer unit.
    pub scale: f64,
    /// The least real number that an input may have.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// A tensor of public indices, such as token ids.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Whether it is `given`, or an `answer`.
    pub role: String,
    /// Its shape, for one sample.
    pub shape: Vec<usize>,
    /// Indices are integers from 0 on, and below this.
    pub below: usize,
}

/// A model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ModelInfo {
    /// The name that requests use.
    pub name: String,
    /// Its id.
    pub model_id: String,
    /// Whether it runs and proves here.
    pub can_prove: bool,
    /// Rows of a run: what a proof costs.
    pub rows: usize,
    /// The mode of proofs, unless a request names one.
    pub fold: String,
    /// What a request gives, in this order.
    pub inputs: Vec<TensorInfo>,
    /// Public indices; those that are given follow the inputs in a request.
    pub indices: Vec<IndexInfo>,
    /// What a run gives.
    pub outputs: Vec<TensorInfo>,
}

/// A run without a proof.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunAnswer {
    /// The model.
    pub model: String,
    /// Its id.
    pub model_id: String,
    /// Samples.
    pub samples: usize,
    /// The outputs: integers, and the real numbers that they stand for.
    #[schemars(schema_with = "port_values")]
    pub output: Vec<PortValues>,
    /// Public indices.
    #[schemars(schema_with = "index_tensors")]
    pub indices: Vec<IndexTensor>,
}

/// A proof that was made.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Made {
    /// The model.
    pub model: String,
    /// Its id.
    pub model_id: String,
    /// Samples that the proof is about.
    pub samples: usize,
    /// How the proof hides its steps.
    #[schemars(schema_with = "mode")]
    pub fold: Mode,
    /// What the proof hides.
    pub hidden: Vec<Side>,
    /// Length of the proof's file.
    pub proof_bytes: usize,
    /// SHA3-256 of the proof's file.
    pub proof_hash: String,
    /// SHA3-256 of the receipt's file, by which other receipts refer to it.
    pub receipt_hash: String,
    /// The outputs; their values only if the proof shows them.
    #[schemars(schema_with = "port_values")]
    pub output: Vec<PortValues>,
    /// Public indices.
    #[schemars(schema_with = "index_tensors")]
    pub indices: Vec<IndexTensor>,
    /// How long it took.
    pub seconds: f64,
}

/// A verdict, with what the refusing check is.
#[derive(Clone, Debug, Serialize)]
pub struct Checked<V> {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: V,
    /// If it is invalid: what the check is that refuses it, what that means and what to do.
    pub explanation: Option<Cow<'static, str>>,
}

impl From<Verdict> for Checked<Verdict> {
    fn from(verdict: Verdict) -> Self {
        let explanation = verdict.check.as_deref().and_then(explain);
        Self {
            verdict,
            explanation,
        }
    }
}

impl From<ChainVerdict> for Checked<ChainVerdict> {
    fn from(verdict: ChainVerdict) -> Self {
        let explanation = (!verdict.valid).then(|| explain("chain")).flatten();
        Self {
            verdict,
            explanation,
        }
    }
}

/// What a check or a verdict means.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Explanation {
    /// The check, if one refused.
    pub check: Option<String>,
    /// What it is, what it means that it refused, and what to do; or what a valid proof says, and what it does not say.
    pub explanation: String,
}

/// The error of an answer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDetails {
    /// A name that stays.
    pub kind: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Any answer that is an error.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorAnswer {
    /// It.
    pub error: ErrorDetails,
}

impl JsonSchema for Checked<Verdict> {
    fn schema_name() -> Cow<'static, str> {
        "Verdict".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "What became of a proof.",
            "required": ["valid", "model_id", "fold", "seconds", "input", "output", "opened", "check", "reason", "explanation"],
            "properties": {
                "valid": {"type": "boolean", "description": "Whether everything holds: the proof, the receipt, the opening, the demands."},
                "model_id": {"type": "string"},
                "samples": {"type": ["integer", "null"]},
                "fold": nullable(mode_schema()),
                "seconds": seconds(),
                "input": nullable(list(port())),
                "output": nullable(list(port())),
                "indices": nullable(list(index())),
                "opened": nullable(port()),
                "receipt": nullable(receipt()),
                "check": {"type": ["string", "null"], "description": "The check that refuses, under a name that stays."},
                "reason": {"type": ["string", "null"]},
                "explanation": {"type": ["string", "null"]},
            },
        })
    }
}

impl JsonSchema for Checked<ChainVerdict> {
    fn schema_name() -> Cow<'static, str> {
        "ChainVerdict".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut member = receipt();
        if let Some(properties) = member.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("file".to_owned(), json!({"type": "string"}));
            properties.insert("model_id".to_owned(), json!({"type": "string"}));
            properties.insert("fold".to_owned(), mode_schema());
            properties.insert("input".to_owned(), list(port()));
            properties.insert("output".to_owned(), list(port()));
        }
        let link = json!({
            "type": "object",
            "required": ["from", "to"],
            "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
        });
        json_schema!({
            "type": "object",
            "description": "What became of a chain of receipts.",
            "required": ["valid", "receipts", "links", "reason", "seconds", "explanation"],
            "properties": {
                "valid": {"type": "boolean", "description": "Whether all proofs, receipts and links hold."},
                "receipts": list(member),
                "links": list(link),
                "reason": {"type": ["string", "null"]},
                "seconds": seconds(),
                "explanation": {"type": ["string", "null"]},
            },
        })
    }
}

fn port_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": port()})
}

fn index_tensors(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": index()})
}

fn mode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ["tree", "chain"]})
}

fn mode_schema() -> Value {
    json!({"enum": ["tree", "chain"]})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn nullable(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn shape() -> Value {
    list(json!({"type": "integer", "minimum": 1}))
}

fn port() -> Value {
    json!({
        "type": "object",
        "description": "A tensor; its values are null where they are hidden.",
        "required": ["name", "shape", "hidden", "values", "integers", "scale"],
        "properties": {
            "name": {"type": "string"},
            "shape": shape(),
            "hidden": {"type": "boolean"},
            "values": nullable(list(json!({"type": "number"}))),
            "integers": nullable(list(json!({"type": "integer"}))),
            "scale": {"type": "number", "description": "Real value of one integer unit."},
        },
    })
}

fn index() -> Value {
    json!({
        "type": "object",
        "description": "A tensor of public indices.",
        "required": ["name", "role", "shape", "values"],
        "properties": {
            "name": {"type": "string"},
            "role": {"enum": ["given", "answer"]},
            "shape": shape(),
            "values": list(json!({"type": "integer", "minimum": 0})),
        },
    })
}

fn seconds() -> Value {
    let number = json!({"type": "number", "minimum": 0});
    json!({
        "type": "object",
        "required": ["setup", "verify", "total"],
        "properties": {"setup": number, "verify": number, "total": number},
    })
}

fn receipt() -> Value {
    json!({
        "type": "object",
        "required": ["hash", "claims", "previous"],
        "properties": {
            "hash": {"type": "string"},
            "claims": {"type": "object", "description": "The creator's own words; nothing checks them."},
            "previous": list(json!({"type": "string"})),
        },
    })
}
