//! `pleat run`: integer inference.

use std::fmt;

use pleat_prover::execute::{block_values, execute};
use pleat_verifier::command::PortValues;
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
    let trace = seconds.time("execute", || execute(network, model.weights(), &inputs))?;
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
        seconds,
    })
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for output in &self.output {
            writeln!(f, "{output}")?;
        }
        writeln!(
            f,
            "execute {:.1} ms, with loading {:.1} ms",
            1000.0 * self.seconds.without(&["load"]),
            1000.0 * self.seconds.total()
        )
    }
}
