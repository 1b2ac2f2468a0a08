//! What `prove --receipt` writes beside a proof.

use std::path::PathBuf;

use pleat_prover::link::Previous;
use pleat_verifier::command;
use pleat_verifier::receipt::canonical;
use serde_json::{Map, Value};

use crate::args::ProveArgs;
use crate::error::CliError;

/// The creator's claims: `--claims`, then `--claim` after `--claim`.
pub fn claims(args: &ProveArgs) -> Result<Map<String, Value>, CliError> {
    let mut claims = match &args.claims {
        None => Map::new(),
        Some(path) => {
            let bad = |reason: String| CliError::BadClaims {
                place: path.display().to_string(),
                reason,
            };
            let bytes = command::read(path)?;
            match serde_json::from_slice(&bytes).map_err(|e| bad(format!("not JSON: {e}")))? {
                Value::Object(claims) => claims,
                _ => return Err(bad("it is no JSON object".to_owned())),
            }
        }
    };
    for claim in &args.claim {
        let bad = |reason: &str| CliError::BadClaims {
            place: format!("--claim {claim}"),
            reason: reason.to_owned(),
        };
        let (name, value) = claim
            .split_once('=')
            .ok_or_else(|| bad("it has the form NAME=VALUE"))?;
        let before = claims.insert(name.to_owned(), Value::String(value.to_owned()));
        if before.is_some() {
            return Err(bad("there is a claim of this name already"));
        }
    }
    // What cannot be written is found before the proof is made.
    canonical(&Value::Object(claims.clone())).map_err(|e| CliError::BadClaims {
        place: "claims".to_owned(),
        reason: e.to_string(),
    })?;
    Ok(claims)
}

/// Reads receipts that are referred to.
pub fn previous(paths: &[PathBuf]) -> Result<Vec<Previous>, CliError> {
    let mut all: Vec<Previous> = Vec::new();
    for path in paths {
        let bytes = command::read(path)?;
        let one = Previous::from_bytes(&bytes).map_err(|source| CliError::NoReceipt {
            path: path.clone(),
            source,
        })?;
        if all.iter().all(|p| p.hash != one.hash) {
            all.push(one);
        }
    }
    Ok(all)
}
