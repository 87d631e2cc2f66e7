//! The cluster's streams over the loopback interface: who hears whom, and from which number on.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use bus::{Datagrams, Delivery, Publication as _, Subscription as _};
use node::description::Streams;
use node::{Clock, Description, NodeEntry};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::time::Duration;
use wire::Epoch;

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

#[test]
fn every_node_that_opens_the_control_stream_hears_what_any_other_says_there() {
    let cluster = cluster("");
    let mut hearers = ["sequencer-1", "logger-1", "gateway-1"]
        .map(|name| cluster.open_control(&node(&cluster, name)).unwrap());
    cluster.publish_control(&node(&cluster, "logger-1")).unwrap().say(b"one").unwrap();
    cluster.publish_control(&node(&cluster, "sequencer-1")).unwrap().say(b"two").unwrap();
    for hearer in &mut hearers {
        let mut heard = hear(hearer, 2);
        heard.sort(); // two speakers: the network may deliver them in either order
        assert_eq!(heard, [b"one", b"two"]);
    }
}

#[test]
fn acknowledgements_are_heard_on_their_own_stream_and_not_on_the_control_stream() {
    let cluster = cluster("");
    let gateway = node(&cluster, "gateway-1");
    let (mut acks, mut control) =
        (cluster.follow_acks(&gateway).unwrap(), cluster.open_control(&gateway).unwrap());
    let logger = node(&cluster, "logger-1");
    cluster.publish_acks(&logger).unwrap().say(b"written").unwrap();
    cluster.publish_control(&logger).unwrap().say(b"promised").unwrap();
    assert_eq!(hear(&mut acks, 1), [b"written"]);
    assert_eq!(hear(&mut control, 1), [b"promised"]);
}

#[test]
fn described_faults_reach_the_control_and_acks_streams_each_with_a_choice_of_its_own() {
    let cluster = cluster("[faults]\nduplicate = \"100%\"\n");
    let gateway = node(&cluster, "gateway-1");
    let mut hearers = [cluster.follow_acks(&gateway).unwrap(), cluster.open_control(&gateway).unwrap()];
    let logger = node(&cluster, "logger-1");
    let mut speakers = [cluster.publish_acks(&logger).unwrap(), cluster.publish_control(&logger).unwrap()];
    for (speaker, hearer) in speakers.iter_mut().zip(&mut hearers) {
        speaker.say(b"once").unwrap();
        assert_eq!(hear(hearer, 2), [b"once", b"once"]);
    }
    let seeds: std::collections::BTreeSet<_> =
        [0, 2, 4, 6, 8, 10].map(|salt| cluster.faults_of(&gateway, salt).seed).into();
    assert_eq!(seeds.len(), 6);
}

#[test]
fn a_stream_begins_with_the_number_that_it_is_given() {
    let cluster = cluster("");
    let clock = Clock::start();
    let (sequencer, engine) = (node(&cluster, "sequencer-1"), node(&cluster, "engine-1"));
    let gateway = node(&cluster, "gateway-1");
    let epoch = Epoch(3);
    let pairs = [
        (
            cluster.publish_sequenced(&sequencer, epoch, 41).unwrap(),
            cluster.follow_sequenced(&gateway, epoch, 41).unwrap(),
        ),
        (
            cluster.publish_events(&engine, epoch, 41).unwrap(),
            cluster.follow_events(&gateway, epoch, 41).unwrap(),
        ),
    ];
    for (mut publication, mut subscription) in pairs {
        subscription.set_check(|_| false); // what is said here is no frame
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
    assert!(cluster.publish_sequenced(&sequencer, epoch, 0).is_err(), "frames are numbered from 1");
}
