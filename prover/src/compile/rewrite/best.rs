//! Outputs that are replaced by the index of their largest element.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto};

use super::super::error::CompileError;
use super::Dropped;

/// Replaces outputs by the index of the largest element along their last axis. An output that a dropped layer had is meant as what
/// is proved in its place, whose largest element is the same.
///
/// # Errors
/// A name that no output has.
pub(in super::super) fn best_of_outputs(
    graph: &mut GraphProto,
    names: &[String],
    dropped: &[Dropped],
) -> Result<(), CompileError> {
    for name in names {
        let own = dropped.iter().find(|d| d.output == *name);
        let own = own.map_or(name, |d| &d.proved).clone();
        let Some(output) = graph.output.iter_mut().find(|o| o.name == own) else {
            return Err(CompileError::NoOutput {
                output: name.clone(),
                outputs: graph.output.iter().map(|o| o.name.clone()).collect(),
            });
        };
        let best = format!("best of {name}");
        output.name.clone_from(&best);
        output.r#type = None;
        let attribute = |name: &str, i: i64| AttributeProto {
            name: name.to_owned(),
            i,
            r#type: AttributeType::Int.into(),
            ..AttributeProto::default()
        };
        graph.node.push(NodeProto {
            name: best.clone(),
            op_type: "ArgMax".to_owned(),
            input: vec![own],
            output: vec![best],
            attribute: vec![attribute("axis", -1), attribute("keepdims", 0)],
            ..NodeProto::default()
        });
    }
    Ok(())
}
