//! What a gateway must know of the past: the events that defined what there is, made anew from the state.

use crate::Exchange;
use archive::About;
use wire::event::{self, AccountDefined, Address, CurrencyDefined, InstrumentDefined, SessionAssigned};
use wire::{AccountId, EventBody, MAX_FRAME_LEN, Outbound, ParticipantId, ReportSeq, SessionId};

/// Events, back to back. Whoever takes them in this order knows what one knows who has heard all events up to there: what is
/// defined is never defined again, and of what was changed only the last word is told. All of them are numbered like the last
/// event, and caused by the last command.
pub(crate) fn write(exchange: &Exchange, about: &About) -> Vec<u8> {
    let address = Address {
        outbound: Outbound(about.outbound.0.saturating_sub(1)),
        cause: about.position,
        timestamp: about.timestamp,
        session: SessionId(0),
        report: ReportSeq(0),
    };
    let mut to = Vec::new();
    for (currency, there) in exchange.accounts.currencies() {
        let (decimals, code) = (there.decimals, there.code);
        tell(&mut to, address, &CurrencyDefined { currency, decimals, reserved: [0; 5], code });
    }
    for (account, there) in (0..).map(AccountId).zip(&exchange.accounts.accounts) {
        if let Some(there) = there {
            tell(&mut to, address, &AccountDefined { account, participant: there.participant });
        }
    }
    for (session, there) in (0..).map(SessionId).zip(exchange.sessions.iter()) {
        let participant = there.participant;
        if participant != ParticipantId(0) {
            tell(&mut to, address, &SessionAssigned { session, participant });
        }
    }
    for there in exchange.instruments.iter() {
        tell(&mut to, address, &InstrumentDefined { terms: there.terms });
    }
    to
}

fn tell<B: EventBody>(to: &mut Vec<u8>, address: Address, body: &B) {
    let mut bytes = [0; MAX_FRAME_LEN];
    let length = event::write(&mut bytes, address, body);
    event::speak(&mut bytes[..length], event::Speaker::default());
    to.extend_from_slice(&bytes[..length]);
}
