//! The last proof: Spartan for the relaxed instance that is left at the root, then one inner-product argument that opens all
//! its commitments (PROTOCOL.md §5.4).
//!
//! Each commitment is opened on *its own* range of the generators only: what it has elsewhere cancels from nothing, because
//! commitments are combined by powers of `μ` and the public vector has the inverse powers. `μ` follows the claimed values.
//!
//! Nothing here hides: the root is uniformly random, as the random instance is part of it.

use super::{
    Check, LastProof,
    instance::Relaxed,
    key::Key,
    step::{BITS, PADDED, SEGMENTS, SLACK, Segment, constraints, products, vector},
};
use crate::{
    cycle::{Affine, F, field_to_bytes, msm},
    ipa::{self, Functional, IpaError, Statement, Transcript, tensor},
    relation::fold_round_at,
};
use ff::Field;

/// What a commitment of the root is opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A segment's variables.
    Segment(Segment),
    /// The error term.
    Error,
}

impl Opened {
    /// The power of `μ` by which its commitments are combined.
    const fn power(self) -> usize {
        match self {
            Self::Segment(segment) => segment.index(),
            Self::Error => SEGMENTS,
        }
    }
}

/// The root as the verifier knows it.
#[derive(Clone, Debug)]
pub struct Root {
    /// Commitments, each a summand, by its factor, of the root's commitment to this part.
    pub commitments: Vec<(Opened, F, Affine)>,
    /// `u`.
    pub slack: F,
    /// `X`.
    pub words: Vec<F>,
}

/// `eq(point, ·)`, variable 0 the least significant bit.
fn eq_table(point: &[F]) -> Vec<F> {
    tensor(F::ONE, point.iter().rev().map(|p| (F::ONE - p, *p)))
}

fn absorb(transcript: &mut impl Transcript<F>, label: &'static str, values: &[F]) {
    let bytes: Vec<u8> = values.iter().flat_map(field_to_bytes).collect();
    transcript.absorb(label, &bytes);
}

fn challenge(transcript: &mut impl Transcript<F>, label: &'static str) -> Result<F, IpaError> {
    transcript.challenge(label).ok_or(IpaError::Challenge)
}

fn challenges(
    transcript: &mut impl Transcript<F>,
    label: &'static str,
    n: usize,
) -> Result<Vec<F>, IpaError> {
    (0..n).map(|_| challenge(transcript, label)).collect()
}

/// Binds the least significant variable.
fn bind(table: &mut Vec<F>, c: &F) {
    *table = table
        .chunks_exact(2)
        .map(|pair| pair[0] + *c * (pair[1] - pair[0]))
        .collect();
}

/// Proves that the root is satisfied, and opens it.
///
/// # Errors
/// If the inner-product argument cannot be made.
pub fn prove(
    key: &Key,
    transcript: &mut impl Transcript<F>,
    root: &Relaxed,
) -> Result<LastProof, IpaError> {
    let z = root.vector();
    let tau = challenges(transcript, "tau", BITS)?;
    let (outer, x, at_x) = prove_outer(transcript, root, &z, &tau)?;
    absorb(transcript, "at x", &at_x);
    let rho = challenge(transcript, "rho")?;
    let claim = at_x[0] + rho * (at_x[1] + rho * at_x[2]);
    let (inner, y) = prove_inner(transcript, z, &x, &rho, claim)?;
    let y_low = y.get(..BITS).unwrap_or(&y);
    let (eq_x, eq_y) = (eq_table(&x), eq_table(y_low));
    let at_y = dot(&root.variables, &eq_y);
    absorb(transcript, "at y", &[at_y]);
    let combination = Combination::new(transcript, &eq_x, &eq_y)?;
    let (variables, blind) = combination.of(root);
    absorb(transcript, "blind", &[blind]);
    let statement = Statement {
        commitment: &msm(&variables, key.bases().generators),
        functional: Functional::Vector(&combination.functional),
        value: &combination.value(&at_y, &at_x[3]),
    };
    let argument = ipa::prove(&key.bases(), transcript, &statement, &variables)?;
    Ok(LastProof {
        outer,
        at_x,
        inner,
        at_y,
        blind,
        argument,
    })
}

fn dot(a: &[F], b: &[F]) -> F {
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

type Outer = ([[F; 3]; BITS], Vec<F>, [F; 4]);

/// `Σ_x eq(τ, x)·(Az·Bz - u·Cz - E) = 0`.
fn prove_outer(
    transcript: &mut impl Transcript<F>,
    root: &Relaxed,
    z: &[F],
    tau: &[F],
) -> Result<Outer, IpaError> {
    let [a, b, c] = products(z);
    let mut tables = [a, b, c, root.error.clone(), eq_table(tau)];
    for table in &mut tables {
        table.resize(PADDED, F::ZERO);
    }
    let mut rounds = [[F::ZERO; 3]; BITS];
    let mut point = Vec::with_capacity(BITS);
    for message in &mut rounds {
        let [a, b, c, e, eq] = &tables;
        for i in (0..a.len()).step_by(2) {
            let (da, db) = (a[i + 1] - a[i], b[i + 1] - b[i]);
            let low = root.slack * c[i] + e[i];
            let step = root.slack * (c[i + 1] - c[i]) + e[i + 1] - e[i];
            let q0 = a[i] * b[i] - low;
            let q1 = a[i] * db + b[i] * da - step;
            let q2 = da * db;
            let de = eq[i + 1] - eq[i];
            message[0] += eq[i] * q0;
            message[1] += eq[i] * q2 + de * q1;
            message[2] += de * q2;
        }
        absorb(transcript, "outer", message);
        let x = challenge(transcript, "x")?;
        tables.iter_mut().for_each(|table| bind(table, &x));
        point.push(x);
    }
    let [a, b, c, e, _] = &tables;
    Ok((rounds, point, [a[0], b[0], c[0], e[0]]))
}

/// The matrices `A + ρ·B + ρ²·C` with their rows weighted: one value for each position in `z`.
fn combined_matrices(eq_x: &[F], rho: &F) -> Vec<F> {
    let mut columns = vec![F::ZERO; 2 * PADDED];
    for (constraint, weight) in constraints().zip(eq_x) {
        columns[constraint.left] += weight;
        columns[constraint.right] += *rho * weight;
        let weight = rho.square() * weight;
        for column in &mut columns[constraint.sum] {
            *column += weight;
        }
    }
    columns
}

type Inner = ([[F; 2]; BITS + 1], Vec<F>);

/// `Σ_y (A + ρ·B + ρ²·C)(r_x, y)·z(y)`, a sum of degree 2.
fn prove_inner(
    transcript: &mut impl Transcript<F>,
    z: Vec<F>,
    x: &[F],
    rho: &F,
    mut claim: F,
) -> Result<Inner, IpaError> {
    let mut tables = [combined_matrices(&eq_table(x), rho), z];
    let mut rounds = [[F::ZERO; 2]; BITS + 1];
    let mut point = Vec::with_capacity(BITS + 1);
    for message in &mut rounds {
        let [m, z] = &tables;
        for (m, z) in m.chunks_exact(2).zip(z.chunks_exact(2)) {
            message[0] += m[0] * z[0];
            message[1] += (m[1] - m[0]) * (z[1] - z[0]);
        }
        absorb(transcript, "inner", message);
        let y = challenge(transcript, "y")?;
        claim = fold_round_at(&claim, &[message[0], message[1], F::ZERO], &y);
        tables.iter_mut().for_each(|table| bind(table, &y));
        point.push(y);
    }
    debug_assert_eq!(claim, tables[0][0] * tables[1][0]);
    Ok((rounds, point))
}

/// How the root's commitments are combined, and what is claimed of the combination.
struct Combination {
    /// `1, μ, μ², …`
    powers: Vec<F>,
    nu: F,
    /// What each of the combined vector's positions counts.
    functional: Vec<F>,
}

impl Combination {
    /// Under `μ, ν`, which follow the claimed values.
    fn new(transcript: &mut impl Transcript<F>, eq_x: &[F], eq_y: &[F]) -> Result<Self, IpaError> {
        let (mu, nu) = (challenge(transcript, "mu")?, challenge(transcript, "nu")?);
        let inverse: F = Option::from(mu.invert()).ok_or(IpaError::Challenge)?;
        let power = |base: F| {
            let next = move |p: &F| Some(*p * base);
            core::iter::successors(Some(F::ONE), next).take(SEGMENTS + 1)
        };
        let inverses: Vec<F> = power(inverse).collect();
        let mut functional = vec![F::ZERO; 2 * PADDED];
        for segment in Segment::all() {
            let weight = inverses[segment.index()];
            let range = segment.range();
            let own = functional[range.clone()].iter_mut().zip(&eq_y[range]);
            own.for_each(|(f, eq)| *f = weight * eq);
        }
        let weight = nu * inverses[Opened::Error.power()];
        let own = functional[PADDED..].iter_mut().zip(eq_x);
        own.for_each(|(f, eq)| *f = weight * eq);
        Ok(Self {
            powers: power(mu).collect(),
            nu,
            functional,
        })
    }

    /// The combined vector and its blind.
    fn of(&self, root: &Relaxed) -> (Vec<F>, F) {
        let mut combined = root.variables.clone();
        let mut blind = root.error_blind * self.powers[Opened::Error.power()];
        for segment in Segment::all() {
            let power = self.powers[segment.index()];
            combined[segment.range()]
                .iter_mut()
                .for_each(|v| *v *= power);
            blind += power * root.blinds[segment.index()];
        }
        combined.resize(PADDED, F::ZERO);
        let power = self.powers[Opened::Error.power()];
        combined.extend(root.error.iter().map(|e| power * e));
        combined.resize(2 * PADDED, F::ZERO);
        (combined, blind)
    }

    /// What the functional gives on the combined vector.
    fn value(&self, at_y: &F, error_at_x: &F) -> F {
        *at_y + self.nu * error_at_x
    }
}

/// Checks the last proof of a root.
///
/// # Errors
/// The [`Check`] that refuses.
pub fn verify(
    key: &Key,
    transcript: &mut impl Transcript<F>,
    root: &Root,
    proof: &LastProof,
) -> Result<(), Check> {
    let LastProof {
        outer,
        at_x,
        inner,
        at_y,
        blind,
        argument,
    } = proof;
    let unusable = |_| Check::Opening;
    let tau = challenges(transcript, "tau", BITS).map_err(unusable)?;
    let mut x = Vec::with_capacity(BITS);
    let mut claim = F::ZERO;
    for message in outer {
        absorb(transcript, "outer", message);
        let c = challenge(transcript, "x").map_err(unusable)?;
        claim = fold_round_at(&claim, message, &c);
        x.push(c);
    }
    let [a, b, c, error] = *at_x;
    let eq = tau.iter().zip(&x).fold(F::ONE, |eq, (t, x)| {
        eq * (*t * x + (F::ONE - t) * (F::ONE - x))
    });
    if claim != eq * (a * b - root.slack * c - error) {
        return Err(Check::Constraints);
    }
    absorb(transcript, "at x", at_x);
    let rho = challenge(transcript, "rho").map_err(unusable)?;
    let mut claim = a + rho * (b + rho * c);
    let mut y = Vec::with_capacity(BITS + 1);
    for message in inner {
        absorb(transcript, "inner", message);
        let c = challenge(transcript, "y").map_err(unusable)?;
        claim = fold_round_at(&claim, &[message[0], message[1], F::ZERO], &c);
        y.push(c);
    }
    let (eq_x, eq_z) = (eq_table(&x), eq_table(&y));
    let matrices = dot(&combined_matrices(&eq_x, &rho), &eq_z);
    let (y_low, high) = y.split_at(BITS);
    let high = high.first().copied().unwrap_or(F::ZERO);
    // `(u, X)` is `z` without its variables.
    let public = vector(&[], &root.slack, &root.words);
    let public = dot(&public[SLACK..], &eq_z[SLACK..]);
    if claim != matrices * ((F::ONE - high) * at_y + public) {
        return Err(Check::Products);
    }
    absorb(transcript, "at y", &[*at_y]);
    let combination = Combination::new(transcript, &eq_x, &eq_table(y_low)).map_err(unusable)?;
    absorb(transcript, "blind", &[*blind]);
    let mut scalars = vec![-*blind];
    let mut points = vec![*key.blind()];
    for (opened, factor, point) in &root.commitments {
        scalars.push(*factor * combination.powers[opened.power()]);
        points.push(*point);
    }
    let statement = Statement {
        commitment: &msm(&scalars, &points),
        functional: Functional::Vector(&combination.functional),
        value: &combination.value(at_y, &error),
    };
    ipa::verify(&key.bases(), transcript, &statement, argument).map_err(|_| Check::Opening)
}
