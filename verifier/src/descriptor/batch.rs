//! The same network on several samples at once (PROTOCOL.md §2.6): one more axis, outermost, in every tensor that depends on the
//! input. Weights, their places and so their commitments stay; anybody who has the descriptor of one sample derives that of many.

use super::{Axis, AxisId, AxisMap, Descriptor, DescriptorError as E, Node, Operation, View};

impl Descriptor {
    /// The descriptor of `samples` runs side by side. That of one sample is itself.
    ///
    /// Trace blocks get other addresses; nothing else changes that is about weights, functions or `κ`. Whether the result keeps all
    /// rules, [`Network::new`](crate::network::Network::new) says.
    ///
    /// # Errors
    /// If there are no samples, or the network compares index ports with one another.
    pub fn batched(&self, samples: usize) -> Result<Self, E> {
        if samples == 0 {
            return Err(E::Empty("samples"));
        }
        if samples == 1 {
            return Ok(self.clone());
        }
        if !self.agreements.is_empty() {
            return Err(E::BadAgreement {
                agreement: 0,
                what: "it is about the tokens of one sample, so that there cannot be several",
            });
        }
        let mut batched = self.clone();
        for port in batched.inputs.iter_mut().chain(&mut batched.outputs) {
            lead(&mut port.shape, samples);
        }
        for port in &mut batched.indices {
            lead(&mut port.shape, samples);
        }
        for node in &mut batched.nodes {
            batch(node, samples)?;
        }
        batched.place_trace();
        Ok(batched)
    }
}

/// An axis of samples in front, in place of one of length 1 if there is such.
fn lead(shape: &mut Vec<usize>, samples: usize) {
    match shape.first_mut() {
        Some(first) if *first == 1 => *first = samples,
        _ => shape.insert(0, samples),
    }
}

/// The shape of one sample in a tensor of several; with an axis of length 1 in front.
pub fn one_sample(shape: &[usize]) -> Vec<usize> {
    let rest = shape.iter().skip(1).copied();
    std::iter::once(1).chain(rest).collect()
}

fn batch(node: &mut Node, samples: usize) -> Result<(), E> {
    let contractions = node.products.iter().flat_map(|p| &p.contraction);
    let largest = (node.out.iter().chain(contractions)).map(|a| a.id.0).max();
    let id = largest.map_or(Some(0), |id| id.checked_add(1));
    let id = AxisId(id.ok_or_else(|| E::BadAxes {
        place: format!("node {}", node.name),
    })?);
    let axis = Axis { id, len: samples };
    node.out.insert(0, axis);
    for product in &mut node.products {
        let [a, k] = [&mut product.a, &mut product.k].map(|view| spread(view, axis));
        // What both factors read is an axis of both: each sample's product is of its own factors.
        if a && k {
            product.contraction.insert(0, axis);
        }
    }
    for part in node.linear.iter_mut().chain(&mut node.bias) {
        spread(&mut part.view, axis);
    }
    if let Operation::Quotient { divisor } = &mut node.operation {
        spread(divisor, axis);
    }
    Ok(())
}

/// Makes each sample read its own. Whether the view reads the axis now.
fn spread(view: &mut View, axis: Axis) -> bool {
    for term in &mut view.terms {
        for map in &mut term.maps {
            if let AxisMap::Gather { index, .. } = map {
                index.insert(0, axis.id);
            }
        }
        if term.read.of_trace() {
            term.maps.insert(0, AxisMap::identity(axis.len, axis.id));
        }
    }
    view.reads(axis.id)
}
