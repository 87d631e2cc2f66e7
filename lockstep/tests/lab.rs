//! `scripts/lab`: a cluster whose nodes are hosts of a network that loses, and is cut and healed.
//!
//! It needs root and a kernel with network namespaces; without them the test says so and is skipped.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

use lockstep::evidence;
use node::Description;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Exit status of a machine that cannot have a lab.
const SKIPPED: i32 = 77;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/lab")
}

/// A lab of this test's own. Dropped, it is taken down.
struct Lab {
    id: String,
    directory: tempfile::TempDir,
}

impl Lab {
    /// `None` if this machine cannot have one.
    fn up(options: &[&str]) -> Option<Self> {
        let id = format!("t{}", std::process::id());
        let lab = Self { id, directory: tempfile::tempdir().unwrap() };
        let data = lab.directory.path().to_str().unwrap().to_owned();
        let up = lab.run(&[&["up", "--data", &data], options].concat());
        if up.status.code() == Some(SKIPPED) {
            eprint!("{}", String::from_utf8_lossy(&up.stderr));
            return None;
        }
        assert!(up.status.success(), "{}", told(&up));
        Some(lab)
    }

    fn run(&self, command: &[&str]) -> Output {
        Command::new(script())
            .args(["--lab", &self.id])
            .args(command)
            .env("LOCKSTEP_BINARIES", Path::new(env!("CARGO_BIN_EXE_lockstep")).parent().unwrap())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed, and answers with what it wrote.
    fn must(&self, command: &[&str]) -> String {
        let output = self.run(command);
        assert!(output.status.success(), "{command:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Drives two seconds of order flow from the client's host.
    /// Gives the directory of the clients' records.
    fn load(&self, clients: &str, seed: &str) -> PathBuf {
        let directory = self.directory.path().join(format!("records-{seed}"));
        let records = directory.to_str().unwrap();
        let load = ["exec", "client", "lockstep", "load", "--seconds", "2", "--rate", "400"];
        self.must(&[&load[..], &["--clients", clients, "--seed", seed, "--records", records]].concat());
        directory
    }

    fn settled(&self) -> String {
        self.must(&["exec", "client", "lockstep", "status", "--until", "settled", "--patience", "20"])
    }

    /// Processes that have anything to do with this lab's files.
    fn processes(&self) -> Vec<PathBuf> {
        let config = self.directory.path().join("cluster.toml");
        let has_config = |entry: &std::fs::DirEntry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == config.as_os_str().as_encoded_bytes())
        };
        let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        entries.filter(has_config).map(|entry| entry.path()).collect()
    }

    fn namespaces(&self) -> usize {
        let list = Command::new("ip").args(["netns", "list"]).output().unwrap();
        let prefix = format!("ls-{}-", self.id);
        String::from_utf8(list.stdout).unwrap().lines().filter(|line| line.starts_with(&prefix)).count()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The line of a table that begins with this name; the table of hosts comes before the nodes' own.
fn line<'a>(table: &'a str, name: &str, which: usize) -> &'a str {
    let lines = table.lines().filter(|line| line.split(' ').next() == Some(name));
    lines.clone().nth(which).unwrap_or_else(|| panic!("no line {which} of {name} in {table}"))
}

#[test]
fn nothing_is_lost_while_links_lose_packets_and_a_logger_is_cut_off_and_healed() {
    let Some(lab) = Lab::up(&["--loggers", "3", "--sessions", "4"]) else { return };
    assert_eq!(lab.processes().len(), 11, "a process for each node");
    assert_eq!(lab.namespaces(), 13, "one for each node, the client and the switch");

    lab.must(&["loss", "engine-2", "5%"]);
    lab.must(&["loss", "logger-2", "5%"]);
    let lossy = lab.load("CLIENT1,CLIENT2", "1");
    let hosts = lab.must(&["status"]);
    for name in ["engine-2", "logger-2"] {
        assert!(
            line(&hosts, name, 0).contains("packets lost so far"),
            "nothing was lost on the way: {hosts}"
        );
    }
    assert!(!line(&hosts, "engine-1", 0).contains("lost"), "{hosts}");

    lab.must(&["cut", "logger-3"]);
    let during = lab.load("CLIENT3,CLIENT4", "2");
    let cut = lab.must(&["status"]);
    assert!(line(&cut, "logger-3", 1).contains("not heard of yet"), "a cut host is heard: {cut}");
    assert!(line(&cut, "logger-1", 1).contains("synced"), "{cut}");
    lab.must(&["heal"]);
    let settled = lab.settled();
    assert!(settled.contains("engines agree up to position"), "{settled}");

    lab.must(&["freeze", "engine-2"]);
    let frozen = lab.must(&["status"]);
    assert!(line(&frozen, "engine-2", 0).contains("frozen"), "{frozen}");
    lab.must(&["thaw", "engine-2"]);
    lab.must(&["kill", "logger-1"]);
    lab.must(&["start", "logger-1"]);
    lab.settled();

    lab.must(&["down"]);
    assert_eq!((lab.processes(), lab.namespaces()), (Vec::new(), 0));
    lab.must(&["down"]);

    let description = Description::load(&lab.directory.path().join("cluster.toml")).unwrap();
    let verdict = checker::check(&evidence::of(&description, vec![lossy, during]), &mut |_| {}).unwrap();
    assert!(verdict.is_clean() && verdict.counts.acknowledged > 0, "{verdict}");
}

#[test]
fn a_machine_that_cannot_have_a_lab_is_told_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let up = Command::new("/bin/bash")
        .arg(script())
        .args(["--lab", "none", "up"])
        // No tool is found there. Without root the script ends even before it looks.
        .env("PATH", directory.path())
        .output()
        .unwrap();
    assert_eq!(up.status.code(), Some(SKIPPED), "{}", told(&up));
    let said = told(&up);
    assert!(said.contains("apt-get install iproute2 nftables") || said.contains("needs root"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
