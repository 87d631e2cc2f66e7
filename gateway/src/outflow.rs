//! A command on its way: it gets its number, its header, and its place among those that are not committed yet.

use crate::admission::{Admission, Pressure};
use crate::clients::{Out, Output};
use cluster::Lane;
use wire::frame::{self, Origin};
use wire::{CommandBody, MAX_FRAME_LEN, Nanos, SourceSeq};

/// Everything that commands need to get on their way.
pub(crate) struct Outflow {
    /// Incarnation 0 until this process was given a life.
    pub(crate) lane: Lane,
    pub(crate) admission: Admission,
}

impl Outflow {
    /// Numbers a command and sends it. The caller has looked at the pressure.
    pub(crate) fn send<B: CommandBody>(&mut self, now: Nanos, body: &B, out: Out<'_>) {
        let Lane { gateway, incarnation } = self.lane;
        let source_seq = SourceSeq(self.admission.number());
        let mut buffer = [0; MAX_FRAME_LEN];
        let length = frame::write(
            &mut buffer,
            Origin { source: gateway, incarnation, source_seq, received: now },
            body,
        );
        out(Output::Command(&buffer[..length]));
    }

    /// As [`Outflow::send`], if anything can be taken at all.
    pub(crate) fn try_send<B: CommandBody>(&mut self, now: Nanos, body: &B, out: Out<'_>) -> bool {
        let taken = self.admission.pressure() != Pressure::Full;
        if taken {
            self.send(now, body, out);
        }
        taken
    }
}
