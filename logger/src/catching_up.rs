//! A logger without a life fetches what is committed from another one over TCP, before it listens: at the speed of files, and
//! from the archive too, where repair over UDP would come to an end.
//!
//! Nobody counts on the log of such a logger yet. It takes frames up to the place of the newest snapshot that the other one has:
//! whoever wrote that knew it to be committed, so every later history holds these frames, and what this log holds instead of
//! them is void.
//!
//! Where no logger has the first frames any more, since their archives were moved elsewhere, an empty log begins behind a
//! snapshot, and the logger takes that in as well.

use crate::log::Log;
use archive::{Client, ClientError, Listed, Store};
use journal::{Journal, JournalError};
use std::net::SocketAddr;
use std::time::Duration;
use wire::Position;

/// How long another logger may take to let this one in.
const CONNECT: Duration = Duration::from_secs(1);
/// Frames between two looks whether to stop.
const LOOK_EVERY: u64 = 1 << 12;
/// So far back, at first, the other log may leave this one.
const STEP: u64 = 1 << 6;

/// Why nothing more came from one logger.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Asks one logger after the other for what is committed and not in this log, until `stop` says so. What cannot be had so is
/// asked for again in the epoch's session.
///
/// # Errors
/// This log cannot be written any more.
pub fn catch_up(
    log: &mut Journal,
    others: &[SocketAddr],
    stop: &dyn Fn() -> bool,
) -> Result<(), JournalError> {
    for other in others {
        let from = log.last_position();
        match fetch(log, *other, stop) {
            Ok(()) => {}
            Err(Stopped::Journal(error)) if !matches!(error, JournalError::NoSpace { .. }) => {
                return Err(error);
            }
            Err(error) => {
                tracing::info!(logger = %other, %error, "nothing more is had from this logger over TCP");
            }
        }
        let last = log.last_position();
        if last != from {
            Log::sync_now(log)?;
            tracing::info!(logger = %other, from = %from, last = %last, "caught up with a snapshot's place");
        }
        if stop() {
            break;
        }
    }
    Ok(())
}

/// The oldest snapshot behind which a log can begin, taken into this store. `None` if a logger that can be asked has the first frame,
/// or none has a snapshot.
#[must_use]
pub fn foothold(others: &[SocketAddr], store: &Store) -> Option<Position> {
    others.iter().find_map(|other| match behind_which(*other, store) {
        Ok(place) => place,
        Err(error) => {
            tracing::info!(logger = %other, %error, "nothing to begin with is had from this logger over TCP");
            None
        }
    })
}

fn behind_which(other: SocketAddr, store: &Store) -> Result<Option<Position>, ClientError> {
    let connect = || Client::connect(other, CONNECT);
    let listed = connect()?.list()?;
    let Some(newest) = listed.last().map(|newest| newest.position) else { return Ok(None) };
    match connect()?.log(Position::GENESIS, newest) {
        Err(ClientError::NotHeld { position: Position::GENESIS, .. }) => {}
        Err(error) => return Err(error),
        Ok(_) => return Ok(None),
    }
    for Listed { seq, position, .. } in listed {
        // A new connection for each: the frames themselves are not read.
        if connect()?.log(position, newest).is_ok() {
            connect()?.snapshot(seq, store)?;
            return Ok(Some(position));
        }
    }
    Ok(None)
}

fn fetch(log: &mut Journal, other: SocketAddr, stop: &dyn Fn() -> bool) -> Result<(), Stopped> {
    let mut client = Client::connect(other, CONNECT)?;
    let Some(upto) = client.list()?.last().map(|newest| newest.position) else { return Ok(()) };
    if log.position_of(upto.seq.0) == Some(upto) {
        return Ok(());
    }
    let mut back = STEP;
    let mut after = log.last_position();
    if after.seq >= upto.seq {
        after = log.position_of(upto.seq.0.saturating_sub(1)).unwrap_or(Position::GENESIS);
    }
    loop {
        match copy(log, &mut client, after, upto, stop) {
            // This log leaves the committed history before that place: look further back.
            Err(Stopped::Client(ClientError::NotHeld { position, .. }))
                if position == after && after.seq.0 + 1 > log.first() =>
            {
                let earlier = after.seq.0.saturating_sub(back).max(log.first() - 1);
                let Some(place) = log.position_of(earlier) else { return Ok(()) };
                (after, back) = (place, back * 2);
            }
            other => return other,
        }
    }
}

fn copy(
    log: &mut Journal,
    client: &mut Client,
    after: Position,
    upto: Position,
    stop: &dyn Fn() -> bool,
) -> Result<(), Stopped> {
    let mut frames = client.log(after, upto)?;
    while let Some(frame) = frames.next_frame()? {
        let number = wire::Frame::read(frame).map_or(0, |frame| frame.position().seq.0);
        if log.next() > number {
            // Both hold the place before: from here on only what is committed stands.
            let own = log.get(number).is_some_and(|own| own == frame);
            if own {
                continue;
            }
            let last = log.next() - 1;
            tracing::warn!(
                from = number,
                to = last,
                "log cut: these frames are not those that were committed"
            );
            log.truncate_after(number - 1)?;
        }
        log.append(frame)?;
        if number.is_multiple_of(LOOK_EVERY) && stop() {
            break;
        }
    }
    Ok(())
}
