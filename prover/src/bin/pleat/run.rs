//! `pleat run`: integer inference.

use std::fmt;

use pleat_prover::execute::{Executor, block_values};
use pleat_prover::inputs::Given;
use pleat_verifier::command::PortValues;
use pleat_verifier::receipt::IndexTensor;
use serde::Serialize;

use crate::args::RunArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::prove::load_batched;
use crate::seconds::StageSeconds;
use crate::tensors::quantized_input;
use crate::text::{Answer, Prompt};

/// A run.
#[derive(Serialize)]
pub struct Run {
    pub model_id: String,
    pub output: Vec<PortValues>,
    /// Public indices, if the model has any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indices: Vec<IndexTensor>,
    /// In words, if there was a prompt.
    #[serde(flatten)]
    pub answer: Option<Answer>,
    pub seconds: StageSeconds,
}

/// Runs the network.
pub fn run(args: &RunArgs, console: &Console) -> Result<Run, CliError> {
    let mut seconds = StageSeconds::start();
    console.stage("load");
    let model = seconds.time("load", || load_batched(&args.model, args.index.count))?;
    let network = model.network();
    let prompt = Prompt::new(&args.prompt, &args.model, network)?;
    let inputs = match (&prompt, &args.input) {
        (Some(prompt), _) => Given {
            integers: Vec::new(),
            indices: vec![prompt.written(&model, args.answer, console)?],
        },
        (None, Some(input)) => {
            seconds.time("load", || quantized_input(network, input, args.index))?
        }
        (None, None) => return Err(CliError::NoInput { inputs: Vec::new() }),
    };
    console.stage("execute");
    let trace = seconds.time("execute", || {
        Executor::new(network, model.weights())?.run_on(&inputs.integers, &inputs.indices)
    })?;
    let answer = prompt
        .map(|prompt| prompt.answer(&trace.indices))
        .transpose()?;
    let answer = answer.transpose().map_err(|e| CliError::Text(e.into()))?;
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
        model_id: model.verification().origin().to_string(),
        output: outputs.map(value).collect(),
        indices: IndexTensor::all(network.descriptor(), &trace.indices),
        answer,
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
        if let Some(answer) = &self.answer {
            write!(f, "{answer}")?;
        }
        writeln!(
            f,
            "execute {:.1} ms, with loading {:.1} ms",
            1000.0 * self.seconds.without(&["load"]),
            1000.0 * self.seconds.total()
        )
    }
}
