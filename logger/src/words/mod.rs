//! Frames and events in words, for people who look for what happened.
//!
//! Prices and quantities are shown in the units they are kept in: how many decimals a price has is known only to who has
//! read the instrument's definition.

mod commands;
mod events;
mod shared;
mod tables;

use crate::utc::Utc;
use journal::Stream;
use std::fmt::{self, Display, Write};
use wire::{CommandKind, Event, Frame};

/// Shows what a closure writes.
struct Show<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> Display for Show<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// Adds one record's line, without the line's end. What a record's body holds may be unknown to this build; its header
/// is shown all the same.
pub(crate) fn record(to: &mut String, stream: Stream, message: &[u8]) {
    let written = match stream {
        Stream::Frames => {
            Frame::read(message).map(|frame| write!(to, "{}", Show(|f| self::frame(f, &frame))))
        }
        Stream::Events => {
            Event::read(message).map(|event| write!(to, "{}", Show(|f| self::event(f, &event))))
        }
    };
    match written {
        Ok(written) => written.expect("writing to a string cannot fail"),
        Err(error) => write!(to, "unreadable: {error}").expect("writing to a string cannot fail"),
    }
}

/// A frame's line, without the line's end.
#[must_use]
pub fn frame_in_words(frame: &[u8]) -> String {
    let mut line = String::new();
    record(&mut line, Stream::Frames, frame);
    line
}

fn frame(f: &mut fmt::Formatter<'_>, frame: &Frame<'_>) -> fmt::Result {
    let header = *frame.header();
    let who = match CommandKind::of(header.kind) {
        Some(kind) if kind.from_gateway() => "gateway",
        Some(kind) if (kind as u8) < 0x10 => "sequencer",
        _ => "node",
    };
    let (stamp, source, life, number) =
        ({ header.timestamp }, { header.source }, { header.incarnation }, { header.source_seq });
    write!(f, "{} {} {who} {source} life {life} number {number}: ", frame.position(), Utc(stamp))?;
    match frame.command() {
        Ok(command) => commands::command(f, &command),
        Err(error) => write!(f, "unreadable: {error}"),
    }
}

fn event(f: &mut fmt::Formatter<'_>, event: &Event<'_>) -> fmt::Result {
    let header = *event.header();
    let (number, stamp) = ({ header.outbound }, { header.timestamp });
    let (speaker, term, epoch) = ({ header.speaker }, { header.term }, { header.spoken_in });
    let (session, report) = ({ header.session }, { header.report });
    write!(
        f,
        "{number} {} engine {speaker} term {term} epoch {epoch} caused by {}",
        Utc(stamp),
        event.cause()
    )?;
    if session.0 != 0 {
        write!(f, " for session {session} report {report}")?;
    }
    f.write_str(": ")?;
    match event.happening() {
        Ok(happening) => events::happening(f, &happening),
        Err(error) => write!(f, "unreadable: {error}"),
    }
}
