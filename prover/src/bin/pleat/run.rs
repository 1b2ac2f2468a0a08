//! `pleat run`: integer inference.

use std::fmt;

use pleat_prover::execute::{Executor, block_values};
use pleat_verifier::command::PortValues;
use pleat_verifier::receipt::IndexTensor;
use serde::Serialize;

use crate::args::RunArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::prove::load_model;
use crate::seconds::StageSeconds;
use crate::tensors::quantized_input;

/// A run.
#[derive(Serialize)]
pub struct Run {
    pub model_id: String,
    pub output: Vec<PortValues>,
    /// Public indices, if the model has any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indices: Vec<IndexTensor>,
    pub seconds: StageSeconds,
}

/// Runs the network.
pub fn run(args: &RunArgs, console: &Console) -> Result<Run, CliError> {
    let mut seconds = StageSeconds::start();
    console.stage("load");
    let (model, inputs) = seconds.time("load", || {
        let model = load_model(&args.model)?;
        let inputs = quantized_input(model.network(), &args.input, args.index)?;
        Ok::<_, CliError>((model, inputs))
    })?;
    let network = model.network();
    console.stage("execute");
    let trace = seconds.time("execute", || {
        Executor::new(network, model.weights())?.run_on(&inputs.integers, &inputs.indices)
    })?;
    let outputs = network.descriptor().outputs.iter();
    let value = |port| {
        let port: &pleat_verifier::descriptor::Port = port;
        PortValues::new(
            port,
            false,
            Some(block_values(network, port.node, &trace.y)),
        )
    };
    Ok(Run {
        model_id: model.verification().id().to_string(),
        output: outputs.map(value).collect(),
        indices: IndexTensor::all(network.descriptor(), &trace.indices),
        seconds,
    })
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for output in &self.output {
            writeln!(f, "{output}")?;
        }
        for tensor in &self.indices {
            writeln!(f, "{tensor}")?;
        }
        writeln!(
            f,
            "execute {:.1} ms, with loading {:.1} ms",
            1000.0 * self.seconds.without(&["load"]),
            1000.0 * self.seconds.total()
        )
    }
}
