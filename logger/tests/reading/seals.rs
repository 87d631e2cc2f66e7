//! What a verification says of seals: beside damage, over a history that was written anew, against what was written down.

use super::{open, segments, ticks, write};
use journal::{JournalError, Stream};
use logger::{Differs, WrittenDown, verify};
use std::fs;
use std::path::Path;
use std::process::Command;
use wire::*;

/// Seals everything that is full, and says what an operator would write down.
fn seal(dir: &Path) -> WrittenDown {
    let mut journal = open(dir, Stream::Frames);
    journal.sync_now().unwrap();
    let mut syncer = journal.syncer();
    let last = std::iter::from_fn(|| syncer.seal_once().unwrap()).last();
    let last = last.unwrap_or_else(|| *journal::read_seals(dir).unwrap().head().unwrap());
    WrittenDown { chain: last.chain, upto: last.last }
}

/// The same frames with another time in one of them, and with every checksum and chain behind it made anew.
fn rewritten(frames: &[Vec<u8>], at: usize) -> Vec<Vec<u8>> {
    let mut last = Position::GENESIS;
    let rewrite = |(nth, frame): (usize, &Vec<u8>)| {
        let mut bytes = frame.clone();
        let now = { Frame::read(frame).unwrap().header().timestamp };
        let now = if nth == at { Nanos(now.0 + 1) } else { now };
        last = wire::frame::stamp(&mut bytes, last, Epoch(1), now);
        bytes
    };
    frames.iter().enumerate().map(rewrite).collect()
}

#[test]
fn the_head_of_the_chain_is_told_and_is_the_one_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Stream::Frames, &ticks(300));
    let unsealed = verify(dir.path(), &mut |_| {}).unwrap();
    let written = seal(dir.path());
    let verdict = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!(verdict.seals, journal::read_seals(dir.path()).unwrap().seals);
    assert_eq!(verdict.seals, unsealed.seals, "it needs no file");
    let WrittenDown { chain, upto } = written;
    assert!(verdict.to_string().contains(&format!("; sealed up to {upto}: chain {chain}")), "{verdict}");
    verdict.compare(&written).unwrap();
    assert_eq!(format!("{chain}@{upto}").parse(), Ok(written));
}

#[test]
fn a_segment_that_was_written_anew_is_named_by_its_seal() {
    let dir = tempfile::tempdir().unwrap();
    let frames = ticks(300);
    write(dir.path(), Stream::Frames, &frames);
    seal(dir.path());
    let anew = tempfile::tempdir().unwrap();
    write(anew.path(), Stream::Frames, &rewritten(&frames, 100));
    fs::copy(dir.path().join("seals"), anew.path().join("seals")).unwrap();
    match verify(anew.path(), &mut |_| {}).unwrap_err() {
        JournalError::Rewritten { file, first, last, .. } => {
            assert_eq!(file, segments(anew.path())[1], "the first of them");
            assert!((first..=last).contains(&101));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_history_rewritten_with_its_seals_is_found_against_what_was_written_down() {
    let (dir, anew) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let frames = ticks(300);
    write(dir.path(), Stream::Frames, &frames);
    let written = seal(dir.path());
    for at in [0, 100, written.upto as usize - 1] {
        let _ = fs::remove_dir_all(anew.path());
        write(anew.path(), Stream::Frames, &rewritten(&frames, at));
        let other = seal(anew.path());
        let verdict = verify(anew.path(), &mut |_| {}).unwrap();
        assert!(verdict.to_string().contains("whole"), "nothing in it is wrong by itself: {verdict}");
        let differs = Differs::Chain { upto: written.upto, found: other.chain, expected: written.chain };
        assert_eq!(verdict.compare(&written), Err(differs), "rewritten at {at}");
        fs::remove_file(anew.path().join("seals")).unwrap();
        let verdict = verify(anew.path(), &mut |_| {}).unwrap();
        assert_eq!(verdict.compare(&written), Err(differs), "without the file too");
    }
    // What is behind the sealed end is not covered by it.
    let _ = fs::remove_dir_all(anew.path());
    write(anew.path(), Stream::Frames, &rewritten(&frames, written.upto as usize));
    verify(anew.path(), &mut |_| {}).unwrap().compare(&written).unwrap();
    let nowhere = WrittenDown { upto: written.upto - 1, ..written };
    let found = verify(anew.path(), &mut |_| {}).unwrap().compare(&nowhere);
    assert_eq!(found, Err(Differs::NoSuchEnd { upto: written.upto - 1, sealed: Some(written.upto) }));
}

#[test]
fn the_tool_compares_with_what_was_written_down_and_ends_accordingly() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Stream::Frames, &ticks(300));
    let WrittenDown { chain, upto } = seal(dir.path());
    let run = |expect: &str| {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_logger"));
        let output = tool.arg("verify").arg(dir.path()).args(["--expect", expect]).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.success(), said)
    };
    let (right, said) = run(&format!("{chain}@{upto}"));
    assert!(right && said.contains("this is the history that was written down"), "{said}");
    let (wrong, said) = run(&format!("{}@{upto}", "0".repeat(64)));
    assert!(!wrong && said.contains("Somebody has written it anew"), "{said}");
    let (unread, said) = run("0123");
    assert!(!unread && said.contains("64 hexadecimal digits"), "{said}");
}
