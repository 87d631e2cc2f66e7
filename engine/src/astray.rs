//! An engine that is led astray, for tests: its machine reads some orders otherwise than the others do. Only in builds with
//! `--cfg lockstep_planted`, like all of `cluster::planted`.

use crate::Exchange;
use cluster::planted::ASTRAY;
use wire::Qty;
use wire::command::NewOrder;

/// Which new orders one machine misreads. It is no part of its state: who restores that, or executes the log anew, reads well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Astray {
    /// None.
    #[default]
    Not,
    /// Those whose name begins with [`ASTRAY`].
    ByName,
    /// All.
    Everywhere,
}

/// For how long an engine's process reads orders of that name so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Led {
    /// It never does.
    #[default]
    Never,
    /// Until it is found wrong.
    Once,
    /// Also when it has begun anew.
    Always,
}

impl Led {
    /// What a word says; nothing else is one.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "once" => Self::Once,
            "always" => Self::Always,
            _ => Self::Never,
        }
    }
}

impl Astray {
    /// The order as this machine reads it: of twice the quantity.
    pub(crate) fn read(self, asked: &NewOrder) -> NewOrder {
        let misread = match self {
            Self::Not => false,
            Self::ByName => { asked.cl_ord_id }.as_bytes().starts_with(ASTRAY),
            Self::Everywhere => true,
        };
        let mut asked = *asked;
        if misread {
            asked.terms.qty = Qty({ asked.terms.qty }.0 * 2);
        }
        asked
    }
}

impl Exchange {
    /// Reads new orders so from here on.
    pub fn lead_astray(&mut self, astray: Astray) {
        self.astray = astray;
    }

    /// How it reads them.
    #[must_use]
    pub fn astray(&self) -> Astray {
        self.astray
    }
}
