//! Who trades and what: which descriptions are taken, and the commands that the first epoch begins with.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use node::{Description, Founding};
use std::path::Path;
use wire::command::*;
use wire::frame::{self, Origin};
use wire::*;

fn default_text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster.toml")).unwrap()
}

fn parse(text: &str) -> Result<Description, String> {
    Description::parse(Path::new("conf/cluster.toml"), text).map_err(|error| error.to_string())
}

/// The nodes of the default cluster, and a market of our own.
fn with_market(market: &str) -> Result<Description, String> {
    let text = default_text();
    parse(&format!("{}\n{market}", &text[..text.find("[[currency]]").unwrap()]))
}

const MARKET: &str = r#"
[[currency]]
id = 3
code = "EUR"
decimals = 4

[[participant]]
id = 7
name = "Seven"

[[account]]
id = 70
participant = 7
money = [{ currency = "EUR", amount = "12.5" }]
shares = [{ symbol = "ABC", qty = 9 }]
limits = [
  { symbol = "ABC", order_qty = 1, order_value = "2.5", position = 3, day_volume = 4, open_orders = 5 },
  { order_value = "1", currency = "EUR" },
]

[[session]]
id = 1
comp_id = "A"
participant = 7

[[session]]
id = 2
comp_id = "B"

[[instrument]]
id = 9
symbol = "ABC"
price_decimals = 2
tick = 5
currency = "EUR"
checks = "risk"
algorithm = "lead-market-maker"
lead = 7
lead_share = 40
phase = "pre-open"
band_low = "1"
band_high = "9.95"
collar = "0.5"
reference = "5"
maker_fee_ppm = 1
taker_fee_ppm = 1000000

[[instrument]]
id = 10
symbol = "PLAIN"
price_decimals = 0
tick = 1
"#;

fn act() -> Act {
    Act { by: OperatorName::new(b"founding").unwrap(), why: Why::new(b"cluster description").unwrap() }
}

#[test]
fn a_market_is_founded_in_an_order_in_which_everything_refers_to_what_is_there() {
    let founding = with_market(MARKET).unwrap().founding();
    let abc = InstrumentTerms {
        currency: CurrencyId(3),
        checks: Checks::Risk,
        algorithm: Algorithm::LeadMarketMaker,
        lead: Lead { participant: ParticipantId(7), share: 40, reserved: [0; 3] },
        phase: Phase::PreOpen,
        bands: Bands { low: Price(100), high: Price(995), collar: Price(50), reference: Price(500) },
        maker_fee: 1,
        taker_fee: 1_000_000,
        ..InstrumentTerms::plain(InstrumentId(9), Symbol::new(b"ABC").unwrap(), 2, Price(5), Qty(1))
    };
    let plain = InstrumentTerms::plain(InstrumentId(10), Symbol::new(b"PLAIN").unwrap(), 0, Price(1), Qty(1));
    let of_abc = RiskLimits {
        order_qty: Qty(1),
        order_value: Money(25_000),
        position: Qty(3),
        day_volume: Qty(4),
        open_orders: 5,
        reserved: [0; 4],
    };
    let of_all = RiskLimits { order_value: Money(10_000), ..RiskLimits::default() };
    let limits = |instrument, limits| {
        Founding::Limits(SetLimits { account: AccountId(70), instrument, limits, act: act() })
    };
    assert_eq!(
        founding,
        [
            Founding::Currency(DefineCurrency {
                currency: CurrencyId(3),
                decimals: 4,
                reserved: [0; 5],
                code: CurrencyCode::new(b"EUR").unwrap(),
            }),
            Founding::Participant(DefineParticipant {
                participant: ParticipantId(7),
                reserved: [0; 4],
                name: ParticipantName::new(b"Seven").unwrap(),
            }),
            Founding::Account(DefineAccount { account: AccountId(70), participant: ParticipantId(7) }),
            Founding::Session(AssignSession { session: SessionId(1), participant: ParticipantId(7) }),
            Founding::Instrument(DefineInstrument { terms: abc }),
            Founding::Instrument(DefineInstrument { terms: plain }),
            Founding::Money(MoveMoney {
                account: AccountId(70),
                currency: CurrencyId(3),
                direction: Transfer::Deposit,
                reserved: 0,
                amount: Money(125_000),
                act: act(),
            }),
            Founding::Shares(MoveShares {
                account: AccountId(70),
                instrument: InstrumentId(9),
                direction: Transfer::Deposit,
                reserved: [0; 7],
                qty: Qty(9),
                act: act(),
            }),
            limits(InstrumentId(9), of_abc),
            limits(InstrumentId::ALL, of_all),
        ]
    );
}

#[test]
fn every_founding_command_is_written_as_the_command_that_it_is() {
    let origin = Origin {
        source: NodeId(1),
        incarnation: Incarnation(0),
        source_seq: SourceSeq(0),
        received: Nanos(5),
    };
    let kinds: Vec<CommandKind> = with_market(MARKET)
        .unwrap()
        .founding()
        .iter()
        .map(|founding| {
            let mut to = [0; MAX_FRAME_LEN];
            let length = founding.write(&mut to, origin);
            let frame = Frame::read(&to[..length]).unwrap();
            assert!(!frame.command().unwrap().kind().from_gateway());
            frame.command().unwrap().kind()
        })
        .collect();
    use CommandKind as K;
    assert_eq!(
        kinds,
        [
            K::DefineCurrency,
            K::DefineParticipant,
            K::DefineAccount,
            K::AssignSession,
            K::DefineInstrument,
            K::DefineInstrument,
            K::MoveMoney,
            K::MoveShares,
            K::SetLimits,
            K::SetLimits
        ]
    );
    assert_eq!(frame::kind_of(&[0; 8]), None);
}

#[test]
fn a_sessions_account_is_the_lowest_one_of_its_participant() {
    let market = format!("{MARKET}\n[[account]]\nid = 5\nparticipant = 7\n");
    let cluster = with_market(&market).unwrap();
    let accounts: Vec<_> = cluster.sessions.iter().map(|session| cluster.account_of(session)).collect();
    assert_eq!(accounts, [Some(AccountId(5)), None]);
}

#[test]
fn the_default_clusters_sessions_trade_for_accounts_that_hold_enough() {
    let cluster = parse(&default_text()).unwrap();
    let accounts: Vec<_> =
        cluster.sessions.iter().map(|session| cluster.account_of(session).unwrap().0).collect();
    assert_eq!(accounts, [1, 2]);
    for account in &cluster.accounts {
        assert_eq!(account.money.len(), cluster.currencies.len());
        assert_eq!(account.shares.len(), cluster.instruments.len());
    }
    assert!(cluster.instruments.iter().all(|terms| terms.checks == Checks::Funds));
}

#[test]
fn what_the_new_market_cannot_be_is_refused_with_the_line_and_the_reason() {
    let cases = [
        ("id = 3\ncode", "id = 0\ncode", "[[currency]]", "currency id 0 must lie between 1 and 15"),
        ("code = \"EUR\"", "code = \"ABCDEFGHI\"", "[[currency]]", "at most 8 are allowed"),
        ("decimals = 4", "decimals = 13", "[[currency]]", "decimals must not be above 12"),
        (
            "id = 7\nname",
            "id = 4096\nname",
            "[[participant]]",
            "participant id 4096 must lie between 1 and 4095",
        ),
        ("name = \"Seven\"", "name = \"\"", "[[participant]]", "participant 7: the name is empty"),
        ("id = 70", "id = 4096", "[[account]]", "account id 4096 must lie between"),
        (
            "participant = 7\nmoney",
            "participant = 8\nmoney",
            "[[account]]",
            "no [[participant]] has the id 8",
        ),
        ("\"EUR\", amount", "\"GBP\", amount", "money =", "no [[currency]] has the code \"GBP\""),
        ("\"12.5\"", "\"12.50001\"", "money =", "no number with at most 4 decimals"),
        ("\"12.5\"", "\"-1\"", "money =", "no number with at most 4 decimals"),
        ("\"12.5\"", "\"0\"", "money =", "amount must lie between 1 and"),
        ("\"12.5\"", "\"1000000000000000000000000001\"", "money =", "amount must lie between 1 and"),
        (
            "symbol = \"ABC\", qty",
            "symbol = \"AB\", qty",
            "shares =",
            "no [[instrument]] has the symbol \"AB\"",
        ),
        ("qty = 9 ", "qty = 0 ", "shares =", "qty must lie between 1 and"),
        (
            "order_value = \"2.5\"",
            "order_value = \"2.55555\"",
            "{ symbol = \"ABC\", order_qty",
            "order_value: ",
        ),
        (", currency = \"EUR\" }", "}", "{ order_value", "order_value for all symbols needs a currency"),
        ("open_orders = 5", "currency = \"EUR\"", "{ symbol = \"ABC\", order_qty", "name none"),
        (
            "{ order_value = \"1\", currency = \"EUR\" }",
            "{ symbol = \"ABC\" }",
            "{ symbol = \"ABC\" }",
            "given twice",
        ),
        (
            "comp_id = \"A\"\nparticipant = 7",
            "comp_id = \"A\"\nparticipant = 8",
            "[[session]]",
            "session \"A\": no [[participant]]",
        ),
        (
            "price_decimals = 2",
            "price_decimals = 5",
            "[[instrument]]",
            "must not be above the decimals of EUR (4)",
        ),
        (
            "price_decimals = 2",
            "price_decimals = 13",
            "[[instrument]]",
            "price_decimals must not be above 12",
        ),
        (
            "currency = \"EUR\"\nchecks",
            "currency = \"X\"\nchecks",
            "[[instrument]]",
            "no [[currency]] has the code \"X\"",
        ),
        ("currency = \"EUR\"\nchecks = \"risk\"", "checks = \"funds\"", "[[instrument]]", "needs a currency"),
        ("checks = \"risk\"", "checks = \"some\"", "checks =", "unknown variant `some`"),
        ("algorithm = \"lead-", "algorithm = \"", "algorithm =", "unknown variant `market-maker`"),
        ("phase = \"pre-open\"", "phase = \"open\"", "phase =", "unknown variant `open`"),
        ("lead = 7", "lead = 8", "[[instrument]]", "lead: no [[participant]] has the id 8"),
        ("lead = 7\n", "", "[[instrument]]", "lead_share needs a lead"),
        ("lead_share = 40", "lead_share = 101", "[[instrument]]", "100 at the most"),
        ("band_low = \"1\"", "band_low = \"9.96\"", "[[instrument]]", "band_low must not be above band_high"),
        (
            "collar = \"0.5\"",
            "collar = \"0.555\"",
            "[[instrument]]",
            "collar: \"0.555\" is no number with at most 2",
        ),
        ("reference = \"5\"", "reference = \"0\"", "[[instrument]]", "reference must lie in 1..="),
        (
            "maker_fee_ppm = 1\n",
            "maker_fee_ppm = 1000001\n",
            "[[instrument]]",
            "maker_fee_ppm must not be above 1000000",
        ),
        ("tick = 5", "tick = -5", "[[instrument]]", "tick and lot must lie in 1..="),
    ];
    for (from, to, place, expected) in cases {
        assert!(MARKET.contains(from), "the market no longer holds {from:?}");
        let market = MARKET.replacen(from, to, 1);
        let error = with_market(&market).expect_err(expected);
        assert!(error.contains(expected), "expected {expected:?} in: {error}");
        let text = default_text();
        let text = format!("{}\n{market}", &text[..text.find("[[currency]]").unwrap()]);
        let line = text.lines().position(|line| line.trim_start().contains(place)).unwrap() + 1;
        assert!(error.contains(&format!("line {line}")), "expected line {line} in: {error}");
    }
    for (what, twice) in [
        ("two currencies have the code", "[[currency]]\nid = 4\ncode = \"EUR\"\ndecimals = 0\n"),
        ("two participants are called", "[[participant]]\nid = 8\nname = \"Seven\"\n"),
        ("account id 70 is taken", "[[account]]\nid = 70\nparticipant = 7\n"),
    ] {
        let error = with_market(&format!("{MARKET}\n{twice}")).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn more_founding_than_may_be_uncommitted_is_refused_with_what_is_needed() {
    let founded = with_market(MARKET).unwrap().founding().len();
    let with_room = |room: usize| with_market(&format!("{MARKET}\n[rings]\nuncommitted = {room}\n"));
    let error = with_room(founded + 2).unwrap_err();
    assert!(error.contains("takes 10 commands at once: uncommitted must be at least 13"), "{error}");
    assert!(with_room(founded + 3).is_ok());
}

#[test]
fn the_documented_market_is_taken() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIGURATION.md");
    let page = std::fs::read_to_string(page).unwrap();
    let market = page.split("```toml\n").find(|block| block.starts_with("[[currency]]")).unwrap();
    let market = market.split("```").next().unwrap();
    assert_eq!(with_market(market).unwrap().founding().len(), 9);
}
