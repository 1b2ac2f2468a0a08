//! From the members of requests to what the library takes: integers, links, receipts, claims.

use pleat_prover::inputs::{Given, given, wanted};
use pleat_prover::link::Link;
use pleat_verifier::command::DataRequest;
use pleat_verifier::descriptor::Port;
use pleat_verifier::network::Network;
use pleat_verifier::receipt::canonical;
use serde_json::{Map, Value};

use super::requests::{Data, LinkedInput};
use super::trouble::Trouble;
use super::values::{Numbers, Object};

/// Claims are the creator's words, not an archive.
const CLAIMS: usize = 1 << 16;

/// How many samples a request is about.
pub fn count(samples: Option<u32>) -> Result<usize, Trouble> {
    match samples.map_or(1, |n| n as usize) {
        n @ 1..=65536 => Ok(n),
        _ => Err(Trouble::Invalid("samples: 1 to 65536".to_owned())),
    }
}

/// A receipt's bytes. It has one text only, whatever the request looked like around it.
pub fn text(receipt: &Object) -> Result<Vec<u8>, Trouble> {
    let bad = |e: &dyn std::fmt::Display| Trouble::Receipt(e.to_string());
    let value: Value = serde_json::from_str(receipt.0.get()).map_err(|e| bad(&e))?;
    canonical(&value)
        .map(String::into_bytes)
        .map_err(|e| bad(&e))
}

/// Claims that a receipt can have.
pub fn claims(object: &Object) -> Result<Map<String, Value>, Trouble> {
    let bad = |e: String| Trouble::Invalid(format!("claims: {e}"));
    if object.0.get().len() > CLAIMS {
        return Err(bad(format!("more than {CLAIMS} bytes")));
    }
    let claims: Map<String, Value> =
        serde_json::from_str(object.0.get()).map_err(|e| bad(e.to_string()))?;
    canonical(&Value::Object(claims.clone())).map_err(|e| bad(e.to_string()))?;
    Ok(claims)
}

/// Inputs that are tensors of other proofs.
pub fn links(network: &Network, linked: &[LinkedInput]) -> Result<Vec<Link>, Trouble> {
    let mut links: Vec<Link> = Vec::new();
    for LinkedInput { input, opening } in linked {
        let mut inputs = network.descriptor().inputs.iter().enumerate();
        let found = inputs.find(|(_, port)| port.name == *input);
        let fresh = found.filter(|(at, _)| links.iter().all(|l| l.input != *at));
        let (at, port) = fresh.ok_or_else(|| {
            Trouble::Invalid(format!(
                "linked: no input is called {input:?}, or it is linked twice"
            ))
        })?;
        let link = Link::from_bytes(&opening.0, network, at, port)
            .map_err(|e| Trouble::Unlinked(format!("the opening for input {input}: {e}")))?;
        links.push(link);
    }
    Ok(links)
}

/// The integers of these inputs, and the given indices.
pub fn integers(network: &Network, ports: &[&Port], data: &Data<'_>) -> Result<Given, Trouble> {
    let wanted = wanted(network, ports, data.samples);
    let names = || {
        let names: Vec<&str> = wanted.iter().map(|spec| spec.name.as_str()).collect();
        names.join(", ")
    };
    let lists: Vec<&Numbers> = match (data.lists, data.names) {
        (Some(lists), None) => lists.iter().collect(),
        (None, Some(map)) => {
            let of = |name: &String| map.get(name);
            let lists: Option<Vec<&Numbers>> = wanted.iter().map(|spec| of(&spec.name)).collect();
            lists
                .filter(|lists| lists.len() == map.len())
                .ok_or_else(|| {
                    Trouble::Input(format!(
                        "\"inputs\" has to have these members and no others: {}",
                        names()
                    ))
                })?
        }
        (None, None) if wanted.is_empty() => Vec::new(),
        _ => {
            return Err(Trouble::Input(
                "give either \"input_data\" or \"inputs\"".to_owned(),
            ));
        }
    };
    if lists.len() != wanted.len() {
        return Err(Trouble::Input(format!(
            "{} lists are given; there have to be {}, for {}",
            lists.len(),
            wanted.len(),
            names()
        )));
    }
    for (list, spec) in lists.iter().zip(&wanted) {
        let size: usize = spec.shape.iter().product();
        let numbers = size.saturating_mul(data.samples);
        if list.0.len() != numbers {
            return Err(Trouble::Input(format!(
                "{} has {} numbers; {} samples of shape {:?} have {numbers}",
                spec.name,
                list.0.len(),
                data.samples,
                spec.shape
            )));
        }
    }
    let values: Vec<Vec<f64>> = lists.iter().map(|list| doubles(list)).collect();
    Ok(given(network, ports, &values)?)
}

/// Values that are demanded of a proof.
pub fn demanded(
    lists: &[Numbers],
    wanted: &DataRequest<'_>,
    samples: usize,
) -> Result<Vec<Vec<f64>>, String> {
    if lists.len() != wanted.ports.len() {
        return Err(format!(
            "{} lists are given, and {} tensors are asked for",
            lists.len(),
            wanted.ports.len()
        ));
    }
    let pairs = wanted.ports.iter().zip(lists);
    let values = pairs.map(|(port, list)| {
        let size: usize = wanted.sample_shape(port).iter().product();
        let numbers = size.saturating_mul(samples);
        if list.0.len() == numbers {
            Ok(doubles(list))
        } else {
            Err(format!(
                "tensor {} has {numbers} numbers; {} are given",
                port.name,
                list.0.len()
            ))
        }
    });
    values.collect()
}

fn doubles(list: &Numbers) -> Vec<f64> {
    list.0.iter().map(|v| f64::from(*v)).collect()
}
