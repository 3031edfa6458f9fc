//! Rounds of a thing and of its limit, in turns.

use anyhow::Result;

use crate::database::Kind;
use crate::measure::{Measured, median, ratio};
use crate::report::{Compared, Comparison, Figures};

/// Rounds of one thing.
#[derive(Default)]
pub struct Series {
    per_second: Vec<f64>,
    p99: Vec<f64>,
    all: Measured,
}

impl Series {
    /// Adds one.
    pub fn add(&mut self, round: &Measured) -> Result<()> {
        self.per_second.push(round.per_second());
        self.p99.push(round.latency()?.p99);
        self.all.add_round(round)
    }
}

/// Rounds of a thing and of its limit.
#[derive(Default)]
pub struct Pair {
    /// Of the thing.
    pub subject: Series,
    /// Of its limit.
    pub limit: Series,
}

impl Pair {
    /// By one of their figures.
    pub fn compare(
        &self,
        compared: Compared,
        database: Kind,
        what: &str,
        callers: usize,
        limit_name: &str,
    ) -> Result<Comparison> {
        let of = |series: &Series| match compared {
            Compared::Rate => series.per_second.clone(),
            Compared::P99 => series.p99.clone(),
        };
        let rounds = of(&self.subject).into_iter().zip(of(&self.limit));
        let ratios: Vec<_> = rounds.map(|(subject, limit)| ratio(subject, limit)).collect();
        Ok(Comparison {
            database,
            what: what.to_owned(),
            callers,
            limit_name: limit_name.to_owned(),
            compared,
            ratio: median(&ratios),
            lowest: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            highest: ratios.iter().copied().fold(0.0, f64::max),
            subject: Figures::of(&self.subject.all, median(&self.subject.per_second))?,
            limit: Figures::of(&self.limit.all, median(&self.limit.per_second))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::text;

    #[test]
    fn a_ratio_is_the_median_of_rounds_with_the_farthest_beside_it() {
        let round = |calls: u32| {
            let mut measured = Measured::new();
            (0..calls).for_each(|_| measured.record("x", Duration::from_millis(1)));
            measured.time = Duration::from_secs(1);
            measured
        };
        let mut pair = Pair::default();
        for (subject, limit) in [(90, 100), (50, 100), (96, 100), (99, 90), (95, 100)] {
            pair.subject.add(&round(subject)).unwrap();
            pair.limit.add(&round(limit)).unwrap();
        }
        let compared =
            pair.compare(Compared::Rate, Kind::Sqlite, "sign-in", 16, "the hasher alone");
        let compared = compared.unwrap();
        let line = text::comparison(&compared);
        let expected = "SQLite: sign-in 16 callers: 0.95 of the hasher alone \
                        (95.0 / 100.0 per s), rounds 0.50 to 1.10";
        assert!(line.starts_with(expected), "{line}");
    }
}
