//! The places of a log whose commands are left out, as the log itself says: behind them, so it has to be read first.

use journal::{Expected, JournalError, Stream, scan_with_archive};
use std::ops::ControlFlow;
use std::path::Path;
use wire::{Command, CommandKind, Frame, Position, Seq, prelude};

/// What the log says from this number on, to its end.
pub fn quarantined(log: &Path, from: Seq) -> Result<Vec<Position>, JournalError> {
    let mut places = Vec::new();
    let expected = Expected { stream: Some(Stream::Frames), ..Expected::default() };
    scan_with_archive(log, expected, from.0, &mut |seen| {
        let told = prelude::peek(seen.message).is_ok_and(|head| head.kind == CommandKind::Quarantine as u8);
        if told
            && let Ok(Ok(Command::Quarantine(body))) = Frame::read(seen.message).map(|frame| frame.command())
        {
            places.push(Position { epoch: body.epoch, seq: body.seq, chain: body.chain });
        }
        ControlFlow::Continue(())
    })?;
    Ok(places)
}
