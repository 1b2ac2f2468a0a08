//! NumPy's `.npy` format: a magic string, a version, a Python dictionary with type, order and shape, then the elements.
//!
//! Read here rather than by ndarray-npy, which wants the element type beforehand, allocates what the header claims, and
//! parses nested literals without a limit.

use std::io::Read;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use serde::Deserialize;

use super::{DataError, finite, malformed};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header read; NumPy writes some hundred bytes.
const HEADER_LIMIT: usize = 1 << 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    descr: serde_json::Value,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// Element types that become `f32`.
#[derive(Clone, Copy)]
pub(super) enum Element {
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

impl Element {
    /// NumPy's name without the byte order.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "f4" => Self::F32,
            "f8" => Self::F64,
            "i1" => Self::I8,
            "i2" => Self::I16,
            "i4" => Self::I32,
            "i8" => Self::I64,
            "u1" => Self::U8,
            "u2" => Self::U16,
            "u4" => Self::U32,
            "u8" => Self::U64,
            "b1" => Self::Bool,
            _ => return None,
        })
    }

    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Little-endian elements as `f32`.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        macro_rules! decode {
            ($type:ty) => {
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| <$type>::from_le_bytes(*b) as f32)
                    .collect()
            };
        }
        match self {
            Self::F32 => decode!(f32),
            Self::F64 => decode!(f64),
            Self::I8 => decode!(i8),
            Self::I16 => decode!(i16),
            Self::I32 => decode!(i32),
            Self::I64 => decode!(i64),
            Self::U8 => decode!(u8),
            Self::U16 => decode!(u16),
            Self::U32 => decode!(u32),
            Self::U64 => decode!(u64),
            Self::Bool => bytes.iter().map(|b| f32::from(u8::from(*b != 0))).collect(),
        }
    }
}

/// Reads the array that `reader` holds, and demands that nothing follows it.
pub(super) fn read(place: &str, mut reader: impl Read) -> Result<ArrayD<f32>, DataError> {
    let header = read_header(place, &mut reader)?;
    let type_error = |found: String| DataError::ElementType {
        place: place.to_owned(),
        found,
    };
    let Some(descr) = header.descr.as_str() else {
        return Err(type_error(header.descr.to_string()));
    };
    let (order, name) = descr.split_at_checked(1).unwrap_or_default();
    let element = Element::named(name).filter(|_| ["<", ">", "|"].contains(&order));
    let Some(element) = element else {
        return Err(type_error(descr.to_owned()));
    };
    let shape = header.shape;
    let cells = shape.iter().try_fold(1_usize, |n, len| n.checked_mul(*len));
    let expected = cells.and_then(|n| n.checked_mul(element.bytes()));
    let Some(expected) = expected.filter(|n| isize::try_from(*n).is_ok()) else {
        return Err(malformed(place, format!("shape {shape:?} is too large")));
    };
    let mut bytes = Vec::new();
    let limit = expected as u64 + 1;
    let got = (&mut reader).take(limit).read_to_end(&mut bytes);
    got.map_err(|e| malformed(place, e.to_string()))?;
    if bytes.len() != expected {
        let than = if bytes.len() < expected {
            "fewer"
        } else {
            "more"
        };
        let reason =
            format!("there are {than} than the {expected} bytes that shape {shape:?} takes");
        return Err(malformed(place, reason));
    }
    if order == ">" {
        bytes
            .chunks_exact_mut(element.bytes())
            .for_each(<[u8]>::reverse);
    }
    let values = element.decode(&bytes);
    let layout = IxDyn(&shape).set_f(header.fortran_order);
    let array = ArrayD::from_shape_vec(layout, values);
    finite(place, array.map_err(|e| malformed(place, e.to_string()))?)
}

fn read_header(place: &str, reader: &mut impl Read) -> Result<Header, DataError> {
    let short = |_| malformed(place, "not an .npy file: it ends within the header");
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(short)?;
    if !start.starts_with(MAGIC) {
        return Err(malformed(
            place,
            "not an .npy file: it does not begin with \\x93NUMPY",
        ));
    }
    let [.., major, minor] = start;
    let len = match (major, minor) {
        (1, 0) => {
            let mut len = [0; 2];
            reader.read_exact(&mut len).map_err(short)?;
            usize::from(u16::from_le_bytes(len))
        }
        (2 | 3, 0) => {
            let mut len = [0; 4];
            reader.read_exact(&mut len).map_err(short)?;
            u32::from_le_bytes(len) as usize
        }
        _ => {
            let reason = format!("version {major}.{minor} of the .npy format is not known");
            return Err(malformed(place, reason));
        }
    };
    if len > HEADER_LIMIT {
        return Err(malformed(
            place,
            format!("its .npy header claims {len} bytes"),
        ));
    }
    let mut text = vec![0; len];
    reader.read_exact(&mut text).map_err(short)?;
    let text = String::from_utf8(text).ok();
    let header = text.and_then(|t| serde_json::from_str(&python_to_json(&t)).ok());
    header.ok_or_else(|| {
        malformed(
            place,
            "its .npy header is not {'descr': …, 'fortran_order': …, 'shape': …}",
        )
    })
}

/// The few Python literals that a header has, as JSON: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn python_to_json(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.replace('\'', "\"")
        .replace('(', "[")
        .replace(')', "]")
        .replace("True", "true")
        .replace("False", "false")
        .replace(",]", "]")
        .replace(",}", "}")
}
