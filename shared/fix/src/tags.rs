//! The names of the tags and message types that we use.

macro_rules! tags {
    ($($name:ident = $tag:literal, $word:literal;)*) => {
        $(
            #[doc = concat!($word, "(", stringify!($tag), ").")]
            pub const $name: u32 = $tag;
        )*

        /// The field's name in the standard, where we know it.
        pub fn name(tag: u32) -> Option<&'static str> {
            match tag {
                $($tag => Some($word),)*
                _ => None,
            }
        }
    };
}

tags! {
    ACCOUNT = 1, "Account";
    AVG_PX = 6, "AvgPx";
    BEGIN_SEQ_NO = 7, "BeginSeqNo";
    BEGIN_STRING = 8, "BeginString";
    BODY_LENGTH = 9, "BodyLength";
    CHECK_SUM = 10, "CheckSum";
    CL_ORD_ID = 11, "ClOrdID";
    COMMISSION = 12, "Commission";
    COMM_TYPE = 13, "CommType";
    CUM_QTY = 14, "CumQty";
    CURRENCY = 15, "Currency";
    END_SEQ_NO = 16, "EndSeqNo";
    EXEC_ID = 17, "ExecID";
    EXEC_INST = 18, "ExecInst";
    EXEC_REF_ID = 19, "ExecRefID";
    HANDL_INST = 21, "HandlInst";
    SECURITY_ID_SOURCE = 22, "SecurityIDSource";
    LAST_PX = 31, "LastPx";
    LAST_QTY = 32, "LastQty";
    MSG_SEQ_NUM = 34, "MsgSeqNum";
    MSG_TYPE = 35, "MsgType";
    NEW_SEQ_NO = 36, "NewSeqNo";
    ORDER_ID = 37, "OrderID";
    ORDER_QTY = 38, "OrderQty";
    ORD_STATUS = 39, "OrdStatus";
    ORD_TYPE = 40, "OrdType";
    ORIG_CL_ORD_ID = 41, "OrigClOrdID";
    POSS_DUP_FLAG = 43, "PossDupFlag";
    PRICE = 44, "Price";
    REF_SEQ_NUM = 45, "RefSeqNum";
    SECURITY_ID = 48, "SecurityID";
    SENDER_COMP_ID = 49, "SenderCompID";
    SENDER_SUB_ID = 50, "SenderSubID";
    SENDING_TIME = 52, "SendingTime";
    SIDE = 54, "Side";
    SYMBOL = 55, "Symbol";
    TARGET_COMP_ID = 56, "TargetCompID";
    TARGET_SUB_ID = 57, "TargetSubID";
    TEXT = 58, "Text";
    TIME_IN_FORCE = 59, "TimeInForce";
    TRANSACT_TIME = 60, "TransactTime";
    SETTL_DATE = 64, "SettlDate";
    SIGNATURE = 89, "Signature";
    SECURE_DATA_LEN = 90, "SecureDataLen";
    SECURE_DATA = 91, "SecureData";
    SIGNATURE_LENGTH = 93, "SignatureLength";
    RAW_DATA_LENGTH = 95, "RawDataLength";
    RAW_DATA = 96, "RawData";
    POSS_RESEND = 97, "PossResend";
    ENCRYPT_METHOD = 98, "EncryptMethod";
    STOP_PX = 99, "StopPx";
    EX_DESTINATION = 100, "ExDestination";
    CXL_REJ_REASON = 102, "CxlRejReason";
    ORD_REJ_REASON = 103, "OrdRejReason";
    HEART_BT_INT = 108, "HeartBtInt";
    MIN_QTY = 110, "MinQty";
    MAX_FLOOR = 111, "MaxFloor";
    TEST_REQ_ID = 112, "TestReqID";
    ON_BEHALF_OF_COMP_ID = 115, "OnBehalfOfCompID";
    ON_BEHALF_OF_SUB_ID = 116, "OnBehalfOfSubID";
    ORIG_SENDING_TIME = 122, "OrigSendingTime";
    GAP_FILL_FLAG = 123, "GapFillFlag";
    EXPIRE_TIME = 126, "ExpireTime";
    DELIVER_TO_COMP_ID = 128, "DeliverToCompID";
    DELIVER_TO_SUB_ID = 129, "DeliverToSubID";
    RESET_SEQ_NUM_FLAG = 141, "ResetSeqNumFlag";
    SENDER_LOCATION_ID = 142, "SenderLocationID";
    TARGET_LOCATION_ID = 143, "TargetLocationID";
    ON_BEHALF_OF_LOCATION_ID = 144, "OnBehalfOfLocationID";
    DELIVER_TO_LOCATION_ID = 145, "DeliverToLocationID";
    EXEC_TYPE = 150, "ExecType";
    LEAVES_QTY = 151, "LeavesQty";
    SECURITY_TYPE = 167, "SecurityType";
    MD_REQ_ID = 262, "MDReqID";
    SUBSCRIPTION_REQUEST_TYPE = 263, "SubscriptionRequestType";
    TRADING_SESSION_ID = 336, "TradingSessionID";
    ENCODED_TEXT_LEN = 354, "EncodedTextLen";
    ENCODED_TEXT = 355, "EncodedText";
    LAST_MSG_SEQ_NUM_PROCESSED = 369, "LastMsgSeqNumProcessed";
    REF_TAG_ID = 371, "RefTagID";
    REF_MSG_TYPE = 372, "RefMsgType";
    SESSION_REJECT_REASON = 373, "SessionRejectReason";
    EXEC_RESTATEMENT_REASON = 378, "ExecRestatementReason";
    BUSINESS_REJECT_REF_ID = 379, "BusinessRejectRefID";
    BUSINESS_REJECT_REASON = 380, "BusinessRejectReason";
    MAX_MESSAGE_SIZE = 383, "MaxMessageSize";
    NO_TRADING_SESSIONS = 386, "NoTradingSessions";
    EXPIRE_DATE = 432, "ExpireDate";
    CXL_REJ_RESPONSE_TO = 434, "CxlRejResponseTo";
    PARTY_ID_SOURCE = 447, "PartyIDSource";
    PARTY_ID = 448, "PartyID";
    PARTY_ROLE = 452, "PartyRole";
    NO_PARTY_IDS = 453, "NoPartyIDs";
    TEST_MESSAGE_INDICATOR = 464, "TestMessageIndicator";
    SECONDARY_CL_ORD_ID = 526, "SecondaryClOrdID";
    SECONDARY_EXEC_ID = 527, "SecondaryExecID";
    ORDER_CAPACITY = 528, "OrderCapacity";
    MASS_CANCEL_REQUEST_TYPE = 530, "MassCancelRequestType";
    MASS_CANCEL_RESPONSE = 531, "MassCancelResponse";
    MASS_CANCEL_REJECT_REASON = 532, "MassCancelRejectReason";
    TOTAL_AFFECTED_ORDERS = 533, "TotalAffectedOrders";
    USERNAME = 553, "Username";
    PASSWORD = 554, "Password";
    MATCH_TYPE = 574, "MatchType";
    NEXT_EXPECTED_MSG_SEQ_NUM = 789, "NextExpectedMsgSeqNum";
    LAST_LIQUIDITY_IND = 851, "LastLiquidityInd";
    TOT_NUM_REPORTS = 911, "TotNumReports";
    SELF_MATCH_PREVENTION_INSTRUCTION = 2964, "SelfMatchPreventionInstruction";
}

/// MsgType(35).
pub mod msg_type {
    macro_rules! types {
        ($($name:ident = $value:literal, $word:literal;)*) => {
            $(
                #[doc = concat!($word, ", `35=", $value, "`.")]
                pub const $name: &str = $value;
            )*
        };
    }

    types! {
        HEARTBEAT = "0", "Heartbeat";
        TEST_REQUEST = "1", "TestRequest";
        RESEND_REQUEST = "2", "ResendRequest";
        REJECT = "3", "Reject (session level)";
        SEQUENCE_RESET = "4", "SequenceReset";
        LOGOUT = "5", "Logout";
        EXECUTION_REPORT = "8", "ExecutionReport";
        ORDER_CANCEL_REJECT = "9", "OrderCancelReject";
        LOGON = "A", "Logon";
        NEW_ORDER_SINGLE = "D", "NewOrderSingle";
        ORDER_CANCEL_REQUEST = "F", "OrderCancelRequest";
        ORDER_CANCEL_REPLACE_REQUEST = "G", "OrderCancelReplaceRequest";
        ORDER_STATUS_REQUEST = "H", "OrderStatusRequest";
        BUSINESS_MESSAGE_REJECT = "j", "BusinessMessageReject";
        ORDER_MASS_CANCEL_REQUEST = "q", "OrderMassCancelRequest";
        ORDER_MASS_CANCEL_REPORT = "r", "OrderMassCancelReport";
    }

    /// Whether the session itself speaks this type; all others belong to the application.
    pub fn is_admin(msg_type: &[u8]) -> bool {
        matches!(msg_type, b"0" | b"1" | b"2" | b"3" | b"4" | b"5" | b"A")
    }
}

/// Whether the field belongs to the standard header (FIX 4.4 volume 1).
pub fn is_header(tag: u32) -> bool {
    matches!(
        tag,
        8 | 9 | 34 | 35 | 43 | 49 | 50 | 52 | 56 | 57 | 90 | 91 | 97 | 115 | 116 | 122 | 128 | 129 | 142..=145 | 212
            | 213 | 347 | 369 | 627..=630
    )
}

/// Whether the field belongs to the standard trailer.
pub fn is_trailer(tag: u32) -> bool {
    matches!(tag, 10 | 89 | 93)
}

/// The data field whose bytes are counted by this length field: its value may contain SOH.
pub fn data_field_of(length_tag: u32) -> Option<u32> {
    Some(match length_tag {
        SECURE_DATA_LEN => SECURE_DATA,
        SIGNATURE_LENGTH => SIGNATURE,
        RAW_DATA_LENGTH => RAW_DATA,
        212 | 348 | 350 | 352 | 354 | 356 | 358 | 360 | 362 | 364 | 445 | 618 | 621 => length_tag + 1,
        _ => return None,
    })
}
