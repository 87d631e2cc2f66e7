//! Whatever clients do, whatever is lost between the nodes, and whoever leads: every order has exactly one
//! first answer, nothing executes twice, and clients and engine count the same quantities.

use crate::bench::{Bench, CLIENTS, Plan};
use crate::network::Network;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use wire::event::Happening;

#[derive(Clone, Debug)]
enum Act {
    Connect {
        client: usize,
        gate: usize,
    },
    HangUp(usize),
    LogOut(usize),
    Order {
        client: usize,
        side: u8,
        qty: u64,
        price: u64,
        kind: u8,
    },
    Cancel {
        client: usize,
        back: u64,
    },
    Replace {
        client: usize,
        back: u64,
        qty: u64,
        price: u64,
    },
    Turns(usize),
    Cut(bool),
    LoggersWrite(bool),
    /// Another sequencer takes over, from a log that lacks so many of the frames that it may lack.
    FailOver(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let client = || 0..CLIENTS;
    prop_oneof![
        4 => (client(), 0usize..2).prop_map(|(client, gate)| Act::Connect { client, gate }),
        1 => client().prop_map(Act::HangUp),
        1 => client().prop_map(Act::LogOut),
        12 => (client(), 1u8..3, 1u64..20, 190u64..210, 0u8..20)
            .prop_map(|(client, side, qty, price, kind)| Act::Order { client, side, qty, price, kind }),
        3 => (client(), 0u64..5).prop_map(|(client, back)| Act::Cancel { client, back }),
        3 => (client(), 0u64..5, 1u64..20, 190u64..210)
            .prop_map(|(client, back, qty, price)| Act::Replace { client, back, qty, price }),
        8 => (1usize..12).prop_map(Act::Turns),
        1 => any::<bool>().prop_map(Act::Cut),
        2 => any::<bool>().prop_map(Act::LoggersWrite),
        1 => (0usize..12).prop_map(Act::FailOver),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    (0u64..40, 0u64..40, 0u64..40, any::<u64>())
        .prop_map(|(lose, repeat, delay, seed)| Network::new(lose, repeat, delay, seed))
}

/// What the clients asked for: each request has its own name, and remembers its side.
#[derive(Default)]
struct Requests {
    asked: BTreeMap<(usize, String), u8>,
    count: u64,
}

impl Requests {
    fn name(&mut self, client: usize, side: u8) -> String {
        self.count += 1;
        let name = format!("q{}", self.count);
        self.asked.insert((client, name.clone()), side);
        name
    }

    /// The name that this client gave some requests ago.
    fn earlier(&self, client: usize, back: u64) -> Option<(String, u8)> {
        let mine = self.asked.iter().filter(|((who, _), _)| *who == client);
        let (mut names, newest_first) =
            (mine.collect::<Vec<_>>(), |name: &str| name[1..].parse::<u64>().unwrap());
        names.sort_by_key(|((_, name), _)| std::cmp::Reverse(newest_first(name)));
        names.get(usize::try_from(back).unwrap()).map(|((_, name), side)| (name.clone(), **side))
    }
}

fn price(ticks: u64) -> String {
    let cents = ticks * 5;
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn perform(bench: &mut Bench, requests: &mut Requests, act: &Act) {
    match *act {
        Act::Connect { client, gate } => {
            if !bench.is_linked(client, gate) {
                bench.connect(client, gate);
            }
        }
        Act::HangUp(client) => bench.hang_up(client),
        Act::LogOut(client) => bench.log_out(client),
        Act::Order { client, side, qty, price: ticks, kind } => {
            let name = requests.name(client, side);
            let terms = match kind {
                0 => "40=1".to_owned(),
                1 => format!("40=2|59=3|44={}", price(ticks)),
                2 => "40=2|44=1.001".to_owned(),
                3 => format!("40=3|99={}", price(ticks)),
                4 => format!("40=4|44={}|99={}", price(ticks), price(ticks - 1)),
                5 => format!("40=2|59=4|44={}", price(ticks)),
                6 => format!("40=2|110={}|44={}", qty.min(3), price(ticks)),
                7 => format!("40=2|111=1|44={}", price(ticks)),
                8 => format!("40=2|18=6|44={}", price(ticks)),
                9..13 => format!("40=2|2964={}|44={}", kind - 8, price(ticks)),
                _ => format!("40=2|44={}", price(ticks)),
            };
            bench.say(client, "D", &format!("11={name}|55=ABC|54={side}|38={qty}|{terms}"));
        }
        Act::Cancel { client, back } => {
            let Some((orig, side)) = requests.earlier(client, back) else { return };
            let name = requests.name(client, side);
            bench.say(client, "F", &format!("11={name}|41={orig}|55=ABC|54={side}"));
        }
        Act::Replace { client, back, qty, price: ticks } => {
            let Some((orig, side)) = requests.earlier(client, back) else { return };
            let name = requests.name(client, side);
            let terms = format!("38={qty}|40=2|44={}", price(ticks));
            bench.say(client, "G", &format!("11={name}|41={orig}|55=ABC|54={side}|{terms}"));
        }
        Act::Turns(turns) => bench.turns(turns),
        Act::Cut(cut) => bench.network.cut = cut,
        Act::LoggersWrite(write) => bench.core.loggers_write = write,
        Act::FailOver(lacks) => bench.fail_over(lacks.min(bench.core.uncommitted())),
    }
}

/// Everybody visits every gateway until nothing is left to be sent or resent anywhere.
fn come_to_rest(bench: &mut Bench) {
    bench.network.cut = false;
    bench.core.loggers_write = true;
    for _ in 0..3 {
        for gate in 0..2 {
            for client in 0..CLIENTS {
                if !bench.is_linked(client, gate) {
                    bench.connect(client, gate);
                }
            }
            bench.settle();
        }
    }
}

/// Filled quantities by client and order, as the engine told them.
fn engines_view(bench: &Bench) -> BTreeMap<(usize, u64), u64> {
    let mut cum = BTreeMap::new();
    let mut sides = BTreeMap::<u64, u64>::new();
    for event in bench.happenings() {
        if let Happening::Filled(filled) = event.happening().unwrap() {
            let client = { event.header().session }.0 as usize - 1;
            *cum.entry((client, { filled.order.order }.0)).or_default() += { filled.last_qty }.0;
            *sides.entry({ filled.trade }.0).or_default() += 1;
        }
    }
    assert!(sides.values().all(|sides| *sides == 2), "every trade has two sides: {sides:?}");
    cum
}

/// The same, as the clients heard it.
fn clients_view(bench: &Bench) -> BTreeMap<(usize, u64), u64> {
    let mut cum = BTreeMap::new();
    for client in 0..CLIENTS {
        let mut seen = BTreeSet::new();
        let mut highest = BTreeMap::<u64, u64>::new();
        for said in bench.heard(client).iter().filter(|said| said.get(35) == "8") {
            assert!(seen.insert(said.get(17).to_owned()), "client {client} hears {said} twice");
            if said.get(150) == "F" {
                let order = said.number(37);
                *cum.entry((client, order)).or_default() += said.number(32);
                let top = highest.entry(order).or_default();
                *top = (*top).max(said.number(14));
            }
        }
        for (order, top) in highest {
            assert_eq!(cum[&(client, order)], top, "LastQty of order {order} adds up to its CumQty");
        }
    }
    cum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_request_has_one_answer_and_all_agree_on_what_was_traded(
        acts in proptest::collection::vec(act(), 20..120), network in network(), lose in 0u64..20,
        in_flight_limit in prop::sample::select(vec![12u64, 1_000]),
    ) {
        let mut bench = Bench::with(Plan { gateways: 2, in_flight_limit, ..Plan::default() });
        bench.hub.lose(lose, network.seed);
        bench.network = network;
        let mut requests = Requests::default();
        for client in 0..CLIENTS {
            bench.connect(client, client % 2);
        }
        bench.settle();
        for act in &acts {
            perform(&mut bench, &mut requests, act);
        }
        come_to_rest(&mut bench);

        for (client, name) in requests.asked.keys() {
            let answers: Vec<_> = bench
                .heard(*client)
                .iter()
                .filter(|said| said.get(11) == name || said.get(379) == name)
                .filter(|said| {
                    let asked = !said.get(41).is_empty();
                    matches!(said.get(35), "9" | "j") || matches!(said.get(150), "0" | "8" | "5") || said.get(150) == "4" && asked
                })
                .collect();
            prop_assert_eq!(answers.len(), 1, "client {} asked {}: {:?}", client, name, answers);
        }
        prop_assert_eq!(clients_view(&bench), engines_view(&bench));
        prop_assert_eq!(bench.core.engine.machine().audit(), Ok(()));
        prop_assert_eq!(bench.core.engine.position().seq.0, bench.core.frames.len() as u64);
    }
}
