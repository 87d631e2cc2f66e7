//! Standard output. Whoever reads it may stop doing so (`lockstep status | head`): then there is nobody to talk to, which is no fault.

use std::fmt;
use std::io::{self, ErrorKind, StdoutLock, Write};

/// Standard output, locked.
#[derive(Debug)]
pub struct Out(StdoutLock<'static>);

/// Nobody reads standard output any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for Unread {}

/// Where this program talks to people.
#[must_use]
pub fn stdout() -> Out {
    Out(io::stdout().lock())
}

/// Whether this is the end of something only because nobody reads its output any more. Other broken pipes are faults.
#[must_use]
pub fn is_unread(error: &anyhow::Error) -> bool {
    let told = |cause: &&(dyn std::error::Error + 'static)| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<Unread>())
    };
    error.chain().any(|cause| told(&cause))
}

fn unread(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::BrokenPipe { io::Error::new(ErrorKind::BrokenPipe, Unread) } else { error }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(unread)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(unread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_output_that_nobody_reads_is_told_from_other_broken_pipes() {
        let pipe = || io::Error::from(ErrorKind::BrokenPipe);
        let ended = Err::<(), _>(unread(pipe())).context("cannot tell").unwrap_err();
        assert!(is_unread(&ended), "{ended:#}");
        let fault = Err::<(), _>(pipe()).context("cannot send").unwrap_err();
        assert!(!is_unread(&fault), "{fault:#}");
        let full = unread(io::Error::from(ErrorKind::StorageFull));
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }
}
