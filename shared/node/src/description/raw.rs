//! The configuration file as it is written, before anything is judged.

use super::{Divergence, Durability, Retain, Standby};
use crate::idle::Strategy;
use crate::quantity::{Duration, Share, Size};
use cluster::{EngineMode, Role};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use toml::Spanned;
use wire::Nanos;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) cluster: Cluster,
    #[serde(default)]
    pub(super) network: Network,
    pub(super) streams: Streams,
    #[serde(default)]
    pub(super) timing: Timing,
    #[serde(default)]
    pub(super) rings: Rings,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) snapshot: Snapshot,
    #[serde(default)]
    pub(super) threads: Threads,
    #[serde(default)]
    pub(super) fix: Fix,
    #[serde(default)]
    pub(super) engine: Engine,
    #[serde(default)]
    pub(super) faults: Faults,
    #[serde(default)]
    pub(super) node: Vec<Spanned<Node>>,
    #[serde(default)]
    pub(super) currency: Vec<Spanned<Currency>>,
    #[serde(default)]
    pub(super) participant: Vec<Spanned<Participant>>,
    #[serde(default)]
    pub(super) account: Vec<Spanned<Account>>,
    #[serde(default)]
    pub(super) session: Vec<Spanned<Session>>,
    #[serde(default)]
    pub(super) instrument: Vec<Spanned<Instrument>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    pub(super) name: Spanned<String>,
    pub(super) tag: Spanned<String>,
    pub(super) data: PathBuf,
}

macro_rules! section {
    ($name:ident { $($field:ident: $type:ty = $default:expr),* $(,)? }) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

section!(Network {
    interface: Option<Ipv4Addr> = None,
    ttl: u32 = 0,
    loopback: bool = true,
    receive_buffer: Size = Size(4 << 20),
    send_buffer: Size = Size(1 << 20),
    max_datagram: Size = Size(1_472),
});
section!(Timing {
    heartbeat: Duration = Duration(Nanos::from_millis(10)),
    tick: Duration = Duration(Nanos::SECOND),
    status: Duration = Duration(Nanos::from_millis(100)),
    repair_after: Duration = Duration(Nanos::from_micros(200)),
    repair_retry: Duration = Duration(Nanos::from_millis(5)),
    lead: Duration = Duration(Nanos::from_millis(5)),
    beat: Duration = Duration(Nanos::from_millis(1)),
    takeover: Duration = Duration(Nanos::from_millis(10)),
    failover: Duration = Duration(Nanos::from_millis(250)),
    grant: Duration = Duration(Nanos::from_millis(50)),
    election: Duration = Duration(Nanos::from_millis(500)),
});
section!(Rings {
    sequenced: usize = 1 << 16,
    events: usize = 1 << 17,
    commands: usize = 1 << 14,
    engine: usize = 1 << 15,
    reorder: usize = 1 << 13,
    uncommitted: usize = 1 << 12,
});
section!(Log {
    durability: Durability = Durability::Written,
    segment: Size = Size(64 << 20),
    sync_every: Duration = Duration(Nanos::from_millis(10)),
    retain: Retain = Retain::All,
});
section!(Snapshot {
    commands: u64 = 1_000_000,
    every: Duration = Duration(Nanos(3_600 * Nanos::SECOND.0)),
    keep: usize = 3,
});
section!(Threads { idle: Strategy = Strategy::Block, priority: u8 = 0 });
section!(Engine {
    standby: Standby = Standby::Muted,
    divergence: Divergence = Divergence::Halt,
    instruments: u32 = 4_096,
    sessions: u32 = 4_096,
    resting_orders: u32 = 1 << 18,
    levels: u32 = 1 << 17,
    names: u32 = 1 << 21,
    participants: u32 = 4_096,
    accounts: u32 = 4_096,
    currencies: u32 = 16,
    holdings: u32 = 1 << 16,
    trades: u32 = 1 << 18,
});
section!(Fix {
    comp_id: String = "LOCKSTEP".to_owned(),
    heartbeat_min: Duration = Duration(Nanos::SECOND),
    heartbeat_max: Duration = Duration(Nanos(300_000_000_000)),
    logon_timeout: Duration = Duration(Nanos(10_000_000_000)),
    reset_on_logon: bool = false,
    resend_messages: usize = 1 << 16,
    resend_bytes: Size = Size(32 << 20),
    max_connections: usize = 1_024,
});
section!(Faults {
    drop: Share = Share(0),
    duplicate: Share = Share(0),
    reorder: Share = Share(0),
    seed: u64 = 1,
});

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Streams {
    pub(super) sequenced: Spanned<SocketAddrV4>,
    pub(super) events: Spanned<SocketAddrV4>,
    pub(super) acks: Spanned<SocketAddrV4>,
    pub(super) control: Spanned<SocketAddrV4>,
    pub(super) engines: Spanned<SocketAddrV4>,
    pub(super) status: Spanned<SocketAddrV4>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) id: u16,
    pub(super) role: Role,
    pub(super) address: SocketAddrV4,
    pub(super) mode: Option<EngineMode>,
    pub(super) commands: Option<SocketAddrV4>,
    pub(super) fix: Option<SocketAddrV4>,
    #[serde(default)]
    pub(super) pin: Vec<usize>,
    pub(super) idle: Option<Strategy>,
    pub(super) priority: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Currency {
    pub(super) id: u16,
    pub(super) code: String,
    pub(super) decimals: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Participant {
    pub(super) id: u32,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) id: u32,
    pub(super) participant: u32,
    #[serde(default)]
    pub(super) money: Vec<Spanned<MoneyDeposit>>,
    #[serde(default)]
    pub(super) shares: Vec<Spanned<ShareDeposit>>,
    #[serde(default)]
    pub(super) limits: Vec<Spanned<Limits>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MoneyDeposit {
    pub(super) currency: String,
    pub(super) amount: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShareDeposit {
    pub(super) symbol: String,
    pub(super) qty: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) symbol: Option<String>,
    pub(super) currency: Option<String>,
    #[serde(default)]
    pub(super) order_qty: u64,
    pub(super) order_value: Option<String>,
    #[serde(default)]
    pub(super) position: u64,
    #[serde(default)]
    pub(super) day_volume: u64,
    #[serde(default)]
    pub(super) open_orders: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    pub(super) id: u32,
    pub(super) comp_id: String,
    pub(super) participant: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instrument {
    pub(super) id: u32,
    pub(super) symbol: String,
    pub(super) price_decimals: u8,
    pub(super) tick: i64,
    #[serde(default = "one")]
    pub(super) lot: u64,
    pub(super) currency: Option<String>,
    #[serde(default)]
    pub(super) checks: Checks,
    #[serde(default)]
    pub(super) algorithm: Algorithm,
    pub(super) lead: Option<u32>,
    #[serde(default)]
    pub(super) lead_share: u8,
    #[serde(default)]
    pub(super) phase: Phase,
    pub(super) band_low: Option<String>,
    pub(super) band_high: Option<String>,
    pub(super) collar: Option<String>,
    pub(super) reference: Option<String>,
    #[serde(default)]
    pub(super) maker_fee_ppm: u32,
    #[serde(default)]
    pub(super) taker_fee_ppm: u32,
}

/// Words of the file for the wire's values.
macro_rules! words {
    ($name:ident { $($(#[$default:meta])? $variant:ident,)* }) => {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(super) enum $name {
            $($(#[$default])? $variant,)*
        }

        impl From<$name> for wire::terms::$name {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Self::$variant,)*
                }
            }
        }
    };
}

words!(Checks {
    #[default]
    None,
    Risk,
    Funds,
});
words!(Algorithm {
    #[default]
    PriceTime,
    LeadMarketMaker,
    ProRata,
});
words!(Phase {
    Closed,
    PreOpen,
    OpeningAuction,
    #[default]
    Continuous,
    ClosingAuction,
    Halted,
});

const fn one() -> u64 {
    1
}
