//! The verifier for WebAssembly: a verification model and a proof as bytes in, the JSON of `pleat-verify --json` out.
//!
//! A panic ends the WebAssembly instance. Nothing here is meant to panic; a host that sees a trap has to take the proof as
//! refused, and make a new instance.

use pleat_nova_circuits::chain::params::VerifierKey;
use pleat_verifier::descriptor::Limits;
use pleat_verifier::error::VerifyError;
use pleat_verifier::fold::Mode;
use pleat_verifier::model::{ModelId, VerificationModel};
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::proof::{Proof, mode_of};
use pleat_verifier::verdict::{Failure, Refusal, Seconds, Verdict, decode_proof};
use pleat_verifier::verify::{Keys, verify};
use serde::Serialize;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since some instant, in windows, workers and Node.js.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// Deriving more generators ahead takes longer than anyone waits.
const MAX_PREPARED: usize = 16;

/// The generators of row commitments that were derived so far, and the chain's key if it was needed.
#[wasm_bindgen]
#[derive(Default)]
pub struct Verifier {
    opening: Option<(usize, OpeningKey)>,
    chain: Option<VerifierKey>,
}

#[wasm_bindgen]
impl Verifier {
    /// Ready for proofs of committed steps.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this is a proof of the mode `chain`, for which [`Verifier::load_chain_key`] has to come first.
    pub fn is_chain(&self, proof: &[u8]) -> bool {
        mode_of(proof) == Ok(Mode::Chain)
    }

    /// Reads the chain's key, which has to be the one that this version pins.
    ///
    /// # Errors
    /// If it is another.
    pub fn load_chain_key(&mut self, key: &[u8]) -> Result<(), String> {
        self.chain = Some(VerifierKey::from_bytes(key).map_err(|e| e.to_string())?);
        Ok(())
    }

    /// Derives the generators of row commitments for `κ = row_bits` ahead of the first proof that needs them.
    pub fn prepare(&mut self, row_bits: usize) {
        self.opening_key(row_bits.min(MAX_PREPARED));
    }

    /// [`Verifier::prepare`] for proofs about this model; nothing if it is none.
    pub fn prepare_for(&mut self, model: &[u8]) {
        if let Ok(model) = VerificationModel::from_bytes(model, &Limits::default()) {
            self.prepare(model.network().row_bits());
        }
    }

    /// Checks a proof against a verification model and, if one is demanded, a model id. Gives JSON: a verdict, or an error if
    /// nothing can be said of the proof.
    pub fn verify(&mut self, model: &[u8], proof: &[u8], model_id: Option<String>) -> String {
        match self.verdict(model, proof, model_id.as_deref()) {
            Ok(verdict) => json(&verdict),
            Err(error) => json(&Failure { error }),
        }
    }
}

impl Verifier {
    fn verdict(
        &mut self,
        model: &[u8],
        proof: &[u8],
        model_id: Option<&str>,
    ) -> Result<Verdict, String> {
        let start = now();
        let demanded: Option<ModelId> = model_id
            .map(str::parse)
            .transpose()
            .map_err(|e: pleat_verifier::error::ModelError| e.to_string())?;
        let model =
            VerificationModel::from_bytes(model, &Limits::default()).map_err(|e| e.to_string())?;
        let mut seconds = Seconds::default();
        let outcome = self.outcome(&model, proof, demanded, &mut seconds);
        if let Err(Refusal::Proof(error @ VerifyError::LeftOut { .. })) = &outcome {
            return Err(error.to_string());
        }
        seconds.total = since(start);
        Ok(Verdict::new(&model, outcome.map(Into::into), seconds))
    }

    /// A key for rows of `2^row_bits` cells: generators for short rows are the first of those for long ones.
    fn opening_key(&mut self, row_bits: usize) -> &OpeningKey {
        let derived = self.opening.take().filter(|(bits, _)| *bits >= row_bits);
        let derive = || (row_bits, OpeningKey::derive(row_bits));
        &self.opening.insert(derived.unwrap_or_else(derive)).1
    }

    fn outcome(
        &mut self,
        model: &VerificationModel,
        proof: &[u8],
        demanded: Option<ModelId>,
        seconds: &mut Seconds,
    ) -> Result<Proof, Refusal> {
        Refusal::unless_model(model, demanded)?;
        let proof = decode_proof(proof, model).map_err(Refusal::Proof)?;
        let start = now();
        let row_bits = model.network().row_bits();
        let chain = self.chain.clone();
        let keys = Keys {
            opening: self.opening_key(row_bits),
            chain: chain.as_ref(),
        };
        seconds.setup = since(start);
        let start = now();
        let verified = verify(keys, model, &proof).map_err(Refusal::Proof);
        seconds.verify = since(start);
        verified.map(|()| proof)
    }
}

fn since(start: f64) -> f64 {
    (now() - start) / 1e3
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"))
}
