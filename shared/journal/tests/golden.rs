//! The committed samples, one for each version of what journals hold: the journal's own format is version 1, that of the
//! messages in it stands in each of them. What is written today is the newest sample, byte for byte, and that stays readable.
//!
//! If a format changes on purpose, raise its version, keep the samples, and add one of the new version beside them
//! (`cargo test -p journal --test golden -- --ignored` writes it).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::Stream;
use std::fs;
use std::path::{Path, PathBuf};
use support::*;
use wire::prelude::VERSION;

fn sample(wire_version: u8, stream: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    data.join(format!("wire-{wire_version}")).join(stream)
}

/// A copy that may be opened.
fn copy(wire_version: u8, stream: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(sample(wire_version, stream)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn messages(stream: Stream) -> Vec<Vec<u8>> {
    match stream {
        Stream::Frames => Stamper::new().many(45),
        Stream::Events => (1..=45).map(event).collect(),
    }
}

fn write(dir: &Path, stream: Stream) {
    let (mut journal, _) = open(dir, stream);
    append_all(&mut journal, &messages(stream));
    journal.sync_now().unwrap();
}

#[test]
fn the_newest_sample_is_read_as_it_was_written() {
    for (name, stream) in [("frames", Stream::Frames), ("events", Stream::Events)] {
        let dir = copy(VERSION, name);
        let (journal, opened) = open(dir.path(), stream);
        assert_eq!((opened.records, opened.segments, opened.synced_before), (45, 2, Some(45)));
        assert_eq!(contents(&journal), messages(stream));
    }
}

#[test]
fn what_is_written_today_is_the_newest_sample() {
    for (name, stream) in [("frames", Stream::Frames), ("events", Stream::Events)] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), stream);
        for entry in fs::read_dir(sample(VERSION, name)).unwrap() {
            let path = entry.unwrap().path();
            let today = fs::read(dir.path().join(path.file_name().unwrap())).unwrap();
            assert_eq!(today, fs::read(&path).unwrap(), "{}", path.display());
        }
    }
}

#[test]
fn a_journal_of_an_older_wire_version_is_refused_by_that_name_and_left_as_it_is() {
    for (name, stream) in [("frames", Stream::Frames), ("events", Stream::Events)] {
        for synced in [true, false] {
            for whole in [true, false] {
                let dir = copy(1, name);
                if !synced {
                    fs::remove_file(dir.path().join("SYNCED")).unwrap();
                }
                if !whole {
                    fs::remove_file(segments(dir.path()).last().unwrap()).unwrap();
                }
                let before: Vec<_> =
                    segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
                let error = try_open(dir.path(), options(stream)).map(|_| ()).unwrap_err().to_string();
                assert!(error.contains("version 1"), "{error}");
                let after: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
                assert_eq!(before, after);
            }
        }
    }
}

#[test]
#[ignore = "writes the sample; run by hand for a new version"]
fn write_the_sample() {
    for (name, stream) in [("frames", Stream::Frames), ("events", Stream::Events)] {
        let dir = sample(VERSION, name);
        assert!(!dir.exists(), "the sample of this version exists and must not change");
        write(&dir, stream);
        fs::remove_file(dir.join("LOCK")).unwrap();
    }
}
