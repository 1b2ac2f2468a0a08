//! One measurement as a value that can be handed to a process of its own, and its execution there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::ArrayD;
use pleat_prover::compile::{CompileOptions, compile};
use pleat_prover::data::load;
use pleat_prover::model::ProvingModel;
use pleat_prover::prove::Visibility;
use pleat_verifier::fold::Mode;
use pleat_verifier::quantize::quantize;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use crate::BenchError;
use crate::deep::{CHANNELS, Deep, digits};
use crate::measure::{Event, Facts, Measured, Meter};
use crate::nets::{Net, Shape};
use crate::pleat::Case;
use crate::r1cs::{Novas, Ours, folding, monolithic};
use crate::{clear, pleat};

/// A way to prove a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Pleat, with committed steps.
    Tree,
    /// Pleat, with Nova's chain.
    Chain,
    /// Pleat's sumchecks sent in the clear.
    Clear,
    /// One layer per Nova step.
    Folding,
    /// One constraint system, Spartan.
    Monolithic,
    /// `folding` with nova-snark's own inner-product argument.
    FoldingNova,
    /// `monolithic` with nova-snark's own inner-product argument.
    MonolithicNova,
}

impl System {
    /// As in the CSV file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Chain => "chain",
            Self::Clear => "clear",
            Self::Folding => "folding",
            Self::Monolithic => "monolithic",
            Self::FoldingNova => "folding-nova",
            Self::MonolithicNova => "monolithic-nova",
        }
    }
}

/// A network that can be made anywhere from its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A uniform stack of layers.
    Uniform {
        /// Of every layer.
        shape: Shape,
        /// Layers.
        depth: usize,
    },
    /// `testdata/credit_mlp.onnx`.
    Credit,
    /// `testdata/mnist-8.onnx`.
    Mnist,
    /// The generated convolutional network of `models/deep`.
    Deep {
        /// Layers.
        depth: usize,
    },
}

/// A network and a way to prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The network.
    pub subject: Subject,
    /// The way.
    pub system: System,
}

/// Where the repository's test data are.
pub(crate) fn testdata(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    folder.join(name)
}

impl Subject {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Uniform { shape, .. } => shape.name(),
            Self::Credit => "credit".to_owned(),
            Self::Mnist => "mnist-8".to_owned(),
            Self::Deep { .. } => "deep".to_owned(),
        }
    }

    /// What is known before a process is started for it.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let (depth, width) = match *self {
            Self::Uniform { shape, depth } => {
                let rows = shape.cells() * (depth + 1);
                return Facts {
                    network: shape.name(),
                    depth,
                    width: Some(shape.width()),
                    rows,
                    weights: (shape.weights() + shape.biases()) * depth,
                    macs: shape.cells() * shape.fan_in() * depth,
                };
            }
            Self::Deep { depth } => (depth, Some(CHANNELS)),
            Self::Credit | Self::Mnist => (0, None),
        };
        Facts {
            network: self.name(),
            depth,
            width,
            ..Facts::default()
        }
    }

    /// What a proof shows of a run.
    #[must_use]
    pub const fn shown(&self) -> Visibility {
        Visibility {
            inputs: matches!(self, Self::Uniform { .. }),
            outputs: true,
        }
    }

    /// As a model with an input.
    ///
    /// # Errors
    /// If the model cannot be made.
    pub fn case(&self) -> Result<Case, BenchError> {
        match *self {
            Self::Uniform { shape, depth } => Case::of(&Net::new(shape, depth), self.shown()),
            Self::Credit => {
                let rows = load(&testdata("credit-300.npz").to_string_lossy())?;
                self.compiled(&testdata("credit_mlp.onnx"), &rows, 7)
            }
            Self::Mnist => {
                let images = load(&format!("{}:images", testdata("mnist-200.npz").display()))?;
                self.compiled(&testdata("mnist-8.onnx"), &images, 33)
            }
            Self::Deep { depth } => {
                let network = Deep::new(depth, &digits::digits(digits::NORMALISING)?);
                let folder = tempfile::tempdir().map_err(BenchError::Io)?;
                let onnx = folder.path().join("deep.onnx");
                std::fs::write(&onnx, network.onnx()).map_err(BenchError::Io)?;
                let images = load(&format!("{}:images", digits::DIGITS))?;
                self.compiled(&onnx, &images, 33)
            }
        }
    }

    /// A network calibrated on an array's samples, of which number `index` is proved.
    fn compiled(&self, onnx: &Path, array: &ArrayD<f32>, index: usize) -> Result<Case, BenchError> {
        let specs = pleat_prover::compile::input_specs(onnx)?;
        let spec = specs.first().ok_or(BenchError::Empty)?;
        let samples = pleat_prover::data::samples(array.clone(), &spec.shape)?;
        let all = (0..samples.len()).map(|i| samples.get(i).map(|s| vec![s]));
        let calibration = all.collect::<Result<Vec<_>, _>>()?;
        let options = CompileOptions::default();
        let compiled = compile(
            onnx,
            &calibration,
            &options,
            &mut pleat_prover::compile::unheard,
        )?;
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (descriptor, weights) = (compiled.descriptor, compiled.weights);
        let model = ProvingModel::commit(descriptor, weights, String::new(), &mut rng)?;
        let real: Vec<f64> = samples.get(index)?.iter().map(|v| f64::from(*v)).collect();
        let network = model.network();
        let port = network
            .descriptor()
            .inputs
            .first()
            .ok_or(BenchError::Empty)?;
        let input = quantize(port, &network.input_range(), &real)?;
        Ok(Case {
            name: self.name(),
            model,
            input,
            output: None,
            width: self.facts().width,
            shown: self.shown(),
        })
    }
}

impl Job {
    /// Runs it in this process and tells what happens; the last event is [`Event::Measured`].
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn run(&self, report: &mut dyn FnMut(Event)) -> Result<Measured, BenchError> {
        let mut meter = Meter::new(report);
        let Self { subject, system } = *self;
        let net = || match subject {
            Subject::Uniform { shape, depth } => Ok(Arc::new(Net::new(shape, depth))),
            _ => Err(BenchError::Circuit(subject.name())),
        };
        let case = |meter: &mut Meter<'_>| {
            let case = subject.case()?;
            meter.facts(case.facts());
            Ok::<_, BenchError>(case)
        };
        let measured = match system {
            System::Tree => pleat::run(&case(&mut meter)?, Mode::Tree, &mut meter),
            System::Chain => pleat::run(&case(&mut meter)?, Mode::Chain, &mut meter),
            System::Clear => clear::run(&case(&mut meter)?, &mut meter),
            System::Folding => folding::run::<Ours>(&*net()?, &mut meter),
            System::FoldingNova => folding::run::<Novas>(&*net()?, &mut meter),
            System::Monolithic => monolithic::run::<Ours>(&net()?, &mut meter),
            System::MonolithicNova => monolithic::run::<Novas>(&net()?, &mut meter),
        }?;
        report(Event::Measured(measured.clone()));
        Ok(measured)
    }
}
