//! Verification and dumps: beside a writer, over damage, and in words for every kind there is.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod seals;
mod words;

use journal::{Journal, JournalError, Options, Stream};
use logger::{dump, verify};
use std::fs;
use std::path::{Path, PathBuf};
use wire::command::Tick;
use wire::frame::{self, Origin};
use wire::*;

fn open(dir: &Path, stream: Stream) -> Journal {
    let options = Options {
        cluster: wire::cluster_id("test"),
        stream,
        segment_len: 4096,
        create: true,
        power_cut: false,
    };
    Journal::open(dir, &options, &mut |_| {}).unwrap().0
}

struct Frames {
    last: Position,
    all: Vec<Vec<u8>>,
}

impl Frames {
    fn new() -> Self {
        Self { last: Position::GENESIS, all: Vec::new() }
    }

    fn add<B: CommandBody>(&mut self, body: &B) {
        let mut to = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: NodeId(4),
            incarnation: Incarnation(2),
            source_seq: SourceSeq(self.all.len() as u64),
            received: Nanos(0),
        };
        let length = frame::write(&mut to, origin, body);
        self.last = frame::stamp(
            &mut to[..length],
            self.last,
            Epoch(1),
            Nanos(1_700_000_000_000_000_000 + self.last.seq.0),
        );
        self.all.push(to[..length].to_vec());
    }
}

fn ticks(count: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::new();
    (0..count).for_each(|_| frames.add(&Tick {}));
    frames.all
}

fn write(dir: &Path, stream: Stream, messages: &[Vec<u8>]) {
    let mut journal = open(dir, stream);
    messages.iter().for_each(|message| journal.append(message).unwrap());
}

fn dumped(dir: &Path, from: u64, to: u64) -> Vec<String> {
    let mut out = Vec::new();
    let dumped = dump(dir, from, to, &mut out).unwrap();
    let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(dumped.lines, lines.len() as u64);
    lines
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "seg")).collect();
    found.sort();
    found
}

#[test]
fn a_range_is_dumped_from_the_segment_that_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Stream::Frames, &ticks(300));
    let all = dumped(dir.path(), 0, u64::MAX);
    assert_eq!(all.len(), 300);
    // Damage before the range is not met: each segment can be read alone.
    let first = &segments(dir.path())[0];
    let mut bytes = fs::read(first).unwrap();
    bytes[100] ^= 1;
    fs::write(first, bytes).unwrap();
    assert_eq!(dumped(dir.path(), 150, 160), all[149..160]);
    assert_eq!(dumped(dir.path(), 299, 1000), all[298..]);
    assert!(dumped(dir.path(), 400, 500).is_empty());
    assert!(dump(dir.path(), 1, 10, &mut Vec::new()).is_err());
}

#[test]
fn a_whole_journal_is_verified_and_summed_up() {
    let dir = tempfile::tempdir().unwrap();
    let frames = ticks(300);
    write(dir.path(), Stream::Frames, &frames);
    let before: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
    let mut told = 0;
    let verdict = verify(dir.path(), &mut |progress| told = progress.segments).unwrap();
    let last = Frame::read(&frames[299]).unwrap().position();
    assert_eq!((verdict.records, verdict.last, verdict.torn_bytes), (300, last, 0));
    assert_eq!((verdict.segments, told), (before.len(), before.len()));
    assert!(verdict.to_string().contains("300 records in"), "{verdict}");
    let after: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(before, after, "nothing is modified");
}

#[test]
fn a_torn_end_is_told_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Stream::Frames, &ticks(5));
    let file = &segments(dir.path())[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[64 + 4 * 56 + 50] ^= 1;
    fs::write(file, &bytes).unwrap();
    let verdict = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!((verdict.records, verdict.torn_bytes), (4, 56));
    assert_eq!(fs::read(file).unwrap(), bytes);
    assert_eq!(dumped(dir.path(), 0, u64::MAX).len(), 4);
}

#[test]
fn damage_is_named_by_file_offset_and_number() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Stream::Frames, &ticks(200));
    let file = &segments(dir.path())[1];
    let mut bytes = fs::read(file).unwrap();
    bytes[64 + 3 * 56 + 20] ^= 1;
    fs::write(file, &bytes).unwrap();
    let first: u64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    match verify(dir.path(), &mut |_| {}).unwrap_err() {
        JournalError::Damaged { file: named, offset, number, .. } => {
            assert_eq!((&named, offset, number), (file, 64 + 3 * 56, first + 3));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_journal_is_verified_while_its_writer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let frames = ticks(20_000);
    let mut journal = open(dir.path(), Stream::Frames);
    let (first, rest) = frames.split_at(100);
    first.iter().for_each(|message| journal.append(message).unwrap());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| rest.iter().for_each(|message| journal.append(message).unwrap()));
        let mut before = 100;
        while !writer.is_finished() {
            let verdict = verify(dir.path(), &mut |_| {}).unwrap();
            assert!(verdict.records >= before, "{} after {before}", verdict.records);
            before = verdict.records;
        }
        writer.join().unwrap();
    });
    assert_eq!(verify(dir.path(), &mut |_| {}).unwrap().records, 20_000);
}
