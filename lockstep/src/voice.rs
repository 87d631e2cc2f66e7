//! A place in the control group for whoever is no node: an operator's console.

use anyhow::Context;
use bus::Datagrams;
use node::{ControlGroup, Description, Speaker};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use wire::NodeId;

/// Hears the control group of this cluster and may speak in it. No node has its number.
pub fn open(description: &Description, interface: Option<Ipv4Addr>) -> anyhow::Result<ControlGroup> {
    let options = description.console_options(interface);
    let group = description.streams.control;
    let hearer = Datagrams::join(group, &options).context("cannot listen to the control group")?;
    let voice = Datagrams::bind(SocketAddrV4::new(options.interface, 0), &options)
        .context("cannot speak in the control group")?;
    let speaker = Speaker::new(voice, SocketAddr::V4(group));
    Ok(ControlGroup::new(description.cluster_id(), NodeId(0), hearer, speaker))
}
