//! Operations (PROTOCOL.md §2): what a node does with its expression, each lowered here to relations, one per block.
//!
//! Nothing else creates a relation that reads its own node's blocks, or digits that no node offers; a descriptor cannot say such
//! a thing. Each operation's soundness is one lemma, in its module.

mod assert;
mod best;
mod input;
mod map;
mod quotient;
mod root;

use serde::{Deserialize, Serialize};

use super::{
    AxisId, DescriptorError, Function, IndexPort, Linear, Node, Product, Read, Relation, View,
};

/// What a node does with its expression `Z`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// A tensor of signed `B`-bit integers that nothing determines.
    Input,
    /// A tensor of zeros and ones that nothing determines.
    Boolean,
    /// `g(⌊Z/2^(2B) + 1/2⌋)`.
    Map {
        /// Index of `g` among the descriptor's functions.
        function: usize,
    },
    /// `Z/D` to the nearest integer, ties up.
    Quotient {
        /// `D`, a view of earlier nodes and constants.
        divisor: View,
    },
    /// `⌊√Z⌋`.
    Root,
    /// Nothing: the port is the first index at which `Z` is largest along its last axis.
    Best {
        /// An index port that is an answer.
        port: usize,
    },
    /// Nothing: `Z = 0` is asserted.
    Assert,
}

/// What lowering needs besides the node.
pub(super) struct Lowering<'a> {
    /// Index of the node.
    pub index: usize,
    /// The node, its views naming relations.
    pub node: &'a Node,
    /// Index of the relation of its first block.
    pub first: usize,
    /// `B`.
    pub digit_bits: u32,
    /// The descriptor's functions, and those that are appended.
    pub functions: &'a [Function],
    /// The descriptor's index ports.
    pub indices: &'a [IndexPort],
}

impl Operation {
    /// Name for messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Boolean => "Boolean",
            Self::Best { .. } => "Best",
            Self::Map { .. } => "Map",
            Self::Quotient { .. } => "Quotient",
            Self::Root => "Root",
            Self::Assert => "Assert",
        }
    }

    /// Trace blocks that it takes.
    pub const fn blocks(&self) -> usize {
        match self {
            Self::Input | Self::Boolean | Self::Map { .. } | Self::Best { .. } | Self::Assert => 1,
            Self::Quotient { .. } => 2,
            Self::Root => 3,
        }
    }

    /// What later nodes may read of its first block.
    pub const fn offers(&self) -> &'static [Read] {
        match self {
            Self::Input | Self::Boolean => input::OFFERS,
            Self::Best { .. } => best::OFFERS,
            Self::Map { .. } => map::OFFERS,
            Self::Quotient { .. } => quotient::OFFERS,
            Self::Root => root::OFFERS,
            Self::Assert => assert::OFFERS,
        }
    }

    /// Views of its own, besides those of `Z`.
    pub fn views(&self) -> Option<&View> {
        match self {
            Self::Quotient { divisor } => Some(divisor),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn views_mut(&mut self) -> Option<&mut View> {
        match self {
            Self::Quotient { divisor } => Some(divisor),
            _ => None,
        }
    }

    /// Whether `Z` may read weights: `2^(2B)·z` may be small for a wild `z`.
    pub const fn reads_weights(&self) -> bool {
        !matches!(self, Self::Assert)
    }

    /// Whether it is an input, which nothing determines.
    pub const fn is_input(&self) -> bool {
        matches!(self, Self::Input | Self::Boolean)
    }

    /// The function that no descriptor lists and that this needs.
    pub(super) const fn auxiliary(&self) -> Option<Function> {
        match self {
            Self::Boolean => Some(Function::Boolean),
            Self::Quotient { .. } => Some(Function::Free),
            Self::Assert => Some(Function::Zero),
            _ => None,
        }
    }

    /// The relations, one per block, in their order.
    pub(super) fn lower(&self, of: &Lowering<'_>) -> Result<Vec<Relation>, DescriptorError> {
        match self {
            Self::Input => input::lower(of, &Function::Identity),
            Self::Boolean => input::lower(of, &Function::Boolean),
            Self::Best { port } => best::lower(of, *port),
            Self::Map { function } => Ok(map::lower(of, *function)),
            Self::Quotient { divisor } => quotient::lower(of, divisor),
            Self::Root => root::lower(of),
            Self::Assert => assert::lower(of),
        }
    }
}

impl Lowering<'_> {
    /// Block `i` of the node with nothing in it.
    fn block(&self, i: usize) -> Relation {
        let address = self.node.blocks.get(i).copied().unwrap_or(usize::MAX);
        Relation::empty(self.index, self.node, address)
    }

    /// Block `i` of the node with `factor·Z`.
    fn expression(&self, i: usize, factor: i64) -> Result<Relation, DescriptorError> {
        let times = |multiplier: i64| {
            let product = multiplier.checked_mul(factor);
            product.ok_or_else(|| DescriptorError::IntegerTooLarge {
                place: format!("node {}", self.node.name),
                value: multiplier,
            })
        };
        let linear = |l: &Option<Linear>| {
            let of = |l: &Linear| {
                Ok(Linear {
                    multiplier: times(l.multiplier)?,
                    view: l.view.clone(),
                })
            };
            l.as_ref().map(of).transpose()
        };
        let product = |p: &Product| {
            Ok(Product {
                multiplier: times(p.multiplier)?,
                ..p.clone()
            })
        };
        let products: Result<_, DescriptorError> = self.node.products.iter().map(product).collect();
        Ok(Relation {
            products: products?,
            linear: linear(&self.node.linear)?,
            bias: linear(&self.node.bias)?,
            ..self.block(i)
        })
    }

    /// `2^(2B)`.
    fn unit(&self) -> i64 {
        1_i64 << self.digit_bits.saturating_mul(2).min(62)
    }

    /// `2^(2B-1)`.
    fn half(&self) -> i64 {
        self.unit() >> 1
    }

    /// A name that none of the node's axes has.
    ///
    /// # Errors
    /// If none is left: another name would make a new axis one of the node's.
    fn fresh_axis(&self) -> Result<AxisId, DescriptorError> {
        let contractions = self.node.products.iter().flat_map(|p| &p.contraction);
        let largest = (self.node.out.iter().chain(contractions))
            .map(|a| a.id.0)
            .max();
        let fresh = largest.map_or(Some(0), |id| id.checked_add(1));
        fresh.map(AxisId).ok_or_else(|| DescriptorError::BadAxes {
            place: format!("node {}", self.node.name),
        })
    }

    /// What block `i` of this node holds, read whole.
    fn own(&self, read: Read, i: usize) -> View {
        View::whole(read, self.first.saturating_add(i), &self.node.out)
    }

    /// Index of a function that lowered relations need.
    fn function(&self, wanted: &Function) -> Result<usize, DescriptorError> {
        let place = self.functions.iter().position(|f| f == wanted);
        place.ok_or_else(|| DescriptorError::FunctionMissing {
            node: self.node.name.clone(),
            function: wanted.name().to_owned(),
        })
    }
}

impl Relation {
    /// Adds `view` to `C`.
    fn add(&mut self, view: &View) -> Result<(), DescriptorError> {
        self.add_scaled(view, 1)
    }

    /// Adds `multiplier·view` to `C`.
    fn add_scaled(&mut self, view: &View, multiplier: i64) -> Result<(), DescriptorError> {
        if view.terms.is_empty() {
            return Ok(());
        }
        let Some(own) = &mut self.linear else {
            self.linear = Some(Linear {
                multiplier,
                view: view.clone(),
            });
            return Ok(());
        };
        let mut terms = Vec::new();
        for (view, multiplier) in [(&own.view, own.multiplier), (view, multiplier)] {
            for term in &view.terms {
                let product = term.coefficient.checked_mul(multiplier);
                let coefficient = product.ok_or_else(|| DescriptorError::IntegerTooLarge {
                    place: format!("node {}", self.name),
                    value: multiplier,
                })?;
                terms.push(super::Term {
                    coefficient,
                    ..term.clone()
                });
            }
        }
        *own = Linear {
            multiplier: 1,
            view: View { terms },
        };
        Ok(())
    }
}
