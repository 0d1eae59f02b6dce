//! Where in a segment its readers will go on: the batch after the one that each of them got last.
//!
//! An index has an entry every few KiB and names the batch before the one that is looked for. A reader that reads on needs no
//! index, and does not read that batch again to skip it.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::types::{Offset, Position};

/// How many readers a segment remembers; the oldest is forgotten first.
const READERS: usize = 32;

/// The places of one segment.
#[derive(Debug, Default)]
pub struct ReadMarks(Mutex<VecDeque<(Offset, Position)>>);

impl ReadMarks {
    /// Where the batch begins that a reader who came up to `offset` needs next, when that is known.
    pub fn find(&self, offset: Offset) -> Option<Position> {
        self.0.lock().iter().find(|(marked, _)| *marked == offset).map(|(_, position)| *position)
    }

    /// Remembers that the batch after offset `next - 1` begins at `position`.
    pub fn set(&self, next: Offset, position: Position) {
        let mut marks = self.0.lock();
        if marks.iter().any(|(marked, _)| *marked == next) {
            return;
        }
        if marks.len() == READERS {
            marks.pop_front();
        }
        marks.push_back((next, position));
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_reader_is_forgotten_first() {
        let marks = ReadMarks::default();
        for n in 0..=READERS as i64 {
            marks.set(Offset(n), Position(n as u32 * 100));
        }
        assert_eq!(marks.find(Offset(0)), None);
        assert_eq!(marks.find(Offset(1)), Some(Position(100)));
        assert_eq!(marks.find(Offset(READERS as i64)), Some(Position(READERS as u32 * 100)));
    }
}
