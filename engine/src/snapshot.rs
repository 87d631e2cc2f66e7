//! The whole state as bytes, and back: records of fixed layout, section after section, in an order that is a function of
//! the state. Two exchanges that hold the same state write the same bytes, wherever their orders stand in memory and whatever
//! room they were given.
//!
//! What else stands in a file beside the state is [`crate::keeping`]'s to say, and how a file is kept that of `archive`.

use crate::accounts::{Account, Cash, Currency, Holding, HoldingId, Row};
use crate::exchange::{Exchange, Scratch};
use crate::expiry::Timer;
use crate::names::{Fate, NameId};
use crate::orders::{Order, Place};
use crate::trades::{Party, Trade};
use crate::{Limits, Owner, Session, Violation};
use book::Slot;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::io::{self, Read, Write};
use wire::command::{InstrumentTerms, RiskLimits, Trading};
use wire::event::{OrderStatus, OrderView};
use wire::{
    AccountId, ClOrdId, CurrencyCode, CurrencyId, Epoch, Incarnation, InstrumentId, Money, NodeId, OrderId,
    ParticipantId, Price, Qty, ReportSeq, Rules, SessionId, TradeId,
};
use zerocopy::{Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

/// The layout of the records below.
pub const SNAPSHOT_VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"LOCKSTEP";

/// Why bytes are no snapshot of an exchange.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// They could not be read, or end too soon.
    #[error("the snapshot cannot be read: {0}")]
    Io(#[from] io::Error),
    /// They are something else.
    #[error("these bytes are no snapshot of an exchange")]
    Foreign,
    /// They were written by another release.
    #[error("the snapshot has version {found}, this build reads version {SNAPSHOT_VERSION}")]
    Version {
        /// What they say.
        found: u32,
    },
    /// A record holds what cannot be.
    #[error("a record of the section `{section}` cannot be")]
    Record {
        /// Where.
        section: &'static str,
    },
    /// It was taken with other limits: this engine would refuse what the cluster took, or take what it refused.
    #[error(
        "the snapshot was taken with the limit `{name}` at {taken}, this engine has {granted}: every engine of a history runs with \
         the same, so put it back in the description"
    )]
    OtherLimits {
        /// The field of [`Limits`].
        name: &'static str,
        /// What it was.
        taken: u32,
        /// What it is here.
        granted: u32,
    },
    /// The state that it tells disagrees with itself.
    #[error("the state in the snapshot disagrees with itself: {0}")]
    Inconsistent(#[from] Violation),
}

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
            #[repr(C, packed)]
            struct $name { $($field: $type,)* }
        )*
    };
}

records! {
    Head { magic: [u8; 8], version: u32, epoch: Epoch, rules: Rules, limits: Limits, seed: u64, last_trade: TradeId, before_today: TradeId, }
    CurrencyRecord { currency: CurrencyId, decimals: u8, code: CurrencyCode, moved: Money, collected: Money, }
    ParticipantRecord { participant: ParticipantId, trading: Trading, }
    AccountRecord { account: AccountId, participant: ParticipantId, limits: RiskLimits, }
    CashRecord { account: AccountId, currency: CurrencyId, available: Money, withheld: Money, }
    InstrumentRecord { terms: InstrumentTerms, last: Price, reference: Price, shares: i128, }
    HoldingRecord { account: AccountId, instrument: InstrumentId, position: i128, open_buys: Qty, open_sells: Qty, day_volume: u64, open_orders: u32, own_limits: Flag, limits: RiskLimits, }
    SessionRecord { session: SessionId, owned: Flag, gateway: NodeId, incarnation: Incarnation, next_client_seq: u32, last_report: ReportSeq, participant: ParticipantId, }
    OrderRecord { view: OrderView, limit: Price, session: SessionId, participant: ParticipantId, holding: u32, place: PlaceRecord, shown: Qty, }
    NameRecord { order: OrderId, session: SessionId, cl_ord_id: ClOrdId, fate: FateRecord, }
    PartyRecord { order: OrderId, session: SessionId, account: AccountId, holding: u32, cl_ord_id: ClOrdId, rate: u32, fee: Money, }
    TradeRecord { trade: TradeId, instrument: InstrumentId, busted: Flag, price: Price, qty: Qty, buyer: PartyRecord, seller: PartyRecord, }
}

/// Yes or no.
#[derive(Clone, Copy, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(u8)]
enum Flag {
    No = 0,
    Yes = 1,
}

impl From<bool> for Flag {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(u8)]
enum PlaceRecord {
    Book = 1,
    Stop = 2,
    Waiting = 3,
}

#[derive(Clone, Copy, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(u8)]
enum FateRecord {
    Spent = 0,
    Open = 1,
    Filled = 2,
    Cancelled = 3,
    Expired = 4,
}

/// Writes a section: how many records, then the records.
fn put<T: IntoBytes + Immutable>(
    to: &mut impl Write,
    records: impl Iterator<Item = T> + Clone,
) -> io::Result<()> {
    let count = records.clone().count() as u64;
    to.write_all(&count.to_le_bytes())?;
    records.into_iter().try_for_each(|record| to.write_all(record.as_bytes()))
}

fn take_one<T: TryFromBytes + IntoBytes + KnownLayout + Immutable + Copy>(
    from: &mut impl Read,
    section: &'static str,
) -> Result<T, SnapshotError> {
    let mut bytes = [0; 512];
    let bytes = &mut bytes[..size_of::<T>()];
    from.read_exact(bytes)?;
    T::try_read_from_bytes(bytes).map_err(|_| SnapshotError::Record { section })
}

/// Reads a section, record by record.
fn take<T: TryFromBytes + IntoBytes + KnownLayout + Immutable + Copy>(
    from: &mut impl Read,
    section: &'static str,
    mut each: impl FnMut(T) -> Option<()>,
) -> Result<(), SnapshotError> {
    let mut count = [0; 8];
    from.read_exact(&mut count)?;
    for _ in 0..u64::from_le_bytes(count) {
        let record = take_one(from, section)?;
        each(record).ok_or(SnapshotError::Record { section })?;
    }
    Ok(())
}

impl From<&Party> for PartyRecord {
    fn from(party: &Party) -> Self {
        let Party { order, session, account, holding, cl_ord_id, rate, fee } = *party;
        Self { order, session, account, holding: holding.number(), cl_ord_id, rate, fee }
    }
}

impl From<PartyRecord> for Party {
    fn from(record: PartyRecord) -> Self {
        let PartyRecord { order, session, account, holding, cl_ord_id, rate, fee } = record;
        Self { order, session, account, holding: HoldingId::of_number(holding), cl_ord_id, rate, fee }
    }
}

impl Exchange {
    /// See [`crate::StateMachine::snapshot`].
    pub(crate) fn write_state(&self, to: &mut impl Write) -> io::Result<()> {
        let head = Head {
            magic: MAGIC,
            version: SNAPSHOT_VERSION,
            epoch: self.epoch,
            rules: self.rules,
            limits: self.limits.deciding(),
            seed: self.names.seed,
            last_trade: self.trades.last,
            before_today: self.trades.before_today,
        };
        to.write_all(head.as_bytes())?;
        let accounts = &self.accounts;
        put(
            to,
            accounts.currencies().map(|(currency, there)| {
                let Currency { decimals, code, moved, collected } = *there;
                CurrencyRecord { currency, decimals, code, moved, collected }
            }),
        )?;
        let participants = (0..).map(ParticipantId).zip(&accounts.participants);
        put(
            to,
            participants.filter_map(|(participant, there)| {
                there.map(|trading| ParticipantRecord { participant, trading })
            }),
        )?;
        let all = (0..).map(AccountId).zip(&accounts.accounts);
        put(
            to,
            all.filter_map(|(account, there)| {
                there.map(|Account { participant, limits }| AccountRecord { account, participant, limits })
            }),
        )?;
        put(
            to,
            accounts.purses().filter(|(_, _, cash)| *cash != Cash::default()).map(
                |(account, currency, Cash { available, withheld })| CashRecord {
                    account,
                    currency,
                    available,
                    withheld,
                },
            ),
        )?;
        put(
            to,
            self.instruments.iter().map(|there| InstrumentRecord {
                terms: there.terms,
                last: there.last,
                reference: there.reference,
                shares: accounts.shares(there.market.id),
            }),
        )?;
        put(
            to,
            accounts.rows.iter().map(|row| {
                let Holding { position, open_buys, open_sells, day_volume, open_orders } = row.holding;
                HoldingRecord {
                    account: row.account,
                    instrument: row.instrument,
                    position,
                    open_buys,
                    open_sells,
                    day_volume,
                    open_orders,
                    own_limits: row.limits.is_some().into(),
                    limits: row.limits.unwrap_or_default(),
                }
            }),
        )?;
        let sessions = (0..).map(SessionId).zip(self.sessions.iter());
        put(
            to,
            sessions.filter(|(_, there)| **there != Session::default()).map(|(session, there)| {
                let owner = there.owner.unwrap_or(Owner { gateway: NodeId(0), incarnation: Incarnation(0) });
                SessionRecord {
                    session,
                    owned: there.owner.is_some().into(),
                    gateway: owner.gateway,
                    incarnation: owner.incarnation,
                    next_client_seq: there.next_client_seq,
                    last_report: there.last_report,
                    participant: there.participant,
                }
            }),
        )?;
        put(to, self.in_queues().map(|slot| self.order_record(slot)))?;
        put(
            to,
            self.names.all().map(|(name, session, cl_ord_id)| {
                let fate = match name.fate {
                    Fate::Spent => FateRecord::Spent,
                    Fate::Open(_) => FateRecord::Open,
                    Fate::Done(OrderStatus::Filled) => FateRecord::Filled,
                    Fate::Done(OrderStatus::Expired) => FateRecord::Expired,
                    Fate::Done(_) => FateRecord::Cancelled,
                };
                NameRecord { order: name.order, session, cl_ord_id, fate }
            }),
        )?;
        put(
            to,
            self.trades.all().map(|kept| TradeRecord {
                trade: kept.trade,
                instrument: kept.instrument,
                busted: kept.busted.into(),
                price: kept.price,
                qty: kept.qty,
                buyer: (&kept.buyer).into(),
                seller: (&kept.seller).into(),
            }),
        )
    }

    /// See [`crate::StateMachine::restore`].
    pub(crate) fn read_state(self, from: &mut impl Read) -> Result<Self, SnapshotError> {
        let head: Head = take_one(from, "head")?;
        if head.magic != MAGIC {
            return Err(SnapshotError::Foreign);
        }
        if head.version != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version { found: head.version });
        }
        if let Some((name, taken, granted)) = { head.limits }.first_difference(&self.limits.deciding()) {
            return Err(SnapshotError::OtherLimits { name, taken, granted });
        }
        let mut exchange = self;
        assert!(
            exchange.shelf.is_empty() && exchange.names.len() == 0,
            "only a fresh exchange takes a snapshot in"
        );
        exchange.epoch = head.epoch;
        exchange.rules = head.rules;
        exchange.names.seed(head.seed);
        exchange.trades.last = head.last_trade;
        exchange.trades.before_today = head.before_today;
        exchange.restore_accounts(from)?;
        exchange.restore_instruments(from)?;
        exchange.restore_sessions(from)?;
        exchange.restore_orders(from)?;
        take(from, "trades", |record: TradeRecord| {
            let TradeRecord { trade, instrument, price, qty, .. } = record;
            let (buyer, seller) = (record.buyer.into(), record.seller.into());
            let busted = record.busted == Flag::Yes;
            exchange.trades.put_back(Trade { trade, instrument, busted, price, qty, buyer, seller })
        })?;
        exchange.scratch = Scratch::default();
        exchange.audit()?;
        Ok(exchange)
    }

    fn restore_accounts(&mut self, from: &mut impl Read) -> Result<(), SnapshotError> {
        let accounts = &mut self.accounts;
        take(from, "currencies", |CurrencyRecord { currency, decimals, code, moved, collected }| {
            let place = accounts.currencies.get_mut(usize::from(currency.0))?;
            *place = Some(Currency { decimals, code, moved, collected });
            Some(())
        })?;
        take(from, "participants", |ParticipantRecord { participant, trading }| {
            *accounts.participants.get_mut(participant.0 as usize)? = Some(trading);
            Some(())
        })?;
        take(from, "accounts", |AccountRecord { account, participant, limits }| {
            *accounts.accounts.get_mut(account.0 as usize)? = Some(Account { participant, limits });
            Some(())
        })?;
        take(from, "cash", |CashRecord { account, currency, available, withheld }| {
            let purse = accounts.purse(account, currency);
            *accounts.cash.get_mut(purse)? = Cash { available, withheld };
            Some(())
        })
    }

    fn restore_instruments(&mut self, from: &mut impl Read) -> Result<(), SnapshotError> {
        take(from, "instruments", |InstrumentRecord { terms, last, reference, shares }| {
            let shelf = &mut self.shelf;
            let open = || crate::instruments::LADDERS.map(|direction| shelf.open(direction))[0].0;
            self.instruments.define(&terms, &self.accounts, open)?;
            let there = self.instruments.get_mut(terms.instrument)?;
            (there.last, there.reference) = (last, reference);
            self.accounts.shares[there.market.id.0 as usize] = shares;
            Some(())
        })?;
        take(from, "holdings", |record: HoldingRecord| {
            let id = self.accounts.find_or_make(record.account, record.instrument).ok()?;
            let row: &mut Row = self.accounts.rows.get_mut(id.number() as usize)?;
            row.holding = Holding {
                position: record.position,
                open_buys: record.open_buys,
                open_sells: record.open_sells,
                day_volume: record.day_volume,
                open_orders: record.open_orders,
            };
            row.limits = (record.own_limits == Flag::Yes).then_some(record.limits);
            Some(())
        })
    }

    fn restore_sessions(&mut self, from: &mut impl Read) -> Result<(), SnapshotError> {
        take(from, "sessions", |record: SessionRecord| {
            let owner = Owner { gateway: record.gateway, incarnation: record.incarnation };
            self.sessions.put_back(
                record.session,
                Session {
                    owner: (record.owned == Flag::Yes).then_some(owner),
                    next_client_seq: record.next_client_seq,
                    last_report: record.last_report,
                    participant: record.participant,
                },
            )
        })
    }

    /// Orders join their queues in the order in which they stood there; then names find them.
    fn restore_orders(&mut self, from: &mut impl Read) -> Result<(), SnapshotError> {
        let mut slots: HashMap<OrderId, Slot, FxBuildHasher> = HashMap::default();
        take(from, "orders", |record: OrderRecord| {
            let OrderRecord { view, limit, session, participant, holding, shown, .. } = record;
            let known = self.instruments.get(view.terms.instrument).is_some();
            let open = Qty(1) <= shown && shown <= { view.leaves } && !self.shelf.is_full();
            if !known || !open || slots.contains_key(&{ view.order }) {
                return None;
            }
            let place = match record.place {
                PlaceRecord::Book => Place::Book,
                PlaceRecord::Stop => Place::Stop,
                PlaceRecord::Waiting => Place::Waiting,
            };
            let holding = HoldingId::of_number(holding);
            let (name, timer) = (NameId::NONE, Timer::NONE);
            let order = Order { view, limit, session, participant, name, holding, timer, place };
            let market = self.instruments.of_order(order.instrument()).market;
            let slot = self.stand(&order, &market);
            self.shelf.show(slot, shown);
            slots.insert(view.order, slot);
            Some(())
        })?;
        take(from, "names", |NameRecord { order, session, cl_ord_id, fate }| {
            if self.names.room() == 0 {
                return None;
            }
            let key = self.names.key(session, cl_ord_id);
            let fate = match fate {
                FateRecord::Spent => Fate::Spent,
                FateRecord::Open => Fate::Open(*slots.get(&order)?),
                FateRecord::Filled => Fate::Done(OrderStatus::Filled),
                FateRecord::Cancelled => Fate::Done(OrderStatus::Cancelled),
                FateRecord::Expired => Fate::Done(OrderStatus::Expired),
            };
            let name = self.names.insert(&key, order, fate);
            if let Fate::Open(slot) = fate {
                self.shelf.order_mut(slot).name = name;
            }
            Some(())
        })
    }

    /// Every open order: instrument by instrument, ladder by ladder, in the order of the queues.
    fn in_queues(&self) -> impl Iterator<Item = Slot> + Clone {
        let ladders = self.instruments.iter().flat_map(|instrument| instrument.market.ladders());
        let levels = ladders.flat_map(|ladder| self.shelf.levels(ladder));
        levels.flat_map(|level| self.shelf.queue(level)).collect::<Vec<_>>().into_iter()
    }

    fn order_record(&self, slot: Slot) -> OrderRecord {
        let order = self.shelf.order(slot);
        OrderRecord {
            view: order.view,
            limit: order.limit,
            session: order.session,
            participant: order.participant,
            holding: order.holding.number(),
            place: match order.place {
                Place::Book => PlaceRecord::Book,
                Place::Stop => PlaceRecord::Stop,
                Place::Waiting => PlaceRecord::Waiting,
            },
            shown: self.shelf.shown(slot),
        }
    }
}
