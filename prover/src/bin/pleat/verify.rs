//! `pleat verify`: the verifier's own command, with every kind of DATA.

use std::path::Path;

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::VerifierKey;
use pleat_verifier::command::{
    self, ChainArgs, ChainVerdict, DataRequest, TensorRole, Verdict, Verdicts, VerifyArgs,
    read_json,
};

use crate::console::Console;
use crate::error::CliError;
use crate::setup::announce;
use crate::tensors::{sample, specs};

/// Verifies; a proof of the chain with the key of the cache.
pub fn verify(args: &VerifyArgs, console: &Console) -> Result<Verdict, CliError> {
    console.stage("load");
    let mut key = || key(console);
    Ok(command::run(args, &mut load, &mut key)?)
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
    let specs = specs(request.ports.iter().copied());
    sample(spec, &specs, request.index).map_err(|e| e.to_string())
}
