//! The committed sample of format version 1: it stays readable, and what is written today is the same bytes.
//!
//! If the format changes on purpose, raise its version, keep this sample, and add one of the new version beside it
//! (`cargo test -p journal --test golden -- --ignored` writes it).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::Stream;
use std::fs;
use std::path::{Path, PathBuf};
use support::*;

fn sample(stream: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1").join(stream)
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
fn the_sample_of_version_1_is_read_as_it_was_written() {
    for (name, stream) in [("frames", Stream::Frames), ("events", Stream::Events)] {
        let dir = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(sample(name)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
        let (journal, opened) = open(dir.path(), stream);
        assert_eq!((opened.records, opened.segments, opened.synced_before), (45, 2, Some(45)));
        assert_eq!(contents(&journal), messages(stream));
    }
}

#[test]
fn what_is_written_today_is_the_sample_of_version_1() {
    for (name, stream) in [("frames", Stream::Frames), ("events", Stream::Events)] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), stream);
        for entry in fs::read_dir(sample(name)).unwrap() {
            let path = entry.unwrap().path();
            let today = fs::read(dir.path().join(path.file_name().unwrap())).unwrap();
            assert_eq!(today, fs::read(&path).unwrap(), "{}", path.display());
        }
    }
}

#[test]
#[ignore = "writes the sample; run by hand for a new version"]
fn write_the_sample() {
    for (name, stream) in [("frames", Stream::Frames), ("events", Stream::Events)] {
        let dir = sample(name);
        assert!(!dir.exists(), "the sample of this version exists and must not change");
        write(&dir, stream);
        fs::remove_file(dir.join("LOCK")).unwrap();
    }
}
