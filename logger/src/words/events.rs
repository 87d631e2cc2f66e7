//! Events in words.

use super::shared;
use super::tables::{cancel, liquidity, logout, phase, reject, scope, status, towards, trading, transfer};
use std::fmt;
use wire::command::ResetSeqNums;
use wire::event::ResponseTo;
use wire::{ClOrdId, Happening, NodeId};

/// An event.
pub(super) fn happening(f: &mut fmt::Formatter<'_>, happening: &Happening<'_>) -> fmt::Result {
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
            write!(f, "accepted: {}", shared::order(body.order))
        }
        Happening::Rejected(body) => {
            write!(f, "rejected, {}", reject(body.reason))?;
            let original = { body.original };
            if original.0 != 0 {
                write!(f, " (first seen as order {original})")?;
            }
            write!(f, ": {}", shared::order(body.order))
        }
        Happening::Filled(body) => {
            write!(
                f,
                "filled {} at {} as {} in trade {} against order {}, fee {}: {}",
                { body.last_qty },
                { body.last_price },
                liquidity(body.liquidity),
                { body.trade },
                { body.contra },
                { body.fee },
                shared::order(body.order),
            )
        }
        Happening::Cancelled(body) => {
            write!(f, "cancelled, {}", cancel(body.reason))?;
            let request: ClOrdId = body.request;
            if !request.is_empty() {
                write!(f, " by \"{request}\"")?;
            }
            write!(f, ": {}", shared::order(body.order))
        }
        Happening::Replaced(body) => {
            write!(f, "replaced \"{}\": {}", body.orig_cl_ord_id, shared::order(body.order))
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
        Happening::Triggered(body) => write!(f, "triggered: {}", shared::order(body.order)),
        Happening::Restated(body) => write!(f, "restated: {}", shared::order(body.order)),
        Happening::TradeBusted(body) => {
            write!(f, "trade busted: {}{}", shared::trade(body.trade), shared::act(body.act))
        }
        Happening::TradeCorrected(body) => {
            write!(f, "trade corrected: {}{}", shared::trade(body.trade), shared::act(body.act))
        }
        Happening::MassCancelled(body) => write!(
            f,
            "mass cancelled: {} orders ({}) by \"{}\"",
            { body.count },
            scope(body.scope),
            body.request
        ),
        Happening::MassCancelRejected(body) => write!(
            f,
            "mass cancel rejected, {}: request \"{}\" ({})",
            reject(body.reason),
            body.request,
            scope(body.scope)
        ),
        Happening::InstrumentDefined(body) => {
            write!(f, "instrument defined: {}", shared::instrument(body.terms))
        }
        Happening::PhaseChanged(body) => write!(
            f,
            "phase changed: {} from {} into {}{}",
            shared::listed(body.instrument),
            phase(body.before),
            phase(body.phase),
            shared::act(body.act)
        ),
        Happening::BandsChanged(body) => write!(
            f,
            "bands changed: {} {}{}",
            shared::listed(body.instrument),
            shared::bands(body.bands),
            shared::act(body.act)
        ),
        Happening::LeadChanged(body) => write!(
            f,
            "lead changed: {} {}{}",
            shared::listed(body.instrument),
            shared::lead(body.lead),
            shared::act(body.act)
        ),
        Happening::CurrencyDefined(body) => {
            write!(f, "currency defined: {}", shared::currency(body.currency, body.code, body.decimals))
        }
        Happening::ParticipantDefined(body) => {
            write!(f, "participant defined: {} \"{}\"", { body.participant }, body.name)
        }
        Happening::AccountDefined(body) => {
            write!(f, "account defined: {} of participant {}", { body.account }, { body.participant })
        }
        Happening::SessionAssigned(body) => {
            write!(f, "session assigned: {} to participant {}", { body.session }, { body.participant })
        }
        Happening::MoneyMoved(body) => write!(
            f,
            "money moved: {} {} of currency {} {} account {}, available {}, withheld {}{}",
            transfer(body.direction),
            { body.amount },
            { body.currency },
            towards(body.direction),
            { body.account },
            { body.available },
            { body.withheld },
            shared::act(body.act)
        ),
        Happening::SharesMoved(body) => write!(
            f,
            "shares moved: {} {} of instrument {} {} account {}, position {}, withheld {}{}",
            transfer(body.direction),
            { body.qty },
            { body.instrument },
            towards(body.direction),
            { body.account },
            { body.position },
            { body.withheld },
            shared::act(body.act)
        ),
        Happening::LimitsChanged(body) => write!(
            f,
            "limits changed: account {} in {}: {}{}",
            { body.account },
            shared::listed(body.instrument),
            shared::limits(body.limits),
            shared::act(body.act)
        ),
        Happening::TradingChanged(body) => write!(
            f,
            "trading changed: participant {} {}{}",
            { body.participant },
            trading(body.trading),
            shared::act(body.act)
        ),
        Happening::MassCancelledFor(body) => write!(
            f,
            "mass cancelled for owners: {} orders ({}){}",
            { body.count },
            shared::scope(body.scope, body.subject),
            shared::act(body.act)
        ),
        Happening::DayEnded(body) => write!(f, "day ended{}", shared::act(body.act)),
        Happening::AuctionUncrossed(body) => {
            write!(f, "auction uncrossed: instrument {}, {} at {}", { body.instrument }, { body.qty }, {
                body.price
            })
        }
        Happening::AdministrationRefused(body) => {
            write!(f, "administration refused, {}: command kind 0x{:02x}", reject(body.reason), body.kind)
        }
    }
}
