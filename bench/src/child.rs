//! Runs a job, or another program, in a process of its own, within limits: what does not fit is a result, not a crash.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::BenchError;
use crate::job::Job;
use crate::measure::{Event, Facts, Measured, memory};

/// Name of the subcommand by which the program calls itself.
pub const SUBCOMMAND: &str = "measure";
/// The signal that ends a process when the machine's memory is short.
const KILL: i32 = 9;
/// How often the limits are checked.
const TICK: Duration = Duration::from_millis(20);
/// How often it is asked whether a whole process has ended: the error of its wall time.
const GRAIN: Duration = Duration::from_micros(200);

/// What a process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of everything: making the network, setup, proving, verifying.
    pub time: Duration,
    /// Resident memory, in bytes.
    pub memory: u64,
    /// Logical processors, and threads that compute; all that there are if nothing is said.
    pub cores: Option<usize>,
    /// Whether it may compute eight elements at once where the processor can.
    pub lanes: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<M = Measured> {
    /// It was measured.
    Measured(M),
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
    let mut command = Command::new(program);
    command.args([SUBCOMMAND, &serde_json::to_string(job)?]);
    command.stdout(Stdio::piped());
    let mut child = Guard(spawn(&mut command, limits)?);
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
        if let Some(outcome) = exceeded(&process, start, limits) {
            break Some(outcome);
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

/// What a whole process took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of CPU time, user and system, of all threads.
    pub cpu: f64,
    /// The most memory that was resident. The system counts what this process had when it started the other, so it should be
    /// small itself.
    pub peak_bytes: u64,
}

/// Runs a program to its end; one that fails is an outcome, too.
///
/// # Errors
/// If it cannot be started or waited for.
pub fn run(command: &mut Command, limits: Limits) -> Result<Outcome<Usage>, BenchError> {
    run_into(command, limits, Stdio::null())
}

/// [`run`], with its standard output to go to a file.
///
/// # Errors
/// As [`run`].
pub fn run_into(
    command: &mut Command,
    limits: Limits,
    output: Stdio,
) -> Result<Outcome<Usage>, BenchError> {
    command.stdout(output);
    let start = Instant::now();
    let mut child = spawn(command, limits)?;
    let complaints = complaints(&mut child);
    let process = child.id().to_string();
    let mut checked = Instant::now();
    loop {
        let ended = child.try_wait4();
        let wall = start.elapsed().as_secs_f64();
        let ended = match ended {
            Ok(None) => None,
            Ok(ended) => ended,
            Err(error) => {
                drop(Guard(child));
                return Err(BenchError::Io(error));
            }
        };
        if let Some(ended) = ended {
            if !ended.status.success() {
                let complaint = complaints.recv().unwrap_or_default();
                return Ok(failure(ended.status, &complaint));
            }
            let usage = ended.rusage;
            return Ok(Outcome::Measured(Usage {
                wall,
                cpu: (usage.utime + usage.stime).as_secs_f64(),
                peak_bytes: usage.maxrss,
            }));
        }
        if checked.elapsed() >= TICK {
            checked = Instant::now();
            if let Some(outcome) = exceeded(&process, start, limits) {
                drop(Guard(child));
                return Ok(outcome);
            }
        }
        std::thread::sleep(GRAIN);
    }
}

/// Starts a process on so many cores as it may have.
fn spawn(command: &mut Command, limits: Limits) -> Result<Child, BenchError> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    if !limits.lanes {
        command.env("PLEAT_LANES", "off");
    }
    let Some(cores) = limits.cores else {
        return command.spawn().map_err(BenchError::Io);
    };
    command.env("RAYON_NUM_THREADS", cores.to_string());
    confined(cores, || command.spawn().map_err(BenchError::Io))
}

/// Calls `run` while this thread, and so whatever it starts, is kept to the first few of its processors.
#[cfg(target_os = "linux")]
fn confined<T>(cores: usize, run: impl FnOnce() -> Result<T, BenchError>) -> Result<T, BenchError> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let io = |error: rustix::io::Errno| BenchError::Io(error.into());
    let all = sched_getaffinity(None).map_err(io)?;
    let mut some = CpuSet::new();
    let own = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
    own.take(cores).for_each(|cpu| some.set(cpu));
    if (some.count() as usize) < cores {
        return Err(BenchError::Cores {
            asked: cores,
            there: some.count() as usize,
        });
    }
    sched_setaffinity(None, &some).map_err(io)?;
    let result = run();
    sched_setaffinity(None, &all).map_err(io)?;
    result
}

/// Elsewhere the number of threads has to do.
#[cfg(not(target_os = "linux"))]
fn confined<T>(_: usize, run: impl FnOnce() -> Result<T, BenchError>) -> Result<T, BenchError> {
    run()
}

/// Whether a process is beyond its limits.
fn exceeded<M>(process: &str, start: Instant, limits: Limits) -> Option<Outcome<M>> {
    if start.elapsed() > limits.time {
        return Some(Outcome::OutOfTime);
    }
    let bytes = memory(process, "VmRSS")?;
    (bytes > limits.memory).then_some(Outcome::OutOfMemory)
}

/// An allocation that the system refuses ends the process by a signal.
fn failure<M>(status: ExitStatus, complaint: &str) -> Outcome<M> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const LIMITS: Limits = Limits {
        time: Duration::from_secs(20),
        memory: 1 << 30,
        cores: Some(1),
        lanes: true,
    };

    fn shell(script: &str, limits: Limits) -> Outcome<Usage> {
        run(Command::new("sh").args(["-c", script]), limits).unwrap()
    }

    #[test]
    fn a_whole_process_is_measured() {
        let script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let Outcome::Measured(usage) = shell(script, LIMITS) else {
            unreachable!("it was not measured")
        };
        assert!(usage.cpu > 0.0 && usage.wall > 0.5 * usage.cpu, "{usage:?}");
        assert!(usage.peak_bytes > 1 << 16, "{usage:?}");
    }

    #[test]
    fn it_has_the_cores_that_it_may_have() {
        assert!(matches!(
            shell("test \"$RAYON_NUM_THREADS\" = 1", LIMITS),
            Outcome::Measured(_)
        ));
        #[cfg(target_os = "linux")]
        {
            let one = "test $(nproc) = 1";
            let before = std::thread::available_parallelism().unwrap();
            assert!(matches!(shell(one, LIMITS), Outcome::Measured(_)));
            assert_eq!(std::thread::available_parallelism().unwrap(), before);
            let cores = Some(usize::from(before) + 1);
            let more = run(&mut Command::new("true"), Limits { cores, ..LIMITS });
            assert!(matches!(more, Err(BenchError::Cores { .. })));
        }
    }

    #[test]
    fn what_goes_wrong_is_told() {
        let failed = shell("echo one >&2; echo two >&2; exit 3", LIMITS);
        let expected = "exit status: 3: two".to_owned();
        assert_eq!(failed, Outcome::Failed(expected));
        let time = Duration::from_millis(50);
        let slow = shell("sleep 20", Limits { time, ..LIMITS });
        assert_eq!(slow, Outcome::OutOfTime);
    }
}
