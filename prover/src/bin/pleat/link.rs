//! Inputs that are tensors of other models and proofs: `compile --input-like` takes a scale, `prove --input-from` takes values
//! and blinds.

use std::path::{Path, PathBuf};

use pleat_prover::compile::InputSpec;
use pleat_prover::stages::LinkedInput;
use pleat_verifier::command;
use pleat_verifier::commitments::Generators;
use pleat_verifier::descriptor::Port;
use pleat_verifier::network::Network;
use pleat_verifier::opened::PortOpening;
use pleat_verifier::receipt::{Origin, Receipt, Role, Sha3Hash};

use crate::error::CliError;

/// An input that comes from another proof.
pub struct Link {
    /// Position among the inputs.
    pub input: usize,
    path: PathBuf,
    opening: PortOpening,
}

/// A receipt that is referred to.
pub struct Previous {
    pub receipt: Receipt,
    pub hash: Sha3Hash,
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
pub fn links(texts: &[String], network: &Network) -> Result<Vec<Link>, CliError> {
    let inputs = &network.descriptor().inputs;
    let names: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
    let mut links: Vec<Link> = Vec::new();
    for text in texts {
        let (input, path) = input_of("--input-from", text, &names)?;
        let twice = links.iter().any(|l| l.input == input);
        let port = inputs.get(input).filter(|_| !twice);
        let port = port.ok_or_else(|| CliError::WhichInput {
            flag: "--input-from",
            text: text.clone(),
            inputs: names.iter().map(|n| (*n).to_owned()).collect(),
        })?;
        let path = PathBuf::from(path);
        let opening = PortOpening::for_input(&command::read(&path)?, network, port);
        let opening = opening.map_err(|source| CliError::NotThisInput {
            path: path.clone(),
            input: port.name.clone(),
            source,
        })?;
        links.push(Link {
            input,
            path,
            opening,
        });
    }
    Ok(links)
}

impl Link {
    /// The input's integers.
    pub fn values(&self) -> &[i32] {
        &self.opening.values
    }

    /// What the prover commits with.
    pub fn linked(&self) -> LinkedInput {
        LinkedInput {
            input: self.input,
            blinds: self.opening.blinds.clone(),
        }
    }

    /// The tensor that this is according to one of the receipts, after checking that the commitments will be the same and
    /// that an integer means the same.
    pub fn origin(
        &self,
        previous: &[Previous],
        generators: &Generators,
        network: &Network,
    ) -> Result<Origin, CliError> {
        let fail = |reason: &str| CliError::Unlinked {
            path: self.path.clone(),
            reason: reason.to_owned(),
        };
        let port: &Port = network
            .descriptor()
            .inputs
            .get(self.input)
            .ok_or_else(|| fail("there is no such input"))?;
        let rows = self.opening.commit(generators, network, port);
        let commitment = Sha3Hash::of_tensor(&rows.unwrap_or_default());
        let of_model = previous
            .iter()
            .filter(|p| p.receipt.model.0 == self.opening.model.0);
        let mut tensors = of_model.filter_map(|p| {
            let inputs = p.receipt.inputs.len();
            let (role, at) = match self.opening.port.checked_sub(inputs) {
                Some(output) => (Role::Output, output),
                None => (Role::Input, self.opening.port),
            };
            Some((p, role, p.receipt.tensors(role).get(at)?))
        });
        let Some(first) = tensors.next() else {
            return Err(fail(
                "no receipt given with --previous is about the model that it belongs to",
            ));
        };
        let mut candidates = std::iter::once(first).chain(tensors);
        let Some((receipt, role, tensor)) =
            candidates.find(|(_, _, tensor)| tensor.commitment == commitment)
        else {
            return Err(fail(
                "its commitments are not those of the --previous receipt: it belongs to another proof, or the input is laid out \
                 differently from that tensor (compile with the same --row-bits)",
            ));
        };
        if tensor.scale != port.scale.to_string() {
            return Err(fail(&format!(
                "one unit of tensor {} stands for {}, one of input {} for {}; compile this model with --input-like",
                tensor.name, tensor.scale, port.name, port.scale
            )));
        }
        Ok(Origin {
            receipt: receipt.hash,
            role,
            name: tensor.name.clone(),
        })
    }
}
