//! The checker's own reader against what the cluster's writer writes, and against torn and damaged files.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use checker::segments::{Fault, Segments, SegmentsError, Stream};
use checker::{CheckError, check};
use journal::{Journal, Options};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::{CLUSTER, Log, Message, World, events_of, write_journal};
use wire::cluster_id;
use wire::command::Side;

fn long() -> Log {
    let mut log = Log::begun();
    for at in 0..150 {
        log.order(1 + at % 2, Side::Sell, &format!("order-{at}"));
    }
    log
}

/// All messages, and the bytes of a torn end.
fn read(directory: &Path, stream: Stream) -> Result<(Vec<Message>, u64), SegmentsError> {
    let mut segments = Segments::open(directory, stream)?;
    let mut messages = Vec::new();
    while segments.advance()? {
        messages.push(segments.message().to_vec());
    }
    assert!(!segments.advance()?, "the end stays the end");
    Ok((messages, segments.torn_bytes()))
}

fn damage(directory: &Path) -> (PathBuf, u64, u64, Fault) {
    match read(directory, Stream::Frames) {
        Err(SegmentsError::Damaged { file, offset, number, fault, .. }) => (file, offset, number, fault),
        other => {
            panic!("not found to be damaged: {:?}", other.map(|(messages, torn)| (messages.len(), torn)))
        }
    }
}

/// Where the record of this number begins in its segment, and which segment that is.
fn place(directory: &Path, messages: &[Message], number: usize) -> (PathBuf, usize) {
    let mut firsts: Vec<usize> = std::fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".seg")?.parse().ok())
        .collect();
    firsts.sort_unstable();
    let first = *firsts.iter().rfind(|first| **first <= number).unwrap();
    let before = messages[first - 1..number - 1].iter().map(|m| m.len().next_multiple_of(8)).sum::<usize>();
    (directory.join(format!("{first:020}.seg")), 64 + before)
}

fn change(file: &Path, with: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    with(&mut bytes);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn what_the_clusters_writer_writes_is_read_message_by_message() {
    let directory = tempfile::tempdir().unwrap();
    let log = long();
    for (stream, kept, name, messages) in [
        (Stream::Frames, journal::Stream::Frames, "log", log.frames.clone()),
        (Stream::Events, journal::Stream::Events, "events", events_of(&log)),
    ] {
        let path = directory.path().join(name);
        let options = Options {
            cluster: cluster_id(CLUSTER),
            stream: kept,
            segment_len: 4096,
            create: true,
            power_cut: false,
        };
        let (mut journal, _) = Journal::open(&path, &options, &mut |_| {}).unwrap();
        assert_eq!(read(&path, stream).unwrap(), (vec![], 0), "a journal that holds nothing yet");
        for message in &messages {
            journal.append(message).unwrap();
        }
        assert_eq!(read(&path, stream).unwrap(), (messages.clone(), 0), "while its writer has it open");
        journal.sync_now().unwrap();
        assert!(journal.segments() > 3);
        drop(journal);
        assert_eq!(read(&path, stream).unwrap(), (messages, 0));
    }
}

#[test]
fn the_clusters_writer_writes_the_bytes_that_this_tests_writer_writes() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, theirs) = (directory.path().join("ours"), directory.path().join("theirs"));
    let log = long();
    let options = Options {
        cluster: cluster_id(CLUSTER),
        stream: journal::Stream::Frames,
        segment_len: 4096,
        create: true,
        power_cut: false,
    };
    let (mut journal, _) = Journal::open(&theirs, &options, &mut |_| {}).unwrap();
    log.frames.iter().for_each(|message| journal.append(message).unwrap());
    for path in write_journal(&ours, 1, &log.frames) {
        let name = path.file_name().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(theirs.join(name)).unwrap(), "{name:?}");
    }
}

#[test]
fn a_torn_end_is_tolerated_and_told() {
    let world = World::clean();
    let directory = tempfile::tempdir().unwrap();
    let inputs = world.write(directory.path());
    let log = inputs.loggers[0].directory.join("log");
    let (file, at) = place(&log, &world.logs[0].frames, 10);
    // The last record's second half never reached the disk.
    change(&file, |bytes| bytes[at + 60..].fill(0));
    let (messages, torn) = read(&log, Stream::Frames).unwrap();
    assert_eq!((messages.len(), torn > 0 && torn <= 60), (9, true));
    let verdict = check(&inputs, &mut |_| {}).unwrap();
    assert!(verdict.is_clean() && verdict.to_string().contains("torn end"), "{verdict}");
}

#[test]
fn damage_in_the_middle_is_refused_with_file_and_offset() {
    let directory = tempfile::tempdir().unwrap();
    let frames = long().frames;
    for number in [3, 40, 60] {
        let path = directory.path().join(number.to_string());
        write_journal(&path, 1, &frames);
        let (file, at) = place(&path, &frames, number);
        change(&file, |bytes| bytes[at + 20] ^= 1);
        let (found, offset, expected, fault) = damage(&path);
        assert_eq!((found, offset, expected), (file, at as u64, number as u64));
        assert!(matches!(fault, Fault::Message(_)), "{fault}");
    }
}

#[test]
fn a_hole_before_good_records_and_a_hole_before_another_segment_are_damage() {
    let directory = tempfile::tempdir().unwrap();
    let frames = long().frames;
    write_journal(directory.path(), 1, &frames);
    let (last, at) = place(directory.path(), &frames, frames.len() - 1);
    change(&last, |bytes| bytes[at..at + 8].fill(0));
    assert_eq!(damage(directory.path()), (last, at as u64, frames.len() as u64 - 1, Fault::Hole));

    let (first, at) = place(directory.path(), &frames, 20);
    change(&first, |bytes| bytes[at + 4..at + 6].copy_from_slice(&300_u16.to_le_bytes()));
    assert_eq!(damage(directory.path()).0, first);
}

#[test]
fn a_loss_of_what_the_disk_had_confirmed_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let frames = long().frames;
    write_journal(directory.path(), 1, &frames[..20]);
    let mut mark = b"LOCKSYNC".to_vec();
    mark.extend_from_slice(&20_u64.to_le_bytes());
    let crc = crc32fast::hash(&mark);
    mark.extend_from_slice(&crc.to_le_bytes());
    std::fs::write(directory.path().join("SYNCED"), mark).unwrap();
    assert_eq!(read(directory.path(), Stream::Frames).unwrap().0.len(), 20);
    let (file, at) = place(directory.path(), &frames, 20);
    change(&file, |bytes| bytes[at + 30] ^= 1);
    assert_eq!(damage(directory.path()).1, at as u64, "torn, but confirmed");
    change(&file, |bytes| bytes[at..].fill(0));
    assert_eq!(damage(directory.path()).3, Fault::End, "a clean end, but too early");
}

#[test]
fn files_that_are_no_segment_of_this_journal_are_refused() {
    let frames = long().frames;
    let refused = |with: &dyn Fn(&mut Vec<u8>)| {
        let directory = tempfile::tempdir().unwrap();
        let paths = write_journal(directory.path(), 1, &frames);
        change(&paths[1], |bytes| {
            with(bytes);
            let crc = crc32fast::hash(&bytes[..60]);
            bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        });
        match read(directory.path(), Stream::Frames) {
            Err(SegmentsError::Refused { file, why }) => {
                assert_eq!(file, paths[1]);
                why
            }
            other => panic!("not refused: {:?}", other.map(|(messages, torn)| (messages.len(), torn))),
        }
    };
    assert!(refused(&|bytes| bytes[0] = b'X').contains("does not begin"));
    assert!(refused(&|bytes| bytes[8] = 2).contains("version"));
    assert!(refused(&|bytes| bytes[10] = 2).contains("other stream"));
    assert!(refused(&|bytes| bytes[16] ^= 1).contains("another cluster"));
    assert!(refused(&|bytes| bytes[32] ^= 1).contains("name"));
    assert!(refused(&|bytes| bytes.truncate(2048)).contains("long"));
}

#[test]
fn a_segment_that_is_missing_is_a_gap() {
    let log = long();
    let world = World::of(&log);
    let directory = tempfile::tempdir().unwrap();
    let inputs = world.write(directory.path());
    let log = inputs.loggers[1].directory.join("log");
    let (second, _) = place(&log, &world.logs[0].frames, 45);
    std::fs::remove_file(second).unwrap();
    let verdict = check(&inputs, &mut |_| {}).unwrap();
    let words = &verdict.against(checker::Promise::LogsSound).words;
    assert!(words.iter().any(|w| w.contains("logger-2: gap:")), "{verdict}");
}

#[test]
fn records_of_several_runs_are_judged_together_and_a_torn_last_row_is_left_out() {
    let world = World::clean();
    let directory = tempfile::tempdir().unwrap();
    let mut inputs = world.write(directory.path());
    let path = inputs.clients[0].join("executions.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let second = directory.path().join("second");
    std::fs::create_dir(&second).unwrap();
    // A second process was told the later reports, and was killed while it wrote one down.
    std::fs::write(&path, lines[..3].join("\n") + "\n").unwrap();
    let rest = format!("{}\n{}\nCLIENT1,99,a,6,8,F,2,5,100.50,5", lines[0], lines[3..].join("\n"));
    std::fs::write(second.join("executions.csv"), rest).unwrap();
    inputs.clients.push(second);
    let verdict = check(&inputs, &mut |_| {}).unwrap();
    assert!(verdict.is_clean() && verdict.counts.reports == 5, "{verdict}");
    let notes = verdict.notes.join("\n");
    assert!(notes.contains("no requests.csv in") && notes.contains("is torn, and was left out"), "{notes}");
}

#[test]
fn records_that_are_none_are_refused_with_file_and_line() {
    let world = World::clean();
    let directory = tempfile::tempdir().unwrap();
    let mut inputs = world.write(directory.path());
    let path = inputs.clients[0].join("requests.csv");
    std::fs::write(
        &path,
        "client,cl_ord_id,kind,outcome,order_id\nCLIENT1,a,new\nCLIENT1,b,new,accepted,7\n",
    )
    .unwrap();
    assert!(matches!(check(&inputs, &mut |_| {}), Err(CheckError::Record { line: 2, .. })));
    std::fs::write(&path, "client,kind\n").unwrap();
    let error = check(&inputs, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("no column \"cl_ord_id\""), "{error}");
    inputs.clients.push(directory.path().join("logger-1"));
    assert!(matches!(check(&inputs, &mut |_| {}), Err(CheckError::NoRecords { .. })));
}

fn run(world: &World, more: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let inputs = world.write(directory.path());
    let engines: Vec<String> = world
        .engines
        .iter()
        .map(|engine| {
            let (at, digest) = (engine.at, engine.digest.0);
            format!(
                r#"{{"node":"{}","epoch":{},"seq":{},"chain":"{:016x}","digest":"{digest:016x}"}}"#,
                engine.node, at.epoch, at.seq, at.chain.0
            )
        })
        .collect();
    let path = directory.path().join("engines.json");
    std::fs::write(&path, format!("[{}]", engines.join(","))).unwrap();
    let config = directory.path().join("cluster.toml");
    std::fs::write(
        &config,
        "[cluster]\nname = \"x\"\n[[session]]\nid = 1\ncomp_id = \"CLIENT1\"\n[[session]]\nid = 2\ncomp_id = \"CLIENT2\"\n",
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_checker"));
    command.arg("--clients").args(&inputs.clients).arg("--logger");
    for logger in &inputs.loggers {
        command.arg(format!("{}={}", logger.node.unwrap(), logger.directory.display()));
    }
    command.arg("--engines").arg(&path).arg("--config").arg(&config).args(more).output().unwrap()
}

#[test]
fn the_exit_status_tells_kept_broken_and_not_judged_apart() {
    let world = World::clean();
    let clean = run(&world, &[]);
    let told = String::from_utf8_lossy(&clean.stdout).into_owned();
    assert_eq!((clean.status.code(), told.matches(" kept").count()), (Some(0), 8), "{told}");

    let mut false_report = world.clone();
    false_report.executions[0] = "CLIENT1,99,a,6,6,0,0,,,0,4".to_owned();
    let broken = run(&false_report, &["--json"]);
    assert_eq!(broken.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!(
        (&told["clean"], &told["promises"][5]["verdict"]),
        (&false.into(), &"broken".into()),
        "{told}"
    );

    let missing = run(&world, &["--logger", "/nowhere"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/log"));
}
