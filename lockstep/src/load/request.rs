//! What a client asks of the exchange: a new order, a cancel, a replace; and the ClOrdID that names it.

use super::plan::Instrument;
use fix::Fields;
use fix::tags::{self, msg_type};
use wire::command::{OrderType, Side, TimeInForce};
use wire::{AccountId, Nanos};

/// A request of a run, counted from 0 over all sessions. An order goes by the request that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// What kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// NewOrderSingle(D).
    New {
        /// With or without a price.
        order_type: OrderType,
        /// How long it stays.
        time_in_force: TimeInForce,
    },
    /// OrderCancelRequest(F) of an order.
    Cancel(RequestId),
    /// OrderCancelReplaceRequest(G) of an order.
    Replace(RequestId),
}

/// A request, ready to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Index of the session.
    pub session: u16,
    /// Index of the instrument.
    pub instrument: u16,
    /// What is asked.
    pub action: Action,
    /// The order's side.
    pub side: Side,
    /// The limit in price units; 0 for a market order. For a cancel, the order's.
    pub price: i64,
    /// The whole quantity, what is filled already included (FIX 38).
    pub qty: u64,
}

impl Action {
    /// MsgType(35).
    #[must_use]
    pub fn msg_type(self) -> &'static str {
        match self {
            Self::New { .. } => msg_type::NEW_ORDER_SINGLE,
            Self::Cancel(_) => msg_type::ORDER_CANCEL_REQUEST,
            Self::Replace(_) => msg_type::ORDER_CANCEL_REPLACE_REQUEST,
        }
    }

    /// Whether it is a new order that cannot rest.
    #[must_use]
    pub fn is_immediate(self) -> bool {
        match self {
            Self::New { order_type, time_in_force } => {
                order_type == OrderType::Market || time_in_force == TimeInForce::ImmediateOrCancel
            }
            Self::Cancel(_) | Self::Replace(_) => false,
        }
    }
}

impl Request {
    /// Writes the body. `account` is Account(1) of a new order, `name` is ClOrdID(11), `cites` the OrigClOrdID(41) of a cancel
    /// or replace.
    pub fn write(
        &self,
        fields: &mut Fields<'_>,
        now: Nanos,
        instrument: &Instrument,
        account: AccountId,
        name: &Name,
        cites: Option<&Name>,
    ) {
        if let Some(cites) = cites {
            fields.bytes(tags::ORIG_CL_ORD_ID, cites.as_bytes());
        }
        fields.bytes(tags::CL_ORD_ID, name.as_bytes());
        if matches!(self.action, Action::New { .. }) && account != AccountId(0) {
            fields.u64(tags::ACCOUNT, u64::from(account.0));
        }
        if !matches!(self.action, Action::Cancel(_)) {
            fields.bytes(tags::HANDL_INST, b"1");
        }
        fields.str(tags::SYMBOL, &instrument.symbol);
        fields.bytes(tags::SIDE, if self.side == Side::Buy { b"1" } else { b"2" });
        fields.timestamp(tags::TRANSACT_TIME, now);
        fields.u64(tags::ORDER_QTY, self.qty);
        let (order_type, time_in_force) = match self.action {
            Action::Cancel(_) => return,
            // Only resting orders are replaced, and they are all day limit orders.
            Action::Replace(_) => (OrderType::Limit, TimeInForce::Day),
            Action::New { order_type, time_in_force } => (order_type, time_in_force),
        };
        fields.char(tags::ORD_TYPE, code_of_type(order_type));
        if order_type == OrderType::Limit {
            fields.decimal(tags::PRICE, self.price, instrument.price_decimals);
        }
        fields.char(tags::TIME_IN_FORCE, code_of_time(time_in_force));
    }
}

/// OrdType(40). Stops need a price that no request of a run has.
fn code_of_type(order_type: OrderType) -> char {
    match order_type {
        OrderType::Market => '1',
        OrderType::Limit => '2',
        OrderType::Stop | OrderType::StopLimit => unreachable!("a run sends no stop orders"),
    }
}

/// TimeInForce(59). A good-till-date order needs a date that no request of a run has.
fn code_of_time(time_in_force: TimeInForce) -> char {
    match time_in_force {
        TimeInForce::Day => '0',
        TimeInForce::GoodTillCancel => '1',
        TimeInForce::AtTheOpen => '2',
        TimeInForce::ImmediateOrCancel => '3',
        TimeInForce::FillOrKill => '4',
        TimeInForce::AtTheClose => '7',
        TimeInForce::GoodTillDate => unreachable!("a run sends no good-till-date orders"),
    }
}

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Characters that name the run, and the request in it. 36^8 milliseconds are 89 years, 36^7 is above `u32::MAX`.
const RUN_LEN: usize = 8;
const REQUEST_LEN: usize = 7;

/// A ClOrdID(11): the run, then the request, both in base 36.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name([u8; RUN_LEN + REQUEST_LEN]);

impl Name {
    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Names requests, and finds them by their names without a table. Runs that begin at different milliseconds never use
/// the same name, so that a trading day can see many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names([u8; RUN_LEN]);

fn base36(mut value: u64, to: &mut [u8]) {
    for digit in to.iter_mut().rev() {
        *digit = DIGITS[(value % 36) as usize];
        value /= 36;
    }
}

impl Names {
    /// The names of a run that begins now.
    #[must_use]
    pub fn new(now: Nanos) -> Self {
        let mut run = [0; RUN_LEN];
        base36(now.0 / Nanos::MILLI.0, &mut run);
        Self(run)
    }

    /// The name of a request.
    #[must_use]
    pub fn name(&self, id: RequestId) -> Name {
        let mut name = [0; RUN_LEN + REQUEST_LEN];
        name[..RUN_LEN].copy_from_slice(&self.0);
        base36(u64::from(id.0), &mut name[RUN_LEN..]);
        Name(name)
    }

    /// The request of a name; `None` if this run gave no such name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<RequestId> {
        let request = name.strip_prefix(&self.0)?;
        if request.len() != REQUEST_LEN {
            return None;
        }
        let value = request.iter().try_fold(0u64, |value, digit| {
            let digit = match digit {
                b'0'..=b'9' => digit - b'0',
                b'A'..=b'Z' => digit - b'A' + 10,
                _ => return None,
            };
            Some(value * 36 + u64::from(digit))
        })?;
        u32::try_from(value).ok().map(RequestId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn new_orders_name_the_account_of_their_session_and_nothing_else_does() {
        let instrument =
            Instrument { symbol: "A".into(), price_decimals: 2, tick: 1, lot: 1, start_price: None };
        let (order_type, time_in_force) = (OrderType::Limit, TimeInForce::Day);
        let name = Names::new(Nanos::SECOND).name(RequestId(7));
        let written = |action, account| {
            let request = Request { session: 0, instrument: 0, action, side: Side::Buy, price: 100, qty: 5 };
            let mut bytes = Vec::new();
            let mut fields = Fields::new(&mut bytes);
            request.write(&mut fields, Nanos(0), &instrument, AccountId(account), &name, Some(&name));
            format!("|{}", String::from_utf8(bytes).unwrap().replace('\x01', "|"))
        };
        let new = Action::New { order_type, time_in_force };
        assert!(written(new, 12).contains("|1=12|"));
        for (action, account) in
            [(new, 0), (Action::Cancel(RequestId(1)), 12), (Action::Replace(RequestId(1)), 12)]
        {
            assert!(!written(action, account).contains("|1="), "{action:?}");
        }
    }

    proptest! {
        #[test]
        fn a_request_is_found_by_its_name_and_by_no_other_runs(id in any::<u32>(), ms in 1u64..1 << 41) {
            let names = Names::new(Nanos(ms * 1_000_000));
            let name = names.name(RequestId(id));
            prop_assert!(name.as_bytes().len() <= wire::ClOrdId::MAX);
            prop_assert!(name.as_bytes().iter().all(u8::is_ascii_alphanumeric));
            prop_assert_eq!(names.find(name.as_bytes()), Some(RequestId(id)));
            prop_assert_eq!(Names::new(Nanos((ms + 1) * 1_000_000)).find(name.as_bytes()), None);
        }

        #[test]
        fn any_text_is_looked_up_without_panic(text in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = Names(*b"00000000").find(&text);
        }
    }
}
