//! The protection price of an order without a limit: a pure function of the instrument's bands.

use wire::Price;
use wire::terms::{Bands, Side};

/// The highest price that there is.
pub(crate) const MAX_PRICE: i64 = 1 << 40;

/// How far an order without a limit may go (docs/MATCHING.md §2): the edge of bands and collar, a multiple of `tick` (above 0).
/// `base` is what the collar is measured from: the reference price, or the order's stop price; 0 for none. The reference in
/// `bands` is not looked at.
#[must_use]
pub fn protection(bands: &Bands, tick: Price, side: Side, base: Price) -> Price {
    let (low, high, collar, tick) = (bands.low.0, bands.high.0, bands.collar.0, tick.0);
    let collared = collar != 0 && base != Price(0);
    match side {
        Side::Buy => {
            let band = if high == 0 { MAX_PRICE } else { high };
            let collar = if collared { base.0 + collar } else { MAX_PRICE };
            let edge = MAX_PRICE.min(band).min(collar);
            Price(edge - edge % tick)
        }
        Side::Sell => {
            let collar = if collared { base.0 - collar } else { tick };
            let edge = tick.max(low).max(collar);
            Price((edge + tick - 1) / tick * tick)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(low: i64, high: i64, collar: i64, side: Side, base: i64) -> i64 {
        let bands = Bands { low: Price(low), high: Price(high), collar: Price(collar), reference: Price(7) };
        protection(&bands, Price(5), side, Price(base)).0
    }

    #[test]
    fn without_bands_any_price_is_allowed() {
        assert_eq!(edge(0, 0, 0, Side::Buy, 1000), MAX_PRICE - MAX_PRICE % 5);
        assert_eq!(edge(0, 0, 0, Side::Sell, 1000), 5);
        assert_eq!(edge(0, 0, 40, Side::Sell, 0), 5, "a collar without a base does not count");
    }

    #[test]
    fn the_nearest_edge_counts_and_lies_on_a_tick_within_it() {
        assert_eq!(edge(0, 1013, 40, Side::Buy, 1000), 1010);
        assert_eq!(edge(0, 1100, 41, Side::Buy, 1000), 1040);
        assert_eq!(edge(988, 0, 40, Side::Sell, 1000), 990);
        assert_eq!(edge(900, 0, 41, Side::Sell, 1000), 960);
        assert_eq!(edge(0, 3, 0, Side::Buy, 0), 0, "a high band below a tick allows nothing");
    }
}
