//! The cluster's streams over the loopback interface: who hears whom, and from which number on.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use bus::{Datagrams, Delivery, Publication as _, StreamKind, Subscription as _};
use cluster::Message;
use node::description::Streams;
use node::{Clock, ControlGroup, Description, NodeEntry};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::time::Duration;
use wire::{Epoch, NodeId};

/// Looks at what must happen, so many times with a pause between.
const LOOKS: usize = 2_000;
const PAUSE: Duration = Duration::from_millis(2);

/// The default cluster with more text, on ports and groups that nobody else uses. The ports are held until all
/// are chosen.
fn cluster(more: &str) -> Description {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster.toml")).unwrap();
    let mut cluster = Description::parse(Path::new("cluster.toml"), &format!("{text}\n{more}")).unwrap();
    let mut held = Vec::new();
    let mut port = || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        held.push(socket);
        port
    };
    for node in &mut cluster.nodes {
        node.address.set_port(port());
        if let Some(commands) = &mut node.commands {
            commands.set_port(port());
        }
    }
    let mut group = |last| SocketAddrV4::new(Ipv4Addr::new(239, 255, 77, last), port());
    cluster.streams = Streams {
        sequenced: group(1),
        events: group(2),
        status: group(3),
        acks: group(4),
        control: group(5),
        engines: group(6),
    };
    cluster
}

fn node(cluster: &Description, name: &str) -> NodeEntry {
    cluster.node(name).unwrap().clone()
}

/// Waits until so many datagrams have come, and shows them.
fn hear(socket: &mut Datagrams, count: usize) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    for _ in 0..LOOKS {
        socket.recv(|_, bytes| heard.push(bytes.to_vec())).unwrap();
        if heard.len() >= count {
            return heard;
        }
        std::thread::park_timeout(PAUSE);
    }
    panic!("heard {heard:?} only, not {count}");
}

/// Hears the control group until something comes that is worth keeping.
fn hear_control(group: &mut ControlGroup) -> Vec<(NodeId, Message)> {
    let mut heard = Vec::new();
    for _ in 0..LOOKS {
        group.hear(&mut |from, message| heard.push((from, message))).unwrap();
        if !heard.is_empty() {
            return heard;
        }
        std::thread::park_timeout(PAUSE);
    }
    panic!("nothing was heard");
}

fn prepare(epoch: u32) -> Message {
    Message::Prepare { epoch: Epoch(epoch), nonce: 7 }
}

#[test]
fn what_a_node_says_in_the_control_group_is_heard_by_all_others_and_not_by_itself() {
    let cluster = cluster("");
    let [mut sequencer, mut logger, mut gateway] = ["sequencer-1", "logger-1", "gateway-1"]
        .map(|name| cluster.control_group(&node(&cluster, name)).unwrap());
    sequencer.say(prepare(3));
    let from = node(&cluster, "sequencer-1").id;
    assert_eq!(hear_control(&mut logger), [(from, prepare(3))]);
    assert_eq!(hear_control(&mut gateway), [(from, prepare(3))]);
    logger.say(prepare(4));
    assert_eq!(
        hear_control(&mut sequencer),
        [(node(&cluster, "logger-1").id, prepare(4))],
        "its own word is not heard"
    );
}

#[test]
fn words_of_another_cluster_are_not_heard_in_the_control_group() {
    let mut cluster = cluster("");
    let mut hearer = cluster.control_group(&node(&cluster, "logger-1")).unwrap();
    let mut own = cluster.control_group(&node(&cluster, "sequencer-1")).unwrap();
    cluster.name = "another".to_owned();
    let mut foreign = cluster.control_group(&node(&cluster, "sequencer-1")).unwrap();
    foreign.say(prepare(9));
    own.say(prepare(3));
    // Two sockets: either may come first, and only one is heard.
    assert_eq!(hear_control(&mut hearer).first().map(|(_, message)| message), Some(&prepare(3)));
}

#[test]
fn acknowledgements_are_heard_on_their_own_stream_and_not_in_the_control_group() {
    let cluster = cluster("");
    let (gateway, logger) = (node(&cluster, "gateway-1"), node(&cluster, "logger-1"));
    let mut acks = cluster.follow_acks(&gateway).unwrap();
    let mut control = cluster.control_group(&gateway).unwrap();
    cluster.publish_acks(&logger).unwrap().say(b"written").unwrap();
    cluster.control_group(&logger).unwrap().say(prepare(1));
    assert_eq!(hear(&mut acks, 1), [b"written"]);
    assert_eq!(hear_control(&mut control), [(logger.id, prepare(1))]);
}

#[test]
fn described_faults_reach_the_acks_stream_and_each_stream_has_a_choice_of_its_own() {
    let cluster = cluster("[faults]\nduplicate = \"100%\"\n");
    let gateway = node(&cluster, "gateway-1");
    let mut acks = cluster.follow_acks(&gateway).unwrap();
    cluster.publish_acks(&node(&cluster, "logger-1")).unwrap().say(b"once").unwrap();
    assert_eq!(hear(&mut acks, 2), [b"once", b"once"]);
    let seeds: std::collections::BTreeSet<_> =
        [0, 2, 4, 6, 8, 10].map(|salt| cluster.faults_of(&gateway, salt).seed).into();
    assert_eq!(seeds.len(), 6);
}

#[test]
fn a_stream_is_mute_and_deaf_until_it_begins_a_session_and_then_carries_on_from_its_number() {
    let cluster = cluster("");
    let clock = Clock::start();
    let (sequencer, engine) = (node(&cluster, "sequencer-1"), node(&cluster, "engine-1"));
    let gateway = node(&cluster, "gateway-1");
    let names = cluster.session_names();
    let pairs = [
        (
            StreamKind::Sequenced,
            cluster.publish_sequenced(&sequencer).unwrap(),
            cluster.follow_sequenced(&gateway).unwrap(),
        ),
        (
            StreamKind::Events,
            cluster.publish_events(&engine).unwrap(),
            cluster.follow_events(&gateway).unwrap(),
        ),
    ];
    for (kind, mut publication, mut subscription) in pairs {
        subscription.set_check(|_| false); // what is said here is no frame
        let session = names.of(kind, Epoch(3));
        subscription.begin_session(session, 41);
        publication.do_work(clock.now()).unwrap();
        assert_eq!(publication.stats().publisher.datagrams, 0, "it is mute");
        publication.begin_session(session, 41);
        publication.set_muted(false);
        assert_eq!(publication.publish(b"a"), 41);
        assert_eq!(publication.publish(b"b"), 42);
        let mut heard = Vec::new();
        for _ in 0..LOOKS {
            publication.do_work(clock.now()).unwrap();
            let deliver = &mut |number, bytes: &[u8]| {
                heard.push((number, bytes.to_vec()));
                Delivery::Accepted
            };
            subscription.poll(clock.now(), deliver).unwrap();
            if heard.len() >= 2 {
                break;
            }
            std::thread::park_timeout(PAUSE);
        }
        assert_eq!(heard, [(41, b"a".to_vec()), (42, b"b".to_vec())]);
    }
}
