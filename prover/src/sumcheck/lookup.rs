//! LOOKUP (PROTOCOL.md §4.7): `Σ_x Λ(x) = Z*`.
//!
//! `Λ = eq(r,x)·{γ·F0·φ0 + γ²·F1·φ1 + γ³·F2·φ2 + γ⁴·HT·φT + γ⁵·(1-act)·Y + linear} + δ·(F0+F1+F2-HT)`, where the `φ` are the
//! shifted denominators and `linear = 2^(2B)P + 2^B R1 + R0 - (γ+γ²+γ³)·act - γ⁴·M`. The relation's own definition is
//! [`pleat_nova_circuits::relation::lambda`]; a test compares the two. The powers of `γ` are folded into the `φ` tables, and
//! `eq` is kept split: bound variables in a scalar, the current one apart, the others in a table.

use pleat_nova_circuits::cycle::{F, field_from_i64};
use pleat_nova_circuits::relation::LookupScalars;
use pleat_verifier::columns::TableEntry;
use pleat_verifier::mle::eq_table;
use rayon::prelude::*;

use super::{Message, Summand, bind_table};
use crate::columns::Columns;

const PRODUCTS: usize = 5;
const TABLES: usize = 2 * PRODUCTS + 1;

/// The columns as LOOKUP reads them: integers stay integers until the first variable is bound.
#[derive(Clone, Copy)]
pub struct LookupColumns<'a> {
    /// Witness columns.
    pub columns: &'a Columns,
    /// Function tag by row; 0 on rows that are not real.
    pub tags: &'a [u16],
    /// The table's entries.
    pub table: &'a [TableEntry],
    /// Challenges and digit constants.
    pub scalars: &'a LookupScalars,
}

/// Powers of `γ`, and constants of the denominators.
#[derive(Clone, Copy)]
struct Factors {
    gamma: [F; 6],
    range: F,
}

impl<'a> LookupColumns<'a> {
    fn factors(&self) -> Factors {
        let LookupScalars {
            alpha,
            beta2,
            gamma,
            rng,
            ..
        } = *self.scalars;
        let g2 = gamma * gamma;
        let g4 = g2 * g2;
        Factors {
            gamma: [F::one(), gamma, g2, g2 * gamma, g4, g4 * gamma],
            range: alpha + beta2 * rng,
        }
    }

    /// The eleven tables at row `i`: `F0 φ0' F1 φ1' F2 φ2' HT φT' (1-act) Y' linear`, primes with their power of `γ`.
    fn row(&self, factors: &Factors, i: usize) -> [F; TABLES] {
        let LookupScalars {
            alpha,
            beta,
            beta2,
            two_2b,
            two_b,
            ..
        } = *self.scalars;
        let [_, g1, g2, g3, g4, g5] = factors.gamma;
        let c = self.columns;
        let int = |v: Option<i64>| v.map_or(F::zero(), field_from_i64);
        let y = int(c.y.get(i).map(|v| i64::from(*v)));
        let p = int(c.p.get(i).map(|v| i64::from(*v)));
        let r1 = int(c.r1.get(i).map(|v| i64::from(*v)));
        let r0 = int(c.r0.get(i).map(|v| i64::from(*v)));
        let m = int(c.m.get(i).map(|v| i64::from(*v)));
        let field = |column: &[F]| column.get(i).copied().unwrap_or(F::zero());
        let tag = self.tags.get(i).copied().unwrap_or(0);
        let act = if tag == 0 { F::zero() } else { F::one() };
        let entry = self.table.get(i).map_or(F::zero(), |e| {
            field_from_i64(e.input)
                + beta * field_from_i64(e.output)
                + beta2 * pleat_verifier::columns::field_from_usize(e.tag)
        });
        let function = alpha + p + beta * y + beta2 * F::from(u64::from(tag));
        let linear = two_2b * p + two_b * r1 + r0 - (g1 + g2 + g3) * act - g4 * m;
        [
            c.f0.get(i),
            g1 * function,
            c.f1.get(i),
            g2 * (factors.range + r0),
            c.f2.get(i),
            g3 * (factors.range + r1),
            field(&c.ht),
            g4 * (alpha + entry),
            F::one() - act,
            g5 * y,
            linear,
        ]
    }
}

/// Sums of a round: the braces at 0 and 1 and their coefficient of `X²`, and the LogUp sum at 0 and 1.
#[derive(Clone, Copy, Default)]
struct Sums {
    at0: F,
    at1: F,
    square: F,
    logup0: F,
    logup1: F,
}

impl Sums {
    fn add(self, other: Self) -> Self {
        Self {
            at0: self.at0 + other.at0,
            at1: self.at1 + other.at1,
            square: self.square + other.square,
            logup0: self.logup0 + other.logup0,
            logup1: self.logup1 + other.logup1,
        }
    }

    /// One pair of rows, weighted with `eq` of the variables above the current one.
    fn pair(low: &[F; TABLES], high: &[F; TABLES], eq: &F) -> Self {
        let [f0, p0, f1, p1, f2, p2, ht, pt, na, y, linear] = low;
        let [f0h, p0h, f1h, p1h, f2h, p2h, hth, pth, nah, yh, linearh] = high;
        let at0 = f0 * p0 + f1 * p1 + f2 * p2 + ht * pt + na * y + linear;
        let at1 = f0h * p0h + f1h * p1h + f2h * p2h + hth * pth + nah * yh + linearh;
        let square = (f0h - f0) * (p0h - p0)
            + (f1h - f1) * (p1h - p1)
            + (f2h - f2) * (p2h - p2)
            + (hth - ht) * (pth - pt)
            + (nah - na) * (yh - y);
        Self {
            at0: eq * at0,
            at1: eq * at1,
            square: eq * square,
            logup0: f0 + f1 + f2 - ht,
            logup1: f0h + f1h + f2h - hth,
        }
    }
}

/// The sum being bound.
pub struct Lookup<'a> {
    source: LookupColumns<'a>,
    factors: Factors,
    /// Unbound coordinates of `r`.
    r: Vec<F>,
    /// `eq` of the bound coordinates.
    eq_bound: F,
    /// `eq` over the variables above the current one.
    eq_above: Vec<F>,
    /// Empty until the first variable is bound.
    tables: Option<[Vec<F>; TABLES]>,
    variables: usize,
    /// Zero-extension, once all variables are bound.
    scale: F,
}

impl<'a> Lookup<'a> {
    /// `r` has `ν` coordinates.
    pub fn new(source: LookupColumns<'a>, r: &[F]) -> Self {
        let eq_above = eq_table(r.get(1..).unwrap_or(&[]));
        let mut lookup = Self {
            factors: source.factors(),
            source,
            r: r.to_vec(),
            eq_bound: F::one(),
            eq_above,
            tables: None,
            variables: r.len(),
            scale: F::one(),
        };
        if r.is_empty() {
            lookup.tables = Some(lookup.source.row(&lookup.factors, 0).map(|v| vec![v]));
        }
        lookup
    }

    /// The true sum `Σ_x Λ(x)`, before any variable is bound.
    pub fn sum(&self) -> F {
        if self.variables == 0 {
            let [value, ..] = self.message();
            return value;
        }
        let sums = self.sums();
        let (e0, e1) = self.eq_current();
        e0 * sums.at0 + e1 * sums.at1 + self.source.scalars.delta * (sums.logup0 + sums.logup1)
    }

    fn at(&self, i: usize) -> [F; TABLES] {
        match &self.tables {
            None => self.source.row(&self.factors, i),
            Some(tables) => tables
                .each_ref()
                .map(|t| t.get(i).copied().unwrap_or(F::zero())),
        }
    }

    fn sums(&self) -> Sums {
        let pair = |(i, eq): (usize, &F)| Sums::pair(&self.at(2 * i), &self.at(2 * i + 1), eq);
        if self.eq_above.len() < 1 << 9 {
            self.eq_above
                .iter()
                .enumerate()
                .map(pair)
                .fold(Sums::default(), Sums::add)
        } else {
            self.eq_above
                .par_iter()
                .enumerate()
                .map(pair)
                .reduce(Sums::default, Sums::add)
        }
    }

    /// `eq` of the bound variables times `(1 - r_j, r_j)` of the current one.
    fn eq_current(&self) -> (F, F) {
        let r = self.r.first().copied().unwrap_or(F::zero());
        (self.eq_bound * (F::one() - r), self.eq_bound * r)
    }
}

impl Summand for Lookup<'_> {
    fn message(&self) -> Message {
        if self.variables == 0 {
            let [f0, p0, f1, p1, f2, p2, ht, pt, na, y, linear] = self.at(0);
            let braces = f0 * p0 + f1 * p1 + f2 * p2 + ht * pt + na * y + linear;
            let value = self.eq_bound * braces + self.source.scalars.delta * (f0 + f1 + f2 - ht);
            return [self.scale * value, F::zero(), F::zero()];
        }
        let sums = self.sums();
        let linear = sums.at1 - sums.at0 - sums.square;
        let (e0, e1) = self.eq_current();
        let slope = e1 - e0;
        // (e0 + slope·X)·(at0 + linear·X + square·X²) + δ·(logup + …·X)
        [
            e0 * sums.at0 + self.source.scalars.delta * sums.logup0,
            e0 * sums.square + slope * linear,
            slope * sums.square,
        ]
    }

    fn bind(&mut self, challenge: F) {
        if self.variables == 0 {
            self.scale *= F::one() - challenge;
            return;
        }
        let (e0, e1) = self.eq_current();
        match &mut self.tables {
            Some(tables) => tables.iter_mut().for_each(|t| bind_table(t, challenge)),
            None => {
                let half = self.eq_above.len();
                let mut tables: [Vec<F>; TABLES] = std::array::from_fn(|_| vec![F::zero(); half]);
                // Column by column would read every row eleven times; chunks of rows keep them in cache.
                let chunk = 1 << 9;
                let mut parts: Vec<Vec<&mut [F]>> = (0..half.div_ceil(chunk))
                    .map(|_| Vec::with_capacity(TABLES))
                    .collect();
                for table in &mut tables {
                    for (part, piece) in parts.iter_mut().zip(table.chunks_mut(chunk)) {
                        part.push(piece);
                    }
                }
                let (source, factors) = (self.source, self.factors);
                parts.into_par_iter().enumerate().for_each(|(k, mut part)| {
                    let rows = part.first().map_or(0, |p| p.len());
                    for i in 0..rows {
                        let row = 2 * (k * chunk + i);
                        let (low, high) =
                            (source.row(&factors, row), source.row(&factors, row + 1));
                        for ((piece, l), h) in part.iter_mut().zip(low).zip(high) {
                            if let Some(cell) = piece.get_mut(i) {
                                *cell = l + challenge * (h - l);
                            }
                        }
                    }
                });
                self.tables = Some(tables);
            }
        }
        self.eq_bound = e0 + challenge * (e1 - e0);
        self.r.remove(0);
        self.variables -= 1;
        // Summing over a variable removes it from eq.
        self.eq_above = if self.eq_above.len() > 1 {
            self.eq_above
                .chunks_exact(2)
                .map(|p| p.iter().fold(F::zero(), |s, v| s + v))
                .collect()
        } else {
            vec![F::one()]
        };
    }
}
