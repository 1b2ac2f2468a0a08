//! The commitment engine, beside nova-snark's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bincode::config::standard;
use bincode::serde::{decode_from_slice, encode_to_vec};
use ff::Field;
use nova_snark::provider::{PallasEngine, VestaEngine, pedersen as nova, traits::DlogGroupExt};
use nova_snark::traits::{
    AbsorbInRO2Trait, AbsorbInROTrait, Engine, RO2Constants, ROConstants, ROTrait,
    TranscriptReprTrait,
    commitment::{CommitmentEngineTrait, CommitmentTrait, Len},
};
use pleat_nova_circuits::cycle::{Primary, Secondary};
use pleat_nova_circuits::msm::EndoGroup;
use pleat_nova_circuits::pedersen::{self, Commitments};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};
use serde::Serialize;

const N: usize = 200;

fn bytes(value: &impl Serialize) -> Vec<u8> {
    encode_to_vec(value, standard()).unwrap()
}

/// All of the engine on `E`, ours, and `R`, nova-snark's.
fn agrees<E, R>()
where
    E: Engine<GE: EndoGroup + DlogGroupExt, CE = pedersen::CommitmentEngine<E>>,
    R: Engine<
            GE = E::GE,
            Base = E::Base,
            Scalar = E::Scalar,
            RO = E::RO,
            RO2 = E::RO2,
            CE = nova::CommitmentEngine<R>,
        >,
{
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let ours = E::CE::setup(b"engine", N).unwrap();
    let novas = R::CE::setup(b"engine", N).unwrap();
    assert_eq!(bytes(&ours), bytes(&novas));
    assert_eq!((ours.length(), novas.length()), (256, 256));
    assert_eq!(E::CE::generators(&ours), R::CE::generators(&novas));
    assert_eq!(
        E::CE::ck_to_coordinates(&ours),
        R::CE::ck_to_coordinates(&novas)
    );
    assert_eq!(
        E::CE::ck_to_group_elements(&ours),
        R::CE::ck_to_group_elements(&novas)
    );
    let (read, length): (pedersen::CommitmentKey<E>, usize) =
        decode_from_slice(&bytes(&ours), standard()).unwrap();
    assert_eq!((&read, length), (&ours, bytes(&ours).len()));
    let (dk, nova_dk) = (E::CE::derand_key(&ours), R::CE::derand_key(&novas));
    assert_eq!(bytes(&dk), bytes(&nova_dk));

    let (constants, constants_2) = (ROConstants::<E>::default(), RO2Constants::<E>::default());
    let same = |a: &pedersen::Commitment<E>, b: &nova::Commitment<R>| {
        assert_eq!(E::CE::point(a), R::CE::point(b));
        assert_eq!(a.to_coordinates(), b.to_coordinates());
        assert_eq!(bytes(a), bytes(b));
        assert_eq!(bytes(a).len(), 32);
        let (read, _): (pedersen::Commitment<E>, usize) =
            decode_from_slice(&bytes(a), standard()).unwrap();
        assert_eq!(read, *a);
        assert_eq!(a.to_transcript_bytes(), b.to_transcript_bytes());
        let (mut ro, mut nova_ro) = (E::RO::new(constants.clone()), E::RO::new(constants.clone()));
        a.absorb_in_ro(&mut ro);
        b.absorb_in_ro(&mut nova_ro);
        assert_eq!(ro.squeeze(250, false), nova_ro.squeeze(250, false));
        let (mut ro, mut nova_ro) = (
            E::RO2::new(constants_2.clone()),
            E::RO2::new(constants_2.clone()),
        );
        a.absorb_in_ro2(&mut ro);
        b.absorb_in_ro2(&mut nova_ro);
        assert_eq!(ro.squeeze(250, false), nova_ro.squeeze(250, false));
    };
    same(&Default::default(), &Default::default());
    let r = E::Scalar::random(&mut rng);
    for n in [0, 1, 7, N] {
        let v: Vec<E::Scalar> = (0..n)
            .map(|i| match i % 3 {
                0 => E::Scalar::random(&mut rng),
                1 => E::Scalar::from(u64::from(rng.next_u32() % 2)),
                _ => -E::Scalar::from(u64::from(rng.next_u32())),
            })
            .collect();
        let places: Vec<usize> = (0..n).map(|_| rng.next_u32() as usize % N).collect();
        let mut once = places.clone();
        once.sort_unstable();
        once.dedup();
        for r in [r, E::Scalar::ZERO] {
            let (a, b) = (E::CE::commit(&ours, &v, &r), R::CE::commit(&novas, &v, &r));
            same(&a, &b);
            same(
                &E::CE::derandomize(&dk, &a, &r),
                &R::CE::derandomize(&nova_dk, &b, &r),
            );
            same(&(a + a * r), &(b + b * r));
            let (mut a, mut b) = (a, b);
            a *= r;
            b *= r;
            same(&a, &b);
            same(
                &E::CE::commit_sparse(&ours, &places, &v, &r),
                &R::CE::commit_sparse(&novas, &places, &v, &r),
            );
            if !once.is_empty() {
                same(
                    &E::CE::commit_sparse_binary(&ours, &once, &r),
                    &R::CE::commit_sparse_binary(&novas, &once, &r),
                );
            }
        }
        // nova-snark's has no commitment to no integers.
        for bits in [1, 10, 40, 64].into_iter().filter(|_| n > 0) {
            let mut small: Vec<u64> = (0..n).map(|_| rng.next_u64() >> (64 - bits)).collect();
            if let Some(first) = small.first_mut() {
                *first = u64::MAX >> (64 - bits);
            }
            same(
                &E::CE::commit_small(&ours, &small, &r),
                &R::CE::commit_small(&novas, &small, &r),
            );
            let part = n / 3..n;
            same(
                &E::CE::commit_small_range(&ours, &small, &r, part.clone(), bits),
                &R::CE::commit_small_range(&novas, &small, &r, part, bits),
            );
        }
    }
    let addresses: Vec<usize> = (0..N).map(|i| i % 5).collect();
    let derived = E::CE::ck_derive_by_address(&ours, &addresses, 6).unwrap();
    let expected = R::CE::ck_derive_by_address(&novas, &addresses, 6).unwrap();
    assert_eq!(E::CE::generators(&derived), R::CE::generators(&expected));
    assert!(E::CE::ck_derive_by_address(&ours, &addresses, 4).is_err());
    assert!(E::CE::ck_derive_by_address(&ours, &[0; 257], 4).is_err());
}

#[test]
fn it_is_novas_on_the_primary_curve() {
    agrees::<Primary, PallasEngine>();
}

#[test]
fn it_is_novas_on_the_secondary_curve() {
    agrees::<Secondary, VestaEngine>();
}

#[test]
#[should_panic(expected = "generators 0..257")]
fn a_vector_longer_than_the_key_has_no_commitment() {
    type Own = <Primary as Engine>::CE;
    let key = Own::setup(b"engine", N).unwrap();
    let zero = <Primary as Engine>::Scalar::ZERO;
    Own::commit(&key, &[zero; 257], &zero);
}
