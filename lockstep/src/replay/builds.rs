//! Two builds over the same log, each in processes of its own: where do they come apart, and what does each say there.

use super::compare::{Mark, Outcome, compare};
use anyhow::{Context, ensure};
use node::Clock;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use wire::{Nanos, Seq};

/// Frames between two marks of the first pass.
const EVERY: u64 = 1_024;

/// What is compared over.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The log's directory.
    pub log: &'a Path,
    /// The last frame.
    pub until: Seq,
    /// The description that the engine's limits stand in.
    pub config: Option<&'a Path>,
}

/// A build at work: its marks, line by line.
struct Run {
    name: String,
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Run {
    fn start(build: &Path, comparison: &Comparison<'_>, more: &[&OsStr]) -> anyhow::Result<Self> {
        let mut command = Command::new(build);
        command
            .arg("replay")
            .arg(comparison.log)
            .arg("--until")
            .arg(comparison.until.0.to_string())
            .args(more);
        if let Some(config) = comparison.config {
            command.arg("--config").arg(config);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", build.display()))?;
        let out = child.stdout.take().context("its output was asked for")?;
        Ok(Self { name: build.display().to_string(), child, lines: BufReader::new(out).lines() })
    }

    /// Marks from a number on, one every so many frames.
    fn marks(build: &Path, comparison: &Comparison<'_>, from: Seq, every: u64) -> anyhow::Result<Self> {
        let (from, every) = (from.0.to_string(), every.to_string());
        Self::start(
            build,
            comparison,
            &["--marks".as_ref(), every.as_ref(), "--marks-from".as_ref(), from.as_ref()],
        )
    }
}

impl Run {
    /// Waits for its end. An error if it did not end well.
    fn finish(mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended ({status})", self.name);
        Ok(())
    }
}

/// A build that cannot go on ends its stream with an error, which is the difference: it has said why on standard error.
impl Iterator for Run {
    type Item = anyhow::Result<Mark>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        let read = |line: std::io::Result<String>| -> anyhow::Result<Mark> { Ok(line?.parse()?) };
        Some(read(line).with_context(|| self.name.clone()))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs both over the log and tells where they differ. True if they agree.
pub fn compare_builds(
    [old, new]: [&PathBuf; 2],
    comparison: &Comparison<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let pass = |from: Seq, every: u64, comparison: &Comparison<'_>| {
        let clock = Clock::start();
        let mut told = clock.now();
        let progress = |mark: &Mark| {
            if clock.now().since(told) >= Nanos::SECOND {
                told = clock.now();
                // A line that cannot be shown is no reason to stop.
                let _ = writeln!(std::io::stderr(), "  alike up to {}", mark.at);
            }
        };
        let mut runs = [Run::marks(old, comparison, from, every)?, Run::marks(new, comparison, from, every)?];
        let [first, second] = &mut runs;
        let outcome = compare(first, second, progress)?;
        if matches!(outcome, Outcome::Agree { .. }) {
            runs.into_iter().try_for_each(Run::finish)?;
        }
        anyhow::Ok(outcome)
    };
    let (same, there) = match pass(Seq(1), EVERY, comparison)? {
        Outcome::Agree { last: None, .. } => {
            writeln!(out, "nothing was compared: neither build executed a frame")?;
            return Ok(false);
        }
        Outcome::Agree { marks, last: Some(last) } => {
            writeln!(
                out,
                "both builds agree over {} frames: {marks} digests compared, the last at {}: {:016x}",
                last.at.seq, last.at, last.digest.0
            )?;
            return Ok(true);
        }
        Outcome::Differ { same, old, new } => (same, [old, new]),
    };
    let from = same.map_or(Seq(1), |mark| mark.at.seq.next());
    let until = there.into_iter().flatten().map(|mark| mark.at.seq).min().unwrap_or(comparison.until);
    let around = Comparison { until, ..comparison.clone() };
    let Outcome::Differ { same, old: of_old, new: of_new } = pass(from, 1, &around)? else {
        anyhow::bail!(
            "they differed between {from} and {until}, and not when looked at frame by frame: a build does not do the same twice"
        );
    };
    let position = of_old.or(of_new).context("one of two that differ is there")?.at;
    let alike = same.map_or_else(|| format!("{} frames", from.0 - 1), |mark| format!("{}", mark.at));
    writeln!(out, "the builds differ first at {position}; alike up to {alike}")?;
    for (build, mark) in [(old, of_old), (new, of_new)] {
        match mark {
            Some(mark) => writeln!(out, "{}: running digest {:016x}", build.display(), mark.digest.0)?,
            None => writeln!(out, "{}: does not get there", build.display())?,
        }
    }
    logger::dump(comparison.log, position.seq.0, position.seq.0, &mut &mut *out)?;
    for (build, mark) in [(old, of_old), (new, of_new)] {
        writeln!(out, "{} says:", build.display())?;
        if mark.is_some() {
            let number = position.seq.0.to_string();
            let run = Run::start(build, comparison, &["--show".as_ref(), number.as_ref()])?;
            show_lines(run, out)?;
        }
    }
    Ok(false)
}

fn show_lines(mut run: Run, out: &mut dyn Write) -> anyhow::Result<()> {
    for line in run.lines.by_ref() {
        writeln!(out, "  {}", line?)?;
    }
    run.finish()
}
