//! Who is filled at a price where a lead market maker has a share, or where it goes pro rata.

mod support;

use support::{ALICE, BOB, CAROL, Desk, HOUSE, SAVINGS, VAULT, but, floor, name, of, order};
use wire::command::{Algorithm, Lead, SelfTrade, SetLead, Side};
use wire::{ParticipantId, Qty};

use Side::{Buy, Sell};

fn lead(share: u8) -> Desk {
    floor(|t| {
        t.algorithm = Algorithm::LeadMarketMaker;
        t.lead = Lead { participant: HOUSE, share, reserved: [0; 3] };
    })
}

fn pro_rata() -> Desk {
    floor(|t| t.algorithm = Algorithm::ProRata)
}

/// What the resting orders were filled with, as name and quantity.
fn shares(told: &[String]) -> Vec<String> {
    let makers = told.iter().filter(|line| line.ends_with("(Maker)"));
    makers.map(|line| line.replace(" at 100 (Maker)", "").replace("filled ", "")).collect()
}

#[test]
fn the_leads_share_goes_to_its_orders_first_and_the_rest_in_order_of_time() {
    let mut desk = lead(50);
    desk.send(&of(VAULT, order(BOB, "b", Sell, 50, 100)));
    desk.send(&of(SAVINGS, order(ALICE, "lead1", Sell, 20, 100)));
    desk.send(&of(SAVINGS, order(CAROL, "lead2", Sell, 60, 100)));
    let told = desk.say(&of(VAULT, order(BOB, "x", Buy, 70, 100)));
    assert_eq!(shares(&told), ["b 40", "lead1 20", "lead2 10"], "30 for the lead: half of 70, down to a lot");
    desk.audit();
}

#[test]
fn a_lead_with_little_to_show_leaves_its_share_to_the_others() {
    let mut desk = lead(100);
    desk.send(&of(VAULT, order(BOB, "b", Sell, 50, 100)));
    desk.send(&of(SAVINGS, order(ALICE, "lead", Sell, 10, 100)));
    let told = desk.say(&of(VAULT, order(BOB, "x", Buy, 40, 100)));
    assert_eq!(shares(&told), ["b 30", "lead 10"]);
}

#[test]
fn without_a_lead_it_is_first_come_first_served() {
    let mut desk = lead(50);
    let nobody = Lead { participant: ParticipantId(0), share: 50, reserved: [0; 3] };
    assert_eq!(
        desk.say(&SetLead { instrument: support::ACME, lead: nobody, act: support::act() }),
        ["LeadChanged"]
    );
    desk.send(&of(VAULT, order(BOB, "b", Sell, 50, 100)));
    desk.send(&of(SAVINGS, order(ALICE, "a", Sell, 50, 100)));
    assert_eq!(shares(&desk.say(&of(VAULT, order(BOB, "x", Buy, 60, 100)))), ["b 50", "a 10"]);
}

#[test]
fn pro_rata_gives_by_size_down_to_a_lot_and_what_is_left_in_order_of_time() {
    let mut desk = pro_rata();
    for (text, qty) in [("small", 10), ("middle", 30), ("large", 60)] {
        desk.send(&of(VAULT, order(BOB, text, Sell, qty, 100)));
    }
    let told = desk.say(&of(SAVINGS, order(ALICE, "a", Buy, 50, 100)));
    assert_eq!(
        shares(&told),
        ["small 10", "middle 10", "large 30"],
        "0, 10 and 30, then the odd lot to the first"
    );
    assert_eq!(desk.queue(Sell), ["middle", "large"].map(name));
    desk.audit();
}

#[test]
fn an_iceberg_takes_part_with_what_it_shows_and_shows_anew_behind_the_others_after_the_round() {
    let mut desk = pro_rata();
    desk.send(&but(of(VAULT, order(BOB, "ice", Sell, 60, 100)), |t| t.display = Qty(20)));
    desk.send(&of(VAULT, order(BOB, "b", Sell, 20, 100)));
    let told = desk.say(&of(SAVINGS, order(ALICE, "a", Buy, 60, 100)));
    assert_eq!(shares(&told), ["ice 20", "b 20", "ice 20"], "one round of 40, then one of 20");
    assert_eq!(desk.depth(Sell), [(100, 20, 0)]);
}

#[test]
fn self_trade_prevention_goes_over_the_whole_price_before_a_round() {
    let mut desk = pro_rata();
    desk.send(&of(VAULT, order(BOB, "b", Sell, 20, 100)));
    desk.send(&of(SAVINGS, order(CAROL, "own1", Sell, 20, 100)));
    desk.send(&of(SAVINGS, order(CAROL, "own2", Sell, 20, 100)));
    let asked = but(of(SAVINGS, order(ALICE, "a", Buy, 20, 100)), |t| t.self_trade = SelfTrade::CancelOldest);
    assert_eq!(
        desk.say(&asked)[1..],
        [
            "own1 Cancelled: SelfTrade",
            "own2 Cancelled: SelfTrade",
            "b filled 20 at 100 (Maker)",
            "a filled 20 at 100 (Taker)"
        ]
    );
    desk.audit();
}
