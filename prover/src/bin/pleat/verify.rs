//! `pleat verify`: the verifier's own command, with every kind of DATA.

use std::path::Path;

use pleat_verifier::command::{
    self, DataRequest, TensorRole, Verdict, VerifyArgs, VerifyEvent, read_json,
};

use crate::console::Console;
use crate::error::CliError;
use crate::setup::announce;
use crate::tensors::{sample, specs};

/// Verifies.
pub fn verify(args: &VerifyArgs, console: &Console) -> Result<Verdict, CliError> {
    console.stage("load");
    let mut on_event = |event| match event {
        VerifyEvent::Setup(event) => announce(console, &event),
        VerifyEvent::Verify => console.stage("verify"),
    };
    Ok(command::run(args, &mut load, &mut on_event)?)
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
