//! The same commands for the engine and the naive model: both say and hold the same.

use crate::commands::{COMMANDS, LIMITS};
use crate::pair::{Asked, Draw, Generator, NUMBERS, Pair};
use crate::support::{GATEWAY, LIFE};
use crate::wild::Wild;

/// Half of the inputs are drawn commands, which mostly make sense, half are wild ones.
///
/// # Panics
/// If engine and model differ.
pub fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let mut pair = Pair::new(LIMITS, None);
    for asked in Generator::prologue() {
        agree(pair.apply(GATEWAY, LIFE, &asked));
    }
    if first & 1 == 0 { drawn(&mut pair, rest) } else { wild(&mut pair, rest) }
}

fn drawn(pair: &mut Pair, bytes: &[u8]) {
    let mut generator = Generator::new();
    for chunk in bytes.chunks(2 * NUMBERS).take(COMMANDS) {
        let number = |at: usize| {
            u16::from_le_bytes(std::array::from_fn(|byte| chunk.get(2 * at + byte).copied().unwrap_or(0)))
        };
        agree(generator.step(pair, Draw::new(std::array::from_fn(number))));
        agree(pair.compare());
    }
}

fn wild(pair: &mut Pair, bytes: &[u8]) {
    let mut wild = Wild(bytes);
    for _ in 0..COMMANDS {
        if !wild.has_more() {
            break;
        }
        pair.desk.log.now.0 += u64::from(wild.byte() & 15);
        let asked: Asked = wild.command();
        agree(pair.apply(GATEWAY, LIFE, &asked));
        agree(pair.compare());
    }
}

fn agree(verdict: Result<(), String>) {
    if let Err(why) = verdict {
        panic!("{why}");
    }
}
