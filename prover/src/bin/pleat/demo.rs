//! `pleat demo`: the whole path on a bundled model, and a forgery that is refused.

use std::fmt;
use std::path::Path;

use pleat_prover::data::InputSpec;
use pleat_prover::files::write_atomically;
use pleat_verifier::command::{
    self, Demands, EXIT_GOOD, EXIT_INVALID, Samples, Verdict, VerifyArgs, decode_proof,
};
use pleat_verifier::proof::PublicValues;
use serde::Serialize;

use crate::args::{CompileArgs, Hide, PromptOptions, ProveArgs};
use crate::compile::{Compiled, compile};
use crate::console::{Console, grouped};
use crate::error::CliError;
use crate::prove::{Proved, prove};
use crate::tensors::sample;
use crate::verify::verify;

const MODEL: &[u8] = include_bytes!("../../../../testdata/mnist-8.onnx");
const DIGITS: &[u8] = include_bytes!("../../../../testdata/mnist-200.npz");
/// The digit that is proved to be read right.
const DIGIT: Samples = Samples {
    first: 157,
    count: 1,
};
/// Pixels per side.
const SIDE: usize = 28;
/// The darkest shade that still counts as paper.
const PAPER: f64 = 96.0;

/// What happened.
#[derive(Serialize)]
pub struct Demo {
    compile: Compiled,
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
    write("mnist-8.onnx", MODEL)?;
    write("mnist-200.npz", DIGITS)?;
    let digits = path("mnist-200.npz").display().to_string();
    console.show(&format!(
        "A convolutional network reads this digit. The proof shows what it read; nobody sees the weights or the image.\n{}",
        drawn(&digits)?
    ))?;

    let compiled = compile(
        &CompileArgs {
            model: path("mnist-8.onnx"),
            calibration: Some(digits.clone()),
            tokens: None,
            last: None,
            digit_bits: None,
            headroom: None,
            row_bits: None,
            input_like: Vec::new(),
            best: Vec::new(),
            hide: Vec::new(),
            dim: Vec::new(),
            bind: Vec::new(),
            weights_of: None,
            output: Some(path("mnist")),
        },
        console,
    )?;
    let report = &compiled.report;
    console.show(&format!(
        "compile  {:6.2} s  {} parameters, {} multiplications, {} rows; reads {:.0} of {} digits as the float network does\n                   model id {}",
        compiled.seconds.total(),
        grouped(report.parameters),
        grouped(report.macs),
        grouped(report.rows),
        report.top1_agreement * f64::from(u32::try_from(report.samples).unwrap_or(u32::MAX)),
        report.samples,
        compiled.model_id,
    ))?;

    let proved = prove(
        &ProveArgs {
            leave_out: Vec::new(),
            model: path("mnist.pleat"),
            input: Some(digits),
            index: DIGIT,
            prompt: PromptOptions::default(),
            answer: 1,
            input_from: Vec::new(),
            hide: vec![Hide::Input],
            fold: None,
            receipt: false,
            claim: Vec::new(),
            claims: None,
            previous: Vec::new(),
            output: Some(path("mnist.proof")),
        },
        console,
    )?;
    console.show(&format!(
        "prove    {:6.2} s  image hidden: {} steps folded, {} bytes",
        proved.seconds.without(&["load", "setup"]),
        proved.steps,
        grouped(proved.proof_bytes)
    ))?;

    let verdict = verify(&verification(folder.path(), "mnist.proof"), console)?;
    console.show(&format!(
        "verify   {:6.2} s  {}",
        verdict.seconds.verify,
        told(&verdict)
    ))?;

    console.stage("tamper");
    let forged = forge(&path("mnist.vmodel"), &path("mnist.proof"))?;
    write("forged.proof", &forged)?;
    let tampered = verify(&verification(folder.path(), "forged.proof"), console)?;
    console.show(&format!(
        "tamper   {:6.2} s  the same proof with the logits moved on by one: {}",
        tampered.seconds.verify,
        told(&tampered)
    ))?;
    Ok(Demo {
        compile: compiled,
        prove: proved,
        verify: verdict,
        tampered,
    })
}

fn verification(folder: &Path, proof: &str) -> VerifyArgs {
    VerifyArgs {
        model: folder.join("mnist.vmodel"),
        proof: folder.join(proof),
        more: Vec::new(),
        demands: Demands::default(),
        samples: None,
        opened: None,
        receipt: None,
    }
}

fn told(verdict: &Verdict) -> String {
    match &verdict.reason {
        Some(reason) => format!("refused ({reason})"),
        None => {
            let outputs = verdict.output.iter().flatten();
            let logits = outputs.filter_map(|o| o.values.as_ref()).flatten();
            let mut ranked: Vec<(usize, f64)> = logits.copied().enumerate().collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            match ranked.as_slice() {
                [(first, most), (second, next), ..] => format!(
                    "valid: it is a {first} (logit {most:.1}; the next is {second} with {next:.1})"
                ),
                _ => "valid, but the logits are not shown".to_owned(),
            }
        }
    }
}

/// The digit, two pixels to a character.
fn drawn(digits: &str) -> Result<String, CliError> {
    let image = InputSpec {
        name: "image".to_owned(),
        shape: vec![1, 1, SIDE, SIDE],
    };
    let tensors = sample(digits, &[image], DIGIT).map_err(|source| CliError::Data {
        flag: "--input",
        source,
    })?;
    let pixels: Vec<f64> = tensors.into_iter().flatten().collect();
    let half = |upper: &f64, lower: &f64| match (*upper > PAPER, *lower > PAPER) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let lines = pixels.chunks(2 * SIDE).map(|rows| {
        let (upper, lower) = rows.split_at(rows.len().min(SIDE));
        let line: String = upper.iter().zip(lower).map(|(u, l)| half(u, l)).collect();
        line.trim_end().to_owned() + "\n"
    });
    Ok(lines.collect())
}

/// The proof with its output moved on by one element, everything else as it was.
fn forge(model: &Path, proof: &Path) -> Result<Vec<u8>, CliError> {
    let model = command::load_model(model)?;
    let mut forged =
        decode_proof(&command::read(proof)?, &model).map_err(|e| CliError::BadProof {
            path: proof.to_owned(),
            reason: e.to_string(),
        })?;
    let mut ports = forged.messages.public.ports().to_vec();
    for logits in ports.iter_mut().flatten() {
        logits.rotate_right(1);
    }
    forged.messages.public = PublicValues::new(ports, forged.messages.public.indices().clone());
    Ok(forged.to_bytes(model.network()))
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
