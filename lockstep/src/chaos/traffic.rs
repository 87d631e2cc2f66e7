//! The load in a thread of its own, and how it goes.

use crate::load::{self, Plan, Progress, Report};
use anyhow::{Context, anyhow};
use node::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Load that goes on until it is finished or dropped.
pub struct Traffic {
    stop: Shutdown,
    progress: Arc<Mutex<Option<Progress>>>,
    thread: Option<JoinHandle<anyhow::Result<Report>>>,
}

impl Traffic {
    /// Logs on and sends.
    pub fn start(plan: Plan) -> anyhow::Result<Self> {
        let (stop, progress) = (Shutdown::default(), Arc::new(Mutex::new(None)));
        let thread = {
            let (stop, progress) = (stop.clone(), Arc::clone(&progress));
            let drive = move || {
                load::run(&plan, &stop, &mut |told| {
                    *progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
                })
            };
            std::thread::Builder::new()
                .name("load".to_owned())
                .spawn(drive)
                .context("cannot start a thread")?
        };
        Ok(Self { stop, progress, thread: Some(thread) })
    }

    /// How far it has come; none before it has begun.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error if it has ended by itself.
    pub fn look(&mut self) -> anyhow::Result<()> {
        if !self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            return Ok(());
        }
        let report = self.join()?;
        Err(anyhow!("the load ended by itself:\n{report}"))
    }

    /// Sends nothing more, waits for the answers, logs out.
    pub fn finish(mut self) -> anyhow::Result<Report> {
        self.stop.request();
        self.join()
    }

    fn join(&mut self) -> anyhow::Result<Report> {
        let thread = self.thread.take().context("the load has ended before")?;
        thread.join().map_err(|_| anyhow!("the load's thread panicked"))?.context("the load failed")
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            // Its end is of no interest any more.
            let _ = thread.join();
        }
    }
}
