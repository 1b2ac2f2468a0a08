//! The step: its variables, cut into segments that are committed one by one, its words, and its constraints, each of which
//! says that one variable times another is a sum of variables (PROTOCOL.md §5.2).
//!
//! ```text
//! a·b = p  for each slot         F0·P = q0   F0·Y = q1   F1·R0 = q2   F2·R1 = q3
//! w_k·m_k = n_k  for each word   u·Δ = Σ n_k
//! ```
//!
//! The vector of a constraint system is `z = (W, u, X)`: variables, the slack, words. Words are public and differ from step to
//! step; the shape is one for all.
//!
//! Sizes, for `S` slots and `Q` rounds: `12S + 6Q + 27` variables, `7S + 3Q + 18` constraints.
//!
//! | `S` | `Q` | variables | constraints | fit |
//! |---:|---:|---:|---:|---|
//! | 32 | 16 | 507 | 290 | `2^9` |
//! | 74 | 16 | 1,011 | 584 | `2^10` |
//! | 75 | 16 | 1,023 | 591 | `2^10` |
//! | 76 | 16 | 1,035 | 598 | `2^11` |
//!
//! 74 and 16: 74 further nodes cost five points (`Z`, `A`, `D`, `V` and one to cross terms: 160 bytes), where 32 would cost as
//! much; and the last proof, whose length grows with the logarithm, is two points and five scalars longer at `2^10`. 75 slots
//! would fit as well.

use crate::{cycle::F, relation::WITNESS_COLUMNS};
use core::ops::Range;
use ff::Field;

/// Layer slots of a step, `S`.
pub const SLOTS: usize = 74;
/// Sumcheck rounds of a step, `Q`.
pub const ROUNDS: usize = 16;
/// Products of evaluations that `Λ` contains.
pub const PRODUCTS: usize = 4;
/// The factors of these products, by position among the evaluations `Y P R1 R0 F0 F1 F2 M HT`: `F0·P, F0·Y, F1·R0, F2·R1`.
pub const FACTORS: [[usize; 2]; PRODUCTS] = [[4, 1], [4, 0], [5, 3], [6, 2]];
/// Words of a slot: one for each of `s c d a b`, one for `p = a·b`.
pub const SLOT_WORDS: usize = 6;
/// Words of a step: each slot's, three a round, one for each evaluation and product.
pub const WORDS: usize = SLOT_WORDS * SLOTS + 3 * ROUNDS + WITNESS_COLUMNS + PRODUCTS;
/// Variables of a step.
pub const VARIABLES: usize = 2 * SLOT_WORDS * SLOTS + 6 * ROUNDS + 27;
/// Constraints of a step.
pub const CONSTRAINTS: usize = SLOTS + PRODUCTS + WORDS + 1;
/// `log2` of the padded numbers of variables and of constraints.
pub const BITS: usize = 10;
/// Variables, and constraints, with padding.
pub const PADDED: usize = 1 << BITS;

const _: () = assert!(VARIABLES <= PADDED && CONSTRAINTS <= PADDED && WORDS < PADDED);

/// A stretch of a step's variables with a commitment of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// `s, c, d` of every slot.
    Z,
    /// `a, b` of every slot.
    A,
    /// `g0, g2, g3` of a round.
    R(usize),
    /// The nine evaluations at `u`.
    E,
    /// `Δ`: the step's share of the total.
    D,
    /// Products: `p` of every slot, `q` of the evaluations, `n` of every word.
    V,
}

/// Segments of a step.
pub const SEGMENTS: usize = ROUNDS + 5;

impl Segment {
    /// All, in order of their variables.
    pub fn all() -> impl Iterator<Item = Self> {
        let rounds = (0..ROUNDS).map(Self::R);
        [Self::Z, Self::A]
            .into_iter()
            .chain(rounds)
            .chain([Self::E, Self::D, Self::V])
    }

    /// Position in [`Segment::all`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Z => 0,
            Self::A => 1,
            Self::R(round) => 2 + round,
            Self::E => 2 + ROUNDS,
            Self::D => 3 + ROUNDS,
            Self::V => 4 + ROUNDS,
        }
    }

    /// Its variables.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        const A: usize = 3 * SLOTS;
        const R: usize = A + 2 * SLOTS;
        const E: usize = R + 3 * ROUNDS;
        const D: usize = E + WITNESS_COLUMNS;
        match self {
            Self::Z => 0..A,
            Self::A => A..R,
            Self::R(round) => R + 3 * round..R + 3 * round + 3,
            Self::E => E..D,
            Self::D => D..D + 1,
            Self::V => D + 1..VARIABLES,
        }
    }
}

/// A message: a variable that a word weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// `s c d a b p`, by position, of a slot.
    Slot(usize, usize),
    /// `g0 g2 g3`, by position, of a round.
    Round(usize, usize),
    /// An evaluation.
    Evaluation(usize),
    /// A product of evaluations.
    Product(usize),
}

impl Message {
    /// All, in the order of their words.
    pub fn all() -> impl Iterator<Item = Self> {
        let slots = (0..SLOTS).flat_map(|l| (0..SLOT_WORDS).map(move |i| Self::Slot(l, i)));
        let rounds = (0..ROUNDS).flat_map(|j| (0..3).map(move |i| Self::Round(j, i)));
        let evaluations = (0..WITNESS_COLUMNS).map(Self::Evaluation);
        let products = (0..PRODUCTS).map(Self::Product);
        slots.chain(rounds).chain(evaluations).chain(products)
    }

    /// Its variable.
    #[must_use]
    pub const fn variable(self) -> usize {
        match self {
            Self::Slot(l, i @ 0..3) => Segment::Z.range().start + 3 * l + i,
            Self::Slot(l, i @ 3..5) => Segment::A.range().start + 2 * l + i - 3,
            Self::Slot(l, _) => Segment::V.range().start + l,
            Self::Round(j, i) => Segment::R(j).range().start + i,
            Self::Evaluation(i) => Segment::E.range().start + i,
            Self::Product(i) => Segment::V.range().start + SLOTS + i,
        }
    }
}

/// The variable `n_k` of word `k`.
const fn weighed(word: usize) -> usize {
    Segment::V.range().start + SLOTS + PRODUCTS + word
}

/// The weights that a step gives to its messages; public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Of `s c d a b p` of each slot.
    pub slots: [[F; SLOT_WORDS]; SLOTS],
    /// Of `g0 g2 g3` of each round.
    pub rounds: [[F; 3]; ROUNDS],
    /// Of each evaluation.
    pub evaluations: [F; WITNESS_COLUMNS],
    /// Of each product of evaluations.
    pub products: [F; PRODUCTS],
}

impl Default for Words {
    fn default() -> Self {
        Self {
            slots: [[F::ZERO; SLOT_WORDS]; SLOTS],
            rounds: [[F::ZERO; 3]; ROUNDS],
            evaluations: [F::ZERO; WITNESS_COLUMNS],
            products: [F::ZERO; PRODUCTS],
        }
    }
}

impl Words {
    /// `X`: in the order of [`Message::all`].
    #[must_use]
    pub fn flatten(&self) -> Vec<F> {
        let mut words = Vec::with_capacity(WORDS);
        words.extend(self.slots.iter().flatten());
        words.extend(self.rounds.iter().flatten());
        words.extend(self.evaluations);
        words.extend(self.products);
        words
    }
}

/// Where `u` stands in `z`; the words follow.
pub const SLACK: usize = PADDED;

/// One variable times another is a sum of variables, all of them positions in `z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Row of `A`.
    pub left: usize,
    /// Row of `B`.
    pub right: usize,
    /// Row of `C`.
    pub sum: Range<usize>,
}

/// The constraints, in order; the same for every step.
pub fn constraints() -> impl Iterator<Item = Constraint> {
    let product = |left: usize, right: usize, is: usize| Constraint {
        left,
        right,
        sum: is..is + 1,
    };
    let variable = Message::variable;
    let slots = (0..SLOTS).map(move |l| {
        let [a, b, p] = [3, 4, 5].map(|i| variable(Message::Slot(l, i)));
        product(a, b, p)
    });
    let evaluations = FACTORS.into_iter().enumerate().map(move |(i, factors)| {
        let [f, g] = factors.map(|f| variable(Message::Evaluation(f)));
        product(f, g, variable(Message::Product(i)))
    });
    let words = Message::all()
        .enumerate()
        .map(move |(k, m)| product(SLACK + 1 + k, variable(m), weighed(k)));
    let share = Constraint {
        left: SLACK,
        right: Segment::D.range().start,
        sum: weighed(0)..weighed(WORDS),
    };
    slots.chain(evaluations).chain(words).chain([share])
}

/// Fills in what follows from a step's messages and words: `p`, `q`, `n` and `Δ`.
pub fn complete(variables: &mut [F], words: &[F]) {
    let mut z = vector(variables, &F::ONE, words);
    for constraint in constraints() {
        if constraint.left == SLACK {
            z[constraint.right] = z[constraint.sum].iter().sum();
        } else {
            z[constraint.sum.start] = z[constraint.left] * z[constraint.right];
        }
    }
    variables.copy_from_slice(&z[..VARIABLES]);
}

/// `z = (W, u, X)`, both halves padded with zeros.
#[must_use]
pub fn vector(variables: &[F], slack: &F, words: &[F]) -> Vec<F> {
    let mut z = variables.to_vec();
    z.resize(PADDED, F::ZERO);
    z.push(*slack);
    z.extend_from_slice(words);
    z.resize(2 * PADDED, F::ZERO);
    z
}

/// `Az, Bz, Cz`, without padding.
#[must_use]
pub fn products(z: &[F]) -> [Vec<F>; 3] {
    let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
    for constraint in constraints() {
        a.push(z[constraint.left]);
        b.push(z[constraint.right]);
        c.push(z[constraint.sum].iter().sum());
    }
    [a, b, c]
}

/// `Az∘Bz - u·Cz`: the error term that makes an instance satisfied.
#[must_use]
pub fn residue(z: &[F]) -> Vec<F> {
    let [a, b, c] = products(z);
    let rows = a.iter().zip(&b).zip(&c);
    rows.map(|((a, b), c)| *a * b - z[SLACK] * c).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    /// A step whose messages and words are random.
    fn honest() -> Vec<F> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut variables: Vec<F> = (0..VARIABLES).map(|_| F::random(&mut rng)).collect();
        let words: Vec<F> = (0..WORDS).map(|_| F::random(&mut rng)).collect();
        complete(&mut variables, &words);
        vector(&variables, &F::ONE, &words)
    }

    #[test]
    fn segments_follow_each_other() {
        let mut next = 0;
        for (i, segment) in Segment::all().enumerate() {
            assert_eq!(segment.index(), i);
            assert_eq!(segment.range().start, next, "{segment:?}");
            next = segment.range().end;
        }
        assert_eq!(next, VARIABLES);
        assert_eq!(Segment::all().count(), SEGMENTS);
        assert_eq!(Message::all().count(), WORDS);
        assert_eq!(constraints().count(), CONSTRAINTS);
        // Every variable of a segment but Δ and V's is weighed by one word.
        let mut weighed: Vec<usize> = Message::all().map(Message::variable).collect();
        weighed.sort_unstable();
        let expected =
            (0..Segment::D.range().start).chain(Segment::V.range().take(SLOTS + PRODUCTS));
        assert!(weighed.into_iter().eq(expected));
    }

    #[test]
    fn words_are_in_the_order_of_messages() {
        let mut words = Words::default();
        let mut next = 0_u64;
        let mut number = || {
            next += 1;
            F::from(next)
        };
        for message in Message::all() {
            *match message {
                Message::Slot(l, i) => &mut words.slots[l][i],
                Message::Round(j, i) => &mut words.rounds[j][i],
                Message::Evaluation(i) => &mut words.evaluations[i],
                Message::Product(i) => &mut words.products[i],
            } = number();
        }
        let expected = (1..=WORDS as u64).map(F::from);
        assert!(words.flatten().into_iter().eq(expected));
    }

    /// Each wire, overwritten, violates exactly the constraints that it is in.
    #[test]
    fn every_wire_is_constrained() {
        let z = honest();
        assert!(residue(&z).iter().all(|r| *r == F::ZERO));
        for wire in (0..VARIABLES)
            .chain([SLACK])
            .chain(SLACK + 1..=SLACK + WORDS)
        {
            let mut changed = z.clone();
            changed[wire] += F::ONE;
            let violated: Vec<usize> = residue(&changed)
                .iter()
                .enumerate()
                .filter(|(_, r)| **r != F::ZERO)
                .map(|(i, _)| i)
                .collect();
            let expected: Vec<usize> = constraints()
                .enumerate()
                .filter(|(_, c)| {
                    // The share's constraint is the same for every slack.
                    let relaxed = wire == SLACK && c.left != SLACK;
                    relaxed
                        || (c.left == wire && wire != SLACK)
                        || c.right == wire
                        || c.sum.contains(&wire)
                })
                .map(|(i, _)| i)
                .collect();
            assert!(!expected.is_empty(), "wire {wire}");
            assert_eq!(violated, expected, "wire {wire}");
        }
    }
}
