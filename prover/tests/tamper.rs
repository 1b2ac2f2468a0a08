//! The tamper manifest: every field of a proof's bytes, of the steps that Nova folds and of the statement, each changed,
//! with the error that must follow. The fields are read off the bytes and structures themselves; one without a row fails.
//! Proofs here are real: folded, compressed, written and read again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::sync::LazyLock;

use common::algebra::{prove_under, traced, verify_under};
use common::cheat::{Format, NovaFormat, Refusal, Setting, refusal};
use common::dense::mlp;
use ff::Field;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::{
    self, Curve, NOVA_PROOF_BYTES, NovaProof, Parameters, Part, prove_steps,
};
use pleat_nova_circuits::chain::step::{
    Check, EvaluationsWitness, RoundWords, ScalarWords, SlotWitness, SlotWords, Witness, Words,
};
use pleat_nova_circuits::cycle::{
    F, field_from_bytes, field_to_bytes, generators, point_from_affine, point_from_bytes,
    point_to_bytes,
};
use pleat_prover::stages::Steps;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::encoding::HEADER_BYTES;
use pleat_verifier::error::{EndState, VerifyError};
use pleat_verifier::model::VerificationModel;
use pleat_verifier::network::{Column, Network};
use pleat_verifier::pcs::{Opening, argument_bytes};
use pleat_verifier::program::Advice;
use pleat_verifier::proof::{Messages, Proof, PublicValues, elements, proof_bytes};
use pleat_verifier::verify::verify;
use proptest::prelude::*;
use rayon::prelude::*;

static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| {
    Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| ()).unwrap()
});

/// A proof through the whole pipeline, and the steps that it folds.
struct Real {
    setting: Setting,
    messages: Messages,
    steps: Steps,
    proof: Proof,
    bytes: Vec<u8>,
}

impl Real {
    fn new(setting: Setting, shown: bool) -> Self {
        let mut traced = traced(&setting.model, &setting.problem.inputs, 3);
        if !shown {
            let hidden = vec![None; traced.0.public.ports().len()];
            traced.0.public = PublicValues::new(hidden);
        }
        let (messages, steps) = prove_under(&PARAMETERS.digest(), traced, &setting.key);
        let nova = prove_steps(&PARAMETERS, &steps.start, &steps.steps, &mut |_| ()).unwrap();
        let proof = Proof {
            messages: messages.clone(),
            nova,
        };
        let bytes = proof.to_bytes();
        Self {
            setting,
            messages,
            steps,
            proof,
            bytes,
        }
    }

    fn network(&self) -> &Network {
        self.setting.model.network()
    }

    fn model(&self) -> &VerificationModel {
        self.setting.model.verification()
    }

    /// The whole verifier, from bytes.
    fn verify(&self, bytes: &[u8]) -> Result<(), VerifyError> {
        self.verify_against(bytes, self.model())
    }

    fn verify_against(&self, bytes: &[u8], model: &VerificationModel) -> Result<(), VerifyError> {
        let proof = Proof::from_bytes(bytes, model.network())?;
        verify(PARAMETERS.verifier_key(), &self.setting.key, model, &proof)
    }

    /// The verifier with the honest steps executed natively.
    fn execute(&self, messages: &Messages) -> Refusal {
        self.execute_steps(messages, &self.steps)
    }

    fn execute_steps(&self, messages: &Messages, steps: &Steps) -> Refusal {
        refusal(verify_under(
            &PARAMETERS.digest(),
            self.model(),
            &self.setting.key,
            messages,
            steps,
        ))
    }
}

static SHOWN: LazyLock<Real> = LazyLock::new(|| Real::new(Setting::new(mlp([0, 1])), true));
static HIDDEN: LazyLock<Real> = LazyLock::new(|| Real::new(Setting::new(mlp([0, 1])), false));

// ---- the bytes of a proof

/// What a stretch of a proof's bytes is, and how it can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Raw,
    Flag,
    Integer,
    Point,
    Scalar,
    Nova,
}

#[derive(Clone, Debug)]
struct Region {
    part: String,
    kind: Kind,
    offset: usize,
    len: usize,
}

/// Walks the bytes of a proof about `network`: one region per element, the Nova proof as a whole.
fn regions(network: &Network, public: &PublicValues) -> Vec<Region> {
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
    let ports: Vec<_> = network.descriptor().ports().collect();
    push("flags", Kind::Flag, 1, ports.len());
    for (port, values) in ports.iter().zip(public.ports()) {
        let shown = if values.is_some() { elements(port) } else { 0 };
        push("public values", Kind::Integer, 4, shown);
    }
    for column in Column::WITNESS {
        let rows = network.rows(column).len();
        push(&format!("rows {}", column.name()), Kind::Point, 32, rows);
    }
    for column in Column::OPENED {
        push(&format!("mask {}", column.name()), Kind::Point, 32, 1);
    }
    let rounds = network.rounds();
    for (part, count) in [
        ("sigma", 1),
        ("x", rounds.contract),
        ("tau", 1),
        ("u", rounds.lookup),
        ("rho", 1),
        ("z", rounds.open),
        ("values", 10),
        ("blind", 1),
    ] {
        push(part, Kind::Scalar, 32, count);
    }
    push("argument", Kind::Point, 32, 2 * network.row_bits());
    push("argument", Kind::Scalar, 32, 1);
    push("nova", Kind::Nova, NOVA_PROOF_BYTES, 1);
    out
}

/// Parts of two proofs that differ, by the names of [`regions`].
fn different(a: &Proof, b: &Proof) -> Vec<String> {
    let Messages {
        model,
        public,
        commitments,
        advice,
        values,
        opening,
    } = &a.messages;
    let Advice {
        sigma,
        x,
        tau,
        u,
        rho,
        z,
    } = advice;
    let Opening { blind, argument } = opening;
    let other = &b.messages;
    let mut parts = vec![
        ("model".to_owned(), *model == other.model),
        ("flags".to_owned(), public.flags() == other.public.flags()),
        (
            "public values".to_owned(),
            public.shown().eq(other.public.shown()),
        ),
        ("sigma".to_owned(), *sigma == other.advice.sigma),
        ("x".to_owned(), *x == other.advice.x),
        ("tau".to_owned(), *tau == other.advice.tau),
        ("u".to_owned(), *u == other.advice.u),
        ("rho".to_owned(), *rho == other.advice.rho),
        ("z".to_owned(), *z == other.advice.z),
        ("values".to_owned(), *values == other.values),
        ("blind".to_owned(), *blind == other.opening.blind),
        ("argument".to_owned(), *argument == other.opening.argument),
        ("nova".to_owned(), a.nova == b.nova),
    ];
    for column in Column::WITNESS {
        let same = commitments.rows(column) == other.commitments.rows(column);
        parts.push((format!("rows {}", column.name()), same));
    }
    for (i, column) in Column::OPENED.iter().enumerate() {
        let same = commitments.masks()[i] == other.commitments.masks()[i];
        parts.push((format!("mask {}", column.name()), same));
    }
    let unequal = parts.into_iter().filter(|(_, same)| !same);
    unequal.map(|(part, _)| part).collect()
}

/// Another canonical value of a region.
fn changed(bytes: &[u8], region: &Region) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let own = &mut out[region.offset..region.offset + region.len];
    match region.kind {
        Kind::Raw => own[0] ^= 1,
        // The first field is a point: its negative.
        Kind::Nova => own[31] ^= 0x80,
        Kind::Flag => own[0] = 1 - own[0],
        Kind::Integer => {
            let value = i32::from_le_bytes(own.try_into().unwrap());
            own.copy_from_slice(&(value + 1).to_le_bytes());
        }
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
fn malformed(bytes: &[u8], region: &Region) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[region.offset..region.offset + region.len].fill(0xff);
    out
}

/// Per part: the error of an element changed, with steps executed natively and with Nova; the error of one malformed.
type Row = (&'static str, [Refusal; 2], Option<Format>);

const NOVA: Refusal = Refusal::Nova;

fn manifest() -> Vec<Row> {
    let end = |e| [Refusal::End(e); 2];
    let both = |r: Refusal| [r; 2];
    // What the outside challenges follow changes the start state, so that Nova itself refuses.
    let bound = [Refusal::End(EndState::TZ), NOVA];
    let (point, field) = (Some(Format::Point), Some(Format::Field));
    let mut rows = vec![
        (
            "magic",
            both(Refusal::Format(Format::Magic)),
            Some(Format::Magic),
        ),
        (
            "version",
            both(Refusal::Format(Format::Version)),
            Some(Format::Version),
        ),
        ("model", both(Refusal::OtherModel), None),
        (
            "flags",
            both(Refusal::Format(Format::Length)),
            Some(Format::Flag),
        ),
        ("public values", bound, None),
        ("sigma", end(EndState::TZ), field),
        ("x", end(EndState::Dig), field),
        ("last of x", [Refusal::End(EndState::TAb), NOVA], field),
        ("tau", end(EndState::TAb), field),
        ("u", end(EndState::Dig), field),
        ("rho", [Refusal::End(EndState::BalV), NOVA], field),
        ("z", end(EndState::Dig), field),
        ("values", end(EndState::Claim), field),
        ("blind", both(Refusal::Opening), field),
        ("argument", both(Refusal::Opening), point),
        ("last of argument", both(Refusal::Opening), field),
        // Execution in Nova's place does not read it; its fields have a test of their own.
        ("nova", [Refusal::None, NOVA], None),
    ];
    for part in [
        "rows Y", "rows P", "rows R1", "rows R0", "rows F0", "rows F1", "rows F2", "rows M",
        "rows HT", "mask Y", "mask P", "mask R1", "mask R0", "mask F0", "mask F1", "mask F2",
        "mask M", "mask HT", "mask W",
    ] {
        rows.push((part, bound, point));
    }
    rows
}

/// A region's row: the last of `x` and of `argument` have their own.
fn row_of(all: &[Region], index: usize) -> String {
    let part = &all[index].part;
    let last = all.get(index + 1).is_none_or(|next| next.part != *part);
    match part.as_str() {
        "x" | "argument" if last => format!("last of {part}"),
        _ => part.clone(),
    }
}

#[test]
fn regions_cover_the_bytes() {
    for real in [&*SHOWN, &*HIDDEN] {
        let all = regions(real.network(), &real.messages.public);
        let end = all.last().map(|r| r.offset + r.len);
        assert_eq!(end, Some(real.bytes.len()));
        let rows: Vec<&str> = manifest().into_iter().map(|(part, ..)| part).collect();
        for index in 0..all.len() {
            let row = row_of(&all, index);
            assert!(rows.contains(&row.as_str()), "no row for {row}");
        }
        // Each region is the part that its name says.
        for region in all.iter().filter(|r| r.offset >= HEADER_BYTES) {
            if let Ok(proof) = Proof::from_bytes(&changed(&real.bytes, region), real.network()) {
                let parts = different(&real.proof, &proof);
                assert_eq!(
                    parts,
                    std::slice::from_ref(&region.part),
                    "at byte {}",
                    region.offset
                );
            }
        }
    }
    let named: Vec<String> = regions(SHOWN.network(), &SHOWN.messages.public)
        .into_iter()
        .map(|r| r.part)
        .collect();
    for (part, ..) in manifest() {
        let part = part.trim_start_matches("last of ");
        assert!(named.iter().any(|n| n == part), "row {part} has no field");
    }
}

#[test]
fn every_field_of_a_proof_is_checked() {
    let real = &*SHOWN;
    assert_eq!(refusal(real.verify(&real.bytes)), Refusal::None);
    assert_eq!(real.execute(&real.messages), Refusal::None);
    let rows = manifest();
    let all = regions(real.network(), &real.messages.public);
    let wrong: Vec<String> = (0..all.len())
        .into_par_iter()
        .flat_map_iter(|index| {
            let (region, name) = (&all[index], row_of(&all, index));
            let (_, [native, nova], format) = rows.iter().find(|(part, ..)| *part == name).unwrap();
            let mut wrong = Vec::new();
            let mut demand = |what: &str, got: Refusal, expected: Refusal| {
                if got != expected {
                    let at = region.offset;
                    wrong.push(format!(
                        "{name} at {at}, {what}: {got:?} instead of {expected:?}"
                    ));
                }
            };
            let bytes = changed(&real.bytes, region);
            match Proof::from_bytes(&bytes, real.network()) {
                Ok(proof) => demand("executed", real.execute(&proof.messages), *native),
                Err(error) => demand("executed", refusal(Err(error)), *native),
            }
            // Nova's own check takes long: once per part.
            let first = index == 0 || row_of(&all, index - 1) != name;
            if first {
                demand("verified", refusal(real.verify(&bytes)), *nova);
            }
            if let Some(format) = format {
                let got = refusal(real.verify(&malformed(&real.bytes, region)));
                demand("malformed", got, Refusal::Format(*format));
            }
            wrong
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With nothing shown, `ρ` is not in the start state, and only the words' digest notices.
#[test]
fn hidden_proofs_bind_rho() {
    let real = &*HIDDEN;
    assert_eq!(refusal(real.verify(&real.bytes)), Refusal::None);
    let all = regions(real.network(), &real.messages.public);
    let rho = all.iter().find(|r| r.part == "rho").unwrap();
    let bytes = changed(&real.bytes, rho);
    let expected = Refusal::End(EndState::Dig);
    assert_eq!(refusal(real.verify(&bytes)), expected);
}

#[test]
fn every_field_of_the_nova_proof_is_checked() {
    let real = &*SHOWN;
    let start = real.bytes.len() - NOVA_PROOF_BYTES;
    let group = |name: &str| -> String { name.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let layout = NovaProof::layout();
    let end = layout.last().map(|f| f.offset + f.part.bytes());
    assert_eq!(end, Some(NOVA_PROOF_BYTES));
    // Elements of a vector share a check: the first of each is verified, all are parsed.
    let wrong: Vec<String> = (0..layout.len())
        .into_par_iter()
        .filter_map(|i| {
            let field = &layout[i];
            let first = i == 0 || group(&layout[i - 1].name) != group(&field.name);
            let mut bytes = real.bytes.clone();
            let own = &mut bytes[start + field.offset..][..field.part.bytes()];
            let (malformed, other) = match field.part {
                Part::Length(_) => (NovaFormat::VectorLength, None),
                Part::Scalar(_) => (NovaFormat::Scalar, another_scalar(own)),
                Part::Point(_) => (NovaFormat::Point, another_point(own)),
            };
            own.fill(0xff);
            let expected = Refusal::NovaFormat(malformed);
            let got = refusal(real.verify(&bytes));
            if got != expected {
                return Some(format!("{} malformed: {got:?}", field.name));
            }
            let other = other.filter(|_| first)?;
            bytes[start + field.offset..][..32].copy_from_slice(&other);
            let got = refusal(real.verify(&bytes));
            (got != NOVA).then(|| format!("{} changed: {got:?}", field.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        layout
            .iter()
            .any(|f| f.part == Part::Point(Curve::Secondary))
    );
}

/// One more or one less, canonical on either curve: the low byte is not at its end.
fn another_scalar(own: &[u8]) -> Option<[u8; 32]> {
    let mut bytes: [u8; 32] = own.try_into().unwrap();
    bytes[0] = bytes[0].checked_add(1).unwrap_or(0xfe);
    Some(bytes)
}

/// The negative; the neutral element has none, and gets a generator's place.
fn another_point(own: &[u8]) -> Option<[u8; 32]> {
    let mut bytes: [u8; 32] = own.try_into().unwrap();
    if bytes == [0; 32] {
        return None;
    }
    bytes[31] ^= 0x80;
    Some(bytes)
}

// ---- what Nova folds

type Element<'a> = (&'static str, usize, &'a mut F);

/// All words of a step that are field elements; flags have their own test.
fn word_fields(words: &mut Words) -> Vec<Element<'_>> {
    let Words {
        slots,
        rounds,
        scalars,
    } = words;
    let RoundWords {
        start_c: _,
        start_l: _,
        start_o: _,
        live: _,
        end_c: _,
        end_l: _,
        previous,
        challenges,
    } = rounds;
    let ScalarWords {
        sigma,
        rho,
        rho4,
        rho_l,
        alpha,
        beta,
        beta2,
        gamma,
        delta,
        eq_r_u,
        zero_l,
        two_2b,
        two_b,
        rng,
        tag,
        act,
        tin,
        tout,
        ttag,
    } = scalars;
    let mut fields: Vec<Element<'_>> = vec![
        ("previous", 0, previous),
        ("sigma", 0, sigma),
        ("rho", 0, rho),
        ("rho4", 0, rho4),
        ("rho_L", 0, rho_l),
        ("alpha", 0, alpha),
        ("beta", 0, beta),
        ("beta2", 0, beta2),
        ("gamma", 0, gamma),
        ("delta", 0, delta),
        ("eq(r,u)", 0, eq_r_u),
        ("zero_L", 0, zero_l),
        ("2^2B", 0, two_2b),
        ("2^B", 0, two_b),
        ("RNG", 0, rng),
        ("tag", 0, tag),
        ("act", 0, act),
        ("Tin", 0, tin),
        ("Tout", 0, tout),
        ("Ttag", 0, ttag),
    ];
    for (i, challenge) in challenges.iter_mut().enumerate() {
        fields.push(("challenge", i, challenge));
    }
    for (i, SlotWords { k0, k1, k2, f }) in slots.iter_mut().enumerate() {
        fields.extend([("k0", i, k0), ("k1", i, k1), ("k2", i, k2), ("f", i, f)]);
    }
    fields
}

fn flags(words: &mut Words) -> [(&'static str, &mut bool); 6] {
    let rounds = &mut words.rounds;
    [
        ("start_C", &mut rounds.start_c),
        ("start_L", &mut rounds.start_l),
        ("start_O", &mut rounds.start_o),
        ("live", &mut rounds.live),
        ("end_C", &mut rounds.end_c),
        ("end_L", &mut rounds.end_l),
    ]
}

fn witness_fields(witness: &mut Witness) -> Vec<Element<'_>> {
    let Witness {
        slots,
        init,
        rounds,
        evaluations,
    } = witness;
    let mut fields: Vec<Element<'_>> = vec![("init", 0, init)];
    for (i, slot) in slots.iter_mut().enumerate() {
        let SlotWitness {
            s,
            c,
            d,
            nonce_z,
            a,
            b,
            nonce_ab,
        } = slot;
        fields.extend([
            ("s", i, s),
            ("c", i, c),
            ("d", i, d),
            ("nonce_z", i, nonce_z),
            ("a", i, a),
            ("b", i, b),
            ("nonce_ab", i, nonce_ab),
        ]);
    }
    for (i, round) in rounds.iter_mut().enumerate() {
        let pleat_nova_circuits::chain::step::RoundWitness { g0, g2, g3, nonce } = round;
        fields.extend([
            ("g0", i, g0),
            ("g2", i, g2),
            ("g3", i, g3),
            ("nonce", i, nonce),
        ]);
    }
    let EvaluationsWitness { values, nonces } = evaluations;
    fields.extend(
        values
            .iter_mut()
            .enumerate()
            .map(|(i, v)| ("evaluation", i, v)),
    );
    fields.extend(
        nonces
            .iter_mut()
            .enumerate()
            .map(|(i, v)| ("evaluation nonce", i, v)),
    );
    fields
}

/// The sumchecks of this network take one step each.
const CONTRACT: usize = 0;
const LOOKUP: usize = 1;
const OPEN: usize = 2;

/// The check that notices a word of step `step` that is not the verifier's: where it is used, its use; else the digest.
fn word_refusal(name: &str, step: usize, index: usize) -> Refusal {
    // Slots 0, 1, 2 are the input and two dense layers; all slots of the later steps are unused.
    let node = (step == 0).then_some(index);
    match (name, step) {
        ("k0" | "k2", _) if matches!(node, Some(1 | 2)) => Refusal::End(EndState::BalZ),
        ("k1", _) if node == Some(0) => Refusal::End(EndState::BalZ),
        ("f", _) if matches!(node, Some(1 | 2)) => Refusal::End(EndState::BalF),
        ("previous", _) => Refusal::Step(Check::Round(0)),
        ("challenge", _) => Refusal::Step(Check::Round(index)),
        // σ's powers weigh the claims of step 0; after it only unused slots follow, and the power itself.
        ("sigma", CONTRACT) => Refusal::End(EndState::BalS),
        ("rho", LOOKUP) => Refusal::Step(Check::EvaluationsHash),
        ("rho" | "rho4", CONTRACT) => Refusal::End(EndState::BalV),
        ("rho_L", LOOKUP) => Refusal::End(EndState::BalV),
        (
            "alpha" | "beta" | "beta2" | "gamma" | "delta" | "eq(r,u)" | "zero_L" | "2^2B" | "2^B"
            | "RNG" | "tag" | "act" | "Tin" | "Tout" | "Ttag",
            LOOKUP,
        ) => Refusal::Step(Check::LookupClaim),
        _ => Refusal::End(EndState::Dig),
    }
}

fn flag_refusal(name: &str, step: usize) -> Refusal {
    let end = Refusal::End;
    match (name, step) {
        // Taken from a balance twice, or never.
        ("start_C", _) => end(EndState::BalS),
        ("start_L", LOOKUP) => Refusal::Step(Check::LookupClaim),
        ("start_L", _) => end(EndState::BalZ),
        ("start_O", _) => end(EndState::BalV),
        ("live", LOOKUP) => Refusal::Step(Check::LookupClaim),
        ("live", CONTRACT) | ("end_C", _) => end(EndState::BalF),
        ("live", _) => end(EndState::Dig),
        ("end_L", LOOKUP) => end(EndState::BalV),
        ("end_L", _) => Refusal::Step(Check::LookupClaim),
        _ => Refusal::None,
    }
}

fn witness_refusal(name: &str, step: usize, index: usize) -> Refusal {
    match (name, step) {
        ("s" | "c" | "d" | "nonce_z", _) => Refusal::End(EndState::TZ),
        ("a" | "b" | "nonce_ab", _) => Refusal::End(EndState::TAb),
        ("g0" | "g2" | "g3" | "nonce", _) => Refusal::Step(Check::Round(index)),
        ("init", CONTRACT) => Refusal::End(EndState::BalS),
        ("init", LOOKUP) => Refusal::Step(Check::LookupClaim),
        ("init", OPEN) => Refusal::End(EndState::BalV),
        ("evaluation", LOOKUP) => Refusal::Step(Check::LookupClaim),
        ("evaluation nonce", LOOKUP) => Refusal::Step(Check::EvaluationsHash),
        // Read in LOOKUP's last step only.
        ("evaluation" | "evaluation nonce", _) => Refusal::None,
        _ => panic!("no row for {name}"),
    }
}

#[test]
fn every_word_and_witness_is_checked() {
    let real = &*SHOWN;
    assert_eq!(real.steps.steps.len(), 3);
    let counts = {
        let (mut words, mut witness) = real.steps.steps[0];
        [
            word_fields(&mut words).len(),
            flags(&mut words).len(),
            witness_fields(&mut witness).len(),
        ]
    };
    assert_eq!(
        counts[0] + counts[1],
        pleat_nova_circuits::chain::step::WORDS
    );
    let changes: Vec<(usize, usize, usize)> = (0..3)
        .flat_map(|step| (0..3).map(move |kind| (step, kind)))
        .flat_map(|(step, kind)| (0..counts[kind]).map(move |i| (step, kind, i)))
        .collect();
    let wrong: Vec<String> = changes
        .into_par_iter()
        .filter_map(|(step, kind, i)| {
            let mut steps = real.steps.clone();
            let (words, witness) = &mut steps.steps[step];
            let (name, index, expected) = match kind {
                0 => {
                    let mut fields = word_fields(words);
                    let (name, index, word) = &mut fields[i];
                    **word += F::ONE;
                    (*name, *index, word_refusal(name, step, *index))
                }
                1 => {
                    let (name, flag) = &mut flags(words)[i];
                    **flag = !**flag;
                    (*name, 0, flag_refusal(name, step))
                }
                _ => {
                    let mut fields = witness_fields(witness);
                    let (name, index, value) = &mut fields[i];
                    **value += F::ONE;
                    (*name, *index, witness_refusal(name, step, *index))
                }
            };
            let got = real.execute_steps(&real.messages, &steps);
            let place = format!("step {step}, {name} {index}");
            (got != expected).then(|| format!("{place}: {got:?} instead of {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// ---- whole files

#[test]
fn other_steps_are_refused() {
    let real = &*SHOWN;
    let (nova, start) = (&real.proof.nova, &real.steps.start);
    let steps = real.network().steps();
    for n in [0, steps - 1, steps + 1] {
        let end = params::verify(PARAMETERS.verifier_key(), nova, n, start);
        assert!(
            matches!(end, Err(pleat_nova_circuits::chain::Error::Verify(_))),
            "{n} steps: {end:?}"
        );
    }
    let end = params::verify(PARAMETERS.verifier_key(), nova, steps, start).unwrap();
    assert_eq!(end.t_z, real.messages.advice.sigma);
    // Steps 0 and 1, satisfiable each, in the other order.
    let mut exchanged = real.steps.clone();
    exchanged.steps.swap(0, 1);
    let refused = real.execute_steps(&real.messages, &exchanged);
    assert_eq!(refused, Refusal::End(EndState::TZ));
}

/// One key for all models; a proof about one is refused for the other, whatever id it carries.
#[test]
fn one_key_serves_every_model() {
    let first = &*SHOWN;
    let second = Real::new(Setting::new(mlp([1, 0])), true);
    let third = Real::new(Setting::new(common::views_only()), false);
    for real in [first, &second, &third] {
        assert_eq!(refusal(real.verify(&real.bytes)), Refusal::None);
    }
    assert_ne!(first.model().id(), second.model().id());
    let refused = refusal(second.verify_against(&first.bytes, second.model()));
    assert_eq!(refused, Refusal::OtherModel);
    let mut relabelled = first.proof.clone();
    relabelled.messages.model = second.model().id();
    let refused = refusal(second.verify_against(&relabelled.to_bytes(), second.model()));
    assert_eq!(refused, NOVA);
    let refused = refusal(third.verify_against(&first.bytes, third.model()));
    assert_eq!(refused, Refusal::Format(Format::Length));
}

#[test]
fn length_depends_on_public_values_alone() {
    let (shown, hidden) = (&*SHOWN, &*HIDDEN);
    let values: usize = shown.messages.public.shown().map(<[i32]>::len).sum();
    assert_eq!(shown.bytes.len(), hidden.bytes.len() + 4 * values);
    assert_eq!(shown.bytes.len(), proof_bytes(shown.network(), values));
    assert_eq!(hidden.bytes.len(), proof_bytes(hidden.network(), 0));
    let argument = argument_bytes(hidden.network().row_bits());
    assert_eq!(hidden.messages.opening.argument.len(), argument);
    // The same statement proved again has another proof.
    assert_ne!(shown.messages.commitments, hidden.messages.commitments);
}

/// Files of an earlier build, the seeds of the fuzz targets: formats, hashes and parameters are still theirs.
#[test]
fn stored_proofs_still_verify() {
    let model = include_bytes!("../../verifier/fuzz/seeds/model/mlp");
    let model = VerificationModel::from_bytes(model, &Limits::default()).unwrap();
    assert_eq!(model.id(), SHOWN.model().id());
    for bytes in [
        include_bytes!("../../verifier/fuzz/seeds/proof/shown").as_slice(),
        include_bytes!("../../verifier/fuzz/seeds/proof/hidden"),
    ] {
        let verdict = SHOWN.verify_against(bytes, &model);
        assert_eq!(refusal(verdict), Refusal::None);
    }
}

/// What is done to a file.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: usize, bits: u8 },
    Truncate { to: usize },
    Extend { with: Vec<u8> },
    Swap { a: usize, b: usize, len: usize },
    Fill { at: usize, len: usize, with: u8 },
}

impl Damage {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        let n = bytes.len();
        match *self {
            Self::Flip { at, bits } => out[at % n] ^= bits,
            Self::Truncate { to } => out.truncate(to % n),
            Self::Extend { ref with } => out.extend(with),
            Self::Swap { a, b, len } => {
                let len = len.min(n);
                for i in 0..len {
                    out.swap((a + i) % n, (b + i) % n);
                }
            }
            Self::Fill { at, len, with } => {
                let at = at % n;
                let end = (at + len).min(n);
                out[at..end].fill(with);
            }
        }
        out
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = || 0..1_usize << 20;
    prop_oneof![
        8 => (place(), 1..=u8::MAX).prop_map(|(at, bits)| Damage::Flip { at, bits }),
        1 => place().prop_map(|to| Damage::Truncate { to }),
        1 => prop::collection::vec(any::<u8>(), 1..100).prop_map(|with| Damage::Extend { with }),
        2 => (place(), place(), 1..64_usize).prop_map(|(a, b, len)| Damage::Swap { a, b, len }),
        2 => (place(), 1..64_usize, any::<u8>())
            .prop_map(|(at, len, with)| Damage::Fill { at, len, with }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_proofs_are_refused(damage in damage()) {
        for real in [&*SHOWN, &*HIDDEN] {
            let bytes = damage.apply(&real.bytes);
            let verdict = real.verify(&bytes);
            let panicked = matches!(
                verdict,
                Err(VerifyError::Nova(pleat_nova_circuits::chain::Error::VerifyPanic) | VerifyError::Aborted(_))
            );
            prop_assert!(!panicked);
            prop_assert_eq!(verdict.is_ok(), bytes == real.bytes);
            // A file that can be read is the file that would be written.
            if let Ok(proof) = Proof::from_bytes(&bytes, real.network()) {
                prop_assert_eq!(proof.to_bytes(), bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_models_are_other_models(damage in damage()) {
        let model = SHOWN.model();
        let original = model.to_bytes().unwrap();
        let bytes = damage.apply(&original);
        if let Ok(read) = VerificationModel::from_bytes(&bytes, &Limits::default()) {
            prop_assert_eq!(read.to_bytes().unwrap(), bytes.clone());
            prop_assert_eq!(read.id() == model.id(), bytes == original);
        }
    }
}
