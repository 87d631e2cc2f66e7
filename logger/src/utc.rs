//! A stamp as a date and time of day in UTC (RFC 3339), without a library's clock or calendar.

use std::fmt;
use wire::Nanos;

/// Shows nanoseconds since 1970-01-01 as `2023-11-14T22:13:20.000000001Z`.
pub(crate) struct Utc(pub(crate) Nanos);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Nanos(nanos) = self.0;
        let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z")
    }
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar. 64 bits of nanoseconds end in 2554,
/// so that counting years up is quick enough and plain to read.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_stamps_are_shown_as_their_dates() {
        let shown = |seconds: u64| Utc(Nanos(seconds * 1_000_000_000 + 7)).to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00.000000007Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00.000000007Z");
        assert_eq!(shown(1_700_000_000), "2023-11-14T22:13:20.000000007Z");
        assert_eq!(shown(1_735_689_599), "2024-12-31T23:59:59.000000007Z");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00.000000007Z");
    }
}
