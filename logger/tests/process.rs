//! The logger's own process over the loopback interface: from its first word to a clean end.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use archive::Client;
use bus::{Datagrams, Publication, StreamKind};
use cluster::{Life, Message, Present};
use logger::{FileVault, Kept, Vault};
use node::{Clock, ControlGroup, Description, NodeEntry};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::History;
use wire::{Ack, Incarnation, Nanos, Position};

/// Whatever must happen does so within this, or the test fails.
const PATIENCE: Nanos = Nanos(60 * Nanos::SECOND.0);
const CONNECT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_micros(200);

/// Killed with the test, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cluster of one logger on ports and groups of its own, which syncs in the background once an hour.
fn describe(dir: &Path, durability: &str) -> Description {
    let held: Vec<_> = (0..13).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let mut ports = held.iter().map(|socket| socket.local_addr().unwrap().port());
    let mut port = || ports.next().unwrap();
    let mut text = format!(
        "[cluster]\nname = \"test\"\ntag = \"TST\"\ndata = \"data\"\n\
         [log]\ndurability = \"{durability}\"\nsync_every = \"3600s\"\nsegment = \"1MiB\"\n[streams]\n"
    );
    for (last, stream) in (1..).zip(["sequenced", "events", "status", "acks", "control", "engines"]) {
        text += &format!("{stream} = \"239.255.91.{last}:{}\"\n", port());
    }
    for (id, role, more) in [
        (1, "sequencer", format!("commands = \"127.0.0.1:{}\"\n", port())),
        (2, "engine", "mode = \"hot\"\n".to_owned()),
        (4, "logger", String::new()),
        (9, "supervisor", String::new()),
        (5, "gateway", format!("fix = \"127.0.0.1:{}\"\n", port())),
    ] {
        text += &format!(
            "[[node]]\nname = \"{role}-1\"\nid = {id}\nrole = \"{role}\"\naddress = \"127.0.0.1:{}\"\n{more}",
            port()
        );
    }
    text += "[[session]]\nid = 1\ncomp_id = \"CLIENT1\"\n";
    text += "[[instrument]]\nid = 1\nsymbol = \"ACME\"\nprice_decimals = 2\ntick = 1\nlot = 1\n";
    let path = dir.join("cluster.toml");
    std::fs::write(&path, &text).unwrap();
    Description::parse(&path, &text).unwrap()
}

/// Supervisor, sequencer and gateway in one, as far as the logger hears of them.
struct Others {
    clock: Clock,
    control: ControlGroup<Datagrams>,
    acks: Datagrams,
}

impl Others {
    fn new(description: &Description, node: &NodeEntry) -> Self {
        Self {
            clock: Clock::start(),
            control: description.control_group(node).unwrap(),
            acks: description.follow_acks(node).unwrap(),
        }
    }

    /// Says it again and again until the logger has said what is waited for.
    fn say_until<A>(
        &mut self,
        message: Option<&Message>,
        mut work: impl FnMut(Nanos),
        mut awaited: impl FnMut(Option<Present>, Option<Ack>) -> Option<A>,
    ) -> A {
        let until = self.clock.now().saturating_add(PATIENCE);
        loop {
            let now = self.clock.now();
            assert!(now < until, "waited in vain");
            if let Some(message) = &message {
                self.control.say(Message::clone(message));
            }
            work(now);
            let mut heard = None;
            self.control
                .hear(&mut |_, message| {
                    if let Message::Present(present) = message
                        && heard.is_none()
                    {
                        heard = awaited(Some(present), None);
                    }
                })
                .unwrap();
            self.acks
                .recv(|_, bytes| {
                    if heard.is_none() {
                        heard = awaited(None, Some(Ack::read(bytes).unwrap()));
                    }
                })
                .unwrap();
            match heard {
                Some(heard) => return heard,
                None => std::thread::park_timeout(PAUSE),
            }
        }
    }
}

fn keeps_and_acknowledges(durability: &str) {
    let dir = tempfile::tempdir().unwrap();
    let description = describe(dir.path(), durability);
    let sequencer = description.node("sequencer-1").unwrap().clone();
    let mut others = Others::new(&description, &sequencer);
    let child = Command::new(env!("CARGO_BIN_EXE_logger"))
        .args(["--config", dir.path().join("cluster.toml").to_str().unwrap(), "--node", "logger-1"])
        .arg("--with-parent")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);

    let token = others.say_until(
        None,
        |_| {},
        |present, _| {
            present.filter(|present| present.incarnation == Incarnation(0)).map(|present| present.token)
        },
    );
    let life = Life { node: support::LOGGER, token, incarnation: Incarnation(3) };
    others.say_until(
        Some(&Message::Admitted(life)),
        |_| {},
        |present, _| present.filter(|present| present.incarnation == life.incarnation),
    );

    let history = History::first(50);
    let mut stream = description.publish_sequenced(&sequencer).unwrap();
    stream.begin_session(description.session_names().of(StreamKind::Sequenced, history.epoch()), 1);
    stream.set_muted(false);
    let mut unsaid = history.frames.iter();
    // Each frame by itself: it is acknowledged although nothing comes after it, and no interval helps.
    for nth in [1, 2, 51] {
        while stream.next() <= nth {
            stream.publish(unsaid.next().unwrap());
        }
        let place = history.place(nth);
        let leading = cluster::Leading { last: place, ..history.leading(0) };
        let ack = others.say_until(
            Some(&Message::Leading(leading)),
            |now| {
                stream.do_work(now).unwrap();
            },
            |_, ack| ack.filter(|ack| ack.position == place),
        );
        assert_eq!((ack.incarnation, ack.logger), (life.incarnation, support::LOGGER));
    }

    // What it keeps is handed on over TCP, at the same address.
    let address = description.node("logger-1").unwrap().address.into();
    let mut client = Client::connect(address, CONNECT).unwrap();
    let mut handed_on = client.log(Position::GENESIS, history.last()).unwrap();
    for frame in &history.frames {
        assert_eq!(handed_on.next_frame().unwrap(), Some(&frame[..]));
    }
    assert_eq!(handed_on.next_frame().unwrap(), None);
    drop(handed_on);
    assert!(client.list().unwrap().is_empty());

    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(running.0.wait().unwrap().success());
    assert!(Client::connect(address, CONNECT).is_err(), "it stops with the process");
    let data = dir.path().join("data/logger-1");
    let promise = cluster::Promise { epoch: history.epoch(), nonce: history.nonce() };
    let kept = Kept { promise, incarnation: life.incarnation, began: true, clean: true };
    assert_eq!(FileVault::new(&data).load().unwrap(), kept);
    let verdict = logger::verify(&data.join("log"), &mut |_| {}).unwrap();
    assert_eq!((verdict.last, verdict.synced), (history.last(), Some(51)));
    assert_ne!(verdict.last, Position::GENESIS);
}

#[test]
fn a_process_keeps_and_acknowledges_what_is_written_and_ends_cleanly() {
    keeps_and_acknowledges("written");
}

#[test]
fn a_process_that_acknowledges_what_is_synced_syncs_as_soon_as_something_is_written() {
    keeps_and_acknowledges("synced");
}
