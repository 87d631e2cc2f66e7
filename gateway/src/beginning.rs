//! What a gateway that begins with a snapshot knows of what lies before.

use crate::clients::Numbered;
use crate::listings::Listings;
use crate::parties::Parties;
use anyhow::Context;
use archive::Beginning;
use cluster::{Ledger, Started};
use wire::{Event, Happening, NodeId, Outbound, Position, prelude};

/// The same as if every frame and every event up to there had been heard.
#[derive(Debug)]
pub(crate) struct Known {
    /// The last committed frame.
    pub(crate) at: Position,
    /// How the epoch began in which it was stamped.
    pub(crate) started: Option<Started>,
    /// The last event.
    pub(crate) outbound: Outbound,
    /// The last command of this gateway.
    pub(crate) last: Option<Numbered>,
    pub(crate) listings: Listings,
    pub(crate) parties: Parties,
}

impl Known {
    /// What the snapshot tells this gateway.
    ///
    /// # Errors
    /// It holds what cannot be.
    pub(crate) fn of(beginning: &Beginning, gateway: NodeId) -> anyhow::Result<Self> {
        let about = beginning.about();
        let ledger = Ledger::read(beginning.ledger())?;
        let own = ledger.fifos().find(|(node, _)| *node == gateway);
        let mut known = Self {
            at: about.position,
            started: ledger.started().cloned(),
            outbound: Outbound(about.outbound.0.saturating_sub(1)),
            last: own.map(|(_, fifo)| Numbered { incarnation: fifo.incarnation, number: fifo.last }),
            listings: Listings::default(),
            parties: Parties::default(),
        };
        let mut behind = beginning.definitions();
        while !behind.is_empty() {
            let bytes = prelude::peek(behind).ok().and_then(|first| behind.get(..first.length.into()));
            let bytes = bytes.context("the definitions break off in an event")?;
            behind = &behind[bytes.len()..];
            known.hear(&Event::read(bytes).and_then(|event| event.happening())?);
        }
        Ok(known)
    }

    fn hear(&mut self, happening: &Happening<'_>) {
        let Self { listings, parties, .. } = self;
        learn(happening, listings, parties);
    }
}

/// Takes note of what is defined.
pub(crate) fn learn(happening: &Happening<'_>, listings: &mut Listings, parties: &mut Parties) {
    match happening {
        Happening::InstrumentDefined(defined) => listings.define(defined),
        Happening::CurrencyDefined(defined) => listings.define_currency(defined),
        Happening::AccountDefined(defined) => parties.define(defined),
        Happening::SessionAssigned(assigned) => parties.assign(assigned),
        _ => {}
    }
}

/// Whether a gateway can begin with it.
///
/// # Errors
/// Why not.
pub fn judge(beginning: &Beginning) -> Result<(), String> {
    Known::of(beginning, NodeId(0)).map(|_| ()).map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{EventSink, Exchange, Limits, Replica, keeping};
    use proptest::prelude::*;
    use std::io::Cursor;
    use wire::command::{
        AssignSession, Bands, Checks, DefineAccount, DefineCurrency, DefineInstrument, DefineParticipant,
        GatewayOpen, InstrumentTerms, Lead, SetBands, SetLead,
    };
    use wire::frame::{self, Origin};
    use wire::{
        AccountId, CommandBody, CurrencyCode, CurrencyId, Epoch, Frame, Incarnation, InstrumentId,
        MAX_FRAME_LEN, Nanos, ParticipantId, ParticipantName, Price, Qty, SessionId, SourceSeq, Symbol,
    };

    const GATEWAY: NodeId = NodeId(5);

    /// An exchange, and what somebody knows who has heard all of its events.
    struct World {
        replica: Replica<Exchange>,
        at: Position,
        listings: Listings,
        parties: Parties,
        heard: u64,
    }

    impl World {
        fn new() -> Self {
            let limits =
                Limits { resting_orders: 16, names: 16, levels: 16, trades: 16, ..Limits::default() };
            let exchange = Exchange::new(limits).expect("small");
            Self {
                replica: Replica::new(exchange, EventSink::with_capacity(16)),
                at: Position::GENESIS,
                listings: Listings::default(),
                parties: Parties::default(),
                heard: 0,
            }
        }

        fn say<B: CommandBody>(&mut self, (source, incarnation, number): (NodeId, u32, u64), body: &B) {
            let origin = Origin {
                source,
                incarnation: Incarnation(incarnation),
                source_seq: SourceSeq(number),
                received: Nanos(0),
            };
            let mut bytes = [0; MAX_FRAME_LEN];
            let length = frame::write(&mut bytes, origin, body);
            self.at = frame::stamp(&mut bytes[..length], self.at, Epoch(1), Nanos(self.at.seq.0));
            self.replica.apply(&Frame::read(&bytes[..length]).expect("just stamped")).expect("follows");
            for event in self.replica.events_mut() {
                wire::event::speak(event, wire::event::Speaker::default());
                let event = Event::read(event).expect("spoken");
                learn(&event.happening().expect("known"), &mut self.listings, &mut self.parties);
                self.heard += 1;
            }
        }

        /// What a snapshot that is taken now tells.
        fn known(&self) -> Known {
            let (head, to) = keeping::write_to(&self.replica, 7, Cursor::new(Vec::new())).expect("memory");
            let front = &to.get_ref()[..head.front_len() as usize];
            let beginning = Beginning::read(front).expect("just written");
            judge(&beginning).expect("a gateway can begin with it");
            Known::of(&beginning, GATEWAY).expect("just written")
        }
    }

    /// A command that defines something, or changes what is defined, or is refused.
    fn define(world: &mut World, (what, a, b, c): (u8, u8, u8, u8)) {
        let operator = (NodeId(1), 0, 0);
        let (few, participant) = (u32::from(a % 8), ParticipantId(u32::from(b % 5)));
        let instrument = InstrumentId(few);
        match what {
            0 => {
                let code = CurrencyCode::new(&[b'A' + b % 9, b'A', b'A']).expect("letters");
                let currency = CurrencyId(u16::from(a % 6));
                world.say(operator, &DefineCurrency { currency, decimals: c % 7, reserved: [0; 5], code });
            }
            1 => {
                let name = ParticipantName::new(b"Somebody").expect("letters");
                world.say(operator, &DefineParticipant { participant, reserved: [0; 4], name });
            }
            2 => world.say(operator, &DefineAccount { account: AccountId(u32::from(a % 40)), participant }),
            3 => world.say(operator, &AssignSession { session: SessionId(few), participant }),
            4 => {
                let symbol = Symbol::new(&[b'A' + c % 12]).expect("a letter");
                let terms = InstrumentTerms {
                    currency: CurrencyId(u16::from(b % 6)),
                    checks: if c % 3 == 0 { Checks::Funds } else { Checks::None },
                    ..InstrumentTerms::plain(instrument, symbol, c % 5, Price(1), Qty(1))
                };
                world.say(operator, &DefineInstrument { terms });
            }
            5 => {
                let bands = Bands { low: Price(1), high: Price(i64::from(b) + 1), ..Bands::default() };
                world.say(
                    operator,
                    &SetBands { instrument, reserved: [0; 4], bands, act: Default::default() },
                );
            }
            _ => {
                let lead = Lead { participant, share: c % 100, reserved: [0; 3] };
                world.say(operator, &SetLead { instrument, lead, act: Default::default() });
            }
        }
    }

    proptest! {
        #[test]
        fn who_begins_with_a_snapshot_knows_what_one_knows_that_has_heard_everything(
            commands in prop::collection::vec((0..7_u8, any::<u8>(), any::<u8>(), any::<u8>()), 0..300),
        ) {
            let mut world = World::new();
            for (nth, command) in commands.into_iter().enumerate() {
                define(&mut world, command);
                if nth % 50 == 7 {
                    world.say((GATEWAY, 3, nth as u64 / 50 + 1), &GatewayOpen { version: 2, reserved: [0; 4] });
                }
            }
            let known = world.known();
            prop_assert_eq!(&known.listings, &world.listings);
            prop_assert_eq!(&known.parties, &world.parties);
            prop_assert_eq!((known.at, known.outbound), (world.at, Outbound(world.heard)));
        }
    }

    #[test]
    fn the_last_command_of_this_gateway_is_known_and_that_of_another_is_not() {
        let mut world = World::new();
        world.say((NodeId(9), 8, 1), &GatewayOpen { version: 2, reserved: [0; 4] });
        assert_eq!(world.known().last, None);
        world.say((GATEWAY, 3, 1), &GatewayOpen { version: 2, reserved: [0; 4] });
        world.say((NodeId(9), 8, 2), &GatewayOpen { version: 2, reserved: [0; 4] });
        assert_eq!(world.known().last, Some(Numbered { incarnation: Incarnation(3), number: 1 }));
    }

    #[test]
    fn definitions_that_break_off_are_no_use() {
        let mut world = World::new();
        define(&mut world, (0, 1, 1, 1));
        let (head, to) = keeping::write_to(&world.replica, 7, Cursor::new(Vec::new())).expect("memory");
        let good = Beginning::read(&to.get_ref()[..head.front_len() as usize]).expect("just written");
        let of = |definitions: &[u8]| {
            let to = Cursor::new(Vec::new());
            let writing =
                archive::Writing::begin(to, *good.about(), good.ledger(), definitions).expect("memory");
            let (_, to) = writing.finish().expect("memory");
            Beginning::read(to.get_ref().as_slice()).expect("it is whole")
        };
        let whole = good.definitions();
        assert!(!whole.is_empty());
        for cut in 0..=whole.len() {
            assert_eq!(judge(&of(&whole[..cut])).is_ok(), cut == 0 || cut == whole.len(), "{cut} bytes");
        }
    }
}
