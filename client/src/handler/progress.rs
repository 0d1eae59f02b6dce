//! How far a partition is done: handlers finish in any order, and only what is done without a gap may be committed.

use std::collections::VecDeque;

/// Where to go on in a partition: the offset to commit, and the leader epoch of the record before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
}

/// The records of one partition, from when they were taken until they and all before them are done.
///
/// Offsets come in ascending order, with gaps where a log was compacted or holds markers.
#[derive(Debug, Default)]
pub(super) struct Progress {
    open: VecDeque<Taken>,
    reached: Option<Position>,
    committed: Option<Position>,
}

#[derive(Debug)]
struct Taken {
    offset: i64,
    leader_epoch: i32,
    done: bool,
}

impl Progress {
    /// A record was taken. Says no when it does not lie behind all that were taken before: the log was cut and begins anew.
    #[must_use]
    pub(super) fn take(&mut self, offset: i64, leader_epoch: i32) -> bool {
        let last = self.open.back().map(|taken| taken.offset).or(self.reached.map(|reached| reached.offset - 1));
        let follows = last.is_none_or(|last| last < offset);
        if follows {
            self.open.push_back(Taken { offset, leader_epoch, done: false });
        }
        follows
    }

    /// A record is done.
    pub(super) fn finish(&mut self, offset: i64) {
        if let Ok(at) = self.open.binary_search_by_key(&offset, |taken| taken.offset) {
            self.open[at].done = true;
        }
        while let Some(taken) = self.open.pop_front_if(|taken| taken.done) {
            self.reached = Some(Position { offset: taken.offset + 1, leader_epoch: taken.leader_epoch });
        }
    }

    /// Records that are not done, and those that are but lie behind one that is not.
    pub(super) fn outstanding(&self) -> usize {
        self.open.len()
    }

    /// What is done without a gap and not yet committed.
    pub(super) fn uncommitted(&self) -> Option<Position> {
        self.reached.filter(|_| self.reached != self.committed)
    }

    /// This was committed.
    pub(super) fn committed(&mut self, position: Position) {
        self.committed = Some(position);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(offset: i64) -> Position {
        Position { offset, leader_epoch: 0 }
    }

    #[test]
    fn what_lies_behind_a_gap_waits() {
        let mut progress = Progress::default();
        assert!([10, 11, 14].into_iter().all(|offset| progress.take(offset, 0)));
        progress.finish(11);
        assert_eq!((progress.uncommitted(), progress.outstanding()), (None, 3));
        progress.finish(10);
        assert_eq!((progress.uncommitted(), progress.outstanding()), (Some(at(12)), 1));
        progress.committed(at(12));
        assert_eq!(progress.uncommitted(), None);
        progress.finish(14);
        assert_eq!((progress.uncommitted(), progress.outstanding()), (Some(at(15)), 0));
    }

    #[test]
    fn an_offset_that_does_not_follow_is_refused() {
        let mut progress = Progress::default();
        assert!(progress.take(5, 0));
        assert!(!progress.take(5, 0) && !progress.take(4, 0));
        progress.finish(5);
        assert!(!progress.take(5, 0) && progress.take(6, 0));
    }

    proptest! {
        #[test]
        fn committed_is_the_longest_prefix_that_is_done(
            gaps in prop::collection::vec(1_i64..4, 1..40),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let offsets: Vec<i64> = gaps.iter().scan(0, |last, gap| { *last += gap; Some(*last) }).collect();
            let mut progress = Progress::default();
            prop_assert!(offsets.iter().all(|offset| progress.take(*offset, 0)));
            let mut done = BTreeSet::new();
            for index in order {
                let offset = *index.get(&offsets);
                done.insert(offset);
                progress.finish(offset);
                let prefix = offsets.iter().take_while(|offset| done.contains(offset)).last();
                prop_assert_eq!(progress.uncommitted(), prefix.map(|last| at(last + 1)));
                let outstanding = offsets.iter().skip_while(|offset| done.contains(offset)).count();
                prop_assert_eq!(progress.outstanding(), outstanding);
            }
        }
    }
}
