//! DATA as JSON, the one format that `pleat-verify` reads: `{"input_data": [[…], …]}`, one list per tensor, flat or
//! nested. Output tensors may stand in `output_data` instead.

use serde_json::Value;

use super::{DataRequest, Samples, TensorRole};

/// Reads the tensors that `request` asks for, row-major; a list of several samples one after another is cut.
///
/// # Errors
/// What is wrong with the file, in words that do not name it.
pub fn read_json(bytes: &[u8], request: &DataRequest<'_>) -> Result<Vec<Vec<f64>>, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|e| format!("not JSON: {e}"))?;
    let keys: &[&str] = match request.role {
        TensorRole::Input => &["input_data"],
        TensorRole::Output => &["output_data", "input_data"],
    };
    let lists = keys.iter().find_map(|key| document.get(key)?.as_array());
    let Some(lists) = lists else {
        return Err(format!(
            "there is no \"{}\" with a list of lists in it",
            keys.join("\" or \"")
        ));
    };
    if lists.len() != request.ports.len() {
        return Err(format!(
            "{} lists are given, and {} tensors are asked for",
            lists.len(),
            request.ports.len()
        ));
    }
    let tensor = |(port, list): (&&crate::descriptor::Port, &Value)| {
        let mut values = Vec::new();
        flatten(list, &mut values)?;
        let shape = request.sample_shape(port);
        let size = shape.iter().fold(1_usize, |n, len| n.saturating_mul(*len));
        let whole = values.len().checked_rem(size) == Some(0) && !values.is_empty();
        if !whole {
            return Err(format!(
                "tensor {} of shape {:?} takes {size} values; {} are given",
                port.name,
                shape,
                values.len()
            ));
        }
        let count = values.len().checked_div(size).unwrap_or(0);
        let Samples {
            first,
            count: wanted,
        } = request.index;
        let samples = values.chunks(size.max(1)).skip(first).take(wanted);
        if samples.len() < wanted {
            let missing = first.max(count);
            return Err(format!(
                "there is no sample {missing}; the data has {count} (counted from 0)"
            ));
        }
        Ok(samples.flatten().copied().collect())
    };
    request.ports.iter().zip(lists).map(tensor).collect()
}

/// serde_json bounds the depth of what it parses.
fn flatten(value: &Value, values: &mut Vec<f64>) -> Result<(), String> {
    match value {
        Value::Array(list) => list.iter().try_for_each(|v| flatten(v, values)),
        Value::Bool(bit) => {
            values.push(f64::from(u8::from(*bit)));
            Ok(())
        }
        Value::Number(number) => {
            // Tensors are of 32-bit floats, and the prover quantized this one from such.
            values.push(number.as_f64().map_or(f64::NAN, to_single));
            Ok(())
        }
        other => Err(format!("{other} is not a number")),
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "rounding is meant; beyond the range it becomes infinite, which is refused"
)]
fn to_single(value: f64) -> f64 {
    f64::from(value as f32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::descriptor::Port;

    fn read(text: &str, first: usize, role: TensorRole) -> Result<Vec<Vec<f64>>, String> {
        read_samples(text, Samples { first, count: 1 }, role)
    }

    fn read_samples(text: &str, index: Samples, role: TensorRole) -> Result<Vec<Vec<f64>>, String> {
        let port = Port {
            name: "x".into(),
            node: 0,
            shape: vec![index.count, 2],
            scale: 1.0,
        };
        let request = DataRequest {
            flag: "--input",
            role,
            ports: vec![&port],
            index,
        };
        read_json(text.as_bytes(), &request)
    }

    #[test]
    fn several_samples_are_one_tensor() {
        let text = r#"{"input_data": [[1, 2, 3, 4, 5, 6]]}"#;
        let of = |index: &str| read_samples(text, index.parse().unwrap(), TensorRole::Input);
        assert_eq!(of("1..3").unwrap(), [[3.0, 4.0, 5.0, 6.0]]);
        assert!(of("1..4").unwrap_err().contains("no sample 3"));
        assert!(of("7..9").unwrap_err().contains("no sample 7"));
    }

    #[test]
    fn reads_flat_and_nested_lists_and_picks_samples() {
        let text = r#"{"input_data": [[1, 2.5, true, -4]], "output_data": [[[7, 8]]]}"#;
        assert_eq!(read(text, 0, TensorRole::Input).unwrap(), [[1.0, 2.5]]);
        assert_eq!(read(text, 1, TensorRole::Input).unwrap(), [[1.0, -4.0]]);
        assert_eq!(read(text, 0, TensorRole::Output).unwrap(), [[7.0, 8.0]]);
    }

    #[test]
    fn says_what_is_wrong() {
        let refused = |text: &str, index| read(text, index, TensorRole::Input).unwrap_err();
        assert!(refused("{", 0).starts_with("not JSON"));
        assert!(refused("{}", 0).contains("input_data"));
        assert!(refused(r#"{"input_data": [[1,2],[3,4]]}"#, 0).contains("2 lists"));
        assert!(refused(r#"{"input_data": [[1,2,3]]}"#, 0).contains("3 are given"));
        assert!(refused(r#"{"input_data": [[]]}"#, 0).contains("0 are given"));
        assert!(refused(r#"{"input_data": [[1,null]]}"#, 0).contains("null is not a number"));
        assert!(refused(r#"{"input_data": [[1,2]]}"#, 1).contains("no sample 1"));
    }
}
