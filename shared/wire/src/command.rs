//! What can be asked of the exchange. Kinds 0x01-0x0F come from the sequencer itself, 0x10-0x3F from gateways,
//! 0x40-0x5F are administrative.

use crate::bodies::bodies;
use crate::{
    AccountId, Chain, ClOrdId, Epoch, FrameError, Incarnation, InstrumentId, NodeId, Price, Qty, Rules, Seq,
    SessionId, Symbol,
};
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

/// The most loggers that one epoch can have.
pub const MAX_LOGGERS: usize = 7;

/// Buy or sell (FIX 54).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    TryFromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(u8)]
pub enum Side {
    /// FIX 54=1.
    Buy = 1,
    /// FIX 54=2.
    Sell = 2,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// With or without a price (FIX 40).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum OrderType {
    /// FIX 40=1: at any price; what finds no counterparty is cancelled.
    Market = 1,
    /// FIX 40=2: at its price or better.
    Limit = 2,
}

/// How long an order stays (FIX 59).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(u8)]
pub enum TimeInForce {
    /// FIX 59=0: until the close of the trading day.
    Day = 1,
    /// FIX 59=1: until it is cancelled.
    GoodTillCancel = 2,
    /// FIX 59=3: what is not filled at once is cancelled.
    ImmediateOrCancel = 3,
}

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
        /// Zero.
        reserved: [u8; 7],
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
        /// What to trade.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// With or without a price.
        order_type: OrderType,
        /// How long it stays.
        time_in_force: TimeInForce,
        /// Zero.
        reserved: u8,
        /// The limit; 0 for a market order.
        price: Price,
        /// How much.
        qty: Qty,
        /// The client's name for it.
        cl_ord_id: ClOrdId,
        /// For whose account.
        account: AccountId,
    }
    /// Cancel a resting order (FIX 35=F).
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
    /// Change price and quantity of a resting order (FIX 35=G).
    0x22 ReplaceOrder {
        /// The session that sent it.
        session: SessionId,
        /// MsgSeqNum (34) of the client's message.
        client_seq: u32,
        /// The instrument that the client named.
        instrument: InstrumentId,
        /// The side that the client named.
        side: Side,
        /// With or without a price.
        order_type: OrderType,
        /// How long it stays.
        time_in_force: TimeInForce,
        /// Zero.
        reserved: u8,
        /// The new limit.
        price: Price,
        /// The new total quantity, what is already filled included (FIX 38).
        qty: Qty,
        /// The client's name for the order from now on.
        cl_ord_id: ClOrdId,
        /// The client's name for the order until now.
        orig_cl_ord_id: ClOrdId,
    }
    /// An instrument joins the registry.
    0x40 DefineInstrument {
        /// Its number.
        instrument: InstrumentId,
        /// Digits behind the point of a price unit.
        price_decimals: u8,
        /// Zero.
        reserved: [u8; 3],
        /// The smallest price step, in price units.
        tick: Price,
        /// Quantities are multiples of this.
        lot: Qty,
        /// Its symbol.
        symbol: Symbol,
    }
}

impl CommandKind {
    /// True for what a gateway may send; the rest is the sequencer's own to say.
    #[must_use]
    pub const fn from_gateway(self) -> bool {
        (self as u8) >= 0x10 && (self as u8) < 0x40
    }
}
