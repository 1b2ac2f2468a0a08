//! The tools: their descriptions, and what they do.

use std::sync::Arc;

use pleat_prover::opening::PrivateOpenings;
use pleat_verifier::command::{ChainVerdict, RECEIPT_SUFFIX, Verdict};
use pleat_verifier::model::ModelId;
use pleat_verifier::receipt::Receipt;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::calls::{ChainCall, LinkCall, ListCall, MadeFiles, ProveCall, RunCall, VerifyCall};
use super::resources::uri;
use super::store::Store;
use crate::service::answers::{Checked, Explanation, ModelInfo, ModelList, RunAnswer};
use crate::service::requests::{
    ChainMember, ChainRequest, ExplainRequest, LinkedInput, ProveRequest, RunRequest, VerifyRequest,
};
use crate::service::trouble::Trouble;
use crate::service::values::{Bytes, Object};
use crate::service::work::{Workshop, explained};

/// What every tool that proves or checks says of proofs.
pub const INSTRUCTIONS: &str = "Pleat proves that a quantized neural network, named by its model id, gave an output. A valid proof says: the \
network with the weights that the model id commits to, run on the shown or hidden input, gives the shown output, to the last bit. It does \
not say that the model is good, fair or the one that was meant, that the input is true, who ran it or when, or that a receipt's claims \
hold. Compare the model id with one from somebody you trust. What is not hidden is public. Start with list_models; prove writes a proof, a \
receipt and, if something is hidden, a secret file, and names them; verify checks one proof, verify_chain several that take each other's \
outputs as inputs; explain says what a verdict means.";

const LIST: &str = "List the models that can be run, proved with or verified with here; with the name of one, describe its inputs (names, \
shapes, how many numbers, ranges) and outputs. Call this before run or prove.";
const RUN: &str = "Run a model on an input in integers, without a proof: the outputs are those that a proof would show. Nothing is kept. \
An input beyond the range that the model was calibrated for is refused; nothing about it can be proved.";
const PROVE: &str = "Run a model on an input and prove the run. Writes a proof and a receipt, and names the files; what hide names is \
hidden in both, and opened by a secret file that stays with the prover. The proof says that this model gives this output on this input; \
it does not say that the input is true or the model good. Takes from a fraction of a second to minutes, and reports progress.";
const VERIFY: &str = "Check a proof about a model. The answer is a verdict: valid, with what the proof shows, or invalid, with the check \
that refused it and an explanation. A valid proof is about the model with the id in the verdict: demand an id you trust with model_id. \
Values of a receipt's claims are never checked.";
const CHAIN: &str = "Check several proofs by their receipts: that each proof is valid, that each receipt says what its proof says, that no \
previous receipt is missing or changed, and that every linked input carries the same commitment as the tensor of the other proof that \
it is said to be. Nobody learns the values that pass between them.";
const EXPLAIN: &str = "Say what a verdict means: for an invalid one, what the check is that refused, what that means and what to do; for a \
valid one, what it says and what it does not say. Give the verdict, or the name of a check.";

/// All tools.
pub fn list() -> Vec<Tool> {
    let reads = ToolAnnotations::new()
        .read_only(true)
        .idempotent(true)
        .open_world(false);
    let writes = ToolAnnotations::new()
        .read_only(false)
        .destructive(false)
        .idempotent(false)
        .open_world(false);
    vec![
        // Of two forms, so that its answer has no one schema.
        Tool::new("list_models", LIST, schema::<ListCall>()).with_annotations(reads.clone()),
        tool::<RunCall, RunAnswer>("run", RUN).with_annotations(reads.clone()),
        tool::<ProveCall, MadeFiles>("prove", PROVE).with_annotations(writes),
        tool::<VerifyCall, Checked<Verdict>>("verify", VERIFY).with_annotations(reads.clone()),
        tool::<ChainCall, Checked<ChainVerdict>>("verify_chain", CHAIN)
            .with_annotations(reads.clone()),
        tool::<ExplainRequest, Explanation>("explain", EXPLAIN).with_annotations(reads),
    ]
}

fn tool<I: JsonSchema, O: JsonSchema>(name: &'static str, about: &'static str) -> Tool {
    Tool::new(name, about, schema::<I>()).with_raw_output_schema(schema::<O>())
}

fn schema<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    match settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
    {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}

/// What a tool gives: an object, and what it says in short.
pub struct Said {
    pub structured: Value,
    pub text: String,
}

impl Said {
    fn new(value: &impl Serialize, text: impl Into<String>) -> Result<Self, Trouble> {
        Ok(Self {
            structured: serde_json::to_value(value).map_err(Trouble::internal)?,
            text: text.into(),
        })
    }
}

/// What the tools work with.
pub struct Bench {
    pub shop: Workshop,
    pub store: Store,
    /// Bytes of a request, or of a file.
    pub limit: usize,
}

/// A tool's arguments.
pub fn arguments<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Trouble> {
    serde_json::from_value(Value::Object(arguments)).map_err(|e| Trouble::Invalid(e.to_string()))
}

impl Bench {
    /// `list_models`.
    pub fn list_models(&self, call: &ListCall) -> Result<Said, Trouble> {
        if let Some(name) = &call.model {
            let info: ModelInfo = self.shop.info(name)?;
            let text = serde_json::to_string_pretty(&info).map_err(Trouble::internal)?;
            return Said::new(&info, text);
        }
        let list: ModelList = self.shop.models.list();
        let lines = list.models.iter().map(|model| {
            let id = model.model_id.as_deref().unwrap_or("unknown");
            let what = if model.can_prove {
                "runs, proves, verifies"
            } else {
                "verifies"
            };
            format!("{}: {what}; model id {id}", model.name)
        });
        let lines: Vec<String> = lines.collect();
        let text = if lines.is_empty() {
            "there are no models".to_owned()
        } else {
            lines.join("\n")
        };
        Said::new(&list, text)
    }

    /// `run`.
    pub fn run(&self, call: RunCall) -> Result<Said, Trouble> {
        let request = RunRequest {
            input_data: call.input_data,
            inputs: call.inputs,
            samples: call.samples,
        };
        let answer = self.shop.run(&call.model, &request)?;
        let outputs = answer.output.iter().map(ToString::to_string);
        let indices = answer.indices.iter().map(ToString::to_string);
        let lines: Vec<String> = outputs.chain(indices).collect();
        Said::new(&answer, format!("{}\n(not proved)", lines.join("\n")))
    }

    /// A call to prove, as a request, and the proof's file name.
    pub fn ordered(&self, call: ProveCall) -> Result<(String, ProveRequest, String), Trouble> {
        let file = self.store.name(&call.model, call.name.as_deref())?;
        let mut names = call.previous;
        names.extend(
            call.linked
                .iter()
                .map(|l| format!("{}{RECEIPT_SUFFIX}", l.proof)),
        );
        let previous = names.iter().map(|name| self.receipt(name));
        let linked = call.linked.iter().map(|link| self.link(link));
        let request = ProveRequest {
            input_data: call.input_data,
            inputs: call.inputs,
            samples: call.samples,
            hide: call.hide,
            leave_out: call.leave_out,
            fold: call.fold,
            claims: call.claims,
            previous: previous.collect::<Result<_, _>>()?,
            linked: linked.collect::<Result<_, _>>()?,
        };
        Ok((call.model, request, file))
    }

    /// Writes what `prove` made.
    pub fn proved(&self, file: &str, proof: crate::service::work::Proof) -> Result<Said, Trouble> {
        let written = self.store.write(file, &proof)?;
        let outputs = proof.made.output.iter().map(ToString::to_string);
        let indices = proof.made.indices.iter().map(ToString::to_string);
        let lines: Vec<String> = outputs.chain(indices).collect();
        let secret = match &written.secret {
            Some(secret) => format!("\nsecret: {secret} opens what is hidden; it stays here"),
            None => String::new(),
        };
        let text = format!(
            "proved: {} ({} bytes), about model {}\n{}\nreceipt: {}{secret}",
            written.proof,
            proof.made.proof_bytes,
            proof.made.model_id,
            lines.join("\n"),
            written.receipt,
        );
        let made = MadeFiles {
            made: proof.made,
            receipt_uri: uri(&written.receipt),
            proof_file: written.proof,
            receipt_file: written.receipt,
            secret_file: written.secret,
        };
        Said::new(&made, text)
    }

    /// `verify`.
    pub fn verify(&self, call: VerifyCall) -> Result<Said, Trouble> {
        let proof = match (&call.proof, call.proof_base64) {
            (Some(name), None) => Bytes(self.store.public(name, self.limit)?),
            (None, Some(bytes)) => bytes,
            _ => {
                return Err(Trouble::Invalid(
                    "give either \"proof\", a file name, or \"proof_base64\"".to_owned(),
                ));
            }
        };
        let receipt = match (&call.receipt, call.receipt_json) {
            (Some(name), None) => Some(self.receipt(name)?),
            (None, json) => json,
            (Some(_), Some(_)) => {
                return Err(Trouble::Invalid(
                    "give either \"receipt\", a file name, or \"receipt_json\"".to_owned(),
                ));
            }
        };
        let verdict = self.shop.verify(&VerifyRequest {
            model: call.model,
            proof,
            receipt,
            model_id: call.model_id,
            samples: call.samples,
            input: call.input,
            output: call.output,
            opening: call.opening_base64,
        })?;
        let text = with_explanation(verdict.verdict.to_string(), verdict.explanation.as_deref());
        Said::new(&verdict, text)
    }

    /// `verify_chain`.
    pub fn verify_chain(&self, call: ChainCall) -> Result<Said, Trouble> {
        let mut members = call.members;
        for name in &call.receipts {
            let proof = name.strip_suffix(RECEIPT_SUFFIX).ok_or_else(|| {
                Trouble::Invalid(format!("receipts: {name} does not end in {RECEIPT_SUFFIX}"))
            })?;
            members.push(ChainMember {
                name: Some(name.clone()),
                receipt: self.receipt(name)?,
                proof: Bytes(self.store.public(proof, self.limit)?),
            });
        }
        if members.is_empty() {
            return Err(Trouble::Invalid(
                "give \"receipts\", file names, or \"members\"".to_owned(),
            ));
        }
        let verdict = self.shop.verify_chain(&ChainRequest { members })?;
        let text = with_explanation(verdict.verdict.to_string(), verdict.explanation.as_deref());
        Said::new(&verdict, text)
    }

    /// `explain`.
    pub fn explain(call: &ExplainRequest) -> Result<Said, Trouble> {
        let explanation = explained(call)?;
        let text = explanation.explanation.clone();
        Said::new(&explanation, text)
    }

    fn receipt(&self, name: &str) -> Result<Object, Trouble> {
        let bytes = self.store.public(name, self.limit)?;
        let text = String::from_utf8(bytes).map_err(|e| Trouble::Receipt(e.to_string()))?;
        let json = RawValue::from_string(text).map_err(|e| Trouble::Receipt(e.to_string()))?;
        Ok(Object(json))
    }

    /// The opening of an earlier proof's tensor.
    fn link(&self, link: &LinkCall) -> Result<LinkedInput, Trouble> {
        let bad = |reason: String| Trouble::Unlinked(format!("{}: {reason}", link.proof));
        let receipt = format!("{}{RECEIPT_SUFFIX}", link.proof);
        let receipt = Receipt::from_bytes(&self.store.public(&receipt, self.limit)?);
        let receipt = receipt.map_err(|e| Trouble::Receipt(e.to_string()))?;
        let models = self.shop.models.of_ids(&[ModelId(receipt.model.0)]);
        let model = models
            .first()
            .ok_or_else(|| bad("its model is none of those here".to_owned()))?;
        let network = model.network();
        let secret = self.store.secret(&link.proof, self.limit)?;
        let secret =
            PrivateOpenings::from_bytes(&secret, network).map_err(|e| bad(e.to_string()))?;
        let port = network
            .descriptor()
            .ports()
            .position(|p| p.name == link.tensor);
        let opening = secret.ports().iter().find(|o| Some(o.port) == port);
        let opening = opening.ok_or_else(|| bad(format!("it has no tensor {}", link.tensor)))?;
        Ok(LinkedInput {
            input: link.input.clone(),
            opening: Bytes(opening.to_bytes()),
        })
    }
}

fn with_explanation(verdict: String, explanation: Option<&str>) -> String {
    match explanation {
        Some(explanation) => format!("{verdict}{explanation}"),
        None => verdict,
    }
}
