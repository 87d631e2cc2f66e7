//! Bytes from anywhere: reading them never panics, and what is read writes back to the same bytes.

use crate::pair::Asked;
use crate::support::Said;
use wire::event::{self, Address, Speaker};
use wire::frame::{self, FRAME_HEADER_LEN, Origin};
use wire::{Ack, Epoch, Event, Frame, MAX_FRAME_LEN, Nanos, Position, prelude};

/// As they are, then as a frame and as an event whose length, version and checksum are right.
pub fn run(bytes: &[u8]) {
    read(bytes);
    let mut sealed = bytes[..bytes.len().min(MAX_FRAME_LEN)].to_vec();
    let length = u16::try_from(sealed.len()).expect("256 at most");
    if sealed.len() >= FRAME_HEADER_LEN {
        sealed[4..6].copy_from_slice(&length.to_le_bytes());
        sealed[7] = prelude::VERSION;
        frame::stamp(&mut sealed, Position::GENESIS, Epoch(1), Nanos(7));
        read(&sealed);
    }
    if sealed.len() >= event::EVENT_HEADER_LEN {
        // The reserved bytes are not looked at, and written as zero.
        sealed[26..32].fill(0);
        sealed[68..72].fill(0);
        event::speak(&mut sealed, Speaker::default());
        read(&sealed);
    }
}

fn read(bytes: &[u8]) {
    if let Ok(ack) = Ack::read(bytes) {
        assert_eq!(Ack::read(&ack.to_bytes()), Ok(ack));
    }
    if let Ok(frame) = Frame::read(bytes) {
        let _ = (frame.position(), frame.follows(Position::GENESIS), prelude::is_damaged(bytes));
        if let Ok(command) = frame.command() {
            frame_writes_back(bytes, &frame, &Asked::from(command));
        }
    }
    if let Ok(event) = Event::read(bytes)
        && let Ok(happening) = event.happening()
    {
        event_writes_back(bytes, &event, &Said::from(happening));
    }
}

fn frame_writes_back(bytes: &[u8], frame: &Frame<'_>, asked: &Asked) {
    let header = frame.header();
    let origin = Origin {
        source: header.source,
        incarnation: header.incarnation,
        source_seq: header.source_seq,
        received: header.timestamp,
    };
    let mut written = [0; MAX_FRAME_LEN];
    let length = asked.write(&mut written, origin);
    assert_eq!(written[FRAME_HEADER_LEN..length], bytes[FRAME_HEADER_LEN..]);
    assert_eq!(written[4..8], bytes[4..8], "length, kind, version");
    if frame.follows(Position::GENESIS) {
        let (epoch, timestamp) = (header.epoch, header.timestamp);
        frame::stamp(&mut written[..length], Position::GENESIS, epoch, timestamp);
        let again = Frame::read(&written[..length]).expect("just written");
        assert!(again.follows(Position::GENESIS));
    }
}

fn event_writes_back(bytes: &[u8], event: &Event<'_>, said: &Said) {
    let header = event.header();
    let address = Address {
        outbound: header.outbound,
        cause: event.cause(),
        timestamp: header.timestamp,
        session: header.session,
        report: header.report,
    };
    let speaker = Speaker { epoch: header.spoken_in, term: header.term, node: header.speaker };
    let mut written = [0; MAX_FRAME_LEN];
    let length = said.write(&mut written, address);
    event::speak(&mut written[..length], speaker);
    if header.reserved == [0; 6] && header.reserved2 == [0; 4] {
        assert_eq!(written[..length], *bytes);
    } else {
        assert_eq!(event::content(&written[..length]).1[40..], event::content(bytes).1[40..]);
    }
}
