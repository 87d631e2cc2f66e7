//! Opens a logger's journals. What is damaged is set aside, if there are other loggers from which it can be had again.
//!
//! A logger that has lost a part of what it acknowledged must not go on in that life: it would promise a sequencer less than it
//! acknowledged. So its life is over, on the disk, before anything is moved; it goes on as a learner, which neither promises nor
//! acknowledges, and takes the history from where its log now ends, as any logger does that comes late (`docs/PROTOCOL.md`).

use crate::vault::{Lost, Vault, end_life};
use anyhow::Context;
use journal::{Damage, Journal, JournalError, Opened, Options, Progress, SetAside, Stream};
use std::path::Path;

/// One damage may hide another; that many are not one disk's.
const MOST_DAMAGES: usize = 8;

/// Opens a journal with these options. `others` is how many other loggers the cluster has.
///
/// # Errors
/// As of [`Journal::open`]; damage only if there is no other logger, or none could heal it. Nothing is moved then.
pub fn open_journal(
    dir: &Path,
    options: &Options,
    others: usize,
    vault: &mut impl Vault,
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<(Journal, Opened)> {
    for _ in 0..MOST_DAMAGES {
        let error = match Journal::open(dir, options, progress) {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let Some(damage) = Damage::of(dir, options, &error)? else { return Err(error.into()) };
        if others == 0 {
            return Err(anyhow::Error::new(error).context(ALONE));
        }
        // Of the events nothing was ever acknowledged: where only they are damaged, the life goes on.
        if options.stream == Stream::Frames {
            end_life(vault, Lost::Damage).context("cannot note that this logger's life is over")?;
        }
        say(options.stream, &error, &damage.set_aside(dir)?);
    }
    anyhow::bail!("{} is damaged in more than {MOST_DAMAGES} places: replace the disk", dir.display());
}

/// What the operator of a single logger can do.
const ALONE: &str = "this is the cluster's only logger, so nobody else holds what is damaged here: restore the directory from a \
                     backup that `logger verify` finds whole. (To begin anew without its history, set the node's whole \
                     directory aside.) Nothing was changed";

fn say(stream: Stream, error: &JournalError, aside: &SetAside) {
    let SetAside { into, files, kept } = aside;
    tracing::error!(
        journal = %stream,
        into = %into.display(),
        segments = files.len(),
        "damage: {error}; set aside, and fetched again from another logger from number {} on: {}",
        kept + 1,
        if files.is_empty() { "nothing was there".to_owned() } else { files.join(", ") },
    );
}
