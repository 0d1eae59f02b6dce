//! How results are shown: a table on a terminal, tab-separated lines in a pipe, or JSON.
//!
//! Lists are one JSON array and descriptions one JSON object; what streams (consumed records, dumped batches) is one JSON object a
//! line. Tab-separated lines have no titles, so that `cut` and `awk` need not skip any.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::Failure;

/// The flags that choose the form.
#[derive(Debug, Default, Args)]
pub(super) struct OutputArgs {
    /// How to show results [default: table on a terminal, plain in a pipe]
    #[arg(long, value_name = "table|plain|json", hide_possible_values = true, help_heading = "Output")]
    format: Option<Format>,
    /// As --format json
    #[arg(short = 'J', long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
}

/// A form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Aligned columns with titles
    Table,
    /// Tab-separated lines without titles
    Plain,
    /// JSON
    Json,
}

impl OutputArgs {
    /// The form that was chosen, or that fits where the output goes.
    pub(super) fn format(&self) -> Format {
        match self.chosen() {
            Some(format) => format,
            None if io::stdout().is_terminal() => Format::Table,
            None => Format::Plain,
        }
    }

    /// Whether somebody reads it, so that an empty list needs a word.
    pub(super) fn is_for_people(&self) -> bool {
        self.format() == Format::Table
    }

    /// The form that was chosen.
    pub(super) fn chosen(&self) -> Option<Format> {
        if self.json { Some(Format::Json) } else { self.format }
    }
}

/// One line of a list.
pub(super) trait Row: Serialize {
    /// The titles of the columns, those of numbers with a `>` in front: they are aligned to the right.
    const COLUMNS: &'static [&'static str];

    /// The cells, one a column.
    fn cells(&self) -> Vec<String>;
}

/// Standard output, buffered. An error while writing ends the command; a reader that left ends it well.
pub(super) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Shows a list.
pub(super) fn list<R: Row>(format: Format, rows: &[R]) -> Result<(), Failure> {
    let mut out = stdout();
    match format {
        Format::Json => json(&mut out, rows)?,
        Format::Plain | Format::Table => write_rows(&mut out, format, rows)?,
    }
    Ok(out.flush()?)
}

/// Shows what became of several things, then says what failed. Without any success there is only the failure to show.
pub(super) fn results<R: Row>(format: Format, rows: &[R], failures: Vec<Failure>) -> Result<(), Failure> {
    if !rows.is_empty() || failures.is_empty() || format == Format::Json {
        list(format, rows)?;
    }
    Failure::all(failures)
}

/// Shows a document: as JSON, or as the text that `text` makes.
pub(super) fn document<D: Serialize>(
    format: Format,
    document: &D,
    text: impl FnOnce(&mut dyn Write, Format) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = stdout();
    match format {
        Format::Json => json(&mut out, document)?,
        Format::Plain | Format::Table => text(&mut out, format)?,
    }
    Ok(out.flush()?)
}

/// One JSON document, indented, with a line break behind it.
fn json<D: Serialize + ?Sized>(out: &mut impl Write, document: &D) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    out.write_all(b"\n")
}

/// One JSON object on one line.
pub(super) fn json_line<D: Serialize + ?Sized>(out: &mut (impl Write + ?Sized), document: &D) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    out.write_all(b"\n")
}

/// Rows as a table or as plain lines.
pub(super) fn write_rows<R: Row>(out: &mut (impl Write + ?Sized), format: Format, rows: &[R]) -> io::Result<()> {
    match format {
        Format::Table => write_table(out, R::COLUMNS, &cells(rows), true),
        Format::Plain | Format::Json => cells(rows).iter().try_for_each(|row| writeln!(out, "{}", row.join("\t"))),
    }
}

fn cells<R: Row>(rows: &[R]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.cells().iter().map(|cell| printable(cell).into_owned()).collect()).collect()
}

/// How many rows of a stream are aligned together.
const ALIGNED: usize = 500;

/// A list that is shown while it is made, however long: rows are aligned in portions, and JSON is one object a line.
pub(super) struct Lines<R> {
    out: BufWriter<StdoutLock<'static>>,
    format: Format,
    portion: Vec<R>,
    titled: bool,
}

impl<R: Row> Lines<R> {
    pub(super) fn new(format: Format) -> Self {
        Self { out: stdout(), format, portion: Vec::new(), titled: false }
    }

    /// Shows a row, now or a little later.
    pub(super) fn write(&mut self, row: R) -> io::Result<()> {
        match self.format {
            Format::Json => json_line(&mut self.out, &row),
            Format::Plain => write_rows(&mut self.out, Format::Plain, &[row]),
            Format::Table => {
                self.portion.push(row);
                if self.portion.len() < ALIGNED { Ok(()) } else { self.align() }
            }
        }
    }

    /// A line of another kind, which only JSON has room for. Says whether it was written.
    pub(super) fn other<D: Serialize>(&mut self, line: &D) -> io::Result<bool> {
        if self.format == Format::Json {
            json_line(&mut self.out, line)?;
            return Ok(true);
        }
        // What goes to standard error comes behind the rows before it.
        self.align()?;
        self.out.flush()?;
        Ok(false)
    }

    fn align(&mut self) -> io::Result<()> {
        if self.portion.is_empty() {
            return Ok(());
        }
        let titles = !std::mem::replace(&mut self.titled, true);
        write_table(&mut self.out, R::COLUMNS, &cells(&self.portion), titles)?;
        self.portion.clear();
        Ok(())
    }

    /// Shows what was not shown yet.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.align()?;
        self.out.flush()
    }

    /// Shows what was not shown yet, for the last time.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.align()?;
        self.out.flush()
    }
}

/// Two spaces between columns, no padding at the end of a line.
fn write_table(
    out: &mut (impl Write + ?Sized),
    columns: &[&str],
    rows: &[Vec<String>],
    with_titles: bool,
) -> io::Result<()> {
    let titles: Vec<String> = columns.iter().map(|title| title.trim_start_matches('>').to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&titles).chain(rows).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for line in lines.into_iter().skip(usize::from(!with_titles)) {
        let mut text = String::new();
        for ((cell, width), title) in line.iter().zip(&widths).zip(columns) {
            let padding = " ".repeat(width - cell.width());
            if title.starts_with('>') {
                text.push_str(&padding);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.push_str(&padding);
            }
            text.push_str("  ");
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// Text without control characters: what somebody stored in a name or a value neither breaks lines nor moves the cursor.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .fold(String::with_capacity(text.len() + 8), |mut shown, c| {
            if c.is_control() {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
            shown
        })
        .into()
}

/// Whether results go somewhere else than to a terminal.
pub(super) fn is_piped() -> bool {
    !io::stdout().is_terminal()
}

/// A count with its noun: `1 record`, `3 records`.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Names with their noun: `topic orders`, `topics orders, payments`.
pub(super) fn named(noun: &str, names: &[String]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{noun}{plural} {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Town {
        name: &'static str,
        people: u32,
    }

    impl Row for Town {
        const COLUMNS: &'static [&'static str] = &["NAME", ">PEOPLE"];

        fn cells(&self) -> Vec<String> {
            vec![self.name.to_owned(), self.people.to_string()]
        }
    }

    const TOWNS: &[Town] = &[Town { name: "서울", people: 9_600_000 }, Town { name: "Ulm\t\x1b[2J", people: 126 }];

    fn shown(format: Format) -> String {
        let mut out = Vec::new();
        write_rows(&mut out, format, TOWNS).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_is_aligned_by_what_is_seen() {
        assert_eq!(
            shown(Format::Table),
            "NAME             PEOPLE\n서울            9600000\nUlm\\t\\u{1b}[2J      126\n"
        );
    }

    #[test]
    fn plain_lines_have_a_cell_between_each_tab() {
        assert_eq!(shown(Format::Plain), "서울\t9600000\nUlm\\t\\u{1b}[2J\t126\n");
    }
}
