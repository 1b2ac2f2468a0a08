//! Deep networks of one narrow shape: 28×28 input, a 3×3 convolution 1→2, then `depth - 2` convolutions 2→2, all padded by 1
//! and with ReLU, then a dense layer 1568→10. The shape is that of Zator's 512-layer network; the weights are drawn from
//! a seed. `W = centre + ε·noise`, then every channel is scaled and shifted to unit variance and mean [`MEAN`] on real
//! digits, so that nothing dies or explodes. Nothing is trained.

use prost::Message;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// Height and width of the image.
pub const SIDE: usize = 28;
/// Pixels of a channel.
pub const PIXELS: usize = SIDE * SIDE;
/// Channels of every layer but the input.
pub const CHANNELS: usize = 2;
/// Classes.
pub const CLASSES: usize = 10;

const SEED: u64 = 512;
/// Strength of the noise in a kernel whose centre is 1.
const NOISE: f32 = 0.1;
/// Mean of a channel's pre-activations, in standard deviations.
const MEAN: f32 = 1.0;

/// A convolution 3×3 padded by 1: weights `[out, in, 3, 3]` and biases.
struct Convolution {
    inputs: usize,
    weights: Vec<f32>,
    biases: Vec<f32>,
}

/// A network of this shape.
pub struct Deep {
    convolutions: Vec<Convolution>,
    /// `[CLASSES, CHANNELS·PIXELS]`.
    dense: Vec<f32>,
    biases: Vec<f32>,
}

impl Deep {
    /// The network of `depth` layers. Networks of different depth share their first convolutions. `digits` are images of
    /// [`PIXELS`] values on which channels are normalised.
    pub fn new(depth: usize, digits: &[Vec<f32>]) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(SEED);
        let mut batch = digits.to_vec();
        let mut convolutions = Vec::with_capacity(depth.saturating_sub(1));
        for layer in 1..depth {
            let inputs = if layer == 1 { 1 } else { CHANNELS };
            let mut convolution = Convolution::draw(inputs, &mut rng);
            convolution.normalise(&batch);
            batch = batch.iter().map(|x| relu(convolution.apply(x))).collect();
            convolutions.push(convolution);
        }
        let (dense, biases) = draw_dense(&batch);
        Self {
            convolutions,
            dense,
            biases,
        }
    }

    /// What every convolution gives, after ReLU: `[CHANNELS, PIXELS]`.
    pub fn activations(&self, image: &[f32]) -> Vec<Vec<f32>> {
        let mut last = image.to_vec();
        let layer = |convolution: &Convolution| {
            last = relu(convolution.apply(&last));
            last.clone()
        };
        self.convolutions.iter().map(layer).collect()
    }

    /// The class with the largest logit.
    pub fn class(&self, image: &[f32]) -> usize {
        let activations = self.activations(image);
        let last = activations.last().map_or(image, Vec::as_slice);
        let rows = self.dense.chunks(CHANNELS * PIXELS).zip(&self.biases);
        let logit = |(row, bias): (&[f32], &f32)| {
            let dot: f32 = row.iter().zip(last).map(|(w, x)| w * x).sum();
            dot + bias
        };
        let logits = rows.map(logit).enumerate();
        let best = logits.max_by(|a, b| a.1.total_cmp(&b.1));
        best.map_or(0, |(class, _)| class)
    }

    /// The network as an ONNX file.
    pub fn onnx(&self) -> Vec<u8> {
        let mut graph = GraphProto {
            name: format!("deep{}", self.convolutions.len() + 1),
            input: vec![value_info("image", &[1, 1, SIDE, SIDE])],
            output: vec![value_info("logits", &[1, CLASSES])],
            ..GraphProto::default()
        };
        let mut last = "image".to_owned();
        for (layer, convolution) in self.convolutions.iter().enumerate() {
            let name = |what: &str| format!("{what}{}", layer + 1);
            let shape = [CHANNELS, convolution.inputs, 3, 3];
            let weights = tensor(name("weight"), &shape, &convolution.weights);
            let biases = tensor(name("bias"), &[CHANNELS], &convolution.biases);
            graph.initializer.extend([weights, biases]);
            let operands = [last, name("weight"), name("bias")];
            let attributes = [ints("kernel_shape", &[3, 3]), ints("pads", &[1; 4])];
            let conv = node("Conv", name("conv"), &operands, attributes.to_vec());
            let relu = node("Relu", name("relu"), &[name("conv")], Vec::new());
            graph.node.extend([conv, relu]);
            last = name("relu");
        }
        let shape = [CLASSES, CHANNELS * PIXELS];
        let weights = tensor("dense_weight".to_owned(), &shape, &self.dense);
        let biases = tensor("dense_bias".to_owned(), &[CLASSES], &self.biases);
        graph.initializer.extend([weights, biases]);
        let flatten = node("Flatten", "flat".to_owned(), &[last], Vec::new());
        let operands = ["flat", "dense_weight", "dense_bias"].map(str::to_owned);
        let gemm = node("Gemm", "logits".to_owned(), &operands, vec![flag("transB")]);
        graph.node.extend([flatten, gemm]);
        model(graph).encode_to_vec()
    }
}

impl Convolution {
    /// Noise, and 1 in the centre of the kernel from a channel to itself.
    fn draw(inputs: usize, rng: &mut ChaCha20Rng) -> Self {
        let mut weights = Vec::with_capacity(CHANNELS * inputs * 9);
        for o in 0..CHANNELS {
            for i in 0..inputs {
                let own = inputs == 1 || o == i;
                weights.extend((0..9).map(|tap| {
                    let centre = if own && tap == 4 { 1.0 } else { 0.0 };
                    centre + NOISE * uniform(rng)
                }));
            }
        }
        Self {
            inputs,
            weights,
            biases: vec![0.0; CHANNELS],
        }
    }

    /// Pre-activations `[CHANNELS, PIXELS]` of one image.
    fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(CHANNELS * PIXELS);
        for (kernels, bias) in self.weights.chunks(self.inputs * 9).zip(&self.biases) {
            for (row, column) in (0..PIXELS).map(|p| (p / SIDE, p % SIDE)) {
                let mut sum = *bias;
                for (kernel, channel) in kernels.chunks(9).zip(x.chunks(PIXELS)) {
                    for (tap, w) in kernel.iter().enumerate() {
                        let (y, x) = (row + tap / 3, column + tap % 3);
                        if (1..=SIDE).contains(&y) && (1..=SIDE).contains(&x) {
                            sum += w * channel[(y - 1) * SIDE + x - 1];
                        }
                    }
                }
                out.push(sum);
            }
        }
        out
    }

    /// Scales and shifts every channel to unit variance and mean [`MEAN`] on the batch.
    fn normalise(&mut self, batch: &[Vec<f32>]) {
        let results: Vec<Vec<f32>> = batch.iter().map(|x| self.apply(x)).collect();
        let per_channel = self.weights.chunks_mut(self.inputs * 9);
        for (channel, (weights, bias)) in per_channel.zip(&mut self.biases).enumerate() {
            let values = results
                .iter()
                .flat_map(|r| &r[channel * PIXELS..(channel + 1) * PIXELS]);
            let (mean, deviation) = moments(values.copied());
            weights.iter_mut().for_each(|w| *w /= deviation);
            *bias = MEAN - mean / deviation;
        }
    }
}

/// Random weights whose logits have mean 0 and unit variance on the batch.
fn draw_dense(batch: &[Vec<f32>]) -> (Vec<f32>, Vec<f32>) {
    // A stream of its own, so that depth does not change it.
    let mut rng = ChaCha20Rng::seed_from_u64(SEED + 1);
    let mut dense: Vec<f32> = (0..CLASSES * CHANNELS * PIXELS)
        .map(|_| uniform(&mut rng))
        .collect();
    let mut biases = Vec::with_capacity(CLASSES);
    for row in dense.chunks_mut(CHANNELS * PIXELS) {
        let dot = |x: &Vec<f32>| x.iter().zip(row.iter()).map(|(x, w)| x * w).sum();
        let (mean, deviation) = moments(batch.iter().map(dot));
        row.iter_mut().for_each(|w| *w /= deviation);
        biases.push(-mean / deviation);
    }
    (dense, biases)
}

fn relu(mut values: Vec<f32>) -> Vec<f32> {
    values.iter_mut().for_each(|v| *v = v.max(0.0));
    values
}

/// Mean and standard deviation.
fn moments(values: impl Iterator<Item = f32> + Clone) -> (f32, f32) {
    let (mut count, mut sum) = (0.0_f64, 0.0_f64);
    for v in values.clone() {
        count += 1.0;
        sum += f64::from(v);
    }
    let mean = sum / count;
    let squares: f64 = values.map(|v| (f64::from(v) - mean).powi(2)).sum();
    (mean as f32, (squares / count).sqrt() as f32)
}

/// Uniform in `[-1, 1)`, of 24 bits.
pub fn uniform(rng: &mut ChaCha20Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// A graph as a whole file.
pub fn model(graph: GraphProto) -> ModelProto {
    let opset = OperatorSetIdProto {
        version: 13,
        ..OperatorSetIdProto::default()
    };
    ModelProto {
        ir_version: 8,
        producer_name: "pleat deep".to_owned(),
        opset_import: vec![opset],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

/// A node named after what it gives.
pub fn node(
    operator: &str,
    output: String,
    inputs: &[String],
    attributes: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        name: output.clone(),
        op_type: operator.to_owned(),
        input: inputs.to_vec(),
        output: vec![output],
        attribute: attributes,
        ..NodeProto::default()
    }
}

/// An attribute that is set.
pub fn flag(name: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int.into(),
        i: 1,
        ..AttributeProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints.into(),
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// A constant.
pub fn tensor(name: String, shape: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name,
        dims: shape.iter().map(|n| *n as i64).collect(),
        data_type: DataType::Float.into(),
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// An input or output.
pub fn value_info(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dimension = |n: &usize| Dimension {
        value: Some(dimension::Value::DimValue(*n as i64)),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float.into(),
        shape: Some(TensorShapeProto {
            dim: shape.iter().map(dimension).collect(),
        }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
