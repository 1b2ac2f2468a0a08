//! Reading ONNX files: the protobuf (for names and operators) and the importer's typed graph (for the translation).

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dim;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::Factoid;

use super::error::{CompileError, Unsupported};
use super::operators::{SUPPORTED, why_not};

/// An input of a model: what the data given to it must look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputSpec {
    /// The tensor's name.
    pub name: String,
    /// Its shape; a symbolic dimension is 1 (networks are compiled for one sample).
    pub shape: Vec<usize>,
    /// Its element type, as ONNX names it.
    pub dtype: String,
}

impl std::fmt::Display for InputSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.name, self.dtype, self.shape)
    }
}

fn not_onnx(file: &Path, reason: impl std::fmt::Display) -> CompileError {
    CompileError::NotOnnx {
        file: file.to_owned(),
        reason: reason.to_string(),
    }
}

/// Parses the protobuf.
pub(super) fn load(file: &Path) -> Result<ModelProto, CompileError> {
    use prost::Message;
    let bytes = std::fs::read(file).map_err(|source| CompileError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let proto = ModelProto::decode(bytes.as_slice()).map_err(|e| not_onnx(file, e))?;
    graph_of(&proto, file)?;
    Ok(proto)
}

pub(super) fn graph_of<'a>(
    proto: &'a ModelProto,
    file: &Path,
) -> Result<&'a GraphProto, CompileError> {
    let Some(graph) = proto.graph.as_ref().filter(|g| !g.output.is_empty()) else {
        return Err(not_onnx(file, "it has no graph with outputs"));
    };
    let initializers = graph.initializer.iter().map(|t| &t.name);
    let inputs = graph.input.iter().map(|i| &i.name);
    let results = graph.node.iter().flat_map(|n| &n.output);
    let known: HashSet<&String> = initializers.chain(inputs).chain(results).collect();
    let read = graph.node.iter().flat_map(|n| &n.input);
    let mut wanted = read.chain(graph.output.iter().map(|o| &o.name));
    match wanted.find(|name| !name.is_empty() && !known.contains(name)) {
        Some(name) => Err(not_onnx(
            file,
            format!("tensor {name} is defined nowhere in it"),
        )),
        None => Ok(graph),
    }
}

/// The inputs proper of a graph.
pub(super) fn specs(graph: &GraphProto) -> Vec<InputSpec> {
    let known: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let inputs = graph
        .input
        .iter()
        .filter(|i| !known.contains(i.name.as_str()));
    inputs.map(spec).collect()
}

fn spec(info: &ValueInfoProto) -> InputSpec {
    let tensor = info
        .r#type
        .as_ref()
        .and_then(|t| t.value.as_ref())
        .map(|Type::TensorType(t)| t);
    let dims = tensor.and_then(|t| t.shape.as_ref());
    let len = |d: &Option<Dim>| match d {
        Some(Dim::DimValue(n)) => usize::try_from(*n).unwrap_or(1).max(1),
        _ => 1,
    };
    let shape = dims.map_or_else(Vec::new, |s| s.dim.iter().map(|d| len(&d.value)).collect());
    let dtype = tensor
        .and_then(|t| {
            tract_onnx::pb::tensor_proto::DataType::try_from(t.elem_type)
                .ok()
                .map(|d| d.as_str_name().to_lowercase())
        })
        .unwrap_or_else(|| "unknown".to_owned());
    InputSpec {
        name: info.name.clone(),
        shape,
        dtype,
    }
}

/// Name of an ONNX node: its own, or its first output's.
pub(super) fn node_name(node: &NodeProto) -> &str {
    if node.name.is_empty() {
        node.output.first().map_or("?", String::as_str)
    } else {
        &node.name
    }
}

/// A text attribute of a node.
pub(super) fn text(node: &NodeProto, name: &str) -> Option<String> {
    let attribute = node.attribute.iter().find(|a| a.name == name)?;
    String::from_utf8(attribute.s.clone()).ok()
}

/// Nodes whose operator is not in [`SUPPORTED`] and whose value depends on the inputs.
pub(super) fn unsupported(graph: &GraphProto) -> Vec<Unsupported> {
    let mut known: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let mut bad = Vec::new();
    for node in &graph.node {
        let fixed = matches!(node.op_type.as_str(), "Shape" | "Size")
            || node
                .input
                .iter()
                .all(|i| i.is_empty() || known.contains(i.as_str()));
        if fixed && !node.op_type.starts_with("Random") {
            known.extend(node.output.iter().map(String::as_str));
        } else if !SUPPORTED.contains(&node.op_type.as_str()) {
            bad.push(Unsupported {
                node: node_name(node).to_owned(),
                operator: node.op_type.clone(),
                why: why_not(&node.op_type).to_owned(),
            });
        }
    }
    bad
}

/// The ONNX node that a node of the typed graph comes from: the longest name that begins the latter's.
pub(super) fn origin<'a>(graph: &'a GraphProto, name: &str) -> Option<&'a NodeProto> {
    let begins = |n: &&NodeProto| {
        std::iter::once(&n.name)
            .chain(&n.output)
            .any(|own| !own.is_empty() && prefix(name, own))
    };
    graph
        .node
        .iter()
        .filter(begins)
        .max_by_key(|n| node_name(n).len())
}

fn prefix(name: &str, own: &str) -> bool {
    name.strip_prefix(own)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_', '-', '#']))
}

/// The typed, decluttered graph for one sample.
pub(super) fn typed(
    file: &Path,
    proto: &ModelProto,
    specs: &[InputSpec],
) -> Result<TypedModel, CompileError> {
    let imported = || -> TractResult<TypedModel> {
        let directory = file.parent().and_then(Path::to_str);
        // Declared shapes may still carry the symbolic batch.
        let parser = tract_onnx::onnx()
            .with_ignore_output_shapes(true)
            .with_ignore_value_info(true);
        let parsed = parser.parse(proto, directory)?;
        let mut model = parsed.model;
        for (i, spec) in specs.iter().enumerate() {
            let fact = model.input_fact(i)?.clone();
            let shape: TVec<usize> = spec.shape.iter().copied().collect();
            let fact = match fact.datum_type.concretize() {
                Some(dt) => InferenceFact::dt_shape(dt, shape),
                None => InferenceFact::default().with_shape(shape),
            };
            model.set_input_fact(i, fact)?;
        }
        model.into_typed()?.into_decluttered()
    };
    imported().map_err(|e| not_onnx(file, format!("{e:#}")))
}
