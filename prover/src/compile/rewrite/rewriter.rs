//! The walk over the graph: what is known of every tensor (shape, kind, value if constant), nodes that are folded, written in simpler
//! ones, or kept.
//!
//! What depends on the data is computed in real numbers, whatever its ONNX type: integers are whole numbers that do not wrap,
//! truth values are 0 and 1, half and double precision are floats. Constants keep their types where an operator wants
//! a shape, axes or the like, and become floats where it wants values.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dim;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, ValueInfoProto, tensor_shape_proto};

use super::super::error::Unsupported;
use super::super::onnx::node_name;
use super::super::operators::why_not;
use super::node::attribute;
pub(super) use super::node::{Node, Outcome, Refusal, Value};
use super::tensor::Constant;

/// Larger constants are not evaluated here; the importer folds them.
pub(super) const FOLDED: usize = 1 << 16;

/// What a tensor's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Real,
    Whole,
    Truth,
}

impl Kind {
    pub fn of(dtype: DataType) -> Self {
        match dtype {
            DataType::Bool => Self::Truth,
            DataType::Float
            | DataType::Float16
            | DataType::Bfloat16
            | DataType::Double
            | DataType::Undefined => Self::Real,
            _ => Self::Whole,
        }
    }
}

/// What is known of a tensor.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    /// As ONNX sees it.
    kind: Kind,
    /// As it is stored in the rewritten graph.
    pub dtype: DataType,
    pub shape: Option<Vec<usize>>,
    constant: bool,
    value: Option<Rc<Constant>>,
}

/// Rewrites one graph.
pub(super) struct Rewriter {
    pub(super) opset: i64,
    pub(super) importer: tract_onnx::Onnx,
    pub(super) facts: HashMap<String, Fact>,
    /// Constants of the model that have not been read yet.
    stored: HashMap<String, TensorProto>,
    /// Other names of tensors.
    names: HashMap<String, String>,
    floats: HashMap<String, String>,
    taken: HashSet<String>,
    /// Names of the graph's outputs.
    outputs: HashSet<String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    /// The ONNX node being rewritten.
    current: String,
    fresh: usize,
    pub refused: Vec<Unsupported>,
}

impl Rewriter {
    pub fn new(opset: i64) -> Self {
        Self {
            opset,
            importer: tract_onnx::onnx()
                .with_ignore_output_shapes(true)
                .with_ignore_output_types(true)
                .with_ignore_value_info(true),
            facts: HashMap::new(),
            stored: HashMap::new(),
            names: HashMap::new(),
            floats: HashMap::new(),
            taken: HashSet::new(),
            outputs: HashSet::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            current: String::new(),
            fresh: 0,
            refused: Vec::new(),
        }
    }

    pub const fn opset(&self) -> i64 {
        self.opset
    }

    /// Rewrites the whole graph.
    pub fn run(&mut self, graph: &mut GraphProto) {
        for tensor in std::mem::take(&mut graph.initializer) {
            self.declare_stored(tensor);
        }
        // Older files list constants as inputs, too.
        graph.input.retain(|i| !self.stored.contains_key(&i.name));
        self.outputs = graph.output.iter().map(|o| o.name.clone()).collect();
        let indices = index_inputs(graph);
        for info in &mut graph.input {
            self.declare_input(info, indices.contains(info.name.as_str()));
        }
        let own = graph
            .node
            .iter()
            .flat_map(|n| n.output.iter().chain([&n.name]));
        self.taken.extend(own.cloned());
        for node in std::mem::take(&mut graph.node) {
            node_name(&node).clone_into(&mut self.current);
            self.place(node);
        }
        for output in &graph.output {
            let source = self.names.get(&output.name).unwrap_or(&output.name);
            let shape = self.facts.get(source).and_then(|f| f.shape.as_ref());
            if shape.is_some_and(|s| s.contains(&0)) {
                output.name.clone_into(&mut self.current);
                self.refuse("output", "it has no elements".to_owned());
            }
            self.finish(&output.name);
        }
        graph.node = std::mem::take(&mut self.nodes);
        let read: HashSet<&String> = (graph.node.iter().flat_map(|n| &n.input))
            .chain(graph.output.iter().map(|o| &o.name))
            .collect();
        let mut initializers = std::mem::take(&mut self.initializers);
        initializers.extend(self.stored.drain().map(|(_, t)| t));
        initializers.retain(|t| read.contains(&t.name));
        initializers.sort_by(|a, b| a.name.cmp(&b.name));
        graph.initializer = initializers;
    }

    /// Whether a node's first result is an output of the graph.
    pub fn shows(&self, node: &Node) -> bool {
        node.proto
            .output
            .first()
            .is_some_and(|o| self.outputs.contains(o))
    }

    /// Gives an output of the graph its own name.
    fn finish(&mut self, name: &str) {
        let Some(source) = self.names.remove(name) else {
            return;
        };
        if let Some(value) = self.facts.get(&source).and_then(|f| f.value.clone()) {
            self.initializers.push(value.write(name));
            return;
        }
        self.nodes.push(NodeProto {
            name: name.to_owned(),
            op_type: "Identity".to_owned(),
            input: vec![source],
            output: vec![name.to_owned()],
            ..NodeProto::default()
        });
    }

    fn declare_stored(&mut self, tensor: TensorProto) {
        let dtype = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
        let shape = tensor.dims.iter().map(|d| usize::try_from(*d).ok());
        let fact = Fact {
            kind: Kind::of(dtype),
            dtype,
            shape: shape.collect(),
            constant: true,
            value: None,
        };
        self.facts.insert(tensor.name.clone(), fact);
        self.taken.insert(tensor.name.clone());
        self.stored.insert(tensor.name.clone(), tensor);
    }

    fn declare_input(&mut self, info: &mut ValueInfoProto, index: bool) {
        self.taken.insert(info.name.clone());
        let Some(Type::TensorType(tensor)) = info.r#type.as_mut().and_then(|t| t.value.as_mut())
        else {
            return;
        };
        let dtype = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
        let index = index && Kind::of(dtype) == Kind::Whole;
        let stored = if index { dtype } else { DataType::Float };
        tensor.elem_type = stored.into();
        let dims = tensor.shape.as_ref();
        let len = |d: &tensor_shape_proto::Dimension| match d.value {
            Some(Dim::DimValue(n)) => usize::try_from(n).unwrap_or(1).max(1),
            _ => 1,
        };
        let fact = Fact {
            kind: Kind::of(dtype),
            dtype: stored,
            shape: Some(dims.map_or_else(Vec::new, |s| s.dim.iter().map(len).collect())),
            constant: false,
            value: None,
        };
        self.facts.insert(info.name.clone(), fact);
    }

    /// Writes one node of the model.
    fn place(&mut self, mut node: NodeProto) {
        for name in &mut node.input {
            if let Some(known) = self.names.get(name) {
                name.clone_from(known);
            }
        }
        let node = Node { proto: node };
        match self.rewrite(&node) {
            Ok(Some(results)) => {
                for (name, result) in node.proto.output.iter().zip(results) {
                    if !name.is_empty() {
                        self.names.insert(name.clone(), result);
                    }
                }
            }
            Ok(None) => {
                let operator = node.proto.op_type.clone();
                let outputs = node.proto.output.clone();
                self.keep(node.proto);
                if outputs.iter().any(|o| self.is_empty(o)) {
                    self.refuse(&operator, "its result has no elements".to_owned());
                }
            }
            Err(Refusal(why)) => self.refuse(&node.proto.op_type, why),
        }
    }

    fn refuse(&mut self, operator: &str, why: String) {
        if self.refused.iter().all(|r| r.node != self.current) {
            self.refused.push(Unsupported {
                node: self.current.clone(),
                operator: operator.to_owned(),
                why,
            });
        }
    }

    fn is_empty(&self, name: &str) -> bool {
        let shape = self.facts.get(name).filter(|f| !f.constant);
        shape
            .and_then(|f| f.shape.as_ref())
            .is_some_and(|s| s.contains(&0))
    }

    /// The tensors that stand for a node's outputs; `None` if it is to be kept.
    fn rewrite(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        if let Some(value) = self.literal(node) {
            return Ok(Some(vec![self.constant_named(value)]));
        }
        if self.foreign(node) {
            return Ok(None);
        }
        let given = node.proto.input.iter().filter(|i| !i.is_empty());
        let constant = given.clone().all(|i| self.is_constant(i));
        if constant && !node.operator().starts_with("Random") {
            let size = |i: &String| self.shape(i).map_or(usize::MAX, |s| s.iter().product());
            if given.map(size).max().unwrap_or(0) > FOLDED {
                return Ok(None);
            }
            match self.evaluate(&node.proto) {
                Ok(values) => {
                    let names = values.into_iter().map(|v| self.constant_named(v));
                    return Ok(Some(names.collect()));
                }
                Err(e) => {
                    let result = self.rule(node)?;
                    let unknown = || {
                        Refusal::new(match why_not(node.operator()) {
                            "" => format!("it cannot be evaluated: {e}"),
                            why => why.to_owned(),
                        })
                    };
                    return result.map(Some).ok_or_else(unknown);
                }
            }
        }
        self.rule(node)
    }

    /// Whether an operand is none that this compiler knows: strings, sequences, results of refused nodes.
    fn foreign(&self, node: &Node) -> bool {
        let mut given = node.proto.input.iter().filter(|i| !i.is_empty());
        !given.all(|i| self.facts.contains_key(i))
    }

    /// The value of a node that has one by itself.
    fn literal(&self, node: &Node) -> Option<Constant> {
        match node.operator() {
            "Constant" => {
                let ints = node.ints("value_ints").map(|v| Constant::ints(&v));
                let floats = node.floats("value_floats");
                node.tensor("value")
                    .or(ints)
                    .or_else(|| {
                        let values = ndarray::Array1::from(floats?);
                        Some(Constant::floats(values.into_dyn()))
                    })
                    .or_else(|| {
                        let attribute = node.attribute("value_float")?;
                        Some(Constant::scalar(f64::from(attribute.f)))
                    })
                    .or_else(|| {
                        let attribute = node.attribute("value_int")?;
                        let mut one = Constant::ints(&[attribute.i]);
                        one.values = one.values.remove_axis(ndarray::Axis(0));
                        Some(one)
                    })
            }
            "Shape" => {
                let shape = self.shape(node.input(0).ok()?).ok()?;
                let rank = i64::try_from(shape.len()).ok()?;
                let clip =
                    |v: i64| usize::try_from(if v < 0 { v + rank } else { v }.clamp(0, rank));
                let (from, to) = (
                    clip(node.int("start", 0)).ok()?,
                    clip(node.int("end", rank)).ok()?,
                );
                let lens = shape.get(from..to.max(from))?;
                Some(Constant::ints(
                    &lens.iter().map(|n| signed(*n)).collect::<Vec<_>>(),
                ))
            }
            "Size" => {
                let shape = self.shape(node.input(0).ok()?).ok()?;
                let mut one = Constant::ints(&[signed(shape.iter().product())]);
                one.values = one.values.remove_axis(ndarray::Axis(0));
                Some(one)
            }
            _ => None,
        }
    }

    /// Keeps a node, with constants among its values as floats.
    fn keep(&mut self, mut node: NodeProto) {
        let wrapped = Node {
            proto: node.clone(),
        };
        let constant = node
            .input
            .iter()
            .all(|i| i.is_empty() || self.is_constant(i));
        if !constant && !self.foreign(&wrapped) {
            let structural = structural(&node.op_type);
            let moved = matches!(
                node.op_type.as_str(),
                "Flatten" | "Identity" | "Reshape" | "Squeeze" | "Unsqueeze"
            );
            for (slot, name) in node.input.iter_mut().enumerate() {
                let index = moved && self.is_index(name);
                if !name.is_empty() && !structural.contains(&slot) && !index {
                    *name = self.float(name);
                }
            }
        }
        if self.foreign(&wrapped) {
            self.nodes.push(node);
            return;
        }
        let facts = self.infer(&node, constant);
        for (slot, name) in node.output.iter().enumerate() {
            if name.is_empty() {
                continue;
            }
            let fact = facts.as_ref().and_then(|f| f.get(slot)).cloned();
            let first = node.input.first().and_then(|i| self.facts.get(i));
            let dtype = fact.as_ref().map_or(DataType::Float, |f| f.0);
            let kind = match first {
                Some(first) if !constant && dtype == DataType::Float => first.kind,
                _ => Kind::of(dtype),
            };
            self.facts.insert(
                name.clone(),
                Fact {
                    kind,
                    dtype,
                    shape: fact.map(|f| f.1),
                    constant,
                    value: None,
                },
            );
        }
        self.nodes.push(node);
    }

    pub(super) fn value(&self, name: &str) -> Option<Rc<Constant>> {
        let fact = self.facts.get(name)?;
        if fact.value.is_some() {
            return fact.value.clone();
        }
        Constant::read(self.stored.get(name)?).map(Rc::new)
    }

    /// The value of a tensor that has to be constant.
    pub fn constant(&mut self, name: &str) -> Outcome<Rc<Constant>> {
        if let Some(value) = self.value(name) {
            if let Some(fact) = self.facts.get_mut(name) {
                fact.value = Some(Rc::clone(&value));
            }
            return Ok(value);
        }
        Err(Refusal::new(if self.is_constant(name) {
            format!("its operand {name} is too large a constant to be known here")
        } else {
            format!(
                "its operand {name} depends on the data; it has to be constant (an input that is fixed can be bound to a value)"
            )
        }))
    }

    pub fn is_constant(&self, name: &str) -> bool {
        self.facts.get(name).is_some_and(|f| f.constant)
    }

    /// A tensor's shape.
    pub fn shape(&self, name: &str) -> Outcome<Vec<usize>> {
        let shape = self.facts.get(name).and_then(|f| f.shape.clone());
        shape.ok_or_else(|| Refusal::new(format!("the shape of its operand {name} is not known")))
    }

    pub fn kind(&self, name: &str) -> Kind {
        self.facts.get(name).map_or(Kind::Real, |f| f.kind)
    }

    /// Whether it is stored as integers: indices.
    pub fn is_index(&self, name: &str) -> bool {
        let fact = self.facts.get(name).filter(|f| !f.constant);
        fact.is_some_and(|f| Kind::of(f.dtype) == Kind::Whole)
    }

    /// Says what a tensor's numbers mean.
    pub fn mean(&mut self, name: &str, kind: Kind) {
        if let Some(fact) = self.facts.get_mut(name).filter(|f| !f.constant) {
            fact.kind = kind;
        }
    }

    /// The tensor with values that are floats.
    pub fn float(&mut self, name: &str) -> String {
        let Some(fact) = self.facts.get(name) else {
            return name.to_owned();
        };
        if fact.dtype == DataType::Float {
            return name.to_owned();
        }
        if let Some(known) = self.floats.get(name) {
            return known.clone();
        }
        let result = match self.value(name) {
            Some(value) => self.constant_named(Constant::floats(value.values.clone())),
            None => {
                let to = i64::from(i32::from(DataType::Float));
                let kind = self.kind(name);
                let node = self.node("Cast", &[name], 1, &[("to", Value::Int(to))]);
                let result = node.output.first().cloned().unwrap_or_default();
                let fact = self.facts.get(name).cloned();
                self.nodes.push(node);
                if let Some(fact) = fact {
                    let dtype = DataType::Float;
                    let fact = Fact {
                        dtype,
                        kind,
                        ..fact
                    };
                    self.facts.insert(result.clone(), fact);
                }
                result
            }
        };
        self.floats.insert(name.to_owned(), result.clone());
        result
    }

    fn fresh(&mut self) -> String {
        loop {
            self.fresh += 1;
            let name = format!("{}.{}", self.current, self.fresh);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// A constant of the rewritten graph.
    pub fn constant_named(&mut self, mut value: Constant) -> String {
        let name = self.fresh();
        let kind = Kind::of(value.dtype);
        if kind == Kind::Real {
            value.dtype = DataType::Float;
        }
        self.initializers.push(value.write(&name));
        let fact = Fact {
            kind,
            dtype: value.dtype,
            shape: Some(value.values.shape().to_vec()),
            constant: true,
            value: Some(Rc::new(value)),
        };
        self.facts.insert(name.clone(), fact);
        name
    }

    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: usize,
        attributes: &[(&str, Value<'_>)],
    ) -> NodeProto {
        let name = self.fresh();
        let mut output = vec![name.clone()];
        while output.len() < outputs {
            output.push(self.fresh());
        }
        NodeProto {
            name,
            op_type: operator.to_owned(),
            input: inputs.iter().map(|i| (*i).to_owned()).collect(),
            output,
            attribute: attributes.iter().map(|(n, v)| attribute(n, v)).collect(),
            ..NodeProto::default()
        }
    }

    /// Writes a node, by rules again, and returns its first output.
    pub fn write(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Value<'_>)],
    ) -> String {
        let node = self.node(operator, inputs, 1, attributes);
        let name = node.output.first().cloned().unwrap_or_default();
        self.place(node);
        self.names.remove(&name).unwrap_or(name)
    }

    /// Writes a node with the attributes of another.
    pub fn write_like(&mut self, like: &Node, operator: &str, inputs: &[&str]) -> String {
        let mut node = self.node(operator, inputs, 1, &[]);
        node.attribute.clone_from(&like.proto.attribute);
        let name = node.output.first().cloned().unwrap_or_default();
        self.keep(node);
        name
    }

    /// Writes a node as it is.
    pub fn write_plain(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Value<'_>)],
    ) -> String {
        let node = self.node(operator, inputs, 1, attributes);
        let name = node.output.first().cloned().unwrap_or_default();
        self.keep(node);
        name
    }
}

/// What says which rows are gathered, from the inputs on: it stays integers.
fn index_inputs(graph: &GraphProto) -> HashSet<String> {
    let mut indices: HashSet<String> = HashSet::new();
    for node in graph.node.iter().rev() {
        let slots: &[usize] = match node.op_type.as_str() {
            "Gather" => &[1],
            "EmbedLayerNormalization" => &[0, 1],
            "Cast" | "Flatten" | "Identity" | "Reshape" | "Squeeze" | "Unsqueeze"
                if node.output.iter().any(|o| indices.contains(o)) =>
            {
                &[0]
            }
            _ => &[],
        };
        indices.extend(slots.iter().filter_map(|s| node.input.get(*s).cloned()));
    }
    indices
}

pub(super) fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Operands that say how, not what: shapes, axes, positions. They keep their types.
pub(super) fn structural(operator: &str) -> &'static [usize] {
    match operator {
        "Reshape" | "Expand" | "Tile" | "Squeeze" | "Unsqueeze" | "Split" | "CumSum" | "TopK"
        | "Trilu" | "Compress" | "Gather" | "GatherElements" | "GatherND" | "ScatterND"
        | "ScatterElements" | "Scatter" | "ReverseSequence" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean" | "ReduceMin"
        | "ReduceProd" | "ReduceSum" | "ReduceSumSquare" => &[1],
        "Pad" => &[1, 3],
        "Resize" => &[1, 2, 3],
        "Slice" => &[1, 2, 3, 4],
        "Dropout" => &[1, 2],
        "OneHot" => &[0, 1],
        "ConstantOfShape" | "Where" => &[0],
        _ => &[],
    }
}
