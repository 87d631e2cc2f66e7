//! Ports for a cluster on this machine, which nobody else takes between their choice and the start of the nodes.
//!
//! A port that the kernel gives for the asking (port 0) can be given to the next one who asks as soon as it is let go; so these are
//! chosen below the range from which it gives. They come in blocks, and the first port of a block stays taken for as long as
//! this process lives: another process of ours then chooses another block.

use anyhow::Context;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Mutex;

/// Blocks begin here; below lie the ports of well-known services.
const FIRST: u16 = 10_240;
/// They end here, below the ports of the default cluster.
const END: u16 = 30_720;
/// Ports of a block, its guard among them.
const BLOCK: u16 = 128;

/// The guards of the blocks that this process has taken.
static GUARDS: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

/// Chooses ports that are free, each once.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    left: std::ops::Range<u16>,
}

impl Ports {
    /// A port on which a datagram socket can be opened.
    pub(crate) fn udp(&mut self) -> anyhow::Result<u16> {
        self.next(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// A port on which connections can be taken.
    pub(crate) fn tcp(&mut self) -> anyhow::Result<u16> {
        self.next(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// A port that is free for both.
    pub(crate) fn both(&mut self) -> anyhow::Result<u16> {
        self.next(|port| {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
                && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        })
    }

    fn next(&mut self, is_free: impl Fn(u16) -> bool) -> anyhow::Result<u16> {
        loop {
            if let Some(port) = self.left.find(|port| is_free(*port)) {
                return Ok(port);
            }
            self.left = block()?;
        }
    }
}

/// Takes a block that nobody has.
fn block() -> anyhow::Result<std::ops::Range<u16>> {
    let end = ephemeral_from().min(END);
    for guard in (FIRST..end.saturating_sub(BLOCK)).step_by(usize::from(BLOCK)) {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, guard)) {
            GUARDS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(listener);
            return Ok(guard + 1..guard + BLOCK);
        }
    }
    None.with_context(|| {
        format!(
            "no free block of {BLOCK} ports between {FIRST} and {end}: stop other clusters on this machine"
        )
    })
}

/// The first port that the kernel gives to whoever asks for any.
fn ephemeral_from() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    range.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_are_chosen_once_and_never_where_the_kernel_gives_them_to_others() {
        let (mut one, mut two) = (Ports::default(), Ports::default());
        let mut all = BTreeSet::new();
        for at in 0..200 {
            for ports in [&mut one, &mut two] {
                let port = if at % 2 == 0 { ports.udp() } else { ports.tcp() }.expect("there are thousands");
                assert!(port < ephemeral_from(), "{port} can be given to anybody");
                assert!(all.insert(port), "{port} was chosen before");
            }
        }
    }
}
