//! A command as an owned value, and how it is stamped.

use crate::support::Log;
use wire::command::*;
use wire::frame::{self, Origin};
use wire::{Command, Incarnation, MAX_FRAME_LEN, NodeId};

macro_rules! asked {
    ($($name:ident)*) => {
        /// A command as an owned value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Asked { $($name($name),)* }

        $(impl From<$name> for Asked {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*

        impl From<Command<'_>> for Asked {
            fn from(command: Command<'_>) -> Self {
                match command { $(Command::$name(body) => Self::$name(*body),)* }
            }
        }

        impl Asked {
            /// Writes it as an unstamped frame and gives its length.
            pub fn write(&self, to: &mut [u8; MAX_FRAME_LEN], origin: Origin) -> usize {
                match self { $(Self::$name(body) => frame::write(to, origin, body),)* }
            }

            /// The stamped frame.
            pub fn stamp(&self, log: &mut Log, source: NodeId, incarnation: Incarnation) -> Vec<u8> {
                match self { $(Self::$name(body) => log.stamp(source, incarnation, body),)* }
            }
        }
    };
}
asked! {
    EpochStart Tick RulesVersion EpochOpen Snapshot Quarantine GatewayOpen SessionLogon SessionLogout NewOrder CancelOrder ReplaceOrder
    MassCancel DefineInstrument SetPhase SetBands SetLead DefineCurrency DefineParticipant DefineAccount AssignSession
    MoveMoney MoveShares SetLimits SetTrading BustTrade CorrectTrade CancelFor MassCancelFor EndDay
}
