//! What must always hold, checked: the whole state against itself, or what one command touched.

use crate::accounts::{Accounts, HoldingId, needed};
use crate::exchange::Exchange;
use crate::expiry::Timer;
use crate::instruments::Market;
use crate::orders::{Order, Place};
use crate::{Holding, Sequenced};
use book::{Disorder, LadderId, Slot};
use std::collections::BTreeMap;
use wire::command::{Phase, Side};
use wire::{AccountId, CurrencyId, InstrumentId, Money, OrderId, Qty};

/// Up to so many open orders a debug build checks everything after every command.
const SMALL_WORLD: usize = 48;

/// Something that must always hold does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The ladders disagree with themselves.
    #[error("the shelf is in disorder: {0}")]
    Shelf(#[from] Disorder),
    /// The best bid is not below the best offer in continuous trading.
    #[error("the book of instrument {instrument} is crossed")]
    Crossed {
        /// Whose book.
        instrument: InstrumentId,
    },
    /// An order stands where it does not belong, or is told otherwise than it is.
    #[error("order {order} does not stand where it says, or shows what it has not")]
    Order {
        /// Which one.
        order: OrderId,
    },
    /// An open order stands on no ladder, or one on two.
    #[error("{open} orders are open, {standing} stand on ladders")]
    Standing {
        /// In the shelf.
        open: usize,
        /// On ladders; one more than open stands for any number.
        standing: usize,
    },
    /// Open orders and the names that stand for them are not the same.
    #[error("{open} orders are open, {named} stand under their names")]
    Lost {
        /// In the shelf.
        open: usize,
        /// Under their names.
        named: usize,
    },
    /// An order is open that could not be cancelled for want of a name.
    #[error("{open} orders are open, but only {room} names are left to cancel them")]
    NamesShort {
        /// Names that are left.
        room: usize,
        /// Open orders.
        open: usize,
    },
    /// An order that expires is not among those that do, or the other way round.
    #[error("order {order} has no timer, or a wrong one")]
    Timer {
        /// Which one.
        order: OrderId,
    },
    /// What an account keeps for its open orders is not what they need.
    #[error("account {account} keeps {kept:?} in instrument {instrument}, its open orders say {found:?}")]
    Holding {
        /// Whose.
        account: AccountId,
        /// In which instrument.
        instrument: InstrumentId,
        /// As it stands.
        kept: Holding,
        /// From its orders.
        found: Holding,
    },
    /// More or less is withheld than open buys need.
    #[error("account {account} has {withheld} withheld in currency {currency}, its open buys need {needed}")]
    Withheld {
        /// Whose.
        account: AccountId,
        /// In which currency.
        currency: CurrencyId,
        /// As it stands.
        withheld: Money,
        /// From its orders.
        needed: Money,
    },
    /// Money appeared or disappeared.
    #[error("{found} of currency {currency} are in the exchange, {moved} came in")]
    Money {
        /// Which currency.
        currency: CurrencyId,
        /// What accounts and exchange have.
        found: Money,
        /// What was paid in less what was paid out.
        moved: Money,
    },
    /// Shares appeared or disappeared.
    #[error("{found} shares of instrument {instrument} are in the exchange, {moved} came in")]
    Shares {
        /// Which instrument.
        instrument: InstrumentId,
        /// What accounts have.
        found: i128,
        /// What came in less what went out.
        moved: i128,
    },
}

/// What a debug build checks after every command: everything in a small world, otherwise that the book of the command's
/// instrument is not crossed. (Every build checks that no order comes to rest where it would cross.)
pub(crate) fn after_command(exchange: &Exchange, input: &Sequenced<'_>) {
    if !cfg!(debug_assertions) {
        return;
    }
    let touched = match input.command {
        wire::Command::NewOrder(asked) => { asked.terms }.instrument,
        wire::Command::ReplaceOrder(asked) => { asked.terms }.instrument,
        _ => InstrumentId::ALL,
    };
    if let Some(instrument) = exchange.instruments.get(touched) {
        assert!(
            instrument.market.phase != Phase::Continuous || is_uncrossed(exchange, touched),
            "the book of instrument {touched} is crossed after command {}",
            input.at.seq
        );
    }
    if exchange.shelf.len() <= SMALL_WORLD
        && let Err(violation) = quick(exchange)
    {
        panic!("after command {}: {violation}", input.at.seq);
    }
}

fn is_uncrossed(exchange: &Exchange, id: InstrumentId) -> bool {
    let Some(instrument) = exchange.instruments.get(id) else { return true };
    let best = |side| exchange.shelf.best_key(instrument.market.book(side));
    match (best(Side::Buy), best(Side::Sell)) {
        (Some(bid), Some(offer)) => bid < offer,
        _ => true,
    }
}

/// Everything. Takes time in proportion to the state and to its room.
pub(crate) fn whole(exchange: &Exchange) -> Result<(), Violation> {
    exchange.shelf.audit()?;
    names(exchange)?;
    quick(exchange)
}

/// Everything that takes time in proportion to open orders and holdings only.
fn quick(exchange: &Exchange) -> Result<(), Violation> {
    for instrument in exchange.instruments.iter() {
        let id = instrument.market.id;
        if instrument.market.phase == Phase::Continuous && !is_uncrossed(exchange, id) {
            return Err(Violation::Crossed { instrument: id });
        }
    }
    standing(exchange)?;
    timers(exchange)?;
    holdings(exchange)?;
    conserved(exchange)
}

/// Every open order stands where it says, once. Queue by queue, so that long ones take no longer than many.
fn standing(exchange: &Exchange) -> Result<(), Violation> {
    let (shelf, open) = (&exchange.shelf, exchange.shelf.len());
    let mut standing = 0;
    for instrument in exchange.instruments.iter() {
        for ladder in instrument.market.ladders() {
            for level in shelf.levels(ladder) {
                for slot in shelf.queue(level) {
                    standing += 1;
                    if standing > open {
                        return Err(Violation::Standing { open, standing });
                    }
                    stands(exchange, slot, &instrument.market, ladder, level.key())?;
                }
            }
        }
    }
    // An order has one follower at most, and one place that it says: none was counted twice.
    if standing == open { Ok(()) } else { Err(Violation::Standing { open, standing }) }
}

/// An order that was found on this level of this market's ladder stands where it says, with what it says.
fn stands(
    exchange: &Exchange,
    slot: Slot,
    market: &Market,
    ladder: LadderId,
    key: i64,
) -> Result<(), Violation> {
    let (shelf, order) = (&exchange.shelf, exchange.shelf.order(slot));
    let terms = order.terms();
    let says = match order.place {
        Place::Book => market.key(order.limit),
        Place::Stop => market.key(terms.stop_price),
        Place::Waiting => 0,
    };
    let there = order.instrument() == market.id
        && market.ladder(order.place, order.side()) == ladder
        && says == key
        && shelf.is_on_ladder(slot)
        && shelf.key(slot) == key;
    let told = shelf.leaves(slot) == order.leaves()
        && order.leaves().0 + order.view.cum.0 == { terms.qty }.0
        && order.leaves() > Qty(0)
        && shelf.shown(slot) <= order.showing()
        && shelf.shown(slot) > Qty(0)
        && shelf.tag(slot) == order.participant.0;
    if there && told { Ok(()) } else { Err(Violation::Order { order: order.id() }) }
}

fn names(exchange: &Exchange) -> Result<(), Violation> {
    let (names, shelf, open) = (&exchange.names, &exchange.shelf, exchange.shelf.len());
    let named = names.open().filter(|(name, slot)| shelf.order(*slot).name == *name).count();
    if named != open || names.open().count() != open {
        return Err(Violation::Lost { open, named });
    }
    let room = names.room();
    if room < open { Err(Violation::NamesShort { room, open }) } else { Ok(()) }
}

fn timers(exchange: &Exchange) -> Result<(), Violation> {
    let mut timed = 0;
    for (timer, expiry) in exchange.expiries.iter() {
        let order = exchange.shelf.order(expiry.slot);
        let agrees = (order.timer, order.id(), order.terms().expire) == (timer, expiry.order, expiry.at);
        if !agrees {
            return Err(Violation::Timer { order: expiry.order });
        }
        timed += 1;
    }
    let expires = |order: &Order| { order.terms().expire } != wire::Nanos(0);
    let without = |order: &Order| expires(order) && order.timer == Timer::NONE;
    match exchange.shelf.slots().find(|(_, order)| without(order)) {
        Some((_, order)) => Err(Violation::Timer { order: order.id() }),
        None => {
            let expiring = exchange.shelf.slots().filter(|(_, order)| expires(order)).count();
            assert!(expiring == timed, "every timer has been found at its own order");
            Ok(())
        }
    }
}

/// What accounts keep for their open orders is what these say, and what is withheld is what they need.
fn holdings(exchange: &Exchange) -> Result<(), Violation> {
    let accounts = &exchange.accounts;
    let mut open: BTreeMap<u32, Holding> = BTreeMap::new();
    let mut needs: BTreeMap<(AccountId, CurrencyId), i128> = BTreeMap::new();
    for (_, order) in exchange.shelf.slots() {
        let market = exchange.instruments.get(order.instrument()).expect("seen above").market;
        if order.holding == HoldingId::NONE {
            continue;
        }
        let kept = open.entry(order.holding.number()).or_default();
        kept.open_orders += 1;
        match order.side() {
            Side::Buy => {
                kept.open_buys.0 += order.leaves().0;
                if market.is_funded() {
                    *needs.entry((order.view.account, market.currency)).or_default() +=
                        needed(&market, order.limit, order.leaves());
                }
            }
            Side::Sell => kept.open_sells.0 += order.leaves().0,
        }
    }
    for (id, account, instrument, kept) in accounts.holdings() {
        let found = open.get(&id.number()).copied().unwrap_or_default();
        let found = Holding { position: kept.position, day_volume: kept.day_volume, ..found };
        if found != *kept {
            return Err(Violation::Holding { account, instrument, kept: *kept, found });
        }
    }
    for (account, currency, cash) in accounts.purses() {
        let needed = Money(needs.get(&(account, currency)).copied().unwrap_or_default());
        if cash.withheld != needed {
            return Err(Violation::Withheld { account, currency, withheld: cash.withheld, needed });
        }
    }
    Ok(())
}

/// Nothing appeared and nothing disappeared.
fn conserved(exchange: &Exchange) -> Result<(), Violation> {
    let accounts: &Accounts = &exchange.accounts;
    let mut found: BTreeMap<CurrencyId, i128> = BTreeMap::new();
    for (_, currency, cash) in accounts.purses() {
        *found.entry(currency).or_default() += cash.available.0 + cash.withheld.0;
    }
    for (currency, there) in accounts.currencies() {
        let found = Money(found.get(&currency).copied().unwrap_or_default() + there.collected.0);
        if found != there.moved {
            return Err(Violation::Money { currency, found, moved: there.moved });
        }
    }
    let mut held: BTreeMap<InstrumentId, i128> = BTreeMap::new();
    for (_, _, instrument, holding) in accounts.holdings() {
        *held.entry(instrument).or_default() += holding.position;
    }
    for instrument in exchange.instruments.iter() {
        let id = instrument.market.id;
        let (found, moved) = (held.get(&id).copied().unwrap_or_default(), accounts.shares(id));
        if found != moved {
            return Err(Violation::Shares { instrument: id, found, moved });
        }
    }
    Ok(())
}
