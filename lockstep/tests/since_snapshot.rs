//! `retain = "since-snapshot"`: the loggers put what lies before their snapshots into archives, and nobody answers with it in the
//! streams any more. Whoever starts again begins with a snapshot; whoever lacks what is archived takes it from there; and where
//! the archives were moved away, an empty logger begins behind a snapshot too.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "cluster_support/mod.rs"]
mod cluster_support;

use cluster::Role;
use cluster_support::binaries;
use lockstep::evidence;
use lockstep::load::{self, Amount, Files, Pace, Plan};
use lockstep::local::LocalCluster;
use lockstep::plan::LocalPlan;
use node::{Description, NodeEntry, Shutdown};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::Nanos;

/// One cluster at a time is enough for a small machine.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(60 * Nanos::SECOND.0);

/// Small segments, a snapshot every few hundred frames, and rings that are soon overwritten, so that what is archived is had from
/// nobody else. The failover timeout is long enough for a test machine with other things to do.
const MORE: &str = r#"
[timing]
failover = "600ms"
status = "20ms"
beat = "5ms"
takeover = "60ms"

[rings]
sequenced = 1024
reorder = 512
uncommitted = 256

[log]
segment = "64KiB"
retain = "since-snapshot"

[snapshot]
commands = 250
keep = 1
"#;

/// A cluster under test, and what its clients have recorded.
struct Trial {
    cluster: LocalCluster,
    description: Description,
    directory: tempfile::TempDir,
    trades: u64,
}

impl Trial {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let plan = LocalPlan { sequencers: 2, gateways: 2, more: MORE.to_owned(), ..LocalPlan::default() };
        let description = Description::load(&plan.write(directory.path()).unwrap()).unwrap();
        let mut cluster = LocalCluster::start(description.clone(), binaries()).unwrap();
        cluster.wait_until_ready(&Shutdown::default()).unwrap();
        Self { cluster, description, directory, trades: 0 }
    }

    fn records(&self) -> Vec<PathBuf> {
        (1..=self.trades).map(|nth| self.directory.path().join(format!("trade-{nth}"))).collect()
    }

    /// Some orders, all of them answered.
    fn trade(&mut self) {
        self.trades += 1;
        let files = self.records().pop().unwrap();
        std::fs::create_dir(&files).unwrap();
        let description = &self.description;
        let gateways: Vec<SocketAddr> =
            description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
        let clients = description.sessions.iter().map(|session| session.comp_id.clone()).collect();
        let plan = Plan {
            exchange: description.fix.comp_id.clone(),
            pace: Pace::Rate(1_500),
            amount: Amount::Requests(2_000),
            answer_timeout: PATIENCE,
            seed: self.trades,
            files: Files {
                requests: Some(files.join("requests.csv")),
                executions: Some(files.join("executions.csv")),
            },
            ..Plan::new(gateways, clients, LocalPlan::default().instruments).with_accounts(description)
        };
        let report = load::run(&plan, &Shutdown::default(), &mut |_| {}).unwrap();
        assert_eq!(report.unanswered, 0, "{report}");
    }

    fn settle(&mut self) {
        self.cluster.wait_until_settled(PATIENCE, &Shutdown::default()).unwrap_or_else(|error| {
            let logs =
                self.description.nodes.iter().map(|node| format!("== {}\n{}", node.name, self.said(node)));
            panic!("{error:#}\n{}", logs.collect::<String>())
        });
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let until = self.cluster.clock().now().saturating_add(PATIENCE);
        while !is_so(self) {
            self.cluster.look().unwrap();
            assert!(self.cluster.clock().now() < until, "waited in vain: {what}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn node(&self, name: &str) -> NodeEntry {
        self.description.node(name).unwrap().clone()
    }

    /// What it has written of itself so far.
    fn said(&self, node: &NodeEntry) -> String {
        std::fs::read_to_string(self.description.data_of(node).join("node.log")).unwrap()
    }

    fn loggers(&self) -> Vec<NodeEntry> {
        self.description.nodes_of(Role::Logger).cloned().collect()
    }

    /// Takes a logger's whole directory away.
    fn empty(&self, logger: &str) {
        std::fs::remove_dir_all(self.description.data_of(&self.node(logger))).unwrap();
    }

    fn log_of(&self, logger: &NodeEntry) -> PathBuf {
        self.description.data_of(logger).join("log")
    }

    /// Trades until every logger has put more into its archive, and no sequencer has it in its ring any more.
    fn archive(&mut self) {
        let archived = |trial: &Self| -> Vec<usize> {
            trial
                .loggers()
                .iter()
                .map(|logger| segments(&trial.log_of(logger).join("archive")).len())
                .collect()
        };
        let before = archived(self);
        self.trade();
        self.settle();
        self.until("every logger archives", |trial| {
            archived(trial).iter().zip(&before).all(|(now, before)| now > before)
        });
    }

    /// Kills a node, lets something happen, starts it again, and waits until it says this and everything is settled. Gives all that
    /// the new process has said by then.
    fn restart(&mut self, name: &str, word: &str, meanwhile: impl FnOnce(&mut Self)) -> String {
        let node = self.node(name);
        self.cluster.kill(name).unwrap();
        meanwhile(self);
        let path = self.description.data_of(&node).join("node.log");
        let before = std::fs::read_to_string(path).unwrap_or_default().len();
        self.cluster.start_node(&node).unwrap();
        self.until(&format!("{name} says: {word}"), |trial| trial.said(&node)[before..].contains(word));
        self.settle();
        self.said(&node)[before..].to_owned()
    }

    /// The sequencer that leads, and another one.
    fn sequencers(&self) -> [String; 2] {
        let leader = self.cluster.board().leader().expect("somebody leads").node;
        let name = |leads: bool| {
            let mut all = self.description.nodes_of(Role::Sequencer);
            all.find(|node| (node.id == leader) == leads).unwrap().name.clone()
        };
        [name(true), name(false)]
    }
}

/// The segments of a directory, by their first numbers.
fn segments(directory: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<_> = names.filter_map(|name| name.strip_suffix(".seg")?.parse().ok()).collect();
    all.sort_unstable();
    all
}

const BEGUN: &str = "begun with a snapshot";
const ACKNOWLEDGES: &str = "the epoch's start is held: acknowledging";
const STUCK: &str = "a message is missing and no source has answered with it";

#[test]
fn every_node_starts_again_while_the_first_frames_lie_in_archives_only() {
    let _alone = alone();
    let mut trial = Trial::start();
    trial.archive();
    trial.archive();

    let said = trial.restart("gateway-1", BEGUN, |_| {});
    assert!(!said.contains(STUCK), "{said}");
    trial.trade();

    // One that stands by, then leads.
    let [leads, other] = trial.sequencers();
    let said = trial.restart(&other, BEGUN, |_| {});
    assert!(!said.contains(STUCK), "{said}");
    let said = trial.restart(&leads, BEGUN, |trial| {
        trial.until("the other one has taken over", |trial| trial.sequencers()[0] == other);
    });
    assert!(!said.contains(STUCK), "{said}");
    trial.trade();

    // Both at once: whoever is granted the next epoch knows nothing.
    let epoch = trial.cluster.board().leader().unwrap().epoch;
    let both = trial.sequencers().map(|name| trial.node(&name));
    let before = both.each_ref().map(|node| trial.said(node).len());
    both.iter().for_each(|node| trial.cluster.kill(&node.name).unwrap());
    both.iter().for_each(|node| trial.cluster.start_node(node).unwrap());
    trial.until("one of them leads", |trial| {
        trial.cluster.board().leader().is_some_and(|leader| leader.epoch > epoch)
    });
    trial.settle();
    let begun = both.iter().zip(before).map(|(node, before)| trial.said(node)[before..].to_owned());
    assert!(begun.clone().all(|said| said.contains(BEGUN)), "{:?}", begun.collect::<Vec<_>>());
    assert!(
        begun.clone().any(|said| said.contains("adopting the best log")),
        "{:?}",
        begun.collect::<Vec<_>>()
    );
    trial.trade();

    trial.restart("engine-1", BEGUN, |_| {});

    // A logger that was away while the others have archived what it lacks, in the same life.
    let said = trial.restart("logger-3", "looking for it in the other loggers' logs", |trial| {
        let before = segments(&trial.log_of(&trial.node("logger-1")));
        while segments(&trial.log_of(&trial.node("logger-1"))).first() <= before.last() {
            trial.trade();
        }
    });
    assert!(!said.contains("this logger's life is over") && !said.contains("a new life"), "{said}");

    // An empty one takes everything from the archives.
    trial.restart("logger-2", ACKNOWLEDGES, |trial| trial.empty("logger-2"));
    let log = trial.log_of(&trial.node("logger-2"));
    assert!(segments(&log.join("archive")).into_iter().chain(segments(&log)).any(|first| first == 1));
    trial.trade();
    trial.settle();

    assert_eq!(trial.cluster.board().disagreement(), None);
    let (records, Trial { cluster, description, directory: _kept, .. }) = (trial.records(), trial);
    cluster.stop().unwrap_or_else(|error| panic!("{error:#}"));
    let verdict = checker::check(&evidence::of(&description, records), &mut |_| {}).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.counts.acknowledged > 0 && verdict.counts.reports > 0, "{verdict}");
}

#[test]
fn where_the_archives_were_moved_away_an_empty_logger_begins_behind_a_snapshot_and_votes() {
    let _alone = alone();
    let mut trial = Trial::start();
    trial.archive();
    trial.archive();
    let elsewhere = trial.directory.path().join("elsewhere");
    for logger in trial.loggers() {
        let to = elsewhere.join(&logger.name);
        std::fs::create_dir_all(&to).unwrap();
        std::fs::rename(trial.log_of(&logger).join("archive"), to.join("archive")).unwrap();
    }
    let epoch = trial.cluster.board().leader().unwrap().epoch;
    let said = trial.restart("logger-1", ACKNOWLEDGES, |trial| trial.empty("logger-1"));
    assert!(said.contains("this log begins behind a snapshot"), "{said}");
    assert!(segments(&trial.log_of(&trial.node("logger-1"))).first() > Some(&1));
    // In the next epoch it votes: with another logger gone, nothing is committed without it.
    trial.until("an epoch begins in which it votes", |trial| {
        trial.cluster.board().leader().is_some_and(|leader| leader.epoch > epoch)
    });
    trial.settle();
    trial.cluster.kill("logger-2").unwrap();
    trial.trade();
    let node = trial.node("logger-2");
    trial.cluster.start_node(&node).unwrap();
    for name in ["gateway-2", "engine-2"] {
        trial.restart(name, BEGUN, |_| {});
    }
    trial.trade();
    trial.settle();
    assert_eq!(trial.cluster.board().disagreement(), None);
    trial.cluster.stop().unwrap_or_else(|error| panic!("{error:#}"));
}
