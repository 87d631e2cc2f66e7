//! Faults that tests plant in the protocol, to see that the checks find them.
//!
//! They exist only under `--cfg lockstep_planted`, which no release build can have. Otherwise [`planted`] is `false` for the
//! compiler to see, and nothing is left of it.

#[cfg(all(lockstep_planted, not(debug_assertions)))]
compile_error!("lockstep_planted is for tests: no build without debug assertions may have it");

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Fault {
    /// A logger acknowledges what it has not written.
    AcknowledgeBeforeWriting = 1,
    /// A logger does not keep its promise over a restart.
    ForgetPromise,
    /// A sequencer adopts the longest log, whatever its epoch.
    AdoptLongest,
    /// A logger keeps its own tail where the new history differs.
    SkipTruncation,
    /// An acknowledgement of another life of a logger counts.
    CountStaleIncarnation,
    /// A gateway releases events whose frame is not committed.
    ReleaseBeforeCommit,
    /// A follower goes on behind its own last number when the epoch changes, without matching histories.
    JudgeByNumber,
    /// A logger acknowledges in the epoch that it has promised, before it holds that epoch's start.
    LabelWithPromisedEpoch,
    /// A sequencer that starts again goes on in the epoch of its former process.
    ContinueEpoch,
    /// An event is judged by its number alone, not by the position that caused it.
    JudgeEventByNumber,
    /// Acknowledgements of different epochs make one majority.
    MixEpochs,
    /// A sequencer is content with one answer.
    AskOne,
    /// A frame of an old epoch counts as committed before the new epoch's start is: loggers acknowledge it, and it is counted.
    /// Either alone is harmless.
    CommitBeforeStart,
    /// A gateway forgets a command as soon as it is sequenced, not when it is committed.
    ReleaseWhenSequenced,
    /// A logger in a new epoch still takes the old sequencer's frames.
    FollowTheDeposed,
    /// A sequencer begins every gateway's FIFO anew.
    ForgetFifo,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Self; 16] = [
        Self::AcknowledgeBeforeWriting,
        Self::ForgetPromise,
        Self::AdoptLongest,
        Self::SkipTruncation,
        Self::CountStaleIncarnation,
        Self::ReleaseBeforeCommit,
        Self::JudgeByNumber,
        Self::LabelWithPromisedEpoch,
        Self::ContinueEpoch,
        Self::JudgeEventByNumber,
        Self::MixEpochs,
        Self::AskOne,
        Self::CommitBeforeStart,
        Self::ReleaseWhenSequenced,
        Self::FollowTheDeposed,
        Self::ForgetFifo,
    ];
}

/// New orders whose name begins so make every engine of such a build panic, halfway through: not a fault that a check is to find, but
/// one that a cluster has to live with.
pub const POISON: &[u8] = b"POISON";

/// Whether an order of this name makes an engine panic.
#[cfg(lockstep_planted)]
#[must_use]
pub fn is_poison(name: &[u8]) -> bool {
    name.starts_with(POISON)
}

/// Whether an order of this name makes an engine panic: never, in a build without planted faults.
#[cfg(not(lockstep_planted))]
#[must_use]
#[inline(always)]
pub const fn is_poison(_: &[u8]) -> bool {
    false
}

/// New orders whose name begins so lead an engine astray that was told to be led: it takes twice the quantity that was asked for. Every
/// engine of such a build can be told, and none is by itself.
pub const ASTRAY: &[u8] = b"ASTRAY";

#[cfg(lockstep_planted)]
static CHOSEN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

/// Plants one fault in this process, or none.
#[cfg(lockstep_planted)]
pub fn plant(fault: Option<Fault>) {
    CHOSEN.store(fault.map_or(0, |fault| fault as u32), std::sync::atomic::Ordering::Relaxed);
}

/// Whether this fault is planted.
#[cfg(lockstep_planted)]
#[must_use]
pub fn planted(fault: Fault) -> bool {
    CHOSEN.load(std::sync::atomic::Ordering::Relaxed) == fault as u32
}

/// Whether this fault is planted: never, in a build without them.
#[cfg(not(lockstep_planted))]
#[must_use]
#[inline(always)]
pub const fn planted(_: Fault) -> bool {
    false
}
