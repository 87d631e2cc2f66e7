//! Whatever is written comes back; whatever is damaged is refused, and never a panic.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use proptest::prelude::*;
use wire::command::*;
use wire::event::{self, *};
use wire::frame::{self, Origin};
use wire::*;

const ORIGIN: Origin =
    Origin { source: NodeId(1), incarnation: Incarnation(1), source_seq: SourceSeq(1), received: Nanos(5) };

fn cl_ord_id() -> impl Strategy<Value = ClOrdId> {
    "[ -~]{1,20}".prop_map(|text| ClOrdId::new(text.as_bytes()).unwrap())
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

prop_compose! {
    fn origin()(source: u16, incarnation: u32, source_seq: u64, received: u64) -> Origin {
        Origin {
            source: NodeId(source), incarnation: Incarnation(incarnation), source_seq: SourceSeq(source_seq),
            received: Nanos(received),
        }
    }
}

prop_compose! {
    fn new_order()(
        session: u32, client_seq: u32, instrument: u32, price: i64, qty: u64, account: u32, side in side(),
        cl_ord_id in cl_ord_id(),
    ) -> NewOrder {
        NewOrder {
            session: SessionId(session), client_seq,
            terms: Terms::limit(InstrumentId(instrument), side, Price(price), Qty(qty)),
            cl_ord_id, account: AccountId(account),
        }
    }
}

prop_compose! {
    fn order_view()(
        order: u64, instrument: u32, price: i64, qty: u64, cum: u64, leaves: u64, notional: u128, account: u32,
        side in side(), cl_ord_id in cl_ord_id(),
    ) -> OrderView {
        OrderView {
            order: OrderId(order),
            terms: Terms::limit(InstrumentId(instrument), side, Price(price), Qty(qty)),
            status: OrderStatus::PartiallyFilled, reserved: [0; 3], cum: Qty(cum), leaves: Qty(leaves),
            notional: Notional(notional), cl_ord_id, account: AccountId(account),
        }
    }
}

prop_compose! {
    fn address()(
        outbound: u64, seq: u64, chain: u64, epoch: u32, timestamp: u64, session: u32, report: u32,
    ) -> Address {
        Address {
            outbound: Outbound(outbound),
            cause: Position { epoch: Epoch(epoch), seq: Seq(seq), chain: Chain(chain) },
            timestamp: Nanos(timestamp), session: SessionId(session), report: ReportSeq(report),
        }
    }
}

fn written<B: CommandBody>(origin: Origin, body: &B) -> Vec<u8> {
    let mut buffer = [0; MAX_FRAME_LEN];
    let length = frame::write(&mut buffer, origin, body);
    buffer[..length].to_vec()
}

fn joined((a, b): (&[u8], &[u8])) -> Vec<u8> {
    [a, b].concat()
}

proptest! {
    #[test]
    fn a_command_comes_back_as_it_was_written(origin in origin(), order in new_order()) {
        let bytes = written(origin, &order);
        let frame = Frame::read(&bytes).unwrap();
        prop_assert_eq!(frame.command().unwrap(), Command::NewOrder(&order));
        let header = *frame.header();
        let read = Origin {
            source: header.source, incarnation: header.incarnation, source_seq: header.source_seq,
            received: header.timestamp,
        };
        prop_assert_eq!(read, origin);
    }

    #[test]
    fn an_event_comes_back_as_it_was_written(address in address(), order in order_view(), term: u32) {
        let body = Filled {
            order, last_price: Price(7), last_qty: Qty(8), trade: TradeId(9), contra: OrderId(10),
            fee: Money(-3), liquidity: Liquidity::Maker, reserved: [0; 7],
        };
        let mut buffer = [0; MAX_FRAME_LEN];
        let length = event::write(&mut buffer, address, &body);
        let before = joined(event::content(&buffer[..length]));
        event::speak(&mut buffer[..length], Speaker { epoch: Epoch(3), term: Term(term), node: NodeId(2) });
        let event = Event::read(&buffer[..length]).unwrap();
        prop_assert_eq!(event.happening().unwrap(), Happening::Filled(&body));
        prop_assert_eq!(event.cause(), address.cause);
        prop_assert_eq!(joined(event::content(event.bytes())), before, "the content does not depend on the speaker");
    }

    #[test]
    fn a_chain_holds_in_its_order_and_in_no_other(orders in prop::collection::vec(new_order(), 2..20), now: u32) {
        let mut previous = Position::GENESIS;
        let mut frames = Vec::new();
        for order in &orders {
            let mut bytes = written(ORIGIN, order);
            let position = frame::stamp(&mut bytes, previous, Epoch(1), Nanos(u64::from(now)));
            let frame = Frame::read(&bytes).unwrap();
            prop_assert!(frame.follows(previous));
            prop_assert_eq!(frame.position(), position);
            previous = position;
            frames.push(bytes);
        }
        for pair in frames.windows(2) {
            let frame = Frame::read(&pair[1]).unwrap();
            let mut other = Frame::read(&pair[0]).unwrap().position();
            other.chain.0 ^= 1;
            prop_assert!(!frame.follows(other));
            prop_assert!(!frame.follows(frame.position()));
        }
    }

    #[test]
    fn every_flipped_bit_is_found(order in new_order(), at in 0usize..148, bit in 0u8..8) {
        let mut bytes = written(ORIGIN, &order);
        bytes[at] ^= 1 << bit;
        prop_assert!(Frame::read(&bytes).is_err());
    }

    #[test]
    fn any_bytes_give_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Frame::read(&bytes).map(|frame| frame.command());
        let _ = Event::read(&bytes).map(|event| event.happening());
        for kind in 0..=255 {
            let _ = Command::read(kind, &bytes);
            let _ = Happening::read(kind, &bytes);
        }
    }

    #[test]
    fn every_truncation_and_extension_is_refused(order in new_order(), more in 1usize..64) {
        let bytes = written(ORIGIN, &order);
        for cut in 0..bytes.len() {
            let expected = match cut {
                ..16 => FrameError::Truncated { have: cut, need: 16 },
                _ => FrameError::Length { declared: bytes.len(), have: cut },
            };
            prop_assert_eq!(Frame::read(&bytes[..cut]).unwrap_err(), expected);
        }
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + more, 0);
        let expected = FrameError::Length { declared: bytes.len(), have: longer.len() };
        prop_assert_eq!(Frame::read(&longer).unwrap_err(), expected);
    }
}

#[test]
fn a_value_outside_its_table_is_refused_though_the_checksum_is_right() {
    let reason = LogoutReason::Requested;
    let mut bytes =
        written(ORIGIN, &SessionLogout { session: SessionId(1), client_seq: 1, reason, reserved: [0; 7] });
    bytes[frame::FRAME_HEADER_LEN + 8] = 99;
    frame::stamp(&mut bytes, Position::GENESIS, Epoch(1), Nanos(0));
    let refused = FrameError::Body { kind: CommandKind::SessionLogout as u8, have: 16 };
    assert_eq!(Frame::read(&bytes).unwrap().command(), Err(refused));
}

#[test]
fn an_oversized_length_an_unknown_kind_and_another_version_are_named() {
    let damaged = |change: fn(&mut [u8])| {
        let mut bytes = written(ORIGIN, &Tick {});
        change(&mut bytes);
        bytes
    };
    let oversized = damaged(|bytes| bytes[4..6].copy_from_slice(&300u16.to_le_bytes()));
    assert_eq!(Frame::read(&oversized), Err(FrameError::Oversized { length: 300 }));
    let newer = damaged(|bytes| bytes[7] = 9);
    assert_eq!(Frame::read(&newer), Err(FrameError::Version { found: 9 }));
    let unknown = damaged(|bytes| {
        bytes[6] = 0x3e;
        frame::stamp(bytes, Position::GENESIS, Epoch(1), Nanos(0));
    });
    assert_eq!(Frame::read(&unknown).unwrap().command(), Err(FrameError::UnknownKind { kind: 0x3e }));
}

#[test]
fn an_event_is_no_frame_and_a_frame_is_no_event() {
    let mut buffer = [0; MAX_FRAME_LEN];
    let address = Address {
        outbound: Outbound(1),
        cause: Position::GENESIS,
        timestamp: Nanos(0),
        session: SessionId(0),
        report: ReportSeq(0),
    };
    let length = event::write(
        &mut buffer,
        address,
        &EpochStarted { sequencer: NodeId(1), adopted: Default::default(), reserved: [0; 5] },
    );
    event::speak(&mut buffer[..length], Speaker::default());
    assert_eq!(Frame::read(&buffer[..length]), Err(FrameError::UnknownKind { kind: 0x81 }));
    assert_eq!(Event::read(&written(ORIGIN, &Tick {})), Err(FrameError::UnknownKind { kind: 0x02 }));
}

#[test]
fn kinds_are_unique_and_in_their_ranges() {
    for kind in CommandKind::ALL {
        assert_eq!(CommandKind::of(*kind as u8), Some(*kind));
        assert!((*kind as u8) < 0x80);
    }
    for kind in EventKind::ALL {
        assert_eq!(EventKind::of(*kind as u8), Some(*kind));
        assert!((*kind as u8) >= 0x80);
    }
    assert!(CommandKind::NewOrder.from_gateway() && !CommandKind::Tick.from_gateway());
    assert!(!CommandKind::DefineInstrument.from_gateway());
}
