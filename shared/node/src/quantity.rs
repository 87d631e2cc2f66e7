//! Durations, sizes, shares and decimal numbers as people write them in a configuration: "10ms", "64MiB", "5%".

use serde::{Deserialize, Deserializer, de::Error};
use wire::Nanos;

/// A duration: a number and one of ns, us, ms, s, min, h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub Nanos);

/// A size in bytes: a number and one of B, KiB, MiB, GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// A share in thousandths: "5%" or "0.5%".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub u32);

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = split(text);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The duration that a text names.
pub fn parse_duration(text: &str) -> Result<Nanos, String> {
    const SECOND: u64 = Nanos::SECOND.0;
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", SECOND),
        ("min", 60 * SECOND),
        ("h", 3_600 * SECOND),
    ];
    scaled(text, &units).map(Nanos).ok_or_else(|| {
        format!("\"{text}\" is no duration: write a whole number and ns, us, ms, s, min or h, as in \"10ms\"")
    })
}

/// The bytes that a text names.
pub fn parse_size(text: &str) -> Result<u64, String> {
    scaled(text, &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]).ok_or_else(|| {
        format!("\"{text}\" is no size: write a whole number and B, KiB, MiB or GiB, as in \"64MiB\"")
    })
}

/// The thousandths that a text names.
pub fn parse_share(text: &str) -> Result<u32, String> {
    let refused = || {
        format!("\"{text}\" is no share: write 0% to 100%, at most one digit behind the point, as in \"5%\"")
    };
    let (number, unit) = split(text);
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u32 = whole.parse().map_err(|_| refused())?;
    let tenth: u32 = Some(tenth).filter(|t| t.len() == 1).and_then(|t| t.parse().ok()).ok_or_else(refused)?;
    let per_mille = whole.checked_mul(10).map(|w| w + tenth).filter(|share| *share <= 1_000);
    per_mille.filter(|_| unit == "%").ok_or_else(refused)
}

/// The decimal number that a text names, in units of ten to the minus `decimals`: "12.5" with two decimals is 1250.
pub fn parse_scaled(text: &str, decimals: u8) -> Result<i128, String> {
    let refused = || format!("\"{text}\" is no number with at most {decimals} decimals, as in \"1250\"");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = fraction.len() <= usize::from(decimals) && !text.ends_with('.');
    if whole.is_empty() || !digits(whole) || !digits(fraction) || !fits {
        return Err(refused());
    }
    let padded = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    padded.parse().map_err(|_| refused())
}

macro_rules! from_text {
    ($type:ident, $parse:ident) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $parse(&String::deserialize(from)?).map(Self).map_err(D::Error::custom)
            }
        }
    };
}
from_text!(Duration, parse_duration);
from_text!(Size, parse_size);
from_text!(Share, parse_share);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!(parse_duration("10ms"), Ok(Nanos(10_000_000)));
        assert_eq!(parse_duration("250 us"), Ok(Nanos(250_000)));
        assert_eq!(parse_duration("1h"), parse_duration("60min"));
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_share("5%"), Ok(50));
        assert_eq!(parse_share("0.5%"), Ok(5));
        assert_eq!(parse_scaled("1250", 0), Ok(1_250));
        assert_eq!(parse_scaled("12.5", 2), Ok(1_250));
        assert_eq!(parse_scaled("0.000001", 6), Ok(1));
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_an_example() {
        for text in ["10", "ms", "-1ms", "1.5ms", "99999999999999999999s"] {
            assert!(parse_duration(text).unwrap_err().contains("as in"), "{text}");
        }
        for text in
            ["", "-1", "1.", "1.234", "1e5", ".5", "1.2.3", "9999999999999999999999999999999999999999"]
        {
            assert!(parse_scaled(text, 2).unwrap_err().contains("as in"), "{text}");
        }
        assert!(parse_size("64MB").is_err());
        for text in ["101%", "5", "0.55%", "%"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }
}
