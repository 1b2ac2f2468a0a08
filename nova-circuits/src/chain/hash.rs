//! The inside hash `H(t; m1,m2,m3; n)` and the words' sponge (PROTOCOL.md §9.1, §9.2), natively and as gadgets.
//!
//! Both are nova-snark's Poseidon sponge, `Strength::Standard`, absorb then squeeze 1, **not truncated**: nova's own random
//! oracle truncates its output and is not used. The gadgets leave nova's "compact" mode off: it would add 280
//! constraints to each of the step circuit's 43 hashes, which do not fit under 2^15.

use crate::cycle::F;
use generic_array::typenum::{U5, U24};
use nova_snark::frontend::{
    ConstraintSystem, Elt, PoseidonConstants, SpongeCircuit, SynthesisError,
    gadgets::poseidon::{IOPattern, Simplex, Sponge, SpongeAPI, SpongeOp, SpongeTrait, Strength},
    num::Num,
};
use std::sync::LazyLock;

static NARROW: LazyLock<PoseidonConstants<F, U5>> =
    LazyLock::new(|| Sponge::<F, U5>::api_constants(Strength::Standard));
static WIDE: LazyLock<PoseidonConstants<F, U24>> =
    LazyLock::new(|| Sponge::<F, U24>::api_constants(Strength::Standard));

/// Derives the sponges' constants, some tenth of a second of one core, so that the first hash need not: a part of loading keys.
pub(crate) fn prepare() {
    rayon::join(|| LazyLock::force(&NARROW), || LazyLock::force(&WIDE));
}

/// Absorbs all of `message`, squeezes one element: the whole use that PROTOCOL.md makes of a sponge.
fn pattern(length: u32) -> IOPattern {
    IOPattern(vec![SpongeOp::Absorb(length), SpongeOp::Squeeze(1)])
}

// Macros, because nova-snark does not export the trait of its arities.
macro_rules! native_sponge {
    ($constants:expr, $message:expr) => {{
        let message: &[F] = $message;
        let length = message.len() as u32;
        let mut sponge = Sponge::new_with_constants($constants, Simplex);
        sponge.start(pattern(length), None, &mut ());
        SpongeAPI::absorb(&mut sponge, length, message, &mut ());
        let squeezed = SpongeAPI::squeeze(&mut sponge, 1, &mut ());
        squeezed.first().copied().expect("one element was squeezed")
    }};
}

macro_rules! gadget_sponge {
    ($constants:expr, $cs:expr, $message:expr) => {{
        let message: Vec<Elt<F>> = $message
            .into_iter()
            .map(|value: &Num<F>| Elt::Num(value.clone()))
            .collect();
        let length = message.len() as u32;
        let mut namespace = $cs.namespace(|| "sponge");
        let mut sponge = SpongeCircuit::new_with_constants($constants, Simplex);
        sponge.start(pattern(length), None, &mut namespace);
        SpongeAPI::absorb(&mut sponge, length, &message, &mut namespace);
        let squeezed = SpongeAPI::squeeze(&mut sponge, 1, &mut namespace);
        squeezed
            .first()
            .map(Elt::num)
            .ok_or_else(|| SynthesisError::Unsatisfiable("a sponge squeezed nothing".to_owned()))
    }};
}

/// `H(t; m; n)`: the next challenge after `t`, for a message `m` that the nonce `n` hides.
#[must_use]
pub fn hash(t: F, m: [F; 3], n: F) -> F {
    let [m1, m2, m3] = m;
    native_sponge!(&*NARROW, &[t, m1, m2, m3, n])
}

/// The digest of a step's words after the digest `dig` of the steps before it.
#[must_use]
pub fn hash_words(dig: F, words: &[F]) -> F {
    let mut message = Vec::with_capacity(words.len() + 1);
    message.push(dig);
    message.extend_from_slice(words);
    native_sponge!(&*WIDE, &message)
}

/// [`hash`] as a gadget. The result is a linear combination of the last round's wires, not a wire of its own.
///
/// # Errors
/// Those of the constraint system.
pub fn hash_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    t: &Num<F>,
    m: [&Num<F>; 3],
    n: &Num<F>,
) -> Result<Num<F>, SynthesisError> {
    let [m1, m2, m3] = m;
    gadget_sponge!(&*NARROW, cs, [t, m1, m2, m3, n])
}

/// [`hash_words`] as a gadget; see [`hash_gadget`].
///
/// # Errors
/// Those of the constraint system.
pub fn hash_words_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    dig: &Num<F>,
    words: &[Num<F>],
) -> Result<Num<F>, SynthesisError> {
    gadget_sponge!(&*WIDE, cs, core::iter::once(dig).chain(words))
}
