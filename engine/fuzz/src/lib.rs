//! What the fuzz targets do with their bytes. The tests of the engine run the same bodies over the committed corpus.

pub mod commands;
pub mod decode;
pub mod model;
pub mod wild;

#[path = "../../tests/support/naive/mod.rs"]
pub mod naive;
#[path = "../../tests/support/pair/mod.rs"]
pub mod pair;
#[path = "../../tests/support/mod.rs"]
pub mod support;
