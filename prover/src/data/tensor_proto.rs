//! ONNX `TensorProto`, the protobuf message of the model zoo's test data.

use ndarray::ArrayD;
use prost::Message;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

use super::npy::Element;
use super::{DataError, array, malformed};

/// Decodes a message that holds its own data.
pub(super) fn read(place: &str, bytes: &[u8]) -> Result<ArrayD<f32>, DataError> {
    let tensor = TensorProto::decode(bytes)
        .map_err(|e| malformed(place, format!("not an ONNX TensorProto: {e}")))?;
    if tensor.data_location == Some(DataLocation::External as i32) {
        return Err(malformed(place, "its data is in another file"));
    }
    let shape: Option<Vec<usize>> = tensor
        .dims
        .iter()
        .map(|d| usize::try_from(*d).ok())
        .collect();
    let Some(shape) = shape else {
        return Err(malformed(
            place,
            format!("shape {:?} is negative", tensor.dims),
        ));
    };
    let values = values(place, &tensor)?;
    array(place, &shape, values)
}

fn values(place: &str, tensor: &TensorProto) -> Result<Vec<f32>, DataError> {
    let kind = DataType::try_from(tensor.data_type);
    let element = match kind {
        Ok(DataType::Float) => Element::F32,
        Ok(DataType::Double) => Element::F64,
        Ok(DataType::Int8) => Element::I8,
        Ok(DataType::Int16) => Element::I16,
        Ok(DataType::Int32) => Element::I32,
        Ok(DataType::Int64) => Element::I64,
        Ok(DataType::Uint8) => Element::U8,
        Ok(DataType::Uint16) => Element::U16,
        Ok(DataType::Uint32) => Element::U32,
        Ok(DataType::Uint64) => Element::U64,
        Ok(DataType::Bool) => Element::Bool,
        _ => {
            let found = match kind {
                Ok(kind) => kind.as_str_name().to_owned(),
                Err(_) => tensor.data_type.to_string(),
            };
            return Err(DataError::ElementType {
                place: place.to_owned(),
                found,
            });
        }
    };
    if !tensor.raw_data.is_empty() {
        if !tensor.raw_data.len().is_multiple_of(element.bytes()) {
            return Err(malformed(place, "its raw data ends within an element"));
        }
        return Ok(element.decode(&tensor.raw_data));
    }
    Ok(match element {
        Element::F32 => tensor.float_data.clone(),
        Element::F64 => tensor.double_data.iter().map(|v| *v as f32).collect(),
        Element::I64 => tensor.int64_data.iter().map(|v| *v as f32).collect(),
        Element::U32 | Element::U64 => tensor.uint64_data.iter().map(|v| *v as f32).collect(),
        _ => tensor.int32_data.iter().map(|v| *v as f32).collect(),
    })
}
