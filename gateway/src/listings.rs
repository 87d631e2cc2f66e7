//! What the exchange trades and in which money, as this gateway has heard.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::event::{CurrencyDefined, InstrumentDefined};
use wire::{CurrencyId, InstrumentId, Symbol};

/// What a gateway needs to know of an instrument. Ticks and lots are the engine's to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) instrument: InstrumentId,
    pub(crate) symbol: Symbol,
    /// Digits behind the point of a price unit.
    pub(crate) price_decimals: u8,
    /// Digits behind the point of the money that it is paid in, if it is paid for here.
    pub(crate) money_decimals: Option<u8>,
}

/// Looked up by symbol and by number, never iterated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listings {
    by_symbol: HashMap<Symbol, Listing, FxBuildHasher>,
    by_id: HashMap<InstrumentId, Listing, FxBuildHasher>,
    /// Digits behind the point of each currency's unit. A currency is defined before what is paid in it.
    decimals: HashMap<CurrencyId, u8, FxBuildHasher>,
}

impl Listings {
    pub(crate) fn define(&mut self, defined: &InstrumentDefined) {
        let terms = defined.terms;
        let listing = Listing {
            instrument: terms.instrument,
            symbol: terms.symbol,
            price_decimals: terms.price_decimals,
            money_decimals: self.decimals.get(&{ terms.currency }).copied(),
        };
        self.by_symbol.insert(listing.symbol, listing);
        self.by_id.insert(listing.instrument, listing);
    }

    pub(crate) fn define_currency(&mut self, defined: &CurrencyDefined) {
        self.decimals.insert(defined.currency, defined.decimals);
    }

    pub(crate) fn of_symbol(&self, text: &[u8]) -> Option<&Listing> {
        self.by_symbol.get(&Symbol::new(text).ok()?)
    }

    pub(crate) fn of_id(&self, instrument: InstrumentId) -> Option<&Listing> {
        self.by_id.get(&instrument)
    }
}
