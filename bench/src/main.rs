//! `pleat-bench`: measures, and makes plots and tables of what was measured.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pleat_bench::BenchError;
use pleat_bench::child::{self, Limits, Outcome};
use pleat_bench::job::{Job, System};
use pleat_bench::nets::Shape;
use pleat_bench::plan::{self, Series};
use pleat_bench::rows::{self, Host, Row};
use pleat_bench::{plots, tables};

/// Measures Pleat, and makes plots and tables of what was measured.
///
/// Every run is a process of its own with a limit of time and memory; what does not fit is a row that says so, and larger networks
/// of its series are not tried. Raw rows go to RESULTS/NAME.csv, one by one. Let the machine do nothing else: `pleat-bench all`
/// takes about an hour on two cores.
///
/// Examples:
///   pleat-bench all                             measure everything, draw, renew docs/benchmarks.md
///   pleat-bench models                          medians of five of the quoted networks, with their limits
///   pleat-bench folding --dense 16 --depths 1,2,4,8 --systems pleat,folding
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
    /// Seconds that one run may take, making the network and keys included [default: 120 for folding, else 900]
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
    /// Pleat, direct folding, one constraint system, and sumchecks in the clear, by depth
    Folding(FoldingArgs),
    /// Pleat as rows, weights or layers grow
    Growth(Repetitions),
    /// The quoted networks: medians, and whether the limits hold
    Models(ModelsArgs),
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
}

#[derive(Args, Clone, Copy)]
struct Repetitions {
    /// Runs of each
    #[arg(long, default_value_t = 1)]
    repetitions: usize,
}

#[derive(Args, Clone, Copy)]
struct ModelsArgs {
    /// Runs of each
    #[arg(long, default_value_t = MODEL_RUNS)]
    repetitions: usize,
}

/// The comparison whose runs are expected not to fit.
const FOLDING: &str = "folding";

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
    #[command(flatten)]
    repetitions: Repetitions,
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
        Command::Folding(args) => {
            let dense = args.dense.iter().map(|width| Shape::Dense {
                batch: 1,
                width: *width,
            });
            let mut shapes: Vec<Shape> = dense.chain(args.conv.iter().copied()).collect();
            if shapes.is_empty() {
                shapes = plan::SHAPES.to_vec();
            }
            let series = plan::folding(&shapes, &args.systems, &args.depths);
            measure(cli, FOLDING, &series, args.repetitions.repetitions)
        }
        Command::Growth(args) => measure(cli, "growth", &plan::growth(), args.repetitions),
        Command::Models(args) => {
            measure(cli, "models", &plan::models(), args.repetitions)?;
            let tables = tables::all(&all_rows(cli)?);
            print(tables.iter().filter(|(name, _)| *name == "models"))
        }
        Command::Plot => plot(cli),
        Command::Tables(args) => write_tables(cli, args),
        Command::All(args) => {
            measure(cli, "models", &plan::models(), MODEL_RUNS)?;
            measure(cli, "growth", &plan::growth(), 1)?;
            let folding = plan::folding(&plan::SHAPES, &plan::SYSTEMS, &plan::DEPTHS);
            measure(cli, FOLDING, &folding, 1)?;
            plot(cli)?;
            write_tables(cli, args)
        }
    }
}

fn file(cli: &Cli, name: &str) -> PathBuf {
    cli.results.join(format!("{name}.csv"))
}

fn all_rows(cli: &Cli) -> Result<tables::AllRows, BenchError> {
    Ok(tables::AllRows {
        folding: rows::read(&file(cli, FOLDING))?,
        growth: rows::read(&file(cli, "growth"))?,
        models: rows::read(&file(cli, "models"))?,
        peers: rows::read(&file(cli, "peers"))?,
    })
}

/// Runs all jobs; a series ends where one does not fit.
fn measure(cli: &Cli, name: &str, series: &[Series], repetitions: usize) -> Result<(), BenchError> {
    let file = file(cli, name);
    if !cli.append && file.exists() {
        std::fs::remove_file(&file).map_err(BenchError::Io)?;
    }
    let own = if name == FOLDING {
        plan::COMPARED
    } else {
        plan::ALONE
    };
    let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let memory = |gib: f64| (gib * f64::from(1 << 30)) as u64;
    let limits = Limits {
        time: cli.timeout.map_or(own.time, time),
        memory: cli.memory.map_or(own.memory, memory),
    };
    let jobs = series.iter().map(|s| s.jobs.len()).sum::<usize>() * repetitions;
    let bar = bar(cli.quiet, jobs);
    for series in series {
        let mut tried = 0;
        'jobs: for job in &series.jobs {
            for repetition in 1..=repetitions {
                let row = one(cli, &bar, series.comparison, job, limits, repetition)?;
                rows::append(&file, &row)?;
                tried += 1;
                bar.inc(1);
                if !cli.quiet {
                    bar.suspend(|| note(&line(&row)));
                }
                if !row.is_ok() {
                    break 'jobs;
                }
            }
        }
        bar.inc((series.jobs.len() * repetitions - tried) as u64);
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
    let title = match facts.depth {
        0 => format!("{system}: {}", facts.network),
        depth => format!("{system}: {}, {depth} layers", facts.network),
    };
    bar.set_message(title.clone());
    let mut doing = |what: &str| bar.set_message(format!("{title}: {what}"));
    let host = Host::here();
    let run = child::measure(job, limits, &mut doing)?;
    if let (Outcome::Failed(error), false) = (&run.outcome, cli.quiet) {
        bar.suspend(|| note(&format!("{title} failed: {error}")));
    }
    Ok(Row::new(&host, comparison, system, repetition, &run))
}

fn line(row: &Row) -> String {
    let Row {
        system,
        network,
        depth,
        ..
    } = row;
    let measured = || {
        Some(format!(
            "setup {:.2} s, prove {:.2} s, verify {:.3} s, {} bytes, {} MiB",
            row.setup?,
            row.wall?,
            row.verify?,
            row.proof_bytes?,
            row.peak_bytes? >> 20
        ))
    };
    let result = measured().unwrap_or_else(|| row.status.clone());
    format!("{system:12} {network}, {depth} layers: {result}")
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
        return print(tables.iter());
    }
    tables::into_file(&args.into, &tables)
}

fn print<'a>(tables: impl Iterator<Item = &'a (&'static str, String)>) -> Result<(), BenchError> {
    let mut out = std::io::stdout().lock();
    for (_, table) in tables {
        writeln!(out, "{table}").map_err(BenchError::Io)?;
    }
    Ok(())
}

fn note(text: &impl Display) {
    // If standard error is closed there is nowhere to say so.
    let _ = writeln!(std::io::stderr(), "{text}");
}
