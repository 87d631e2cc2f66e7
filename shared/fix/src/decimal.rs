//! Decimal text and scaled integers: `12.34` with two decimals is 1234. No floats.

/// Why text is not a decimal of the wanted scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecimalError {
    /// There is something other than an optional minus, digits and one point.
    #[error("not a decimal number")]
    Junk,
    /// There are more significant decimals than the scale holds.
    #[error("more decimals than allowed")]
    TooManyDecimals,
    /// The scaled value does not fit.
    #[error("number too large")]
    Overflow,
}

/// The largest scale: 10^18 is the largest power of ten in an `i64`.
pub const MAX_DECIMALS: u8 = 18;

/// Parses a FIX float (`-12.50`, `0012`, `.5`, `3.`; no plus sign, no exponent) into an integer scaled by
/// 10^`decimals`. Zeros behind the last decimal of the scale are accepted, other digits are
/// [`DecimalError::TooManyDecimals`].
///
/// # Panics
/// If `decimals` exceeds [`MAX_DECIMALS`].
pub fn parse_scaled(text: &[u8], decimals: u8) -> Result<i64, DecimalError> {
    assert!(decimals <= MAX_DECIMALS, "a scale has at most {MAX_DECIMALS} decimals");
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let mut value = 0i64;
    let mut seen = 0usize;
    let mut behind_point: Option<u8> = None;
    let mut too_fine = false;
    for b in digits {
        match b {
            b'.' if behind_point.is_none() => behind_point = Some(0),
            b'0'..=b'9' => {
                seen += 1;
                if behind_point == Some(decimals) {
                    too_fine |= *b != b'0';
                    continue;
                }
                behind_point = behind_point.map(|n| n + 1);
                value = push_digit(value, b - b'0')?;
            }
            _ => return Err(DecimalError::Junk),
        }
    }
    if seen == 0 {
        return Err(DecimalError::Junk);
    }
    if too_fine {
        return Err(DecimalError::TooManyDecimals);
    }
    for _ in behind_point.unwrap_or(0)..decimals {
        value = push_digit(value, 0)?;
    }
    Ok(if negative { -value } else { value })
}

fn push_digit(value: i64, digit: u8) -> Result<i64, DecimalError> {
    value.checked_mul(10).and_then(|v| v.checked_add(i64::from(digit))).ok_or(DecimalError::Overflow)
}

/// Appends `value` / 10^`decimals` with exactly `decimals` decimals.
pub fn write_scaled(out: &mut Vec<u8>, value: impl Into<i128>, decimals: u8) {
    let value = value.into();
    if value < 0 {
        out.push(b'-');
    }
    write_unsigned(out, value.unsigned_abs(), decimals);
}

/// Appends `value` / 10^`decimals`.
fn write_unsigned(out: &mut Vec<u8>, mut value: u128, decimals: u8) {
    // 39 digits of a u128, or all decimals and a zero before the point; and the point.
    let mut text = [0u8; 300];
    let mut at = text.len();
    let mut written = 0u16;
    while value > 0 || written <= u16::from(decimals) {
        if written == u16::from(decimals) && decimals > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + (value % 10) as u8;
        value /= 10;
        written += 1;
    }
    out.extend_from_slice(&text[at..]);
}

/// Appends an unsigned integer.
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    write_unsigned(out, u128::from(value), 0);
}

/// Appends the average price AvgPx(6): `notional` (the sum of price times quantity, prices scaled by
/// 10^`price_decimals`) over `quantity`, with exactly `decimals` decimals, rounded half up. Zero quantity gives zero.
///
/// # Panics
/// If a scale exceeds [`MAX_DECIMALS`].
pub fn write_average(out: &mut Vec<u8>, notional: u128, quantity: u64, price_decimals: u8, decimals: u8) {
    assert!(price_decimals.max(decimals) <= MAX_DECIMALS, "a scale has at most {MAX_DECIMALS} decimals");
    if quantity == 0 {
        return write_unsigned(out, 0, decimals);
    }
    // At most 2^64 * 10^18 < 2^124, so doubling a remainder below cannot overflow.
    let divisor = u128::from(quantity) * 10u128.pow(u32::from(price_decimals.saturating_sub(decimals)));
    let mut quotient = notional / divisor;
    let mut rest = notional % divisor;
    let mut more = decimals.saturating_sub(price_decimals);
    while more > 0 {
        // `more` > 0 means that the divisor is the quantity alone, so rest * 10 < 2^68.
        let Some(shifted) = quotient.checked_mul(10) else { break };
        rest *= 10;
        quotient = shifted + rest / divisor;
        rest %= divisor;
        more -= 1;
    }
    if rest * 2 >= divisor {
        quotient = quotient.saturating_add(1);
    }
    write_unsigned(out, quotient, decimals - more);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scaled(value: i128, decimals: u8) -> String {
        let mut out = Vec::new();
        write_scaled(&mut out, value, decimals);
        String::from_utf8(out).unwrap()
    }

    fn average(notional: u128, quantity: u64, price_decimals: u8, decimals: u8) -> String {
        let mut out = Vec::new();
        write_average(&mut out, notional, quantity, price_decimals, decimals);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_are_read_at_their_scale() {
        assert_eq!(parse_scaled(b"12.34", 2), Ok(1234));
        assert_eq!(parse_scaled(b"-0.5", 2), Ok(-50));
        assert_eq!(parse_scaled(b"002000.00", 0), Ok(2000));
        assert_eq!(parse_scaled(b".5", 1), Ok(5));
        assert_eq!(parse_scaled(b"3.", 1), Ok(30));
        assert_eq!(parse_scaled(b"10.5000", 2), Ok(1050));
        assert_eq!(parse_scaled(b"9223372036854775807", 0), Ok(i64::MAX));
    }

    #[test]
    fn what_does_not_fit_the_scale_is_named() {
        assert_eq!(parse_scaled(b"12.345", 2), Err(DecimalError::TooManyDecimals));
        assert_eq!(parse_scaled(b"9223372036854775808", 0), Err(DecimalError::Overflow));
        assert_eq!(parse_scaled(b"92233720368547758.08", 3), Err(DecimalError::Overflow));
        for junk in ["", "-", ".", "-.", "+1", "1.2.3", "1e5", " 1", "1 ", "0x1", "NaN", "--1"] {
            assert_eq!(parse_scaled(junk.as_bytes(), 2), Err(DecimalError::Junk), "{junk}");
        }
    }

    #[test]
    fn scaled_integers_are_written_with_all_their_decimals() {
        assert_eq!(scaled(1234, 2), "12.34");
        assert_eq!(scaled(-5, 2), "-0.05");
        assert_eq!(scaled(0, 0), "0");
        assert_eq!(scaled(0, 3), "0.000");
        assert_eq!(scaled(i128::from(i64::MIN), 0), "-9223372036854775808");
        assert_eq!(scaled(i128::MIN, 38).len(), 41);
    }

    #[test]
    fn averages_are_rounded_half_up() {
        assert_eq!(average(10, 4, 0, 2), "2.50");
        assert_eq!(average(10, 4, 0, 0), "3");
        assert_eq!(average(1, 3, 0, 4), "0.3333");
        assert_eq!(average(2, 3, 0, 4), "0.6667");
        assert_eq!(average(30_015, 3, 2, 2), "100.05");
        assert_eq!(average(1005, 1, 2, 1), "10.1");
        assert_eq!(average(0, 0, 2, 2), "0.00");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any::<i64>().prop_filter("i64::MIN has no positive", |v| *v != i64::MIN), decimals in 0u8..=18) {
            prop_assert_eq!(parse_scaled(scaled(i128::from(value), decimals).as_bytes(), decimals), Ok(value));
        }

        #[test]
        fn averages_agree_with_exact_arithmetic(notional in 0u128..1 << 60, quantity in 1u64..1 << 40, from in 0u8..6, to in 0u8..6) {
            // round(notional * 10^to / (quantity * 10^from)) half up
            let (n, d) = (notional * 10u128.pow(u32::from(to)), u128::from(quantity) * 10u128.pow(u32::from(from)));
            prop_assert_eq!(average(notional, quantity, from, to), scaled(((2 * n + d) / (2 * d)) as i128, to));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..30), decimals in 0u8..=18) {
            let _ = parse_scaled(&bytes, decimals);
        }
    }
}
