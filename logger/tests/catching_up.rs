//! A logger without a life that fetches what is committed over TCP: from the archive too, and over a tail of its own.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use archive::{About, Service, Settings, Store};
use journal::{Journal, Options, Stream};
use logger::{catch_up, foothold};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use support::{History, Process, Start, cluster};
use tempfile::{TempDir, tempdir};
use wire::{Digest, Incarnation, Nanos, Outbound, Position, Rules, Seq};

/// Another logger, as far as it is asked for history.
struct Other {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    dir: TempDir,
}

fn journal(dir: &Path) -> Journal {
    let options = Options {
        cluster: cluster(),
        stream: Stream::Frames,
        segment_len: 4096,
        create: true,
        power_cut: false,
    };
    Journal::open(dir, &options, &mut |_| {}).unwrap().0
}

impl Other {
    /// Holds this history, with a snapshot at that place; all segments before it are archived.
    fn start(history: &History, snapshot: u64) -> Self {
        Self::start_with(history, &[snapshot])
    }

    /// The same, with several snapshots, the oldest first.
    fn start_with(history: &History, snapshots: &[u64]) -> Self {
        let dir = tempdir().unwrap();
        let log = dir.path().join("log");
        let mut journal = journal(&log);
        history.frames.iter().for_each(|frame| journal.append(frame).unwrap());
        let mut syncer = journal.syncer();
        syncer.sync_once().unwrap();
        while syncer.seal_once().unwrap().is_some() {}
        while syncer.archive_once(history.place(snapshots[0])).unwrap().is_some() {}
        assert!(journal.first() > 1);
        let store = Store::open(&dir.path().join("snapshots")).unwrap();
        for snapshot in snapshots {
            let about = About {
                cluster: cluster(),
                machine: 1,
                position: history.place(*snapshot),
                rules: Rules(1),
                timestamp: Nanos(0),
                outbound: Outbound(1),
                digest: Digest(0),
            };
            store.begin(about, b"", b"").unwrap().commit().unwrap();
        }
        let events = log.with_file_name("events");
        let settings = Settings { cluster: cluster(), log, events, store, keep: 3, kept: Box::new(|_| {}) };
        let service = Service::open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), settings).unwrap();
        let (address, stop) = (service.address().unwrap(), Arc::<AtomicBool>::default());
        let until = Arc::clone(&stop);
        let thread = std::thread::spawn(move || service.run(&|| until.load(Ordering::Acquire)).unwrap());
        Self { address, stop, thread: Some(thread), dir }
    }

    /// The operator moves the archive to another disk.
    fn move_archive_away(&self) {
        std::fs::remove_dir_all(self.dir.path().join("log/archive")).unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.take().unwrap().join();
    }
}

fn nobody() -> SocketAddr {
    // Bound, and let go: nobody listens there.
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn an_empty_log_is_filled_up_to_the_newest_snapshot_and_goes_on_in_the_session() {
    let history = History::first(499);
    let other = Other::start(&history, 400);
    let dir = tempdir().unwrap();
    let mut log = journal(&dir.path().join("log"));
    catch_up(&mut log, &[nobody(), other.address], &|| false).unwrap();
    assert_eq!((log.last_position(), log.synced()), (history.place(400), 400));
    drop(log);
    let mut process = Process::start(dir.path(), Start::default());
    process.lead(&history, 450);
    assert_eq!(process.held(), history.frames);
    assert_eq!(process.listened(bus::StreamKind::Sequenced, 1), [401], "nothing is heard twice");
    assert_eq!(process.acks(), [], "it has no life yet");
    process.admit(1, 4);
    assert_eq!(process.node.kept().incarnation, Incarnation(4));
    assert_eq!(process.acks(), [history.last()]);
}

#[test]
fn a_tail_that_was_never_committed_is_cut_where_it_leaves_the_others_history() {
    let trunk = History::first(199);
    let committed = trunk.next(2, 150, 300);
    let other = Other::start(&committed, 400);
    for own in [&trunk, &trunk.next(3, 120, 40), &trunk.next(3, 1, 600)] {
        let dir = tempdir().unwrap();
        let mut log = journal(dir.path());
        own.frames.iter().for_each(|frame| log.append(frame).unwrap());
        catch_up(&mut log, &[other.address], &|| false).unwrap();
        assert_eq!(log.last_position(), committed.place(400));
        assert_eq!(log.iter_from(1).collect::<Vec<_>>(), committed.frames[..400]);
    }
}

#[test]
fn what_is_held_already_is_left_as_it_is() {
    let history = History::first(499);
    let other = Other::start(&history, 400);
    let dir = tempdir().unwrap();
    let mut log = journal(dir.path());
    history.frames.iter().for_each(|frame| log.append(frame).unwrap());
    catch_up(&mut log, &[other.address], &|| false).unwrap();
    assert_eq!((log.last_position(), log.stats().truncations), (history.last(), 0));
}

#[test]
fn who_is_to_stop_stops_and_who_finds_nobody_goes_on() {
    let history = History::first(9_999);
    let other = Other::start(&history, 9_000);
    let dir = tempdir().unwrap();
    let mut log = journal(dir.path());
    catch_up(&mut log, &[nobody()], &|| false).unwrap();
    assert_eq!(log.last_position(), Position::GENESIS);
    catch_up(&mut log, &[other.address], &|| true).unwrap();
    assert_eq!(log.last_position(), history.place(4_096));
    catch_up(&mut log, &[other.address], &|| false).unwrap();
    assert_eq!(log.last_position(), history.place(9_000));
}

#[test]
fn where_nobody_has_the_first_frames_any_more_an_empty_log_begins_behind_the_oldest_snapshot() {
    let history = History::first(999);
    let other = Other::start_with(&history, &[600, 700, 800]);
    let dir = tempdir().unwrap();
    let (log, others) = (dir.path().join("log"), [nobody(), other.address]);
    let store = Store::open(&dir.path().join("snapshots")).unwrap();
    assert_eq!(foothold(&others, &store), None, "it is in the archive");
    other.move_archive_away();
    let mut empty = journal(&log);
    catch_up(&mut empty, &others, &|| false).unwrap();
    assert_eq!(empty.next(), 1);
    drop(empty);
    let place = foothold(&others, &store).unwrap();
    assert_eq!((place, store.list().unwrap()), (history.place(600), vec![Seq(600)]));
    let options = Options {
        cluster: cluster(),
        stream: Stream::Frames,
        segment_len: 4096,
        create: true,
        power_cut: false,
    };
    journal::begin_behind(&log, &options, place).unwrap();
    let mut log = journal(&log);
    catch_up(&mut log, &others, &|| false).unwrap();
    assert_eq!((log.first(), log.last_position()), (601, history.place(800)));
    drop(log);
    // As a logger of the cluster it goes on in the session, keeps events of frames that it never had, and acknowledges.
    let mut process = Process::start(dir.path(), Start::default());
    process.speak_events(1, &[history.event(1, 5), history.event(2, 900)]);
    process.lead(&history, 950);
    assert_eq!(process.held(), history.frames[600..]);
    assert_eq!(process.events_held().len(), 2);
    process.admit(1, 4);
    assert_eq!(process.acks(), [history.last()]);
}
