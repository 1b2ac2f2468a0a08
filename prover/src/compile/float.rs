//! The translated network in floats: fixes the ranges of all tensors on the calibration samples, and shows that the
//! translation means what the model means.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, Axis, IxDyn, Slice};
use rayon::prelude::*;

use super::error::CompileError;
use super::expr::{Atom, Atoms, Constant, Factor, Lookup, Map, Product, Read, Stored, Sum, Table};
use super::graph::{Activation, Graph, GraphNode, Place, ProductAxes, index, one_hot};

/// What one sample made of the network.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// Smallest and largest pre-activation of each node; of a quotient, the value.
    pub ranges: Vec<(f32, f32)>,
    /// Of each quotient, smallest and largest divisor.
    pub divisors: Vec<(f32, f32)>,
    /// The model's outputs, row-major, in its order.
    pub outputs: Vec<Vec<f32>>,
    /// The nodes' values, row-major.
    pub values: Vec<Vec<f32>>,
}

/// Why a run has no result.
#[derive(Debug)]
pub(super) enum RunError {
    /// The value of this node is not finite.
    NotFinite(usize),
    /// Weights cannot be read.
    Weights(CompileError),
}

/// Which sample has no result, and why.
#[derive(Debug)]
pub(super) struct Failed {
    pub sample: usize,
    pub error: Box<RunError>,
}

impl Failed {
    fn new(sample: usize, error: RunError) -> Self {
        Self {
            sample,
            error: Box::new(error),
        }
    }
}

impl From<CompileError> for RunError {
    fn from(e: CompileError) -> Self {
        Self::Weights(e)
    }
}

/// A network with its weights laid out for contraction.
pub(super) struct Runner<'a> {
    graph: &'a Graph,
    /// Per node and product whose right factor is constant: the factor over (batch, free, summed) axes.
    weights: Vec<Vec<Option<Vec<f32>>>>,
}

impl<'a> Runner<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        let weights = |node: &GraphNode| {
            let own = |product: &Product| {
                let Factor::Constant(c) = &product.k else {
                    return None;
                };
                let axes = ProductAxes::of(product, &node.out());
                Some(spread(c, &axes.k_order(), &graph.atoms))
            };
            node.sum.products.iter().map(own).collect()
        };
        Self {
            graph,
            weights: graph.nodes.iter().map(weights).collect(),
        }
    }

    /// Runs the network on several samples, each with one row-major tensor per input, node by node, so that weights in files are read once for all of them. An error comes with
    /// its sample.
    pub fn run_many(&self, samples: &[&[Vec<f32>]]) -> Result<Vec<Run>, Failed> {
        let graph = self.graph;
        let mut states: Vec<State> = samples.iter().map(|s| State::new(graph, s)).collect();
        for (index, (node, weights)) in graph.nodes.iter().zip(&self.weights).enumerate() {
            let given = graph.inputs.iter().position(|p| p.node == index);
            let failed = |error: CompileError| Failed::new(0, error.into());
            let stored = match given {
                Some(_) => Vec::new(),
                None => stored_products(graph, &node.sum, &states).map_err(failed)?,
            };
            let run = |(sample, state): (usize, &mut State)| {
                let sum = match given {
                    Some(i) => state.tensors.get(i).cloned().unwrap_or_default(),
                    None => {
                        let own = stored.iter().map(|product| product.get(sample));
                        let own = own.flatten().map(Vec::as_slice).collect();
                        evaluate(graph, &node.sum, weights, own, state).map_err(failed)?
                    }
                };
                let done = state.finish(graph, node, sum);
                done.map_err(|error| match error {
                    None => Failed::new(sample, RunError::NotFinite(index)),
                    Some(error) => Failed::new(sample, (*error).into()),
                })
            };
            states.par_iter_mut().enumerate().try_for_each(run)?;
        }
        Ok(states.into_iter().map(|state| state.run(graph)).collect())
    }
}

/// A sample's run up to some node.
#[derive(Default)]
struct State {
    run: Run,
    indices: Vec<Vec<usize>>,
    tensors: Vec<Vec<f32>>,
}

impl State {
    fn new(graph: &Graph, inputs: &[Vec<f32>]) -> Self {
        let mut state = Self {
            indices: vec![Vec::new(); graph.indices.len()],
            ..Self::default()
        };
        for (place, values) in graph.given.iter().zip(inputs) {
            match place {
                Place::Tensor(_) => state.tensors.push(values.clone()),
                Place::OneHot(_, len) => state.tensors.push(one_hot(values, *len)),
                Place::Indices(port) => {
                    if let Some(own) = state.indices.get_mut(*port) {
                        *own = values.iter().map(|v| index(*v)).collect();
                    }
                }
            }
        }
        state
    }

    fn given<'s>(&'s self, graph: &'s Graph) -> Given<'s> {
        Given {
            graph,
            values: &self.run.values,
            indices: &self.indices,
        }
    }

    /// Adds a node whose expression is `sum`; without an error where the value is not finite.
    fn finish(
        &mut self,
        graph: &Graph,
        node: &GraphNode,
        sum: Vec<f32>,
    ) -> Result<(), Option<Box<CompileError>>> {
        let divisor = match &node.activation {
            Activation::Quotient(divisor) => Some(
                evaluate(graph, divisor, &[], Vec::new(), self).map_err(|e| Some(Box::new(e)))?,
            ),
            _ => None,
        };
        if let Activation::Best(port) = node.activation
            && let Some(own) = self.indices.get_mut(port)
        {
            *own = best(graph, node, &sum);
        }
        let sum = match &divisor {
            Some(divisor) => sum.iter().zip(divisor).map(|(z, d)| z / d).collect(),
            None => sum,
        };
        let range = range_of(&sum);
        let divisors = range_of(divisor.as_deref().unwrap_or_default());
        let finite = |v: &[f32]| v.iter().all(|x| x.is_finite());
        let sum_finite = finite(&sum);
        let value = activate(&node.activation, sum);
        let value = value.filter(|v| sum_finite && finite(v)).ok_or(None)?;
        self.run.values.push(value);
        self.run.ranges.push(range);
        self.run.divisors.push(divisors);
        Ok(())
    }

    fn run(mut self, graph: &Graph) -> Run {
        let output = |place: &Place| match place {
            Place::Tensor(i) | Place::OneHot(i, _) => {
                let node = graph.outputs.get(*i).map_or(usize::MAX, |p| p.node);
                self.run.values.get(node).cloned().unwrap_or_default()
            }
            Place::Indices(port) => {
                let own = self.indices.get(*port).map_or(&[][..], Vec::as_slice);
                own.iter().map(|k| float_of(*k)).collect()
            }
        };
        self.run.outputs = graph.answers.iter().map(output).collect();
        self.run
    }
}

pub(super) fn range_of(values: &[f32]) -> (f32, f32) {
    values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| {
        (low.min(*v), high.max(*v))
    })
}

#[expect(clippy::cast_precision_loss, reason = "indices are small")]
fn float_of(index: usize) -> f32 {
    index as f32
}

/// The first of the largest along the last axis.
fn best(graph: &Graph, node: &GraphNode, scores: &[f32]) -> Vec<usize> {
    let candidates = node.out().last().map_or(1, |a| graph.atoms.len(*a));
    scores.chunks(candidates.max(1)).map(largest).collect()
}

/// Where the first of the largest is.
pub(super) fn largest<T: PartialOrd>(scores: &[T]) -> usize {
    let mut best = 0;
    for (v, score) in scores.iter().enumerate() {
        if scores.get(best).is_some_and(|b| score > b) {
            best = v;
        }
    }
    best
}

fn activate(activation: &Activation, mut sum: Vec<f32>) -> Option<Vec<f32>> {
    match activation {
        Activation::Root => {
            for v in &mut sum {
                *v = v.sqrt();
            }
            Some(sum)
        }
        Activation::Input
        | Activation::Identity
        | Activation::Quotient(_)
        | Activation::Boolean
        | Activation::Assert
        | Activation::Best(_) => Some(sum),
        Activation::Relu => {
            for v in &mut sum {
                *v = v.max(0.0);
            }
            Some(sum)
        }
        Activation::Table(f) => f.evaluate(&sum).ok(),
    }
}

/// The pre-activation of a node, row-major over its block. `stored` are its products with matrices in files, in their order.
fn evaluate(
    graph: &Graph,
    of: &Sum,
    weights: &[Option<Vec<f32>>],
    stored: Vec<&[f32]>,
    state: &State,
) -> Result<Vec<f32>, CompileError> {
    let atoms = &graph.atoms;
    let out = of.atoms();
    let given = state.given(graph);
    let mut stored = stored.into_iter();
    let mut sum = view(&of.reads, &out, &given);
    let own = weights
        .iter()
        .map(Option::as_deref)
        .chain(std::iter::repeat(None));
    for (product, weights) in of.products.iter().zip(own) {
        let own = match &product.k {
            Factor::Stored(_) => stored.next().map(Cow::Borrowed),
            _ => contraction(product, &out, weights, &given).map(Cow::Owned),
        };
        for (s, p) in sum.iter_mut().zip(own.iter().flat_map(|own| own.iter())) {
            *s += p;
        }
    }
    for lookup in &of.lookups {
        for (s, v) in sum.iter_mut().zip(looked_up(lookup, &out, &given)?) {
            *s += v;
        }
    }
    if let Some(constant) = &of.constant {
        for (s, c) in sum.iter_mut().zip(spread(constant, &out, atoms)) {
            *s += c;
        }
    }
    Ok(sum)
}

/// A constant written out over `order`.
fn spread(constant: &Constant, order: &[Atom], atoms: &Atoms) -> Vec<f32> {
    let values = constant.ordered(order);
    let full = values.broadcast(IxDyn(&atoms.lens(order)));
    full.iter().flat_map(|v| v.iter().copied()).collect()
}

/// What expressions read.
struct Given<'a> {
    graph: &'a Graph,
    values: &'a [Vec<f32>],
    indices: &'a [Vec<usize>],
}

/// The values of a table by public indices, row-major over `out`; not a number where an index is out of range.
#[expect(clippy::cast_possible_truncation, reason = "tensors are f32")]
fn looked_up(lookup: &Lookup, out: &[Atom], given: &Given<'_>) -> Result<Vec<f32>, CompileError> {
    let atoms = &given.graph.atoms;
    let rest: Vec<Atom> = (lookup.table.atoms().into_iter())
        .filter(|a| *a != lookup.along)
        .collect();
    let row = atoms.size(&rest);
    let entry: Box<dyn Fn(usize) -> Result<Vec<f32>, CompileError>> = match &lookup.table {
        Table::Stored(s) if s.matrix.columns == row => Box::new(move |k| {
            if k < s.matrix.rows {
                s.matrix.read(k..k + 1)
            } else {
                Ok(vec![f32::NAN; row])
            }
        }),
        Table::Stored(_) => Box::new(move |_| Ok(vec![f32::NAN; row])),
        Table::Known(table) => {
            let order = [&[lookup.along], rest.as_slice()].concat();
            let table = spread(table, &order, atoms);
            Box::new(move |k| {
                let start = k.saturating_mul(row);
                let own = table.get(start..start.saturating_add(row));
                Ok(own.map_or_else(|| vec![f32::NAN; row], <[f32]>::to_vec))
            })
        }
    };
    let indices = given
        .indices
        .get(lookup.port)
        .map_or(&[][..], Vec::as_slice);
    let mut values: Vec<f32> = Vec::with_capacity(indices.len() * row);
    for k in indices {
        let entry = entry(*k)?;
        values.extend(entry.iter().map(|v| v * lookup.coefficient as f32));
    }
    let order = [lookup.index.as_slice(), &rest].concat();
    let values = ArrayD::from_shape_vec(IxDyn(&atoms.lens(&order)), values);
    let values = values.map(|values| Constant {
        atoms: order,
        values: values.into_shared(),
    });
    Ok(values.map_or_else(
        |_| vec![f32::NAN; atoms.size(out)],
        |v| spread(&v, out, atoms),
    ))
}

/// A node's products with matrices that are in files, each for every sample, row-major over the node's block.
fn stored_products(
    graph: &Graph,
    of: &Sum,
    states: &[State],
) -> Result<Vec<Vec<Vec<f32>>>, CompileError> {
    let out = of.atoms();
    let products = of.products.iter().filter_map(|product| match &product.k {
        Factor::Stored(k) => Some(stored(graph, &product.a, k, &out, states)),
        _ => None,
    });
    products.collect()
}

/// A product with a matrix that is in a file, for every sample: their rows are multiplied together.
fn stored(
    graph: &Graph,
    a: &[Read],
    k: &Stored,
    out: &[Atom],
    states: &[State],
) -> Result<Vec<Vec<f32>>, CompileError> {
    let atoms = &graph.atoms;
    let free: Vec<Atom> = (out.iter().filter(|x| !k.rows.contains(x)).copied()).collect();
    let order = [free.as_slice(), &k.columns].concat();
    let views: Vec<Vec<f32>> = states
        .par_iter()
        .map(|state| view(a, &order, &state.given(graph)))
        .collect();
    let (each, columns, rows) = (atoms.size(&free), k.matrix.columns, k.matrix.rows);
    let failed = || vec![vec![f32::NAN; atoms.size(out)]; states.len()];
    let Ok(all) = Array2::from_shape_vec((each * states.len(), columns), views.concat()) else {
        return Ok(failed());
    };
    let part = |stretch: &Range<usize>| -> Result<Option<Array2<f32>>, CompileError> {
        let values = k.matrix.read(stretch.clone())?;
        let values = ArrayView2::from_shape((stretch.len(), columns), &values);
        Ok(values.ok().map(|values| all.dot(&values.t())))
    };
    let stretches = k.matrix.stretches();
    let parts: Result<Vec<_>, CompileError> = stretches.par_iter().map(part).collect();
    let mut result = Array2::<f32>::zeros((all.nrows(), rows));
    for (stretch, part) in stretches.into_iter().zip(parts?) {
        let Some(part) = part else {
            return Ok(failed());
        };
        result
            .slice_axis_mut(Axis(1), Slice::from(stretch))
            .assign(&part);
    }
    let order = [free.as_slice(), &k.rows].concat();
    let sample = |rows: ArrayView2<'_, f32>| {
        let values = rows
            .to_owned()
            .into_shape_with_order(IxDyn(&atoms.lens(&order)));
        values.map_or_else(
            |_| vec![f32::NAN; atoms.size(out)],
            |values| {
                let values = Constant {
                    atoms: order.clone(),
                    values: values.into_shared(),
                };
                spread(&values, out, atoms)
            },
        )
    };
    Ok(result
        .axis_chunks_iter(Axis(0), each.max(1))
        .map(sample)
        .collect())
}

fn contraction(
    product: &Product,
    out: &[Atom],
    weights: Option<&[f32]>,
    given: &Given<'_>,
) -> Option<Vec<f32>> {
    let atoms = &given.graph.atoms;
    let axes = ProductAxes::of(product, out);
    let a = view(&product.a, &axes.a_order(), given);
    let computed = match &product.k {
        Factor::Constant(c) if weights.is_none() => spread(c, &axes.k_order(), atoms),
        Factor::Constant(_) | Factor::Stored(_) => Vec::new(),
        Factor::Reads(reads) => view(reads, &axes.k_order(), given),
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
fn view(reads: &[Read], order: &[Atom], given: &Given<'_>) -> Vec<f32> {
    let atoms = &given.graph.atoms;
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
        let Some(source) = given.values.get(read.node) else {
            continue;
        };
        // Per source axis, the pairs (target offset, source offset) that its map joins; unread axes join every target.
        let mut pairs: Vec<Vec<(usize, usize)>> = Vec::new();
        let mut below = 1;
        for map in read.maps.iter().rev() {
            let own = match map.gather {
                Some(port) => {
                    let indices = given.indices.get(port).map_or(&[][..], Vec::as_slice);
                    gathered(map, indices, below, atoms, &stride_of)
                }
                None => joined(map, below, atoms, &stride_of),
            };
            pairs.insert(0, own);
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

/// The same of a map that gathers by indices.
fn gathered(
    map: &Map,
    indices: &[usize],
    below: usize,
    atoms: &Atoms,
    stride_of: &dyn Fn(&Atom) -> usize,
) -> Vec<(usize, usize)> {
    let mut targets = vec![0];
    for (atom, _) in &map.index {
        let (len, stride) = (atoms.len(*atom), stride_of(atom));
        let all = targets
            .iter()
            .flat_map(|t| (0..len).map(move |i| t + i * stride));
        targets = all.collect();
    }
    let inside = indices.iter().map(|k| k.saturating_mul(below));
    targets.into_iter().zip(inside).collect()
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
