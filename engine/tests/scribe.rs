//! A snapshot is the state of the moment at which it was begun, written by a real child process while the replica goes on.

mod support;

use archive::Store;
use engine::{EventSink, Exchange, ForkScribe, Limits, Outcome, Replica, Scribe, StateMachine, keeping};
use node::clock::Clock;
use std::path::Path;
use std::time::Duration;
use support::{ACME, ALICE, BOB, Desk, LIMITS, Log, cancel, define, logon, order};
use wire::Nanos;
use wire::command::{Side, Tick};

const CLUSTER: u64 = 7;
/// How long anything here may take before the test has failed.
const PATIENCE: Nanos = Nanos(60 * Nanos::SECOND.0);

fn wait_until(otherwise: &str, mut holds: impl FnMut() -> bool) {
    let clock = Clock::start();
    let began = clock.now();
    while !holds() {
        assert!(clock.now().since(began) < PATIENCE, "{otherwise}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Whether some of a snapshot stands aside.
fn has_written(dir: &Path) -> bool {
    let mut files = std::fs::read_dir(dir).expect("there").flatten();
    files.any(|name| name.metadata().is_ok_and(|file| file.len() > 256))
}

/// Polls until the scribe tells what became of its snapshot.
fn outcome(scribe: &mut ForkScribe) -> Outcome {
    let mut told = None;
    wait_until("the child has not ended", || {
        told = scribe.poll();
        told.is_some()
    });
    assert!(!scribe.is_busy());
    assert_eq!(scribe.poll(), None, "it is told once");
    told.expect("waited for")
}

/// Trades some more, from this number on.
fn trade(desk: &mut Desk, from: u32, to: u32) {
    for n in from..to {
        let (a, b) = (format!("a{n}"), format!("b{n}"));
        desk.send(&order(ALICE, &a, Side::Buy, 30, 100 - 5 * i64::from(n % 4)));
        desk.send(&order(BOB, &b, Side::Sell, 20, 90 + 5 * i64::from(n % 5)));
        if n % 3 == 0 {
            desk.send(&cancel(ALICE, &format!("x{n}"), &a, Side::Buy));
        }
    }
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).expect("there").count()
}

#[test]
fn the_file_is_the_state_of_the_moment_it_was_begun_at_and_the_replica_goes_on_meanwhile() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let mut scribe = ForkScribe::new(store.clone(), CLUSTER);
    let mut desk = Desk::new();
    trade(&mut desk, 0, 300);
    let then = desk.replica.clone();
    scribe.begin(&desk.replica).expect("a fork");
    assert_eq!(scribe.at(), Some(then.position()));
    trade(&mut desk, 300, 900);
    assert_ne!(desk.replica.machine().digest(), then.machine().digest());
    // It is not known to be committed: whatever the child has written does not count.
    assert_eq!((scribe.poll(), store.list().expect("readable")), (None, vec![]));
    scribe.show();
    let Outcome { at, kept } = outcome(&mut scribe);
    assert_eq!(at, then.position());
    let head = kept.expect("kept");
    assert_eq!((head.about.position, head.about.digest), (then.position(), then.digest()));
    assert_eq!(head.state_digest, then.machine().digest());
    assert_eq!(store.list().expect("readable"), [then.position().seq]);
    let told = &mut |_, why: &keeping::Unfit| panic!("{why}");
    let read: Replica<_> =
        keeping::newest(&store, LIMITS, CLUSTER, told).expect("readable").expect("just written");
    assert_eq!(
        (read.position(), read.digest(), read.outbound()),
        (then.position(), then.digest(), then.outbound())
    );
    assert_eq!((read.ledger(), read.machine().digest()), (then.ledger(), then.machine().digest()));
    desk.replica.machine().audit().expect("the parent's state is untouched");
}

#[test]
fn one_snapshot_after_the_other_is_written_and_a_second_at_the_same_time_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let mut scribe = ForkScribe::new(store.clone(), CLUSTER);
    let mut desk = Desk::new();
    for n in 0..3 {
        trade(&mut desk, 10 * n, 10 * n + 10);
        scribe.begin(&desk.replica).expect("a fork");
        let refused = scribe.begin(&desk.replica).expect_err("one at a time");
        assert!(refused.to_string().contains("is still being written"), "{refused}");
        scribe.show();
        assert_eq!(outcome(&mut scribe).kept.expect("kept").about.position, desk.replica.position());
    }
    assert_eq!(store.list().expect("readable").len(), 3);
    assert_eq!(files(dir.path()), 3);
}

#[test]
fn what_is_given_up_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut scribe = ForkScribe::new(Store::open(dir.path()).expect("new"), CLUSTER);
    let mut desk = Desk::new();
    trade(&mut desk, 0, 300);
    scribe.begin(&desk.replica).expect("a fork");
    scribe.give_up();
    scribe.show();
    let Outcome { at, kept } = outcome(&mut scribe);
    assert_eq!(at, desk.replica.position());
    let why = kept.expect_err("given up");
    assert!(why.contains("was stopped") || why.contains("given up"), "{why}");
    assert_eq!(files(dir.path()), 0);
    scribe.begin(&desk.replica).expect("a fork");
    drop(scribe);
    assert_eq!(files(dir.path()), 0, "an engine that stops leaves nothing either");
}

#[test]
fn a_child_that_cannot_write_says_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let nowhere = dir.path().join("gone");
    let mut scribe = ForkScribe::new(Store::look(&nowhere), CLUSTER);
    let mut desk = Desk::new();
    scribe.begin(&desk.replica).expect("a fork");
    let why = outcome(&mut scribe).kept.expect_err("there is no such directory");
    assert!(why.contains("cannot create") && why.contains("gone") && why.contains("No such file"), "{why}");
    // And the next one may go well.
    std::fs::create_dir(&nowhere).expect("room");
    desk.send(&Tick {});
    scribe.begin(&desk.replica).expect("a fork");
    scribe.show();
    assert_eq!(outcome(&mut scribe).kept.expect("kept").about.position, desk.replica.position());
}

#[test]
fn a_child_keeps_nothing_of_its_parent_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut scribe = ForkScribe::new(Store::open(dir.path()).expect("new"), CLUSTER);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    scribe.begin(&Desk::new().replica).expect("a fork");
    // From then on it waits for the word that it may show the file.
    wait_until("the child writes nothing", || has_written(dir.path()));
    drop(socket);
    // The children of other tests hold a copy for the moment between their fork and their closing of it.
    wait_until("the port is not free while the child lives", || std::net::UdpSocket::bind(address).is_ok());
    assert!(scribe.is_busy() && scribe.poll().is_none());
    scribe.show();
    outcome(&mut scribe).kept.expect("kept");
}

#[test]
fn a_child_dies_with_the_thread_that_began_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, at) = (Store::open(dir.path()).expect("new"), dir.path().to_owned());
    let began = std::thread::spawn(move || {
        let mut scribe = ForkScribe::new(store, CLUSTER);
        scribe.begin(&Desk::new().replica).expect("a fork");
        // By then it has asked to die with this thread.
        wait_until("the child writes nothing", || has_written(&at));
        scribe
    });
    let mut scribe = began.join().expect("no panic");
    // Nobody says that it may show anything, and nobody gives it up.
    let why = outcome(&mut scribe).kept.expect_err("it was stopped");
    assert!(why.contains("was stopped"), "{why}");
    assert_eq!(files(dir.path()), 0);
}

/// `cargo test --release -p engine --test scribe -- --ignored --nocapture`
#[test]
#[ignore = "a measurement: cargo test --release -p engine --test scribe -- --ignored --nocapture"]
fn the_pause_of_a_million_resting_orders() {
    const ORDERS: u32 = 1_000_000;
    let limits = Limits { resting_orders: 1 << 20, names: 1 << 21, levels: 1 << 17, ..LIMITS };
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let mut scribe = ForkScribe::new(store.clone(), CLUSTER);
    let mut exchange = Exchange::new(limits).expect("granted");
    exchange.prefault();
    let mut desk = Desk { replica: Replica::new(exchange, EventSink::with_capacity(64)), log: Log::new() };
    desk.send(&define(ACME, b"ACME"));
    desk.send(&logon(ALICE));
    desk.send(&logon(BOB));
    for n in 0..ORDERS {
        let price = 5 * (1 + i64::from(n % 10_000));
        desk.send(&order(ALICE, &format!("o{n}"), Side::Buy, 10, price));
    }
    assert_eq!(desk.replica.machine().resting_orders(), ORDERS as usize);
    let clock = Clock::start();
    let memory = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let resident = memory.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    println!("{resident}");
    for round in 0..5 {
        desk.send(&Tick {});
        let before = clock.now();
        scribe.begin(&desk.replica).expect("a fork");
        let paused = clock.now().since(before);
        scribe.show();
        // What the first orders after it cost, page by page.
        let mut slowest = Nanos(0);
        let mut sum = Nanos(0);
        for n in 0..10_000 {
            let asked = order(BOB, &format!("s{round}-{n}"), Side::Sell, 10, 60_000);
            let from = clock.now();
            desk.send(&asked);
            let took = clock.now().since(from);
            slowest = slowest.max(took);
            sum = Nanos(sum.0 + took.0);
        }
        let head = outcome(&mut scribe).kept.expect("kept");
        println!(
            "begin {} us; then 10000 orders {} ns each, the slowest {} us; the file after {} ms: {} MB, {} MB unpacked",
            paused.0 / 1_000,
            sum.0 / 10_000,
            slowest.0 / 1_000,
            clock.now().since(before).0 / 1_000_000,
            head.file_len() >> 20,
            head.state_bytes >> 20,
        );
    }
    let before = clock.now();
    let read = keeping::newest(&store, limits, CLUSTER, &mut |_, why| panic!("{why}")).expect("readable");
    println!("restored in {} ms", clock.now().since(before).0 / 1_000_000);
    assert!(read.is_some());
}
