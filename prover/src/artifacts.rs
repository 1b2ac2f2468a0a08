//! What the command line, the Python package and the services have in common: from a run that is asked for to the bytes of its proof,
//! of what opens it, and of its receipt.

use pleat_verifier::descriptor::Port;
use pleat_verifier::places::Places;
use pleat_verifier::receipt::{Origin, Receipt, ReceiptError, Remarks, Subject};
use rand_core::OsRng;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::inputs::Given;
use crate::link::{Link, LinkError, Previous};
use crate::model::ProvingModel;
use crate::prove::{Keys, OnEvent, ProveError, Proved, Request, Visibility, prove};
use crate::stages::LinkedInput;

/// Which public values a proof's file leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Those of the inputs.
    pub inputs: bool,
    /// Those of the outputs.
    pub outputs: bool,
}

impl LeftOut {
    /// Demands that nothing is both hidden and left out.
    ///
    /// # Errors
    /// [`OrderError::HiddenAndLeftOut`].
    pub const fn demand_shown(self, shown: Visibility) -> Result<(), OrderError> {
        let what = match (self, shown) {
            (Self { inputs: true, .. }, Visibility { inputs: false, .. }) => "input",
            (Self { outputs: true, .. }, Visibility { outputs: false, .. }) => "output",
            _ => return Ok(()),
        };
        Err(OrderError::HiddenAndLeftOut { what })
    }
}

/// What a receipt is to say beyond its proof.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The creator's own words.
    pub claims: Map<String, Value>,
    /// Receipts that it refers to.
    pub previous: Vec<Previous>,
}

/// A proof that is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Integers of the inputs that no link gives, in order, and the given indices.
    pub given: Given,
    /// Inputs that are tensors of other proofs.
    pub links: Vec<Link>,
    /// What the proof shows.
    pub visibility: Visibility,
    /// What of that its file leaves out.
    pub left_out: LeftOut,
    /// The receipt, if there is to be one.
    pub receipt: Option<Words>,
}

/// Why an order was not carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OrderError {
    /// What is hidden has no values that anyone could give.
    #[error(
        "the {what}s are both hidden and left out: hide them, or show them and leave their values out"
    )]
    HiddenAndLeftOut {
        /// `input` or `output`.
        what: &'static str,
    },
    /// A linked input is no tensor of a receipt's proof.
    #[error("input number {input}: {source}")]
    Unlinked {
        /// Position among the inputs.
        input: usize,
        /// Why.
        source: LinkError,
    },
    /// No proof was made.
    #[error("no proof was made: {0}")]
    Prove(#[from] ProveError),
    /// The receipt cannot be written.
    #[error("the receipt cannot be written: {0}")]
    Receipt(#[from] ReceiptError),
}

/// A proof with what goes along with it, as files have it.
pub struct Artifacts {
    /// The proof.
    pub proof: Vec<u8>,
    /// What opens the hidden inputs and outputs, if any are: secret.
    pub secret: Option<Vec<u8>>,
    /// The receipt, if one was asked for.
    pub receipt: Option<Vec<u8>>,
    /// The proof before it was encoded, the outputs, and how long it took.
    pub proved: Proved,
}

impl Order {
    /// Proves, with randomness of the operating system's.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn carry_out(
        &self,
        model: &ProvingModel,
        keys: Keys<'_>,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Artifacts, OrderError> {
        let network = model.network();
        self.left_out.demand_shown(self.visibility)?;
        // What cannot be linked is found before the proof is made.
        let remarks = self
            .receipt
            .as_ref()
            .map(|words| self.remarks(words, model, keys));
        let remarks = remarks.transpose()?;
        let linked: Vec<LinkedInput> = self.links.iter().map(Link::linked).collect();
        let inputs = self.inputs(network.descriptor().inputs.iter());
        let request = Request {
            inputs: &inputs,
            indices: &self.given.indices,
            visibility: self.visibility,
            linked: &linked,
        };
        let proved = prove(model, keys, &request, &mut OsRng, on_event)?;

        let mut places = Places::all_here(&proved.proof.messages.public);
        if self.left_out.inputs {
            places = places.without_inputs(network);
        }
        if self.left_out.outputs {
            places = places.without_outputs(network);
        }
        let proof = proved.proof.to_bytes_with(network, &places);
        let receipt = remarks.map(|remarks| {
            let subject = Subject::new(&proof, &proved.proof);
            let receipt = Receipt::new(model.verification(), &subject, remarks);
            let bytes = receipt.to_bytes()?;
            // What was written can be read.
            Receipt::from_bytes(&bytes).map(|_| bytes)
        });
        let hides = !self.visibility.inputs || !self.visibility.outputs;
        Ok(Artifacts {
            secret: hides.then(|| proved.openings.to_bytes()),
            receipt: receipt.transpose()?,
            proof,
            proved,
        })
    }

    /// The integers of every input: of its link, or given.
    fn inputs<'p>(&self, ports: impl Iterator<Item = &'p Port>) -> Vec<Vec<i32>> {
        let mut given = self.given.integers.iter();
        let input = |(at, _)| match self.links.iter().find(|l| l.input == at) {
            Some(link) => link.values().to_vec(),
            None => given.next().cloned().unwrap_or_default(),
        };
        ports.enumerate().map(input).collect()
    }

    fn remarks(
        &self,
        words: &Words,
        model: &ProvingModel,
        keys: Keys<'_>,
    ) -> Result<Remarks, OrderError> {
        let network = model.network();
        let mut origins: Vec<Option<Origin>> = vec![None; network.descriptor().inputs.len()];
        for link in &self.links {
            let origin = link.origin(&words.previous, keys.opening.generators(), network);
            let origin = origin.map_err(|source| OrderError::Unlinked {
                input: link.input,
                source,
            })?;
            if let Some(slot) = origins.get_mut(link.input) {
                *slot = Some(origin);
            }
        }
        Ok(Remarks {
            claims: words.claims.clone(),
            previous: words.previous.iter().map(|p| p.hash).collect(),
            origins,
        })
    }
}
