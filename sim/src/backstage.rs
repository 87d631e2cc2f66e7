//! What works behind the processes: the disks' threads, and the supervisors' log.

use crate::disk::{Content, Platter};
use crate::story;
use crate::world::{Due, PAUSE, World};
use cluster::{Record, Role};
use std::cell::RefCell;
use std::rc::Rc;
use wire::Nanos;

impl World {
    pub(crate) fn platter(&self, at: usize, log: usize) -> Option<Rc<RefCell<Platter>>> {
        let disk = self.disks[at].as_ref()?;
        Some(Rc::clone(if log == Content::Frames as usize { &disk.frames } else { &disk.events }))
    }

    /// The disk's thread of a logger looks whether there is something to sync.
    pub(crate) fn sync(&mut self, at: usize, life: u64) {
        if self.places[at].life != life || self.places[at].process.is_none() {
            return;
        }
        let pace = self.plan.disks;
        for log in 0..2 {
            let Some(syncing) = self.platter(at, log).and_then(|platter| platter.borrow().begin_sync())
            else {
                continue;
            };
            if self.places[at].syncing[log].is_none() {
                self.places[at].syncing[log] = Some(syncing);
                let takes = (pace.sync.0 + self.random.tailed(pace.jitter).0) * self.places[at].disk_slowness;
                self.schedule(self.now.saturating_add(Nanos(takes)), Due::Synced(at, life, log));
            }
        }
        self.schedule(self.now.saturating_add(pace.every), Due::Sync(at, life));
    }

    pub(crate) fn synced(&mut self, at: usize, life: u64, log: usize) {
        if self.places[at].life != life || self.places[at].process.is_none() {
            return;
        }
        let (Some(syncing), Some(platter)) = (self.places[at].syncing[log].take(), self.platter(at, log))
        else {
            return;
        };
        if platter.borrow_mut().end_sync(syncing) {
            self.wake(at, 0, PAUSE);
            return;
        }
        story::at(self.now, &self.places[at].name);
        story::tell(format_args!("a sync failed: the process ends"));
        story::count("sync failed");
        self.crash(at);
        let back = self.random.time(Nanos::from_millis(5), Nanos::from_millis(100));
        self.schedule(self.now.saturating_add(back), Due::Start(at, life));
    }

    // -- supervisors -----------------------------------------------------------------------------------------------

    /// Lets the supervisors' log go on, and wakes whoever hears of it.
    pub(crate) fn convene(&mut self) {
        let (wakes, next, elections) = {
            let mut council = self.council.borrow_mut();
            council.advance(self.now);
            (council.take_wakes(), council.next_deadline(), council.elections())
        };
        for (when, member) in wakes {
            if let Some(at) = self.nth(Role::Supervisor, member) {
                self.wake(at, 0, when.since(self.now).saturating_add(Nanos(1)));
            }
        }
        if let Some(next) = next {
            self.convene_at(next.max(Nanos(self.now.0 + 1)));
        }
        if elections > self.elections {
            self.elections = elections;
            if elections > 1 {
                story::count("supervisors' leader changed");
            }
        }
        let fresh: Vec<Record> = self.council.borrow().records().skip(self.folded).cloned().collect();
        self.folded += fresh.len();
        for record in fresh {
            let effective = self.control.apply(&record);
            story::at(self.now, "council");
            story::tell(format_args!("{record:?}{}", if effective { "" } else { " (too late)" }));
            if effective {
                story::decided(&record);
            }
        }
    }

    pub(crate) fn convene_at(&mut self, when: Nanos) {
        if when < self.council_next {
            self.council_next = when;
            self.schedule(when, Due::Council);
        }
    }

    /// Which supervisors are up and reach a majority, both ways.
    pub(crate) fn reach(&mut self) {
        let members: Vec<_> =
            (0..self.places.len()).filter(|at| self.places[*at].role == Role::Supervisor).collect();
        let up: Vec<_> = members
            .iter()
            .map(|at| self.places[*at].process.is_some() && self.places[*at].frozen_until <= self.now)
            .collect();
        let reachable = {
            let network = self.network.borrow();
            let linked = |one: usize, other: usize| {
                up[other]
                    && !network.is_cut(members[one], members[other])
                    && !network.is_cut(members[other], members[one])
            };
            let count = |one: usize| (0..members.len()).filter(|other| linked(one, *other)).count();
            (0..members.len()).map(|one| up[one] && count(one) > members.len() / 2).collect()
        };
        let before = self.council.borrow().has_majority();
        self.council.borrow_mut().now = self.now;
        self.council.borrow_mut().set_reachable(reachable);
        if before && !self.council.borrow().has_majority() && self.now > Nanos::from_millis(30) {
            story::count("supervisors without a majority");
        }
        self.convene_at(Nanos(self.now.0 + 1));
    }

    /// The place of the nth node of a role.
    pub(crate) fn nth(&self, role: Role, nth: usize) -> Option<usize> {
        (0..self.places.len()).filter(|at| self.places[*at].role == role).nth(nth)
    }
}
