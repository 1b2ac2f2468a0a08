//! From DATA to the integers of a network's inputs.

use ndarray::ArrayD;
use pleat_prover::data::{DataError, InputSpec, Samples, load_inputs};
use pleat_verifier::command;
use pleat_verifier::descriptor::{IndexPort, IndexRole, Operation, Port, one_sample};
use pleat_verifier::network::Network;
use pleat_verifier::quantize::{indices, quantize};

use crate::error::CliError;

/// What DATA must fit.
pub fn specs<'p>(ports: impl IntoIterator<Item = &'p Port>) -> Vec<InputSpec> {
    let spec = |port: &Port| InputSpec {
        name: port.name.clone(),
        shape: port.shape.clone(),
    };
    ports.into_iter().map(spec).collect()
}

/// Samples of DATA, side by side: a row-major list per tensor. `specs` are of one sample.
pub fn sample(
    spec: &str,
    specs: &[InputSpec],
    index: command::Samples,
) -> Result<Vec<Vec<f64>>, DataError> {
    let stacks: Vec<Samples> = load_inputs(spec, specs)?;
    let sample = |stack: &Samples| {
        let mut values = Vec::new();
        for i in (index.first..).take(index.count) {
            values.extend(stack.get(i)?.iter().map(|v| f64::from(*v)));
        }
        Ok(values)
    };
    stacks.iter().map(sample).collect()
}

/// All samples of DATA: one tensor per input.
pub fn all_samples(
    flag: &'static str,
    spec: &str,
    specs: &[InputSpec],
) -> Result<Vec<Vec<ArrayD<f32>>>, CliError> {
    let error = |source| CliError::Data { flag, source };
    let stacks = load_inputs(spec, specs).map_err(error)?;
    let count = stacks.first().map_or(0, Samples::len);
    (0..count)
        .map(|i| stacks.iter().map(|s| s.get(i)).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()
        .map_err(error)
}

/// A network's inputs: integers, and indices that are given.
pub struct Given {
    pub integers: Vec<Vec<i32>>,
    pub indices: Vec<Vec<u32>>,
}

/// `--input`, for every input of the network.
pub fn quantized_input(
    network: &Network,
    spec: &str,
    index: command::Samples,
) -> Result<Given, CliError> {
    let ports: Vec<&Port> = network.descriptor().inputs.iter().collect();
    quantized(network, &ports, spec, index)
}

/// The index ports that are given.
pub fn given_ports(network: &Network) -> impl Iterator<Item = &IndexPort> {
    let ports = network.descriptor().indices.iter();
    ports.filter(|p| p.role == IndexRole::Given)
}

/// `--input`, which gives these inputs and, after them, the indices. The network's tensors have an axis for as many samples as
/// `index` says, if it says more than one.
pub fn quantized(
    network: &Network,
    ports: &[&Port],
    spec: &str,
    index: command::Samples,
) -> Result<Given, CliError> {
    let flag = "--input";
    let index_ports: Vec<&IndexPort> = given_ports(network).collect();
    let tensors: Vec<Port> = index_ports.iter().map(|p| p.tensor()).collect();
    // Of zeros and ones, DATA has the indices.
    let candidates = |port: &Port| {
        let boolean =
            network.nodes().get(port.node).map(|n| &n.operation) == Some(&Operation::Boolean);
        port.shape.last().copied().filter(|_| boolean)
    };
    let given = |port: &&Port| Port {
        shape: match candidates(port) {
            Some(_) => port
                .shape
                .iter()
                .copied()
                .take(port.shape.len() - 1)
                .collect(),
            None => port.shape.clone(),
        },
        ..(*port).clone()
    };
    let mut wanted: Vec<Port> = ports.iter().map(given).chain(tensors).collect();
    if index.count > 1 {
        for port in &mut wanted {
            port.shape = one_sample(&port.shape);
        }
    }
    let values =
        sample(spec, &specs(&wanted), index).map_err(|source| CliError::Data { flag, source })?;
    let range = network.input_range();
    let error = |source| CliError::Quantize { flag, source };
    let (values, indices_given) = values.split_at_checked(ports.len()).unwrap_or_default();
    let integers = ports.iter().zip(values);
    let integers = integers.map(|(port, values)| match candidates(port) {
        Some(len) => {
            let selector = IndexPort {
                name: port.name.clone(),
                shape: port
                    .shape
                    .iter()
                    .copied()
                    .take(port.shape.len() - 1)
                    .collect(),
                len,
                role: IndexRole::Given,
            };
            let ones = |k: &u32| {
                let k = *k as usize;
                (0..len).map(move |v| i32::from(v == k))
            };
            indices(&selector, values).map(|own| own.iter().flat_map(ones).collect())
        }
        None => quantize(port, &range, values),
    });
    let given = index_ports.iter().zip(indices_given);
    let given = given.map(|(port, values)| indices(port, values));
    Ok(Given {
        integers: integers.collect::<Result<_, _>>().map_err(error)?,
        indices: given.collect::<Result<_, _>>().map_err(error)?,
    })
}
