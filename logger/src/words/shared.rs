//! What commands and events say in the same words: orders, instruments, limits, who did it.

use super::Show;
use super::tables::{algorithm, checks, lasting, phase, scope as scope_word, self_trade, side, status};
use std::fmt::Display;
use wire::command::{
    Act, Bands, InstrumentTerms, Lead, MassScope, OrderType, PostOnly, RiskLimits, SelfTrade, Terms,
};
use wire::event::{OrderView, TradeSide};
use wire::{CurrencyCode, CurrencyId, InstrumentId, Money, Nanos, ParticipantId, Price, Qty};

/// What an order asks for: what is not there is not mentioned.
pub(super) fn terms(terms: Terms) -> impl Display {
    Show(move |f| {
        let (price, stop) = ({ terms.price }, { terms.stop_price });
        write!(f, "{} {} of instrument {} ", side(terms.side), { terms.qty }, { terms.instrument })?;
        match terms.order_type {
            OrderType::Market => f.write_str("at market")?,
            OrderType::Limit => write!(f, "at limit {price}")?,
            OrderType::Stop => write!(f, "at market once {stop} trades")?,
            OrderType::StopLimit => write!(f, "at limit {price} once {stop} trades")?,
        }
        write!(f, ", {}", lasting(terms.time_in_force))?;
        let (expire, display, min_qty) = ({ terms.expire }, { terms.display }, { terms.min_qty });
        if expire != Nanos(0) {
            write!(f, " {}", crate::utc::Utc(expire))?;
        }
        if display != Qty(0) {
            write!(f, ", showing {display}")?;
        }
        if min_qty != Qty(0) {
            write!(f, ", at least {min_qty}")?;
        }
        if terms.post_only == PostOnly::Yes {
            f.write_str(", post only")?;
        }
        if terms.self_trade != SelfTrade::Allow {
            write!(f, ", self-trade: {}", self_trade(terms.self_trade))?;
        }
        Ok(())
    })
}

/// An order as it is after an event.
pub(super) fn order(order: OrderView) -> impl Display {
    Show(move |f| {
        write!(
            f,
            "order {} \"{}\" {}, account {}; {}, filled {}, open {}, notional {}",
            { order.order },
            order.cl_ord_id,
            terms(order.terms),
            { order.account },
            status(order.status),
            { order.cum },
            { order.leaves },
            { order.notional },
        )
    })
}

/// One side of a trade.
pub(super) fn trade(trade: TradeSide) -> impl Display {
    Show(move |f| {
        write!(
            f,
            "trade {} of order {} \"{}\" {} {} of instrument {} at {}, account {}, fee {}",
            { trade.trade },
            { trade.order },
            trade.cl_ord_id,
            side(trade.side),
            { trade.qty },
            { trade.instrument },
            { trade.price },
            { trade.account },
            { trade.fee },
        )
    })
}

/// An instrument as it is defined: what is not there is not mentioned.
pub(super) fn instrument(terms: InstrumentTerms) -> impl Display {
    Show(move |f| {
        write!(
            f,
            "instrument {} \"{}\", {} price decimals, tick {}, lot {}, {}, {}, {}",
            { terms.instrument },
            { terms.symbol },
            terms.price_decimals,
            { terms.tick },
            { terms.lot },
            algorithm(terms.algorithm),
            phase(terms.phase),
            checks(terms.checks),
        )?;
        if { terms.currency } != CurrencyId(0) {
            write!(f, ", currency {}", { terms.currency })?;
        }
        if { terms.bands } != Bands::default() {
            write!(f, ", {}", bands(terms.bands))?;
        }
        if { terms.lead } != Lead::default() {
            write!(f, ", {}", lead(terms.lead))?;
        }
        if ({ terms.maker_fee }, { terms.taker_fee }) != (0, 0) {
            write!(f, ", fees {} and {} ppm", { terms.maker_fee }, { terms.taker_fee })?;
        }
        Ok(())
    })
}

/// An instrument by its number, or all of them.
pub(super) fn listed(instrument: InstrumentId) -> impl Display {
    Show(move |f| match instrument {
        InstrumentId::ALL => f.write_str("all instruments"),
        one => write!(f, "instrument {one}"),
    })
}

pub(super) fn bands(bands: Bands) -> impl Display {
    Show(move |f| {
        let value = |price: Price| match price {
            Price(0) => "none".to_owned(),
            price => price.to_string(),
        };
        write!(
            f,
            "low {}, high {}, collar {}, reference {}",
            value(bands.low),
            value(bands.high),
            value(bands.collar),
            value(bands.reference)
        )
    })
}

pub(super) fn lead(lead: Lead) -> impl Display {
    let participant = lead.participant;
    Show(move |f| match participant {
        ParticipantId(0) => f.write_str("nobody leads"),
        participant => write!(f, "participant {participant} leads with {} %", lead.share),
    })
}

pub(super) fn currency(currency: CurrencyId, code: CurrencyCode, decimals: u8) -> impl Display {
    Show(move |f| write!(f, "{currency} \"{code}\", {decimals} decimals"))
}

/// Limits: those that are none are not mentioned.
pub(super) fn limits(limits: RiskLimits) -> impl Display {
    Show(move |f| {
        let mut none = true;
        let mut told = |name: &str, value: &dyn Display, there: bool| {
            if !there {
                return Ok(());
            }
            let comma = if std::mem::take(&mut none) { "" } else { ", " };
            write!(f, "{comma}{name} {value}")
        };
        told("order quantity", &{ limits.order_qty }, { limits.order_qty } != Qty(0))?;
        told("order value", &{ limits.order_value }, { limits.order_value } != Money(0))?;
        told("position", &{ limits.position }, { limits.position } != Qty(0))?;
        told("day volume", &{ limits.day_volume }, { limits.day_volume } != Qty(0))?;
        told("open orders", &{ limits.open_orders }, { limits.open_orders } != 0)?;
        if none { f.write_str("none") } else { Ok(()) }
    })
}

/// Which orders, of whom.
pub(super) fn scope(scope: MassScope, subject: u32) -> impl Display {
    Show(move |f| match scope {
        MassScope::Everything => f.write_str(scope_word(scope)),
        of_one => write!(f, "{} {subject}", scope_word(of_one)),
    })
}

/// Who did it, and why, at the end of a line.
pub(super) fn act(act: Act) -> impl Display {
    Show(move |f| write!(f, ", by \"{}\": \"{}\"", act.by, act.why))
}
