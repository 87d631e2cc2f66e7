//! A whole cluster of real processes, one engine of which goes astray at an order of a certain name: orders are refused until it is known
//! which engine is wrong, that one begins anew, and trading goes on.
//!
//! `RUSTFLAGS="--cfg lockstep_planted" CARGO_TARGET_DIR=target/planted cargo build --bins`, then the same with
//! `cargo test -p lockstep --test divergence`.

#![cfg(lockstep_planted)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "cluster_support/mod.rs"]
mod cluster_support;

use cluster::EngineMode::{self, Hot};
use cluster::status::Detail;
use cluster::{Differs, Disputes, Role};
use cluster_support::binaries;
use cluster_support::client::{Client, value, wait};
use lockstep::chaos::command::plan;
use lockstep::evidence;
use lockstep::load::{self, Amount, Files, Pace, Plan};
use lockstep::local::LocalCluster;
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use wire::Nanos;

const FAILOVER: &str = "600ms";
/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(40 * Nanos::SECOND.0);
const HOT: &str = "engine-1";
const WARM: &str = "engine-2";
/// The logger that is asked first for its log.
const ASKED: &str = "logger-1";

/// A cluster of which one engine can be led astray.
struct Stage {
    cluster: LocalCluster,
    description: Description,
    shutdown: Shutdown,
    client: Client,
}

impl Stage {
    /// The first engine is hot; this one can be led astray.
    fn set(directory: &Path, astray: &'static str) -> Self {
        let mut plan = plan(FAILOVER);
        // A busy machine makes no other engine hot.
        plan.more += "\ntakeover = \"500ms\"";
        let description = Description::load(&plan.write(directory).unwrap()).unwrap();
        let shutdown = Shutdown::default();
        let environment = |name: &str| {
            if name == astray { vec![("LOCKSTEP_ASTRAY", "once")] } else { Vec::new() }
        };
        let mut cluster = LocalCluster::start_with(description.clone(), binaries(), environment).unwrap();
        cluster.wait_until_ready(&shutdown).unwrap();
        let address = description.nodes_of(Role::Gateway).find_map(|node| node.fix).unwrap();
        let mut stage = Self { cluster, client: Client::log_on(address), description, shutdown };
        let clock = stage.cluster.clock();
        wait(clock, "an engine is hot", || [HOT, WARM].into_iter().any(|name| stage.mode(name) == Some(Hot)));
        if stage.mode(WARM) == Some(Hot) {
            // It was up first, and so it was named.
            let other = stage.description.node(WARM).unwrap().clone();
            stage.cluster.kill(WARM).unwrap();
            wait(clock, "the other one takes over", || stage.mode(HOT) == Some(Hot));
            stage.cluster.start_node(&other).unwrap();
        }
        stage.is_hot(HOT);
        stage.is_ready(WARM);
        stage
    }

    /// Some orders of the other clients, all of them answered; what they were told stands in a directory.
    fn trade(&self, directory: &Path, name: &str) -> PathBuf {
        let gateways: Vec<SocketAddr> = self
            .description
            .nodes_of(Role::Gateway)
            .filter_map(|node| node.fix.map(SocketAddr::V4))
            .collect();
        let sessions = self.description.sessions.iter().map(|session| session.comp_id.clone());
        let directory = directory.join(name);
        std::fs::create_dir(&directory).unwrap();
        let files = Files {
            requests: Some(directory.join("requests.csv")),
            executions: Some(directory.join("executions.csv")),
        };
        let plan = Plan {
            exchange: self.description.fix.comp_id.clone(),
            pace: Pace::Window(8),
            amount: Amount::Requests(600),
            answer_timeout: PATIENCE,
            files,
            ..Plan::new(gateways, sessions.skip(1).collect(), LocalPlan::default().instruments)
                .with_accounts(&self.description)
        };
        let report = load::run(&plan, &self.shutdown, &mut |_| {}).unwrap();
        assert_eq!(report.unanswered, 0, "{report}");
        directory
    }

    fn disputes(&mut self) -> Disputes {
        self.cluster.look().unwrap();
        self.cluster.board().disputes().cloned().unwrap_or_default()
    }

    /// An engine goes astray at an order. While the logger that is asked for the log says nothing, nobody knows who is wrong, and
    /// new orders are refused; then it is decided. Gives the number of that order.
    fn go_astray(&mut self) -> u64 {
        let clock = self.cluster.clock();
        self.client.order("rests");
        self.client.report("rests", '0');
        self.cluster.signal(ASKED, Signal::STOP).unwrap();
        self.client.order("ASTRAY");
        let order = value(&self.client.report("ASTRAY", '0'), 37).parse().unwrap();
        wait(clock, "a dispute is opened", || self.disputes().open.is_some());
        let refused = self.client.orders_until("refused", |answer| answer.contains("|150=8|"));
        assert!(refused.contains("trading is halted: the engines disagree"), "{refused}");
        self.client.cancel("cancel", "rests");
        self.client.report("cancel", '4');
        assert!(self.disputes().open.is_some(), "it is undecided still");
        self.cluster.signal(ASKED, Signal::CONT).unwrap();
        wait(clock, "the dispute is decided", || self.disputes().open.is_none());
        let taken = self.client.orders_until("taken", |answer| answer.contains("|150=0|"));
        assert_eq!(value(&taken, 38), "10");
        order
    }

    /// This engine was found wrong, from this order on, said so, and has come back.
    fn is_back(&mut self, name: &str, order: u64) {
        let engine = self.description.node(name).unwrap().clone();
        let disputes = self.disputes();
        let [fenced] = disputes.fenced[..] else { panic!("{disputes:?}") };
        assert_eq!((disputes.number, fenced.number, fenced.engine), (1, 1, engine.id));
        let Differs::From(first) = fenced.differs else { panic!("{fenced:?}") };
        assert_eq!(first.seq.0, order, "the very order that led it astray");
        self.is_ready(name);
        let said = std::fs::read_to_string(self.description.data_of(&engine).join("node.log")).unwrap();
        let line = said.lines().find(|line| line.contains("found wrong: this engine")).unwrap();
        assert!(line.contains("ERROR") && line.contains(&first.to_string()), "{line}");
    }

    /// This engine can do its work, and stands by or is hot.
    fn is_ready(&mut self, name: &str) {
        let (clock, id) = (self.cluster.clock(), self.description.node(name).unwrap().id);
        wait(clock, "it is ready", || {
            self.cluster.look().unwrap();
            let status = self.cluster.board().status(id).map(|status| &status.detail);
            matches!(status, Some(Detail::Engine { ready: true, .. }))
        });
    }

    /// This engine is the hot one, and the only one.
    fn is_hot(&mut self, name: &str) {
        let clock = self.cluster.clock();
        wait(clock, "it is the hot one", || {
            [HOT, WARM].into_iter().all(|other| (self.mode(other) == Some(Hot)) == (other == name))
        });
    }

    /// What an engine said last that it is.
    fn mode(&mut self, name: &str) -> Option<EngineMode> {
        self.cluster.look().unwrap();
        let id = self.description.node(name).unwrap().id;
        match self.cluster.board().status(id)?.detail {
            Detail::Engine { mode, .. } => Some(mode),
            _ => None,
        }
    }
}

#[test]
fn a_warm_engine_that_goes_astray_is_rebuilt_and_what_clients_were_told_is_the_history() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(directory.path(), WARM);
    let before = stage.trade(directory.path(), "before");
    let order = stage.go_astray();
    stage.is_back(WARM, order);
    stage.is_hot(HOT);
    let after = stage.trade(directory.path(), "after");
    let Stage { mut cluster, description, shutdown, .. } = stage;
    cluster.wait_until_settled(PATIENCE, &shutdown).unwrap();
    cluster.stop().unwrap();
    let verdict = checker::check(&evidence::of(&description, vec![before, after]), &mut |_| {}).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.counts.acknowledged > 0 && verdict.counts.reports > 0, "nothing was compared: {verdict}");
}

#[test]
fn a_hot_engine_that_goes_astray_is_replaced_and_trading_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(directory.path(), HOT);
    stage.trade(directory.path(), "before");
    stage.is_hot(HOT);
    let order = stage.go_astray();
    stage.is_back(HOT, order);
    stage.is_hot(WARM);
    stage.trade(directory.path(), "after");
    let Stage { mut cluster, shutdown, .. } = stage;
    cluster.wait_until_settled(PATIENCE, &shutdown).unwrap();
    cluster.stop().unwrap();
}
