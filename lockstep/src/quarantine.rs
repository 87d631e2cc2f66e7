//! `lockstep quarantine`: shows a command that makes engines panic, says what leaving it out means, and passes on an operator's word.

use anyhow::{Context, bail, ensure};
use cluster::status::Detail;
use cluster::{Message, Obstacle, Quarantine, Role, Stopped};
use lockstep::ear::Ear;
use node::{Description, Shutdown};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use wire::{Nanos, NodeId, OperatorName, Outbound, Position, Seq, Why};

/// How long engines, loggers and supervisors are listened to before the command is shown: each speaks several times meanwhile.
const LISTEN: Nanos = Nanos(1_500 * Nanos::MILLI.0);
/// How often the word is said until it has its effect.
const REPEAT: Nanos = Nanos::from_millis(100);

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct QuarantineArgs {
    /// The frame that no engine is to execute, by its number.
    seq: u64,
    /// The file that describes the cluster.
    #[arg(long, value_name = "FILE", default_value = "cluster.toml")]
    config: PathBuf,
    /// Who says so: 16 characters of ASCII at most. It stands in the log.
    #[arg(long, value_name = "NAME", value_parser = |text: &str| OperatorName::new(text.as_bytes()))]
    by: OperatorName,
    /// Why: 32 characters of ASCII at most. It stands in the log.
    #[arg(long, value_name = "TEXT", value_parser = |text: &str| Why::new(text.as_bytes()))]
    why: Why,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// This host's address on the cluster's network, if the description names none.
    #[arg(long, value_name = "ADDRESS")]
    interface: Option<Ipv4Addr>,
    /// Seconds to wait for an engine that stops before it, and for the supervisors' decision.
    #[arg(long, default_value_t = 10)]
    patience: u64,
}

/// What is heard of the cluster.
struct Ward {
    ear: Ear,
    /// The engines that stop.
    stopped: BTreeMap<NodeId, Stopped>,
    /// What the supervisors say is quarantined; `None` before one was heard.
    list: Option<Vec<Quarantine>>,
    refused: Option<(Position, Obstacle)>,
}

impl Ward {
    fn open(description: Description, interface: Option<Ipv4Addr>) -> anyhow::Result<Self> {
        let ear = Ear::open(description, interface)?;
        Ok(Self { ear, stopped: BTreeMap::new(), list: None, refused: None })
    }

    fn listen(&mut self) -> anyhow::Result<()> {
        let Self { ear, stopped, list, refused } = self;
        ear.listen(&mut |from, message| match message {
            Message::Stopped(said) => {
                stopped.insert(from, said);
            }
            Message::Quarantined(said) => *list = Some(said),
            Message::NotQuarantined { position, why } => *refused = Some((position, why)),
            _ => {}
        })
    }

    fn of(&self, seq: Seq) -> Option<(NodeId, &Stopped)> {
        self.stopped.iter().find(|(_, said)| said.at.seq == seq).map(|(node, said)| (*node, said))
    }

    fn decided(&self, seq: Seq) -> Option<&Quarantine> {
        self.list.iter().flatten().find(|word| word.position.seq == seq)
    }

    /// A logger that keeps an event which the stopped engine has not computed: another engine has executed the command, or a later one.
    fn told_already(&self, engine: NodeId) -> Option<(NodeId, Outbound)> {
        let Some(Detail::Engine { outbound: before, .. }) =
            self.ear.board.status(engine).map(|said| &said.detail)
        else {
            return None;
        };
        let mut loggers = self.ear.description.nodes_of(Role::Logger).map(|node| node.id);
        loggers.find_map(|logger| match self.ear.board.status(logger).map(|said| &said.detail) {
            Some(Detail::Logger { events, .. }) if events > before => Some((logger, *events)),
            _ => None,
        })
    }
}

/// Shows the command, asks, and has it left out.
pub(crate) fn quarantine(args: &QuarantineArgs) -> anyhow::Result<()> {
    let description = Description::load(&args.config)?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let mut out = lockstep::out::stdout();
    let mut ward = Ward::open(description, args.interface)?;
    let seq = Seq(args.seq);
    let began = ward.ear.now();
    let until = began.saturating_add(Nanos(args.patience.saturating_mul(Nanos::SECOND.0)));
    loop {
        ward.listen()?;
        ensure!(!shutdown.requested(), "stopped; nothing was changed");
        let now = ward.ear.now();
        if let Some(Quarantine { position, by, why }) = ward.decided(seq) {
            writeln!(out, "The command at {position} is quarantined already, by {by} ({why}).")?;
            return Ok(());
        }
        if ward.of(seq).is_some() && now.since(began) >= LISTEN {
            break;
        }
        if now >= until {
            return Err(nobody_stops(&ward, args));
        }
    }
    let Some((engine, stopped)) = ward.of(seq) else { return Err(nobody_stops(&ward, args)) };
    let at = stopped.at;
    writeln!(out, "{}\n", logger::frame_in_words(&stopped.frame))?;
    writeln!(out, "{} stops before it: {}", ward.ear.name(engine), stopped.words)?;
    if let Some((logger, events)) = ward.told_already(engine) {
        bail!(
            "{} keeps event {events}, which {} has not come to: an engine has executed this command or a later one, and clients may \
             know what came of it. It is not left out. Find out why {} cannot execute it: another build, another machine?",
            ward.ear.name(logger),
            ward.ear.name(engine),
            ward.ear.name(engine)
        );
    }
    writeln!(
        out,
        "\nIf it is quarantined, no engine ever executes it: whoever sent it is told that it was rejected, and everything behind it goes on as \
         if it had not been there. That cannot be taken back. A client that sends the same again stops the engines again: have \
         its participant stopped first, if it may.\n"
    )?;
    if !args.yes && !agreed(seq, &mut out)? {
        writeln!(out, "Nothing was changed.")?;
        return Ok(());
    }
    ward.refused = None;
    say(&mut ward, Quarantine { position: at, by: args.by, why: args.why }, args, &shutdown)?;
    writeln!(out, "Quarantined: {at}. The engines that stop before it go on.")?;
    Ok(())
}

fn agreed(seq: Seq, out: &mut impl Write) -> anyhow::Result<bool> {
    write!(out, "Leave out frame {seq}? Type its number to say yes: ")?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
    Ok(line.trim() == seq.to_string())
}

fn nobody_stops(ward: &Ward, args: &QuarantineArgs) -> anyhow::Error {
    let other = ward.stopped.iter().next();
    let what = match other {
        Some((node, said)) => {
            format!("{} stops before frame {}, not before {}", ward.ear.name(*node), said.at.seq, args.seq)
        }
        None => format!(
            "listened for {} s, and no engine says that it stops before frame {}",
            args.patience, args.seq
        ),
    };
    anyhow::anyhow!("{what}; nothing was changed")
}

/// Says it until the supervisors have decided.
fn say(ward: &mut Ward, word: Quarantine, args: &QuarantineArgs, shutdown: &Shutdown) -> anyhow::Result<()> {
    let began = ward.ear.now();
    let until = began.saturating_add(Nanos(args.patience.saturating_mul(Nanos::SECOND.0)));
    let mut say_at = began;
    loop {
        let now = ward.ear.now();
        if ward.list.iter().flatten().any(|known| known.position == word.position) {
            return Ok(());
        }
        if let Some((_, why)) = ward.refused.filter(|(position, _)| *position == word.position) {
            bail!("the supervisors refuse: {why}; nothing was changed");
        }
        if now >= say_at {
            say_at = now.saturating_add(REPEAT);
            ward.ear.say(Message::Quarantine(word));
        }
        ensure!(!shutdown.requested(), "stopped before it was decided");
        ensure!(
            now < until,
            "the supervisors have not decided within {} s: is a majority of them running? See their logs",
            args.patience
        );
        ward.listen()?;
    }
}
