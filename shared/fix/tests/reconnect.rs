//! The story: two sessions talk, and the connection is cut at any byte, again and again, with bytes lost on their way.
//! Each application message arrives once and in order all the same, and both sides agree on the numbers in the end.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{SECOND, START};
use fix::*;
use proptest::prelude::*;
use wire::Nanos;

#[derive(Clone, Debug)]
enum Event {
    /// The side (0 or 1) says something.
    Say(usize),
    /// This many bytes arrive at the side.
    Carry(usize, usize),
    /// The connection is cut: what is on its way is lost.
    Cut,
    /// Milliseconds pass.
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0usize..2).prop_map(Event::Say),
        6 => (0usize..2, 1usize..400).prop_map(|(side, n)| Event::Carry(side, n)),
        1 => Just(Event::Cut),
        1 => (0u64..20_000).prop_map(Event::Wait),
    ]
}

struct Pair {
    now: Nanos,
    sides: [Session<MemoryOutbox>; 2],
    /// Bytes on their way to each side.
    wires: [Vec<u8>; 2],
    said: [u64; 2],
    heard: [Vec<u64>; 2],
    /// Whether a side closed in an orderly way, so that the connection is gone.
    closed: bool,
}

impl Pair {
    fn new(queue: usize) -> Pair {
        let limits = |config: Config| Config { max_queued_messages: queue, ..config };
        let outbox = || MemoryOutbox::new(1 << 16, 1000);
        let mut pair = Pair {
            now: Nanos(START),
            sides: [
                Session::new(limits(Config::initiator("I", "A")), outbox()),
                Session::new(limits(Config::acceptor("A", "I")), outbox()),
            ],
            wires: Default::default(),
            said: [0; 2],
            heard: Default::default(),
            closed: false,
        };
        pair.connect();
        pair
    }

    fn connect(&mut self) {
        self.wires = Default::default();
        self.closed = false;
        for side in 0..2 {
            self.sides[side].disconnected(self.now);
            self.sides[side].connected(self.now);
            self.poll(side);
        }
    }

    fn poll(&mut self, side: usize) {
        loop {
            let before = self.sides[side].next_in();
            match self.sides[side].poll_output() {
                None => return,
                Some(Output::Transmit(bytes)) => self.wires[1 - side].extend_from_slice(bytes),
                Some(Output::LogonRequested(_)) => self.sides[side].accept_logon(self.now).unwrap(),
                Some(Output::Application(m)) => {
                    let number = m.u64(tags::CL_ORD_ID).unwrap();
                    assert!(m.seq().unwrap() >= before, "nothing of the past is handed out");
                    self.heard[side].push(number);
                }
                Some(Output::PeerRejected(m)) => panic!("rejected: {m:?}"),
                Some(Output::Disconnect(
                    DisconnectReason::HeartbeatTimeout | DisconnectReason::LogonTimeout,
                )) => {
                    self.closed = true;
                }
                Some(Output::Disconnect(why)) => panic!("disconnect: {why}"),
                Some(Output::LoggedOn { .. } | Output::LoggedOut { .. }) => {}
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Say(side) => {
                self.said[side] += 1;
                let number = self.said[side];
                self.sides[side].send(self.now, "U1", |b| b.u64(tags::CL_ORD_ID, number));
                self.poll(side);
            }
            Event::Carry(side, n) => {
                let n = n.min(self.wires[side].len());
                let bytes: Vec<u8> = self.wires[side].drain(..n).collect();
                self.sides[side].handle_bytes(self.now, &bytes);
                self.poll(side);
            }
            Event::Cut => self.connect(),
            Event::Wait(ms) => {
                self.now.0 += ms * 1_000_000;
                for side in 0..2 {
                    self.sides[side].handle_timeout(self.now);
                    self.poll(side);
                }
            }
        }
        for side in 0..2 {
            let expected: Vec<u64> = (1..=self.heard[side].len() as u64).collect();
            assert_eq!(self.heard[side], expected, "each once, in order");
            assert!(self.heard[side].len() as u64 <= self.said[1 - side]);
            assert!(
                self.sides[side].next_in() <= self.sides[1 - side].next_out(),
                "nobody hears what was not said"
            );
        }
        if self.closed {
            self.connect();
        }
    }

    /// A healthy connection and some heartbeats: everything arrives.
    fn heal(&mut self) {
        self.connect();
        for _ in 0..40 {
            for _ in 0..20 {
                self.apply(&Event::Carry(0, usize::MAX));
                self.apply(&Event::Carry(1, usize::MAX));
            }
            self.apply(&Event::Wait(5_000));
        }
        for _ in 0..4 {
            self.apply(&Event::Carry(0, usize::MAX));
            self.apply(&Event::Carry(1, usize::MAX));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_once_and_in_order(events in proptest::collection::vec(event(), 1..120), queue in 0usize..20) {
        let mut pair = Pair::new(queue);
        for event in &events {
            pair.apply(event);
        }
        pair.heal();
        for side in 0..2 {
            prop_assert_eq!(pair.heard[side].len() as u64, pair.said[1 - side]);
            prop_assert_eq!(pair.sides[side].next_in(), pair.sides[1 - side].next_out());
        }
    }

    #[test]
    fn any_peer_leaves_the_session_sane(
        lines in proptest::collection::vec(
            (
                prop_oneof![Just("0"), Just("1"), Just("2"), Just("3"), Just("4"), Just("5"), Just("A"), Just("D"), Just("*"), Just("j")],
                prop_oneof![4 => 0u64..12, 1 => any::<u64>()],
                proptest::collection::vec(
                    prop_oneof![
                        Just("43=Y|"), Just("123=Y|"), Just("141=Y|"), Just("112=x|"), Just("98=0|108=5|"), Just("7=1|16=0|"),
                        Just("7=3|16=2|"), Just("36=4|"), Just("36=9|"), Just("36=18446744073709551615|"), Just("45=1|"),
                        Just("122=20270115-08:00:00|"), Just("55=|"), Just("0=1|"), Just("noise|"), Just("116=q|"),
                    ],
                    0..4,
                ),
                0u64..8,
            ),
            0..40,
        ),
    ) {
        let mut desk = common::Desk::acceptor();
        for (kind, seq, fields, seconds) in lines {
            if !desk.session.is_connected() {
                let before = (desk.session.next_in(), desk.session.next_out());
                desk.session.connected(Nanos(desk.now));
                prop_assert_eq!(before, (desk.session.next_in(), desk.session.next_out()));
                let seq = before.0;
                desk.says(&format!("35=A|34={seq}|98=0|108=5"));
            }
            let before = desk.session.next_in();
            let reset = kind == "A" && fields.contains(&"141=Y|");
            desk.says(format!("35={kind}|34={seq}|{}", fields.concat()).trim_end_matches('|'));
            desk.wait_ms(seconds * 1000);
            let session = &desk.session;
            prop_assert!(session.next_in() >= 1 && session.next_out() >= 1);
            prop_assert!(reset || session.next_in() >= before, "the number expected never goes back");
            prop_assert!(session.next_deadline().is_none_or(|d| d.0 > desk.now), "nothing due is left undone");
            prop_assert!(desk.now < START + 400 * SECOND);
            prop_assert_eq!(session, &session.clone());
        }
    }
}
