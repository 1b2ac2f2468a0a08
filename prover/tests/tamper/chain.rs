//! Proofs of the chain: fields of the file, with steps executed natively and with Nova; every word and witness that Nova folds.

use std::sync::LazyLock;

use ff::Field;
use pleat_nova_circuits::chain::params::{self, Curve, NOVA_PROOF_BYTES, NovaProof, Part};
use pleat_nova_circuits::chain::step::{
    Check, EvaluationsWitness, RoundWords, ScalarWords, SlotWitness, SlotWords, Witness, Words,
};
use pleat_nova_circuits::cycle::F;
use pleat_prover::fold::chain::Steps;
use pleat_verifier::fold::chain::EndState;
use pleat_verifier::fold::{Folded, Mode};
use pleat_verifier::proof::Proof;
use rayon::prelude::*;

use crate::common::algebra::{Executed, verify_chain};
use crate::common::cheat::{Format, NovaFormat, Refusal, Setting, refusal};
use crate::common::dense::mlp;
use crate::regions::{changed, check_regions, malformed, regions, row_of};
use crate::{PARAMETERS, Real, check_statements};

pub static SHOWN: LazyLock<Real> =
    LazyLock::new(|| Real::new(Mode::Chain, Setting::new(mlp([0, 1])), true));
pub static HIDDEN: LazyLock<Real> =
    LazyLock::new(|| Real::new(Mode::Chain, Setting::new(mlp([0, 1])), false));

impl Real {
    /// The verifier with the honest steps executed natively, on these messages.
    fn execute(&self, proof: &Proof) -> Refusal {
        let Folded::Chain(own) = &proof.folded else {
            panic!("a proof of the chain")
        };
        let executed = Executed {
            messages: proof.messages.clone(),
            advice: own.advice.clone(),
            steps: self.executed().steps.clone(),
        };
        refusal(verify_chain(self.model(), &self.setting.key, &executed))
    }

    fn execute_steps(&self, steps: &Steps) -> Refusal {
        let executed = Executed {
            steps: steps.clone(),
            ..self.executed().clone()
        };
        refusal(verify_chain(self.model(), &self.setting.key, &executed))
    }
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
            "mode",
            both(Refusal::Format(Format::Length)),
            Some(Format::Mode),
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

#[test]
fn regions_cover_the_bytes() {
    let rows: Vec<&str> = manifest().into_iter().map(|(part, ..)| part).collect();
    check_regions(&[&SHOWN, &HIDDEN], &rows);
}

#[test]
fn every_field_of_a_proof_is_checked() {
    let real = &*SHOWN;
    assert_eq!(refusal(real.verify(&real.bytes)), Refusal::None);
    assert_eq!(real.execute(&real.proof), Refusal::None);
    let rows = manifest();
    let all = regions(real.network(), &real.proof);
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
                Ok(proof) => demand("executed", real.execute(&proof), *native),
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
    let all = regions(real.network(), &real.proof);
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
    assert_eq!(real.executed().steps.steps.len(), 3);
    let counts = {
        let (mut words, mut witness) = real.executed().steps.steps[0];
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
            let mut steps = real.executed().steps.clone();
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
            let got = real.execute_steps(&steps);
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
    let Folded::Chain(own) = &real.proof.folded else {
        panic!("a proof of the chain")
    };
    let (nova, start) = (&own.nova, &real.executed().steps.start);
    let steps = Mode::Chain.schedule(real.network()).steps;
    for n in [0, steps - 1, steps + 1] {
        let end = params::verify(PARAMETERS.verifier_key(), nova, n, start);
        assert!(
            matches!(end, Err(pleat_nova_circuits::chain::Error::Verify(_))),
            "{n} steps: {end:?}"
        );
    }
    let end = params::verify(PARAMETERS.verifier_key(), nova, steps, start).unwrap();
    assert_eq!(end.t_z, own.advice.points.sigma);
    // Steps 0 and 1, satisfiable each, in the other order.
    let mut exchanged = real.executed().steps.clone();
    exchanged.steps.swap(0, 1);
    let refused = real.execute_steps(&exchanged);
    assert_eq!(refused, Refusal::End(EndState::TZ));
}

/// One key for all models; a proof about one is refused for the other, whatever id it carries.
#[test]
fn one_key_serves_every_model() {
    check_statements(Mode::Chain, &SHOWN, NOVA);
}
