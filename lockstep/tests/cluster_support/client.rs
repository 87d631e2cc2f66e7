//! A FIX client of one test: it says what it is told to, reads what comes, and answers nothing.

use node::Clock;
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;
use wire::Nanos;

/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(40 * Nanos::SECOND.0);

/// CLIENT1.
pub(crate) struct Client {
    stream: TcpStream,
    clock: Clock,
    next: u32,
    heard: String,
}

impl Client {
    pub(crate) fn log_on(address: SocketAddrV4) -> Self {
        let stream = TcpStream::connect(address).expect("the gateway listens");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time that is none too short");
        let mut client = Self { stream, clock: Clock::start(), next: 1, heard: String::new() };
        client.say("A", "98=0|108=60|141=Y|");
        client.hears("|35=A|");
        client
    }

    pub(crate) fn say(&mut self, kind: &str, fields: &str) {
        let time = self.time();
        let body = format!("35={kind}|49=CLIENT1|56=LOCKSTEP|34={}|52={time}|{fields}", self.next);
        self.next += 1;
        let whole = format!("8=FIX.4.4|9={}|{body}", body.len()).replace('|', "\x01");
        let sum = whole.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.stream, "{whole}10={sum:03}\x01").expect("the gateway reads");
    }

    fn time(&self) -> String {
        String::from_utf8_lossy(&fix::timestamp::to_text(self.clock.now())).into_owned()
    }

    /// An order that nobody will trade with.
    pub(crate) fn order(&mut self, name: &str) {
        let time = self.time();
        self.say("D", &format!("11={name}|55=AMZN|54=1|60={time}|38=10|40=2|44=100.00|"));
    }

    pub(crate) fn cancel(&mut self, name: &str, order: &str) {
        let time = self.time();
        self.say("F", &format!("11={name}|41={order}|55=AMZN|54=1|60={time}|"));
    }

    /// Something that holds this comes; gives it, and what came behind it.
    pub(crate) fn hears(&mut self, what: &str) -> String {
        let until = self.clock.now().saturating_add(PATIENCE);
        loop {
            if let Some(at) = self.heard.find(what) {
                return self.heard.split_off(at);
            }
            assert!(self.clock.now() < until, "no {what} in {}", self.heard);
            self.read();
        }
    }

    /// The report of this kind about the request of this name.
    pub(crate) fn report(&mut self, name: &str, exec_type: char) -> String {
        let (name, kind) = (format!("|11={name}|"), format!("|150={exec_type}|"));
        self.message(|message| message.contains(&name) && message.contains(&kind))
    }

    /// The first message of which this is true.
    fn message(&mut self, so: impl Fn(&str) -> bool) -> String {
        let until = self.clock.now().saturating_add(PATIENCE);
        loop {
            let mut messages = self.heard.split("8=FIX.4.4|").filter(|message| is_whole(message));
            if let Some(found) = messages.find(|message| so(message)) {
                return found.to_owned();
            }
            assert!(self.clock.now() < until, "what is waited for is not in {}", self.heard);
            self.read();
        }
    }

    /// Orders until one is answered so; gives the answer.
    pub(crate) fn orders_until(&mut self, name: &str, answered: impl Fn(&str) -> bool) -> String {
        let until = self.clock.now().saturating_add(PATIENCE);
        for nth in 0.. {
            let name = format!("{name}{nth}");
            self.order(&name);
            let named = format!("|11={name}|");
            let answer = self.message(|message| message.contains(&named));
            if answered(&answer) {
                return answer;
            }
            assert!(self.clock.now() < until, "the last answer was {answer}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        unreachable!("there are enough numbers")
    }

    fn read(&mut self) {
        let mut bytes = [0; 4_096];
        if let Ok(read) = self.stream.read(&mut bytes) {
            assert!(read > 0, "the gateway hung up; heard was {}", self.heard);
            self.heard += &String::from_utf8_lossy(&bytes[..read]).replace('\x01', "|");
        }
    }
}

/// Whether a message has come up to its checksum.
fn is_whole(message: &str) -> bool {
    message.rfind("|10=").is_some_and(|at| message.len() == at + "|10=000|".len())
}

/// The value of a tag in a message.
pub(crate) fn value(message: &str, tag: u32) -> &str {
    let from = format!("|{tag}=");
    let at = message.find(&from).unwrap_or_else(|| panic!("no {tag} in {message}")) + from.len();
    message[at..].split('|').next().unwrap_or_default()
}

/// Waits until this is so.
pub(crate) fn wait(clock: Clock, what: &str, mut so: impl FnMut() -> bool) {
    let until = clock.now().saturating_add(PATIENCE);
    while !so() {
        assert!(clock.now() < until, "it never came that {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
