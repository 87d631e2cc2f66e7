//! A cluster for this machine alone: a `cluster.toml` with ports and multicast groups that nobody else uses.

use crate::load::Instrument;
use crate::ports::Ports;
use anyhow::Context;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

/// What the cluster is made of. Without a change: two sequencers, a hot and a warm engine, three loggers, three
/// supervisors, one gateway.
#[derive(Clone, Debug)]
pub struct LocalPlan {
    /// Sequencers.
    pub sequencers: usize,
    /// Engines; the first is hot.
    pub engines: usize,
    /// Loggers.
    pub loggers: usize,
    /// Gateways.
    pub gateways: usize,
    /// Supervisors.
    pub supervisors: usize,
    /// Sessions that may log on, called CLIENT1, CLIENT2 and so on.
    pub sessions: usize,
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// Share of datagrams that every receiver drops, as in "5%".
    pub drop: Option<String>,
    /// Seed of the faults.
    pub fault_seed: u64,
    /// Further text for the end of the file, such as other sections.
    pub more: String,
}

impl Default for LocalPlan {
    fn default() -> Self {
        let instrument = |symbol: &str, price_decimals, tick, lot, start_price| Instrument {
            symbol: symbol.to_owned(),
            price_decimals,
            tick,
            lot,
            start_price: Some(start_price),
        };
        Self {
            sequencers: 2,
            engines: 2,
            loggers: 3,
            gateways: 1,
            supervisors: 3,
            sessions: 4,
            instruments: vec![
                instrument("AMZN", 4, 100, 1, 2_239_500),
                instrument("BTC-USD", 2, 1, 1, 9_412_350),
                instrument("ETH-USD", 2, 1, 10, 312_040),
                instrument("EUR-USD", 5, 1, 1_000, 108_215),
            ],
            drop: None,
            fault_seed: 1,
            more: String::new(),
        }
    }
}

impl LocalPlan {
    /// The CompIDs of its sessions.
    #[must_use]
    pub fn comp_ids(&self) -> Vec<String> {
        (1..=self.sessions).map(|n| format!("CLIENT{n}")).collect()
    }

    /// Writes `cluster.toml` into a directory. The ports are free at this moment; a node that finds its port taken since
    /// then says so and the cluster does not start.
    pub fn write(&self, directory: &Path) -> anyhow::Result<std::path::PathBuf> {
        let path = directory.join("cluster.toml");
        std::fs::write(&path, self.text()?).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The text of `cluster.toml`.
    pub fn text(&self) -> anyhow::Result<String> {
        let mut ports = Ports::default();
        let group = {
            // Two clusters on one machine must not share a group: the process id and a free port keep them apart.
            let salt = std::process::id() ^ (u32::from(ports.udp()?) << 8);
            let [_, a, b, _] = salt.to_be_bytes();
            move |last: u8| {
                Ipv4Addr::new(239, 255, a ^ b.rotate_left(3), b.wrapping_mul(8).wrapping_add(last))
            }
        };
        let mut text = String::new();
        let name = format!("local-{}-{}", std::process::id(), ports.udp()?);
        writeln!(text, "[cluster]\nname = \"{name}\"\ntag = \"LOC\"\ndata = \"data\"\n")?;
        writeln!(text, "[streams]")?;
        for (at, stream) in
            ["sequenced", "events", "status", "acks", "control", "engines"].into_iter().enumerate()
        {
            let last = u8::try_from(at + 1)?;
            writeln!(text, "{stream} = \"{}:{}\"", group(last), ports.udp()?)?;
        }
        if let Some(drop) = &self.drop {
            writeln!(text, "\n[faults]\ndrop = \"{drop}\"\nseed = {}", self.fault_seed)?;
        }
        let mut id = 0;
        let mut node = |text: &mut String, name: String, role: &str, more: String, udp: u16| {
            id += 1;
            writeln!(
                text,
                "\n[[node]]\nname = \"{name}\"\nid = {id}\nrole = \"{role}\"\naddress = \"127.0.0.1:{udp}\"{more}"
            )
        };
        for n in 1..=self.sequencers {
            let commands = format!("\ncommands = \"127.0.0.1:{}\"", ports.udp()?);
            node(&mut text, format!("sequencer-{n}"), "sequencer", commands, ports.udp()?)?;
        }
        for n in 1..=self.engines {
            let mode = if n == 1 { "hot" } else { "warm" };
            node(&mut text, format!("engine-{n}"), "engine", format!("\nmode = \"{mode}\""), ports.udp()?)?;
        }
        for n in 1..=self.loggers {
            node(&mut text, format!("logger-{n}"), "logger", String::new(), ports.both()?)?;
        }
        for n in 1..=self.gateways {
            let fix = format!("\nfix = \"127.0.0.1:{}\"", ports.tcp()?);
            node(&mut text, format!("gateway-{n}"), "gateway", fix, ports.udp()?)?;
        }
        for n in 1..=self.supervisors {
            node(&mut text, format!("supervisor-{n}"), "supervisor", String::new(), ports.tcp()?)?;
        }
        self.market(&mut text)?;
        writeln!(text, "\n{}", self.more)?;
        Ok(text)
    }
}

/// What every account begins with: more than any run spends.
const MONEY: &str = "1000000000000000";
const SHARES: u64 = 1_000_000_000_000;

impl LocalPlan {
    /// Who trades, and what: a participant and an account for each session, all orders covered by what they hold.
    fn market(&self, text: &mut String) -> anyhow::Result<()> {
        writeln!(text, "\n[[currency]]\nid = 1\ncode = \"USD\"\ndecimals = 6")?;
        let shares =
            |instrument: &Instrument| format!("{{ symbol = \"{}\", qty = {SHARES} }}", instrument.symbol);
        let shares = self.instruments.iter().map(shares).collect::<Vec<_>>().join(", ");
        for (at, comp_id) in self.comp_ids().iter().enumerate() {
            let id = at + 1;
            writeln!(text, "\n[[participant]]\nid = {id}\nname = \"Owner {id}\"")?;
            writeln!(text, "\n[[account]]\nid = {id}\nparticipant = {id}")?;
            writeln!(text, "money = [{{ currency = \"USD\", amount = \"{MONEY}\" }}]\nshares = [{shares}]")?;
            writeln!(text, "\n[[session]]\nid = {id}\ncomp_id = \"{comp_id}\"\nparticipant = {id}")?;
        }
        for (at, instrument) in self.instruments.iter().enumerate() {
            let Instrument { symbol, price_decimals, tick, lot, .. } = instrument;
            writeln!(
                text,
                "\n[[instrument]]\nid = {}\nsymbol = \"{symbol}\"\nprice_decimals = {price_decimals}\ntick = {tick}\nlot = {lot}",
                at + 1
            )?;
            writeln!(text, "currency = \"USD\"\nchecks = \"funds\"\nmaker_fee_ppm = 20\ntaker_fee_ppm = 50")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Plan;
    use node::Description;
    use wire::AccountId;

    #[test]
    fn a_planned_cluster_is_a_valid_one() {
        let plan = LocalPlan { gateways: 2, drop: Some("5%".to_owned()), ..LocalPlan::default() };
        let text = plan.text().unwrap();
        let cluster = Description::parse(Path::new("cluster.toml"), &text).unwrap();
        assert_eq!(cluster.nodes.len(), 2 + 2 + 3 + 2 + 3);
        assert_eq!(cluster.sessions.len(), 4);
        let accounts: Vec<_> =
            cluster.sessions.iter().filter_map(|session| cluster.account_of(session)).collect();
        assert_eq!(accounts.len(), 4, "every session has an account");
        let clients = vec!["CLIENT3".to_owned(), "NOBODY".to_owned()];
        let load = Plan::new(Vec::new(), clients, Vec::new()).with_accounts(&cluster);
        assert_eq!(load.accounts, [AccountId(3), AccountId(0)]);
        assert_eq!(cluster.faults.drop, 50);
    }

    #[test]
    fn two_plans_share_no_port_and_no_group() {
        let addresses = |text: &str| -> Vec<String> {
            let quoted = text.split('"').skip(1).step_by(2);
            quoted.filter(|value| value.contains(':')).map(str::to_owned).collect()
        };
        let (one, other) = (LocalPlan::default().text().unwrap(), LocalPlan::default().text().unwrap());
        for address in addresses(&one) {
            assert!(!addresses(&other).contains(&address), "{address} stands in both");
        }
    }
}
