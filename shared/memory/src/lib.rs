//! Room that is made in advance, in pages as large as the system has: the calls by which it is asked for them.
//!
//! Who looks all over hundreds of megabytes waits less for their addresses; and the process is gone sooner when it dies, since there
//! is less to give back page by page: an engine's successor needs the core.

#![allow(unsafe_code, reason = "the kernel is advised about memory")]

use rustix::mm::{Advice, madvise};

/// A large page of the hardware, in bytes. Less room than that is left as it is.
const LARGE_PAGE: usize = 2 << 20;
/// An ordinary one: what is asked about begins with one.
const PAGE: usize = 4 << 10;

/// The same vector; its room lies in large pages if the system grants them, which it does when they are first touched. So this
/// is for room that was made just now.
#[must_use]
pub fn in_large_pages<T>(room: Vec<T>) -> Vec<T> {
    let bytes = room.capacity() * size_of::<T>();
    let first = room.as_ptr().cast::<u8>();
    let skipped = first.align_offset(PAGE);
    if bytes < LARGE_PAGE + skipped {
        return room;
    }
    let whole = (bytes - skipped) & !(PAGE - 1);
    // SAFETY: these pages lie within the vector's own allocation. The advice changes neither what they hold nor who may use them.
    let advised = unsafe { madvise(first.add(skipped).cast_mut().cast(), whole, Advice::LinuxHugepage) };
    // A kernel without large pages refuses it, and nothing is lost.
    let _ = advised;
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_it_was_before() {
        for elements in [0, 1, 1 << 12, 1 << 19, (1 << 19) + 77] {
            let mut room = in_large_pages(vec![7_u64; elements]);
            assert_eq!(room.len(), elements);
            room.push(8);
            assert!(room[..elements].iter().all(|number| *number == 7));
        }
        let room = in_large_pages(Vec::<u8>::with_capacity(5 << 20));
        assert!(room.is_empty() && room.capacity() >= 5 << 20);
        assert_eq!(in_large_pages(vec![(); 9]).len(), 9);
    }
}
