//! What the commands `pleat-verify` and `pleat verify` share: their options, from files to a [`Verdict`], exit codes.
//!
//! Beyond verification, a caller may demand a model id and the values of inputs and outputs; a demand that the proof does
//! not meet makes it invalid, one that cannot be checked (the value is hidden) is an error.

mod chain;
mod data;
mod error;
pub mod program;
mod samples;
mod several;
mod sides;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::VerifierKey;
#[cfg(unix)]
use rayon::prelude::*;

use crate::descriptor::{Indices, Limits, Port, one_sample};
use crate::fold::Mode;
use crate::model::{ModelId, VerificationModel};
use crate::opened::PortOpening;
use crate::pcs::OpeningKey;
use crate::places::Supplied;
use crate::proof::{Proof, model_of, places_of};
use crate::receipt::{RECEIPT_LIMIT, Receipt, Subject};
use crate::verify::{Keys, verify};

pub use crate::verdict::{
    EXIT_FAILED, EXIT_GOOD, EXIT_INVALID, Failure, PortValues, ReceiptSummary, Refusal, Seconds,
    Valid, Verdict, decode_proof, decode_proof_with, values_line,
};
pub use chain::{ChainArgs, ChainVerdict, LinkJson, MemberVerdict, RECEIPT_SUFFIX, run_chain};
pub use data::read_json;
pub use error::CommandError;
pub use samples::Samples;
use sides::Side;

pub use several::{ProofVerdict, Verdicts, run_several};

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
    /// Demand that the proof is about this input; needed if the proof's file leaves it out (`pleat prove --leave-out input`)
    #[arg(long, value_name = "DATA")]
    pub input: Option<String>,
    /// Sample of --input that is meant, counted from 0; or those that one proof is about: 0..64 are the first 64
    #[arg(long, value_name = "I", default_value_t = Samples::FIRST, requires = "input")]
    pub index: Samples,
    /// The proof is about so many samples at once (`pleat prove --index 0..64`) [default: as many as --index says]
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Demand that the proof shows this output (rounded to the model's integers); needed if the proof's file leaves it out
    #[arg(long, value_name = "DATA")]
    pub output: Option<String>,
    /// Demand this model id: 64 hexadecimal digits, from someone you trust
    #[arg(long, value_name = "HEX")]
    pub model_id: Option<ModelId>,
    /// Check an opening of a hidden input or output (from `pleat open`), and print its value
    #[arg(long, value_name = "FILE")]
    pub opened: Option<PathBuf>,
    /// Demand that the opened value is this one
    #[arg(long, value_name = "DATA", requires = "opened")]
    pub value: Option<String>,
    /// Check a receipt: that all it says about the proof holds
    #[arg(long, value_name = "RECEIPT")]
    pub receipt: Option<PathBuf>,
}

/// Whether tensors are the network's inputs or its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorRole {
    /// Inputs.
    Input,
    /// Outputs.
    Output,
}

/// DATA that the command needs.
#[derive(Clone, Debug)]
pub struct DataRequest<'a> {
    /// The option that asks for it.
    pub flag: &'static str,
    /// What it is.
    pub role: TensorRole,
    /// The tensors, in order.
    pub ports: Vec<&'a Port>,
    /// Which samples; the tensors' shapes are those of all of them.
    pub index: Samples,
}

impl DataRequest<'_> {
    /// The shape of one sample of a tensor that it asks for.
    pub fn sample_shape(&self, port: &Port) -> Vec<usize> {
        match self.index.count {
            1 => port.shape.clone(),
            _ => one_sample(&port.shape),
        }
    }
}

impl VerifyArgs {
    /// How many samples the proof is about.
    const fn count(&self) -> usize {
        match self.samples {
            Some(count) => count,
            None => self.index.count,
        }
    }

    /// So many, from the first on.
    const fn first(&self) -> Samples {
        Samples {
            first: 0,
            count: self.count(),
        }
    }

    /// The model, of so many samples.
    fn model(&self) -> Result<VerificationModel, CommandError> {
        if self.index.count > 1 && self.index.count != self.count() {
            return Err(CommandError::OtherCount {
                samples: self.count(),
                index: self.index,
            });
        }
        load_batched(&self.model, self.count())
    }
}

/// Reads DATA: one row-major list per tensor that it is asked for.
pub type Load<'a> = dyn FnMut(&str, &DataRequest<'_>) -> Result<Vec<Vec<f64>>, String> + 'a;
/// Gives the chain's key; called once, and only if a proof of the chain is worth it.
pub type Key<'a> = dyn FnMut() -> Result<VerifierKey, pleat_nova_circuits::chain::Error> + 'a;

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
    let checked = Checking {
        args,
        model: &model,
        seconds: Seconds::default(),
    }
    .check(&proof, opening.as_deref(), receipt.as_deref(), load, key);
    checked.map(|(outcome, seconds)| {
        let seconds = Seconds {
            total: start.elapsed().as_secs_f64(),
            ..seconds
        };
        Verdict::new(&model, outcome, seconds)
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

/// A receipt that says what the proof says.
fn checked_receipt(
    bytes: &[u8],
    model: &VerificationModel,
    file: &[u8],
    proof: &Proof,
) -> Result<Receipt, Refusal> {
    let receipt = Receipt::from_bytes(bytes).map_err(Refusal::Receipt)?;
    receipt
        .check(model, &Subject::new(file, proof))
        .map_err(Refusal::Mismatch)?;
    Ok(receipt)
}

/// What a valid proof shows: integers per port, where public or opened.
type Known = Vec<Option<Vec<i32>>>;
type Outcome = Result<Valid, Refusal>;

struct Checking<'a> {
    args: &'a VerifyArgs,
    model: &'a VerificationModel,
    seconds: Seconds,
}

impl Checking<'_> {
    fn check(
        mut self,
        proof: &[u8],
        opening: Option<&[u8]>,
        receipt: Option<&[u8]>,
        load: &mut Load<'_>,
        key: &mut Key<'_>,
    ) -> Result<(Outcome, Seconds), CommandError> {
        let outcome = self.outcome(proof, opening, receipt, load, key)?;
        Ok((outcome, self.seconds))
    }

    fn outcome(
        &mut self,
        proof: &[u8],
        opening: Option<&[u8]>,
        receipt: Option<&[u8]>,
        load: &mut Load<'_>,
        key: &mut Key<'_>,
    ) -> Result<Outcome, CommandError> {
        let network = self.model.network();
        if let Err(refusal) = Refusal::unless_model(self.model, self.args.model_id) {
            return Ok(Err(refusal));
        }
        let file = proof;
        let mut sides =
            [Side::input, Side::output].map(|side| side(self.args, self.model.network()));
        let supplied = self.supplied(file, receipt, &mut sides, load)?;
        let refused = match &supplied {
            Some(_) => Refusal::Given,
            None => Refusal::Proof,
        };
        let proof = decode_proof_with(file, self.model, &supplied.unwrap_or_default());
        let proof = match proof {
            Ok(proof) => proof,
            Err(error) => return Ok(Err(Refusal::Proof(error))),
        };
        let receipt = receipt.map(|bytes| checked_receipt(bytes, self.model, file, &proof));
        let receipt = match receipt.transpose() {
            Ok(receipt) => receipt,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let opening = opening.map(|bytes| PortOpening::from_bytes(bytes, network));
        let opening = match opening.transpose() {
            Ok(opening) => opening,
            Err(error) => return Ok(Err(Refusal::Opening(error.into()))),
        };
        let indices = proof.messages.public.indices();
        let mut known: Known = proof.messages.public.ports().to_vec();
        if let Some(opening) = &opening
            && let Some(value) = known.get_mut(opening.port)
        {
            value.get_or_insert_with(|| opening.values.clone());
        }
        if let Err(refusal) = self.demands(&known, indices, opening.as_ref(), sides, load)? {
            return Ok(Err(refusal));
        }

        let start = Instant::now();
        let chain = match proof.mode() {
            Mode::Tree => None,
            Mode::Chain => Some(key()?),
        };
        let opening_key =
            OpeningKey::load_or_derive(network.row_bits(), &CacheFolder::from_environment());
        self.seconds.setup = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let keys = Keys {
            opening: &opening_key,
            chain: chain.as_ref(),
        };
        let verified = verify(keys, self.model, &proof).map_err(refused);
        let verdict = verified.and_then(|()| {
            let opened = opening
                .as_ref()
                .map(|o| o.check(opening_key.generators(), self.model, &proof.messages));
            opened.transpose().map_err(Refusal::Opening)
        });
        self.seconds.verify = start.elapsed().as_secs_f64();
        Ok(verdict.map(|_| Valid {
            proof,
            opening,
            receipt,
        }))
    }

    /// The public values that the proof's file leaves out, if it does: as DATA has them, otherwise as the receipt does.
    fn supplied(
        &self,
        file: &[u8],
        receipt: Option<&[u8]>,
        sides: &mut [Side<'_>],
        load: &mut Load<'_>,
    ) -> Result<Option<Supplied>, CommandError> {
        let network = self.model.network();
        // What is wrong with a file, decoding it says.
        let places = match (model_of(file), places_of(file, network)) {
            (Ok(id), Ok(places)) if id == self.model.id() && !places.is_complete() => places,
            _ => return Ok(None),
        };
        let receipt = receipt.and_then(|bytes| Receipt::from_bytes(bytes).ok());
        let mut supplied = receipt.as_ref().map(Receipt::values).unwrap_or_default();
        for side in sides {
            side.supply(network, &places, &mut supplied, load)?;
        }
        Ok(Some(supplied))
    }

    /// Compares what the caller demands with what the proof and the opening claim.
    fn demands(
        &self,
        known: &Known,
        indices: &Indices,
        opening: Option<&PortOpening>,
        sides: [Side<'_>; 2],
        load: &mut Load<'_>,
    ) -> Result<Result<(), Refusal>, CommandError> {
        let network = self.model.network();
        let opened = opening.map(|o| Side::opened(self.args, network, o.port));
        for mut side in sides.into_iter().chain(opened) {
            side.read(network, load)?;
            let Some(demanded) = &side.values else {
                continue;
            };
            let flag = side.flag;
            for ((number, port), demanded) in side.indices.iter().zip(&demanded.indices) {
                let shown = indices.of(*number);
                if let Some(refusal) = Refusal::of_indices(flag, port, demanded, shown) {
                    return Ok(Err(refusal));
                }
            }
            for ((number, port), demanded) in side.ports.iter().zip(&demanded.ports) {
                let Some(claimed) = known.get(*number).and_then(Option::as_ref) else {
                    let port = port.name.clone();
                    return Err(CommandError::Hidden { flag, port });
                };
                if let Some(refusal) = Refusal::of_values(flag, port, demanded, claimed) {
                    return Ok(Err(refusal));
                }
            }
        }
        Ok(Ok(()))
    }
}
