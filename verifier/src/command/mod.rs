//! What the commands `pleat-verify` and `pleat verify` share: their options, from files to a [`Verdict`], exit codes.
//!
//! Beyond verification, a caller may demand a model id and the values of inputs and outputs; a demand that the proof does
//! not meet makes it invalid, one that cannot be checked (the value is hidden) is an error.

mod chain;
mod check;
mod data;
mod demands;
mod error;
mod many;
pub mod program;
mod samples;
mod several;
mod sides;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
#[cfg(unix)]
use rayon::prelude::*;

use crate::descriptor::Limits;
use crate::model::VerificationModel;
use crate::receipt::RECEIPT_LIMIT;

pub use crate::verdict::{
    EXIT_FAILED, EXIT_GOOD, EXIT_INVALID, Failure, PortValues, ReceiptSummary, Refusal, Seconds,
    Valid, Verdict, decode_proof, decode_proof_with, values_line,
};
pub use chain::{
    ChainArgs, ChainFile, ChainVerdict, LinkJson, MemberVerdict, RECEIPT_SUFFIX, check_chain,
    run_chain,
};
pub use check::{Files, check};
pub use data::read_json;
pub use demands::{DataRequest, Demands, Key, Load, TensorRole};
pub use error::CommandError;
pub use many::{Entry, MANIFEST_VERSION, Manifest, ManyArgs, ManyVerdict, RefusedEntry, run_many};
pub use samples::Samples;
pub use several::{ProofVerdict, Verdicts, check_several, run_several};

/// Options of both commands.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// Verification model: the .vmodel file that `pleat compile` wrote
    #[arg(value_name = "MODEL.vmodel")]
    pub model: PathBuf,
    /// The proof
    #[arg(value_name = "PROOF")]
    pub proof: PathBuf,
    /// More proofs about the same model: all are checked together, which takes a fraction of the time, and each bad one is named
    #[arg(
        value_name = "PROOF",
        conflicts_with_all = ["input", "output", "opened", "value", "receipt"]
    )]
    pub more: Vec<PathBuf>,
    /// What is demanded
    #[command(flatten)]
    pub demands: Demands,
    /// The proof is about so many samples at once (`pleat prove --index 0..64`) [default: as many as --index says]
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Check an opening of a hidden input or output (from `pleat open`), and print its value
    #[arg(long, value_name = "FILE")]
    pub opened: Option<PathBuf>,
    /// Check a receipt: that all it says about the proof holds
    #[arg(long, value_name = "RECEIPT")]
    pub receipt: Option<PathBuf>,
}

impl VerifyArgs {
    /// How many samples the proof is about.
    const fn count(&self) -> usize {
        match self.samples {
            Some(count) => count,
            None => self.demands.index.count,
        }
    }

    /// The model, of so many samples.
    fn model(&self) -> Result<VerificationModel, CommandError> {
        if self.demands.index.count > 1 && self.demands.index.count != self.count() {
            return Err(CommandError::OtherCount {
                samples: self.count(),
                index: self.demands.index,
            });
        }
        load_batched(&self.model, self.count())
    }
}

/// Carries out a verification.
///
/// # Errors
/// If it cannot be carried out; a proof that is refused is a [`Verdict`].
pub fn run(
    args: &VerifyArgs,
    load: &mut Load<'_>,
    key: &mut Key<'_>,
) -> Result<Verdict, CommandError> {
    let start = Instant::now();
    let model = args.model()?;
    let proof = read(&args.proof)?;
    let opening = args.opened.as_deref().map(read).transpose()?;
    let receipt = args.receipt.as_deref().map(read_receipt).transpose()?;
    let files = Files {
        proof: &proof,
        opening: opening.as_deref(),
        receipt: receipt.as_deref(),
    };
    let verdict = check(&model, &files, &args.demands, load, key)?;
    Ok(Verdict {
        seconds: Seconds {
            total: start.elapsed().as_secs_f64(),
            ..verdict.seconds
        },
        ..verdict
    })
}

/// Reads a verification model.
///
/// # Errors
/// If the file cannot be read or is none.
pub fn load_model(path: &Path) -> Result<VerificationModel, CommandError> {
    VerificationModel::from_bytes(&read(path)?, &Limits::default()).map_err(|source| {
        CommandError::Model {
            path: path.to_owned(),
            source,
        }
    })
}

/// Reads a verification model, and derives from it that of so many samples.
///
/// # Errors
/// If the file cannot be read or is none, or there is no such model.
pub fn load_batched(path: &Path, count: usize) -> Result<VerificationModel, CommandError> {
    let batched = load_model(path)?.batched(count, &Limits::default());
    batched.map_err(|source| CommandError::Samples {
        path: path.to_owned(),
        count,
        source,
    })
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    read_whole(path).map_err(|source| CommandError::Read {
        path: path.to_owned(),
        source,
    })
}

/// A large regular file by all threads: most of the time goes into memory that is touched for the first time.
#[cfg(unix)]
fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    const PART: usize = 1 << 22;
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if !metadata.is_file() || length < 4 * PART {
        return std::fs::read(path);
    }
    let mut bytes = vec![0; length];
    let parts = (0_u64..).step_by(PART).zip(bytes.chunks_mut(PART));
    let parts: Vec<(u64, &mut [u8])> = parts.collect();
    let read = |(start, part): (u64, &mut [u8])| file.read_exact_at(part, start);
    parts.into_par_iter().try_for_each(read)?;
    Ok(bytes)
}

#[cfg(not(unix))]
fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Reads a receipt's file.
fn read_receipt(path: &Path) -> Result<Vec<u8>, CommandError> {
    let length = std::fs::metadata(path).map_or(0, |m| m.len());
    if usize::try_from(length).map_or(true, |n| n > RECEIPT_LIMIT) {
        return Err(CommandError::Read {
            path: path.to_owned(),
            source: std::io::Error::other("it is too long for a receipt"),
        });
    }
    read(path)
}
