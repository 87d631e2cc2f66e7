//! History and snapshots over TCP: what is held comes as it is, what is not is refused in words, and nobody is in anybody's way.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod serving_support;
mod support;

use archive::{Client, ClientError, MAX_CONNECTIONS, SnapshotError, Store};
use serving_support::{Logger, PATIENCE, frames, place};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use support::{about, put, small};
use wire::{Chain, Position, Seq};

fn all(client: &mut Client, after: Position, upto: Position) -> Result<Vec<Vec<u8>>, ClientError> {
    let mut frames = client.log(after, upto)?;
    let mut taken = Vec::new();
    while let Some(frame) = frames.next_frame()? {
        taken.push(frame.to_vec());
    }
    assert_eq!(frames.last(), upto);
    Ok(taken)
}

#[test]
fn frames_come_as_they_stand_in_the_log_in_any_range_one_after_the_other() {
    let frames = frames(20_000);
    let logger = Logger::start(&frames);
    let mut client = logger.connect();
    for (after, upto) in
        [(0, 20_000), (0, 1), (19_999, 20_000), (77, 77), (0, 0), (5_000, 15_000), (20_000, 20_000)]
    {
        let taken = all(&mut client, place(&frames, after), place(&frames, upto)).unwrap();
        assert_eq!(taken, frames[after as usize..upto as usize], "{after} to {upto}");
    }
}

#[test]
fn what_is_not_held_is_refused_in_words_and_the_next_request_is_answered() {
    let frames = frames(500);
    let logger = Logger::start(&frames);
    let mut client = logger.connect();
    let right = place(&frames, 300);
    let other = Position { chain: Chain(1), ..right };
    let beyond = Position { seq: Seq(501), ..place(&frames, 500) };
    for (after, upto, missing) in
        [(other, place(&frames, 500), other), (Position::GENESIS, other, other), (right, beyond, beyond)]
    {
        let refused = all(&mut client, after, upto).unwrap_err();
        let told = matches!(&refused, ClientError::NotHeld { position, words, .. } if *position == missing && !words.is_empty());
        assert!(told, "{refused}");
    }
    let refused = all(&mut client, right, place(&frames, 2)).unwrap_err();
    assert!(matches!(&refused, ClientError::Refused { words, .. } if !words.is_empty()), "{refused}");
    let refused = client.snapshot(Seq(9), &logger.other_store()).unwrap_err();
    assert!(matches!(refused, ClientError::Refused { .. }), "{refused}");
    assert_eq!(all(&mut client, right, place(&frames, 301)).unwrap(), frames[300..301]);
}

#[test]
fn a_byte_that_rots_in_the_log_is_noticed_by_who_takes_it() {
    let frames = frames(500);
    let logger = Logger::start(&frames);
    let segment = logger.segments()[0].clone();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[64 + 5 * 56 + 30] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let mut client = logger.connect();
    let mut taken = client.log(Position::GENESIS, place(&frames, 500)).unwrap();
    let mut good = 0;
    let error = loop {
        match taken.next_frame() {
            Ok(frame) => assert_eq!(frame, Some(&frames[good][..])),
            Err(error) => break error,
        }
        good += 1;
    };
    assert!(
        matches!(&error, ClientError::Astray { last, .. } if *last == place(&frames, good as u64)),
        "{error}"
    );
}

#[test]
fn frames_that_are_not_taken_to_the_end_are_never_read_as_the_next_reply() {
    let frames = frames(20_000);
    let logger = Logger::start(&frames);
    let mut client = logger.connect();
    let mut taken = client.log(Position::GENESIS, place(&frames, 20_000)).unwrap();
    taken.next_frame().unwrap();
    drop(taken);
    assert!(matches!(client.list(), Err(ClientError::Io { .. })));
    assert!(logger.connect().list().unwrap().is_empty());
}

#[test]
fn a_snapshot_is_given_listed_and_had_again_and_older_ones_retire() {
    let logger = Logger::start(&frames(10));
    let (mine, theirs) = (logger.other_store(), logger.other_store());
    let mut client = logger.connect();
    for seq in [100, 200, 300, 400] {
        put(&mine, seq).unwrap();
        client.keep(&mine, Seq(seq)).unwrap();
        assert_eq!(logger.told(), [seq]);
    }
    let listed = client.list().unwrap();
    assert_eq!(listed.iter().map(|one| one.seq.0).collect::<Vec<_>>(), [200, 300, 400], "three are kept");
    assert_eq!(listed[2].position, about(400).position);
    assert_eq!(listed[2].length, fs::metadata(mine.path(Seq(400))).unwrap().len());
    let head = client.snapshot(Seq(300), &theirs).unwrap();
    assert_eq!(head.about, about(300));
    assert_eq!(fs::read(theirs.path(Seq(300))).unwrap(), fs::read(mine.path(Seq(300))).unwrap());
    let gone = client.snapshot(Seq(100), &theirs).unwrap_err();
    assert!(matches!(gone, ClientError::Refused { .. }), "{gone}");
    client.keep(&mine, Seq(400)).unwrap();
    assert_eq!(client.list().unwrap(), listed, "the same again changes nothing");
}

#[test]
fn a_snapshot_that_is_damaged_short_or_somebody_elses_is_refused_and_the_connection_goes_on() {
    let logger = Logger::start(&frames(10));
    let mine = logger.other_store();
    let mut client = logger.connect();
    let (_, whole) = small(7);
    let mut flipped = whole.clone();
    let middle = whole.len() - 5;
    flipped[middle] ^= 1;
    let (_, foreign) = support::file(archive::About { cluster: 1, ..about(7) }, [b"", b""], b"state");
    for (bytes, words) in [(&flipped, "does not count"), (&foreign, "it is of cluster")] {
        fs::write(mine.path(Seq(7)), bytes).unwrap();
        match client.keep(&mine, Seq(7)).unwrap_err() {
            ClientError::Refused { words: said, .. } => assert!(said.contains(words), "{said}"),
            other => panic!("{other}"),
        }
        assert!(client.list().unwrap().is_empty());
    }
    fs::write(mine.path(Seq(7)), &whole[..middle]).unwrap();
    assert!(matches!(client.keep(&mine, Seq(7)), Err(ClientError::Snapshot(SnapshotError::Bad { .. }))));
    fs::write(mine.path(Seq(7)), &whole).unwrap();
    client.keep(&mine, Seq(7)).unwrap();
    assert_eq!(logger.told(), [7]);
}

#[test]
fn a_snapshot_that_breaks_off_leaves_nothing() {
    let logger = Logger::start(&frames(10));
    let (_, whole) = small(7);
    for sent in [0, 100, whole.len() - 1] {
        let mut stream = TcpStream::connect(logger.address).unwrap();
        serving_support::ask_to_keep(&mut stream, 7, whole.len() as u64);
        stream.write_all(&whole[..sent]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // The other side has done what it does when it hangs up.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(logger.connect().list().unwrap().is_empty());
    assert!(logger.told().is_empty());
    assert_eq!(fs::read_dir(logger.store.dir()).unwrap().count(), 0);
}

#[test]
fn a_snapshot_that_rots_at_the_logger_is_noticed_by_who_takes_it() {
    let logger = Logger::start(&frames(10));
    put(&logger.store, 5).unwrap();
    let path = logger.store.path(Seq(5));
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let mine = logger.other_store();
    let error = logger.connect().snapshot(Seq(5), &mine).unwrap_err();
    assert!(matches!(error, ClientError::Snapshot(SnapshotError::Bad { .. })), "{error}");
    assert!(mine.list().unwrap().is_empty());
}

#[test]
fn connections_are_bounded_and_one_that_ends_makes_room() {
    let logger = Logger::start(&frames(10));
    let mut open: Vec<Client> = (0..MAX_CONNECTIONS).map(|_| logger.connect()).collect();
    for client in &mut open {
        client.list().unwrap();
    }
    let refused = logger.connect().list().unwrap_err();
    let is_told = matches!(&refused, ClientError::Refused { words, .. } if words.contains("16 connections"));
    // Who is faster at writing than the refusal at coming may find the connection closed.
    assert!(is_told || matches!(refused, ClientError::Io { .. }), "{refused}");
    open.pop();
    serving_support::until(|| logger.connect().list().is_ok());
}

#[test]
fn what_is_no_request_ends_the_connection_and_nothing_else() {
    let logger = Logger::start(&frames(10));
    for bytes in [&[0xFF; 8][..], &[3, 0, 0, 0, 1, 2, 3], &[8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]] {
        let mut stream = TcpStream::connect(logger.address).unwrap();
        stream.write_all(bytes).unwrap();
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert!(said.is_empty());
    }
    assert!(logger.connect().list().unwrap().is_empty());
}

#[test]
fn a_service_that_stops_ends_connections_that_are_open() {
    let logger = Logger::start(&frames(10));
    let mut client = logger.connect();
    client.list().unwrap();
    let address = logger.address;
    drop(logger); // joins its threads
    assert!(client.list().is_err());
    assert!(Client::connect(address, PATIENCE).is_err());
}

#[test]
fn an_address_that_is_taken_is_told() {
    let logger = Logger::start(&frames(10));
    let store = Store::look(logger.store.dir());
    assert!(serving_support::try_open(logger.address, &logger.log, store).is_err());
}
