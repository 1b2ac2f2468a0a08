//! The translated network in floats: fixes the ranges of all tensors on the calibration samples, and shows that the
//! translation means what the model means.

use ndarray::{ArrayD, ArrayView2, ArrayViewD, IxDyn};

use super::expr::{Atom, Atoms, Constant, Factor, Map, Read, Sum};
use super::graph::{Activation, Graph, GraphNode, ProductAxes};

/// What one sample made of the network.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Smallest and largest pre-activation of each node.
    pub ranges: Vec<(f32, f32)>,
    /// The network's outputs, row-major.
    pub outputs: Vec<Vec<f32>>,
}

/// A node whose value is not finite.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotFinite {
    pub node: usize,
}

/// A network with its weights laid out for contraction.
pub(super) struct Runner<'a> {
    graph: &'a Graph,
    /// Per node whose right factor is constant: the factor over (batch, free, summed) axes.
    weights: Vec<Option<Vec<f32>>>,
}

impl<'a> Runner<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        let weights = |node: &GraphNode| {
            let product = node.sum.product.as_ref()?;
            let Factor::Constant(c) = &product.k else {
                return None;
            };
            let axes = ProductAxes::of(product, &node.out());
            Some(spread(c, &axes.k_order(), &graph.atoms))
        };
        Self {
            graph,
            weights: graph.nodes.iter().map(weights).collect(),
        }
    }

    /// Runs the network; `inputs` row-major, one per input.
    pub fn run(&self, inputs: &[Vec<f32>]) -> Result<Run, NotFinite> {
        let graph = self.graph;
        let mut values: Vec<Vec<f32>> = Vec::with_capacity(graph.nodes.len());
        let mut ranges = Vec::with_capacity(graph.nodes.len());
        for (index, (node, weights)) in graph.nodes.iter().zip(&self.weights).enumerate() {
            let given = graph.inputs.iter().position(|p| p.node == index);
            let sum = match given {
                Some(i) => inputs.get(i).cloned().unwrap_or_default(),
                None => evaluate(graph, node, weights.as_deref(), &values),
            };
            let range = sum.iter().fold((f32::MAX, f32::MIN), |(low, high), v| {
                (low.min(*v), high.max(*v))
            });
            let finite = |v: &[f32]| v.iter().all(|x| x.is_finite());
            let sum_finite = finite(&sum);
            let value = activate(&node.activation, sum);
            match value.filter(|v| sum_finite && finite(v)) {
                Some(value) => values.push(value),
                None => return Err(NotFinite { node: index }),
            }
            ranges.push(range);
        }
        let output = |node: usize| values.get(node).cloned().unwrap_or_default();
        let outputs = graph.outputs.iter().map(|p| output(p.node)).collect();
        Ok(Run { ranges, outputs })
    }
}

fn activate(activation: &Activation, mut sum: Vec<f32>) -> Option<Vec<f32>> {
    match activation {
        Activation::Input | Activation::Identity => Some(sum),
        Activation::Relu => {
            for v in &mut sum {
                *v = v.max(0.0);
            }
            Some(sum)
        }
        Activation::Table(f) => f.evaluate(&sum).ok(),
    }
}

/// The pre-activation of a node, row-major over its block.
fn evaluate(
    graph: &Graph,
    node: &GraphNode,
    weights: Option<&[f32]>,
    values: &[Vec<f32>],
) -> Vec<f32> {
    let atoms = &graph.atoms;
    let out = node.out();
    let mut sum = view(&node.sum.reads, &out, graph, values);
    if let Some(product) = contraction(&node.sum, &out, weights, graph, values) {
        for (s, p) in sum.iter_mut().zip(product) {
            *s += p;
        }
    }
    if let Some(constant) = &node.sum.constant {
        for (s, c) in sum.iter_mut().zip(spread(constant, &out, atoms)) {
            *s += c;
        }
    }
    sum
}

/// A constant written out over `order`.
fn spread(constant: &Constant, order: &[Atom], atoms: &Atoms) -> Vec<f32> {
    let values = constant.ordered(order);
    let full = values.broadcast(IxDyn(&atoms.lens(order)));
    full.iter().flat_map(|v| v.iter().copied()).collect()
}

fn contraction(
    sum: &Sum,
    out: &[Atom],
    weights: Option<&[f32]>,
    graph: &Graph,
    values: &[Vec<f32>],
) -> Option<Vec<f32>> {
    let product = sum.product.as_ref()?;
    let atoms = &graph.atoms;
    let axes = ProductAxes::of(product, out);
    let a = view(&product.a, &axes.a_order(), graph, values);
    let computed = match &product.k {
        Factor::Constant(_) => Vec::new(),
        Factor::Reads(reads) => view(reads, &axes.k_order(), graph, values),
    };
    let k = weights.unwrap_or(&computed);
    let [batch, rows, columns, summed] =
        [&axes.batch, &axes.a_free, &axes.k_free, &axes.summed].map(|x| atoms.size(x));
    let mut result = Vec::with_capacity(batch * rows * columns);
    for (a, k) in a.chunks(rows * summed).zip(k.chunks(columns * summed)) {
        let a = ArrayView2::from_shape((rows, summed), a).ok()?;
        let k = ArrayView2::from_shape((columns, summed), k).ok()?;
        if rows * columns == 1 {
            result.extend(a.iter().zip(k).map(|(x, y)| x * y).reduce(|x, y| x + y));
        } else {
            result.extend(a.dot(&k.t()).iter().copied());
        }
    }
    // Axes that neither factor reads broadcast.
    let order = [axes.batch, axes.a_free, axes.k_free].concat();
    let result = ArrayD::from_shape_vec(IxDyn(&atoms.lens(&order)), result).ok()?;
    let result = Constant {
        atoms: order,
        values: result.into_shared(),
    };
    Some(spread(&result, out, atoms))
}

/// The values of a sum of reads, row-major over `order`.
fn view(reads: &[Read], order: &[Atom], graph: &Graph, values: &[Vec<f32>]) -> Vec<f32> {
    let atoms = &graph.atoms;
    let shape = atoms.lens(order);
    let mut strides = vec![1_usize; order.len()];
    for i in (1..order.len()).rev() {
        if let (Some(below), Some(len)) = (strides.get(i).copied(), shape.get(i))
            && let Some(stride) = strides.get_mut(i - 1)
        {
            *stride = below * len;
        }
    }
    let stride_of = |atom: &Atom| {
        let at = order.iter().position(|o| o == atom);
        at.and_then(|i| strides.get(i).copied()).unwrap_or(0)
    };
    let mut out = vec![0.0; shape.iter().product()];
    for read in reads {
        let Some(source) = values.get(read.node) else {
            continue;
        };
        // Per source axis, the pairs (target offset, source offset) that its map joins; unread axes join every target.
        let mut pairs: Vec<Vec<(usize, usize)>> = Vec::new();
        let mut below = 1;
        for map in read.maps.iter().rev() {
            pairs.insert(0, joined(map, below, atoms, &stride_of));
            below *= map.source;
        }
        for atom in order.iter().filter(|a| !read.reads(**a)) {
            let stride = stride_of(atom);
            pairs.insert(0, (0..atoms.len(*atom)).map(|i| (i * stride, 0)).collect());
        }
        #[expect(clippy::cast_possible_truncation, reason = "tensors are f32")]
        let coefficient = read.coefficient as f32;
        accumulate(&pairs, 0, 0, coefficient, source, &mut out);
    }
    out
}

/// Target and source offsets that one map joins; `below` is the source axis' own stride.
fn joined(
    map: &Map,
    below: usize,
    atoms: &Atoms,
    stride_of: &dyn Fn(&Atom) -> usize,
) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, i64)> = vec![(0, map.offset)];
    let mut cross = |len: usize, target: usize, stride: i64| {
        let all = pairs.iter().flat_map(|(t, j)| {
            (0..len).map(move |i| (t + i * target, j + super::expr::signed(i) * stride))
        });
        pairs = all.collect();
    };
    for (atom, stride) in &map.index {
        cross(atoms.len(*atom), stride_of(atom), *stride);
    }
    for (len, stride) in &map.inner {
        cross(*len, 0, *stride);
    }
    let inside = |(t, j): (usize, i64)| {
        let j = usize::try_from(j).ok()? / map.repeat.max(1);
        let j = (j < map.source).then_some(j)?;
        Some((t, j * below))
    };
    pairs.into_iter().filter_map(inside).collect()
}

fn accumulate(
    pairs: &[Vec<(usize, usize)>],
    target: usize,
    source: usize,
    coefficient: f32,
    from: &[f32],
    out: &mut [f32],
) {
    let Some((first, rest)) = pairs.split_first() else {
        if let (Some(o), Some(v)) = (out.get_mut(target), from.get(source)) {
            *o += coefficient * v;
        }
        return;
    };
    if rest.is_empty() {
        for (t, s) in first {
            if let (Some(o), Some(v)) = (out.get_mut(target + t), from.get(source + s)) {
                *o += coefficient * v;
            }
        }
        return;
    }
    for (t, s) in first {
        accumulate(rest, target + t, source + s, coefficient, from, out);
    }
}

/// Values by logical order, for comparison with the model's own.
pub(super) fn differs(got: &[f32], expected: ArrayViewD<'_, f32>) -> Option<(f32, f32)> {
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let tolerance = 1e-3 * largest + 1e-4;
    let mut pairs = got.iter().copied().zip(expected.iter().copied());
    if got.len() != expected.len() {
        return pairs.next();
    }
    pairs.find(|(g, e)| (g - e).abs() > tolerance || g.is_nan())
}
