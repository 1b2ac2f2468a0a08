//! LOOKUP (PROTOCOL.md §4.7): `Σ_x Λ(x) = Z*`.
//!
//! `Λ = eq(r,x)·{F0·φ0 + F1·φ1 + F2·φ2 + (1-act)·y + linear + HT·φT} + δ·(F0+F1+F2-HT)`, where the `φ` are the shifted
//! denominators times their power of `γ`, `y = γ⁵·Y + G` and `linear = 2^(2B)P + 2^B R1 + R0 - γ⁴·M - G`, with `G = γ + γ² + γ³`
//! (so that `-G·act` needs no factor of its own). The relation's own definition is
//! [`pleat_nova_circuits::relation::lambda`]; a test compares the two.
//!
//! The first round reads the columns as they are ([`super::rows`]); then each factor is a table that halves with each
//! variable. Tables of the lookup table's own columns are only as long as that. `eq` is kept split: bound variables in a
//! scalar, the current one apart, the others in two tables. What a round's braces and fractions sum up to is known from the round
//! before, so that only their values at 0 are added up. Rows of padding at the end are all alike, and stay so when variables are
//! bound; their braces and fractions are 0. Tables end where they begin.

use std::sync::OnceLock;

use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::mle::eq_table;
use rayon::prelude::*;

use super::braces::{Chunk, FACTORS, Row, Sums, braces, fractions, known_braces, sums};
use super::rows::{LookupColumns, RowTables, Rows};
use super::table::TableColumns;
use super::{Message, Summand, bind_table};

/// `eq` over the variables above the current one: that of pair `i` is `high[i / |low|]·low[i % |low|]`.
struct Above {
    low: Vec<F>,
    high: Vec<F>,
}

/// Pairs that are read together: their factors stay in the second-level cache.
const CHUNK: usize = 1 << 7;
/// Pairs in one task.
const TASK: usize = 1 << 9;

/// Rows that are kept of `total`, of which `live` are not padding: whole chunks of pairs.
fn kept(live: usize, total: usize) -> usize {
    live.checked_next_multiple_of(2 * CHUNK)
        .map_or(total, |rows| rows.clamp(1, total))
}

impl Above {
    fn new(point: &[F]) -> Self {
        let (low, high) = point.split_at(point.len().div_ceil(2));
        Self {
            low: eq_table(low),
            high: eq_table(high),
        }
    }

    /// `Σ_pairs`, the braces weighted. `sums` gives a chunk's, from its first pair and the weights below `high`.
    fn sum(&self, sums: impl Fn(usize, &[F]) -> Sums + Sync) -> Sums {
        let chunk = CHUNK.min(self.low.len());
        let chunks = self.low.len() / chunk;
        let task = |k: usize| {
            let (high, part) = (k / chunks, k % chunks);
            let first = part * chunk;
            let low = self.low.get(first..first + chunk).unwrap_or_default();
            let weight = self.high.get(high).copied().unwrap_or(F::ZERO);
            sums(high * self.low.len() + first, low).times(&weight)
        };
        let least = TASK / chunk;
        (0..self.high.len() * chunks)
            .into_par_iter()
            .with_min_len(least)
            .map(task)
            .reduce(Sums::default, Sums::add)
    }

    /// Without the lowest variable: summing over it removes it.
    fn next(&mut self) {
        if self.low.len() == 1 {
            std::mem::swap(&mut self.low, &mut self.high);
        }
        if self.low.len() > 1 {
            let pairs = self.low.chunks_exact(2);
            self.low = pairs.map(|pair| pair.iter().sum()).collect();
        }
    }
}

/// The sum being bound.
pub struct Lookup<'a> {
    rows: Rows<'a>,
    table: TableColumns,
    delta: F,
    /// Unbound coordinates of `r`.
    r: Vec<F>,
    /// `eq` of the bound coordinates.
    eq_bound: F,
    above: Above,
    /// Rows before those that are padding.
    live: usize,
    /// A row of padding.
    empty: Row,
    /// Of the rows that are kept; nothing until the first variable is bound.
    factors: Option<[Vec<F>; FACTORS]>,
    /// What the braces with their `eq`, and the fractions, sum up to, once a variable is bound.
    known: Option<(F, F)>,
    /// This round's sums.
    sums: OnceLock<Sums>,
    /// Zero-extension, once all variables are bound.
    scale: F,
}

impl<'a> Lookup<'a> {
    /// `r` has `ν` coordinates.
    pub fn new(source: LookupColumns<'a>, r: &[F]) -> Self {
        let rows = Rows::new(source);
        let (live, empty) = (rows.live(), rows.empty(F::ONE));
        let mut table = rows.table_columns();
        let mut factors = None;
        if r.is_empty() {
            factors = Some(rows.row(0, &rows.tables(F::ONE)).map(|v| vec![v]));
        } else {
            table.pad();
        }
        Self {
            rows,
            table,
            delta: source.scalars.delta,
            r: r.to_vec(),
            eq_bound: F::ONE,
            above: Above::new(r.get(1..).unwrap_or(&[])),
            live,
            empty,
            factors,
            known: None,
            sums: OnceLock::new(),
            scale: F::ONE,
        }
    }

    /// The true sum `Σ_x Λ(x)`, before any variable is bound.
    pub fn sum(&self) -> F {
        if self.r.is_empty() {
            let [value, ..] = self.message();
            return value;
        }
        let sums = self.sums();
        let (e0, e1) = self.eq_current();
        e0 * sums.at0 + e1 * sums.at1 + self.delta * (sums.logup0 + sums.logup1)
    }

    fn sums(&self) -> Sums {
        *self.sums.get_or_init(|| match &self.factors {
            None => self.first_sums(),
            Some(tables) => self.later_sums(tables),
        })
    }

    /// From the columns as they are.
    fn first_sums(&self) -> Sums {
        let unit = self.rows.tables(F::ONE);
        self.above.sum(|start, weights| {
            if 2 * start >= self.live {
                return self.table.sums(start, weights);
            }
            let mut chunk = Chunk::new(2 * weights.len());
            for i in 2 * start..2 * (start + weights.len()) {
                let mut row = self.rows.row(i, &unit);
                let braces = self.rows.braces(i, &row);
                // In place of what is added to the products.
                let [.., last] = &mut row;
                *last = braces;
                chunk.push(row);
            }
            let own = known_braces(&chunk.parts(), weights);
            own.add(self.table.sums(start, weights))
        })
    }

    fn later_sums(&self, tables: &[Vec<F>; FACTORS]) -> Sums {
        let (e0, e1) = self.eq_current();
        let inverse: Option<F> = e1.invert().into();
        let known = self.known.zip(inverse);
        let mut sums = self.above.sum(|start, weights| {
            let pairs = 2 * start..2 * (start + weights.len());
            let part = tables
                .each_ref()
                .map(|t| t.get(pairs.clone()).unwrap_or_default());
            if part.iter().any(|p| p.is_empty()) {
                return self.table.sums(start, weights);
            }
            let own = sums(&part, weights, known.is_some());
            own.add(self.table.sums(start, weights))
        });
        if let Some(((braces, fractions), inverse)) = known {
            sums.at1 = (braces - e0 * sums.at0) * inverse;
            sums.logup1 = fractions - sums.logup0;
        }
        sums
    }

    /// `eq` of the bound variables times `(1 - r_j, r_j)` of the current one.
    fn eq_current(&self) -> (F, F) {
        let r = self.r.first().copied().unwrap_or(F::ZERO);
        (self.eq_bound * (F::ONE - r), self.eq_bound * r)
    }

    /// The factors at the first challenge, from the columns as they are.
    fn first_factors(&self, challenge: F) -> [Vec<F>; FACTORS] {
        let half = self.above.low.len() * self.above.high.len();
        let kept = kept(self.live.div_ceil(2), half);
        let mut factors: [Vec<F>; FACTORS] = std::array::from_fn(|_| vec![F::ZERO; kept]);
        // Factor by factor would read every row nine times; chunks of rows keep them in cache.
        let mut parts: Vec<Vec<&mut [F]>> = (0..kept.div_ceil(CHUNK))
            .map(|_| Vec::with_capacity(FACTORS))
            .collect();
        for factor in &mut factors {
            for (part, piece) in parts.iter_mut().zip(factor.chunks_mut(CHUNK)) {
                part.push(piece);
            }
        }
        let low: RowTables = self.rows.tables(F::ONE - challenge);
        let high: RowTables = self.rows.tables(challenge);
        parts.into_par_iter().enumerate().for_each(|(k, mut part)| {
            let rows = part.first().map_or(0, |p| p.len());
            for i in 0..rows {
                let row = 2 * (k * CHUNK + i);
                let (l, h) = (self.rows.row(row, &low), self.rows.row(row + 1, &high));
                for ((piece, l), h) in part.iter_mut().zip(l).zip(h) {
                    if let Some(cell) = piece.get_mut(i) {
                        *cell = l + h;
                    }
                }
            }
        });
        {
            let [.., linear] = &mut factors;
            let counts = [self.rows.counts(&low), self.rows.counts(&high)];
            for (parity, counts) in counts.iter().enumerate() {
                let own = counts.iter().skip(parity).step_by(2);
                linear.iter_mut().zip(own).for_each(|(sum, v)| *sum += v);
            }
        }
        factors
    }
}

impl Summand for Lookup<'_> {
    fn message(&self) -> Message {
        if self.r.is_empty() {
            let single = |t: &[F], beyond: F| t.first().copied().unwrap_or(beyond);
            let row = match &self.factors {
                Some(tables) => tables.each_ref().map(|t| single(t, F::ZERO)),
                None => [F::ZERO; FACTORS],
            };
            let ht = single(&self.table.ht, F::ZERO);
            let table = ht * single(&self.table.phi, self.table.beyond);
            let value =
                self.eq_bound * (braces(&row) + table) + self.delta * (fractions(&row) - ht);
            return [self.scale * value, F::ZERO, F::ZERO];
        }
        let sums = self.sums();
        let linear = sums.at1 - sums.at0 - sums.square;
        let (e0, e1) = self.eq_current();
        let slope = e1 - e0;
        // (e0 + slope·X)·(at0 + linear·X + square·X²) + δ·(logup + …·X)
        [
            e0 * sums.at0 + self.delta * sums.logup0,
            e0 * sums.square + slope * linear,
            slope * sums.square,
        ]
    }

    fn bind(&mut self, challenge: F) {
        if self.r.is_empty() {
            self.scale *= F::ONE - challenge;
            return;
        }
        let sums = self.sums();
        self.sums = OnceLock::new();
        let (e0, e1) = self.eq_current();
        match &mut self.factors {
            Some(factors) => {
                let total = self.above.low.len() * self.above.high.len();
                let kept = kept(self.live.div_ceil(2), total);
                let tables = factors.par_iter_mut().zip(self.empty);
                tables.for_each(|(table, empty)| {
                    bind_table(table, challenge);
                    table.resize(kept, empty);
                });
            }
            None => self.factors = Some(self.first_factors(challenge)),
        }
        self.live = self.live.div_ceil(2);
        self.table.bind(challenge);
        self.eq_bound = e0 + challenge * (e1 - e0);
        let linear = sums.at1 - sums.at0 - sums.square;
        let braces = sums.at0 + challenge * (linear + challenge * sums.square);
        let fractions = sums.logup0 + challenge * (sums.logup1 - sums.logup0);
        self.known = Some((self.eq_bound * braces, fractions));
        self.r.remove(0);
        self.above.next();
    }
}
