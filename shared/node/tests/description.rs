//! The configuration: what is taken, and what is refused with the line and the reason.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use cluster::{EngineMode, Role};
use node::Description;
use std::path::Path;

fn default_text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster.toml")).unwrap()
}

fn parse(text: &str) -> Result<Description, String> {
    Description::parse(Path::new("conf/cluster.toml"), text).map_err(|error| error.to_string())
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
    assert_eq!(cluster.instruments[0].tick.0, 100);
}

#[test]
fn a_node_that_is_not_described_is_refused_with_the_names_there_are() {
    let error = parse(&default_text()).unwrap().node("engine-9").unwrap_err().to_string();
    assert!(error.contains("no node is called \"engine-9\""), "{error}");
    assert!(error.contains("sequencer-1, engine-1, engine-2"), "{error}");
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
        ("name = \"engine-2\"", "name = \"engine-1\"", "line 28: two nodes are called \"engine-1\""),
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
        ("symbol = \"BTC-USD\"", "symbol = \"AMZN\"", "the symbol is taken"),
        ("symbol = \"BTC-USD\"", "symbol = \"A-SYMBOL-THAT-IS-TOO-LONG\"", "at most 16 are allowed"),
        ("tick = 1\n", "tick = 0\n", "tick must lie in"),
        ("role = \"logger\"", "role = \"looger\"", "line 38"),
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
