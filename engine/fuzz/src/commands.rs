//! Commands with numbers of every size, given to an exchange with little room: it audits itself after each.

use crate::pair::Generator;
use crate::support::{Desk, GATEWAY, LIFE};
use crate::wild::Wild;
use engine::Limits;

/// Hardly room for anything.
pub const LIMITS: Limits = Limits {
    instruments: 8,
    sessions: 6,
    resting_orders: 24,
    names: 120,
    accounts: 8,
    holdings: 16,
    participants: 5,
    currencies: 4,
    trades: 8,
    levels: 16,
    events_reserved: 16,
};

/// How many commands one input makes at most.
pub const COMMANDS: usize = 200;

/// Some begin in the small world of the comparison, some with nothing.
pub fn run(bytes: &[u8]) {
    let mut desk = Desk::empty(LIMITS);
    let mut wild = Wild(bytes);
    if wild.byte() & 1 == 0 {
        for asked in Generator::prologue() {
            let frame = asked.stamp(&mut desk.log, GATEWAY, LIFE);
            desk.apply(&frame);
        }
    }
    for _ in 0..COMMANDS {
        if !wild.has_more() {
            break;
        }
        desk.log.now.0 += u64::from(wild.byte() & 15);
        let frame = wild.command().stamp(&mut desk.log, GATEWAY, LIFE);
        desk.apply(&frame);
        desk.audit();
    }
}
