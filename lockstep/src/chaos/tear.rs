//! What a power cut may do to a journal: SIGKILL leaves the page cache whole, so what the disk had not confirmed is kept, torn
//! or taken away here, page by page.

use anyhow::{Context, ensure};
use journal::{Expected, HEADER_LEN, scan};
use rand::Rng;
use rand::rngs::SmallRng;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What a kernel writes at once.
const PAGE: usize = 4_096;
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// Of a hundred pages that were not confirmed, so many have reached the disk all the same: one of these for each power cut,
/// since hosts that lose their power together write alike.
const REACHED: [u32; 5] = [0, 20, 50, 90, 100];
/// Of a hundred segments of which nothing was confirmed, so many have lost their name.
const NAMES_LOST: u32 = 30;
/// In so many of a hundred journals the watermark on the disk is older than the last one written.
const WATERMARK_OLD: u32 = 50;

/// What was done to a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Torn {
    /// The number that the disk had confirmed.
    pub synced: u64,
    /// The last number that was written.
    pub written: u64,
    /// Pages behind what was confirmed that reached the disk.
    pub kept: u64,
    /// Those of which some sectors did.
    pub torn: u64,
    /// Those of which nothing did.
    pub gone: u64,
    /// Whole segments whose name is gone.
    pub segments: u64,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { synced, written, kept, torn, gone, segments } = self;
        write!(f, "synced {synced} of {written}; pages behind: {kept} kept, {torn} torn, {gone} gone")?;
        if *segments > 0 { write!(f, "; {segments} segments gone") } else { Ok(()) }
    }
}

/// Draws how much of what was not confirmed reaches the disks of one power cut, in hundredths.
pub fn draw_reached(rng: &mut SmallRng) -> u32 {
    REACHED[rng.random_range(0..REACHED.len())]
}

/// Cuts the power under a journal that nobody writes: what stands behind its last completed sync is kept, torn or gone.
pub fn cut_power(journal: &Path, reached: u32, rng: &mut SmallRng) -> anyhow::Result<Torn> {
    let synced =
        journal::read_watermark(journal).with_context(|| format!("no watermark in {}", journal.display()))?;
    let mut torn = Torn { synced, ..Torn::default() };
    // Where the confirmed bytes of each segment end.
    let mut confirmed: BTreeMap<PathBuf, usize> = BTreeMap::new();
    scan(journal, Expected::default(), 0, &mut |seen| {
        let number = seen.position.seq.0;
        torn.written = number;
        // The first segment's header is on the disk before anything else; any other's comes with its first record.
        let header = if seen.header.first() == 1 { HEADER_LEN } else { 0 };
        let end = confirmed.entry(seen.file.to_owned()).or_insert(header);
        if number <= synced {
            *end = usize::try_from(seen.offset).unwrap_or(usize::MAX) + seen.message.len();
        }
        ControlFlow::Continue(())
    })?;
    ensure!(
        torn.written >= synced,
        "{}: {synced} was confirmed, {} is there",
        journal.display(),
        torn.written
    );
    for entry in std::fs::read_dir(journal)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            // One without a record: it was begun just now, or is a new journal's.
            let whole =
                path.file_stem().is_some_and(|name| name.to_string_lossy().trim_start_matches('0') == "1");
            confirmed.entry(path).or_insert(if whole { HEADER_LEN } else { 0 });
        }
    }
    for (path, end) in confirmed {
        if end == 0 && rng.random_range(0..100) < NAMES_LOST {
            std::fs::remove_file(&path)?;
            torn.segments += 1;
        } else {
            tear(&path, end, reached, rng, &mut torn)
                .with_context(|| format!("cannot tear {}", path.display()))?;
        }
    }
    if rng.random_range(0..100) < WATERMARK_OLD {
        write_watermark(journal, rng.random_range(0..=synced))?;
    }
    Ok(torn)
}

/// Decides the fate of each page of a segment behind what was confirmed.
fn tear(path: &Path, end: usize, reached: u32, rng: &mut SmallRng, torn: &mut Torn) -> anyhow::Result<()> {
    let bytes = std::fs::read(path)?;
    let file = File::options().write(true).open(path)?;
    let last = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let zero = |range: Range<usize>| file.write_all_at(&vec![0; range.len()], range.start as u64);
    for page in (end / PAGE * PAGE..last).step_by(PAGE) {
        // What the disk had of the page before: what was confirmed, and zeros behind it.
        let fresh = page.max(end)..(page + PAGE).min(bytes.len());
        if fresh.start >= last {
            continue;
        }
        if rng.random_range(0..100) < reached {
            torn.kept += 1;
        } else if rng.random() {
            torn.gone += 1;
            zero(fresh)?;
        } else {
            torn.torn += 1;
            for sector in (page..page + PAGE).step_by(SECTOR) {
                let range = sector.max(fresh.start)..(sector + SECTOR).min(fresh.end);
                if !range.is_empty() && rng.random() {
                    zero(range)?;
                }
            }
        }
    }
    Ok(())
}

/// As the journal writes it.
fn write_watermark(journal: &Path, number: u64) -> anyhow::Result<()> {
    let mut bytes = b"LOCKSYNC".to_vec();
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    std::fs::write(journal.join("SYNCED"), bytes).context("cannot write the watermark")
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::{Journal, Options, Stream};
    use rand::SeedableRng;
    use wire::event::{self, Address, GatewayOpened};
    use wire::{Incarnation, MAX_FRAME_LEN, Nanos, NodeId, Outbound, Position, ReportSeq, SessionId};

    fn event(number: u64) -> Vec<u8> {
        let address = Address {
            outbound: Outbound(number),
            cause: Position::GENESIS,
            session: SessionId(0),
            timestamp: Nanos(number),
            report: ReportSeq(0),
        };
        let body = GatewayOpened { gateway: NodeId(1), reserved: [0; 2], incarnation: Incarnation(1) };
        let mut buffer = [0; MAX_FRAME_LEN];
        let length = event::write(&mut buffer, address, &body);
        event::speak(&mut buffer[..length], event::Speaker::default());
        buffer[..length].to_vec()
    }

    #[test]
    fn what_was_confirmed_survives_every_power_cut_and_of_the_rest_a_beginning() {
        let (mut all, mut none, mut some) = (0, 0, 0);
        for seed in 0..60 {
            let dir = tempfile::tempdir().unwrap();
            let options = Options {
                cluster: 1,
                stream: Stream::Events,
                segment_len: 8_192,
                create: true,
                power_cut: true,
            };
            let (mut journal, _) = Journal::open(dir.path(), &options, &mut |_| {}).unwrap();
            for number in 1..=500 {
                journal.append(&event(number)).unwrap();
                if number == 200 {
                    journal.syncer().sync_once().unwrap();
                }
            }
            drop(journal);
            let rng = &mut SmallRng::seed_from_u64(seed);
            let reached = draw_reached(rng);
            let torn = cut_power(dir.path(), reached, rng).unwrap();
            assert_eq!((torn.synced, torn.written), (200, 500));
            let (journal, opened) = Journal::open(dir.path(), &options, &mut |_| {}).unwrap();
            let kept = opened.next - 1;
            assert!((200..=500).contains(&kept), "{kept}");
            (1..=kept).for_each(|number| assert_eq!(journal.get(number), Some(&event(number)[..])));
            match kept {
                500 => all += 1,
                200 => none += 1,
                _ => some += 1,
            }
        }
        assert!(all > 0 && none > 0 && some > 0, "{all} kept all, {none} nothing, {some} some");
    }
}
