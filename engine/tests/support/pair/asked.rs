//! A command as an owned value, and how it is stamped.

use crate::support::Log;
use wire::command::*;
use wire::{Incarnation, NodeId};

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

        impl Asked {
            /// The stamped frame.
            pub fn stamp(&self, log: &mut Log, source: NodeId, incarnation: Incarnation) -> Vec<u8> {
                match self { $(Self::$name(body) => log.stamp(source, incarnation, body),)* }
            }
        }
    };
}
asked! {
    EpochStart Tick RulesVersion EpochOpen GatewayOpen SessionLogon SessionLogout NewOrder CancelOrder ReplaceOrder
    MassCancel DefineInstrument SetPhase SetBands SetLead DefineCurrency DefineParticipant DefineAccount AssignSession
    MoveMoney MoveShares SetLimits SetTrading BustTrade CorrectTrade CancelFor MassCancelFor EndDay
}
