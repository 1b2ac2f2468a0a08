//! The integer executor (PROTOCOL.md §1, §2): runs a network on integers and writes its trace.
//!
//! For every real row, `Z + 2^(2B-1) = 2^(2B)·P + 2^B·R1 + R0` and `Y = g(P)`, with `Z` the node's pre-activation.
//! Exact: a bound on every sum is known beforehand and picks 64- or 128-bit arithmetic. The lookup columns, which
//! need challenges, are not made here.

pub(crate) mod error;
mod gather;
pub(crate) mod layout;
mod operation;
mod product;
mod rows;
mod sources;

use pleat_verifier::descriptor::{
    AxisMap, Function, IndexRole, Indices, Node, Operation, Read, Relation, Term, View,
};
use pleat_verifier::network::Network;
use rayon::prelude::*;

pub use crate::weights::weight_column;
use crate::weights::{Part, Weights};
pub use error::ExecuteError;
use gather::bound;
pub use layout::{Cells, runs};
use rows::{NodePlan, Width};
use sources::{Derived, Place, Reading, Sources};

/// A run: its columns, each of length `2^ν`, zero on rows that are not real, and its public indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What the rest of the network reads.
    pub y: Vec<i32>,
    /// Quotients.
    pub p: Vec<i32>,
    /// High remainder digits.
    pub r1: Vec<u16>,
    /// Low remainder digits.
    pub r0: Vec<u16>,
    /// Public indices: those given, and the answers.
    pub indices: Indices,
}

/// A network and its weights, prepared for running any number of inputs.
pub struct Executor<'a> {
    network: &'a Network,
    weights: &'a Weights,
    nodes: Vec<Prepared>,
    reading: Reading,
    /// `g(p)` at `p + 2^(B-1)`, per function.
    tables: Vec<Vec<i32>>,
}

impl<'a> Executor<'a> {
    /// Prepares `network` with the column `W` of [`weight_column`].
    ///
    /// # Errors
    /// A column of another length, or a node whose sums may exceed 128 bits.
    pub fn new(network: &'a Network, weights: &'a Weights) -> Result<Self, ExecuteError> {
        let expected = 1 << network.nu_w();
        if weights.len() != expected {
            return Err(ExecuteError::Length {
                what: "the weight column".to_owned(),
                got: weights.len(),
                expected,
            });
        }
        let digit_bits = network.digit_bits();
        let functions = network.functions();
        let half = 1_i64 << (digit_bits - 1);
        let tables: Vec<Vec<i32>> = functions
            .iter()
            .map(|f| {
                let value = |p| f.apply(p, digit_bits).unwrap_or(0) as i32;
                (-half..half).map(value).collect()
            })
            .collect();
        let largest = |values: &[i32]| {
            values
                .par_iter()
                .with_min_len(1 << 16)
                .map(|v| v.unsigned_abs())
                .max()
        };
        let bounds = Bounds {
            digit_bits,
            nodes: (network.nodes().iter())
                .map(|n| match n.operation {
                    Operation::Map { function } => largest(&tables[function]).unwrap_or(0),
                    _ => half as u32,
                })
                .collect(),
            weights: (network.descriptor().weights.iter())
                .map(|b| {
                    let size: usize = b.shape.iter().map(|n| n.next_power_of_two()).product();
                    match weights.part(b.address..b.address + size) {
                        Part::Narrow(v) => {
                            let sizes = v.par_iter().with_min_len(1 << 16);
                            sizes
                                .map(|v| u32::from(v.unsigned_abs()))
                                .max()
                                .unwrap_or(0)
                        }
                        Part::Wide(v) => largest(v).unwrap_or(0),
                    }
                })
                .collect(),
        };
        let nodes = network.nodes().iter().map(|node| {
            let width = bounds.width(network, node)?;
            if gathers(node) {
                return Ok(Prepared::Gathers(width));
            }
            let indices = &Indices::default();
            let place = Place { network, indices };
            Ok(Prepared::Plan(Box::new(NodePlan::new(&place, node, width))))
        });
        Ok(Self {
            network,
            weights,
            nodes: nodes.collect::<Result<_, _>>()?,
            reading: Reading::new(network),
            tables,
        })
    }

    /// Runs the network; `inputs` holds one tensor per declared input, in order, each row-major over its true shape.
    ///
    /// # Errors
    /// Inputs of another number or length, or a value that does not fit signed `B` bits: an input value, or a node's
    /// quotient (the first such row of the first such node).
    pub fn run(&self, inputs: &[Vec<i32>]) -> Result<Trace, ExecuteError> {
        self.run_on(inputs, &[])
    }

    /// Runs a network that is given indices: one tensor per index port that is given, in order, row-major.
    ///
    /// # Errors
    /// Those of [`Self::run`]; indices of another number or length, or out of range.
    pub fn run_on(&self, inputs: &[Vec<i32>], given: &[Vec<u32>]) -> Result<Trace, ExecuteError> {
        let network = self.network;
        let ports = &network.descriptor().inputs;
        if inputs.len() != ports.len() {
            return Err(ExecuteError::Count {
                what: "inputs",
                got: inputs.len(),
                expected: ports.len(),
            });
        }
        let len = 1 << network.nu();
        let mut trace = Trace {
            y: vec![0; len],
            p: vec![0; len],
            r1: vec![0; len],
            r0: vec![0; len],
            indices: self.given(given)?,
        };
        for (port, values) in ports.iter().zip(inputs) {
            if let Some(relation) = network.relation(port.node) {
                self.load(relation, &port.name, values, &mut trace)?;
            }
        }
        self.rerun(0, &mut trace)?;
        Ok(trace)
    }

    /// The index ports' values, answers not yet known.
    fn given(&self, given: &[Vec<u32>]) -> Result<Indices, ExecuteError> {
        let ports = &self.network.descriptor().indices;
        let wanted = || (0..).zip(ports).filter(|(_, p)| p.role == IndexRole::Given);
        if given.len() != wanted().count() {
            return Err(ExecuteError::Count {
                what: "index inputs",
                got: given.len(),
                expected: wanted().count(),
            });
        }
        let mut indices = Indices::new(ports, Vec::new());
        for ((number, port), values) in wanted().zip(given) {
            let name = || format!("index input {}", port.name);
            same_length(name, values.len(), port.elements())?;
            let mut each = values.iter().enumerate();
            if let Some((flat, value)) = each.find(|(_, k)| **k as usize >= port.len) {
                return Err(ExecuteError::IndexRange {
                    name: port.name.clone(),
                    index: pleat_verifier::quantize::unflatten(&port.shape, flat),
                    value: *value,
                    len: port.len,
                });
            }
            indices.set(number, values.clone());
        }
        Ok(indices)
    }

    /// Runs the nodes from number `first` on again, inputs excepted, on what the trace holds of the nodes before them. Rows that
    /// are not real keep their `P`, `R1` and `R0`.
    ///
    /// # Errors
    /// Columns of another length, or a quotient that does not fit signed `B` bits.
    pub fn rerun(&self, first: usize, trace: &mut Trace) -> Result<(), ExecuteError> {
        let network = self.network;
        let expected = 1 << network.nu();
        for got in [trace.y.len(), trace.p.len(), trace.r1.len(), trace.r0.len()] {
            same_length(|| "a trace column".to_owned(), got, expected)?;
        }
        let inputs = &network.descriptor().inputs;
        let mut derived = self.reading.derived(network);
        let nodes = network.nodes().iter().zip(&self.nodes).enumerate();
        for (index, (node, plan)) in nodes {
            let input = inputs.iter().any(|port| port.node == index);
            if index >= first && !input {
                let place = Place {
                    network,
                    indices: &trace.indices,
                };
                let own;
                let plan = match plan {
                    Prepared::Plan(plan) => plan,
                    Prepared::Gathers(width) => {
                        own = NodePlan::new(&place, node, *width);
                        &own
                    }
                };
                self.run_node(node, plan, &derived, trace)?;
            }
            let own = network.first_relation(index).unwrap_or(usize::MAX);
            for relation in own..own + node.blocks.len() {
                self.reading.fill(network, relation, trace, &mut derived);
            }
        }
        Ok(())
    }

    fn run_node(
        &self,
        node: &Node,
        plan: &NodePlan,
        derived: &Derived,
        trace: &mut Trace,
    ) -> Result<(), ExecuteError> {
        let run = rows::Run {
            node,
            digit_bits: self.network.digit_bits(),
            table: match node.operation {
                Operation::Map { function } => &self.tables[function],
                _ => &[],
            },
            sources: Sources {
                y: &trace.y,
                r1: &trace.r1,
                derived,
                reading: &self.reading,
                weights: self.weights,
            },
        };
        let output = plan.run(&run)?;
        for (address, block) in node.blocks.iter().zip(output.blocks) {
            block.store(*address, &node.shape(), trace);
        }
        if let Operation::Best { port } = node.operation {
            trace.indices.set(port, output.answer);
        }
        Ok(())
    }

    /// Writes an input block, whose rows have `Z = 2^(2B)·Y`.
    fn load(
        &self,
        relation: &Relation,
        name: &str,
        values: &[i32],
        trace: &mut Trace,
    ) -> Result<(), ExecuteError> {
        let shape = relation.shape();
        let cells = Cells::new(relation.address, &shape);
        same_length(|| format!("input {name}"), values.len(), cells.len())?;
        let half = 1_i32 << (self.network.digit_bits() - 1);
        let range = match self.network.function(relation).0 {
            Some(Function::Boolean) => 0..=1,
            _ => -half..=half - 1,
        };
        for (flat, (cell, value)) in cells.zip(values).enumerate() {
            if !range.contains(value) {
                let mut index = vec![0; shape.len()];
                gather::unflatten(&relation.out, flat, &mut index);
                return Err(ExecuteError::InputRange {
                    name: name.to_owned(),
                    index,
                    value: *value,
                    low: *range.start(),
                    high: *range.end(),
                });
            }
            trace.y[cell] = *value;
            trace.p[cell] = *value;
            trace.r1[cell] = half as u16;
        }
        Ok(())
    }
}

/// A node prepared for running; one that gathers by indices is prepared when these are known.
enum Prepared {
    Plan(Box<NodePlan>),
    Gathers(Width),
}

/// Whether a node gathers by an index port.
fn gathers(node: &Node) -> bool {
    let products = node.products.iter().flat_map(|p| [&p.a, &p.k]);
    let linear = node.linear.iter().chain(&node.bias).map(|l| &l.view);
    let mut terms = (products.chain(linear).chain(node.operation.views())).flat_map(|v| &v.terms);
    terms.any(|t| t.maps.iter().any(|m| matches!(m, AxisMap::Gather { .. })))
}

/// Runs `network` once; see [`Executor`].
///
/// # Errors
/// Those of [`Executor::new`] and [`Executor::run`].
pub fn execute(
    network: &Network,
    weights: &Weights,
    inputs: &[Vec<i32>],
) -> Result<Trace, ExecuteError> {
    Executor::new(network, weights)?.run(inputs)
}

/// Column positions of a node's real rows, row-major; no positions if there is no such node.
pub fn block_cells(network: &Network, node: usize) -> Cells {
    match network.nodes().get(node) {
        Some(node) => Cells::new(node.address(), &node.shape()),
        None => Cells::new(0, &[0]),
    }
}

/// The values of a node's block in a trace column, row-major over its true shape.
pub fn block_values(network: &Network, node: usize, column: &[i32]) -> Vec<i32> {
    block_cells(network, node)
        .map(|cell| column[cell])
        .collect()
}

fn same_length(what: impl Fn() -> String, got: usize, expected: usize) -> Result<(), ExecuteError> {
    if got == expected {
        Ok(())
    } else {
        Err(ExecuteError::Length {
            what: what(),
            got,
            expected,
        })
    }
}

/// Largest absolute values of the nodes' values and of the weights.
struct Bounds {
    digit_bits: u32,
    nodes: Vec<u32>,
    weights: Vec<u32>,
}

impl Bounds {
    /// Of what a term reads.
    fn read(&self, network: &Network, term: &Term) -> u128 {
        let of = |values: &[u32]| values.get(term.block).map_or(0, |v| u128::from(*v));
        match term.read {
            Read::Value => of(&self.nodes),
            Read::Weight => of(&self.weights),
            Read::Wide => 1 << (2 * self.digit_bits),
            Read::Exact => 1 << (3 * self.digit_bits),
            Read::Middle => 1 << self.digit_bits,
            // No node reads these.
            Read::Low | Read::One | Read::OneHot => 0,
            Read::Constant => {
                let constant = network.descriptor().constants.get(term.block);
                let values = constant.iter().flat_map(|c| &c.values);
                values
                    .map(|v| u128::from(v.unsigned_abs()))
                    .max()
                    .unwrap_or(0)
            }
        }
    }

    /// Arithmetic in which no sum of `node` can overflow.
    fn width(&self, network: &Network, node: &Node) -> Result<Width, ExecuteError> {
        let of = |view: &View| bound(view, &|term| self.read(network, term));
        let scaled = |multiplier: i64, v: u128| v.saturating_mul(multiplier.unsigned_abs().into());
        let mut factors = 0;
        let mut largest = 1_u128 << (2 * self.digit_bits - 1);
        let mut total = largest;
        for product in &node.products {
            let (a, k) = (of(&product.a), of(&product.k));
            let terms = product
                .contraction
                .iter()
                .fold(1_u128, |n, x| n.saturating_mul(x.len as u128));
            let sum = a.saturating_mul(k).saturating_mul(terms);
            factors = factors.max(a).max(k);
            largest = largest.max(sum).max(factors);
            total = total.saturating_add(scaled(product.multiplier, sum));
        }
        for linear in node.linear.iter().chain(&node.bias) {
            let value = of(&linear.view);
            largest = largest.max(value);
            total = total.saturating_add(scaled(linear.multiplier, value));
        }
        let compared = matches!(node.operation, Operation::Best { .. });
        if compared || node.operation.views().is_some() {
            // Twice the expression and the divisor are added up in 128 bits, and expressions are compared.
            let value = node.operation.views().map_or(0, of);
            largest = largest.max(value);
            let doubled = total.saturating_add(value).saturating_mul(2);
            if doubled > i128::MAX as u128 {
                total = doubled;
            }
        }
        let largest = largest.max(total);
        if largest > i128::MAX as u128 {
            Err(ExecuteError::TooWide {
                node: node.name.clone(),
            })
        } else if largest > i64::MAX as u128 {
            Ok(Width::Long)
        } else if factors > i32::MAX as u128 {
            Ok(Width::Medium)
        } else {
            Ok(Width::Short)
        }
    }
}
