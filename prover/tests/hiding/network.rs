//! Stacks of dense layers, narrow and as deep as one likes. Weights and inputs are chosen so that no quotient can leave its `B`
//! bits, whatever they are within their bounds.

use pleat_verifier::descriptor::{
    Axis, AxisId, Descriptor, Function, Limits, Linear, Node, Operation, Port, Product, Read, View,
    WeightBlock,
};
use pleat_verifier::mle::{bits, shape_bits};
use pleat_verifier::network::Network;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// A shape of network.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    pub digit_bits: u32,
    pub row_bits: u32,
    pub width: usize,
    pub layers: usize,
}

/// Integers of a run: weight blocks (each layer's matrix, then its bias), and inputs.
#[derive(Clone, Debug)]
pub struct Integers {
    pub weights: Vec<Vec<i32>>,
    pub inputs: Vec<Vec<i32>>,
}

/// Addresses for blocks of these sizes, each aligned to its own.
fn addresses(sizes: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(sizes[*i]));
    let mut addresses = vec![0; sizes.len()];
    let mut end = 0;
    for i in order {
        addresses[i] = end;
        end += 1 << sizes[i];
    }
    addresses
}

const IDENTITY: usize = 0;
const RELU: usize = 1;

impl Stack {
    const fn half(&self) -> i64 {
        1 << (self.digit_bits - 1)
    }

    /// `|Σ a·w|·m_s` stays below `0.6·2^(3B-1)`, the bias is at most a quarter.
    fn bounds(&self) -> (i64, i64, i64) {
        let room = 6 * (1_i64 << (3 * self.digit_bits - 1)) / 10;
        let per_weight = self.half() * i64::try_from(self.width).unwrap();
        let weight = (room / per_weight).clamp(1, 100);
        (weight, self.half() / 4, room / (per_weight * weight))
    }

    pub fn network(&self) -> Network {
        let axis = |id: u16| Axis {
            id: AxisId(id),
            len: self.width,
        };
        let (_, _, m_s) = self.bounds();
        let port = |name: &str, node: usize| Port {
            name: name.to_owned(),
            node,
            shape: vec![self.width],
            scale: 1.0,
        };
        let mut descriptor = Descriptor {
            digit_bits: self.digit_bits,
            row_bits: self.row_bits,
            functions: vec![Function::Identity, Function::Relu],
            weights: Vec::new(),
            nodes: vec![Node::input("x".to_owned(), 0, vec![axis(1)], false)],
            inputs: vec![port("x", 0)],
            outputs: vec![port("y", self.layers)],
            constants: Vec::new(),
            indices: Vec::new(),
            agreements: Vec::new(),
        };
        for layer in 0..self.layers {
            let (matrix, bias) = (2 * layer, 2 * layer + 1);
            for shape in [vec![self.width, self.width], vec![self.width]] {
                descriptor.weights.push(WeightBlock { address: 0, shape });
            }
            // Axes of even and of odd layers have names of their own.
            let (from, to) = (1, 2);
            descriptor.nodes.push(Node {
                name: format!("h{layer}"),
                blocks: vec![0],
                out: vec![axis(to)],
                products: vec![Product {
                    multiplier: m_s,
                    contraction: vec![axis(from)],
                    a: View::whole(Read::Value, layer, &[axis(from)]),
                    k: View::whole(Read::Weight, matrix, &[axis(to), axis(from)]),
                }],
                linear: None,
                bias: Some(Linear {
                    multiplier: 1 << (2 * self.digit_bits),
                    view: View::whole(Read::Weight, bias, &[axis(to)]),
                }),
                operation: Operation::Map {
                    function: if layer % 3 == 0 { RELU } else { IDENTITY },
                },
            });
        }
        let sizes: Vec<usize> = (descriptor.nodes.iter().enumerate())
            .map(|(i, n)| descriptor.reserved_bits(i, n, 0))
            .collect();
        for (node, address) in descriptor.nodes.iter_mut().zip(addresses(&sizes)) {
            node.blocks = vec![address];
        }
        let sizes = descriptor.weights.iter().map(|b| shape_bits(&b.shape));
        let sizes: Vec<usize> = sizes.collect();
        for (block, address) in descriptor.weights.iter_mut().zip(addresses(&sizes)) {
            block.address = address;
        }
        assert!(bits(self.width) <= 8);
        Network::new(descriptor, &Limits::default()).unwrap()
    }

    fn fill(&self, mut value: impl FnMut(i64) -> i64) -> Integers {
        let (weight, bias, _) = self.bounds();
        let mut values = |n: usize, most: i64| -> Vec<i32> {
            let value = |_| i32::try_from(value(most)).unwrap();
            (0..n).map(value).collect()
        };
        let weights = (0..self.layers).flat_map(|_| {
            [
                values(self.width * self.width, weight),
                values(self.width, bias),
            ]
        });
        let weights = weights.collect();
        Integers {
            weights,
            inputs: vec![values(self.width, self.half() - 1)],
        }
    }

    /// Random integers.
    pub fn random(&self, seed: u64) -> Integers {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        self.fill(|most| {
            let span = u64::try_from(2 * most + 1).unwrap();
            i64::try_from(rng.next_u64() % span).unwrap() - most
        })
    }

    /// All at their bounds, or all 0.
    pub fn extreme(&self, sign: i64) -> Integers {
        self.fill(|most| sign * most)
    }
}

impl Integers {
    /// The same, but outputs do not depend on what goes before: the last layer has a bias only, which is 0 or 1.
    pub fn with_constant_output(mut self) -> Self {
        let n = self.weights.len();
        self.weights[n - 2].fill(0);
        for (i, bias) in self.weights[n - 1].iter_mut().enumerate() {
            *bias = i32::from(i % 2 == 0);
        }
        self
    }
}
