//! What the exchange says about a request, read from its message once.

use fix::{Message, decimal, tags};

/// An ExecutionReport(8), an OrderCancelReject(9) or a BusinessMessageReject(j) with the fields that matter here; a field
/// that is not there is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Execution<'a> {
    /// ClOrdID(11), or of a BusinessMessageReject BusinessRejectRefID(379).
    pub name: &'a [u8],
    /// ExecID(17).
    pub exec_id: &'a [u8],
    /// OrderID(37).
    pub order_id: &'a [u8],
    /// ExecType(150).
    pub exec_type: u8,
    /// OrdStatus(39).
    pub ord_status: u8,
    /// LastQty(32).
    pub last_qty: Option<u64>,
    /// LastPx(31), as it stands there: its scale belongs to the instrument.
    pub last_px: &'a [u8],
    /// CumQty(14).
    pub cum_qty: Option<u64>,
    /// LeavesQty(151).
    pub leaves_qty: Option<u64>,
    /// Text(58).
    pub text: &'a [u8],
    /// RefSeqNum(45) of a reject.
    pub ref_seq: Option<u64>,
    /// PossResend(97)=Y: the exchange may have said this before.
    pub poss_resend: bool,
}

/// A quantity: a FIX float without a fraction.
fn quantity(value: &[u8]) -> Option<u64> {
    decimal::parse_scaled(value, 0).ok().and_then(|n| u64::try_from(n).ok())
}

fn first(value: &[u8]) -> u8 {
    value.first().copied().unwrap_or(0)
}

impl<'a> Execution<'a> {
    /// Reads the fields in one pass.
    #[must_use]
    pub fn read(message: &Message<'a>) -> Self {
        let mut read = Self::default();
        for (tag, value) in message.fields() {
            match tag {
                tags::CL_ORD_ID | tags::BUSINESS_REJECT_REF_ID => read.name = value,
                tags::EXEC_ID => read.exec_id = value,
                tags::ORDER_ID => read.order_id = value,
                tags::EXEC_TYPE => read.exec_type = first(value),
                tags::ORD_STATUS => read.ord_status = first(value),
                tags::LAST_QTY => read.last_qty = quantity(value),
                tags::LAST_PX => read.last_px = value,
                tags::CUM_QTY => read.cum_qty = quantity(value),
                tags::LEAVES_QTY => read.leaves_qty = quantity(value),
                tags::TEXT => read.text = value,
                tags::REF_SEQ_NUM => read.ref_seq = quantity(value),
                tags::POSS_RESEND => read.poss_resend = value == b"Y",
                _ => {}
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_with_what_it_says() {
        let text =
            "8=FIX.4.4|9=0|35=8|97=Y|37=42|11=A1|17=E7|150=F|39=1|151=60|14=40.00|32=40|31=9.50|10=000|"
                .replace('|', "\x01");
        let mut table = fix::FieldTable::new();
        let read = Execution::read(&table.parse(text.as_bytes()));
        let expected = Execution {
            name: b"A1",
            exec_id: b"E7",
            order_id: b"42",
            exec_type: b'F',
            ord_status: b'1',
            last_qty: Some(40),
            last_px: b"9.50",
            cum_qty: Some(40),
            leaves_qty: Some(60),
            poss_resend: true,
            ..Execution::default()
        };
        assert_eq!(read, expected);
    }
}
