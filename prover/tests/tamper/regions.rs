//! The bytes of a proof, element by element.

use ff::Field;
use pleat_nova_circuits::chain::params::NOVA_PROOF_BYTES;
use pleat_nova_circuits::cycle::{
    F, field_from_bytes, field_to_bytes, generators, point_from_affine, point_from_bytes,
    point_to_bytes,
};
use pleat_nova_circuits::tree::step::{BITS, Segment};
use pleat_verifier::encoding::HEADER_BYTES;
use pleat_verifier::fold::tree::Layout;
use pleat_verifier::fold::{Folded, Mode};
use pleat_verifier::network::{Column, Network};
use pleat_verifier::packing::{Packing, bytes as packed_bytes};
use pleat_verifier::proof::{Proof, elements};

use crate::Real;

/// What a stretch of a proof's bytes is, and how it can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Raw,
    Mode,
    Flag,
    Packed,
    Point,
    Scalar,
    Nova,
}

#[derive(Clone, Debug)]
pub struct Region {
    pub part: String,
    pub kind: Kind,
    pub offset: usize,
    pub len: usize,
}

/// Walks the bytes of a proof about `network`: one region per element, the Nova proof as a whole.
pub fn regions(network: &Network, proof: &Proof) -> Vec<Region> {
    let mut out: Vec<Region> = Vec::new();
    let mut push = |part: &str, kind: Kind, len: usize, count: usize| {
        for _ in 0..count {
            let offset = out.last().map_or(0, |r| r.offset + r.len);
            out.push(Region {
                part: part.to_owned(),
                kind,
                offset,
                len,
            });
        }
    };
    push("magic", Kind::Raw, 8, 1);
    push("version", Kind::Raw, HEADER_BYTES - 8, 1);
    push("model", Kind::Raw, 32, 1);
    push("mode", Kind::Mode, 1, 1);
    let ports: Vec<_> = network.descriptor().ports().collect();
    push("flags", Kind::Flag, 1, ports.len());
    let shown = ports.iter().zip(proof.messages.public.ports());
    let bits = shown.map(|(port, values)| match values {
        Some(_) => Packing::of(network, port).bits_of(elements(port)),
        None => 0,
    });
    push("public values", Kind::Packed, 1, packed_bytes(bits.sum()));
    for column in Column::WITNESS {
        let rows = network.rows(column).len();
        push(&format!("rows {}", column.name()), Kind::Point, 32, rows);
    }
    for column in Column::OPENED {
        push(&format!("mask {}", column.name()), Kind::Point, 32, 1);
    }
    let schedule = proof.mode().schedule(network);
    let rounds = schedule.rounds;
    let mut element = |part: &str, kind: Kind, count: usize| push(part, kind, 32, count);
    match proof.mode() {
        Mode::Tree => {
            let with_slots = Layout::new(network).slot_steps();
            element("Z", Kind::Point, with_slots);
            element("contract", Kind::Point, rounds.contract);
            element("A", Kind::Point, with_slots);
            element("lookup", Kind::Point, rounds.lookup);
            element("E", Kind::Point, 1);
            element("open", Kind::Point, rounds.open);
        }
        Mode::Chain => {
            element("sigma", Kind::Scalar, 1);
            element("x", Kind::Scalar, rounds.contract);
            element("tau", Kind::Scalar, 1);
            element("u", Kind::Scalar, rounds.lookup);
            element("rho", Kind::Scalar, 1);
            element("z", Kind::Scalar, rounds.open);
        }
    }
    element("values", Kind::Scalar, 10);
    element("blind", Kind::Scalar, 1);
    element("argument", Kind::Point, 2 * network.row_bits());
    element("argument", Kind::Scalar, 1);
    match proof.mode() {
        Mode::Tree => {
            for _ in 0..schedule.steps {
                element("D", Kind::Point, 1);
                element("V", Kind::Point, 1);
            }
            element("b", Kind::Scalar, 1);
            for segment in Segment::all() {
                let name = match segment {
                    Segment::R(_) => "mask instance R".to_owned(),
                    other => format!("mask instance {other:?}"),
                };
                element(&name, Kind::Point, 1);
            }
            element("mask instance error", Kind::Point, 1);
            element("cross", Kind::Point, schedule.steps);
            element("outer", Kind::Scalar, 3 * BITS);
            element("at x", Kind::Scalar, 4);
            element("inner", Kind::Scalar, 2 * (BITS + 1));
            element("at y", Kind::Scalar, 1);
            element("root blind", Kind::Scalar, 1);
            element("root argument", Kind::Point, 2 * (BITS + 1));
            element("root argument", Kind::Scalar, 1);
        }
        Mode::Chain => push("nova", Kind::Nova, NOVA_PROOF_BYTES, 1),
    }
    out
}

/// Parts of two proofs that differ, by the names of [`regions`].
fn different(a: &Proof, b: &Proof) -> Vec<String> {
    let (one, other) = (&a.messages, &b.messages);
    let mut parts = vec![
        ("model".to_owned(), one.model == other.model),
        ("mode".to_owned(), a.mode() == b.mode()),
        (
            "flags".to_owned(),
            one.public.flags() == other.public.flags(),
        ),
        (
            "public values".to_owned(),
            one.public.shown().eq(other.public.shown()),
        ),
        ("values".to_owned(), one.values == other.values),
        ("blind".to_owned(), one.opening.blind == other.opening.blind),
        (
            "argument".to_owned(),
            one.opening.argument == other.opening.argument,
        ),
    ];
    for column in Column::WITNESS {
        let same = one.commitments.rows(column) == other.commitments.rows(column);
        parts.push((format!("rows {}", column.name()), same));
    }
    for (i, column) in Column::OPENED.iter().enumerate() {
        let same = one.commitments.masks()[i] == other.commitments.masks()[i];
        parts.push((format!("mask {}", column.name()), same));
    }
    let mut own = |name: &str, same: bool| parts.push((name.to_owned(), same));
    match (&a.folded, &b.folded) {
        (Folded::Chain(a), Folded::Chain(b)) => {
            let (p, q) = (&a.advice.points, &b.advice.points);
            own("sigma", p.sigma == q.sigma);
            own("x", p.x == q.x);
            own("tau", a.advice.tau == b.advice.tau);
            own("u", p.u == q.u);
            own("rho", p.rho == q.rho);
            own("z", p.z == q.z);
            own("nova", a.nova == b.nova);
        }
        (Folded::Tree(a), Folded::Tree(b)) => {
            let (p, q) = (&a.commitments, &b.commitments);
            own("Z", p.claims == q.claims);
            own("contract", p.contract == q.contract);
            own("A", p.products == q.products);
            own("lookup", p.lookup == q.lookup);
            own("E", p.evaluations == q.evaluations);
            own("open", p.open == q.open);
            let (p, q) = (&a.fold, &b.fold);
            let shares = p.shares.iter().zip(&q.shares);
            own("D", shares.clone().all(|(a, b)| a[0] == b[0]));
            own("V", shares.clone().all(|(a, b)| a[1] == b[1]));
            own("b", p.blind == q.blind);
            own("cross", p.cross == q.cross);
            own("mask instance error", p.mask.error == q.mask.error);
            let segments = p.mask.segments.iter().zip(&q.mask.segments);
            let mut rounds = true;
            for (segment, (a, b)) in Segment::all().zip(segments) {
                match segment {
                    Segment::R(_) => rounds &= a == b,
                    other => own(&format!("mask instance {other:?}"), a == b),
                }
            }
            own("mask instance R", rounds);
            let (p, q) = (&p.last, &q.last);
            own("outer", p.outer == q.outer);
            own("at x", p.at_x == q.at_x);
            own("inner", p.inner == q.inner);
            own("at y", p.at_y == q.at_y);
            own("root blind", p.blind == q.blind);
            own("root argument", p.argument == q.argument);
        }
        _ => {}
    }
    let unequal = parts.into_iter().filter(|(_, same)| !same);
    unequal.map(|(part, _)| part).collect()
}

/// Regions cover the bytes, each has a row, every row has a region, and each is the part that its name says.
pub fn check_regions(reals: &[&Real], rows: &[&str]) {
    for real in reals {
        let all = regions(real.network(), &real.proof);
        let end = all.last().map(|r| r.offset + r.len);
        assert_eq!(end, Some(real.bytes.len()));
        for index in 0..all.len() {
            let row = row_of(&all, index);
            assert!(rows.contains(&row.as_str()), "no row for {row}");
        }
        for region in all.iter().filter(|r| r.offset >= HEADER_BYTES) {
            if let Ok(proof) = Proof::from_bytes(&changed(&real.bytes, region), real.network()) {
                let parts = different(&real.proof, &proof);
                let expected = std::slice::from_ref(&region.part);
                assert_eq!(parts, expected, "at byte {}", region.offset);
            }
        }
    }
    let named: Vec<String> = reals
        .iter()
        .flat_map(|real| regions(real.network(), &real.proof))
        .map(|r| r.part)
        .collect();
    for part in rows {
        let part = part.trim_start_matches("last of ");
        assert!(named.iter().any(|n| n == part), "row {part} has no field");
    }
}

/// Another canonical value of a region.
pub fn changed(bytes: &[u8], region: &Region) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let own = &mut out[region.offset..region.offset + region.len];
    match region.kind {
        Kind::Raw => own[0] ^= 1,
        // The other mode.
        Kind::Mode => own[0] = 3 - own[0],
        // The first field is a point: its negative.
        Kind::Nova => own[31] ^= 0x80,
        Kind::Flag => own[0] = 1 - own[0],
        // A bit of some integer: the first one is never a filling.
        Kind::Packed => own[0] ^= 1,
        Kind::Point => {
            let point = point_from_bytes(own.as_ref().try_into().unwrap()).unwrap();
            let other = point + point_from_affine(&generators(b"another", 1)[0]);
            own.copy_from_slice(&point_to_bytes(&other));
        }
        Kind::Scalar => {
            let value = field_from_bytes(own.as_ref().try_into().unwrap()).unwrap();
            own.copy_from_slice(&field_to_bytes(&(value + F::ONE)));
        }
    }
    out
}

/// A value that no proof has there.
pub fn malformed(bytes: &[u8], region: &Region) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[region.offset..region.offset + region.len].fill(0xff);
    out
}

/// A region's row: the last of `x` and of `argument` have their own.
pub fn row_of(all: &[Region], index: usize) -> String {
    let part = &all[index].part;
    let last = all.get(index + 1).is_none_or(|next| next.part != *part);
    match part.as_str() {
        "x" | "argument" | "root argument" if last => format!("last of {part}"),
        _ => part.clone(),
    }
}
