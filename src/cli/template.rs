//! kcat's format strings: how a record is written out.

use std::io::{self, Write};

use bytes::Bytes;
use naru_client::ConsumerRecord;

/// What the help says about templates.
pub(super) const TEMPLATES: &str = "\
Templates:
  %t topic   %p partition   %o offset   %T time stamp in ms   %k key   %v value (also %s)   %h headers as a=b,c=d
  %K length of the key, %S length of the value, -1 where there is none   %% percent
  \\n newline   \\t tab   \\r carriage return   \\0 zero byte   \\xNN byte in hex   \\\\ backslash";

/// A format string that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Topic,
    Partition,
    Offset,
    Timestamp,
    Key,
    Value,
    Headers,
    KeyLength,
    ValueLength,
}

impl Template {
    /// Reads a format string; for clap.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => plain.push(escaped(&mut chars)?),
                '%' => match field(&mut chars)? {
                    Some(piece) => {
                        if !plain.is_empty() {
                            pieces.push(Piece::Text(std::mem::take(&mut plain)));
                        }
                        pieces.push(piece);
                    }
                    None => plain.push(b'%'),
                },
                c => plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The key, this, the value, and a newline.
    pub(super) fn with_key(delimiter: &[u8]) -> Self {
        Self(vec![Piece::Key, Piece::Text(delimiter.to_vec()), Piece::Value, Piece::Text(vec![b'\n'])])
    }

    /// The value and a newline.
    pub(super) fn value() -> Self {
        Self(vec![Piece::Value, Piece::Text(vec![b'\n'])])
    }

    /// Writes a record.
    pub(super) fn write(&self, out: &mut (impl Write + ?Sized), record: &ConsumerRecord) -> io::Result<()> {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => out.write_all(text),
            Piece::Topic => out.write_all(record.topic.as_bytes()),
            Piece::Partition => write!(out, "{}", record.partition),
            Piece::Offset => write!(out, "{}", record.offset),
            Piece::Timestamp => write!(out, "{}", record.timestamp),
            Piece::Key => out.write_all(record.key.as_deref().unwrap_or_default()),
            Piece::Value => out.write_all(record.value.as_deref().unwrap_or_default()),
            Piece::Headers => write_headers(out, record),
            Piece::KeyLength => write!(out, "{}", length(record.key.as_ref())),
            Piece::ValueLength => write!(out, "{}", length(record.value.as_ref())),
        })
    }
}

/// What follows a percent sign; `None` for another one.
fn field(chars: &mut std::str::Chars<'_>) -> Result<Option<Piece>, String> {
    Ok(Some(match chars.next() {
        Some('%') => return Ok(None),
        Some('t') => Piece::Topic,
        Some('p') => Piece::Partition,
        Some('o') => Piece::Offset,
        Some('T') => Piece::Timestamp,
        Some('k') => Piece::Key,
        Some('v' | 's') => Piece::Value,
        Some('h') => Piece::Headers,
        Some('K') => Piece::KeyLength,
        Some('S') => Piece::ValueLength,
        Some(other) => {
            return Err(format!(
                "%{other} means nothing; there are %t %p %o %T %k %v %h %K %S, and %% for a percent sign"
            ));
        }
        None => return Err("a % at the end means nothing; write %% for a percent sign".into()),
    }))
}

/// What follows a backslash.
fn escaped(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match chars.next() {
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('r') => Ok(b'\r'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits: String = chars.by_ref().take(2).collect();
            let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2 && !digits.starts_with('+'));
            byte.ok_or_else(|| format!("\\x{digits} is no byte; write two hex digits, as in \\x1f"))
        }
        Some(other) => {
            Err(format!("\\{other} means nothing; there are \\n \\t \\r \\0 \\xNN, and \\\\ for a backslash"))
        }
        None => Err("a \\ at the end means nothing; write \\\\ for a backslash".into()),
    }
}

/// A delimiter as it is typed: plain text with the escapes of templates.
pub(super) fn parse_delimiter(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => bytes.push(escaped(&mut chars)?),
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if bytes.is_empty() { Err("a delimiter cannot be empty".into()) } else { Ok(bytes) }
}

fn length(bytes: Option<&Bytes>) -> i64 {
    bytes.map_or(-1, |bytes| bytes.len() as i64)
}

fn write_headers(out: &mut (impl Write + ?Sized), record: &ConsumerRecord) -> io::Result<()> {
    for (index, header) in record.headers.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        out.write_all(&header.key)?;
        out.write_all(b"=")?;
        out.write_all(header.value.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use naru_protocol::records::{Header, TimestampType};

    use super::*;

    fn record() -> ConsumerRecord {
        ConsumerRecord {
            topic: "orders".into(),
            partition: 3,
            offset: 47,
            leader_epoch: 0,
            timestamp: 1_769_871_600_000,
            timestamp_type: TimestampType::CreateTime,
            key: Some(Bytes::from_static(b"customer-7")),
            value: Some(Bytes::from_static(b"boat\xff")),
            headers: vec![
                Header { key: Bytes::from_static(b"trace"), value: Some(Bytes::from_static(b"4b")) },
                Header { key: Bytes::from_static(b"empty"), value: None },
            ],
        }
    }

    fn written(template: &str, record: &ConsumerRecord) -> Vec<u8> {
        let mut out = Vec::new();
        Template::parse(template).unwrap().write(&mut out, record).unwrap();
        out
    }

    #[test]
    fn every_letter_is_written() {
        assert_eq!(written(r"%t-%p@%o %T\n", &record()), b"orders-3@47 1769871600000\n");
        assert_eq!(written(r"%k\t%v", &record()), b"customer-7\tboat\xff");
        assert_eq!(written(r"%K,%S %h %%", &record()), b"10,5 trace=4b,empty= %");
        assert_eq!(written(r"한 %s\x00\0\\", &record()), "한 boat".bytes().chain(*b"\xff\0\0\\").collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_there_has_length_minus_one_and_no_text() {
        let none = ConsumerRecord { key: None, value: None, headers: Vec::new(), ..record() };
        assert_eq!(written("[%k %K %v %S %h]", &none), b"[ -1  -1 ]");
    }

    #[test]
    fn unknown_letters_are_refused() {
        for (template, part) in [
            ("%x", "%x means"),
            ("50%", "%%"),
            (r"\q", r"\q means"),
            (r"\x1", r"\x1 is no byte"),
            (r"\x+1", "no byte"),
            ("a\\", "\\\\"),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
    }

    #[test]
    fn delimiters_take_escapes() {
        assert_eq!(parse_delimiter(r"\t").unwrap(), b"\t");
        assert_eq!(parse_delimiter(": ").unwrap(), b": ");
        assert!(parse_delimiter("").is_err());
    }
}
