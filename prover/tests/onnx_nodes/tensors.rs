//! Tensors of the tests' own files.

use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use prost::Message;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

/// A tensor as numbers, and its element type.
pub struct Numbers {
    pub values: ArrayD<f64>,
    pub dtype: DataType,
}

/// Reads `test_data_set_0/*.pb`; `None` if it holds no tensor of numbers.
pub fn read(path: &Path) -> Option<Numbers> {
    let bytes = std::fs::read(path).unwrap();
    let proto = TensorProto::decode(bytes.as_slice()).ok()?;
    let dtype = DataType::try_from(proto.data_type).ok()?;
    let flat: Vec<f64> = if proto.raw_data.is_empty() {
        typed(&proto, dtype)
    } else {
        raw(&proto.raw_data, dtype)?
    };
    let shape: Vec<usize> = proto.dims.iter().map(|d| *d as usize).collect();
    let values = ArrayD::from_shape_vec(IxDyn(&shape), flat).ok()?;
    Some(Numbers { values, dtype })
}

fn typed(proto: &TensorProto, dtype: DataType) -> Vec<f64> {
    let halves = |f: fn(u16) -> f64| proto.int32_data.iter().map(|v| f(*v as u16)).collect();
    match dtype {
        DataType::Float => proto.float_data.iter().map(|v| f64::from(*v)).collect(),
        DataType::Double => proto.double_data.clone(),
        DataType::Int64 => proto.int64_data.iter().map(|v| *v as f64).collect(),
        DataType::Uint32 | DataType::Uint64 => {
            proto.uint64_data.iter().map(|v| *v as f64).collect()
        }
        DataType::Float16 => halves(half),
        DataType::Bfloat16 => halves(brain),
        _ => proto.int32_data.iter().map(|v| f64::from(*v)).collect(),
    }
}

fn raw(bytes: &[u8], dtype: DataType) -> Option<Vec<f64>> {
    fn each<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        let chunks = bytes.chunks_exact(N);
        chunks.map(|c| f(c.try_into().unwrap())).collect()
    }
    Some(match dtype {
        DataType::Float => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
        DataType::Double => each(bytes, f64::from_le_bytes),
        DataType::Int64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        DataType::Uint64 => each(bytes, |b| u64::from_le_bytes(b) as f64),
        DataType::Int32 => each(bytes, |b| f64::from(i32::from_le_bytes(b))),
        DataType::Uint32 => each(bytes, |b| f64::from(u32::from_le_bytes(b))),
        DataType::Int16 => each(bytes, |b| f64::from(i16::from_le_bytes(b))),
        DataType::Uint16 => each(bytes, |b| f64::from(u16::from_le_bytes(b))),
        DataType::Int8 => each(bytes, |b| f64::from(i8::from_le_bytes(b))),
        DataType::Uint8 | DataType::Bool => each(bytes, |b: [u8; 1]| f64::from(b[0])),
        DataType::Float16 => each(bytes, |b| half(u16::from_le_bytes(b))),
        DataType::Bfloat16 => each(bytes, |b| brain(u16::from_le_bytes(b))),
        _ => return None,
    })
}

fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    match (exponent, fraction) {
        (0, f) => sign * f * 2_f64.powi(-24),
        (31, 0.0) => sign * f64::INFINITY,
        (31, _) => f64::NAN,
        (e, f) => sign * (1.0 + f / 1024.0) * 2_f64.powi(e - 15),
    }
}

fn brain(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}
