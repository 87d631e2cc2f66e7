//! A description for a network in which every node is a host of its own: the same cluster, with other addresses.

use anyhow::Context;
use std::net::{Ipv4Addr, SocketAddrV4};
use toml::{Table, Value};

/// The network of every lab. No lab sees another, nor the machine's own network, so all can have the same one.
const NETWORK: [u8; 3] = [10, 77, 0];
/// The last octet of the host from which clients and the console speak; nodes are below it.
const CLIENT: u8 = 254;
/// Its address.
pub const CLIENT_ADDRESS: Ipv4Addr = Ipv4Addr::new(NETWORK[0], NETWORK[1], NETWORK[2], CLIENT);
/// The name of that host.
pub const CLIENT_NAME: &str = "client";
/// The name of the host that all links lead to.
const SWITCH_NAME: &str = "switch";

/// One host of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The node's name, or [`CLIENT_NAME`].
    pub name: String,
    /// The node's role, which is also the name of its binary; [`CLIENT_NAME`] for the client.
    pub role: String,
    /// Its only address.
    pub address: Ipv4Addr,
}

fn address(last: u8) -> Ipv4Addr {
    let [a, b, c] = NETWORK;
    Ipv4Addr::new(a, b, c, last)
}

fn section<'a>(file: &'a mut Table, name: &str) -> anyhow::Result<&'a mut Table> {
    let section = file.entry(name).or_insert_with(|| Value::Table(Table::new()));
    section.as_table_mut().with_context(|| format!("{name} is no section"))
}

/// Gives each `[[node]]` of a description the address of a host of its own, and keeps its ports: every value of a node
/// that is `address:port` is taken for one of its own. Multicast goes through the interface of that address, so the same
/// text serves every host. The data directory lies beside the text.
///
/// Answers with the new text and the hosts, in the order of the file, the client last.
pub fn rehome(text: &str) -> anyhow::Result<(String, Vec<Host>)> {
    let mut file: Table = text.parse().context("the configuration is no TOML")?;
    let mut hosts = Vec::new();
    let nodes = file.get_mut("node").and_then(Value::as_array_mut).context("there is no [[node]]")?;
    for (at, node) in nodes.iter_mut().enumerate() {
        let last = u8::try_from(at + 1).ok().filter(|last| *last < CLIENT);
        let host = address(last.with_context(|| format!("a lab has room for {} nodes", CLIENT - 1))?);
        let node = node.as_table_mut().context("[[node]] is no table")?;
        for value in node.iter_mut().map(|(_, value)| value) {
            if let Some(own) = value.as_str().and_then(|text| text.parse::<SocketAddrV4>().ok()) {
                *value = Value::String(SocketAddrV4::new(host, own.port()).to_string());
            }
        }
        let told = |key: &str| {
            let value = node.get(key).and_then(Value::as_str).map(str::to_owned);
            value.with_context(|| format!("node {} has no {key}", at + 1))
        };
        let (name, role) = (told("name")?, told("role")?);
        let reserved = [CLIENT_NAME, SWITCH_NAME].contains(&name.as_str());
        anyhow::ensure!(!reserved, "a lab has a host called \"{name}\" already: name the node otherwise");
        hosts.push(Host { name, role, address: host });
    }
    hosts.push(Host { name: CLIENT_NAME.to_owned(), role: CLIENT_NAME.to_owned(), address: address(CLIENT) });
    section(&mut file, "cluster")?.insert("data".to_owned(), "data".into());
    // One switch, no router: a datagram that lives for one hop reaches everyone.
    let network = section(&mut file, "network")?;
    network.insert("ttl".to_owned(), 1.into());
    // Without one, each node uses the interface of its own address.
    network.remove("interface");
    Ok((toml::to_string(&file).context("the configuration cannot be written")?, hosts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::Description;
    use std::collections::BTreeSet;
    use std::path::Path;

    const EXAMPLE: &str = include_str!("../../cluster.toml");

    #[test]
    fn every_node_gets_an_address_of_its_own_and_keeps_its_ports() {
        let parse = |text| Description::parse(Path::new("cluster.toml"), text).unwrap();
        let before = parse(EXAMPLE);
        let (text, hosts) = rehome(EXAMPLE).unwrap();
        let after = parse(&text);
        assert_eq!(hosts.len(), before.nodes.len() + 1);
        let distinct: BTreeSet<_> = hosts.iter().map(|host| host.address).collect();
        assert_eq!(distinct.len(), hosts.len());
        for ((old, new), host) in before.nodes.iter().zip(&after.nodes).zip(&hosts) {
            assert_eq!((&new.name, new.role.name()), (&host.name, host.role.as_str()));
            let moved = |address: Option<SocketAddrV4>| {
                address.map(|address| SocketAddrV4::new(host.address, address.port()))
            };
            assert_eq!(Some(new.address), moved(Some(old.address)));
            assert_eq!((new.commands, new.fix), (moved(old.commands), moved(old.fix)));
        }
        for (node, host) in after.nodes.iter().zip(&hosts) {
            assert_eq!(after.interface_of(node), host.address);
        }
        assert_eq!(after.network.ttl, 1);
        assert_eq!(after.streams.sequenced, before.streams.sequenced);
        assert_eq!(after.sessions.len(), before.sessions.len());
    }

    #[test]
    fn a_node_with_the_name_of_the_labs_own_host_is_refused() {
        let text = EXAMPLE.replace("\"gateway-1\"", "\"client\"");
        let refusal = rehome(&text).unwrap_err().to_string();
        assert!(refusal.contains("\"client\""), "{refusal}");
    }
}
