//! The options of all commands, with the help that teaches them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pleat_verifier::command::{ChainArgs, ManyArgs, Samples, VerifyArgs};
use pleat_verifier::fold::Mode;

#[cfg(feature = "serve")]
use crate::service::{McpArgs, ServeArgs};

/// Proves that a committed neural network, run on an input, gave an output, without showing the weights, the activations
/// or, if you like, the input and the output.
#[derive(Parser)]
#[command(
    version,
    max_term_width = 110,
    after_help = "\
A first proof, with a bundled model:
  pleat demo

With your own:
  pleat compile credit_mlp.onnx --calibration credit-300.npz   # once per model: credit_mlp.pleat, credit_mlp.vmodel
  pleat prove credit_mlp.pleat --input applicants.npz --index 7 --hide input
  pleat verify credit_mlp.vmodel credit_mlp.proof              # needs no weights and no input

Who holds what:
  MODEL.pleat    the prover: weights and the blinds of their commitment. Secret.
  MODEL.vmodel   everyone: the network's shape and a commitment to its weights. The model id is its hash.
  PROOF          everyone: one per run; public inputs and outputs are in it.
  PROOF.secret   the prover: opens hidden inputs and outputs later (`pleat open`). Secret.

DATA is .npy, .npz (FILE.npz:ARRAY names an array; default the first), JSON {\"input_data\": [[…]]} as EZKL writes it, or an
ONNX TensorProto in .pb. A leading axis counts samples; --index picks one.

Exit codes: 0 good, 1 the proof is invalid, 2 the command could not be carried out."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
}

/// Options of every command.
#[derive(Args)]
pub struct Common {
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Print results and errors only: no progress, no timing table, no warnings
    #[arg(long, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Quantize a model, ONNX or a Hugging Face folder, and commit to its weights
    Compile(CompileArgs),
    /// Run a compiled model on an input and prove the run
    Prove(ProveArgs),
    /// Check a proof
    #[command(long_about = VERIFY_HELP)]
    Verify(VerifyTextArgs),
    /// Check proofs that take each other's outputs as inputs, by their receipts
    #[command(long_about = CHAIN_HELP)]
    VerifyChain(ChainArgs),
    /// Check proofs of many inputs, as a manifest lists them
    #[command(long_about = MANY_HELP)]
    VerifyMany(ManyArgs),
    /// Run a compiled model in integers, without a proof
    Run(RunArgs),
    /// Say what a file is and what it shows
    Inspect(InspectArgs),
    /// Build the parameters of the mode `chain`, which all models share, and cache them
    ///
    /// Proofs of the mode `tree` need none. Commands that make or check a proof of the mode `chain` build them when they are missing. The cache is in $PLEAT_CACHE if that is set (empty: no cache), otherwise in
    /// the folder `pleat` of the platform's cache folder. What is loaded from it is checked against a digest that is part of
    /// this program, so that a damaged cache costs time, not soundness.
    Setup,
    /// Compile, prove, verify and tamper with a bundled model
    ///
    /// A small network decides about a credit application. Its decision is proved without showing the applicant's data,
    /// the proof is verified, and a forged decision is refused. Nothing is left behind but cached generators.
    Demo,
    /// Reveal a hidden input or output of a proof: write an opening that a verifier can check
    Open(OpenArgs),
    /// Derive the model of several samples at once from that of one
    Batch(BatchArgs),
    /// Serve models to an agent, over the Model Context Protocol
    #[cfg(feature = "serve")]
    Mcp(McpArgs),
    /// Serve models over HTTP, with a queue of proofs that survives a kill
    #[cfg(feature = "serve")]
    Serve(ServeArgs),
}

const VERIFY_HELP: &str = "\
Check a proof

Prints what the proof shows. Options demand more: that the model id is one you trust, that an input or output is the one you \
know. A demand that does not hold makes the proof invalid (exit code 1); one about a hidden value cannot be checked without \
an opening (exit code 2). Real numbers are rounded to the model's integers before they are compared.

Several proofs about one model are checked together, which takes a fraction of the time that each takes by itself; bad ones are \
named. Exit code 1 if one is.

`pleat-verify` does the same in a smaller program, with DATA in JSON only.";

const CHAIN_HELP: &str = "\
Check proofs that take each other's outputs as inputs, by their receipts

Every proof is verified, all that the receipts say is compared with the proofs, every previous receipt has to be there \
unchanged, and every input that is said to be a tensor of another proof has to carry the same commitments, with the same \
scale. Nobody learns the values that pass from one proof to the next.

Models are found in the receipts' folders, or with --model; the proof of PROOF.receipt.json is PROOF beside it, or one \
given with --proof. Exit code 1 if something does not hold: the receipt or the link is named.

Example:
  pleat verify-chain score.proof.receipt.json decision.proof.receipt.json";

const MANY_HELP: &str = "\
Check proofs of many inputs, as a manifest lists them

A manifest is what `pleat.ray.prove_many` (of the Python package) writes beside the proofs and receipts of many inputs. Checked is that \
every input has one proof, that every proof is valid, all together, and that every receipt is the one that the manifest names and says \
what its proof says. Exit code 1 if something does not hold: each proof that is refused, and each input without one, is named.

Example:
  pleat verify-many proofs/manifest.json --model-id f41b94a5…";

/// Quantize a model and commit to its weights.
///
/// The model is an ONNX file, or a folder of the families GPT-2, Llama or BERT as Hugging Face has them: config.json and
/// model.safetensors, one file or several.
///
/// Writes BASE.pleat (for the prover; secret) and BASE.vmodel (for everyone). Weights and activations become integers; the
/// calibration samples fix each tensor's range, so they should be typical inputs, a hundred or more. An input that drives a
/// tensor out of its range cannot be proved: --headroom leaves room. The report compares the integer network with
/// the float one on the samples.
///
/// Commitments are blinded: compiling twice gives two model ids.
#[derive(Args)]
#[command(after_help = "Example:
  pleat compile credit_mlp.onnx --calibration credit-300.npz:features -o credit
  pleat compile gpt2 --tokens 32 --last 1 --best logits -o gpt2.pleat")]
pub struct CompileArgs {
    /// The model
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Typical inputs; of a folder, token ids, or a text (.txt), which its tokenizer.json cuts into samples [default for a folder:
    /// seeded random ids]
    #[arg(long, value_name = "DATA")]
    pub calibration: Option<String>,
    /// Of a folder: tokens of a run [default: 16]
    #[arg(long, value_name = "N")]
    pub tokens: Option<usize>,
    /// Of a folder: logits of the last N tokens only [default: of all]
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Width of activations and digits, 2 to 15: one more bit halves the error and doubles the lookup table [default: 14 for a network
    /// that divides, takes roots or exponentiates, else 12]
    #[arg(long, value_name = "B")]
    pub digit_bits: Option<u32>,
    /// How far beyond its calibrated range a tensor may go, as a fraction of the range [default: 0.25; 0.5 without --calibration]
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true)]
    pub headroom: Option<f64>,
    /// Commit to rows of 2^K cells [default: chosen for short proofs that are verified fast]
    #[arg(long, value_name = "K")]
    pub row_bits: Option<u32>,
    /// Give an input the scale of another model's tensor, so that its proofs can take that tensor from the other model's
    /// proofs (`pleat prove --input-from`); NAME and TENSOR may be left out if there is one input and one output
    #[arg(long, value_name = "[NAME=]MODEL.vmodel[:TENSOR]")]
    pub input_like: Vec<String>,
    /// Instead of an output, prove and show the index of its largest element along the last axis, and hide the rest
    #[arg(long, value_name = "OUTPUT")]
    pub best: Vec<String>,
    /// Keep an input of indices, such as token ids, from being public: it costs a row for each index that there might be, and
    /// `prove --hide input` hides it
    #[arg(long, value_name = "INPUT")]
    pub hide: Vec<String>,
    /// Length of a dimension that the model only names
    #[arg(long, value_name = "NAME=N")]
    pub dim: Vec<String>,
    /// Fix an input to a value, for good: shapes, axes and whatever else makes the network what it is
    #[arg(long, value_name = "INPUT=DATA")]
    pub bind: Vec<String>,
    /// Put weights that MODEL.pleat has, too, under its commitments: for the same network of another length, so that others see that
    /// its weights are the same (`pleat inspect A.vmodel --model B.vmodel`)
    #[arg(long, value_name = "MODEL.pleat")]
    pub weights_of: Option<PathBuf>,
    /// Where to write: BASE.pleat and BASE.vmodel [default: the model's name, in this folder]
    #[arg(short, long, value_name = "BASE")]
    pub output: Option<PathBuf>,
}

/// A text instead of DATA.
#[derive(Args, Clone, Debug, Default)]
pub struct PromptOptions {
    /// A text that a language model goes on after, instead of --input
    #[arg(long, value_name = "TEXT", conflicts_with = "input")]
    pub prompt: Option<String>,
    /// The tokenizer of --prompt [default: MODEL.tokenizer.json, which `pleat compile` writes beside the model of a folder]
    #[arg(long, value_name = "FILE", requires = "prompt")]
    pub tokenizer: Option<PathBuf>,
}

/// Options of `pleat verify`: those of `pleat-verify`, and words.
#[derive(Args, Clone, Debug)]
#[command(mut_arg("prompt", |arg| arg.conflicts_with_all(["more", "samples"])))]
pub struct VerifyTextArgs {
    #[command(flatten)]
    pub verify: VerifyArgs,
    #[command(flatten)]
    pub prompt: PromptOptions,
}

/// What a proof may hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hide {
    /// All inputs.
    Input,
    /// All outputs.
    Output,
}

/// A mode of proving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fold {
    /// Committed steps, folded in a tree: fast, needs no parameters; a little longer for every further 74 layers
    Tree,
    /// Hashing steps, folded one after the other by Nova's recursion: of one length for every depth
    Chain,
}

impl From<Fold> for Mode {
    fn from(fold: Fold) -> Self {
        match fold {
            Fold::Tree => Self::Tree,
            Fold::Chain => Self::Chain,
        }
    }
}

/// Run a compiled model on an input and prove the run.
///
/// Inputs and outputs are public unless they are hidden. For hidden ones the proof carries commitments, and their values and
/// blinds go to PROOF.secret, which only you may read (mode 0600): keep it to open them later with `pleat open`, or delete
/// it. The weights and all activations are always hidden.
#[derive(Args)]
#[command(after_help = "Example:
  pleat prove credit.pleat --input credit-300.npz --index 7 --hide input -o seven.proof

A language model goes on after a prompt (`pleat verify --prompt` checks question and answer):
  pleat prove gpt2.pleat --prompt \"The capital of France is\" --answer 8 -o france.proof

One proof about 64 applicants, which costs little more than one about one (`pleat verify --samples 64` checks it):
  pleat prove credit.pleat --input credit-300.npz --index 0..64 -o many.proof

A second model that takes the first one's hidden output (see docs/receipts.md):
  pleat open seven.proof.secret credit.vmodel --port y -o y.opening
  pleat prove decision.pleat --input-from y.opening --hide input --receipt --previous seven.proof.receipt.json")]
pub struct ProveArgs {
    /// The proving model that `pleat compile` wrote
    #[arg(value_name = "MODEL.pleat")]
    pub model: PathBuf,
    /// The input; needed for the tensors that --input-from does not give
    #[arg(long, value_name = "DATA", required_unless_present_any = ["input_from", "prompt"])]
    pub input: Option<String>,
    #[command(flatten)]
    pub prompt: PromptOptions,
    /// With --prompt: let the network write N words, each its first choice after all before, and prove them
    #[arg(long, value_name = "N", default_value_t = 1, requires = "prompt")]
    pub answer: usize,
    /// Sample of --input, counted from 0; or several for one proof: 0..64 are the first 64
    #[arg(long, value_name = "I", default_value_t = Samples::FIRST, requires = "input")]
    pub index: Samples,
    /// Take an input from another proof: an opening of one of its tensors (`pleat open`), whose commitments this proof will
    /// carry, too; NAME may be left out if there is one input
    #[arg(long, value_name = "[NAME=]OPENING")]
    pub input_from: Vec<String>,
    /// Hide the inputs or the outputs; may be given twice
    #[arg(long, value_name = "WHAT")]
    pub hide: Vec<Hide>,
    /// Show the inputs or the outputs, but leave their values out of the proof's file: whoever verifies it has them, and gives them
    /// with `verify --input` or `--output`; may be given twice
    #[arg(long, value_name = "WHAT")]
    pub leave_out: Vec<Hide>,
    /// How the proof hides its steps [default: whichever proof is shorter for this model]
    #[arg(long, value_name = "MODE")]
    pub fold: Option<Fold>,
    /// Write a receipt, PROOF.receipt.json: what the proof says, as JSON that others can keep and refer to by its hash
    #[arg(long)]
    pub receipt: bool,
    /// Put a claim of your own into the receipt; nothing checks it. May be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "receipt")]
    pub claim: Vec<String>,
    /// Put all claims of a JSON object into the receipt
    #[arg(long, value_name = "FILE.json", requires = "receipt")]
    pub claims: Option<PathBuf>,
    /// Let the receipt refer to another one; one is needed for every --input-from. May be given several times
    #[arg(long, value_name = "RECEIPT", requires = "receipt")]
    pub previous: Vec<PathBuf>,
    /// Where to write the proof [default: the model's name with .proof, in this folder]
    #[arg(short, long, value_name = "PROOF")]
    pub output: Option<PathBuf>,
}

/// Run a compiled model in integers, without a proof.
///
/// Prints the outputs that a proof would show: integers, and the real numbers that they stand for.
#[derive(Args)]
pub struct RunArgs {
    /// The proving model that `pleat compile` wrote
    #[arg(value_name = "MODEL.pleat")]
    pub model: PathBuf,
    /// The input
    #[arg(long, value_name = "DATA", required_unless_present = "prompt")]
    pub input: Option<String>,
    /// Sample of --input, counted from 0; or several: 0..64 are the first 64
    #[arg(long, value_name = "I", default_value_t = Samples::FIRST, requires = "input")]
    pub index: Samples,
    #[command(flatten)]
    pub prompt: PromptOptions,
    /// With --prompt: let the network write N words, each its first choice after all before
    #[arg(long, value_name = "N", default_value_t = 1, requires = "prompt")]
    pub answer: usize,
}

/// Say what a file is and what it shows.
///
/// Knows .pleat, .vmodel, proofs, secret files and openings, whatever they are called, and .onnx. The last three of ours can
/// be decoded only with their model.
#[derive(Args)]
pub struct InspectArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The model that a proof, secret file or opening is about; or another model, whose weights are compared with this one's
    #[arg(long, value_name = "MODEL.vmodel")]
    pub model: Option<PathBuf>,
    /// Samples that the proof, secret file or opening is about (`prove --index 0..N`)
    #[arg(long, value_name = "N", default_value_t = 1, requires = "model")]
    pub samples: usize,
}

/// Reveal a hidden input or output of a proof: write an opening that a verifier can check.
///
/// The opening holds the values of one tensor and the blinds of its commitments; whoever has it and the proof is convinced
/// of the values (`pleat verify … --opened FILE`). Other tensors stay hidden.
#[derive(Args)]
#[command(after_help = "Example:
  pleat open seven.proof.secret credit.vmodel --port features -o seven.opening
  pleat verify credit.vmodel seven.proof --opened seven.opening")]
pub struct OpenArgs {
    /// The secret file that `pleat prove` wrote beside the proof
    #[arg(value_name = "PROOF.secret")]
    pub secret: PathBuf,
    /// The verification model
    #[arg(value_name = "MODEL.vmodel")]
    pub model: PathBuf,
    /// Samples that the proof is about (`prove --index 0..N`)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub samples: usize,
    /// Name of the input or output tensor
    #[arg(long, value_name = "NAME")]
    pub port: String,
    /// Where to write the opening
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Derive the model of several samples at once from that of one: the same network with one more axis, the same weights under the
/// same commitments.
///
/// `prove --index 0..N` and `verify --samples N` do so by themselves. The file is for whatever has no such option: a page in a
/// browser, a chain of receipts.
#[derive(Args)]
#[command(after_help = "Example:
  pleat batch credit.vmodel --samples 64 -o credit-64.vmodel")]
pub struct BatchArgs {
    /// The model: MODEL.vmodel
    #[arg(value_name = "MODEL.vmodel")]
    pub model: PathBuf,
    /// How many samples
    #[arg(long, value_name = "N")]
    pub samples: usize,
    /// Where to write the derived model
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}
