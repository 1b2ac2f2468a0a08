//! From real numbers to the integers of a network's inputs.

use pleat_verifier::descriptor::{IndexPort, IndexRole, Operation, Port, one_sample};
use pleat_verifier::network::Network;
use pleat_verifier::quantize::{QuantizeError, indices, quantize};

use crate::data::InputSpec;

/// A network's inputs: integers, and indices that are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Integers of each input, row-major.
    pub integers: Vec<Vec<i32>>,
    /// Values of each index port that is given, row-major.
    pub indices: Vec<Vec<u32>>,
}

/// What data for these tensors has to fit.
pub fn specs<'p>(ports: impl IntoIterator<Item = &'p Port>) -> Vec<InputSpec> {
    let spec = |port: &Port| InputSpec {
        name: port.name.clone(),
        shape: port.shape.clone(),
    };
    ports.into_iter().map(spec).collect()
}

/// The index ports that are given.
pub fn given_ports(network: &Network) -> impl Iterator<Item = &IndexPort> {
    let ports = network.descriptor().indices.iter();
    ports.filter(|p| p.role == IndexRole::Given)
}

/// Candidates of an input of zeros and ones, for which data has indices.
fn candidates(network: &Network, port: &Port) -> Option<usize> {
    let operation = network.nodes().get(port.node).map(|n| &n.operation);
    let boolean = operation == Some(&Operation::Boolean);
    port.shape.last().copied().filter(|_| boolean)
}

/// The shape of an input's data.
fn data_shape(network: &Network, port: &Port) -> Vec<usize> {
    let axes = match candidates(network, port) {
        Some(_) => port.shape.len().saturating_sub(1),
        None => port.shape.len(),
    };
    port.shape.iter().copied().take(axes).collect()
}

/// The data that these inputs take and, after them, the given indices: one sample's, where the network has an axis for `samples` of
/// them.
pub fn wanted(network: &Network, ports: &[&Port], samples: usize) -> Vec<InputSpec> {
    let inputs = ports.iter().map(|port| InputSpec {
        name: port.name.clone(),
        shape: data_shape(network, port),
    });
    let indices = given_ports(network).map(|port| InputSpec {
        name: port.name.clone(),
        shape: port.shape.clone(),
    });
    let mut all: Vec<InputSpec> = inputs.chain(indices).collect();
    if samples > 1 {
        for spec in &mut all {
            spec.shape = one_sample(&spec.shape);
        }
    }
    all
}

/// The integers of these inputs and the given indices: `values` has, for each tensor that [`wanted`] lists, all samples row-major,
/// one after the other.
///
/// # Errors
/// The first value that has no integer, or too few or too many.
pub fn given(
    network: &Network,
    ports: &[&Port],
    values: &[Vec<f64>],
) -> Result<Given, QuantizeError> {
    let range = network.input_range();
    let (values, of_indices) = values.split_at_checked(ports.len()).unwrap_or_default();
    let integers = ports.iter().zip(values);
    let integers = integers.map(|(port, values)| match candidates(network, port) {
        Some(len) => {
            let selector = IndexPort {
                name: port.name.clone(),
                shape: data_shape(network, port),
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
    let indices_given = given_ports(network).zip(of_indices);
    let indices_given = indices_given.map(|(port, values)| indices(port, values));
    Ok(Given {
        integers: integers.collect::<Result<_, _>>()?,
        indices: indices_given.collect::<Result<_, _>>()?,
    })
}
