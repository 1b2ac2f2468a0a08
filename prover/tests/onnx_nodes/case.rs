//! One node test: compile with its own inputs, run the integers, compare.

use std::cmp::Ordering::{Equal, Less};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ndarray::ArrayD;
use pleat_prover::compile::{CompileError, CompileOptions, compile, unheard};
use pleat_prover::execute::{Executor, block_values, weight_column};
use pleat_verifier::descriptor::Limits;
use pleat_verifier::network::Network;
use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto};

use super::tensors::{self, Numbers};

/// How a test ended.
pub enum Outcome {
    /// The operator, if it is the model's only one, and the rows that an element of its results costs, inputs apart.
    Pass(Option<(String, f64)>),
    /// By the compiler.
    Refused {
        operator: String,
        why: String,
    },
    /// The integer network is too far from what is expected.
    Inexact(String),
    Crash(String),
    Hang,
}

impl Outcome {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pass(_) => "passes",
            Self::Refused { .. } => "refused",
            Self::Inexact(_) => "inexact",
            Self::Crash(_) => "crashes",
            Self::Hang => "hangs",
        }
    }

    /// One line.
    pub fn write(&self) -> String {
        let rest = match self {
            Self::Refused { operator, why } => format!("{operator}\t{why}"),
            Self::Inexact(what) | Self::Crash(what) => what.clone(),
            Self::Pass(Some((operator, rows))) => format!("{operator}\t{rows}"),
            Self::Pass(None) | Self::Hang => String::new(),
        };
        format!("outcome\t{}\t{}", self.kind(), rest.replace('\n', " "))
    }

    pub fn read(line: &str) -> Option<Self> {
        let (kind, rest) = line.strip_prefix("outcome\t")?.split_once('\t')?;
        Some(match kind {
            "passes" => Self::Pass(rest.split_once('\t').and_then(|(operator, rows)| {
                Some((operator.to_owned(), rows.trim().parse().ok()?))
            })),
            "refused" => {
                let (operator, why) = rest.split_once('\t')?;
                Self::Refused {
                    operator: operator.to_owned(),
                    why: why.to_owned(),
                }
            }
            "inexact" => Self::Inexact(rest.to_owned()),
            "crashes" => Self::Crash(rest.to_owned()),
            _ => return None,
        })
    }
}

/// Operands that are given as inputs in the tests, but are fixed in a network: shapes, axes, bounds, which element goes where; what
/// the operator calls weights; never data.
fn fixed(operator: &str) -> &'static [usize] {
    match operator {
        "Reshape" | "Expand" | "Tile" | "Squeeze" | "Unsqueeze" | "Split" | "CumSum" | "TopK"
        | "Trilu" | "Compress" | "Gather" | "GatherElements" | "GatherND" | "ScatterND"
        | "ScatterElements" | "Scatter" | "ReverseSequence" | "Upsample" | "ReduceL1"
        | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean"
        | "ReduceMin" | "ReduceProd" | "ReduceSum" | "ReduceSumSquare" => &[1],
        "Pad" | "Resize" => &[1, 2, 3],
        "Slice" => &[1, 2, 3, 4],
        "Clip"
        | "Dropout"
        | "QuantizeLinear"
        | "DequantizeLinear"
        | "NegativeLogLikelihoodLoss"
        | "SoftmaxCrossEntropyLoss"
        | "LayerNormalization"
        | "InstanceNormalization"
        | "Conv"
        | "ConvTranspose" => &[1, 2],
        "ConstantOfShape" | "BlackmanWindow" | "HannWindow" | "HammingWindow" => &[0],
        "OneHot" => &[1, 2],
        "Range" => &[0, 1, 2],
        "MelWeightMatrix" => &[0, 1, 2, 3, 4],
        "MatMulInteger" => &[2, 3],
        "ConvInteger" => &[1, 2, 3],
        "QLinearConv" => &[1, 2, 3, 4, 5, 6, 7, 8],
        "QLinearMatMul" => &[1, 2, 4, 5, 6, 7],
        "BatchNormalization" | "STFT" => &[1, 2, 3, 4],
        "GRU" | "LSTM" | "RNN" => &[1, 2, 3, 4, 7],
        "DFT" | "PRelu" => &[1],
        _ => &[],
    }
}

/// The names of the inputs that are to be bound: those that only operators' fixed operands are made of.
fn bound(graph: &GraphProto) -> Vec<&str> {
    let mut names = Vec::new();
    for input in &graph.input {
        let read = graph.node.iter().any(|n| n.input.contains(&input.name));
        if read && only_fixed(graph, &input.name) {
            names.push(input.name.as_str());
        }
    }
    names
}

fn only_fixed(graph: &GraphProto, name: &str) -> bool {
    let mut reads = graph.node.iter().flat_map(|node| {
        let slots = node.input.iter().enumerate().filter(|(_, n)| *n == name);
        slots.map(move |(slot, _)| (node, slot))
    });
    reads.all(|(node, slot)| {
        let passes = matches!(
            node.op_type.as_str(),
            "Cast" | "Unsqueeze" | "Squeeze" | "Identity" | "Sub" | "Equal" | "Reshape"
        );
        let result = node.output.first().map_or("", String::as_str);
        fixed(&node.op_type).contains(&slot)
            || (passes
                && (graph.output.iter()).all(|o| o.name != result)
                && only_fixed(graph, result))
            || (node.op_type == "Where" && slot == 0 && only_fixed(graph, result))
    })
}

fn numbered(folder: &Path, kind: &str, count: usize) -> Vec<Option<Numbers>> {
    let file = |i| folder.join(format!("test_data_set_0/{kind}_{i}.pb"));
    (0..count).map(|i| tensors::read(&file(i))).collect()
}

/// A refusal, whose message has to name one of the model's operators.
fn refused(e: &CompileError, operators: &str) -> Outcome {
    let (operator, why) = match e {
        CompileError::Unsupported { nodes, .. } => {
            let operators: Vec<&str> = nodes.iter().map(|n| n.operator.as_str()).collect();
            let whys: Vec<&str> = nodes.iter().map(|n| n.why.as_str()).collect();
            (operators.join(" "), whys.join("; "))
        }
        CompileError::NotOnnx { reason, .. } => {
            let why: String = reason.chars().take(300).collect();
            (format!("? {operators}"), format!("import: {why}"))
        }
        other => {
            let why = other.to_string();
            let of = |o: &&str| why.contains(&format!("({o})"));
            let named = operators.split(' ').find(of);
            (named.unwrap_or("?").to_owned(), why)
        }
    };
    Outcome::Refused { operator, why }
}

/// The operators that a test is about.
fn operators(graph: &GraphProto) -> String {
    let mut names: Vec<&str> = graph.node.iter().map(|n| n.op_type.as_str()).collect();
    names.dedup();
    names.join(" ")
}

pub fn run(folder: &Path) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| attempt(folder))) {
        Ok(outcome) => outcome,
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Outcome::Crash(text.unwrap_or_default())
        }
    }
}

/// Inputs of 10 000 and 10 003 that have to be told apart take 15 bits.
fn digit_bits(folder: &Path) -> u32 {
    if folder.to_string_lossy().contains("large_number") {
        15
    } else {
        14
    }
}

fn attempt(folder: &Path) -> Outcome {
    let path = folder.join("model.onnx");
    let model = ModelProto::decode(std::fs::read(&path).unwrap().as_slice()).unwrap();
    let graph = model.graph.unwrap();
    let inputs = numbered(folder, "input", graph.input.len());
    let expected = numbered(folder, "output", graph.output.len());
    let mut bound: Vec<String> = bound(&graph).into_iter().map(str::to_owned).collect();
    // An operator written out by the ONNX project has the operands of the operator.
    let twin = folder.to_string_lossy().into_owned();
    if let Some(twin) = twin.strip_suffix("_expanded") {
        let bytes = std::fs::read(Path::new(twin).join("model.onnx")).unwrap();
        let twin = ModelProto::decode(bytes.as_slice()).unwrap().graph.unwrap();
        bound = (twin.input.iter().zip(&graph.input))
            .filter(|(t, _)| self::bound(&twin).contains(&t.name.as_str()))
            .map(|(_, own)| own.name.clone())
            .collect();
    }
    let mut options = CompileOptions {
        digit_bits: Some(digit_bits(folder)),
        ..CompileOptions::default()
    };
    let mut sample: Vec<ArrayD<f32>> = Vec::new();
    let mut given = Vec::new();
    for (info, tensor) in graph.input.iter().zip(inputs) {
        let Some(tensor) = tensor else {
            return Outcome::Refused {
                operator: operators(&graph),
                why: "an input is no tensor of numbers".to_owned(),
            };
        };
        if bound.contains(&info.name) {
            options.bind.insert(info.name.clone(), tensor.values);
        } else {
            given.push(info.name.as_str());
            sample.push(tensor.values.mapv(|v| v as f32));
        }
    }
    let compiled = match compile(&path, &[sample.clone()], &options, &mut unheard) {
        Ok(compiled) => compiled,
        Err(e) => {
            if let CompileError::Unfaithful { .. } = e {
                return Outcome::Inexact(e.to_string());
            }
            return refused(&e, &operators(&graph));
        }
    };
    if let Some(dropped) = compiled.report.dropped.first() {
        return Outcome::Refused {
            operator: dropped.operator.clone(),
            why: "it is left out".to_owned(),
        };
    }
    let network = Network::new(compiled.descriptor, &Limits::default()).unwrap();
    let column = weight_column(&network, &compiled.weights).unwrap();
    let executor = Executor::new(&network, &column).unwrap();
    let descriptor = network.descriptor();
    let find = |name: &str| {
        let at = given.iter().position(|g| *g == name).unwrap();
        &sample[at]
    };
    let integers: Vec<Vec<i32>> = descriptor
        .inputs
        .iter()
        .map(|p| {
            let one = |v: &f32| (f64::from(*v) / p.scale).round() as i32;
            find(&p.name).iter().map(one).collect()
        })
        .collect();
    let indices: Vec<Vec<u32>> = descriptor
        .indices
        .iter()
        .filter(|p| p.role == pleat_verifier::descriptor::IndexRole::Given)
        .map(|p| find(&p.name).iter().map(|v| *v as u32).collect())
        .collect();
    let trace = match executor.run_on(&integers, &indices) {
        Ok(trace) => trace,
        Err(e) => return Outcome::Inexact(e.to_string()),
    };
    let result = |name: &str| -> Option<Vec<f64>> {
        if let Some(port) = descriptor.outputs.iter().find(|p| p.name == name) {
            let values = block_values(&network, port.node, &trace.y);
            return Some(values.iter().map(|v| f64::from(*v) * port.scale).collect());
        }
        let at = descriptor.indices.iter().position(|p| p.name == name)?;
        let values = trace.indices.of(at).iter();
        Some(values.map(|k| f64::from(*k)).collect())
    };
    for (info, expected) in graph.output.iter().zip(expected) {
        let Some(expected) = expected else {
            return Outcome::Inexact("an expected output is no tensor of numbers".to_owned());
        };
        let Some(got) = result(&info.name) else {
            return Outcome::Inexact(format!("there is no output {}", info.name));
        };
        if let Some(what) = difference(&got, &expected) {
            return Outcome::Inexact(format!("{}: {what}", info.name));
        }
    }
    let inputs = descriptor
        .inputs
        .iter()
        .filter_map(|p| network.nodes().get(p.node));
    let inputs: usize = inputs.map(pleat_verifier::descriptor::Node::rows).sum();
    let elements = graph.output.iter().filter_map(|info| result(&info.name));
    let elements: usize = elements.map(|values| values.len()).sum();
    let [node] = graph.node.as_slice() else {
        return Outcome::Pass(None);
    };
    let rows = (network.real_rows() - inputs) as f64 / elements.max(1) as f64;
    Outcome::Pass(Some((node.op_type.clone(), rows)))
}

fn difference(got: &[f64], expected: &Numbers) -> Option<String> {
    let values = &expected.values;
    if got.len() != values.len() {
        return Some(format!("{} elements, not {}", got.len(), values.len()));
    }
    let real = matches!(
        expected.dtype,
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16
    );
    let largest = values.iter().map(|v| v.abs()).fold(0.0, f64::max);
    let allowed = 0.02 * largest + 1e-6;
    let wrong = got.iter().zip(values).position(|(g, e)| {
        let g = if real { *g } else { g.round() };
        !matches!((g - e).abs().partial_cmp(&allowed), Some(Less | Equal))
    })?;
    let e = values.iter().nth(wrong)?;
    Some(format!(
        "element {wrong} is {} instead of {e}; {allowed} is allowed",
        got[wrong]
    ))
}
