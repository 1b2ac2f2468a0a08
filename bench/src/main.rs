//! `pleat-bench`: measures, and makes plots and tables of what was measured.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pleat_bench::BenchError;
use pleat_bench::child::{self, Limits, Outcome};
use pleat_bench::job::{Job, Subject, System};
use pleat_bench::lanes::{self, Side};
use pleat_bench::large::{self, Large, Program as LargeProgram};
use pleat_bench::nets::Shape;
use pleat_bench::plan::{self, Limit, Series};
use pleat_bench::processes::{self, Prepared, Program, Stand};
use pleat_bench::rows::{self, Host, Row};
use pleat_bench::{plots, tables};

/// Measures Pleat, and makes plots and tables of what was measured.
///
/// Every run is a process of its own with a limit of time and memory; what does not fit is a row that says so, and larger networks
/// are not tried with the same system. Raw rows go to RESULTS/NAME.csv, one by one. Let the machine do nothing else: `pleat-bench
/// all` takes about an hour on two cores.
///
/// Examples:
///   cargo build --release --workspace           also the programs that `processes` and `all` run
///   pleat-bench all                             measure everything, draw, renew docs/benchmarks.md
///   pleat-bench models                          medians of five of the quoted networks, with their limits
///   pleat-bench folding --dense 16 --depths 1,2,4,8 --systems tree,folding --cores 1,2
///   pleat-bench plot; pleat-bench tables        from the rows that are there
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// No progress, no notes: errors only
    #[arg(long, global = true)]
    quiet: bool,
    /// Folder of raw rows and plots
    #[arg(long, global = true, default_value_os_t = repository("bench/results"))]
    results: PathBuf,
    /// Seconds that one run may take, making the network and keys included [default: 60 for folding, else 900]
    #[arg(long, global = true)]
    timeout: Option<f64>,
    /// GiB of memory that one run may take [default: 10 for folding, else 20]
    #[arg(long, global = true)]
    memory: Option<f64>,
    /// Keep the rows that are there, and add to them
    #[arg(long, global = true)]
    append: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Pleat's two modes, direct folding, one constraint system, and sumchecks in the clear, by depth
    Folding(FoldingArgs),
    /// Pleat as rows, weights or layers grow
    Growth(GrowthArgs),
    /// The quoted networks in both modes: medians, and whether the limits hold
    Models(Repetitions),
    /// `pleat prove`, `pleat-verify` and `pleat demo` as whole processes
    Processes(ProcessesArgs),
    /// `pleat prove`, and millions of rows, with vectors of eight field elements and without
    Lanes(Repetitions),
    /// Language models from `pleat compile` to `pleat-verify`, and many decisions in one proof
    Large(LargeArgs),
    /// Draw the rows as SVG and PNG
    Plot,
    /// Write the rows' tables into a page
    Tables(TablesArgs),
    /// Everything: measure, draw, write tables
    All(TablesArgs),
    /// One run; the program calls itself so
    #[command(name = child::SUBCOMMAND, hide = true)]
    Measure {
        /// JSON
        job: String,
    },
    /// A network's files; likewise
    #[command(name = processes::SUBCOMMAND, hide = true)]
    Prepare {
        /// JSON
        order: String,
    },
}

#[derive(Args, Clone, Copy)]
struct Repetitions {
    /// Runs of each
    #[arg(long, default_value_t = MODEL_RUNS)]
    repetitions: usize,
}

#[derive(Args)]
struct LargeArgs {
    /// Some of the models only, by name; llama, which takes 5 GB of memory to compile, is measured only so
    #[arg(long, value_delimiter = ',', value_parser = large_model)]
    models: Vec<&'static Large>,
}

/// One of the large models.
fn large_model(name: &str) -> Result<&'static Large, String> {
    let found = large::MODELS.iter().find(|m| m.name == name);
    found.ok_or_else(|| {
        let names = large::MODELS.map(|m| m.name).join(", ");
        format!("{name} is none of the models: {names}")
    })
}

#[derive(Args)]
struct GrowthArgs {
    /// Modes of Pleat's
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [System::Tree])]
    systems: Vec<System>,
    /// Runs of each
    #[arg(long, default_value_t = 1)]
    repetitions: usize,
}

#[derive(Args)]
struct ProcessesArgs {
    /// Some of the quoted networks only, by name
    #[arg(long, value_delimiter = ',', value_parser = quoted)]
    networks: Vec<Subject>,
    /// Modes of Pleat's
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = plan::MODES)]
    systems: Vec<System>,
    #[command(flatten)]
    repetitions: Repetitions,
}

/// One of the quoted networks.
fn quoted(name: &str) -> Result<Subject, String> {
    let subjects = plan::MODELS.map(|limit| limit.subject);
    let found = subjects.into_iter().find(|s| s.name() == name);
    found.ok_or_else(|| {
        let names = subjects.map(|s| s.name()).join(", ");
        format!("{name} is none of the quoted networks: {names}")
    })
}

/// The comparison whose runs are expected not to fit.
const FOLDING: &str = "folding";
const GROWTH: &str = "growth";
const MODELS: &str = "models";
const PROCESSES: &str = "processes";
const LANES: &str = "lanes";
const LARGE: &str = "large";

/// Medians of quoted figures are over so many runs.
const MODEL_RUNS: usize = 5;

#[derive(Args)]
struct FoldingArgs {
    /// Dense networks of these widths; with neither --dense nor --conv, the documented ones
    #[arg(long, value_delimiter = ',')]
    dense: Vec<usize>,
    /// Convolutional networks of these CHANNELSxSIDE
    #[arg(long, value_delimiter = ',', value_parser = conv)]
    conv: Vec<Shape>,
    /// Layers
    #[arg(long, value_delimiter = ',', default_values_t = plan::DEPTHS)]
    depths: Vec<usize>,
    /// What proves
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = plan::SYSTEMS)]
    systems: Vec<System>,
    /// Logical processors that each run is kept to, one comparison for each number [default: all]
    #[arg(long, value_delimiter = ',')]
    cores: Vec<NonZeroUsize>,
    /// Runs of each [default: 3 of tree, chain and clear, which are short, and 1 of the others]
    #[arg(long)]
    repetitions: Option<usize>,
}

#[derive(Args)]
struct TablesArgs {
    /// The page whose tables are renewed
    #[arg(long, default_value_os_t = repository("docs/benchmarks.md"))]
    into: PathBuf,
    /// Write the tables to standard output instead
    #[arg(long)]
    print: bool,
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn conv(text: &str) -> Result<Shape, String> {
    let parts = text.split_once('x').and_then(|(channels, side)| {
        Some(Shape::Conv {
            channels: channels.parse().ok()?,
            side: side.parse().ok()?,
        })
    });
    parts.ok_or_else(|| format!("{text} is not CHANNELSxSIDE, as 2x8 is"))
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<(), BenchError> {
    match &cli.command {
        Command::Measure { job } => child::serve(job),
        Command::Prepare { order } => processes::serve(order),
        Command::Folding(args) => compare(cli, args),
        Command::Growth(args) => {
            fresh(cli, GROWTH)?;
            let series = plan::growth(&args.systems, args.repetitions);
            measure(cli, GROWTH, &series, None)
        }
        Command::Models(args) => {
            fresh(cli, MODELS)?;
            measure(cli, MODELS, &plan::models(args.repetitions), None)?;
            print(cli, &["models", "stages"])
        }
        Command::Processes(args) => {
            whole(cli, args)?;
            print(cli, &["processes"])
        }
        Command::Lanes(args) => {
            beside(cli, args.repetitions)?;
            print(cli, &["lanes"])
        }
        Command::Large(args) => {
            large_models(cli, args)?;
            print(cli, &["large", "large-stages"])
        }
        Command::Plot => plot(cli),
        Command::Tables(args) => write_tables(cli, args),
        Command::All(args) => {
            all(cli)?;
            plot(cli)?;
            write_tables(cli, args)
        }
    }
}

/// Everything that the page shows, but for other systems.
fn all(cli: &Cli) -> Result<(), BenchError> {
    // Before anything else, so that a program that was not built is noticed now.
    whole(
        cli,
        &ProcessesArgs {
            networks: Vec::new(),
            systems: plan::MODES.to_vec(),
            repetitions: Repetitions {
                repetitions: MODEL_RUNS,
            },
        },
    )?;
    beside(cli, MODEL_RUNS)?;
    for name in [MODELS, GROWTH, FOLDING] {
        fresh(cli, name)?;
    }
    measure(cli, MODELS, &plan::models(MODEL_RUNS), None)?;
    measure(cli, GROWTH, &plan::growth(&[System::Tree], 1), None)?;
    let folding = |shapes| plan::folding(shapes, &plan::SYSTEMS, &plan::DEPTHS, None);
    measure(cli, FOLDING, &folding(&plan::SHAPES), None)?;
    if Host::here().cores == 1 {
        return Ok(());
    }
    let some = plan::SHAPES.get(..plan::ONE_CORE_SHAPES);
    measure(cli, FOLDING, &folding(some.unwrap_or_default()), Some(1))
}

/// The comparison with other ways to prove.
fn compare(cli: &Cli, args: &FoldingArgs) -> Result<(), BenchError> {
    let dense = args.dense.iter().map(|width| Shape::Dense {
        batch: 1,
        width: *width,
    });
    let mut shapes: Vec<Shape> = dense.chain(args.conv.iter().copied()).collect();
    if shapes.is_empty() {
        shapes = plan::SHAPES.to_vec();
    }
    let series = plan::folding(&shapes, &args.systems, &args.depths, args.repetitions);
    let there = Host::here().cores;
    let numbers = args.cores.iter().map(|cores| cores.get());
    if let Some(asked) = numbers.clone().find(|cores| *cores > there) {
        return Err(BenchError::Cores { asked, there });
    }
    fresh(cli, FOLDING)?;
    if args.cores.is_empty() {
        return measure(cli, FOLDING, &series, None);
    }
    numbers
        .into_iter()
        .try_for_each(|cores| measure(cli, FOLDING, &series, Some(cores)))
}

fn file(cli: &Cli, name: &str) -> PathBuf {
    cli.results.join(format!("{name}.csv"))
}

fn all_rows(cli: &Cli) -> Result<tables::AllRows, BenchError> {
    Ok(tables::AllRows {
        folding: rows::read(&file(cli, FOLDING))?,
        growth: rows::read(&file(cli, GROWTH))?,
        models: rows::read(&file(cli, MODELS))?,
        processes: rows::read(&file(cli, PROCESSES))?,
        lanes: rows::read(&file(cli, LANES))?,
        large: rows::read(&file(cli, LARGE))?,
        peers: rows::read(&file(cli, "peers"))?,
    })
}

/// Removes the rows that are there, unless they are to be kept.
fn fresh(cli: &Cli, name: &str) -> Result<(), BenchError> {
    let file = file(cli, name);
    if !cli.append && file.exists() {
        std::fs::remove_file(&file).map_err(BenchError::Io)?;
    }
    Ok(())
}

/// What one run may take.
fn limits(cli: &Cli, name: &str, cores: Option<usize>) -> Limits {
    let own = if name == FOLDING {
        plan::COMPARED
    } else {
        plan::ALONE
    };
    let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let memory = |gib: f64| (gib * f64::from(1 << 30)) as u64;
    Limits {
        time: cli.timeout.map_or(own.time, time),
        memory: cli.memory.map_or(own.memory, memory),
        cores,
        lanes: true,
    }
}

/// Writes a row, and says what is in it.
fn keep(cli: &Cli, bar: &ProgressBar, file: &Path, row: &Row) -> Result<(), BenchError> {
    rows::append(file, row)?;
    bar.inc(1);
    if !cli.quiet {
        bar.suspend(|| note(&line(row)));
    }
    Ok(())
}

/// Runs all jobs, those of a round in turn; a system takes part in a series until it does not fit.
fn measure(
    cli: &Cli,
    name: &str,
    series: &[Series],
    cores: Option<usize>,
) -> Result<(), BenchError> {
    let file = file(cli, name);
    let limits = limits(cli, name, cores);
    let runs: usize = series.iter().map(Series::runs).sum();
    let bar = bar(cli.quiet, runs);
    let mut planned = 0;
    for series in series {
        planned += series.runs() as u64;
        let mut out: Vec<System> = Vec::new();
        for round in &series.rounds {
            let most = round.iter().map(|turn| turn.repetitions).max();
            for repetition in 1..=most.unwrap_or(0) {
                for turn in round.iter().filter(|turn| turn.repetitions >= repetition) {
                    if out.contains(&turn.job.system) {
                        continue;
                    }
                    let row = one(cli, &bar, series.comparison, &turn.job, limits, repetition)?;
                    keep(cli, &bar, &file, &row)?;
                    if !row.is_ok() {
                        out.push(turn.job.system);
                    }
                }
            }
        }
        bar.set_position(planned);
    }
    bar.finish_and_clear();
    Ok(())
}

fn one(
    cli: &Cli,
    bar: &ProgressBar,
    comparison: &str,
    job: &Job,
    limits: Limits,
    repetition: usize,
) -> Result<Row, BenchError> {
    let facts = job.subject.facts();
    let system = job.system.name();
    let title = format!("{system}: {}", layers(&facts.network, facts.depth));
    bar.set_message(title.clone());
    let mut doing = |what: &str| bar.set_message(format!("{title}: {what}"));
    let host = Host::with_cores(limits.cores);
    let run = child::measure(job, limits, &mut doing)?;
    if let (Outcome::Failed(error), false) = (&run.outcome, cli.quiet) {
        bar.suspend(|| note(&format!("{title} failed: {error}")));
    }
    Ok(Row::new(&host, comparison, system, repetition, &run))
}

/// Runs the programs as a user would.
fn whole(cli: &Cli, args: &ProcessesArgs) -> Result<(), BenchError> {
    let stand = Stand::beside_this_program()?;
    fresh(cli, PROCESSES)?;
    let file = file(cli, PROCESSES);
    let limits = limits(cli, PROCESSES, None);
    let repetitions = args.repetitions.repetitions;
    let wanted =
        |limit: &&Limit| args.networks.is_empty() || args.networks.contains(&limit.subject);
    let networks: Vec<&Limit> = plan::MODELS.iter().filter(wanted).collect();
    let programs = Program::OF_NETWORKS.len();
    let runs = (networks.len() * programs * args.systems.len() + 1) * repetitions;
    let bar = bar(cli.quiet, runs);
    for limit in networks {
        bar.set_message(format!("{}: making its files", limit.subject.name()));
        let prepared = stand.prepare(limit.subject)?;
        for system in &args.systems {
            // What goes wrong here goes wrong again when it is measured.
            stand.warm_up(&prepared, *system, limits)?;
        }
        for program in Program::OF_NETWORKS {
            for repetition in 1..=repetitions {
                for system in &args.systems {
                    let turn = (program, *system, repetition);
                    let row = process(&bar, &stand, &prepared, turn, limits)?;
                    keep(cli, &bar, &file, &row)?;
                }
            }
        }
    }
    for repetition in 1..=repetitions {
        let program = Program::Demo;
        bar.set_message(program.title());
        let host = Host::here();
        let outcome = stand.demo(limits)?;
        let facts = processes::DEMO.facts();
        let system = System::Tree.name();
        let row = Row::process(
            &host,
            program.comparison(),
            system,
            repetition,
            &facts,
            &outcome,
        );
        keep(cli, &bar, &file, &row)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// The same with lanes and without, in turn.
fn beside(cli: &Cli, repetitions: usize) -> Result<(), BenchError> {
    let stand = Stand::beside_this_program()?;
    fresh(cli, LANES)?;
    let file = file(cli, LANES);
    let limits = limits(cli, LANES, None);
    let long = repetitions.min(lanes::ROWS_RUNS);
    let runs = Side::ALL.len() * (lanes::PROCESSES.len() * repetitions + long);
    let bar = bar(cli.quiet, runs);
    for bound in &lanes::PROCESSES {
        bar.set_message(format!("{}: making its files", bound.subject.name()));
        let prepared = stand.prepare(bound.subject)?;
        stand.warm_up(&prepared, System::Tree, limits)?;
        for repetition in 1..=repetitions {
            for side in Side::ALL {
                let turn = (Program::Prove, System::Tree, repetition);
                let row = process(&bar, &stand, &prepared, turn, side.of(limits))?;
                let comparison = side.comparison().to_owned();
                keep(cli, &bar, &file, &Row { comparison, ..row })?;
            }
        }
    }
    let job = Job {
        subject: lanes::ROWS.subject,
        system: System::Tree,
    };
    for repetition in 1..=long {
        for side in Side::ALL {
            let comparison = side.comparison();
            let row = one(cli, &bar, comparison, &job, side.of(limits), repetition)?;
            keep(cli, &bar, &file, &row)?;
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Large models, one after the other.
fn large_models(cli: &Cli, args: &LargeArgs) -> Result<(), BenchError> {
    let programs = processes::programs_beside()?;
    fresh(cli, LARGE)?;
    let file = file(cli, LARGE);
    let limits = Limits {
        time: cli
            .timeout
            .map_or(large::LIMITS.time, Duration::from_secs_f64),
        ..large::LIMITS
    };
    let usual = large::MODELS.iter().take(large::USUAL);
    let models: Vec<&Large> = if args.models.is_empty() {
        usual.collect()
    } else {
        args.models.clone()
    };
    let runs = LargeProgram::RUNS
        .iter()
        .map(|(_, runs)| runs)
        .sum::<usize>();
    let bar = bar(cli.quiet, runs * models.len());
    for (done, model) in models.into_iter().enumerate() {
        bar.set_message(format!("{}: making it", model.name));
        let bench = large::Bench::new(model, programs.clone())?;
        let mut facts = large::facts(model, &serde_json::Value::Null);
        'model: for (program, repetitions) in LargeProgram::RUNS {
            for repetition in 1..=repetitions {
                bar.set_message(format!("{}: {}", model.name, program.title()));
                let host = Host::here();
                let (outcome, told) = bench.run(program, limits)?;
                if program == LargeProgram::Compile {
                    facts = large::facts(model, &told);
                }
                let (comparison, system) = (program.comparison(), System::Tree.name());
                let mut row = Row::process(&host, comparison, system, repetition, &facts, &outcome);
                large::tell(&mut row, &told);
                keep(cli, &bar, &file, &row)?;
                if !row.is_ok() {
                    break 'model;
                }
            }
        }
        bar.set_position((runs * (done + 1)) as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

fn process(
    bar: &ProgressBar,
    stand: &Stand,
    prepared: &Prepared,
    (program, system, repetition): (Program, System, usize),
    limits: Limits,
) -> Result<Row, BenchError> {
    let (facts, name) = (&prepared.facts, system.name());
    bar.set_message(format!("{name}: {}, {}", program.title(), facts.network));
    let host = Host::here();
    let outcome = stand.run(program, prepared, system, limits)?;
    let mut row = Row::process(
        &host,
        program.comparison(),
        name,
        repetition,
        facts,
        &outcome,
    );
    if program == Program::Prove && row.is_ok() {
        row.proof_bytes = Some(prepared.proof_bytes(system)?);
    }
    Ok(row)
}

/// A network of so many layers, if they are known.
fn layers(network: &str, depth: usize) -> String {
    match depth {
        0 => network.to_owned(),
        depth => format!("{network}, {depth} layers"),
    }
}

fn line(row: &Row) -> String {
    let Row {
        system,
        network,
        depth,
        ..
    } = row;
    let measured = || {
        let wall = format!("{:.2} s", row.wall?);
        let memory = format!("{} MiB", row.peak_bytes? >> 20);
        let (Some(setup), Some(verify), Some(bytes)) = (row.setup, row.verify, row.proof_bytes)
        else {
            return Some(format!("{}: {wall}, {memory}", row.comparison));
        };
        Some(format!(
            "setup {setup:.2} s, prove {wall}, verify {verify:.3} s, {bytes} bytes, {memory}"
        ))
    };
    let result = measured().unwrap_or_else(|| row.status.clone());
    format!("{system:12} {}: {result}", layers(network, *depth))
}

fn bar(quiet: bool, jobs: usize) -> ProgressBar {
    let bar = ProgressBar::new(jobs as u64);
    let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {bar:24} {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if quiet || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    } else {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}

fn plot(cli: &Cli) -> Result<(), BenchError> {
    let rows = all_rows(cli)?;
    for drawn in plots::draw_all(&cli.results, &rows.folding, &rows.growth)? {
        if !cli.quiet {
            let file = cli.results.join(drawn);
            note(&format!("drawn: {}.svg, .png", file.display()));
        }
    }
    Ok(())
}

fn write_tables(cli: &Cli, args: &TablesArgs) -> Result<(), BenchError> {
    let tables = tables::all(&all_rows(cli)?);
    if args.print {
        let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
        return print(cli, &names);
    }
    tables::into_file(&args.into, &tables)
}

/// Some of the tables, to standard output.
fn print(cli: &Cli, names: &[&str]) -> Result<(), BenchError> {
    let mut out = std::io::stdout().lock();
    let tables = tables::all(&all_rows(cli)?);
    for (_, table) in tables.iter().filter(|(name, _)| names.contains(name)) {
        writeln!(out, "{table}").map_err(BenchError::Io)?;
    }
    Ok(())
}

fn note(text: &impl Display) {
    // If standard error is closed there is nowhere to say so.
    let _ = writeln!(std::io::stderr(), "{text}");
}
