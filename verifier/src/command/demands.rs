//! What a caller demands of a proof beyond its being valid, and where the demanded values come from.

use clap::Args;
use pleat_nova_circuits::chain::params::VerifierKey;

use super::samples::Samples;
use crate::descriptor::{Port, one_sample};
use crate::model::ModelId;

/// What is demanded of a proof. DATA is read by a [`Load`], whoever names it.
#[derive(Args, Clone, Debug, Default)]
pub struct Demands {
    /// Demand that the proof is about this input; needed if the proof's file leaves it out (`pleat prove --leave-out input`)
    #[arg(long, value_name = "DATA")]
    pub input: Option<String>,
    /// Sample of --input that is meant, counted from 0; or those that one proof is about: 0..64 are the first 64
    #[arg(long, value_name = "I", default_value_t = Samples::FIRST, requires = "input")]
    pub index: Samples,
    /// Demand that the proof shows this output (rounded to the model's integers); needed if the proof's file leaves it out
    #[arg(long, value_name = "DATA")]
    pub output: Option<String>,
    /// Demand this model id: 64 hexadecimal digits, from someone you trust
    #[arg(long, value_name = "HEX")]
    pub model_id: Option<ModelId>,
    /// Demand that the opened value is this one
    #[arg(long, value_name = "DATA", requires = "opened")]
    pub value: Option<String>,
}

/// Whether tensors are the network's inputs or its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorRole {
    /// Inputs.
    Input,
    /// Outputs.
    Output,
}

/// DATA that the command needs.
#[derive(Clone, Debug)]
pub struct DataRequest<'a> {
    /// The option that asks for it.
    pub flag: &'static str,
    /// What it is.
    pub role: TensorRole,
    /// The tensors, in order.
    pub ports: Vec<&'a Port>,
    /// Which samples; the tensors' shapes are those of all of them.
    pub index: Samples,
}

impl DataRequest<'_> {
    /// The shape of one sample of a tensor that it asks for.
    pub fn sample_shape(&self, port: &Port) -> Vec<usize> {
        match self.index.count {
            1 => port.shape.clone(),
            _ => one_sample(&port.shape),
        }
    }
}

/// Reads DATA: one row-major list per tensor that it is asked for.
pub type Load<'a> = dyn FnMut(&str, &DataRequest<'_>) -> Result<Vec<Vec<f64>>, String> + 'a;
/// Gives the chain's key; called once, and only if a proof of the chain is worth it.
pub type Key<'a> = dyn FnMut() -> Result<VerifierKey, pleat_nova_circuits::chain::Error> + 'a;
