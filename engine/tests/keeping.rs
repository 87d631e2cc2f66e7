//! A replica that is restored from a file goes on exactly like the one that wrote it, and a file that is not this engine's
//! to use is refused by name.

#[path = "support/naive/mod.rs"]
mod naive;
#[path = "support/pair/mod.rs"]
mod pair;
mod support;

use archive::{Beginning, Fault, HEAD_LEN, Head, Snapshot, Store};
use engine::keeping::{self, Unfit};
use engine::{EventSink, Exchange, Limits, Mark, Replica, SnapshotError, StateMachine};
use pair::{Draw, Generator, Pair, Step, WORLD};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use support::{GATEWAY, LIFE};
use wire::command::{Snapshot as TakeSnapshot, SnapshotReason};
use wire::event::{Happening, InstrumentDefined};
use wire::{
    AccountId, CurrencyId, Event, Frame, InstrumentId, NodeId, ParticipantId, Rules, Seq, SessionId, Symbol,
    prelude,
};

const CLUSTER: u64 = 0xc1;

/// Frames over every feature, with a snapshot command behind every `every`th.
fn frames(seed: u64, commands: usize, every: usize) -> Vec<Vec<u8>> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut pair = Pair::new(WORLD, None);
    let mut log = support::Log::new();
    let mut generator = Generator::new();
    let mut all = Vec::new();
    let mut take = |pair: &mut Pair, step: Step| {
        log.now = step.now;
        all.push(step.asked.stamp(&mut log, step.source, step.life));
        pair.apply(step.source, step.life, &step.asked).expect("engine and model agree");
    };
    for asked in Generator::prologue() {
        let now = pair.desk.log.now;
        take(&mut pair, Step { now, source: GATEWAY, life: LIFE, asked });
    }
    for n in 0..commands {
        let step = generator.draw(&mut pair, Draw::new(std::array::from_fn(|_| random.random())));
        let now = step.now;
        take(&mut pair, step);
        if n % every == 0 {
            let asked = TakeSnapshot { why: SnapshotReason::Schedule, reserved: [0; 7] }.into();
            take(&mut pair, Step { now, source: NodeId(1), life: wire::Incarnation(0), asked });
        }
    }
    all
}

fn fresh() -> Replica<Exchange> {
    Replica::new(Exchange::new(WORLD).expect("small"), EventSink::with_capacity(64))
}

fn apply(replica: &mut Replica<Exchange>, bytes: &[u8]) {
    replica.apply(&Frame::read(bytes).expect("stamped by this test")).expect("follows");
}

fn after(frames: &[Vec<u8>]) -> Replica<Exchange> {
    let mut replica = fresh();
    frames.iter().for_each(|bytes| apply(&mut replica, bytes));
    replica
}

fn written(replica: &Replica<Exchange>) -> (Head, Vec<u8>) {
    let (head, bytes) = keeping::write_to(replica, CLUSTER, Cursor::new(Vec::new())).expect("memory");
    (head, bytes.into_inner())
}

fn read(bytes: &[u8], limits: Limits, cluster: u64) -> Result<Replica<Exchange>, Unfit> {
    keeping::read(Snapshot::open(bytes)?, limits, cluster)
}

#[test]
fn a_restored_replica_goes_on_exactly_like_the_first() {
    let frames = frames(21, 6_000, 100);
    let mut first = fresh();
    let mut other = fresh();
    let mut times = 0;
    for (at, bytes) in frames.iter().enumerate() {
        apply(&mut first, bytes);
        apply(&mut other, bytes);
        assert!(first.events().eq(other.events()), "frame {at}");
        assert_eq!((first.digest(), first.position()), (other.digest(), other.position()), "frame {at}");
        assert_eq!((first.outbound(), first.ledger()), (other.outbound(), other.ledger()), "frame {at}");
        if Frame::read(bytes).expect("whole").command().expect("whole").kind().takes_snapshot() {
            let mark = Mark { at: first.position(), digest: first.digest(), outbound: first.outbound() };
            assert_eq!(first.marks().last(), Some(mark), "a mark stands wherever a snapshot is taken");
            let (head, file) = written(&first);
            assert_eq!(head.about.position, first.position());
            assert_eq!(head.state_digest, first.machine().digest());
            assert_eq!(written(&other).1, file, "both write the same file");
            other = read(&file, WORLD, CLUSTER).expect("just written");
            assert_eq!(other.marks().collect::<Vec<_>>(), [mark]);
            assert_eq!(other.machine().digest(), first.machine().digest());
            times += 1;
        }
    }
    assert!(times >= 60, "{times} snapshots");
    let since: Vec<_> = other.marks().collect();
    let all: Vec<_> = first.marks().collect();
    assert_eq!(all[all.len() - since.len()..], since);
}

#[test]
fn a_file_of_another_cluster_or_machine_or_of_later_rules_is_refused() {
    let (head, file) = written(&after(&frames(22, 200, 50)));
    let refused = read(&file, WORLD, CLUSTER + 1).expect_err("another cluster");
    assert!(matches!(refused, Unfit::OtherCluster { found: CLUSTER, .. }), "{refused}");
    assert!(refused.to_string().contains("it is of cluster 00000000000000c1"), "{refused}");
    let of = |change: fn(&mut Head)| {
        let mut head = head;
        change(&mut head);
        [&head.to_bytes(), &file[HEAD_LEN..]].concat()
    };
    let refused = read(&of(|head| head.about.machine += 1), WORLD, CLUSTER).expect_err("another layout");
    assert!(matches!(refused, Unfit::OtherMachine { .. }), "{refused}");
    let refused = read(&of(|head| head.about.rules = Rules(99)), WORLD, CLUSTER).expect_err("later rules");
    assert!(matches!(refused, Unfit::UnknownRules(_)), "{refused}");
}

#[test]
fn limits_that_decide_what_is_refused_must_be_the_same_and_room_may_differ() {
    let frames = frames(23, 1_000, 50);
    let replica = after(&frames[..600]);
    let (_, file) = written(&replica);
    for other in [
        Limits { sessions: WORLD.sessions + 1, ..WORLD },
        Limits { names: WORLD.names + 1, ..WORLD },
        Limits { resting_orders: WORLD.resting_orders - 1, ..WORLD },
    ] {
        let refused = read(&file, other, CLUSTER).expect_err("other limits");
        assert!(matches!(refused, Unfit::State(SnapshotError::OtherLimits { .. })), "{refused}");
    }
    let roomy = Limits { levels: WORLD.levels * 2, events_reserved: 9, ..WORLD };
    let mut other = read(&file, roomy, CLUSTER).expect("more room changes nothing");
    assert_eq!(other.machine().limits(), &roomy);
    assert_eq!(other.machine().digest(), replica.machine().digest(), "room is no part of the state");
    let mut first = replica;
    for bytes in &frames[600..] {
        apply(&mut first, bytes);
        apply(&mut other, bytes);
        assert!(first.events().eq(other.events()));
    }
    assert_eq!(first.digest(), other.digest());
}

#[test]
fn a_damaged_file_is_called_damaged_whatever_its_state_looks_like() {
    let (_, file) = written(&after(&frames(24, 300, 50)));
    for at in (HEAD_LEN..file.len()).step_by(41) {
        let mut bytes = file.clone();
        bytes[at] ^= 0x08;
        let refused = read(&bytes, WORLD, CLUSTER).map(|_| ()).expect_err("damaged");
        let fault = matches!(
            refused,
            Unfit::Damaged(Fault::Front | Fault::Body | Fault::Packed { .. } | Fault::Unpacked { .. })
                | Unfit::Ledger(_)
        );
        assert!(fault, "byte {at}: {refused}");
    }
}

#[test]
fn the_newest_snapshot_that_fits_is_taken_and_the_others_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let frames = frames(25, 400, 50);
    let mut replica = fresh();
    let mut digests = Vec::new();
    for (n, bytes) in frames.iter().enumerate() {
        apply(&mut replica, bytes);
        if n % 100 == 99 {
            let cluster = if n == 299 { CLUSTER + 1 } else { CLUSTER };
            let (head, aside) = keeping::write(&replica, cluster, &store).expect("room");
            aside.show().expect("room");
            digests.push((head.about.position.seq, replica.machine().digest()));
        }
    }
    let newest = digests.last().expect("some").0;
    let path = store.path(newest);
    let mut bytes = std::fs::read(&path).expect("there");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).expect("room");
    let mut told = Vec::new();
    let taken = keeping::newest(&store, WORLD, CLUSTER, &mut |seq, why| told.push((seq, why.to_string())))
        .expect("readable")
        .expect("two fit");
    assert_eq!(told.len(), digests.len() - 2);
    assert_eq!(told[0].0, newest);
    assert!(told.iter().any(|(_, why)| why.contains("it is of cluster")), "{told:?}");
    assert_eq!((taken.position().seq, taken.machine().digest()), digests[1]);
    assert_eq!(taken.position().seq, Seq(200));
}

fn sample(version: u32) -> std::path::PathBuf {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/archive/tests/samples");
    samples.join(format!("version-{version}.snapshot"))
}

/// What was true of the replica that wrote a sample.
fn account(head: &Head, replica: &Replica<Exchange>, definitions: &[u8]) -> String {
    let mut account = format!(
        "position {}\nrunning digest {:016x}\nstate digest {:016x}\nopen orders {}\nlast snapshot {}\n",
        head.about.position,
        replica.digest().0,
        replica.machine().digest().0,
        replica.machine().resting_orders(),
        replica.ledger().last_snapshot(),
    );
    if head.has_definitions() {
        let (count, digest) = (events(definitions).len(), twox_hash::XxHash3_64::oneshot(definitions));
        account += &format!("definitions {count}, digest {digest:016x}\n");
    }
    account
}

/// Events that stand back to back.
fn events(mut bytes: &[u8]) -> Vec<Event<'_>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (event, behind) = bytes.split_at(prelude::peek(bytes).expect("whole").length.into());
        all.push(Event::read(event).expect("sealed"));
        bytes = behind;
    }
    all
}

#[test]
fn the_committed_samples_are_read_as_they_were_written() {
    for version in 1..=archive::VERSION {
        let file = std::fs::read(sample(version)).expect("committed");
        let snapshot = Snapshot::open(file.as_slice()).expect("committed");
        let definitions = snapshot.definitions().to_vec();
        let head = snapshot.verify().expect("committed");
        assert_eq!(head.version, version);
        let replica = read(&file, WORLD, CLUSTER).expect("this build reads it");
        let told = std::fs::read_to_string(sample(version).with_extension("txt")).expect("committed");
        assert_eq!(account(&head, &replica, &definitions), told);
        assert_eq!(head.state_digest, replica.machine().digest(), "and would be written alike");
        assert_eq!(written(&replica).0.about, head.about);
        let again = written(&replica).1;
        let again = Snapshot::open(again.as_slice()).expect("just written");
        assert!(version == 1 || again.definitions() == definitions, "version {version}");
    }
}

#[test]
#[ignore = "writes the sample for a new version: cargo test -p engine --test keeping -- --ignored"]
fn write_the_sample() {
    let sample = sample(archive::VERSION);
    assert!(!sample.exists(), "the sample of this version exists and must not change");
    let replica = after(&frames(31, 1_500, 100));
    let (head, file) = written(&replica);
    let definitions = Snapshot::open(file.as_slice()).expect("just written").definitions().to_vec();
    std::fs::create_dir_all(sample.parent().expect("a directory")).expect("room");
    std::fs::write(&sample, file).expect("room");
    std::fs::write(sample.with_extension("txt"), account(&head, &replica, &definitions)).expect("room");
}

/// What the defining events say, of whatever was said of it last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Defined {
    currencies: BTreeMap<CurrencyId, u8>,
    accounts: BTreeMap<AccountId, ParticipantId>,
    sessions: BTreeMap<SessionId, ParticipantId>,
    instruments: BTreeMap<InstrumentId, (Symbol, u8, CurrencyId)>,
}

impl Defined {
    fn hear(&mut self, event: &Event<'_>) {
        match event.happening().expect("known") {
            Happening::CurrencyDefined(told) => {
                self.currencies.insert(told.currency, told.decimals);
            }
            Happening::AccountDefined(told) => {
                self.accounts.insert(told.account, told.participant);
            }
            Happening::SessionAssigned(told) if { told.participant } == ParticipantId(0) => {
                self.sessions.remove(&{ told.session });
            }
            Happening::SessionAssigned(told) => {
                self.sessions.insert(told.session, told.participant);
            }
            Happening::InstrumentDefined(InstrumentDefined { terms }) => {
                let (symbol, decimals, currency) = (terms.symbol, terms.price_decimals, terms.currency);
                self.instruments.insert(terms.instrument, (symbol, decimals, currency));
            }
            _ => {}
        }
    }
}

#[test]
fn the_definitions_tell_what_all_events_before_have_told() {
    let (mut replica, mut heard) = (fresh(), Defined::default());
    let mut times = 0;
    for (n, bytes) in frames(26, 4_000, 500).iter().enumerate() {
        apply(&mut replica, bytes);
        for event in replica.events_mut() {
            wire::event::speak(event, wire::event::Speaker::default());
            heard.hear(&Event::read(event).expect("spoken"));
        }
        if n % 61 == 0 || n < 40 {
            let (head, file) = written(&replica);
            let front = Beginning::read(&file[..head.front_len() as usize]).expect("just written");
            let mut told = Defined::default();
            for event in events(front.definitions()) {
                assert_eq!(event.cause(), head.about.position);
                assert_eq!({ event.header().outbound }.next(), head.about.outbound);
                told.hear(&event);
            }
            assert_eq!(told, heard, "behind frame {n}");
            times += 1;
        }
    }
    assert!(times > 100 && heard.sessions.len() > 1 && heard.instruments.len() > 1, "{heard:?}");
}
