//! What the importer knows of a single node: its outputs' types and shapes, and their values if the operands are constant.

use std::collections::HashSet;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dim;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};
use tract_onnx::prelude::*;

use super::rewriter::{FOLDED, Rewriter, signed};
use super::tensor::Constant;

impl Rewriter {
    /// Types and shapes of a node's outputs, by the importer.
    pub(super) fn infer(
        &self,
        node: &NodeProto,
        constant: bool,
    ) -> Option<Vec<(DataType, Vec<usize>)>> {
        let model = self.single(node, constant)?;
        let parsed = self.importer.parse(&model, None).ok()?.model;
        let typed = parsed.into_typed().ok()?;
        let outlets = typed.output_outlets().ok()?.to_vec();
        let fact = |outlet: &OutletId| {
            let fact = typed.outlet_fact(*outlet).ok()?;
            let shape = fact.shape.as_concrete()?.to_vec();
            Some((data_type(fact.datum_type), shape))
        };
        outlets.iter().map(fact).collect()
    }

    /// A node's outputs, all operands being constants.
    pub(super) fn evaluate(&self, node: &NodeProto) -> TractResult<Vec<Constant>> {
        let model = self.single(node, false);
        let model = model.ok_or_else(|| TractError::msg("an operand has no shape"))?;
        let parsed = self.importer.parse(&model, None)?.model;
        let outputs = parsed.into_typed()?.into_runnable()?.run(tvec![])?;
        let value = |t: &TValue| -> TractResult<Constant> {
            let dtype = data_type(t.datum_type());
            let tensor = if t.datum_type() == TDim::datum_type() {
                t.cast_to::<i64>()?.into_owned()
            } else {
                t.clone().into_tensor()
            };
            let tensor = tensor.cast_to::<f64>()?;
            let values = tensor.to_plain_array_view::<f64>()?.to_owned();
            Ok(Constant { dtype, values })
        };
        outputs.iter().map(value).collect()
    }

    /// A model of one node; large constants are inputs unless they have to be known.
    fn single(&self, node: &NodeProto, types_only: bool) -> Option<ModelProto> {
        let mut graph = GraphProto {
            node: vec![node.clone()],
            ..GraphProto::default()
        };
        let mut seen: HashSet<&String> = HashSet::new();
        for name in node.input.iter().filter(|i| !i.is_empty()) {
            if !seen.insert(name) {
                continue;
            }
            let fact = self.facts.get(name)?;
            let shape = fact.shape.as_ref()?;
            let small = !types_only && shape.iter().product::<usize>() <= FOLDED;
            match small.then(|| self.value(name)).flatten() {
                Some(value) => graph.initializer.push(value.write(name)),
                None => graph.input.push(info(name, fact.dtype, shape)),
            }
        }
        for name in node.output.iter().filter(|o| !o.is_empty()) {
            graph.output.push(ValueInfoProto {
                name: name.clone(),
                ..ValueInfoProto::default()
            });
        }
        Some(ModelProto {
            opset_import: vec![OperatorSetIdProto {
                version: self.opset,
                ..OperatorSetIdProto::default()
            }],
            graph: Some(graph),
            ..ModelProto::default()
        })
    }
}

fn info(name: &str, dtype: DataType, shape: &[usize]) -> ValueInfoProto {
    let dim = |n: &usize| tensor_shape_proto::Dimension {
        value: Some(Dim::DimValue(signed(*n))),
        ..tensor_shape_proto::Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: dtype.into(),
        shape: Some(TensorShapeProto {
            dim: shape.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(Type::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

fn data_type(datum: DatumType) -> DataType {
    match datum {
        DatumType::Bool => DataType::Bool,
        DatumType::U8 => DataType::Uint8,
        DatumType::U16 => DataType::Uint16,
        DatumType::U32 => DataType::Uint32,
        DatumType::U64 => DataType::Uint64,
        DatumType::I8 => DataType::Int8,
        DatumType::I16 => DataType::Int16,
        DatumType::I32 => DataType::Int32,
        DatumType::I64 | DatumType::TDim => DataType::Int64,
        DatumType::F16 => DataType::Float16,
        DatumType::F64 => DataType::Double,
        _ => DataType::Float,
    }
}
