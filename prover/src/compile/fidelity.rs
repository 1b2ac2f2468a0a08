//! How well the integer network of a language model imitates the float one: word by word.

use pleat_verifier::network::Network;
use serde::Serialize;

use super::float::largest;
use super::graph::{Activation, Graph, Place};
use super::quantize::Scale;
use crate::execute::{Trace, block_cells, block_values};

/// Position by position, where a model's output is a score for every word of its vocabulary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Fidelity {
    /// Positions that were compared, of all samples that did not saturate.
    pub positions: usize,
    /// Fraction of them at which both networks' first choice is the same word.
    pub top1_agreement: f64,
    /// Positions whose scores were compared: those of a few samples.
    pub scored: usize,
    /// Mean over these of the Kullback–Leibler divergence of the integer network's distribution of the next word from the float one's,
    /// in nats: `Σ p·ln(p/q)`, `p` and `q` the softmax of the scores.
    pub kl_divergence: f64,
}

/// Sums of a [`Fidelity`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    agreeing: usize,
    positions: usize,
    scored: usize,
    divergence: f64,
}

impl Tally {
    /// Compares the choices of a run with those of the float network.
    pub fn choices(&mut self, own: impl Iterator<Item = usize>, expected: &[f64]) {
        for (own, expected) in own.zip(expected) {
            self.positions += 1;
            self.agreeing += usize::from(float_of(own).to_bits() == expected.to_bits());
        }
    }

    /// The same, where scores are shown: `words` for each position.
    pub fn scores(&mut self, words: usize, own: &[f64], expected: &[f64]) {
        for (own, expected) in own.chunks(words.max(1)).zip(expected.chunks(words.max(1))) {
            self.positions += 1;
            self.agreeing += usize::from(largest(own) == largest(expected));
        }
    }

    /// Adds the divergences of a run, whose nodes' values the float network has as `values`.
    pub fn divergences(
        &mut self,
        (network, graph): (&Network, &Graph),
        scales: &[Scale],
        trace: &Trace,
        values: &[Vec<f32>],
    ) {
        for place in &graph.answers {
            let Some((node, words)) = scored(network, graph, place) else {
                continue;
            };
            let (Some(expected), Some(scale)) = (values.get(node), scales.get(node)) else {
                continue;
            };
            let own = match place {
                Place::Indices(_) => {
                    // `Z` counts in units of the quotient over `2^(2B)`.
                    let unit = scale.p / f64::from(2 * network.digit_bits()).exp2();
                    behind(network, node, trace, unit)
                }
                _ => {
                    let values = block_values(network, node, &trace.y);
                    values.iter().map(|v| f64::from(*v) * scale.y).collect()
                }
            };
            for (own, expected) in own.chunks(words).zip(expected.chunks(words)) {
                let expected: Vec<f64> = expected.iter().map(|v| f64::from(*v)).collect();
                self.scored += 1;
                self.divergence += divergence(&expected, own);
            }
        }
    }

    /// What it comes to; none if nothing is a score of words.
    pub fn fidelity(&self) -> Option<Fidelity> {
        (self.positions > 0).then(|| Fidelity {
            positions: self.positions,
            top1_agreement: float_of(self.agreeing) / float_of(self.positions),
            scored: self.scored,
            kl_divergence: self.divergence / float_of(self.scored.max(1)),
        })
    }
}

/// The node whose scores an answer shows or compares, and how many words they are for.
pub(super) fn scored(network: &Network, graph: &Graph, place: &Place) -> Option<(usize, usize)> {
    let descriptor = network.descriptor();
    match place {
        Place::Tensor(i) | Place::OneHot(i, _) => {
            let port = descriptor.outputs.get(*i)?;
            let words = port.shape.last().copied().filter(|n| *n > 1)?;
            let vocabulary = descriptor.indices.iter().any(|p| p.len == words);
            vocabulary.then_some((port.node, words))
        }
        Place::Indices(port) => {
            let words = descriptor.indices.get(*port)?.len;
            let about =
                |activation: &Activation| matches!(activation, Activation::Best(p) if p == port);
            let node = graph.nodes.iter().position(|n| about(&n.activation))?;
            Some((node, words))
        }
    }
}

/// How far each candidate is behind the best, as a score: what the rows of a comparison hold, less the one of those before it, which
/// is too little to count.
fn behind(network: &Network, node: usize, trace: &Trace, unit: f64) -> Vec<f64> {
    let base = f64::from(network.digit_bits()).exp2();
    block_cells(network, node)
        .map(|cell| {
            let digit = |column: &[u16]| column.get(cell).map_or(0.0, |v| f64::from(*v));
            let high = trace.p.get(cell).map_or(0.0, |v| f64::from(*v));
            let lead = (high * base + digit(&trace.r1)) * base + digit(&trace.r0);
            -lead * unit
        })
        .collect()
}

/// `Σ p·ln(p/q)` of the softmaxes.
fn divergence(p: &[f64], q: &[f64]) -> f64 {
    let (p, q) = (log_softmax(p), log_softmax(q));
    p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum()
}

fn log_softmax(scores: &[f64]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
    scores.iter().map(|s| s - most - sum.ln()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn float_of(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn equal_distributions_do_not_diverge() {
        let scores = [1.0, -2.0, 0.5];
        let moved = scores.map(|s| s + 7.0);
        assert!(divergence(&scores, &moved).abs() < 1e-12);
        // p = (1/2, 1/2), q = (1/4, 3/4).
        let known = 0.5 * 2.0_f64.ln() + 0.5 * (2.0_f64 / 3.0).ln();
        let got = divergence(&[0.0, 0.0], &[0.0, 3.0_f64.ln()]);
        assert!((got - known).abs() < 1e-12);
    }

    #[test]
    fn choices_are_counted_by_position() {
        let mut tally = Tally::default();
        assert_eq!(tally.fidelity(), None);
        tally.choices([3, 4].into_iter(), &[3.0, 5.0]);
        tally.scores(2, &[1.0, 2.0, 0.0, -1.0], &[0.0, 9.0, 1.0, -9.0]);
        let fidelity = tally.fidelity().unwrap();
        assert_eq!((fidelity.positions, fidelity.top1_agreement), (4, 0.75));
    }
}
