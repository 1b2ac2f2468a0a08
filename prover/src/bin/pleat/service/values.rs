//! Members of requests that serde has no type for: tensors as lists of numbers, bytes as base64, JSON that is kept as text.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A tensor's numbers, row-major, of however deeply nested lists. They are read without a tree of them in between, so that a body of
/// a bounded length takes bounded memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers(pub Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut numbers = Vec::new();
        let within = Within {
            numbers: &mut numbers,
            list: true,
        };
        within.deserialize(deserializer)?;
        Ok(Self(numbers))
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for Numbers {
    fn schema_name() -> Cow<'static, str> {
        "Numbers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let nested = generator.subschema_for::<Self>();
        json_schema!({
            "type": "array",
            "description": "A tensor's numbers, row-major, flat or nested; truth values count as 0 and 1. Several samples follow one another.",
            "items": {"anyOf": [
                {"type": "number", "minimum": -3.4e38, "maximum": 3.4e38},
                {"type": "boolean"},
                nested,
            ]},
        })
    }
}

/// Reads a number, or a list of such, to the end of `numbers`.
struct Within<'n> {
    numbers: &'n mut Vec<f32>,
    list: bool,
}

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.list {
            "a list of numbers"
        } else {
            "a number, or a list of numbers"
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let numbers = self.numbers;
        while let Some(()) = list.next_element_seed(Within {
            numbers: &mut *numbers,
            list: false,
        })? {}
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        // Tensors are of 32-bit floats.
        let single = value as f32;
        if self.list || !single.is_finite() {
            return Err(E::custom(format!("{value} is no list, or too large")));
        }
        self.numbers.push(single);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.visit_f64(f64::from(u8::from(value)))
    }
}

/// Bytes, as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes());
        bytes
            .map(Self)
            .map_err(|e| D::Error::custom(format!("not base64: {e}")))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Bytes in base64 (RFC 4648 §4).",
            "contentEncoding": "base64",
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        })
    }
}

/// A JSON object, kept as text: a tree of it would take many times the memory.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Object(pub Box<RawValue>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        if text.get().trim_start().starts_with('{') {
            Ok(Self(text))
        } else {
            Err(D::Error::custom("not a JSON object"))
        }
    }
}

impl JsonSchema for Object {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Object".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": true})
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_flattened() {
        let read = |text: &str| serde_json::from_str::<Numbers>(text);
        assert_eq!(
            read("[[1, [2.5]], true, -4]").unwrap().0,
            [1.0, 2.5, 1.0, -4.0]
        );
        assert_eq!(read("[]").unwrap().0, [] as [f32; 0]);
        for bad in ["1", "null", "[null]", "[\"1\"]", "[1e39]", "[{}]", "{}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&deep).is_err());
        let once = read("[0.1, 3e38, 16777217]").unwrap();
        let again = read(&serde_json::to_string(&once).unwrap()).unwrap();
        assert_eq!(once, again);
    }

    #[test]
    fn bytes_are_base64() {
        let read = |text: &str| serde_json::from_str::<Bytes>(text);
        assert_eq!(read("\"AAEC\"").unwrap().0, [0, 1, 2]);
        assert!(read("\"*\"").is_err() && read("\"AAE\"").is_err());
        assert!(read("3").is_err());
    }
}
