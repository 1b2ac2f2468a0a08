//! The networks that systems are compared on: uniform stacks of small layers, all of one shape and with ReLU, so that one circuit
//! can serve as every step of a direct folding.
//!
//! Weights are drawn from a seed, and every layer is scaled and shifted on the one input that is proved, so that a network
//! of any depth neither dies nor leaves its range. Outputs are computed here by plain loops; they are what every system
//! has to agree with.

use pleat_prover::compile::lay_out;
use pleat_verifier::descriptor::{
    Axis, AxisId, AxisMap, Descriptor, Function, Linear, Node, Operation, Port, Product, Read,
    Stride, Term, View, WeightBlock,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

/// `B`: width of activations, weights and remainder digits.
pub const DIGIT_BITS: u32 = 12;
/// `2^(B-1)`: signed `B`-bit integers lie in `-HALF..HALF`.
pub const HALF: i64 = 1 << (DIGIT_BITS - 1);
/// Multiplier of biases, `2^(2B)`: they count in units of the quotient.
pub const BIAS_MULTIPLIER: i64 = 1 << (2 * DIGIT_BITS);

const SEED: u64 = 1;
/// What pre-activations, in units of the quotient, are shifted and scaled to.
const MEAN: f64 = 256.0;
const DEVIATION: f64 = 200.0;

/// Shape of every layer of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// `[batch, width]` to the same, by one `width × width` matrix.
    Dense {
        /// Samples that share the weights.
        batch: usize,
        /// Features.
        width: usize,
    },
    /// `[channels, side, side]` to the same, by 3×3 convolutions padded by 1.
    Conv {
        /// Channels.
        channels: usize,
        /// Height and width.
        side: usize,
    },
}

impl Shape {
    /// `dense 16`, `dense 64×256`, `conv 2×8×8`.
    #[must_use]
    pub fn name(&self) -> String {
        match *self {
            Self::Dense { batch: 1, width } => format!("dense {width}"),
            Self::Dense { batch, width } => format!("dense {batch}×{width}"),
            Self::Conv { channels, side } => format!("conv {channels}×{side}×{side}"),
        }
    }

    /// Features of a dense layer, channels of a convolution.
    #[must_use]
    pub const fn width(&self) -> usize {
        match *self {
            Self::Dense { width, .. } => width,
            Self::Conv { channels, .. } => channels,
        }
    }

    /// Activations of a layer.
    #[must_use]
    pub const fn cells(&self) -> usize {
        match *self {
            Self::Dense { batch, width } => batch * width,
            Self::Conv { channels, side } => channels * side * side,
        }
    }

    /// Weights of a layer, without its biases.
    #[must_use]
    pub const fn weights(&self) -> usize {
        match *self {
            Self::Dense { width, .. } => width * width,
            Self::Conv { channels, .. } => channels * channels * 9,
        }
    }

    /// Biases of a layer: one per feature or channel.
    #[must_use]
    pub const fn biases(&self) -> usize {
        self.width()
    }

    /// Products that make up one output, those with padding included.
    #[must_use]
    pub const fn fan_in(&self) -> usize {
        match *self {
            Self::Dense { width, .. } => width,
            Self::Conv { channels, .. } => channels * 9,
        }
    }

    /// `m_s`: makes weights of half their range give pre-activations of the wanted deviation.
    #[must_use]
    pub fn multiplier(&self) -> i64 {
        (17_469.0 / (self.fan_in() as f64).sqrt()).round() as i64
    }

    /// The products that make up output `output`: indices of activation and weight. Those with padding are left out.
    pub fn taps(&self, output: usize) -> impl Iterator<Item = (usize, usize)> {
        let shape = *self;
        let candidate = move |tap: usize| match shape {
            Shape::Dense { width, .. } => {
                let (sample, feature) = (output / width, output % width);
                Some((sample * width + tap, feature * width + tap))
            }
            Shape::Conv { channels, side } => {
                let (to, pixel) = (output / (side * side), output % (side * side));
                let (from, kernel) = (tap / 9, tap % 9);
                let row = (pixel / side + kernel / 3).checked_sub(1)?;
                let column = (pixel % side + kernel % 3).checked_sub(1)?;
                let inside = row < side && column < side;
                let activation = (from * side + row) * side + column;
                inside.then_some((activation, (to * channels + from) * 9 + kernel))
            }
        };
        (0..self.fan_in()).filter_map(candidate)
    }

    /// The bias of an output.
    #[must_use]
    pub const fn bias(&self, output: usize) -> usize {
        match *self {
            Self::Dense { width, .. } => output % width,
            Self::Conv { side, .. } => output / (side * side),
        }
    }

    fn axes(&self) -> Vec<Axis> {
        let axis = |(id, len): (u16, usize)| Axis {
            id: AxisId(id),
            len,
        };
        match *self {
            Self::Dense { batch, width } => [(0, batch), (1, width)].map(axis).to_vec(),
            Self::Conv { channels, side } => {
                [(0, channels), (1, side), (2, side)].map(axis).to_vec()
            }
        }
    }
}

/// Weights of one layer, signed `B`-bit integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// `[width, width]`, or `[channels, channels, 3, 3]`; outputs first.
    pub weights: Vec<i32>,
    /// One per feature or channel.
    pub biases: Vec<i32>,
}

/// A network with its one input, and what that gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// Shape of every layer.
    pub shape: Shape,
    /// The layers.
    pub layers: Vec<Layer>,
    /// The input, then what every layer gives.
    pub activations: Vec<Vec<i32>>,
}

impl Net {
    /// The network of this shape and depth. Networks of one shape share their first layers.
    #[must_use]
    pub fn new(shape: Shape, depth: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(SEED);
        let mut draw = |n: usize, bits: u32| -> Vec<i32> {
            let half = 1 << (bits - 1);
            (0..n)
                .map(|_| (rng.next_u32() >> (32 - bits)) as i32 - half)
                .collect()
        };
        let mut net = Self {
            shape,
            layers: Vec::with_capacity(depth),
            activations: vec![draw(shape.cells(), DIGIT_BITS - 2)],
        };
        for _ in 0..depth {
            let drawn = draw(shape.weights(), DIGIT_BITS);
            let layer = normalised(shape, &drawn, net.last());
            net.activations.push(layer.run(shape, net.last()));
            net.layers.push(layer);
        }
        net
    }

    /// What the last layer gives.
    #[must_use]
    pub fn last(&self) -> &[i32] {
        self.activations.last().map_or(&[], Vec::as_slice)
    }

    /// The input.
    #[must_use]
    pub fn input(&self) -> &[i32] {
        self.activations.first().map_or(&[], Vec::as_slice)
    }

    /// One tensor per weight block of [`Net::descriptor`].
    #[must_use]
    pub fn blocks(&self) -> Vec<Vec<i32>> {
        let both = |l: &Layer| [l.weights.clone(), l.biases.clone()];
        self.layers.iter().flat_map(both).collect()
    }

    /// The network as Pleat's descriptor.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        descriptor(self.shape, self.layers.len())
    }
}

impl Layer {
    /// The layer as it is defined.
    #[must_use]
    pub fn run(&self, shape: Shape, input: &[i32]) -> Vec<i32> {
        let sums = sums(shape, &self.weights, input);
        let output = |(o, sum): (usize, i64)| {
            let bias = self.biases.get(shape.bias(o)).copied().unwrap_or(0);
            let z = shape.multiplier() * sum + BIAS_MULTIPLIER * i64::from(bias);
            quotient(z).max(0) as i32
        };
        sums.into_iter().enumerate().map(output).collect()
    }
}

/// `floor(z/2^(2B) + 1/2)` (PROTOCOL.md §1).
#[must_use]
pub const fn quotient(z: i64) -> i64 {
    (z + BIAS_MULTIPLIER / 2) >> (2 * DIGIT_BITS)
}

fn sums(shape: Shape, weights: &[i32], input: &[i32]) -> Vec<i64> {
    let at = |values: &[i32], i: usize| values.get(i).map_or(0, |v| i64::from(*v));
    (0..shape.cells())
        .map(|o| {
            let taps = shape.taps(o);
            taps.map(|(a, w)| at(input, a) * at(weights, w)).sum()
        })
        .collect()
}

/// Drawn weights, scaled and with biases so that pre-activations of this input have the wanted mean and deviation.
fn normalised(shape: Shape, drawn: &[i32], input: &[i32]) -> Layer {
    let unit = shape.multiplier() as f64 / BIAS_MULTIPLIER as f64;
    let sums: Vec<f64> = sums(shape, drawn, input)
        .into_iter()
        .map(|s| s as f64 * unit)
        .collect();
    let count = sums.len().max(1) as f64;
    let mean = sums.iter().sum::<f64>() / count;
    let squares = sums.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
    let deviation = (squares / count).sqrt().max(1.0);
    let scale = (DEVIATION / deviation).min(1.0);
    let bias = MEAN - mean * scale;
    let limit = (HALF - 1) as f64;
    Layer {
        weights: drawn
            .iter()
            .map(|w| (f64::from(*w) * scale).round().clamp(-limit, limit) as i32)
            .collect(),
        biases: vec![bias.round().clamp(-limit, limit) as i32; shape.biases()],
    }
}

fn view(read: Read, block: usize, maps: Vec<AxisMap>) -> View {
    let term = Term {
        coefficient: 1,
        read,
        block,
        maps,
    };
    View { terms: vec![term] }
}

/// Activations and weights of a layer's product.
fn product(shape: Shape, from: usize, block: usize) -> Product {
    let axis = |id, len| Axis {
        id: AxisId(id),
        len,
    };
    let identity = |id, len| AxisMap::identity(len, AxisId(id));
    let (a, k, contraction) = match shape {
        Shape::Dense { batch, width } => (
            vec![identity(0, batch), identity(2, width)],
            vec![identity(1, width), identity(2, width)],
            vec![axis(2, width)],
        ),
        Shape::Conv { channels, side } => {
            let step = |id| Stride {
                axis: AxisId(id),
                stride: 1,
            };
            let window = |p, u| AxisMap::window(side, step(p), step(u), 1);
            (
                vec![identity(3, channels), window(1, 4), window(2, 5)],
                vec![
                    identity(0, channels),
                    identity(3, channels),
                    identity(4, 3),
                    identity(5, 3),
                ],
                vec![axis(3, channels), axis(4, 3), axis(5, 3)],
            )
        }
    };
    Product {
        multiplier: shape.multiplier(),
        contraction,
        a: view(Read::Value, from, a),
        k: view(Read::Weight, block, k),
    }
}

/// Pleat's descriptor of a network of this shape and depth.
#[must_use]
pub fn descriptor(shape: Shape, depth: usize) -> Descriptor {
    let out = shape.axes();
    let mut nodes = vec![Node::input("x".into(), 0, out.clone(), false)];
    let mut weights = Vec::new();
    // The axis of features or channels.
    let own = match shape {
        Shape::Dense { .. } => AxisId(1),
        Shape::Conv { .. } => AxisId(0),
    };
    for layer in 0..depth {
        let block = weights.len();
        let kernel = match shape {
            Shape::Dense { width, .. } => vec![width, width],
            Shape::Conv { channels, .. } => vec![channels, channels, 3, 3],
        };
        weights
            .extend([kernel, vec![shape.biases()]].map(|shape| WeightBlock { address: 0, shape }));
        let product = product(shape, layer, block);
        let bias = AxisMap::identity(shape.biases(), own);
        nodes.push(Node {
            name: format!("layer{}", layer + 1),
            blocks: vec![0],
            out: out.clone(),
            products: vec![product],
            linear: None,
            bias: Some(Linear {
                multiplier: BIAS_MULTIPLIER,
                view: view(Read::Weight, block + 1, vec![bias]),
            }),
            operation: Operation::Map { function: 1 },
        });
    }
    let port = |name: &str, node| Port {
        name: name.into(),
        node,
        shape: out.iter().map(|a| a.len).collect(),
        scale: 1.0,
    };
    let mut descriptor = Descriptor {
        digit_bits: DIGIT_BITS,
        row_bits: 0,
        functions: vec![Function::Identity, Function::Relu],
        weights,
        constants: Vec::new(),
        inputs: vec![port("x", 0)],
        outputs: vec![port("y", depth)],
        nodes,
        indices: Vec::new(),
        agreements: Vec::new(),
    };
    lay_out(&mut descriptor, None);
    descriptor
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pleat_prover::execute::{block_values, execute, weight_column};
    use pleat_verifier::descriptor::Limits;
    use pleat_verifier::network::Network;

    #[test]
    fn pleat_runs_them_as_they_are_defined() {
        for shape in [
            Shape::Dense {
                batch: 1,
                width: 16,
            },
            Shape::Dense { batch: 3, width: 8 },
            Shape::Conv {
                channels: 2,
                side: 5,
            },
        ] {
            let net = Net::new(shape, 64);
            let network = Network::new(net.descriptor(), &Limits::default()).unwrap();
            let weights = weight_column(&network, &net.blocks()).unwrap();
            let trace = execute(&network, &weights, &[net.input().to_vec()]).unwrap();
            for (node, activations) in net.activations.iter().enumerate() {
                let name = shape.name();
                assert_eq!(
                    &block_values(&network, node, &trace.y),
                    activations,
                    "{name}, node {node}"
                );
                let alive = activations.iter().filter(|v| **v != 0).count();
                assert!(
                    3 * alive > activations.len(),
                    "{name}, node {node}: {alive}"
                );
            }
            let macs: usize = network.nodes().iter().map(Node::macs).sum();
            assert_eq!(macs, 64 * shape.cells() * shape.fan_in());
        }
    }
}
