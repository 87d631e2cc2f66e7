//! A happening as an owned value, and one event as it is told.

use wire::event::{self, Address};
use wire::{Happening, MAX_FRAME_LEN, Outbound, ReportSeq, SessionId};

macro_rules! said {
    ($($name:ident)*) => {
        /// A happening as an owned value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Said { $($name(event::$name),)* }

        impl From<Happening<'_>> for Said {
            fn from(happening: Happening<'_>) -> Self {
                match happening { $(Happening::$name(body) => Self::$name(*body),)* }
            }
        }

        $(impl From<event::$name> for Said {
            fn from(body: event::$name) -> Self {
                Self::$name(body)
            }
        })*

        impl Said {
            /// Writes it as an event, not yet spoken, and gives its length.
            pub fn write(&self, to: &mut [u8; MAX_FRAME_LEN], address: Address) -> usize {
                match self { $(Self::$name(body) => event::write(to, address, body),)* }
            }

            /// What kind of event it is.
            pub fn kind(&self) -> wire::EventKind {
                match self { $(Self::$name(_) => wire::EventKind::$name,)* }
            }
        }
    };
}
said! {
    EpochStarted RulesActivated GatewayOpened SessionOpened SessionClosed Accepted Rejected Filled Cancelled
    Replaced CancelRejected Triggered Restated TradeBusted TradeCorrected MassCancelled MassCancelRejected
    InstrumentDefined AdministrationRefused PhaseChanged BandsChanged LeadChanged CurrencyDefined
    ParticipantDefined AccountDefined SessionAssigned MoneyMoved SharesMoved LimitsChanged TradingChanged
    MassCancelledFor DayEnded AuctionUncrossed
}

/// One event as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub outbound: Outbound,
    pub session: SessionId,
    pub report: ReportSeq,
    pub said: Said,
}
