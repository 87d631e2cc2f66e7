//! What an operator or a client does wrong is refused clearly, and nobody else is disturbed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cluster_support;

use cluster_support::{Cluster, binaries};
use fix::tags::{self, msg_type};
use fix::{Config, MemoryOutbox, Output, Session};
use lockstep::plan::LocalPlan;
use node::Clock;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use wire::Nanos;

/// How long anything may take on a slow machine.
const PATIENCE: Nanos = Nanos(30_000_000_000);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A description of a cluster, and nothing running.
struct Paper {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl Paper {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = LocalPlan::default().write(directory.path()).unwrap();
        Self { directory, path }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    fn rewrite(&self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(&self.path, text.replacen(from, to, 1)).unwrap();
    }

    fn data_of(&self, node: &str) -> PathBuf {
        self.directory.path().join("data").join(node)
    }

    /// The address that stands behind this key, in the section of this node.
    fn address(&self, node: &str, key: &str) -> SocketAddrV4 {
        let text = self.text();
        let section =
            text.split("[[node]]").find(|section| section.contains(&format!("\"{node}\""))).unwrap();
        let line = section.lines().find(|line| line.starts_with(key)).unwrap();
        line.split('"').nth(1).unwrap().parse().unwrap()
    }
}

fn start(binary: &str, config: &Path, node: &str, stderr: Stdio) -> Child {
    let path = binaries().join(binary);
    assert!(
        path.exists(),
        "build all binaries first, with `cargo build --workspace --bins`: {}",
        path.display()
    );
    let mut command = Command::new(path);
    command.arg("--config").arg(config).args(["--node", node, "--with-parent"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap()
}

/// Starts a node that must refuse to run; gives what it said.
#[track_caller]
fn refuses(binary: &str, config: &Path, node: &str) -> String {
    let mut child = start(binary, config, node, Stdio::piped());
    let clock = Clock::start();
    let until = clock.now().saturating_add(PATIENCE);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if clock.now() > until => {
                child.kill().unwrap();
                panic!("{binary} --node {node} runs though it must not");
            }
            None => std::thread::park_timeout(LOOK_EVERY),
        }
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!status.success(), "{binary} --node {node} ended well: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// What was said has each of these in it.
#[track_caller]
fn says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "\"{word}\" is missing in: {said}");
    }
}

#[test]
fn a_wrong_description_is_refused_with_file_line_and_reason() {
    let paper = Paper::new();
    says(&refuses("gateway", Path::new("nowhere/cluster.toml"), "gateway-1"), &["nowhere/cluster.toml"]);

    paper.rewrite("tag = \"LOC\"", "tag = \"LOC\"\ncolour = \"blue\"");
    says(&refuses("engine", &paper.path, "engine-1"), &["cluster.toml", "colour"]);

    let paper = Paper::new();
    paper.rewrite("mode = \"warm\"", "mode = \"hot\"");
    let said = refuses("logger", &paper.path, "logger-1");
    says(&said, &["cluster.toml", "line", "exactly one engine must have mode = \"hot\""]);
}

#[test]
fn a_node_that_is_not_described_is_refused_with_the_names_there_are() {
    let paper = Paper::new();
    let said = refuses("gateway", &paper.path, "gateway-7");
    says(&said, &["no node is called \"gateway-7\"", "gateway-1", "sequencer-1"]);
}

#[test]
fn the_binary_of_another_role_names_the_right_one() {
    let paper = Paper::new();
    let said = refuses("engine", &paper.path, "gateway-1");
    says(
        &said,
        &["node \"gateway-1\" is a gateway, and this is the engine binary", "start it with `gateway`"],
    );
}

#[test]
fn a_port_in_use_is_refused_with_the_address() {
    let paper = Paper::new();
    let fix = paper.address("gateway-1", "fix");
    let _taken = TcpListener::bind(fix).unwrap();
    says(&refuses("gateway", &paper.path, "gateway-1"), &["port in use", &fix.to_string()]);

    let paper = Paper::new();
    let commands = paper.address("sequencer-1", "commands");
    let _taken = UdpSocket::bind(commands).unwrap();
    says(&refuses("sequencer", &paper.path, "sequencer-1"), &["in use", &commands.to_string()]);

    let paper = Paper::new();
    let peers = paper.address("supervisor-1", "address");
    let _taken = TcpListener::bind(peers).unwrap();
    says(&refuses("supervisor", &paper.path, "supervisor-1"), &["in use", &peers.to_string()]);
}

#[test]
fn a_data_directory_that_cannot_be_written_is_refused_with_its_path() {
    for (binary, node) in [
        ("sequencer", "sequencer-1"),
        ("engine", "engine-1"),
        ("logger", "logger-1"),
        ("gateway", "gateway-1"),
        ("supervisor", "supervisor-1"),
    ] {
        let paper = Paper::new();
        let data = paper.data_of(node);
        std::fs::create_dir_all(data.parent().unwrap()).unwrap();
        std::fs::write(&data, "a file stands where the directory should be").unwrap();
        says(
            &refuses(binary, &paper.path, node),
            &["cannot create the directory", &data.display().to_string()],
        );
    }
}

/// A FIX client over a blocking socket.
struct Client {
    fix: Session<MemoryOutbox>,
    stream: TcpStream,
    clock: Clock,
}

impl Client {
    fn connect(address: SocketAddrV4, comp_id: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LOOK_EVERY)).unwrap();
        let clock = Clock::start();
        let mut fix = Session::new(Config::initiator(comp_id, "LOCKSTEP"), MemoryOutbox::new(1 << 16, 100));
        fix.connected(clock.now());
        let mut client = Self { fix, stream, clock };
        client.until("logged on", |client| client.fix.is_logged_on());
        client
    }

    fn order(&mut self, name: &str, side: char) {
        let now = self.clock.now();
        self.fix.send(now, msg_type::NEW_ORDER_SINGLE, |f| {
            f.str(tags::CL_ORD_ID, name);
            f.str(tags::SYMBOL, "AMZN");
            f.char(tags::SIDE, side);
            f.u64(tags::ORDER_QTY, 5);
            f.char(tags::ORD_TYPE, '2');
            f.str(tags::PRICE, "200.00");
            f.timestamp(tags::TRANSACT_TIME, now);
        });
    }

    /// Waits for a report with this ExecType (150) on this order.
    fn hears(&mut self, name: &str, exec_type: &str) {
        let mut heard = Vec::new();
        let wanted = format!("\u{1}11={name}\u{1}");
        let kind = format!("\u{1}150={exec_type}\u{1}");
        let clock = self.clock;
        let until = clock.now().saturating_add(PATIENCE);
        while !heard.iter().any(|text: &String| text.contains(&wanted) && text.contains(&kind)) {
            assert!(clock.now() < until, "no {exec_type} for {name}, but {heard:?}");
            self.turn(&mut heard);
        }
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = self.clock.now().saturating_add(PATIENCE);
        while !done(self) {
            assert!(self.clock.now() < until, "not {what} in time");
            self.turn(&mut Vec::new());
        }
    }

    fn turn(&mut self, heard: &mut Vec<String>) {
        while let Some(output) = self.fix.poll_output() {
            match output {
                Output::Transmit(bytes) => self.stream.write_all(bytes).unwrap(),
                Output::Application(message) => {
                    heard.push(String::from_utf8_lossy(message.bytes()).into_owned());
                }
                Output::Disconnect(why) => panic!("{why}"),
                _ => {}
            }
        }
        let mut buffer = [0; 4_096];
        match self.stream.read(&mut buffer) {
            Ok(0) => panic!("the gateway closed the connection"),
            Ok(count) => self.fix.handle_bytes(self.clock.now(), &buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.fix.handle_timeout(self.clock.now());
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends bytes as a stranger; the gateway must close the connection without a word.
fn turned_away(address: SocketAddrV4, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection stays open: {error}"),
    }
    assert_eq!(said, b"", "a stranger is told nothing");
}

#[test]
fn whatever_a_stranger_sends_the_others_trade_on() {
    let cluster = Cluster::start(&LocalPlan { gateways: 2, ..LocalPlan::default() });
    let addresses = cluster.fix_addresses();
    let mut one = Client::connect(addresses[0], "CLIENT1");
    let mut other = Client::connect(addresses[1], "CLIENT2");
    one.order("before", '2');
    one.hears("before", "0");

    turned_away(addresses[0], b"GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    turned_away(addresses[0], &[0xff; 9_000]);
    turned_away(addresses[0], b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01");
    turned_away(addresses[0], b"8=FIX.4.4\x019=99999999999999999999\x0135=A\x01");
    // A connection that is cut in the middle of a message, and one whose client sends and leaves at once.
    let mut cut = TcpStream::connect(addresses[0]).unwrap();
    cut.write_all(b"8=FIX.4.4\x019=100\x0135=A").unwrap();
    drop(cut);

    other.order("after", '1');
    other.hears("after", "F");
    one.hears("before", "F");
    // In the middle of a session: the damaged message is ignored, the next one is heard.
    other.stream.write_all(b"8=FIX.4.4\x019=12\x0135=D\x01garbage\x0110=000\x01").unwrap();
    other.order("again", '1');
    other.hears("again", "0");
    // The client leaves in the middle of a word; its session can log on again at once.
    other.stream.write_all(b"8=FIX.4.4\x019=100\x0135=D").unwrap();
    drop(other);
    let mut back = Client::connect_with_reset(addresses[1], "CLIENT2");
    back.order("back", '1');
    back.hears("back", "0");
    cluster.stop();
}

impl Client {
    /// As [`Client::connect`], again and again until the gateway knows that the last connection is over: long before it
    /// could find that out by a heartbeat (30 s).
    fn connect_with_reset(address: SocketAddrV4, comp_id: &str) -> Self {
        let clock = Clock::start();
        let until = clock.now().saturating_add(Nanos(PATIENCE.0 / 2));
        loop {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(LOOK_EVERY)).unwrap();
            let mut fix =
                Session::new(Config::initiator(comp_id, "LOCKSTEP"), MemoryOutbox::new(1 << 16, 100));
            fix.connected_with_reset(clock.now());
            if let Some(Output::Transmit(logon)) = fix.poll_output() {
                stream.write_all(logon).unwrap();
            }
            loop {
                assert!(clock.now() < until, "the session cannot log on again");
                let mut buffer = [0; 4_096];
                match stream.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        fix.handle_bytes(clock.now(), &buffer[..count]);
                        assert!(matches!(fix.poll_output(), Some(Output::LoggedOn { .. })));
                        return Self { fix, stream, clock };
                    }
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                    Err(_) => {}
                }
            }
        }
    }
}

#[test]
fn a_program_whose_output_nobody_reads_any_more_ends_without_a_word() {
    let paper = Paper::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut status = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    let ended = status
        .args(["status", "--once", "--config"])
        .arg(&paper.path)
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!((ended.status.code(), said.as_ref()), (Some(141), ""));
}
