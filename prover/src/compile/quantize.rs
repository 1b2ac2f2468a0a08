//! Real numbers to integers: scales, multipliers, tables, and the nodes of the descriptor (PROTOCOL.md §1, §2).
//!
//! A tensor is `Y·s_y`, a pre-activation `P·s_p`, so `Z = 2^(2B)·sum/s_p`. Weights absorb all of `s_a·2^(2B)/s_p` but a
//! small integer multiplier, so that only the weights themselves are rounded.

use std::collections::{HashMap, HashSet};

use pleat_verifier::descriptor::{
    Axis, AxisId, AxisMap, Descriptor, Function, Inner, Linear, Node, Operation, Port, Product,
    Read as Of, Stride, Term, View, WeightBlock,
};

use super::error::CompileError;
use super::expr::{Atom, Constant, Factor, Map, Read};
use super::graph::{Activation, Graph, GraphNode, GraphPort, ProductAxes};
use super::unary::Unary;

/// Weights are signed integers of this many bits; more would not change a 12-bit quotient.
const WEIGHT_MAX: f64 = 32767.0;
/// Biases may be finer: they are few.
const BIAS_MAX: f64 = 16_777_216.0;
/// Multipliers and coefficients stay below this.
const INTEGER_MAX: f64 = 1_073_741_824.0;

/// Real value of one unit of a node's quotient and of its output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub p: f64,
    pub y: f64,
}

/// Nodes and weights, not yet laid out.
pub(super) struct Quantized {
    pub descriptor: Descriptor,
    pub weights: Vec<Vec<i32>>,
    pub scales: Vec<Scale>,
}

/// A sum's scale is rounded up to a multiple of its terms' common unit, up to this one.
const MOST_STEPS: f64 = 16.0;

/// What the calibration samples show.
pub(super) struct Calibration {
    /// Per node, smallest and largest pre-activation.
    pub ranges: Vec<(f32, f32)>,
    /// Per input, a step that all its values are multiples of, if there is one.
    pub grids: Vec<Option<f64>>,
    /// Per input, the scale that the user wants, if any.
    pub scales: Vec<Option<f64>>,
}

/// Quantizes a network.
///
/// # Errors
/// If a product of activations spreads too wide.
pub(super) fn quantize(
    graph: &Graph,
    calibration: &Calibration,
    digit_bits: u32,
    headroom: f64,
) -> Result<Quantized, CompileError> {
    let mut quantizer = Quantizer {
        graph,
        digit_bits,
        headroom,
        scales: Vec::new(),
        functions: Vec::new(),
        blocks: Vec::new(),
        weights: Vec::new(),
        known: HashMap::new(),
        shared: shared_functions(graph),
    };
    let ranges = &calibration.ranges;
    let mut wishes = calibration.grids.iter().zip(&calibration.scales);
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for (node, range) in graph.nodes.iter().zip(ranges) {
        nodes.push(if matches!(node.activation, Activation::Input) {
            let (grid, scale) = wishes.next().map_or((None, None), |(g, s)| (*g, *s));
            quantizer.input(node, *range, grid, scale)
        } else {
            quantizer.node(node, *range)?
        });
    }
    let port = |p: &GraphPort| Port {
        name: p.name.clone(),
        node: p.node,
        shape: p.shape.clone(),
        scale: quantizer.scales.get(p.node).map_or(1.0, |s| s.y),
    };
    let descriptor = Descriptor {
        digit_bits,
        row_bits: 0,
        inputs: graph.inputs.iter().map(port).collect(),
        outputs: graph.outputs.iter().map(port).collect(),
        indices: Vec::new(),
        agreements: Vec::new(),
        functions: quantizer.functions,
        weights: quantizer.blocks,
        constants: Vec::new(),
        nodes,
    };
    Ok(Quantized {
        descriptor,
        weights: quantizer.weights,
        scales: quantizer.scales,
    })
}

struct Quantizer<'a> {
    graph: &'a Graph,
    digit_bits: u32,
    headroom: f64,
    scales: Vec<Scale>,
    functions: Vec<Function>,
    blocks: Vec<WeightBlock>,
    weights: Vec<Vec<i32>>,
    known: HashMap<(Vec<usize>, Vec<i32>), usize>,
    /// Names of the functions that several nodes apply.
    shared: HashSet<String>,
}

fn shared_functions(graph: &Graph) -> HashSet<String> {
    let mut seen = HashSet::new();
    let names = graph.nodes.iter().filter_map(|n| match &n.activation {
        Activation::Table(f) => Some(f.describe()),
        _ => None,
    });
    names.filter(|name| !seen.insert(name.clone())).collect()
}

/// The index axes of one node under their descriptor names.
struct Names(Vec<Atom>);

impl Names {
    fn id(&self, atom: Atom) -> AxisId {
        let at = self.0.iter().position(|a| *a == atom).unwrap_or(usize::MAX);
        AxisId(u16::try_from(at).unwrap_or(u16::MAX))
    }

    fn axes(&self, atoms: &[Atom], graph: &Graph) -> Vec<Axis> {
        let axis = |a: &Atom| Axis {
            id: self.id(*a),
            len: graph.atoms.len(*a),
        };
        atoms.iter().map(axis).collect()
    }
}

/// A view with integer coefficients: its real value is `unit` times its integer value.
struct Integral {
    view: View,
    unit: f64,
}

impl Quantizer<'_> {
    /// Largest quotient.
    fn top(&self) -> f64 {
        f64::from((1_i32 << (self.digit_bits - 1)) - 1).max(1.0)
    }

    /// `2^(2B)`.
    fn shift(&self) -> f64 {
        f64::from(2 * self.digit_bits).exp2()
    }

    /// The finest scale at which a range and its headroom fit quotients.
    fn wanted(&self, range: (f32, f32)) -> f64 {
        let largest = f64::from(range.0).abs().max(f64::from(range.1).abs());
        let wanted = largest * (1.0 + self.headroom) / self.top();
        positive(wanted, 0.0)
    }

    /// An input; values on a grid are represented exactly, unless another scale is demanded.
    fn input(
        &mut self,
        node: &GraphNode,
        range: (f32, f32),
        grid: Option<f64>,
        scale: Option<f64>,
    ) -> Node {
        let wanted = positive(self.wanted(range), 1.0 / self.top());
        let p = match grid.map(|g| g / (g / wanted).floor()) {
            Some(p) if p.is_finite() => p,
            _ => wanted,
        };
        let p = scale.unwrap_or(p);
        self.scales.push(Scale { p, y: p });
        let out = node.out();
        let axes = Names(out.clone()).axes(&out, self.graph);
        self.function(Function::Identity);
        Node::input(node.name.clone(), 0, axes, false)
    }

    fn node(&mut self, node: &GraphNode, range: (f32, f32)) -> Result<Node, CompileError> {
        let out = node.out();
        let wanted = self.wanted(range);
        let axes = node.sum.product.as_ref().map(|p| ProductAxes::of(p, &out));
        let contraction = axes.as_ref().map(ProductAxes::contraction);
        let mut names = Names(out.clone());
        for atom in contraction.iter().flatten() {
            if !names.0.contains(atom) {
                names.0.push(*atom);
            }
        }
        let a = node.sum.product.as_ref().map(|p| {
            let most = self.most(p, positive(wanted, 1.0 / self.top()));
            self.integral(&p.a, most, &names)
        });
        let a = a.filter(|a| !a.view.terms.is_empty());
        let p = self.quotient_scale(node, wanted, a.as_ref());
        let (p, product) = match (&node.sum.product, &axes, a) {
            (Some(product), Some(axes), Some(a)) => {
                let dead = wanted == 0.0;
                let (p, product) = self.product(node, product, axes, a, (p, dead), &names)?;
                (p, Some(product))
            }
            _ => (p, None),
        };
        let linear = self.linear(&node.sum.reads, p, &names);
        let bias = node
            .sum
            .constant
            .as_ref()
            .map(|c| self.bias(c, &out, p, &names));
        // A node whose parts have all vanished is still a tensor: of zeros.
        let empty = product.is_none() && linear.is_none() && bias.is_none();
        let bias = if empty {
            Some(self.bias(&Constant::scalar(0.0), &out, p, &names))
        } else {
            bias
        };
        let (function, y) = self.activation(&node.activation, p, range);
        self.scales.push(Scale { p, y });
        Ok(Node {
            name: node.name.clone(),
            blocks: vec![0],
            out: names.axes(&out, self.graph),
            products: product.into_iter().collect(),
            linear,
            bias,
            operation: Operation::Map { function },
        })
    }

    /// The scale of the quotient: the wanted one, raised where a multiplier would not fit.
    fn quotient_scale(&self, node: &GraphNode, wanted: f64, a: Option<&Integral>) -> f64 {
        let shift = self.shift();
        let mut floor = 0.0_f64;
        if let (Some(a), Some(product)) = (a, &node.sum.product)
            && let Factor::Constant(k) = &product.k
        {
            floor = floor.max(largest(k) * a.unit * shift / (WEIGHT_MAX * INTEGER_MAX));
        }
        if let Some(c) = &node.sum.constant {
            floor = floor.max(largest(c) * shift / (BIAS_MAX * INTEGER_MAX));
        }
        for read in &node.sum.reads {
            let unit = read.coefficient.abs() * self.y(read.node);
            floor = floor.max(unit * shift / (INTEGER_MAX * INTEGER_MAX));
        }
        let p = positive(wanted.max(floor), 1.0 / self.top());
        if let Activation::Table(f) = &node.activation
            && self.shared.contains(&f.describe())
        {
            // Scales on a coarse grid, so that equal functions of similar ranges share a table.
            return ((2.0 * p.log2()).ceil() / 2.0).exp2();
        }
        if node.sum.product.is_none() {
            // A sum of multiples of one unit loses nothing in this unit, and further sums with its terms stay exact in
            // a small multiple of it.
            let reads = &node.sum.reads;
            let unit = self.common_unit(reads, INTEGER_MAX).unwrap_or(0.0);
            let steps = (p / unit - 1e-9).ceil();
            if steps <= MOST_STEPS {
                return unit * steps.max(1.0);
            }
        }
        p
    }

    /// How far the coefficients of a product's views may reach: they share `2^(2B)` with the other factor's precision.
    fn most(&self, product: &super::expr::Product, p: f64) -> f64 {
        let size = |reads: &[Read]| {
            let sizes = reads.iter().map(|r| r.coefficient.abs() * self.y(r.node));
            sizes.fold(0.0, f64::max)
        };
        let (other, share) = match &product.k {
            Factor::Constant(k) => (largest(k), 0.5),
            Factor::Reads(reads) => (size(reads), 0.25),
        };
        let steps = size(&product.a) * other * self.shift() / p;
        steps.powf(share).clamp(16.0, 65_536.0)
    }

    /// The smallest term's unit, if all terms are multiples of it by at most `most`.
    fn common_unit(&self, reads: &[Read], most: f64) -> Option<f64> {
        let real = |r: &Read| (r.coefficient * self.y(r.node)).abs();
        let sizes = || reads.iter().map(real).filter(|v| *v > 0.0);
        let smallest = sizes().fold(f64::INFINITY, f64::min);
        let multiple = |v: f64| {
            let n = v / smallest;
            (n - n.round()).abs() < 1e-9 * n && n <= most
        };
        (smallest.is_finite() && sizes().all(multiple)).then_some(smallest)
    }

    fn y(&self, node: usize) -> f64 {
        self.scales.get(node).map_or(1.0, |s| s.y)
    }

    /// `Σ A·K`, and the scale of the quotient, which a product of activations may raise to make its multiplier exact.
    fn product(
        &mut self,
        node: &GraphNode,
        product: &super::expr::Product,
        axes: &ProductAxes,
        a: Integral,
        (p, dead): (f64, bool),
        names: &Names,
    ) -> Result<(f64, Product), CompileError> {
        match &product.k {
            Factor::Constant(k) => {
                let real = a.unit * self.shift() / p;
                let multiplier = (largest(k) * real / WEIGHT_MAX).ceil().max(1.0);
                // Only the axes along which the weights vary are stored.
                let order: Vec<Atom> = axes
                    .k_order()
                    .into_iter()
                    .filter(|x| k.atoms.contains(x))
                    .collect();
                let k = self.weight(k, &order, real / multiplier, names);
                let product = Product {
                    multiplier: integer(multiplier),
                    contraction: names.axes(&axes.contraction(), self.graph),
                    a: a.view,
                    k,
                };
                Ok((p, product))
            }
            Factor::Reads(reads) => {
                let most = self.most(product, p);
                let k = self.integral(reads, most, names);
                let unit = a.unit * k.unit * self.shift();
                // A product that was never anything but zero takes whatever scale it gets.
                let p = if dead { p.min(unit) } else { p };
                let multiplier = (unit / p).floor().min(INTEGER_MAX);
                if multiplier < 1.0 {
                    return Err(CompileError::ProductTooWide {
                        node: node.name.clone(),
                        digit_bits: self.digit_bits,
                    });
                }
                let product = Product {
                    multiplier: integer(multiplier),
                    contraction: names.axes(&axes.contraction(), self.graph),
                    a: a.view,
                    k: k.view,
                };
                Ok((unit / multiplier, product))
            }
        }
    }

    /// `C`: integer coefficients of their own for every term.
    fn linear(&self, reads: &[Read], p: f64, names: &Names) -> Option<Linear> {
        let real = |r: &Read| r.coefficient * self.y(r.node) * self.shift() / p;
        let largest = reads.iter().map(|r| real(r).abs()).fold(0.0, f64::max);
        let multiplier = (largest / INTEGER_MAX).log2().ceil().max(0.0).exp2();
        let terms = self.terms(reads, names, |r| integer((real(r) / multiplier).round()));
        (!terms.is_empty()).then(|| Linear {
            multiplier: integer(multiplier),
            view: View { terms },
        })
    }

    /// `D`.
    fn bias(&mut self, constant: &Constant, out: &[Atom], p: f64, names: &Names) -> Linear {
        let real = self.shift() / p;
        let multiplier = (largest(constant) * real / BIAS_MAX).ceil().max(1.0);
        let order: Vec<Atom> = out
            .iter()
            .filter(|x| constant.atoms.contains(x))
            .copied()
            .collect();
        let view = self.weight(constant, &order, real / multiplier, names);
        Linear {
            multiplier: integer(multiplier),
            view,
        }
    }

    /// Stores `round(constant·factor)` as a weight block with axes `order`, unless it is already there.
    fn weight(&mut self, constant: &Constant, order: &[Atom], factor: f64, names: &Names) -> View {
        let values: Vec<i32> = constant
            .ordered(order)
            .iter()
            .map(|v| small((f64::from(*v) * factor).round()))
            .collect();
        let shape = self.graph.atoms.lens(order);
        let count = self.blocks.len();
        let block = *self
            .known
            .entry((shape.clone(), values.clone()))
            .or_insert(count);
        if block == count {
            self.blocks.push(WeightBlock { address: 0, shape });
            self.weights.push(values);
        }
        View::whole(Of::Weight, block, &names.axes(order, self.graph))
    }

    /// A view of activations in a common unit, with coefficients up to `most`.
    fn integral(&self, reads: &[Read], most: f64, names: &Names) -> Integral {
        let real = |r: &Read| r.coefficient * self.y(r.node);
        let largest = reads.iter().map(|r| real(r).abs()).fold(0.0, f64::max);
        let unit = self
            .common_unit(reads, most)
            .unwrap_or_else(|| positive(largest / most, 1.0));
        let terms = self.terms(reads, names, |r| integer((real(r) / unit).round()));
        Integral {
            view: View { terms },
            unit,
        }
    }

    fn terms(
        &self,
        reads: &[Read],
        names: &Names,
        coefficient: impl Fn(&Read) -> i64,
    ) -> Vec<Term> {
        let term = |read: &Read| Term {
            coefficient: coefficient(read),
            read: Of::Value,
            block: read.node,
            maps: read.maps.iter().map(|m| map(m, names)).collect(),
        };
        reads
            .iter()
            .map(term)
            .filter(|t| t.coefficient != 0)
            .collect()
    }

    /// Index of a function in the list.
    fn function(&mut self, function: Function) -> usize {
        let same = |f: &Function| match (f, &function) {
            (Function::Table { values: a, .. }, Function::Table { values: b, .. }) => a == b,
            _ => *f == function,
        };
        if let Some(at) = self.functions.iter().position(same) {
            return at;
        }
        self.functions.push(function);
        self.functions.len() - 1
    }

    /// The function of a node and the scale of its values.
    fn activation(&mut self, activation: &Activation, p: f64, range: (f32, f32)) -> (usize, f64) {
        match activation {
            Activation::Input | Activation::Identity => (self.function(Function::Identity), p),
            Activation::Relu => (self.function(Function::Relu), p),
            Activation::Table(f) => {
                let (values, y) = self.table(f, p, range);
                let name = f.describe();
                (self.function(Function::Table { name, values }), y)
            }
        }
    }

    /// `round(f(P·s_p)/s_y)` for every `P`, ties away from zero.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "tables are computed in f32"
    )]
    fn table(&self, f: &std::sync::Arc<Unary>, p: f64, range: (f32, f32)) -> (Vec<i32>, f64) {
        let half = 1_i32 << (self.digit_bits - 1);
        let points: Vec<f32> = (-half..half).map(|q| (f64::from(q) * p) as f32).collect();
        // Evaluated before, on the samples: it cannot fail here.
        let values = f
            .evaluate(&points)
            .unwrap_or_else(|_| vec![0.0; points.len()]);
        let margin = self.headroom * f64::from(range.0.abs().max(range.1.abs()));
        let (low, high) = (f64::from(range.0) - margin, f64::from(range.1) + margin);
        let size = |seen_only: bool| {
            let counts = |x: &f32| !seen_only || (low..=high).contains(&f64::from(*x));
            points
                .iter()
                .zip(&values)
                .filter(|(x, v)| counts(x) && v.is_finite())
                .fold(0.0_f64, |m, (_, v)| m.max(f64::from(v.abs())))
        };
        // Where a function grows fast beyond what was seen, precision goes to what was seen.
        let (all, seen) = (size(false), size(true));
        let largest = if all <= 2.0 * seen { all } else { seen };
        let y = positive(largest / self.top(), 1.0 / self.top());
        let quantized = |v: &f32| {
            let v = if v.is_nan() { 0.0 } else { f64::from(*v) };
            small((v / y).round().clamp(-self.top() - 1.0, self.top()))
        };
        (values.iter().map(quantized).collect(), y)
    }
}

fn map(map: &Map, names: &Names) -> AxisMap {
    if let (2.., [(atom, _)]) = (map.repeat, map.index.as_slice()) {
        return AxisMap::Repeat {
            source: map.source,
            axis: names.id(*atom),
            factor: map.repeat,
        };
    }
    let stride = |(atom, stride): &(Atom, i64)| Stride {
        axis: names.id(*atom),
        stride: *stride,
    };
    let inner = |(len, stride): &(usize, i64)| Inner {
        len: *len,
        stride: *stride,
    };
    AxisMap::Affine {
        source: map.source,
        offset: map.offset,
        index: map.index.iter().map(stride).collect(),
        inner: map.inner.iter().map(inner).collect(),
    }
}

fn largest(constant: &Constant) -> f64 {
    let abs = constant.values.iter().map(|v| f64::from(v.abs()));
    abs.fold(0.0, f64::max)
}

/// `value` if it can be a scale, else `otherwise`.
fn positive(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() && value > f64::MIN_POSITIVE {
        value
    } else {
        otherwise
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "integers below 2^31, by the choice of scales"
)]
fn integer(value: f64) -> i64 {
    value as i64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "integers below 2^31, by the choice of scales"
)]
fn small(value: f64) -> i32 {
    value as i32
}
