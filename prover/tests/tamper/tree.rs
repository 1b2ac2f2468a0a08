//! Proofs of committed steps: every field of the file, changed and malformed, through the whole verifier.

use std::sync::LazyLock;

use pleat_nova_circuits::tree::Check;
use pleat_verifier::fold::Mode;
use rayon::prelude::*;

use crate::common::cheat::{Format, Refusal, Setting, refusal};
use crate::common::dense::mlp;
use crate::regions::{changed, check_regions, malformed, regions, row_of};
use crate::{Real, check_statements};

pub static SHOWN: LazyLock<Real> =
    LazyLock::new(|| Real::new(Mode::Tree, Setting::new(mlp([0, 1])), true));
pub static HIDDEN: LazyLock<Real> =
    LazyLock::new(|| Real::new(Mode::Tree, Setting::new(mlp([0, 1])), false));

/// Per part: the error of an element changed; the error of one malformed.
type Row = (&'static str, Refusal, Option<Format>);

const SHARES: Refusal = Refusal::Steps(Check::Shares);

fn manifest() -> Vec<Row> {
    let steps = |check| Refusal::Steps(check);
    let (point, field) = (Some(Format::Point), Some(Format::Field));
    let mut rows = vec![
        ("magic", Refusal::Format(Format::Magic), Some(Format::Magic)),
        (
            "version",
            Refusal::Format(Format::Version),
            Some(Format::Version),
        ),
        ("model", Refusal::OtherModel, None),
        ("mode", Refusal::Format(Format::Length), Some(Format::Mode)),
        ("flags", Refusal::Format(Format::Length), Some(Format::Flag)),
        // Whatever a challenge follows changes the total.
        ("public values", SHARES, None),
        ("Z", SHARES, point),
        ("contract", SHARES, point),
        ("A", SHARES, point),
        ("lookup", SHARES, point),
        ("E", SHARES, point),
        ("open", SHARES, point),
        ("values", SHARES, field),
        ("blind", Refusal::Opening, field),
        ("argument", Refusal::Opening, point),
        ("last of argument", Refusal::Opening, field),
        ("D", SHARES, point),
        ("V", steps(Check::Constraints), point),
        ("b", SHARES, field),
        ("mask instance error", steps(Check::Constraints), point),
        ("cross", steps(Check::Constraints), point),
        ("outer", steps(Check::Constraints), field),
        ("at x", steps(Check::Constraints), field),
        ("inner", steps(Check::Products), field),
        ("at y", steps(Check::Products), field),
        ("root blind", steps(Check::Opening), field),
        ("root argument", steps(Check::Opening), point),
        ("last of root argument", steps(Check::Opening), field),
    ];
    for part in [
        "mask instance Z",
        "mask instance A",
        "mask instance R",
        "mask instance E",
        "mask instance D",
        "mask instance V",
    ] {
        rows.push((part, steps(Check::Constraints), point));
    }
    for part in [
        "rows Y", "rows P", "rows R1", "rows R0", "rows F0", "rows F1", "rows F2", "rows M",
        "rows HT", "mask Y", "mask P", "mask R1", "mask R0", "mask F0", "mask F1", "mask F2",
        "mask M", "mask HT", "mask W",
    ] {
        rows.push((part, SHARES, point));
    }
    rows
}

#[test]
fn regions_cover_the_bytes() {
    let rows: Vec<&str> = manifest().into_iter().map(|(part, ..)| part).collect();
    check_regions(&[&SHOWN, &HIDDEN], &rows);
}

#[test]
fn every_field_of_a_proof_is_checked() {
    let rows = manifest();
    for real in [&*SHOWN, &*HIDDEN] {
        assert_eq!(refusal(real.verify(&real.bytes)), Refusal::None);
        let all = regions(real.network(), &real.proof);
        let wrong: Vec<String> = (0..all.len())
            .into_par_iter()
            .flat_map_iter(|index| {
                let (region, name) = (&all[index], row_of(&all, index));
                let (_, refused, format) = rows.iter().find(|(part, ..)| *part == name).unwrap();
                let got = refusal(real.verify(&changed(&real.bytes, region)));
                let mut wrong = Vec::new();
                let at = region.offset;
                if got != *refused {
                    wrong.push(format!("{name} at {at}: {got:?} instead of {refused:?}"));
                }
                let got = refusal(real.verify(&malformed(&real.bytes, region)));
                if format.is_some_and(|format| got != Refusal::Format(format)) {
                    wrong.push(format!("{name} at {at}, malformed: {got:?}"));
                }
                wrong
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn proofs_are_about_one_model() {
    check_statements(Mode::Tree, &SHOWN, SHARES);
}
