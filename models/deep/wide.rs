//! Wide networks: dense layers `width → width` without biases, ReLU between them. Weights are drawn from a seed, uniformly, with
//! the variance that keeps activations of one size from layer to layer. Nothing is trained.

use std::path::Path;

use ndarray::Array2;
use prost::Message;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tract_onnx::pb::GraphProto;

use crate::network::{flag, model, node, tensor, uniform, value_info};

const SEED: u64 = 4096;
/// Random inputs that a network is calibrated on.
const SAMPLES: usize = 16;

/// The network of `depth` layers as an ONNX file.
pub fn onnx(depth: usize, width: usize) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let mut graph = GraphProto {
        name: format!("wide{width}"),
        input: vec![value_info("x", &[1, width])],
        output: vec![value_info("y", &[1, width])],
        ..GraphProto::default()
    };
    let mut last = "x".to_owned();
    for layer in 1..=depth {
        // Of a layer's inputs all are alive, or about a half if they come out of a ReLU.
        let spread = (if layer == 1 { 3.0 } else { 6.0 } / width as f32).sqrt();
        let values: Vec<f32> = (0..width * width)
            .map(|_| spread * uniform(&mut rng))
            .collect();
        let weight = format!("weight{layer}");
        let initializer = tensor(weight.clone(), &[width, width], &values);
        graph.initializer.push(initializer);
        let is_last = layer == depth;
        let dense = if is_last {
            "y".to_owned()
        } else {
            format!("dense{layer}")
        };
        let operands = [last, weight];
        let gemm = node("Gemm", dense.clone(), &operands, vec![flag("transB")]);
        graph.node.push(gemm);
        last = dense;
        if !is_last {
            let relu = node("Relu", format!("relu{layer}"), &[last], Vec::new());
            last = format!("relu{layer}");
            graph.node.push(relu);
        }
    }
    model(graph).encode_to_vec()
}

/// Writes inputs `[SAMPLES, width]`, uniform in `[-1, 1)`.
pub fn write_samples(path: &Path, width: usize) -> Result<(), ndarray_npy::WriteNpyError> {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED + 1);
    let samples = Array2::from_shape_simple_fn((SAMPLES, width), || uniform(&mut rng));
    ndarray_npy::write_npy(path, &samples)
}
