//! CONTRACT (PROTOCOL.md §4.5): `Σ_l σ^l s_l = Σ_x Σ_l σ^l e_l(x) a_l(x) b_l(x)`, items of fewer variables zero-extended.

use pleat_nova_circuits::cycle::F;
use rayon::prelude::*;

use super::{Message, Summand, add, bind_table};

/// One node's product: tables of length `2^(k_l)`.
#[derive(Clone, Debug)]
pub struct ContractItem {
    /// `σ^l`, then times the zero-extension.
    pub weight: F,
    /// `a_l`.
    pub a: Vec<F>,
    /// `b_l`.
    pub b: Vec<F>,
    /// `e_l`; absent if the node has no batch axis.
    pub e: Option<Vec<F>>,
}

impl ContractItem {
    /// `Σ_x e·a·b`, without the weight.
    pub fn sum(&self) -> F {
        let product = |(i, (a, b)): (usize, (&F, &F))| a * b * self.e_at(i);
        self.a
            .iter()
            .zip(&self.b)
            .enumerate()
            .map(product)
            .fold(F::zero(), |s, v| s + v)
    }

    fn e_at(&self, i: usize) -> F {
        self.e
            .as_ref()
            .map_or(F::one(), |e| e.get(i).copied().unwrap_or(F::zero()))
    }

    fn message(&self) -> Message {
        if let ([a], [b]) = (self.a.as_slice(), self.b.as_slice()) {
            return [self.weight * a * b * self.e_at(0), F::zero(), F::zero()];
        }
        let pair = |(i, (a, b)): (usize, (&[F], &[F]))| -> Message {
            let ([a0, a1], [b0, b1]) = (a, b) else {
                return [F::zero(); 3];
            };
            let (da, db) = (a1 - a0, b1 - b0);
            let (constant, square) = (a0 * b0, da * db);
            let Some(e) = &self.e else {
                return [constant, square, F::zero()];
            };
            let (Some(e0), Some(e1)) = (e.get(2 * i), e.get(2 * i + 1)) else {
                return [F::zero(); 3];
            };
            let de = e1 - e0;
            let linear = a0 * db + da * b0;
            [constant * e0, square * e0 + linear * de, square * de]
        };
        let zero = [F::zero(); 3];
        let [g0, g2, g3] = if self.a.len() < 1 << 11 {
            self.a
                .chunks_exact(2)
                .zip(self.b.chunks_exact(2))
                .enumerate()
                .map(pair)
                .fold(zero, add)
        } else {
            self.a
                .par_chunks_exact(2)
                .zip(self.b.par_chunks_exact(2))
                .enumerate()
                .map(pair)
                .reduce(|| zero, add)
        };
        [self.weight * g0, self.weight * g2, self.weight * g3]
    }

    fn bind(&mut self, challenge: F) {
        if self.a.len() == 1 {
            self.weight *= F::one() - challenge;
            return;
        }
        bind_table(&mut self.a, challenge);
        bind_table(&mut self.b, challenge);
        if let Some(e) = &mut self.e {
            bind_table(e, challenge);
        }
    }
}

/// All products of a network.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    /// One per node that has a product.
    pub items: Vec<ContractItem>,
}

impl Contract {
    /// The true sum, weights included.
    pub fn sum(&self) -> F {
        self.items
            .iter()
            .map(|i| i.weight * i.sum())
            .fold(F::zero(), |s, v| s + v)
    }
}

impl Summand for Contract {
    fn message(&self) -> Message {
        self.items
            .par_iter()
            .map(ContractItem::message)
            .reduce(|| [F::zero(); 3], add)
    }

    fn bind(&mut self, challenge: F) {
        self.items.par_iter_mut().for_each(|i| i.bind(challenge));
    }
}
