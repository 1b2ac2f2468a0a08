//! Constants of the ONNX graph as numbers, and back.

use ndarray::{ArrayD, IxDyn};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

/// A constant: its values as real numbers, and the element type that ONNX gives it. Integers beyond 2⁵³ are rounded; they only
/// occur as "to the end".
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub dtype: DataType,
    pub values: ArrayD<f64>,
}

impl Constant {
    pub fn floats(values: ArrayD<f64>) -> Self {
        Self {
            dtype: DataType::Float,
            values,
        }
    }

    pub fn scalar(value: f64) -> Self {
        Self::floats(ndarray::arr0(value).into_dyn())
    }

    pub fn ints(values: &[i64]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "indices and lengths")]
        let values = values.iter().map(|v| *v as f64).collect::<Vec<_>>();
        Self {
            dtype: DataType::Int64,
            values: ndarray::Array1::from(values).into_dyn(),
        }
    }

    /// The values as integers.
    pub fn as_ints(&self) -> Vec<i64> {
        self.values.iter().map(|v| integer(*v)).collect()
    }

    /// Row-major values.
    pub fn flat(&self) -> Vec<f64> {
        self.values.iter().copied().collect()
    }

    /// The first value.
    pub fn first(&self) -> Option<f64> {
        self.values.iter().next().copied()
    }

    /// Reads a tensor; `None` if its values are elsewhere, no numbers, or not as many as its shape says.
    pub fn read(proto: &TensorProto) -> Option<Self> {
        let dtype = DataType::try_from(proto.data_type).ok()?;
        let shape: Vec<usize> = proto
            .dims
            .iter()
            .map(|d| usize::try_from(*d).ok())
            .collect::<Option<_>>()?;
        if !proto.external_data.is_empty() {
            return None;
        }
        let flat = if proto.raw_data.is_empty() {
            typed(proto, dtype)?
        } else {
            raw(&proto.raw_data, dtype)?
        };
        let values = ArrayD::from_shape_vec(IxDyn(&shape), flat).ok()?;
        Some(Self { dtype, values })
    }

    /// The tensor under a name; types that hold no more than a float does become floats.
    pub fn write(&self, name: &str) -> TensorProto {
        let mut proto = TensorProto {
            name: name.to_owned(),
            dims: (self.values.shape().iter())
                .map(|n| i64::try_from(*n).unwrap_or(i64::MAX))
                .collect(),
            ..TensorProto::default()
        };
        let values = self.values.iter();
        proto.data_type = match self.dtype {
            DataType::Int64 => {
                proto.int64_data = values.map(|v| integer(*v)).collect();
                DataType::Int64
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates"
            )]
            DataType::Uint32 | DataType::Uint64 => {
                proto.uint64_data = values.map(|v| *v as u64).collect();
                self.dtype
            }
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            DataType::Bool
            | DataType::Int8
            | DataType::Uint8
            | DataType::Int16
            | DataType::Uint16
            | DataType::Int32 => {
                proto.int32_data = values.map(|v| *v as i32).collect();
                self.dtype
            }
            DataType::Double => {
                proto.double_data = values.copied().collect();
                DataType::Double
            }
            #[expect(clippy::cast_possible_truncation, reason = "to the nearest")]
            _ => {
                proto.float_data = values.map(|v| *v as f32).collect();
                DataType::Float
            }
        }
        .into();
        proto
    }
}

/// The integer that a number is; saturating.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
pub(super) fn integer(v: f64) -> i64 {
    v as i64
}

#[expect(clippy::cast_precision_loss, reason = "see the type's documentation")]
fn typed(proto: &TensorProto, dtype: DataType) -> Option<Vec<f64>> {
    let halves = |f: fn(u16) -> f64| {
        let bits = proto.int32_data.iter();
        bits.map(|v| u16::try_from(*v).ok().map(f)).collect()
    };
    Some(match dtype {
        DataType::Float => proto.float_data.iter().map(|v| f64::from(*v)).collect(),
        DataType::Double => proto.double_data.clone(),
        DataType::Int64 => proto.int64_data.iter().map(|v| *v as f64).collect(),
        DataType::Uint32 | DataType::Uint64 => {
            proto.uint64_data.iter().map(|v| *v as f64).collect()
        }
        DataType::Float16 => return halves(half),
        DataType::Bfloat16 => return halves(brain),
        DataType::Bool
        | DataType::Int8
        | DataType::Uint8
        | DataType::Int16
        | DataType::Uint16
        | DataType::Int32 => proto.int32_data.iter().map(|v| f64::from(*v)).collect(),
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "see the type's documentation")]
fn raw(bytes: &[u8], dtype: DataType) -> Option<Vec<f64>> {
    fn each<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
        let chunks = bytes.chunks(N);
        chunks.map(|c| Some(f(c.try_into().ok()?))).collect()
    }
    match dtype {
        DataType::Float => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
        DataType::Double => each(bytes, f64::from_le_bytes),
        DataType::Int64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        DataType::Uint64 => each(bytes, |b| u64::from_le_bytes(b) as f64),
        DataType::Int32 => each(bytes, |b| f64::from(i32::from_le_bytes(b))),
        DataType::Uint32 => each(bytes, |b| f64::from(u32::from_le_bytes(b))),
        DataType::Int16 => each(bytes, |b| f64::from(i16::from_le_bytes(b))),
        DataType::Uint16 => each(bytes, |b| f64::from(u16::from_le_bytes(b))),
        DataType::Int8 => each(bytes, |b| f64::from(i8::from_le_bytes(b))),
        DataType::Uint8 | DataType::Bool => {
            each(bytes, |b: [u8; 1]| f64::from(u8::from_le_bytes(b)))
        }
        DataType::Float16 => each(bytes, |b| half(u16::from_le_bytes(b))),
        DataType::Bfloat16 => each(bytes, |b| brain(u16::from_le_bytes(b))),
        _ => None,
    }
}

fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    match (exponent, bits & 1023) {
        (0, _) => sign * fraction * 2_f64.powi(-24),
        (31, 0) => sign * f64::INFINITY,
        (31, _) => f64::NAN,
        (e, _) => sign * (1.0 + fraction / 1024.0) * 2_f64.powi(e - 15),
    }
}

fn brain(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}
