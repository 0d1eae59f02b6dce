//! The partitions that a reader follows, in the order in which they are served.
//!
//! Every partition is either *due*, so that the next look at the list looks at it, or *watched*: nothing can be told about it
//! before its high watermark moves or its log closes.

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;
use uuid::Uuid;

use crate::partition::{HighWatermark, News, Watch};
use crate::storage::types::Offset;

/// Lists up to this length are searched from the front; longer ones have an index.
const SHORT: usize = 8;

/// Which partition, as the reader names it: by its topic's name, or by its topic's id and with an empty name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The topic's name; empty when the topic is named by id.
    pub topic: ByteString,
    /// The topic's id; nil when the topic is named by name.
    pub topic_id: Uuid,
    /// The partition's number.
    pub partition: i32,
}

/// What the reader wants of a partition. Nothing of it is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The offset to read from.
    pub offset: i64,
    /// The leader epoch that the reader knows; −1 for none.
    pub current_leader_epoch: i32,
    /// The epoch of the last record before the offset; −1 for none.
    pub last_fetched_epoch: i32,
    /// How much to read at most.
    pub max_bytes: i32,
}

/// What the reader was told of a partition last; −1 where it was told nothing, or of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The high watermark.
    pub high_watermark: i64,
    /// The log start offset.
    pub log_start: i64,
}

impl Told {
    /// Nothing.
    pub const NOTHING: Self = Self { high_watermark: -1, log_start: -1 };
}

/// One partition of a list.
#[derive(Debug)]
pub struct Followed {
    /// Which.
    pub place: Place,
    /// What is wanted of it.
    pub asked: Asked,
    /// What was told of it.
    pub told: Told,
    /// Of a topic named by id: the name it had when the id was found first. A topic that is deleted and made again
    /// has this name and another id.
    pub known_as: Option<Arc<str>>,
    turn: u64,
    watch: Option<(Offset, Watch)>,
}

/// A partition to look at. Sorted by turn, which is the order of the list; turns are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When it is served, compared with the others.
    pub turn: u64,
    /// Its number for [`Following::get_mut`].
    pub slot: usize,
}

/// The list.
#[derive(Debug, Default)]
pub struct Following {
    slots: Vec<Option<Followed>>,
    free: Vec<usize>,
    /// Empty while the list is short.
    index: HashMap<Place, usize>,
    next_turn: u64,
    due: Vec<Due>,
    news: Arc<News>,
    /// The name that was kept last.
    name: ByteString,
    /// `LogStarts::moves` when the log start offsets were compared last.
    log_starts_seen: u64,
}

impl Following {
    /// An empty list that expects so many partitions.
    pub fn with_capacity(partitions: usize) -> Self {
        Self { slots: Vec::with_capacity(partitions), due: Vec::with_capacity(partitions), ..Self::default() }
    }

    /// How many partitions there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// For how many partitions there is room in memory; never less than [`Following::len`].
    pub fn room(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a partition at the end, or changes what is asked of it. Either way it is due.
    pub fn follow(&mut self, place: Place, asked: Asked) {
        if let Some(slot) = self.find(&place) {
            let Some(followed) = self.get_mut(slot) else { return };
            followed.asked = asked;
            self.look_again(slot);
            return;
        }
        let turn = self.take_turn();
        let followed = Followed { place, asked, told: Told::NOTHING, known_as: None, turn, watch: None };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        if !self.index.is_empty() {
            self.index.insert(followed.place.clone(), slot);
        }
        self.slots[slot] = Some(followed);
        if self.index.is_empty() && self.len() > SHORT {
            self.index =
                self.slots.iter().enumerate().filter_map(|(n, f)| Some((f.as_ref()?.place.clone(), n))).collect();
        }
        self.due.push(Due { turn, slot });
    }

    /// Takes a partition from the list.
    pub fn forget(&mut self, place: &Place) {
        let Some(slot) = self.find(place) else { return };
        self.index.remove(place);
        self.slots[slot] = None;
        self.free.push(slot);
        if self.is_empty() {
            self.slots.clear();
            self.free.clear();
        }
    }

    /// A copy of a topic's name, for a list that outlives the request that it came with: a name in a request keeps the whole
    /// frame in memory. Partitions of one topic share it.
    pub fn keep_name(&mut self, name: &ByteString) -> ByteString {
        if self.name != *name {
            self.name = ByteString::from(&**name);
        }
        self.name.clone()
    }

    /// Lets go of the request that the list was made of.
    pub fn keep_names(&mut self) {
        for slot in 0..self.slots.len() {
            let Some(name) = self.get_mut(slot).map(|followed| followed.place.topic.clone()) else { continue };
            let name = self.keep_name(&name);
            if let Some(followed) = self.get_mut(slot) {
                followed.place.topic = name;
            }
        }
        if !self.index.is_empty() {
            self.index =
                self.slots.iter().enumerate().filter_map(|(n, f)| Some((f.as_ref()?.place.clone(), n))).collect();
        }
    }

    /// The partition with this number, if it is still in the list.
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Followed> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Where messages for whoever waits are left.
    pub fn news(&self) -> &Arc<News> {
        &self.news
    }

    /// Everything that is due now, in the order of the list.
    pub fn due(&mut self) -> Vec<Due> {
        self.due_since();
        self.due.sort_unstable();
        self.due.dedup();
        // Forgotten partitions and old turns.
        let slots = &self.slots;
        self.due.retain(|due| turn_of(slots, due.slot) == Some(due.turn));
        self.due.clone()
    }

    /// What became due since [`Following::due`] or this was called, in no order.
    pub fn due_since(&mut self) -> Vec<Due> {
        let mut new = Vec::new();
        for slot in self.news.take() {
            let Some(followed) = self.get_mut(slot) else { continue };
            followed.watch = None;
            new.push(Due { turn: followed.turn, slot });
        }
        self.due.extend_from_slice(&new);
        new
    }

    /// Makes a partition due.
    pub fn look_again(&mut self, slot: usize) {
        if let Some(turn) = turn_of(&self.slots, slot) {
            self.due.push(Due { turn, slot });
        }
    }

    /// Notes that log starts are looked at from now on. `moves` is `LogStarts::moves`.
    pub fn saw_log_starts(&mut self, moves: u64) {
        self.log_starts_seen = moves;
    }

    /// Makes all partitions due whose log start is not what was told, unless no log start has moved since the last time.
    pub fn compare_log_starts(&mut self, moves: u64, log_start: impl Fn(&Followed) -> Option<Offset>) {
        if std::mem::replace(&mut self.log_starts_seen, moves) == moves {
            return;
        }
        for (slot, followed) in self.slots.iter().enumerate() {
            let Some(followed) = followed else { continue };
            if log_start(followed).is_none_or(|log_start| log_start.0 != followed.told.log_start) {
                self.due.push(Due { turn: followed.turn, slot });
            }
        }
    }

    /// All that was due has been looked at: what comes now is due next time.
    pub fn looked_at_all(&mut self) {
        self.due.clear();
    }

    /// Puts a partition at the end of the list, whether it is due or not.
    pub fn move_to_end(&mut self, slot: usize) {
        let turn = self.take_turn();
        if let Some(followed) = self.get_mut(slot) {
            followed.turn = turn;
        }
    }

    /// Watches a partition whose high watermark was seen below `target`: it is due when that is reached.
    pub fn watch(&mut self, slot: usize, high_watermark: &Arc<HighWatermark>, target: Offset) {
        let news = Arc::clone(&self.news);
        let Some(followed) = self.get_mut(slot) else { return };
        if followed.watch.as_ref().is_none_or(|(watched, _)| *watched != target) {
            followed.watch = Some((target, news.watch(high_watermark, target, slot)));
        }
    }

    fn find(&self, place: &Place) -> Option<usize> {
        if self.index.is_empty() {
            return self.slots.iter().position(|slot| slot.as_ref().is_some_and(|followed| followed.place == *place));
        }
        self.index.get(place).copied()
    }

    fn take_turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }
}

fn turn_of(slots: &[Option<Followed>], slot: usize) -> Option<u64> {
    slots.get(slot)?.as_ref().map(|followed| followed.turn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::Follows;

    fn place(topic: &'static str, partition: i32) -> Place {
        Place { topic: ByteString::from_static(topic), topic_id: Uuid::nil(), partition }
    }

    fn asked(offset: i64) -> Asked {
        Asked { offset, ..Asked::default() }
    }

    fn list(partitions: i32) -> Following {
        let mut following = Following::with_capacity(partitions as usize);
        for partition in 0..partitions {
            following.follow(place("t", partition), asked(0));
        }
        following
    }

    /// The partitions that are due, in the order of the list.
    fn due(following: &mut Following) -> Vec<i32> {
        let due = following.due();
        due.iter().map(|due| following.get_mut(due.slot).unwrap().place.partition).collect()
    }

    fn slot(following: &Following, partition: i32) -> usize {
        following.find(&place("t", partition)).unwrap()
    }

    fn at(value: i64) -> Arc<HighWatermark> {
        Arc::new(HighWatermark::new(Offset(value), Follows::DurableEnd))
    }

    /// Short lists are searched, long ones have an index.
    const SIZES: [i32; 2] = [4, 100];

    #[test]
    fn a_partition_named_twice_is_one_with_the_last_wish() {
        for size in SIZES {
            let mut following = list(size);
            following.follow(place("t", 2), asked(7));
            assert_eq!(following.len(), size as usize);
            assert_eq!(due(&mut following), (0..size).collect::<Vec<_>>());
            let slot = slot(&following, 2);
            assert_eq!(following.get_mut(slot).unwrap().asked.offset, 7);
        }
    }

    #[test]
    fn what_is_forgotten_is_gone_and_comes_back_at_the_end() {
        for size in SIZES {
            let mut following = list(size);
            following.forget(&place("t", 1));
            following.forget(&place("t", size));
            following.forget(&place("u", 0));
            assert_eq!(following.len(), size as usize - 1);
            assert!(!due(&mut following).contains(&1));
            following.looked_at_all();
            following.follow(place("t", 1), asked(0));
            following.look_again(slot(&following, 3));
            assert_eq!((due(&mut following), following.room()), (vec![3, 1], size as usize));
        }
    }

    #[test]
    fn an_emptied_list_starts_again() {
        for size in SIZES {
            let mut following = list(size);
            (0..size).for_each(|partition| following.forget(&place("t", partition)));
            assert!(following.is_empty() && following.room() == 0 && due(&mut following).is_empty());
            following.follow(place("t", 5), asked(0));
            assert_eq!(due(&mut following), [5]);
        }
    }

    #[test]
    fn what_was_served_comes_last() {
        let mut following = list(4);
        following.looked_at_all();
        let first = slot(&following, 0);
        following.move_to_end(first);
        (0..4).for_each(|partition| following.look_again(slot(&following, partition)));
        assert_eq!(due(&mut following), [1, 2, 3, 0]);
    }

    #[test]
    fn a_watched_partition_is_due_when_it_moves_and_once() {
        let (mut following, high_watermark) = (list(4), at(5));
        following.looked_at_all();
        following.watch(slot(&following, 2), &high_watermark, Offset(6));
        following.watch(slot(&following, 2), &high_watermark, Offset(6));
        assert!(due(&mut following).is_empty());
        assert_eq!(high_watermark.waiting(), 1);
        high_watermark.advance(Offset(6));
        assert_eq!(due(&mut following), [2]);
        following.looked_at_all();
        assert!(due(&mut following).is_empty());
    }

    #[test]
    fn what_is_due_stays_so_until_all_was_looked_at() {
        let (mut following, high_watermark) = (list(4), at(5));
        following.looked_at_all();
        following.watch(slot(&following, 2), &high_watermark, Offset(6));
        high_watermark.advance(Offset(6));
        assert_eq!(following.due_since().len(), 1);
        assert_eq!(due(&mut following), [2], "a request that went away has answered nothing");
    }

    /// The old log is closed with the topic; the new one begins where the old one was.
    #[test]
    fn a_partition_that_was_made_again_is_watched_again() {
        let (mut following, old, new) = (list(1), at(5), at(5));
        following.looked_at_all();
        following.watch(slot(&following, 0), &old, Offset(6));
        old.close(crate::partition::Closed::Deleted);
        assert_eq!(due(&mut following), [0]);
        following.looked_at_all();
        following.watch(slot(&following, 0), &new, Offset(6));
        assert_eq!(new.waiting(), 1);
    }

    #[test]
    fn log_starts_are_compared_only_after_one_has_moved() {
        let mut following = list(3);
        following.looked_at_all();
        following.saw_log_starts(1);
        following.compare_log_starts(1, |_| unreachable!("none has moved"));
        following.compare_log_starts(2, |followed| (followed.place.partition == 1).then_some(Offset(-1)));
        assert_eq!(due(&mut following), [0, 2]);
    }

    #[test]
    fn a_kept_list_holds_no_request_in_memory() {
        for size in SIZES {
            let frame = bytes::Bytes::from(vec![b't'; 1]);
            let topic = ByteString::try_from(frame.clone()).unwrap();
            let mut following = Following::default();
            for partition in 0..size {
                following.follow(Place { topic: topic.clone(), topic_id: Uuid::nil(), partition }, asked(0));
            }
            drop(topic);
            following.keep_names();
            assert!(frame.is_unique());
            following.follow(place("t", 0), asked(1));
            assert_eq!(following.len(), size as usize);
        }
    }
}
