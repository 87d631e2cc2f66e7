//! A whole cluster of real processes, one order of which ends every engine: it is started again, stops before that order, and goes on
//! once an operator has said so.
//!
//! `RUSTFLAGS="--cfg lockstep_planted" CARGO_TARGET_DIR=target/planted cargo build --bins`, then the same with
//! `cargo test -p lockstep --test poison`.

#![cfg(lockstep_planted)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod cluster_support;

use cluster::Role;
use cluster::status::Detail;
use cluster_support::binaries;
use lockstep::chaos::command::plan;
use lockstep::local::LocalCluster;
use node::{Clock, Description, NodeEntry, Shutdown};
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;
use wire::Nanos;

const FAILOVER: &str = "600ms";
/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(40 * Nanos::SECOND.0);

/// A FIX client that reads what comes and answers nothing.
struct Client {
    stream: TcpStream,
    clock: Clock,
    next: u32,
    heard: String,
}

impl Client {
    fn log_on(address: SocketAddrV4) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut client = Self { stream, clock: Clock::start(), next: 1, heard: String::new() };
        client.say("A", "98=0|108=60|141=Y|");
        client.hears("|35=A|");
        client
    }

    fn say(&mut self, kind: &str, fields: &str) {
        let time = String::from_utf8_lossy(&fix::timestamp::to_text(self.clock.now())).into_owned();
        let body = format!("35={kind}|49=CLIENT1|56=LOCKSTEP|34={}|52={time}|{fields}", self.next);
        self.next += 1;
        let whole = format!("8=FIX.4.4|9={}|{body}", body.len()).replace('|', "\x01");
        let sum = whole.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.stream, "{whole}10={sum:03}\x01").unwrap();
    }

    fn order(&mut self, name: &str) {
        let time = String::from_utf8_lossy(&fix::timestamp::to_text(self.clock.now())).into_owned();
        self.say("D", &format!("11={name}|55=AMZN|54=1|60={time}|38=10|40=2|44=100.00|"));
    }

    /// Something that holds this comes; gives it.
    fn hears(&mut self, what: &str) -> String {
        let until = self.clock.now().saturating_add(PATIENCE);
        loop {
            if let Some(at) = self.heard.find(what) {
                return self.heard.split_off(at);
            }
            assert!(self.clock.now() < until, "no {what} in {}", self.heard);
            let mut bytes = [0; 4_096];
            if let Ok(read) = self.stream.read(&mut bytes) {
                assert!(read > 0, "the gateway hung up; heard was {}", self.heard);
                self.heard += &String::from_utf8_lossy(&bytes[..read]).replace('\x01', "|");
            }
        }
    }
}

/// Waits until this is so.
fn wait(clock: Clock, what: &str, mut so: impl FnMut() -> bool) {
    let until = clock.now().saturating_add(PATIENCE);
    while !so() {
        assert!(clock.now() < until, "it never came that {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn quarantine(config: &std::path::Path, seq: u64) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.args(["quarantine", &seq.to_string(), "--by", "desk", "--why", "it panics", "--yes", "--config"]);
    command.arg(config).output().unwrap()
}

#[test]
fn an_order_that_ends_every_engine_is_left_out_by_the_word_of_an_operator() {
    let directory = tempfile::tempdir().unwrap();
    let config = plan(FAILOVER).write(directory.path()).unwrap();
    let description = Description::load(&config).unwrap();
    let shutdown = Shutdown::default();
    let mut cluster = LocalCluster::start(description.clone(), binaries()).unwrap();
    cluster.wait_until_ready(&shutdown).unwrap();
    let clock = cluster.clock();
    let address = description.nodes_of(Role::Gateway).find_map(|node| node.fix).unwrap();
    let mut client = Client::log_on(address);
    client.order("before");
    client.hears("|150=0|");
    client.order("POISON");

    // Both engines end, the second one when it takes over; each is started again, as a service would.
    let engines: Vec<NodeEntry> = description.nodes_of(Role::Engine).cloned().collect();
    for engine in &engines {
        let note = description.data_of(engine).join("poison");
        wait(clock, "both have noted it", || note.exists());
    }
    for engine in &engines {
        cluster.kill(&engine.name).unwrap(); // it has ended, or is about to
        cluster.start_node(engine).unwrap();
    }
    let mut seq = None;
    for engine in &engines {
        wait(clock, "each stops before it", || {
            cluster.look().unwrap();
            let status = cluster.board().status(engine.id).map(|status| status.detail.clone());
            let Some(Detail::Engine { stopped, ready: false, .. }) = status else { return false };
            seq = stopped.map(|seq| seq.0);
            stopped.is_some()
        });
    }
    let seq = seq.unwrap();

    let slip = quarantine(&config, seq - 1);
    assert!(!slip.status.success(), "{slip:?}");
    assert!(String::from_utf8_lossy(&slip.stderr).contains("nothing was changed"), "{slip:?}");
    let done = quarantine(&config, seq);
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{done:?}");
    assert!(told.contains("as \"POISON\"") && told.contains("a planted panic"), "{told}");
    assert!(told.contains("Quarantined:"), "{told}");

    let reject = client.hears("|150=8|");
    assert!(reject.contains("left it out"), "{reject}");
    client.order("after");
    client.hears("|150=0|");
    cluster.wait_until_settled(PATIENCE, &shutdown).unwrap();
    let again = quarantine(&config, seq);
    assert!(String::from_utf8_lossy(&again.stdout).contains("quarantined already"), "{again:?}");
    cluster.stop().unwrap();
}
