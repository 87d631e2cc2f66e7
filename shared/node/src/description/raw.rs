//! The configuration file as it is written, before anything is judged.

use super::Durability;
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
    pub(super) idle: Idle,
    #[serde(default)]
    pub(super) fix: Fix,
    #[serde(default)]
    pub(super) engine: Engine,
    #[serde(default)]
    pub(super) faults: Faults,
    #[serde(default)]
    pub(super) node: Vec<Spanned<Node>>,
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
});
section!(Idle { strategy: Strategy = Strategy::Block });
section!(Engine {
    instruments: u32 = 4_096,
    sessions: u32 = 4_096,
    resting_orders: u32 = 1 << 18,
    names: u32 = 1 << 21
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
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    pub(super) id: u32,
    pub(super) comp_id: String,
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
}

const fn one() -> u64 {
    1
}
