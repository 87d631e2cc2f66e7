//! `lockstep recover`: shows what is left when too few votes are, says what may be lost, and passes on an operator's word.

use anyhow::{Context, bail, ensure};
use cluster::status::Detail;
use cluster::{Grant, Leading, Message, Shortage, Survivor};
use lockstep::ear::Ear;
use node::description::Durability;
use node::{Description, Shutdown};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use wire::command::Adopted;
use wire::{Nanos, NodeId, Position};

/// So long the same must be heard before it is shown: nodes that have just started speak one after the other.
const STEADY: Nanos = Nanos(1_500 * Nanos::MILLI.0);
/// How often the word is said until it has its effect.
const REPEAT: Nanos = Nanos::from_millis(100);

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RecoverArgs {
    /// The file that describes the cluster.
    #[arg(long, value_name = "FILE", default_value = "cluster.toml")]
    config: PathBuf,
    /// Go on with the logs that are shown, whatever they lack. Without it nothing is changed.
    #[arg(long)]
    accept_loss: bool,
    /// This host's address on the cluster's network, if the description names none.
    #[arg(long, value_name = "ADDRESS")]
    interface: Option<Ipv4Addr>,
    /// Seconds to listen for a supervisor that waits, and to wait for the epoch that follows.
    #[arg(long, default_value_t = 10)]
    patience: u64,
}

/// What is heard of the cluster.
struct Plea {
    ear: Ear,
    /// What the supervisor that leads is short of, since when it says the same, and when it said so last.
    short: Option<(Shortage, Nanos, Nanos)>,
    grant: Option<Grant>,
    leading: Option<Leading>,
}

impl Plea {
    fn open(description: Description, interface: Option<Ipv4Addr>) -> anyhow::Result<Self> {
        let ear = Ear::open(description, interface)?;
        Ok(Self { ear, short: None, grant: None, leading: None })
    }

    fn listen(&mut self) -> anyhow::Result<()> {
        let Self { ear, short, grant, leading } = self;
        let now = ear.now();
        ear.listen(&mut |_, message| match message {
            Message::Short(said) => {
                let since =
                    short.take().filter(|(before, ..)| *before == said).map_or(now, |(_, since, _)| since);
                *short = Some((said, since, now));
            }
            Message::Granted(said) if grant.as_ref().is_none_or(|had| had.epoch <= said.epoch) => {
                *grant = Some(said);
            }
            Message::Leading(said) if leading.is_none_or(|had| had.epoch <= said.epoch) => {
                *leading = Some(said);
            }
            _ => {}
        })
    }

    /// What each logger has, a line each.
    fn table(&self, short: &Shortage) -> String {
        let mut table =
            format!("{:<16} {:>5} {:>26} {:>12}  \n", "LOGGER", "LIFE", "ITS LOG ENDS AT", "SYNCED");
        for Survivor { voter, last } in &short.here {
            let synced = match self.ear.board.status(voter.node).map(|status| &status.detail) {
                Some(Detail::Logger { synced, .. }) => synced.to_string(),
                _ => "?".to_owned(),
            };
            let life = short.in_effect.iter().find(|voting| voting.node == voter.node);
            let words = match life {
                Some(life) if life == *voter => "votes, and has all that it ever acknowledged".to_owned(),
                Some(life) => {
                    format!("voted in life {}, and may have lost what it acknowledged then", life.incarnation)
                }
                None => "did not vote".to_owned(),
            };
            let (name, life) = (self.ear.name(voter.node), voter.incarnation);
            let ends = format!("{} (epoch {})", last.seq, last.epoch);
            // Writing to a string does not fail.
            let _ = writeln!(table, "{name:<16} {life:>5} {ends:>26} {synced:>12}  {words}");
        }
        for missing in &short.missing {
            let votes = if short.in_effect.iter().any(|voter| voter.node == *missing) {
                "voted"
            } else {
                "did not vote"
            };
            let _ = writeln!(table, "{:<16} not here; {votes}", self.ear.name(*missing));
        }
        table
    }

    /// What may be lost, and what can be done instead.
    fn words(&self, short: &Shortage) -> String {
        let mut words = String::new();
        let names = |ids: &[NodeId]| ids.iter().map(|id| self.ear.name(*id)).collect::<Vec<_>>().join(", ");
        if short.may_pass() {
            let away = names(&short.missing);
            let _ = writeln!(
                words,
                "No majority of the loggers that vote is here. Start {away}: nothing is lost then, and nobody needs to say anything. \
                 Go on without them only if they are gone for good, and make sure that they are: if they run somewhere, cut off from \
                 here, together with a sequencer, then orders go on being acknowledged there, and there are two histories."
            );
        } else {
            let why = match self.ear.description.log.durability {
                Durability::Written => {
                    "acknowledged orders that were in its memory only are gone (durability is \"written\")"
                }
                Durability::Synced => {
                    "its log was taken away or is damaged (durability is \"synced\", so a power cut alone does not do that)"
                }
            };
            let _ = writeln!(
                words,
                "A majority of the loggers that voted has begun another life: the host of each has restarted, and {why}."
            );
            if !short.missing.is_empty() {
                let away = names(&short.missing);
                let _ = writeln!(
                    words,
                    "{away}: not here, and may hold more than those who are. Start what can be started first."
                );
            }
        }
        match best(short) {
            None => words.push_str("No logger is here: there is nothing to go on with.\n"),
            Some(last) => {
                let _ = writeln!(
                    words,
                    "Going on adopts the best of the logs that are here, which ends with frame {} of epoch {}. Whatever was acknowledged \
                     behind it is lost: clients may hold reports on orders, fills and cancels that the exchange does not know, and the \
                     numbers of those orders and executions will be used again for others. The stream will say so: the next \
                     EpochStart, and its event, are marked. What stands before it is whole.",
                    last.seq, last.epoch
                );
            }
        }
        words
    }
}

/// Where the log ends that would be adopted.
fn best(short: &Shortage) -> Option<Position> {
    short.here.iter().map(|survivor| survivor.last).max_by_key(|last| (last.epoch, last.seq))
}

/// Shows what is left; with `--accept-loss`, has the cluster go on with it.
pub(crate) fn recover(args: &RecoverArgs) -> anyhow::Result<()> {
    let description = Description::load(&args.config)?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let mut out = lockstep::out::stdout();
    let mut plea = Plea::open(description, args.interface)?;
    let patience = Nanos(args.patience.saturating_mul(Nanos::SECOND.0));
    let until = plea.ear.now().saturating_add(patience);
    let short = loop {
        plea.listen()?;
        ensure!(!shutdown.requested(), "stopped; nothing was changed");
        let now = plea.ear.now();
        if let Some((short, since, at)) = &plea.short
            && at.since(*since) >= STEADY
        {
            break short.clone();
        }
        if now >= until {
            return nothing_waits(&plea, args.patience, &mut out);
        }
    };
    writeln!(out, "Epoch {} was granted last; {} loggers vote.\n", short.after, short.in_effect.len())?;
    writeln!(out, "{}\n{}", plea.table(&short), plea.words(&short))?;
    if !args.accept_loss {
        let config = args.config.display();
        writeln!(
            out,
            "Nothing was changed. To go on and accept the loss: lockstep recover --config {config} --accept-loss"
        )?;
        return Ok(());
    }
    ensure!(!short.here.is_empty(), "no logger is here: there is nothing to go on with");
    let grant = say(&mut plea, &short, patience, &shutdown)?;
    let parent = plea.leading.filter(|leading| leading.epoch == grant.epoch).map(|leading| leading.parent);
    let parent = parent.map_or_else(String::new, |parent| format!(" behind frame {}", parent.seq));
    writeln!(
        out,
        "The loss is accepted: epoch {} of {} has started{parent}.",
        grant.epoch,
        plea.ear.name(grant.sequencer)
    )?;
    Ok(())
}

fn nothing_waits(plea: &Plea, patience: u64, out: &mut impl std::io::Write) -> anyhow::Result<()> {
    if plea.short.is_some() {
        bail!(
            "what the supervisors say of the loggers changes all the time: look again; nothing was changed"
        );
    }
    let Some(grant) = &plea.grant else {
        bail!(
            "listened for {patience} s, and no supervisor tells of a grant: is a majority of them running? nothing was changed"
        );
    };
    writeln!(
        out,
        "No supervisor waits for an operator; epoch {} was granted last. Nothing was changed.",
        grant.epoch
    )?;
    Ok(())
}

/// Says that the loss is accepted until an epoch that rests on it has started.
fn say(plea: &mut Plea, short: &Shortage, patience: Nanos, shutdown: &Shutdown) -> anyhow::Result<Grant> {
    let began = plea.ear.now();
    let (until, mut say_at) = (began.saturating_add(patience), began);
    loop {
        let now = plea.ear.now();
        let granted = plea.grant.clone().filter(|grant| grant.epoch > short.after);
        match granted {
            Some(grant) if grant.started && grant.adopted == Adopted::MayLack => return Ok(grant),
            Some(grant) if grant.started => {
                bail!("epoch {} has started without a loss: enough loggers are back", grant.epoch)
            }
            Some(_) => {}
            None => {
                let changed =
                    plea.short.as_ref().is_some_and(|(said, ..)| said.accepted() != short.accepted());
                ensure!(
                    !changed,
                    "other loggers are here than those that were shown: look again; nothing was changed"
                );
                if now >= say_at {
                    say_at = now.saturating_add(REPEAT);
                    plea.ear.say(Message::Recover(short.accepted()));
                }
            }
        }
        ensure!(!shutdown.requested(), "stopped before an epoch has started");
        ensure!(
            now < until,
            "no epoch has started within {} s of the word: see the supervisors' logs",
            patience.0 / Nanos::SECOND.0
        );
        plea.listen()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::{Electorate, Voter};
    use lockstep::plan::LocalPlan;
    use std::path::Path;
    use wire::{Epoch, Incarnation, Seq};

    fn short(plea: &Plea, lives: [Option<(u32, u64)>; 3]) -> Shortage {
        let loggers: Vec<_> =
            plea.ear.description.nodes_of(cluster::Role::Logger).map(|node| node.id).collect();
        let first = |node: &NodeId| Voter { node: *node, incarnation: Incarnation(1) };
        let mut short = Shortage {
            after: Epoch(3),
            in_effect: Electorate::new(loggers.iter().map(first)),
            over: Vec::new(),
            here: Vec::new(),
            missing: Vec::new(),
        };
        for (node, life) in loggers.into_iter().zip(lives) {
            let Some((life, seq)) = life else {
                short.missing.push(node);
                continue;
            };
            let voter = Voter { node, incarnation: Incarnation(life) };
            let last = Position { epoch: Epoch(3), seq: Seq(seq), ..Position::GENESIS };
            short.here.push(Survivor { voter, last });
            if life > 1 {
                short.over.push(first(&node));
            }
        }
        short
    }

    #[test]
    fn what_may_be_lost_is_said_in_words() {
        let text = LocalPlan::default().text().unwrap();
        let description = Description::parse(Path::new("cluster.toml"), &text).unwrap();
        let plea = Plea::open(description, None).unwrap();
        let cut = short(&plea, [Some((2, 70)), Some((2, 90)), Some((2, 80))]);
        let (table, words) = (plea.table(&cut), plea.words(&cut));
        assert!(table.contains("logger-2") && table.contains("90 (epoch 3)"), "{table}");
        assert!(words.contains("ends with frame 90 of epoch 3") && words.contains("another life"), "{words}");
        let away = short(&plea, [Some((1, 70)), None, None]);
        let words = plea.words(&away);
        assert!(words.contains("Start logger-2, logger-3") && words.contains("two histories"), "{words}");
        assert!(plea.table(&away).contains("logger-3         not here; voted"), "{}", plea.table(&away));
        let half = short(&plea, [Some((2, 70)), Some((2, 60)), None]);
        assert!(plea.words(&half).contains("logger-3: not here, and may hold more"), "{}", plea.words(&half));
    }
}
