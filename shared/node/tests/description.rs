//! The configuration: what is taken, and what is refused with the line and the reason.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use cluster::{EngineMode, Role};
use node::Description;
use node::description::{Divergence, Durability, Retain};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

fn default_text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster.toml")).unwrap()
}

fn parse(text: &str) -> Result<Description, String> {
    Description::parse(Path::new("conf/cluster.toml"), text).map_err(|error| error.to_string())
}

/// The default cluster with further text: nodes at its end, or a section.
fn with(more: &str) -> Result<Description, String> {
    parse(&format!("{}\n{more}", default_text()))
}

/// So many more nodes of a role, each with an address and a number of its own.
fn more_nodes(role: &str, count: u16) -> String {
    let mut text = String::new();
    for n in 1..=count {
        let (id, port) = (100 + n, 32_000 + n);
        writeln!(text, "[[node]]\nname = \"{role}-more-{n}\"\nid = {id}\nrole = \"{role}\"").unwrap();
        writeln!(text, "address = \"127.0.0.1:{port}\"").unwrap();
        if role == "sequencer" {
            writeln!(text, "commands = \"127.0.0.1:{}\"", port + 100).unwrap();
        }
    }
    text
}

/// The line, from 1, of the last node of the text.
fn last_node(more: &str) -> String {
    let text = format!("{}\n{more}", default_text());
    let line = text.lines().enumerate().filter(|(_, line)| *line == "[[node]]").last().unwrap().0 + 1;
    format!("line {line}: ")
}

/// The default cluster with one text replaced; the replacement must really happen.
fn refusal(from: &str, to: &str) -> String {
    let text = default_text();
    assert!(text.contains(from), "the default cluster.toml no longer holds {from:?}");
    parse(&text.replacen(from, to, 1)).expect_err("the description should have been refused")
}

#[test]
fn the_default_cluster_is_taken() {
    let cluster = parse(&default_text()).unwrap();
    assert_eq!(cluster.name, "demo");
    assert_eq!(cluster.data, Path::new("conf/data"));
    assert_eq!(cluster.sequencer().name, "sequencer-1");
    assert_eq!(
        cluster.nodes_of(Role::Engine).map(|e| e.mode).collect::<Vec<_>>(),
        [EngineMode::Hot, EngineMode::Warm]
    );
    assert_eq!({ cluster.instruments[0].tick }.0, 100);
}

#[test]
fn a_node_that_is_not_described_is_refused_with_the_names_there_are() {
    let error = parse(&default_text()).unwrap().node("engine-9").unwrap_err().to_string();
    assert!(error.contains("no node is called \"engine-9\""), "{error}");
    assert!(error.contains("sequencer-1, sequencer-2, engine-1"), "{error}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let error = Description::load(Path::new("/nowhere/cluster.toml")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/cluster.toml"), "{error}");
}

#[test]
fn every_refusal_names_file_line_and_reason() {
    let cases = [
        ("tag = \"DEM\"", "tag = \"demo\"", "line 6: the tag must be three"),
        ("239.255.42.2:31002", "239.255.42.1:31001", "line 11: 239.255.42.1:31001 carries another stream"),
        ("239.255.42.2:31002", "10.0.0.1:31002", "line 11: 10.0.0.1:31002 is no multicast group"),
        ("id = 2\nrole", "id = 1\nrole", "have the same id 1"),
        ("name = \"engine-2\"", "name = \"engine-1\"", "line 38: two nodes are called \"engine-1\""),
        ("127.0.0.1:31013", "127.0.0.1:31012", "have the same address"),
        ("mode = \"warm\"", "mode = \"hot\"", "exactly one engine must have mode = \"hot\", not 2"),
        (
            "role = \"engine\"\nmode = \"hot\"",
            "role = \"engine\"",
            "mode = \"hot\" or \"warm\" belongs to every engine",
        ),
        ("fix = \"127.0.0.1:9878\"", "", "fix = \"address:port\" belongs to every gateway"),
        (
            "address = \"127.0.0.1:31011\"",
            "address = \"127.0.0.1:0\"",
            "node \"sequencer-1\": address must be",
        ),
        ("comp_id = \"CLIENT2\"", "comp_id = \"CLIENT1\"", "two sessions have the CompID"),
        ("id = 2\ncomp_id", "id = 4096\ncomp_id", "session id 4096 must lie between 1 and 4095"),
        ("id = 2\nsymbol", "id = 9999\nsymbol", "id 9999 must lie between 1 and 4095"),
        ("id = 2\nsymbol = \"BTC-USD\"", "id = 2\nsymbol = \"AMZN\"", "the symbol is taken"),
        (
            "id = 2\nsymbol = \"BTC-USD\"",
            "id = 2\nsymbol = \"A-SYMBOL-THAT-IS-TOO-LONG\"",
            "at most 16 are allowed",
        ),
        ("tick = 1\n", "tick = 0\n", "tick and lot must lie in"),
        ("role = \"logger\"", "role = \"looger\"", "line 48"),
        ("data = \"data\"", "dta = \"data\"", "unknown field `dta`"),
        ("[streams] ", "[timing]\nheartbeat = \"10\"\n[streams] ", "is no duration"),
        ("[streams] ", "[rings]\nsequenced = 1000\n[streams] ", "must be a power of two"),
        ("[streams] ", "[faults]\ndrop = \"60%\"\n[streams] ", "more than 50%"),
    ];
    for (from, to, expected) in cases {
        let error = refusal(from, to);
        assert!(error.contains("conf/cluster.toml"), "{error}");
        assert!(error.contains(expected), "expected {expected:?} in: {error}");
    }
}

#[test]
fn what_is_not_said_is_the_documented_default() {
    let cluster = parse(&default_text()).unwrap();
    assert_eq!(cluster.log.durability, Durability::Written);
    assert_eq!((cluster.rings.uncommitted, cluster.rings.reorder), (4_096, 8_192));
    let millis = |ns: wire::Nanos| ns.0 / 1_000_000;
    let timing = cluster.timing;
    assert_eq!([timing.lead, timing.failover, timing.grant, timing.election].map(millis), [5, 250, 50, 500]);
    assert_eq!(cluster.network.interface, None);
}

#[test]
fn the_documentation_describes_a_cluster_that_is_taken_and_its_values_are_the_defaults() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIGURATION.md");
    let page = std::fs::read_to_string(page).unwrap();
    let described = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let default = default_text();
    let nodes = &default[default.find("[[node]]").unwrap()..];
    let told = parse(&format!("{described}\n{nodes}")).unwrap();
    let unsaid = parse(&default).unwrap();
    let differs_on_purpose = |mut cluster: Description| {
        cluster.network.interface = None;
        format!("{cluster:?}")
    };
    assert_eq!(differs_on_purpose(told), differs_on_purpose(unsaid));
}

/// The default cluster without its nodes of this role, and further text at its end.
fn without(role: &str, more: &str) -> Result<Description, String> {
    let text = default_text();
    let (head, rest) = text.split_at(text.find("[[node]]").unwrap());
    let (nodes, tail) = rest.split_at(rest.find("[[session]]").unwrap());
    let of_role = format!("role = \"{role}\"");
    let kept: String = nodes.split_inclusive("\n\n").filter(|node| !node.contains(&of_role)).collect();
    parse(&format!("{head}{kept}{tail}\n{more}"))
}

#[test]
fn an_odd_number_of_supervisors_up_to_five_is_taken_and_others_are_refused_with_the_reason() {
    for count in [1, 3, 5] {
        let cluster = without("supervisor", &more_nodes("supervisor", count)).unwrap();
        assert_eq!(cluster.nodes_of(Role::Supervisor).count(), usize::from(count));
    }
    for count in [2, 4] {
        let error = without("supervisor", &more_nodes("supervisor", count)).unwrap_err();
        let expected = format!("an even number of supervisors ({count}) survives no more");
        assert!(error.contains(&expected), "{error}");
    }
    for count in [6, 7] {
        let error = without("supervisor", &more_nodes("supervisor", count)).unwrap_err();
        assert!(error.contains(&format!("{count} supervisors are too many: at most 5")), "{error}");
    }
    let error = without("supervisor", "").unwrap_err();
    assert!(error.contains("there must be at least one node with role = \"supervisor\""), "{error}");
    let more = more_nodes("supervisor", 1);
    assert!(with(&more).unwrap_err().contains(&last_node(&more)), "the line of the last one is told");
}

#[test]
fn an_odd_number_of_loggers_up_to_seven_is_taken_and_all_of_them_vote() {
    for count in [1, 3, 5, 7] {
        let cluster = without("logger", &more_nodes("logger", count)).unwrap();
        let voters: Vec<u16> = cluster.voters().into_iter().map(|id| id.0).collect();
        assert_eq!(voters, (101..101 + count).collect::<Vec<_>>());
    }
    for count in [2, 4, 6] {
        let error = without("logger", &more_nodes("logger", count)).unwrap_err();
        let expected = format!("an even number of loggers ({count}) survives no more");
        assert!(error.contains(&expected), "{error}");
    }
    for count in [8, 9] {
        let error = without("logger", &more_nodes("logger", count)).unwrap_err();
        assert!(error.contains("loggers are too many: at most 7"), "{error}");
    }
}

#[test]
fn every_sequencer_needs_an_address_for_commands_that_nobody_else_has() {
    let standby = more_nodes("sequencer", 1);
    assert_eq!(with(&standby).unwrap().nodes_of(Role::Sequencer).count(), 3);
    let error = with(&standby.replace("commands = \"127.0.0.1:32101\"\n", "")).unwrap_err();
    assert!(error.contains("commands = \"address:port\" belongs to every sequencer"), "{error}");
    for taken in ["127.0.0.1:31021", "127.0.0.1:31014"] {
        let error = with(&standby.replace("127.0.0.1:32101", taken)).unwrap_err();
        assert!(error.contains(&format!("have the same address {taken}")), "{error}");
    }
}

#[test]
fn a_supervisor_listens_on_tcp_so_it_clashes_with_fix_and_with_loggers_and_not_with_repair() {
    let at = |port: &str| without("supervisor", &more_nodes("supervisor", 1).replace("32001", port));
    assert!(at("31012").is_ok(), "the engine's port is one of UDP");
    for (node, port) in [("gateway-1", "9878"), ("logger-1", "31014")] {
        let error = at(port).unwrap_err();
        let expected = format!("\"{node}\" and \"supervisor-more-1\" have the same address 127.0.0.1:{port}");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn snapshots_are_taken_now_and_then_or_never_and_at_least_one_is_kept() {
    let said = with("[snapshot]\ncommands = 0\nevery = \"0s\"\nkeep = 1\n").unwrap().snapshot;
    assert_eq!((said.commands, said.every.0, said.keep), (0, 0, 1));
    let unsaid = with("").unwrap().snapshot;
    assert_eq!((unsaid.commands, unsaid.every.0, unsaid.keep), (1_000_000, 3_600_000_000_000, 3));
    let line = default_text().lines().count() + 3;
    for (key, value) in [("commands", "99"), ("every", "\"999ms\""), ("keep", "0"), ("keep", "65")] {
        let error = with(&format!("[snapshot]\n{key} = {value}\n")).unwrap_err();
        assert!(error.contains(&format!("line {line}: {key} must ")), "{error}");
    }
}

#[test]
fn a_logger_keeps_all_segments_at_hand_unless_it_is_told_otherwise() {
    assert_eq!(with("").unwrap().log.retain, Retain::All);
    assert_eq!(with("[log]\nretain = \"since-snapshot\"\n").unwrap().log.retain, Retain::SinceSnapshot);
    let error = with("[log]\nretain = \"some\"\n").unwrap_err();
    assert!(error.contains("expected `all` or `since-snapshot`"), "{error}");
}

#[test]
fn every_stream_needs_a_group_of_its_own() {
    let groups = ["239.255.42.1:31001", "239.255.42.2:31002", "239.255.42.3:31003"];
    for (stream, group) in
        [("acks", "239.255.42.4:31004"), ("control", "239.255.42.5:31005"), ("engines", "239.255.42.6:31006")]
    {
        for taken in groups {
            let error = refusal(group, taken);
            assert!(error.contains(&format!("{taken} carries another stream already")), "{error}");
        }
        let error = refusal(&format!("{stream} = \"{group}\"\n"), "");
        assert!(error.contains(&format!("missing field `{stream}`")), "{error}");
    }
}

#[test]
fn every_ring_of_frames_and_events_must_be_longer_than_what_may_be_uncommitted() {
    for ring in ["sequenced", "events", "engine", "reorder"] {
        let error = with(&format!("[rings]\nuncommitted = 4096\n{ring} = 4096\n")).unwrap_err();
        let line = default_text().lines().count() + 4;
        let expected = format!("line {line}: ring \"{ring}\" (4096) must be longer than the 4096 frames");
        assert!(error.contains(&expected), "expected {expected:?} in: {error}");
    }
    let error = with("[rings]\nuncommitted = 8192\n").unwrap_err();
    assert!(error.contains("ring \"reorder\" (8192) must be longer than the 8192 frames"), "{error}");
    let error = with("[rings]\nuncommitted = 0\n").unwrap_err();
    assert!(error.contains("uncommitted must lie between 1 and 1048576, not 0"), "{error}");
    assert!(with("[rings]\nuncommitted = 4095\nreorder = 4096\ncommands = 64\n").is_ok());
}

#[test]
fn failover_must_outlast_four_words_of_the_sequencer() {
    let head = default_text().lines().count() + 1;
    for (key, value) in [("lead", "63ms"), ("heartbeat", "63ms")] {
        let error = with(&format!("[timing]\n{key} = \"{value}\"\nfailover = \"250ms\"\n")).unwrap_err();
        let expected = format!("line {}: failover must be at least 4 times {key}", head + 3);
        assert!(error.contains(&expected), "expected {expected:?} in: {error}");
    }
    let cluster = with("[timing]\nlead = \"62ms\"\nheartbeat = \"62ms\"\nfailover = \"248ms\"\n").unwrap();
    assert_eq!(cluster.timing.failover.0, 248_000_000);
    for key in ["lead", "failover", "grant", "election"] {
        let error = with(&format!("[timing]\n{key} = \"61s\"\n")).unwrap_err();
        assert!(error.contains(&format!("line {}: timing \"{key}\" must lie between", head + 2)), "{error}");
    }
}

#[test]
fn while_engines_differ_new_orders_are_halted_unless_it_says_to_follow_the_hot_one() {
    assert_eq!(with("").unwrap().divergence, Divergence::Halt);
    assert_eq!(with("[engine]\ndivergence = \"halt\"\n").unwrap().divergence, Divergence::Halt);
    assert_eq!(with("[engine]\ndivergence = \"follow\"\n").unwrap().divergence, Divergence::Follow);
    let error = with("[engine]\ndivergence = \"ignore\"\n").unwrap_err();
    assert!(error.contains("`halt` or `follow`"), "{error}");
}

#[test]
fn durability_is_written_or_synced_and_nothing_else() {
    let cluster = with("[log]\ndurability = \"synced\"\n").unwrap();
    assert_eq!(cluster.log.durability, Durability::Synced);
    let error = with("[log]\ndurability = \"hoped\"\n").unwrap_err();
    assert!(error.contains("unknown variant `hoped`, expected `written` or `synced`"), "{error}");
}

#[test]
fn without_an_interface_each_node_uses_that_of_its_own_address() {
    let spread = default_text().replace("127.0.0.1:31014", "10.0.0.4:31014");
    let interface = |text: &str, name: &str| {
        let cluster = parse(text).unwrap();
        cluster.socket_options(cluster.node(name).unwrap()).interface
    };
    assert_eq!(interface(&spread, "logger-1"), Ipv4Addr::new(10, 0, 0, 4));
    assert_eq!(interface(&spread, "engine-1"), Ipv4Addr::LOCALHOST);
    let said = format!("{spread}\n[network]\ninterface = \"10.0.0.9\"\n");
    assert_eq!(interface(&said, "logger-1"), Ipv4Addr::new(10, 0, 0, 9));
}

#[test]
fn a_console_uses_the_interface_that_it_is_told_then_the_described_one_then_the_nodes() {
    let asked = Ipv4Addr::new(10, 0, 0, 7);
    let together = default_text();
    let spread = together.replace("127.0.0.1:31014", "10.0.0.4:31014");
    let said = format!("{spread}\n[network]\ninterface = \"10.0.0.9\"\n");
    let interface = |text: &str, asked| parse(text).unwrap().console_options(asked).interface;
    assert_eq!(interface(&said, Some(asked)), asked);
    assert_eq!(interface(&said, None), Ipv4Addr::new(10, 0, 0, 9));
    assert_eq!(interface(&together, None), Ipv4Addr::LOCALHOST);
    assert_eq!(interface(&spread, None), Ipv4Addr::UNSPECIFIED);
}

#[test]
fn threads_that_never_sleep_and_go_before_all_others_need_cores_of_their_own() {
    let taken = with("[threads]\npriority = 10").unwrap();
    assert!(taken.nodes.iter().all(|node| node.thread(0).priority == 10));
    let spins = |more: &str| with(&format!("[threads]\nidle = \"spin\"\n{more}"));
    assert!(spins("").is_ok());
    let refused = spins("priority = 10").expect_err("it would leave nothing to anybody");
    assert!(refused.contains("sequencer-1") && refused.contains("pin = [..]"), "{refused}");
    let refused = with("[threads]\npriority = 100").expect_err("there is none");
    assert!(refused.contains("priority lies between 0"), "{refused}");
}
