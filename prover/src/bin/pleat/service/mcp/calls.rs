//! What the tools take and give, where it differs from the service over HTTP: files have names here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::service::answers::Made;
use crate::service::requests::{ChainMember, Fold, Side};
use crate::service::values::{Bytes, Numbers, Object};

/// Nothing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCall {
    /// Describe this model: names, shapes, scales and ranges of its inputs and outputs. Default: list all models.
    #[serde(default)]
    pub model: Option<String>,
}

/// A run without a proof.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCall {
    /// Name of a model.
    pub model: String,
    /// One list of numbers for each input of the model, in its order, then one for each public index tensor, such as token ids.
    #[serde(default)]
    pub input_data: Option<Vec<Numbers>>,
    /// The same by the tensors' names, instead of input_data.
    #[serde(default)]
    pub inputs: Option<BTreeMap<String, Numbers>>,
    /// How many samples the lists hold, one after the other. Default 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65536))]
    pub samples: Option<u32>,
}

/// An input that is a tensor of an earlier proof.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkCall {
    /// Name of this model's input.
    pub input: String,
    /// File name of the earlier proof, made here, so that its secret is here, too.
    pub proof: String,
    /// Name of its output, or input, that this input is.
    pub tensor: String,
}

/// A run that is to be proved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProveCall {
    /// Name of a model that can prove.
    pub model: String,
    /// One list of numbers for each input of the model that is not linked, in its order, then one for each public index tensor.
    #[serde(default)]
    pub input_data: Option<Vec<Numbers>>,
    /// The same by the tensors' names, instead of input_data.
    #[serde(default)]
    pub inputs: Option<BTreeMap<String, Numbers>>,
    /// How many samples the lists hold; one proof is about all of them. Default 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65536))]
    pub samples: Option<u32>,
    /// What the proof hides. Everything that is not hidden is public: in the proof and in the receipt.
    #[serde(default)]
    pub hide: Vec<Side>,
    /// What is public, but left out of the proof's file: whoever verifies gives the values, or the receipt that has them.
    #[serde(default)]
    pub leave_out: Vec<Side>,
    /// How the proof hides its steps. Default: whichever proof is shorter for the model.
    #[serde(default)]
    pub fold: Option<Fold>,
    /// Words of your own for the receipt, such as your name or the purpose; nothing checks them. Write fractions as strings.
    #[serde(default)]
    pub claims: Option<Object>,
    /// File names of receipts that this one refers to.
    #[serde(default)]
    pub previous: Vec<String>,
    /// Inputs that are tensors of earlier proofs. Their receipts are referred to without being named in previous.
    #[serde(default)]
    pub linked: Vec<LinkCall>,
    /// File name for the proof. Default: the model's name and a fresh number.
    #[serde(default)]
    pub name: Option<String>,
}

/// A proof that was made, and its files.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MadeFiles {
    #[serde(flatten)]
    pub made: Made,
    /// File name of the proof: for everyone.
    pub proof_file: String,
    /// File name of the receipt: for everyone who may see what it shows.
    pub receipt_file: String,
    /// The receipt as a resource.
    pub receipt_uri: String,
    /// File name of what opens the hidden values: for nobody else. It stays in the folder.
    pub secret_file: Option<String>,
}

/// A proof that is to be checked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyCall {
    /// Name of the model that the proof is said to be about.
    pub model: String,
    /// File name of the proof in the folder of proofs; or give proof_base64.
    #[serde(default)]
    pub proof: Option<String>,
    /// The proof's bytes.
    #[serde(default)]
    pub proof_base64: Option<Bytes>,
    /// File name of its receipt: all that it says about the proof is checked.
    #[serde(default)]
    pub receipt: Option<String>,
    /// The receipt itself, instead of its file name.
    #[serde(default)]
    pub receipt_json: Option<Object>,
    /// Demand this model id, 64 hexadecimal digits, from someone you trust. Without it the proof is about whatever model is here.
    #[serde(default)]
    pub model_id: Option<String>,
    /// How many samples the proof is about. Default 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65536))]
    pub samples: Option<u32>,
    /// Demand that the proof is about this input: a list for each input and each given index tensor.
    #[serde(default)]
    pub input: Option<Vec<Numbers>>,
    /// Demand that the proof shows this output.
    #[serde(default)]
    pub output: Option<Vec<Numbers>>,
    /// An opening of a hidden tensor, which is checked and shown.
    #[serde(default)]
    pub opening_base64: Option<Bytes>,
}

/// A chain that is to be checked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainCall {
    /// File names of receipts in the folder of proofs; the proof of PROOF.receipt.json is PROOF.
    #[serde(default)]
    pub receipts: Vec<String>,
    /// Receipts and proofs from elsewhere.
    #[serde(default)]
    pub members: Vec<ChainMember>,
}
