//! What can be asked of the exchange. Kinds 0x01-0x0F come from the sequencer itself, 0x10-0x3F from gateways,
//! 0x40-0x5F are administrative.

use crate::bodies::bodies;
pub use crate::terms::{
    Act, Algorithm, Bands, Checks, InstrumentTerms, Lead, MassScope, OrderType, Phase, PostOnly, RiskLimits,
    SelfTrade, Side, Terms, TimeInForce, Trading, Transfer,
};
use crate::{
    AccountId, Chain, ClOrdId, CurrencyCode, CurrencyId, Epoch, FrameError, Incarnation, InstrumentId, Money,
    NodeId, ParticipantId, ParticipantName, Price, Qty, Rules, Seq, SessionId, TradeId,
};
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

/// The most loggers that one epoch can have.
pub const MAX_LOGGERS: usize = 7;

/// Why a session ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum LogoutReason {
    /// The client asked for it.
    Requested = 1,
    /// The connection went away.
    Disconnected = 2,
    /// The gateway ended it (protocol error, shutdown).
    Gateway = 3,
}

/// Whether a logon starts the FIX sequence numbers over at 1 (FIX 141).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum ResetSeqNums {
    /// They go on.
    No = 0,
    /// They start over.
    Yes = 1,
}

/// From which frame on the frames of an epoch can be committed.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Serialize,
    Deserialize,
    PartialEq,
    Eq,
    Hash,
    TryFromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(u8)]
pub enum Opening {
    /// From its `EpochStart`: its loggers are those of the last epoch that was recorded as started.
    #[default]
    AtStart = 0,
    /// From its `EpochOpen`, which is stamped once the control log has recorded the epoch as started: its loggers are
    /// others, and nobody would ask them if the epoch were given up before.
    AtOpen = 1,
}

/// What an epoch's adopted history is worth.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Serialize,
    Deserialize,
    PartialEq,
    Eq,
    Hash,
    TryFromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(u8)]
pub enum Adopted {
    /// It holds everything that was ever acknowledged.
    #[default]
    Whole = 0,
    /// Too few votes were left, and an operator said to go on: acknowledged frames that stood behind the parent may be lost,
    /// and their numbers, and those of their events, are used again.
    MayLack = 1,
}

/// Why a snapshot is taken.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum SnapshotReason {
    /// Enough has happened since the last one, or enough time went by.
    Schedule = 1,
    /// An operator asked for it.
    Asked = 2,
}

/// A fixed-layout body that a command frame can carry.
pub trait CommandBody: IntoBytes + Immutable {
    /// Its kind byte.
    const KIND: CommandKind;
}

/// One voting logger of an epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C, packed)]
pub struct LoggerMember {
    /// The logger's node; 0 for an empty place.
    pub node: NodeId,
    /// Zero.
    pub reserved: [u8; 2],
    /// The life of its log whose votes count.
    pub incarnation: Incarnation,
}

bodies! {
    /// The kind byte of every command.
    kinds CommandKind;
    /// A command where it lies in its frame.
    views Command;
    carried by CommandBody;

    /// The first frame of an epoch: who stamps from here on, which loggers vote, and on which history it stands.
    0x01 EpochStart {
        /// The last position of the adopted history; [`crate::Position::GENESIS`] for the first epoch.
        parent_epoch: Epoch,
        /// The sequencer of this epoch.
        sequencer: NodeId,
        /// How many places of `loggers` are taken.
        logger_count: u16,
        /// See `parent_epoch`.
        parent_seq: Seq,
        /// See `parent_epoch`.
        parent_chain: Chain,
        /// Tells one process of the sequencer from its next life.
        nonce: u64,
        /// XXH3-64 of the cluster's name, so that a log of another cluster is recognised.
        cluster: u64,
        /// The voting loggers.
        loggers: [LoggerMember; MAX_LOGGERS],
        /// From which frame on its frames can be committed.
        opening: Opening,
        /// Whether the adopted history holds all that was ever acknowledged.
        adopted: Adopted,
        /// Zero.
        reserved: [u8; 6],
    }
    /// Time goes on while nothing else happens.
    0x02 Tick {}
    /// The engine's rules from here on.
    0x03 RulesVersion {
        /// The release of the rules.
        rules: Rules,
        /// Zero.
        reserved: [u8; 4],
    }
    /// The control log has recorded the epoch as started: from here on its frames can be committed.
    0x04 EpochOpen {}
    /// The state behind this command is one that engines keep and others begin with. Nothing comes of it.
    0x05 Snapshot {
        /// Why it is taken.
        why: SnapshotReason,
        /// Zero.
        reserved: [u8; 7],
    }
    /// Engines do not execute the command at a place, which stands before this one or after it: it made one of them panic. Nothing
    /// comes of it.
    0x06 Quarantine {
        /// The place: its number,
        seq: Seq,
        /// its chain,
        chain: Chain,
        /// and its epoch.
        epoch: Epoch,
        /// Zero.
        reserved: [u8; 4],
        /// Who did it, and why.
        act: Act,
    }
    /// The first command of a gateway's incarnation: everything of its former life stands before it.
    0x10 GatewayOpen {
        /// The wire version that the gateway speaks.
        version: u32,
        /// Zero.
        reserved: [u8; 4],
    }
    /// A client logs on.
    0x11 SessionLogon {
        /// The session.
        session: SessionId,
        /// MsgSeqNum (34) of the client's Logon.
        client_seq: u32,
        /// Whether both sides start over at 1.
        reset: ResetSeqNums,
        /// Zero.
        reserved: [u8; 7],
    }
    /// A client is gone.
    0x12 SessionLogout {
        /// The session.
        session: SessionId,
        /// MsgSeqNum (34) that the gateway expects next from the client.
        client_seq: u32,
        /// Why.
        reason: LogoutReason,
        /// Zero.
        reserved: [u8; 7],
    }
    /// A new order (FIX 35=D).
    0x20 NewOrder {
        /// The session that sent it.
        session: SessionId,
        /// MsgSeqNum (34) of the client's message.
        client_seq: u32,
        /// What is asked for.
        terms: Terms,
        /// The client's name for it.
        cl_ord_id: ClOrdId,
        /// For whose account.
        account: AccountId,
    }
    /// Cancel an open order (FIX 35=F).
    0x21 CancelOrder {
        /// The session that sent it.
        session: SessionId,
        /// MsgSeqNum (34) of the client's message.
        client_seq: u32,
        /// The instrument that the client named.
        instrument: InstrumentId,
        /// The side that the client named.
        side: Side,
        /// Zero.
        reserved: [u8; 3],
        /// The client's name for this request.
        cl_ord_id: ClOrdId,
        /// The client's name for the order.
        orig_cl_ord_id: ClOrdId,
    }
    /// Change an open order (FIX 35=G).
    0x22 ReplaceOrder {
        /// The session that sent it.
        session: SessionId,
        /// MsgSeqNum (34) of the client's message.
        client_seq: u32,
        /// The order as it shall be; `qty` is the new total, what is already filled included (FIX 38).
        terms: Terms,
        /// The client's name for the order from now on.
        cl_ord_id: ClOrdId,
        /// The client's name for the order until now.
        orig_cl_ord_id: ClOrdId,
    }
    /// Cancel many orders of the session at once (FIX 35=q).
    0x23 MassCancel {
        /// The session that sent it.
        session: SessionId,
        /// MsgSeqNum (34) of the client's message.
        client_seq: u32,
        /// Which of its orders.
        scope: MassScope,
        /// Zero.
        reserved: [u8; 3],
        /// The instrument, if the scope is one.
        instrument: InstrumentId,
        /// The account, if the scope is one.
        account: AccountId,
        /// The client's name for this request.
        cl_ord_id: ClOrdId,
    }
    /// An instrument joins the registry.
    0x40 DefineInstrument {
        /// All that is known of it.
        terms: InstrumentTerms,
    }
    /// An instrument, or all of them, goes into another phase of trading.
    0x41 SetPhase {
        /// Which one; [`InstrumentId::ALL`] for all.
        instrument: InstrumentId,
        /// Into which phase.
        phase: Phase,
        /// Zero.
        reserved: [u8; 3],
        /// Who did it, and why.
        act: Act,
    }
    /// An instrument's bands, collar and reference price change.
    0x42 SetBands {
        /// Which one.
        instrument: InstrumentId,
        /// Zero.
        reserved: [u8; 4],
        /// As they shall be.
        bands: Bands,
        /// Who did it, and why.
        act: Act,
    }
    /// An instrument's lead market maker changes.
    0x43 SetLead {
        /// Which one.
        instrument: InstrumentId,
        /// Who leads from now on.
        lead: Lead,
        /// Who did it, and why.
        act: Act,
    }
    /// A currency joins the registry.
    0x44 DefineCurrency {
        /// Its number.
        currency: CurrencyId,
        /// Digits behind the point of its unit.
        decimals: u8,
        /// Zero.
        reserved: [u8; 5],
        /// Its code.
        code: CurrencyCode,
    }
    /// A participant joins the exchange.
    0x45 DefineParticipant {
        /// Its number.
        participant: ParticipantId,
        /// Zero.
        reserved: [u8; 4],
        /// Its name.
        name: ParticipantName,
    }
    /// A participant gets an account.
    0x46 DefineAccount {
        /// Its number.
        account: AccountId,
        /// Whose it is.
        participant: ParticipantId,
    }
    /// A session belongs to a participant from here on.
    0x47 AssignSession {
        /// Which session.
        session: SessionId,
        /// Whose it is.
        participant: ParticipantId,
    }
    /// Money comes in or goes out.
    0x48 MoveMoney {
        /// Whose.
        account: AccountId,
        /// In which currency.
        currency: CurrencyId,
        /// In or out.
        direction: Transfer,
        /// Zero.
        reserved: u8,
        /// How much; above zero.
        amount: Money,
        /// Who did it, and why.
        act: Act,
    }
    /// Shares come in or go out.
    0x49 MoveShares {
        /// Whose.
        account: AccountId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// In or out.
        direction: Transfer,
        /// Zero.
        reserved: [u8; 7],
        /// How many; above zero.
        qty: Qty,
        /// Who did it, and why.
        act: Act,
    }
    /// The limits of an account change.
    0x4A SetLimits {
        /// Whose.
        account: AccountId,
        /// In which instrument; [`InstrumentId::ALL`] for each that has no limits of its own.
        instrument: InstrumentId,
        /// As they shall be.
        limits: RiskLimits,
        /// Who did it, and why.
        act: Act,
    }
    /// The kill switch of a participant.
    0x4B SetTrading {
        /// Whose.
        participant: ParticipantId,
        /// Thrown or not.
        trading: Trading,
        /// Zero.
        reserved: [u8; 3],
        /// Who did it, and why.
        act: Act,
    }
    /// A trade is undone.
    0x4C BustTrade {
        /// Which one.
        trade: TradeId,
        /// Who did it, and why.
        act: Act,
    }
    /// A trade is put right.
    0x4D CorrectTrade {
        /// Which one.
        trade: TradeId,
        /// The right price.
        price: Price,
        /// The right quantity.
        qty: Qty,
        /// Who did it, and why.
        act: Act,
    }
    /// An order is cancelled on behalf of its owner.
    0x4E CancelFor {
        /// The owner's session.
        session: SessionId,
        /// The owner's name for the order.
        cl_ord_id: ClOrdId,
        /// Who did it, and why.
        act: Act,
    }
    /// Many orders are cancelled on behalf of their owners.
    0x4F MassCancelFor {
        /// Which ones.
        scope: MassScope,
        /// Zero.
        reserved: [u8; 3],
        /// The session, account, instrument or participant that the scope asks for; 0 where it asks for none.
        subject: u32,
        /// Who did it, and why.
        act: Act,
    }
    /// The trading day is over: day volumes begin anew, the names of finished orders are free again.
    0x50 EndDay {
        /// Who did it, and why.
        act: Act,
    }
}

impl CommandKind {
    /// True for what a gateway may send; the rest is the sequencer's own to say.
    #[must_use]
    pub const fn from_gateway(self) -> bool {
        (self as u8) >= 0x10 && (self as u8) < 0x40
    }

    /// True for the commands behind which a snapshot is taken.
    #[must_use]
    pub const fn takes_snapshot(self) -> bool {
        matches!(self, Self::Snapshot | Self::EndDay)
    }
}
