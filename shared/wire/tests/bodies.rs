//! Every body of every kind, byte by byte: its size, where its values with a table stand, and which values those are.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use proptest::prelude::*;
use wire::command::*;
use wire::event::{self, *};
use wire::frame::{self, Origin};
use wire::*;

/// A byte that has a table: where it stands in its body, and the values that it may have.
type Choice = (usize, &'static [u8]);

/// A shared struct's choices, where it begins in a body.
fn at(offset: usize, choices: &[Choice]) -> Vec<Choice> {
    choices.iter().map(|(at, values)| (offset + at, *values)).collect()
}

const SIDE: &[u8] = &[1, 2];
const PHASE: &[u8] = &[1, 2, 3, 4, 5, 6];
const SCOPE: &[u8] = &[1, 2, 3, 4, 5];
const TRANSFER: &[u8] = &[1, 2];
const TRADING: &[u8] = &[1, 2];
const YES_OR_NO: &[u8] = &[0, 1];
const LOGOUT: &[u8] = &[1, 2, 3];
const STATUS: &[u8] = &[1, 2, 3, 4, 5, 6];
const REASON: &[u8] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
];
/// Side, type, time in force, self-trade prevention, post only.
const TERMS: &[Choice] =
    &[(4, SIDE), (5, &[1, 2, 3, 4]), (6, &[1, 2, 3, 4, 5, 6, 7]), (7, &[0, 1, 2, 3, 4]), (8, YES_OR_NO)];
/// Checks, algorithm, phase.
const INSTRUMENT: &[Choice] = &[(7, &[0, 1, 2]), (80, &[1, 2, 3]), (81, PHASE)];

/// Terms at 8, status behind them.
fn order_view() -> Vec<Choice> {
    [at(8, TERMS), vec![(68, STATUS)]].concat()
}

fn order_view_and(more: &[Choice]) -> Vec<Choice> {
    [order_view(), more.to_vec()].concat()
}

/// Size and choices of a command's body, as `docs/WIRE.md` has them.
fn command_layout(kind: CommandKind) -> (usize, Vec<Choice>) {
    use CommandKind as K;
    match kind {
        K::EpochStart => (104, vec![(96, YES_OR_NO), (97, YES_OR_NO)]),
        K::Tick | K::EpochOpen => (0, vec![]),
        K::Snapshot => (8, vec![(0, &[1, 2])]),
        K::Quarantine => (72, vec![]),
        K::RulesVersion | K::GatewayOpen | K::DefineAccount | K::AssignSession => (8, vec![]),
        K::SessionLogon => (16, vec![(8, YES_OR_NO)]),
        K::SessionLogout => (16, vec![(8, LOGOUT)]),
        K::NewOrder => (92, at(8, TERMS)),
        K::CancelOrder => (56, vec![(12, SIDE)]),
        K::ReplaceOrder => (108, at(8, TERMS)),
        K::MassCancel => (40, vec![(8, SCOPE)]),
        K::DefineInstrument => (92, INSTRUMENT.to_vec()),
        K::SetPhase => (56, vec![(4, PHASE)]),
        K::SetBands => (88, vec![]),
        K::SetLead => (60, vec![]),
        K::DefineCurrency => (16, vec![]),
        K::DefineParticipant => (24, vec![]),
        K::MoveMoney => (72, vec![(6, TRANSFER)]),
        K::MoveShares => (72, vec![(8, TRANSFER)]),
        K::SetLimits => (104, vec![]),
        K::SetTrading => (56, vec![(4, TRADING)]),
        K::BustTrade => (56, vec![]),
        K::CorrectTrade => (72, vec![]),
        K::CancelFor => (72, vec![]),
        K::MassCancelFor => (56, vec![(0, SCOPE)]),
        K::EndDay => (48, vec![]),
    }
}

/// Size and choices of an event's body, as `docs/WIRE.md` has them.
fn event_layout(kind: EventKind) -> (usize, Vec<Choice>) {
    use EventKind as K;
    match kind {
        K::EpochStarted => (8, vec![(2, YES_OR_NO)]),
        K::RulesActivated | K::GatewayOpened | K::AccountDefined | K::SessionAssigned => (8, vec![]),
        K::SessionOpened => (8, vec![(2, YES_OR_NO)]),
        K::SessionClosed => (8, vec![(2, LOGOUT)]),
        K::Accepted | K::Triggered | K::Restated => (128, order_view()),
        K::Rejected => (144, order_view_and(&[(136, REASON)])),
        K::Filled => (184, order_view_and(&[(176, &[1, 2, 3])])),
        K::Cancelled => (152, order_view_and(&[(148, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])])),
        K::Replaced => (152, order_view()),
        K::CancelRejected => (56, vec![(12, STATUS), (13, &[1, 2]), (14, REASON)]),
        K::TradeBusted | K::TradeCorrected => (128, vec![(44, SIDE)]),
        K::MassCancelled => (32, vec![(24, SCOPE)]),
        K::MassCancelRejected => (24, vec![(20, SCOPE), (21, REASON)]),
        K::InstrumentDefined => (92, INSTRUMENT.to_vec()),
        K::AdministrationRefused => (8, vec![(1, REASON)]),
        K::PhaseChanged => (56, vec![(4, PHASE), (5, PHASE)]),
        K::BandsChanged => (88, vec![]),
        K::LeadChanged => (60, vec![]),
        K::CurrencyDefined => (16, vec![]),
        K::ParticipantDefined => (24, vec![]),
        K::MoneyMoved => (104, vec![(6, TRANSFER)]),
        K::SharesMoved => (88, vec![(8, TRANSFER)]),
        K::LimitsChanged => (104, vec![]),
        K::TradingChanged => (56, vec![(4, TRADING)]),
        K::MassCancelledFor => (64, vec![(0, SCOPE)]),
        K::DayEnded => (48, vec![]),
        K::AuctionUncrossed => (24, vec![]),
    }
}

/// A body of this layout: the seed's bytes, with each choice's first value where a table is.
fn body(size: usize, choices: &[Choice], seed: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = seed.iter().copied().cycle().take(size).collect();
    for (at, values) in choices {
        bytes[*at] = values[usize::from(bytes[*at]) % values.len()];
    }
    bytes
}

/// Writes whichever body a view holds.
macro_rules! rewritten {
    ($views:ident, $view:expr, $write:expr, $to:expr, $($name:ident)*) => {
        match $view { $($views::$name(body) => $write(&mut $to, body),)* }
    };
}

fn command_again(command: Command<'_>) -> Vec<u8> {
    fn write<B: CommandBody>(to: &mut [u8; MAX_FRAME_LEN], body: &B) -> usize {
        let (source, incarnation, source_seq) = (NodeId(1), Incarnation(1), SourceSeq(1));
        frame::write(to, Origin { source, incarnation, source_seq, received: Nanos(5) }, body)
    }
    let mut to = [0; MAX_FRAME_LEN];
    let length = rewritten!(Command, command, write, to,
        EpochStart Tick RulesVersion EpochOpen Snapshot Quarantine GatewayOpen SessionLogon SessionLogout NewOrder CancelOrder
        ReplaceOrder MassCancel DefineInstrument SetPhase SetBands SetLead DefineCurrency DefineParticipant
        DefineAccount AssignSession MoveMoney MoveShares SetLimits SetTrading BustTrade CorrectTrade CancelFor
        MassCancelFor EndDay
    );
    to[..length].to_vec()
}

fn event_again(happening: Happening<'_>) -> Vec<u8> {
    fn write<B: EventBody>(to: &mut [u8; MAX_FRAME_LEN], body: &B) -> usize {
        let address = Address {
            outbound: Outbound(1),
            cause: Position::GENESIS,
            timestamp: Nanos(5),
            session: SessionId(1),
            report: ReportSeq(1),
        };
        event::write(to, address, body)
    }
    let mut to = [0; MAX_FRAME_LEN];
    let length = rewritten!(Happening, happening, write, to,
        EpochStarted RulesActivated GatewayOpened SessionOpened SessionClosed Accepted Rejected Filled Cancelled
        Replaced CancelRejected Triggered Restated TradeBusted TradeCorrected MassCancelled MassCancelRejected
        InstrumentDefined AdministrationRefused PhaseChanged BandsChanged LeadChanged CurrencyDefined
        ParticipantDefined AccountDefined SessionAssigned MoneyMoved SharesMoved LimitsChanged TradingChanged
        MassCancelledFor DayEnded AuctionUncrossed
    );
    event::speak(&mut to[..length], Speaker::default());
    to[..length].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_body_of_every_kind_comes_back_as_it_was_written(seed in prop::collection::vec(any::<u8>(), 211)) {
        for kind in CommandKind::ALL {
            let (size, choices) = command_layout(*kind);
            let bytes = body(size, &choices, &seed);
            let written = command_again(Command::read(*kind as u8, &bytes).unwrap());
            prop_assert_eq!(&written[frame::FRAME_HEADER_LEN..], &bytes[..], "{:?}", kind);
            let frame = Frame::read(&written).unwrap();
            prop_assert_eq!(frame.command().unwrap(), Command::read(*kind as u8, &bytes).unwrap());
            prop_assert_eq!(frame.command().unwrap().kind(), *kind);
        }
        for kind in EventKind::ALL {
            let (size, choices) = event_layout(*kind);
            let bytes = body(size, &choices, &seed);
            let written = event_again(Happening::read(*kind as u8, &bytes).unwrap());
            prop_assert_eq!(&written[EVENT_HEADER_LEN..], &bytes[..], "{:?}", kind);
            let event = Event::read(&written).unwrap();
            prop_assert_eq!(event.happening().unwrap(), Happening::read(*kind as u8, &bytes).unwrap());
            prop_assert_eq!(event.happening().unwrap().kind(), *kind);
        }
    }
}

/// Every value of every byte is taken, but for the bytes with a table: there, those of the table and no other.
fn judged(name: &str, (size, choices): (usize, Vec<Choice>), reads: impl Fn(&[u8]) -> bool) {
    let good = body(size, &choices, &[0]);
    assert!(reads(&good), "{name} of {size} bytes");
    assert!(!reads(&[&good[..], &[0]].concat()), "{name}: a byte too many");
    assert!(size == 0 || !reads(&good[..size - 1]), "{name}: a byte too few");
    for at in 0..size {
        let table = choices.iter().find(|(place, _)| *place == at).map(|(_, values)| *values);
        for value in 0..=u8::MAX {
            let mut bytes = good.clone();
            bytes[at] = value;
            let expected = table.is_none_or(|values| values.contains(&value));
            assert_eq!(reads(&bytes), expected, "{name}: value {value} of byte {at}");
        }
    }
}

#[test]
fn a_value_outside_its_table_is_refused_in_every_body_and_so_is_another_size() {
    for kind in CommandKind::ALL {
        let byte = *kind as u8;
        judged(&format!("{kind:?}"), command_layout(*kind), |bytes| Command::read(byte, bytes).is_ok());
    }
    for kind in EventKind::ALL {
        let byte = *kind as u8;
        judged(&format!("{kind:?}"), event_layout(*kind), |bytes| Happening::read(byte, bytes).is_ok());
    }
}

#[test]
fn the_shared_structs_have_their_documented_sizes() {
    let sizes = [
        size_of::<Terms>(),
        size_of::<OrderView>(),
        size_of::<InstrumentTerms>(),
        size_of::<Bands>(),
        size_of::<Lead>(),
        size_of::<RiskLimits>(),
        size_of::<Act>(),
        size_of::<TradeSide>(),
        size_of::<LoggerMember>(),
    ];
    assert_eq!(sizes, [60, 128, 92, 32, 8, 48, 48, 80, 8]);
}

#[test]
fn every_message_fits_its_frame() {
    for kind in CommandKind::ALL {
        assert!(frame::FRAME_HEADER_LEN + command_layout(*kind).0 <= MAX_FRAME_LEN, "{kind:?}");
    }
    for kind in EventKind::ALL {
        assert!(EVENT_HEADER_LEN + event_layout(*kind).0 <= MAX_FRAME_LEN, "{kind:?}");
    }
}

/// One body whose every field has a value of its own, beside its bytes written by hand from the documentation.
#[test]
fn terms_lie_where_they_are_documented() {
    let terms = Terms {
        side: Side::Sell,
        order_type: OrderType::StopLimit,
        time_in_force: TimeInForce::GoodTillDate,
        self_trade: SelfTrade::CancelBoth,
        post_only: PostOnly::Yes,
        stop_price: Price(0x33),
        display: Qty(0x44),
        min_qty: Qty(0x55),
        expire: Nanos(0x66),
        ..Terms::limit(InstrumentId(0x0a0b_0c0d), Side::Buy, Price(-2), Qty(0x22))
    };
    let order = NewOrder {
        session: SessionId(7),
        client_seq: 8,
        terms,
        cl_ord_id: ClOrdId::new(b"name").unwrap(),
        account: AccountId(9),
    };
    let mut expected = vec![7, 0, 0, 0, 8, 0, 0, 0];
    expected.extend([0x0d, 0x0c, 0x0b, 0x0a, 2, 4, 5, 3, 1, 0, 0, 0]);
    for value in [-2, 0x22, 0x33, 0x44, 0x55, 0x66_i64] {
        expected.extend(value.to_le_bytes());
    }
    expected.extend(b"name");
    expected.extend([0; 16]);
    expected.extend([9, 0, 0, 0]);
    assert_eq!(Command::read(0x20, &expected).unwrap(), Command::NewOrder(&order));
}
