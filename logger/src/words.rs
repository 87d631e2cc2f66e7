//! Frames and events in words, for people who look for what happened.
//!
//! Prices and quantities are shown in the units they are kept in: how many decimals a price has is known only to who has
//! read the instrument's definition.

use crate::utc::Utc;
use journal::Stream;
use std::fmt::{self, Display, Write};
use wire::command::{LogoutReason, Opening, OrderType, ResetSeqNums, Side, TimeInForce};
use wire::event::{CancelReason, Liquidity, OrderStatus, OrderView, RejectReason, ResponseTo};
use wire::{ClOrdId, Command, CommandKind, Event, Frame, Happening, NodeId, Position, Price};

/// Shows what a closure writes.
struct Show<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> Display for Show<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// Adds one record's line, without the line's end. What a record's body holds may be unknown to this build; its header
/// is shown all the same.
pub(crate) fn record(to: &mut String, stream: Stream, message: &[u8]) {
    let written = match stream {
        Stream::Frames => {
            Frame::read(message).map(|frame| write!(to, "{}", Show(|f| self::frame(f, &frame))))
        }
        Stream::Events => {
            Event::read(message).map(|event| write!(to, "{}", Show(|f| self::event(f, &event))))
        }
    };
    match written {
        Ok(written) => written.expect("writing to a string cannot fail"),
        Err(error) => write!(to, "unreadable: {error}").expect("writing to a string cannot fail"),
    }
}

fn frame(f: &mut fmt::Formatter<'_>, frame: &Frame<'_>) -> fmt::Result {
    let header = *frame.header();
    let who = match CommandKind::of(header.kind) {
        Some(kind) if kind.from_gateway() => "gateway",
        Some(kind) if (kind as u8) < 0x10 => "sequencer",
        _ => "node",
    };
    let (stamp, source, life, number) =
        ({ header.timestamp }, { header.source }, { header.incarnation }, { header.source_seq });
    write!(f, "{} {} {who} {source} life {life} number {number}: ", frame.position(), Utc(stamp))?;
    match frame.command() {
        Ok(command) => self::command(f, &command),
        Err(error) => write!(f, "unreadable: {error}"),
    }
}

fn event(f: &mut fmt::Formatter<'_>, event: &Event<'_>) -> fmt::Result {
    let header = *event.header();
    let (number, stamp) = ({ header.outbound }, { header.timestamp });
    let (speaker, term, epoch) = ({ header.speaker }, { header.term }, { header.spoken_in });
    let (session, report) = ({ header.session }, { header.report });
    write!(
        f,
        "{number} {} engine {speaker} term {term} epoch {epoch} caused by {}",
        Utc(stamp),
        event.cause()
    )?;
    if session.0 != 0 {
        write!(f, " for session {session} report {report}")?;
    }
    f.write_str(": ")?;
    match event.happening() {
        Ok(happening) => self::happening(f, &happening),
        Err(error) => write!(f, "unreadable: {error}"),
    }
}

fn command(f: &mut fmt::Formatter<'_>, command: &Command<'_>) -> fmt::Result {
    match *command {
        Command::EpochStart(body) => {
            let body = *body;
            let (sequencer, nonce, cluster) = ({ body.sequencer }, { body.nonce }, { body.cluster });
            let parent =
                Position { epoch: body.parent_epoch, seq: body.parent_seq, chain: body.parent_chain };
            write!(
                f,
                "epoch start: sequencer {sequencer} (nonce {nonce:016x}) of cluster {cluster:016x} on parent {parent}, \
                 loggers"
            )?;
            let (count, loggers) = (usize::from(body.logger_count), { body.loggers });
            for (nth, logger) in loggers.iter().take(count).enumerate() {
                let comma = if nth > 0 { "," } else { "" };
                write!(f, "{comma} {} life {}", { logger.node }, { logger.incarnation })?;
            }
            match body.opening {
                Opening::AtStart => Ok(()),
                Opening::AtOpen => f.write_str("; nothing is committed before its epoch open"),
            }
        }
        Command::Tick(_) => f.write_str("tick"),
        Command::EpochOpen(_) => f.write_str("epoch open"),
        Command::RulesVersion(body) => write!(f, "rules version: {} from here on", { body.rules }),
        Command::GatewayOpen(body) => {
            write!(f, "gateway open: a new life begins, wire version {}", { body.version })
        }
        Command::SessionLogon(body) => {
            let reset = if body.reset == ResetSeqNums::Yes { ", numbers start over" } else { "" };
            write!(f, "session logon: session {} message {}{reset}", { body.session }, { body.client_seq })
        }
        Command::SessionLogout(body) => write!(
            f,
            "session logout: session {}, next expected message {}, {}",
            { body.session },
            { body.client_seq },
            logout(body.reason)
        ),
        Command::NewOrder(body) => {
            let order = *body;
            let (side, qty, instrument) = (side(order.side), { order.qty }, { order.instrument });
            write!(
                f,
                "new order: session {} message {} {side} {qty} of instrument {instrument} {}, {}, as \"{}\", account {}",
                { order.session },
                { order.client_seq },
                price(order.order_type, order.price),
                lasting(order.time_in_force),
                order.cl_ord_id,
                { order.account },
            )
        }
        Command::CancelOrder(body) => write!(
            f,
            "cancel order: session {} message {} asks as \"{}\" to cancel \"{}\" ({} instrument {})",
            { body.session },
            { body.client_seq },
            body.cl_ord_id,
            body.orig_cl_ord_id,
            side(body.side),
            { body.instrument },
        ),
        Command::ReplaceOrder(body) => {
            let order = *body;
            write!(
                f,
                "replace order: session {} message {} makes \"{}\" into \"{}\": {} {} of instrument {} {}, {}",
                { order.session },
                { order.client_seq },
                order.orig_cl_ord_id,
                order.cl_ord_id,
                side(order.side),
                { order.qty },
                { order.instrument },
                price(order.order_type, order.price),
                lasting(order.time_in_force),
            )
        }
        Command::DefineInstrument(body) => {
            let (number, tick, lot) = ({ body.instrument }, { body.tick }, { body.lot });
            f.write_str("define instrument: ")?;
            instrument(f, number, &body.symbol, body.price_decimals, tick, lot)
        }
    }
}

fn happening(f: &mut fmt::Formatter<'_>, happening: &Happening<'_>) -> fmt::Result {
    match *happening {
        Happening::EpochStarted(body) => write!(f, "epoch started: sequencer {}", { body.sequencer }),
        Happening::RulesActivated(body) => write!(f, "rules activated: {}", { body.rules }),
        Happening::GatewayOpened(body) => {
            write!(f, "gateway opened: gateway {} life {}", { body.gateway }, { body.incarnation })
        }
        Happening::SessionOpened(body) => {
            let reset = if body.reset == ResetSeqNums::Yes { ", numbers start over" } else { "" };
            write!(f, "session opened: on gateway {} life {}{reset}", { body.gateway }, { body.incarnation })
        }
        Happening::SessionClosed(body) => {
            let gateway: NodeId = body.gateway;
            write!(f, "session closed: on gateway {gateway}, {}", logout(body.reason))
        }
        Happening::Accepted(body) => {
            f.write_str("accepted: ")?;
            order(f, body.order)
        }
        Happening::Rejected(body) => {
            write!(f, "rejected, {}", reject(body.reason))?;
            let original = { body.original };
            if original.0 != 0 {
                write!(f, " (first seen as order {original})")?;
            }
            f.write_str(": ")?;
            order(f, body.order)
        }
        Happening::Filled(body) => {
            let liquidity = match body.liquidity {
                Liquidity::Maker => "maker",
                Liquidity::Taker => "taker",
            };
            write!(
                f,
                "filled {} at {} as {liquidity} in trade {} against order {}: ",
                { body.last_qty },
                { body.last_price },
                { body.trade },
                { body.contra },
            )?;
            order(f, body.order)
        }
        Happening::Cancelled(body) => {
            let reason = match body.reason {
                CancelReason::Requested => "as requested",
                CancelReason::ImmediateRemainder => "immediate or cancel with nothing more to match",
                CancelReason::NoLiquidity => "market order without a counterparty",
            };
            write!(f, "cancelled, {reason}")?;
            let request: ClOrdId = body.request;
            if !request.is_empty() {
                write!(f, " by \"{request}\"")?;
            }
            f.write_str(": ")?;
            order(f, body.order)
        }
        Happening::Replaced(body) => {
            write!(f, "replaced \"{}\": ", body.orig_cl_ord_id)?;
            order(f, body.order)
        }
        Happening::CancelRejected(body) => {
            let request = match body.response_to {
                ResponseTo::Cancel => "cancel",
                ResponseTo::Replace => "replace",
            };
            write!(
                f,
                "{request} rejected, {}: request \"{}\" for \"{}\" on instrument {}, order {} is {}",
                reject(body.reason),
                body.request,
                body.orig_cl_ord_id,
                { body.instrument },
                { body.order },
                status(body.status),
            )
        }
        Happening::InstrumentDefined(body) => {
            let (number, tick, lot) = ({ body.instrument }, { body.tick }, { body.lot });
            f.write_str("instrument defined: ")?;
            instrument(f, number, &body.symbol, body.price_decimals, tick, lot)
        }
        Happening::AdministrationRefused(body) => {
            write!(f, "administration refused, {}: command kind 0x{:02x}", reject(body.reason), body.kind)
        }
    }
}

fn order(f: &mut fmt::Formatter<'_>, order: OrderView) -> fmt::Result {
    write!(
        f,
        "order {} \"{}\" {} {} of instrument {} {}, {}, account {}; {}, filled {}, open {}, notional {}",
        { order.order },
        order.cl_ord_id,
        side(order.side),
        { order.qty },
        { order.instrument },
        price(order.order_type, order.price),
        lasting(order.time_in_force),
        { order.account },
        status(order.status),
        { order.cum },
        { order.leaves },
        { order.notional },
    )
}

fn instrument(
    f: &mut fmt::Formatter<'_>,
    number: wire::InstrumentId,
    symbol: &wire::Symbol,
    decimals: u8,
    tick: Price,
    lot: wire::Qty,
) -> fmt::Result {
    write!(f, "instrument {number} \"{symbol}\", {decimals} price decimals, tick {tick}, lot {lot}")
}

fn price(order_type: OrderType, price: Price) -> impl Display {
    Show(move |f| match order_type {
        OrderType::Market => f.write_str("at market"),
        OrderType::Limit => write!(f, "at limit {price}"),
    })
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

const fn lasting(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Day => "day",
        TimeInForce::GoodTillCancel => "good till cancel",
        TimeInForce::ImmediateOrCancel => "immediate or cancel",
    }
}

const fn logout(reason: LogoutReason) -> &'static str {
    match reason {
        LogoutReason::Requested => "as requested",
        LogoutReason::Disconnected => "disconnected",
        LogoutReason::Gateway => "ended by the gateway",
    }
}

const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "new",
        OrderStatus::PartiallyFilled => "partially filled",
        OrderStatus::Filled => "filled",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Rejected => "rejected",
    }
}

const fn reject(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::UnknownInstrument => "unknown instrument",
        RejectReason::DuplicateClOrdId => "duplicate client order id",
        RejectReason::ZeroQuantity => "quantity is zero",
        RejectReason::OffLot => "quantity is no multiple of the lot",
        RejectReason::QuantityTooLarge => "quantity too large",
        RejectReason::PriceNotPositive => "price is not positive",
        RejectReason::OffTick => "price is no multiple of the tick",
        RejectReason::PriceTooLarge => "price too large",
        RejectReason::UnknownOrder => "unknown order",
        RejectReason::TooLate => "too late",
        RejectReason::OrderMismatch => "instrument, side or type differ from the order's",
        RejectReason::QuantityBelowFilled => "quantity is not above what is filled",
        RejectReason::BookFull => "the book is full",
        RejectReason::NotLoggedOn => "not logged on through this gateway",
        RejectReason::InstrumentRefused => "instrument exists or is out of range",
        RejectReason::UnsupportedOrder => "order type and time in force do not go together",
    }
}
