//! The prover's randomness, draw by draw: what is drawn, in which order, and a generator that hands out given values.

use ff::Field;
use pleat_nova_circuits::cycle::{F, field_from_uniform, field_to_bytes};
use pleat_nova_circuits::tree::pairs;
use pleat_nova_circuits::tree::step::{Segment, VARIABLES};
use pleat_verifier::fold::tree::Layout;
use pleat_verifier::network::{Column, Network};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, Error, RngCore, SeedableRng};
use std::collections::BTreeMap;

/// Something that a prover draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Draw {
    /// Blind of a committed row: column by its place, and number of the row. `W`'s are the model's.
    Row(usize, usize),
    /// A cell of a column's mask row.
    Mask(usize, usize),
    /// Blind of a column's mask row.
    MaskRow(usize),
    /// Blind of a step's segment.
    Step(usize, Segment),
    /// A variable of the random instance.
    Variable(usize),
    /// Blind of one of its segments.
    Instance(Segment),
    /// Blind of its error.
    InstanceError,
    /// Blind of a pair's cross terms: level, and number of the pair.
    Cross(usize, usize),
}

/// Pairs of each level of a tree over so many steps.
pub fn levels(steps: usize) -> Vec<usize> {
    pairs(steps).collect()
}

/// All draws, in the prover's order.
pub fn draws(network: &Network) -> Vec<Draw> {
    let layout = Layout::new(network);
    let w = Column::W.index();
    let rows = |c: Column| (0..network.rows(c).len()).map(move |i| Draw::Row(c.index(), i));
    // The model's, when it is committed to.
    let mut draws: Vec<Draw> = rows(Column::W).collect();
    for column in Column::OPENED {
        let cells = match column {
            Column::Y => 1 << network.row_bits(),
            _ => 1,
        };
        draws.extend((0..cells).map(|i| Draw::Mask(column.index(), i)));
    }
    for column in Column::OPENED {
        if column.index() != w {
            draws.extend(rows(column));
        }
        draws.push(Draw::MaskRow(column.index()));
    }
    let each = |segment| (0..layout.slot_steps()).map(move |i| Draw::Step(i, segment));
    let rounds = layout.rounds();
    let round = |n: usize| {
        let (step, place) = Layout::round(n);
        Draw::Step(step, Segment::R(place))
    };
    let lookup = rounds.contract + rounds.lookup;
    draws.extend(each(Segment::Z));
    draws.extend((0..rounds.contract).map(round));
    draws.extend(each(Segment::A));
    draws.extend((rounds.contract..lookup).map(round));
    draws.push(Draw::Step(layout.evaluations(), Segment::E));
    draws.extend((lookup..rounds.total()).map(round));
    let shares = |i| [Segment::D, Segment::V].map(|segment| Draw::Step(i, segment));
    draws.extend((0..layout.steps()).flat_map(shares));
    draws.extend((0..VARIABLES).map(Draw::Variable));
    draws.extend(Segment::all().map(Draw::Instance));
    draws.push(Draw::InstanceError);
    for (level, pairs) in levels(layout.steps()).into_iter().enumerate() {
        draws.extend((0..pairs).map(|pair| Draw::Cross(level, pair)));
    }
    draws
}

/// A value for each draw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape(pub BTreeMap<Draw, F>);

impl Tape {
    pub fn random(network: &Network, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let draws = draws(network);
        let n = draws.len();
        let tape = draws.into_iter().map(|draw| (draw, F::random(&mut rng)));
        let tape = Self(tape.collect());
        assert_eq!(tape.0.len(), n, "each draw has a name of its own");
        tape
    }

    pub fn get(&self, draw: Draw) -> F {
        self.0[&draw]
    }

    /// Hands out all values, in the prover's order.
    pub fn reader(&self, network: &Network) -> Reader {
        Reader::new(draws(network).into_iter().map(|d| self.get(d)).collect())
    }
}

/// A generator whose field elements are these, one after the other: an element is drawn as 64 uniform bytes, reduced.
pub struct Reader {
    values: Vec<F>,
    read: usize,
}

impl Reader {
    pub const fn new(values: Vec<F>) -> Self {
        Self { values, read: 0 }
    }

    /// Whether all values have been handed out, and no part of another.
    pub fn is_at_its_end(&self) -> bool {
        self.read == 64 * self.values.len()
    }
}

impl RngCore for Reader {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        for byte in to {
            let value = self.values.get(self.read / 64);
            let value = value.expect("as many draws as there are values");
            *byte = match self.read % 64 {
                low @ 0..32 => field_to_bytes(value)[low],
                _ => 0,
            };
            self.read += 1;
        }
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(to);
        Ok(())
    }
}

impl CryptoRng for Reader {}

/// The library draws an element as 64 bytes, reduced, so that [`Reader`] determines it.
#[test]
fn a_reader_hands_out_its_values() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut values: Vec<F> = (0..20).map(|_| F::random(&mut rng)).collect();
    values.extend([F::ZERO, F::ONE, -F::ONE]);
    let mut reader = Reader::new(values.clone());
    for value in &values {
        assert!(!reader.is_at_its_end());
        assert_eq!(F::random(&mut reader), *value);
    }
    assert!(reader.is_at_its_end());

    let mut bytes = [0; 64];
    ChaCha20Rng::seed_from_u64(2).fill_bytes(&mut bytes);
    let drawn = F::random(ChaCha20Rng::seed_from_u64(2));
    assert_eq!(drawn, field_from_uniform(&bytes));
}
