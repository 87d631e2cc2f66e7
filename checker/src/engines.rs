//! The engines' digests: the same at the same position, and that position in the history.

use crate::promise::{Promise, Verdict};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use wire::{Chain, Digest, Epoch, Position, Seq};

/// One engine's digest at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineDigest {
    /// The engine.
    pub node: String,
    /// Behind which frame.
    pub at: Position,
    /// Its running hash.
    pub digest: Digest,
}

/// Why a file of digests cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EnginesError {
    /// The operating system refused it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not the JSON that `docs/CHECKER.md` describes.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A chain or digest that is not sixteen hexadecimal digits.
    #[error("\"{text}\" is not a number in hexadecimal digits")]
    Hex {
        /// What stands there.
        text: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    node: String,
    epoch: u32,
    seq: u64,
    chain: String,
    digest: String,
}

/// Reads the file that `docs/CHECKER.md` describes: a list of `{node, epoch, seq, chain, digest}`, the last two in hex.
pub fn read(path: &Path) -> Result<Vec<EngineDigest>, EnginesError> {
    let lines: Vec<Line> = serde_json::from_slice(&std::fs::read(path)?)?;
    let hex =
        |text: &str| u64::from_str_radix(text, 16).map_err(|_| EnginesError::Hex { text: text.to_owned() });
    let digest = |line: Line| {
        let at = Position { epoch: Epoch(line.epoch), seq: Seq(line.seq), chain: Chain(hex(&line.chain)?) };
        Ok(EngineDigest { node: line.node, at, digest: Digest(hex(&line.digest)?) })
    };
    lines.into_iter().map(digest).collect()
}

/// Waits for the positions that the digests name.
#[derive(Debug)]
pub(crate) struct Places(BTreeMap<Seq, Option<Position>>);

impl Places {
    /// The positions to look for.
    pub(crate) fn of(digests: &[EngineDigest]) -> Self {
        Self(digests.iter().map(|digest| (digest.at.seq, None)).collect())
    }

    /// The next place of the history.
    pub(crate) fn note(&mut self, here: Position) {
        if !self.0.is_empty()
            && let Some(place) = self.0.get_mut(&here.seq)
        {
            *place = Some(here);
        }
    }

    /// Compares, once the history was read.
    pub(crate) fn judge(&self, digests: &[EngineDigest], verdict: &mut Verdict) {
        let mut first: BTreeMap<(Seq, Epoch, Chain), (&EngineDigest, bool)> = BTreeMap::new();
        for digest in digests {
            verdict.counts.digests += 1;
            let at = digest.at;
            let history = self.0.get(&at.seq).copied().flatten();
            if history != Some(at) && at != Position::GENESIS {
                verdict.add(Promise::EnginesAgree, || {
                    let instead = history.map_or("ends before".to_owned(), |here| format!("has {here}"));
                    format!("{} stands at {at}; the history {instead}", digest.node)
                });
            }
            let (other, compared) = first.entry((at.seq, at.epoch, at.chain)).or_insert((digest, false));
            if other.node != digest.node && !std::mem::replace(compared, true) {
                verdict.counts.digest_positions += 1;
            }
            if other.digest != digest.digest {
                verdict.add(Promise::EnginesAgree, || {
                    format!(
                        "{} has digest {:016x} at {at}, {} has {:016x}",
                        digest.node, digest.digest.0, other.node, other.digest.0
                    )
                });
            }
        }
    }
}
