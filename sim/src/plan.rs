//! What a seed decides before anything happens: the cluster, its network, its disks, its load.

use crate::council::Pace;
use crate::nemesis::Planned;
use crate::net::Quality;
use crate::random::Random;
use node::Description;
use node::description::Durability;
use std::fmt::Write;
use std::path::Path;
use wire::Nanos;

/// Makes another generator of a seed.
const LOTS: u64 = 0x736E_6170_7368_6F74;

/// Another one again.
const ARCHIVES: u64 = 0x6172_6368_6976_6573;

/// How a disk works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskPace {
    /// Between two syncs.
    pub every: Nanos,
    /// The shortest sync.
    pub sync: Nanos,
    /// What comes on top, with a long tail.
    pub jitter: Nanos,
}

/// A run, planned.
#[derive(Debug)]
pub struct Plan {
    /// What it was made from.
    pub seed: u64,
    /// The cluster.
    pub description: Description,
    /// The network while nothing special is wrong with it.
    pub quality: Quality,
    /// The supervisors.
    pub pace: Pace,
    /// The disks.
    pub disks: DiskPace,
    /// Clients.
    pub clients: usize,
    /// What each of them asks for.
    pub requests: u32,
    /// Between two requests of one client.
    pub think: Nanos,
    /// Faults begin within this time.
    pub trouble: Nanos,
    /// So many of them.
    pub blows: usize,
    /// So many orders have a name that makes engines panic, in builds that can (`cluster::planted`).
    pub poison: u32,
    /// Faults that are not drawn by lot.
    pub more: Vec<Planned>,
    /// Loggers put what lies before their snapshots into archives.
    pub archives: bool,
    /// For everything that follows.
    pub random: Random,
    /// For all that has to do with snapshots, so that it does not shift other choices.
    pub lots: Random,
}

impl Plan {
    /// The plan of a seed.
    ///
    /// # Panics
    /// If the description that it makes is refused, which would be a fault of the simulator.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let loggers = *random.pick(&[1, 3, 3, 3, 3, 3, 3, 3, 5, 5]);
        let supervisors = *random.pick(&[1, 3, 3, 3]);
        let gateways = *random.pick(&[1, 2, 2]);
        let durability = *random.pick(&[Durability::Written, Durability::Written, Durability::Synced]);
        let clients = random.between(2, 4) as usize; // at most 4
        let requests = 1_000 / clients as u32 + random.between(20, 120) as u32; // both far below 2^32
        let trouble = random.time(Nanos::from_millis(700), Nanos::from_millis(2_000));
        let think = Nanos(trouble.0 / u64::from(requests));
        let bad = *random.pick(&[0, 1, 5, 30]);
        let quality = Quality {
            delay: random.time(Nanos::from_micros(5), Nanos::from_micros(60)),
            jitter: random.time(Nanos::from_micros(2), Nanos::from_micros(60)),
            loss: bad,
            hush: 0,
            duplicate: bad / 2,
            straggle: bad / 2,
            straggle_most: Nanos::from_millis(random.between(1, 20)),
            refuse: bad / 5,
            queue: *random.pick(&[64, 512, 4_096]),
        };
        let text = description(loggers, supervisors, gateways, clients, durability, &mut random);
        let mut description = Description::parse(Path::new("simulated.toml"), &text)
            .unwrap_or_else(|error| panic!("the simulator describes a cluster that cannot be: {error}"));
        let mut lots = Random::new(seed ^ LOTS);
        // More often than a description may ask for it: runs are short.
        description.snapshot.commands = if lots.per_mille(100) { 0 } else { lots.between(50, 400) };
        description.snapshot.keep = lots.between(1, 3) as usize; // at most 3
        Self {
            seed,
            description,
            quality,
            pace: Pace {
                hop: Nanos::from_micros(random.between(100, 1_500)),
                jitter: Nanos::from_micros(random.between(50, 1_500)),
                election: Nanos::from_millis(random.between(50, 150)),
                loss: *random.pick(&[0, 20, 100]),
            },
            disks: DiskPace {
                every: Nanos::from_millis(*random.pick(&[1, 10])),
                sync: Nanos::from_micros(random.between(50, 500)),
                jitter: Nanos::from_micros(random.between(10, 1_000)),
            },
            clients,
            requests,
            think,
            trouble,
            blows: random.between(3, 8) as usize, // at most 8
            poison: 0,
            archives: Random::new(seed ^ ARCHIVES).per_mille(600),
            more: Vec::new(),
            random: random.fork(),
            lots,
        }
    }
}

/// The cluster as a file would describe it: every node on a host of its own.
fn description(
    loggers: usize,
    supervisors: usize,
    gateways: usize,
    clients: usize,
    durability: Durability,
    random: &mut Random,
) -> String {
    let durability = match durability {
        Durability::Written => "written",
        Durability::Synced => "synced",
    };
    let uncommitted = random.pick(&[48, 200, 500]);
    let reorder = random.pick(&[512, 1_024]);
    let failover = random.between(40, 120);
    let beat = random.between(200, 2_000);
    let takeover = beat * random.between(2, 6);
    let mut text = format!(
        r#"
[cluster]
name = "simulated"
tag = "SIM"
data = "nowhere"

[streams]
sequenced = "239.255.0.1:1001"
events = "239.255.0.2:1002"
status = "239.255.0.3:1003"
acks = "239.255.0.4:1004"
control = "239.255.0.5:1005"
engines = "239.255.0.6:1006"

[timing]
heartbeat = "{heartbeat}ms"
tick = "100ms"
status = "500ms"
repair_after = "200us"
repair_retry = "2ms"
lead = "{lead}ms"
beat = "{beat}us"
takeover = "{takeover}us"
failover = "{failover}ms"
grant = "{grant}ms"
election = "100ms"

[rings]
sequenced = 1024
events = 2048
commands = {commands}
engine = {engine}
reorder = {reorder}
uncommitted = {uncommitted}

[log]
durability = "{durability}"

[engine]
instruments = 16
sessions = 16
resting_orders = 4096
levels = 256
names = 8192
participants = 16
accounts = 16
currencies = 4
holdings = 64
trades = 256

[fix]
comp_id = "EXCHANGE"
resend_messages = 4096
resend_bytes = "1MiB"
"#,
        heartbeat = random.between(4, 10),
        lead = random.between(3, 8),
        grant = random.between(10, 30),
        commands = random.pick(&[64, 256]),
        engine = random.pick(&[512, 1_024]),
    );
    let roles = [
        ("sequencer", 2),
        ("engine", 2),
        ("logger", loggers),
        ("gateway", gateways),
        ("supervisor", supervisors),
    ];
    let mut id = 0;
    for (role, count) in roles {
        for n in 1..=count {
            id += 1;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "[[node]]\nname = \"{role}-{n}\"\nid = {id}\nrole = \"{role}\"\naddress = \"10.0.0.{id}:2000\""
            );
            let _ = match role {
                "sequencer" => writeln!(text, "commands = \"10.0.0.{id}:2001\""),
                "engine" => writeln!(text, "mode = \"{}\"", if n == 1 { "hot" } else { "warm" }),
                "gateway" => writeln!(text, "fix = \"10.0.0.{id}:2002\""),
                _ => Ok(()),
            };
        }
    }
    text.push_str("[[currency]]\nid = 1\ncode = \"USD\"\ndecimals = 4\n");
    for client in 1..=clients {
        // Little enough that some orders are refused for it.
        let (money, shares) = (random.between(20_000, 200_000), random.between(50, 500));
        let _ = writeln!(
            text,
            r#"
[[participant]]
id = {client}
name = "Client {client}"

[[account]]
id = {client}
participant = {client}
money = [{{ currency = "USD", amount = "{money}" }}]
shares = [{{ symbol = "ABC", qty = {shares} }}]

[[session]]
id = {client}
comp_id = "CLIENT{client}"
participant = {client}"#
        );
    }
    text.push_str(
        r#"
[[instrument]]
id = 1
symbol = "ABC"
price_decimals = 2
tick = 5
lot = 1
currency = "USD"
checks = "funds"
maker_fee_ppm = 200
taker_fee_ppm = 500

[[instrument]]
id = 2
symbol = "LOT"
price_decimals = 0
tick = 1
lot = 10
algorithm = "pro-rata"
"#,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_describes_a_cluster_that_can_be() {
        (0..300).for_each(|seed| {
            let plan = Plan::of(seed);
            assert!(plan.requests as usize * plan.clients >= 1_000 && plan.blows >= 3, "seed {seed}");
        });
    }
}
