//! Which faults a run consists of: a name, and the rounds that it stands for.

use cluster::Role;

/// What happens to the victims of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Their processes end at once, and are started again later.
    Kill,
    /// Their processes stand still for a while, and then go on as if nothing had been.
    Freeze,
    /// Their hosts hear nobody and are heard by nobody for a while; only in a lab.
    Cut,
}

impl Harm {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Cut => "cut",
        }
    }
}

/// One fault. Of a role that is named once, the active node is harmed; named twice, another one as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// What happens.
    pub harm: Harm,
    /// To whom.
    pub roles: Vec<Role>,
}

impl Fault {
    /// Everything is killed.
    #[must_use]
    pub fn everything() -> Self {
        Self { harm: Harm::Kill, roles: ROLES.to_vec() }
    }

    /// As in `kill engine+logger`.
    #[must_use]
    pub fn words(&self) -> String {
        let roles: Vec<_> = self.roles.iter().map(|role| role.name()).collect();
        format!("{} {}", self.harm.word(), roles.join("+"))
    }

    /// Whether nothing can be carried out while it lasts, given the default cluster: no majority of the loggers, no sequencer,
    /// no engine or no gateway is left.
    #[must_use]
    pub fn stalls(&self) -> bool {
        let both = self.roles.len() == 2 && self.roles[0] == self.roles[1];
        self.roles == ROLES || both && self.roles[0] != Role::Supervisor
    }

    /// Whether connections of clients end with it.
    #[must_use]
    pub fn interrupts(&self) -> bool {
        self.roles.contains(&Role::Gateway)
    }
}

/// The roles in the order in which they take their turn.
const ROLES: [Role; 5] = [Role::Sequencer, Role::Logger, Role::Supervisor, Role::Gateway, Role::Engine];

/// What to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Kill the sequencer that leads.
    KillSequencer,
    /// Kill a logger.
    KillLogger,
    /// Kill a supervisor: the one that leads, every other time.
    KillSupervisor,
    /// Kill the gateway with the most sessions.
    KillGateway,
    /// Kill the hot engine.
    KillEngine,
    /// Kill two nodes at once: every pair of roles in turn.
    KillTwo,
    /// Kill two of three loggers: nothing is carried out until one is back.
    KillTwoLoggers,
    /// Stop the leading sequencer's process where it stands, and let it go on when another one may lead.
    FreezeSequencer,
    /// Cut the leading sequencer off the network (in a lab).
    CutSequencer,
    /// Cut a logger off the network (in a lab).
    CutLogger,
    /// Cut the power of everything: kill every process at once, and keep, tear or take away what no disk had confirmed.
    PowerCut,
    /// Each of the others in turn.
    All,
}

impl Scenario {
    /// The rounds of one time through.
    #[must_use]
    pub fn faults(self, in_lab: bool) -> Vec<Fault> {
        let one = |harm, role| vec![Fault { harm, roles: vec![role] }];
        let two = |role, other| Fault { harm: Harm::Kill, roles: vec![role, other] };
        match self {
            Self::KillSequencer => one(Harm::Kill, Role::Sequencer),
            Self::KillLogger => one(Harm::Kill, Role::Logger),
            Self::KillSupervisor => one(Harm::Kill, Role::Supervisor),
            Self::KillGateway => one(Harm::Kill, Role::Gateway),
            Self::KillEngine => one(Harm::Kill, Role::Engine),
            Self::KillTwo => {
                let pairs = |(at, role): (usize, &Role)| -> Vec<Fault> {
                    ROLES[at..].iter().map(|other| two(*role, *other)).collect()
                };
                ROLES.iter().enumerate().flat_map(pairs).collect()
            }
            Self::KillTwoLoggers => vec![two(Role::Logger, Role::Logger)],
            // Each is a cluster of its own: see `power_cut`.
            Self::PowerCut => Vec::new(),
            Self::FreezeSequencer => one(Harm::Freeze, Role::Sequencer),
            Self::CutSequencer => one(Harm::Cut, Role::Sequencer),
            Self::CutLogger => one(Harm::Cut, Role::Logger),
            Self::All => {
                let mut all: Vec<Fault> = ROLES.iter().flat_map(|role| one(Harm::Kill, *role)).collect();
                all.extend(Self::FreezeSequencer.faults(in_lab));
                if in_lab {
                    all.extend(Self::CutSequencer.faults(in_lab));
                    all.extend(Self::CutLogger.faults(in_lab));
                }
                all.extend(Self::KillTwo.faults(in_lab));
                all
            }
        }
    }

    /// Whether power cuts belong to it, which are played apart.
    #[must_use]
    pub fn cuts_power(self) -> bool {
        matches!(self, Self::PowerCut | Self::All)
    }

    /// Whether it needs a network that can be cut.
    #[must_use]
    pub fn needs_lab(self) -> bool {
        matches!(self, Self::CutSequencer | Self::CutLogger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_is_every_pair_of_roles_and_each_once() {
        let mut faults = Scenario::KillTwo.faults(false);
        assert_eq!(faults.len(), 15);
        faults.sort();
        faults.dedup();
        assert_eq!(faults.len(), 15);
        let stalling: Vec<_> = faults.iter().filter(|fault| fault.stalls()).map(Fault::words).collect();
        assert_eq!(stalling.len(), 4, "{stalling:?}");
        assert!(!stalling.contains(&"kill supervisor+supervisor".to_owned()));
    }

    #[test]
    fn all_cuts_nothing_where_nothing_can_be_cut() {
        assert_eq!(Scenario::All.faults(false).len(), 6 + 15);
        assert_eq!(Scenario::All.faults(true).len(), 8 + 15);
        assert!(Scenario::All.faults(false).iter().all(|fault| fault.harm != Harm::Cut));
    }
}
