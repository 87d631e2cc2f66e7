//! A session on a desk: the test plays the peer in plain text (`|` for SOH), in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of the desk")]

use fix::*;
use std::collections::VecDeque;
use wire::Nanos;

pub const SECOND: u64 = 1_000_000_000;
pub const START: u64 = 1_800_000_000 * SECOND;

/// Adds BeginString, BodyLength and CheckSum to `35=...|...|`.
pub fn framed(begin: &str, body: &str) -> Vec<u8> {
    let body = body.replace('|', "\x01");
    let mut out = format!("8={begin}\x019={}\x01{body}", body.len()).into_bytes();
    let sum = frame::check_sum(&out);
    out.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    out
}

pub fn stamp(at: u64) -> String {
    String::from_utf8(timestamp::to_text(Nanos(at)).to_vec()).unwrap()
}

/// Splits a stream of well-formed messages into lines.
pub fn lines(mut bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let Scan::Message { len } = scan(bytes, 1 << 20) else { panic!("not a message: {bytes:?}") };
        found.push(String::from_utf8_lossy(&bytes[..len]).replace('\x01', "|"));
        bytes = &bytes[len..];
    }
    found
}

pub struct Desk {
    pub session: Session<MemoryOutbox>,
    pub now: u64,
    /// Whether Logons are accepted at once.
    pub accepts: bool,
    /// Messages said by the session and not expected yet.
    pub said: VecDeque<String>,
    /// Everything else, in words.
    pub told: VecDeque<String>,
}

impl Desk {
    pub fn with(config: Config) -> Desk {
        let session = Session::new(config, MemoryOutbox::new(1 << 16, 100));
        let mut desk =
            Desk { session, now: START, accepts: true, said: VecDeque::new(), told: VecDeque::new() };
        desk.session.connected(Nanos(START));
        desk.poll();
        desk
    }

    pub fn acceptor() -> Desk {
        Desk::with(Config::acceptor("EX", "CLIENT"))
    }

    /// An acceptor with its client logged on, HeartBtInt 10, next numbers 2 and 2.
    pub fn up() -> Desk {
        let mut desk = Desk::acceptor();
        desk.says("35=A|34=1|98=0|108=10");
        desk.expect("35=A|34=1|98=0|108=10");
        desk.is_told("on 10 false");
        desk
    }

    pub fn poll(&mut self) {
        loop {
            match self.session.poll_output() {
                None => return,
                Some(Output::Transmit(bytes)) => self.said.extend(lines(bytes)),
                Some(Output::LogonRequested(logon)) => {
                    self.told.push_back(format!("logon {} {}", logon.seq, logon.reset));
                    if self.accepts {
                        self.told.pop_back();
                        self.session.accept_logon(Nanos(self.now)).unwrap();
                    }
                }
                Some(Output::LoggedOn { heartbeat_secs, reset }) => {
                    self.told.push_back(format!("on {heartbeat_secs} {reset}"));
                }
                Some(Output::Application(m)) => {
                    let told = format!("app {}", m.str(tags::CL_ORD_ID).unwrap_or("?"));
                    self.told.push_back(told);
                }
                Some(Output::PeerRejected(m)) => {
                    let told = format!("rejected {}", m.u64(tags::REF_SEQ_NUM).unwrap());
                    self.told.push_back(told);
                }
                Some(Output::LoggedOut { text }) => {
                    let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
                    self.told.push_back(format!("out {text}"));
                }
                Some(Output::Disconnect(why)) => self.told.push_back(format!("disconnect {why:?}")),
            }
        }
    }

    /// Adds the header's other fields to `35=...|...` unless they are there.
    pub fn dress(&self, text: &str) -> String {
        let mut body = format!("{text}|");
        let config = self.session.config();
        for (tag, value) in [("49", &config.target), ("56", &config.sender), ("52", &stamp(self.now))] {
            if !format!("|{body}").contains(&format!("|{tag}=")) {
                let at = body.find('|').unwrap() + 1;
                body.insert_str(at, &format!("{tag}={value}|"));
            }
        }
        body
    }

    pub fn says(&mut self, text: &str) {
        let bytes = framed("FIX.4.4", &self.dress(text));
        self.bytes(&bytes);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.session.handle_bytes(Nanos(self.now), bytes);
        self.poll();
    }

    /// The next message said has all these fields.
    pub fn expect(&mut self, fields: &str) -> String {
        let line = self.said.pop_front().unwrap_or_else(|| panic!("nothing said, expected {fields}"));
        for field in fields.split('|') {
            assert!(
                format!("|{line}").contains(&format!("|{field}|")),
                "expected {fields}\n     said {line}"
            );
        }
        line
    }

    /// As `expect`; the text contains these words.
    pub fn expect_text(&mut self, fields: &str, words: &str) {
        let line = self.expect(fields);
        let text = line.split('|').find(|f| f.starts_with("58=")).unwrap_or_default();
        assert!(text.contains(words), "expected words {words}\n     said {line}");
    }

    pub fn is_told(&mut self, told: &str) {
        assert_eq!(self.told.pop_front().as_deref(), Some(told), "and then {:?}", self.told);
    }

    /// Nothing more was said or told.
    pub fn quiet(&self) {
        assert!(self.said.is_empty() && self.told.is_empty(), "{:?} {:?}", self.said, self.told);
    }

    /// Lets milliseconds pass, deadline by deadline.
    pub fn wait_ms(&mut self, ms: u64) {
        let end = self.now + ms * 1_000_000;
        while let Some(deadline) = self.session.next_deadline().filter(|d| d.0 <= end) {
            assert!(deadline.0 >= self.now, "a deadline in the past was not served");
            self.now = deadline.0;
            self.session.handle_timeout(deadline);
            self.poll();
        }
        self.now = end;
        self.session.handle_timeout(Nanos(end));
        self.poll();
    }

    pub fn send(&mut self, id: &str) -> u64 {
        let seq = self.session.send(Nanos(self.now), "8", |b| b.str(tags::CL_ORD_ID, id));
        self.poll();
        seq
    }
}
