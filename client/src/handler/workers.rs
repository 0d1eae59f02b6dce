//! Which record may be handled next: so many at once, and of those that belong together one after the other.
//!
//! Pure: records come in with the [`Lane`] that they belong to and come out when they may start; the caller says when each is
//! done. Records of a lane start in the order they came in, each after the one before it is done.

use std::collections::{HashMap, VecDeque};

/// Which records keep their order among each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Lane {
    /// The assignment of a partition to this member.
    pub(super) assignment: u64,
    /// What is alike in all records of the lane; a record without it is alone.
    pub(super) key: Option<u64>,
}

/// Records that wait, and how many are being handled.
#[derive(Debug)]
pub(super) struct Workers<T> {
    limit: usize,
    running: usize,
    /// May start.
    ready: VecDeque<(Lane, T)>,
    /// Lanes of which a record is ready or being handled, with those that wait for it.
    busy: HashMap<Lane, VecDeque<T>>,
}

impl<T> Workers<T> {
    /// So many at once.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, running: 0, ready: VecDeque::new(), busy: HashMap::new() }
    }

    /// A record to handle.
    pub(super) fn push(&mut self, lane: Lane, record: T) {
        if lane.key.is_some() {
            if let Some(queue) = self.busy.get_mut(&lane) {
                return queue.push_back(record);
            }
            self.busy.insert(lane, VecDeque::new());
        }
        self.ready.push_back((lane, record));
    }

    /// How many workers have nothing to do.
    pub(super) fn idle(&self) -> usize {
        self.limit.saturating_sub(self.running + self.ready.len())
    }

    /// The next record that may be handled, if a worker is idle.
    pub(super) fn start(&mut self) -> Option<(Lane, T)> {
        if self.running >= self.limit {
            return None;
        }
        let next = self.ready.pop_front()?;
        self.running += 1;
        Some(next)
    }

    /// A record that was started is done, or given up: the next of its lane may start.
    pub(super) fn done(&mut self, lane: Lane) {
        self.running = self.running.saturating_sub(1);
        let Some(queue) = self.busy.get_mut(&lane) else { return };
        match queue.pop_front() {
            Some(next) => self.ready.push_back((lane, next)),
            None => drop(self.busy.remove(&lane)),
        }
    }

    /// Records of this assignment that have not been started are not to be.
    pub(super) fn forget(&mut self, assignment: u64) {
        self.ready.retain(|(lane, _)| lane.assignment != assignment);
        self.busy.retain(|lane, _| lane.assignment != assignment);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lane(key: u64) -> Lane {
        Lane { assignment: 0, key: Some(key) }
    }

    #[test]
    fn a_lane_is_handled_one_by_one_and_others_beside_it() {
        let mut workers = Workers::new(2);
        for (key, record) in [(1, "a1"), (1, "a2"), (2, "b1")] {
            workers.push(lane(key), record);
        }
        assert_eq!(workers.start(), Some((lane(1), "a1")));
        assert_eq!(workers.start(), Some((lane(2), "b1")));
        assert_eq!((workers.start(), workers.idle()), (None, 0));
        workers.done(lane(2));
        assert_eq!((workers.start(), workers.idle()), (None, 1));
        workers.done(lane(1));
        assert_eq!(workers.start(), Some((lane(1), "a2")));
    }

    #[test]
    fn records_without_a_key_wait_for_nothing_but_a_worker() {
        let alone = Lane { assignment: 0, key: None };
        let mut workers = Workers::new(2);
        for record in [1, 2, 3] {
            workers.push(alone, record);
        }
        assert_eq!((workers.start(), workers.start(), workers.start()), (Some((alone, 1)), Some((alone, 2)), None));
        workers.done(alone);
        assert_eq!(workers.start(), Some((alone, 3)));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push { assignment: u64, key: Option<u64> },
        Start,
        Done(prop::sample::Index),
        Forget(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..2_u64, prop::option::weighted(0.8, 0..3_u64)).prop_map(|(assignment, key)| Step::Push { assignment, key }),
            4 => Just(Step::Start),
            3 => any::<prop::sample::Index>().prop_map(Step::Done),
            1 => (0..2_u64).prop_map(Step::Forget),
        ];
        prop::collection::vec(step, 0..120)
    }

    proptest! {
        /// The model: every record in the order of arrival, with what became of it. The next one to start is one whose lane has
        /// none running and none before it.
        #[test]
        fn order_and_bound_are_kept(steps in steps()) {
            let mut workers = Workers::new(3);
            let mut waiting: Vec<(Lane, u32)> = Vec::new();
            let mut running: Vec<(Lane, u32)> = Vec::new();
            // A partition that comes back has a new number: its records may start beside those of before.
            let mut current = [0, 1];
            let mut assignments = 2;
            let mut next = 0;
            for step in steps {
                match step {
                    Step::Push { assignment, key } => {
                        let lane = Lane { assignment: current[assignment as usize], key };
                        workers.push(lane, next);
                        waiting.push((lane, next));
                        next += 1;
                    }
                    Step::Start => {
                        let may_start = |at: &usize| {
                            let (lane, _) = waiting[*at];
                            lane.key.is_none()
                                || !running.iter().chain(&waiting[..*at]).any(|(other, _)| *other == lane)
                        };
                        let allowed: Vec<usize> = (0..waiting.len()).filter(may_start).collect();
                        match workers.start() {
                            None => prop_assert!(running.len() == 3 || allowed.is_empty()),
                            Some(started) => {
                                prop_assert!(running.len() < 3);
                                let at = allowed.iter().position(|at| waiting[*at] == started);
                                prop_assert!(at.is_some(), "{started:?} may not start");
                                waiting.retain(|record| *record != started);
                                running.push(started);
                            }
                        }
                    }
                    Step::Done(index) if !running.is_empty() => {
                        let (lane, _) = running.remove(index.index(running.len()));
                        workers.done(lane);
                    }
                    Step::Done(_) => {}
                    Step::Forget(assignment) => {
                        let ended = std::mem::replace(&mut current[assignment as usize], assignments);
                        assignments += 1;
                        workers.forget(ended);
                        waiting.retain(|(lane, _)| lane.assignment != ended);
                    }
                }
                let queued = workers.ready.len() + workers.busy.values().map(VecDeque::len).sum::<usize>();
                prop_assert_eq!((workers.running, queued), (running.len(), waiting.len()));
            }
        }
    }
}
