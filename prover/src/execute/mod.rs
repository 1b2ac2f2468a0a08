//! The integer executor (PROTOCOL.md §1, §2): runs a network on integers and writes its trace.
//!
//! For every real row, `Z + 2^(2B-1) = 2^(2B)·P + 2^B·R1 + R0` and `Y = g(P)`, with `Z` the node's pre-activation.
//! Exact: a bound on every sum is known beforehand and picks 64- or 128-bit arithmetic. The lookup columns, which
//! need challenges, are not made here.

mod gather;
mod layout;
mod product;
mod rows;

use pleat_verifier::descriptor::{Node, Source, View};
use pleat_verifier::network::Network;
use rayon::prelude::*;
use thiserror::Error;

use gather::bound;
pub use layout::{Cells, runs};
use rows::{NodePlan, Width};

/// Columns of a run, each of length `2^ν`, zero on rows that are not real.
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
}

/// Why a network did not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// Another number of tensors than the network has.
    #[error("{got} {what} were given, the network has {expected}")]
    Count {
        /// Which tensors.
        what: &'static str,
        /// Tensors given.
        got: usize,
        /// Tensors of the network.
        expected: usize,
    },
    /// A tensor or column has the wrong number of values.
    #[error("{what} has {got} values, {expected} are needed")]
    Length {
        /// Which tensor.
        what: String,
        /// Values given.
        got: usize,
        /// Values needed.
        expected: usize,
    },
    /// An input value has more than `B` bits.
    #[error(
        "input {name}, index {index:?}: value {value} is outside {low}..={high}, which is as far as the model's \
         input scale reaches; compile the model again with calibration samples that cover such inputs, or with more headroom"
    )]
    InputRange {
        /// The input.
        name: String,
        /// Index of the value.
        index: Vec<usize>,
        /// The value.
        value: i32,
        /// Least integer that fits.
        low: i32,
        /// Greatest integer that fits.
        high: i32,
    },
    /// A quotient has more than `B` bits.
    #[error(
        "node {node}, index {index:?}: the requantized value {value} is outside {low}..={high}, so this input cannot be \
         proved; compile the model again with more representative calibration samples, or with more headroom"
    )]
    QuotientRange {
        /// The node.
        node: String,
        /// Index of the row in the node's block.
        index: Vec<usize>,
        /// The quotient.
        value: i128,
        /// Least quotient of the tables.
        low: i32,
        /// Greatest quotient of the tables.
        high: i32,
    },
    /// Sums of a node may need more than 128 bits.
    #[error(
        "node {node}: its sums may exceed 128 bits; use smaller multipliers, coefficients or weights"
    )]
    TooWide {
        /// The node.
        node: String,
    },
}

/// A network and its weights, prepared for running any number of inputs.
pub struct Executor<'a> {
    network: &'a Network,
    weights: &'a [i32],
    nodes: Vec<NodePlan>,
    /// `g(p)` at `p + 2^(B-1)`, per function.
    tables: Vec<Vec<i32>>,
}

impl<'a> Executor<'a> {
    /// Prepares `network` with the column `W` of [`weight_column`].
    ///
    /// # Errors
    /// A column of another length, or a node whose sums may exceed 128 bits.
    pub fn new(network: &'a Network, weights: &'a [i32]) -> Result<Self, ExecuteError> {
        let expected = 1 << network.nu_w();
        if weights.len() != expected {
            return Err(ExecuteError::Length {
                what: "the weight column".to_owned(),
                got: weights.len(),
                expected,
            });
        }
        let digit_bits = network.digit_bits();
        let functions = &network.descriptor().functions;
        let half = 1_i64 << (digit_bits - 1);
        let tables: Vec<Vec<i32>> = functions
            .iter()
            .map(|f| {
                let values = (-half..half).filter_map(|p| f.apply(p, digit_bits));
                values.map(|v| v as i32).collect()
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
            nodes: (network.nodes().iter())
                .map(|n| largest(&tables[n.function]).unwrap_or(0))
                .collect(),
            weights: (network.descriptor().weights.iter())
                .map(|b| {
                    let size: usize = b.shape.iter().map(|n| n.next_power_of_two()).product();
                    largest(&weights[b.address..b.address + size]).unwrap_or(0)
                })
                .collect(),
        };
        let nodes = network.nodes().iter().map(|node| {
            let width = bounds.width(node, digit_bits)?;
            Ok(NodePlan::new(network, node, width))
        });
        Ok(Self {
            network,
            weights,
            nodes: nodes.collect::<Result<_, _>>()?,
            tables,
        })
    }

    /// Runs the network; `inputs` holds one tensor per declared input, in order, each row-major over its true shape.
    ///
    /// # Errors
    /// Inputs of another number or length, or a value that does not fit signed `B` bits: an input value, or a node's
    /// quotient (the first such row of the first such node).
    pub fn run(&self, inputs: &[Vec<i32>]) -> Result<Trace, ExecuteError> {
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
        };
        for (port, values) in ports.iter().zip(inputs) {
            self.load(&network.nodes()[port.node], &port.name, values, &mut trace)?;
        }
        self.rerun(0, &mut trace)?;
        Ok(trace)
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
        let nodes = network.nodes().iter().zip(&self.nodes).enumerate();
        for (index, (node, plan)) in nodes.skip(first) {
            if inputs.iter().any(|port| port.node == index) {
                continue;
            }
            let run = rows::Run {
                node,
                digit_bits: network.digit_bits(),
                table: &self.tables[node.function],
                weights: self.weights,
            };
            plan.run(&run, trace)?;
        }
        Ok(())
    }

    /// Writes an input block, whose rows have `Z = 2^(2B)·Y`.
    fn load(
        &self,
        node: &Node,
        name: &str,
        values: &[i32],
        trace: &mut Trace,
    ) -> Result<(), ExecuteError> {
        let shape = node.shape();
        let cells = Cells::new(node.address, &shape);
        same_length(|| format!("input {name}"), values.len(), cells.len())?;
        let half = 1_i32 << (self.network.digit_bits() - 1);
        for (flat, (cell, value)) in cells.zip(values).enumerate() {
            if !(-half..half).contains(value) {
                let mut index = vec![0; shape.len()];
                gather::unflatten(&node.out, flat, &mut index);
                return Err(ExecuteError::InputRange {
                    name: name.to_owned(),
                    index,
                    value: *value,
                    low: -half,
                    high: half - 1,
                });
            }
            trace.y[cell] = *value;
            trace.p[cell] = *value;
            trace.r1[cell] = half as u16;
        }
        Ok(())
    }
}

/// Runs `network` once; see [`Executor`].
///
/// # Errors
/// Those of [`Executor::new`] and [`Executor::run`].
pub fn execute(
    network: &Network,
    weights: &[i32],
    inputs: &[Vec<i32>],
) -> Result<Trace, ExecuteError> {
    Executor::new(network, weights)?.run(inputs)
}

/// Column `W`, of length `2^νW`: `blocks` holds one tensor per weight block, row-major over its true shape.
///
/// # Errors
/// Tensors of another number or length.
pub fn weight_column(network: &Network, blocks: &[Vec<i32>]) -> Result<Vec<i32>, ExecuteError> {
    let weights = &network.descriptor().weights;
    if blocks.len() != weights.len() {
        return Err(ExecuteError::Count {
            what: "weight tensors",
            got: blocks.len(),
            expected: weights.len(),
        });
    }
    let mut column = vec![0; 1 << network.nu_w()];
    for (i, (block, values)) in weights.iter().zip(blocks).enumerate() {
        let length = block.shape.iter().product();
        same_length(|| format!("weight tensor {i}"), values.len(), length)?;
        let mut values = values.as_slice();
        for run in runs(block.address, &block.shape) {
            let (own, rest) = values.split_at(run.len());
            column[run].copy_from_slice(own);
            values = rest;
        }
    }
    Ok(column)
}

/// Column positions of a node's real rows, row-major; no positions if there is no such node.
pub fn block_cells(network: &Network, node: usize) -> Cells {
    match network.nodes().get(node) {
        Some(node) => Cells::new(node.address, &node.shape()),
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

/// Largest absolute values of the blocks.
struct Bounds {
    nodes: Vec<u32>,
    weights: Vec<u32>,
}

impl Bounds {
    /// Arithmetic in which no sum of `node` can overflow.
    fn width(&self, node: &Node, digit_bits: u32) -> Result<Width, ExecuteError> {
        let of = |view: &View| {
            let blocks = match view.source {
                Source::Activations => &self.nodes,
                Source::Weights => &self.weights,
            };
            bound(view, &|block| {
                blocks.get(block).map_or(0, |b| u128::from(*b))
            })
        };
        let scaled = |multiplier: i64, v: u128| v.saturating_mul(multiplier.unsigned_abs().into());
        let mut factors = 0;
        let mut largest = 1_u128 << (2 * digit_bits - 1);
        let mut total = largest;
        if let Some(product) = &node.product {
            let (a, k) = (of(&product.a), of(&product.k));
            let terms = node
                .contraction
                .iter()
                .fold(1_u128, |n, x| n.saturating_mul(x.len as u128));
            let sum = a.saturating_mul(k).saturating_mul(terms);
            factors = a.max(k);
            largest = largest.max(sum).max(factors);
            total = total.saturating_add(scaled(product.multiplier, sum));
        }
        for linear in node.linear.iter().chain(&node.bias) {
            let value = of(&linear.view);
            largest = largest.max(value);
            total = total.saturating_add(scaled(linear.multiplier, value));
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
