//! A node of the ONNX graph as rules read it, and attributes as they write them.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::tensor::Constant;

/// Why one node cannot be rewritten.
#[derive(Clone, Debug)]
pub(super) struct Refusal(pub String);

impl Refusal {
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

pub(super) type Outcome<T> = Result<T, Refusal>;

/// A node of the ONNX graph, for rules to read.
pub(super) struct Node {
    pub proto: NodeProto,
}

impl Node {
    pub fn operator(&self) -> &str {
        &self.proto.op_type
    }

    pub fn domain(&self) -> &str {
        &self.proto.domain
    }

    /// An operand that must be there.
    pub fn input(&self, slot: usize) -> Outcome<&str> {
        self.optional(slot)
            .ok_or_else(|| Refusal::new(format!("its operand {slot} is missing")))
    }

    pub fn optional(&self, slot: usize) -> Option<&str> {
        let name = self.proto.input.get(slot)?;
        (!name.is_empty()).then_some(name.as_str())
    }

    pub fn inputs(&self) -> Vec<&str> {
        self.proto.input.iter().map(String::as_str).collect()
    }

    /// Outputs that have a name.
    pub fn outputs(&self) -> usize {
        self.proto.output.len()
    }

    pub fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.proto.attribute.iter().find(|a| a.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    pub fn flag(&self, name: &str) -> bool {
        self.int(name, 0) != 0
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|a| a.ints.clone())
    }

    pub fn float(&self, name: &str, default: f64) -> f64 {
        self.attribute(name).map_or(default, |a| f64::from(a.f))
    }

    pub fn floats(&self, name: &str) -> Option<Vec<f64>> {
        let attribute = self.attribute(name)?;
        Some(attribute.floats.iter().map(|v| f64::from(*v)).collect())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(self.attribute(name)?.s.clone()).ok()
    }

    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        let strings = &self.attribute(name)?.strings;
        Some(
            strings
                .iter()
                .map(|s| String::from_utf8_lossy(s).into_owned())
                .collect(),
        )
    }

    pub fn tensor(&self, name: &str) -> Option<Constant> {
        Constant::read(self.attribute(name)?.t.as_ref()?)
    }
}

/// An attribute's value.
pub(super) enum Value<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Text(&'a str),
}

pub(super) fn attribute(name: &str, value: &Value<'_>) -> AttributeProto {
    let mut proto = AttributeProto {
        name: name.to_owned(),
        ..AttributeProto::default()
    };
    proto.r#type = match value {
        Value::Int(i) => {
            proto.i = *i;
            AttributeType::Int
        }
        Value::Ints(values) => {
            proto.ints = values.to_vec();
            AttributeType::Ints
        }
        Value::Text(text) => {
            proto.s = text.as_bytes().to_vec();
            AttributeType::String
        }
    }
    .into();
    proto
}
