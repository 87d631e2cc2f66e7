//! UTCTimestamp as text: `YYYYMMDD-HH:MM:SS` with no, 3, 6 or 9 digits behind the second.

use wire::Nanos;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
/// Bytes of a timestamp with milliseconds.
pub const MILLIS_LEN: usize = 21;

/// Days since 1970-01-01 of a date of the Gregorian calendar. Years count from March, so that the leap day is the last
/// day of a year and the months have closed-form lengths.
fn days_from_civil(year: u64, month: u64, day: u64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let days = 365 * y + y / 4 - y / 100 + y / 400 + day_of_year;
    // 719_468 days lie between 0000-03-01 and 1970-01-01.
    i64::try_from(days).unwrap_or(i64::MAX) - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn put(to: &mut [u8], mut value: u64) {
    for digit in to.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Appends `at` (since the Unix epoch) with milliseconds; what is finer is cut off.
pub fn write(out: &mut Vec<u8>, at: Nanos) {
    out.extend_from_slice(&to_text(at));
}

/// `at` (since the Unix epoch) with milliseconds; what is finer is cut off.
pub fn to_text(at: Nanos) -> [u8; MILLIS_LEN] {
    let mut text = *b"00000000-00:00:00.000";
    let seconds = at.0 / NANOS_PER_SECOND;
    let (year, month, day) = civil_from_days(seconds / SECONDS_PER_DAY);
    let of_day = seconds % SECONDS_PER_DAY;
    put(&mut text[0..4], year);
    put(&mut text[4..6], month);
    put(&mut text[6..8], day);
    put(&mut text[9..11], of_day / 3600);
    put(&mut text[12..14], of_day / 60 % 60);
    put(&mut text[15..17], of_day % 60);
    put(&mut text[18..21], at.0 % NANOS_PER_SECOND / 1_000_000);
    text
}

/// Reads digits only; `None` for anything else.
fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

/// Parses a UTCTimestamp with seconds, or with 3, 6 or 9 digits behind them. Second 60 is the first of the next minute.
/// `None`: not a timestamp, or a day that does not exist or lies before 1970 or behind 2500.
pub fn parse(text: &[u8]) -> Option<Nanos> {
    let (whole, fraction) = match text.len() {
        17 => (text, 0),
        21 | 24 | 27 if text[17] == b'.' => {
            let digits = &text[18..];
            (&text[..17], number(digits)? * 10u64.pow(9 - digits.len() as u32))
        }
        _ => return None,
    };
    if whole[8] != b'-' || whole[11] != b':' || whole[14] != b':' {
        return None;
    }
    let (year, month, day) = (number(&whole[0..4])?, number(&whole[4..6])?, number(&whole[6..8])?);
    let (hour, minute, second) = (number(&whole[9..11])?, number(&whole[12..14])?, number(&whole[15..17])?);
    if !(1970..=2500).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = u64::try_from(days_from_civil(year, month, day)).ok()?;
    // A day past the end of its month comes back as a day of the next one.
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    Some(Nanos((days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second) * NANOS_PER_SECOND + fraction))
}

/// Parses a date, `YYYYMMDD`: its first instant in UTC. `None` as in [`parse`].
pub fn parse_date(text: &[u8]) -> Option<Nanos> {
    let mut midnight = *b"00000000-00:00:00";
    midnight[..8].copy_from_slice(text.get(..8).filter(|_| text.len() == 8)?);
    parse(&midnight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(at: u64) -> String {
        String::from_utf8(to_text(Nanos(at)).to_vec()).unwrap()
    }

    #[test]
    fn known_instants_are_written_as_the_calendar_says() {
        assert_eq!(text(0), "19700101-00:00:00.000");
        assert_eq!(text(951_782_399_999_000_000), "20000228-23:59:59.999");
        assert_eq!(text(951_782_400_000_000_000), "20000229-00:00:00.000");
        assert_eq!(text(1_709_164_800_000_000_000), "20240229-00:00:00.000");
        assert_eq!(text(1_735_689_599_123_456_789), "20241231-23:59:59.123");
        assert_eq!(text(4_107_542_400_000_000_000), "21000301-00:00:00.000");
    }

    #[test]
    fn every_precision_is_read() {
        let second = 1_709_210_096_000_000_000;
        assert_eq!(parse(b"20240229-12:34:56"), Some(Nanos(second)));
        assert_eq!(parse(b"20240229-12:34:56.789"), Some(Nanos(second + 789_000_000)));
        assert_eq!(parse(b"20240229-12:34:56.789012"), Some(Nanos(second + 789_012_000)));
        assert_eq!(parse(b"20240229-12:34:56.789012345"), Some(Nanos(second + 789_012_345)));
        assert_eq!(parse(b"20161231-23:59:60"), parse(b"20170101-00:00:00"));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for wrong in [
            "",
            "20230229-00:00:00",
            "21000229-00:00:00",
            "20240431-00:00:00",
            "20241301-00:00:00",
            "20240001-00:00:00",
            "20240100-00:00:00",
            "20240101-24:00:00",
            "20240101-00:60:00",
            "20240101-00:00:61",
            "20240101 00:00:00",
            "20240101-00:00:00.",
            "20240101-00:00:00.12",
            "20240101-00:00:00.1234",
            "19691231-23:59:59",
            "2024O101-00:00:00",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_is_its_first_instant() {
        assert_eq!(parse_date(b"20240229"), parse(b"20240229-00:00:00"));
        for wrong in ["", "2024022", "20230229", "202402290", "2024-2-9"] {
            assert_eq!(parse_date(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0u64..16_000_000_000_000) {
            prop_assert_eq!(parse(&to_text(Nanos(ms * 1_000_000))), Some(Nanos(ms * 1_000_000)));
        }

        #[test]
        fn the_calendar_has_no_holes(day in 0u64..190_000) {
            let (a, b) = (civil_from_days(day), civil_from_days(day + 1));
            let next_day = (a.0, a.1, a.2 + 1) == b;
            let next_month = (a.0, a.1 + 1, 1) == b && a.2 >= 28;
            let next_year = (a.0 + 1, 1, 1) == b && (a.1, a.2) == (12, 31);
            prop_assert!(next_day || next_month || next_year, "{:?} {:?}", a, b);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = parse(&bytes);
        }
    }
}
