//! What both services do, as functions from requests to answers: no protocol, no files but models.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use pleat_prover::ProvingModel;
use pleat_prover::artifacts::{Artifacts, LeftOut, Order, Words};
use pleat_prover::execute::{Executor, block_values};
use pleat_prover::inputs::wanted;
use pleat_prover::link::Previous;
use pleat_prover::prove::{Event, Folding, Keys, Visibility};
use pleat_verifier::command::{
    ChainFile, ChainVerdict, DataRequest, Demands, Files, PortValues, TensorRole, Verdict, check,
    check_chain,
};
use pleat_verifier::descriptor::{IndexRole, Limits as ModelLimits, Port};
use pleat_verifier::explain::{VALID, explain};
use pleat_verifier::fold::Mode;
use pleat_verifier::model::{ModelId, VerificationModel};
use pleat_verifier::network::Network;
use pleat_verifier::receipt::{IndexTensor, Receipt, Sha3Hash};
use serde_json::{Map, Value};

use super::answers::{Checked, Explanation, IndexInfo, Made, ModelInfo, RunAnswer, TensorInfo};
use super::given::{claims, count, demanded, integers, links, text};
use super::keys::KeyRing;
use super::models::Models;
use super::requests::{
    ChainRequest, Data, ExplainRequest, Fold, ProveRequest, RunRequest, Side, VerifyRequest,
};
use super::trouble::Trouble;
use super::values::{Numbers, Object};
use crate::memory::demand_memory;

/// Longer chains are checked by `pleat verify-chain`.
const MEMBERS: usize = 1000;

/// Models, keys and what a request may ask for.
pub struct Workshop {
    pub models: Models,
    pub keys: KeyRing,
    pub max_rows: usize,
}

/// A proof with what goes along with it, and its description.
pub struct Proof {
    pub proof: Vec<u8>,
    pub secret: Option<Vec<u8>>,
    pub receipt: Vec<u8>,
    pub made: Made,
}

impl Workshop {
    /// Describes a model.
    pub fn info(&self, name: &str) -> Result<ModelInfo, Trouble> {
        let model = self.models.verification(name)?;
        let network = model.network();
        let descriptor = network.descriptor();
        let range = network.input_range();
        let output = |port: &Port| TensorInfo {
            name: port.name.clone(),
            shape: port.shape.clone(),
            numbers: port.shape.iter().product(),
            scale: port.scale,
            min: None,
            max: None,
        };
        let ports: Vec<&Port> = descriptor.inputs.iter().collect();
        let inputs = ports
            .iter()
            .zip(wanted(network, &ports, 1))
            .map(|(port, spec)| TensorInfo {
                min: Some(f64::from(*range.start()) * port.scale),
                max: Some(f64::from(*range.end()) * port.scale),
                numbers: spec.shape.iter().product(),
                shape: spec.shape,
                ..output(port)
            });
        let index = |port: &pleat_verifier::descriptor::IndexPort| IndexInfo {
            name: port.name.clone(),
            role: match port.role {
                IndexRole::Given => "given".to_owned(),
                IndexRole::Answer => "answer".to_owned(),
            },
            shape: port.shape.clone(),
            below: port.len,
        };
        Ok(ModelInfo {
            name: name.to_owned(),
            model_id: model.id().to_string(),
            can_prove: self.models.can_prove(name),
            rows: network.real_rows(),
            fold: Mode::shorter(network).to_string(),
            inputs: inputs.collect(),
            indices: descriptor.indices.iter().map(index).collect(),
            outputs: descriptor.outputs.iter().map(output).collect(),
        })
    }

    /// Runs a model without a proof.
    pub fn run(&self, name: &str, request: &RunRequest) -> Result<RunAnswer, Trouble> {
        let data = Data {
            lists: request.input_data.as_deref(),
            names: request.inputs.as_ref(),
            samples: count(request.samples)?,
        };
        let model = self.proving(name, data.samples)?;
        let network = model.network();
        let ports: Vec<&Port> = network.descriptor().inputs.iter().collect();
        let inputs = integers(network, &ports, &data)?;
        let trace =
            Executor::new(network, model.weights())?.run_on(&inputs.integers, &inputs.indices)?;
        let output = |port: &Port| {
            PortValues::new(
                port,
                false,
                Some(block_values(network, port.node, &trace.y)),
            )
        };
        Ok(RunAnswer {
            model: name.to_owned(),
            model_id: model.verification().origin().to_string(),
            samples: data.samples,
            output: network.descriptor().outputs.iter().map(output).collect(),
            indices: IndexTensor::all(network.descriptor(), &trace.indices),
        })
    }

    /// What can be said of a request to prove without doing it: so that a job that cannot succeed is refused and not queued.
    pub fn examine(&self, name: &str, request: &ProveRequest) -> Result<(), Trouble> {
        self.order(name, request).map(|_| ())
    }

    /// Proves.
    pub fn prove(
        &self,
        name: &str,
        request: &ProveRequest,
        on_event: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<Proof, Trouble> {
        let start = Instant::now();
        let (model, order) = self.order(name, request)?;
        let network = model.network();
        demand_memory(network)?;
        let fold = match request.fold {
            Some(Fold::Tree) => Mode::Tree,
            Some(Fold::Chain) => Mode::Chain,
            None => Mode::shorter(network),
        };
        let chain = match fold {
            Mode::Tree => None,
            Mode::Chain => Some(KeyRing::parameters().map_err(Trouble::internal)?),
        };
        let opening = self.keys.opening(network.row_bits());
        let keys = Keys {
            opening: &opening,
            folding: chain.as_ref().map_or(Folding::Tree, Folding::Chain),
        };
        let Artifacts {
            proof,
            secret,
            receipt,
            proved,
        } = order.carry_out(&model, keys, on_event)?;
        let receipt = receipt.unwrap_or_default();
        let hidden = !order.visibility.outputs;
        let outputs = network.descriptor().outputs.iter().zip(proved.outputs);
        let output = outputs
            .map(|(port, values)| PortValues::new(port, hidden, Some(values).filter(|_| !hidden)));
        let made = Made {
            model: name.to_owned(),
            model_id: model.verification().origin().to_string(),
            samples: model.verification().samples(),
            fold,
            hidden: request.hide.clone(),
            proof_bytes: proof.len(),
            proof_hash: Sha3Hash::of(&proof).to_string(),
            receipt_hash: Sha3Hash::of(&receipt).to_string(),
            output: output.collect(),
            indices: IndexTensor::all(network.descriptor(), &proved.indices),
            seconds: start.elapsed().as_secs_f64(),
        };
        Ok(Proof {
            proof,
            secret,
            receipt,
            made,
        })
    }

    fn order(
        &self,
        name: &str,
        request: &ProveRequest,
    ) -> Result<(Arc<ProvingModel>, Order), Trouble> {
        let samples = count(request.samples)?;
        let visibility = Visibility {
            inputs: !request.hide.contains(&Side::Input),
            outputs: !request.hide.contains(&Side::Output),
        };
        let left_out = LeftOut {
            inputs: request.leave_out.contains(&Side::Input),
            outputs: request.leave_out.contains(&Side::Output),
        };
        left_out.demand_shown(visibility)?;
        let claims = request.claims.as_ref().map(claims).transpose()?;
        let previous = request.previous.iter().map(|receipt| {
            Previous::from_bytes(&text(receipt)?).map_err(|e| Trouble::Receipt(e.to_string()))
        });
        let mut previous: Vec<Previous> = previous.collect::<Result<_, Trouble>>()?;
        let mut seen = std::collections::BTreeSet::new();
        previous.retain(|p| seen.insert(p.hash));
        let model = self.proving(name, samples)?;
        let network = model.network();
        let links = links(network, &request.linked)?;
        let inputs = network.descriptor().inputs.iter().enumerate();
        let others = inputs.filter(|(at, _)| links.iter().all(|l| l.input != *at));
        let others: Vec<&Port> = others.map(|(_, port)| port).collect();
        let data = Data {
            lists: request.input_data.as_deref(),
            names: request.inputs.as_ref(),
            samples,
        };
        let given = integers(network, &others, &data)?;
        let order = Order {
            given,
            links,
            visibility,
            left_out,
            receipt: Some(Words {
                claims: claims.unwrap_or_default(),
                previous,
            }),
        };
        Ok((model, order))
    }

    /// A model to prove with, of so many samples.
    fn proving(&self, name: &str, samples: usize) -> Result<Arc<ProvingModel>, Trouble> {
        let model = self.models.proving(name)?;
        self.demand_rows(model.network(), samples)?;
        if samples == 1 {
            return Ok(model);
        }
        let batched = ProvingModel::clone(&model).batched(samples);
        batched
            .map(Arc::new)
            .map_err(|e| Trouble::Samples(e.to_string()))
    }

    fn demand_rows(&self, network: &Network, samples: usize) -> Result<(), Trouble> {
        let rows = network.real_rows().saturating_mul(samples);
        if rows > self.max_rows {
            return Err(Trouble::TooManyRows {
                rows,
                limit: self.max_rows,
            });
        }
        Ok(())
    }

    /// Checks a proof.
    pub fn verify(&self, request: &VerifyRequest) -> Result<Checked<Verdict>, Trouble> {
        let samples = count(request.samples)?;
        let model_id = request.model_id.as_deref().map(str::parse::<ModelId>);
        let model_id = model_id.transpose();
        let model_id = model_id.map_err(|e| Trouble::Invalid(format!("model_id: {e}")))?;
        let receipt = request.receipt.as_ref().map(text).transpose()?;
        let mut model = self.models.verification(&request.model)?;
        self.demand_rows(model.network(), samples)?;
        if samples > 1 {
            let batched = model.batched(samples, &ModelLimits::default());
            model = Arc::new(batched.map_err(|e| Trouble::Samples(e.to_string()))?);
        }
        let given = |list: &Option<Vec<Numbers>>| list.as_ref().map(|_| String::new());
        let demands = Demands {
            input: given(&request.input),
            output: given(&request.output),
            model_id,
            ..Demands::default()
        };
        let files = Files {
            proof: &request.proof.0,
            opening: request.opening.as_ref().map(|bytes| bytes.0.as_slice()),
            receipt: receipt.as_deref(),
        };
        let mut load = |_: &str, wanted: &DataRequest<'_>| {
            let lists = match wanted.role {
                TensorRole::Input => &request.input,
                TensorRole::Output => &request.output,
            };
            demanded(lists.as_deref().unwrap_or_default(), wanted, samples)
        };
        let verdict = check(&model, &files, &demands, &mut load, &mut || {
            self.keys.verifier()
        })?;
        Ok(verdict.into())
    }

    /// Checks a chain of receipts.
    pub fn verify_chain(&self, request: &ChainRequest) -> Result<Checked<ChainVerdict>, Trouble> {
        // Of no proofs, everything would hold.
        if !(1..=MEMBERS).contains(&request.members.len()) {
            return Err(Trouble::Invalid(format!("members: 1 to {MEMBERS}")));
        }
        let mut files = Vec::new();
        let mut ids = Vec::new();
        for (at, member) in request.members.iter().enumerate() {
            let receipt = text(&member.receipt)?;
            if let Ok(receipt) = Receipt::from_bytes(&receipt) {
                ids.push(ModelId(receipt.model.0));
            }
            let name = member.name.clone().unwrap_or_else(|| at.to_string());
            files.push(ChainFile {
                name: name.into(),
                receipt,
                proof: member.proof.0.clone(),
            });
        }
        let found = self.models.of_ids(&ids);
        for model in &found {
            self.demand_rows(model.network(), 1)?;
        }
        let models: Vec<VerificationModel> = found.iter().map(|m| (**m).clone()).collect();
        let verdict = check_chain(files, &models, &mut || self.keys.verifier())?;
        Ok(verdict.into())
    }
}

/// Explains a check or a verdict.
pub fn explained(request: &ExplainRequest) -> Result<Explanation, Trouble> {
    let check = match (&request.check, &request.verdict) {
        (Some(check), None) => Some(check.clone()),
        (None, Some(verdict)) => refusing(verdict)?,
        _ => {
            return Err(Trouble::Invalid(
                "give either \"check\" or \"verdict\"".to_owned(),
            ));
        }
    };
    let explanation = match &check {
        None => VALID.to_owned(),
        Some(check) => {
            let known = explain(check).ok_or_else(|| Trouble::NoCheck(check.clone()))?;
            known.into_owned()
        }
    };
    Ok(Explanation { check, explanation })
}

/// The check that a verdict names; `None` if it is valid.
fn refusing(verdict: &Object) -> Result<Option<String>, Trouble> {
    let verdict: Map<String, Value> = serde_json::from_str(verdict.0.get())
        .map_err(|e| Trouble::Invalid(format!("verdict: {e}")))?;
    let is_chain = verdict.contains_key("links");
    match (verdict.get("valid"), verdict.get("check")) {
        (Some(Value::Bool(true)), _) => Ok(None),
        (Some(Value::Bool(false)), Some(Value::String(check))) => Ok(Some(check.clone())),
        (Some(Value::Bool(false)), _) if is_chain => Ok(Some("chain".to_owned())),
        _ => Err(Trouble::Invalid(
            "verdict: it has no members \"valid\" and \"check\" as a verdict has".to_owned(),
        )),
    }
}
