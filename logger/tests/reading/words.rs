//! Every command and every event in words.

use crate::{Frames, dumped, write};
use journal::Stream;
use wire::command::*;
use wire::event::{self, *};
use wire::*;

fn id(text: &str) -> ClOrdId {
    ClOrdId::new(text.as_bytes()).unwrap()
}

fn act() -> Act {
    Act { by: OperatorName::new(b"desk").unwrap(), why: Why::new(b"because").unwrap() }
}

fn bands() -> Bands {
    Bands { low: Price(5), high: Price(0), collar: Price(50), reference: Price(100) }
}

fn limits() -> RiskLimits {
    RiskLimits { order_value: Money(500), open_orders: 2, ..RiskLimits::default() }
}

fn instrument() -> InstrumentTerms {
    InstrumentTerms {
        currency: CurrencyId(1),
        checks: Checks::Funds,
        algorithm: Algorithm::LeadMarketMaker,
        lead: Lead { participant: ParticipantId(3), share: 40, reserved: [0; 3] },
        bands: bands(),
        maker_fee: 20,
        taker_fee: 50,
        ..InstrumentTerms::plain(InstrumentId(1), Symbol::new(b"ACME").unwrap(), 2, Price(5), Qty(10))
    }
}

fn every_command() -> Vec<Vec<u8>> {
    let mut frames = Frames::new();
    let mut loggers = [LoggerMember::default(); MAX_LOGGERS];
    loggers[0] = LoggerMember { node: NodeId(11), reserved: [0; 2], incarnation: Incarnation(1) };
    loggers[1] = LoggerMember { node: NodeId(12), reserved: [0; 2], incarnation: Incarnation(3) };
    frames.add(&EpochStart {
        parent_epoch: Epoch(0),
        sequencer: NodeId(4),
        logger_count: 2,
        parent_seq: Seq(0),
        parent_chain: Chain(0),
        nonce: 0xabc,
        cluster: wire::cluster_id("test"),
        loggers,
        opening: wire::command::Opening::AtOpen,
        adopted: Default::default(),
        reserved: [0; 6],
    });
    frames.add(&Tick {});
    frames.add(&RulesVersion { rules: Rules(6), reserved: [0; 4] });
    frames.add(&EpochOpen {});
    frames.add(&Snapshot { why: SnapshotReason::Asked, reserved: [0; 7] });
    frames.add(&Quarantine {
        seq: Seq(3),
        chain: Chain(0xdef),
        epoch: Epoch(1),
        reserved: [0; 4],
        act: Act { by: OperatorName::new(b"nora").unwrap(), why: Why::new(b"it panics").unwrap() },
    });
    frames.add(&GatewayOpen { version: 1, reserved: [0; 4] });
    let reset = ResetSeqNums::Yes;
    frames.add(&SessionLogon { session: SessionId(5), client_seq: 1, reset, reserved: [0; 7] });
    let reason = LogoutReason::Disconnected;
    frames.add(&SessionLogout { session: SessionId(5), client_seq: 8, reason, reserved: [0; 7] });
    frames.add(&NewOrder {
        session: SessionId(5),
        client_seq: 9,
        terms: Terms {
            order_type: OrderType::StopLimit,
            time_in_force: TimeInForce::GoodTillDate,
            expire: Nanos(1_700_000_000_000_000_000),
            stop_price: Price(10_000),
            display: Qty(10),
            min_qty: Qty(20),
            post_only: PostOnly::Yes,
            self_trade: SelfTrade::CancelOldest,
            ..Terms::limit(InstrumentId(1), Side::Buy, Price(10_050), Qty(100))
        },
        cl_ord_id: id("order-1"),
        account: AccountId(7),
    });
    frames.add(&CancelOrder {
        session: SessionId(5),
        client_seq: 10,
        instrument: InstrumentId(1),
        side: Side::Sell,
        reserved: [0; 3],
        cl_ord_id: id("cancel-1"),
        orig_cl_ord_id: id("order-1"),
    });
    frames.add(&ReplaceOrder {
        session: SessionId(5),
        client_seq: 11,
        terms: Terms {
            order_type: OrderType::Market,
            time_in_force: TimeInForce::ImmediateOrCancel,
            ..Terms::limit(InstrumentId(1), Side::Sell, Price(0), Qty(50))
        },
        cl_ord_id: id("order-2"),
        orig_cl_ord_id: id("order-1"),
    });
    frames.add(&MassCancel {
        session: SessionId(5),
        client_seq: 12,
        scope: MassScope::Account,
        reserved: [0; 3],
        instrument: InstrumentId(1),
        account: AccountId(7),
        cl_ord_id: id("mass-1"),
    });
    frames.add(&DefineInstrument { terms: instrument() });
    let (all, one) = (InstrumentId::ALL, InstrumentId(1));
    frames.add(&SetPhase { instrument: all, phase: Phase::Halted, reserved: [0; 3], act: act() });
    frames.add(&SetBands { instrument: one, reserved: [0; 4], bands: bands(), act: act() });
    frames.add(&SetLead { instrument: one, lead: Lead::default(), act: act() });
    let code = CurrencyCode::new(b"USD").unwrap();
    frames.add(&DefineCurrency { currency: CurrencyId(1), decimals: 6, reserved: [0; 5], code });
    let name = ParticipantName::new(b"Client One").unwrap();
    frames.add(&DefineParticipant { participant: ParticipantId(3), reserved: [0; 4], name });
    frames.add(&DefineAccount { account: AccountId(7), participant: ParticipantId(3) });
    frames.add(&AssignSession { session: SessionId(5), participant: ParticipantId(3) });
    frames.add(&MoveMoney {
        account: AccountId(7),
        currency: CurrencyId(1),
        direction: Transfer::Deposit,
        reserved: 0,
        amount: Money(1_000),
        act: act(),
    });
    frames.add(&MoveShares {
        account: AccountId(7),
        instrument: one,
        direction: Transfer::Withdrawal,
        reserved: [0; 7],
        qty: Qty(9),
        act: act(),
    });
    frames.add(&SetLimits { account: AccountId(7), instrument: all, limits: limits(), act: act() });
    let (participant, trading) = (ParticipantId(3), Trading::Stopped);
    frames.add(&SetTrading { participant, trading, reserved: [0; 3], act: act() });
    frames.add(&BustTrade { trade: TradeId(8), act: act() });
    frames.add(&CorrectTrade { trade: TradeId(8), price: Price(10_000), qty: Qty(30), act: act() });
    frames.add(&CancelFor { session: SessionId(5), cl_ord_id: id("order-1"), act: act() });
    let scope = MassScope::Everything;
    frames.add(&MassCancelFor { scope, reserved: [0; 3], subject: 0, act: act() });
    frames.add(&EndDay { act: act() });
    assert_eq!(frames.all.len(), CommandKind::ALL.len(), "a new command wants a line here");
    frames.all
}

fn every_event() -> Vec<Vec<u8>> {
    struct Events(Vec<Vec<u8>>);
    impl Events {
        fn add<B: EventBody>(&mut self, session: u32, body: &B) {
            let mut to = [0; MAX_FRAME_LEN];
            let number = self.0.len() as u64 + 1;
            let address = Address {
                outbound: Outbound(number),
                cause: Position { epoch: Epoch(1), seq: Seq(number + 20), chain: Chain(0xfeed) },
                timestamp: Nanos(1_700_000_000_000_000_000),
                session: SessionId(session),
                report: ReportSeq(session * 3),
            };
            let length = event::write(&mut to, address, body);
            event::speak(&mut to[..length], Speaker { epoch: Epoch(2), term: Term(3), node: NodeId(9) });
            self.0.push(to[..length].to_vec());
        }
    }
    let order = OrderView {
        order: OrderId(77),
        terms: Terms {
            time_in_force: TimeInForce::GoodTillCancel,
            ..Terms::limit(InstrumentId(1), Side::Buy, Price(10_050), Qty(100))
        },
        status: OrderStatus::PartiallyFilled,
        reserved: [0; 3],
        cum: Qty(40),
        leaves: Qty(60),
        notional: Notional(402_000),
        cl_ord_id: id("order-1"),
        account: AccountId(7),
    };
    let mut events = Events(Vec::new());
    events.add(0, &EpochStarted { sequencer: NodeId(4), adopted: Default::default(), reserved: [0; 5] });
    events.add(0, &RulesActivated { rules: Rules(6), reserved: [0; 4] });
    events.add(0, &GatewayOpened { gateway: NodeId(4), reserved: [0; 2], incarnation: Incarnation(2) });
    let (gateway, incarnation, reset) = (NodeId(4), Incarnation(2), ResetSeqNums::No);
    events.add(5, &SessionOpened { gateway, reset, reserved: 0, incarnation });
    events.add(5, &SessionClosed { gateway, reason: LogoutReason::Gateway, reserved: [0; 5] });
    events.add(5, &Accepted { order });
    let reason = RejectReason::DuplicateClOrdId;
    events.add(5, &Rejected { order, original: OrderId(70), reason, reserved: [0; 7] });
    events.add(
        5,
        &Filled {
            order,
            last_price: Price(10_045),
            last_qty: Qty(40),
            trade: TradeId(8),
            contra: OrderId(66),
            fee: Money(201),
            liquidity: Liquidity::Taker,
            reserved: [0; 7],
        },
    );
    let reason = CancelReason::Requested;
    events.add(5, &Cancelled { order, request: id("cancel-1"), reason, reserved: [0; 3] });
    events.add(5, &Replaced { order, orig_cl_ord_id: id("order-0"), reserved: [0; 4] });
    events.add(
        5,
        &CancelRejected {
            order: OrderId(77),
            instrument: InstrumentId(1),
            status: OrderStatus::Filled,
            response_to: ResponseTo::Replace,
            reason: RejectReason::TooLate,
            reserved: 0,
            request: id("replace-1"),
            orig_cl_ord_id: id("order-1"),
        },
    );
    events.add(5, &Triggered { order });
    events.add(5, &Restated { order });
    let trade = TradeSide {
        trade: TradeId(8),
        order: OrderId(77),
        instrument: InstrumentId(1),
        account: AccountId(7),
        cl_ord_id: id("order-1"),
        side: Side::Sell,
        reserved: [0; 3],
        price: Price(10_045),
        qty: Qty(40),
        fee: Money(201),
    };
    events.add(5, &TradeBusted { trade, act: act() });
    events.add(5, &TradeCorrected { trade, act: act() });
    let scope = MassScope::Instrument;
    events.add(5, &MassCancelled { request: id("mass-1"), count: 4, scope, reserved: [0; 7] });
    let reason = RejectReason::UnknownInstrument;
    events.add(5, &MassCancelRejected { request: id("mass-1"), scope, reason, reserved: [0; 2] });
    events.add(0, &InstrumentDefined { terms: instrument() });
    events.add(
        0,
        &AdministrationRefused { kind: 0x40, reason: RejectReason::InstrumentRefused, reserved: [0; 6] },
    );
    let (one, phase) = (InstrumentId(1), Phase::Continuous);
    let before = Phase::OpeningAuction;
    events.add(0, &PhaseChanged { instrument: one, phase, before, reserved: [0; 2], act: act() });
    events.add(0, &BandsChanged { instrument: one, reserved: [0; 4], bands: bands(), act: act() });
    let lead = Lead { participant: ParticipantId(3), share: 40, reserved: [0; 3] };
    events.add(0, &LeadChanged { instrument: one, lead, act: act() });
    let code = CurrencyCode::new(b"USD").unwrap();
    events.add(0, &CurrencyDefined { currency: CurrencyId(1), decimals: 6, reserved: [0; 5], code });
    let name = ParticipantName::new(b"Client One").unwrap();
    events.add(0, &ParticipantDefined { participant: ParticipantId(3), reserved: [0; 4], name });
    events.add(0, &AccountDefined { account: AccountId(7), participant: ParticipantId(3) });
    events.add(0, &SessionAssigned { session: SessionId(5), participant: ParticipantId(3) });
    events.add(
        0,
        &MoneyMoved {
            account: AccountId(7),
            currency: CurrencyId(1),
            direction: Transfer::Withdrawal,
            reserved: 0,
            amount: Money(1_000),
            available: Money(-1),
            withheld: Money(2),
            act: act(),
        },
    );
    events.add(
        0,
        &SharesMoved {
            account: AccountId(7),
            instrument: one,
            direction: Transfer::Deposit,
            reserved: [0; 7],
            qty: Qty(9),
            position: -3,
            withheld: Qty(4),
            act: act(),
        },
    );
    events.add(
        0,
        &LimitsChanged { account: AccountId(7), instrument: one, limits: RiskLimits::default(), act: act() },
    );
    let (participant, trading) = (ParticipantId(3), Trading::Allowed);
    events.add(0, &TradingChanged { participant, trading, reserved: [0; 3], act: act() });
    let scope = MassScope::Participant;
    events.add(
        0,
        &MassCancelledFor { scope, reserved: [0; 3], subject: 3, count: 5, reserved2: [0; 4], act: act() },
    );
    events.add(0, &DayEnded { act: act() });
    let (price, qty) = (Price(10_050), Qty(70));
    events.add(0, &AuctionUncrossed { instrument: one, reserved: [0; 4], price, qty });
    assert_eq!(events.0.len(), EventKind::ALL.len(), "a new event wants a line here");
    events.0
}

const ACT: &str = ", by \"desk\": \"because\"";
const INSTRUMENT: &str = "instrument 1 \"ACME\", 2 price decimals, tick 5, lot 10, lead market maker, continuous, funds checked, \
                          currency 1, low 5, high none, collar 50, reference 100, participant 3 leads with 40 %, fees 20 and \
                          50 ppm";

#[test]
fn every_command_is_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let frames = every_command();
    write(dir.path(), Stream::Frames, &frames);
    let lines = dumped(dir.path(), 0, u64::MAX);
    let told: Vec<&str> = lines.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    let cluster = wire::cluster_id("test");
    assert_eq!(
        told,
        [
            &format!(
                "epoch start: sequencer 4 (nonce 0000000000000abc) of cluster {cluster:016x} on parent \
                 0:0:0000000000000000, loggers 11 life 1, 12 life 3; nothing is committed before its epoch open"
            ),
            "tick",
            "rules version: 6 from here on",
            "epoch open",
            "snapshot: asked for",
            "quarantine: what stands at 1:3:0000000000000def is not executed, by \"nora\": \"it panics\"",
            "gateway open: a new life begins, wire version 1",
            "session logon: session 5 message 1, numbers start over",
            "session logout: session 5, next expected message 8, disconnected",
            "new order: session 5 message 9 buy 100 of instrument 1 at limit 10050 once 10000 trades, good till \
             2023-11-14T22:13:20.000000000Z, showing 10, at least 20, post only, self-trade: cancel oldest, as \
             \"order-1\", account 7",
            "cancel order: session 5 message 10 asks as \"cancel-1\" to cancel \"order-1\" (sell instrument 1)",
            "replace order: session 5 message 11 makes \"order-1\" into \"order-2\": sell 50 of instrument 1 at market, \
             immediate or cancel",
            "mass cancel: session 5 message 12 asks as \"mass-1\" to cancel account 7",
            &format!("define instrument: {INSTRUMENT}"),
            &format!("set phase: all instruments into halted{ACT}"),
            &format!("set bands: instrument 1 low 5, high none, collar 50, reference 100{ACT}"),
            &format!("set lead: instrument 1 nobody leads{ACT}"),
            "define currency: 1 \"USD\", 6 decimals",
            "define participant: 3 \"Client One\"",
            "define account: 7 of participant 3",
            "assign session: 5 to participant 3",
            &format!("move money: deposit 1000 of currency 1 into account 7{ACT}"),
            &format!("move shares: withdrawal 9 of instrument 1 from account 7{ACT}"),
            &format!("set limits: account 7 in all instruments: order value 500, open orders 2{ACT}"),
            &format!("set trading: participant 3 is stopped{ACT}"),
            &format!("bust trade: 8{ACT}"),
            &format!("correct trade: 8 to 30 at 10000{ACT}"),
            &format!("cancel for session 5: \"order-1\"{ACT}"),
            &format!("mass cancel for owners: everything{ACT}"),
            &format!("end day{ACT}"),
        ]
    );
    let chain = Frame::read(&frames[7]).unwrap().position().chain.0;
    let head = format!("1:8:{chain:016x} 2023-11-14T22:13:20.000000007Z gateway 4 life 2 number 7: ");
    assert!(lines[7].starts_with(&head), "{}", lines[7]);
}

#[test]
fn every_event_is_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), Stream::Events, &every_event());
    let lines = dumped(dir.path(), 0, u64::MAX);
    let told: Vec<&str> = lines.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    let order = "order 77 \"order-1\" buy 100 of instrument 1 at limit 10050, good till cancel, account 7; \
                 partially filled, filled 40, open 60, notional 402000";
    let trade = "trade 8 of order 77 \"order-1\" sell 40 of instrument 1 at 10045, account 7, fee 201";
    assert_eq!(
        told,
        [
            "epoch started: sequencer 4",
            "rules activated: 6",
            "gateway opened: gateway 4 life 2",
            "session opened: on gateway 4 life 2",
            "session closed: on gateway 4, ended by the gateway",
            &format!("accepted: {order}"),
            &format!("rejected, duplicate client order id (first seen as order 70): {order}"),
            &format!("filled 40 at 10045 as taker in trade 8 against order 66, fee 201: {order}"),
            &format!("cancelled, as requested by \"cancel-1\": {order}"),
            &format!("replaced \"order-0\": {order}"),
            "replace rejected, too late: request \"replace-1\" for \"order-1\" on instrument 1, order 77 is filled",
            &format!("triggered: {order}"),
            &format!("restated: {order}"),
            &format!("trade busted: {trade}{ACT}"),
            &format!("trade corrected: {trade}{ACT}"),
            "mass cancelled: 4 orders (instrument) by \"mass-1\"",
            "mass cancel rejected, unknown instrument: request \"mass-1\" (instrument)",
            &format!("instrument defined: {INSTRUMENT}"),
            "administration refused, instrument exists or is out of range: command kind 0x40",
            &format!("phase changed: instrument 1 from opening auction into continuous{ACT}"),
            &format!("bands changed: instrument 1 low 5, high none, collar 50, reference 100{ACT}"),
            &format!("lead changed: instrument 1 participant 3 leads with 40 %{ACT}"),
            "currency defined: 1 \"USD\", 6 decimals",
            "participant defined: 3 \"Client One\"",
            "account defined: 7 of participant 3",
            "session assigned: 5 to participant 3",
            &format!(
                "money moved: withdrawal 1000 of currency 1 from account 7, available -1, withheld 2{ACT}"
            ),
            &format!("shares moved: deposit 9 of instrument 1 into account 7, position -3, withheld 4{ACT}"),
            &format!("limits changed: account 7 in instrument 1: none{ACT}"),
            &format!("trading changed: participant 3 may trade{ACT}"),
            &format!("mass cancelled for owners: 5 orders (participant 3){ACT}"),
            &format!("day ended{ACT}"),
            "auction uncrossed: instrument 1, 70 at 10050",
        ]
    );
    assert!(lines[5].starts_with(
        "6 2023-11-14T22:13:20.000000000Z engine 9 term 3 epoch 2 caused by 1:26:000000000000feed for session 5 report 15: "
    ));
}
