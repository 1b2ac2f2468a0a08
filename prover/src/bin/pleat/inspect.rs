//! `pleat inspect`: what a file is, how large, which model, and what it shows to whom.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use pleat_nova_circuits::cycle::POINT_BYTES;
use pleat_prover::compile::{InputSpec, SUPPORTED, input_specs};
use pleat_prover::model::{PROVING_MAGIC, ProvingModel};
use pleat_prover::opening::{PrivateOpenings, SECRET_MAGIC, SECRET_VERSION};
use pleat_verifier::command::{self, PortValues, decode_proof};
use pleat_verifier::commitments::Commitments;
use pleat_verifier::descriptor::{IndexRole, Port};
use pleat_verifier::encoding::Reader;
use pleat_verifier::error::{FormatError, VerifyError};
use pleat_verifier::fold::Mode;
use pleat_verifier::model::{MODEL_MAGIC, ModelId, VerificationModel};
use pleat_verifier::network::Network;
use pleat_verifier::opened::{OPENING_MAGIC, OPENING_VERSION, PortOpening};
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::{PROOF_MAGIC, model_of, proof_bytes};
use pleat_verifier::receipt::IndexTensor;
use prost::Message;
use serde::Serialize;
use tract_onnx::pb::ModelProto;

use crate::args::InspectArgs;
use crate::console::grouped;
use crate::error::CliError;
use crate::prove::load_model;

/// What a file is.
#[derive(Serialize)]
pub struct Inspection {
    pub file: PathBuf,
    pub kind: &'static str,
    pub bytes: usize,
    pub model_id: Option<String>,
    /// Who may see it, and what it shows.
    pub public: &'static str,
    /// Of two models: rows of weights, and how many are under commitments of the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedRows>,
    #[serde(flatten)]
    pub detail: Detail,
}

/// Rows of weights that two models have under the same commitments.
#[derive(Serialize)]
pub struct SharedRows {
    with: String,
    rows: usize,
    shared: usize,
}

impl SharedRows {
    fn new(own: &VerificationModel, other: &VerificationModel) -> Self {
        Self {
            with: other.id().to_string(),
            rows: own.weights().len(),
            shared: own.shared_rows(other),
        }
    }
}

/// What is in it.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Detail {
    Model(Box<ModelDetail>),
    /// A proof's mode and tensors.
    Proof {
        fold: Mode,
        tensors: Vec<PortValues>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        indices: Vec<IndexTensor>,
    },
    /// Tensors of a secret file or opening.
    Tensors {
        tensors: Vec<PortValues>,
    },
    /// The model is needed to say more.
    Closed {
        hint: &'static str,
    },
    Onnx(OnnxDetail),
}

/// A compiled network.
#[derive(Serialize)]
pub struct ModelDetail {
    digit_bits: u32,
    row_bits: usize,
    column_bits: usize,
    weight_column_bits: usize,
    table_rows: usize,
    parameters: usize,
    rows: usize,
    macs: usize,
    /// The mode that `pleat prove` chooses.
    fold: Mode,
    /// Bytes of a proof that are commitments to rows, in any mode.
    commitment_bytes: usize,
    /// Length of that proof if it shows nothing but public indices.
    proof_bytes_hidden: usize,
    /// Length of that proof if it shows everything.
    proof_bytes_shown: usize,
    /// Proofs of both modes.
    folds: Vec<FoldDetail>,
    inputs: Vec<PortDetail>,
    outputs: Vec<PortDetail>,
    indices: Vec<IndexDetail>,
    functions: Vec<String>,
    nodes: Vec<NodeDetail>,
    /// The compile report, in a proving model.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<serde_json::Value>,
}

/// Proofs of one mode.
#[derive(Serialize)]
struct FoldDetail {
    fold: Mode,
    steps: usize,
    proof_bytes_hidden: usize,
    proof_bytes_shown: usize,
}

#[derive(Serialize)]
struct PortDetail {
    name: String,
    shape: Vec<usize>,
    scale: f64,
}

/// A public tensor of indices.
#[derive(Serialize)]
struct IndexDetail {
    name: String,
    role: IndexRole,
    shape: Vec<usize>,
    /// Indices are below it.
    len: usize,
}

#[derive(Serialize)]
struct NodeDetail {
    name: String,
    function: String,
    shape: Vec<usize>,
    macs: usize,
    rows: usize,
}

/// An ONNX model.
#[derive(Serialize)]
pub struct OnnxDetail {
    opset: Option<i64>,
    inputs: Vec<InputSpec>,
    outputs: Vec<String>,
    parameters: i64,
    /// How often each operator occurs.
    operators: BTreeMap<String, usize>,
    unsupported: Vec<String>,
}

const LEFT_OUT: &str = "its file leaves values that it shows to whoever verifies it (`pleat verify --input`, `--output`)";

const MODEL_NEEDED: &str = "give --model MODEL.vmodel to see what it shows";

/// Looks at a file.
pub fn inspect(args: &InspectArgs) -> Result<Inspection, CliError> {
    let path = &args.file;
    let bytes = command::read(path)?;
    let load = |path: &Path| command::load_batched(path, args.samples);
    let model = args.model.as_deref().map(load).transpose()?;
    let damaged = |source| CliError::Damaged {
        path: path.clone(),
        source,
    };
    let mut shared = None;
    let mut compare = |own: &VerificationModel| {
        shared = model.as_ref().map(|other| SharedRows::new(own, other));
    };
    let (kind, public, id, detail) = match bytes.first_chunk::<8>() {
        Some(&MODEL_MAGIC) => {
            let model = command::load_model(path)?;
            compare(&model);
            let public = "public: shape, scales and functions of the network; the weights are committed to and hidden";
            let detail = Detail::Model(Box::new(ModelDetail::new(model.network(), None)));
            ("verification model", public, Some(model.id()), detail)
        }
        Some(&PROVING_MAGIC) => {
            let model = load_model(path)?;
            compare(model.verification());
            let public = "SECRET: it holds the weights and the blinds of their commitments";
            let id = model.verification().id();
            let detail = Detail::Model(Box::new(ModelDetail::new(model.network(), Some(&model))));
            ("proving model", public, Some(id), detail)
        }
        Some(&PROOF_MAGIC) => {
            let id = model_of(&bytes).map_err(damaged)?;
            let public = "public: the tensors that are not hidden; `inspect` does not verify it";
            let detail = about(path, &model, id, |model| proof_detail(path, &bytes, model))?;
            ("proof", public, Some(id), detail)
        }
        Some(&SECRET_MAGIC) => {
            let id = secret_model(&bytes).map_err(damaged)?;
            let public = "SECRET: it opens all inputs and outputs of one proof";
            let detail = about(path, &model, id, |model| {
                let openings = PrivateOpenings::from_bytes(&bytes, model.network());
                Ok(opened(model, openings.map_err(damaged)?.ports()))
            })?;
            ("secret file", public, Some(id), detail)
        }
        Some(&OPENING_MAGIC) => {
            let id = opening_model(&bytes).map_err(damaged)?;
            let public =
                "whoever has it learns one tensor; `inspect` does not check it against a proof";
            let detail = about(path, &model, id, |model| {
                let opening = PortOpening::from_bytes(&bytes, model.network());
                Ok(opened(model, &[opening.map_err(damaged)?]))
            })?;
            ("opening", public, Some(id), detail)
        }
        _ if path.extension().is_some_and(|e| e == "onnx") => {
            let public = "not a file of Pleat: it holds the weights in the clear";
            (
                "ONNX model",
                public,
                None,
                Detail::Onnx(onnx(path, &bytes)?),
            )
        }
        _ => return Err(CliError::Unknown { path: path.clone() }),
    };
    Ok(Inspection {
        file: path.clone(),
        kind,
        bytes: bytes.len(),
        model_id: id.map(|id| id.to_string()),
        public,
        shared,
        detail,
    })
}

/// Decodes a file about a model, if the model is given and is the right one.
fn about(
    path: &Path,
    model: &Option<VerificationModel>,
    id: ModelId,
    decode: impl FnOnce(&VerificationModel) -> Result<Detail, CliError>,
) -> Result<Detail, CliError> {
    let Some(model) = model else {
        return Ok(Detail::Closed { hint: MODEL_NEEDED });
    };
    if model.id() != id {
        return Err(CliError::OtherModel {
            path: path.to_owned(),
            model: "--model".into(),
            got: id.to_string(),
            expected: model.id().to_string(),
        });
    }
    decode(model)
}

fn proof_detail(path: &Path, bytes: &[u8], model: &VerificationModel) -> Result<Detail, CliError> {
    let proof = match decode_proof(bytes, model) {
        Err(VerifyError::LeftOut { .. }) => return Ok(Detail::Closed { hint: LEFT_OUT }),
        other => other.map_err(|e| CliError::BadProof {
            path: path.to_owned(),
            reason: e.to_string(),
        })?,
    };
    let descriptor = model.network().descriptor();
    let ports = descriptor.ports();
    let tensors = ports.zip(proof.messages.public.ports());
    Ok(Detail::Proof {
        fold: proof.mode(),
        indices: IndexTensor::all(descriptor, proof.messages.public.indices()),
        tensors: tensors
            .map(|(port, shown)| PortValues::new(port, shown.is_none(), shown.clone()))
            .collect(),
    })
}

fn opened(model: &VerificationModel, openings: &[PortOpening]) -> Detail {
    let ports: Vec<&Port> = model.network().descriptor().ports().collect();
    let values = |o: &PortOpening| {
        let port = ports.get(o.port)?;
        Some(PortValues::new(port, true, Some(o.values.clone())))
    };
    Detail::Tensors {
        tensors: openings.iter().filter_map(values).collect(),
    }
}

fn opening_model(bytes: &[u8]) -> Result<ModelId, FormatError> {
    let mut input = Reader::new(bytes, OPENING_MAGIC, OPENING_VERSION, "opening")?;
    Ok(ModelId(input.array()?))
}

/// A secret file is a list of openings of one model.
fn secret_model(bytes: &[u8]) -> Result<ModelId, FormatError> {
    let mut input = Reader::new(bytes, SECRET_MAGIC, SECRET_VERSION, "secret file")?;
    opening_model(input.prefixed(bytes.len())?)
}

impl ModelDetail {
    fn new(network: &Network, secret: Option<&ProvingModel>) -> Self {
        let descriptor = network.descriptor();
        let ports = |ports: &[Port]| -> Vec<PortDetail> {
            let detail = |p: &Port| PortDetail {
                name: p.name.clone(),
                shape: p.shape.clone(),
                scale: p.scale,
            };
            ports.iter().map(detail).collect()
        };
        let nodes = network.nodes().iter().map(|n| NodeDetail {
            name: n.name.clone(),
            function: network.operation_name(n).to_owned(),
            shape: n.shape(),
            macs: n.macs(),
            rows: n.rows(),
        });
        let nodes: Vec<NodeDetail> = nodes.collect();
        let fold = Mode::shorter(network);
        let [hidden, shown] =
            [Place::Hidden, Place::Here].map(|place| Places::new(network, place, place));
        let sizes = descriptor
            .weights
            .iter()
            .map(|w| w.shape.iter().product::<usize>());
        Self {
            digit_bits: network.digit_bits(),
            row_bits: network.row_bits(),
            column_bits: network.nu(),
            weight_column_bits: network.nu_w(),
            table_rows: network.table_rows(),
            parameters: sizes.sum(),
            rows: network.real_rows(),
            macs: nodes.iter().map(|n| n.macs).sum(),
            fold,
            commitment_bytes: POINT_BYTES * Commitments::count(network),
            proof_bytes_hidden: proof_bytes(network, fold, &hidden),
            proof_bytes_shown: proof_bytes(network, fold, &shown),
            folds: Mode::ALL
                .map(|fold| FoldDetail {
                    fold,
                    steps: fold.schedule(network).steps,
                    proof_bytes_hidden: proof_bytes(network, fold, &hidden),
                    proof_bytes_shown: proof_bytes(network, fold, &shown),
                })
                .into(),
            inputs: ports(&descriptor.inputs),
            outputs: ports(&descriptor.outputs),
            indices: (descriptor.indices.iter())
                .map(|p| IndexDetail {
                    name: p.name.clone(),
                    role: p.role,
                    shape: p.shape.clone(),
                    len: p.len,
                })
                .collect(),
            functions: descriptor
                .functions
                .iter()
                .map(|f| f.name().to_owned())
                .collect(),
            nodes,
            report: secret.and_then(|m| serde_json::from_str(m.report()).ok()),
        }
    }
}

fn onnx(path: &Path, bytes: &[u8]) -> Result<OnnxDetail, CliError> {
    let inputs = input_specs(path)?;
    // It was decoded once already, so an empty model in its place cannot happen.
    let model = ModelProto::decode(bytes).unwrap_or_default();
    let graph = model.graph.unwrap_or_default();
    let mut operators = BTreeMap::new();
    for node in &graph.node {
        *operators.entry(node.op_type.clone()).or_insert(0_usize) += 1;
    }
    let unsupported = operators
        .keys()
        .filter(|op| !SUPPORTED.contains(&op.as_str()));
    Ok(OnnxDetail {
        opset: model
            .opset_import
            .iter()
            .find(|o| o.domain.is_empty())
            .map(|o| o.version),
        inputs,
        outputs: graph.output.iter().map(|o| o.name.clone()).collect(),
        parameters: graph
            .initializer
            .iter()
            .map(|t| t.dims.iter().fold(1_i64, |n, d| n.saturating_mul(*d)))
            .fold(0, i64::saturating_add),
        unsupported: unsupported.cloned().collect(),
        operators,
    })
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {}, {} bytes",
            self.file.display(),
            self.kind,
            grouped(self.bytes)
        )?;
        if let Some(id) = &self.model_id {
            writeln!(f, "  model   {id}")?;
        }
        writeln!(f, "  {}", self.public)?;
        if let Some(shared) = &self.shared {
            let SharedRows { with, rows, shared } = shared;
            writeln!(
                f,
                "  {shared} of {rows} rows of weights are those of model {with}"
            )?;
        }
        match &self.detail {
            Detail::Model(model) => write!(f, "{model}"),
            Detail::Onnx(onnx) => write!(f, "{onnx}"),
            Detail::Closed { hint } => writeln!(f, "  {hint}"),
            Detail::Proof {
                fold,
                tensors,
                indices,
            } => {
                writeln!(f, "  fold    {fold}")?;
                tensors.iter().try_for_each(|t| writeln!(f, "  {t}"))?;
                indices.iter().try_for_each(|t| writeln!(f, "  {t}"))
            }
            Detail::Tensors { tensors } => tensors.iter().try_for_each(|t| writeln!(f, "  {t}")),
        }
    }
}

impl fmt::Display for ModelDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, ports) in [("input ", &self.inputs), ("output", &self.outputs)] {
            for port in ports {
                writeln!(
                    f,
                    "  {kind}  {} {:?}, one unit is {:.6e}",
                    port.name, port.shape, port.scale
                )?;
            }
        }
        for port in &self.indices {
            writeln!(
                f,
                "  {:6}  {} {:?}, an index below {}",
                port.role.to_string(),
                port.name,
                port.shape,
                port.len
            )?;
        }
        writeln!(
            f,
            "  {} parameters, {} multiplications; {}-bit digits; functions: {}",
            grouped(self.parameters),
            grouped(self.macs),
            self.digit_bits,
            self.functions.join(", ")
        )?;
        writeln!(
            f,
            "  trace of {} rows in columns of 2^{}, weights in 2^{}, committed rows of 2^{}, table of {}",
            grouped(self.rows),
            self.column_bits,
            self.weight_column_bits,
            self.row_bits,
            grouped(self.table_rows)
        )?;
        writeln!(
            f,
            "  commitments to rows take {} bytes of each proof",
            grouped(self.commitment_bytes)
        )?;
        for own in &self.folds {
            writeln!(
                f,
                "  a proof of the mode {}{}: {} steps, {} bytes with inputs and outputs hidden, {} with all shown",
                own.fold,
                if own.fold == self.fold {
                    " (the default)"
                } else {
                    ""
                },
                own.steps,
                grouped(own.proof_bytes_hidden),
                grouped(own.proof_bytes_shown)
            )?;
        }
        let width = |header: &str, cell: fn(&NodeDetail) -> &str| {
            let cells = self.nodes.iter().map(|n| cell(n).chars().count());
            cells.max().unwrap_or(0).max(header.len())
        };
        let (name, function) = (
            width("node", |n| &n.name),
            width("function", |n| &n.function),
        );
        writeln!(
            f,
            "  {:name$}  {:function$}  {:>12}  {:>10}  shape",
            "node", "function", "macs", "rows"
        )?;
        for node in &self.nodes {
            writeln!(
                f,
                "  {:name$}  {:function$}  {:>12}  {:>10}  {:?}",
                node.name,
                node.function,
                grouped(node.macs),
                grouped(node.rows),
                node.shape
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for OnnxDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(opset) = self.opset {
            writeln!(f, "  opset   {opset}")?;
        }
        for input in &self.inputs {
            writeln!(f, "  input   {input}")?;
        }
        for output in &self.outputs {
            writeln!(f, "  output  {output}")?;
        }
        writeln!(
            f,
            "  {} parameters",
            grouped(usize::try_from(self.parameters).unwrap_or(0))
        )?;
        for (operator, count) in &self.operators {
            let note = if self.unsupported.contains(operator) {
                "  not supported"
            } else {
                ""
            };
            writeln!(f, "  {count:>5} {operator}{note}")?;
        }
        Ok(())
    }
}
