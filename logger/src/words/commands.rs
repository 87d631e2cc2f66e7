//! Commands in words.

use super::shared;
use super::tables::{logout, phase, side, towards, trading, transfer};
use std::fmt;
use wire::command::{MassScope, Opening, ResetSeqNums, SnapshotReason};
use wire::{Command, Position};

/// A command.
pub(super) fn command(f: &mut fmt::Formatter<'_>, command: &Command<'_>) -> fmt::Result {
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
        Command::Snapshot(body) => f.write_str(match body.why {
            SnapshotReason::Schedule => "snapshot: by the schedule",
            SnapshotReason::Asked => "snapshot: asked for",
        }),
        Command::Quarantine(body) => {
            let place = Position { epoch: body.epoch, seq: body.seq, chain: body.chain };
            write!(f, "quarantine: what stands at {place} is not executed{}", shared::act(body.act))
        }
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
            write!(
                f,
                "new order: session {} message {} {}, as \"{}\", account {}",
                { order.session },
                { order.client_seq },
                shared::terms(order.terms),
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
                "replace order: session {} message {} makes \"{}\" into \"{}\": {}",
                { order.session },
                { order.client_seq },
                order.orig_cl_ord_id,
                order.cl_ord_id,
                shared::terms(order.terms),
            )
        }
        Command::MassCancel(body) => {
            let subject = match body.scope {
                MassScope::Instrument => { body.instrument }.0,
                MassScope::Account => { body.account }.0,
                MassScope::Session | MassScope::Participant | MassScope::Everything => { body.session }.0,
            };
            write!(
                f,
                "mass cancel: session {} message {} asks as \"{}\" to cancel {}",
                { body.session },
                { body.client_seq },
                body.cl_ord_id,
                shared::scope(body.scope, subject),
            )
        }
        Command::DefineInstrument(body) => {
            write!(f, "define instrument: {}", shared::instrument(body.terms))
        }
        Command::SetPhase(body) => write!(
            f,
            "set phase: {} into {}{}",
            shared::listed(body.instrument),
            phase(body.phase),
            shared::act(body.act)
        ),
        Command::SetBands(body) => write!(
            f,
            "set bands: {} {}{}",
            shared::listed(body.instrument),
            shared::bands(body.bands),
            shared::act(body.act)
        ),
        Command::SetLead(body) => write!(
            f,
            "set lead: {} {}{}",
            shared::listed(body.instrument),
            shared::lead(body.lead),
            shared::act(body.act)
        ),
        Command::DefineCurrency(body) => {
            write!(f, "define currency: {}", shared::currency(body.currency, body.code, body.decimals))
        }
        Command::DefineParticipant(body) => {
            write!(f, "define participant: {} \"{}\"", { body.participant }, body.name)
        }
        Command::DefineAccount(body) => {
            write!(f, "define account: {} of participant {}", { body.account }, { body.participant })
        }
        Command::AssignSession(body) => {
            write!(f, "assign session: {} to participant {}", { body.session }, { body.participant })
        }
        Command::MoveMoney(body) => write!(
            f,
            "move money: {} {} of currency {} {} account {}{}",
            transfer(body.direction),
            { body.amount },
            { body.currency },
            towards(body.direction),
            { body.account },
            shared::act(body.act)
        ),
        Command::MoveShares(body) => write!(
            f,
            "move shares: {} {} of instrument {} {} account {}{}",
            transfer(body.direction),
            { body.qty },
            { body.instrument },
            towards(body.direction),
            { body.account },
            shared::act(body.act)
        ),
        Command::SetLimits(body) => write!(
            f,
            "set limits: account {} in {}: {}{}",
            { body.account },
            shared::listed(body.instrument),
            shared::limits(body.limits),
            shared::act(body.act)
        ),
        Command::SetTrading(body) => write!(
            f,
            "set trading: participant {} {}{}",
            { body.participant },
            trading(body.trading),
            shared::act(body.act)
        ),
        Command::BustTrade(body) => {
            write!(f, "bust trade: {}{}", { body.trade }, shared::act(body.act))
        }
        Command::CorrectTrade(body) => write!(
            f,
            "correct trade: {} to {} at {}{}",
            { body.trade },
            { body.qty },
            { body.price },
            shared::act(body.act)
        ),
        Command::CancelFor(body) => write!(
            f,
            "cancel for session {}: \"{}\"{}",
            { body.session },
            body.cl_ord_id,
            shared::act(body.act)
        ),
        Command::MassCancelFor(body) => write!(
            f,
            "mass cancel for owners: {}{}",
            shared::scope(body.scope, body.subject),
            shared::act(body.act)
        ),
        Command::EndDay(body) => write!(f, "end day{}", shared::act(body.act)),
    }
}
