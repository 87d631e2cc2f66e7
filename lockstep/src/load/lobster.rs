//! LOBSTER message files, plain or compressed by zstd, read line by line.
//!
//! A line is `time,type,order id,size,price,direction`: seconds after midnight with decimals to the nanosecond, a type of 1 to 7,
//! dollars times 10,000, 1 for a buy order and -1 for a sell order (LOBSTER, "Sample Files Readme").

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use wire::Nanos;
use wire::command::Side;

/// The longest line that is read: a real one has about 45 characters.
const LONGEST_LINE: u64 = 256;

/// What kind of event a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 1: a new limit order.
    New,
    /// 2: a limit order loses a part of its size and keeps its priority.
    Reduce,
    /// 3: a limit order is deleted.
    Delete,
    /// 4: a visible order is executed, in part or in whole.
    Execution,
    /// 5: a hidden order is executed.
    HiddenExecution,
    /// 6: an auction.
    Cross,
    /// 7: trading halts, quotes, or resumes.
    Halt,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Since midnight.
    pub time: Nanos,
    /// What happened.
    pub kind: Kind,
    /// The exchange's number of the order; 0 if hidden.
    pub order: u64,
    /// Shares.
    pub size: u64,
    /// Dollars times 10,000; in a halt line, its phase.
    pub price: i64,
    /// The side of the limit order; of an execution, of the order that rested.
    pub side: Side,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not six values.
    #[error("has {0} values, not 6 (time, type, order id, size, price, direction)")]
    Fields(usize),
    /// Longer than any line of a message file.
    #[error("is longer than {LONGEST_LINE} characters; is this a message file, not an orderbook file?")]
    TooLong,
    /// Not seconds after midnight.
    #[error("the time is not seconds after midnight, with decimals or without")]
    Time,
    /// Not 1 to 7.
    #[error("the type is not one of 1 to 7")]
    Kind,
    /// Not a number.
    #[error("the order id is not a number")]
    Order,
    /// Not a number, or zero where there must be some.
    #[error("the size is not a number above zero")]
    Size,
    /// Not a number, or not above zero where there must be one.
    #[error("the price is not a number above zero")]
    Price,
    /// Neither 1 nor -1.
    #[error("the direction is neither 1 nor -1")]
    Direction,
}

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum LobsterError {
    /// The file cannot be opened.
    #[error("cannot open the recording {path}: {error}")]
    Open {
        /// As it was given.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The file ends badly, or its compression is damaged.
    #[error("cannot read the recording behind line {line}: {error}")]
    Read {
        /// The last line that was read.
        line: u64,
        /// Why.
        error: io::Error,
    },
    /// A line that is not one.
    #[error("line {line} of the recording {error}: {text:?}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        error: LineError,
        /// The line, cut if long.
        text: String,
    },
}

/// The samples carry the noise of a float behind the nanoseconds (`43002.632812672004`): digits there are cut.
fn nine_decimals(text: &[u8]) -> &[u8] {
    let Some(point) = text.iter().position(|b| *b == b'.') else { return text };
    match text.get(point + 10..) {
        Some(noise) if noise.iter().all(u8::is_ascii_digit) => &text[..point + 10],
        _ => text,
    }
}

/// Reads one line, without its end.
pub fn parse(line: &[u8]) -> Result<Event, LineError> {
    let mut values = [&line[..0]; 6];
    let mut count = 0;
    for value in line.split(|b| *b == b',') {
        if count < 6 {
            values[count] = value;
        }
        count += 1;
    }
    if count != 6 {
        return Err(LineError::Fields(count));
    }
    let number = |text: &[u8]| fix::decimal::parse_scaled(text, 0).ok();
    let unsigned = |text: &[u8]| number(text).and_then(|n| u64::try_from(n).ok());
    let time = fix::decimal::parse_scaled(nine_decimals(values[0]), 9)
        .ok()
        .and_then(|n| u64::try_from(n).ok())
        .ok_or(LineError::Time)?;
    let kind = match values[1] {
        b"1" => Kind::New,
        b"2" => Kind::Reduce,
        b"3" => Kind::Delete,
        b"4" => Kind::Execution,
        b"5" => Kind::HiddenExecution,
        b"6" => Kind::Cross,
        b"7" => Kind::Halt,
        _ => return Err(LineError::Kind),
    };
    let order = unsigned(values[2]).ok_or(LineError::Order)?;
    let size = unsigned(values[3]).ok_or(LineError::Size)?;
    let price = number(values[4]).ok_or(LineError::Price)?;
    let side = match values[5] {
        b"1" => Side::Buy,
        b"-1" => Side::Sell,
        _ => return Err(LineError::Direction),
    };
    if matches!(kind, Kind::New | Kind::Reduce | Kind::Delete | Kind::Execution) {
        if size == 0 {
            return Err(LineError::Size);
        }
        if price <= 0 {
            return Err(LineError::Price);
        }
    }
    Ok(Event { time: Nanos(time), kind, order, size, price, side })
}

/// The events of a file, one after the other; nothing more than a buffer is held. It ends behind the first error.
pub struct Reader {
    input: Box<dyn BufRead>,
    line: u64,
    text: Vec<u8>,
    ended: bool,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("line", &self.line).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a file; one whose name ends in `.zst` is decompressed.
    pub fn open(path: &Path) -> Result<Self, LobsterError> {
        let refused = |error| LobsterError::Open { path: path.display().to_string(), error };
        let file = File::open(path).map_err(refused)?;
        if path.extension().is_some_and(|e| e == "zst") {
            let input = zstd::Decoder::new(file).map_err(refused)?;
            return Ok(Self::new(BufReader::new(input)));
        }
        Ok(Self::new(BufReader::new(file)))
    }

    /// Reads from anywhere.
    pub fn new(input: impl BufRead + 'static) -> Self {
        Self { input: Box::new(input), line: 0, text: Vec::new(), ended: false }
    }

    fn read(&mut self) -> Result<Option<Event>, LobsterError> {
        self.text.clear();
        let limit = LONGEST_LINE + 2;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut self.text);
        let read = read.map_err(|error| LobsterError::Read { line: self.line, error })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        let mut text = &self.text[..];
        text = text.strip_suffix(b"\n").unwrap_or(text);
        text = text.strip_suffix(b"\r").unwrap_or(text);
        let event = if text.len() as u64 > LONGEST_LINE { Err(LineError::TooLong) } else { parse(text) };
        event.map(Some).map_err(|error| LobsterError::Line {
            line: self.line,
            error,
            text: String::from_utf8_lossy(&text[..text.len().min(80)]).into_owned(),
        })
    }
}

impl Iterator for Reader {
    type Item = Result<Event, LobsterError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let event = self.read().transpose();
        self.ended = !matches!(event, Some(Ok(_)));
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    const SAMPLE: &str =
        "34200.18960767,1,11885113,21,2238100,1\n34200.2,4,5,100,2236500,-1\r\n36023,7,0,0,-1,-1";

    #[test]
    fn lines_are_read_as_they_stand() {
        let events: Vec<_> = Reader::new(Cursor::new(SAMPLE)).map(Result::unwrap).collect();
        let first = Event {
            time: Nanos(34_200_189_607_670),
            kind: Kind::New,
            order: 11_885_113,
            size: 21,
            price: 2_238_100,
            side: Side::Buy,
        };
        assert_eq!(events.len(), 3);
        assert_eq!(events[0], first);
        assert_eq!((events[1].kind, events[1].side), (Kind::Execution, Side::Sell));
        assert_eq!(events[2].kind, Kind::Halt);
        let noisy = parse(b"43002.632812672004,3,1,1,100,1").unwrap();
        assert_eq!(noisy.time, Nanos(43_002_632_812_672));
    }

    #[test]
    fn a_compressed_file_reads_like_a_plain_one() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, packed) = (dir.path().join("m.csv"), dir.path().join("m.csv.zst"));
        std::fs::write(&plain, SAMPLE).unwrap();
        std::fs::write(&packed, zstd::encode_all(SAMPLE.as_bytes(), 3).unwrap()).unwrap();
        let read = |path: &Path| Reader::open(path).unwrap().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(read(&plain), read(&packed));
        assert_eq!(read(&plain).len(), 3);
    }

    #[test]
    fn a_bad_line_is_named_with_its_number_and_ends_the_reading() {
        for (bad, expected) in [
            ("34200,1,1,1,100", LineError::Fields(5)),
            ("34200,1,1,1,100,1,1", LineError::Fields(7)),
            ("", LineError::Fields(1)),
            ("-1,1,1,1,100,1", LineError::Time),
            ("34200.123456789x,1,1,1,100,1", LineError::Time),
            ("34200,8,1,1,100,1", LineError::Kind),
            ("34200,1,x,1,100,1", LineError::Order),
            ("34200,1,1,-1,100,1", LineError::Size),
            ("34200,3,1,0,100,1", LineError::Size),
            ("34200,1,1,1,0,1", LineError::Price),
            ("34200,1,1,1,1.5,1", LineError::Price),
            ("34200,1,1,1,100,0", LineError::Direction),
        ] {
            let file = format!("34200,1,1,1,100,1\n{bad}\n34201,3,1,1,100,1\n");
            let mut reader = Reader::new(Cursor::new(file));
            assert!(reader.next().unwrap().is_ok());
            match reader.next() {
                Some(Err(LobsterError::Line { line: 2, error, .. })) => assert_eq!(error, expected, "{bad}"),
                other => panic!("{bad}: {other:?}"),
            }
            assert!(reader.next().is_none());
        }
        let endless = "9".repeat(5_000);
        match Reader::new(Cursor::new(endless)).next() {
            Some(Err(LobsterError::Line { line: 1, error: LineError::TooLong, .. })) => {}
            other => panic!("{other:?}"),
        };
    }

    #[test]
    fn a_damaged_archive_is_an_error_and_no_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.csv.zst");
        let mut packed = zstd::encode_all(SAMPLE.repeat(100).as_bytes(), 3).unwrap();
        packed.truncate(packed.len() - 8);
        std::fs::write(&path, packed).unwrap();
        let last = Reader::open(&path).unwrap().last();
        assert!(matches!(last, Some(Err(_))), "{last:?}");
        let missing = Reader::open(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("none"), "{missing}");
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(line in "[-0-9.,x]{0,60}") {
            let _ = parse(line.as_bytes());
        }
    }
}
