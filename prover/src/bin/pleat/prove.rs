//! `pleat prove`: one run, one proof, and the secrets that open what it hides.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use pleat_nova_circuits::cache::CacheFolder;
use pleat_prover::artifacts::{Artifacts, LeftOut, Order, OrderError, Words};
use pleat_prover::files::{Access, NewFile, write_together};
use pleat_prover::inputs::{Given, wanted};
use pleat_prover::link::Link;
use pleat_prover::model::ProvingModel;
use pleat_prover::prove::{Event, Folding, Keys, Visibility};
use pleat_verifier::command::{self, PortValues, RECEIPT_SUFFIX};
use pleat_verifier::descriptor::Port;
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::receipt::IndexTensor;
use serde::Serialize;

use crate::args::{Hide, ProveArgs};
use crate::console::{Console, grouped};
use crate::error::CliError;
use crate::link::{Linked, links};
use crate::memory::{demand_memory, peak_rss_bytes};
use crate::paths::{demand_writable, stem, with_suffix};
use crate::receipt;
use crate::seconds::StageSeconds;
use crate::setup::parameters;
use crate::tensors::quantized;
use crate::text::{Answer, Prompt};

/// A proof that was made.
#[derive(Serialize)]
pub struct Proved {
    pub model_id: String,
    /// Of that model, in this one proof.
    pub samples: usize,
    pub proof: PathBuf,
    /// Where the openings of hidden tensors are, if there are any.
    pub secret: Option<PathBuf>,
    /// Where the receipt is, if one was asked for.
    pub receipt: Option<PathBuf>,
    pub proof_bytes: usize,
    /// How it hides its steps.
    pub fold: Mode,
    pub steps: usize,
    pub nodes: usize,
    /// Real rows of the trace.
    pub rows: usize,
    /// Names of the inputs that are hidden.
    pub hidden_inputs: Vec<String>,
    /// Outputs with their values, which the prover knows even if the proof hides them.
    pub output: Vec<PortValues>,
    /// Public indices, if the model has any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indices: Vec<IndexTensor>,
    /// In words, if there was a prompt.
    #[serde(flatten)]
    pub answer: Option<Answer>,
    pub seconds: StageSeconds,
    pub peak_rss_bytes: Option<u64>,
}

/// Reads a proving model.
pub fn load_model(path: &Path) -> Result<ProvingModel, CliError> {
    ProvingModel::from_bytes(&command::read(path)?).map_err(|source| CliError::ProvingModel {
        path: path.to_owned(),
        source,
    })
}

/// Reads a proving model, of so many samples.
pub fn load_batched(path: &Path, count: usize) -> Result<ProvingModel, CliError> {
    let batched = load_model(path)?.batched(count);
    batched.map_err(|source| CliError::Samples {
        path: path.to_owned(),
        count,
        source: Box::new(source),
    })
}

/// Proves and writes.
pub fn prove(args: &ProveArgs, console: &Console) -> Result<Proved, CliError> {
    let default = || with_suffix(&stem(&args.model), ".proof");
    let path = args.output.clone().unwrap_or_else(default);
    let visibility = Visibility {
        inputs: !args.hide.contains(&Hide::Input),
        outputs: !args.hide.contains(&Hide::Output),
    };
    let left_out = LeftOut {
        inputs: args.leave_out.contains(&Hide::Input),
        outputs: args.leave_out.contains(&Hide::Output),
    };
    left_out.demand_shown(visibility)?;
    let hides = !visibility.inputs || !visibility.outputs;
    let secret_path = hides.then(|| with_suffix(&path, ".secret"));
    let receipt_path = args.receipt.then(|| with_suffix(&path, RECEIPT_SUFFIX));
    demand_writable(&path)?;
    receipt_path.as_deref().map_or(Ok(()), demand_writable)?;
    secret_path.as_deref().map_or(Ok(()), demand_writable)?;
    let mut seconds = StageSeconds::start();

    console.stage("load");
    let claims = receipt::claims(args)?;
    let (model, links) = seconds.time("load", || {
        let model = load_batched(&args.model, args.index.count)?;
        let links = links(&args.input_from, model.network())?;
        Ok::<_, CliError>((model, links))
    })?;
    let network = model.network();
    demand_memory(network)?;
    let prompt = Prompt::new(&args.prompt, &args.model, network)?;
    let given = match &prompt {
        None => seconds.time("input", || inputs(args, network, &links)),
        Some(prompt) => seconds.time("answer", || {
            let words = prompt.written(&model, args.answer, console)?;
            Ok(Given {
                integers: Vec::new(),
                indices: vec![words],
            })
        }),
    };
    let given = given?;
    let fold = args.fold.map_or_else(|| Mode::shorter(network), Mode::from);
    let (chain, opening) = seconds.time("setup", || {
        let chain = match fold {
            Mode::Tree => None,
            Mode::Chain => Some(parameters(console)?),
        };
        let opening =
            OpeningKey::load_or_derive(network.row_bits(), &CacheFolder::from_environment());
        Ok::<_, CliError>((chain, opening))
    })?;
    let keys = Keys {
        opening: &opening,
        folding: chain.as_ref().map_or(Folding::Tree, Folding::Chain),
    };
    let mut on_event = |event| {
        match event {
            Event::Start(stage) => console.stage(stage.name()),
            Event::Folded(done, total) => console.stage(format!("fold {done}/{total}")),
        }
        ControlFlow::Continue(())
    };
    let previous = receipt::previous(&args.previous)?;
    let receipt = args.receipt.then_some(Words { claims, previous });
    let (paths, links): (Vec<PathBuf>, Vec<Link>) =
        links.into_iter().map(|l| (l.path, l.link)).unzip();
    let order = Order {
        given,
        links,
        visibility,
        left_out,
        receipt,
    };
    let unlinked = |error| match error {
        OrderError::Unlinked { input, source } => {
            let at = order.links.iter().position(|l| l.input == input);
            let path = at.and_then(|at| paths.get(at)).cloned().unwrap_or_default();
            CliError::Unlinked {
                path,
                reason: source,
            }
        }
        other => other.into(),
    };
    let made = order.carry_out(&model, keys, &mut on_event);
    let Artifacts {
        proof,
        secret,
        receipt,
        proved,
    } = made.map_err(unlinked)?;
    for (stage, elapsed) in proved.timings.stages() {
        seconds.push(stage.name(), elapsed.as_secs_f64());
    }

    console.stage("write");
    // The secret comes first: a proof whose hidden values cannot be opened any more is worth less than none.
    let secret_file = secret_path.as_deref().zip(secret.as_deref());
    let secret_file = secret_file.map(|(path, bytes)| NewFile {
        path,
        bytes,
        access: Access::Private,
    });
    let proof_file = NewFile {
        path: &path,
        bytes: &proof,
        access: Access::Shared,
    };
    let receipt_file = receipt_path.as_deref().zip(receipt.as_deref());
    let receipt_file = receipt_file.map(|(path, bytes)| NewFile {
        path,
        bytes,
        access: Access::Shared,
    });
    let files = secret_file
        .into_iter()
        .chain([proof_file])
        .chain(receipt_file);
    let files: Vec<NewFile<'_>> = files.collect();
    seconds.time("write", || write_together(&files))?;

    let answer = prompt
        .map(|prompt| prompt.answer(&proved.indices))
        .transpose()?;
    let answer = answer.transpose().map_err(|e| CliError::Text(e.into()))?;
    let descriptor = network.descriptor();
    let hidden_inputs = descriptor.inputs.iter().filter(|_| !visibility.inputs);
    let outputs = descriptor.outputs.iter().zip(proved.outputs);
    Ok(Proved {
        model_id: model.verification().origin().to_string(),
        samples: model.verification().samples(),
        proof_bytes: proof.len(),
        fold,
        steps: fold.schedule(network).steps,
        nodes: network.nodes().len(),
        rows: network.real_rows(),
        hidden_inputs: hidden_inputs.map(|p| p.name.clone()).collect(),
        output: outputs
            .map(|(port, values)| PortValues::new(port, !visibility.outputs, Some(values)))
            .collect(),
        indices: IndexTensor::all(descriptor, &proved.indices),
        answer,
        proof: path,
        secret: secret_path,
        receipt: receipt_path,
        seconds,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

/// The integers of every input without an opening, and the given indices.
fn inputs(args: &ProveArgs, network: &Network, links: &[Linked]) -> Result<Given, CliError> {
    let ports = &network.descriptor().inputs;
    let is_linked = |at: usize| links.iter().any(|l| l.link.input == at);
    let others: Vec<&Port> = ports
        .iter()
        .enumerate()
        .filter(|(at, _)| !is_linked(*at))
        .map(|(_, port)| port)
        .collect();
    let wanted = wanted(network, &others, args.index.count);
    match &args.input {
        Some(spec) => quantized(network, &others, spec, args.index),
        None if wanted.is_empty() => Ok(Given::default()),
        None => Err(CliError::NoInput {
            inputs: wanted.into_iter().map(|spec| spec.name).collect(),
        }),
    }
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "proved: {}, {} bytes",
            self.proof.display(),
            grouped(self.proof_bytes)
        )?;
        writeln!(f, "  model   {}", self.model_id)?;
        writeln!(f, "  fold    {}", self.fold)?;
        if self.samples > 1 {
            writeln!(
                f,
                "  samples {}: {:.1} ms and {:.0} bytes for each; `pleat verify --samples {}` checks them",
                self.samples,
                1000.0 * self.seconds.total() / self.samples as f64,
                self.proof_bytes as f64 / self.samples as f64,
                self.samples,
            )?;
        }
        for name in &self.hidden_inputs {
            writeln!(f, "  input   {name}: hidden")?;
        }
        for output in &self.output {
            let hidden = if output.hidden {
                "; hidden in the proof"
            } else {
                ""
            };
            writeln!(f, "  output  {output}{hidden}")?;
        }
        for tensor in &self.indices {
            writeln!(f, "  {tensor}")?;
        }
        if let Some(answer) = &self.answer {
            write!(f, "{answer}")?;
        }
        if let Some(receipt) = &self.receipt {
            writeln!(f, "  receipt {}", receipt.display())?;
        }
        if let Some(secret) = &self.secret {
            writeln!(
                f,
                "  secret  {} opens what is hidden (`pleat open`); keep it to yourself",
                secret.display()
            )?;
        }
        Ok(())
    }
}
