//! Changes to the ONNX graph before it is imported: a softmax at the end is dropped, which changes what is proved and is
//! reported; `Upsample`, which the importer does not know, is written out in operators that it does.

mod bind;
mod tensor;

use serde::Serialize;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

use super::error::Unsupported;
use super::onnx::{node_name, text};

pub(super) use bind::{bind_dimensions, bind_inputs};

/// A final layer that is left out: proofs are about its input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Its name in the ONNX file.
    pub node: String,
    /// The ONNX operator.
    pub operator: String,
    /// The model's output, which is not proved.
    pub output: String,
    /// The tensor that is the network's output instead.
    pub proved: String,
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} (node {}) is left out: a proof is about its input {}, not about {}, which anyone can compute from a shown {}",
            self.operator, self.node, self.proved, self.output, self.proved
        )
    }
}

/// Removes every softmax whose output is an output of the network and read by nobody else; its input becomes the
/// output.
pub(super) fn drop_final_softmax(graph: &mut GraphProto) -> Vec<Dropped> {
    let mut dropped = Vec::new();
    for port in 0..graph.output.len() {
        let Some(output) = graph.output.get(port).map(|o| o.name.clone()) else {
            continue;
        };
        let is_last = |n: &NodeProto| {
            matches!(n.op_type.as_str(), "Softmax" | "LogSoftmax")
                && n.output.first() == Some(&output)
        };
        let Some(at) = graph.node.iter().position(is_last) else {
            continue;
        };
        let Some(proved) = graph.node.get(at).and_then(|n| n.input.first()).cloned() else {
            continue;
        };
        let read = graph.node.iter().any(|n| n.input.contains(&output));
        let computed = graph.node.iter().any(|n| n.output.contains(&proved));
        let already = graph.output.iter().any(|o| o.name == proved);
        if read || already || !computed {
            continue;
        }
        let node = graph.node.remove(at);
        dropped.push(Dropped {
            node: node_name(&node).to_owned(),
            operator: node.op_type.clone(),
            output,
            proved: proved.clone(),
        });
        if let Some(info) = graph.output.get_mut(port) {
            info.name = proved;
        }
    }
    dropped
}

/// Writes nearest-neighbour `Upsample` by whole factors as `Transpose`, `Unsqueeze`, `Expand`, `Reshape`, `Transpose` for
/// each axis that grows. Returns those that are something else.
pub(super) fn write_out_upsamples(graph: &mut GraphProto) -> Vec<Unsupported> {
    let mut refused = Vec::new();
    let mut nodes = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node) {
        if node.op_type != "Upsample" {
            nodes.push(node);
            continue;
        }
        match factors(&node, &graph.initializer) {
            Ok(factors) => nodes.extend(written_out(&node, &factors, &mut graph.initializer)),
            Err(why) => {
                refused.push(Unsupported {
                    node: node_name(&node).to_owned(),
                    operator: node.op_type.clone(),
                    why: why.to_owned(),
                });
                nodes.push(node);
            }
        }
    }
    graph.node = nodes;
    refused
}

/// The factors of all axes.
fn factors(node: &NodeProto, known: &[TensorProto]) -> Result<Vec<i64>, &'static str> {
    if text(node, "mode").is_some_and(|m| m != "nearest") {
        return Err("only nearest-neighbour upsampling is supported");
    }
    let attribute = node.attribute.iter().find(|a| a.name == "scales");
    let scales = match (attribute, node.input.get(1)) {
        (Some(attribute), _) => attribute.floats.clone(),
        (None, Some(name)) => {
            let tensor = known.iter().find(|t| t.name == *name);
            let raw = |t: &TensorProto| -> Vec<f32> {
                let bytes = t.raw_data.chunks_exact(4);
                bytes
                    .filter_map(|b| Some(f32::from_le_bytes(b.try_into().ok()?)))
                    .collect()
            };
            match tensor {
                Some(t) if t.float_data.is_empty() => raw(t),
                Some(t) => t.float_data.clone(),
                None => return Err("its factors are not constant"),
            }
        }
        (None, None) => return Err("it has no factors"),
    };
    let whole = |s: &f32| {
        #[expect(clippy::cast_possible_truncation, reason = "checked")]
        let factor = *s as i64;
        #[expect(clippy::cast_precision_loss, reason = "checked")]
        let exact = factor >= 1 && factor as f32 == *s;
        exact.then_some(factor)
    };
    let factors: Option<Vec<i64>> = scales.iter().map(whole).collect();
    factors.ok_or("its factors are not whole numbers")
}

fn written_out(
    node: &NodeProto,
    factors: &[i64],
    initializers: &mut Vec<TensorProto>,
) -> Vec<NodeProto> {
    let name = node_name(node).to_owned();
    let rank = factors.len();
    let mut nodes: Vec<NodeProto> = Vec::new();
    let mut from = node.input.first().cloned().unwrap_or_default();
    for (axis, factor) in factors.iter().enumerate().filter(|(_, f)| **f > 1) {
        let mut last: Vec<i64> = (0..).take(rank).collect();
        last.swap(axis, rank - 1);
        let mut expand = vec![1; rank];
        expand.push(*factor);
        let mut merge = vec![0; rank - 1];
        merge.push(-1);
        let steps = [
            ("Transpose", ints("perm", last.clone()), None),
            (
                "Unsqueeze",
                ints("axes", (0..).skip(rank).take(1).collect()),
                None,
            ),
            ("Expand", Vec::new(), Some(expand)),
            ("Reshape", Vec::new(), Some(merge)),
            ("Transpose", ints("perm", last), None),
        ];
        for (operator, attribute, operand) in steps {
            let to = format!("{name}.{}", nodes.len());
            let mut input = vec![from];
            if let Some(values) = operand {
                let shape = format!("{to}.shape");
                initializers.push(TensorProto {
                    name: shape.clone(),
                    dims: (0..).skip(values.len()).take(1).collect(),
                    data_type: DataType::Int64.into(),
                    int64_data: values,
                    ..TensorProto::default()
                });
                input.push(shape);
            }
            nodes.push(NodeProto {
                name: to.clone(),
                op_type: operator.to_owned(),
                input,
                output: vec![to.clone()],
                attribute,
                ..NodeProto::default()
            });
            from = to;
        }
    }
    if nodes.is_empty() {
        nodes.push(NodeProto {
            name,
            op_type: "Identity".to_owned(),
            input: vec![from],
            ..NodeProto::default()
        });
    }
    if let Some(end) = nodes.last_mut() {
        end.output.clone_from(&node.output);
    }
    nodes
}

fn ints(name: &str, values: Vec<i64>) -> Vec<AttributeProto> {
    vec![AttributeProto {
        name: name.to_owned(),
        ints: values,
        r#type: AttributeType::Ints.into(),
        ..AttributeProto::default()
    }]
}
