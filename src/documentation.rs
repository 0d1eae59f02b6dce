//! Parts of `docs/` that are made from the program's own tables.

use std::path::Path;

/// Compares the part of a page between `<!-- NAME: begin -->` and `<!-- NAME: end -->` with what it should be. With
/// `NARU_UPDATE_DOCS=1` the part is written anew instead.
pub fn keep(page: &str, name: &str, part: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let in_page = |error| format!("docs/{page}: {error}");
    let text = std::fs::read_to_string(&path).map_err(|error| in_page(error.to_string()))?;
    let [begin, end] = ["begin", "end"].map(|place| format!("<!-- {name}: {place} -->\n"));
    let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let (before, (documented, after)) = parts.ok_or_else(|| in_page(format!("the part {name} is not marked")))?;
    if std::env::var_os("NARU_UPDATE_DOCS").is_some() {
        let text = format!("{before}{begin}{part}{end}{after}");
        return std::fs::write(&path, text).map_err(|error| in_page(error.to_string()));
    }
    if documented == part {
        Ok(())
    } else {
        Err(in_page(format!("{name} is out of date: run this test with NARU_UPDATE_DOCS=1")))
    }
}
