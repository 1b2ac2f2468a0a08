//! Generators from labels: the function of nova-snark's `from_label`, several times as fast.
//!
//! SHAKE256 of a label is a stream of messages of 32 bytes, and each is hashed to the curve as RFC 9380 has it: SHA-256 expands
//! the message, which gives two field elements; each becomes a point by the map of Shallue and van de Woestijne (§6.6.1); the
//! generator is their sum. nova-snark's way derives the map's constants for every point, divides for each, and extracts roots in
//! constant time. Here the constants are derived once, a batch shares its inversions, and roots come from tables.

mod roots;

pub(crate) use roots::Roots;

use crate::msm::{EndoGroup, Summer, Xy};
use core::ops::Range;
use ff::{BatchInvert, Field, PrimeField};
use nova_snark::traits::Group;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use sha3::{
    Shake256,
    digest::{ExtendableOutput, Update, XofReader},
};

/// The prefix that nova-snark gives to the domain.
const DOMAIN: &[u8] = b"from_uniform_bytes";
/// Bytes of a message.
const MESSAGE: usize = 32;
/// Bytes that make a field element: its bits and 128 more.
const UNIFORM: usize = 48;
/// Bytes that a block of SHA-256 takes in, and gives.
const BLOCK: (usize, usize) = (64, 32);
/// Points that share an inversion.
const BATCH: usize = 1 << 7;

/// The generators of a label that have these numbers; those of `0..n` are nova-snark's `from_label(label, n)`.
#[must_use]
pub fn derive<G: EndoGroup>(label: &[u8], range: Range<usize>) -> Vec<G::AffineGroupElement> {
    let mut hash = Shake256::default();
    Update::update(&mut hash, label);
    let mut stream = hash.finalize_xof();
    let mut messages = Vec::with_capacity(range.len());
    for i in 0..range.end {
        let mut message = [0; MESSAGE];
        stream.read(&mut message);
        if range.contains(&i) {
            messages.push(message);
        }
    }
    let Some(map) = Map::<G>::new() else {
        return Vec::new();
    };
    messages
        .par_chunks(BATCH)
        .flat_map_iter(|messages| map.points(messages))
        .map(G::from_coordinates)
        .collect()
}

/// RFC 9380's `hash_to_field` with `expand_message_xmd`, for two elements.
fn elements<B: PrimeField>(message: &[u8; MESSAGE], suite: &[u8]) -> [B; 2] {
    let domain = [DOMAIN, suite].concat();
    let domain = [&domain[..], &[domain.len() as u8]].concat();
    let first = Sha256::new()
        .chain_update([0; BLOCK.0])
        .chain_update(message)
        .chain_update([0, 2 * UNIFORM as u8, 0])
        .chain_update(&domain)
        .finalize();
    let mut blocks = [0; 2 * UNIFORM];
    let mut last = [0; BLOCK.1];
    for (i, block) in (1..).zip(blocks.chunks_exact_mut(BLOCK.1)) {
        for (last, first) in last.iter_mut().zip(&first) {
            *last ^= first;
        }
        let hash = Sha256::new()
            .chain_update(last)
            .chain_update([i])
            .chain_update(&domain);
        last = hash.finalize().into();
        block.copy_from_slice(&last);
    }
    let (low, high) = blocks.split_at(UNIFORM);
    [low, high].map(reduced)
}

/// A big-endian number, reduced.
fn reduced<B: PrimeField>(bytes: &[u8]) -> B {
    let words = bytes.as_chunks().0.iter();
    let shift = B::from(1 << 32).square();
    words.fold(B::ZERO, |number, word| {
        number * shift + B::from(u64::from_be_bytes(*word))
    })
}

/// `x³ + b`.
fn equation<B: Field>(x: &B, b: &B) -> B {
    x.square() * x + b
}

/// The map of Shallue and van de Woestijne to a curve with `a = 0`, and what it needs.
struct Map<G: EndoGroup> {
    b: G::Base,
    z: G::Base,
    c1: G::Base,
    c2: G::Base,
    c3: G::Base,
    c4: G::Base,
    roots: Roots<G::Base>,
}

/// The map's value on the way: `1 - c1·u²` and `1 + c1·u²`.
struct Mapped<B> {
    u: B,
    minus: B,
    plus: B,
}

impl<G: EndoGroup> Map<G> {
    /// The constants of RFC 9380, §6.6.1, for `Z = -13`, which both curves have.
    fn new() -> Option<Self> {
        type Base<G> = <G as Group>::Base;
        let (_, b, ..) = G::group_params();
        let z = -Base::<G>::from(13);
        let roots = Roots::new();
        let c1 = equation(&z, &b);
        let three = Base::<G>::from(3) * z.square();
        let c3: Base<G> = roots.root(&-(c1 * three))?;
        let inverse: Option<Base<G>> = three.invert().into();
        Some(Self {
            b,
            z,
            c1,
            c2: -z * Base::<G>::TWO_INV,
            c3: if bool::from(c3.is_odd()) { -c3 } else { c3 },
            c4: -Base::<G>::from(4) * c1 * inverse?,
            roots,
        })
    }

    /// The points of these messages.
    fn points(&self, messages: &[[u8; MESSAGE]]) -> Vec<Xy<G::Base>> {
        let us = messages.iter().flat_map(|m| elements(m, G::HASH_SUITE));
        let mapped: Vec<Mapped<G::Base>> = us
            .map(|u: G::Base| {
                let t = u.square() * self.c1;
                let (minus, plus) = (G::Base::ONE - t, G::Base::ONE + t);
                Mapped { u, minus, plus }
            })
            .collect();
        let mut inverses: Vec<G::Base> = mapped.iter().map(|m| m.minus * m.plus).collect();
        // Zeros stay zeros, as the map wants it.
        inverses.iter_mut().batch_invert();
        let halves: Vec<Xy<G::Base>> = mapped
            .iter()
            .zip(&inverses)
            .map(|(mapped, inverse)| self.point(mapped, inverse))
            .collect();
        let pairs = core::iter::repeat_n(2, messages.len());
        Summer::new().sums(pairs, |i| halves[i])
    }

    /// The first of three abscissas that is one; the last is, if the others are not. Its ordinate is as odd as `u`.
    fn point(&self, mapped: &Mapped<G::Base>, inverse: &G::Base) -> Xy<G::Base> {
        let Mapped { u, minus, plus } = mapped;
        let t = *u * minus * inverse * self.c3;
        let third = || (plus.square() * inverse).square() * self.c4 + self.z;
        let candidate = |x: G::Base| {
            let y = self.roots.root(&equation(&x, &self.b))?;
            Some(Xy { x, y })
        };
        let found = candidate(self.c2 - t)
            .or_else(|| candidate(self.c2 + t))
            .or_else(|| candidate(third()));
        let Xy { x, y } = found.unwrap_or(Xy::NEUTRAL);
        let y = if bool::from(y.is_odd() ^ u.is_odd()) {
            -y
        } else {
            y
        };
        Xy { x, y }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::cycle::{Primary, Secondary};
    use nova_snark::traits::Engine;

    fn agrees<G: EndoGroup>() {
        for (label, n) in [(&b"test"[..], 1000), (b"", 300), (b"pleat/hyrax/v1", 3)] {
            let novas = G::from_label(label, n);
            assert_eq!(derive::<G>(label, 0..n), novas);
            for range in [0..0, 0..1, 1..n, n / 2..n / 2 + 1, n..n] {
                assert_eq!(derive::<G>(label, range.clone()), novas[range]);
            }
        }
    }

    #[test]
    fn generators_are_nova_snarks() {
        agrees::<<Primary as Engine>::GE>();
        agrees::<<Secondary as Engine>::GE>();
    }

    /// The map where its denominator is zero, against the equation.
    #[test]
    fn exceptional_elements_have_points() {
        type Base = <<Primary as Engine>::GE as Group>::Base;
        let map = Map::<<Primary as Engine>::GE>::new().unwrap();
        let inverse = map.c1.invert().unwrap();
        let zeros = [inverse, -inverse].map(|square| map.roots.root(&square));
        for u in zeros.into_iter().flatten().chain([Base::ZERO]) {
            let t = u.square() * map.c1;
            let (minus, plus) = (Base::ONE - t, Base::ONE + t);
            let inverse = (minus * plus).invert().unwrap_or(Base::ZERO);
            let Xy { x, y } = map.point(&Mapped { u, minus, plus }, &inverse);
            assert_eq!(y.square(), equation(&x, &map.b));
        }
    }
}
