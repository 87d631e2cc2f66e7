//! Who has heard nothing yet begins with a snapshot of the history that it is to follow, and takes the log behind it; who is far
//! behind takes the log, archives included.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod serving_support;
mod support;

use archive::{About, Beginning, Beginnings, Fetching, Found, Since, Store, Wanted};
use serving_support::{Logger, frames, place};
use std::fmt;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use support::about;
use wire::{Chain, Frame, Position, Seq};

const CLUSTER: &str = "test";

/// Everything that a look brings.
#[derive(Default, PartialEq, Eq)]
struct Had {
    beginnings: Vec<Position>,
    frames: Vec<Vec<u8>>,
    nothing: bool,
}

impl fmt::Debug for Had {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { beginnings, frames, nothing } = self;
        let number = |frame: &Vec<u8>| Frame::read(frame).map(|frame| frame.position().seq.0);
        let ends = (frames.first().map(number), frames.last().map(number));
        write!(f, "{beginnings:?}, {} frames: {ends:?}, nothing: {nothing}", frames.len())
    }
}

fn fetching(loggers: &[SocketAddr]) -> Fetching<Beginning> {
    let judge = |beginning: &Beginning| match beginning.definitions() {
        b"definitions" => Ok(()),
        other => Err(format!("{other:?} defines nothing")),
    };
    Fetching::start(Beginnings { cluster: wire::cluster_id(CLUSTER), judge }, loggers.to_vec()).unwrap()
}

fn had(fetching: &mut Fetching<Beginning>, since: Since, upto: Position) -> Had {
    fetching.look(Wanted { since, upto });
    let mut had = Had::default();
    serving_support::until(|| {
        loop {
            match fetching.poll() {
                Found::Later => return false,
                Found::Beginning(beginning) => {
                    assert_eq!(beginning.ledger(), b"ledger");
                    assert!(had.frames.is_empty(), "a beginning comes first");
                    had.beginnings.push(beginning.about().position);
                }
                Found::Frame(bytes) => {
                    had.frames.push(bytes.to_vec());
                    fetching.taken();
                }
                Found::End => return true,
                Found::Nothing => {
                    had.nothing = true;
                    return true;
                }
            }
        }
    });
    had
}

/// Puts a snapshot into a store that was taken there.
fn put(store: &Store, at: Position) {
    let about = About { position: at, ..about(at.seq.0) };
    let mut to = store.begin(about, b"ledger", b"definitions").unwrap();
    to.write_all(b"state").unwrap();
    to.commit().unwrap();
}

fn spoil(store: &Store, seq: u64, at: usize) {
    let path = store.path(Seq(seq));
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_newest_snapshot_of_the_history_comes_and_then_the_log_behind_it() {
    let frames = frames(900);
    let (one, other) = (Logger::start(&frames), Logger::start(&frames));
    put(&one.store, place(&frames, 300));
    put(&other.store, place(&frames, 400));
    put(&one.store, place(&frames, 500));
    let mut fetching = fetching(&[one.address, other.address]);
    let upto = place(&frames, 899);
    let begun = |at: u64, upto: u64| Had {
        beginnings: vec![place(&frames, at)],
        frames: frames[at as usize..upto as usize].to_vec(),
        nothing: false,
    };
    assert_eq!(had(&mut fetching, Since::Snapshot, upto), begun(500, 899));
    // One that lies ahead is no use.
    assert_eq!(had(&mut fetching, Since::Snapshot, place(&frames, 450)), begun(400, 450));
    assert_eq!(had(&mut fetching, Since::Snapshot, place(&frames, 400)), begun(400, 400));
    // Damage is found wherever it stands before the state, and no further on.
    let path = one.store.path(Seq(500));
    spoil(&one.store, 500, fs::metadata(path).unwrap().len() as usize - 1);
    assert_eq!(had(&mut fetching, Since::Snapshot, upto), begun(500, 899));
    let front = one.store.head(Seq(500)).unwrap().front_len() as usize;
    spoil(&one.store, 500, front - 1);
    assert_eq!(had(&mut fetching, Since::Snapshot, upto), begun(400, 899));
    spoil(&other.store, 400, 3);
    assert_eq!(had(&mut fetching, Since::Snapshot, upto), begun(300, 899));
    // An engine could make use of a file of the first version.
    let first = include_bytes!("samples/version-1.snapshot");
    fs::write(one.store.path(Seq(300)), first).unwrap();
    let all = Had { frames: frames[..899].to_vec(), ..Had::default() };
    assert_eq!(had(&mut fetching, Since::Snapshot, upto), all);
}

#[test]
fn nobody_begins_with_a_snapshot_of_another_history_or_cluster_or_one_that_is_no_use_to_it() {
    let frames = frames(600);
    let logger = Logger::start(&frames);
    let right = place(&frames, 200);
    put(&logger.store, right);
    put(&logger.store, Position { chain: Chain(7), ..place(&frames, 400) });
    let foreign = About { cluster: 1, position: place(&frames, 300), ..about(300) };
    logger.store.begin(foreign, b"ledger", b"definitions").unwrap().commit().unwrap();
    let useless = About { position: place(&frames, 310), ..about(310) };
    logger.store.begin(useless, b"ledger", b"").unwrap().commit().unwrap();
    let mut fetching = fetching(&[logger.address]);
    assert_eq!(had(&mut fetching, Since::Snapshot, place(&frames, 500)).beginnings, [right]);
    // A log that does not hold the end is of no use at all, whatever it has.
    let elsewhere = Position { chain: Chain(7), ..place(&frames, 500) };
    assert_eq!(had(&mut fetching, Since::Snapshot, elsewhere), Had::default());
}

#[test]
fn the_log_comes_behind_the_first_place_that_is_held_from_whoever_holds_it() {
    let frames = frames(3_000);
    let (short, long) = (Logger::start(&frames[..1_000]), Logger::start_with(&frames, 16 << 10));
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut fetching = fetching(&[nobody, short.address, long.address]);
    let void = |seq| Position { chain: Chain(9), ..place(&frames, seq) };
    let upto = place(&frames, 2_500);
    let places = Since::OneOf(vec![void(2_000), void(1_999), place(&frames, 1_997), place(&frames, 1_000)]);
    let expected = |after: usize| Had { frames: frames[after..2_500].to_vec(), ..Had::default() };
    assert_eq!(had(&mut fetching, places.clone(), upto), expected(1_997));
    // An archive is read like the rest,
    let archive = long.log.join("archive");
    fs::create_dir(&archive).unwrap();
    let segments = long.segments();
    assert!(segments.len() > 4);
    for segment in &segments[..3] {
        fs::rename(segment, archive.join(segment.file_name().unwrap())).unwrap();
    }
    let first = Since::OneOf(vec![Position::GENESIS]);
    assert_eq!(had(&mut fetching, first.clone(), upto), expected(0));
    // and where it is gone there is nothing.
    fs::remove_dir_all(&archive).unwrap();
    let nothing = Had { nothing: true, ..Had::default() };
    assert_eq!(had(&mut fetching, first.clone(), upto), nothing);
    assert_eq!(had(&mut fetching, Since::Snapshot, upto), nothing);
    assert_eq!(had(&mut fetching, places, upto), expected(1_997));
    // Who can begin with a snapshot then does so.
    let behind = Since::Behind(Position::GENESIS);
    assert_eq!(had(&mut fetching, behind.clone(), upto), nothing);
    put(&long.store, place(&frames, 2_000));
    let begun = Had { beginnings: vec![place(&frames, 2_000)], ..expected(2_000) };
    assert_eq!(had(&mut fetching, behind, upto), begun);
    assert_eq!(had(&mut fetching, Since::Behind(place(&frames, 1_990)), upto), expected(1_990));
    // What another one has is had from that, and goes on here.
    assert!(had(&mut fetching, first, place(&frames, 900)).frames == frames[..900]);
}
