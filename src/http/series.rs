//! Metric families with a bound on their time series: a monitoring system pays for each of them, and topics and groups are made
//! by clients.

use std::collections::BTreeMap;

/// The label values of whatever is beyond the bound. No topic can have this name.
pub(super) const OTHERS: &str = "(other)";

/// Values by label values, in the order of the labels: the first `limit` by name, everything else as one sum. Names keep their
/// place until a name before theirs comes, so series do not flicker from scrape to scrape.
#[derive(Debug)]
pub(super) struct Series<const LABELS: usize> {
    limit: usize,
    shown: BTreeMap<[String; LABELS], i64>,
    others: Option<i64>,
}

impl<const LABELS: usize> Series<LABELS> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, shown: BTreeMap::new(), others: None }
    }

    /// Adds a value.
    pub(super) fn add(&mut self, labels: [&str; LABELS], value: i64) {
        if self.shown.len() >= self.limit
            && self
                .shown
                .last_key_value()
                .is_some_and(|(last, _)| labels.as_slice() > last.each_ref().map(String::as_str).as_slice())
        {
            *self.others.get_or_insert(0) += value;
            return;
        }
        *self.shown.entry(labels.map(str::to_owned)).or_default() += value;
        if self.shown.len() > self.limit
            && let Some((_, value)) = self.shown.pop_last()
        {
            *self.others.get_or_insert(0) += value;
        }
    }

    /// All series, the sum of the others last.
    pub(super) fn iter(&self) -> impl Iterator<Item = ([&str; LABELS], i64)> {
        let shown = self.shown.iter().map(|(labels, value)| (labels.each_ref().map(String::as_str), *value));
        shown.chain(self.others.map(|value| ([OTHERS; LABELS], value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_there_is_one_series_with_the_sum() {
        let mut series = Series::new(2);
        for (topic, value) in [("d", 8), ("b", 2), ("c", 4), ("a", 1), ("b", 100), ("d", 1000)] {
            series.add([topic], value);
        }
        assert_eq!(series.iter().collect::<Vec<_>>(), [(["a"], 1), (["b"], 102), ([OTHERS], 1012)]);
    }

    #[test]
    fn within_the_limit_nothing_is_added_up() {
        let mut series = Series::new(2);
        series.add(["g", "x"], 1);
        series.add(["g", "y"], 2);
        assert_eq!(series.iter().collect::<Vec<_>>(), [(["g", "x"], 1), (["g", "y"], 2)]);
    }
}
