//! Offset expressions: where in a partition to begin or end.
//!
//! ```text
//! start end      the first record that is there, the next one to come
//! 47             this offset
//! +2 -3          two behind the start, three before the end
//! @TIME          the first record of this time or later
//! A..B           from A up to B, without B; each may be left out
//! ```
//! A time is a date, a date with a time (`2026-01-31T10:00`, of this machine's time zone unless one is named), milliseconds since
//! 1970, or so long ago (`-1h`, `-1h30m`, `-2d`).

use std::fmt;

use jiff::{Span, Timestamp, ZonedDateTime, civil};

/// What the help says about offsets.
pub(super) const OFFSETS: &str = "\
Offsets:
  start, end           the first record that is there, the next one to come
  47                   this offset
  +2, -3               two behind the start, three before the end
  @2026-01-31T10:00    the first record of this time or later; also @2026-01-31, @2026-01-31T10:00:00Z,
                       @1769853600000 (milliseconds since 1970), @-1h, @-1h30m, @-2d (so long ago)";

/// A place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offset {
    /// The first record that is there.
    Start,
    /// The next record to come.
    End,
    /// This offset.
    At(i64),
    /// So many records behind the start.
    AfterStart(i64),
    /// So many records before the end.
    BeforeEnd(i64),
    /// The first record of this time or later, in milliseconds since 1970.
    Time(i64),
}

/// From one place to another, which is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OffsetRange {
    /// Where it begins, if that was said.
    pub(super) from: Option<Offset>,
    /// Where it ends, if that was said.
    pub(super) until: Option<Offset>,
}

impl Offset {
    /// The offset in a partition with these bounds; `by_time` is what a look-up of the time has found. What lies outside
    /// becomes the nearest offset inside.
    pub(super) fn resolve(self, start: i64, end: i64, by_time: i64) -> i64 {
        let offset = match self {
            Self::Start => start,
            Self::End => end,
            Self::At(offset) => offset,
            Self::AfterStart(count) => start.saturating_add(count),
            Self::BeforeEnd(count) => end.saturating_sub(count),
            Self::Time(_) => by_time,
        };
        offset.clamp(start, end.max(start))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::End => f.write_str("end"),
            Self::At(offset) => offset.fmt(f),
            Self::AfterStart(count) => write!(f, "+{count}"),
            Self::BeforeEnd(count) => write!(f, "-{count}"),
            Self::Time(ms) => write!(f, "@{}", time(*ms)),
        }
    }
}

/// A time stamp for people, in UTC.
pub(super) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| format!("{time:.3}"))
}

/// Reads an offset; for clap.
pub(super) fn parse(text: &str) -> Result<Offset, String> {
    parse_at(text, &ZonedDateTime::now())
}

/// Reads a range; for clap. A place alone is where the range begins.
pub(super) fn parse_range(text: &str) -> Result<OffsetRange, String> {
    parse_range_at(text, &ZonedDateTime::now())
}

fn parse_range_at(text: &str, now: &ZonedDateTime) -> Result<OffsetRange, String> {
    let place = |text: &str| if text.is_empty() { Ok(None) } else { parse_at(text, now).map(Some) };
    let (from, until) = text.split_once("..").unwrap_or((text, ""));
    let range = OffsetRange { from: place(from)?, until: place(until)? };
    match (range.from, range.until) {
        (None, None) => Err("say where to begin, to end, or both: 10..20, 10.., ..20".into()),
        (Some(Offset::At(from)), Some(Offset::At(until))) if from >= until => {
            Err(format!("nothing lies between {from} and {until}; the end comes second: {until}..{from}"))
        }
        _ => Ok(range),
    }
}

fn parse_at(text: &str, now: &ZonedDateTime) -> Result<Offset, String> {
    let number = |digits: &str| {
        digits.parse::<i64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(|| {
            format!("{text:?} is no offset; use start, end, a number like 47, +2, -3, or a time like @2026-01-31T10:00 or @-1h")
        })
    };
    match text {
        "start" | "beginning" | "earliest" => Ok(Offset::Start),
        "end" | "latest" => Ok(Offset::End),
        _ => match text.split_at_checked(1) {
            Some(("@", time)) => parse_time(time, now).map(Offset::Time),
            Some(("+", count)) => number(count).map(Offset::AfterStart),
            Some(("-", count)) => number(count).map(Offset::BeforeEnd),
            _ => number(text).map(Offset::At),
        },
    }
}

/// Milliseconds since 1970.
fn parse_time(text: &str, now: &ZonedDateTime) -> Result<i64, String> {
    let wrong = || {
        format!(
            "@{text} is no time; use a date (@2026-01-31), a date and time (@2026-01-31T10:00, with Z for UTC), \
             milliseconds since 1970, or so long ago: @-1h, @-1h30m, @-2d"
        )
    };
    if text.is_empty() || text.starts_with('+') {
        return Err(wrong());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| wrong());
    }
    if let Some(ago) = text.strip_prefix('-') {
        let ago: Span = ago.parse().map_err(|_| wrong())?;
        let then = now.checked_sub(ago).map_err(|_| format!("@{text} is before the first time that can be said"))?;
        // Two signs make the future.
        return if then <= *now { Ok(then.timestamp().as_millisecond()) } else { Err(wrong()) };
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let local: civil::DateTime = text.parse().map_err(|_| wrong())?;
    let local = local.to_zoned_datetime(now.time_zone().clone()).map_err(|_| wrong())?;
    Ok(local.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten o'clock on the last of January, in a zone that is five hours behind UTC.
    fn now() -> ZonedDateTime {
        "2026-01-31T10:00:00-05:00[-05:00]".parse().unwrap()
    }

    const NOW_MS: i64 = 1_769_871_600_000;
    const HOUR_MS: i64 = 3_600_000;

    fn place(text: &str) -> Offset {
        parse_at(text, &now()).unwrap()
    }

    #[test]
    fn words_numbers_and_distances() {
        for (text, expected) in [
            ("start", Offset::Start),
            ("beginning", Offset::Start),
            ("end", Offset::End),
            ("47", Offset::At(47)),
            ("0", Offset::At(0)),
            ("+2", Offset::AfterStart(2)),
            ("-3", Offset::BeforeEnd(3)),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("@2026-01-31T10:00", NOW_MS),
            ("@2026-01-31T10:00:00", NOW_MS),
            ("@2026-01-31 10:00", NOW_MS),
            ("@2026-01-31T15:00Z", NOW_MS),
            ("@2026-01-31T16:00+01:00", NOW_MS),
            ("@2026-01-31", NOW_MS - 10 * HOUR_MS),
            ("@2026-01-31T10:00:00.250", NOW_MS + 250),
            ("@1769871600000", NOW_MS),
            ("@-1h", NOW_MS - HOUR_MS),
            ("@-1h30m", NOW_MS - HOUR_MS * 3 / 2),
            ("@-2d", NOW_MS - 48 * HOUR_MS),
            ("@-500ms", NOW_MS - 500),
        ] {
            assert_eq!(place(text), Offset::Time(expected), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        for text in ["", "first", "4 7", "--3", "+-1", "+", "99999999999999999999", "47x", "٣"] {
            let error = parse_at(text, &now()).unwrap_err();
            assert!(error.contains("start, end"), "{text:?}: {error}");
        }
        for text in ["@", "@yesterday", "@2026-13-01", "@-1", "@+1h", "@--1h", "@2026-01-31T25:00"] {
            let error = parse_at(text, &now()).unwrap_err();
            assert!(error.contains("@2026-01-31T10:00"), "{text:?}: {error}");
        }
    }

    #[test]
    fn places_become_offsets_inside_of_the_log() {
        for (text, expected) in [
            ("start", 10),
            ("end", 50),
            ("47", 47),
            ("5", 10),
            ("60", 50),
            ("+2", 12),
            ("+100", 50),
            ("-3", 47),
            ("-100", 10),
        ] {
            assert_eq!(place(text).resolve(10, 50, 0), expected, "{text}");
        }
        assert_eq!(Offset::Time(NOW_MS).resolve(10, 50, 33), 33);
    }

    #[test]
    fn ranges_may_be_open_at_either_end() {
        let range = |text: &str| parse_range_at(text, &now());
        let of = |from, until| Ok(OffsetRange { from, until });
        assert_eq!(range("10..20"), of(Some(Offset::At(10)), Some(Offset::At(20))));
        assert_eq!(range("-3"), of(Some(Offset::BeforeEnd(3)), None));
        assert_eq!(range("..end"), of(None, Some(Offset::End)));
        assert_eq!(
            range("@2026-01-31T10:00..@-1h"),
            of(Some(Offset::Time(NOW_MS)), Some(Offset::Time(NOW_MS - HOUR_MS)))
        );
        assert!(range("..").unwrap_err().contains("10..20"));
        assert!(range("20..10").unwrap_err().contains("10..20"));
        assert!(range("1..x").is_err());
    }

    #[test]
    fn an_offset_is_shown_as_it_is_typed() {
        for text in ["start", "end", "47", "+2", "-3"] {
            assert_eq!(place(text).to_string(), text);
        }
        assert_eq!(Offset::Time(NOW_MS).to_string(), "@2026-01-31T15:00:00.000Z");
    }
}
