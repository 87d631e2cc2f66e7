//! A FIX engine that is not ours (the crate `hotfix`) trades on a whole cluster, leaves, and comes back for what it missed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cluster_support;

use cluster_support::Cluster;
use hotfix::application::{InboundDecision, OutboundDecision};
use hotfix::config::SessionConfig;
use hotfix::initiator::Initiator;
use hotfix::message::{OutboundMessage, Part, Timestamp};
use hotfix::session::Status;
use hotfix::store::FileStore;
use hotfix::{Application, Message, fix44};
use lockstep::plan::LocalPlan;
use std::net::SocketAddrV4;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client says.
#[derive(Clone)]
enum Say {
    Order {
        name: &'static str,
        side: &'static str,
        qty: &'static str,
        price: &'static str,
    },
    Cancel {
        name: &'static str,
        orig: &'static str,
        side: &'static str,
    },
    Replace {
        name: &'static str,
        orig: &'static str,
        side: &'static str,
        qty: &'static str,
        price: &'static str,
    },
    AreYouThere,
}

impl OutboundMessage for Say {
    fn write(&self, msg: &mut Message) {
        let (name, orig, side, terms) = match *self {
            Say::Order { name, side, qty, price } => (name, None, side, Some((qty, price))),
            Say::Cancel { name, orig, side } => (name, Some(orig), side, None),
            Say::Replace { name, orig, side, qty, price } => (name, Some(orig), side, Some((qty, price))),
            Say::AreYouThere => return msg.set(fix44::TEST_REQ_ID, "anybody there?"),
        };
        msg.set(fix44::CL_ORD_ID, name);
        if let Some(orig) = orig {
            msg.set(fix44::ORIG_CL_ORD_ID, orig);
        }
        msg.set(fix44::SYMBOL, "AMZN");
        msg.set(fix44::SIDE, side);
        if let Some((qty, price)) = terms {
            msg.set(fix44::ORDER_QTY, qty);
            msg.set(fix44::ORD_TYPE, "2");
            msg.set(fix44::PRICE, price);
        }
        msg.set(fix44::TRANSACT_TIME, Timestamp::utc_now());
    }

    fn message_type(&self) -> &str {
        match self {
            Say::Order { .. } => "D",
            Say::Cancel { .. } => "F",
            Say::Replace { .. } => "G",
            Say::AreYouThere => "1",
        }
    }
}

/// What a client hears.
enum Heard {
    LoggedOn,
    LoggedOut(String),
    Report(Box<Message>),
}

struct Ears(UnboundedSender<Heard>);

#[async_trait::async_trait]
impl Application for Ears {
    type Outbound = Say;

    async fn on_outbound_message(&self, _: &Say) -> OutboundDecision {
        OutboundDecision::Send
    }

    async fn on_inbound_message(&self, msg: &Message) -> InboundDecision {
        // Nobody listens any more once the test is over.
        let _ = self.0.send(Heard::Report(Box::new(msg.clone())));
        InboundDecision::Accept
    }

    async fn on_logout(&mut self, reason: &str) {
        let _ = self.0.send(Heard::LoggedOut(reason.to_owned()));
    }

    async fn on_logon(&mut self) {
        let _ = self.0.send(Heard::LoggedOn);
    }

    async fn on_state_change(&self, _: &Status, _: &Status) {}
}

struct Client {
    initiator: Initiator<Say>,
    heard: UnboundedReceiver<Heard>,
}

impl Client {
    /// Logs on for the first time.
    async fn log_on(address: SocketAddrV4, comp_id: &str, directory: &Path) -> Self {
        let mut client = Self::connect(address, comp_id, directory).await;
        assert!(matches!(client.hear().await, Heard::LoggedOn));
        client
    }

    /// Connects and logs on with the numbers that the directory remembers.
    async fn connect(address: SocketAddrV4, comp_id: &str, directory: &Path) -> Self {
        let config = SessionConfig {
            begin_string: "FIX.4.4".to_owned(),
            sender_comp_id: comp_id.to_owned(),
            target_comp_id: "LOCKSTEP".to_owned(),
            data_dictionary_path: None,
            connection_host: address.ip().to_string(),
            connection_port: address.port(),
            tls_config: None,
            heartbeat_interval: 30,
            logon_timeout: 30,
            logout_timeout: 30,
            reconnect_interval: 1,
            reset_on_logon: false,
            schedule: None,
            validation: hotfix::config::ValidationConfig::default(),
        };
        let store = FileStore::new(directory, comp_id).unwrap();
        let (sender, heard) = unbounded_channel();
        let initiator = Initiator::start(config, Ears(sender), store).await.unwrap();
        Self { initiator, heard }
    }

    async fn say(&self, say: Say) {
        self.initiator.send(say).await.unwrap();
    }

    async fn hear(&mut self) -> Heard {
        let heard = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        heard.expect("the exchange answers in time").expect("the session lives")
    }

    /// The next report says this, as `ExecType OrdStatus ClOrdID OrigClOrdID LastQty LastPx CumQty LeavesQty PossDupFlag`,
    /// `-` where a field is not there.
    async fn hears(&mut self, line: &str) {
        let report = match self.hear().await {
            Heard::Report(report) => report,
            Heard::LoggedOn => panic!("logged on again instead of {line}"),
            Heard::LoggedOut(why) => panic!("logged out instead of {line}: {why}"),
        };
        let body = [
            fix44::EXEC_TYPE,
            fix44::ORD_STATUS,
            fix44::CL_ORD_ID,
            fix44::ORIG_CL_ORD_ID,
            fix44::LAST_QTY,
            fix44::LAST_PX,
            fix44::CUM_QTY,
            fix44::LEAVES_QTY,
        ];
        let mut words: Vec<&str> =
            body.iter().map(|field| report.get::<&str>(field).unwrap_or("-")).collect();
        words.push(report.header().get::<&str>(fix44::POSS_DUP_FLAG).unwrap_or("-"));
        assert_eq!(words.join(" "), line);
    }

    /// The number that it expects next from the exchange.
    async fn expects(&self) -> u64 {
        self.initiator.session_handle().get_session_info().await.unwrap().next_target_seq_number
    }

    async fn log_out(mut self) {
        self.initiator.clone().shutdown(false).await.unwrap();
        while !matches!(self.hear().await, Heard::LoggedOut(_)) {}
    }
}

#[test]
fn an_independent_client_trades_leaves_and_comes_back_for_what_it_missed() {
    let cluster = Cluster::start(&LocalPlan::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(trade(cluster.fix_addresses()[0]));
    drop(runtime);
    cluster.stop();
}

async fn trade(address: SocketAddrV4) {
    let directory = tempfile::tempdir().unwrap();
    let mut one = Client::log_on(address, "CLIENT1", directory.path()).await;
    let mut other = Client::log_on(address, "CLIENT2", directory.path()).await;

    // Order, acknowledgement, fill on both sides.
    one.say(Say::Order { name: "sell", side: "2", qty: "10", price: "200.00" }).await;
    one.hears("0 0 sell - - - 0 10 -").await;
    other.say(Say::Order { name: "buy", side: "1", qty: "4", price: "201.00" }).await;
    other.hears("0 0 buy - - - 0 4 -").await;
    other.hears("F 2 buy - 4 200.0000 4 0 -").await;
    one.hears("F 1 sell - 4 200.0000 4 6 -").await;

    // Replace, cancel, and a cancel that comes too late.
    one.say(Say::Replace { name: "less", orig: "sell", side: "2", qty: "8", price: "199.50" }).await;
    one.hears("5 1 less sell - - 4 4 -").await;
    other.say(Say::Order { name: "rest", side: "1", qty: "7", price: "100.00" }).await;
    other.hears("0 0 rest - - - 0 7 -").await;
    other.say(Say::Cancel { name: "away", orig: "rest", side: "1" }).await;
    other.hears("4 4 away rest - - 0 0 -").await;
    other.say(Say::Cancel { name: "late", orig: "rest", side: "1" }).await;
    other.hears("- 4 late rest - - - - -").await;

    // A test request is answered: one more message of the exchange.
    let before = one.expects().await;
    one.say(Say::AreYouThere).await;
    let answered = async {
        while one.expects().await == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("a test request is answered");
    assert_eq!(one.expects().await, before + 1);

    // It leaves in order, is traded with, and comes back with its numbers.
    one.log_out().await;
    other.say(Say::Order { name: "meets", side: "1", qty: "3", price: "199.50" }).await;
    other.hears("0 0 meets - - - 0 3 -").await;
    other.hears("F 2 meets - 3 199.5000 3 0 -").await;
    // Since it misses something, its Logon is followed by a ResendRequest; hotfix tells of the Logon only if it does not.
    let mut back = Client::connect(address, "CLIENT1", directory.path()).await;
    back.hears("F 1 less - 3 199.5000 7 1 Y").await;
    back.say(Say::Cancel { name: "done", orig: "less", side: "2" }).await;
    back.hears("4 4 done less - - 7 0 -").await;
    back.log_out().await;
    other.log_out().await;
}
