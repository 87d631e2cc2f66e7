//! What the fuzz targets do, over their committed corpus and over a few bytes of our own, so that they cannot rot.

#![allow(unreachable_pub)]

#[path = "../fuzz/src/commands.rs"]
mod commands;
#[path = "../fuzz/src/decode.rs"]
mod decode;
#[path = "../fuzz/src/model.rs"]
mod model;
#[path = "support/naive/mod.rs"]
mod naive;
#[path = "support/pair/mod.rs"]
mod pair;
mod support;
#[path = "../fuzz/src/wild.rs"]
mod wild;

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};
use std::path::Path;

/// The committed inputs of a target, then some drawn ones.
fn over_its_corpus(target: &str, drawn: u64, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        run(&std::fs::read(entry.expect("a file").path()).expect("a file of the corpus"));
        inputs += 1;
    }
    assert!(inputs >= 8, "{inputs} inputs in {}", folder.display());
    let mut random = SmallRng::seed_from_u64(11);
    for _ in 0..drawn {
        let mut bytes = vec![0; random.random_range(0..6_000)];
        random.fill_bytes(&mut bytes);
        run(&bytes);
    }
}

#[test]
fn whatever_is_read_writes_back() {
    over_its_corpus("decode", 2_000, decode::run);
}

#[test]
fn wild_commands_leave_an_exchange_that_agrees_with_itself() {
    over_its_corpus("commands", 300, commands::run);
}

#[test]
fn the_model_agrees_on_wild_and_on_drawn_commands() {
    over_its_corpus("model", 150, model::run);
}
