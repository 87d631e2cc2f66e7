//! The instruments, as the events define and change them.

use crate::Fault;
use crate::course;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::terms::{InstrumentTerms, Phase, Terms};
use wire::{Happening, InstrumentId, Price};

/// An instrument as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// What is in force: bands, lead and phase as they were changed last.
    pub terms: InstrumentTerms,
    /// The price of the last trade; 0 before the first.
    pub last: Price,
    /// The price that collars are measured from; 0 for none.
    pub reference: Price,
}

impl Instrument {
    /// The phase that it is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.terms.phase
    }

    /// The worst price at which an order that is entered now trades: its limit, or its protection price.
    #[must_use]
    pub fn limit(&self, terms: &Terms) -> Price {
        if course::is_unpriced(terms) {
            let base = course::base(terms, self.reference);
            { self.terms.bands }.protection(self.terms.tick, terms.side, base)
        } else {
            terms.price
        }
    }
}

/// All instruments, in the order in which they were defined.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    all: Vec<Instrument>,
    /// Where which one stands.
    places: HashMap<InstrumentId, u32, FxBuildHasher>,
}

impl Instruments {
    pub(crate) fn new(room: u32) -> Self {
        let room = room as usize;
        Self { all: Vec::with_capacity(room), places: HashMap::with_capacity_and_hasher(room, FxBuildHasher) }
    }

    /// All of them, in the order in which they were defined.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.all.iter()
    }

    /// How many were defined before this one.
    pub(crate) fn place(&self, id: InstrumentId) -> Option<u32> {
        self.places.get(&id).copied()
    }

    pub(crate) fn get(&self, id: InstrumentId) -> Option<&Instrument> {
        self.all.get(self.place(id)? as usize)
    }

    /// The one that an event is about.
    pub(crate) fn known(&self, id: InstrumentId) -> Result<&Instrument, Fault> {
        self.get(id).ok_or(Fault::UnknownInstrument(id))
    }

    /// Whether the event goes with what is known, and whose instrument it changes.
    pub(crate) fn expects(&self, happening: &Happening<'_>) -> Result<Option<InstrumentId>, Fault> {
        let id = match happening {
            Happening::InstrumentDefined(body) => {
                let id = body.terms.instrument;
                if self.get(id).is_some() {
                    return Err(Fault::KnownInstrument(id));
                }
                if { body.terms.tick } < Price(1) {
                    return Err(Fault::NoTick(id));
                }
                return Ok(Some(id));
            }
            Happening::PhaseChanged(body) => {
                let id = body.instrument;
                if self.known(id)?.phase() != body.before {
                    return Err(Fault::OtherPhase(id));
                }
                id
            }
            Happening::BandsChanged(body) => body.instrument,
            Happening::LeadChanged(body) => body.instrument,
            Happening::AuctionUncrossed(body) => body.instrument,
            _ => return Ok(None),
        };
        self.known(id).map(|_| Some(id))
    }

    /// Takes in an event that goes with what is known.
    pub(crate) fn note(&mut self, happening: &Happening<'_>) {
        match happening {
            Happening::InstrumentDefined(body) => {
                let terms = body.terms;
                let place = u32::try_from(self.all.len()).expect("fewer than there are numbers");
                self.places.insert(terms.instrument, place);
                let reference = { terms.bands }.reference;
                self.all.push(Instrument { terms, last: Price(0), reference });
            }
            Happening::PhaseChanged(body) => self.change(body.instrument, |it| it.terms.phase = body.phase),
            Happening::BandsChanged(body) => self.change(body.instrument, |it| {
                it.terms.bands = body.bands;
                it.reference = { body.bands }.reference;
            }),
            Happening::LeadChanged(body) => self.change(body.instrument, |it| it.terms.lead = body.lead),
            Happening::Filled(body) => self.change({ body.order.terms }.instrument, |it| {
                (it.last, it.reference) = (body.last_price, body.last_price);
            }),
            _ => {}
        }
    }

    fn change(&mut self, id: InstrumentId, change: impl FnOnce(&mut Instrument)) {
        if let Some(place) = self.place(id) {
            change(&mut self.all[place as usize]);
        }
    }
}
