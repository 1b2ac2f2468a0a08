//! The layers that the families are made of. Tensors have an axis of tokens first; matrices are of outputs by inputs.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};
use pleat_verifier::descriptor::IndexRole;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::math::{add, erf, mul, tanh};
use tract_onnx::tract_core::ops::nn::sigmoid;

use super::super::error::CompileError;
use super::super::expr::{
    Atom, Constant, Factor, Lookup, Matrix, Product, Rename, Stored, Sum, Table,
};
use super::super::graph::{Activation, Graph, GraphIndices, GraphPort, Place};
use super::super::translate::{Ratio, Refusal, Reindex, unexpressed};
use super::super::unary::{Operand, Unary};
use super::{Built, IDS, Wish};

/// A normed tensor: `node·factors + summands`, along the last axis.
pub(super) struct Normed {
    pub node: Sum,
    pub factors: Vec<f32>,
    pub summands: Option<Vec<f32>>,
}

/// How queries, keys and values fall into heads.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    /// Heads of keys and values.
    pub groups: usize,
    /// Heads of queries for each.
    pub shared: usize,
    /// Width of a head.
    pub width: usize,
}

/// A graph that grows.
pub(super) struct Layers {
    pub graph: Graph,
    tokens: usize,
    masked: f64,
}

fn refused(what: &str) -> Refusal {
    Refusal::new(what)
}

impl Layers {
    pub fn new(wish: &Wish) -> Self {
        Self {
            graph: Graph::default(),
            tokens: wish.tokens,
            masked: wish.masked,
        }
    }

    /// The embedding of public ids, and a constant: `[tokens, width]`.
    pub fn embedded(&mut self, table: Arc<Matrix>, positions: Option<Vec<f32>>) -> Built<Sum> {
        let (entries, width) = (table.rows, table.columns);
        let atoms = &mut self.graph.atoms;
        let axes = vec![atoms.axis(self.tokens), atoms.axis(width)];
        let along = atoms.fresh(entries);
        let port = self.graph.indices.len();
        self.graph.indices.push(GraphIndices {
            name: IDS.to_owned(),
            shape: vec![1, self.tokens],
            len: entries,
            role: IndexRole::Given,
        });
        self.graph.given.push(Place::Indices(port));
        let lookup = Lookup {
            coefficient: 1.0,
            port,
            index: axes.first().cloned().unwrap_or_default(),
            along,
            table: Table::Stored(Stored {
                matrix: table,
                rows: vec![along],
                columns: axes.get(1).cloned().unwrap_or_default(),
            }),
        };
        let mut sum = Sum {
            lookups: vec![lookup],
            ..Sum::zero(axes)
        };
        if let Some(values) = positions {
            sum.constant = Some(self.constant(values, &[self.tokens, width], &sum.axes)?);
        }
        Ok(self.block("embedding", sum))
    }

    /// A tensor along these axes; where its length is 1 it does not vary.
    fn constant(&self, values: Vec<f32>, shape: &[usize], axes: &[Vec<Atom>]) -> Built<Constant> {
        let values = ArrayD::from_shape_vec(IxDyn(shape), values);
        let values = values.map_err(|e| Refusal::new(e.to_string()))?;
        let constant = Constant::along(&values, axes, &self.graph.atoms);
        Ok(constant.ok_or_else(unexpressed)?)
    }

    /// A node without a function.
    pub fn block(&mut self, name: &str, sum: Sum) -> Sum {
        self.graph.push(name, sum, Activation::Identity).1
    }

    /// A node with a function.
    pub fn applied(&mut self, name: &str, sum: Sum, function: &Arc<Unary>) -> Sum {
        let activation = Activation::Table(Arc::clone(function));
        self.graph.push(name, sum, activation).1
    }

    /// The same view by new atoms.
    fn fresh(&mut self, view: &Sum) -> Sum {
        let rename: Rename = (view.atoms().into_iter())
            .map(|a| {
                let len = self.graph.atoms.len(a);
                (a, vec![self.graph.atoms.fresh(len)])
            })
            .collect();
        view.rename(&rename, &self.graph.atoms)
    }

    /// The same view by these atoms, axis by axis.
    fn by(&self, view: &Sum, axes: &[Vec<Atom>]) -> Sum {
        let pairs = view.axes.iter().zip(axes);
        let rename: Rename = pairs
            .flat_map(|(own, new)| own.iter().zip(new))
            .map(|(own, new)| (*own, vec![*new]))
            .collect();
        view.rename(&rename, &self.graph.atoms)
    }

    /// `matrix·x + bias`, the outputs regrouped into axes of these lengths; no node yet. All of `x`'s axes but the first are inputs.
    pub fn dense(
        &mut self,
        x: &Sum,
        matrix: &Arc<Matrix>,
        bias: Option<Vec<f32>>,
        lens: &[usize],
    ) -> Built<Sum> {
        let x = self.fresh(x);
        let columns = x.axes.iter().skip(1).flatten().copied().collect::<Vec<_>>();
        let fits = self.graph.atoms.size(&columns) == matrix.columns
            && lens.iter().product::<usize>() == matrix.rows
            && x.constant.is_none();
        if !fits {
            return Err(refused("a matrix does not fit what it is multiplied with").into());
        }
        let mut axes: Vec<Vec<Atom>> = x.axes.iter().take(1).cloned().collect();
        axes.extend(lens.iter().map(|n| self.graph.atoms.axis(*n)));
        let rows = axes.iter().skip(1).flatten().copied().collect();
        let constant = match bias {
            Some(values) => {
                let shape = [&[1], lens].concat();
                Some(self.constant(values, &shape, &axes)?)
            }
            None => None,
        };
        Ok(Sum {
            products: vec![Product {
                a: x.reads,
                k: Factor::Stored(Stored {
                    matrix: Arc::clone(matrix),
                    rows,
                    columns,
                }),
            }],
            constant,
            ..Sum::zero(axes)
        })
    }

    /// `x - mean x` of a node, along the last axis; nothing is written down.
    pub fn centred(&mut self, x: &Sum) -> Built<Sum> {
        let width = self.width(x);
        let mean = self.graph.summed(x.clone(), &[1]).affine(-1.0 / width, 0.0);
        Ok(self.graph.combined(x.clone(), &mean)?)
    }

    #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
    fn width(&self, x: &Sum) -> f64 {
        let axis = x.axes.get(1).map_or(&[][..], Vec::as_slice);
        self.graph.atoms.size(axis) as f64
    }

    /// `x/√(mean x² + ε)` along the last axis, times `factors` if they cannot go elsewhere.
    pub fn normed(
        &mut self,
        name: &str,
        x: &Sum,
        epsilon: f64,
        factors: Option<&[f32]>,
    ) -> Built<Sum> {
        #[expect(clippy::cast_possible_truncation, reason = "a small number")]
        let epsilon = epsilon as f32;
        let root = self.graph.root_mean_square(x, 1, epsilon, name)?;
        let numerator = match factors {
            Some(factors) => self.scaled(x, factors, None)?,
            None => x.clone(),
        };
        let ratio = self.graph.ratio(&numerator, &root)?;
        Ok(self.graph.quotient(name, ratio))
    }

    /// A layer norm of a node: factors and summands are left to those who read it.
    pub fn layer_norm(
        &mut self,
        name: &str,
        x: &Sum,
        epsilon: f64,
        factors: Vec<f32>,
        summands: Option<Vec<f32>>,
    ) -> Built<Normed> {
        let centred = self.centred(x)?;
        Ok(Normed {
            node: self.normed(name, &centred, epsilon, None)?,
            factors,
            summands,
        })
    }

    /// `x·factors + summands` along the last axis; no node yet.
    pub fn scaled(&self, x: &Sum, factors: &[f32], summands: Option<&[f32]>) -> Built<Sum> {
        let along = |values: &[f32]| {
            let shape: Vec<usize> = (x.axes.iter().skip(1).map(|_| 1))
                .chain([values.len()])
                .collect();
            self.constant(values.to_vec(), &shape, &x.axes)
        };
        let k = along(factors)?;
        Ok(Sum {
            products: vec![Product {
                a: x.reads.clone(),
                k: Factor::Constant(k),
            }],
            constant: summands.map(along).transpose()?,
            ..Sum::zero(x.axes.clone())
        })
    }

    /// A node of the sum.
    pub fn residual(&mut self, name: &str, x: Sum, branch: &Sum) -> Built<Sum> {
        let sum = self.graph.combined(x, branch)?;
        Ok(self.block(name, sum))
    }

    /// Attention of queries `[tokens, groups, shared, …]` to keys `[tokens, groups, …]`, both nodes; of values `[tokens, groups, width]`
    /// it makes `[tokens, groups, shared, width]`.
    pub fn attention(
        &mut self,
        name: &str,
        [queries, keys, values]: [&Sum; 3],
        heads: Heads,
        causal: bool,
    ) -> Built<Sum> {
        let tokens = self.tokens;
        let atoms = &mut self.graph.atoms;
        let [t, u] = [tokens, tokens].map(|n| atoms.axis(n));
        let [g, r] = [heads.groups, heads.shared].map(|n| atoms.axis(n));
        let inner = |sum: &Sum, skip: usize| -> Vec<Vec<usize>> {
            let axes = sum.axes.iter().skip(skip);
            axes.map(|a| a.iter().map(|x| self.graph.atoms.len(*x)).collect())
                .collect()
        };
        let lens = inner(queries, 3);
        let d: Vec<Vec<Atom>> = (lens.iter())
            .map(|a| a.iter().map(|n| self.graph.atoms.fresh(*n)).collect())
            .collect();
        let of_queries = [&[t.clone(), g.clone(), r.clone()], d.as_slice()].concat();
        let of_keys = [&[u.clone(), g.clone()], d.as_slice()].concat();
        #[expect(clippy::cast_precision_loss, reason = "heads are small")]
        let scale = 1.0 / (heads.width as f64).sqrt();
        let product = Product {
            a: self.by(queries, &of_queries).reads,
            k: Factor::Reads(self.by(keys, &of_keys).reads),
        };
        let scores = Sum {
            products: vec![product],
            ..Sum::zero(vec![g, r, t.clone(), u.clone()])
        };
        let mut scores = scores.affine(scale, 0.0);
        if causal && tokens > 1 {
            #[expect(clippy::cast_possible_truncation, reason = "a mask")]
            let masked = -self.masked as f32;
            let value = |i: usize| if i % tokens > i / tokens { masked } else { 0.0 };
            let mask = (0..tokens * tokens).map(value).collect();
            scores.constant = Some(self.constant(mask, &[1, 1, tokens, tokens], &scores.axes)?);
            self.graph.masks = true;
        }
        let scores = self.block(&format!("{name}, scores"), scores);
        let parts = self.graph.exponentials(scores, &[3], name)?;
        let atoms = &mut self.graph.atoms;
        let [t, u] = [tokens, tokens].map(|n| atoms.axis(n));
        let [g, r] = [heads.groups, heads.shared].map(|n| atoms.axis(n));
        let w = atoms.axis(heads.width);
        let of_powers = [g.clone(), r.clone(), t.clone(), u.clone()];
        let numerator = Sum {
            products: vec![Product {
                a: self.by(&parts.powers, &of_powers).reads,
                k: Factor::Reads(self.by(values, &[u, g.clone(), w.clone()]).reads),
            }],
            ..Sum::zero(vec![t.clone(), g.clone(), r.clone(), w])
        };
        let mut divisor = self.by(&parts.total, &[g, r, t, Vec::new()]);
        divisor.axes.clone_from(&numerator.axes);
        Ok(self.graph.quotient(name, Ratio { numerator, divisor }))
    }

    /// Rotary positions: a node `[tokens, groups, …, 2, half]` of such a node, by pairs that are half a head apart.
    pub fn rotated(&mut self, name: &str, x: &Sum, theta: f64) -> Built<Sum> {
        let rank = x.axes.len();
        let halves = x.axes.get(rank - 2).cloned().unwrap_or_default();
        let [half] = halves.as_slice() else {
            return Err(refused("heads that rotary positions cannot halve").into());
        };
        let count = x.shape(&self.graph.atoms).last().copied().unwrap_or(1);
        #[expect(clippy::cast_precision_loss, reason = "positions are small")]
        let angle = |t: usize, i: usize| t as f64 * theta.powf(-(i as f64) / count as f64);
        let angles = || (0..self.tokens).flat_map(move |t| (0..count).map(move |i| angle(t, i)));
        #[expect(clippy::cast_possible_truncation, reason = "tensors are f32")]
        let cosines: Vec<f32> = angles().map(|a| a.cos() as f32).collect();
        #[expect(clippy::cast_possible_truncation, reason = "tensors are f32")]
        let sines: Vec<f32> = (0..self.tokens)
            .flat_map(|t| {
                let signed =
                    move |sign: f64| (0..count).map(move |i| (sign * angle(t, i).sin()) as f32);
                signed(-1.0).chain(signed(1.0))
            })
            .collect();
        let mut shape = vec![1; rank];
        if let [first, .., last] = shape.as_mut_slice() {
            *first = self.tokens;
            *last = count;
        }
        let cosines = self.constant(cosines, &shape, &x.axes)?;
        if let Some(two) = shape.get_mut(rank - 2) {
            *two = 2;
        }
        let sines = self.constant(sines, &shape, &x.axes)?;
        let mut turned = x.reads.clone();
        for map in turned.iter_mut().flat_map(|r| &mut r.maps) {
            for (_, stride) in map.index.iter_mut().filter(|(a, _)| a == half) {
                map.offset += *stride;
                *stride = -*stride;
            }
        }
        let product = |a, k| Product {
            a,
            k: Factor::Constant(k),
        };
        let sum = Sum {
            products: vec![product(x.reads.clone(), cosines), product(turned, sines)],
            ..Sum::zero(x.axes.clone())
        };
        Ok(self.block(name, sum))
    }

    /// The last so many tokens of a node.
    pub fn last(&mut self, x: Sum, last: Option<usize>) -> Built<Sum> {
        let Some(last) = last.filter(|n| *n < self.tokens) else {
            return Ok(x);
        };
        let axis = self.graph.atoms.axis(last);
        let first = i64::try_from(self.tokens - last).unwrap_or(i64::MAX);
        let step = Reindex::line(0, first, 1, axis);
        let slice = self.graph.reindexed(&x, &[step]);
        Ok(slice.ok_or_else(unexpressed)?)
    }

    /// Declares the output: logits `[tokens, vocabulary]`, or where the largest is.
    pub fn logits(mut self, logits: Sum, best: bool) -> Graph {
        let shape = logits.shape(&self.graph.atoms);
        if best {
            let (len, tokens) = (shape.last().copied(), shape.first().copied());
            let port = self.graph.indices.len();
            self.graph.indices.push(GraphIndices {
                name: "logits".to_owned(),
                shape: vec![1, tokens.unwrap_or(1)],
                len: len.unwrap_or(1),
                role: IndexRole::Answer,
            });
            self.graph.answers.push(Place::Indices(port));
            self.graph.push("logits", logits, Activation::Best(port));
            return self.graph;
        }
        self.shown("logits", logits, Activation::Identity)
    }

    /// Declares a node of this sum as the output.
    pub fn shown(mut self, name: &str, sum: Sum, activation: Activation) -> Graph {
        let shape = [&[1], sum.shape(&self.graph.atoms).as_slice()].concat();
        let (node, _) = self.graph.push(name, sum, activation);
        self.graph.answers.push(Place::Tensor(0));
        self.graph.outputs.push(GraphPort {
            name: name.to_owned(),
            node,
            shape,
        });
        self.graph
    }
}

impl Normed {
    /// What a matrix makes of the summands, added to its bias. `matrix` gives it without factors in it.
    pub fn bias(
        &self,
        matrix: impl FnOnce() -> Result<Arc<Matrix>, CompileError>,
        bias: Option<Vec<f32>>,
    ) -> Built<Option<Vec<f32>>> {
        let Some(summands) = &self.summands else {
            return Ok(bias);
        };
        let mut all = matrix()?.times(summands)?;
        for (sum, own) in all.iter_mut().zip(bias.into_iter().flatten()) {
            *sum += own;
        }
        Ok(Some(all))
    }
}

fn apply(op: Box<dyn TypedOp>, name: &str, operands: Vec<Operand>) -> Arc<Unary> {
    Arc::new(Unary::Apply {
        op,
        name: name.to_owned(),
        operands,
    })
}

fn of(f: &Arc<Unary>) -> Operand {
    Operand::Of(Arc::clone(f))
}

fn times(f: &Arc<Unary>, by: Operand) -> Arc<Unary> {
    apply(Box::new(mul()), "Mul", vec![of(f), by])
}

fn plus(f: &Arc<Unary>, by: Operand) -> Arc<Unary> {
    apply(Box::new(add()), "Add", vec![of(f), by])
}

/// The functions that `hidden_act` and the like name; `None` for others.
pub(super) fn function(name: &str) -> Option<Arc<Unary>> {
    let x = Arc::new(Unary::Variable);
    let half = Operand::Scalar(0.5);
    match name {
        "gelu_new" | "gelu_pytorch_tanh" => {
            let cube = times(&times(&x, of(&x)), of(&x));
            let line = plus(&x, of(&times(&cube, Operand::Scalar(0.044_715))));
            let line = times(&line, Operand::Scalar(0.797_884_6));
            let gate = plus(
                &apply(Box::new(tanh()), "Tanh", vec![of(&line)]),
                Operand::Scalar(1.0),
            );
            Some(times(&times(&x, half), of(&gate)))
        }
        "gelu" => {
            let line = times(&x, Operand::Scalar(std::f32::consts::FRAC_1_SQRT_2));
            let gate = plus(
                &apply(Box::new(erf()), "Erf", vec![of(&line)]),
                Operand::Scalar(1.0),
            );
            Some(times(&times(&x, half), of(&gate)))
        }
        "silu" | "swish" => {
            let gate = apply(Box::new(sigmoid()), "Sigmoid", vec![of(&x)]);
            Some(times(&x, of(&gate)))
        }
        _ => None,
    }
}
