//! Small networks with hand-made weights, built as descriptors, and their outputs by plain loops that know nothing of
//! descriptors. They are those of the executable protocol model, and dense nets of any size.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests; each test file uses some of it"
)]

pub mod algebra;
pub mod cheat;
pub mod dense;
pub mod naive;

use pleat_verifier::descriptor::{
    Axis, AxisId, AxisMap, Constant, Descriptor, Function, IndexPort, IndexRole, Inner, Limits,
    Linear, Node, Operation, Port, Product, Read, Stride, Term, View, WeightBlock,
};
use pleat_verifier::mle::bits;
use pleat_verifier::network::Network;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// A network with everything needed to run and prove it.
#[derive(Clone, Debug)]
pub struct Problem {
    pub name: String,
    pub network: Network,
    /// Per weight block, row-major over its true shape.
    pub weights: Vec<Vec<i32>>,
    /// Per declared input, row-major.
    pub inputs: Vec<Vec<i32>>,
    /// Per index port that is given, row-major.
    pub given: Vec<Vec<u32>>,
    /// Per declared output, row-major.
    pub outputs: Vec<Vec<i32>>,
}

/// Every small network.
pub fn all() -> Vec<Problem> {
    vec![
        dense_net(1, &[5, 5, 5]),
        dense_net(3, &[5, 4, 2]),
        deep_net(),
        conv_net(),
        residual_net(),
        maxpool_net(),
        attention_net(),
        views_only(),
        operations_net(),
    ]
}

/// Values in `-m..=m`.
pub fn ints(rng: &mut ChaCha8Rng, len: usize, m: i32) -> Vec<i32> {
    let span = u32::try_from(2 * m + 1).unwrap();
    let value = |v: u32| i32::try_from(v % span).unwrap() - m;
    (0..len).map(|_| value(rng.next_u32())).collect()
}

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// `P` of the row relation.
pub fn requantize(z: i64, digit_bits: u32) -> i32 {
    let rounded = z + (1 << (2 * digit_bits - 1));
    i32::try_from(rounded.div_euclid(1 << (2 * digit_bits))).unwrap()
}

/// The index axis called `name`.
pub fn axis(name: char, len: usize) -> Axis {
    Axis {
        id: AxisId(u16::try_from(u32::from(name)).unwrap()),
        len,
    }
}

pub fn id(name: char) -> AxisId {
    axis(name, 1).id
}

pub fn ident(source: usize, name: char) -> AxisMap {
    AxisMap::identity(source, id(name))
}

pub fn stride(name: char, stride: i64) -> Stride {
    Stride {
        axis: id(name),
        stride,
    }
}

/// `j = s·p + d·u - pad`.
pub fn window(source: usize, p: char, u: char, s: i64, d: i64, pad: i64) -> AxisMap {
    AxisMap::window(source, stride(p, s), stride(u, d), pad)
}

/// `j = s·p + u - pad`, `u < size` summed.
pub fn pooled(source: usize, p: char, s: i64, size: usize, pad: i64) -> AxisMap {
    AxisMap::Affine {
        source,
        offset: -pad,
        index: vec![stride(p, s)],
        inner: vec![Inner {
            len: size,
            stride: 1,
        }],
    }
}

pub fn term(coefficient: i64, block: usize, maps: Vec<AxisMap>) -> Term {
    reading(Read::Value, coefficient, block, maps)
}

pub fn reading(read: Read, coefficient: i64, block: usize, maps: Vec<AxisMap>) -> Term {
    Term {
        coefficient,
        read,
        block,
        maps,
    }
}

pub const fn activations(terms: Vec<Term>) -> View {
    View { terms }
}

pub fn whole(read: Read, block: usize, axes: &[Axis]) -> View {
    View::whole(read, block, axes)
}

/// A node without parts.
pub fn node(name: &str, out: &[Axis], function: usize) -> Node {
    Node {
        name: name.to_owned(),
        blocks: vec![0],
        out: out.to_vec(),
        products: Vec::new(),
        linear: None,
        bias: None,
        operation: Operation::Map { function },
    }
}

/// The one product of a node.
pub fn product(contraction: Vec<Axis>, multiplier: i64, a: View, k: View) -> Vec<Product> {
    vec![Product {
        multiplier,
        contraction,
        a,
        k,
    }]
}

pub fn linear(multiplier: i64, view: View) -> Option<Linear> {
    Some(Linear { multiplier, view })
}

/// Assembles a descriptor; blocks are placed in order of decreasing size.
#[derive(Clone)]
pub struct Builder {
    descriptor: Descriptor,
}

pub const IDENTITY: usize = 0;
pub const RELU: usize = 1;

impl Builder {
    /// Functions 0 and 1 are the identity and ReLU.
    pub fn new(digit_bits: u32, row_bits: u32) -> Self {
        Self {
            descriptor: Descriptor {
                digit_bits,
                row_bits,
                functions: vec![Function::Identity, Function::Relu],
                weights: Vec::new(),
                constants: Vec::new(),
                nodes: Vec::new(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                indices: Vec::new(),
                agreements: Vec::new(),
            },
        }
    }

    pub fn function(&mut self, function: Function) -> usize {
        self.descriptor.functions.push(function);
        self.descriptor.functions.len() - 1
    }

    pub fn weight(&mut self, shape: &[usize]) -> usize {
        self.descriptor.weights.push(WeightBlock {
            address: 0,
            shape: shape.to_vec(),
        });
        self.descriptor.weights.len() - 1
    }

    pub fn constant(&mut self, shape: &[usize], values: Vec<i32>) -> usize {
        self.descriptor.constants.push(Constant {
            shape: shape.to_vec(),
            values,
        });
        self.descriptor.constants.len() - 1
    }

    pub fn index(&mut self, port: IndexPort) -> usize {
        self.descriptor.indices.push(port);
        self.descriptor.indices.len() - 1
    }

    pub fn input(&mut self, name: &str, out: &[Axis]) -> usize {
        self.input_of(name, out, false)
    }

    pub fn input_of(&mut self, name: &str, out: &[Axis], boolean: bool) -> usize {
        let index = self.node(Node::input(name.to_owned(), 0, out.to_vec(), boolean));
        let port = self.port(index);
        self.descriptor.inputs.push(port);
        index
    }

    pub fn node(&mut self, node: Node) -> usize {
        self.descriptor.nodes.push(node);
        self.descriptor.nodes.len() - 1
    }

    /// True lengths of a node's block.
    pub fn shape(&self, node: usize) -> Vec<usize> {
        self.descriptor.nodes[node].shape()
    }

    pub fn output(&mut self, node: usize) {
        let port = self.port(node);
        self.descriptor.outputs.push(port);
    }

    fn port(&self, node: usize) -> Port {
        Port {
            name: self.descriptor.nodes[node].name.clone(),
            node,
            shape: self.descriptor.nodes[node].shape(),
            scale: 1.0,
        }
    }

    pub fn build(mut self) -> Network {
        let descriptor = &mut self.descriptor;
        let sizes: Vec<usize> = (descriptor.nodes.iter().enumerate())
            .flat_map(|(i, n)| {
                let blocks = 0..n.operation.blocks();
                let descriptor = &*descriptor;
                blocks.map(move |block| descriptor.reserved_bits(i, n, block))
            })
            .collect();
        let mut own = addresses(&sizes).into_iter();
        for node in &mut descriptor.nodes {
            node.blocks = own.by_ref().take(node.operation.blocks()).collect();
        }
        let sizes: Vec<usize> = (descriptor.weights.iter())
            .map(|b| b.shape.iter().map(|n| bits(*n)).sum())
            .collect();
        for (block, address) in descriptor.weights.iter_mut().zip(addresses(&sizes)) {
            block.address = address;
        }
        Network::new(self.descriptor, &Limits::default()).unwrap()
    }
}

/// Addresses in order of decreasing size, hence aligned.
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

/// Dense layers `widths[i] → widths[i+1]` with bias on `batch` samples, ReLU between them.
pub fn dense_net(batch: usize, widths: &[usize]) -> Problem {
    let layers: Vec<usize> = (0..widths.len() - 1).collect();
    dense(batch, widths, &layers, 5)
}

/// Thirty layers that share two weight tensors.
pub fn deep_net() -> Problem {
    let shared: Vec<usize> = (0..30).map(|i| i % 2).collect();
    dense(1, &[5; 31], &shared, 5)
}

/// Layer `i` has the weights of pair `pairs[i]`.
fn dense(batch: usize, widths: &[usize], pairs: &[usize], seed: u64) -> Problem {
    const B: u32 = 8;
    let mut rng = rng(seed);
    let mut b = Builder::new(B, 4);
    let (t, f, g) = ('t', 'f', 'g');
    let mut weights = Vec::new();
    let mut blocks = Vec::new();
    for pair in 0..=pairs.iter().copied().max().unwrap() {
        let layer = pairs.iter().position(|p| *p == pair).unwrap();
        let (fan_in, fan_out) = (widths[layer], widths[layer + 1]);
        blocks.push((b.weight(&[fan_out, fan_in]), b.weight(&[fan_out])));
        weights.push(ints(&mut rng, fan_out * fan_in, 100));
        weights.push(ints(&mut rng, fan_out, 40));
    }
    let x = ints(&mut rng, batch * widths[0], 100);
    let mut source = b.input("x", &[axis(t, batch), axis(f, widths[0])]);
    let mut h = x.clone();
    for (layer, pair) in pairs.iter().enumerate() {
        let (fan_in, fan_out) = (widths[layer], widths[layer + 1]);
        let last = layer + 1 == pairs.len();
        let (w, d) = blocks[*pair];
        let input = [axis(t, batch), axis(f, fan_in)];
        // 100·100·fan_in·m_s must stay below 2^(3B-1).
        let m_s = i64::try_from(400 / fan_in).unwrap().max(1);
        let mut n = node(
            &format!("h{layer}"),
            &[axis(t, batch), axis(g, fan_out)],
            if last { IDENTITY } else { RELU },
        );
        let contraction = vec![axis(f, fan_in)];
        n.products = product(
            contraction,
            m_s,
            whole(Read::Value, source, &input),
            whole(Read::Weight, w, &[axis(g, fan_out), axis(f, fan_in)]),
        );
        n.bias = linear(
            1 << (2 * B - 1),
            whole(Read::Weight, d, &[axis(g, fan_out)]),
        );
        source = b.node(n);
        let (w, d) = (&weights[w], &weights[d]);
        let mut next = Vec::new();
        for row in h.chunks(fan_in) {
            for o in 0..fan_out {
                let mut z = i64::from(d[o]) << (2 * B - 1);
                for i in 0..fan_in {
                    z += m_s * i64::from(row[i]) * i64::from(w[o * fan_in + i]);
                }
                let p = requantize(z, B);
                next.push(if last { p } else { p.max(0) });
            }
        }
        h = next;
    }
    b.output(source);
    Problem {
        given: Vec::new(),
        name: format!("dense {widths:?}, batch {batch}"),
        network: b.build(),
        weights,
        inputs: vec![x],
        outputs: vec![h],
    }
}

/// Geometry of a square convolution, for the plain loops.
struct Conv {
    channels: usize,
    size: usize,
    out: usize,
    out_size: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
}

impl Conv {
    /// `m_s·Σ window·w`, 3×3.
    fn sums(&self, x: &[i32], w: &[i32], m_s: i64) -> Vec<i64> {
        let mut out = Vec::new();
        for o in 0..self.out {
            for p in 0..self.out_size {
                for q in 0..self.out_size {
                    let mut sum = 0;
                    for c in 0..self.channels {
                        for u in 0..3 {
                            for v in 0..3 {
                                let y = (self.stride * p + self.dilation * u).checked_sub(self.pad);
                                let z = (self.stride * q + self.dilation * v).checked_sub(self.pad);
                                let (Some(y), Some(z)) = (y, z) else { continue };
                                if y >= self.size || z >= self.size {
                                    continue;
                                }
                                let cell = x[(c * self.size + y) * self.size + z];
                                let weight = w[((o * self.channels + c) * 3 + u) * 3 + v];
                                sum += i64::from(cell) * i64::from(weight);
                            }
                        }
                    }
                    out.push(m_s * sum);
                }
            }
        }
        out
    }
}

/// 3×3 convolution with padding 1 (2→3), ReLU; 3×3 with stride, dilation and padding 2 (3→2), ReLU; 2×2 average
/// pooling as a view; dense over what remains.
pub fn conv_net() -> Problem {
    const B: u32 = 5;
    let mut rng = rng(6);
    let mut b = Builder::new(B, 3);
    let w1 = b.weight(&[3, 2, 3, 3]);
    let b1 = b.weight(&[3]);
    let w2 = b.weight(&[2, 3, 3, 3]);
    let w3 = b.weight(&[3, 2, 2, 2]);
    let b3 = b.weight(&[3]);
    let weights = vec![
        ints(&mut rng, 54, 2),
        ints(&mut rng, 3, 2),
        ints(&mut rng, 54, 2),
        ints(&mut rng, 24, 2),
        ints(&mut rng, 3, 2),
    ];
    let input = ints(&mut rng, 50, 5);
    let x = b.input("x", &[axis('c', 2), axis('y', 5), axis('x', 5)]);

    let k1 = [axis('i', 2), axis('u', 3), axis('v', 3)];
    let mut n = node("h1", &[axis('c', 3), axis('y', 5), axis('x', 5)], RELU);
    let contraction = k1.to_vec();
    let maps = vec![
        ident(2, 'i'),
        window(5, 'y', 'u', 1, 1, 1),
        window(5, 'x', 'v', 1, 1, 1),
    ];
    n.products = product(
        contraction,
        1 << B,
        activations(vec![term(1, x, maps)]),
        whole(Read::Weight, w1, &[&[axis('c', 3)], k1.as_slice()].concat()),
    );
    n.bias = linear(1 << (2 * B), whole(Read::Weight, b1, &[axis('c', 3)]));
    let h1 = b.node(n);

    let k2 = [axis('i', 3), axis('u', 3), axis('v', 3)];
    let mut n = node("h2", &[axis('c', 2), axis('y', 3), axis('x', 3)], RELU);
    let contraction = k2.to_vec();
    let maps = vec![
        ident(3, 'i'),
        window(5, 'y', 'u', 2, 2, 2),
        window(5, 'x', 'v', 2, 2, 2),
    ];
    n.products = product(
        contraction,
        1 << (B - 1),
        activations(vec![term(1, h1, maps)]),
        whole(Read::Weight, w2, &[&[axis('c', 2)], k2.as_slice()].concat()),
    );
    let h2 = b.node(n);

    let k3 = [axis('c', 2), axis('p', 2), axis('q', 2)];
    let mut n = node("out", &[axis('o', 3)], IDENTITY);
    let contraction = k3.to_vec();
    let maps = vec![
        ident(2, 'c'),
        pooled(3, 'p', 1, 2, 0),
        pooled(3, 'q', 1, 2, 0),
    ];
    n.products = product(
        contraction,
        1 << (B - 2),
        activations(vec![term(1, h2, maps)]),
        whole(Read::Weight, w3, &[&[axis('o', 3)], k3.as_slice()].concat()),
    );
    n.bias = linear(1 << (2 * B), whole(Read::Weight, b3, &[axis('o', 3)]));
    let out = b.node(n);
    b.output(out);

    let first = Conv {
        channels: 2,
        size: 5,
        out: 3,
        out_size: 5,
        stride: 1,
        dilation: 1,
        pad: 1,
    };
    let relu = |z: i64| requantize(z, B).max(0);
    let mut h = Vec::new();
    for (i, z) in first
        .sums(&input, &weights[0], 1 << B)
        .into_iter()
        .enumerate()
    {
        h.push(relu(z + (i64::from(weights[1][i / 25]) << (2 * B))));
    }
    let second = Conv {
        channels: 3,
        size: 5,
        out: 2,
        out_size: 3,
        stride: 2,
        dilation: 2,
        pad: 2,
    };
    let sums = second.sums(&h, &weights[2], 1 << (B - 1));
    let h: Vec<i32> = sums.into_iter().map(relu).collect();
    let mut pool = Vec::new();
    for c in 0..2 {
        for p in 0..2 {
            for q in 0..2 {
                let at = |i: usize, j: usize| h[(c * 3 + p + i) * 3 + q + j];
                pool.push(at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1));
            }
        }
    }
    let mut output = Vec::new();
    for o in 0..3 {
        let mut sum = 0;
        for i in 0..8 {
            sum += i64::from(pool[i]) * i64::from(weights[3][8 * o + i]);
        }
        let bias = i64::from(weights[4][o]) << (2 * B);
        output.push(requantize((sum << (B - 2)) + bias, B));
    }
    Problem {
        given: Vec::new(),
        name: "conv, strided dilated conv, average pool, dense".to_owned(),
        network: b.build(),
        weights,
        inputs: vec![input],
        outputs: vec![output],
    }
}

/// All operations and reads: an embedding by given indices, a projection, a norm by root and quotient, two products, an
/// assertion about zeros and ones, and the best of several answers in each of its forms.
pub fn operations_net() -> Problem {
    const B: u32 = 8;
    const UNIT: i64 = 1 << (2 * B);
    let (t, d, v) = (3, 4, 5);
    let mut rng = rng(11);
    let mut b = Builder::new(B, 4);
    let (at, ad, af, av) = (axis('t', t), axis('d', d), axis('f', d), axis('v', v));
    let row = [at, ad];
    let whole_row = |read, block| reading(read, 1, block, vec![ident(t, 't'), ident(d, 'd')]);
    let x = ints(&mut rng, t * d, 50);
    let w = ints(&mut rng, d * d, 10);
    let table = ints(&mut rng, v * d, 20);
    let heads = ints(&mut rng, v * d, 12);
    let bias = ints(&mut rng, v, 9);
    let ids = [4_u32, 0, 4];
    let bits = [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]].concat();

    let given = b.index(IndexPort {
        name: "ids".to_owned(),
        shape: vec![t],
        len: v,
        role: IndexRole::Given,
    });
    let answers = [0, 1].map(|i| {
        b.index(IndexPort {
            name: format!("answer{i}"),
            shape: vec![t],
            len: v,
            role: IndexRole::Answer,
        })
    });
    let [w_block, table_block, heads_block, bias_block] =
        [&[d, d][..], &[v, d], &[v, d], &[v]].map(|shape| b.weight(shape));
    let one = b.constant(&[], vec![1]);
    let signs = b.constant(&[d], vec![1, -1, 2, 3]);
    let x_node = b.input("x", &row);
    let bits_node = b.input_of("bits", &[at, av], true);

    let mut n = node("h", &row, IDENTITY);
    n.products = product(
        vec![af],
        256,
        activations(vec![term(1, x_node, vec![ident(t, 't'), ident(d, 'f')])]),
        whole(Read::Weight, w_block, &[ad, af]),
    );
    let gather = AxisMap::Gather {
        source: v,
        port: given,
        index: vec![id('t')],
    };
    let embedded = vec![gather, ident(d, 'd')];
    let embedded = activations(vec![reading(Read::Weight, 1, table_block, embedded)]);
    n.bias = linear(UNIT, embedded);
    let h = b.node(n);
    let h_z: Vec<i64> = (0..t * d)
        .map(|i| {
            let (row, column) = (i / d, i % d);
            let sum: i32 = (0..d).map(|f| x[row * d + f] * w[column * d + f]).sum();
            let own = table[usize::try_from(ids[row]).unwrap() * d + column];
            256 * i64::from(sum) + UNIT * i64::from(own)
        })
        .collect();
    let h_y: Vec<i32> = h_z.iter().map(|z| requantize(*z, B)).collect();

    // 4·h - Σh
    let centred = || {
        let sum = vec![ident(t, 't'), AxisMap::total(d)];
        let mut own = whole_row(Read::Value, h);
        own.coefficient = 4;
        activations(vec![own, term(-1, h, sum)])
    };
    let mut n = node("norm", &[at], IDENTITY);
    n.operation = Operation::Root;
    n.products = product(vec![at, ad], 1 << 20, centred(), centred());
    n.bias = linear(7, whole(Read::Constant, one, &[]));
    let norm = b.node(n);
    let centre = |i: usize| {
        let own = h_y[i / d * d..][..d].iter().sum::<i32>();
        i64::from(4 * h_y[i] - own)
    };
    let root = |row: usize| {
        let squares: i64 = (row * d..row * d + d).map(|i| centre(i) * centre(i)).sum();
        ((squares << 20) + 7).isqrt()
    };

    let mut n = node("normed", &row, IDENTITY);
    let mut divisor = activations(vec![reading(Read::Wide, 1, norm, vec![ident(t, 't')])]);
    divisor
        .terms
        .push(reading(Read::Constant, 1, one, Vec::new()));
    n.operation = Operation::Quotient { divisor };
    n.linear = linear(400, centred());
    let normed = b.node(n);
    let normed_y: Vec<i32> = (0..t * d)
        .map(|i| {
            let (z, divisor) = (400 * centre(i), (root(i / d) >> B) + 1);
            i32::try_from((2 * z + divisor).div_euclid(2 * divisor)).unwrap()
        })
        .collect();

    let mut n = node("mixed", &row, RELU);
    let single = |read, block| activations(vec![whole_row(read, block)]);
    n.products = [
        product(
            Vec::new(),
            256,
            single(Read::Value, x_node),
            View::default(),
        ),
        product(
            row.to_vec(),
            64,
            single(Read::Value, h),
            single(Read::Value, h),
        ),
    ]
    .concat();
    n.products[0].a = activations(vec![term(
        1,
        x_node,
        vec![ident(t, 't'), AxisMap::fixed(d, 1)],
    )]);
    n.products[0].k = activations(vec![term(
        1,
        normed,
        vec![AxisMap::fixed(t, 2), ident(d, 'd')],
    )]);
    let mut own = whole_row(Read::Exact, h);
    own.coefficient = -3;
    n.linear = linear(
        1,
        activations(vec![
            own,
            whole_row(Read::Middle, h),
            whole_row(Read::Wide, h),
        ]),
    );
    n.bias = linear(1 << 14, whole(Read::Constant, signs, &[ad]));
    let mixed = b.node(n);
    let mixed_y: Vec<i32> = (0..t * d)
        .map(|i| {
            let (row, column) = (i / d, i % d);
            let [x, q, h] = [x[row * d + 1], normed_y[2 * d + column], h_y[i]].map(i64::from);
            let middle = ((h_z[i] + UNIT / 2) >> B) & 255;
            let sign = [1, -1, 2, 3][column];
            let z = 256 * x * q + 64 * h * h - 3 * h_z[i] + middle + (h_z[i] >> B) + (sign << 14);
            requantize(z, B).max(0)
        })
        .collect();

    let mut n = node("one of each", &[at], IDENTITY);
    n.operation = Operation::Assert;
    let sum = vec![ident(t, 't'), AxisMap::total(v)];
    n.linear = linear(1, activations(vec![term(1, bits_node, sum)]));
    n.bias = linear(-1, whole(Read::Constant, one, &[]));
    b.node(n);

    // By a product, whose right factor is gathered, and by terms that read both axes.
    let mut n = node("best", &[at, av], IDENTITY);
    n.operation = Operation::Best { port: answers[0] };
    n.products = product(
        vec![ad],
        3,
        single(Read::Wide, h),
        whole(Read::Weight, heads_block, &[av, ad]),
    );
    n.bias = linear(1000, whole(Read::Weight, bias_block, &[av]));
    b.node(n);
    let mut n = node("bit", &[at, av], IDENTITY);
    n.operation = Operation::Best { port: answers[1] };
    n.linear = linear(
        5,
        activations(vec![
            term(2, bits_node, vec![ident(t, 't'), ident(v, 'v')]),
            term(1, x_node, vec![ident(t, 't'), AxisMap::fixed(d, 0)]),
        ]),
    );
    n.bias = linear(1, whole(Read::Weight, bias_block, &[av]));
    b.node(n);

    b.output(normed);
    b.output(mixed);
    Problem {
        name: "all operations".to_owned(),
        network: b.build(),
        weights: vec![w, table, heads, bias],
        inputs: vec![x, bits],
        given: vec![ids.to_vec()],
        outputs: vec![normed_y, mixed_y],
    }
}

/// `y = relu(x + conv(x))`; the sum is view `C`.
pub fn residual_net() -> Problem {
    const B: u32 = 5;
    let mut rng = rng(7);
    let mut b = Builder::new(B, 3);
    let w = b.weight(&[2, 2, 3, 3]);
    let weights = vec![ints(&mut rng, 36, 2)];
    let input = ints(&mut rng, 18, 5);
    let xs = [axis('c', 2), axis('y', 3), axis('x', 3)];
    let x = b.input("x", &xs);
    let k = [axis('i', 2), axis('u', 3), axis('v', 3)];
    let mut n = node("y", &xs, RELU);
    let contraction = k.to_vec();
    let maps = vec![
        ident(2, 'i'),
        window(3, 'y', 'u', 1, 1, 1),
        window(3, 'x', 'v', 1, 1, 1),
    ];
    n.products = product(
        contraction,
        1 << (B - 1),
        activations(vec![term(1, x, maps)]),
        whole(Read::Weight, w, &[&[axis('c', 2)], k.as_slice()].concat()),
    );
    n.linear = linear(1 << (2 * B), whole(Read::Value, x, &xs));
    let y = b.node(n);
    b.output(y);
    let conv = Conv {
        channels: 2,
        size: 3,
        out: 2,
        out_size: 3,
        stride: 1,
        dilation: 1,
        pad: 1,
    };
    let sums = conv.sums(&input, &weights[0], 1 << (B - 1));
    let output = sums.iter().zip(&input);
    let output = output.map(|(s, x)| requantize(s + (i64::from(*x) << (2 * B)), B).max(0));
    Problem {
        given: Vec::new(),
        name: "residual relu(x + conv(x))".to_owned(),
        outputs: vec![output.collect()],
        network: b.build(),
        weights,
        inputs: vec![input],
    }
}

/// 2×2 max pooling by `max(a,b) = b + relu(a-b)`, along `x`, then along `y`; the pooled tensor is a view of three
/// terms that a dense layer reads.
pub fn maxpool_net() -> Problem {
    const B: u32 = 5;
    let mut rng = rng(8);
    let mut b = Builder::new(B, 3);
    let w = b.weight(&[3, 2, 2, 2]);
    let weights = vec![ints(&mut rng, 24, 3)];
    let input = ints(&mut rng, 32, 6);
    let take = |name, offset| AxisMap::slice(4, id(name), offset, 2);
    let c = || ident(2, 'c');
    let x = b.input("x", &[axis('c', 2), axis('y', 4), axis('x', 4)]);

    let mut n = node("d1", &[axis('c', 2), axis('y', 4), axis('p', 2)], RELU);
    let along_x = vec![
        term(1, x, vec![c(), ident(4, 'y'), take('p', 0)]),
        term(-1, x, vec![c(), ident(4, 'y'), take('p', 1)]),
    ];
    n.linear = linear(1 << (2 * B), activations(along_x));
    let d1 = b.node(n);
    let half = |coefficient, offset| {
        vec![
            term(coefficient, x, vec![c(), take('q', offset), take('p', 1)]),
            term(coefficient, d1, vec![c(), take('q', offset), ident(2, 'p')]),
        ]
    };
    let k = [axis('c', 2), axis('q', 2), axis('p', 2)];
    let mut n = node("d2", &k, RELU);
    n.linear = linear(
        1 << (2 * B),
        activations([half(1, 0), half(-1, 1)].concat()),
    );
    let d2 = b.node(n);
    let mut n = node("out", &[axis('o', 3)], IDENTITY);
    let contraction = k.to_vec();
    let pooled = [
        half(1, 1),
        vec![term(1, d2, vec![c(), ident(2, 'q'), ident(2, 'p')])],
    ]
    .concat();
    n.products = product(
        contraction,
        1 << (2 * B - 3),
        activations(pooled),
        whole(Read::Weight, w, &[&[axis('o', 3)], k.as_slice()].concat()),
    );
    let out = b.node(n);
    b.output(out);

    let mut pool = Vec::new();
    for c in 0..2 {
        for y in 0..2 {
            for x in 0..2 {
                let at = |i: usize, j: usize| input[c * 16 + (2 * y + i) * 4 + 2 * x + j];
                pool.push(at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1)));
            }
        }
    }
    let mut output = Vec::new();
    for o in 0..3 {
        let mut sum = 0;
        for i in 0..8 {
            sum += i64::from(pool[i]) * i64::from(weights[0][8 * o + i]);
        }
        output.push(requantize(sum << (2 * B - 3), B));
    }
    Problem {
        given: Vec::new(),
        name: "max pooling by views".to_owned(),
        network: b.build(),
        weights,
        inputs: vec![input],
        outputs: vec![output],
    }
}

/// `scores[h,t,u] = tent(Σ_d Q[h,t,d]·K[h,u,d])`, batch `h`; `gate[t,u] = Σ_j g[j]·w[u,j]`, `t` read by neither factor;
/// `prod[h,t,u] = scores[h,t,u]·gate[t,u]`, batch `(t,u)`, broadcast over `h`. `tent(0) = 3`.
pub fn attention_net() -> Problem {
    const B: u32 = 5;
    let mut rng = rng(9);
    let mut b = Builder::new(B, 3);
    let tent = |p: i32| 3 - p.abs() / 2;
    let tent_index = b.function(Function::Table {
        name: "Tent".to_owned(),
        values: (-16..16).map(tent).collect(),
    });
    let w = b.weight(&[3, 3]);
    let weights = vec![ints(&mut rng, 9, 1)];
    let inputs = vec![
        ints(&mut rng, 18, 4),
        ints(&mut rng, 18, 4),
        ints(&mut rng, 3, 2),
    ];
    let (h, t, u, d, j) = (
        axis('h', 3),
        axis('t', 3),
        axis('u', 3),
        axis('d', 2),
        axis('j', 3),
    );
    let q = b.input("q", &[h, t, d]);
    let k = b.input("k", &[h, u, d]);
    let g = b.input("g", &[j]);
    let y = Read::Value;
    let mut n = node("scores", &[h, t, u], tent_index);
    let contraction = vec![h, d];
    n.products = product(
        contraction,
        1 << (2 * B - 2),
        whole(y, q, &[h, t, d]),
        whole(y, k, &[h, u, d]),
    );
    let scores = b.node(n);
    let mut n = node("gate", &[t, u], IDENTITY);
    let contraction = vec![j];
    n.products = product(
        contraction,
        1 << (2 * B - 1),
        whole(y, g, &[j]),
        whole(Read::Weight, w, &[u, j]),
    );
    let gate = b.node(n);
    let mut n = node("prod", &[h, t, u], IDENTITY);
    let contraction = vec![t, u];
    n.products = product(
        contraction,
        1 << (2 * B),
        whole(y, scores, &[h, t, u]),
        whole(y, gate, &[t, u]),
    );
    let prod = b.node(n);
    b.output(prod);

    let gates: Vec<i32> = (0..3)
        .map(|c| {
            let products = (0..3).map(|i| inputs[2][i] * weights[0][c * 3 + i]);
            requantize(i64::from(products.sum::<i32>()) << (2 * B - 1), B)
        })
        .collect();
    let mut output = Vec::new();
    for h in 0..3 {
        for t in 0..3 {
            for (u, gate) in gates.iter().enumerate() {
                let mut sum = 0;
                for d in 0..2 {
                    sum += inputs[0][(h * 3 + t) * 2 + d] * inputs[1][(h * 3 + u) * 2 + d];
                }
                output.push(tent(requantize(i64::from(sum) << (2 * B - 2), B)) * gate);
            }
        }
    }
    Problem {
        given: Vec::new(),
        name: "batched products, g(0) = 3, broadcast".to_owned(),
        network: b.build(),
        weights,
        inputs,
        outputs: vec![output],
    }
}

/// No product and no weights: `y[b,i] = relu(x[1,⌊i/2⌋] - Σ_a x[a,i-1])`, `b` broadcast.
pub fn views_only() -> Problem {
    const B: u32 = 4;
    let mut b = Builder::new(B, 2);
    let input = ints(&mut rng(3), 15, 2);
    let x = b.input("x", &[axis('a', 3), axis('i', 5)]);
    let repeat = AxisMap::Repeat {
        source: 5,
        axis: id('i'),
        factor: 2,
    };
    let mut n = node("y", &[axis('b', 3), axis('i', 6)], RELU);
    n.linear = linear(
        1 << (2 * B),
        activations(vec![
            term(
                -1,
                x,
                vec![AxisMap::total(3), AxisMap::slice(5, id('i'), -1, 1)],
            ),
            term(1, x, vec![AxisMap::fixed(3, 1), repeat]),
        ]),
    );
    let y = b.node(n);
    b.output(y);
    let mut output = Vec::new();
    for _ in 0..3 {
        for i in 0..6 {
            let sum = match i {
                0 => 0,
                _ => input[i - 1] + input[5 + i - 1] + input[10 + i - 1],
            };
            output.push((input[5 + i / 2] - sum).max(0));
        }
    }
    Problem {
        given: Vec::new(),
        name: "views only, repeat".to_owned(),
        network: b.build(),
        weights: Vec::new(),
        inputs: vec![input],
        outputs: vec![output],
    }
}
