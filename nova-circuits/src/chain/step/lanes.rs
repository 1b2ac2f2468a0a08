//! The step itself, written once over [`StepAlgebra`]: words into `dig`, the layer lane, the round lane (PROTOCOL.md §9.2).

use super::{
    Check, EvaluationsWitness, RoundWords, SLOTS, ScalarWords, SlotWitness, SlotWords, State,
    Witness, Words,
};
use crate::{
    algebra::Algebra,
    relation::{LookupRow, fold_round, lambda},
};

/// What a step needs besides arithmetic.
pub(super) trait StepAlgebra: Algebra {
    /// [`crate::chain::hash::hash`]
    fn hash(
        &mut self,
        t: &Self::Value,
        m: [&Self::Value; 3],
        n: &Self::Value,
    ) -> Result<Self::Value, Self::Error>;
    /// [`crate::chain::hash::hash_words`]
    fn hash_words(
        &mut self,
        dig: &Self::Value,
        words: &[Self::Value],
    ) -> Result<Self::Value, Self::Error>;
    /// Requires `flag·(left - right) = 0`.
    fn require_equal(
        &mut self,
        check: Check,
        flag: &Self::Value,
        left: &Self::Value,
        right: &Self::Value,
    ) -> Result<(), Self::Error>;
}

type Outcome<T, A> = Result<T, <A as Algebra>::Error>;

/// One step: the state after it.
pub(super) fn run<A: StepAlgebra>(
    a: &mut A,
    mut state: State<A::Value>,
    words: &Words<A::Value, A::Value>,
    witness: &Witness<A::Value>,
) -> Outcome<State<A::Value>, A> {
    state.dig = a.within(
        || "digest".to_owned(),
        |a| a.hash_words(&state.dig, &words.list()),
    )?;
    for l in 0..SLOTS {
        let (Some(slot), Some(claims)) = (words.slots.get(l), witness.slots.get(l)) else {
            break;
        };
        a.within(
            || format!("slot {l}"),
            |a| layer(a, &mut state, slot, &words.scalars, claims),
        )?;
    }
    start(a, &mut state, &words.rounds, &witness.init)?;
    rounds(a, &mut state, &words.rounds, witness)?;
    a.within(
        || "end".to_owned(),
        |a| end(a, &mut state, words, &witness.evaluations),
    )?;
    Ok(state)
}

/// Absorbs one slot's claims and adds them to the four balances.
fn layer<A: StepAlgebra>(
    a: &mut A,
    state: &mut State<A::Value>,
    SlotWords { k0, k1, k2, f }: &SlotWords<A::Value>,
    words: &ScalarWords<A::Value>,
    claims: &SlotWitness<A::Value>,
) -> Outcome<(), A> {
    let SlotWitness {
        s,
        c,
        d,
        nonce_z,
        a: left,
        b: right,
        nonce_ab,
    } = claims;
    let zero = a.zero();
    state.t_z = a.within(
        || "t_Z".to_owned(),
        |a| a.hash(&state.t_z, [s, c, d], nonce_z),
    )?;
    state.t_ab = a.within(
        || "t_AB".to_owned(),
        |a| a.hash(&state.t_ab, [left, right, &zero], nonce_ab),
    )?;

    let (zs, zc, zd) = (
        a.mul("k0 s", k0, s)?,
        a.mul("k1 c", k1, c)?,
        a.mul("k2 d", k2, d)?,
    );
    state.bal_z = a.add(&state.bal_z, &a.add(&a.add(&zs, &zc), &zd));

    let weighted = a.mul("σ^l s", &state.sigma_power, s)?;
    state.bal_s = a.add(&state.bal_s, &weighted);

    let product = a.mul("a b", left, right)?;
    let summand = a.mul("f a b", f, &product)?;
    state.bal_f = a.add(&state.bal_f, &summand);

    let claimed = a.horner(["ρ", "ρ²", "ρ³", ""], [left, right, c, d], &words.rho)?;
    let weighted = a.mul("ρ^4l claims", &state.rho_power, &claimed)?;
    state.bal_v = a.add(&state.bal_v, &weighted);

    state.sigma_power = a.mul("σ^(l+1)", &state.sigma_power, &words.sigma)?;
    state.rho_power = a.mul("ρ^4(l+1)", &state.rho_power, &words.rho4)?;
    Ok(())
}

/// Where a sumcheck starts, its initial claim is the witness' and is taken from the balance that knows it.
fn start<A: StepAlgebra>(
    a: &mut A,
    state: &mut State<A::Value>,
    words: &RoundWords<A::Value, A::Value>,
    init: &A::Value,
) -> Outcome<(), A> {
    let State {
        claim,
        bal_s,
        bal_z,
        bal_v,
        ..
    } = state;
    for (name, flag, balance) in [
        ("start C", &words.start_c, bal_s),
        ("start L", &words.start_l, bal_z),
        ("start O", &words.start_o, bal_v),
    ] {
        a.within(
            || name.to_owned(),
            |a| {
                *claim = a.select("claim", flag, init, claim)?;
                let taken = a.mul("balance", flag, init)?;
                *balance = a.sub(balance, &taken);
                Ok(())
            },
        )?;
    }
    Ok(())
}

/// The sumcheck rounds. They are computed in every step, and count only in a live one.
fn rounds<A: StepAlgebra>(
    a: &mut A,
    state: &mut State<A::Value>,
    words: &RoundWords<A::Value, A::Value>,
    witness: &Witness<A::Value>,
) -> Outcome<(), A> {
    let (mut previous, mut claim) = (&words.previous, state.claim.clone());
    for (i, (message, challenge)) in witness.rounds.iter().zip(&words.challenges).enumerate() {
        claim = a.within(
            || format!("round {i}"),
            |a| {
                let g = [&message.g0, &message.g2, &message.g3];
                let hashed = a.hash(previous, g, &message.nonce)?;
                a.require_equal(Check::Round(i), &words.live, &hashed, challenge)?;
                fold_round(a, &claim, g, challenge)
            },
        )?;
        previous = challenge;
    }
    state.claim = a.within(
        || "rounds".to_owned(),
        |a| a.select("claim", &words.live, &claim, &state.claim),
    )?;
    Ok(())
}

/// Where CONTRACT ends, its last claim is taken from `balF`; where LOOKUP ends, its last claim is checked against `Λ` of the
/// nine evaluations, and these are hashed to `ρ` and join OPEN's claims.
fn end<A: StepAlgebra>(
    a: &mut A,
    state: &mut State<A::Value>,
    words: &Words<A::Value, A::Value>,
    witness: &EvaluationsWitness<A::Value>,
) -> Outcome<(), A> {
    let (scalars, flags, last) = (
        &words.scalars,
        &words.rounds,
        words.rounds.challenges.last(),
    );
    let taken = a.mul("balF", &flags.end_c, &state.claim)?;
    state.bal_f = a.sub(&state.bal_f, &taken);

    let row = LookupRow::new(witness.values.clone(), scalars.public_columns());
    let at_u = a.within(
        || "Λ".to_owned(),
        |a| lambda(a, &scalars.eq_r_u, &row, &scalars.lookup()),
    )?;
    let extended = a.mul("Π(1-u) Λ", &scalars.zero_l, &at_u)?;
    a.require_equal(Check::LookupClaim, &flags.end_l, &state.claim, &extended)?;

    let mut t = last.unwrap_or(&flags.previous).clone();
    let [y, p, r1, r0, f0, f1, f2, m, ht] = witness.values.each_ref();
    for (i, (message, nonce)) in [[y, p, r1], [r0, f0, f1], [f2, m, ht]]
        .into_iter()
        .zip(&witness.nonces)
        .enumerate()
    {
        t = a.within(|| format!("hash {i}"), |a| a.hash(&t, message, nonce))?;
    }
    a.require_equal(Check::EvaluationsHash, &flags.end_l, &t, &scalars.rho)?;

    let names = ["ρ", "ρ²", "ρ³", "ρ⁴", "ρ⁵", "ρ⁶", "ρ⁷", "ρ⁸", ""];
    let claimed = a.horner(names, witness.values.each_ref(), &scalars.rho)?;
    let weighted = a.mul("ρ_L evaluations", &scalars.rho_l, &claimed)?;
    let added = a.mul("balV", &flags.end_l, &weighted)?;
    state.bal_v = a.add(&state.bal_v, &added);
    Ok(())
}
