//! From the importer's typed graph to [`Graph`]: linear operators transform expressions and cost nothing; a node, which
//! costs a row per element, is made when a nonlinearity, a contraction of a contraction, or an output asks for one.
//!
//! Elementwise operators on one tensor only build up a function of it ([`Unary`]); whoever asks for the value gets a
//! node for the whole chain.

mod build;
mod convolution;
mod elementwise;
mod index;
mod letter;
mod linear;
mod logic;
mod maxima;
mod norm;
mod ratio;
mod reindex;
mod softmax;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};
use tract_onnx::pb::GraphProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::AxisOp;
use tract_onnx::tract_core::ops::Downsample;
use tract_onnx::tract_core::ops::array::{
    Gather, GatherElements, GatherNd, MultiBroadcastTo, Pad, Slice, TypedConcat,
};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::{Reduce, RmsNorm, Softmax};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::error::{CompileError, Unsupported};
use super::expr::{Atom, Constant, Sum};
use super::graph::{Activation, Graph, GraphPort, Place};
use super::onnx;
use super::unary::Unary;
use build::table;
use index::Selector;
pub(super) use ratio::Ratio;
pub(super) use reindex::Reindex;

/// Why one node cannot be translated.
#[derive(Clone, Debug)]
pub(super) struct Refusal(pub String);

impl Refusal {
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<TractError> for Refusal {
    fn from(e: TractError) -> Self {
        Self(format!("{e:#}"))
    }
}

pub(super) type Outcome<T> = Result<T, Refusal>;

/// Most products of one node.
const MOST_PRODUCTS: usize = 4;

/// What is known of a tensor.
#[derive(Clone, Debug)]
enum Entry {
    /// Its value.
    Constant(ArrayD<f32>),
    /// An affine expression.
    Sum(Sum),
    /// A function, elementwise, of the tensor `root`, which is a [`Entry::Sum`] or [`Entry::Ratio`].
    Unary { root: OutletId, f: Arc<Unary> },
    /// A quotient that is no node yet.
    Ratio(Box<Ratio>),
    /// Public indices.
    Indices(Selector),
    /// Hidden indices: ones among zeros, along an axis that is the sum's last and that the tensor does not have.
    OneHot(Box<Sum>),
    /// The index of the largest element, along an axis that is the sum's last and that the tensor does not have.
    Best(Box<Sum>),
}

/// Translates the typed graph.
///
/// # Errors
/// All nodes that have no translation.
pub(super) fn translate(
    file: &Path,
    proto: &GraphProto,
    model: &TypedModel,
    masked: f64,
    hidden: &[String],
) -> Result<Graph, CompileError> {
    let mut translator = Translator {
        masked,
        hidden,
        model,
        proto,
        graph: Graph::default(),
        entries: HashMap::new(),
        chains: HashMap::new(),
    };
    let order = model.eval_order().map_err(|e| CompileError::NotOnnx {
        file: file.to_owned(),
        reason: format!("{e:#}"),
    })?;
    let mut refused: Vec<Unsupported> = Vec::new();
    let mut refuse = |node: &TypedNode, refusal: Refusal| {
        let (name, operator) = match onnx::origin(proto, &node.name) {
            Some(n) => (onnx::node_name(n).to_owned(), n.op_type.clone()),
            None => (node.name.clone(), node.op.name().into_owned()),
        };
        if refused.iter().all(|r| r.node != name) {
            refused.push(Unsupported {
                node: name,
                operator,
                why: refusal.0,
            });
        }
    };
    translator.sources(proto);
    for id in order {
        let node = model.node(id);
        // A node behind a refused one says nothing new.
        if node
            .inputs
            .iter()
            .all(|i| translator.entries.contains_key(i))
            && let Err(refusal) = translator.node(node)
        {
            refuse(node, refusal);
        }
    }
    let outputs: Vec<OutletId> = model
        .output_outlets()
        .map(<[_]>::to_vec)
        .unwrap_or_default();
    for (outlet, info) in outputs.into_iter().zip(&proto.output) {
        if translator.entries.contains_key(&outlet)
            && let Err(refusal) = translator.output(outlet, &info.name)
        {
            refuse(model.node(outlet.node), refusal);
        }
    }
    if !refused.is_empty() {
        return Err(CompileError::Unsupported {
            file: file.to_owned(),
            nodes: refused,
        });
    }
    translator.graph.number_names();
    Ok(translator.graph)
}

struct Translator<'a> {
    model: &'a TypedModel,
    /// What stands for minus infinity in scores of a softmax.
    masked: f64,
    /// Inputs of indices that are ones among zeros instead.
    hidden: &'a [String],
    proto: &'a GraphProto,
    graph: Graph,
    entries: HashMap<OutletId, Entry>,
    /// The views of the nodes already made for functions of a root.
    chains: HashMap<(OutletId, *const Unary), (Arc<Unary>, Sum)>,
}

impl Translator<'_> {
    /// Makes a node per input, in the model's order.
    fn sources(&mut self, proto: &GraphProto) {
        let inputs = self
            .model
            .input_outlets()
            .map(<[_]>::to_vec)
            .unwrap_or_default();
        for (outlet, spec) in inputs.into_iter().zip(onnx::specs(proto)) {
            let shape = self.shape(outlet).unwrap_or(spec.shape);
            let axes: Vec<Vec<Atom>> = shape.iter().map(|n| self.graph.atoms.axis(*n)).collect();
            if let Some(len) = self.selects(outlet) {
                if self.hidden.contains(&spec.name) {
                    let view = self.one_hot(spec.name, &shape, len, axes);
                    self.entries.insert(outlet, Entry::OneHot(Box::new(view)));
                    continue;
                }
                let selector = self.given(spec.name, shape, len, axes);
                self.entries.insert(outlet, Entry::Indices(selector));
                continue;
            }
            let sum = Sum::zero(axes);
            self.graph
                .given
                .push(Place::Tensor(self.graph.inputs.len()));
            let (node, view) = self.graph.push(&spec.name, sum, Activation::Input);
            self.graph.inputs.push(GraphPort {
                name: spec.name,
                node,
                shape,
            });
            self.entries.insert(outlet, Entry::Sum(view));
        }
    }

    /// What messages call the node that computes a tensor: its ONNX name.
    fn label(&self, outlet: OutletId) -> String {
        let name = &self.model.node(outlet.node).name;
        match onnx::origin(self.proto, name) {
            Some(node) => onnx::node_name(node).to_owned(),
            None => name.clone(),
        }
    }

    fn shape(&self, outlet: OutletId) -> Outcome<Vec<usize>> {
        let fact = self.model.outlet_fact(outlet)?;
        match fact.shape.as_concrete() {
            Some(shape) => Ok(shape.to_vec()),
            None => Err(Refusal::new(format!(
                "its shape {:?} depends on the data",
                fact.shape
            ))),
        }
    }

    fn entry(&self, outlet: OutletId) -> Outcome<&Entry> {
        self.entries
            .get(&outlet)
            .ok_or_else(|| Refusal::new("an operand has no value"))
    }

    /// Translates one node.
    fn node(&mut self, node: &TypedNode) -> Outcome<()> {
        let out = OutletId::new(node.id, 0);
        if node.op_is::<TypedSource>() {
            return Ok(());
        }
        if let Some(konst) = node.op_as::<Const>() {
            let value = Entry::Constant(array(konst.val())?);
            self.entries.insert(out, value);
            return Ok(());
        }
        let constants = node
            .inputs
            .iter()
            .all(|i| matches!(self.entries.get(i), Some(Entry::Constant(_))));
        if constants {
            for (slot, value) in self.evaluate(node, &[])?.into_iter().enumerate() {
                let outlet = OutletId::new(node.id, slot);
                self.entries.insert(outlet, Entry::Constant(value));
            }
            return Ok(());
        }
        self.shape(out)?;
        let entry = if let Some(op) = node.op_as::<EinSum>() {
            self.einsum(node, op)?
        } else if let Some(op) = node.op_as::<AxisOp>() {
            self.axis_op(node, op)?
        } else if let Some(op) = node.op_as::<TypedBinOp>() {
            self.binary(node, op)?
        } else if node.op_is::<Iff>() {
            self.selection(node)?
        } else if let Some(op) = node.op_as::<Softmax>() {
            self.softmax(node, op)?
        } else if let Some(op) = node.op_as::<RmsNorm>() {
            self.rms_norm(node, op)?
        } else if let Some(op) = node.op_as::<Gather>() {
            self.gather(node, op)?
        } else if let Some(op) = node.op_as::<GatherElements>() {
            self.gather_elements(node, op)?
        } else if let Some(op) = node.op_as::<GatherNd>() {
            self.gather_nd(node, op)?
        } else if let Some(op) = node.op_as::<ElementWiseOp>() {
            self.unary(node, &op.0.name())?
        } else if let Some(op) = node.op_as::<Reduce>() {
            self.reduce(node, op)?
        } else if node.op_is::<MultiBroadcastTo>() {
            self.broadcast(node)?
        } else if let Some(op) = node.op_as::<Slice>() {
            self.slice(node, op)?
        } else if let Some(op) = node.op_as::<Downsample>() {
            self.downsample(node, op)?
        } else if let Some(op) = node.op_as::<Pad>() {
            self.pad(node, op)?
        } else if let Some(op) = node.op_as::<TypedConcat>() {
            self.concat(node, op)?
        } else if let Some(op) = node.op_as::<Conv>() {
            self.convolution(node, op)?
        } else if let Some(op) = node.op_as::<Deconv>() {
            self.deconvolution(node, op)?
        } else if let Some(op) = node.op_as::<SumPool>() {
            self.sum_pool(node, op)?
        } else if let Some(op) = node.op_as::<MaxPool>() {
            self.max_pool(node, op)?
        } else if let Some(op) = node.op_as::<Cast>() {
            self.cast(node, op)?
        } else if node.op_is::<Identity>() {
            self.entry(input(node, 0)?)?.clone()
        } else if let Some(resize) =
            onnx::origin(self.proto, &node.name).filter(|n| n.op_type == "Resize")
        {
            // The importer has several operators for it.
            let mode = onnx::text(resize, "mode");
            self.resize(node, &mode.unwrap_or_else(|| "nearest".to_owned()))?
        } else {
            return Err(Refusal::new(format!(
                "{} has no translation",
                node.op.name()
            )));
        };
        self.entries.insert(out, entry);
        Ok(())
    }

    /// Declares an output: a block of its own.
    fn output(&mut self, outlet: OutletId, name: &str) -> Outcome<()> {
        let shape = self.shape(outlet)?;
        let sum = match self.entry(outlet)?.clone() {
            Entry::Constant(values) => {
                let axes: Vec<Vec<Atom>> =
                    shape.iter().map(|n| self.graph.atoms.axis(*n)).collect();
                let constant = self.constant_along(&values, &axes)?;
                Sum {
                    constant: Some(constant),
                    ..Sum::zero(axes)
                }
            }
            Entry::Indices(_) | Entry::OneHot(_) => {
                return Err(Refusal::new("an output that is an input"));
            }
            Entry::Best(scores) => {
                self.answer(name, shape, *scores);
                return Ok(());
            }
            // A node of the whole chain, lines included.
            Entry::Unary { root, f } if f.line().is_none() => {
                let name = self.label(outlet);
                self.apply(&name, root, &f)?
            }
            _ => self.demand(outlet)?,
        };
        let node = match self.whole_block(&sum) {
            Some(node) => node,
            None => self.graph.push(name, sum, Activation::Identity).0,
        };
        let name = name.to_owned();
        let place = Place::Tensor(self.graph.outputs.len());
        self.graph.answers.push(place);
        self.graph.outputs.push(GraphPort { name, node, shape });
        Ok(())
    }

    /// The node whose block this is, if it may be an output.
    fn whole_block(&self, sum: &Sum) -> Option<usize> {
        let [read] = sum.reads.as_slice() else {
            return None;
        };
        let whole = Sum::block(read.node, sum.axes.clone(), &self.graph.atoms);
        let plain = sum.is_view() && sum.constant.is_none() && whole.reads == sum.reads;
        let mut ports = self.graph.inputs.iter().chain(&self.graph.outputs);
        let free = ports.all(|p| p.node != read.node);
        // A root has no values to show.
        let activation = self.graph.nodes.get(read.node).map(|n| &n.activation);
        let shown = !matches!(activation, Some(Activation::Root));
        (plain && free && shown).then_some(read.node)
    }

    /// The tensor as an expression, a contraction in it not yet made a node unless others read it too.
    fn demand(&mut self, outlet: OutletId) -> Outcome<Sum> {
        match self.entry(outlet)?.clone() {
            Entry::Constant(_) => Err(Refusal::new("a constant operand in this place")),
            Entry::Ratio(_) => self.view(outlet),
            Entry::Indices(_) | Entry::OneHot(_) | Entry::Best(_) => Err(Refusal::new(
                "indices are only gathered by, or are an output",
            )),
            Entry::Sum(sum) => {
                if !sum.is_view()
                    && !sum.is_scaled()
                    && self.model.outlet_successors(outlet).len() > 1
                {
                    return self.view(outlet);
                }
                Ok(sum)
            }
            Entry::Unary { root, f } => self.function(outlet, root, &f),
        }
    }

    /// The tensor as a view: no contraction.
    fn view(&mut self, outlet: OutletId) -> Outcome<Sum> {
        match self.entry(outlet)?.clone() {
            Entry::Ratio(ratio) => {
                let name = self.label(outlet);
                let view = self.graph.quotient(&name, *ratio);
                self.entries.insert(outlet, Entry::Sum(view.clone()));
                Ok(view)
            }
            Entry::Sum(sum) if !sum.is_view() => {
                let name = self.label(outlet);
                let view = self.graph.push(&name, sum, Activation::Identity).1;
                self.entries.insert(outlet, Entry::Sum(view.clone()));
                Ok(view)
            }
            Entry::Unary { root, f } => match f.line() {
                Some(line) => {
                    let view = self.view(root)?;
                    Ok(self.straight(view, line))
                }
                None => self.function(outlet, root, &f),
            },
            _ => self.demand(outlet),
        }
    }

    /// The tensor as a view of one block, with neither contraction nor constant: a factor of a product of activations,
    /// where terms of different scales would cost precision.
    fn plain(&mut self, outlet: OutletId) -> Outcome<Sum> {
        let view = self.view(outlet)?;
        let mut nodes = view.reads.iter().map(|r| r.node);
        let first = nodes.next();
        if view.constant.is_none() && nodes.all(|n| Some(n) == first) {
            return Ok(view);
        }
        Ok(self.block(outlet, view))
    }

    /// Makes a node of an expression of `outlet`, which later readers read too.
    fn block(&mut self, outlet: OutletId, sum: Sum) -> Sum {
        let name = self.label(outlet);
        let view = self.graph.push(&name, sum, Activation::Identity).1;
        self.entries.insert(outlet, Entry::Sum(view.clone()));
        view
    }

    /// A function of `root`: lines stay expressions, the rest becomes a node, once.
    fn function(&mut self, outlet: OutletId, root: OutletId, f: &Arc<Unary>) -> Outcome<Sum> {
        let (line, core) = f.peel();
        if matches!(core.as_ref(), Unary::Variable) {
            let base = self.demand(root)?;
            return Ok(self.straight(base, line));
        }
        let name = self.label(outlet);
        let view = self.apply(&name, root, &core)?;
        Ok(view.affine(line.slope, line.shift))
    }

    /// The node that applies `f` to `root`, made once.
    fn apply(&mut self, name: &str, root: OutletId, f: &Arc<Unary>) -> Outcome<Sum> {
        let key = (root, Arc::as_ptr(f));
        if let Some((_, view)) = self.chains.get(&key) {
            return Ok(view.clone());
        }
        let base = match self.entry(root)?.clone() {
            Entry::Sum(base) => base,
            Entry::Ratio(_) => self.view(root)?,
            _ => return Err(Refusal::new("an operand has no value")),
        };
        let (sum, activation) = match (f.relu_of(), f.root_of()) {
            (Some(line), _) => (base.affine(line.slope, line.shift), Activation::Relu),
            (_, Some(line)) => (base.affine(line.slope, line.shift), Activation::Root),
            _ => (base, Activation::Table(Arc::clone(f))),
        };
        let view = self.graph.push(name, sum, activation).1;
        self.chains.insert(key, (Arc::clone(f), view.clone()));
        Ok(view)
    }

    /// Evaluates a node on constants; `given` overrides operands by slot.
    fn evaluate(
        &self,
        node: &TypedNode,
        given: &[(usize, ArrayD<f32>)],
    ) -> Outcome<Vec<ArrayD<f32>>> {
        let mut operands: TVec<TValue> = TVec::new();
        for (slot, outlet) in node.inputs.iter().enumerate() {
            let known = given.iter().find(|(s, _)| *s == slot).map(|(_, v)| v);
            let fact = self.model.outlet_fact(*outlet)?;
            let value = match (known, &fact.konst) {
                (Some(v), _) => tensor(v)?,
                (None, Some(konst)) => konst.as_ref().clone(),
                (None, None) => match self.entry(*outlet)? {
                    Entry::Constant(v) => tensor(v)?,
                    _ => return Err(Refusal::new("an operand is not constant")),
                },
            };
            operands.push(
                value
                    .cast_to_dt(fact.datum_type)?
                    .into_owned()
                    .into_tvalue(),
            );
        }
        let outputs = node.op.eval_out_of_plan(operands)?;
        let outputs = outputs.ok_or_else(|| Refusal::new("it keeps state"))?;
        outputs.iter().map(|t| Ok(array(t)?)).collect()
    }

    /// What an affine operator makes of the constant parts of its operands (slot, sum): its own constant part.
    fn constant_part(
        &self,
        node: &TypedNode,
        operands: &[(usize, &Sum)],
        axes: &[Vec<Atom>],
    ) -> Outcome<Option<Constant>> {
        let given: Vec<(usize, ArrayD<f32>)> = operands
            .iter()
            .map(|(slot, sum)| {
                let part = match &sum.constant {
                    Some(c) => c.dense(&sum.axes, &self.graph.atoms),
                    None => ArrayD::zeros(IxDyn(&sum.shape(&self.graph.atoms))),
                };
                (*slot, part)
            })
            .collect();
        let values = self.evaluate(node, &given)?.into_iter().next();
        let values = values.ok_or_else(|| Refusal::new("it has no output"))?;
        if values.iter().all(|v| *v == 0.0) {
            return Ok(None);
        }
        Ok(Some(self.constant_along(&values, axes)?))
    }

    fn constant_along(&self, values: &ArrayD<f32>, axes: &[Vec<Atom>]) -> Outcome<Constant> {
        Constant::along(values, axes, &self.graph.atoms)
            .ok_or_else(|| Refusal::new("a constant does not fit the tensor it is combined with"))
    }
}

fn input(node: &TypedNode, slot: usize) -> Outcome<OutletId> {
    node.inputs
        .get(slot)
        .copied()
        .ok_or_else(|| Refusal::new("an operand is missing"))
}

fn array(tensor: &Tensor) -> TractResult<ArrayD<f32>> {
    let tensor = tensor.cast_to::<f32>()?;
    Ok(tensor.to_plain_array_view::<f32>()?.to_owned())
}

fn tensor(values: &ArrayD<f32>) -> TractResult<Tensor> {
    let flat: Vec<f32> = values.iter().copied().collect();
    Tensor::from_shape(values.shape(), &flat)
}

pub(super) fn unexpressed() -> Refusal {
    Refusal::new("the way it regroups axes cannot be expressed without moving data")
}
