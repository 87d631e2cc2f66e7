//! Measures the ladders alone: `cargo run --release -p book --example pace`.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // a measurement reads the clock and prints

use book::{Direction, LadderId, Room, Shelf, Slot};
use std::time::Instant;
use wire::Qty;

const CALLS: u64 = 4_000_000;

/// A shape of trading: how many instruments, how many orders rest, over how many ticks each side spreads.
struct Shape {
    name: &'static str,
    instruments: u64,
    orders: u64,
    span: u64,
}

const SHAPES: [Shape; 4] = [
    Shape { name: "one instrument, 3,000 orders on 300 ticks", instruments: 1, orders: 3_000, span: 300 },
    Shape {
        name: "one instrument, 40,000 orders on 50,000 ticks",
        instruments: 1,
        orders: 40_000,
        span: 50_000,
    },
    Shape {
        name: "10,000 instruments, 10 orders on 10 ticks each",
        instruments: 10_000,
        orders: 100_000,
        span: 10,
    },
    Shape {
        name: "10,000 instruments, 100 orders on 100 ticks each",
        instruments: 10_000,
        orders: 1_000_000,
        span: 100,
    },
];

struct Random(u64);

impl Random {
    /// A number below `bound`, a power of two or not: the bias does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}

fn add(shelf: &mut Shelf<u64>, random: &mut Random, shape: &Shape) -> Slot {
    let ladder = random.below(2 * shape.instruments);
    let away = random.below(shape.span).cast_signed();
    let key = if ladder.is_multiple_of(2) { 100_000 - away } else { 100_001 + away };
    let slot = shelf.insert(ladder, Qty(100), Qty(100), 0);
    shelf.join(slot, LadderId(ladder as u32), key);
    slot
}

fn run(shape: &Shape) {
    let mut shelf = Shelf::new(Room { orders: shape.orders as u32, levels: 0, pages: 0 });
    for _ in 0..shape.instruments {
        shelf.open(Direction::Falling);
        shelf.open(Direction::Rising);
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut living: Vec<Slot> = (0..shape.orders).map(|_| add(&mut shelf, &mut random, shape)).collect();
    let start = Instant::now();
    for _ in 0..CALLS {
        let place = random.below(shape.orders) as usize;
        shelf.leave(living[place]);
        shelf.free(living[place]);
        living[place] = add(&mut shelf, &mut random, shape);
    }
    let moved = start.elapsed().as_nanos() as u64 / CALLS;
    let start = Instant::now();
    for _ in 0..CALLS {
        let ladder = LadderId(random.below(2 * shape.instruments) as u32);
        if let Some(best) = shelf.best(ladder) {
            let slot = best.first();
            if shelf.fill(slot, Qty(60)) == Qty(0) || shelf.fill(slot, Qty(40)) == Qty(0) {
                shelf.free(slot);
                add(&mut shelf, &mut random, shape);
            }
        }
    }
    let filled = start.elapsed().as_nanos() as u64 / CALLS;
    println!("{:<52} cancel and add {moved:>4} ns   fill twice and add {filled:>4} ns", shape.name);
}

fn main() {
    for shape in &SHAPES {
        run(shape);
    }
}
