//! The registry of instruments, filled by sequenced commands.

use crate::limits::{MAX_PRICE, MAX_QTY};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::command::DefineInstrument;
use wire::{InstrumentId, Price, Qty, Symbol};

/// The most digits behind the point of a price unit; more could not be told apart within `MAX_PRICE`.
pub const MAX_PRICE_DECIMALS: u8 = 12;

/// An instrument as it was defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instrument {
    /// Its number.
    pub id: InstrumentId,
    /// Its symbol, unique in the registry.
    pub symbol: Symbol,
    /// Digits behind the point of a price unit.
    pub price_decimals: u8,
    /// The smallest price step, in price units; above zero.
    pub tick: Price,
    /// Quantities are multiples of this; above zero.
    pub lot: Qty,
}

/// All instruments, dense by number.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    places: Vec<Option<Instrument>>,
    by_symbol: HashMap<Symbol, InstrumentId, FxBuildHasher>,
}

impl Instruments {
    /// Numbers from 0 to below `limit`.
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            places: vec![None; limit as usize],
            by_symbol: HashMap::with_capacity_and_hasher(limit as usize, FxBuildHasher),
        }
    }

    /// The instrument of this number.
    pub(crate) fn get(&self, id: InstrumentId) -> Option<&Instrument> {
        self.places.get(id.0 as usize)?.as_ref()
    }

    /// All of them, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.places.iter().flatten()
    }

    /// Takes a new one in. `None` if the number or the symbol is taken, or a value is out of its range.
    pub(crate) fn define(&mut self, asked: &DefineInstrument) -> Option<&Instrument> {
        let (id, symbol) = (asked.instrument, asked.symbol);
        let instrument =
            Instrument { id, symbol, price_decimals: asked.price_decimals, tick: asked.tick, lot: asked.lot };
        let sane = Symbol::new(symbol.as_bytes()) == Ok(symbol)
            && instrument.price_decimals <= MAX_PRICE_DECIMALS
            && (Price(1)..=MAX_PRICE).contains(&instrument.tick)
            && (Qty(1)..=MAX_QTY).contains(&instrument.lot);
        let place = self.places.get_mut(id.0 as usize)?;
        if !sane || place.is_some() || self.by_symbol.contains_key(&symbol) {
            return None;
        }
        self.by_symbol.insert(symbol, id);
        Some(place.insert(instrument))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(id: u32, symbol: &[u8]) -> DefineInstrument {
        DefineInstrument {
            instrument: InstrumentId(id),
            price_decimals: 2,
            reserved: [0; 3],
            tick: Price(5),
            lot: Qty(10),
            symbol: Symbol::new(symbol).expect("short and printable"),
        }
    }

    #[test]
    fn an_instrument_is_found_under_its_number() {
        let mut registry = Instruments::new(4);
        assert!(registry.define(&asked(2, b"B")).is_some());
        assert_eq!(registry.get(InstrumentId(2)).map(|i| i.lot), Some(Qty(10)));
        assert_eq!(registry.get(InstrumentId(1)), None);
        assert_eq!(registry.iter().count(), 1);
    }

    #[test]
    fn a_number_or_symbol_that_is_taken_or_out_of_range_is_refused() {
        let mut registry = Instruments::new(4);
        assert!(registry.define(&asked(2, b"B")).is_some());
        assert!(registry.define(&asked(2, b"C")).is_none(), "number taken");
        assert!(registry.define(&asked(3, b"B")).is_none(), "symbol taken");
        assert!(registry.define(&asked(4, b"D")).is_none(), "no such place");
        assert!(registry.define(&DefineInstrument { tick: Price(0), ..asked(1, b"A") }).is_none());
        assert!(registry.define(&DefineInstrument { tick: Price(i64::MAX), ..asked(1, b"A") }).is_none());
        assert!(registry.define(&DefineInstrument { lot: Qty(0), ..asked(1, b"A") }).is_none());
        assert!(registry.define(&DefineInstrument { lot: Qty(u64::MAX), ..asked(1, b"A") }).is_none());
        assert!(registry.define(&DefineInstrument { price_decimals: 13, ..asked(1, b"A") }).is_none());
        assert!(registry.define(&DefineInstrument { symbol: Symbol::default(), ..asked(1, b"A") }).is_none());
        assert!(registry.define(&asked(1, b"A")).is_some(), "nothing of the refused ones stuck");
    }
}
