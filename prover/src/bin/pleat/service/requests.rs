//! What can be asked for, over HTTP and MCP alike.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Bytes, Numbers, Object};

/// What a proof may hide, or its file leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// All inputs.
    Input,
    /// All outputs.
    Output,
}

/// How a proof hides its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fold {
    /// Committed steps, folded in a tree: fast.
    Tree,
    /// Nova's recursion: of one length for every depth, and slower.
    Chain,
}

/// Numbers of the inputs and, after them, of the public indices.
#[derive(Clone, Debug, Default)]
pub struct Data<'a> {
    /// In the model's order.
    pub lists: Option<&'a [Numbers]>,
    /// By name.
    pub names: Option<&'a BTreeMap<String, Numbers>>,
    /// Samples in each.
    pub samples: usize,
}

/// A run in integers, without a proof.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// One list of numbers for each input of the model, in its order, then one for each public index tensor. Real numbers are rounded
    /// to the model's integers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_data: Option<Vec<Numbers>>,
    /// The same by the tensors' names, instead of input_data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeMap<String, Numbers>>,
    /// How many samples the lists hold, one after the other; all go through the network side by side. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65536))]
    pub samples: Option<u32>,
}

/// An input that is a tensor of another proof.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkedInput {
    /// Name of this model's input.
    pub input: String,
    /// The opening of the other proof's tensor, as `pleat open` writes it: it holds the values and the blinds.
    pub opening: Bytes,
}

/// A run that is to be proved.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProveRequest {
    /// One list of numbers for each input of the model that is not linked, in its order, then one for each public index tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_data: Option<Vec<Numbers>>,
    /// The same by the tensors' names, instead of input_data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeMap<String, Numbers>>,
    /// How many samples the lists hold; one proof is about all of them. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65536))]
    pub samples: Option<u32>,
    /// What the proof hides. Everything that is not hidden is public: in the proof and in the receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hide: Vec<Side>,
    /// What is public, but left out of the proof's file: whoever verifies gives the values, or the receipt that has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<Side>,
    /// How the proof hides its steps. Default: whichever proof is shorter for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
    /// Words of your own for the receipt; nothing checks them. Fractions have to be written as strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Object>,
    /// Receipts that this one refers to by their hashes; one is needed for every linked input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<Object>,
    /// Inputs that carry the commitments of other proofs' tensors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<LinkedInput>,
}

/// A proof that is to be checked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// Name of the model that the proof is said to be about.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$"))]
    pub model: String,
    /// The proof.
    pub proof: Bytes,
    /// Its receipt: all that it says about the proof is checked.
    #[serde(default)]
    pub receipt: Option<Object>,
    /// Demand this model id, from someone you trust.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub model_id: Option<String>,
    /// How many samples the proof is about. Default 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65536))]
    pub samples: Option<u32>,
    /// Demand that the proof is about this input: a list for each input and each given index tensor.
    #[serde(default)]
    pub input: Option<Vec<Numbers>>,
    /// Demand that the proof shows this output: a list for each output and each answered index tensor.
    #[serde(default)]
    pub output: Option<Vec<Numbers>>,
    /// An opening of a hidden tensor, which is checked and shown.
    #[serde(default)]
    pub opening: Option<Bytes>,
}

/// One proof of a chain.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainMember {
    /// What the verdict is to call it. Default: its position, from 0.
    #[serde(default)]
    pub name: Option<String>,
    /// The receipt, unchanged.
    pub receipt: Object,
    /// The proof.
    pub proof: Bytes,
}

/// A chain of receipts that is to be checked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainRequest {
    /// All receipts of the chain with their proofs, in any order. Their models are found among those of the service, by their ids.
    #[schemars(length(min = 1, max = 1000))]
    pub members: Vec<ChainMember>,
}

/// A verdict or a check to be explained: one of the two.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The member `check` of a verdict.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub check: Option<String>,
    /// A verdict, as `verify` or `verify_chain` gave it.
    #[serde(default)]
    pub verdict: Option<Object>,
}
