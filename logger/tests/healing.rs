//! Damage to what a logger keeps: of each kind, found at the next start, set aside under its name, and fetched again, in another
//! life, by a real logger; refused in words where nobody else could have it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{Journal, JournalError, Options, Stream};
use logger::{FileVault, Vault};
use std::fs;
use std::path::{Path, PathBuf};
use support::{History, Process, Start, cluster};
use tempfile::{TempDir, tempdir};
use wire::{Incarnation, Nanos, Position};

const TICKS: usize = 299; // over several segments

/// The directory of a logger that acknowledged this history, with its events, and was stopped; all of it synced and sealed.
fn kept(history: &History) -> TempDir {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let events: Vec<_> = (1..=200).map(|number| history.event(number, number)).collect();
    process.speak_events(1, &events);
    process.lead(history, 300);
    assert_eq!(process.acks().last(), Some(&history.last()));
    assert_eq!(process.events_held().len(), 200);
    for mut syncer in [process.node.log().syncer(), process.node.event_journal().syncer()] {
        syncer.sync_once().unwrap();
        while syncer.seal_once().unwrap().is_some() {}
    }
    process.kill();
    dir
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    found.sort();
    found
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// A whole log of another cluster, or stamped `later`, whose segments have the same names.
fn another(cluster: u64, later: u64) -> TempDir {
    let dir = tempdir().unwrap();
    let options =
        Options { cluster, stream: Stream::Frames, segment_len: 4096, create: true, power_cut: false };
    let (mut journal, _) = Journal::open(&dir.path().join("log"), &options, &mut |_| {}).unwrap();
    for frame in &mut History::first(TICKS).frames {
        let (epoch, stamped) = {
            let header = *wire::Frame::read(frame).unwrap().header();
            (header.epoch, header.timestamp)
        };
        wire::frame::stamp(frame, journal.last_position(), epoch, stamped.saturating_add(Nanos(later)));
        journal.append(frame).unwrap();
    }
    dir
}

/// Harm to the segments of a log, by name, and how many of the first segments survive it.
type Harm = (&'static str, fn(&[PathBuf]), usize);

const HARMS: &[Harm] = &[
    ("a flipped bit in the middle", |s| edit(&s[2], |bytes| bytes[700] ^= 8), 2),
    ("a flipped bit in the first segment", |s| edit(&s[0], |bytes| bytes[700] ^= 8), 0),
    (
        "a flipped bit in the last record",
        |s| {
            edit(s.last().unwrap(), |bytes| {
                let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
                bytes[last] ^= 8;
            });
        },
        usize::MAX,
    ),
    ("a page of zeros", |s| edit(&s[1], |bytes| bytes[1024..2048].fill(0)), 1),
    ("a header's flipped bit", |s| edit(&s[2], |bytes| bytes[20] ^= 1), 2),
    ("an empty header", |s| edit(&s[2], |bytes| bytes[..64].fill(0)), 2),
    ("the first segment missing", |s| fs::remove_file(&s[0]).unwrap(), 0),
    ("a segment missing in the middle", |s| fs::remove_file(&s[2]).unwrap(), 2),
    // What stands before a missing end was the end before: nobody can say that it is one.
    ("the last segment missing", |s| fs::remove_file(s.last().unwrap()).unwrap(), usize::MAX - 1),
    ("all segments missing", |s| s.iter().for_each(|file| fs::remove_file(file).unwrap()), 0),
    ("a short segment", |s| edit(&s[1], |bytes| bytes.truncate(3_000)), 1),
    ("an empty file", |s| edit(&s[3], |bytes| bytes.clear()), 3),
    ("a lost end", |s| edit(s.last().unwrap(), |bytes| bytes[64..].fill(0)), usize::MAX),
    (
        "a segment of another cluster",
        |s| {
            let other = another(wire::cluster_id("elsewhere"), 0);
            fs::copy(other.path().join("log").join(s[1].file_name().unwrap()), &s[1]).unwrap();
        },
        1,
    ),
    (
        "a segment of another history",
        |s| {
            let other = another(cluster(), 1);
            fs::copy(other.path().join("log").join(s[1].file_name().unwrap()), &s[1]).unwrap();
        },
        1,
    ),
];

#[test]
fn each_damage_to_the_log_is_set_aside_and_healed_in_another_life() {
    let history = History::first(TICKS);
    for (name, harm, survive) in HARMS {
        let dir = kept(&history);
        let log = dir.path().join("log");
        let before = segments(&log);
        let survive = match *survive {
            usize::MAX => before.len() - 1,
            least if least > 1_000 => before.len() - 2,
            survive => survive,
        };
        harm(&before);
        let left: Vec<_> =
            segments(&log).iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();

        let mut process =
            Process::start_among(dir.path(), Start { token: 2, ..Start::default() }, 2).unwrap();
        let kept = process.node.kept();
        assert_eq!((kept.incarnation, kept.promise.epoch.0), (Incarnation(0), 1), "{name}");
        let held = process.held();
        assert_eq!(held, history.frames[..held.len()], "{name}");
        let expected = if survive == 0 { 1 } else { survive };
        assert_eq!(segments(&log).len(), expected, "{name}");
        // Nothing that was there is gone: it lies in the journal, or where it was set aside.
        for (path, bytes) in &left {
            let aside = log.join("damaged/1").join(path.file_name().unwrap());
            let there = if aside.exists() { aside } else { path.clone() };
            assert_eq!(&fs::read(there).unwrap(), bytes, "{name}: {}", path.display());
        }

        // It neither promises nor acknowledges, and takes the history again.
        process.prepare(1, history.nonce());
        process.prepare(2, 77);
        assert!(process.answers().is_empty(), "{name}");
        let events: Vec<_> = (1..=200).map(|number| history.event(number, number)).collect();
        process.speak_events(1, &events);
        process.lead(&history, 300);
        assert_eq!(process.held(), history.frames, "{name}");
        assert_eq!(process.events_held(), events, "{name}");
        assert_eq!(process.acks(), [], "{name}");
        assert!(process.presents().iter().all(|present| !present.ready), "{name}");
        process.admit(2, 2);
        assert_eq!(process.acks(), [history.last()], "{name}");
        process.kill();
        let process = Process::start_among(dir.path(), Start { token: 3, ..Start::default() }, 2).unwrap();
        assert_eq!(process.held(), history.frames, "{name}");
        assert_eq!(process.node.kept().incarnation, Incarnation(2), "{name}");
        assert!(!log.join("damaged/2").exists(), "{name}");
    }
}

#[test]
fn the_only_logger_refuses_each_damage_in_words_and_changes_nothing() {
    let history = History::first(TICKS);
    for (name, harm, _) in HARMS {
        let dir = kept(&history);
        let log = dir.path().join("log");
        harm(&segments(&log));
        let state = || -> Vec<_> {
            let promise = fs::read(dir.path().join("promise")).unwrap();
            segments(&log).iter().map(|path| fs::read(path).unwrap()).chain([promise]).collect()
        };
        let before = state();
        let error = Process::start_among(dir.path(), Start::default(), 0).map(|_| ()).unwrap_err();
        let words = format!("{error:#}");
        assert!(words.contains("the cluster's only logger") && words.contains("backup"), "{name}: {words}");
        assert_eq!(state(), before, "{name}");
        assert!(!log.join("damaged").exists(), "{name}");
    }
}

#[test]
fn damaged_events_are_fetched_again_in_the_same_life() {
    let history = History::first(TICKS);
    let dir = kept(&history);
    let journal = dir.path().join("events");
    edit(&segments(&journal)[1], |bytes| bytes[700] ^= 8);
    let mut process = Process::start_among(dir.path(), Start::default(), 2).unwrap();
    assert_eq!(process.node.kept().incarnation, Incarnation(1), "of events nothing was acknowledged");
    assert_eq!(segments(&journal).len(), 1);
    assert!(journal.join("damaged/1").is_dir());
    let events: Vec<_> = (1..=200).map(|number| history.event(number, number)).collect();
    process.speak_events(1, &events);
    process.lead(&history, 300);
    assert_eq!((process.events_held(), process.acks()), (events, vec![history.last()]));
}

#[test]
fn events_wait_while_the_frames_that_caused_them_are_fetched_again() {
    let history = History::first(TICKS);
    let dir = kept(&history);
    edit(&segments(&dir.path().join("log"))[0], |bytes| bytes[700] ^= 8);
    let mut process = Process::start_among(dir.path(), Start::default(), 2).unwrap();
    assert_eq!((process.last(), process.events_held().len()), (Position::GENESIS, 200));
    process.speak_in(1, &history.frames[..100]);
    process.hear(cluster::Message::Leading(history.leading(300)));
    assert_eq!((process.held().len(), process.events_held().len()), (100, 200), "none is dropped");
    process.ask(bus::StreamKind::Events, 1, 1, 10);
    assert_eq!(process.repaired().len(), 0, "nobody can say yet that they are of this history");
    process.speak(&history);
    process.run();
    process.ask(bus::StreamKind::Events, 1, 1, 10);
    assert_eq!((process.repaired().len(), process.events_held().len()), (10, 200));
}

#[test]
fn a_second_damage_is_set_aside_beside_the_first() {
    let history = History::first(TICKS);
    let dir = kept(&history);
    for nth in 1..=2 {
        edit(&segments(&dir.path().join("log"))[1], |bytes| bytes[700] ^= 8);
        let mut process = Process::start_among(dir.path(), Start::default(), 2).unwrap();
        assert!(dir.path().join(format!("log/damaged/{nth}")).is_dir());
        process.lead(&history, 1);
        assert_eq!(process.held(), history.frames);
        process.node.close().unwrap();
    }
}

#[test]
fn what_is_no_damage_is_refused_and_the_life_goes_on() {
    let history = History::first(TICKS);
    // Another cluster's directory, as a whole.
    let dir = kept(&history);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    let other = another(wire::cluster_id("elsewhere"), 0);
    fs::rename(other.path().join("log"), dir.path().join("log")).unwrap();
    let error = Process::start_among(dir.path(), Start::default(), 2).map(|_| ()).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(JournalError::OtherCluster { .. })), "{error:#}");
    assert!(!dir.path().join("log/damaged").exists());
    assert_eq!(FileVault::new(dir.path()).load().unwrap().incarnation, Incarnation(1));

    // A format that this build does not read.
    let dir = kept(&history);
    edit(&segments(&dir.path().join("log"))[0], |bytes| {
        bytes[8] = 9;
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    });
    let error = Process::start_among(dir.path(), Start::default(), 2).map(|_| ()).unwrap_err();
    assert!(format!("{error:#}").contains("use the build that wrote it"), "{error:#}");
    assert_eq!(FileVault::new(dir.path()).load().unwrap().incarnation, Incarnation(1));
}

#[test]
fn without_its_promise_a_logger_moves_nothing_and_refuses_in_words() {
    let history = History::first(TICKS);
    let dir = kept(&history);
    edit(&segments(&dir.path().join("log"))[1], |bytes| bytes[700] ^= 8);
    edit(&dir.path().join("promise"), |bytes| bytes[5] ^= 1);
    let error = Process::start_among(dir.path(), Start::default(), 2).map(|_| ()).unwrap_err();
    assert!(format!("{error:#}").contains("set the node's whole directory aside"), "{error:#}");
    assert!(!dir.path().join("log/damaged").exists());
}

#[test]
fn a_life_is_over_on_the_disk_before_anything_is_moved() {
    let history = History::first(TICKS);
    let dir = kept(&history);
    let log = dir.path().join("log");
    edit(&segments(&log)[1], |bytes| bytes[700] ^= 8);
    // Where the damage would go stands a file: nothing can be moved.
    fs::write(log.join("damaged"), b"").unwrap();
    Process::start_among(dir.path(), Start::default(), 2).map(|_| ()).unwrap_err();
    assert_eq!(FileVault::new(dir.path()).load().unwrap().incarnation, Incarnation(0));
    fs::remove_file(log.join("damaged")).unwrap();
    let process = Process::start_among(dir.path(), Start::default(), 2).unwrap();
    assert_eq!(process.node.kept().incarnation, Incarnation(0), "who died in between goes on there");
}

#[test]
fn behind_a_failed_sync_nothing_is_promised_or_acknowledged() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let mut history = History::first(3);
    process.lead(&history, 1);
    process.acts();
    process.fail_disk();
    history.ticks(1);
    process.speak(&history);
    let error = process.try_pass(wire::Nanos::SECOND).unwrap_err();
    assert!(format!("{error:#}").contains("takes nothing more"), "{error:#}");
    let error =
        process.try_hear(wire::NodeId(1), cluster::Message::Prepare { epoch: wire::Epoch(2), nonce: 7 });
    assert!(error.is_err());
    assert_eq!(process.acts(), [], "nothing was said");
}
