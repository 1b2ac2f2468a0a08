//! Long work beside Python: without the interpreter's lock, with its progress heard on the calling thread, and ended by Ctrl-C.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// How often signals are looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// A stage, and how much of how much of it is done.
type Step = (String, u64, u64);

/// What the work tells.
pub struct Heard<'a> {
    steps: Sender<Step>,
    cancelled: &'a AtomicBool,
}

impl Heard<'_> {
    /// Tells how far the work is; [`ControlFlow::Break`] asks it to end.
    pub fn tell(&self, stage: &str, done: u64, total: u64) -> ControlFlow<()> {
        // Whoever heard may have left.
        let _ = self.steps.send((stage.to_owned(), done, total));
        if self.cancelled.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Works on a thread of its own. `progress` is called as `progress(stage, done, total)`; an exception that it raises, or a signal's,
/// ends the work and is raised when that has ended.
///
/// # Errors
/// Such an exception.
pub fn interruptible<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Heard<'_>) -> T + Send,
) -> PyResult<T> {
    let (steps, receiver) = channel();
    let receiver = Mutex::new(receiver);
    let cancelled = AtomicBool::new(false);
    let heard = Heard {
        steps,
        cancelled: &cancelled,
    };
    let mut failed: Option<PyErr> = None;
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(move || work(&heard));
        loop {
            let told = match py.detach(|| next(&receiver)) {
                Ok((stage, done, total)) => match progress.filter(|_| failed.is_none()) {
                    Some(progress) => progress.call1((stage, done, total)).map(drop),
                    None => Ok(()),
                },
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = told.and_then(|()| py.check_signals()) {
                cancelled.store(true, Ordering::Relaxed);
                failed.get_or_insert(error);
            }
        }
        py.detach(|| worker.join())
    });
    match (failed, result) {
        (Some(error), _) => Err(error),
        (None, Ok(value)) => Ok(value),
        (None, Err(_)) => Err(PyRuntimeError::new_err(
            "Pleat panicked; please report this with the lines that standard error shows",
        )),
    }
}

fn next(receiver: &Mutex<Receiver<Step>>) -> Result<Step, RecvTimeoutError> {
    let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
    receiver.recv_timeout(PATIENCE)
}
