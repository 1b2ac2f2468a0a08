//! Descriptors that a verifier must refuse: each rule of PROTOCOL.md §2 and §3 has an error of its own, and a row here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

use pleat_verifier::descriptor::{
    Agreement, Axis, AxisId, AxisMap, Constant, Descriptor, DescriptorError, Function, IndexPort,
    IndexRole, Inner, Limits, Linear, Node, Operation, Port, Product, Read, Stride, Term, View,
    WeightBlock,
};
use pleat_verifier::network::Network;

const A: AxisId = AxisId(0);
const B: AxisId = AxisId(1);
/// The contraction's axis.
const K: AxisId = AxisId(2);

const fn axis(id: AxisId, len: usize) -> Axis {
    Axis { id, len }
}

const fn ab() -> [Axis; 2] {
    [axis(A, 2), axis(B, 2)]
}

fn port(name: &str, node: usize, shape: &[usize]) -> Port {
    Port {
        name: name.to_owned(),
        node,
        shape: shape.to_vec(),
        scale: 0.5,
    }
}

fn ident(axis: AxisId) -> AxisMap {
    AxisMap::identity(2, axis)
}

fn linear(read: Read, block: usize, maps: Vec<AxisMap>) -> Linear {
    Linear {
        multiplier: 256,
        view: View {
            terms: vec![Term {
                coefficient: 1,
                read,
                block,
                maps,
            }],
        },
    }
}

fn input(name: &str, address: usize) -> Node {
    Node::input(name.to_owned(), address, ab().to_vec(), false)
}

/// `y[a,b] = relu(x[a,b])`, `B = 4`, `κ = 3`: `x` in row 0, `y` in row 1, an unused weight tensor of two values.
fn good() -> Descriptor {
    let y = Node {
        name: "y".to_owned(),
        blocks: vec![8],
        out: ab().to_vec(),
        products: Vec::new(),
        linear: Some(linear(Read::Value, 0, vec![ident(A), ident(B)])),
        bias: None,
        operation: Operation::Map { function: 1 },
    };
    Descriptor {
        digit_bits: 4,
        row_bits: 3,
        functions: vec![Function::Identity, Function::Relu],
        weights: vec![WeightBlock {
            address: 0,
            shape: vec![2],
        }],
        constants: Vec::new(),
        nodes: vec![input("x", 0), y],
        inputs: vec![port("x", 0, &[2, 2])],
        outputs: vec![port("y", 1, &[2, 2])],
        indices: Vec::new(),
        agreements: Vec::new(),
    }
}

/// `y[a,b] = relu(x[a,b] + Σ_k x[a,k]·w[k])`, the product broadcast over `b`.
fn with_product() -> Descriptor {
    let mut descriptor = good();
    let y = &mut descriptor.nodes[1];
    y.products = vec![Product {
        multiplier: 16,
        contraction: vec![axis(K, 2)],
        a: linear(Read::Value, 0, vec![ident(A), ident(K)]).view,
        k: linear(Read::Weight, 0, vec![ident(K)]).view,
    }];
    descriptor
}

fn with(change: impl FnOnce(&mut Descriptor)) -> Descriptor {
    let mut descriptor = good();
    change(&mut descriptor);
    descriptor
}

fn product(change: impl FnOnce(&mut Descriptor, &mut Product)) -> Descriptor {
    let mut descriptor = with_product();
    let mut product = descriptor.nodes[1].products.remove(0);
    change(&mut descriptor, &mut product);
    descriptor.nodes[1].products = vec![product];
    descriptor
}

/// The one term of `y`'s part `C`.
fn term(descriptor: &mut Descriptor) -> &mut Term {
    &mut linear_part(descriptor, 1).view.terms[0]
}

fn linear_part(descriptor: &mut Descriptor, node: usize) -> &mut Linear {
    descriptor.nodes[node].linear.as_mut().unwrap()
}

/// With another map of `b`.
fn mapped(map: AxisMap) -> Descriptor {
    with(|d| term(d).maps[1] = map)
}

fn affine(offset: i64, stride: i64, inner: Vec<Inner>) -> AxisMap {
    AxisMap::Affine {
        source: 2,
        offset,
        index: vec![Stride { axis: B, stride }],
        inner,
    }
}

fn inner(len: usize, stride: i64) -> AxisMap {
    affine(0, 1, vec![Inner { len, stride }])
}

const fn repeat(factor: usize) -> AxisMap {
    AxisMap::Repeat {
        source: 2,
        axis: B,
        factor,
    }
}

/// (what is wrong, the error's variant and the size that is over its limit, the descriptor)
type Row = (&'static str, &'static str, Descriptor);

fn bad_graphs() -> Vec<Row> {
    // y, and z after it, read these nodes.
    let two = |reads: [usize; 2]| {
        with(|d| {
            let mut z = d.nodes[1].clone();
            (z.name, z.blocks) = ("z".to_owned(), vec![16]);
            d.nodes.push(z);
            for (node, block) in [(1, reads[0]), (2, reads[1])] {
                linear_part(d, node).view.terms[0].block = block;
            }
        })
    };
    let own = |axis| linear(Read::Value, 1, vec![ident(K), ident(axis)]).view;
    vec![
        ("y reads itself", "ReadsLater", with(|d| term(d).block = 1)),
        ("y and z read each other", "ReadsLater", two([2, 1])),
        ("y reads z, which reads x", "ReadsLater", two([2, 0])),
        (
            "factor A reads its own node",
            "ReadsLater",
            product(|_, p| p.a = own(A)),
        ),
        (
            "factor K reads its own node",
            "ReadsLater",
            product(|_, p| p.k = own(B)),
        ),
        (
            "y has the form of an input and is none",
            "InputForm",
            with(|d| d.nodes[1] = input("y", 8)),
        ),
        (
            "input x has a linear part",
            "InputForm",
            with(|d| d.nodes[0].linear = Some(linear(Read::Weight, 0, vec![ident(B)]))),
        ),
        (
            "input x has a bias",
            "InputForm",
            with(|d| d.nodes[0].bias = Some(linear(Read::Weight, 0, vec![ident(B)]))),
        ),
        (
            "y is declared an input",
            "InputForm",
            with(|d| {
                d.outputs = vec![port("x", 0, &[2, 2])];
                d.inputs = vec![port("y", 1, &[2, 2])];
            }),
        ),
        (
            "an output without a node",
            "PortUnknown",
            with(|d| d.outputs[0].node = 2),
        ),
        (
            "an output listed twice",
            "PortTwice",
            with(|d| d.outputs.push(port("again", 1, &[4]))),
        ),
        (
            "an input that is an output",
            "PortTwice",
            with(|d| d.outputs.push(port("again", 0, &[4]))),
        ),
        (
            "a scale of 0",
            "BadPort",
            with(|d| d.outputs[0].scale = 0.0),
        ),
        (
            "a scale that is no number",
            "BadPort",
            with(|d| d.outputs[0].scale = f64::NAN),
        ),
        (
            "a port of another size",
            "BadPort",
            with(|d| d.inputs[0].shape = vec![5]),
        ),
        (
            "a port whose size overflows",
            "BadPort",
            with(|d| d.inputs[0].shape = vec![usize::MAX, 4]),
        ),
        ("no nodes", "Empty", with(|d| d.nodes.clear())),
        ("no outputs", "Empty", with(|d| d.outputs.clear())),
        (
            "a node without parts",
            "EmptyNode",
            with(|d| d.nodes[1].linear = None),
        ),
        (
            "a function that is not listed",
            "FunctionNotListed",
            with(|d| d.nodes[1].operation = Operation::Map { function: 2 }),
        ),
    ]
}

fn bad_views() -> Vec<Row> {
    let twice = Stride { axis: B, stride: 1 };
    vec![
        ("y reads x[a,a]", "AxisReadTwice", mapped(ident(A))),
        (
            "one map reads an axis twice",
            "AxisReadTwice",
            mapped(AxisMap::window(2, twice, twice, 0)),
        ),
        (
            "A and K read output axis b",
            "AxisNotOwned",
            product(|_, p| {
                p.a.terms[0].maps = vec![ident(K), ident(B)];
                p.k.terms[0].maps = vec![ident(B)];
            }),
        ),
        (
            "C reads an axis of the contraction",
            "AxisNotOwned",
            product(|d, _| term(d).maps[1] = ident(K)),
        ),
        (
            "C reads an axis that does not exist",
            "AxisNotOwned",
            mapped(ident(AxisId(9))),
        ),
        (
            "a batch axis of another length",
            "BatchLength",
            product(|_, p| p.contraction = vec![axis(A, 3)]),
        ),
        (
            "a map of another length",
            "MapsDoNotFit",
            mapped(AxisMap::identity(3, B)),
        ),
        (
            "a map too few",
            "MapsDoNotFit",
            with(|d| drop(term(d).maps.pop())),
        ),
        (
            "a view of a block that does not exist",
            "BlockUnknown",
            product(|_, p| p.k.terms[0].block = 1),
        ),
        (
            "D reads an activation",
            "WrongRead",
            with(|d| d.nodes[1].bias = d.nodes[1].linear.clone()),
        ),
        ("a repeat of factor 0", "BadRepeat", mapped(repeat(0))),
        (
            "an axis of length 0",
            "BadAxes",
            with(|d| d.nodes[1].out[0].len = 0),
        ),
        (
            "two axes of one name",
            "BadAxes",
            with(|d| d.nodes[1].out[0].id = B),
        ),
        (
            "a weight tensor without values",
            "BadAxes",
            with(|d| d.weights[0].shape = vec![0]),
        ),
        ("an inner axis of length 0", "BadAxes", mapped(inner(0, 1))),
    ]
}

fn bad_layouts() -> Vec<Row> {
    let y_at = |address: usize| with(|d| d.nodes[1].blocks = vec![address]);
    let weights = |blocks: &[(usize, &[usize])]| {
        let block = |(address, shape): &(usize, &[usize])| WeightBlock {
            address: *address,
            shape: shape.to_vec(),
        };
        with(|d| d.weights = blocks.iter().map(block).collect())
    };
    vec![
        ("two blocks in one place", "Overlap", y_at(0)),
        ("y shares the input's row", "Misaligned", y_at(4)),
        ("y at 10", "Misaligned", y_at(10)),
        ("y far away", "OverLimit: bits of the trace", y_at(1 << 40)),
        ("y at the last cell", "Misaligned", y_at(usize::MAX)),
        (
            "y in the last row",
            "OverLimit: bits of the trace",
            y_at(usize::MAX - 7),
        ),
        (
            "weights overlap",
            "Overlap",
            weights(&[(0, &[2]), (0, &[2])]),
        ),
        (
            "weights overlap where a tensor is padded",
            "Overlap",
            weights(&[(0, &[3, 2]), (6, &[2])]),
        ),
        (
            "weights misaligned",
            "Misaligned",
            weights(&[(0, &[2]), (3, &[2])]),
        ),
        (
            "weights far away",
            "OverLimit: bits of the weights",
            weights(&[(0, &[2]), (1 << 40, &[2])]),
        ),
    ]
}

fn bad_sizes() -> Vec<Row> {
    const LARGE: i64 = 1 << 31;
    let table = |values: Vec<i32>| {
        let name = "table".to_owned();
        with(|d| d.functions[1] = Function::Table { name, values })
    };
    let out = |axes: u16, len| {
        with(|d| d.nodes[1].out = (0..axes).map(|i| axis(AxisId(i), len)).collect())
    };
    vec![
        ("B = 0", "DigitBits", with(|d| d.digit_bits = 0)),
        ("B = 16", "DigitBits", with(|d| d.digit_bits = 16)),
        ("κ = 19", "OverLimit: row bits", with(|d| d.row_bits = 19)),
        (
            "κ = 2^32 - 1",
            "OverLimit: row bits",
            with(|d| d.row_bits = u32::MAX),
        ),
        ("a table too short", "TableLength", table(vec![0; 15])),
        ("a table too long", "TableLength", table(vec![0; 17])),
        (
            "a table value -2^31",
            "IntegerTooLarge",
            table([vec![0; 15], vec![i32::MIN]].concat()),
        ),
        (
            "m_c = 2^31",
            "IntegerTooLarge",
            with(|d| linear_part(d, 1).multiplier = LARGE),
        ),
        (
            "m_c = -2^63",
            "IntegerTooLarge",
            with(|d| linear_part(d, 1).multiplier = i64::MIN),
        ),
        (
            "m_s = -2^31",
            "IntegerTooLarge",
            product(|_, p| p.multiplier = -LARGE),
        ),
        (
            "coefficient 2^31",
            "IntegerTooLarge",
            with(|d| term(d).coefficient = LARGE),
        ),
        (
            "offset 2^31",
            "IntegerTooLarge",
            mapped(affine(LARGE, 1, Vec::new())),
        ),
        (
            "stride 2^31",
            "IntegerTooLarge",
            mapped(affine(0, LARGE, Vec::new())),
        ),
        (
            "inner stride 2^31",
            "IntegerTooLarge",
            mapped(inner(1, LARGE)),
        ),
        (
            "inner length 2^31",
            "IntegerTooLarge",
            mapped(inner(1 << 31, 1)),
        ),
        (
            "repeat factor 2^31",
            "IntegerTooLarge",
            mapped(repeat(1 << 31)),
        ),
        (
            "contraction over 2^29",
            "OverLimit: bits of a contraction",
            product(|_, p| p.contraction[0].len = 1 << 29),
        ),
        (
            "a block of 2^32 rows",
            "OverLimit: bits of a block",
            with(|d| d.nodes[1].out[0].len = 1 << 31),
        ),
        (
            "a block whose size overflows",
            "OverLimit: bits of a block",
            out(4, 1 << 16),
        ),
        (
            "weights of 2^32 values",
            "OverLimit: bits of a block",
            with(|d| d.weights[0].shape = vec![1 << 32]),
        ),
        ("17 axes", "OverLimit: number of axes", out(17, 1)),
        (
            "17 axes of a weight tensor",
            "OverLimit: number of axes",
            with(|d| d.weights[0].shape = vec![1; 17]),
        ),
        (
            "17 inner axes",
            "OverLimit: number of axes",
            mapped(affine(0, 1, vec![Inner { len: 1, stride: 1 }; 17])),
        ),
        (
            "4097 terms",
            "OverLimit: number of terms of a view",
            with(|d| {
                let t = term(d).clone();
                linear_part(d, 1).view.terms = vec![t; 4097];
            }),
        ),
        (
            "2^16 + 1 functions",
            "OverLimit: number of functions",
            with(|d| d.functions = vec![Function::Identity; (1 << 16) + 1]),
        ),
        (
            "2^16 + 1 weight tensors",
            "OverLimit: number of weight blocks",
            with(|d| d.weights = vec![d.weights[0].clone(); (1 << 16) + 1]),
        ),
        (
            "maps of 2^29 index tuples",
            "OverLimit: work of the maps",
            mapped(inner(1 << 28, 1)),
        ),
        (
            "2^21 committed rows",
            "OverLimit: number of committed rows",
            with(|d| {
                d.row_bits = 0;
                d.nodes[1].out[0].len = 1 << 20;
                d.nodes[1].blocks = vec![1 << 21];
                d.outputs[0].shape = vec![1 << 21];
            }),
        ),
        (
            "a table of 2^22 + 2^15 entries",
            "OverLimit: number of table entries",
            with(|d| {
                d.digit_bits = 15;
                d.functions = vec![Function::Identity; 128];
            }),
        ),
        // The page's own bound is far: inner axes that visit one position again and again are what it does not see.
        ("sums of more than 253 bits", "RangeBound", revisited()),
        ("the same only through exact reads", "RangeBound", exact()),
    ]
}

/// Inner axes of stride 0: 2^240 and 2^16 visits of one position.
fn revisited() -> Descriptor {
    let mut descriptor = mapped(affine(0, 1, vec![Inner { len: 2, stride: 0 }; 16]));
    let inner = Inner {
        len: 1 << 24,
        stride: 0,
    };
    term(&mut descriptor).maps[0] = AxisMap::Affine {
        source: 2,
        offset: 0,
        index: vec![Stride { axis: A, stride: 1 }],
        inner: vec![inner; 10],
    };
    descriptor
}

/// `Σ x'·x'` whose values are small, so that the bound is reached by exact reads alone.
fn squared(read: Read) -> Descriptor {
    let visited = |axis| AxisMap::Affine {
        source: 2,
        offset: 0,
        index: vec![Stride { axis, stride: 1 }],
        inner: vec![
            Inner {
                len: 1 << 24,
                stride: 0,
            };
            2
        ],
    };
    let view = |axis| {
        let mut view = linear(read, 1, vec![visited(axis), AxisMap::fixed(2, 0)]).view;
        view.terms[0].coefficient = 1 << 30;
        view
    };
    with(|d| {
        d.digit_bits = 15;
        let mut z = d.nodes[1].clone();
        (z.name, z.blocks, z.linear) = ("z".to_owned(), vec![16], None);
        z.products = vec![Product {
            multiplier: 1 << 30,
            contraction: Vec::new(),
            a: view(A),
            k: view(B),
        }];
        d.nodes.push(z);
    })
}

fn exact() -> Descriptor {
    squared(Read::Exact)
}

#[test]
fn the_same_values_are_within_bounds() {
    let checked = Network::new(squared(Read::Value), &limits("RangeBound"));
    assert!(checked.is_ok(), "{checked:?}");
}

/// `y`, then `r = √(y²)` at 16, 24 and 32, `q = y/(⌊r/2^B⌋ + 1)` at 40 and 48, an assertion at 56.
fn with_operations() -> Descriptor {
    with(|d| {
        d.nodes[1].operation = Operation::Map { function: 0 };
        d.constants = vec![Constant {
            shape: Vec::new(),
            values: vec![1],
        }];
        let y = |read| linear(read, 1, vec![ident(A), ident(B)]);
        let node = |name: &str, blocks: &[usize], operation| Node {
            name: name.to_owned(),
            blocks: blocks.to_vec(),
            out: ab().to_vec(),
            products: Vec::new(),
            linear: Some(y(Read::Exact)),
            bias: None,
            operation,
        };
        let mut root = node("r", &[16, 24, 32], Operation::Root);
        root.linear = None;
        root.products = vec![Product {
            multiplier: 1,
            contraction: ab().to_vec(),
            a: y(Read::Exact).view,
            k: y(Read::Exact).view,
        }];
        let mut divisor = linear(Read::Wide, 2, vec![ident(A), ident(B)]).view;
        divisor.terms.push(Term {
            coefficient: 1,
            read: Read::Constant,
            block: 0,
            maps: Vec::new(),
        });
        let quotient = node("q", &[40, 48], Operation::Quotient { divisor });
        d.nodes
            .extend([root, quotient, node("zero", &[56], Operation::Assert)]);
    })
}

fn operations(change: impl FnOnce(&mut Descriptor)) -> Descriptor {
    let mut descriptor = with_operations();
    change(&mut descriptor);
    descriptor
}

fn bad_operations() -> Vec<Row> {
    let reads = |node: usize, read, block| {
        operations(|d| {
            d.nodes[node].linear = Some(linear(read, block, vec![ident(A), ident(B)]));
        })
    };
    vec![
        (
            "the root reads itself",
            "ReadsLater",
            reads(2, Read::Exact, 2),
        ),
        (
            "the root reads what divides by it",
            "ReadsLater",
            reads(2, Read::Value, 3),
        ),
        (
            "a quotient is read exactly",
            "WrongRead",
            reads(4, Read::Exact, 3),
        ),
        (
            "a root's value is read",
            "WrongRead",
            reads(4, Read::Value, 2),
        ),
        (
            "a root's middle digit is read",
            "WrongRead",
            reads(4, Read::Middle, 2),
        ),
        (
            "an input is read wide",
            "WrongRead",
            reads(4, Read::Wide, 0),
        ),
        (
            "two bare digits are read",
            "WrongRead",
            reads(4, Read::Low, 1),
        ),
        (
            "what only lowering reads",
            "WrongRead",
            reads(4, Read::OneHot, 0),
        ),
        (
            "an assertion is read",
            "WrongRead",
            operations(|d| {
                let mut after = d.nodes[4].clone();
                (after.name, after.blocks) = ("after".to_owned(), vec![64]);
                after.linear = Some(linear(Read::Value, 4, vec![ident(A), ident(B)]));
                d.nodes.push(after);
            }),
        ),
        (
            "an assertion reads weights",
            "WrongRead",
            operations(|d| d.nodes[4].bias = Some(linear(Read::Weight, 0, vec![ident(B)]))),
        ),
        (
            "a constant that does not exist",
            "BlockUnknown",
            operations(|d| drop(d.constants.pop())),
        ),
        (
            "a constant of another length",
            "ConstantLength",
            operations(|d| d.constants[0].values.push(1)),
        ),
        (
            "a constant -2^31",
            "IntegerTooLarge",
            operations(|d| d.constants[0].values[0] = i32::MIN),
        ),
        (
            "a root with two blocks",
            "BlockCount",
            operations(|d| d.nodes[2].blocks.truncate(2)),
        ),
        (
            "a root's blocks overlap",
            "Overlap",
            operations(|d| d.nodes[2].blocks[1] = 16),
        ),
        (
            "an output that is a root",
            "BadPort",
            operations(|d| d.outputs[0].node = 2),
        ),
        (
            "an output that is an assertion",
            "BadPort",
            operations(|d| d.outputs[0].node = 4),
        ),
        (
            "a function that only lowering lists",
            "FunctionMisused",
            with(|d| d.functions.push(Function::Free)),
        ),
        (
            "an input, and no identity",
            "FunctionMissing",
            with(|d| d.functions[0] = Function::Relu),
        ),
    ]
}

/// `y`, and its best entry along `b`, at 16.
fn best(change: impl FnOnce(&mut Descriptor)) -> Descriptor {
    let mut descriptor = with(|d| {
        d.indices = vec![IndexPort {
            name: "k".to_owned(),
            shape: vec![2],
            len: 2,
            role: IndexRole::Answer,
        }];
        d.nodes.push(Node {
            name: "best".to_owned(),
            blocks: vec![16],
            out: ab().to_vec(),
            products: Vec::new(),
            linear: Some(linear(Read::Value, 1, vec![ident(A), ident(B)])),
            bias: None,
            operation: Operation::Best { port: 0 },
        });
    });
    change(&mut descriptor);
    descriptor
}

fn best_product(a: [AxisMap; 2], k: AxisMap, contraction: Axis) -> Descriptor {
    best(|d| {
        d.nodes[2].linear = None;
        d.nodes[2].products = vec![Product {
            multiplier: 1,
            contraction: vec![contraction],
            a: linear(Read::Value, 1, a.to_vec()).view,
            k: linear(Read::Weight, 0, vec![k]).view,
        }];
    })
}

/// `y[a,b] = relu(x[k[a],b])`.
fn gathering(change: impl FnOnce(&mut Descriptor)) -> Descriptor {
    let mut descriptor = with(|d| {
        d.indices = vec![IndexPort {
            name: "k".to_owned(),
            shape: vec![2],
            len: 2,
            role: IndexRole::Given,
        }];
        term(d).maps[0] = AxisMap::Gather {
            source: 2,
            port: 0,
            index: vec![A],
        };
    });
    change(&mut descriptor);
    descriptor
}

fn bad_indices() -> Vec<Row> {
    let gather = |source, port, index: &[AxisId]| {
        let index = index.to_vec();
        gathering(|d| {
            term(d).maps[0] = AxisMap::Gather {
                source,
                port,
                index,
            };
        })
    };
    let agreement = |answer, given, len| {
        best(|d| {
            d.indices.push(IndexPort {
                name: "ids".to_owned(),
                shape: vec![5],
                len,
                role: IndexRole::Given,
            });
            d.agreements.push(Agreement {
                answer,
                given,
                shift: 1,
            });
        })
    };
    let fixed = AxisMap::fixed(2, 0);
    vec![
        (
            "an answer that nothing is about",
            "BadIndexPort",
            best(|d| drop(d.nodes.pop())),
        ),
        (
            "an answer that two are about",
            "BadIndexPort",
            best(|d| {
                let mut again = d.nodes[2].clone();
                again.blocks = vec![24];
                d.nodes.push(again);
            }),
        ),
        (
            "a given port that is answered",
            "BadIndexPort",
            best(|d| d.indices[0].role = IndexRole::Given),
        ),
        (
            "indices below 0",
            "BadIndexPort",
            gathering(|d| d.indices[0].len = 0),
        ),
        (
            "gathered by an answer",
            "BadGather",
            best(|d| {
                term(d).maps[0] = AxisMap::Gather {
                    source: 2,
                    port: 0,
                    index: vec![A],
                };
            }),
        ),
        ("gathered by no port", "BadGather", gather(2, 1, &[A])),
        (
            "a gather of another length",
            "MapsDoNotFit",
            gather(3, 0, &[A]),
        ),
        (
            "a gather below another bound",
            "BadGather",
            gathering(|d| d.indices[0].len = 3),
        ),
        (
            "a gather by too many axes",
            "BadGather",
            gather(2, 0, &[A, B]),
        ),
        (
            "a gather by an axis of another length",
            "BadGather",
            gathering(|d| d.indices[0].shape = vec![3]),
        ),
        (
            "the best is an output",
            "BadPort",
            best(|d| d.outputs[0].node = 2),
        ),
        (
            "a best of other axes than the port's",
            "BadBest",
            best(|d| d.indices[0].shape = vec![3]),
        ),
        (
            "a best of another number of candidates",
            "BadBest",
            best(|d| d.indices[0].len = 3),
        ),
        (
            "candidates through another map",
            "BadBest",
            best(|d| {
                d.nodes[2].linear = Some(linear(
                    Read::Value,
                    1,
                    vec![ident(A), affine(1, -1, Vec::new())],
                ))
            }),
        ),
        (
            "candidates' axis of the last name, so that none is left for the one-hot tensor's",
            "BadAxes",
            best(|d| {
                let last = AxisId(u16::MAX);
                d.nodes[2].out[1].id = last;
                d.nodes[2].linear = Some(linear(Read::Value, 1, vec![ident(A), ident(last)]));
            }),
        ),
        (
            "candidates summed over, or in both factors",
            "BadBest",
            best_product([ident(A), ident(B)], ident(B), axis(B, 2)),
        ),
        (
            "candidates beside another output axis in a factor",
            "BadBest",
            best_product([ident(A), ident(B)], fixed, axis(K, 2)),
        ),
        (
            "an agreement of a given port",
            "BadAgreement",
            agreement(1, 1, 2),
        ),
        (
            "an agreement with an answer",
            "BadAgreement",
            agreement(0, 0, 2),
        ),
        (
            "an agreement below other bounds",
            "BadAgreement",
            agreement(0, 1, 3),
        ),
    ]
}

fn all() -> Vec<Row> {
    [
        bad_graphs(),
        bad_views(),
        bad_layouts(),
        bad_sizes(),
        bad_operations(),
        bad_indices(),
    ]
    .concat()
}

/// `Overlap { first: … }` → `Overlap`
fn variant(debug: &str) -> String {
    debug.chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The limit on work is lifted where the rule behind it is meant.
fn limits(expected: &str) -> Limits {
    let default = Limits::default();
    match expected {
        "RangeBound" => Limits {
            map_work: usize::MAX,
            ..default
        },
        _ => default,
    }
}

#[test]
fn good_descriptors_pass() {
    for descriptor in [
        good(),
        with_product(),
        mapped(repeat(2)),
        mapped(inner(2, -1)),
        with(|d| d.nodes[1].blocks = vec![16]),
        with_operations(),
        best(|_| ()),
        gathering(|_| ()),
        with(|d| d.inputs[0].shape = vec![4]),
    ] {
        let checked = Network::new(descriptor, &Limits::default());
        assert!(checked.is_ok(), "{checked:?}");
    }
    let shared = best_product([ident(A), ident(K)], ident(B), axis(K, 2));
    assert!(Network::new(shared, &Limits::default()).is_ok());
}

#[test]
fn every_rule_is_demanded() {
    let mut different = Vec::new();
    for (what, expected, descriptor) in all() {
        let got = match Network::new(descriptor, &limits(expected)) {
            Ok(_) => "accepted".to_owned(),
            Err(DescriptorError::OverLimit { what, .. }) => format!("OverLimit: {what}"),
            Err(error) => variant(&format!("{error:?}")),
        };
        if got != expected {
            different.push(format!("{what}: {got} instead of {expected}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The rules are read off the error type itself, so that a new one needs a row.
#[test]
fn every_rule_has_a_row() {
    let source = include_str!("../src/descriptor/error.rs");
    let (_, from) = source.split_once("pub enum DescriptorError {").unwrap();
    let (variants, _) = from.split_once("\n}").unwrap();
    let names: Vec<String> = variants
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(variant)
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let rows: Vec<&str> = all().iter().map(|(_, expected, _)| *expected).collect();
    let missing: Vec<_> = names
        .iter()
        .filter(|n| rows.iter().all(|row| variant(row) != **n))
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

/// Tags are positions: no list of functions makes two of them, or one of them and the range table, share a tag.
#[test]
fn tags_do_not_clash() {
    let functions = [vec![Function::Identity], vec![Function::Relu; 4]].concat();
    let network = Network::new(with(|d| d.functions = functions), &Limits::default()).unwrap();
    let mut entries: Vec<_> = network.table().map(|e| (e.tag, e.input)).collect();
    assert_eq!(entries.len(), network.table_rows());
    assert!(entries.iter().all(|(tag, _)| (1..=6).contains(tag)));
    assert_eq!(network.range_tag(), 6);
    entries.sort_unstable();
    entries.dedup();
    assert_eq!(entries.len(), network.table_rows(), "one row per argument");
}
