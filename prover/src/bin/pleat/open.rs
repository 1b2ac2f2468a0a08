//! `pleat open`: one tensor out of a secret file.

use std::fmt;
use std::path::PathBuf;

use pleat_prover::files::{Access, NewFile, write_together};
use pleat_prover::opening::PrivateOpenings;
use pleat_verifier::command::{self, PortValues};
use serde::Serialize;

use crate::args::OpenArgs;
use crate::error::CliError;
use crate::paths::demand_writable;

/// An opening that was written.
#[derive(Serialize)]
pub struct Opened {
    pub model_id: String,
    pub opening: PathBuf,
    pub opened: PortValues,
}

/// Writes the opening of one tensor.
pub fn open(args: &OpenArgs) -> Result<Opened, CliError> {
    demand_writable(&args.output)?;
    let model = command::load_batched(&args.model, args.samples)?;
    let network = model.network();
    let ports: Vec<_> = network.descriptor().ports().collect();
    let no_port = || CliError::NoPort {
        port: args.port.clone(),
        ports: ports.iter().map(|p| p.name.clone()).collect(),
    };
    let index = ports.iter().position(|p| p.name == args.port);
    let index = index.ok_or_else(no_port)?;
    let secret = PrivateOpenings::from_bytes(&command::read(&args.secret)?, network);
    let secret = secret.map_err(|source| CliError::NotOfModel {
        path: args.secret.clone(),
        model: args.model.clone(),
        source,
    })?;
    let opening = secret.ports().iter().find(|o| o.port == index);
    let opening = opening.ok_or_else(no_port)?;
    if opening.model != model.id() {
        return Err(CliError::OtherModel {
            path: args.secret.clone(),
            model: args.model.clone(),
            got: opening.model.to_string(),
            expected: model.id().to_string(),
        });
    }
    let port = ports.get(index).ok_or_else(no_port)?;
    write_together(&[NewFile {
        path: &args.output,
        bytes: &opening.to_bytes(),
        // It is made to be handed on, but to whom is the user's choice.
        access: Access::Private,
    }])?;
    Ok(Opened {
        model_id: model.id().to_string(),
        opening: args.output.clone(),
        opened: PortValues::new(port, true, Some(opening.values.clone())),
    })
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "wrote {}: whoever has it learns this tensor",
            self.opening.display()
        )?;
        writeln!(f, "  {}", self.opened)
    }
}
