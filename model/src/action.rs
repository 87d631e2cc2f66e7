//! What can happen, and what becomes of the state.

use crate::bounds::Bounds;
use crate::log::Log;
use crate::logger::Heard;
use crate::process::Process;
use crate::promise::{Broken, Promise};
use crate::sight::{Sight, Sights};
use crate::state::State;
use cluster::acceptor::{History, Promised};
use cluster::planted::{Fault, planted};
use cluster::{Reason, Record, Survivor, Voter};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::command::Opening;
use wire::{Ack, Command, Epoch, NodeId, Position};

/// One thing that happens. Loggers and processes are told by their places in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant says what its fields are for")]
pub enum Action {
    /// The supervisors grant the next epoch; to a process that holds nothing, if `fresh`.
    Grant { cold: bool, fresh: bool },
    /// The supervisors record that a majority holds the epoch's start.
    Started { process: usize },
    /// A logger hears the request for its promise, and the process its answer.
    Promise { logger: usize, process: usize },
    /// A candidate has waited for a moment: it chooses the best log, or gives the silent holder up.
    Wait { process: usize },
    /// A candidate fetches the rest of the best log, or its next frame.
    Fetch { process: usize, logger: usize, piece: bool },
    /// A logger hears who leads.
    Lead { logger: usize, process: usize },
    /// A logger hears the session's frames until one is appended. If it has heard all, a new one is stamped for it.
    Hear { logger: usize, process: usize, stamp: Stamp, dies: bool },
    /// A logger's process starts again.
    Crash { logger: usize },
    /// A logger loses its disk, and is admitted with another life.
    Lose { logger: usize },
    /// The supervisors let a learner vote from the next epoch on.
    Promote { logger: usize },
    /// The observer hears who leads.
    Turn { process: usize },
    /// The observer hears the next frame of the session that it follows.
    Observe { process: usize, stamp: Stamp },
    /// The observer hears an acknowledgement.
    ObserveAck { ack: Ack },
    /// Planted: another process of the same host goes on in the epoch of the one before.
    Continue { process: usize },
}

/// What a sequencer stamps for somebody who has heard everything. Nothing happens between the stamp of a frame and the first
/// time it is heard that the stamp could not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Nothing: there is something to be heard.
    Nothing,
    /// A client's command.
    Command,
    /// The frame that opens the epoch.
    Open,
}

/// What can happen in this state.
pub fn possible(bounds: &Bounds, state: &State, actions: &mut Vec<Action>) {
    if state.broken.is_some() {
        return;
    }
    supervisors(bounds, state, actions);
    for process in 0..state.processes.len() {
        candidates(bounds, state, process, actions);
        if state.processes[process].leader().is_some() {
            for logger in 0..state.loggers.len() {
                listeners(bounds, state, process, logger, actions);
            }
        }
    }
    for (logger, at) in state.loggers.iter().enumerate() {
        if state.used.crashes < bounds.crashes
            && (at.acceptor.session().is_some() || planted(Fault::ForgetPromise))
        {
            actions.push(Action::Crash { logger });
        }
        if state.used.losses < bounds.losses && !at.log.frames().is_empty() {
            actions.push(Action::Lose { logger });
        }
    }
    observers(bounds, state, actions);
}

fn supervisors(bounds: &Bounds, state: &State, actions: &mut Vec<Action>) {
    let control = &state.control;
    if control.epoch().0 < bounds.epochs {
        let nothing_counts = control.in_effect().is_empty();
        for cold in [false, true] {
            if cold != nothing_counts && !(cold && bounds.recold) {
                continue;
            }
            actions.push(Action::Grant { cold, fresh: false });
            if bounds.fresh && !state.released.log().frames().is_empty() {
                actions.push(Action::Grant { cold, fresh: true });
            }
        }
    }
    for (process, at) in state.processes.iter().enumerate() {
        let grant = control.highest_grant().filter(|grant| grant.epoch == at.epoch() && !grant.started);
        if grant.is_some() && at.commit().is_some_and(|commit| commit.start_is_held()) {
            actions.push(Action::Started { process });
        }
    }
    for (logger, at) in state.loggers.iter().enumerate() {
        if bounds.losses > 0 && control.clone().apply(&promotion(state, at.voter)) {
            actions.push(Action::Promote { logger });
        }
    }
}

fn candidates(bounds: &Bounds, state: &State, process: usize, actions: &mut Vec<Action>) {
    let at = &state.processes[process];
    if planted(Fault::ContinueEpoch)
        && at.leader().is_some()
        && state.processes.len() == bounds.epochs as usize
    {
        actions.push(Action::Continue { process });
    }
    let Some(candidate) = at.candidate() else { return };
    let grant = &at.grant;
    for (logger, asked) in state.loggers.iter().enumerate() {
        let answered = candidate.answers.iter().any(|(member, _)| *member == asked.voter);
        let refused = asked.acceptor.clone().handle_prepare(grant.epoch, grant.nonce) == Promised::Refused;
        if !answered && !refused && candidate.fetching.is_none() {
            actions.push(Action::Promise { logger, process });
        }
    }
    let Some((holder, upto)) = candidate.fetching else {
        let mut trial = at.clone();
        // An error is a change, too.
        if tried(|| trial.wait(&state.released)).unwrap_or(true) {
            actions.push(Action::Wait { process });
        }
        return;
    };
    if state.used.silences < bounds.silences {
        actions.push(Action::Wait { process });
    }
    for (logger, asked) in state.loggers.iter().enumerate() {
        let named = asked.node() == holder;
        let equal = candidate.answers.contains(&(asked.voter, upto)) && !state.named;
        // A later life of the holder is asked like the one that answered: it is the same node.
        let follows = asked
            .show(grant.epoch, at.log.last().seq)
            .is_some_and(|frame| frame.frame().follows(at.log.last()));
        if (named || equal) && follows {
            actions.push(Action::Fetch { process, logger, piece: false });
            if bounds.piecemeal && upto.seq.0 > at.log.last().seq.0 + 1 {
                actions.push(Action::Fetch { process, logger, piece: true });
            }
        }
    }
}

fn listeners(bounds: &Bounds, state: &State, process: usize, logger: usize, actions: &mut Vec<Action>) {
    let (at, listener) = (&state.processes[process], &state.loggers[logger]);
    let Some(leader) = at.leader() else { return };
    if listener.clone().lead(at.epoch(), at.grant.nonce, leader.parent) {
        actions.push(Action::Lead { logger, process });
    }
    if listener.acceptor.session() != Some(at.epoch()) {
        return;
    }
    let mut trial = listener.clone();
    let news = tried(|| trial.hear(&at.log, &Sights::default(), false));
    if news != Ok(Heard::Nothing) {
        actions.push(Action::Hear { logger, process, stamp: Stamp::Nothing, dies: false });
        let dies =
            tried(|| Ok(listener.would_cut(&at.log))) == Ok(true) || planted(Fault::AcknowledgeBeforeWriting);
        if state.used.crashes < bounds.crashes && dies {
            actions.push(Action::Hear { logger, process, stamp: Stamp::Nothing, dies: true });
        }
        return;
    }
    for stamp in stamps(bounds, state, at) {
        actions.push(Action::Hear { logger, process, stamp, dies: false });
    }
}

fn observers(bounds: &Bounds, state: &State, actions: &mut Vec<Action>) {
    let Some(observer) = &state.observer else { return };
    for (process, at) in state.processes.iter().enumerate() {
        if at.leader().is_none() {
            continue;
        }
        if at.epoch() > observer.core.epoch() {
            actions.push(Action::Turn { process });
        }
        if at.epoch() != observer.core.epoch() {
            continue;
        }
        if at.log.get(observer.cursor).is_some() {
            actions.push(Action::Observe { process, stamp: Stamp::Nothing });
        } else {
            let stamps = stamps(bounds, state, at);
            actions.extend(stamps.map(|stamp| Action::Observe { process, stamp }));
        }
    }
    for ack in state.loggers.iter().flat_map(|logger| &logger.said) {
        if observer.core.epoch() > Epoch(0) && !observer.has_heard(ack) {
            actions.push(Action::ObserveAck { ack: *ack });
        }
    }
}

/// What this leader may stamp next.
fn stamps(bounds: &Bounds, state: &State, at: &Process) -> impl Iterator<Item = Stamp> + use<> {
    let command = (state.used.commands < bounds.commands).then_some(Stamp::Command);
    let unopened = at.leader().is_some_and(|leader| !leader.opened) && at.grant.opening == Opening::AtOpen;
    let open = (unopened && at.grant.started).then_some(Stamp::Open);
    command.into_iter().chain(open)
}

/// What comes of something that is only tried, to see whether it would change anything. A core that asserts does change
/// something.
pub(crate) fn tried<T>(act: impl FnOnce() -> Result<T, Broken>) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(Broken::new(Promise::NoAssertion, said.unwrap_or_default()))
    })
}

fn promotion(state: &State, voter: Voter) -> Record {
    Record::Promote { voter, epoch: state.control.epoch() }
}

impl Action {
    /// Lets it happen.
    ///
    /// # Errors
    /// The promise that is broken by it.
    pub fn happen(self, bounds: &Bounds, state: &mut State, sights: &Sights) -> Result<(), Broken> {
        match self {
            Self::Grant { cold, fresh } => grant(bounds, state, cold, fresh),
            Self::Started { process } => started(state, process, sights),
            Self::Promise { logger, process } => {
                let at = &mut state.processes[process];
                if let Some(answer) = state.loggers[logger].prepare(at.epoch(), at.grant.nonce) {
                    at.answer(&answer);
                }
            }
            Self::Wait { process } => return wait(state, process, sights),
            Self::Fetch { process, logger, piece } => return fetch(state, process, logger, piece, sights),
            Self::Lead { logger, process } => {
                let at = &state.processes[process];
                if let Some(leader) = at.leader() {
                    let parent = leader.parent;
                    state.loggers[logger].lead(at.epoch(), at.grant.nonce, parent);
                }
                acknowledge(state, logger, process)?;
            }
            Self::Hear { logger, process, stamp, dies } => {
                stamped(state, process, stamp)?;
                let written = state.loggers[logger].log.clone();
                let hasty = dies && planted(Fault::AcknowledgeBeforeWriting);
                hear(state, logger, process, dies && !hasty, sights)?;
                acknowledge(state, logger, process)?;
                if hasty {
                    state.used.crashes += 1;
                    state.loggers[logger].log = written;
                    state.loggers[logger].restart();
                }
            }
            Self::Crash { logger } => {
                state.used.crashes += 1;
                sights.saw(Sight::Restarted);
                state.loggers[logger].restart();
            }
            Self::Lose { logger } => {
                state.used.losses += 1;
                let node = state.loggers[logger].node();
                let token = 1 + u64::from(state.used.losses);
                let above = state.loggers[logger].voter.incarnation;
                state.control.apply(&Record::Admit { node, token, above, logger: true });
                if let Some(life) = state.control.life_of(node) {
                    state.loggers[logger].lose(life.incarnation);
                }
            }
            Self::Promote { logger } => {
                sights.saw(Sight::LearnerPromoted);
                let record = promotion(state, state.loggers[logger].voter);
                state.control.apply(&record);
            }
            Self::Turn { process } => {
                let leader = &state.processes[process];
                let (epoch, parent) = (leader.epoch(), leader.leader().map(|leader| leader.parent));
                if let Some(observer) = &mut state.observer
                    && let Some(parent) = parent
                {
                    observer.turn(epoch, parent, sights);
                }
            }
            Self::Observe { process, stamp } => {
                stamped(state, process, stamp)?;
                let log = &state.processes[process].log;
                if let Some(observer) = &mut state.observer
                    && let Some(frame) = log.get(observer.cursor)
                {
                    observer.hear(&frame.clone())?;
                }
            }
            Self::ObserveAck { ack } => {
                if let Some(observer) = &mut state.observer {
                    observer.acknowledged(&ack, sights);
                }
            }
            Self::Continue { process } => {
                let grant = state.processes[process].grant.clone();
                state.processes.push(Process::new(grant, state.released.log().clone()));
            }
        }
        release(state, sights)?;
        stands(state)
    }
}

fn grant(bounds: &Bounds, state: &mut State, cold: bool, fresh: bool) {
    let after = state.control.epoch();
    let epoch = Epoch(after.0 + 1);
    let sequencer = NodeId(10 + ((epoch.0 - 1) % u32::from(bounds.sequencers)) as u16);
    let nonce = u64::from(epoch.0);
    let cold = if cold { state.loggers.iter().map(|logger| logger.voter).collect() } else { Vec::new() };
    // A cold start over others' votes needs an operator's word, which is there.
    let survivor = |voter: &Voter| Survivor { voter: *voter, last: Position::GENESIS };
    state.control.apply(&Record::Recover { after, loggers: cold.iter().map(survivor).collect() });
    let record = Record::Grant { after, epoch, sequencer, nonce, cold, why: Reason::Silent };
    if state.control.apply(&record)
        && let Some(grant) = state.control.highest_grant()
    {
        let held = if fresh { Log::default() } else { state.released.log().clone() };
        state.processes.push(Process::new(grant.clone(), held));
    }
}

fn started(state: &mut State, process: usize, sights: &Sights) {
    let at = &mut state.processes[process];
    let record = Record::Started { epoch: at.epoch(), nonce: at.grant.nonce };
    if state.control.apply(&record) {
        // The record stands for good: the process may hear of it at any time from here on.
        at.grant.started = true;
        if at.grant.loggers.iter().any(|voter| voter.incarnation.0 > 1) {
            sights.saw(Sight::LearnerStarted);
        }
    }
}

fn wait(state: &mut State, process: usize, sights: &Sights) -> Result<(), Broken> {
    let at = &mut state.processes[process];
    if let Some(candidate) = at.candidate()
        && candidate.fetching.is_some()
    {
        state.used.silences += 1;
        sights.saw(Sight::HolderSilent);
        if at.log.last() != candidate.base {
            sights.saw(Sight::HolderSilentHalfway);
        }
    }
    at.wait(&state.released)?;
    begun(state, process, sights);
    stands(state)
}

fn fetch(
    state: &mut State,
    process: usize,
    logger: usize,
    piece: bool,
    sights: &Sights,
) -> Result<(), Broken> {
    let at = &mut state.processes[process];
    let Some((_, upto)) = at.candidate().and_then(|candidate| candidate.fetching) else { return Ok(()) };
    let holder = &state.loggers[logger];
    let answered = at.candidate().is_some_and(|at| at.answers.contains(&(holder.voter, upto)));
    if answered && !holder.log.holds(upto) {
        let how =
            format!("{} answered {upto} and shows a log that ends at {}", holder.voter, holder.log.last());
        return Err(Broken::new(Promise::ServedIsSaid, how));
    }
    while at.candidate().is_some() && at.log.last() != upto {
        let shown = holder.show(at.epoch(), at.log.last().seq);
        let Some(frame) = shown.filter(|frame| frame.frame().follows(at.log.last())) else {
            if !answered {
                break;
            }
            let how = format!("{} does not show what follows {}", holder.voter, at.log.last());
            return Err(Broken::new(Promise::ServedIsSaid, how));
        };
        at.fetched(frame, &state.released)?;
        if piece {
            break;
        }
    }
    begun(state, process, sights);
    stands(state)
}

/// Notes what an epoch left behind and took on when it began.
fn begun(state: &State, process: usize, sights: &Sights) {
    let at = &state.processes[process];
    let Some(leader) = at.leader() else { return };
    if leader.parent.seq > state.released.log().last().seq {
        sights.saw(Sight::TailAdopted);
    }
    let mut tails = state.loggers.iter().map(|logger| logger.log.last());
    if tails.any(|tail| !at.log.holds(tail)) {
        sights.saw(Sight::TailDropped);
    }
    if state.processes.iter().any(|other| other.epoch().0 + 1 == at.epoch().0 && other.leader().is_none()) {
        sights.saw(Sight::SkippedEpoch);
    }
    if at.disappointed {
        sights.saw(Sight::BegunAfterSilence);
    }
}

fn stamped(state: &mut State, process: usize, stamp: Stamp) -> Result<(), Broken> {
    match stamp {
        Stamp::Nothing => Ok(()),
        Stamp::Command => {
            state.used.commands += 1;
            state.processes[process].stamp_command()
        }
        Stamp::Open => state.processes[process].stamp_open(),
    }
}

fn hear(state: &mut State, logger: usize, process: usize, dies: bool, sights: &Sights) -> Result<(), Broken> {
    let epoch = state.processes[process].epoch();
    let later = state.processes.iter().any(|other| other.epoch() > epoch && other.leader().is_some());
    let heard = state.loggers[logger].hear(&state.processes[process].log, sights, dies)?;
    if heard == Heard::Appended && later {
        sights.saw(Sight::DeposedHeard);
    }
    if dies {
        state.used.crashes += 1;
        sights.saw(Sight::DiedInCut);
    }
    Ok(())
}

/// The logger says what it may acknowledge; from here on it is in the air. Oracles hear it at once.
fn acknowledge(state: &mut State, logger: usize, process: usize) -> Result<(), Broken> {
    let at = &state.processes[process];
    let parent = at.leader().map_or(Position::GENESIS, |leader| leader.parent);
    if let Some(ack) = state.loggers[logger].acknowledge(&at.log, parent)? {
        for process in &mut state.processes {
            process.acknowledged(&ack);
        }
    }
    Ok(())
}

/// Notes what anybody releases now, and checks that every later epoch stands on it.
fn release(state: &mut State, sights: &Sights) -> Result<(), Broken> {
    for process in &mut state.processes {
        let epoch = process.epoch();
        while let Some(frame) = process.poll_released() {
            if state.released.note(&frame, epoch)? {
                match epoch.0 {
                    1 => sights.saw(Sight::ReleasedIn1),
                    2 => sights.saw(Sight::ReleasedIn2),
                    3 => sights.saw(Sight::ReleasedIn3),
                    _ => {}
                }
            }
        }
    }
    if let Some(observer) = &mut state.observer {
        let epoch = observer.core.epoch();
        while let Some((_, frame)) = observer.core.poll_committed() {
            state.released.note(&frame, epoch)?;
            sights.saw(Sight::ObserverReleased);
        }
    }
    for process in state.processes.iter().filter(|process| process.leader().is_some()) {
        if let Some(lost) = state.released.missing_in(process.epoch(), &process.log) {
            let how = format!("{lost} was released, and is not in epoch {}", process.epoch());
            return Err(Broken::new(Promise::ReleasedStands, how));
        }
    }
    Ok(())
}

/// What must hold of all logs together.
fn stands(state: &State) -> Result<(), Broken> {
    let leaders: Vec<_> = state.processes.iter().filter(|process| process.leader().is_some()).collect();
    let logs = state.loggers.iter().map(|logger| &logger.log);
    for log in logs.chain(leaders.iter().map(|leader| &leader.log)) {
        for frame in log.frames() {
            let said = leaders.iter().filter(|leader| leader.epoch() == frame.place.epoch);
            let mut said = said.filter_map(|leader| leader.log.get(frame.place.seq));
            if let Some(other) = said.find(|said| said.place.epoch == frame.place.epoch && *said != frame) {
                let how = format!("{} and {}", frame.place, other.place);
                return Err(Broken::new(Promise::OneHistory, how));
            }
            if matches!(frame.frame().command(), Ok(Command::EpochStart(_)))
                && leaders.iter().any(|leader| {
                    leader.epoch() == frame.place.epoch
                        && leader.leader().is_some_and(|at| at.parent.seq.next() != frame.place.seq)
                })
            {
                let how = format!("{} is a second start of its epoch", frame.place);
                return Err(Broken::new(Promise::OneStart, how));
            }
        }
    }
    for logger in &state.loggers {
        let Some(epoch) = logger.acceptor.session() else { continue };
        let said = leaders.iter().find(|leader| leader.epoch() == epoch);
        if logger.acceptor.may_serve(epoch, logger.log.last())
            && !said.is_some_and(|said| said.log.holds(logger.log.last()))
        {
            let how = format!("{} serves {} in epoch {epoch}", logger.voter, logger.log.last());
            return Err(Broken::new(Promise::ServedIsSaid, how));
        }
    }
    Ok(())
}

/// A step, told with the names that the state gives.
pub struct Told<'a>(pub &'a Action, pub &'a State);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(action, state) = self;
        let logger = |at: &usize| format!("logger {}", state.loggers[*at].voter);
        let epoch = |at: &usize| state.processes[*at].epoch();
        match action {
            Action::Grant { cold, fresh } => {
                let cold = if *cold { "cold, all loggers must answer" } else { "a majority must answer" };
                let fresh =
                    if *fresh { "a process that holds nothing" } else { "a process that holds all released" };
                write!(f, "epoch {} is granted to {fresh}; {cold}", state.control.epoch().0 + 1)
            }
            Action::Started { process } => write!(f, "epoch {} is recorded as started", epoch(process)),
            Action::Promise { logger: at, process } => {
                let last = state.loggers[*at].log.last();
                write!(f, "{} promises epoch {} and answers {last}", logger(at), epoch(process))
            }
            Action::Wait { process } => {
                match state.processes[*process].candidate().and_then(|at| at.fetching) {
                    Some((holder, _)) => {
                        write!(f, "epoch {}'s candidate gives logger {holder} up", epoch(process))
                    }
                    None => write!(f, "epoch {}'s candidate has enough answers and chooses", epoch(process)),
                }
            }
            Action::Fetch { process, logger: at, piece } => {
                let much = if *piece { "one frame" } else { "the rest" };
                write!(f, "epoch {}'s candidate fetches {much} from {}", epoch(process), logger(at))
            }
            Action::Lead { logger: at, process } => {
                write!(f, "{} hears that epoch {} is led", logger(at), epoch(process))
            }
            Action::Hear { logger: at, process, stamp, dies } => {
                let what = stamp.told();
                let dies = if *dies { ", cuts its log, and dies" } else { "" };
                write!(f, "{} hears {what} of epoch {}{dies}", logger(at), epoch(process))
            }
            Action::Crash { logger: at } => write!(f, "{} starts again", logger(at)),
            Action::Lose { logger: at } => write!(f, "{} loses its disk", logger(at)),
            Action::Promote { logger: at } => write!(f, "{} may vote from the next epoch on", logger(at)),
            Action::Turn { process } => write!(f, "the observer turns to epoch {}", epoch(process)),
            Action::Observe { process, stamp } => {
                write!(f, "the observer hears {} of epoch {}", stamp.told(), epoch(process))
            }
            Action::ObserveAck { ack } => {
                write!(
                    f,
                    "the observer hears logger {}.{} acknowledge {}",
                    ack.logger, ack.incarnation, ack.position
                )
            }
            Action::Continue { process } => write!(f, "another process goes on in epoch {}", epoch(process)),
        }
    }
}

impl Stamp {
    fn told(self) -> &'static str {
        match self {
            Self::Nothing => "the next frame",
            Self::Command => "a new command",
            Self::Open => "the opening",
        }
    }
}
