//! DATA for a proof's inputs, its outputs or an opened tensor, as integers: demanded of the proof, or supplied where its file leaves
//! values out.

use super::demands::{DataRequest, Demands, Load, TensorRole};
use super::error::CommandError;
use super::samples::Samples;
use crate::descriptor::{IndexPort, IndexRole, Port};
use crate::network::Network;
use crate::places::{Place, Places, Supplied};
use crate::quantize::{indices as indices_of, quantize};

/// Tensors that one option gives values for, each with its number.
pub(super) struct Side<'a> {
    /// The option.
    pub flag: &'static str,
    role: TensorRole,
    spec: Option<&'a str>,
    index: Samples,
    /// Inputs and outputs.
    pub ports: Vec<(usize, &'a Port)>,
    /// Index ports.
    pub indices: Vec<(usize, &'a IndexPort)>,
    /// What DATA says, once it is read.
    pub values: Option<Values>,
}

/// So many, from the first on.
const fn first(count: usize) -> Samples {
    Samples { first: 0, count }
}

/// What DATA says.
pub(super) struct Values {
    /// Integers of inputs and outputs.
    pub ports: Vec<Vec<i32>>,
    /// Values of index ports.
    pub indices: Vec<Vec<u32>>,
}

impl<'a> Side<'a> {
    /// `--input`: inputs, and given indices.
    pub fn input(demands: &'a Demands, samples: usize, network: &'a Network) -> Self {
        let spec = demands.input.as_deref();
        let index = Samples {
            count: samples,
            ..demands.index
        };
        Self::whole("--input", TensorRole::Input, spec, index, network)
    }

    /// `--output`: outputs, and answers.
    pub fn output(demands: &'a Demands, samples: usize, network: &'a Network) -> Self {
        let (spec, index) = (demands.output.as_deref(), first(samples));
        Self::whole("--output", TensorRole::Output, spec, index, network)
    }

    /// `--value`: the tensor that is opened.
    pub fn opened(demands: &'a Demands, samples: usize, network: &'a Network, port: usize) -> Self {
        let inputs = network.descriptor().inputs.len();
        let ports = network.descriptor().ports().enumerate();
        Self {
            flag: "--value",
            role: if port < inputs {
                TensorRole::Input
            } else {
                TensorRole::Output
            },
            spec: demands.value.as_deref(),
            index: first(samples),
            ports: ports.filter(|(number, _)| *number == port).collect(),
            indices: Vec::new(),
            values: None,
        }
    }

    fn whole(
        flag: &'static str,
        role: TensorRole,
        spec: Option<&'a str>,
        index: Samples,
        network: &'a Network,
    ) -> Self {
        let descriptor = network.descriptor();
        let is_input = role == TensorRole::Input;
        let inputs = descriptor.inputs.len();
        let ports = descriptor.ports().enumerate();
        let indices = descriptor.indices.iter().enumerate();
        Self {
            flag,
            role,
            spec,
            index,
            ports: ports.filter(|(n, _)| (*n < inputs) == is_input).collect(),
            indices: indices
                .filter(|(_, port)| (port.role == IndexRole::Given) == is_input)
                .collect(),
            values: None,
        }
    }

    /// Reads the option's DATA, if it was given and is not read yet.
    ///
    /// # Errors
    /// If it cannot be read, or has no integers.
    pub fn read(&mut self, network: &Network, load: &mut Load<'_>) -> Result<(), CommandError> {
        if let (Some(spec), None) = (self.spec, &self.values) {
            self.values = Some(self.loaded(spec, network, load)?);
        }
        Ok(())
    }

    fn loaded(
        &self,
        spec: &str,
        network: &Network,
        load: &mut Load<'_>,
    ) -> Result<Values, CommandError> {
        let flag = self.flag;
        let tensors: Vec<Port> = self.indices.iter().map(|(_, p)| p.tensor()).collect();
        let request = DataRequest {
            flag,
            role: self.role,
            ports: self
                .ports
                .iter()
                .map(|(_, port)| *port)
                .chain(&tensors)
                .collect(),
            index: self.index,
        };
        let values = load(spec, &request).map_err(|reason| CommandError::Data {
            flag,
            spec: spec.to_owned(),
            reason,
        })?;
        let (values, indices) = values
            .split_at_checked(self.ports.len())
            .unwrap_or_default();
        let range = match self.role {
            TensorRole::Input => network.input_range(),
            TensorRole::Output => i32::MIN..=i32::MAX,
        };
        let error = |source| CommandError::Quantize { flag, source };
        let ports = self.ports.iter().zip(values);
        let indices = self.indices.iter().zip(indices);
        Ok(Values {
            ports: ports
                .map(|((_, port), values)| quantize(port, &range, values))
                .collect::<Result<_, _>>()
                .map_err(error)?,
            indices: indices
                .map(|((_, port), values)| indices_of(port, values))
                .collect::<Result<_, _>>()
                .map_err(error)?,
        })
    }

    /// Supplies what the file leaves out: what the option says, otherwise what is supplied already.
    ///
    /// # Errors
    /// As [`Self::read`]; [`CommandError::LeftOut`].
    pub fn supply(
        &mut self,
        network: &Network,
        places: &Places,
        supplied: &mut Supplied,
        load: &mut Load<'_>,
    ) -> Result<(), CommandError> {
        let is_left = |place: Option<&Place>| place == Some(&Place::Elsewhere);
        let port_is_left = |n: &usize| is_left(places.ports().get(*n));
        let index_is_left = |n: &usize| is_left(places.indices().get(*n));
        let has_any = self.ports.iter().any(|(n, _)| port_is_left(n))
            || self.indices.iter().any(|(n, _)| index_is_left(n));
        if !has_any {
            return Ok(());
        }
        self.read(network, load)?;
        if let Some(values) = &self.values {
            for ((number, _), values) in self.ports.iter().zip(&values.ports) {
                supplied.set_port(*number, values.clone());
            }
            for ((number, _), values) in self.indices.iter().zip(&values.indices) {
                supplied.set_index(*number, values.clone());
            }
        }
        let mut ports = self.ports.iter();
        let port = ports.find(|(n, _)| port_is_left(n) && supplied.port(*n).is_none());
        let mut indices = self.indices.iter();
        let index = indices.find(|(n, _)| index_is_left(n) && supplied.index(*n).is_none());
        let name = port.map(|(_, port)| &port.name);
        match name.or_else(|| index.map(|(_, port)| &port.name)) {
            Some(tensor) => Err(CommandError::LeftOut {
                tensor: tensor.clone(),
                flag: self.flag,
            }),
            None => Ok(()),
        }
    }
}
