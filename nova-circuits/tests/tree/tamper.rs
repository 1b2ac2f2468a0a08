//! Every point and scalar of a proof, changed one by one: each is refused, by the check that it belongs to.

use crate::case::{Case, KEY, Weakness, add, on};
use ff::Field;
use pleat_nova_circuits::{
    cycle::{F, Point},
    ipa::Argument,
    tree::{Check, FoldProof, LastProof, MaskInstance},
};

/// A field of a proof.
enum Part<'a> {
    Encoded(&'a mut pleat_nova_circuits::cycle::EncodedPoint),
    Point(&'a mut Point),
    Scalar(&'a mut F),
}

/// All fields, with their names and the check that refuses another value. Structures are taken apart completely, so that a new
/// field has to be listed.
fn parts(proof: &mut FoldProof) -> Vec<(&'static str, Check, Part<'_>)> {
    let FoldProof {
        shares,
        blind,
        mask,
        cross,
        last,
    } = proof;
    let mut parts = Vec::new();
    for [share, products] in shares {
        parts.push(("D", Check::Shares, Part::Encoded(share)));
        parts.push(("V", Check::Constraints, Part::Encoded(products)));
    }
    parts.push(("b", Check::Shares, Part::Scalar(blind)));
    let MaskInstance { segments, error } = mask;
    for segment in segments {
        parts.push(("mask", Check::Constraints, Part::Encoded(segment)));
    }
    parts.push(("mask E", Check::Constraints, Part::Encoded(error)));
    for point in cross {
        parts.push(("T", Check::Constraints, Part::Encoded(point)));
    }
    let LastProof {
        outer,
        at_x,
        inner,
        at_y,
        blind,
        argument,
    } = last;
    for value in outer.as_flattened_mut() {
        parts.push(("outer", Check::Constraints, Part::Scalar(value)));
    }
    for value in at_x {
        parts.push(("at x", Check::Constraints, Part::Scalar(value)));
    }
    for value in inner.as_flattened_mut() {
        parts.push(("inner", Check::Products, Part::Scalar(value)));
    }
    parts.push(("at y", Check::Products, Part::Scalar(at_y)));
    parts.push(("blind", Check::Opening, Part::Scalar(blind)));
    let Argument {
        left,
        right,
        scalar,
    } = argument;
    for point in left.iter_mut().chain(right) {
        parts.push(("argument", Check::Opening, Part::Point(point)));
    }
    parts.push(("argument", Check::Opening, Part::Scalar(scalar)));
    parts
}

#[test]
fn every_point_and_scalar() {
    let mut case = Case::new(3, 400);
    let honest = case.prove(Weakness::None);
    assert_eq!(case.verify(&honest), Ok(()));
    let mut proof = honest.clone();
    let number = parts(&mut proof).len();
    // Points and scalars of the page's section on length, and the last proof's.
    assert_eq!(number, 3 * 3 + 1 + 22 + (30 + 4 + 22 + 1 + 1) + 2 * 11 + 1);
    for i in 0..number {
        let mut proof = honest.clone();
        let (name, check, part) = parts(&mut proof).swap_remove(i);
        match part {
            Part::Encoded(point) => add(point, on(KEY.blind(), F::ONE)),
            Part::Point(point) => *point += on(KEY.blind(), F::ONE),
            Part::Scalar(value) => *value += F::ONE,
        }
        assert_eq!(case.verify(&proof), Err(check), "{name}, field {i}");
    }
}

/// What the list has no row for: numbers of things.
#[test]
fn numbers_of_things() {
    let mut case = Case::new(3, 401);
    let honest = case.prove(Weakness::None);
    let refused = |change: fn(&mut FoldProof), check: Check| {
        let mut proof = honest.clone();
        change(&mut proof);
        assert_eq!(case.verify(&proof), Err(check));
    };
    refused(
        |p| {
            p.shares.pop();
        },
        Check::Tree,
    );
    refused(|p| p.shares.push(p.shares[0]), Check::Tree);
    refused(
        |p| {
            p.cross.pop();
        },
        Check::Tree,
    );
    refused(|p| p.cross.push(p.cross[0]), Check::Tree);
    refused(
        |p| {
            p.last.argument.left.pop();
        },
        Check::Opening,
    );
    refused(
        |p| {
            let point = p.last.argument.right[0];
            p.last.argument.right.push(point);
        },
        Check::Opening,
    );
}

/// The statement, changed.
#[test]
fn every_part_of_the_statement() {
    let mut case = Case::new(3, 402);
    let proof = case.prove(Weakness::None);
    case.total += F::ONE;
    assert_eq!(case.verify(&proof), Err(Check::Shares));
    case.total -= F::ONE;
    for step in 0..3 {
        for word in [0, 5, 443, 444, 491, 492, 500, 501, 504] {
            case.instances[step].words[word] += F::ONE;
            assert_eq!(case.verify(&proof), Err(Check::Products), "word {word}");
            case.instances[step].words[word] -= F::ONE;
        }
        for i in 0..case.instances[step].messages.len() {
            let honest = case.instances[step].messages[i];
            if let Some(point) = &mut case.instances[step].messages[i] {
                add(point, on(KEY.blind(), F::ONE));
                assert_eq!(case.verify(&proof), Err(Check::Opening), "segment {i}");
            }
            case.instances[step].messages[i] = honest;
        }
    }
    assert_eq!(case.verify(&proof), Ok(()));
}
