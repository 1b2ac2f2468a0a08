//! `pleat demo`: the whole path on a bundled model, and a forgery that is refused.

use std::fmt;
use std::path::Path;

use pleat_prover::files::write_atomically;
use pleat_verifier::command::{self, EXIT_GOOD, EXIT_INVALID, Verdict, VerifyArgs, decode_proof};
use pleat_verifier::proof::PublicValues;
use serde::Serialize;

use crate::args::{CompileArgs, Hide, ProveArgs};
use crate::compile::{Compiled, compile};
use crate::console::{Console, grouped};
use crate::error::CliError;
use crate::prove::{Proved, prove_with};
use crate::setup::{Setup, setup};
use crate::verify::verify_with;

const MODEL: &[u8] = include_bytes!("../../../../testdata/credit_mlp.onnx");
const APPLICANTS: &[u8] = include_bytes!("../../../../testdata/credit-300.npz");
/// The applicant whose decision is proved.
const APPLICANT: usize = 7;

/// What happened.
#[derive(Serialize)]
pub struct Demo {
    compile: Compiled,
    setup: Setup,
    prove: Proved,
    verify: Verdict,
    /// The verdict on the same proof with another output.
    tampered: Verdict,
}

/// Runs it, telling the story as it goes.
pub fn demo(console: &Console) -> Result<Demo, CliError> {
    let folder = tempfile::tempdir().map_err(CliError::Temporary)?;
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: &[u8]| write_atomically(&path(name), |w| w.write_all(bytes));
    write("credit_mlp.onnx", MODEL)?;
    write("credit-300.npz", APPLICANTS)?;
    let applicants = path("credit-300.npz").display().to_string();
    console.show(&"A bank's network decides about a loan. The bank proves the decision; nobody sees the weights or the applicant.\n")?;

    let compiled = compile(
        &CompileArgs {
            model: path("credit_mlp.onnx"),
            calibration: applicants.clone(),
            digit_bits: 12,
            headroom: 0.25,
            row_bits: None,
            output: Some(path("credit")),
        },
        console,
    )?;
    let report = &compiled.report;
    console.show(&format!(
        "compile  {:6.2} s  {} parameters, {} nodes, {} rows; decides as the float network on {:.0} of {} applicants, logit within {:.4}\n                   model id {}",
        compiled.seconds.total(),
        grouped(report.parameters),
        report.nodes,
        grouped(report.rows),
        report.top1_agreement * f64::from(u32::try_from(report.samples).unwrap_or(u32::MAX)),
        report.samples,
        report.max_abs_error,
        compiled.model_id,
    ))?;

    let (setup, parameters) = setup(console)?;
    let how = if setup.built {
        "built and cached"
    } else {
        "found in the cache"
    };
    console.show(&format!(
        "setup    {:6.2} s  the parameters that all models share: {how}",
        setup.seconds.total()
    ))?;

    let proved = prove_with(
        &ProveArgs {
            model: path("credit.pleat"),
            input: applicants,
            index: APPLICANT,
            hide: vec![Hide::Input],
            output: Some(path("credit.proof")),
        },
        console,
        || Ok(&parameters),
    )?;
    console.show(&format!(
        "prove    {:6.2} s  applicant {APPLICANT}, input hidden: {} steps folded, {} bytes",
        proved.seconds.without(&["load", "setup"]),
        proved.steps,
        grouped(proved.proof_bytes)
    ))?;

    let mut key = || Ok(parameters.verifier_key().clone());
    let verdict = verify_with(
        &verification(folder.path(), "credit.proof"),
        console,
        &mut key,
    )?;
    console.show(&format!(
        "verify   {:6.2} s  {}",
        verdict.seconds.verify,
        told(&verdict)
    ))?;

    console.stage("tamper");
    let forged = forge(&path("credit.vmodel"), &path("credit.proof"))?;
    write("forged.proof", &forged)?;
    let tampered = verify_with(
        &verification(folder.path(), "forged.proof"),
        console,
        &mut key,
    )?;
    console.show(&format!(
        "tamper   {:6.2} s  the same proof with the logit's sign changed: {}",
        tampered.seconds.verify,
        told(&tampered)
    ))?;
    Ok(Demo {
        compile: compiled,
        setup,
        prove: proved,
        verify: verdict,
        tampered,
    })
}

fn verification(folder: &Path, proof: &str) -> VerifyArgs {
    VerifyArgs {
        model: folder.join("credit.vmodel"),
        proof: folder.join(proof),
        input: None,
        index: 0,
        output: None,
        model_id: None,
        opened: None,
        value: None,
    }
}

fn told(verdict: &Verdict) -> String {
    match &verdict.reason {
        Some(reason) => format!("refused ({reason})"),
        None => {
            let outputs = verdict.output.iter().flatten();
            let shown: Vec<String> = outputs.map(ToString::to_string).collect();
            let logit = verdict
                .output
                .iter()
                .flatten()
                .find_map(|o| o.values.as_ref()?.first().copied());
            let decision = if logit > Some(0.0) {
                "good credit"
            } else {
                "bad credit"
            };
            format!("valid: {} means {decision}", shown.join(", "))
        }
    }
}

/// The proof with its output negated (or, were it 0, made 1), everything else as it was.
fn forge(model: &Path, proof: &Path) -> Result<Vec<u8>, CliError> {
    let model = command::load_model(model)?;
    let mut forged =
        decode_proof(&command::read(proof)?, &model).map_err(|e| CliError::BadProof {
            path: proof.to_owned(),
            reason: e.to_string(),
        })?;
    let mut ports = forged.messages.public.ports().to_vec();
    for value in ports.iter_mut().flatten().flatten() {
        *value = if *value == 0 { 1 } else { -*value };
    }
    forged.messages.public = PublicValues::new(ports);
    Ok(forged.to_bytes())
}

impl Demo {
    /// Good if the proof is valid and the forgery is not.
    pub const fn exit_code(&self) -> u8 {
        if self.verify.valid && !self.tampered.valid {
            EXIT_GOOD
        } else {
            EXIT_INVALID
        }
    }
}

impl fmt::Display for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.exit_code() == EXIT_GOOD {
            writeln!(
                f,
                "\nThe proof holds and the forgery does not. Next: pleat --help"
            )
        } else {
            writeln!(
                f,
                "\nThis is not what should have happened; please report it."
            )
        }
    }
}
