//! `pleat batch`: the model of several samples at once.

use std::fmt;
use std::path::PathBuf;

use pleat_prover::files::{Access, NewFile, write_together};
use pleat_verifier::command;
use serde::Serialize;

use crate::args::BatchArgs;
use crate::error::CliError;
use crate::paths::demand_writable;

/// A model that was derived.
#[derive(Serialize)]
pub struct Batched {
    pub model: PathBuf,
    /// Its id.
    pub model_id: String,
    /// The id of what it was derived from.
    pub origin: String,
    pub samples: usize,
    pub rows: usize,
}

/// Derives and writes.
pub fn batch(args: &BatchArgs) -> Result<Batched, CliError> {
    demand_writable(&args.output)?;
    let model = command::load_batched(&args.model, args.samples)?;
    let bytes = model
        .to_bytes()
        .map_err(|source| command::CommandError::Model {
            path: args.model.clone(),
            source,
        })?;
    write_together(&[NewFile {
        path: &args.output,
        bytes: &bytes,
        access: Access::Shared,
    }])?;
    Ok(Batched {
        model: args.output.clone(),
        model_id: model.id().to_string(),
        origin: model.origin().to_string(),
        samples: model.samples(),
        rows: model.network().real_rows(),
    })
}

impl fmt::Display for Batched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "derived: {}", self.model.display())?;
        writeln!(f, "  model   {}", self.model_id)?;
        writeln!(f, "  is      {} runs of {}", self.samples, self.origin)
    }
}
