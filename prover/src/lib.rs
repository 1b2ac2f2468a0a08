//! Imports and quantizes ONNX networks, runs them in integers and proves the runs.

pub mod data;
pub mod execute;
pub mod files;
