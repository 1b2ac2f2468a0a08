//! Where a proof's public values are: in its file, or with whoever verifies it. The proof is the same either way; values that are
//! supplied are absorbed like those that are read, so that a proof verifies with the right ones only.

use crate::descriptor::{IndexRole, Port};
use crate::encoding::Reader;
use crate::error::FormatError;
use crate::network::Network;
use crate::packing::{Packing, bytes};
use crate::public::{PublicValues, elements};

/// Where the values of an input, an output or an index port are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the proof hides them.
    Hidden,
    /// In the proof's file.
    Here,
    /// With whoever verifies: the proof shows them, its file does not hold them.
    Elsewhere,
}

impl Place {
    const ALL: [Self; 3] = [Self::Hidden, Self::Here, Self::Elsewhere];

    /// Its byte in the file.
    const fn flag(self) -> u8 {
        match self {
            Self::Hidden => 0,
            Self::Here => 1,
            Self::Elsewhere => 2,
        }
    }

    fn of_flag(flag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.flag() == flag)
    }
}

/// Where all public values of a proof are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    ports: Vec<Place>,
    indices: Vec<Place>,
}

impl Places {
    /// The same for all inputs, and the same for all outputs. Indices go with them, those given with the inputs, but are never hidden.
    pub fn new(network: &Network, inputs: Place, outputs: Place) -> Self {
        let descriptor = network.descriptor();
        let shown = |place| match place {
            Place::Hidden => Place::Here,
            other => other,
        };
        let index = |role| match role {
            IndexRole::Given => shown(inputs),
            IndexRole::Answer => shown(outputs),
        };
        let ports = descriptor.inputs.iter().map(|_| inputs);
        Self {
            ports: ports
                .chain(descriptor.outputs.iter().map(|_| outputs))
                .collect(),
            indices: descriptor.indices.iter().map(|p| index(p.role)).collect(),
        }
    }

    /// All public values in the file.
    pub fn all_here(public: &PublicValues) -> Self {
        let ports = public.ports().iter().map(|shown| match shown {
            Some(_) => Place::Here,
            None => Place::Hidden,
        });
        Self {
            ports: ports.collect(),
            indices: public.indices().values().map(|_| Place::Here).collect(),
        }
    }

    /// Leaves the shown inputs, and the given indices, to whoever verifies.
    #[must_use]
    pub fn without_inputs(self, network: &Network) -> Self {
        self.without(network, IndexRole::Given)
    }

    /// Leaves the shown outputs, and the answers, to whoever verifies.
    #[must_use]
    pub fn without_outputs(self, network: &Network) -> Self {
        self.without(network, IndexRole::Answer)
    }

    fn without(mut self, network: &Network, role: IndexRole) -> Self {
        let descriptor = network.descriptor();
        let inputs = descriptor.inputs.len();
        for (number, place) in self.ports.iter_mut().enumerate() {
            if *place == Place::Here && (number < inputs) == (role == IndexRole::Given) {
                *place = Place::Elsewhere;
            }
        }
        for (port, place) in descriptor.indices.iter().zip(&mut self.indices) {
            if port.role == role {
                *place = Place::Elsewhere;
            }
        }
        self
    }

    /// One for each input, then each output.
    pub fn ports(&self) -> &[Place] {
        &self.ports
    }

    /// One for each index port, never [`Place::Hidden`].
    pub fn indices(&self) -> &[Place] {
        &self.indices
    }

    /// Whether the file holds all that the proof shows.
    pub fn is_complete(&self) -> bool {
        let all = self.ports.iter().chain(&self.indices);
        all.into_iter().all(|place| *place != Place::Elsewhere)
    }

    /// The flags, a byte for each.
    pub(crate) fn flags(&self) -> Vec<u8> {
        let all = self.ports.iter().chain(&self.indices);
        all.map(|place| place.flag()).collect()
    }

    /// Reads the flags.
    pub(crate) fn read(
        input: &mut Reader<'_>,
        network: &Network,
        what: &'static str,
    ) -> Result<Self, FormatError> {
        let descriptor = network.descriptor();
        let mut read = |n: usize| -> Result<Vec<Place>, FormatError> {
            let flags = input.bytes(n)?.iter();
            let places = flags.map(|flag| Place::of_flag(*flag).ok_or(FormatError::Flag { what }));
            places.collect()
        };
        let own = Self {
            ports: read(descriptor.ports().count())?,
            indices: read(descriptor.indices.len())?,
        };
        if own.indices.contains(&Place::Hidden) {
            return Err(FormatError::Flag { what });
        }
        Ok(own)
    }

    /// The ports whose values are in the file.
    fn here<'a>(&'a self, network: &'a Network) -> impl Iterator<Item = &'a Port> {
        let ports = network.descriptor().ports().zip(&self.ports);
        ports.filter_map(|(port, place)| (*place == Place::Here).then_some(port))
    }

    /// Bytes of the packed values that are in the file.
    pub(crate) fn packed_bytes(&self, network: &Network) -> usize {
        let bits = self.here(network).fold(0_usize, |n, port| {
            n.saturating_add(Packing::of(network, port).bits_of(elements(port)))
        });
        bytes(bits)
    }

    /// Bytes of flags and of all public values that are in the file.
    pub(crate) fn bytes(&self, network: &Network) -> usize {
        let ports = network.descriptor().indices.iter().zip(&self.indices);
        let here = ports.filter(|(_, place)| **place == Place::Here);
        let indices = here.fold(0_usize, |n, (port, _)| n.saturating_add(port.elements()));
        self.ports
            .len()
            .saturating_add(self.indices.len())
            .saturating_add(self.packed_bytes(network))
            .saturating_add(indices.saturating_mul(4))
    }
}

/// Public values that a proof's file leaves to whoever verifies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supplied {
    /// Integers of inputs, then of outputs, row-major; none where there are none.
    pub ports: Vec<Option<Vec<i32>>>,
    /// Values of the index ports, likewise.
    pub indices: Vec<Option<Vec<u32>>>,
}

impl Supplied {
    /// Those of input or output number `port`.
    pub(crate) fn port(&self, port: usize) -> Option<&[i32]> {
        self.ports.get(port)?.as_deref()
    }

    /// Sets those of input or output number `port`.
    pub(crate) fn set_port(&mut self, port: usize, values: Vec<i32>) {
        set(&mut self.ports, port, values);
    }

    /// Sets those of index port number `port`.
    pub(crate) fn set_index(&mut self, port: usize, values: Vec<u32>) {
        set(&mut self.indices, port, values);
    }

    /// Those of index port number `port`.
    pub(crate) fn index(&self, port: usize) -> Option<&[u32]> {
        self.indices.get(port)?.as_deref()
    }
}

fn set<T>(all: &mut Vec<Option<T>>, at: usize, values: T) {
    if all.len() <= at {
        all.resize_with(at.saturating_add(1), || None);
    }
    if let Some(place) = all.get_mut(at) {
        *place = Some(values);
    }
}
