//! The registry of instruments, filled by sequenced commands.

use crate::accounts::Accounts;
use crate::limits::{MAX_FEE, MAX_PRICE_DECIMALS};
use crate::orders::Place;
use book::{Direction, LadderId};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::command::{Algorithm, Bands, Checks, InstrumentTerms, Phase, Side};
use wire::terms::{MAX_PRICE, MAX_QTY};
use wire::{CurrencyId, InstrumentId, ParticipantId, Price, Symbol};

/// Ladders of each instrument: bids, offers, buy stops, sell stops, and those that wait for the closing auction.
pub(crate) const LADDERS: [Direction; 5] =
    [Direction::Falling, Direction::Rising, Direction::Rising, Direction::Falling, Direction::Rising];

/// An instrument as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// What is in force: bands, lead and phase as they were changed last.
    pub terms: InstrumentTerms,
    /// The price of the last trade; 0 before the first.
    pub last: Price,
    /// The price that collars are measured from; 0 for none.
    pub reference: Price,
    pub(crate) market: Market,
}

/// What matching and settlement need of an instrument, in one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Market {
    pub(crate) id: InstrumentId,
    /// The first of its [`LADDERS`].
    ladders: u32,
    pub(crate) tick: i64,
    pub(crate) lot: u64,
    /// Units of the currency in a price unit.
    pub(crate) scale: u64,
    pub(crate) maker_fee: u32,
    pub(crate) taker_fee: u32,
    pub(crate) lead: ParticipantId,
    pub(crate) currency: CurrencyId,
    pub(crate) lead_share: u8,
    pub(crate) algorithm: Algorithm,
    pub(crate) checks: Checks,
    pub(crate) phase: Phase,
}

impl Market {
    /// The side of the book where these orders rest.
    pub(crate) fn book(&self, side: Side) -> LadderId {
        LadderId(self.ladders + side as u32 - 1)
    }

    /// Where stops of this side wait.
    pub(crate) fn stops(&self, side: Side) -> LadderId {
        LadderId(self.ladders + 1 + side as u32)
    }

    /// Where orders at the close wait.
    pub(crate) fn waiting(&self) -> LadderId {
        LadderId(self.ladders + 4)
    }

    /// All of its ladders.
    pub(crate) fn ladders(&self) -> impl Iterator<Item = LadderId> + use<> {
        (self.ladders..).take(LADDERS.len()).map(LadderId)
    }

    /// The ladder of a place.
    pub(crate) fn ladder(&self, place: Place, side: Side) -> LadderId {
        match place {
            Place::Book => self.book(side),
            Place::Stop => self.stops(side),
            Place::Waiting => self.waiting(),
        }
    }

    /// The price of a key of its books.
    pub(crate) fn price(&self, key: i64) -> Price {
        Price(key * self.tick)
    }

    /// The key of a price, which is a multiple of the tick.
    pub(crate) fn key(&self, price: Price) -> i64 {
        price.0 / self.tick
    }

    /// True where fills are settled.
    pub(crate) fn is_funded(&self) -> bool {
        self.checks == Checks::Funds
    }
}

impl Instrument {
    /// How far a market order may go on this side, measured from `base` (0: no collar counts).
    pub(crate) fn protection(&self, side: Side, base: Price) -> Price {
        let bands = self.terms.bands;
        bands.protection(Price(self.market.tick), side, base)
    }
}

/// Whether bands can be: nothing below zero or above the highest price, the low one not above the high one.
pub(crate) fn are_sane(bands: &Bands) -> bool {
    let range = Price(0)..=MAX_PRICE;
    let (low, high) = (bands.low, bands.high);
    [low, high, bands.collar, bands.reference].iter().all(|price| range.contains(price))
        && (low == Price(0) || high == Price(0) || low <= high)
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

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, id: InstrumentId) -> Option<&mut Instrument> {
        self.places.get_mut(id.0 as usize)?.as_mut()
    }

    /// The instrument of an order, which there always is.
    pub(crate) fn of_order(&mut self, id: InstrumentId) -> &mut Instrument {
        self.get_mut(id).expect("an order's instrument is never taken out of the registry")
    }

    /// All of them, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Instrument> + Clone {
        self.places.iter().flatten()
    }

    /// Takes a new one in, whose ladders begin at `ladders`. `None` if the number or the symbol is taken, or a value is out
    /// of its range.
    pub(crate) fn define(
        &mut self,
        terms: &InstrumentTerms,
        accounts: &Accounts,
        ladders: impl FnOnce() -> u32,
    ) -> Option<&Instrument> {
        let (id, symbol) = (terms.instrument, terms.symbol);
        let scale = scale(terms, accounts)?;
        let (tick, lot, lead) = (terms.tick, terms.lot, terms.lead);
        let sane = Symbol::new(symbol.as_bytes()) == Ok(symbol)
            && terms.price_decimals <= MAX_PRICE_DECIMALS
            && (Price(1)..=MAX_PRICE).contains(&tick)
            && (1..=MAX_QTY.0).contains(&lot.0)
            && are_sane(&{ terms.bands })
            && terms.maker_fee <= MAX_FEE
            && terms.taker_fee <= MAX_FEE
            && lead.share <= 100
            && accounts.is_somebody_or_nobody(lead.participant)
            && id != InstrumentId::ALL;
        let place = self.places.get_mut(id.0 as usize)?;
        if !sane || place.is_some() || self.by_symbol.contains_key(&symbol) {
            return None;
        }
        self.by_symbol.insert(symbol, id);
        let market = Market {
            id,
            ladders: ladders(),
            tick: tick.0,
            lot: lot.0,
            scale,
            maker_fee: terms.maker_fee,
            taker_fee: terms.taker_fee,
            lead: lead.participant,
            currency: terms.currency,
            lead_share: lead.share,
            algorithm: terms.algorithm,
            checks: terms.checks,
            phase: terms.phase,
        };
        let reference = { terms.bands }.reference;
        Some(place.insert(Instrument { terms: *terms, last: Price(0), reference, market }))
    }
}

/// Units of the currency in a price unit. `None` if the currency cannot be, or is missing where fills are settled.
fn scale(terms: &InstrumentTerms, accounts: &Accounts) -> Option<u64> {
    let currency = terms.currency;
    if currency == CurrencyId(0) {
        return (terms.checks != Checks::Funds).then_some(1);
    }
    let finer = accounts.currency(currency)?.decimals.checked_sub(terms.price_decimals)?;
    Some(10_u64.pow(u32::from(finer)))
}
