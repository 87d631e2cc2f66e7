//! The instruments that the exchange has defined, as this gateway has heard.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::event::InstrumentDefined;
use wire::{InstrumentId, Symbol};

/// What a gateway needs to know of an instrument. Ticks and lots are the engine's to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) instrument: InstrumentId,
    pub(crate) symbol: Symbol,
    /// Digits behind the point of a price unit.
    pub(crate) price_decimals: u8,
}

/// Looked up by symbol and by number, never iterated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listings {
    by_symbol: HashMap<Symbol, Listing, FxBuildHasher>,
    by_id: HashMap<InstrumentId, Listing, FxBuildHasher>,
}

impl Listings {
    pub(crate) fn define(&mut self, defined: &InstrumentDefined) {
        let listing = Listing {
            instrument: defined.instrument,
            symbol: defined.symbol,
            price_decimals: defined.price_decimals,
        };
        self.by_symbol.insert(listing.symbol, listing);
        self.by_id.insert(listing.instrument, listing);
    }

    pub(crate) fn of_symbol(&self, text: &[u8]) -> Option<&Listing> {
        self.by_symbol.get(&Symbol::new(text).ok()?)
    }

    pub(crate) fn of_id(&self, instrument: InstrumentId) -> Option<&Listing> {
        self.by_id.get(&instrument)
    }
}
