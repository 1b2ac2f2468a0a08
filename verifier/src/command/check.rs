//! Checking one proof, with what goes along with it, in memory.

use std::time::Instant;

use pleat_nova_circuits::cache::CacheFolder;

use super::demands::{Demands, Key, Load};
use super::error::CommandError;
use super::sides::Side;
use crate::descriptor::Indices;
use crate::fold::Mode;
use crate::model::VerificationModel;
use crate::opened::PortOpening;
use crate::pcs::OpeningKey;
use crate::places::Supplied;
use crate::proof::{Proof, model_of, places_of};
use crate::receipt::{Receipt, Subject};
use crate::verdict::{Refusal, Seconds, Valid, Verdict, decode_proof_with};
use crate::verify::{Keys, verify};

/// A proof's bytes, and those of what goes along with it.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// The proof.
    pub proof: &'a [u8],
    /// An opening of a hidden tensor.
    pub opening: Option<&'a [u8]>,
    /// A receipt.
    pub receipt: Option<&'a [u8]>,
}

/// Checks a proof about a model; [`VerificationModel::batched`] if it is about several samples.
///
/// # Errors
/// If that cannot be carried out; a proof that is refused is a [`Verdict`].
pub fn check(
    model: &VerificationModel,
    files: &Files<'_>,
    demands: &Demands,
    load: &mut Load<'_>,
    key: &mut Key<'_>,
) -> Result<Verdict, CommandError> {
    let start = Instant::now();
    let mut checking = Checking {
        demands,
        model,
        seconds: Seconds::default(),
    };
    let outcome = checking.outcome(files, load, key)?;
    let seconds = Seconds {
        total: start.elapsed().as_secs_f64(),
        ..checking.seconds
    };
    Ok(Verdict::new(model, outcome, seconds))
}

/// A receipt that says what the proof says.
pub(super) fn checked_receipt(
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
    demands: &'a Demands,
    model: &'a VerificationModel,
    seconds: Seconds,
}

impl Checking<'_> {
    fn outcome(
        &mut self,
        files: &Files<'_>,
        load: &mut Load<'_>,
        key: &mut Key<'_>,
    ) -> Result<Outcome, CommandError> {
        let Files {
            proof: file,
            opening,
            receipt,
        } = *files;
        let network = self.model.network();
        if let Err(refusal) = Refusal::unless_model(self.model, self.demands.model_id) {
            return Ok(Err(refusal));
        }
        let mut sides = [Side::input, Side::output]
            .map(|side| side(self.demands, self.model.samples(), network));
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
        let opened =
            opening.map(|o| Side::opened(self.demands, self.model.samples(), network, o.port));
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
