//! Where text goes: results to standard output, everything else to standard error; and one progress bar, which shows up only
//! on a terminal and only if the command takes longer than a second.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::error::CliError;

/// How long a command works before the bar shows up.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// Standard output, standard error and the bar.
pub struct Console {
    json: bool,
    quiet: bool,
    bar: ProgressBar,
    /// Dropping it ends the thread that shows the bar.
    _alive: Option<Sender<()>>,
}

impl Console {
    /// The process's own streams.
    pub fn new(json: bool, quiet: bool) -> Self {
        let bar = ProgressBar::hidden();
        bar.set_style(spinner());
        let shown = !quiet && std::io::stderr().is_terminal();
        let alive = shown.then(|| show_later(bar.clone()));
        Self {
            json,
            quiet,
            bar,
            _alive: alive,
        }
    }

    /// A stage of the protocol, or of the command, begins.
    pub fn stage(&self, name: impl Into<std::borrow::Cow<'static, str>>) {
        self.bar.set_style(spinner());
        self.bar.set_message(name);
    }

    /// So much of so much of a stage is done.
    pub fn progress(&self, name: &'static str, done: u64, total: u64) {
        if total > 1 {
            self.bar.set_style(counter());
            self.bar.set_length(total);
            self.bar.set_position(done);
            self.bar.set_message(name);
        } else {
            self.stage(name);
        }
    }

    /// Text for the user beside the result: standard error, unless quiet.
    pub fn note(&self, text: &impl Display) {
        if !self.quiet {
            self.bar.suspend(|| to_standard_error(text));
        }
    }

    /// The command's result: standard output.
    pub fn finish(&self, result: &(impl Serialize + Display)) -> Result<(), CliError> {
        self.bar.finish_and_clear();
        let text = if self.json {
            serde_json::to_string(result)? + "\n"
        } else {
            result.to_string()
        };
        print(&text)
    }

    /// Part of a result that is shown as it comes about; nothing if the result is JSON.
    pub fn show(&self, text: &impl Display) -> Result<(), CliError> {
        if self.json {
            return Ok(());
        }
        self.bar.suspend(|| print(&format!("{text}\n")))
    }

    /// The command could not be carried out.
    pub fn fail(&self, error: &CliError) {
        self.bar.finish_and_clear();
        to_standard_error(&format!("error: {error}"));
        if self.json {
            let object = serde_json::json!({ "error": error.to_string() });
            // Standard output may be what failed; there is nobody left to tell.
            let _ = print(&format!("{object}\n"));
        }
    }
}

fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(CliError::StandardOutput)
}

fn to_standard_error(text: &impl Display) {
    // If standard error is closed there is nowhere to say so.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn show_later(bar: ProgressBar) -> Sender<()> {
    let (alive, ended) = channel();
    std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) && !bar.is_finished() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(TICK);
        }
    });
    alive
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn spinner() -> ProgressStyle {
    style("{spinner} {elapsed:>4} {msg}")
}

fn counter() -> ProgressStyle {
    style("{spinner} {elapsed:>4} {msg} {bar:24} {pos}/{len}")
}

/// A number with its thousands set off.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
