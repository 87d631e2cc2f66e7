//! FIX 4.4: the session's own messages, and the orders.

use super::{Dictionary, Format, Group, MessageRule};

const PARTIES: Group = Group { count: 453, first: 448, others: &[447, 452, 802, 523, 803] };
const TRADING_SESSIONS: Group = Group { count: 386, first: 336, others: &[625] };
const MESSAGE_TYPES: Group = Group { count: 384, first: 372, others: &[385] };
const ORDER_GROUPS: &[Group] = &[PARTIES, TRADING_SESSIONS];
/// What an order may say beside what it must.
const ORDER: &[u32] = &[
    1, 660, 581, 526, 583, 589, 590, 591, 63, 64, 544, 635, 21, 18, 110, 111, 100, 81, 65, 48, 22, 460, 461,
    167, 762, 200, 541, 201, 202, 206, 231, 207, 106, 107, 140, 114, 854, 38, 152, 516, 468, 469, 423, 44,
    99, 15, 376, 377, 23, 117, 59, 168, 432, 126, 427, 12, 13, 479, 497, 528, 529, 582, 121, 120, 775, 58,
    354, 355, 193, 192, 640, 77, 203, 210, 211, 388, 389, 847, 848, 849, 480, 481, 513, 494, 2964,
];

const SIDES: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G"];
const SECURITY_TYPES: &[&str] = &[
    "ABS",
    "AMENDED",
    "AN",
    "BA",
    "BN",
    "BOX",
    "BRADY",
    "BRIDGE",
    "BUYSELL",
    "CB",
    "CD",
    "CL",
    "CMBS",
    "CMO",
    "COFO",
    "COFP",
    "CORP",
    "CP",
    "CPP",
    "CS",
    "DEFLTED",
    "DINP",
    "DN",
    "DUAL",
    "EUCD",
    "EUCORP",
    "EUCP",
    "EUSOV",
    "EUSUPRA",
    "FAC",
    "FADN",
    "FOR",
    "FORWARD",
    "FUT",
    "GO",
    "IET",
    "LOFC",
    "LQN",
    "MATURED",
    "MBS",
    "MF",
    "MIO",
    "MLEG",
    "MPO",
    "MPP",
    "MPT",
    "MT",
    "MTN",
    "NONE",
    "ONITE",
    "OPT",
    "PEF",
    "PFAND",
    "PN",
    "PS",
    "PZFJ",
    "RAN",
    "REPLACD",
    "REPO",
    "RETIRED",
    "REV",
    "RVLV",
    "RVLVTRM",
    "SECLOAN",
    "SECPLEDGE",
    "SPCLA",
    "SPCLO",
    "SPCLT",
    "STN",
    "STRUCT",
    "SUPRA",
    "SWING",
    "TAN",
    "TAXA",
    "TBA",
    "TBILL",
    "TBOND",
    "TCAL",
    "TD",
    "TECP",
    "TERM",
    "TINT",
    "TIPS",
    "TNOTE",
    "TPRN",
    "TRAN",
    "UST",
    "USTB",
    "VRDN",
    "WAR",
    "WITHDRN",
    "?",
    "WLD",
    "XCN",
    "XLINKD",
    "YANK",
    "YCD",
];

/// FIX 4.4. Rules stand for the session's messages and for orders, cancels, replaces, status requests and mass cancels; other
/// application messages are checked for form alone.
pub static FIX44: Dictionary = Dictionary {
    name: "FIX.4.4",
    highest_tag: 956,
    // Self-match prevention came with an extension pack of FIX 5.0 SP2.
    later_tags: &[2964],
    user_defined: false,
    msg_types: &[
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G", "H", "J", "K",
        "L", "M", "N", "P", "Q", "R", "S", "T", "V", "W", "X", "Y", "Z", "a", "b", "c", "d", "e", "f", "g",
        "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z", "AA",
        "AB", "AC", "AD", "AE", "AF", "AG", "AH", "AI", "AJ", "AK", "AL", "AM", "AN", "AO", "AP", "AQ", "AR",
        "AS", "AT", "AU", "AV", "AW", "AX", "AY", "AZ", "BA", "BB", "BC", "BD", "BE", "BF", "BG", "BH",
    ],
    header: &[49, 56, 34, 52],
    formats: &[
        (7, Format::Count),
        (9, Format::Count),
        (15, Format::Text),
        (16, Format::Count),
        (21, Format::OneOf(&["1", "2", "3"])),
        (34, Format::Count),
        (36, Format::Count),
        (38, Format::Decimal),
        (
            40,
            Format::OneOf(&[
                "1", "2", "3", "4", "5", "6", "7", "8", "9", "D", "E", "G", "I", "J", "K", "L", "M", "P",
            ]),
        ),
        (43, Format::Bool),
        (44, Format::Decimal),
        (45, Format::Count),
        (52, Format::Timestamp),
        (54, Format::OneOf(SIDES)),
        (59, Format::OneOf(&["0", "1", "2", "3", "4", "5", "6", "7"])),
        (60, Format::Timestamp),
        (64, Format::Date),
        (97, Format::Bool),
        (98, Format::OneOf(&["0", "1", "2", "3", "4", "5", "6"])),
        (99, Format::Decimal),
        (108, Format::Int),
        (110, Format::Decimal),
        (111, Format::Decimal),
        (122, Format::Timestamp),
        (123, Format::Bool),
        (126, Format::Timestamp),
        (141, Format::Bool),
        (152, Format::Decimal),
        (167, Format::OneOf(SECURITY_TYPES)),
        (168, Format::Timestamp),
        (369, Format::Count),
        (371, Format::Int),
        (373, Format::Int),
        (383, Format::Count),
        (384, Format::Count),
        (386, Format::Count),
        (432, Format::Date),
        (452, Format::Int),
        (453, Format::Count),
        (464, Format::Bool),
        (528, Format::OneOf(&["A", "G", "I", "P", "R", "W"])),
        (529, Format::AllOf(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "A"])),
        (530, Format::OneOf(&["1", "2", "3", "4", "5", "6", "7"])),
        (789, Format::Count),
        (2964, Format::OneOf(&["0", "1", "2", "3", "4"])),
    ],
    rules: &[
        MessageRule { msg_type: "0", required: &[], optional: &[112], groups: &[] },
        MessageRule { msg_type: "1", required: &[112], optional: &[], groups: &[] },
        MessageRule { msg_type: "2", required: &[7, 16], optional: &[], groups: &[] },
        MessageRule { msg_type: "3", required: &[45], optional: &[371, 372, 373, 58, 354, 355], groups: &[] },
        MessageRule { msg_type: "4", required: &[36], optional: &[123], groups: &[] },
        MessageRule { msg_type: "5", required: &[], optional: &[58, 354, 355], groups: &[] },
        MessageRule {
            msg_type: "A",
            required: &[98, 108],
            optional: &[95, 96, 141, 789, 383, 464, 553, 554],
            groups: &[MESSAGE_TYPES],
        },
        MessageRule {
            msg_type: "D",
            required: &[11, 54, 60, 40],
            optional: ORDER_OPTIONAL,
            groups: ORDER_GROUPS,
        },
        MessageRule {
            msg_type: "F",
            required: &[41, 11, 54, 60],
            optional: CANCEL_OPTIONAL,
            groups: &[PARTIES],
        },
        MessageRule {
            msg_type: "G",
            required: &[41, 11, 54, 60, 40],
            optional: REPLACE_OPTIONAL,
            groups: ORDER_GROUPS,
        },
        MessageRule { msg_type: "H", required: &[11, 54], optional: STATUS_OPTIONAL, groups: &[PARTIES] },
        MessageRule { msg_type: "q", required: &[11, 530, 60], optional: MASS_CANCEL_OPTIONAL, groups: &[] },
    ],
};

/// `first` and then `rest`, as one array.
const fn joined<const N: usize>(first: &[u32], rest: &[u32]) -> [u32; N] {
    assert!(first.len() + rest.len() == N, "N is the sum of both lengths");
    let mut all = [0; N];
    let mut i = 0;
    while i < N {
        all[i] = if i < first.len() { first[i] } else { rest[i - first.len()] };
        i += 1;
    }
    all
}

const ORDER_ONLY: &[u32] = &[55];
const ORDER_OPTIONAL: &[u32] = &joined::<{ ORDER_ONLY.len() + ORDER.len() }>(ORDER_ONLY, ORDER);
const REPLACE_ONLY: &[u32] = &[37, 55, 229, 75, 586];
const REPLACE_OPTIONAL: &[u32] = &joined::<{ REPLACE_ONLY.len() + ORDER.len() }>(REPLACE_ONLY, ORDER);
const INSTRUMENT: &[u32] = &[55, 65, 48, 22, 460, 461, 167, 762, 200, 541, 201, 202, 206, 231, 207, 106, 107];
const CANCEL_ONLY: &[u32] =
    &[37, 526, 583, 586, 1, 660, 581, 38, 152, 516, 468, 469, 376, 58, 354, 355, 229, 75];
const CANCEL_OPTIONAL: &[u32] = &joined::<{ CANCEL_ONLY.len() + INSTRUMENT.len() }>(CANCEL_ONLY, INSTRUMENT);
const STATUS_ONLY: &[u32] = &[37, 526, 583, 790, 1, 660, 581];
const STATUS_OPTIONAL: &[u32] = &joined::<{ STATUS_ONLY.len() + INSTRUMENT.len() }>(STATUS_ONLY, INSTRUMENT);
/// Account(1) is not in the standard's table: it narrows a cancel of everything.
const MASS_CANCEL_ONLY: &[u32] = &[1, 526, 336, 625, 54, 58, 354, 355];
const MASS_CANCEL_OPTIONAL: &[u32] =
    &joined::<{ MASS_CANCEL_ONLY.len() + INSTRUMENT.len() }>(MASS_CANCEL_ONLY, INSTRUMENT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_ascend_so_that_they_are_found() {
        assert!(FIX44.formats.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
