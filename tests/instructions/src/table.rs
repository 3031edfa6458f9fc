//! The table in `instructions.txt`, and where what was counted is not what it says.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, ensure};

const HEAD: &str = "\
# Instructions of one call (tests/instructions). Written by `just instructions --update`; held to be
# true by `just instructions`, in both directions: what became faster is written down too.
#
";

const MADE_WITH: &str = "# made with ";

/// Counts by name, and what they were made with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub made_with: Vec<String>,
    pub counts: BTreeMap<String, u64>,
}

impl Table {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let made_with = text.lines().filter_map(|line| line.strip_prefix(MADE_WITH));
        let made_with = made_with.map(str::to_owned).collect();
        let mut counts = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, count) =
                line.split_once(' ').with_context(|| format!("no count: {line}"))?;
            let count = count.trim().parse().with_context(|| format!("no number: {line}"))?;
            let before = counts.insert(name.to_owned(), count);
            ensure!(before.is_none(), "twice in the table: {name}");
        }
        Ok(Self { made_with, counts })
    }

    /// Takes over from `table` what does not differ: many small steps are one large one in the end,
    /// and what changes in the table is what has changed.
    pub fn keep(&mut self, table: &Self, tolerance: impl Fn(&str) -> u64) {
        let found = differences(&self.counts, &table.counts, tolerance);
        for (name, count) in self.counts.iter_mut().filter(|(name, _)| !found.contains_key(*name)) {
            if let Some(told) = table.counts.get(name) {
                *count = *told;
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for with in &self.made_with {
            writeln!(f, "{MADE_WITH}{with}")?;
        }
        self.counts.iter().try_for_each(|(name, count)| writeln!(f, "{}", line(name, *count)))
    }
}

/// As it stands in the table.
pub fn line(name: &str, count: u64) -> String {
    format!("{name:32}{count:>10}")
}

/// How a count differs from the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Beyond what is tolerated.
    More,
    /// Below it, which is to be written down: else it could be lost again unseen.
    Fewer,
    /// Not in the table.
    New,
    /// In the table, and counted no more.
    Gone,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::More => "MORE than the table says",
            Self::Fewer => "FEWER than the table says",
            Self::New => "NOT IN the table",
            Self::Gone => "in the table and COUNTED NO MORE",
        })
    }
}

/// What differs between `counted` and `table` by more than the tolerance of each, in percent, which
/// `tolerance` tells of a name.
pub fn differences(
    counted: &BTreeMap<String, u64>,
    table: &BTreeMap<String, u64>,
    tolerance: impl Fn(&str) -> u64,
) -> BTreeMap<String, Difference> {
    let gone = table.keys().filter(|name| !counted.contains_key(*name));
    let gone = gone.map(|name| (name.clone(), Difference::Gone));
    let others = counted.iter().filter_map(|(name, count)| {
        let difference = match table.get(name) {
            None => Difference::New,
            Some(told) if within(*count, *told, tolerance(name)) => return None,
            Some(told) if count > told => Difference::More,
            Some(_) => Difference::Fewer,
        };
        Some((name.clone(), difference))
    });
    gone.chain(others).collect()
}

/// Whether `count` is at most `percent` of `told` away from it.
const fn within(count: u64, told: u64, percent: u64) -> bool {
    count.abs_diff(told).saturating_mul(100) <= told.saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn differing(counted: u64) -> Option<Difference> {
        let found = differences(&counts(&[("a", counted)]), &counts(&[("a", 1_000)]), |_| 5);
        found.get("a").copied()
    }

    #[test]
    fn a_count_within_the_tolerance_does_not_differ() {
        for counted in [950, 1_000, 1_050] {
            assert_eq!(differing(counted), None, "{counted}");
        }
    }

    #[test]
    fn a_count_differs_in_either_direction() {
        assert_eq!(differing(1_051), Some(Difference::More));
        assert_eq!(differing(949), Some(Difference::Fewer));
        assert_eq!(differing(0), Some(Difference::Fewer));
        assert_eq!(differing(u64::MAX), Some(Difference::More));
    }

    #[test]
    fn each_name_has_its_own_tolerance() {
        let (counted, table) =
            (counts(&[("a", 110), ("b", 110)]), counts(&[("a", 100), ("b", 100)]));
        let found = differences(&counted, &table, |name| if name == "a" { 10 } else { 9 });
        assert_eq!(found, BTreeMap::from([("b".to_owned(), Difference::More)]));
    }

    #[test]
    fn what_only_one_of_both_has_differs() {
        let found = differences(&counts(&[("new", 1)]), &counts(&[("gone", 1)]), |_| 100);
        let expected = [("gone", Difference::Gone), ("new", Difference::New)];
        assert_eq!(found, BTreeMap::from(expected.map(|(name, found)| (name.to_owned(), found))));
    }

    #[test]
    fn what_is_within_the_tolerance_stays_as_it_is() {
        let old = [("gone", 1), ("less", 100), ("more", 100), ("same", 100)];
        let new = [("less", 94), ("more", 106), ("new", 1), ("same", 105)];
        let [old, mut updated] =
            [old, new].map(|table| Table { counts: counts(&table), ..Table::default() });
        updated.keep(&old, |_| 5);
        let expected = [("less", 94), ("more", 106), ("new", 1), ("same", 100)];
        assert_eq!(updated.counts, counts(&expected));
    }

    #[test]
    fn a_table_is_parsed_to_what_was_printed() {
        let table = Table {
            made_with: vec!["rustc 1.95.0".to_owned(), "x86_64".to_owned()],
            counts: counts(&[("a.b", 7), ("a.long.name.that.is.longer.than.its.column", 1)]),
        };
        assert_eq!(Table::parse(&table.to_string()).unwrap(), table);
    }

    #[test]
    fn a_line_without_a_count_and_a_second_one_are_refused() {
        for text in ["a", "a b", "a -1", "a 1 2", "a 1\na 2"] {
            assert!(Table::parse(text).is_err(), "{text:?}");
        }
    }
}
