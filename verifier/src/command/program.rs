//! What the programs of this crate share: warnings, the key from the cache, results as text or JSON, exit codes.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::{SetupEvent, VerifierKey};
use serde::Serialize;

use super::{CommandError, EXIT_FAILED};

/// Sends warnings to standard error; with `quiet`, errors only. `RUST_LOG` may ask for more.
pub fn start_log(quiet: bool) {
    use tracing_subscriber::EnvFilter;
    let level = if quiet { "error" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
}

/// The universal step circuit's key, from the cache or built.
///
/// # Errors
/// If it cannot be built.
pub fn cached_key(quiet: bool) -> Result<VerifierKey, pleat_nova_circuits::chain::Error> {
    VerifierKey::load_or_build(&CacheFolder::from_environment(), &mut |event| {
        if !quiet && event == SetupEvent::Building {
            let _ = writeln!(
                std::io::stderr(),
                "building the parameters that all models share (some seconds, once)"
            );
        }
    })
}

/// Prints a result, or why there is none, and gives the exit code.
pub fn finish<T: Serialize + Display>(
    result: Result<T, CommandError>,
    code: impl FnOnce(&T) -> u8,
    as_json: bool,
) -> ExitCode {
    let (text, code) = match result {
        Ok(value) if as_json => (json(&value), code(&value)),
        Ok(value) => (value.to_string(), code(&value)),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            let text = if as_json {
                json(&serde_json::json!({ "error": error.to_string() }))
            } else {
                String::new()
            };
            (text, EXIT_FAILED)
        }
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(code.max(EXIT_FAILED)),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).map_or_else(|e| format!("{{\"error\":\"{e}\"}}\n"), |s| s + "\n")
}
