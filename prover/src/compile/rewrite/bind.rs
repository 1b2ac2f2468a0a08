//! What the user fixes: inputs that become constants, and dimensions that have a name instead of a length.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use tract_onnx::pb::GraphProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dim;
use tract_onnx::pb::type_proto::Value as Type;

use super::super::error::CompileError;
use super::tensor::Constant;

/// Turns inputs into constants.
///
/// # Errors
/// A name that no input has.
pub(in super::super) fn bind_inputs(
    graph: &mut GraphProto,
    values: &BTreeMap<String, ArrayD<f64>>,
) -> Result<(), CompileError> {
    for (name, values) in values {
        let Some(at) = graph.input.iter().position(|i| i.name == *name) else {
            return Err(CompileError::NoInput {
                input: name.clone(),
                inputs: graph.input.iter().map(|i| i.name.clone()).collect(),
            });
        };
        let info = graph.input.remove(at);
        let declared = info.r#type.and_then(|t| t.value);
        let dtype = declared.map(|Type::TensorType(t)| t.elem_type);
        let dtype = dtype.and_then(|t| DataType::try_from(t).ok());
        graph.initializer.retain(|t| t.name != *name);
        let constant = Constant {
            dtype: dtype.unwrap_or(DataType::Float),
            values: values.clone(),
        };
        graph.initializer.push(constant.write(name));
    }
    Ok(())
}

/// Gives named dimensions of the inputs their lengths.
///
/// # Errors
/// A name that no dimension has.
pub(in super::super) fn bind_dimensions(
    graph: &mut GraphProto,
    lengths: &BTreeMap<String, usize>,
) -> Result<(), CompileError> {
    let mut found: BTreeMap<String, bool> = BTreeMap::new();
    for info in &mut graph.input {
        let tensor = info.r#type.as_mut().and_then(|t| t.value.as_mut());
        let shape = tensor.and_then(|Type::TensorType(t)| t.shape.as_mut());
        for dim in shape.into_iter().flat_map(|s| &mut s.dim) {
            let Some(Dim::DimParam(name)) = &dim.value else {
                continue;
            };
            let length = lengths.get(name).and_then(|n| i64::try_from(*n).ok());
            found.insert(name.clone(), length.is_some());
            if let Some(length) = length {
                dim.value = Some(Dim::DimValue(length));
            }
        }
    }
    match lengths.keys().find(|name| found.get(*name) != Some(&true)) {
        Some(name) => Err(CompileError::NoDimension {
            dimension: name.clone(),
            dimensions: found.into_keys().collect(),
        }),
        None => Ok(()),
    }
}
