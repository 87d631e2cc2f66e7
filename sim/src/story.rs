//! What happens in a run: what the nodes and the world say of it, counted, and told line by line to whoever asks.

use cluster::{Reason, Record};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};
use wire::Nanos;

/// How often what happened, by name.
pub type Counts = BTreeMap<&'static str, u64>;

/// What has to happen somewhere in a long campaign, or the campaign shows less than it seems to: the name under which it is
/// counted, and how the node that it happens to says it (empty: the world counts it itself).
pub const INTERESTING: &[(&str, &str)] = &[
    ("epoch granted", ""),
    ("epoch change that voided a tail", ""),
    ("epoch change that adopted a tail", ""),
    ("log cut", "log cut"),
    ("logger went back to find where its log left the history", "looking further back"),
    ("logger's life lost", "this logger's life is over"),
    ("learner promoted", ""),
    ("sequencer started again within its epoch", ""),
    ("sequencer held for silent", ""),
    ("sequencer held for stuck", ""),
    ("epoch for other loggers", ""),
    ("cold start", ""),
    ("operator accepted a loss", ""),
    ("sequencer deposed while it led", "another epoch was granted: stamping ends here"),
    ("candidate overtaken", "another epoch was granted before this one began"),
    ("engine rebuilt", "astray: the new epoch's history"),
    ("engine term changed", ""),
    ("successor took over", "the hot engine has fallen silent: taking over"),
    ("heartbeats hushed", ""),
    ("engine demoted", "demoted: another engine speaks"),
    ("gateway life changed", ""),
    ("supervisors without a majority", ""),
    ("supervisors' leader changed", ""),
    ("process crashed", ""),
    ("process frozen", ""),
    ("network split", ""),
    ("one way cut", ""),
    ("leader stranded", ""),
    ("leader shadowed", ""),
    ("sequencers severed from loggers", ""),
    ("loss burst", ""),
    ("power cut of a logger", ""),
    ("power cut of everything", ""),
    ("sync failed", ""),
    ("disk slow", ""),
    ("disk full", ""),
    ("clock jumped", ""),
    ("logger wiped", ""),
    ("snapshot written", "snapshot written"),
    ("snapshot damaged", ""),
    ("engine begun with a snapshot", ""),
    ("sequencer begun with a snapshot", ""),
    ("gateway begun with a snapshot", ""),
    ("log archived", ""),
    ("detour", ""),
    ("logger looked in archives", "looking for it in the other loggers' logs"),
    ("follower looked in archives", "looking for it in the loggers' logs"),
    ("damaged snapshot passed over", ""),
    ("rebuilt from a snapshot", ""),
];

/// The same, of what only happens where a plan asks for it.
pub const ASKED_FOR: &[(&str, &str)] = &[
    ("engine panicked", ""),
    ("operator quarantined", ""),
    ("command left out", "left out: this command is quarantined"),
    ("quarantine in the stream", "the stream says that this command is quarantined"),
    ("engine stopped before it", "stopped before frame"),
    ("engine led astray", ""),
    ("engines differ", "two engines differ: they have executed"),
    ("dispute opened", ""),
    ("dispute settled", ""),
    ("engine found wrong", "found wrong: this engine"),
    ("engine wrong twice in one life", ""),
    ("inquiry begun with a snapshot", ""),
    ("log executed anew", "the log is executed anew: this is what it gives"),
    ("log not had for an inquiry", "the log cannot be had up to where two engines differ"),
    ("hot engine replaced since it was wrong", ""),
];

thread_local! {
    static STORY: RefCell<Story> = RefCell::new(Story::default());
    static NOW: Cell<Nanos> = const { Cell::new(Nanos(0)) };
    static WHO: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The story of the run that this thread makes.
#[derive(Debug, Default)]
struct Story {
    counts: Counts,
    told: bool,
    lines: u64,
}

/// Begins a story; `told`: every line is printed.
pub fn begin(told: bool) {
    STORY.with_borrow_mut(|story| *story = Story { told, ..Story::default() });
}

/// Says at what time and where what follows happens.
pub fn at(now: Nanos, who: &str) {
    NOW.set(now);
    WHO.with_borrow_mut(|name| {
        if name != who {
            name.clear();
            name.push_str(who);
        }
    });
}

/// Counts something of [`INTERESTING`] or [`ASKED_FOR`].
pub fn count(what: &'static str) {
    debug_assert!(
        INTERESTING.iter().chain(ASKED_FOR).any(|(name, _)| *name == what),
        "{what} is not in the list"
    );
    STORY.with_borrow_mut(|story| *story.counts.entry(what).or_default() += 1);
}

/// Counts what the supervisors have decided.
pub fn decided(record: &Record) {
    let reason = |why| match why {
        Reason::First => None,
        Reason::Silent => Some("sequencer held for silent"),
        Reason::StartedAgain => Some("sequencer started again within its epoch"),
        Reason::Stuck => Some("sequencer held for stuck"),
        Reason::Membership => Some("epoch for other loggers"),
        Reason::ColdStart => Some("cold start"),
        Reason::TookOver | Reason::Wrong => None,
    };
    match record {
        Record::Grant { why, .. } => {
            count("epoch granted");
            reason(*why).into_iter().for_each(count);
        }
        Record::Promote { .. } => count("learner promoted"),
        Record::Hot { hot, why, .. } if hot.term.0 > 1 => {
            count("engine term changed");
            if *why == Reason::Wrong {
                count("hot engine replaced since it was wrong");
            }
        }
        Record::Dispute { .. } => count("dispute opened"),
        Record::Settle { .. } => count("dispute settled"),
        _ => {}
    }
}

/// Tells something that the world does.
pub fn tell(what: fmt::Arguments<'_>) {
    STORY.with_borrow_mut(|story| story.line(format_args!("*** {what}")));
}

/// What was counted since [`begin`].
#[must_use]
pub fn counts() -> Counts {
    STORY.with_borrow(|story| story.counts.clone())
}

impl Story {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        self.lines += 1;
        if self.told {
            let now = NOW.get().0;
            WHO.with_borrow(|who| {
                crate::print(format_args!("{:>6}.{:06} {who:<14} {text}", now / 1_000_000, now % 1_000_000));
            });
        }
    }
}

/// Hears what the nodes say of themselves.
#[derive(Debug)]
pub struct Listener {
    /// The least important that is heard.
    pub level: Level,
}

/// A message and its fields as text.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        STORY.with_borrow_mut(|story| {
            for (name, says) in INTERESTING.iter().chain(ASKED_FOR) {
                if !says.is_empty() && text.message.contains(says) {
                    *story.counts.entry(name).or_default() += 1;
                }
            }
            story.line(format_args!("{:<5} {}{}", event.metadata().level(), text.message, text.fields));
        });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
