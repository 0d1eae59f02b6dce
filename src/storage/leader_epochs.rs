//! Which leader epoch began at which offset: the table behind KIP-320 and KIP-101, in Kafka's `leader-epoch-checkpoint` format.
//!
//! The file is text: a version (`0`), the number of entries, then one `epoch start-offset` a line. Epochs and start offsets grow
//! strictly. An epoch has an entry from its first append on; an epoch under which nothing was appended has none.

use std::fmt::Write as _;

use super::types::{LeaderEpoch, Offset};

const VERSION: &str = "0";

/// The first offset of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The first offset appended under it, or the log start offset when older records are gone.
    pub start: Offset,
}

/// A `leader-epoch-checkpoint` file that cannot be right. The table is then rebuilt from the batches of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EpochsError {
    /// Not text, or a line that is not what its place asks for.
    #[error("line {line} of the leader epoch checkpoint is not what its format asks for")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
    },
    /// Another version of the format.
    #[error("leader epoch checkpoint has version {0:?}, but only version 0 is known")]
    UnknownVersion(String),
    /// More or fewer entries than the file announces.
    #[error("leader epoch checkpoint announces {announced} entries and holds {found}")]
    WrongCount {
        /// The count in the file.
        announced: usize,
        /// Entries behind it.
        found: usize,
    },
}

/// The epochs of one log, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaderEpochs {
    starts: Vec<EpochStart>,
}

impl LeaderEpochs {
    /// Reads a checkpoint file.
    pub fn decode(file: &[u8]) -> Result<Self, EpochsError> {
        let text = std::str::from_utf8(file).map_err(|_| EpochsError::Malformed { line: 1 })?;
        let mut lines = text.lines();
        let version = lines.next().ok_or(EpochsError::Malformed { line: 1 })?.trim();
        if version != VERSION {
            return Err(EpochsError::UnknownVersion(version.to_owned()));
        }
        let announced =
            lines.next().and_then(|n| n.trim().parse::<usize>().ok()).ok_or(EpochsError::Malformed { line: 2 })?;
        let mut epochs = Self::default();
        for (i, line) in lines.enumerate() {
            let start =
                parse_entry(line).filter(|e| epochs.is_next(*e)).ok_or(EpochsError::Malformed { line: i + 3 })?;
            epochs.starts.push(start);
        }
        if epochs.starts.len() != announced {
            return Err(EpochsError::WrongCount { announced, found: epochs.starts.len() });
        }
        Ok(epochs)
    }

    /// The bytes of the checkpoint file.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("{VERSION}\n{}\n", self.starts.len());
        for EpochStart { epoch, start } in &self.starts {
            let _ = writeln!(text, "{epoch} {start}"); // writing to a string cannot fail
        }
        text.into_bytes()
    }

    /// Notes that `start` was the first offset appended under `epoch`. Known epochs are left alone. Entries that contradict the
    /// new one (a later epoch, or a later start) give way to it, as in Kafka: the log's newest batch is the truth.
    ///
    /// Answers whether the table changed, that is, whether it must be written.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if epoch < LeaderEpoch(0) || self.latest() == Some(epoch) {
            return false;
        }
        self.starts.retain(|e| e.epoch < epoch && e.start < start);
        self.starts.push(EpochStart { epoch, start });
        true
    }

    /// The newest epoch that has records.
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.starts.last().map(|e| e.epoch)
    }

    /// The epoch under which the record at `offset` was appended, for offsets that the log holds.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let started = self.starts.partition_point(|e| e.start <= offset);
        started.checked_sub(1).and_then(|i| self.starts.get(i)).map(|e| e.epoch)
    }

    /// The largest known epoch that is not above `epoch`, and where it ended (KIP-320). `None` for an epoch above all known ones.
    /// An epoch below all known ones is answered with itself and the start of the first known one.
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if epoch == LeaderEpoch::NONE || self.latest().is_none_or(|latest| latest < epoch) {
            return None;
        }
        let not_above = self.starts.partition_point(|e| e.epoch <= epoch);
        let end = self.starts.get(not_above).map_or(log_end, |next| next.start);
        let floor = not_above.checked_sub(1).and_then(|i| self.starts.get(i)).map_or(epoch, |e| e.epoch);
        Some((floor, end))
    }

    /// Forgets epochs that began at or after `log_end`: the log was cut there. Answers whether the table changed.
    pub fn cut_end(&mut self, log_end: Offset) -> bool {
        let before = self.starts.len();
        self.starts.retain(|e| e.start < log_end);
        self.starts.len() != before
    }

    /// Forgets epochs that ended at or before `log_start`; the one that holds it begins there now. Answers whether the table changed.
    pub fn cut_start(&mut self, log_start: Offset) -> bool {
        let started = self.starts.partition_point(|e| e.start <= log_start);
        let Some(holding) = started.checked_sub(1) else { return false };
        self.starts.drain(..holding);
        match self.starts.first_mut() {
            Some(first) if first.start != log_start => {
                first.start = log_start;
                true
            }
            _ => holding > 0,
        }
    }

    /// The entries, ascending.
    pub fn starts(&self) -> &[EpochStart] {
        &self.starts
    }

    fn is_next(&self, entry: EpochStart) -> bool {
        self.starts.last().is_none_or(|last| last.epoch < entry.epoch && last.start < entry.start)
    }
}

fn parse_entry(line: &str) -> Option<EpochStart> {
    let (epoch, start) = line.trim().split_once(' ')?;
    let (epoch, start) = (epoch.parse().ok()?, start.trim().parse().ok()?);
    (epoch >= 0 && start >= 0).then_some(EpochStart { epoch: LeaderEpoch(epoch), start: Offset(start) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start) in entries {
            assert!(epochs.assign(LeaderEpoch(*epoch), Offset(*start)));
        }
        epochs
    }

    fn end_of(epochs: &LeaderEpochs, epoch: i32) -> Option<(i32, i64)> {
        epochs.end_offset_for(LeaderEpoch(epoch), Offset(100)).map(|(e, o)| (e.0, o.0))
    }

    #[test]
    fn the_file_is_kafkas() {
        let epochs = table(&[(0, 0), (3, 42)]);
        assert_eq!(epochs.encode(), b"0\n2\n0 0\n3 42\n");
        assert_eq!(LeaderEpochs::decode(b"0\n2\n0 0\n3 42\n"), Ok(epochs));
        assert_eq!(LeaderEpochs::decode(b"0\n0\n"), Ok(LeaderEpochs::default()));
    }

    #[test]
    fn a_file_that_cannot_be_right_is_refused() {
        let decode = |text: &str| LeaderEpochs::decode(text.as_bytes()).unwrap_err();
        assert_eq!(decode(""), EpochsError::Malformed { line: 1 });
        assert_eq!(decode("1\n0\n"), EpochsError::UnknownVersion("1".into()));
        assert_eq!(decode("0\n-1\n"), EpochsError::Malformed { line: 2 });
        assert_eq!(decode("0\n2\n0 0\n"), EpochsError::WrongCount { announced: 2, found: 1 });
        assert_eq!(
            decode("0\n18446744073709551615\n0 0\n"),
            EpochsError::WrongCount { announced: usize::MAX, found: 1 }
        );
        for second in ["1 0", "0 5", "x 5", "1", "-1 5", "1 -5", ""] {
            assert_eq!(decode(&format!("0\n2\n0 0\n{second}\n")), EpochsError::Malformed { line: 4 }, "{second}");
        }
        assert_eq!(LeaderEpochs::decode(&[0xff]), Err(EpochsError::Malformed { line: 1 }));
    }

    #[test]
    fn a_known_epoch_is_noted_once() {
        let mut epochs = table(&[(2, 10)]);
        assert!(!epochs.assign(LeaderEpoch(2), Offset(20)));
        assert!(!epochs.assign(LeaderEpoch::NONE, Offset(20)));
        assert_eq!(epochs, table(&[(2, 10)]));
    }

    #[test]
    fn contradicting_entries_give_way_to_the_newest() {
        let mut epochs = table(&[(1, 0), (2, 10), (5, 20)]);
        assert!(epochs.assign(LeaderEpoch(3), Offset(30)));
        assert_eq!(epochs, table(&[(1, 0), (2, 10), (3, 30)]));
        assert!(epochs.assign(LeaderEpoch(4), Offset(10)));
        assert_eq!(epochs, table(&[(1, 0), (4, 10)]));
    }

    #[test]
    fn the_epoch_of_an_offset() {
        let epochs = table(&[(1, 5), (4, 10)]);
        for (offset, epoch) in [(4, None), (5, Some(1)), (9, Some(1)), (10, Some(4)), (99, Some(4))] {
            assert_eq!(epochs.epoch_at(Offset(offset)), epoch.map(LeaderEpoch));
        }
    }

    #[test]
    fn an_epoch_ends_where_the_next_known_one_begins() {
        let epochs = table(&[(1, 5), (4, 10)]);
        assert_eq!(end_of(&epochs, -1), None);
        assert_eq!(end_of(&epochs, 0), Some((0, 5)), "below all known");
        assert_eq!(end_of(&epochs, 1), Some((1, 10)));
        assert_eq!(end_of(&epochs, 3), Some((1, 10)), "a gap belongs to the epoch before it");
        assert_eq!(end_of(&epochs, 4), Some((4, 100)));
        assert_eq!(end_of(&epochs, 5), None);
        assert_eq!(end_of(&LeaderEpochs::default(), 0), None);
    }

    #[test]
    fn cuts_keep_the_table_in_step_with_the_log() {
        let mut epochs = table(&[(1, 0), (2, 10), (5, 20)]);
        assert!(!epochs.cut_end(Offset(21)));
        assert!(epochs.cut_end(Offset(20)));
        assert_eq!(epochs, table(&[(1, 0), (2, 10)]));
        assert!(!epochs.cut_start(Offset(0)));
        assert!(epochs.cut_start(Offset(7)));
        assert_eq!(epochs, table(&[(1, 7), (2, 10)]));
        assert!(epochs.cut_start(Offset(10)));
        assert_eq!(epochs, table(&[(2, 10)]));
        assert!(!epochs.cut_start(Offset(3)), "before the first known start nothing is known");
    }
}
