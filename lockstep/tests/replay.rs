//! A log is executed again by processes of their own, and two builds are compared over it.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use journal::{Journal, Options, Stream};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use wire::command::{
    Act, DefineInstrument, DefineParticipant, InstrumentTerms, NewOrder, Quarantine, ResetSeqNums,
    SessionLogon, Side, Terms, Tick,
};
use wire::frame::{self, Origin};
use wire::{
    AccountId, ClOrdId, CommandBody, Epoch, Incarnation, InstrumentId, MAX_FRAME_LEN, Nanos, NodeId,
    ParticipantId, ParticipantName, Position, Price, Qty, Seq, SessionId, SourceSeq, Symbol,
};

const LOCKSTEP: &str = env!("CARGO_BIN_EXE_lockstep");
const FRAMES: u64 = 5_000;

struct Log {
    journal: Journal,
    last: Position,
    places: Vec<Position>,
}

impl Log {
    fn push<B: CommandBody>(&mut self, body: &B) {
        let mut to = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: NodeId(1),
            incarnation: Incarnation(1),
            source_seq: SourceSeq(0),
            received: Nanos(0),
        };
        let length = frame::write(&mut to, origin, body);
        let stamp = Nanos(self.last.seq.0 + 1);
        self.last = frame::stamp(&mut to[..length], self.last, Epoch(1), stamp);
        self.places.push(self.last);
        self.journal.append(&to[..length]).unwrap();
    }
}

/// A market in which everybody trades, over several segments.
fn log(directory: &Path) -> PathBuf {
    market(directory).1
}

/// The same, to be gone on with.
fn market(directory: &Path) -> (Log, PathBuf) {
    let log = directory.join("log");
    let options =
        Options { cluster: 7, stream: Stream::Frames, segment_len: 64 << 10, create: true, power_cut: false };
    let (journal, _) = Journal::open(&log, &options, &mut |_| {}).unwrap();
    let mut market = Log { journal, last: Position::GENESIS, places: Vec::new() };
    let (instrument, session) = (InstrumentId(1), SessionId(1));
    let name = ParticipantName::new(b"SOMEBODY").unwrap();
    market.push(&DefineParticipant { participant: ParticipantId(1), reserved: [0; 4], name });
    let terms = InstrumentTerms::plain(instrument, Symbol::new(b"AMZN").unwrap(), 2, Price(5), Qty(1));
    market.push(&DefineInstrument { terms });
    market.push(&SessionLogon { session, client_seq: 1, reset: ResetSeqNums::No, reserved: [0; 7] });
    while market.last.seq.0 < FRAMES {
        let number = market.last.seq.0;
        if number.is_multiple_of(10) {
            market.push(&Tick {});
            continue;
        }
        let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let price = Price(5_000 + 5 * (number % 7) as i64);
        let cl_ord_id = ClOrdId::new(format!("ORD{number}").as_bytes()).unwrap();
        let terms = Terms::limit(instrument, side, price, Qty(10 + number % 3));
        market.push(&NewOrder { session, client_seq: 2, terms, cl_ord_id, account: AccountId(0) });
    }
    market.journal.sync_now().unwrap();
    (market, log)
}

fn replay(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(LOCKSTEP).arg("replay").args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, told)
}

#[test]
fn a_log_is_executed_to_the_same_end_every_time_and_up_to_where_one_likes() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(directory.path());
    let log = log.to_str().unwrap();
    let (output, told) = replay(&[log, "--state-digest"]);
    assert!(output.status.success(), "{output:?}");
    assert!(told.starts_with("5000 frames in ") && told.contains("state digest "), "{told}");
    let digests = |told: &str| -> Vec<String> {
        told.lines().filter(|line| line.contains("digest")).map(str::to_owned).collect()
    };
    assert_eq!(digests(&told), digests(&replay(&[log, "--state-digest"]).1));
    let (_, part) = replay(&[log, "--until", "1234", "--json"]);
    assert!(part.starts_with("{\"frames\":1234,") && part.contains("\"seq\":1234,"), "{part}");
    assert!(part.contains("\"state_digest\":null"), "{part}");
}

#[test]
fn a_command_that_the_log_says_is_quarantined_is_left_out_wherever_the_log_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (mut market, log) = market(directory.path());
    let log = log.to_str().unwrap();
    let (_, before) = replay(&[log, "--show", "1503"]);
    assert!(before.starts_with("event ") && !before.contains("Quarantined"), "{before}");
    let Position { epoch, seq, chain } = market.places[1_502];
    assert_eq!(seq.0, 1_503);
    market.push(&Quarantine { seq, chain, epoch, reserved: [0; 4], act: Act::default() });
    market.push(&Quarantine { seq: Seq(1_504), chain, epoch, reserved: [0; 4], act: Act::default() });
    market.journal.sync_now().unwrap();
    let (_, after) = replay(&[log, "--show", "1503"]);
    assert!(after.contains("Rejected") && after.contains("Quarantined"), "{after}");
    let (_, other) = replay(&[log, "--show", "1504"]);
    assert!(!other.contains("Quarantined"), "this log has another command there: {other}");
    let (output, _) = replay(&[log]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_directory_that_is_no_log_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let (output, _) = replay(&[directory.path().to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("journal"), "{output:?}");
}

#[test]
fn a_build_agrees_with_itself() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(directory.path());
    let (output, told) = replay(&[log.to_str().unwrap(), "--compare", LOCKSTEP, LOCKSTEP]);
    assert!(output.status.success(), "{output:?}");
    assert!(told.starts_with("both builds agree over 5000 frames: 5 digests compared"), "{told}");
}

#[test]
fn the_first_position_at_which_builds_differ_is_named_with_what_each_says() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(directory.path());
    // What it computes from 1500 on is something else: all digests from there, and nothing before.
    let other = directory.path().join("other");
    let mut script = std::fs::File::create(&other).unwrap();
    let marks = "NF == 4 && $1 >= 1500 { $4 = \"0123456789abcdef\" } { print }";
    writeln!(script, "#!/bin/sh\n\"{LOCKSTEP}\" \"$@\" | awk '{marks}'").unwrap();
    script.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    drop(script);
    let (output, told) = replay(&[log.to_str().unwrap(), "--compare", LOCKSTEP, other.to_str().unwrap()]);
    assert!(!output.status.success(), "{told}");
    let first = told.lines().next().unwrap();
    assert!(first.starts_with("the builds differ first at ") && first.contains("1500"), "{told}");
    assert!(told.contains("other: running digest 0123456789abcdef"), "{told}");
    assert_eq!(told.matches(" says:").count(), 2, "{told}");
}

#[test]
fn a_build_that_cannot_replay_agrees_with_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(directory.path());
    for pair in [["/bin/false", "/bin/false"], [LOCKSTEP, "/bin/false"]] {
        let (output, told) = replay(&[log.to_str().unwrap(), "--compare", pair[0], pair[1]]);
        assert!(!output.status.success() && !told.contains("both builds agree"), "{pair:?}: {told}");
    }
}
