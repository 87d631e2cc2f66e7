//! `lockstep replay`: a log executed again, and two builds compared over it.

use super::builds::{Comparison, compare_builds};
use super::compare::Mark;
use super::execute::{Executed, Span, execute, fresh};
use anyhow::{Context, ensure};
use engine::{Exchange, Limits, Replica, StateMachine};
use node::{Clock, Description};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use wire::{Event, Nanos, Seq};

/// Frames between two looks at the clock.
const LOOK_EVERY: u64 = 4_096;

/// What to execute.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// The directory of a log, such as data/logger-1/log; it is read only.
    #[arg(value_name = "DIR")]
    log: PathBuf,
    /// The last frame to execute; without it, all.
    #[arg(long, value_name = "N")]
    until: Option<u64>,
    /// The cluster's description, for the engine's limits; without it, the default ones.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Compute the digest of the whole state at the end too.
    #[arg(long)]
    state_digest: bool,
    /// Tell it as one JSON object.
    #[arg(long)]
    json: bool,
    /// Run two builds of `lockstep` over the log, and find the first position at which they differ.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["state_digest", "json"])]
    compare: Vec<PathBuf>,
    /// Write the running digest at every number that is a multiple of this, and at the end.
    #[arg(long, hide = true, value_name = "EVERY")]
    marks: Option<u64>,
    /// The first number at which one is written.
    #[arg(long, hide = true, value_name = "N", default_value_t = 1, requires = "marks")]
    marks_from: u64,
    /// Write the events of this frame in words.
    #[arg(long, hide = true, value_name = "N", conflicts_with = "marks")]
    show: Option<u64>,
}

impl ReplayArgs {
    /// Executes and tells. An error if the log cannot be executed, or two builds differ.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let until = Seq(self.until.unwrap_or(u64::MAX));
        if let [old, new] = &self.compare[..] {
            let comparison = Comparison { log: &self.log, until, config: self.config.as_deref() };
            let agree = compare_builds([old, new], &comparison, out)?;
            ensure!(agree, "the builds do not agree");
            return Ok(());
        }
        let mut replica = fresh(self.limits()?)?;
        if let Some(every) = self.marks {
            return self.write_marks(&mut replica, until, every, out);
        }
        if let Some(number) = self.show {
            let span = Span { log: &self.log, until: Seq(number) };
            execute(&mut replica, span, |_| Ok(ControlFlow::Continue(())))?;
            return show(&replica, out);
        }
        let clock = Clock::start();
        let (mut told, mut before, mut frames) = (clock.now(), 0, 0_u64);
        let executed = execute(&mut replica, Span { log: &self.log, until }, |replica| {
            frames += 1;
            if frames.is_multiple_of(LOOK_EVERY) {
                let passed = clock.now().since(told);
                if passed >= Nanos::SECOND {
                    let rate = (frames - before) as f64 / (passed.0 as f64 / 1e9);
                    (told, before) = (clock.now(), frames);
                    // A line that cannot be shown is no reason to stop.
                    let _ = writeln!(
                        std::io::stderr(),
                        "  {frames} frames, at {}, {rate:.0} a second",
                        replica.position()
                    );
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.tell(&replica, &executed, out)
    }

    fn limits(&self) -> anyhow::Result<Limits> {
        match &self.config {
            None => Ok(Limits::default()),
            Some(config) => Ok(engine::limits_of(&Description::load(config)?)),
        }
    }

    fn tell(
        &self,
        replica: &Replica<Exchange>,
        executed: &Executed,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let state = self.state_digest.then(|| replica.machine().digest());
        let Executed { frames, took, torn_bytes } = *executed;
        let (at, digest) = (replica.position(), replica.digest());
        let (seconds, rate) = (took.0 as f64 / 1e9, executed.rate());
        if self.json {
            let state = state.map_or("null".to_owned(), |state| format!("\"{:016x}\"", state.0));
            writeln!(
                out,
                "{{\"frames\":{frames},\"seconds\":{seconds:.6},\"frames_per_second\":{rate:.0},\"epoch\":{},\"seq\":{},\
                 \"chain\":\"{:016x}\",\"digest\":\"{:016x}\",\"state_digest\":{state},\"torn_bytes\":{torn_bytes}}}",
                at.epoch.0, at.seq.0, at.chain.0, digest.0
            )?;
            return Ok(());
        }
        writeln!(out, "{frames} frames in {seconds:.3} s, {rate:.0} a second")?;
        writeln!(out, "position {at}, running digest {:016x}", digest.0)?;
        if let Some(state) = state {
            writeln!(out, "state digest {:016x}", state.0)?;
        }
        if torn_bytes > 0 {
            writeln!(out, "a torn end of {torn_bytes} bytes, which was not executed")?;
        }
        Ok(())
    }

    fn write_marks(
        &self,
        replica: &mut Replica<Exchange>,
        until: Seq,
        every: u64,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        ensure!(every > 0, "--marks must be above zero");
        let mut out = BufWriter::new(out);
        let mut last = None;
        execute(replica, Span { log: &self.log, until }, |replica| {
            let mark = Mark { at: replica.position(), digest: replica.digest() };
            if mark.at.seq.0 >= self.marks_from && mark.at.seq.0.is_multiple_of(every) {
                writeln!(out, "{mark}").context("cannot write the digests")?;
                last = Some(mark);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let end = Mark { at: replica.position(), digest: replica.digest() };
        if last != Some(end) && end.at.seq.0 >= self.marks_from {
            writeln!(out, "{end}")?;
        }
        out.flush().context("cannot write the digests")
    }
}

/// The events that the last frame caused, in words: a line each.
fn show(replica: &Replica<Exchange>, out: &mut dyn Write) -> anyhow::Result<()> {
    if replica.events().len() == 0 {
        writeln!(out, "no event")?;
    }
    for bytes in replica.events().map(<[u8]>::to_vec) {
        let mut bytes = bytes;
        // Nobody said it; a checksum it needs to be read.
        wire::event::speak(&mut bytes, wire::event::Speaker::default());
        let event = Event::read(&bytes).context("an event of this build")?;
        let header = *event.header();
        let (number, session) = ({ header.outbound }, { header.session });
        writeln!(out, "event {number} to session {session}: {:?}", event.happening()?)?;
    }
    Ok(())
}
