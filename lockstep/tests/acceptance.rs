//! The session-level acceptance definitions of the QuickFIX project, run against the real gateway of a whole cluster.
//!
//! The definitions are test data that lies beside the project, see their README. Where it is missing, or python3 is, the
//! test says so and passes: it cannot judge then.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stderr, reason = "why a test was skipped must be seen")]

mod cluster_support;

use cluster_support::Cluster;
use lockstep::plan::LocalPlan;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Definitions that may fail, each with the reason.
const MAY_FAIL: &[(&str, &str)] = &[(
    "19a_PossResendMessageThatHAsAlreadyBeenSent.def",
    "asks that an order with PossResend (97) whose name was used before is passed over in silence; here it is answered \
     like any other order of a used name, so that its sender knows",
)];
/// How many there are of each class; all but [`MAY_FAIL`] must pass.
const CLASS_A: usize = 45;
const CLASS_B: usize = 13;
/// Definitions that wait for heartbeats; each runs beside the others, as a client of its own.
const SLOW: [&str; 2] = ["4a_NoDataSentDuringHeartBtInt.def", "6_SendTestRequest.def"];

/// The CompID of the definitions, and others of the same length and the same sum of bytes: some messages in there carry
/// their own BodyLength (9) and CheckSum (10).
const COMP_IDS: [&str; 4] = ["TW44", "TW35", "TW53", "TW26"];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fix")
}

/// The names of a class, as `applicable.txt` lists them.
fn class(list: &str, class: &str) -> Vec<String> {
    let lines = list.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(of, _)| *of == class).map(|(_, name)| name.trim().to_owned()).collect()
}

/// The runner over some definitions, as this client.
fn run(port: u16, comp_id: &str, echo: bool, names: &[String]) -> Child {
    let mut command = Command::new("python3");
    command.arg(data().join("fixat.py")).args(["--port", &port.to_string(), "--match", "set"]);
    command.args(["--gap", "0.02", "--map", &format!("TW44={comp_id}")]);
    if echo {
        command.args(["--echo-as", "8"]);
    }
    command.args(names.iter().map(|name| data().join("definitions/fix44").join(name)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

#[test]
fn the_gateway_behaves_as_the_acceptance_definitions_ask() {
    let list = match std::fs::read_to_string(data().join("applicable.txt")) {
        Ok(list) => list,
        Err(error) => {
            eprintln!("skipped: the acceptance definitions are not here ({}: {error})", data().display());
            return;
        }
    };
    if let Err(error) = Command::new("python3").arg("--version").output() {
        eprintln!("skipped: the acceptance definitions need python3, which does not start ({error})");
        return;
    }
    let (slow, quick): (Vec<_>, Vec<_>) =
        class(&list, "A").into_iter().partition(|name| SLOW.contains(&name.as_str()));
    let orders = class(&list, "B");
    assert_eq!((slow.len() + quick.len(), slow.len(), orders.len()), (CLASS_A, SLOW.len(), CLASS_B));

    let mut more = "[fix]\ncomp_id = \"ISLD\"\nreset_on_logon = true\n".to_owned();
    for (at, comp_id) in COMP_IDS.iter().enumerate() {
        more += &format!("\n[[session]]\nid = {}\ncomp_id = \"{comp_id}\"\n", 11 + at);
    }
    let cluster = Cluster::start(&LocalPlan { more, ..LocalPlan::default() });
    let port = cluster.fix_addresses()[0].port();
    let runs = [
        run(port, COMP_IDS[0], false, &quick),
        run(port, COMP_IDS[1], true, &orders),
        run(port, COMP_IDS[2], false, &slow[..1]),
        run(port, COMP_IDS[3], false, &slow[1..]),
    ];
    let mut passed = 0;
    let mut failed = Vec::new();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        passed += text.lines().filter(|line| line.starts_with("pass ")).count();
        let bad = |line: &&str| line.starts_with("FAIL ") || line.starts_with("skip ");
        let unexpected = |line: &&str| !MAY_FAIL.iter().any(|(name, _)| line.ends_with(name));
        if text.lines().filter(bad).any(|line| unexpected(&line)) {
            failed.push(text);
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(passed, CLASS_A + CLASS_B - MAY_FAIL.len());
    cluster.stop();
}
