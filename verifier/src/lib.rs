//! Verifies Pleat proofs: "the quantized network committed to by this model id, run on this input, gives this output".
//!
//! The module names are the protocol page's own: [`descriptor`] and [`network`] say what is proved, [`transcript`] and
//! [`commitments`] fix the order of messages, [`claims`] and [`functional`] evaluate what is claimed, [`fold`] has the two ways
//! to hide and to prove it, [`pcs`] opens the columns, [`verify`](mod@verify) joins the checks. There is no prover code here.
//!
//! What a program needs that verifies is at the root of the crate:
//!
//! ```
//! use pleat_verifier::{Keys, Limits, OpeningKey, Proof, VerificationModel, verify};
//!
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/proof"))?;
//! let model = VerificationModel::from_bytes(&std::fs::read("credit.vmodel")?, &Limits::default())?;
//! let proof = Proof::from_bytes(&std::fs::read("public.proof")?, model.network())?;
//! // The key serves all models with rows of this length. A proof of the mode `chain` needs another key besides.
//! let opening = OpeningKey::derive(model.network().row_bits());
//! verify(Keys { opening: &opening, chain: None }, &model, &proof)?;
//! println!("model {} gave {:?}", model.id(), proof.messages.public.ports().last());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`VerifyError`] names the check that refuses a proof; [`receipt`] and [`chain`] check what goes with proofs. Nothing is kept
//! between calls, and nothing but [`CacheFolder`] touches a file. Without the feature `cli`, which is on by default, nothing here needs
//! a file system, a clock or threads.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

pub mod chain;
pub mod claims;
pub mod columns;
#[cfg(feature = "cli")]
pub mod command;
pub mod commitments;
pub mod coordinates;
pub mod decoding;
pub mod descriptor;
pub mod encoding;
pub mod error;
pub mod explain;
pub mod fold;
pub mod functional;
pub mod messages;
pub mod mle;
pub mod model;
pub mod network;
pub mod opened;
pub mod packing;
pub mod pcs;
pub mod places;
pub mod points;
pub mod proof;
pub mod public;
pub mod quantize;
pub mod receipt;
pub mod transcript;
pub mod verdict;
pub mod verify;

pub use descriptor::Limits;
pub use error::{FormatError, ModelError, VerifyError};
pub use fold::Mode;
pub use model::{ModelId, VerificationModel};
pub use opened::PortOpening;
pub use pcs::OpeningKey;
#[cfg(feature = "cli")]
pub use pleat_nova_circuits::cache::CacheFolder;
pub use pleat_nova_circuits::chain::params::VerifierKey;
pub use proof::Proof;
pub use public::PublicValues;
pub use receipt::Receipt;
pub use verify::{Keys, dequantize, verify, verify_all};
