//! Copy on write by the kernel: a child process writes the snapshot while the parent goes on.
//!
//! After a fork the child has the one thread that forked, and all memory as it was at that moment. That is the snapshot: nothing is
//! copied until the parent changes it, and the parent is held up only while the kernel copies its page tables.
//!
//! The child has to keep away from whatever another thread may have held at that moment, since nobody will ever release it: it
//! says nothing through `tracing`, prints nothing, and runs no destructor of the parent's. It may allocate: glibc takes the
//! locks of its allocator around a fork and hands them to the child in order. What went wrong travels back in words over a pipe.

use crate::scribe::{Outcome, Scribe};
use crate::{Exchange, Replica, keeping};
use archive::{HEAD_LEN, Head, Store};
use rustix::process::{self, Pid, Signal, WaitOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::Position;

/// The first byte of what a child says.
const KEPT: u8 = 1;
const FAILED: u8 = 2;
/// The least weight that there is: whatever else wants a core gets it.
const NICENESS: i32 = 19;

/// Writes snapshots into a store by forking. The thread that begins one must outlive it: the child dies with that thread, and shows
/// nothing that it was not told to show.
#[derive(Debug)]
pub struct ForkScribe {
    store: Store,
    cluster: u64,
    child: Option<Child>,
}

/// A process at work, as its parent knows it.
#[derive(Debug)]
struct Child {
    pid: Pid,
    at: Position,
    /// Does not block.
    says: PipeReader,
    /// What it has said so far.
    said: Vec<u8>,
    /// Once this is closed, it shows nothing.
    hears: Option<PipeWriter>,
}

/// What a child talks through.
struct Ends {
    says: PipeWriter,
    hears: PipeReader,
}

/// Why a child has kept nothing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the process that writes snapshots cannot {doing}: {source}")]
    Process { doing: &'static str, source: io::Error },
    #[error("the engine ended while its snapshot was being written")]
    Orphan,
    #[error("it was given up")]
    GivenUp,
    #[error(transparent)]
    File(#[from] archive::SnapshotError),
}

impl ForkScribe {
    /// A scribe of this cluster that writes into this store.
    #[must_use]
    pub fn new(store: Store, cluster: u64) -> Self {
        Self { store, cluster, child: None }
    }
}

impl Scribe for ForkScribe {
    fn begin(&mut self, replica: &Replica<Exchange>) -> io::Result<()> {
        if let Some(child) = &self.child {
            let why = format!("the snapshot at {} is still being written", child.at);
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
        let (says, tells) = io::pipe()?;
        let (hears, told) = io::pipe()?;
        rustix::io::ioctl_fionbio(&says, true)?;
        let ends = Ends { says: tells, hears };
        let parent = process::getpid();
        // SAFETY: the child calls `live`, which does not return and does nothing but what the module's first lines allow: system
        // calls, allocation, and arithmetic on memory that is its own copy from here on. The one thread that is left in it is
        // this one, whose reference to the replica is as valid there as here.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(io::Error::last_os_error()),
            0 => live(ends, parent, replica, self.cluster, &self.store),
            pid => {
                let pid = Pid::from_raw(pid).expect("neither an error nor the child");
                let (at, said) = (replica.position(), Vec::new());
                self.child = Some(Child { pid, at, says, said, hears: Some(told) });
                Ok(())
            }
        }
    }

    fn at(&self) -> Option<Position> {
        self.child.as_ref().map(|child| child.at)
    }

    fn show(&mut self) {
        if let Some(mut told) = self.child.as_mut().and_then(|child| child.hears.take()) {
            // Whoever does not hear it any more has failed, and says so itself.
            let _ = told.write_all(&[KEPT]);
        }
    }

    fn give_up(&mut self) {
        if let Some(child) = &mut self.child {
            child.hears = None;
            // It is not waited for yet, so the number is still its own.
            let _ = process::kill_process(child.pid, Signal::KILL);
        }
    }

    fn poll(&mut self) -> Option<Outcome> {
        let child = self.child.as_mut()?;
        if !child.has_ended() {
            return None;
        }
        let status = match process::waitpid(Some(child.pid), WaitOptions::NOHANG) {
            Ok(None) => return None,
            Ok(Some((_, status))) => format!("{status:?}"),
            Err(error) => error.to_string(),
        };
        let Child { at, said, .. } = self.child.take()?;
        let kept = match said.split_first() {
            Some((&KEPT, head)) => <&[u8; HEAD_LEN]>::try_from(head)
                .map_err(|error| error.to_string())
                .and_then(|head| Head::of(head).map_err(|fault| fault.to_string())),
            Some((_, words)) => Err(String::from_utf8_lossy(words).into_owned()),
            None => {
                // It had no time to tidy up.
                let swept = self.store.forget(at.seq);
                let swept = swept.map_or_else(|error| format!("; {error}"), |()| String::new());
                Err(format!("the process that wrote it was stopped ({status}){swept}"))
            }
        };
        Some(Outcome { at, kept })
    }
}

impl Drop for ForkScribe {
    /// A file that is not shown yet is not worth waiting for.
    fn drop(&mut self) {
        self.give_up();
        if let Some(child) = self.child.take() {
            // It was killed just now: this takes no longer than the kernel needs for it.
            let _ = process::waitpid(Some(child.pid), WaitOptions::empty());
            let _ = self.store.forget(child.at.seq);
        }
    }
}

impl Child {
    /// Hears what it says. True once it says no more.
    fn has_ended(&mut self) -> bool {
        let mut piece = [0; 512];
        loop {
            match self.says.read(&mut piece) {
                Ok(0) => return true,
                Ok(read) => self.said.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }
}

/// The whole life of a child.
fn live(ends: Ends, parent: Pid, replica: &Replica<Exchange>, cluster: u64, store: &Store) -> ! {
    let Ends { mut says, hears } = ends;
    // The usual hook prints, and another thread may have held the lock for that.
    std::panic::set_hook(Box::new(|_| {}));
    let kept = [says.as_raw_fd(), hears.as_raw_fd()];
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        settle(parent, kept)?;
        serve(hears, replica, cluster, store)
    }));
    let (word, content) = match outcome {
        Ok(Ok(head)) => (KEPT, head.to_bytes().to_vec()),
        Ok(Err(trouble)) => (FAILED, trouble.to_string().into_bytes()),
        Err(panic) => {
            let words = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            (FAILED, format!("the process that writes snapshots panicked: {words}").into_bytes())
        }
    };
    // If nobody hears it, nobody wants to know.
    let _ = says.write_all(&[&[word][..], &content].concat());
    // SAFETY: `_exit` ends the process as it stands: no destructor and no exit handler of the parent's runs here.
    unsafe { libc::_exit(i32::from(word != KEPT)) }
}

/// Makes the child one that holds nobody up: it dies with its parent, keeps no socket of the parent's bound, and takes no core from it.
fn settle(parent: Pid, kept: [RawFd; 2]) -> Result<(), Trouble> {
    let trouble = |doing: &'static str| move |source: io::Error| Trouble::Process { doing, source };
    process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| trouble("ask to die with its engine")(error.into()))?;
    // It may have died before that.
    if process::getppid() != Some(parent) {
        return Err(Trouble::Orphan);
    }
    close_all_but(kept).map_err(trouble("close what it does not need"))?;
    become_ordinary().map_err(trouble("give up its engine's priority"))?;
    process::nice(NICENESS).map_err(|error| trouble("lower its priority")(error.into()))?;
    leave_the_core();
    Ok(())
}

/// Whoever forks may go before all others; this may not.
fn become_ordinary() -> io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is the calling thread, and the parameters live across the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const none) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Closes every descriptor from 3 on but these.
fn close_all_but(mut kept: [RawFd; 2]) -> io::Result<()> {
    kept.sort_unstable();
    let [low, high] = kept.map(|fd| u32::try_from(fd).expect("an open descriptor is not negative"));
    for (first, last) in [(3, low - 1), (low + 1, high - 1), (high + 1, u32::MAX)] {
        // SAFETY: the owners of these descriptors are objects of the parent's, none of which is used or dropped in this process any
        // more: it opens its own file after this and ends with `_exit`.
        if first <= last && unsafe { libc::close_range(first, last, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// A pinned parent's core is not for its child. Where there is no other, it stays.
fn leave_the_core() {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: a set of cores is an array of integers, for which zeros are a value.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is this function's own, and as long as `size` says.
    if unsafe { libc::sched_getaffinity(0, size, &raw mut cores) } != 0 {
        return;
    }
    for core in 0..8 * size {
        // SAFETY: the number is below the number of bits in the set.
        unsafe {
            if libc::CPU_ISSET(core, &cores) {
                libc::CPU_CLR(core, &mut cores);
            } else {
                libc::CPU_SET(core, &mut cores);
            }
        }
    }
    // SAFETY: as above. It is refused, and nothing changes, if there is no such core.
    let _ = unsafe { libc::sched_setaffinity(0, size, &raw const cores) };
}

/// Writes the file aside, waits for the word that it may be shown, and shows it.
fn serve(
    mut hears: PipeReader,
    replica: &Replica<Exchange>,
    cluster: u64,
    store: &Store,
) -> Result<Head, Trouble> {
    let (head, aside) = keeping::write(replica, cluster, store)?;
    let mut word = [0; 1];
    match hears.read_exact(&mut word) {
        Ok(()) => aside.show()?,
        Err(_) => return Err(Trouble::GivenUp),
    }
    Ok(head)
}
