//! Proofs of many inputs, as a manifest lists them: one model, a proof and a receipt for each input.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::check::checked_receipt;
use super::demands::Key;
use super::error::CommandError;
use super::several::verified;
use super::{load_batched, read, read_receipt};
use crate::model::{ModelId, VerificationModel};
use crate::receipt::{Receipt, Sha3Hash};
use crate::verdict::{EXIT_GOOD, EXIT_INVALID, Refusal, Seconds, Valid, decode_proof_with};

/// What the member `manifest` says.
pub const MANIFEST_VERSION: &str = "pleat-manifest/1";

/// Options of the command.
#[derive(Args, Clone, Debug)]
pub struct ManyArgs {
    /// The manifest, beside the files that it lists
    #[arg(value_name = "MANIFEST")]
    pub manifest: PathBuf,
    /// The verification model [default: the one that the manifest names, beside it]
    #[arg(long, value_name = "MODEL.vmodel")]
    pub model: Option<PathBuf>,
    /// Demand this model id: 64 hexadecimal digits, from someone you trust
    #[arg(long, value_name = "HEX")]
    pub model_id: Option<ModelId>,
}

/// A list of proofs about one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub manifest: String,
    /// File name of the verification model.
    pub model: String,
    /// Samples that each proof is about.
    #[serde(default = "one")]
    pub samples: usize,
    /// How many inputs there were, each with one proof.
    pub inputs: usize,
    /// One for each input, in any order.
    pub proofs: Vec<Entry>,
}

/// A proof of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which input, from 0.
    pub index: usize,
    /// File name of the proof.
    pub proof: String,
    /// File name of its receipt.
    pub receipt: String,
    /// The receipt's hash.
    pub hash: Sha3Hash,
}

const fn one() -> usize {
    1
}

/// Why a proof of a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedEntry {
    /// Which input.
    pub index: usize,
    /// The proof's file.
    pub proof: String,
    /// The check.
    pub check: String,
    /// Why.
    pub reason: String,
}

/// What became of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ManyVerdict {
    /// Whether every input has one proof, and all proofs and receipts hold.
    pub valid: bool,
    /// The model that they were checked against.
    pub model_id: String,
    /// How many inputs there are.
    pub inputs: usize,
    /// Inputs without a proof.
    pub missing: Vec<usize>,
    /// Proofs that are refused.
    pub refused: Vec<RefusedEntry>,
    /// Why the manifest itself is refused.
    pub reason: Option<String>,
    /// Wall time.
    pub seconds: Seconds,
}

impl ManyVerdict {
    /// The exit code that says it.
    pub const fn exit_code(&self) -> u8 {
        if self.valid { EXIT_GOOD } else { EXIT_INVALID }
    }
}

impl fmt::Display for ManyVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.valid {
            return writeln!(
                f,
                "valid: {} inputs, each with a proof about model {} and a receipt that says the same",
                self.inputs, self.model_id
            );
        }
        writeln!(f, "INVALID")?;
        if let Some(reason) = &self.reason {
            writeln!(f, "  {reason}")?;
        }
        for entry in &self.refused {
            writeln!(
                f,
                "  input {}, {}: {}",
                entry.index, entry.proof, entry.reason
            )?;
        }
        for index in &self.missing {
            writeln!(f, "  input {index} has no proof")?;
        }
        Ok(())
    }
}

/// Checks a manifest: that every input has one proof, every proof is valid, and every receipt is the one that the manifest names and
/// says what its proof says. Proofs are checked together.
///
/// # Errors
/// If that cannot be carried out; proofs that are refused are in the [`ManyVerdict`].
pub fn run_many(args: &ManyArgs, key: &mut Key<'_>) -> Result<ManyVerdict, CommandError> {
    let start = Instant::now();
    let bad = |reason: String| CommandError::Manifest {
        path: args.manifest.clone(),
        reason,
    };
    let manifest: Manifest =
        serde_json::from_slice(&read(&args.manifest)?).map_err(|e| bad(e.to_string()))?;
    if manifest.manifest != MANIFEST_VERSION {
        return Err(bad(format!(
            "it is of version {:?}; this program reads {MANIFEST_VERSION:?}",
            manifest.manifest
        )));
    }
    if manifest.inputs == 0 {
        // Of no proofs, everything would hold.
        return Err(bad("it is of no inputs".to_owned()));
    }
    let folder = args.manifest.parent().unwrap_or(Path::new(""));
    // Whoever wrote the manifest names files beside it, and no others.
    let beside = |name: &str| {
        let path = Path::new(name);
        match path.file_name() {
            Some(only) if only == path.as_os_str() => Ok(folder.join(path)),
            _ => Err(bad(format!("{name:?} is no name of a file beside it"))),
        }
    };
    let path = args.model.clone();
    let path = path.map_or_else(|| beside(&manifest.model), Ok)?;
    let model = load_batched(&path, manifest.samples)?;
    let mut seen = BTreeSet::new();
    let mut twice = manifest.proofs.iter();
    let twice = twice.find(|entry| entry.index >= manifest.inputs || !seen.insert(entry.index));
    let reason = twice.map(|entry| {
        format!(
            "the manifest of {} inputs has input {} twice, or one too many",
            manifest.inputs, entry.index
        )
    });
    let files = manifest.proofs.iter().map(|entry| {
        let proof = read(&beside(&entry.proof)?)?;
        Ok((proof, read_receipt(&beside(&entry.receipt)?)?))
    });
    let files: Vec<(Vec<u8>, Vec<u8>)> = files.collect::<Result<_, CommandError>>()?;
    let decoded = manifest.proofs.par_iter().zip(&files);
    let decoded = decoded.map(|(entry, (proof, receipt))| {
        Refusal::unless_model(&model, args.model_id)?;
        decode(&model, entry, proof, receipt)
    });
    let (outcomes, seconds) = verified(&model, decoded.collect(), key)?;
    let outcomes = manifest.proofs.iter().zip(outcomes);
    let refused = outcomes.filter_map(|(entry, outcome)| {
        let refusal = outcome.err()?;
        Some(RefusedEntry {
            index: entry.index,
            proof: entry.proof.clone(),
            check: refusal.check(),
            reason: refusal.to_string(),
        })
    });
    let refused: Vec<RefusedEntry> = refused.collect();
    let missing = (0..manifest.inputs).filter(|index| !seen.contains(index));
    let missing: Vec<usize> = missing.collect();
    Ok(ManyVerdict {
        valid: reason.is_none() && refused.is_empty() && missing.is_empty(),
        model_id: model.origin().to_string(),
        inputs: manifest.inputs,
        missing,
        refused,
        reason,
        seconds: Seconds {
            total: start.elapsed().as_secs_f64(),
            ..seconds
        },
    })
}

/// A proof, not verified yet, whose receipt is the one named and says what it says.
fn decode(
    model: &VerificationModel,
    entry: &Entry,
    proof: &[u8],
    receipt: &[u8],
) -> Result<Valid, Refusal> {
    let got = Sha3Hash::of(receipt);
    if got != entry.hash {
        return Err(Refusal::OtherReceipt {
            got,
            expected: entry.hash,
        });
    }
    let read = Receipt::from_bytes(receipt).map_err(Refusal::Receipt)?;
    let decoded = decode_proof_with(proof, model, &read.values()).map_err(Refusal::Proof)?;
    let receipt = checked_receipt(receipt, model, proof, &decoded)?;
    Ok(Valid {
        receipt: Some(receipt),
        ..decoded.into()
    })
}
