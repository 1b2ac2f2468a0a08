//! JSON as EZKL writes it: `{"input_data": [[…], …]}`, one list per tensor, flat or nested like the tensor.

use ndarray::ArrayD;
use serde_json::Value;

use super::{DataError, array, malformed};

/// Reads all lists.
pub(super) fn read(place: &str, bytes: &[u8]) -> Result<Vec<ArrayD<f32>>, DataError> {
    let document: Value =
        serde_json::from_slice(bytes).map_err(|e| malformed(place, format!("not JSON: {e}")))?;
    let lists = document.get("input_data").and_then(Value::as_array);
    let Some(lists) = lists else {
        return Err(malformed(
            place,
            "there is no \"input_data\" with a list of lists in it",
        ));
    };
    let tensor = |(i, list): (usize, &Value)| {
        let place = format!("{place}, input_data[{i}]");
        if !list.is_array() {
            return Err(malformed(&place, format!("{} is not a list", kind(list))));
        }
        let mut values = Vec::new();
        let shape = shape(list);
        flatten(&place, list, &shape, &mut values)?;
        array(&place, &shape, values)
    };
    lists.iter().enumerate().map(tensor).collect()
}

/// Lengths along the first elements.
fn shape(value: &Value) -> Vec<usize> {
    let mut shape = Vec::new();
    let mut value = Some(value);
    while let Some(Value::Array(list)) = value {
        shape.push(list.len());
        value = list.first();
    }
    shape
}

fn flatten(
    place: &str,
    value: &Value,
    shape: &[usize],
    values: &mut Vec<f32>,
) -> Result<(), DataError> {
    match (value, shape) {
        (Value::Array(list), [len, rest @ ..]) if list.len() == *len => list
            .iter()
            .try_for_each(|v| flatten(place, v, rest, values)),
        (Value::Number(number), []) => {
            // Every JSON number has an `f64`; beyond `f32` it becomes infinite, which is refused with its position.
            values.push(number.as_f64().unwrap_or(f64::NAN) as f32);
            Ok(())
        }
        (Value::Bool(bit), []) => {
            values.push(f32::from(u8::from(*bit)));
            Ok(())
        }
        (Value::Array(_) | Value::Number(_) | Value::Bool(_), _) => {
            Err(malformed(place, "its nested lists have different lengths"))
        }
        _ => Err(malformed(place, format!("{} is not a number", kind(value)))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
