//! Imports and quantizes ONNX networks, runs them in integers and proves the runs.

pub mod columns;
pub mod commit;
pub mod compile;
pub mod data;
pub mod execute;
pub mod files;
pub mod functional;
pub mod model;
pub mod opening;
pub mod prove;
pub mod stages;
pub mod sumcheck;
