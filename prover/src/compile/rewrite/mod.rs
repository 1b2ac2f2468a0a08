//! Changes to the ONNX graph before it is imported: what the user fixes becomes constant; a softmax at the end is dropped, which
//! changes what is proved and is reported; operators that are made of simpler ones are written out in these ([`write_out`]).
//!
//! A rule sees a node whose operands' shapes are known, and constants' values. It answers with the tensors that stand for the node's
//! outputs, or a reason why there are none. What a rule writes goes through the rules itself.

mod attention;
mod best;
mod bind;
mod build;
mod evaluate;
mod fused;
mod gather;
mod logic;
mod loss;
mod node;
mod norm;
mod power;
mod quantized;
mod rank;
mod recurrent;
mod reduce;
mod rewriter;
mod sample;
mod signal;
mod tensor;
mod upsample;

use serde::Serialize;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use super::error::Unsupported;
use super::onnx::node_name;
use rewriter::{Kind, Node, Outcome, Rewriter};

pub(super) use best::best_of_outputs;
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

/// Writes out composite operators. Returns those that cannot be.
pub(super) fn write_out(model: &mut ModelProto) -> Vec<Unsupported> {
    let own = (model.opset_import.iter()).find(|o| o.domain.is_empty() || o.domain == "ai.onnx");
    let mut rewriter = Rewriter::new(own.map_or(0, |o| o.version));
    if let Some(graph) = &mut model.graph {
        rewriter.run(graph);
    }
    rewriter.refused
}

impl Rewriter {
    /// What stands for a node's outputs; `None` if the node is kept.
    fn rule(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let one = |name: String| Some(vec![name]);
        Ok(match node.operator() {
            "And" | "Or" | "Xor" | "Not" => one(self.boolean(node)?),
            // The index of the best that is shown is proved as an answer.
            "ArgMax" | "ArgMin" if self.shows(node) && !node.flag("select_last_index") => None,
            "ArgMax" | "ArgMin" => one(self.arg_best(node)?),
            "Attention" if node.domain() == "com.microsoft" => Some(self.packed_attention(node)?),
            "BitShift" => one(self.bit_shift(node)?),
            "Cast" | "CastLike" => self.cast(node)?,
            "Compress" => one(self.compress(node)?),
            "ConvInteger" | "MatMulInteger" => one(self.integer_product(node)?),
            "CumSum" => one(self.cumsum(node)?),
            "DepthToSpace" | "SpaceToDepth" => one(self.depth_space(node)?),
            "DFT" => one(self.dft(node)?),
            "DequantizeLinear" => one(self.dequantize_linear(node)?),
            "Det" => one(self.determinant(node)?),
            "Div" if self.kind(node.input(0)?) == Kind::Whole => one(self.whole_division(node)?),
            "DynamicQuantizeLinear" => Some(self.dynamic_quantize(node)?),
            "Einsum" => self.diagonals(node)?,
            "EmbedLayerNormalization" => Some(self.embedding(node)?),
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => {
                one(self.comparison(node)?)
            }
            "EyeLike" => one(self.eye_like(node)?),
            "Gather" => self.gather(node)?,
            "GatherElements" => one(self.gather_elements(node)?),
            "GatherND" => one(self.gather_nd(node)?),
            "FusedMatMul" => one(self.fused_matmul(node)?),
            "GRU" | "LSTM" | "RNN" => Some(self.recurrent(node)?),
            "GridSample" => one(self.grid_sample(node)?),
            "GroupNormalization" => one(self.group_norm(node)?),
            "GroupQueryAttention" => Some(self.group_query(node)?),
            "Hardmax" => one(self.hardmax(node)?),
            "InstanceNormalization" => one(self.instance_norm(node)?),
            "LRN" => one(self.lrn(node)?),
            "LayerNormalization" => Some(self.layer_norm(node, true)?),
            "LpNormalization" => one(self.lp_norm(node)?),
            "MatMulNBits" => one(self.few_bits(node)?),
            "Mean" => one(self.mean_of(node)?),
            "MeanVarianceNormalization" => one(self.mean_variance_norm(node)?),
            "Mod" => one(self.remainder(node)?),
            "MultiHeadAttention" => Some(self.multi_head(node)?),
            "NegativeLogLikelihoodLoss" => one(self.likelihood(node, node.input(0)?)?),
            "OneHot" => one(self.one_hot(node)?),
            "Pow" => self.power(node)?,
            "QLinearConv" => one(self.quantized_conv(node)?),
            "QLinearMatMul" => one(self.quantized_matmul(node)?),
            "QuantizeLinear" => one(self.quantize_linear(node)?),
            "RMSNormalization" | "SimplifiedLayerNormalization" => {
                Some(self.layer_norm(node, false)?)
            }
            "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceProd"
            | "ReduceSumSquare" => one(self.reduction(node)?),
            "Resize" => self.resize(node)?,
            "ReverseSequence" => one(self.reverse_sequence(node)?),
            "RotaryEmbedding" => self.rotary(node)?,
            "STFT" => one(self.stft(node)?),
            "Scatter" | "ScatterElements" => one(self.scatter_elements(node)?),
            "ScatterND" => one(self.scatter_nd(node)?),
            "Shrink" => one(self.shrink(node)?),
            "SkipLayerNormalization" => Some(self.skip_norm(node, true)?),
            "SkipSimplifiedLayerNormalization" => Some(self.skip_norm(node, false)?),
            "SoftmaxCrossEntropyLoss" => Some(self.cross_entropy(node)?),
            "TopK" => Some(self.top_k(node)?),
            "Tile" => one(self.tile(node)?),
            "Trilu" => one(self.trilu(node)?),
            "Upsample" => one(self.upsample(node)?),
            "Where" => self.choice(node)?,
            _ => None,
        })
    }
}
