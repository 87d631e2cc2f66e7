//! How fast one thread appends; run by hand: `cargo test -p journal --release --test rate -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{DEFAULT_SEGMENT_LEN, Journal, Options, Stream};
use std::time::Instant;
use support::*;

#[test]
#[ignore = "a measurement, not a test"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn appends_per_second() {
    let mut stamper = Stamper::new();
    let messages: Vec<_> = (0..2_000_000).map(|_| stamper.next(2)).collect();
    for background in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_len: DEFAULT_SEGMENT_LEN, ..options(Stream::Frames) };
        let (mut journal, _) = Journal::open(dir.path(), &options, &mut |_| {}).unwrap();
        let mut syncer = journal.syncer();
        let done = std::sync::atomic::AtomicBool::new(false);
        let mut times = Vec::with_capacity(messages.len() / 64 + 1);
        let mut syncs = 0;
        let elapsed = std::thread::scope(|scope| {
            let disk = scope.spawn(|| {
                let mut syncs = 0;
                while background && !done.load(std::sync::atomic::Ordering::Acquire) {
                    syncer.prepare_once().unwrap();
                    syncer.sync_once().unwrap();
                    syncs += 1;
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                syncs
            });
            let start = Instant::now();
            let mut before = start;
            for (nth, message) in messages.iter().enumerate() {
                journal.append(message).unwrap();
                if nth % 64 == 0 {
                    let now = Instant::now();
                    times.push((now - before).as_nanos());
                    before = now;
                }
            }
            let elapsed = start.elapsed();
            done.store(true, std::sync::atomic::Ordering::Release);
            syncs = disk.join().unwrap();
            elapsed
        });
        let rate = messages.len() as f64 / elapsed.as_secs_f64();
        times.sort_unstable();
        let at = |part: f64| times[(times.len() as f64 * part) as usize] / 1000;
        println!(
            "{} bytes, syncing {background}: {rate:.0} appends/s; 64 appends p50 {} us, p99 {} us, p99.9 {} us, most {} us; \
             {syncs} syncs, {:?}",
            messages[0].len(),
            at(0.5),
            at(0.99),
            at(0.999),
            at(0.99999),
            journal.stats()
        );
        drop(journal);
        drop(syncer);
        let start = Instant::now();
        let (_journal, opened) = Journal::open(dir.path(), &options, &mut |_| {}).unwrap();
        println!("verified {} records in {:?}", opened.records, start.elapsed());
    }
}
