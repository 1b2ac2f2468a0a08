//! Checking receipts that refer to each other, with their proofs and models.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pleat_nova_circuits::cache::CacheFolder;
use serde::Serialize;

use super::check::checked_receipt;
use super::{
    CommandError, EXIT_GOOD, EXIT_INVALID, Key, PortValues, ReceiptSummary, Refusal, Seconds,
    decode_proof_with, load_model, read, read_receipt,
};
use crate::chain::{self, Link, Member};
use crate::fold::Mode;
use crate::model::VerificationModel;
use crate::pcs::OpeningKey;
use crate::proof::Proof;
use crate::receipt::{Receipt, Sha3Hash};
use crate::verify::{Keys, verify};

/// What a receipt's file name adds to its proof's.
pub const RECEIPT_SUFFIX: &str = ".receipt.json";

/// Options of the command.
#[derive(Args, Clone, Debug)]
pub struct ChainArgs {
    /// All receipts of the chain, in any order. The proof of PROOF.receipt.json is PROOF
    #[arg(value_name = "RECEIPT", required = true)]
    pub receipts: Vec<PathBuf>,
    /// A verification model, or a folder of them; may be given several times [default: the receipts' folders]
    #[arg(long, value_name = "MODEL.vmodel|FOLDER")]
    pub model: Vec<PathBuf>,
    /// A proof that does not lie beside its receipt; may be given several times
    #[arg(long, value_name = "PROOF")]
    pub proof: Vec<PathBuf>,
}

/// One receipt of a chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberVerdict {
    /// Its file.
    pub file: PathBuf,
    /// Its model.
    pub model_id: String,
    /// Its proof's mode.
    pub fold: Mode,
    /// Its hash, claims and previous receipts.
    #[serde(flatten)]
    pub receipt: ReceiptSummary,
    /// Inputs.
    pub input: Vec<PortValues>,
    /// Outputs.
    pub output: Vec<PortValues>,
}

/// An input that is a tensor of another proof.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkJson {
    /// Receipt, role and name of the other tensor.
    pub from: String,
    /// Receipt, role and name of the input.
    pub to: String,
}

impl From<&Link> for LinkJson {
    fn from(link: &Link) -> Self {
        Self {
            from: link.from.to_string(),
            to: link.to.to_string(),
        }
    }
}

/// What became of a chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChainVerdict {
    /// Whether all proofs, receipts and links hold.
    pub valid: bool,
    /// The receipts; empty if invalid.
    pub receipts: Vec<MemberVerdict>,
    /// The links; empty if invalid.
    pub links: Vec<LinkJson>,
    /// Why it is refused.
    pub reason: Option<String>,
    /// Wall time.
    pub seconds: Seconds,
}

impl ChainVerdict {
    /// The exit code that says it.
    pub const fn exit_code(&self) -> u8 {
        if self.valid { EXIT_GOOD } else { EXIT_INVALID }
    }
}

impl fmt::Display for ChainVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.reason {
            return writeln!(f, "INVALID: {reason}");
        }
        writeln!(
            f,
            "valid: {}, {}",
            count(self.receipts.len(), "proof"),
            count(self.links.len(), "link")
        )?;
        for member in &self.receipts {
            writeln!(f, "{}", member.file.display())?;
            writeln!(f, "  model   {}", member.model_id)?;
            writeln!(f, "  fold    {}", member.fold)?;
            for (kind, ports) in [("input ", &member.input), ("output", &member.output)] {
                for port in ports {
                    writeln!(f, "  {kind}  {port}")?;
                }
            }
            writeln!(f, "  receipt {}", member.receipt)?;
        }
        for link in &self.links {
            writeln!(f, "{} is {}", link.to, link.from)?;
        }
        Ok(())
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A receipt and what belongs to it.
struct Loaded {
    path: PathBuf,
    name: String,
    receipt: Receipt,
    hash: Sha3Hash,
    /// Position among the models.
    model: usize,
    proof: Proof,
}

/// Why a chain is refused, or could not be checked.
enum Stop {
    Refused(String),
    Failed(CommandError),
}

impl From<CommandError> for Stop {
    fn from(error: CommandError) -> Self {
        Self::Failed(error)
    }
}

/// A receipt of a chain, with the proof that it is about.
#[derive(Clone, Debug)]
pub struct ChainFile {
    /// What a verdict calls it.
    pub name: PathBuf,
    /// The receipt's bytes.
    pub receipt: Vec<u8>,
    /// The proof's.
    pub proof: Vec<u8>,
}

/// Checks a chain: every proof, every receipt, every link.
///
/// # Errors
/// If it cannot be carried out; a chain that is refused is a [`ChainVerdict`].
pub fn run_chain(args: &ChainArgs, key: &mut Key<'_>) -> Result<ChainVerdict, CommandError> {
    verdict(|seconds| {
        let models = models(args)?;
        let files = args.receipts.iter();
        let files = files.map(|path| file(path, args, &models));
        let files: Vec<ChainFile> = files.collect::<Result<_, Stop>>()?;
        check(files, &models, key, seconds)
    })
}

/// [`run_chain`] in memory.
///
/// # Errors
/// If it cannot be carried out; a chain that is refused is a [`ChainVerdict`].
pub fn check_chain(
    files: Vec<ChainFile>,
    models: &[VerificationModel],
    key: &mut Key<'_>,
) -> Result<ChainVerdict, CommandError> {
    verdict(|seconds| check(files, models, key, seconds))
}

fn verdict(
    check: impl FnOnce(&mut Seconds) -> Result<(Vec<MemberVerdict>, Vec<LinkJson>), Stop>,
) -> Result<ChainVerdict, CommandError> {
    let start = Instant::now();
    let mut verdict = ChainVerdict {
        valid: false,
        receipts: Vec::new(),
        links: Vec::new(),
        reason: None,
        seconds: Seconds::default(),
    };
    match check(&mut verdict.seconds) {
        Ok((receipts, links)) => {
            verdict.valid = true;
            verdict.receipts = receipts;
            verdict.links = links;
        }
        Err(Stop::Refused(reason)) => verdict.reason = Some(reason),
        Err(Stop::Failed(error)) => return Err(error),
    }
    verdict.seconds.total = start.elapsed().as_secs_f64();
    Ok(verdict)
}

fn check(
    files: Vec<ChainFile>,
    models: &[VerificationModel],
    key: &mut Key<'_>,
    seconds: &mut Seconds,
) -> Result<(Vec<MemberVerdict>, Vec<LinkJson>), Stop> {
    let loaded = files.into_iter().map(|file| load(file, models));
    let loaded = in_order(loaded.collect::<Result<_, Stop>>()?);
    let members = loaded.iter().filter_map(|l| {
        Some(Member {
            name: &l.name,
            receipt: &l.receipt,
            hash: l.hash,
            model: models.get(l.model)?,
            proof: &l.proof.messages,
        })
    });
    let members: Vec<Member<'_>> = members.collect();
    let links = chain::check(&members).map_err(|e| Stop::Refused(e.to_string()))?;

    let start = Instant::now();
    let of_chain = |loaded: &Loaded| loaded.proof.mode() == Mode::Chain;
    let chain = loaded.iter().any(of_chain).then(&mut *key);
    let chain = chain.transpose().map_err(|e| Stop::Failed(e.into()))?;
    seconds.setup = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut opening: Option<(usize, OpeningKey)> = None;
    for (member, loaded) in members.iter().zip(&loaded) {
        let row_bits = member.model.network().row_bits();
        let opening_key = match opening.take() {
            Some((bits, known)) if bits == row_bits => known,
            _ => OpeningKey::load_or_derive(row_bits, &CacheFolder::from_environment()),
        };
        let keys = Keys {
            opening: &opening_key,
            chain: chain.as_ref(),
        };
        verify(keys, member.model, &loaded.proof)
            .map_err(|e| refused(member.name, &Refusal::Proof(e)))?;
        opening = Some((row_bits, opening_key));
    }
    seconds.verify = start.elapsed().as_secs_f64();
    let verdicts = members.iter().zip(&loaded).map(|(member, loaded)| {
        let (input, output) = PortValues::of_proof(member.model, &loaded.proof);
        MemberVerdict {
            file: loaded.path.clone(),
            model_id: member.model.id().to_string(),
            fold: loaded.proof.mode(),
            receipt: ReceiptSummary::new(member.receipt),
            input,
            output,
        }
    });
    Ok((
        verdicts.collect(),
        links.iter().map(LinkJson::from).collect(),
    ))
}

/// Previous receipts first, otherwise as given.
fn in_order(mut rest: Vec<Loaded>) -> Vec<Loaded> {
    let mut ordered = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let waits = |l: &Loaded| {
            let previous = &l.receipt.previous;
            rest.iter().any(|other| previous.contains(&other.hash))
        };
        // References are hashes, so that not all can wait.
        let first = rest.iter().position(|l| !waits(l)).unwrap_or(0);
        ordered.push(rest.remove(first));
    }
    ordered
}

fn refused(name: &str, refusal: &Refusal) -> Stop {
    Stop::Refused(format!("{name}: {refusal}"))
}

/// The models given, or those in the receipts' folders.
fn models(args: &ChainArgs) -> Result<Vec<VerificationModel>, CommandError> {
    let folder = |receipt: &PathBuf| match receipt.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let places = if args.model.is_empty() {
        let mut folders: Vec<PathBuf> = args.receipts.iter().map(folder).collect();
        folders.sort();
        folders.dedup();
        folders
    } else {
        args.model.clone()
    };
    let mut models = Vec::new();
    for place in places {
        if !place.is_dir() {
            models.push(load_model(&place)?);
            continue;
        }
        let unreadable = |source| CommandError::Read {
            path: place.clone(),
            source,
        };
        for entry in std::fs::read_dir(&place).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|e| e == "vmodel") {
                // Others may lie there too, and be broken; one that is missing will be missed.
                models.extend(load_model(&path).ok());
            }
        }
    }
    Ok(models)
}

/// A receipt's file name.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Reads a receipt and its proof.
fn file(path: &Path, args: &ChainArgs, models: &[VerificationModel]) -> Result<ChainFile, Stop> {
    let bytes = read_receipt(path)?;
    let receipt = Receipt::from_bytes(&bytes);
    let receipt = receipt.map_err(|e| refused(&name_of(path), &Refusal::Receipt(e)))?;
    // Without its model, nobody has to look for its proof.
    position(models, &receipt, path)?;
    Ok(ChainFile {
        name: path.to_owned(),
        proof: proof_file(path, args, &receipt)?,
        receipt: bytes,
    })
}

fn no_model(receipt: &Receipt, path: &Path) -> CommandError {
    CommandError::NoModel {
        receipt: path.to_owned(),
        model: receipt.model,
    }
}

/// Which of the models a receipt is about.
fn position(
    models: &[VerificationModel],
    receipt: &Receipt,
    path: &Path,
) -> Result<usize, CommandError> {
    let position = models.iter().position(|m| m.id().0 == receipt.model.0);
    position.ok_or_else(|| no_model(receipt, path))
}

/// A receipt that agrees with its proof, which is not verified yet.
fn load(file: ChainFile, models: &[VerificationModel]) -> Result<Loaded, Stop> {
    let ChainFile {
        name: path,
        receipt: bytes,
        proof: file,
    } = file;
    let name = name_of(&path);
    let receipt = Receipt::from_bytes(&bytes).map_err(|e| refused(&name, &Refusal::Receipt(e)))?;
    let index = position(models, &receipt, &path)?;
    let no_model = || no_model(&receipt, &path);
    let model = models.get(index).ok_or_else(no_model)?;
    let proof = decode_proof_with(&file, model, &receipt.values())
        .map_err(|e| refused(&name, &Refusal::Proof(e)))?;
    checked_receipt(&bytes, model, &file, &proof).map_err(|e| refused(&name, &e))?;
    Ok(Loaded {
        hash: Sha3Hash::of(&bytes),
        path,
        model: index,
        name,
        receipt,
        proof,
    })
}

/// The proof with the receipt's hash among those given, otherwise the one beside the receipt.
fn proof_file(path: &Path, args: &ChainArgs, receipt: &Receipt) -> Result<Vec<u8>, CommandError> {
    for given in &args.proof {
        let bytes = read(given)?;
        if Sha3Hash::of(&bytes) == receipt.proof {
            return Ok(bytes);
        }
    }
    let text = path.as_os_str().to_string_lossy();
    let Some(beside) = text.strip_suffix(RECEIPT_SUFFIX) else {
        return Err(CommandError::NoProof {
            receipt: path.to_owned(),
        });
    };
    read(Path::new(beside))
}
