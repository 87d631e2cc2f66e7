//! Single kinds of commands under criterion: `cargo bench -p engine --bench commands`.

#![allow(missing_docs)] // criterion's macros make functions without any

mod flow;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::Limits;
use flow::{Asked, Desk, Flow, REALISTIC};
use std::hint::black_box;
use wire::command::Checks;

/// Commands of one measurement.
const BATCH: usize = 10_000;

const LIMITS: Limits = Limits {
    instruments: 16,
    sessions: 256,
    resting_orders: 1 << 17,
    names: 1 << 18,
    accounts: 128,
    holdings: 1 << 12,
    participants: 128,
    currencies: 4,
    trades: 1 << 16,
    levels: 1 << 14,
    events_reserved: 4096,
};

/// What is applied before, and what is measured.
fn flow(kind: &str) -> (Vec<Asked>, Vec<Asked>) {
    let mut flow = Flow::new(1, 1);
    let mut take = |count: usize, next: &mut dyn FnMut(&mut Flow) -> Option<Asked>| {
        (0..count).filter_map(|_| next(&mut flow)).collect::<Vec<_>>()
    };
    match kind {
        "add" => (Vec::new(), take(BATCH, &mut |flow| Some(flow.resting()))),
        "cancel" => (take(BATCH, &mut |flow| Some(flow.resting())), take(BATCH, &mut Flow::cancelling)),
        "replace" => (take(BATCH, &mut |flow| Some(flow.resting())), take(BATCH, &mut Flow::replacing)),
        "sweep" => (
            take(BATCH, &mut |flow| Some(flow.resting_within(10))),
            take(BATCH / 10, &mut |flow| Some(flow.taking(10, 50))),
        ),
        _ => {
            let mut mixed = |flow: &mut Flow| Some(flow.mixed(&REALISTIC, BATCH));
            (take(BATCH, &mut mixed), take(BATCH, &mut mixed))
        }
    }
}

fn commands(criterion: &mut Criterion) {
    for (word, checks) in [("without checks", Checks::None), ("with checks", Checks::Funds)] {
        let mut group = criterion.benchmark_group(word);
        for kind in ["add", "cancel", "replace", "sweep", "realistic"] {
            let (before, measured) = flow(kind);
            let mut start = Desk::new(1, checks, LIMITS);
            for asked in &before {
                start.apply(asked.command());
            }
            group.throughput(Throughput::Elements(measured.len() as u64));
            group.bench_function(kind, |bencher| {
                bencher.iter_batched_ref(
                    || start.clone(),
                    |desk| measured.iter().for_each(|asked| desk.apply(black_box(asked.command()))),
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = commands
}
criterion_main!(benches);
