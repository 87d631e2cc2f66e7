//! A recorded trading day as commands: LOBSTER's public sample of Amazon (2012-06-21), if it lies beside the repository.

use super::{Asked, MIDDLE};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire::command::{CancelOrder, NewOrder, ReplaceOrder, Side, Terms, TimeInForce};
use wire::{AccountId, ClOrdId, InstrumentId, Price, Qty, SessionId};

/// Where the messages may lie.
fn file() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let file = root.join("AMZN_2012-06-21_34200000_57600000_message_5.csv.zst");
    file.exists().then_some(file)
}

/// The day's commands, and how many of its messages say nothing that can be asked for (hidden executions, halts, and what
/// happens to orders that were there before). `None` if the recording is missing.
pub fn day() -> Option<(Vec<Asked>, usize)> {
    let packed = std::fs::read(file()?).ok()?;
    let text = String::from_utf8(zstd::decode_all(packed.as_slice()).ok()?).ok()?;
    let mut day = Day { asked: Vec::new(), open: BTreeMap::new(), names: 0 };
    let skipped = text.lines().filter(|line| day.message(line).is_none()).count();
    Some((day.asked, skipped))
}

/// What is known of the day so far.
struct Day {
    asked: Vec<Asked>,
    /// By the recording's number: name, price, what is open.
    open: BTreeMap<u64, (ClOrdId, Side, i64, u64)>,
    names: u64,
}

impl Day {
    fn name(&mut self) -> ClOrdId {
        self.names += 1;
        ClOrdId::new(format!("ORD{:012}", self.names).as_bytes()).expect("short and printable")
    }

    fn message(&mut self, line: &str) -> Option<()> {
        let fields: Vec<i64> =
            line.split(',').skip(1).map(|field| field.parse().unwrap_or_default()).collect();
        let [kind, number, size, price, direction] = fields[..] else { return None };
        let (number, size) = (number.unsigned_abs(), size.unsigned_abs());
        let side = if direction == 1 { Side::Buy } else { Side::Sell };
        let instrument = InstrumentId(0);
        // The recording is in hundredths of cents, its ticks are cents; the bench's ticks are five units.
        let price = price / 100 * 5;
        debug_assert!(price > 0 && price < 100 * MIDDLE);
        match kind {
            1 => {
                let cl_ord_id = self.name();
                self.open.insert(number, (cl_ord_id, side, price, size));
                self.enter(1, Terms::limit(instrument, side, Price(price), Qty(size)), cl_ord_id);
            }
            2 => {
                let (orig_cl_ord_id, side, price, left) = *self.open.get(&number)?;
                let left = left.checked_sub(size).filter(|left| *left > 0)?;
                let cl_ord_id = self.name();
                self.open.insert(number, (cl_ord_id, side, price, left));
                let terms = Terms::limit(instrument, side, Price(price), Qty(left));
                let session = SessionId(1);
                self.asked.push(Asked::Replace(ReplaceOrder {
                    session,
                    client_seq: 3,
                    terms,
                    cl_ord_id,
                    orig_cl_ord_id,
                }));
            }
            3 => {
                let (orig_cl_ord_id, side, ..) = self.open.remove(&number)?;
                let cl_ord_id = self.name();
                self.asked.push(Asked::Cancel(CancelOrder {
                    session: SessionId(1),
                    client_seq: 3,
                    instrument,
                    side,
                    reserved: [0; 3],
                    cl_ord_id,
                    orig_cl_ord_id,
                }));
            }
            4 => {
                // Somebody took it: an immediate order from the other side.
                let entry = self.open.get_mut(&number)?;
                let (_, side, price, left) = *entry;
                entry.3 = left.saturating_sub(size);
                if entry.3 == 0 {
                    self.open.remove(&number);
                }
                let terms = Terms {
                    time_in_force: TimeInForce::ImmediateOrCancel,
                    ..Terms::limit(instrument, side.opposite(), Price(price), Qty(size))
                };
                let cl_ord_id = self.name();
                self.enter(2, terms, cl_ord_id);
            }
            _ => return None,
        }
        Some(())
    }

    fn enter(&mut self, client: u32, terms: Terms, cl_ord_id: ClOrdId) {
        let (session, account) = (SessionId(client), AccountId(client));
        self.asked.push(Asked::New(NewOrder { session, client_seq: 2, terms, cl_ord_id, account }));
    }
}
