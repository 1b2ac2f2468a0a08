//! `pleat verify`: the verifier's own command, with every kind of DATA.

use std::fmt;
use std::path::Path;

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::VerifierKey;
use pleat_verifier::command::{
    self, ChainArgs, ChainVerdict, DataRequest, ManyArgs, ManyVerdict, TensorRole, Verdict,
    Verdicts, VerifyArgs, read_json,
};

use pleat_prover::inputs::specs;
use pleat_verifier::decoding::DecodingError;
use pleat_verifier::descriptor::{Indices, Port};
use pleat_verifier::verdict::Refusal;
use serde::Serialize;

use crate::args::VerifyTextArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::setup::announce;
use crate::tensors::sample;
use crate::text::{Answer, Prompt};

/// Verifies; a proof of the chain with the key of the cache.
pub fn verify(args: &VerifyArgs, console: &Console) -> Result<Verdict, CliError> {
    console.stage("load");
    let mut key = || key(console);
    Ok(command::run(args, &mut load, &mut key)?)
}

/// A verdict, and the answer in words if there was a prompt.
#[derive(Serialize)]
pub struct TextVerdict {
    #[serde(flatten)]
    pub verdict: Verdict,
    #[serde(flatten)]
    pub answer: Option<Answer>,
}

/// [`verify`], then what a valid proof says about a prompt.
pub fn verify_text(args: &VerifyTextArgs, console: &Console) -> Result<TextVerdict, CliError> {
    let without = |verdict| TextVerdict {
        verdict,
        answer: None,
    };
    if args.prompt.prompt.is_none() {
        return Ok(without(verify(&args.verify, console)?));
    }
    let path = &args.verify.model;
    let model = command::load_model(path)?;
    // What is wrong with the prompt is said before the work.
    let Some(prompt) = Prompt::new(&args.prompt, path, model.network())? else {
        return Ok(without(verify(&args.verify, console)?));
    };
    let verdict = verify(&args.verify, console)?;
    if !verdict.valid {
        return Ok(without(verdict));
    }
    let shown = verdict.indices.iter().flatten();
    let shown = shown.map(|tensor| tensor.values.clone()).collect();
    let indices = Indices::new(&model.network().descriptor().indices, shown);
    match prompt.answer(&indices)? {
        Ok(answer) => Ok(TextVerdict {
            verdict,
            answer: Some(answer),
        }),
        Err(error @ DecodingError::Prompt { .. }) => {
            let refusal = Err(Refusal::Prompt(error));
            Ok(without(Verdict::new(&model, refusal, verdict.seconds)))
        }
        Err(error) => Err(CliError::Text(error.into())),
    }
}

impl fmt::Display for TextVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict)?;
        self.answer
            .iter()
            .try_for_each(|answer| write!(f, "{answer}"))
    }
}

/// Verifies several proofs about one model together.
pub fn verify_several(args: &VerifyArgs, console: &Console) -> Result<Verdicts, CliError> {
    console.stage("verify");
    let mut key = || key(console);
    Ok(command::run_several(args, &mut key)?)
}

/// Verifies receipts that refer to each other, with their proofs.
pub fn verify_chain(args: &ChainArgs, console: &Console) -> Result<ChainVerdict, CliError> {
    console.stage("load");
    let mut key = || key(console);
    Ok(command::run_chain(args, &mut key)?)
}

/// Verifies the proofs of a manifest.
pub fn verify_many(args: &ManyArgs, console: &Console) -> Result<ManyVerdict, CliError> {
    console.stage("verify");
    let mut key = || key(console);
    Ok(command::run_many(args, &mut key)?)
}

/// The chain's key, from the cache or built.
fn key(console: &Console) -> Result<VerifierKey, pleat_nova_circuits::chain::Error> {
    let cache = CacheFolder::from_environment();
    let key = VerifierKey::load_or_build(&cache, &mut |event| announce(console, &event));
    console.stage("verify");
    key
}

fn load(spec: &str, request: &DataRequest<'_>) -> Result<Vec<Vec<f64>>, String> {
    let is_json = Path::new(spec)
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"));
    if is_json && request.role == TensorRole::Output {
        let bytes = std::fs::read(spec).map_err(|e| e.to_string())?;
        return read_json(&bytes, request);
    }
    let ports: Vec<Port> = request
        .ports
        .iter()
        .map(|port| Port {
            shape: request.sample_shape(port),
            ..(*port).clone()
        })
        .collect();
    sample(spec, &specs(&ports), request.index).map_err(|e| e.to_string())
}
