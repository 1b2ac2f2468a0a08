//! Several proofs about one model, checked together.

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use pleat_nova_circuits::cache::CacheFolder;
use rayon::prelude::*;
use serde::Serialize;

use super::{CommandError, Key, VerifyArgs, read};
use crate::error::VerifyError;
use crate::fold::Mode;
use crate::model::{ModelId, VerificationModel};
use crate::pcs::OpeningKey;
use crate::proof::Proof;
use crate::verdict::{EXIT_GOOD, EXIT_INVALID, Refusal, Seconds, Valid, Verdict, decode_proof};
use crate::verify::{Keys, verify_all};

/// What became of a proof among several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProofVerdict {
    /// Its file.
    pub proof: String,
    /// The verdict; its times are those of all proofs together.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of several proofs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdicts {
    /// Whether all are valid.
    pub valid: bool,
    /// The model that they were checked against.
    pub model_id: String,
    /// Wall time.
    pub seconds: Seconds,
    /// Each proof, in order.
    pub proofs: Vec<ProofVerdict>,
}

impl Verdicts {
    /// The exit code that says it.
    pub const fn exit_code(&self) -> u8 {
        if self.valid { EXIT_GOOD } else { EXIT_INVALID }
    }
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ProofVerdict { proof, verdict } in &self.proofs {
            write!(f, "{proof}: {verdict}")?;
        }
        let bad = self.proofs.iter().filter(|p| !p.verdict.valid).count();
        match bad {
            0 => writeln!(f, "all {} proofs are valid", self.proofs.len()),
            _ => writeln!(f, "{bad} of {} proofs are INVALID", self.proofs.len()),
        }
    }
}

/// Checks all proofs of the arguments together.
///
/// # Errors
/// If that cannot be carried out; proofs that are refused are among the verdicts.
pub fn run_several(args: &VerifyArgs, key: &mut Key<'_>) -> Result<Verdicts, CommandError> {
    let start = Instant::now();
    let model = args.model()?;
    let paths = std::iter::once(&args.proof).chain(&args.more);
    let named = |path: &PathBuf| Ok::<_, CommandError>((path.display().to_string(), read(path)?));
    let files = paths.map(named).collect::<Result<Vec<_>, _>>()?;
    let mut verdicts = check_several(&model, &files, args.demands.model_id, key)?;
    verdicts.seconds.total = start.elapsed().as_secs_f64();
    Ok(verdicts)
}

/// Checks proofs about one model together; each is given with a name for its verdict.
///
/// # Errors
/// If that cannot be carried out; proofs that are refused are among the verdicts.
pub fn check_several(
    model: &VerificationModel,
    files: &[(String, Vec<u8>)],
    model_id: Option<ModelId>,
    key: &mut Key<'_>,
) -> Result<Verdicts, CommandError> {
    let start = Instant::now();
    let decoded = files.par_iter().map(|(_, file)| {
        Refusal::unless_model(model, model_id)?;
        let proof = decode_proof(file, model).map_err(Refusal::Proof)?;
        Ok(proof.into())
    });
    let (outcomes, seconds) = verified(model, decoded.collect(), key)?;
    let seconds = Seconds {
        total: start.elapsed().as_secs_f64(),
        ..seconds
    };
    let verdicts = files.iter().zip(outcomes);
    let verdicts = verdicts.map(|((name, _), outcome)| ProofVerdict {
        proof: name.clone(),
        verdict: Verdict::new(model, outcome, seconds),
    });
    let proofs: Vec<ProofVerdict> = verdicts.collect();
    Ok(Verdicts {
        valid: proofs.iter().all(|p| p.verdict.valid),
        model_id: model.origin().to_string(),
        seconds,
        proofs,
    })
}

/// Verifies together what is decoded.
pub(super) fn verified(
    model: &VerificationModel,
    decoded: Vec<Result<Valid, Refusal>>,
    key: &mut Key<'_>,
) -> Result<(Vec<Result<Valid, Refusal>>, Seconds), CommandError> {
    let setup = Instant::now();
    let mut candidates = decoded.iter().flatten();
    let of_the_chain = candidates.any(|valid| valid.proof.mode() == Mode::Chain);
    let chain = if of_the_chain { Some(key()?) } else { None };
    let opening =
        OpeningKey::load_or_derive(model.network().row_bits(), &CacheFolder::from_environment());
    let setup = setup.elapsed().as_secs_f64();

    let checking = Instant::now();
    let keys = Keys {
        opening: &opening,
        chain: chain.as_ref(),
    };
    let proofs = decoded.iter().flatten().map(|valid| valid.proof.clone());
    let proofs: Vec<Proof> = proofs.collect();
    let mut results = verify_all(keys, model, &proofs).into_iter();
    let outcome = |valid: Result<Valid, Refusal>| {
        let valid = valid?;
        let result = results.next();
        // There is one for each.
        let missing = || Err(VerifyError::Aborted("no result".to_owned()));
        result.unwrap_or_else(missing).map_err(Refusal::Proof)?;
        Ok(valid)
    };
    let outcomes = decoded.into_iter().map(outcome).collect();
    let seconds = Seconds {
        setup,
        verify: checking.elapsed().as_secs_f64(),
        ..Seconds::default()
    };
    Ok((outcomes, seconds))
}
