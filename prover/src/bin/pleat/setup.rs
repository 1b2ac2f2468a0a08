//! `pleat setup`, and the chain's parameters for the commands that need them.

use std::fmt;
use std::fmt::Write;
use std::path::PathBuf;

use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::{Parameters, SetupEvent};
use pleat_verifier::command::CommandError;
use serde::Serialize;

use crate::console::{Console, grouped};
use crate::error::CliError;
use crate::seconds::StageSeconds;

/// The parameter cache.
#[derive(Serialize)]
pub struct Setup {
    /// Nova's digest of the parameters; part of every proof's transcript.
    pub digest: String,
    /// Whether they were built now rather than found.
    pub built: bool,
    pub file: Option<PathBuf>,
    pub bytes: Option<u64>,
    pub primary_constraints: usize,
    pub primary_variables: usize,
    pub secondary_constraints: usize,
    pub secondary_variables: usize,
    pub seconds: StageSeconds,
}

/// Loads the parameters, or builds and caches them.
pub fn parameters(console: &Console) -> Result<Parameters, CliError> {
    let cache = CacheFolder::from_environment();
    let parameters = Parameters::load_or_build(&cache, &mut |event| announce(console, &event));
    Ok(parameters.map_err(CommandError::Setup)?)
}

/// Says what becomes of the parameters.
pub fn announce(console: &Console, event: &SetupEvent) {
    match event {
        SetupEvent::Loading(_) => console.stage("setup: load the chain's parameters"),
        SetupEvent::Building => {
            console.note(
                &"building the chain's parameters, which all models share (some seconds, once)",
            );
            console.stage("setup: build the chain's parameters");
        }
        SetupEvent::Storing(_) => console.stage("setup: store the chain's parameters"),
    }
}

/// Makes sure that the cache is there, and says what is in it.
pub fn setup(console: &Console) -> Result<Setup, CliError> {
    let mut seconds = StageSeconds::start();
    let cache = CacheFolder::from_environment();
    let mut built = false;
    let parameters = seconds.time("setup", || {
        Parameters::load_or_build(&cache, &mut |event| {
            built |= event == SetupEvent::Building;
            announce(console, &event);
        })
    });
    let parameters = parameters.map_err(CommandError::Setup)?;
    let digest = parameters
        .digest()
        .iter()
        .fold(String::new(), |mut hex, b| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{b:02x}");
            hex
        });
    let file = cache.parameters_file().filter(|f| f.exists());
    let sizes = parameters.sizes();
    let setup = Setup {
        digest,
        built,
        bytes: file.as_ref().and_then(|f| Some(f.metadata().ok()?.len())),
        file,
        primary_constraints: sizes.primary_constraints,
        primary_variables: sizes.primary_variables,
        secondary_constraints: sizes.secondary_constraints,
        secondary_variables: sizes.secondary_variables,
        seconds,
    };
    Ok(setup)
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.built { "built" } else { "loaded" };
        writeln!(
            f,
            "{how} the parameters of the mode `chain` in {:.1} s",
            self.seconds.total()
        )?;
        writeln!(f, "  digest   {}", self.digest)?;
        match (&self.file, self.bytes) {
            (Some(file), Some(bytes)) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                writeln!(f, "  cache    {}, {} bytes", file.display(), grouped(bytes))?;
            }
            _ => writeln!(
                f,
                "  cache    none: they are built anew by every command that needs them"
            )?,
        }
        writeln!(
            f,
            "  circuit  {} constraints and {} variables; on the second curve {} and {}",
            grouped(self.primary_constraints),
            grouped(self.primary_variables),
            grouped(self.secondary_constraints),
            grouped(self.secondary_variables)
        )
    }
}
