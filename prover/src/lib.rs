//! Imports and quantizes ONNX networks, runs them in integers and proves the runs.

pub mod compile;
pub mod execute;
