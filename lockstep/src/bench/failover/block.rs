//! One cluster, its kills, the judgement over what is left, and the gaps that its clients saw.

use super::super::resting;
use super::snapshots;
use super::table::{Gap, Judged};
use anyhow::{Context, ensure};
use lockstep::chaos::command::{STATUS, play};
use lockstep::chaos::measure::Records;
use lockstep::chaos::rounds::{Round, Settings};
use lockstep::chaos::scenario::Scenario;
use lockstep::local::{LocalCluster, binaries_beside_this_one};
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::io::Write;
use std::path::Path;
use wire::Nanos;

/// Load between all being well and the next kill. The shortest time has room for the moment that is compared.
const PAUSE: (Nanos, Nanos) = (Nanos::from_millis(600), Nanos::from_millis(1_000));
/// From the moment at which requests are carried out again until the killed engine is started: clients have been
/// measured by then.
const ABSENCE: (Nanos, Nanos) = (Nanos::from_millis(50), Nanos::from_millis(100));
/// The moment at which nothing is killed lies so long before each kill.
const CONTROL: (Nanos, Nanos) = (Nanos::from_millis(50), Nanos::from_millis(500));
/// Kills between two lines of progress.
const TELL_EVERY: u64 = 10;

/// What is done to one cluster.
pub(super) struct Block<'a> {
    pub(super) kills: u64,
    pub(super) rate: u64,
    pub(super) sessions: usize,
    pub(super) resting: u64,
    /// Lines of `[timing]`, and sections behind it.
    pub(super) timing: &'a str,
    /// Time between two snapshots; `None`: as by default.
    pub(super) snapshots: Option<&'a str>,
    /// Other sections.
    pub(super) more: &'a str,
    pub(super) seed: u64,
    pub(super) patience: Nanos,
}

impl Block<'_> {
    /// Does it, in a directory of its own. An error if anything was lost, told twice or wrong, or the cluster did not come back.
    pub(super) fn run(
        &self,
        directory: &Path,
        out: &mut dyn Write,
        shutdown: &Shutdown,
    ) -> anyhow::Result<(Vec<Gap>, Judged)> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let plan = self.plan();
        let description = Description::load(&plan.write(directory)?)?;
        ensure!(
            !description.data.exists(),
            "{} holds the data of an earlier run",
            description.data.display()
        );
        let mut cluster = LocalCluster::start(description.clone(), &binaries_beside_this_one()?)?;
        cluster.wait_until_ready(shutdown)?;
        let before = match self.resting {
            0 => Vec::new(),
            resting => {
                let sizes = (resting, self.sessions, self.seed);
                vec![resting::fill(&description, sizes, directory, out, shutdown)?]
            }
        };
        let settings = Settings {
            seed: self.seed,
            patience: self.patience,
            sessions: self.sessions,
            before,
            pause: PAUSE,
            absence: ABSENCE,
            tell_every: TELL_EVERY,
            ..Settings::new(&description, Scenario::KillEngine.faults(false), self.kills)
        };
        let account = play(Box::new(cluster), &settings, self.rate, directory, shutdown, out)?;
        if let Err(error) = account.goals().judge() {
            write!(out, "\n{}", account.words())?;
            return Err(error);
        }
        let records = Records::read(directory)?;
        let written = snapshots::written(&description)?;
        let mut rng = SmallRng::seed_from_u64(self.seed);
        let gaps = account.rounds.iter().map(|(round, _)| {
            let before = Nanos(rng.random_range(CONTROL.0.0..=CONTROL.1.0));
            let during_snapshot = written.iter().any(|(from, to)| (*from..*to).contains(&round.began));
            gap(&records, round, Nanos(round.began.0.saturating_sub(before.0)))
                .map(|gap| Gap { during_snapshot, ..gap })
                .with_context(|| format!("no reports about kill {}", round.number))
        });
        let counts = account.verdict.counts;
        let judged = Judged { acknowledged: counts.acknowledged };
        Ok((gaps.collect::<anyhow::Result<_>>()?, judged))
    }

    fn plan(&self) -> LocalPlan {
        let mut more = format!("[timing]\nstatus = \"{STATUS}\"\n{}\n\n{}", self.timing, self.more);
        if let Some(every) = self.snapshots {
            more += &format!("\n[snapshot]\nevery = \"{every}\"\n");
        }
        if self.resting > 0 {
            more += &resting::limits(self.resting);
        }
        let fillers = if self.resting > 0 { resting::FILLERS } else { 0 };
        LocalPlan { sessions: self.sessions + fillers, more, ..LocalPlan::default() }
    }
}

/// What the clients saw of a kill, and of the other moment.
fn gap(records: &Records, round: &Round, control: Nanos) -> Option<Gap> {
    Some(Gap {
        began: round.began,
        gap: records.gap(round.began, round.harmed)?,
        usual: records.usual_gap(round.began)?,
        control: records.gap(control, control)?,
        control_usual: records.usual_gap(control)?,
        during_snapshot: false,
    })
}
