//! What goes wrong on purpose, when, and for how long.

use crate::plan::Plan;
use crate::random::Random;
use cluster::Role;
use wire::Nanos;

/// A fault. Places are those of nodes in the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// A process ends at once; it comes back when the fault is over.
    Crash(usize),
    /// A process does nothing for a while.
    Freeze(usize),
    /// Nothing passes between the nodes of this set (a bit each) and the others.
    Split(u64),
    /// Nothing of what a node says arrives anywhere.
    Mute(usize),
    /// Nothing arrives at a node.
    Deafen(usize),
    /// Nothing passes between two nodes.
    Part(usize, usize),
    /// So many of a thousand datagrams are lost.
    Burst(u32),
    /// A logger's host loses its power.
    PowerCut(usize),
    /// All hosts do.
    PowerCutAll,
    /// A logger's disk takes long.
    SlowDisk(usize),
    /// A logger's next sync fails.
    FailSync(usize),
    /// A logger's disk has no room.
    FullDisk(usize),
    /// A node's clock jumps by so many ns.
    ClockJump(usize, i64),
    /// A logger's directory is taken away.
    Wipe(usize),
    /// So many supervisors are gone.
    FewSupervisors(usize),
    /// The supervisors elect another leader.
    Depose,
    /// The sequencer that leads ends at once.
    CrashLeader,
    /// The engine that speaks ends at once.
    CrashHot,
    /// The sequencer that leads is left alone with a logger and a gateway.
    Strand(usize, usize),
    /// Nothing passes between the sequencer that leads and those who could tell it that it does no more: supervisors and the
    /// other sequencers. It still speaks with everybody else.
    Shadow,
    /// Nothing passes between the sequencers and the loggers.
    Sever,
    /// So many of a thousand heartbeats of the hot engine are lost: whoever stands by takes over from one that is well.
    Hush(u32),
    /// A snapshot file of a host is damaged at rest.
    Spoil(usize),
    /// The engine that is hot, or one that stands by, reads orders otherwise than they were given, until it begins anew; in builds where
    /// that can be.
    Astray {
        /// Which of them.
        hot: bool,
    },
}

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it begins.
    pub at: Nanos,
    /// How long it lasts, where it does.
    pub lasts: Nanos,
    /// What it is.
    pub blow: Blow,
}

/// The faults of a plan, by their beginnings.
#[must_use]
pub fn schedule(plan: &Plan, random: &mut Random) -> Vec<Planned> {
    let nodes = &plan.description.nodes;
    let places = |role| -> Vec<usize> { (0..nodes.len()).filter(|at| nodes[*at].role == role).collect() };
    let loggers = places(Role::Logger);
    let sequencers = places(Role::Sequencer);
    let gateways = places(Role::Gateway);
    let engines = places(Role::Engine);
    let supervisors = places(Role::Supervisor);
    let workers: Vec<_> = [sequencers.as_slice(), &sequencers, &engines, &loggers, &gateways].concat();
    let mut planned = Vec::new();
    for _ in 0..plan.blows {
        let begins = random.time(Nanos::from_millis(150), plan.trouble);
        let lasts = random.tailed(Nanos::from_millis(100)).saturating_add(Nanos::from_millis(3));
        let lasts = lasts.min(Nanos::from_millis(1_200));
        let logger = *random.pick(&loggers);
        let mut add = |blow| planned.push(Planned { at: begins, lasts, blow });
        match random.below(56) {
            0..7 => add(Blow::Crash(*random.pick(&workers))),
            7..9 => {
                add(Blow::Crash(*random.pick(&workers)));
                add(Blow::Crash(*random.pick(&workers)));
            }
            9..13 => add(Blow::Freeze(*random.pick(&workers))),
            13..16 => add(Blow::Split(random.next())),
            16 => add(Blow::Mute(*random.pick(&workers))),
            17 => add(Blow::Deafen(*random.pick(&workers))),
            18..20 => add(Blow::Part(*random.pick(&workers), *random.pick(&workers))),
            20 => add(Blow::Burst(random.between(50, 500) as u32)), // at most 500
            21..24 => add(Blow::PowerCut(logger)),
            24 => add(Blow::PowerCutAll),
            25 => add(Blow::SlowDisk(logger)),
            26 => add(Blow::FailSync(logger)),
            27 => add(Blow::FullDisk(logger)),
            28 => {
                let by = random.between(1_000_000, 400_000_000).cast_signed();
                let back = random.per_mille(300);
                add(Blow::ClockJump(*random.pick(&workers), if back { -by } else { by }));
            }
            29..31 => add(Blow::Wipe(logger)),
            34..38 => add(Blow::CrashLeader),
            38..41 => add(Blow::CrashHot),
            41..45 => {
                add(Blow::Strand(logger, *random.pick(&gateways)));
                // While it lasts, epochs go by that the stranded do not hear of.
                let lasts = lasts.max(Nanos::from_millis(700));
                let apart = |ms| begins.saturating_add(Nanos::from_millis(ms));
                planned.last_mut().into_iter().for_each(|last| last.lasts = lasts);
                for ms in [300, 450] {
                    let lasts = Nanos::from_millis(20);
                    planned.push(Planned { at: apart(ms), lasts, blow: Blow::CrashLeader });
                }
            }
            45..47 => {
                add(Blow::Sever);
                // Longer than a candidate is waited for.
                planned
                    .last_mut()
                    .into_iter()
                    .for_each(|last| last.lasts = lasts.max(Nanos::from_millis(800)));
            }
            31 | 32 => add(Blow::FewSupervisors(1 + random.index(supervisors.len()))),
            33 | 47 => add(Blow::Depose),
            53..56 => add(Blow::Hush(random.between(400, 1_000) as u32)), // at most 1,000
            _ => {
                add(Blow::Shadow);
                planned
                    .last_mut()
                    .into_iter()
                    .for_each(|last| last.lasts = lasts.max(Nanos::from_millis(500)));
                // Loggers that have just promised come back, and hear the deposed one first.
                for _ in 0..random.between(1, 6) {
                    let at =
                        begins.saturating_add(random.time(Nanos::from_millis(40), Nanos::from_millis(220)));
                    let blow = Blow::Crash(*random.pick(&loggers));
                    planned.push(Planned { at, lasts: Nanos::MILLI, blow });
                }
            }
        }
    }
    // Drawn apart, so that all other faults of a seed are what they are without these.
    let mut lots = plan.lots.clone().fork();
    let hosts = [engines.as_slice(), &loggers].concat();
    for _ in 0..lots.below(5) {
        let at = lots.time(Nanos::from_millis(150), plan.trouble);
        planned.push(Planned { at, lasts: Nanos::MILLI, blow: Blow::Spoil(*lots.pick(&hosts)) });
    }
    planned.extend(&plan.more);
    planned.sort_by_key(|planned| planned.at);
    planned
}
