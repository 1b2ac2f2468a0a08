//! Which part of an array is one sample of a model's tensor.

use ndarray::{ArrayD, Axis, IxDyn};

use super::{DataError, Tensors, open};

/// A stack of samples of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// One axis of samples, then the model's shape.
    stack: ArrayD<f32>,
}

impl Samples {
    /// Number of samples, at least 1.
    pub fn len(&self) -> usize {
        self.stack.len_of(Axis(0))
    }

    /// Always false: an empty stack is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sample `index`, of exactly the model's shape.
    ///
    /// # Errors
    /// There is no such sample.
    pub fn get(&self, index: usize) -> Result<ArrayD<f32>, DataError> {
        if index < self.len() {
            Ok(self.stack.index_axis(Axis(0), index).to_owned())
        } else {
            let len = self.len();
            Err(DataError::NoSample { index, len })
        }
    }
}

/// Splits `array` into samples of shape `shape`. The leading axis counts samples if there is one axis more than in
/// `shape`, or if `shape` starts with a batch of 1. A one-axis array of as many elements as `shape` is one sample.
///
/// # Errors
/// The array has another shape, or no samples.
pub fn samples(array: ArrayD<f32>, shape: &[usize]) -> Result<Samples, DataError> {
    let got = array.shape().to_vec();
    let cells = shape.iter().try_fold(1_usize, |n, len| n.checked_mul(*len));
    let count = match (got.split_first(), shape) {
        _ if got == shape => 1,
        (Some((count, rest)), _) if rest == shape => *count,
        (Some((count, rest)), [1, inner @ ..]) if rest == inner => *count,
        (Some((len, [])), _) if Some(*len) == cells => 1,
        _ => 0,
    };
    if got.first() == Some(&0) && cells != Some(0) {
        return Err(DataError::Empty { got });
    }
    let error = DataError::Shape {
        got,
        wanted: shape.to_vec(),
    };
    if count == 0 {
        return Err(error);
    }
    let stacked = [&[count], shape].concat();
    let array = array.as_standard_layout().into_owned();
    match array.into_shape_with_order(IxDyn(&stacked)) {
        Ok(stack) => Ok(Samples { stack }),
        Err(_) => Err(error),
    }
}

/// A model's input, as DATA must fit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSpec {
    /// Its name in the model.
    pub name: String,
    /// The shape of one sample.
    pub shape: Vec<usize>,
}

/// Reads samples for every input of a model. With several inputs, JSON holds one list for each, in order, and an
/// archive an array of each one's name. A flat JSON list may hold several samples one after another, as EZKL's
/// calibration files do.
///
/// # Errors
/// See [`DataError`]; the inputs must have equally many samples.
pub fn load_inputs(spec: &str, inputs: &[InputSpec]) -> Result<Vec<Samples>, DataError> {
    let count = |got: String| DataError::Count {
        place: spec.to_owned(),
        got,
        wanted: inputs.len(),
        names: inputs.iter().map(|i| i.name.clone()).collect(),
    };
    let arrays = match (open(spec)?, inputs) {
        (Tensors::One(array), [_]) => vec![array],
        (Tensors::One(_), _) => return Err(count("one array".to_owned())),
        (Tensors::Archive(mut archive), [_]) => vec![archive.first()?],
        (Tensors::Archive(mut archive), _) => {
            let arrays = inputs.iter().map(|i| archive.by_name(&i.name));
            arrays.collect::<Result<_, _>>()?
        }
        (Tensors::Lists(lists), _) if lists.len() == inputs.len() => lists
            .into_iter()
            .zip(inputs)
            .map(|(l, i)| unfold(l, &i.shape))
            .collect(),
        (Tensors::Lists(lists), _) => return Err(count(format!("{} lists", lists.len()))),
    };
    let stacks = arrays.into_iter().zip(inputs);
    let stacks = stacks.map(|(array, input)| {
        samples(array, &input.shape).map_err(|source| DataError::Input {
            place: spec.to_owned(),
            input: input.name.clone(),
            source: Box::new(source),
        })
    });
    let stacks: Vec<Samples> = stacks.collect::<Result<_, _>>()?;
    if let (Some(first), [named, ..]) = (stacks.first(), inputs)
        && let Some((other, input)) = stacks
            .iter()
            .zip(inputs)
            .find(|(s, _)| s.len() != first.len())
    {
        return Err(DataError::UnequalSamples {
            place: spec.to_owned(),
            first: named.name.clone(),
            first_len: first.len(),
            second: input.name.clone(),
            second_len: other.len(),
        });
    }
    Ok(stacks)
}

/// A flat list of several samples, with an axis for them.
fn unfold(list: ArrayD<f32>, shape: &[usize]) -> ArrayD<f32> {
    let cells = shape.iter().try_fold(1_usize, |n, len| n.checked_mul(*len));
    match (list.shape(), cells) {
        ([len], Some(cells)) if cells > 0 && len % cells == 0 && *len > 0 => {
            let stacked = [&[len / cells], shape].concat();
            let folded = list.clone().into_shape_with_order(IxDyn(&stacked));
            folded.unwrap_or(list)
        }
        _ => list,
    }
}
