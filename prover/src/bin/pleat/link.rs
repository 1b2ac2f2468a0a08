//! Inputs that are tensors of other models and proofs: `compile --input-like` takes a scale, `prove --input-from` takes values
//! and blinds.

use std::path::{Path, PathBuf};

use pleat_prover::compile::InputSpec;
use pleat_prover::link::Link;
use pleat_verifier::command;
use pleat_verifier::network::Network;

use crate::error::CliError;

/// An input that comes from another proof, and the opening's file.
pub struct Linked {
    pub path: PathBuf,
    pub link: Link,
}

/// `[NAME=]REST`: the position of the named input, or of the only one, and the rest.
fn input_of<'t>(
    flag: &'static str,
    text: &'t str,
    names: &[&str],
) -> Result<(usize, &'t str), CliError> {
    if let Some((name, rest)) = text.split_once('=')
        && let Some(at) = names.iter().position(|n| *n == name)
    {
        return Ok((at, rest));
    }
    match names {
        [_] => Ok((0, text)),
        _ => Err(CliError::WhichInput {
            flag,
            text: text.to_owned(),
            inputs: names.iter().map(|n| (*n).to_owned()).collect(),
        }),
    }
}

/// The scales that `--input-like` asks for, by input.
pub fn scales(
    texts: &[String],
    inputs: &[InputSpec],
) -> Result<std::collections::BTreeMap<String, f64>, CliError> {
    let names: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
    let scale = |text: &String| {
        let (input, place) = input_of("--input-like", text, &names)?;
        let name = names.get(input).copied().unwrap_or_default();
        Ok((name.to_owned(), scale_of(place)?))
    };
    texts.iter().map(scale).collect()
}

/// The scale of `MODEL.vmodel[:TENSOR]`; of the only output, if none is named.
fn scale_of(place: &str) -> Result<f64, CliError> {
    let (path, tensor) = match place.rsplit_once(':') {
        Some((path, tensor)) if !Path::new(place).exists() => (path, Some(tensor)),
        _ => (place, None),
    };
    let model = command::load_model(Path::new(path))?;
    let descriptor = model.network().descriptor();
    let port = match (tensor, descriptor.outputs.as_slice()) {
        (Some(name), _) => descriptor.ports().find(|p| p.name == name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    port.map(|p| p.scale).ok_or_else(|| CliError::NoPort {
        port: tensor
            .unwrap_or("that is meant (write MODEL.vmodel:TENSOR)")
            .to_owned(),
        ports: descriptor.ports().map(|p| p.name.clone()).collect(),
    })
}

/// Reads what `--input-from` names.
pub fn links(texts: &[String], network: &Network) -> Result<Vec<Linked>, CliError> {
    let inputs = &network.descriptor().inputs;
    let names: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
    let mut links: Vec<Linked> = Vec::new();
    for text in texts {
        let (input, path) = input_of("--input-from", text, &names)?;
        let twice = links.iter().any(|l| l.link.input == input);
        let port = inputs.get(input).filter(|_| !twice);
        let port = port.ok_or_else(|| CliError::WhichInput {
            flag: "--input-from",
            text: text.clone(),
            inputs: names.iter().map(|n| (*n).to_owned()).collect(),
        })?;
        let path = PathBuf::from(path);
        let link = Link::from_bytes(&command::read(&path)?, network, input, port);
        let link = link.map_err(|source| CliError::NotThisInput {
            path: path.clone(),
            input: port.name.clone(),
            source,
        })?;
        links.push(Linked { path, link });
    }
    Ok(links)
}
