//! Throughput and the latency of single commands, by kind of flow, with checks and without: `scripts/bench matching`.

#![allow(clippy::disallowed_methods, clippy::print_stdout)]

mod flow;

use engine::Limits;
use flow::{Asked, Desk, Flow, REALISTIC};
use hdrhistogram::Histogram;
use std::time::Instant;
use wire::command::{Act, Checks, MassCancelFor, MassScope};
use wire::{AccountId, Command};

/// Orders open at a time in one busy instrument.
const OPEN: usize = 20_000;

/// A flow to measure: what is applied before, and what is measured.
struct Scenario {
    name: &'static str,
    instruments: u32,
    before: Vec<Asked>,
    measured: Vec<Asked>,
}

fn scenarios(commands: usize) -> Vec<Scenario> {
    let take = |n: usize, next: &mut dyn FnMut() -> Asked| (0..n).map(|_| next()).collect::<Vec<_>>();
    let mut all = Vec::new();
    let mut flow = Flow::new(1, 1);
    all.push(Scenario {
        name: "realistic mix",
        instruments: 1,
        before: take(20_000, &mut || flow.mixed(&REALISTIC, OPEN)),
        measured: take(commands, &mut || flow.mixed(&REALISTIC, OPEN)),
    });
    let mut flow = Flow::new(2, 1);
    all.push(Scenario {
        name: "add",
        instruments: 1,
        before: Vec::new(),
        measured: take(commands.min(1_000_000), &mut || flow.resting()),
    });
    let mut flow = Flow::new(3, 1);
    let before = take(commands.min(1_000_000), &mut || flow.resting());
    let cancels = (0..before.len()).filter_map(|_| flow.cancelling()).collect();
    all.push(Scenario { name: "cancel", instruments: 1, before, measured: cancels });
    let mut flow = Flow::new(4, 1);
    let before = take(100_000, &mut || flow.resting());
    let replaces = (0..commands).filter_map(|_| flow.replacing()).collect();
    all.push(Scenario { name: "replace", instruments: 1, before, measured: replaces });
    let mut flow = Flow::new(5, 1);
    let mut sweeps = Vec::new();
    while sweeps.len() < commands {
        for _ in 0..10 {
            sweeps.push(flow.resting_within(10));
        }
        sweeps.push(flow.taking(10, 50));
    }
    all.push(Scenario { name: "IOC sweeps of 10", instruments: 1, before: Vec::new(), measured: sweeps });
    let mut flow = Flow::new(6, 1);
    all.push(Scenario {
        name: "deep book (1,000,000)",
        instruments: 1,
        before: take(1_000_000, &mut || flow.resting_within(5_000)),
        measured: take(commands, &mut || flow.mixed(&REALISTIC, 1_000_000)),
    });
    let mut flow = Flow::new(7, 10_000);
    all.push(Scenario {
        name: "10,000 instruments, Zipf",
        instruments: 10_000,
        before: take(700_000, &mut || flow.mixed(&REALISTIC, 200_000)),
        measured: take(commands, &mut || flow.mixed(&REALISTIC, 200_000)),
    });
    if let Some((measured, skipped)) = flow::lobster::day() {
        println!("LOBSTER day: {} commands; {skipped} messages of it say nothing to ask for", measured.len());
        all.push(Scenario { name: "LOBSTER day", instruments: 1, before: Vec::new(), measured });
    } else {
        println!("LOBSTER day: skipped, the recording does not lie beside the repository (shared/data)");
    }
    all
}

fn limits(scenario: &Scenario) -> Limits {
    let commands = u32::try_from(scenario.before.len() + scenario.measured.len()).expect("some millions");
    Limits {
        instruments: scenario.instruments.max(16),
        sessions: 1 << 10,
        resting_orders: 1 << 21,
        names: commands * 2,
        accounts: 128,
        holdings: scenario.instruments * flow::CLIENTS + 1,
        participants: 128,
        currencies: 4,
        trades: 1 << 20,
        levels: 1 << 17,
        events_reserved: 1 << 16,
    }
}

fn prepared(scenario: &Scenario, checks: Checks) -> Desk {
    let mut desk = Desk::new(scenario.instruments, checks, limits(scenario));
    desk.exchange.prefault();
    for asked in &scenario.before {
        desk.apply(asked.command());
    }
    desk
}

/// What two looks at the clock tell of nothing: the median of many.
fn clock_ns() -> u64 {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 10_000_000, 3).expect("up to ten milliseconds");
    for _ in 0..100_000 {
        let start = Instant::now();
        let took = start.elapsed().as_nanos();
        histogram.saturating_record(u64::try_from(took).unwrap_or(u64::MAX).max(1));
    }
    histogram.value_at_quantile(0.5)
}

/// A mass cancel that finds nothing looks at every open order: how long that takes.
fn tell_mass_cancel(scenario: &Scenario) {
    let mut desk = prepared(scenario, Checks::Funds);
    let nobody = AccountId(127);
    let asked =
        MassCancelFor { scope: MassScope::Account, reserved: [0; 3], subject: nobody.0, act: Act::default() };
    let open = desk.exchange.resting_orders();
    let mut took: Vec<f64> = (0..11)
        .map(|_| {
            let start = Instant::now();
            desk.apply(Command::MassCancelFor(&asked));
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    println!("A mass cancel that finds nothing among {open} open orders: {:.1} ms", took[took.len() / 2]);
}

/// Commands a second that the realistic mix is to reach with checks on, in millions (a wish).
const RATE_GOAL: f64 = 10.0;
/// What its 99.9th percentile is to stay under, in nanoseconds (a wish).
const LATENCY_GOAL: u64 = 1_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str, or: usize| {
        let at = arguments.iter().position(|argument| argument == flag);
        at.and_then(|at| arguments.get(at + 1)).and_then(|text| text.parse().ok()).unwrap_or(or)
    };
    let (commands, runs) = (number("--commands", 2_000_000), number("--runs", 3));
    let only =
        arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
    println!("Looking at the clock costs {} ns of every latency below.", clock_ns());
    println!(
        "{:<26} {:>7} {:>9} {:>8} {:>8} {:>8} {:>9}",
        "flow", "checks", "M cmd/s", "p50 ns", "p99 ns", "p99.9 ns", "max us"
    );
    for scenario in scenarios(commands) {
        if only.is_some_and(|only| !scenario.name.contains(only.as_str())) {
            continue;
        }
        for (word, checks) in [("off", Checks::None), ("on", Checks::Funds)] {
            let mut rates: Vec<f64> = (0..runs)
                .map(|_| {
                    let mut desk = prepared(&scenario, checks);
                    let start = Instant::now();
                    for asked in &scenario.measured {
                        desk.apply(asked.command());
                    }
                    scenario.measured.len() as f64 / start.elapsed().as_secs_f64() / 1e6
                })
                .collect();
            rates.sort_by(f64::total_cmp);
            let mut desk = prepared(&scenario, checks);
            let mut histogram =
                Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).expect("up to ten seconds");
            for asked in &scenario.measured {
                let start = Instant::now();
                desk.apply(asked.command());
                let took = start.elapsed().as_nanos();
                histogram.saturating_record(u64::try_from(took).unwrap_or(u64::MAX));
            }
            println!(
                "{:<26} {:>7} {:>9.2} {:>8} {:>8} {:>8} {:>9.1}",
                scenario.name,
                word,
                rates[rates.len() / 2],
                histogram.value_at_quantile(0.5),
                histogram.value_at_quantile(0.99),
                histogram.value_at_quantile(0.999),
                histogram.max() as f64 / 1e3,
            );
            if scenario.name.starts_with("deep book") && checks == Checks::Funds {
                tell_mass_cancel(&scenario);
            }
            if scenario.name == "realistic mix" && checks == Checks::Funds {
                let (rate, tail) = (rates[rates.len() / 2], histogram.value_at_quantile(0.999));
                let word = |reached| if reached { "reached" } else { "missed" };
                println!("GOAL {RATE_GOAL} M cmd/s with checks: {} ({rate:.2})", word(rate >= RATE_GOAL));
                println!(
                    "GOAL p99.9 under {LATENCY_GOAL} ns with checks: {} ({tail})",
                    word(tail < LATENCY_GOAL)
                );
            }
        }
    }
}
