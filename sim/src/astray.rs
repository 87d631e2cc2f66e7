//! Engines that go astray: the fault, in builds where it can be; and that nobody differs from anybody without it.

use crate::oracle::{Verdict, broken};
use crate::process::Process;
use crate::story;
use crate::transport::Simulated;
use crate::world::World;
use cluster::{Control, Role};
use engine::EngineNode;

/// Whether an engine reads orders otherwise than they were given.
#[cfg(lockstep_planted)]
pub(crate) fn is_astray(node: &EngineNode<Simulated>) -> bool {
    node.matcher.replica().machine().astray() != engine::astray::Astray::Not
}

/// Whether an engine reads orders otherwise than they were given: it cannot, in this build.
#[cfg(not(lockstep_planted))]
pub(crate) fn is_astray(_: &EngineNode<Simulated>) -> bool {
    false
}

#[cfg(lockstep_planted)]
fn lead(node: &mut EngineNode<Simulated>) {
    node.matcher.lead_astray(engine::astray::Astray::Everywhere);
}

#[cfg(not(lockstep_planted))]
fn lead(_: &mut EngineNode<Simulated>) {}

/// Where no engine went astray, none differs from another one.
pub(crate) fn judge(who: &str, node: &EngineNode<Simulated>, control: &Control, led: u32) -> Verdict {
    let number = control.disputes().number;
    if led == 0 && (number > 0 || node.receiver.comparison().is_disputed()) {
        return Err(broken(
            "false dispute",
            format_args!("{who} differs from another engine (dispute {number}), and none went astray"),
        ));
    }
    Ok(())
}

impl World {
    /// The engine that is hot goes astray, or one that stands by: if it has come to where the cluster is.
    pub(crate) fn lead_astray(&mut self, hot: bool) {
        let named = self.control.hot().and_then(|hot| self.place_of(hot.engine));
        let chosen = (0..self.places.len()).find(|at| {
            let ready = matches!(&self.places[*at].process, Some(Process::Engine(node)) if node.receiver.standing().is_ready());
            self.places[*at].role == Role::Engine && ready && (named == Some(*at)) == hot
        });
        let Some(at) = chosen else { return };
        let place = &mut self.places[at];
        let Some(Process::Engine(node)) = &mut place.process else { return };
        lead(node);
        if is_astray(node) && place.astray.is_none() {
            place.astray = Some(node.matcher.replica().outbound());
            self.led_astray += 1;
            story::count("engine led astray");
            story::tell(format_args!("{} goes astray", place.name));
        }
    }
}
