//! The two relations that prover, verifier and circuit share: LOOKUP's summand `Λ` (PROTOCOL.md §4.7) and the value `g(c)`
//! of a sumcheck round's polynomial (§0). Both are written once, over [`Algebra`]; sums over rows are left to the callers.

use crate::{
    algebra::{Algebra, Native},
    cycle::F,
};

/// Witness columns, `Y P R1 R0 F0 F1 F2 M HT`: the nine evaluations of §4.7, in this order.
pub const WITNESS_COLUMNS: usize = 9;
/// Public columns, `tag act Tin Tout Ttag`: words, in this order.
pub const PUBLIC_COLUMNS: usize = 5;

/// What `Λ` needs besides the row: challenges and the model's digit constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupScalars<V = F> {
    /// `α`, which shifts the lookups' denominators.
    pub alpha: V,
    /// `β`, which binds a lookup's output.
    pub beta: V,
    /// `β²`, which binds its tag.
    pub beta2: V,
    /// `γ`, which separates the row's relations.
    pub gamma: V,
    /// `δ`, the weight of the LogUp sum.
    pub delta: V,
    /// `2^(2B)`
    pub two_2b: V,
    /// `2^B`
    pub two_b: V,
    /// The tag of the range table.
    pub rng: V,
}

/// One row of the trace, or the columns' evaluations at one point (§1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupRow<V = F> {
    /// The value that the rest of the network reads.
    pub y: V,
    /// Quotient of the requantization.
    pub p: V,
    /// High remainder digit.
    pub r1: V,
    /// Low remainder digit.
    pub r0: V,
    /// Fraction of the lookup of `(P, Y, tag)`.
    pub f0: V,
    /// Fraction of the lookup of `(R0, 0, RNG)`.
    pub f1: V,
    /// Fraction of the lookup of `(R1, 0, RNG)`.
    pub f2: V,
    /// Multiplicity of the table entry.
    pub m: V,
    /// Fraction of the table entry.
    pub ht: V,
    /// The function's tag; 0 on rows that are not real.
    pub tag: V,
    /// 1 on real rows.
    pub act: V,
    /// Table entry: input.
    pub tin: V,
    /// Table entry: output.
    pub tout: V,
    /// Table entry: tag.
    pub ttag: V,
}

impl<V> LookupRow<V> {
    /// From the nine witness columns and the five public ones, each in its page order.
    pub fn new(witness: [V; WITNESS_COLUMNS], public: [V; PUBLIC_COLUMNS]) -> Self {
        let [y, p, r1, r0, f0, f1, f2, m, ht] = witness;
        let [tag, act, tin, tout, ttag] = public;
        Self {
            y,
            p,
            r1,
            r0,
            f0,
            f1,
            f2,
            m,
            ht,
            tag,
            act,
            tin,
            tout,
            ttag,
        }
    }
}

/// `Λ` at one point, where `eq_r` is `eq(r, ·)` there:
///
/// ```text
/// eq_r·{ 2^(2B)P + 2^B R1 + R0 + γ[F0(α+φ(P,Y,tag)) - act] + γ²[F1(α+φ(R0,0,RNG)) - act] + γ³[F2(α+φ(R1,0,RNG)) - act]
///        + γ⁴[HT(α+φ(Tin,Tout,Ttag)) - M] + γ⁵(1-act)Y }  +  δ(F0+F1+F2-HT),      φ(in,out,tag) = in + β·out + β²·tag
/// ```
///
/// # Errors
/// A synthesis error, in a circuit.
#[inline]
pub fn lambda<A: Algebra>(
    algebra: &mut A,
    eq_r: &A::Value,
    row: &LookupRow<A::Value>,
    scalars: &LookupScalars<A::Value>,
) -> Result<A::Value, A::Error> {
    let LookupScalars {
        alpha,
        beta,
        beta2,
        gamma,
        delta,
        two_2b,
        two_b,
        rng,
    } = scalars;
    let LookupRow {
        y,
        p,
        r1,
        r0,
        f0,
        f1,
        f2,
        m,
        ht,
        tag,
        act,
        tin,
        tout,
        ttag,
    } = row;
    let a = algebra;

    let quotient = a.mul("2^2B P", two_2b, p)?;
    let high = a.mul("2^B R1", two_b, r1)?;
    let requantized = a.add(&a.add(&quotient, &high), r0);

    let beta_y = a.mul("β Y", beta, y)?;
    let beta2_tag = a.mul("β² tag", beta2, tag)?;
    let function_entry = a.add(&a.add(alpha, p), &a.add(&beta_y, &beta2_tag));
    let function_lookup = a.mul("F0", f0, &function_entry)?;

    let beta2_rng = a.mul("β² RNG", beta2, rng)?;
    let range = a.add(alpha, &beta2_rng);
    let low_lookup = a.mul("F1", f1, &a.add(&range, r0))?;
    let high_lookup = a.mul("F2", f2, &a.add(&range, r1))?;

    let beta_tout = a.mul("β Tout", beta, tout)?;
    let beta2_ttag = a.mul("β² Ttag", beta2, ttag)?;
    let table_entry = a.add(&a.add(alpha, tin), &a.add(&beta_tout, &beta2_ttag));
    let table_fraction = a.mul("HT", ht, &table_entry)?;

    let active_y = a.mul("act Y", act, y)?;
    let relations = [
        &requantized,
        &a.sub(&function_lookup, act),
        &a.sub(&low_lookup, act),
        &a.sub(&high_lookup, act),
        &a.sub(&table_fraction, m),
        &a.sub(y, &active_y),
    ];
    let row_sum = a.horner(["γ", "γ²", "γ³", "γ⁴", "γ⁵", ""], relations, gamma)?;
    let fractions = a.sub(&a.add(&a.add(f0, f1), f2), ht);

    let at_r = a.mul("eq", eq_r, &row_sum)?;
    let balance = a.mul("δ", delta, &fractions)?;
    Ok(a.add(&at_r, &balance))
}

/// `g(challenge)` for `g = g0 + g1·X + g2·X² + g3·X³`, where `g1` follows from `g(0) + g(1) = claim`; `message` is `[g0, g2, g3]`.
///
/// # Errors
/// A synthesis error, in a circuit.
#[inline]
pub fn fold_round<A: Algebra>(
    algebra: &mut A,
    claim: &A::Value,
    message: [&A::Value; 3],
    challenge: &A::Value,
) -> Result<A::Value, A::Error> {
    let [g0, g2, g3] = message;
    let a = algebra;
    let g1 = a.sub(&a.sub(claim, &a.add(g0, g0)), &a.add(g2, g3));
    a.horner(["c", "c²", "c³", ""], [g0, &g1, g2, g3], challenge)
}

/// [`lambda`] in the field.
#[inline]
#[must_use]
pub fn lambda_at(eq_r: &F, row: &LookupRow, scalars: &LookupScalars) -> F {
    let Ok(value) = lambda(&mut Native, eq_r, row, scalars);
    value
}

/// [`fold_round`] in the field.
#[inline]
#[must_use]
pub fn fold_round_at(claim: &F, message: &[F; 3], challenge: &F) -> F {
    let Ok(value) = fold_round(&mut Native, claim, message.each_ref(), challenge);
    value
}
