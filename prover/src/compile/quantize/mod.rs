//! Real numbers to integers: scales, multipliers, tables, and the nodes of the descriptor (PROTOCOL.md §1, §2).
//!
//! A tensor is `Y·s_y`, a pre-activation `P·s_p`, so `Z = 2^(2B)·sum/s_p`. Weights absorb all of `s_a·2^(2B)/s_p` but a
//! small integer multiplier, so that only the weights themselves are rounded.

mod matrix;
mod parts;
mod table;

use std::collections::{HashMap, HashSet};

use pleat_verifier::descriptor::{
    Axis, AxisId, Descriptor, Function, Linear, Node, Operation, Port, Product, Read as Of, Term,
    View, WeightBlock,
};

use super::error::CompileError;
use super::expr::{Atom, Constant, Factor, Matrix};
use super::graph::{Activation, Graph, GraphNode, GraphPort, ProductAxes};
use crate::weights::Integers;
use matrix::{StoredMatrix, whole_matrices};
use parts::{fine_nodes, index_port};

/// Weights are signed integers of this many bits; more would not change a 12-bit quotient.
const WEIGHT_MAX: f64 = 32767.0;
/// Biases may be finer: they are few.
const BIAS_MAX: f64 = 16_777_216.0;
/// Multipliers and coefficients stay below this.
const INTEGER_MAX: f64 = 1_073_741_824.0;

/// Real value of one unit of a node's quotient and of its output. One unit of `Z` is `p/2^(2B)`. A root's output is the root
/// itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub p: f64,
    pub y: f64,
}

/// Nodes and weights, not yet laid out.
pub(super) struct Quantized {
    pub descriptor: Descriptor,
    pub weights: Vec<Integers>,
    pub scales: Vec<Scale>,
}

/// A sum's scale is rounded up to a multiple of its terms' common unit, up to this one.
const MOST_STEPS: f64 = 16.0;

/// What the calibration samples show.
pub(super) struct Calibration {
    /// Per node, smallest and largest pre-activation; of a quotient, the value.
    pub ranges: Vec<(f32, f32)>,
    /// Per node, smallest and largest value.
    pub values: Vec<(f32, f32)>,
    /// Per node, smallest and largest divisor of a quotient.
    pub divisors: Vec<(f32, f32)>,
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
        matrices: HashMap::new(),
        whole: whole_matrices(graph),
        constants: Vec::new(),
        shared: shared_functions(graph),
        fine: fine_nodes(graph),
    };
    let ranges = &calibration.ranges;
    let mut wishes = calibration.grids.iter().zip(&calibration.scales);
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    let divisors = &calibration.divisors;
    let seen = ranges.iter().zip(&calibration.values).zip(divisors);
    for (node, ((range, values), divisor)) in graph.nodes.iter().zip(seen) {
        nodes.push(if matches!(node.activation, Activation::Boolean) {
            quantizer.scales.push(Scale { p: 1.0, y: 1.0 });
            let out = node.out();
            let axes = Names(out.clone()).axes(&out, graph);
            Node::input(node.name.clone(), 0, axes, true)
        } else if matches!(node.activation, Activation::Assert) {
            quantizer.assertion(node)
        } else if matches!(node.activation, Activation::Input) {
            let (grid, scale) = wishes.next().map_or((None, None), |(g, s)| (*g, *s));
            quantizer.input(node, *range, grid, scale)
        } else {
            quantizer.node(node, (*range, *values), *divisor)?
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
        indices: graph.indices.iter().map(index_port).collect(),
        agreements: Vec::new(),
        functions: quantizer.functions,
        weights: quantizer.blocks,
        constants: quantizer.constants,
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
    weights: Vec<Integers>,
    /// Blocks by shape and digest of their values.
    known: HashMap<(Vec<usize>, [u8; 32]), usize>,
    /// Matrices that are stored already, by where they are in memory.
    matrices: HashMap<*const Matrix, StoredMatrix>,
    /// Matrices whose rows are looked up or compared, and so are not cut.
    whole: HashSet<*const Matrix>,
    constants: Vec<pleat_verifier::descriptor::Constant>,
    /// Nodes that are read beyond their `B` bits.
    fine: HashSet<usize>,
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

    /// `Σ = constant` of whole numbers, which reads no weights.
    fn assertion(&mut self, node: &GraphNode) -> Node {
        let shift = self.shift();
        self.scales.push(Scale { p: shift, y: 1.0 });
        let out = node.out();
        let names = Names(out.clone());
        let value = node.sum.constant.as_ref().and_then(|c| c.values.first());
        let block = self.constants.len();
        self.constants.push(pleat_verifier::descriptor::Constant {
            shape: Vec::new(),
            values: vec![small(value.map_or(0.0, |v| f64::from(v.round())))],
        });
        Node {
            name: node.name.clone(),
            blocks: vec![0],
            out: names.axes(&out, self.graph),
            products: Vec::new(),
            linear: self.linear(&node.sum.reads, shift, &names),
            bias: Some(Linear {
                multiplier: 1,
                view: View::whole(Of::Constant, block, &[]),
            }),
            operation: Operation::Assert,
        }
    }

    fn node(
        &mut self,
        node: &GraphNode,
        (range, values): ((f32, f32), (f32, f32)),
        divisor: (f32, f32),
    ) -> Result<Node, CompileError> {
        let out = node.out();
        let mut names = Names(out.clone());
        for product in &node.sum.products {
            for atom in ProductAxes::of(product, &out).contraction() {
                if !names.0.contains(&atom) {
                    names.0.push(atom);
                }
            }
        }
        let by = match &node.activation {
            Activation::Quotient(view) => Some(self.divisor(node, view, divisor, &names)?),
            _ => None,
        };
        let wanted = self.wanted_scale(node, range, by.as_ref());
        let shift = match &node.activation {
            Activation::Table(f) => self.one_sided(f, range),
            _ => 0,
        };
        let wanted = if shift == 0 { wanted } else { wanted / 2.0 };
        let (p, products) = self.products(node, &out, wanted, &names)?;
        let linear = self.linear(&node.sum.reads, p, &names);
        #[expect(clippy::cast_possible_truncation, reason = "constants are f32")]
        let moved = Constant::scalar((f64::from(shift) * p) as f32);
        let constant = match &node.sum.constant {
            Some(c) if shift != 0 => Some(c.plus(&moved)),
            None if shift != 0 => Some(moved),
            own => own.clone(),
        };
        // A node whose parts have all vanished is still a tensor: of zeros.
        let empty = products.is_empty() && linear.is_none() && node.sum.lookups.is_empty();
        let constant = match constant {
            None if empty => Some(Constant::scalar(0.0)),
            own => own,
        };
        let bias = self.bias(constant.as_ref(), &node.sum.lookups, &out, p, &names)?;
        let (operation, y) = match &node.activation {
            Activation::Root => (Operation::Root, (p / self.shift()).sqrt()),
            Activation::Quotient(_) => {
                let by = by.unwrap_or(Integral {
                    view: View::default(),
                    unit: 1.0,
                });
                let y = p / self.shift() / by.unit;
                (Operation::Quotient { divisor: by.view }, y)
            }
            Activation::Best(port) => (Operation::Best { port: *port }, 1.0),
            activation => {
                let (function, y) = self.activation(activation, (p, shift), values);
                (Operation::Map { function }, y)
            }
        };
        self.scales.push(Scale { p, y });
        Ok(Node {
            name: node.name.clone(),
            blocks: vec![0; operation.blocks()],
            out: names.axes(&out, self.graph),
            products,
            linear,
            bias,
            operation,
        })
    }

    /// The scale that an operation wants of its quotient, `2^(2B)` times that of `Z`.
    fn wanted_scale(&self, node: &GraphNode, range: (f32, f32), by: Option<&Integral>) -> f64 {
        let digits = f64::from(self.digit_bits);
        let most = 1.0 + self.headroom;
        let width = f64::from(range.1) - f64::from(range.0);
        match &node.activation {
            // `Z < 2^(6B-2)`.
            Activation::Root => {
                let largest = f64::from(range.1).max(0.0) * most * most * 1.02;
                positive(largest / (6.0 * digits - 2.0).exp2(), 1.0) * self.shift()
            }
            Activation::Quotient(_) => {
                let y = positive(self.wanted(range), 1.0 / self.top());
                y * by.map_or(1.0, |by| by.unit) * self.shift()
            }
            // No lead is `2^(3B)` or more.
            Activation::Best(_) => {
                positive(width * most * most / (3.0 * digits).exp2(), 1.0) * self.shift()
            }
            _ => self.wanted(range),
        }
    }

    /// All products, and the scale of the quotient, which products of activations may raise to make their multipliers exact.
    fn products(
        &mut self,
        node: &GraphNode,
        out: &[Atom],
        wanted: f64,
        names: &Names,
    ) -> Result<(f64, Vec<Product>), CompileError> {
        let sum = &node.sum;
        let precise = matches!(
            node.activation,
            Activation::Root | Activation::Quotient(_) | Activation::Best(_)
        );
        let guess = positive(wanted, 1.0 / self.top());
        let mut factors: Vec<(usize, Integral)> = Vec::new();
        for (i, product) in sum.products.iter().enumerate() {
            let most = self.most(product, guess);
            let mut a = self.integral(&product.a, most, precise, names);
            let coarse = match &product.k {
                Factor::Constant(k) => largest(k) * a.unit * self.shift() / guess < 1024.0,
                Factor::Stored(k) => {
                    k.matrix.largest() / WEIGHT_MAX * a.unit * self.shift() / guess < 1024.0
                }
                Factor::Reads(_) => false,
            };
            if precise && coarse {
                // Weights would have too few digits.
                a = self.integral(&product.a, most, false, names);
            }
            if !a.view.terms.is_empty() {
                factors.push((i, a));
            }
        }
        let mut p = self.quotient_scale(node, wanted, &factors);
        let dead = wanted == 0.0;
        let mut products = Vec::new();
        // Products of activations first: they choose the scale.
        let exact = |f: &(usize, Integral)| {
            let product = sum.products.get(f.0);
            matches!(product.map(|p| &p.k), Some(Factor::Constant(_)))
        };
        factors.sort_by_key(exact);
        let mut fixed = false;
        let digit_bits = self.digit_bits;
        let too_wide = || CompileError::ProductTooWide {
            node: node.name.clone(),
            digit_bits,
        };
        for (i, a) in factors {
            let Some(product) = sum.products.get(i) else {
                continue;
            };
            let contraction = names.axes(&ProductAxes::of(product, out).contraction(), self.graph);
            let (unit, a, k) = match &product.k {
                Factor::Constant(k) => {
                    let real = a.unit * self.shift() / p;
                    let multiplier = (largest(k) * real / WEIGHT_MAX).ceil().max(1.0);
                    // Only the axes along which the weights vary are stored.
                    let order: Vec<Atom> = (ProductAxes::of(product, out).k_order().into_iter())
                        .filter(|x| k.atoms.contains(x))
                        .collect();
                    let k = self.weight(k, &order, real / multiplier, names);
                    products.push(Product {
                        multiplier: integer(multiplier),
                        contraction,
                        a: a.view,
                        k,
                    });
                    continue;
                }
                Factor::Stored(k) => {
                    let stored = self.matrix(k)?;
                    let k = self.matrix_view(&stored, k, names);
                    (a.unit * stored.unit, a.view, k)
                }
                Factor::Reads(reads) => {
                    let most = self.most(product, p);
                    let same = reads == &product.a;
                    let (mut a, mut k) = if same {
                        let k = self.integral(reads, most, precise, names);
                        (self.integral(reads, most, precise, names), k)
                    } else {
                        (a, self.integral(reads, most, precise, names))
                    };
                    if precise && a.unit * k.unit * self.shift() < p {
                        a = self.integral(&product.a, most, false, names);
                        k = self.integral(reads, most, false, names);
                    }
                    (a.unit * k.unit, a.view, k.view)
                }
            };
            let unit = unit * self.shift();
            p = exact_scale(p, unit, dead, precise, fixed).ok_or_else(&too_wide)?;
            fixed = true;
            products.push(Product {
                multiplier: integer((unit / p).round().clamp(1.0, INTEGER_MAX)),
                contraction,
                a,
                k,
            });
        }
        Ok((p, products))
    }

    /// A divisor: an integer from 1 to `2^(2B-1)`, as fine as that allows.
    fn divisor(
        &mut self,
        node: &GraphNode,
        view: &super::expr::Sum,
        range: (f32, f32),
        names: &Names,
    ) -> Result<Integral, CompileError> {
        let (low, high) = (f64::from(range.0), f64::from(range.1));
        if low <= 0.0 || !low.is_finite() || !high.is_finite() {
            return Err(CompileError::Divisor {
                node: node.name.clone(),
                low,
            });
        }
        let top = f64::from(2 * self.digit_bits - 1).exp2() / (1.0 + self.headroom) - 2.0;
        // A sum of exponentials of numbers that are not positive is as large as it ever gets where all are 1.
        let high = match self.most_exponentials(view) {
            Some(most) => high.max(most / (1.0 + self.headroom)),
            None => high,
        };
        let roots = view.reads.iter().any(|r| self.is_root(r.node));
        let mut integral = self.integral(&view.reads, INTEGER_MAX.sqrt(), true, names);
        if roots {
            // All digits of the root, if they fit.
            let exact = self.integral_by(&view.reads, INTEGER_MAX.sqrt(), names, |r| {
                if self.is_root(r.node) {
                    Of::Exact
                } else {
                    Of::Value
                }
            });
            if high / exact.unit <= top {
                integral = exact;
            }
        }
        if high / integral.unit > top {
            integral = self.integral(&view.reads, INTEGER_MAX.sqrt(), false, names);
        }
        let finer = (top * integral.unit / high).log2().floor().exp2();
        if finer >= 1.0 {
            let largest = integral
                .view
                .terms
                .iter()
                .map(|t| t.coefficient.abs())
                .max();
            let room = INTEGER_MAX / float(largest.unwrap_or(1).max(1));
            let finer = finer.min(room.log2().floor().exp2()).max(1.0);
            integral.view = integral.view.times(integer(finer));
            integral.unit /= finer;
        } else {
            return Err(CompileError::Divisor {
                node: node.name.clone(),
                low: high,
            });
        }
        let mut constant = view.constant.clone();
        if roots {
            // The root of a small number has no digits to read but zeros.
            #[expect(clippy::cast_possible_truncation, reason = "constants are f32")]
            let one = Constant::scalar(integral.unit as f32);
            constant = Some(constant.map_or_else(|| one.clone(), |c| c.plus(&one)));
        }
        if let Some(constant) = constant {
            let order: Vec<Atom> = constant.atoms.clone();
            let values = constant.ordered(&order);
            let values = values.iter();
            let values = values.map(|v| small((f64::from(*v) / integral.unit).round()));
            let block = self.constants.len();
            self.constants.push(pleat_verifier::descriptor::Constant {
                shape: self.graph.atoms.lens(&order),
                values: values.collect(),
            });
            let term = Term::whole(Of::Constant, block, &names.axes(&order, self.graph));
            integral.view.terms.push(term);
        }
        Ok(integral)
    }

    /// The number of exponentials that a view adds up, if it adds up nothing else.
    fn most_exponentials(&self, view: &super::expr::Sum) -> Option<f64> {
        let count = |read: &super::expr::Read| {
            let node = self.graph.nodes.get(read.node)?;
            let visits: usize = (read.maps.iter())
                .flat_map(|m| &m.inner)
                .map(|(len, _)| *len)
                .product();
            let scale = self.scales.get(read.node)?;
            // Softmax's: what it subtracts is the largest.
            let own = node.exponentiates() && read.coefficient > 0.0 && scale.y * self.top() < 4.0;
            let visits = u32::try_from(visits).ok()?;
            own.then(|| read.coefficient * f64::from(visits))
        };
        if view.constant.is_some() || view.reads.is_empty() {
            return None;
        }
        view.reads.iter().map(count).sum()
    }

    /// The scale of the quotient: the wanted one, raised where a multiplier would not fit.
    fn quotient_scale(&self, node: &GraphNode, wanted: f64, factors: &[(usize, Integral)]) -> f64 {
        let shift = self.shift();
        let mut floor = 0.0_f64;
        for (i, a) in factors {
            if let Some(Factor::Constant(k)) = node.sum.products.get(*i).map(|p| &p.k) {
                floor = floor.max(largest(k) * a.unit * shift / (WEIGHT_MAX * INTEGER_MAX));
            }
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
        let requantized = matches!(
            node.activation,
            Activation::Identity | Activation::Relu | Activation::Table(_)
        );
        if node.sum.products.is_empty() && node.sum.lookups.is_empty() && requantized {
            // A sum of multiples of one unit loses nothing in this unit, and further sums with its terms stay exact in
            // a small multiple of it.
            let reads = &node.sum.reads;
            let unit = self
                .common_unit(reads, INTEGER_MAX, &|_| Of::Value)
                .unwrap_or(0.0);
            let steps = (p / unit - 1e-9).ceil();
            if steps <= MOST_STEPS {
                return unit * steps.max(1.0);
            }
        }
        p
    }
}

/// The scale of a quotient, the wanted one if it is `fixed`, of which the unit of a product is a multiple; `None` if it is too small.
fn exact_scale(p: f64, unit: f64, dead: bool, precise: bool, fixed: bool) -> Option<f64> {
    // A product that was never anything but zero takes whatever scale it gets.
    let p = if dead { p.min(unit) } else { p };
    let steps = unit / p;
    let multiplier = if fixed { steps.round() } else { steps.floor() }.min(INTEGER_MAX);
    if multiplier < 1.0 {
        (precise && !fixed).then_some(unit)
    } else if fixed {
        Some(p)
    } else {
        Some(unit / multiplier)
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

#[expect(clippy::cast_precision_loss, reason = "coefficients are small")]
fn float(value: i64) -> f64 {
    value as f64
}
