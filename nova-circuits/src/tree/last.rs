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
    cycle::{Affine, F, Point, field_to_bytes},
    ipa::{self, Claim, Functional, IpaError, Statement, Sum, Transcript},
    relation::fold_round_at,
    vectors::eq_table,
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

fn absorb(transcript: &mut impl Transcript<F>, label: &'static str, values: &[F]) {
    let bytes: Vec<u8> = values.iter().flat_map(field_to_bytes).collect();
    transcript.absorb(label, &bytes);
}

/// The next challenge.
pub(super) fn challenge(
    transcript: &mut impl Transcript<F>,
    label: &'static str,
) -> Result<F, IpaError> {
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
    // The commitment and the functional follow from what was absorbed.
    let statement = Statement {
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

/// Checks the last proof of a root, which is valid if the claim that is left holds.
///
/// # Errors
/// The [`Check`] that refuses.
pub fn claim(
    key: &Key,
    transcript: &mut impl Transcript<F>,
    root: &Root,
    proof: &LastProof,
) -> Result<Claim<Point>, Check> {
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
        functional: Functional::Vector(&combination.functional),
        value: &combination.value(at_y, &error),
    };
    let commitment = Sum { scalars, points };
    ipa::claim(&key.bases(), transcript, &statement, commitment, argument)
        .map_err(|_| Check::Opening)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::{
        cycle::{affine, field_from_uniform, msm},
        tree::step::{CONSTRAINTS, VARIABLES, WORDS, residue},
    };
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use sha3::{Digest, Sha3_512};

    #[derive(Clone, Default)]
    struct Hashed(Sha3_512);

    impl Transcript<F> for Hashed {
        fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
            self.0.update(label);
            self.0.update((bytes.len() as u64).to_le_bytes());
            self.0.update(bytes);
        }

        fn challenge(&mut self, label: &'static str) -> Option<F> {
            self.absorb(label, &[]);
            Some(field_from_uniform(&self.0.clone().finalize().into()))
        }
    }

    /// Any relaxed instance that is satisfied.
    fn satisfied(seed: u64) -> Relaxed {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut root = Relaxed::random(&mut rng);
        root.slack = F::random(&mut rng);
        root.words = (0..WORDS).map(|_| F::random(&mut rng)).collect();
        root.error = residue(&root.vector());
        root
    }

    /// The root as the verifier knows it, with these components of `opened`'s commitment on generators of the whole vector.
    fn known(key: &Key, root: &Relaxed, extra: &[(Opened, usize, F)]) -> Root {
        let own = |opened: Opened| {
            let committed = match opened {
                Opened::Segment(segment) => {
                    let range = segment.range();
                    let blind = &root.blinds[segment.index()];
                    key.commit_variables(range.start, &root.variables[range], blind)
                }
                Opened::Error => key.commit_errors(&root.error, &root.error_blind),
            };
            let extra = extra.iter().filter(|(at, ..)| *at == opened);
            let sum = extra.fold(committed, |sum: Point, (_, position, value)| {
                sum + msm(&[*value], &[key.bases().generators[*position]])
            });
            (opened, F::ONE, affine(&sum))
        };
        let segments = Segment::all().map(Opened::Segment);
        Root {
            commitments: segments.chain([Opened::Error]).map(own).collect(),
            slack: root.slack,
            words: root.words.clone(),
        }
    }

    /// [`prove`], for commitments with further components that the sumchecks do not know of: a prover who opens what there is.
    fn prove_with(key: &Key, root: &Relaxed, extra: &[(Opened, usize, F)]) -> LastProof {
        let mut transcript = Hashed::default();
        let mut proof = prove(key, &mut transcript.clone(), root).unwrap();
        let z = root.vector();
        let tau = challenges(&mut transcript, "tau", BITS).unwrap();
        let (_, x, at_x) = prove_outer(&mut transcript, root, &z, &tau).unwrap();
        absorb(&mut transcript, "at x", &at_x);
        let rho = challenge(&mut transcript, "rho").unwrap();
        let claim = at_x[0] + rho * (at_x[1] + rho * at_x[2]);
        let (_, y) = prove_inner(&mut transcript, z, &x, &rho, claim).unwrap();
        absorb(&mut transcript, "at y", &[proof.at_y]);
        let tables = (eq_table(&x), eq_table(&y[..BITS]));
        let combination = Combination::new(&mut transcript, &tables.0, &tables.1).unwrap();
        let (mut vector, blind) = combination.of(root);
        for (opened, position, value) in extra {
            vector[*position] += combination.powers[opened.power()] * value;
        }
        absorb(&mut transcript, "blind", &[blind]);
        let statement = Statement {
            functional: Functional::Vector(&combination.functional),
            value: &combination.value(&proof.at_y, &at_x[3]),
        };
        proof.argument = ipa::prove(&key.bases(), &mut transcript, &statement, &vector).unwrap();
        proof
    }

    fn outcome(root: &Relaxed, extra: &[(Opened, usize, F)]) -> Result<(), Check> {
        let key = Key::embedded();
        let proof = prove_with(key, root, extra);
        let root = known(key, root, extra);
        let claim = claim(key, &mut Hashed::default(), &root, &proof)?;
        claim
            .holds(&key.bases())
            .then_some(())
            .ok_or(Check::Opening)
    }

    #[test]
    fn a_satisfied_root() {
        let root = satisfied(1);
        assert_eq!(outcome(&root, &[]), Ok(()));
        let mut other = root.clone();
        other.error[CONSTRAINTS - 1] += F::ONE;
        assert_eq!(outcome(&other, &[]), Err(Check::Constraints));
    }

    /// No constraint has a position beyond the variables, and the functional is 0 there: what a commitment has there says nothing.
    /// Beyond the constraints, an error counts.
    #[test]
    fn padding_of_variables_is_harmless_and_of_errors_is_not() {
        let root = satisfied(2);
        let value = F::from(7);
        for opened in [
            Opened::Segment(Segment::Z),
            Opened::Segment(Segment::V),
            Opened::Error,
        ] {
            for position in [VARIABLES, PADDED - 1] {
                let accepted = outcome(&root, &[(opened, position, value)]);
                assert_eq!(accepted, Ok(()), "{opened:?}, {position}");
            }
            for position in [PADDED + CONSTRAINTS, 2 * PADDED - 1] {
                let refused = outcome(&root, &[(opened, position, value)]);
                assert_eq!(refused, Err(Check::Opening), "{opened:?}, {position}");
            }
        }
    }

    /// The functional is that of the page: inverse powers on each range, 0 on padding of variables.
    #[test]
    fn the_functional_weighs_each_range_by_its_inverse_power() {
        let (x, y) = (vec![F::from(3); BITS], vec![F::from(5); BITS]);
        let (eq_x, eq_y) = (eq_table(&x), eq_table(&y));
        let combination = Combination::new(&mut Hashed::default(), &eq_x, &eq_y).unwrap();
        let at = |position: usize| combination.functional[position];
        for segment in Segment::all() {
            let power = combination.powers[segment.index()];
            for position in segment.range() {
                assert_eq!(power * at(position), eq_y[position], "{segment:?}");
            }
        }
        assert!((VARIABLES..PADDED).all(|position| at(position) == F::ZERO));
        for (row, eq) in eq_x.iter().enumerate() {
            let power = combination.powers[SEGMENTS];
            assert_eq!(power * at(PADDED + row), combination.nu * eq);
        }
        let mut powers = combination.powers.clone();
        powers.sort_unstable();
        powers.dedup();
        assert_eq!(powers.len(), SEGMENTS + 1);
    }
}
