//! Imports and quantizes ONNX networks, runs them in integers and proves the runs.
//!
//! What a program needs that proves is at the root of the crate; what it verifies with, in `pleat_verifier`:
//!
//! ```
//! use std::path::Path;
//! use pleat_prover::{CompileOptions, Folding, Keys, OpeningKey, ProvingModel, Request, Visibility};
//! use rand_core::OsRng;
//!
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/");
//! # let (onnx, samples) = (format!("{folder}decision.onnx"), vec![vec![ndarray::ArrayD::from_elem(vec![1, 1], 2.0)]]);
//! let compiled = pleat_prover::compile(Path::new(&onnx), &samples, &CompileOptions::default(), &mut |_, _, _| Continue(()))?;
//! let model = ProvingModel::commit(compiled.descriptor, compiled.weights, String::new(), &mut OsRng)?;
//! let opening = OpeningKey::derive(model.network().row_bits());
//! let keys = Keys { opening: &opening, folding: Folding::Tree };
//! let request = Request { inputs: &[vec![1200]], indices: &[], visibility: Visibility { inputs: false, outputs: true }, linked: &[] };
//! // The callback hears every stage; `Break` cancels.
//! let proved = pleat_prover::prove(&model, keys, &request, &mut OsRng, &mut |_| Continue(()))?;
//! println!("{:?}, {} bytes", proved.outputs, proved.proof.to_bytes(model.network()).len());
//! # pleat_verifier::verify(pleat_verifier::Keys { opening: &opening, chain: None }, model.verification(), &proved.proof)?;
//! # use std::ops::ControlFlow::Continue;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Long calls report progress to a callback that may end them ([`prove::OnEvent`], [`compile::Progress`]); errors are enums, one per
//! kind of call. Nothing is kept between calls. Files are written by [`files`] only, whole or not at all.

pub mod artifacts;
pub mod columns;
pub mod commit;
pub mod compile;
pub mod data;
pub mod execute;
pub mod files;
pub mod fold;
pub mod functional;
pub mod inputs;
pub mod journal;
pub mod link;
pub mod model;
pub mod opening;
pub mod prove;
mod shared;
pub mod stages;
pub mod sumcheck;
pub mod text;
pub mod weights;

pub use compile::{CompileError, CompileOptions, compile};
pub use model::ProvingModel;
pub use opening::PrivateOpenings;
pub use pleat_nova_circuits::cache::CacheFolder;
pub use pleat_nova_circuits::chain::params::Parameters;
pub use pleat_verifier::pcs::OpeningKey;
pub use prove::{Folding, Keys, ProveError, Proved, Request, Visibility, prove};
pub use stages::LinkedInput;
