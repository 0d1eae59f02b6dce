//! Reading what is to be sent, on a thread of its own: whoever sends can then be interrupted while nobody types.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::Failure;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// How many chunks may wait to be sent.
const AHEAD: usize = 16;

/// The longest record; brokers refuse far smaller ones.
const LONGEST: usize = 1 << 30;

/// Where in the input a piece begins, for people: `line 3`, `orders.txt line 3`.
#[derive(Debug, Clone)]
pub(super) struct Place {
    file: Option<Arc<str>>,
    number: u64,
    lines: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file} ")?;
        }
        write!(f, "{} {}", if self.lines { "line" } else { "record" }, self.number)
    }
}

/// What stands between two delimiters.
pub(super) struct Piece {
    pub(super) place: Place,
    pub(super) bytes: Bytes,
}

type Pieces = Result<Vec<Piece>, Failure>;

/// The pieces of all files, or of standard input.
pub(super) struct Input {
    pieces: mpsc::Receiver<Pieces>,
    typed: bool,
}

/// An open file, or standard input without a name.
struct Source {
    name: Option<Arc<str>>,
    file: Box<dyn Read + Send>,
}

impl Input {
    /// Opens all files, so that a wrong name is told before anything is sent.
    pub(super) fn open(files: &[PathBuf], delimiter: &[u8]) -> Result<Self, Failure> {
        let mut sources: Vec<Source> = files.iter().map(|path| Source::open(path)).collect::<Result<_, _>>()?;
        let typed = files.is_empty() && io::stdin().is_terminal();
        if files.is_empty() {
            sources.push(Source { name: None, file: Box::new(io::stdin()) });
        }
        let (sender, pieces) = mpsc::channel(AHEAD);
        let delimiter = delimiter.to_vec();
        // It ends with its input, with the channel, or with the process.
        thread::spawn(move || {
            for source in sources {
                if let Err(failure) = source.read(&delimiter, &sender) {
                    let _ = sender.blocking_send(Err(failure));
                    return;
                }
            }
        });
        Ok(Self { pieces, typed })
    }

    /// Whether somebody types the input.
    pub(super) fn is_typed(&self) -> bool {
        self.typed
    }

    /// The next pieces, as many as were at hand; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Piece>>, Failure> {
        self.pieces.recv().await.transpose()
    }

    /// As [`Input::next`], outside of a runtime.
    pub(super) fn blocking_next(&mut self) -> Result<Option<Vec<Piece>>, Failure> {
        self.pieces.blocking_recv().transpose()
    }
}

impl Source {
    fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).and_then(|file| {
            let directory = file.metadata()?.is_dir();
            if directory { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
        });
        let file = file.map_err(|error| {
            let text = format!("{} cannot be read: {error}", path.display());
            match error.kind() {
                io::ErrorKind::NotFound => Failure::NotFound(text).hint(
                    "Behind the topic stand names of files; a value is sent by `echo VALUE | naru produce TOPIC`.",
                ),
                _ => Failure::Failed(text),
            }
        })?;
        Ok(Self { name: Some(path.to_string_lossy().into()), file: Box::new(BufReader::new(file)) })
    }

    /// Cuts the input at each delimiter and sends on what is complete. Returns early, and well, when nobody wants more.
    fn read(mut self, delimiter: &[u8], sender: &mpsc::Sender<Pieces>) -> Result<(), Failure> {
        let mut cut = Cut { name: self.name.clone(), delimiter, rest: BytesMut::new(), searched: 0, number: 0 };
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match self.file.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let name = self.name.as_deref().unwrap_or("standard input");
                    return Err(Failure::Failed(format!("{name} cannot be read: {error}")));
                }
            };
            let ended = read == 0;
            let pieces = if ended { cut.last() } else { cut.add(chunk.get(..read).unwrap_or_default()) };
            if cut.rest.len() > LONGEST {
                let place = cut.place(cut.number + 1);
                return Err(Failure::Failed(format!("{place} is longer than 1 GiB; is -D the right delimiter?")));
            }
            if !pieces.is_empty() && sender.blocking_send(Ok(pieces)).is_err() || ended {
                return Ok(());
            }
        }
    }
}

/// Cuts a stream into pieces.
struct Cut<'a> {
    name: Option<Arc<str>>,
    delimiter: &'a [u8],
    rest: BytesMut,
    /// Up to where no delimiter begins.
    searched: usize,
    number: u64,
}

impl Cut<'_> {
    fn add(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.rest.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some(end) = self.find() {
            let bytes = self.rest.split_to(end).freeze();
            let _ = self.rest.split_to(self.delimiter.len());
            self.searched = 0;
            pieces.push(self.piece(bytes));
        }
        self.searched = (self.rest.len() + 1).saturating_sub(self.delimiter.len());
        pieces
    }

    fn find(&self) -> Option<usize> {
        let unsearched = self.rest.get(self.searched..)?;
        let at = match self.delimiter {
            [byte] => unsearched.iter().position(|other| other == byte),
            delimiter => unsearched.windows(delimiter.len()).position(|window| window == delimiter),
        };
        at.map(|at| self.searched + at)
    }

    /// What stands behind the last delimiter, if anything does.
    fn last(&mut self) -> Vec<Piece> {
        if self.rest.is_empty() {
            return Vec::new();
        }
        let bytes = std::mem::take(&mut self.rest).freeze();
        vec![self.piece(bytes)]
    }

    fn piece(&mut self, bytes: Bytes) -> Piece {
        self.number += 1;
        Piece { place: self.place(self.number), bytes }
    }

    fn place(&self, number: u64) -> Place {
        Place { file: self.name.clone(), number, lines: self.delimiter == b"\n" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]], delimiter: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut cut = Cut { name: None, delimiter, rest: BytesMut::new(), searched: 0, number: 0 };
        let mut pieces: Vec<Piece> = chunks.iter().flat_map(|chunk| cut.add(chunk)).collect();
        pieces.extend(cut.last());
        pieces.into_iter().map(|piece| (piece.place.to_string(), piece.bytes.to_vec())).collect()
    }

    #[test]
    fn lines_end_where_the_delimiter_is_however_the_chunks_fall() {
        let expected = vec![
            ("line 1".to_owned(), b"one".to_vec()),
            ("line 2".to_owned(), Vec::new()),
            ("line 3".to_owned(), b"three".to_vec()),
        ];
        assert_eq!(cut(&[b"one\n\nthree\n"], b"\n"), expected);
        assert_eq!(cut(&[b"o", b"ne\n", b"\nth", b"ree"], b"\n"), expected);
    }

    #[test]
    fn a_delimiter_may_be_longer_than_a_byte_and_fall_into_two_chunks() {
        let pieces = cut(&[b"a-", b"-b---c"], b"--");
        assert_eq!(
            pieces,
            [
                ("record 1".into(), b"a".to_vec()),
                ("record 2".into(), b"b".to_vec()),
                ("record 3".into(), b"-c".to_vec())
            ]
        );
    }
}
