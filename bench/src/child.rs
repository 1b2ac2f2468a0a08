//! Runs a job in a process of its own, within limits: what does not fit is a result, not a crash.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::BenchError;
use crate::job::Job;
use crate::measure::{Event, Facts, Measured, memory};

/// Name of the subcommand by which the program calls itself.
pub const SUBCOMMAND: &str = "measure";
/// The signal that ends a process when the machine's memory is short.
const KILL: i32 = 9;
/// How often the limits are checked.
const TICK: Duration = Duration::from_millis(20);

/// What a process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of everything: making the network, setup, proving, verifying.
    pub time: Duration,
    /// Resident memory, in bytes.
    pub memory: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was measured.
    Measured(Measured),
    /// It took longer than [`Limits::time`].
    OutOfTime,
    /// It took more than [`Limits::memory`].
    OutOfMemory,
    /// It failed; its error.
    Failed(String),
}

/// What is known of a run after it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// About the network.
    pub facts: Facts,
    /// Constraints of the circuit, if it came that far.
    pub constraints: Option<usize>,
    /// How it ended.
    pub outcome: Outcome,
}

/// Executes `job` in this process and writes events to standard output, one line of JSON each.
///
/// # Errors
/// The job's, or standard output's.
pub fn serve(job: &str) -> Result<(), BenchError> {
    let job: Job = serde_json::from_str(job)?;
    let mut broken = None;
    let mut report = |event: Event| {
        let line = serde_json::to_string(&event).map_err(BenchError::Json);
        let written = line.and_then(|l| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{l}")
                .and_then(|()| out.flush())
                .map_err(BenchError::Io)
        });
        if let Err(error) = written {
            broken.get_or_insert(error);
        }
    };
    job.run(&mut report)?;
    broken.map_or(Ok(()), Err)
}

/// Executes `job` in a process of its own; `doing` hears what it is at.
///
/// # Errors
/// If no process can be started or watched. What goes wrong inside it is an [`Outcome`].
pub fn measure(job: &Job, limits: Limits, doing: &mut dyn FnMut(&str)) -> Result<Run, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::Io)?;
    let command = Command::new(program)
        .args([SUBCOMMAND, &serde_json::to_string(job)?])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Guard(command.map_err(BenchError::Io)?);
    let events = events(&mut child.0);
    let complaints = complaints(&mut child.0);
    let start = Instant::now();
    let mut run = Run {
        facts: job.subject.facts(),
        constraints: None,
        outcome: Outcome::Failed(String::new()),
    };
    let process = child.0.id().to_string();
    let stopped = loop {
        match events.recv_timeout(TICK) {
            Ok(Event::Facts(facts)) => run.facts = facts,
            Ok(Event::Constraints(n)) => run.constraints = Some(n),
            Ok(Event::Doing(what)) => doing(&what),
            Ok(Event::Measured(measured)) => run.outcome = Outcome::Measured(measured),
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if start.elapsed() > limits.time {
            break Some(Outcome::OutOfTime);
        }
        if memory(&process, "VmRSS").is_some_and(|bytes| bytes > limits.memory) {
            break Some(Outcome::OutOfMemory);
        }
    };
    if let Some(outcome) = stopped {
        run.outcome = outcome;
        return Ok(run);
    }
    let status = child.0.wait().map_err(BenchError::Io)?;
    if !status.success() {
        run.outcome = failure(status, &complaints.recv().unwrap_or_default());
    }
    Ok(run)
}

/// An allocation that the system refuses ends the process by a signal.
fn failure(status: ExitStatus, complaint: &str) -> Outcome {
    // Likewise the system's own end to processes when memory is short: this program kills none before it has a verdict.
    let killed = status.signal() == Some(KILL);
    if killed || complaint.contains("memory allocation of") {
        return Outcome::OutOfMemory;
    }
    let last = complaint.trim().lines().last().unwrap_or_default();
    Outcome::Failed(format!("{status}: {last}"))
}

/// A child that does not outlive its owner.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn events(child: &mut Child) -> Receiver<Event> {
    let (send, receive) = channel();
    if let Some(out) = child.stdout.take() {
        std::thread::spawn(move || {
            let lines = BufReader::new(out).lines().map_while(Result::ok);
            for event in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                if send.send(event).is_err() {
                    return;
                }
            }
        });
    }
    receive
}

fn complaints(child: &mut Child) -> Receiver<String> {
    let (send, receive) = channel();
    if let Some(mut errors) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            // What could be read is still worth telling.
            let _ = errors.read_to_end(&mut text);
            let _ = send.send(String::from_utf8_lossy(&text).into_owned());
        });
    }
    receive
}
