//! Tensors in safetensors files, one or several: where they are, and reading parts of them. Of a file nothing is kept but its header.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use half::{bf16, f16};
use serde::Deserialize;

use super::super::error::CompileError;
use super::super::expr::{Matrix, Rows};

/// Longest header that is read.
const MOST_HEADER: u64 = 100 << 20;

/// An entry of a header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

#[derive(Clone, Copy, Debug)]
enum Element {
    F32,
    F16,
    Bf16,
}

impl Element {
    const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => {
                let (words, _) = bytes.as_chunks();
                words.iter().map(|b| f32::from_le_bytes(*b)).collect()
            }
            Self::F16 => {
                let (words, _) = bytes.as_chunks();
                let value = |b: &[u8; 2]| f16::from_le_bytes(*b).to_f32();
                words.iter().map(value).collect()
            }
            Self::Bf16 => {
                let (words, _) = bytes.as_chunks();
                let value = |b: &[u8; 2]| bf16::from_le_bytes(*b).to_f32();
                words.iter().map(value).collect()
            }
        }
    }
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    file: Mutex<File>,
}

impl Shard {
    fn unreadable(&self, source: std::io::Error) -> CompileError {
        CompileError::Unreadable {
            file: self.path.clone(),
            source,
        }
    }

    fn read(&self, first: u64, bytes: usize) -> Result<Vec<u8>, CompileError> {
        let mut out = vec![0; bytes];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file
            .seek(SeekFrom::Start(first))
            .and_then(|_| file.read_exact(&mut out));
        read.map_err(|e| self.unreadable(e))?;
        Ok(out)
    }
}

/// A tensor in a file.
#[derive(Clone, Debug)]
struct Tensor {
    name: String,
    shard: Arc<Shard>,
    element: Element,
    shape: Vec<usize>,
    first: u64,
}

impl Tensor {
    /// These elements, row-major.
    fn elements(&self, range: Range<usize>) -> Result<Vec<f32>, CompileError> {
        let each = self.element.bytes();
        let first = self.first + (range.start * each) as u64;
        let bytes = self.shard.read(first, range.len() * each)?;
        Ok(self.element.decode(&bytes))
    }

    fn not_finite(&self, value: f32) -> CompileError {
        CompileError::TensorValue {
            file: self.shard.path.clone(),
            tensor: self.name.clone(),
            value,
        }
    }
}

/// How a matrix stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Layout {
    /// Outputs by inputs.
    RowByOutput,
    /// Inputs by outputs.
    RowByInput,
}

/// Which matrix.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub tensor: &'a str,
    pub layout: Layout,
    /// Outputs and inputs of the tensor in the file.
    pub shape: (usize, usize),
    /// Outputs that are wanted.
    pub outputs: Range<usize>,
    /// Factors of the inputs, of this name.
    pub factors: Option<(&'a str, &'a [f32])>,
}

/// A stretch of a tensor as a matrix of outputs by inputs.
#[derive(Debug)]
struct Part {
    tensor: Tensor,
    layout: Layout,
    /// First output.
    first: usize,
    /// Of the tensor.
    outputs: usize,
    inputs: usize,
    factors: Option<Vec<f32>>,
}

impl Rows for Part {
    fn read(&self, rows: Range<usize>) -> Result<Vec<f32>, CompileError> {
        let rows = rows.start + self.first..rows.end + self.first;
        let mut values = match self.layout {
            Layout::RowByOutput => {
                let own = rows.start * self.inputs..rows.end * self.inputs;
                self.tensor.elements(own)?
            }
            Layout::RowByInput => {
                let all = self.tensor.elements(0..self.outputs * self.inputs)?;
                let mut values = vec![0.0; rows.len() * self.inputs];
                for (input, outputs) in all.chunks(self.outputs).enumerate() {
                    let own = outputs.get(rows.clone()).unwrap_or_default();
                    let places = values.iter_mut().skip(input).step_by(self.inputs);
                    for (to, from) in places.zip(own) {
                        *to = *from;
                    }
                }
                values
            }
        };
        if let Some(factors) = &self.factors {
            for row in values.chunks_mut(self.inputs) {
                row.iter_mut().zip(factors).for_each(|(v, f)| *v *= f);
            }
        }
        Ok(values)
    }
}

/// The tensors of a folder.
#[derive(Debug)]
pub(super) struct Tensors {
    folder: PathBuf,
    /// Whether matrices are wanted for their shapes only.
    sketch: bool,
    tensors: HashMap<String, Tensor>,
    /// Matrices that somebody has asked for.
    matrices: Mutex<HashMap<String, Arc<Matrix>>>,
}

impl Tensors {
    /// Reads the headers of `model.safetensors`, or of all files that `model.safetensors.index.json` lists.
    pub fn open(folder: &Path, sketch: bool) -> Result<Self, CompileError> {
        let index = folder.join("model.safetensors.index.json");
        let files = if index.exists() {
            let parsed: Index = super::json(&index)?;
            let files: BTreeSet<String> = parsed.weight_map.into_values().collect();
            files.into_iter().collect()
        } else {
            vec!["model.safetensors".to_owned()]
        };
        let mut tensors = HashMap::new();
        for file in files {
            let path = folder.join(&file);
            if !path.exists() {
                return Err(CompileError::NotFolder {
                    folder: folder.to_owned(),
                    reason: format!(
                        "there is no {file}; weights in other formats have to be saved as safetensors first"
                    ),
                });
            }
            for tensor in header(&path)? {
                tensors.insert(tensor.name.clone(), tensor);
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            sketch,
            tensors,
            matrices: Mutex::default(),
        })
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor, CompileError> {
        let tensor = self
            .tensors
            .get(name)
            .ok_or_else(|| CompileError::NoTensor {
                folder: self.folder.clone(),
                tensor: name.to_owned(),
            })?;
        if tensor.shape != shape {
            return Err(CompileError::TensorShape {
                file: tensor.shard.path.clone(),
                tensor: name.to_owned(),
                got: tensor.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(tensor)
    }

    /// A vector.
    pub fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, CompileError> {
        self.finite(self.tensor(name, &[len])?, 0..len)
    }

    /// The first rows of a table.
    pub fn first_rows(
        &self,
        name: &str,
        shape: (usize, usize),
        rows: usize,
    ) -> Result<Vec<f32>, CompileError> {
        self.finite(self.tensor(name, &[shape.0, shape.1])?, 0..rows * shape.1)
    }

    fn finite(&self, tensor: &Tensor, range: Range<usize>) -> Result<Vec<f32>, CompileError> {
        let values = tensor.elements(range)?;
        match values.iter().find(|v| !v.is_finite()) {
            Some(v) => Err(tensor.not_finite(*v)),
            None => Ok(values),
        }
    }

    /// The prefix, if this tensor has it: the same networks are saved with and without a head around them.
    pub fn prefix(&self, prefix: &'static str, tensor: &str) -> &'static str {
        if self.tensors.contains_key(&format!("{prefix}{tensor}")) {
            prefix
        } else {
            ""
        }
    }

    /// The whole matrix of a layer, which stands in the file as outputs by inputs; the latter have these factors.
    pub fn layer(
        &self,
        name: &str,
        shape: (usize, usize),
        factors: Option<&[f32]>,
    ) -> Result<Arc<Matrix>, CompileError> {
        self.matrix(&Wanted {
            tensor: &format!("{name}.weight"),
            layout: Layout::RowByOutput,
            shape,
            outputs: 0..shape.0,
            factors: factors.map(|f| ("normed", f)),
        })
    }

    /// A matrix of outputs by inputs; the same one to everybody who asks for the same.
    pub fn matrix(&self, wanted: &Wanted<'_>) -> Result<Arc<Matrix>, CompileError> {
        let (outputs, inputs) = wanted.shape;
        let shape = match wanted.layout {
            Layout::RowByOutput => [outputs, inputs],
            Layout::RowByInput => [inputs, outputs],
        };
        let tensor = self.tensor(wanted.tensor, &shape)?;
        let factors = wanted.factors.map_or("", |(name, _)| name);
        let key = format!("{} {:?} {factors}", wanted.tensor, wanted.outputs);
        let mut matrices = self.matrices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = matrices.get(&key) {
            return Ok(Arc::clone(known));
        }
        let part = Part {
            tensor: tensor.clone(),
            layout: wanted.layout,
            first: wanted.outputs.start,
            outputs,
            inputs,
            factors: wanted.factors.map(|(_, values)| values.to_vec()),
        };
        let size = (wanted.outputs.len(), inputs);
        let matrix = if self.sketch {
            Matrix::sketched(size, Box::new(part))
        } else {
            Matrix::new(size, Box::new(part), |v| tensor.not_finite(v))?
        };
        let matrix = Arc::new(matrix);
        matrices.insert(key, Arc::clone(&matrix));
        Ok(matrix)
    }
}

/// What a file's header says, checked against the file's length.
fn header(path: &Path) -> Result<Vec<Tensor>, CompileError> {
    let bad = |reason: String| CompileError::NotSafetensors {
        file: path.to_owned(),
        reason,
    };
    let unreadable = |source| CompileError::Unreadable {
        file: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let shard = Arc::new(Shard {
        path: path.to_owned(),
        file: Mutex::new(file),
    });
    if length < 8 {
        return Err(bad("it is shorter than a header".to_owned()));
    }
    let size = shard.read(0, 8)?;
    let size = u64::from_le_bytes(size.try_into().unwrap_or_default());
    if size > MOST_HEADER || size > length - 8 {
        return Err(bad(format!("its header would have {size} bytes")));
    }
    let text = shard.read(8, usize::try_from(size).unwrap_or(usize::MAX))?;
    let entries: HashMap<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(|e| bad(format!("its header: {e}")))?;
    let mut tensors = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        if name == "__metadata__" {
            continue;
        }
        let entry: Entry =
            serde_json::from_value(value).map_err(|e| bad(format!("tensor {name}: {e}")))?;
        let element = match entry.dtype.as_str() {
            "F32" => Element::F32,
            "F16" => Element::F16,
            "BF16" => Element::Bf16,
            // Buffers such as masks and positions; what reads them says that they are missing.
            _ => continue,
        };
        let cells = entry
            .shape
            .iter()
            .try_fold(1_usize, |n, m| n.checked_mul(*m));
        let bytes = cells.and_then(|n| n.checked_mul(element.bytes()));
        let (start, end) = entry.data_offsets;
        let fits = end.checked_sub(start).map(usize::try_from) == bytes.map(Ok)
            && end.checked_add(8 + size).is_some_and(|end| end <= length);
        if !fits {
            return Err(bad(format!(
                "tensor {name} of shape {:?} is not where its header says; was the file downloaded completely?",
                entry.shape
            )));
        }
        tensors.push(Tensor {
            name,
            shard: Arc::clone(&shard),
            element,
            shape: entry.shape,
            first: 8 + size + start,
        });
    }
    Ok(tensors)
}
