//! The executor against plain loops, and against the definition of a node on random nodes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use common::naive::{self, Blocks};
use common::{
    Builder, IDENTITY, Problem, RELU, activations, all, axis, conv_net, dense_net, ident, ints,
    linear, node, product, rng, term, whole, window,
};
use pleat_prover::execute::{
    Cells, ExecuteError, Executor, Trace, block_cells, block_values, execute, weight_column,
};
use pleat_prover::weights::Weights;
use pleat_verifier::descriptor::{
    Axis, AxisMap, Indices, Inner, Node, Operation, Read, Relation, Role, Stride, Term, View,
};
use pleat_verifier::network::Network;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;

fn run(problem: &Problem) -> Result<Trace, ExecuteError> {
    let column = weight_column(&problem.network, &problem.weights)?;
    Executor::new(&problem.network, &column)?.run_on(&problem.inputs, &problem.given)
}

#[test]
fn small_networks_agree_with_plain_loops() {
    for problem in all() {
        let network = &problem.network;
        let trace = run(&problem).unwrap();
        for (port, output) in network.descriptor().outputs.iter().zip(&problem.outputs) {
            let got = block_values(network, port.node, &trace.y);
            assert_eq!(&got, output, "{}", problem.name);
            assert!(got.iter().any(|v| *v != 0), "{}", problem.name);
        }
        assert_eq!(check(&problem, Ok(trace)), None, "{}", problem.name);
    }
}

/// What one row of a block holds: `Y`, and the number that its digits make up.
type Row = (i32, i128);

/// The rows of all blocks of a node, from its definition; else the quotient that does not fit, and its row. Sets the answers
/// that the node is about.
fn defined(
    blocks: &mut Blocks<'_>,
    node: &Node,
    z: &[i128],
) -> Result<Vec<Vec<Row>>, (usize, i128)> {
    let network = blocks.network;
    let b = network.digit_bits();
    let half = 1_i128 << (b - 1);
    let rows = naive::indices(&node.out);
    Ok(match &node.operation {
        Operation::Input | Operation::Boolean | Operation::Map { .. } => {
            let quotient = |z: &i128| (z + (1 << (2 * b - 1))).div_euclid(1 << (2 * b));
            if let Some(flat) = z.iter().position(|z| !(-half..half).contains(&quotient(z))) {
                return Err((flat, quotient(&z[flat])));
            }
            let relation = network
                .relations()
                .iter()
                .find(|r| r.address == node.address());
            let function = network.function(relation.unwrap()).0.unwrap();
            let value = |z: &i128| {
                function
                    .apply(i64::try_from(quotient(z)).unwrap(), b)
                    .unwrap()
            };
            let row = |z: &i128| (i32::try_from(value(z)).unwrap(), z + (1 << (2 * b - 1)));
            vec![z.iter().map(row).collect()]
        }
        Operation::Quotient { divisor } => {
            let both = |(z, o): (&i128, &naive::Index)| {
                let divisor = blocks.view(divisor, o);
                let low = (2 * z + divisor).rem_euclid(2 * divisor);
                let quotient = (2 * z + divisor).div_euclid(2 * divisor);
                let quotient = i32::try_from(quotient).unwrap();
                ((quotient, low), (0, 2 * divisor - 1 - low))
            };
            let (first, second) = z.iter().zip(&rows).map(both).unzip();
            vec![first, second]
        }
        Operation::Root => {
            let root = |z: &i128| z.isqrt();
            vec![
                z.iter().map(|z| (0, root(z))).collect(),
                z.iter().map(|z| (0, z - root(z).pow(2))).collect(),
                z.iter()
                    .map(|z| (0, 2 * root(z) - (z - root(z).pow(2))))
                    .collect(),
            ]
        }
        Operation::Best { port } => {
            let candidates = node.out.last().unwrap().len;
            let mut block = Vec::new();
            let mut answers = Vec::new();
            for scores in z.chunks(candidates) {
                let largest = *scores.iter().max().unwrap();
                let best = scores.iter().position(|s| *s == largest).unwrap();
                answers.push(u32::try_from(best).unwrap());
                let lead = |(v, s): (usize, &i128)| (0, largest - s - i128::from(v < best));
                block.extend(scores.iter().enumerate().map(lead));
            }
            blocks.indices.set(*port, answers);
            vec![block]
        }
        Operation::Assert => vec![z.iter().map(|z| (0, z << (2 * b))).collect()],
    })
}

/// Compares a run with the definition, node by node: the row relation with the naive `Z`, zeros elsewhere, the first
/// row out of range if there is one. Returns the difference.
fn check(problem: &Problem, run: Result<Trace, ExecuteError>) -> Option<String> {
    let network = &problem.network;
    let b = network.digit_bits();
    let half = 1_i128 << (b - 1);
    let mut blocks = Blocks {
        network,
        weights: &problem.weights,
        activations: Vec::new(),
        exact: Vec::new(),
        indices: Indices::new(&network.descriptor().indices, problem.given.clone()),
    };
    let mut real = vec![false; 1 << network.nu()];
    for (index, node) in network.nodes().iter().enumerate() {
        let mut inputs = network.descriptor().inputs.iter();
        let z = match inputs.position(|p| p.node == index) {
            Some(input) => {
                let unit = |v: &i32| i128::from(*v) << (2 * b);
                problem.inputs[input].iter().map(unit).collect()
            }
            None => blocks.pre_activations(node),
        };
        let rows = match defined(&mut blocks, node, &z) {
            Ok(rows) => rows,
            Err((flat, value)) => {
                let expected = ExecuteError::QuotientRange {
                    node: node.name.clone(),
                    index: unflatten(&node.out, flat),
                    value,
                    low: i32::try_from(-half).unwrap(),
                    high: i32::try_from(half - 1).unwrap(),
                };
                return (run != Err(expected.clone())).then(|| format!("{expected} expected"));
            }
        };
        if let Ok(trace) = &run {
            for (address, block) in node.blocks.iter().zip(&rows) {
                for (cell, (y, value)) in Cells::new(*address, &node.shape()).zip(block) {
                    real[cell] = true;
                    let (r1, r0) = (trace.r1[cell], trace.r0[cell]);
                    let got = (i128::from(trace.p[cell]) << (2 * b))
                        + (i128::from(r1) << b)
                        + i128::from(r0);
                    let digits = r1 >> b == 0 && r0 >> b == 0;
                    if !digits || *value != got || trace.y[cell] != *y {
                        let got = (trace.y[cell], trace.p[cell], r1, r0);
                        return Some(format!("{}, cell {cell}: {value}, {got:?}", node.name));
                    }
                }
            }
        }
        let first = rows.into_iter().next().unwrap();
        blocks.exact.push(match node.operation {
            Operation::Root => first.iter().map(|(_, value)| *value).collect(),
            _ => z,
        });
        blocks
            .activations
            .push(first.into_iter().map(|(y, _)| y).collect());
    }
    if let Ok(trace) = &run
        && trace.indices != blocks.indices
    {
        return Some(format!("{:?}, not {:?}", trace.indices, blocks.indices));
    }
    let trace = match run {
        Ok(trace) => trace,
        Err(error) => return Some(format!("unexpected: {error}")),
    };
    let zero = |cell: usize| {
        let digits = (trace.r1[cell], trace.r0[cell]);
        trace.y[cell] == 0 && trace.p[cell] == 0 && digits == (0, 0)
    };
    let bad = (0..real.len()).find(|cell| !real[*cell] && !zero(*cell));
    bad.map(|cell| format!("cell {cell} is not real, and not zero"))
}

fn unflatten(axes: &[Axis], mut flat: usize) -> Vec<usize> {
    let mut index: Vec<usize> = axes
        .iter()
        .rev()
        .map(|a| {
            let i = flat % a.len;
            flat /= a.len;
            i
        })
        .collect();
    index.reverse();
    index
}

/// Draws networks of one random node over two inputs and two weight blocks.
struct Draw {
    rng: ChaCha8Rng,
}

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % n
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(usize::try_from(high - low + 1).unwrap())).unwrap()
    }

    fn shape(&mut self) -> Vec<usize> {
        let axes = self.below(4);
        (0..axes).map(|_| 1 + self.below(6)).collect()
    }

    /// A map of a source axis that reads all of `axes`.
    fn map(&mut self, source: usize, axes: &[Axis]) -> AxisMap {
        if let [axis] = axes {
            match self.below(4) {
                0 => {
                    let factor = 1 + self.below(3);
                    return AxisMap::Repeat {
                        source,
                        axis: axis.id,
                        factor,
                    };
                }
                1 => return AxisMap::identity(source, axis.id),
                _ => {}
            }
        }
        let inner = (0..[0, 0, 1, 2][self.below(4)])
            .map(|_| Inner {
                len: 1 + self.below(4),
                stride: self.between(-2, 2),
            })
            .collect();
        let stride = |draw: &mut Self, a: &Axis| Stride {
            axis: a.id,
            stride: draw.between(-2, 3),
        };
        AxisMap::Affine {
            source,
            offset: self.between(-3, 3),
            index: axes.iter().map(|a| stride(self, a)).collect(),
            inner,
        }
    }

    /// A term of a block that reads some of `owned`.
    fn term(&mut self, (block, shape): &(usize, Vec<usize>), owned: &[Axis]) -> Term {
        let mut reads = vec![Vec::new(); shape.len()];
        for axis in owned {
            // One chance in `len + 1` of a broadcast.
            if let Some(read) = reads.get_mut(self.below(shape.len() + 1)) {
                read.push(*axis);
            }
        }
        let maps = shape.iter().zip(&reads);
        let maps = maps.map(|(len, axes)| self.map(*len, axes)).collect();
        let coefficient = match self.below(6) {
            // With weights up to 2^20 the sums stay below 2^127.
            0 => self.between(-(1 << 14), 1 << 14),
            1 | 2 => self.between(-3, 3),
            _ => 1,
        };
        term(coefficient, *block, maps)
    }

    fn view(&mut self, read: Read, blocks: &[(usize, Vec<usize>)], owned: &[Axis]) -> View {
        let terms = 1 + self.below(3);
        let terms = (0..terms).map(|_| {
            let block = self.below(blocks.len());
            self.term(&blocks[block], owned)
        });
        let mut view = activations(terms.collect());
        view.terms.iter_mut().for_each(|t| t.read = read);
        view
    }

    fn node(
        &mut self,
        y: &[(usize, Vec<usize>)],
        w: &[(usize, Vec<usize>)],
        digit_bits: u32,
    ) -> Node {
        let len = |draw: &mut Self| 1 + draw.below(5);
        let out: Vec<Axis> = (0..self.below(4))
            .map(|i| axis(['a', 'b', 'c'][i], len(self)))
            .collect();
        let mut node = node("n", &out, self.below(2));
        let parts = 1 + self.below(7);
        let multiplier = |draw: &mut Self| draw.between(1, 1 << (2 * digit_bits).min(30)) - 1;
        if parts & 1 == 1 {
            node.linear = linear(multiplier(self), self.view(Read::Value, y, &out));
        }
        if parts & 2 == 2 {
            node.bias = linear(multiplier(self), self.view(Read::Weight, w, &out));
        }
        if parts & 4 == 4 {
            let mut x: Vec<Axis> = (0..self.below(3))
                .map(|i| axis(['p', 'q'][i], len(self)))
                .collect();
            for axis in &out {
                if self.below(3) == 0 {
                    x.insert(self.below(x.len() + 1), *axis);
                }
            }
            let free: Vec<Axis> = out
                .iter()
                .filter(|o| x.iter().all(|a| a.id != o.id))
                .copied()
                .collect();
            let mut may_read = x.clone();
            may_read.extend(free.iter().filter(|_| self.below(2) == 0));
            let a = self.view(Read::Value, y, &may_read);
            let contraction = x;
            node.products = product(contraction, 0, a, activations(Vec::new()));
            let relation = Relation {
                products: node.products.clone(),
                ..Relation::empty(0, &node, 0)
            };
            let owned = relation.slots().next().unwrap().owned(Role::K);
            let (source, blocks) = [(Read::Value, y), (Read::Weight, w)][self.below(2)];
            let p = &mut node.products[0];
            p.k = self.view(source, blocks, &owned);
            p.multiplier = multiplier(self);
        }
        node
    }

    fn problem(&mut self) -> Problem {
        let digit_bits = [1, 4, 8, 12, 15][self.below(5)];
        let mut b = Builder::new(digit_bits, 3);
        let (mut y, mut w) = (Vec::new(), Vec::new());
        let (mut inputs, mut weights) = (Vec::new(), Vec::new());
        let high = (1 << (digit_bits - 1)) - 1;
        for name in ["x", "y"] {
            let shape = self.shape();
            let size = shape.iter().product();
            let axes: Vec<Axis> = ['r', 's', 't']
                .iter()
                .zip(&shape)
                .map(|(n, l)| axis(*n, *l))
                .collect();
            y.push((b.input(name, &axes), shape.clone()));
            inputs.push(ints(&mut self.rng, size, high));
            let shape = self.shape();
            let size = shape.iter().product();
            w.push((b.weight(&shape), shape));
            let most = [1, 100, 1 << 15, 1 << 20][self.below(4)];
            weights.push(ints(&mut self.rng, size, most));
        }
        let mut n = self.node(&y, &w, digit_bits);
        // Random nodes mostly leave the range: bring most of them back into it.
        if self.below(4) > 0 {
            let mut b = b.clone();
            let alone = b.node(n.clone());
            b.output(alone);
            let network = b.build();
            let blocks = Blocks {
                network: &network,
                weights: &weights,
                activations: inputs.clone(),
                exact: Vec::new(),
                indices: Indices::default(),
            };
            let z = blocks.pre_activations(&n);
            let largest = z.iter().map(|z| z.unsigned_abs()).max().unwrap();
            let limit = (1_u128 << (3 * digit_bits - 1)) - (1 << (2 * digit_bits));
            let shrink = i64::try_from(largest / limit.max(1) + 1).unwrap_or(i64::MAX);
            let grow = i64::try_from(limit / largest.max(1))
                .unwrap_or(i64::MAX)
                .max(1);
            let multipliers = (n.products.iter_mut().map(|p| &mut p.multiplier))
                .chain(n.linear.iter_mut().map(|l| &mut l.multiplier))
                .chain(n.bias.iter_mut().map(|l| &mut l.multiplier));
            for m in multipliers {
                *m = (*m / shrink).saturating_mul(grow).min((1 << 30) - 1);
            }
        }
        let n = b.node(n);
        // A second node reads the first, next to an input.
        let out = [axis('z', 7)];
        let shape = b.shape(n);
        let mut last = node("last", &out, RELU);
        let blocks = [(n, shape), y[0].clone()];
        last.linear = linear(
            1 << (2 * digit_bits).saturating_sub(3),
            self.view(Read::Value, &blocks, &out),
        );
        let last = b.node(last);
        b.output(last);
        Problem {
            given: Vec::new(),
            name: "random".to_owned(),
            network: b.build(),
            weights,
            inputs,
            outputs: Vec::new(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_nodes_agree_with_their_definition(seed: u64) {
        let problem = Draw { rng: rng(seed) }.problem();
        let run = run(&problem);
        prop_assert_eq!(check(&problem, run), None, "{:?}", problem);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn dense_nets_agree_with_plain_loops(
        batch in 1_usize..20,
        widths in prop::collection::vec(1_usize..70, 2..5),
    ) {
        let problem = dense_net(batch, &widths);
        if let Ok(trace) = run(&problem) {
            let network = &problem.network;
            let output = network.descriptor().outputs[0].node;
            prop_assert_eq!(&block_values(network, output, &trace.y), &problem.outputs[0]);
        } else {
            prop_assert!(false, "out of range");
        }
    }

    /// Sizes at which rows are grouped, tasks split and `K` gathered.
    #[test]
    fn convolutions_agree_with_their_definition(
        seed: u64,
        (channels, out, groups) in (1_usize..4, 1_usize..5, 1_usize..4),
        (height, width) in (1_usize..9, 1_usize..20),
        (kernel_y, kernel_x) in (1_usize..4, 1_usize..6),
        (stride, dilation, pad) in (1_i64..3, 1_i64..3, 0_i64..3),
    ) {
        let rng = &mut rng(seed);
        let mut b = Builder::new(12, 4);
        let shape = [out, groups, channels, kernel_y, kernel_x];
        let w = b.weight(&shape);
        let xs = [axis('g', groups), axis('c', channels), axis('y', height), axis('x', width)];
        let x = b.input("x", &xs);
        // Groups are a batch axis: output channel (g, o) reads the channels of g only.
        let mut n = node("conv", &[axis('g', groups), axis('o', out), axis('y', height), axis('x', width)], IDENTITY);
        let contraction = vec![axis('g', groups), axis('c', channels), axis('u', kernel_y), axis('v', kernel_x)];
        let maps = vec![
            ident(groups, 'g'),
            ident(channels, 'c'),
            window(height, 'y', 'u', stride, dilation, pad),
            window(width, 'x', 'v', stride, dilation, pad),
        ];
        let k = [axis('o', out), axis('g', groups), axis('c', channels), axis('u', kernel_y), axis('v', kernel_x)];
        n.products = product(contraction, 1 << 9, activations(vec![term(1, x, maps)]), whole(Read::Weight, w, &k));
        n.linear = linear(1 << 20, {
            let maps = vec![ident(groups, 'g'), ident(channels, 'o'), ident(height, 'y'), ident(width, 'x')];
            activations(vec![term(1, x, maps)])
        });
        let n = b.node(n);
        b.output(n);
        let problem = Problem {
            given: Vec::new(),
            name: "conv".to_owned(),
            network: b.build(),
            weights: vec![ints(rng, shape.iter().product(), 100)],
            inputs: vec![ints(rng, groups * channels * height * width, 1000)],
            outputs: Vec::new(),
        };
        prop_assert_eq!(check(&problem, run(&problem)), None);
    }
}

/// `Σ_i x_i²` whose factors are views with large coefficients that cancel: `x + (2^31 - 1)·x + (1 - 2^31)·x + …`.
fn cancelling(digit_bits: u32, terms: usize, len: usize) -> (Network, Vec<i32>) {
    let mut b = Builder::new(digit_bits, 2);
    let xs = [axis('i', len)];
    let x = b.input("x", &xs);
    let mut list = vec![term(1, x, vec![ident(len, 'i')])];
    for _ in 0..terms {
        list.push(term((1 << 31) - 1, x, vec![ident(len, 'i')]));
        list.push(term(1 - (1 << 31), x, vec![ident(len, 'i')]));
    }
    let view = activations(list);
    let mut n = node("square", &[], IDENTITY);
    let contraction = xs.to_vec();
    n.products = product(contraction, 1 << 14, view.clone(), view);
    let n = b.node(n);
    b.output(n);
    let values = ints(&mut rng(1), len, 100);
    (b.build(), values)
}

#[test]
fn wide_sums_are_exact_or_refused() {
    let (network, x) = cancelling(12, 1, 9);
    let column = weight_column::<Vec<i32>>(&network, &[]).unwrap();
    let trace = execute(&network, &column, std::slice::from_ref(&x)).unwrap();
    let squares: i64 = x.iter().map(|v| i64::from(v * v)).sum();
    let p = common::requantize(squares << 14, 12);
    assert_ne!(p, 0);
    assert_eq!(block_values(&network, 1, &trace.y), [p]);

    let (network, x) = cancelling(15, 1 << 10, 9);
    let column = weight_column::<Vec<i32>>(&network, &[]).unwrap();
    let error = execute(&network, &column, &[x]).unwrap_err();
    let node = "square".to_owned();
    assert_eq!(error, ExecuteError::TooWide { node });
}

#[test]
fn values_out_of_range_are_named() {
    let mut problem = conv_net();
    problem.inputs[0][7 + 25] = 16;
    let error = run(&problem).unwrap_err();
    let expected = ExecuteError::InputRange {
        name: "x".to_owned(),
        index: vec![1, 1, 2],
        value: 16,
        low: -16,
        high: 15,
    };
    assert_eq!(error, expected);
    assert!(
        error
            .to_string()
            .contains("input x, index [1, 1, 2]: value 16 is outside -16..=15")
    );

    let mut problem = dense_net(3, &[5, 4, 2]);
    problem.weights[1][2] = 1 << 20;
    let error = run(&problem).unwrap_err().to_string();
    assert!(
        error.starts_with("node h0, index [0, 2]: the requantized value 5242"),
        "{error}"
    );
    assert!(error.contains("is outside -128..=127"), "{error}");
    assert!(
        error.contains("more representative calibration samples, or with more headroom"),
        "{error}"
    );
}

#[test]
fn tensors_of_the_wrong_size_are_refused() {
    let problem = dense_net(3, &[5, 4, 2]);
    let network = &problem.network;
    let column = weight_column(network, &problem.weights).unwrap();
    let message = |result: Result<Trace, ExecuteError>| result.unwrap_err().to_string();
    assert_eq!(
        message(execute(network, &column, &[])),
        "0 inputs were given, the network has 1"
    );
    assert_eq!(
        message(execute(network, &column, &[vec![0; 14]])),
        "input x has 14 values, 15 are needed"
    );
    assert_eq!(
        message(execute(network, &Weights::default(), &problem.inputs)),
        format!(
            "the weight column has 0 values, {} are needed",
            column.len()
        )
    );
    let weights = |w: &[Vec<i32>]| weight_column(network, w).unwrap_err().to_string();
    assert_eq!(
        weights(&problem.weights[1..]),
        "3 weight tensors were given, the network has 4"
    );
    let mut short = problem.weights.clone();
    short[2].pop();
    assert_eq!(
        weights(&short),
        "weight tensor 2 has 7 values, 8 are needed"
    );
}

#[test]
fn weights_stand_where_the_descriptor_says() {
    let problem = conv_net();
    let network = &problem.network;
    let column = weight_column(network, &problem.weights).unwrap();
    let mut expected = vec![0; 1 << network.nu_w()];
    for (block, values) in network.descriptor().weights.iter().zip(&problem.weights) {
        let axes: Vec<Axis> = block.shape.iter().map(|n| axis('a', *n)).collect();
        for (flat, value) in values.iter().enumerate() {
            let index = unflatten(&axes, flat);
            let offset = pleat_verifier::descriptor::flat_index(&block.shape, &index);
            expected[block.address + offset] = *value;
        }
    }
    let cells: Vec<i32> = (0..column.len()).map(|i| column.get(i)).collect();
    assert_eq!(cells, expected);
    assert_eq!(block_cells(network, 99).len(), 0);
}

#[test]
fn one_executor_runs_many_inputs() {
    let problem = conv_net();
    let column = weight_column(&problem.network, &problem.weights).unwrap();
    let executor = Executor::new(&problem.network, &column).unwrap();
    let other = vec![vec![1; 50]];
    let first = executor.run(&problem.inputs).unwrap();
    let second = executor.run(&other).unwrap();
    assert_eq!(first, run(&problem).unwrap());
    assert_eq!(second, execute(&problem.network, &column, &other).unwrap());
    assert_ne!(first, second);
}

/// The random nodes are worth drawing: many run, with values other than zero, and some leave the range.
#[test]
fn random_nodes_cover_both_outcomes() {
    let (mut ran, mut refused) = (0, 0);
    for seed in 0..500 {
        let problem = Draw { rng: rng(seed) }.problem();
        match run(&problem) {
            Ok(trace) => {
                let values = block_values(&problem.network, 2, &trace.p);
                ran += usize::from(values.iter().any(|v| *v != 0));
            }
            Err(error) => {
                let quotient = matches!(error, ExecuteError::QuotientRange { .. });
                assert!(quotient, "{error}");
                refused += 1;
            }
        }
    }
    assert!(ran >= 120 && refused >= 50, "{ran} {refused}");
}
