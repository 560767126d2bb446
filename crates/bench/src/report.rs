//! The table, and where it is written.

use std::{fmt::Write as _, path::Path};

use anyhow::Context;

/// One line of the table.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Its figure, with its unit.
    pub(crate) hub: String,
    /// The control's, with its unit.
    pub(crate) control: String,
    /// The hub's figure in relation to the control's.
    pub(crate) ratio: Option<f64>,
    /// What we aim at.
    pub(crate) aim: &'static str,
}

/// The middle one; of an even number the lower middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which this share of the values lies.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short list")]
    let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// A Markdown table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from("| what | hub | control | ratio | aim |\n|---|---|---|---|---|\n");
    for row in rows {
        let ratio = row.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(text, "| {} | {} | {} | {ratio} | {} |", row.what, row.hub, row.control, row.aim);
    }
    text
}

/// The document with the place of this measurement's table cut out: what stands before and after it.
fn split<'a>(document: &Path, text: &'a str, name: &str) -> anyhow::Result<(&'a str, &'a str)> {
    let (begin, end) = (format!("<!-- figures: {name} -->\n"), format!("<!-- end of {name} -->"));
    let parts = text.find(&begin).and_then(|at| {
        let before = &text[..at + begin.len()];
        let rest = &text[before.len()..];
        Some((before, &rest[rest.find(&end)?..]))
    });
    parts.with_context(|| format!("{} lacks the lines {} and {end}", document.display(), begin.trim_end()))
}

fn read(document: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(document).with_context(|| format!("{} cannot be read", document.display()))
}

/// Fails unless the document has a place for each of these tables.
pub(crate) fn check<'a>(document: &Path, names: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
    let text = read(document)?;
    for name in names {
        split(document, &text, name)?;
    }
    Ok(())
}

/// Puts the table of this measurement between its marks.
pub(crate) fn write(document: &Path, name: &str, table: &str) -> anyhow::Result<()> {
    let text = read(document)?;
    let (before, after) = split(document, &text, name)?;
    std::fs::write(document, format!("{before}{table}{after}")).with_context(|| format!("{} cannot be written", document.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_values() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]).to_bits(), 2.0_f64.to_bits());
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.99).to_bits(), 99.0_f64.to_bits());
        assert_eq!(percentile(&values[..1], 0.5).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn only_what_lies_between_the_marks_is_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let document = |table: &str| format!("a\n<!-- figures: append -->\n{table}<!-- end of append -->\nb\n");
        std::fs::write(file.path(), document("old\n")).unwrap();
        write(file.path(), "append", "new\n").unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), document("new\n"));
    }

    #[test]
    fn a_table_without_a_place_is_known_before_it_is_measured() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "<!-- figures: append -->\n<!-- end of append -->\n").unwrap();
        check(file.path(), ["append"].into_iter()).unwrap();
        let error = check(file.path(), ["append", "list"].into_iter()).unwrap_err().to_string();
        assert!(error.contains("<!-- figures: list -->"), "{error}");
    }
}
