//! Dense networks of any shape, digit width and functions, with their outputs by plain loops. Multipliers and weights are
//! chosen so that no quotient can leave its `B` bits.

use pleat_verifier::descriptor::{Function, Read};

use super::whole;
use super::{Builder, IDENTITY, Problem, RELU, axis, ints, linear, node, product, requantize, rng};

/// What a dense network looks like.
#[derive(Clone, Debug)]
pub struct Dense {
    pub batch: usize,
    pub digit_bits: u32,
    pub row_bits: u32,
    /// Layer `i` maps `widths[i]` features to `widths[i + 1]`.
    pub widths: Vec<usize>,
    /// Function of each layer: identity, ReLU, or a random table of its own number.
    pub functions: Vec<usize>,
    /// Layer `i` has the weights of layer `pairs[i] ≤ i`.
    pub pairs: Vec<usize>,
    pub seed: u64,
}

/// Two layers of width 5 on three samples, 4-bit digits, rows of four cells; `pairs` says whose weights a layer reads.
pub fn mlp(pairs: [usize; 2]) -> Problem {
    let spec = Dense {
        batch: 3,
        digit_bits: 4,
        row_bits: 2,
        widths: vec![5, 5, 5],
        functions: vec![RELU, IDENTITY],
        pairs: vec![0, 1],
        seed: 5,
    };
    spec.problem_with(|layer| pairs[layer])
}

impl Dense {
    pub fn problem(&self) -> Problem {
        self.problem_with(|layer| self.pairs[layer])
    }

    /// Every layer has weight blocks of its own, in order; layer `i` reads those of layer `read(i)`.
    fn problem_with(&self, read: impl Fn(usize) -> usize) -> Problem {
        let bits = self.digit_bits;
        let half = 1_i64 << (bits - 1);
        let layers = self.widths.len() - 1;
        let mut rng = rng(self.seed);
        let mut b = Builder::new(bits, self.row_bits);
        let tables = self.functions.iter().copied().max().unwrap_or(0);
        let mut values: Vec<Vec<i32>> = vec![
            (-half..half).map(|p| p as i32).collect(),
            (-half..half).map(|p| p.max(0) as i32).collect(),
        ];
        for i in 2..=tables {
            let table = ints(&mut rng, 1 << bits, half as i32 - 1);
            b.function(Function::Table {
                name: format!("table {i}"),
                values: table.clone(),
            });
            values.push(table);
        }
        // |Σ a·w|·m_s stays below 0.7·2^(3B-1), the bias below 0.2·2^(3B-1).
        let room = 7 * (1_i64 << (3 * bits - 1)) / 10;
        let largest_weight = |fan_in: usize| (room / (half * fan_in as i64)).clamp(1, 100);
        let mut weights = Vec::new();
        let mut blocks = Vec::new();
        for layer in 0..layers {
            let (fan_in, fan_out) = (self.widths[layer], self.widths[layer + 1]);
            blocks.push((b.weight(&[fan_out, fan_in]), b.weight(&[fan_out])));
            weights.push(ints(
                &mut rng,
                fan_out * fan_in,
                largest_weight(fan_in) as i32,
            ));
            weights.push(ints(&mut rng, fan_out, (half / 5) as i32));
        }
        let x = ints(&mut rng, self.batch * self.widths[0], half as i32 - 1);
        let mut source = b.input("x", &[axis('t', self.batch), axis('f', self.widths[0])]);
        let mut h = x.clone();
        for layer in 0..layers {
            let (fan_in, fan_out) = (self.widths[layer], self.widths[layer + 1]);
            let (w, d) = blocks[read(layer)];
            let m_s = room / (half * fan_in as i64 * largest_weight(fan_in));
            assert!(m_s >= 1, "layer {layer} has no room");
            let function = self.functions[layer];
            let mut n = node(
                &format!("h{layer}"),
                &[axis('t', self.batch), axis('g', fan_out)],
                function,
            );
            let contraction = vec![axis('f', fan_in)];
            n.products = product(
                contraction,
                m_s,
                whole(
                    Read::Value,
                    source,
                    &[axis('t', self.batch), axis('f', fan_in)],
                ),
                whole(Read::Weight, w, &[axis('g', fan_out), axis('f', fan_in)]),
            );
            n.bias = linear(
                1 << (2 * bits),
                whole(Read::Weight, d, &[axis('g', fan_out)]),
            );
            source = b.node(n);
            let (w, d) = (&weights[w], &weights[d]);
            let mut next = Vec::new();
            for row in h.chunks(fan_in) {
                for o in 0..fan_out {
                    let products = row.iter().zip(&w[o * fan_in..]);
                    let sum: i64 = products.map(|(a, w)| i64::from(*a) * i64::from(*w)).sum();
                    let p = requantize(m_s * sum + (i64::from(d[o]) << (2 * bits)), bits);
                    next.push(values[function][(i64::from(p) + half) as usize]);
                }
            }
            h = next;
        }
        b.output(source);
        Problem {
            given: Vec::new(),
            name: format!("{self:?}"),
            network: b.build(),
            weights,
            inputs: vec![x],
            outputs: vec![h],
        }
    }
}
