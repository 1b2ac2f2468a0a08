//! Builds small ONNX models, and samples for them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;

use ndarray::ArrayD;
use pleat_prover::compile::{CompileError, CompileOptions, Compiled, Report, compile, unheard};
use pleat_verifier::descriptor::Limits;
use pleat_verifier::network::Network;
use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType, type_proto,
};

/// Pseudo-random numbers of a seed.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `[-1, 1)`.
    pub fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn vec(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.next()).collect()
    }

    pub fn array(&mut self, shape: &[usize]) -> ArrayD<f32> {
        ArrayD::from_shape_fn(shape, |_| self.next())
    }
}

/// An attribute of a node.
pub enum Value {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Floats(Vec<f32>),
    Text(&'static str),
}

/// A model under construction.
#[derive(Clone, Default)]
pub struct Model {
    graph: GraphProto,
    pub inputs: Vec<Vec<usize>>,
    opset: i64,
}

fn value_info(name: &str, dims: Vec<dimension::Value>) -> ValueInfoProto {
    let dim = dims
        .into_iter()
        .map(|value| Dimension {
            value: Some(value),
            ..Dimension::default()
        })
        .collect();
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float.into(),
        shape: Some(TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

impl Model {
    pub fn new() -> Self {
        Self::opset(13)
    }

    pub fn opset(opset: i64) -> Self {
        Self {
            opset,
            ..Self::default()
        }
    }

    pub fn input(mut self, name: &str, shape: &[usize]) -> Self {
        let dims = shape.iter().map(|n| dimension::Value::DimValue(*n as i64));
        self.graph.input.push(value_info(name, dims.collect()));
        self.inputs.push(shape.to_vec());
        self
    }

    /// An input of indices.
    pub fn indices(mut self, name: &str, shape: &[usize]) -> Self {
        self = self.input(name, shape);
        let declared = self.graph.input.last_mut().and_then(|i| i.r#type.as_mut());
        if let Some(type_proto::Value::TensorType(t)) = declared.and_then(|t| t.value.as_mut()) {
            t.elem_type = DataType::Int64.into();
        }
        self
    }

    /// An input whose first dimension is symbolic.
    pub fn batched(mut self, name: &str, rest: &[usize]) -> Self {
        let mut dims = vec![dimension::Value::DimParam("batch".to_owned())];
        dims.extend(rest.iter().map(|n| dimension::Value::DimValue(*n as i64)));
        self.graph.input.push(value_info(name, dims));
        self.inputs.push([&[1], rest].concat());
        self
    }

    pub fn weights(mut self, name: &str, shape: &[usize], values: Vec<f32>) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>());
        self.graph.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: shape.iter().map(|n| *n as i64).collect(),
            data_type: DataType::Float.into(),
            float_data: values,
            ..TensorProto::default()
        });
        self
    }

    pub fn ints(mut self, name: &str, values: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: vec![values.len() as i64],
            data_type: DataType::Int64.into(),
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    /// Unsigned bytes.
    pub fn bytes(mut self, name: &str, shape: &[usize], values: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: shape.iter().map(|n| *n as i64).collect(),
            data_type: DataType::Uint8.into(),
            raw_data: values.iter().map(|v| *v as u8).collect(),
            ..TensorProto::default()
        });
        self
    }

    /// Lists every initializer as an input too, as old exporters do.
    pub fn initializers_as_inputs(mut self) -> Self {
        for tensor in &self.graph.initializer {
            let dims = tensor.dims.iter().map(|n| dimension::Value::DimValue(*n));
            self.graph
                .input
                .insert(0, value_info(&tensor.name, dims.collect()));
        }
        self
    }

    pub fn node(self, op: &str, inputs: &[&str], output: &str) -> Self {
        self.node_with(op, inputs, &[output], &[])
    }

    pub fn node_with(
        self,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Value)],
    ) -> Self {
        self.node_of("", op, inputs, outputs, attributes)
    }

    /// A node of another domain.
    pub fn node_of(
        mut self,
        domain: &str,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Value)],
    ) -> Self {
        let attribute = |(name, value): &(&str, Value)| {
            let mut a = AttributeProto {
                name: (*name).to_owned(),
                ..AttributeProto::default()
            };
            match value {
                Value::Int(i) => (a.i, a.r#type) = (*i, AttributeType::Int.into()),
                Value::Ints(v) => (a.ints, a.r#type) = (v.clone(), AttributeType::Ints.into()),
                Value::Float(f) => (a.f, a.r#type) = (*f, AttributeType::Float.into()),
                Value::Floats(v) => {
                    (a.floats, a.r#type) = (v.clone(), AttributeType::Floats.into())
                }
                Value::Text(s) => {
                    (a.s, a.r#type) = (s.as_bytes().to_vec(), AttributeType::String.into());
                }
            }
            a
        };
        self.graph.node.push(NodeProto {
            name: format!("{}_{}", op.to_lowercase(), self.graph.node.len()),
            op_type: op.to_owned(),
            domain: domain.to_owned(),
            input: inputs.iter().map(|s| (*s).to_owned()).collect(),
            output: outputs.iter().map(|s| (*s).to_owned()).collect(),
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        });
        self
    }

    pub fn output(mut self, name: &str) -> Self {
        self.graph.output.push(ValueInfoProto {
            name: name.to_owned(),
            ..ValueInfoProto::default()
        });
        self
    }

    /// The nodes, for failing tests.
    pub fn describe(&self) -> String {
        let node = |n: &NodeProto| {
            let ints: Vec<_> = n.attribute.iter().map(|a| &a.ints).collect();
            format!("{:?} = {}{:?} {ints:?}\n", n.output, n.op_type, n.input)
        };
        let nodes: String = self.graph.node.iter().map(node).collect();
        let tensor = |t: &TensorProto| format!("{} {:?} {:?}\n", t.name, t.dims, t.int64_data);
        nodes
            + &self
                .graph
                .initializer
                .iter()
                .map(tensor)
                .collect::<String>()
    }

    /// Writes the model to a file of its own; it disappears with the folder.
    pub fn save(&self) -> (tempfile::TempDir, PathBuf) {
        let model = ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto {
                version: self.opset,
                ..OperatorSetIdProto::default()
            }],
            graph: Some(self.graph.clone()),
            ..ModelProto::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        (folder, path)
    }

    /// `count` samples with values in `[-1, 1)·scale`.
    pub fn samples(&self, count: usize, scale: f32) -> Vec<Vec<ArrayD<f32>>> {
        let mut numbers = Numbers::new(7);
        let mut sample = || {
            let shapes = self.inputs.iter();
            shapes
                .map(|s| numbers.array(s).mapv(|v| v * scale))
                .collect()
        };
        (0..count).map(|_| sample()).collect()
    }

    pub fn compile(&self, samples: &[Vec<ArrayD<f32>>]) -> Result<Compiled, CompileError> {
        self.compile_with(samples, &CompileOptions::default())
    }

    pub fn compile_with(
        &self,
        samples: &[Vec<ArrayD<f32>>],
        options: &CompileOptions,
    ) -> Result<Compiled, CompileError> {
        let (_folder, path) = self.save();
        compile(&path, samples, options, &mut unheard)
    }
}

/// Compiles on 20 samples; demands `nodes` nodes and an error of at most `gain` units of rounding in every node.
pub fn check(model: &Model, nodes: usize, gain: f64) -> Compiled {
    let compiled = model
        .compile(&model.samples(20, 2.0))
        .unwrap_or_else(|e| panic!("{e}"));
    let report = &compiled.report;
    assert_eq!(report.nodes, nodes, "{:?}", names(report));
    assert_eq!(report.saturated, Vec::<String>::new());
    let units: f64 = report.scales.iter().map(|s| s.quotient + s.output).sum();
    assert!(
        report.max_abs_error <= gain * units,
        "error {}, allowed {}",
        report.max_abs_error,
        gain * units
    );
    Network::new(compiled.descriptor.clone(), &Limits::default()).unwrap();
    compiled
}

fn names(report: &Report) -> Vec<&str> {
    report.scales.iter().map(|s| s.name.as_str()).collect()
}
