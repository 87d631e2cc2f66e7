//! What came of a command. Events are numbered by the outbound sequence, a pure function of the history, so that every
//! engine numbers the same event alike.

use crate::bodies::bodies;
use crate::command::Adopted;
use crate::prelude::{self, VERSION};
use crate::terms::{
    Act, Bands, InstrumentTerms, Lead, MassScope, Phase, RiskLimits, Side, Terms, Trading, Transfer,
};
use crate::{
    AccountId, Chain, ClOrdId, CurrencyCode, CurrencyId, Epoch, FrameError, InstrumentId, MAX_FRAME_LEN,
    Money, Nanos, NodeId, Notional, OrderId, Outbound, ParticipantId, ParticipantName, Position, Price, Qty,
    ReportSeq, Rules, Seq, SessionId, Term, TradeId,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

/// Bytes of an [`EventHeader`].
pub const EVENT_HEADER_LEN: usize = size_of::<EventHeader>();
/// From here on an event is the same whoever says it and whenever; before it stands who says it, in which epoch.
const CONTENT_AT: usize = 32;

const _: () = assert!(EVENT_HEADER_LEN == 72 && CONTENT_AT == 32);

/// What stands before the body of every event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
pub struct EventHeader {
    /// CRC-32 over all bytes behind this field.
    pub crc: u32,
    /// The whole event in bytes.
    pub length: u16,
    /// An [`EventKind`].
    pub kind: u8,
    /// [`prelude::VERSION`].
    pub version: u8,
    /// Its number in the events stream.
    pub outbound: Outbound,
    /// The epoch in which it is said.
    pub spoken_in: Epoch,
    /// The engine term of the speaker.
    pub term: Term,
    /// The engine that says it.
    pub speaker: NodeId,
    /// Zero.
    pub reserved: [u8; 6],
    /// The position that caused it.
    pub cause_seq: Seq,
    /// The position that caused it.
    pub cause_chain: Chain,
    /// The position that caused it.
    pub cause_epoch: Epoch,
    /// The session that it is for; 0 for nobody in particular.
    pub session: SessionId,
    /// The stamp of the command that caused it.
    pub timestamp: Nanos,
    /// Its number among the events for that session; 0 where `session` is.
    pub report: ReportSeq,
    /// Zero.
    pub reserved2: [u8; 4],
}

/// A checked view of one event's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    bytes: &'a [u8],
    header: &'a EventHeader,
}

impl<'a> Event<'a> {
    /// Checks one event's length, version, checksum and kind. The body is checked by [`Event::happening`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let prelude = prelude::check(bytes)?;
        if prelude.kind < prelude::FIRST_EVENT_KIND {
            return Err(FrameError::UnknownKind { kind: prelude.kind });
        }
        match EventHeader::ref_from_prefix(bytes) {
            Ok((header, _)) => Ok(Self { bytes, header }),
            Err(_) => Err(FrameError::Truncated { have: bytes.len(), need: EVENT_HEADER_LEN }),
        }
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The header, where it lies.
    #[must_use]
    pub fn header(&self) -> &'a EventHeader {
        self.header
    }

    /// The position that caused it.
    #[must_use]
    pub fn cause(&self) -> Position {
        Position {
            epoch: self.header.cause_epoch,
            seq: self.header.cause_seq,
            chain: self.header.cause_chain,
        }
    }

    /// What happened, read in place.
    pub fn happening(&self) -> Result<Happening<'a>, FrameError> {
        Happening::read(self.header.kind, &self.bytes[EVENT_HEADER_LEN..])
    }
}

/// The parts of an event that are the same whoever says it: kind, number, cause, addressee and body. What a digest covers.
///
/// # Panics
/// If `bytes` is shorter than a header.
#[must_use]
pub fn content(bytes: &[u8]) -> (&[u8], &[u8]) {
    (&bytes[4..16], &bytes[CONTENT_AT..])
}

/// To whom, about what, and as which number an event is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Its number in the events stream.
    pub outbound: Outbound,
    /// The position that caused it.
    pub cause: Position,
    /// That position's stamp.
    pub timestamp: Nanos,
    /// The session that it is for; 0 for nobody in particular.
    pub session: SessionId,
    /// Its number among that session's events.
    pub report: ReportSeq,
}

/// Writes an event that nobody has said yet into `to` and gives its length. [`speak`] makes it ready to send.
pub fn write<B: EventBody>(to: &mut [u8; MAX_FRAME_LEN], address: Address, body: &B) -> usize {
    const { assert!(EVENT_HEADER_LEN + size_of::<B>() <= MAX_FRAME_LEN) };
    let length = EVENT_HEADER_LEN + size_of::<B>();
    let header = EventHeader {
        crc: 0,
        length: u16::try_from(length).expect("asserted above: at most MAX_FRAME_LEN"),
        kind: B::KIND as u8,
        version: VERSION,
        outbound: address.outbound,
        spoken_in: Epoch(0),
        term: Term(0),
        speaker: NodeId(0),
        reserved: [0; 6],
        cause_seq: address.cause.seq,
        cause_chain: address.cause.chain,
        cause_epoch: address.cause.epoch,
        session: address.session,
        timestamp: address.timestamp,
        report: address.report,
        reserved2: [0; 4],
    };
    to[..EVENT_HEADER_LEN].copy_from_slice(header.as_bytes());
    to[EVENT_HEADER_LEN..length].copy_from_slice(body.as_bytes());
    length
}

/// Who says an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Speaker {
    /// The epoch in which it speaks.
    pub epoch: Epoch,
    /// Its term.
    pub term: Term,
    /// Which engine it is.
    pub node: NodeId,
}

/// Puts the speaker and the checksum into a written event, which is then ready to send.
///
/// # Panics
/// If `bytes` is shorter than a header.
pub fn speak(bytes: &mut [u8], speaker: Speaker) {
    let (header, _) = EventHeader::mut_from_prefix(bytes).expect("a written event is at least a header long");
    header.spoken_in = speaker.epoch;
    header.term = speaker.term;
    header.speaker = speaker.node;
    prelude::seal(bytes);
}

/// Where an order is in its life (FIX 39).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum OrderStatus {
    /// FIX 39=0.
    New = 1,
    /// FIX 39=1.
    PartiallyFilled = 2,
    /// FIX 39=2.
    Filled = 3,
    /// FIX 39=4.
    Cancelled = 4,
    /// FIX 39=8.
    Rejected = 5,
    /// FIX 39=C.
    Expired = 6,
}

/// Why a command was refused by the engine.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum RejectReason {
    /// No instrument has this number.
    UnknownInstrument = 1,
    /// The session used this client order id before (FIX 103=6, 102=6).
    DuplicateClOrdId = 2,
    /// A quantity of zero.
    ZeroQuantity = 3,
    /// The quantity is no multiple of the lot.
    OffLot = 4,
    /// The quantity is above the instrument's limit.
    QuantityTooLarge = 5,
    /// A limit price of zero or below.
    PriceNotPositive = 6,
    /// The price is no multiple of the tick.
    OffTick = 7,
    /// The price is above the instrument's limit.
    PriceTooLarge = 8,
    /// No order of this session has the client order id (FIX 102=1).
    UnknownOrder = 9,
    /// The order is filled or cancelled already (FIX 102=0).
    TooLate = 10,
    /// Instrument, side or type differ from the order's.
    OrderMismatch = 11,
    /// The new quantity is not above what is already filled.
    QuantityBelowFilled = 12,
    /// No room for another resting order; an operator must raise the engine's limit.
    BookFull = 13,
    /// The session is not logged on through this gateway.
    NotLoggedOn = 14,
    /// The instrument exists already, or its tick, lot or number are out of range.
    InstrumentRefused = 15,
    /// The order's type, time in force and instructions do not go together.
    UnsupportedOrder = 16,
    /// The instrument's phase does not take it (FIX 103=2).
    NotInThisPhase = 17,
    /// The price lies outside of the instrument's bands.
    OutsideBands = 18,
    /// The price lies too far from the reference price.
    OutsideCollar = 19,
    /// A post-only order would match on entry.
    WouldTake = 20,
    /// The stop price is no price of this instrument.
    StopPriceRefused = 21,
    /// The quantity to show is no multiple of the lot or above the order's.
    DisplayRefused = 22,
    /// The minimum quantity is no multiple of the lot or above the order's.
    MinimumRefused = 23,
    /// The expiry is not in the future.
    ExpiryRefused = 24,
    /// No account has this number.
    UnknownAccount = 25,
    /// The account is not of the session's participant.
    AccountNotPermitted = 26,
    /// The participant's kill switch is thrown.
    ParticipantStopped = 27,
    /// The quantity is above the account's limit.
    OrderQtyLimit = 28,
    /// The value is above the account's limit.
    OrderValueLimit = 29,
    /// The position could go above the account's limit.
    PositionLimit = 30,
    /// The day's volume could go above the account's limit.
    DayVolumeLimit = 31,
    /// As many orders are open as the account may have.
    OpenOrdersLimit = 32,
    /// The account cannot pay.
    InsufficientFunds = 33,
    /// The account cannot deliver.
    InsufficientShares = 34,
    /// No such trade, or it is too old to be changed, or it was undone.
    UnknownTrade = 35,
    /// No participant has this number.
    UnknownParticipant = 36,
    /// No currency has this number.
    UnknownCurrency = 37,
    /// The number or the name is taken.
    AlreadyDefined = 38,
    /// A number is out of its range.
    OutOfRange = 39,
    /// The instrument cannot go into that phase from the one it is in.
    PhaseNotReachable = 40,
    /// Not every instrument is closed.
    MarketNotClosed = 41,
    /// The command made an engine panic, and an operator had it skipped.
    Quarantined = 42,
}

/// Which side of a match an order was on (FIX 851).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum Liquidity {
    /// It was resting.
    Maker = 1,
    /// It came in and took.
    Taker = 2,
    /// It was matched in an auction.
    Auction = 3,
}

/// Why an order left the book unfilled.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum CancelReason {
    /// Its owner asked for it.
    Requested = 1,
    /// Immediate or cancel: nothing more to match.
    ImmediateRemainder = 2,
    /// A market order found no more counterparties.
    NoLiquidity = 3,
    /// Fill or kill: it could not be filled in whole.
    FillOrKill = 4,
    /// Its minimum quantity could not be filled on entry.
    MinimumQuantity = 5,
    /// It would have met another order of its participant.
    SelfTrade = 6,
    /// Its day or its date is over.
    Expired = 7,
    /// The auction that it was for left it unfilled.
    AuctionRemainder = 8,
    /// A mass cancel of its owner.
    MassCancel = 9,
    /// An operator did it.
    Operator = 10,
    /// Its participant's kill switch was thrown.
    ParticipantStopped = 11,
}

/// Which request a [`CancelRejected`] answers (FIX 434).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum ResponseTo {
    /// FIX 434=1.
    Cancel = 1,
    /// FIX 434=2.
    Replace = 2,
}

/// An order as it is after the event, complete, so that a report needs no other memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
pub struct OrderView {
    /// The exchange's name for it; 0 if it never became an order.
    pub order: OrderId,
    /// What was asked for, as it stands now.
    pub terms: Terms,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Zero.
    pub reserved: [u8; 3],
    /// Filled so far (FIX 14).
    pub cum: Qty,
    /// Still open (FIX 151).
    pub leaves: Qty,
    /// Sum of price times quantity over its fills; divided by `cum` it is FIX 6.
    pub notional: Notional,
    /// The client's name for it.
    pub cl_ord_id: ClOrdId,
    /// For whose account.
    pub account: AccountId,
}

/// One side of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
pub struct TradeSide {
    /// The match.
    pub trade: TradeId,
    /// The order on this side.
    pub order: OrderId,
    /// What was traded.
    pub instrument: InstrumentId,
    /// For whose account.
    pub account: AccountId,
    /// The client's name for the order, as it was then.
    pub cl_ord_id: ClOrdId,
    /// Which side this is.
    pub side: Side,
    /// Zero.
    pub reserved: [u8; 3],
    /// The price.
    pub price: Price,
    /// The quantity.
    pub qty: Qty,
    /// The fee that its account has paid, or got back.
    pub fee: Money,
}

/// A fixed-layout body that an event can carry.
pub trait EventBody: IntoBytes + Immutable {
    /// Its kind byte.
    const KIND: EventKind;
}

bodies! {
    /// The kind byte of every event.
    kinds EventKind;
    /// What happened, where it lies in its event.
    views Happening;
    carried by EventBody;

    /// A new epoch has begun.
    0x81 EpochStarted {
        /// Its sequencer.
        sequencer: NodeId,
        /// Whether the history before it holds all that was ever acknowledged.
        adopted: Adopted,
        /// Zero.
        reserved: [u8; 5],
    }
    /// The engine follows these rules from here on.
    0x83 RulesActivated {
        /// The release of the rules.
        rules: Rules,
        /// Zero.
        reserved: [u8; 4],
    }
    /// A gateway's incarnation has begun.
    0x90 GatewayOpened {
        /// The gateway.
        gateway: NodeId,
        /// Zero.
        reserved: [u8; 2],
        /// Its life.
        incarnation: crate::Incarnation,
    }
    /// A session is logged on, and owned by one gateway.
    0x91 SessionOpened {
        /// The gateway that owns it from here on.
        gateway: NodeId,
        /// Whether both sides start over at 1.
        reset: crate::command::ResetSeqNums,
        /// Zero.
        reserved: u8,
        /// The life of that gateway.
        incarnation: crate::Incarnation,
    }
    /// A session has ended.
    0x92 SessionClosed {
        /// The gateway that owned it.
        gateway: NodeId,
        /// Why.
        reason: crate::command::LogoutReason,
        /// Zero.
        reserved: [u8; 5],
    }
    /// An order was taken.
    0xA0 Accepted {
        /// The order.
        order: OrderView,
    }
    /// An order was refused.
    0xA1 Rejected {
        /// What was asked for; its `order` is 0.
        order: OrderView,
        /// The earlier order of this name if it is a duplicate, else 0.
        original: OrderId,
        /// Why.
        reason: RejectReason,
        /// Zero.
        reserved: [u8; 7],
    }
    /// An order was filled, in part or in whole. Each side of a match has its own.
    0xA2 Filled {
        /// The order after the fill.
        order: OrderView,
        /// The price of this fill.
        last_price: Price,
        /// The quantity of this fill.
        last_qty: Qty,
        /// The match; the other side carries the same.
        trade: TradeId,
        /// The order on the other side.
        contra: OrderId,
        /// The fee of this fill, which its account paid.
        fee: Money,
        /// Which side it was on.
        liquidity: Liquidity,
        /// Zero.
        reserved: [u8; 7],
    }
    /// An order left the book.
    0xA3 Cancelled {
        /// The order after it.
        order: OrderView,
        /// The client's name for the request; empty if nobody asked.
        request: ClOrdId,
        /// Why.
        reason: CancelReason,
        /// Zero.
        reserved: [u8; 3],
    }
    /// An order was changed.
    0xA4 Replaced {
        /// The order after it, under its new name.
        order: OrderView,
        /// Its name before.
        orig_cl_ord_id: ClOrdId,
        /// Zero.
        reserved: [u8; 4],
    }
    /// A cancel or replace was refused.
    0xA5 CancelRejected {
        /// The exchange's name for the order that was named; 0 if there is none.
        order: OrderId,
        /// The instrument that the client named.
        instrument: InstrumentId,
        /// That order's status; `Rejected` if there is no order.
        status: OrderStatus,
        /// Which request.
        response_to: ResponseTo,
        /// Why.
        reason: RejectReason,
        /// Zero.
        reserved: u8,
        /// The client's name for the request.
        request: ClOrdId,
        /// The client's name for the order, as it was given.
        orig_cl_ord_id: ClOrdId,
    }
    /// A stop order has become active.
    0xA6 Triggered {
        /// The order, as it stands before it is matched.
        order: OrderView,
    }
    /// The exchange changed an order without being asked: self-trade prevention took from it.
    0xA7 Restated {
        /// The order after it.
        order: OrderView,
    }
    /// A trade was undone; each side has its own.
    0xB0 TradeBusted {
        /// The trade as it was, seen from this side.
        trade: TradeSide,
        /// Who did it, and why.
        act: Act,
    }
    /// A trade was put right; each side has its own.
    0xB1 TradeCorrected {
        /// The trade as it is now, seen from this side.
        trade: TradeSide,
        /// Who did it, and why.
        act: Act,
    }
    /// A mass cancel was done; the cancelled orders were told before.
    0xB2 MassCancelled {
        /// The client's name for the request.
        request: ClOrdId,
        /// How many orders it cancelled.
        count: u32,
        /// Which orders it was for.
        scope: MassScope,
        /// Zero.
        reserved: [u8; 7],
    }
    /// A mass cancel was refused.
    0xB3 MassCancelRejected {
        /// The client's name for the request.
        request: ClOrdId,
        /// Which orders it was for.
        scope: MassScope,
        /// Why.
        reason: RejectReason,
        /// Zero.
        reserved: [u8; 2],
    }
    /// An instrument joined the registry.
    0xC0 InstrumentDefined {
        /// All that is known of it.
        terms: InstrumentTerms,
    }
    /// An administrative command was refused.
    0xC1 AdministrationRefused {
        /// The kind of the command.
        kind: u8,
        /// Why.
        reason: RejectReason,
        /// Zero.
        reserved: [u8; 6],
    }
    /// An instrument went into another phase.
    0xC2 PhaseChanged {
        /// Which one.
        instrument: InstrumentId,
        /// The phase that it is in.
        phase: Phase,
        /// The phase that it was in.
        before: Phase,
        /// Zero.
        reserved: [u8; 2],
        /// Who did it, and why.
        act: Act,
    }
    /// An instrument's bands changed.
    0xC3 BandsChanged {
        /// Which one.
        instrument: InstrumentId,
        /// Zero.
        reserved: [u8; 4],
        /// As they are.
        bands: Bands,
        /// Who did it, and why.
        act: Act,
    }
    /// An instrument's lead market maker changed.
    0xC4 LeadChanged {
        /// Which one.
        instrument: InstrumentId,
        /// Who leads.
        lead: Lead,
        /// Who did it, and why.
        act: Act,
    }
    /// A currency joined the registry.
    0xC5 CurrencyDefined {
        /// Its number.
        currency: CurrencyId,
        /// Digits behind the point of its unit.
        decimals: u8,
        /// Zero.
        reserved: [u8; 5],
        /// Its code.
        code: CurrencyCode,
    }
    /// A participant joined the exchange.
    0xC6 ParticipantDefined {
        /// Its number.
        participant: ParticipantId,
        /// Zero.
        reserved: [u8; 4],
        /// Its name.
        name: ParticipantName,
    }
    /// A participant got an account.
    0xC7 AccountDefined {
        /// Its number.
        account: AccountId,
        /// Whose it is.
        participant: ParticipantId,
    }
    /// A session belongs to a participant.
    0xC8 SessionAssigned {
        /// Which session.
        session: SessionId,
        /// Whose it is.
        participant: ParticipantId,
    }
    /// Money came in or went out.
    0xC9 MoneyMoved {
        /// Whose.
        account: AccountId,
        /// In which currency.
        currency: CurrencyId,
        /// In or out.
        direction: Transfer,
        /// Zero.
        reserved: u8,
        /// How much.
        amount: Money,
        /// What the account can spend after it.
        available: Money,
        /// What is withheld for its open orders.
        withheld: Money,
        /// Who did it, and why.
        act: Act,
    }
    /// Shares came in or went out.
    0xCA SharesMoved {
        /// Whose.
        account: AccountId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// In or out.
        direction: Transfer,
        /// Zero.
        reserved: [u8; 7],
        /// How many.
        qty: Qty,
        /// The account's position after it, what is withheld included.
        position: i64,
        /// What is withheld for its open orders.
        withheld: Qty,
        /// Who did it, and why.
        act: Act,
    }
    /// The limits of an account changed.
    0xCB LimitsChanged {
        /// Whose.
        account: AccountId,
        /// In which instrument; [`InstrumentId::ALL`] for each that has no limits of its own.
        instrument: InstrumentId,
        /// As they are.
        limits: RiskLimits,
        /// Who did it, and why.
        act: Act,
    }
    /// A participant's kill switch was used; the orders that it cancelled were told before.
    0xCC TradingChanged {
        /// Whose.
        participant: ParticipantId,
        /// Thrown or not.
        trading: Trading,
        /// Zero.
        reserved: [u8; 3],
        /// Who did it, and why.
        act: Act,
    }
    /// An operator's mass cancel was done; the cancelled orders were told before.
    0xCD MassCancelledFor {
        /// Which orders it was for.
        scope: MassScope,
        /// Zero.
        reserved: [u8; 3],
        /// As the command named it.
        subject: u32,
        /// How many orders it cancelled.
        count: u32,
        /// Zero.
        reserved2: [u8; 4],
        /// Who did it, and why.
        act: Act,
    }
    /// The trading day is over.
    0xCE DayEnded {
        /// Who did it, and why.
        act: Act,
    }
    /// An auction found its price; the fills follow.
    0xCF AuctionUncrossed {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Zero.
        reserved: [u8; 4],
        /// At which price everything trades.
        price: Price,
        /// How much trades.
        qty: Qty,
    }
}
