//! Tensors from files: what the command line calls DATA.
//!
//! `.npy`; `.npz`, with `file.npz:array` to name an array; JSON as EZKL writes it (`{"input_data": [[…]]}`, one list
//! per tensor); ONNX `TensorProto` in `.pb`. Numbers of every width and booleans become `f32`, and every value must be
//! finite. Nothing is allocated for data that a file only claims to have. Quantization is not done here.

mod json;
mod npy;
mod npz;
mod samples;
mod tensor_proto;

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use thiserror::Error;

pub use samples::{InputSpec, Samples, load_inputs, samples};

/// Why DATA could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file name's ending is none that is known.
    #[error("{}: data files end in .npy, .npz, .json or .pb", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what its name says.
    #[error("{place}: {reason}")]
    Malformed {
        /// File, and array in it.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Elements of a type that is not a number or boolean.
    #[error(
        "{place}: elements of type {found} cannot be read; floats of 32 or 64 bits, integers and booleans can"
    )]
    ElementType {
        /// File, and array in it.
        place: String,
        /// The type as the file names it.
        found: String,
    },
    /// The archive has no such array.
    #[error("{} has no array {wanted}; it has: {}", path.display(), arrays.join(", "))]
    NoArray {
        /// The file.
        path: PathBuf,
        /// The array asked for.
        wanted: String,
        /// The arrays in the file.
        arrays: Vec<String>,
    },
    /// A value is NaN or infinite.
    #[error("{place}: the value at index {index:?} is {value}; all values must be finite")]
    NotFinite {
        /// File, and array in it.
        place: String,
        /// Where in the array.
        index: Vec<usize>,
        /// The value as `f32`.
        value: f32,
    },
    /// The array is neither a sample nor a stack of samples.
    #[error(
        "an array of shape {got:?} does not fit the model's {wanted:?}: give that shape, or one more axis in front for samples"
    )]
    Shape {
        /// Shape of the array.
        got: Vec<usize>,
        /// Shape of the model's tensor.
        wanted: Vec<usize>,
    },
    /// There are no samples.
    #[error("an array of shape {got:?} holds no samples; give at least one")]
    Empty {
        /// Shape of the array.
        got: Vec<usize>,
    },
    /// The data does not fit an input of the model.
    #[error("{place}, for input {input}: {source}")]
    Input {
        /// The file.
        place: String,
        /// The model's input.
        input: String,
        /// Why.
        source: Box<DataError>,
    },
    /// There is no such sample.
    #[error("there is no sample {index}; the data has {len} (counted from 0)")]
    NoSample {
        /// The sample asked for.
        index: usize,
        /// Samples there are.
        len: usize,
    },
    /// Another number of tensors than the model has inputs.
    #[error("{place} holds {got}, and the model has {wanted} inputs: {}", names.join(", "))]
    Count {
        /// The file.
        place: String,
        /// What was found.
        got: String,
        /// Inputs of the model.
        wanted: usize,
        /// Their names.
        names: Vec<String>,
    },
    /// The inputs' arrays have different numbers of samples.
    #[error("{place}: input {first} has {first_len} samples, input {second} has {second_len}")]
    UnequalSamples {
        /// The file.
        place: String,
        /// An input.
        first: String,
        /// Its samples.
        first_len: usize,
        /// Another input.
        second: String,
        /// Its samples.
        second_len: usize,
    },
}

/// The arrays of a file that DATA selects.
enum Tensors {
    /// One array.
    One(ArrayD<f32>),
    /// Lists without names, in the order of the model's inputs.
    Lists(Vec<ArrayD<f32>>),
    /// An archive with named arrays, none selected.
    Archive(npz::Archive),
}

/// Reads the array that `spec` names: a file, or `file.npz:array`. Of an archive it is the first array, of JSON the
/// only list.
///
/// # Errors
/// See [`DataError`].
pub fn load(spec: &str) -> Result<ArrayD<f32>, DataError> {
    match open(spec)? {
        Tensors::One(array) => Ok(array),
        Tensors::Archive(mut archive) => archive.first(),
        Tensors::Lists(lists) => {
            let len = lists.len();
            let mut lists = lists.into_iter();
            match (lists.next(), lists.next()) {
                (Some(list), None) => Ok(list),
                _ => Err(DataError::Malformed {
                    place: spec.to_owned(),
                    reason: format!("input_data has {len} lists where one is needed"),
                }),
            }
        }
    }
}

fn open(spec: &str) -> Result<Tensors, DataError> {
    let (path, array) = split(spec);
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let place = path.display().to_string();
    let read = || {
        std::fs::read(path).map_err(|source| DataError::Read {
            path: path.to_owned(),
            source,
        })
    };
    match extension.as_deref() {
        Some("npy") => npy::read(&place, read()?.as_slice()).map(Tensors::One),
        Some("npz") => {
            let mut archive = npz::Archive::new(path, read()?)?;
            match array {
                Some(name) => archive.by_name(name).map(Tensors::One),
                None => Ok(Tensors::Archive(archive)),
            }
        }
        Some("json") => json::read(&place, &read()?).map(Tensors::Lists),
        Some("pb") => tensor_proto::read(&place, &read()?).map(Tensors::One),
        _ => Err(DataError::UnknownFormat {
            path: path.to_owned(),
        }),
    }
}

/// The file and the array that `spec` names. A file whose name has a colon wins.
fn split(spec: &str) -> (&Path, Option<&str>) {
    let whole = Path::new(spec);
    if whole.exists() {
        return (whole, None);
    }
    let is_archive = |path: &str| path.to_lowercase().ends_with(".npz");
    match spec.rsplit_once(':').filter(|(path, _)| is_archive(path)) {
        Some((path, array)) => (Path::new(path), Some(array)),
        None => (whole, None),
    }
}

/// An array of these values, if they fill the shape and are finite.
fn array(place: &str, shape: &[usize], values: Vec<f32>) -> Result<ArrayD<f32>, DataError> {
    let len = values.len();
    let array = ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|_| DataError::Malformed {
        place: place.to_owned(),
        reason: format!("{len} values do not fill shape {shape:?}"),
    })?;
    finite(place, array)
}

fn finite(place: &str, array: ArrayD<f32>) -> Result<ArrayD<f32>, DataError> {
    let bad = array.indexed_iter().find(|(_, v)| !v.is_finite());
    match bad {
        None => Ok(array),
        Some((index, value)) => Err(DataError::NotFinite {
            place: place.to_owned(),
            index: ndarray::Dimension::slice(&index).to_vec(),
            value: *value,
        }),
    }
}

fn malformed(place: &str, reason: impl Into<String>) -> DataError {
    DataError::Malformed {
        place: place.to_owned(),
        reason: reason.into(),
    }
}
