//! The rules of the instruments.

use super::DescriptionError;
use super::market::{CurrencyEntry, ParticipantEntry};
use super::raw::{self, File};
use super::refusals::Refusals;
use crate::quantity::parse_scaled;
use std::collections::BTreeSet;
use wire::terms::{Bands, Checks, InstrumentTerms, Lead};
use wire::{CurrencyId, InstrumentId, ParticipantId, Price, Qty, Symbol};

/// The largest price step, lot and price.
const MOST: u64 = 1 << 40;
/// Digits behind the point of a price.
const MAX_DECIMALS: u8 = 12;
/// All of the value, in millionths.
const WHOLE: u32 = 1_000_000;

/// The instruments of a file.
pub(super) fn instruments(
    refuse: &Refusals<'_>,
    file: &File,
    currencies: &[CurrencyEntry],
    participants: &[ParticipantEntry],
) -> Result<Vec<InstrumentTerms>, DescriptionError> {
    let mut ids = BTreeSet::new();
    let mut symbols = BTreeSet::new();
    let mut instruments = Vec::new();
    for entry in &file.instrument {
        let raw = entry.get_ref();
        let refused = |reason: String| refuse.of(entry, format!("instrument \"{}\": {reason}", raw.symbol));
        if raw.id == 0 || raw.id >= file.engine.instruments {
            let most = file.engine.instruments.saturating_sub(1);
            let reason = format!("id {} must lie between 1 and {most} ([engine] instruments)", raw.id);
            return Err(refused(reason));
        }
        if !ids.insert(raw.id) {
            return Err(refused(format!("id {} is taken", raw.id)));
        }
        let terms = terms(raw, currencies, participants).map_err(refused)?;
        if !symbols.insert(terms.symbol) {
            return Err(refused("the symbol is taken".to_owned()));
        }
        instruments.push(terms);
    }
    Ok(instruments)
}

/// What one instrument says, apart from its being one of many.
fn terms(
    raw: &raw::Instrument,
    currencies: &[CurrencyEntry],
    participants: &[ParticipantEntry],
) -> Result<InstrumentTerms, String> {
    let symbol = Symbol::new(raw.symbol.as_bytes()).map_err(|error| format!("the symbol {error}"))?;
    if raw.price_decimals > MAX_DECIMALS {
        return Err(format!("price_decimals must not be above {MAX_DECIMALS}"));
    }
    let tick = u64::try_from(raw.tick).unwrap_or(0);
    if !(1..=MOST).contains(&tick) || !(1..=MOST).contains(&raw.lot) {
        return Err(format!("tick and lot must lie in 1..={MOST}"));
    }
    for (name, fee) in [("maker_fee_ppm", raw.maker_fee_ppm), ("taker_fee_ppm", raw.taker_fee_ppm)] {
        if fee > WHOLE {
            return Err(format!("{name} must not be above {WHOLE}, which is the whole value"));
        }
    }
    Ok(InstrumentTerms {
        currency: currency(raw, currencies)?,
        checks: raw.checks.into(),
        bands: bands(raw)?,
        lead: lead(raw, participants)?,
        algorithm: raw.algorithm.into(),
        phase: raw.phase.into(),
        maker_fee: raw.maker_fee_ppm,
        taker_fee: raw.taker_fee_ppm,
        ..InstrumentTerms::plain(
            InstrumentId(raw.id),
            symbol,
            raw.price_decimals,
            Price(raw.tick),
            Qty(raw.lot),
        )
    })
}

fn currency(raw: &raw::Instrument, currencies: &[CurrencyEntry]) -> Result<CurrencyId, String> {
    let Some(code) = &raw.currency else {
        return match raw.checks.into() {
            Checks::Funds => Err("checks = \"funds\" needs a currency = \"CODE\"".to_owned()),
            Checks::None | Checks::Risk => Ok(CurrencyId(0)),
        };
    };
    let Some(currency) = currencies.iter().find(|currency| currency.code.as_bytes() == code.as_bytes())
    else {
        return Err(format!("no [[currency]] has the code \"{code}\""));
    };
    if raw.price_decimals > currency.decimals {
        return Err(format!(
            "price_decimals ({}) must not be above the decimals of {code} ({})",
            raw.price_decimals, currency.decimals
        ));
    }
    Ok(currency.id)
}

fn bands(raw: &raw::Instrument) -> Result<Bands, String> {
    let price = |name: &str, text: &Option<String>| -> Result<Price, String> {
        let Some(text) = text else { return Ok(Price(0)) };
        let price = parse_scaled(text, raw.price_decimals).map_err(|reason| format!("{name}: {reason}"))?;
        match i64::try_from(price) {
            Ok(price) if (1..=MOST.cast_signed()).contains(&price) => Ok(Price(price)),
            _ => Err(format!("{name} must lie in 1..={MOST} price units")),
        }
    };
    let bands = Bands {
        low: price("band_low", &raw.band_low)?,
        high: price("band_high", &raw.band_high)?,
        collar: price("collar", &raw.collar)?,
        reference: price("reference", &raw.reference)?,
    };
    if { bands.high } != Price(0) && { bands.low } > { bands.high } {
        return Err("band_low must not be above band_high".to_owned());
    }
    Ok(bands)
}

fn lead(raw: &raw::Instrument, participants: &[ParticipantEntry]) -> Result<Lead, String> {
    if raw.lead_share > 100 {
        return Err("lead_share is a percentage: 100 at the most".to_owned());
    }
    let Some(participant) = raw.lead else {
        return match raw.lead_share {
            0 => Ok(Lead::default()),
            _ => Err("lead_share needs a lead = PARTICIPANT".to_owned()),
        };
    };
    if !participants.iter().any(|entry| entry.id.0 == participant) {
        return Err(format!("lead: no [[participant]] has the id {participant}"));
    }
    Ok(Lead { participant: ParticipantId(participant), share: raw.lead_share, reserved: [0; 3] })
}
