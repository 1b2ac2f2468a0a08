//! Nodes straight from their definition (PROTOCOL.md §2), one index at a time.

use std::collections::BTreeMap;

use pleat_verifier::descriptor::{Axis, AxisId, Indices, Linear, Node, Read, View};
use pleat_verifier::network::Network;

pub type Index = BTreeMap<AxisId, usize>;

/// Committed values by column and block, row-major.
pub struct Blocks<'a> {
    pub network: &'a Network,
    pub weights: &'a [Vec<i32>],
    pub activations: Vec<Vec<i32>>,
    /// Per node, what it offers to exact reads: `Z` of a map, the root of a root.
    pub exact: Vec<Vec<i128>>,
    pub indices: Indices,
}

/// All index tuples, row-major.
pub fn indices(axes: &[Axis]) -> Vec<Index> {
    axes.iter().fold(vec![Index::new()], |all, axis| {
        let extend = |index: Index| {
            (0..axis.len).map(move |i| {
                let mut index = index.clone();
                index.insert(axis.id, i);
                index
            })
        };
        all.into_iter().flat_map(extend).collect()
    })
}

impl Blocks<'_> {
    fn value(&self, read: Read, block: usize, index: &[usize]) -> i128 {
        let descriptor = self.network.descriptor();
        let shape = match read {
            Read::Weight => descriptor.weights[block].shape.clone(),
            Read::Constant => descriptor.constants[block].shape.clone(),
            _ => self.network.nodes()[block].shape(),
        };
        let flat = index
            .iter()
            .zip(&shape)
            .fold(0, |flat, (i, n)| flat * n + i);
        match read {
            Read::Value => self.activations[block][flat].into(),
            Read::Weight => self.weights[block][flat].into(),
            Read::Constant => descriptor.constants[block].values[flat].into(),
            Read::Exact => self.exact[block][flat],
            Read::Wide => self.exact[block][flat] >> self.network.digit_bits(),
            Read::Middle => {
                let digit_bits = self.network.digit_bits();
                let rounded = self.exact[block][flat] + (1 << (2 * digit_bits - 1));
                (rounded >> digit_bits) & ((1 << digit_bits) - 1)
            }
            Read::Low | Read::One | Read::OneHot => unreachable!("no descriptor reads this"),
        }
    }

    pub fn view(&self, view: &View, index: &Index) -> i128 {
        let mut sum = 0;
        for term in &view.terms {
            let mut sources = vec![Vec::new()];
            for map in &term.maps {
                let read: Vec<usize> = map.axes().iter().map(|a| index[a]).collect();
                let positions = map.positions(&read, &self.indices);
                sources = sources
                    .iter()
                    .flat_map(|s| positions.iter().map(|j| [s.as_slice(), &[*j]].concat()))
                    .collect();
            }
            for source in sources {
                let value = self.value(term.read, term.block, &source);
                sum += i128::from(term.coefficient) * value;
            }
        }
        sum
    }

    pub fn pre_activation(&self, node: &Node, out: &Index) -> i128 {
        let part = |linear: &Option<Linear>| {
            linear
                .as_ref()
                .map_or(0, |l| i128::from(l.multiplier) * self.view(&l.view, out))
        };
        let mut z = part(&node.linear) + part(&node.bias);
        for product in &node.products {
            for x in indices(&product.contraction) {
                if x.iter().all(|(id, i)| out.get(id).is_none_or(|o| o == i)) {
                    let index = out.iter().chain(&x).map(|(id, i)| (*id, *i)).collect();
                    z += i128::from(product.multiplier)
                        * self.view(&product.a, &index)
                        * self.view(&product.k, &index);
                }
            }
        }
        z
    }

    /// `Z` of every row of `node`.
    pub fn pre_activations(&self, node: &Node) -> Vec<i128> {
        let rows = indices(&node.out);
        rows.iter().map(|o| self.pre_activation(node, o)).collect()
    }
}
