//! Whole clusters of real processes on this machine: order flow, loss, deaths, restarts, and what is left behind.
//!
//! The tests run one after the other: each needs the machine for itself.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use checker::{Inputs, Logger};
use cluster::status::Detail;
use lockstep::evidence;
use lockstep::load::{self, Amount, Files, Pace, Plan, Report};
use lockstep::local::LocalCluster;
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::{Epoch, Incarnation, Nanos};

const LOCKSTEP: &str = env!("CARGO_BIN_EXE_lockstep");
/// No step of a test takes longer, however slow the machine.
const WATCHDOG: std::time::Duration = std::time::Duration::from_secs(60);
const PATIENCE: Nanos = Nanos(60_000_000_000);

static MACHINE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn binaries() -> &'static Path {
    Path::new(LOCKSTEP).parent().unwrap()
}

fn started(plan: &LocalPlan, directory: &Path) -> LocalCluster {
    let description = Description::load(&plan.write(directory).unwrap()).unwrap();
    let mut cluster = LocalCluster::start(description, binaries()).unwrap();
    cluster.wait_until_ready(&Shutdown::default()).unwrap();
    cluster
}

fn drive(cluster: &LocalCluster, plan: &LocalPlan, directory: &Path, requests: u64) -> (Report, Files) {
    let gateways =
        cluster.description().nodes.iter().filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let files = Files {
        requests: Some(directory.join("requests.csv")),
        executions: Some(directory.join("executions.csv")),
    };
    let load = Plan {
        pace: Pace::Window(16),
        amount: Amount::Requests(requests),
        files: files.clone(),
        ..Plan::new(gateways, plan.comp_ids(), plan.instruments.clone())
    };
    (load::run(&load, &Shutdown::default(), &mut |_| {}).unwrap(), files)
}

/// Stops the cluster and judges the clients' records, and everything that the loggers keep.
fn judge(cluster: LocalCluster, clients: &Path) -> checker::Verdict {
    let description = cluster.description().clone();
    assert_eq!(cluster.board().disagreement(), None);
    cluster.stop().unwrap();
    let verdict = checker::check(&evidence::of(&description, vec![clients.to_owned()]), &mut |_| {}).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
    let counts = verdict.counts;
    assert!(counts.acknowledged > 0 && counts.reports > 0, "nothing was compared: {verdict}");
    verdict
}

#[test]
fn two_gateways_and_three_loggers_tell_and_keep_the_same_story() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let plan = LocalPlan { gateways: 2, ..LocalPlan::default() };
    let mut cluster = started(&plan, directory.path());
    let (report, _) = drive(&cluster, &plan, directory.path(), 4_000);
    assert!(report.is_clean(), "{report}");
    assert!(report.filled > 0 && report.cancelled > 0 && report.replaced > 0, "{report}");
    cluster.wait_until_settled(PATIENCE, &Shutdown::default()).unwrap();
    let verdict = judge(cluster, directory.path());
    let ends: Vec<_> = verdict.logs.iter().map(|log| log.last).collect();
    assert_eq!(ends, [verdict.last; 3]);
    let events: Vec<_> = verdict.journals.iter().map(|journal| journal.events).collect();
    assert_eq!(events, [verdict.counts.events; 3]);
}

#[test]
fn the_demo_keeps_its_promises_while_every_receiver_drops_datagrams() {
    let _alone = alone();
    let demo = Command::new(LOCKSTEP)
        .args(["demo", "--seconds", "2", "--rate", "2000", "--loss", "5%"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{told}\n{}", String::from_utf8_lossy(&demo.stderr));
    let goals: Vec<_> = told.lines().filter(|line| line.starts_with("GOAL ")).collect();
    for goal in
        ["acknowledged_orders_lost 0", "orders_executed_twice 0", "log_verifies yes", "engine_digests_agree"]
    {
        assert!(goals.iter().any(|line| line.contains(goal) && line.ends_with(" met")), "{goal}: {told}");
    }
    assert!(told.contains("asked again"), "nothing was repaired, so nothing was lost on the way: {told}");
}

#[test]
fn a_warm_engine_and_a_logger_that_die_catch_up_when_they_start_again() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let plan = LocalPlan::default();
    let mut cluster = started(&plan, directory.path());
    let (before, _) = drive(&cluster, &plan, directory.path(), 2_000);
    assert!(before.is_clean(), "{before}");
    let node = |cluster: &LocalCluster, name| cluster.description().node(name).unwrap().clone();
    cluster.kill("engine-2").unwrap();
    cluster.kill("logger-1").unwrap();
    // Trading goes on without them; other sessions, since the books hold the first ones' orders.
    let later = LocalPlan { sessions: 2, ..plan.clone() };
    let (during, _) = drive(&cluster, &later, directory.path(), 1_000);
    assert_eq!(during.unanswered, 0, "{during}");
    for name in ["logger-1", "engine-2"] {
        let node = node(&cluster, name);
        cluster.start_node(&node).unwrap();
    }
    cluster.wait_until_settled(PATIENCE, &Shutdown::default()).unwrap();
    assert_eq!(cluster.board().disagreement(), None);
    let stamped = cluster.board().leader().unwrap().position;
    let logger = cluster.description().data_of(&node(&cluster, "logger-1"));
    cluster.stop().unwrap();
    let inputs = Inputs { loggers: vec![Logger::at(logger)], ..Inputs::default() };
    let verdict = checker::check(&inputs, &mut |_| {}).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.last.seq >= stamped.seq, "the log ends at {}, {} was stamped", verdict.last, stamped);
}

/// A new host takes the place of a dead one: the same name and address, and an empty disk.
#[test]
fn a_logger_that_lost_its_disk_learns_and_votes_again_while_trading_goes_on() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let plan = LocalPlan::default();
    let mut cluster = started(&plan, directory.path());
    let (before, _) = drive(&cluster, &plan, directory.path(), 1_000);
    assert!(before.is_clean(), "{before}");
    let logger = cluster.description().node("logger-3").unwrap().clone();
    cluster.kill("logger-3").unwrap();
    std::fs::remove_dir_all(cluster.description().data_of(&logger)).unwrap();
    cluster.start_node(&logger).unwrap();
    let until = cluster.clock().now().saturating_add(PATIENCE);
    let votes = |cluster: &LocalCluster| {
        let epoch = cluster.board().leader().map(|leader| leader.epoch)?;
        match cluster.board().status(logger.id)?.detail {
            Detail::Logger { incarnation, acknowledged, .. } => {
                Some(incarnation == Incarnation(2) && acknowledged.epoch == epoch && epoch >= Epoch(2))
            }
            _ => None,
        }
    };
    while votes(&cluster) != Some(true) {
        assert!(cluster.clock().now() < until, "it does not vote: {}", cluster.board().table(until));
        cluster.look().unwrap();
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    // Now its vote is needed.
    cluster.kill("logger-1").unwrap();
    let later = LocalPlan { sessions: 2, ..plan.clone() };
    let (after, _) = drive(&cluster, &later, directory.path(), 500);
    assert_eq!(after.unanswered, 0, "{after}");
    let first = cluster.description().node("logger-1").unwrap().clone();
    cluster.start_node(&first).unwrap();
    cluster.wait_until_settled(PATIENCE, &Shutdown::default()).unwrap();
    let description = cluster.description().clone();
    cluster.stop().unwrap();
    let verdict = checker::check(&evidence::of(&description, Vec::new()), &mut |_| {}).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn a_gateway_that_dies_opens_a_new_life_and_its_clients_trade_again() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let plan = LocalPlan::default();
    let mut cluster = started(&plan, directory.path());
    let (before, _) = drive(&cluster, &plan, directory.path(), 500);
    assert!(before.is_clean(), "{before}");
    let gateway = cluster.description().node("gateway-1").unwrap().clone();
    cluster.kill("gateway-1").unwrap();
    cluster.start_node(&gateway).unwrap();
    let (after, _) = drive_when_open(&cluster, &plan, directory.path());
    assert_eq!(after.unanswered, 0, "{after}");
    cluster.wait_until_settled(PATIENCE, &Shutdown::default()).unwrap();
    assert_eq!(cluster.board().disagreement(), None);
    cluster.stop().unwrap();
}

/// A gateway that is catching up refuses logons with a reason: tries until it is open, some times.
fn drive_when_open(cluster: &LocalCluster, plan: &LocalPlan, directory: &Path) -> (Report, Files) {
    let gateways: Vec<_> =
        cluster.description().nodes.iter().filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let load = Plan {
        pace: Pace::Window(4),
        amount: Amount::Requests(500),
        ..Plan::new(gateways, plan.comp_ids(), plan.instruments.clone())
    };
    for _ in 0..200 {
        match load::run(&load, &Shutdown::default(), &mut |_| {}) {
            Ok(report) => {
                return (report, Files { requests: Some(directory.join("none")), executions: None });
            }
            Err(_) => std::thread::park_timeout(std::time::Duration::from_millis(50)),
        }
    }
    panic!("the gateway did not open again");
}

#[test]
fn an_interrupted_cluster_leaves_no_process_and_no_port_behind() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let config = LocalPlan::default().write(directory.path()).unwrap();
    let mut up = Command::new(LOCKSTEP)
        .args(["up", "--config"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let stdout = BufReader::new(up.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        stdout.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)));
    });
    let next = || told.recv_timeout(WATCHDOG).expect("the launcher says something in time");
    let open = std::iter::repeat_with(next).find(|line| line.contains("takes FIX clients at")).unwrap();
    let address: SocketAddr = open.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(processes_of(&config).len(), 12, "the launcher and eleven nodes run");
    let status = Command::new(LOCKSTEP).args(["status", "--once", "--config"]).arg(&config).output().unwrap();
    let table = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.status.success() && table.contains("engine-2") && table.contains("warm"), "{table}");
    rustix::process::kill_process(rustix::process::Pid::from_child(&up), rustix::process::Signal::INT)
        .unwrap();
    std::iter::repeat_with(next).find(|line| line.contains("no process is left")).unwrap();
    assert!(up.wait().unwrap().success());
    reading.join().unwrap();
    assert_eq!(processes_of(&config), Vec::<PathBuf>::new());
    TcpListener::bind(address).expect("the FIX port is free again");
}

/// The programs that run with this configuration.
fn processes_of(config: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let has_config = |entry: &std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == config.as_os_str().as_encoded_bytes())
    };
    entries.filter(has_config).map(|entry| entry.path()).collect()
}
