//! Every bad input is refused with the right words to the right party, and everybody else goes on.

use crate::bench::Bench;

/// Client 0 says something bad and is told this; client 1 trades before, after, and hears nothing of it.
#[track_caller]
fn refused(msg_type: &str, line: &str, answer: &str) -> Bench {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(1, "before", 2, 5, "10.00");
    bench.settle();
    bench.hears(1, "150=0");
    bench.say(0, msg_type, line);
    bench.settle();
    bench.hears(0, answer);
    bench.hears_nothing(0);
    bench.hears_nothing(1);
    assert_eq!(bench.core.engine.machine().resting_orders(), 1, "it changed nothing");
    bench.order(0, "good", 1, 5, "10.00");
    bench.settle();
    bench.hears(0, "150=0|11=good");
    bench.hears(0, "150=F|11=good");
    bench.hears(1, "150=F|11=before");
    bench
}

#[test]
fn an_unknown_symbol_is_refused_by_the_order() {
    refused(
        "D",
        "11=x|55=NIX|54=1|38=1|40=2|44=1",
        "35=8|150=8|39=8|103=1|11=x|37=NONE|55=NIX|58=Symbol(55)=NIX is not traded here",
    );
    refused(
        "F",
        "11=x|41=y|55=NIX|54=1",
        "35=9|11=x|41=y|37=NONE|39=8|434=1|102=99|58=Symbol(55)=NIX is not traded here",
    );
    refused("G", "11=x|41=y|55=NIX|54=1|38=1|40=1", "35=9|11=x|41=y|434=2|102=99");
}

#[test]
fn a_quantity_must_be_a_whole_number_of_lots_above_zero() {
    refused(
        "D",
        "11=x|55=ABC|54=1|38=0|40=2|44=1",
        "150=8|103=13|11=x|38=0|58=OrderQty(38) must not be zero",
    );
    refused(
        "D",
        "11=x|55=ABC|54=1|38=1.5|40=2|44=1",
        "150=8|103=13|38=1.5|58=OrderQty(38) must be a whole number",
    );
    refused(
        "D",
        "11=x|55=LOT|54=1|38=150|40=2|44=1",
        "150=8|103=13|58=OrderQty(38) is not a multiple of the lot size",
    );
    refused(
        "D",
        "11=x|55=ABC|54=1|38=2000000000000|40=2|44=1",
        "150=8|103=3|58=OrderQty(38) is above the limit",
    );
    refused(
        "D",
        "11=x|55=ABC|54=1|38=99999999999999999999|40=2|44=1",
        "150=8|103=3|58=OrderQty(38) is too large",
    );
    refused("D", "11=x|55=ABC|54=1|38=-1|40=2|44=1", "35=3|371=38|373=5");
    refused("D", "11=x|55=ABC|54=1|38=ten|40=2|44=1", "35=3|371=38|373=6|372=D");
    refused("D", "11=x|55=ABC|54=1|40=2|44=1", "35=3|371=38|373=1|372=D");
}

#[test]
fn a_whole_number_may_be_written_with_decimals() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.say(0, "D", "11=x|55=ABC|54=1|38=7.00|40=2|44=1.0500");
    bench.settle();
    bench.hears(0, "150=0|38=7|44=1.05");
}

#[test]
fn a_price_must_fit_the_instrument() {
    refused(
        "D",
        "11=x|55=ABC|54=1|38=1|40=2|44=10.03",
        "150=8|103=99|44=10.03|58=Price(44) is not a multiple of the tick size",
    );
    refused(
        "D",
        "11=x|55=ABC|54=1|38=1|40=2|44=10.005",
        "150=8|103=99|58=Price(44)=10.005 has more than the 2 decimals of ABC",
    );
    refused("D", "11=x|55=ABC|54=1|38=1|40=2|44=0", "150=8|103=99|58=Price(44) must be above zero");
    refused("D", "11=x|55=ABC|54=1|38=1|40=2|44=-1", "150=8|103=99|58=Price(44) must be above zero");
    refused(
        "D",
        "11=x|55=ABC|54=1|38=1|40=2|44=99999999999.00",
        "150=8|103=3|58=Price(44) is above the limit",
    );
    refused("D", "11=x|55=ABC|54=1|38=1|40=2|44=1e3", "35=3|371=44|373=6");
    refused("D", "11=x|55=ABC|54=1|38=1|40=2", "35=3|371=44|373=1");
}

#[test]
fn what_kind_of_order_is_not_supported_is_said_with_what_is() {
    refused(
        "D",
        "11=x|55=ABC|54=1|38=1|40=5|44=1",
        "150=8|103=11|58=OrdType(40)=5 is not supported: use 1 (market), 2 (limit), 3 (stop) or 4 (stop limit)",
    );
    refused(
        "D",
        "11=x|55=ABC|54=1|38=1|40=2|44=1|59=5",
        "150=8|103=11|58=TimeInForce(59)=5 is not supported: use 0 (day), 1 (GTC), 2 (at the open), 3 (IOC), 4 (FOK), 6 (GTD) or 7 (at the close)",
    );
}

#[test]
fn what_a_kind_of_order_needs_is_asked_for_by_its_tag() {
    for (terms, missing) in
        [("40=2", 44), ("40=3", 99), ("40=4|99=1", 44), ("40=4|44=1", 99), ("40=2|44=1|59=6", 126)]
    {
        let answer = format!("35=3|371={missing}|373=1|372=D");
        refused("D", &format!("11=x|55=ABC|54=1|38=1|{terms}"), &answer);
    }
}

#[test]
fn a_number_of_an_order_that_is_none_or_does_not_fit_is_named() {
    let order = |terms: &str| format!("11=x|55=ABC|54=1|38=10|{terms}");
    for (terms, answer) in [
        ("40=3|99=1.001", "150=8|103=99|58=StopPx(99)=1.001 has more than the 2 decimals of ABC"),
        ("40=3|99=99999999999999999999", "150=8|103=99|58=StopPx(99) is too large"),
        (
            "40=3|99=1.01",
            "150=8|103=99|58=StopPx(99) must be above zero, a multiple of the tick size and within the limit",
        ),
        ("40=3|99=one", "35=3|371=99|373=6"),
        ("40=2|44=1|111=1.5", "150=8|103=13|58=MaxFloor(111) must be a whole number"),
        ("40=2|44=1|111=-1", "35=3|371=111|373=5"),
        (
            "40=2|44=1|111=11",
            "150=8|103=13|58=MaxFloor(111) must be a multiple of the lot size and not above OrderQty(38)",
        ),
        ("40=2|44=1|110=99999999999999999999", "150=8|103=13|58=MinQty(110) is too large"),
        (
            "40=2|44=1|110=11",
            "150=8|103=13|58=MinQty(110) must be a multiple of the lot size and not above OrderQty(38)",
        ),
        (
            "40=2|44=1|59=6|126=20240101-00:00:00",
            "150=8|103=99|58=ExpireTime(126) or ExpireDate(432) is not in the future",
        ),
        ("40=2|44=1|59=6|126=tomorrow", "35=3|371=126|373=6"),
        ("40=2|44=1|59=6|432=20240230", "35=3|371=432|373=6"),
        ("40=2|44=1|2964=5", "35=3|371=2964|373=5"),
        ("40=2|44=1|1=mine", "150=8|103=15|58=Account(1)=mine is no account: accounts go by their numbers"),
        ("40=2|44=1|1=0", "150=8|103=15|58=Account(1)=0 is no account: accounts go by their numbers"),
        ("40=2|44=1|1=21", "150=8|103=15|58=Account(1) is not of the session's participant"),
        ("40=1|18=6", "150=8|103=11"),
        ("40=2|44=1|59=2", "150=8|103=2|58=the instrument's phase of trading does not take it"),
    ] {
        refused("D", &order(terms), answer);
    }
}

#[test]
fn a_mass_cancel_that_would_cancel_more_than_was_asked_for_is_refused() {
    for (request, answer) in [
        (
            "530=2|55=ABC",
            "530=2|532=0|58=MassCancelRequestType(530) must be 1 (one security) or 7 (all orders)",
        ),
        ("530=7|54=1", "530=7|532=0|58=Side(54) is not supported: both sides are cancelled"),
        ("530=7|55=ABC", "530=7|532=0|58=Symbol(55) goes with MassCancelRequestType(530)=1 only"),
        ("530=1|55=ABC|1=11", "530=1|532=0|58=Account(1) goes with MassCancelRequestType(530)=7 only"),
        ("530=1|55=NIX", "530=1|532=1|58=Symbol(55)=NIX is not traded here"),
        ("530=7|1=mine", "530=7|532=99|58=Account(1)=mine is no account: accounts go by their numbers"),
    ] {
        refused("q", &format!("11=x|{request}"), &format!("35=r|11=x|37=NONE|531=0|{answer}"));
    }
    refused("q", "11=x|530=1", "35=3|371=55|373=1|372=q");
    refused("q", "11=x", "35=3|371=530|373=1|372=q");
    refused("q", "11=x|530=9", "35=3|371=530|373=5|372=q");
}

#[test]
fn a_side_must_be_buy_or_sell() {
    refused("D", "11=x|55=ABC|54=5|38=1|40=2|44=1", "35=3|371=54|373=5|372=D");
    refused("D", "11=x|55=ABC|54=Z|38=1|40=2|44=1", "35=3|371=54|373=5");
    refused("F", "11=x|41=y|55=ABC|54=5", "35=3|371=54|373=5|372=F");
}

#[test]
fn a_missing_field_is_named() {
    refused("D", "55=ABC|54=1|38=1|40=2|44=1", "35=3|371=11|373=1|372=D");
    refused("D", "11=x|54=1|38=1|40=2|44=1", "35=3|371=55|373=1|372=D");
    refused("F", "11=x|55=ABC|54=1", "35=3|371=41|373=1|372=F");
    refused("G", "11=x|41=y|55=ABC|54=1|38=1", "35=3|371=40|373=1|372=G");
}

#[test]
fn a_name_must_be_at_most_twenty_printable_characters() {
    refused("D", "11=123456789012345678901|55=ABC|54=1|38=1|40=2|44=1", "35=3|371=11|373=5");
    refused("F", "11=x|41=123456789012345678901|55=ABC|54=1", "35=3|371=41|373=5");
    refused("D", "11=\u{fc}|55=ABC|54=1|38=1|40=2|44=1", "35=3|371=11|373=5");
}

#[test]
fn a_message_type_that_is_not_spoken_here_is_refused_as_business() {
    refused("H", "11=x|54=1|55=ABC", "35=j|380=3|372=H");
    refused("AE", "571=x", "35=j|380=3|372=AE");
}

#[test]
fn a_cancel_that_names_no_order_or_another_one_is_refused() {
    refused("F", "11=x|41=nix|55=ABC|54=1", "35=9|11=x|41=nix|37=NONE|39=8|434=1|102=1");
    let mut bench = refused("F", "11=x|41=before|55=ABC|54=2", "35=9|102=1|11=x");
    bench.order(0, "mine", 1, 1, "1.00");
    bench.say(0, "F", "11=y|41=mine|55=ABC|54=2");
    bench.say(0, "F", "11=z|41=mine|55=LOT|54=1");
    bench.say(0, "F", "11=good|41=mine|55=ABC|54=1");
    bench.settle();
    bench.hears(0, "150=0|11=mine");
    bench.hears(0, "35=9|11=y|41=mine|39=0|102=99");
    bench.hears(0, "35=9|11=z|41=mine|39=0|102=99");
    bench.hears(0, "35=9|11=good|41=mine|39=0|102=6");
}
