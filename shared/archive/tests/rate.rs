//! How fast history comes over TCP; run by hand: `cargo test -p archive --release --test rate -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod serving_support;

use serving_support::{Logger, frames, place};
use std::io::{Read, Write};
use std::time::Instant;
use wire::Position;

#[test]
#[ignore = "a measurement: cargo test --release -p archive --test rate -- --ignored --nocapture"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn frames_per_second() {
    let frames = frames(4_000_000);
    let bytes: usize = frames.iter().map(|frame| frame.len().next_multiple_of(8)).sum();
    let (count, last) = (frames.len() as f64, place(&frames, frames.len() as u64));
    let logger = Logger::start_with(&frames, journal::DEFAULT_SEGMENT_LEN);
    drop(frames);
    for _ in 0..3 {
        let start = Instant::now();
        let mut client = logger.connect();
        let mut taken = client.log(Position::GENESIS, last).unwrap();
        let mut had = 0;
        while let Some(frame) = taken.next_frame().unwrap() {
            had += frame.len();
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "checked: {:.2} M frames/s, {:.0} MB/s ({had} bytes)",
            count / seconds / 1e6,
            bytes as f64 / seconds / 1e6
        );
        let start = Instant::now();
        let mut history = journal::History::open(&logger.log, Position::GENESIS, last).unwrap();
        let mut read = 0;
        while let Some(piece) = history.next_piece().unwrap() {
            read += piece.len();
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "read from the files alone: {:.2} M frames/s, {:.0} MB/s",
            count / seconds / 1e6,
            read as f64 / seconds / 1e6
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let start = Instant::now();
        let sink = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let (mut block, mut all) = (vec![0; 1 << 20], 0);
            loop {
                match stream.read(&mut block).unwrap() {
                    0 => return all,
                    read => all += read,
                }
            }
        });
        let (mut stream, _) = listener.accept().unwrap();
        let mut history = journal::History::open(&logger.log, Position::GENESIS, last).unwrap();
        while let Some(piece) = history.next_piece().unwrap() {
            stream.write_all(piece).unwrap();
        }
        drop(stream);
        let all = sink.join().unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "served to one who checks nothing: {:.2} M frames/s, {:.0} MB/s",
            count / seconds / 1e6,
            all as f64 / seconds / 1e6
        );
    }
}
