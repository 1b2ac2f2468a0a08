//! From raw rows to medians, and from medians to the depth at which one system overtakes another.

use crate::measure::median;
use crate::rows::Row;

/// A number of a row; nothing if it was not measured.
pub type Metric = fn(&Row) -> Option<f64>;

/// Rows of one comparison, system, network and depth, and of as many cores.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// At least one.
    rows: Vec<&'a Row>,
}

impl<'a> Group<'a> {
    /// The first of the rows, for what is the same in all.
    #[must_use]
    pub fn any(&self) -> Option<&'a Row> {
        self.rows.first().copied()
    }

    /// Runs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Median over the runs, if all of them were measured.
    #[must_use]
    pub fn median(&self, metric: Metric) -> Option<f64> {
        let values: Option<Vec<f64>> = self
            .rows
            .iter()
            .map(|row| if row.is_ok() { metric(row) } else { None })
            .collect();
        median(&values?)
    }

    /// Why there is no median.
    #[must_use]
    pub fn status(&self) -> Option<&'a str> {
        let failed = self.rows.iter().find(|row| !row.is_ok());
        failed.map(|row| row.status.as_str())
    }
}

/// Rows that satisfy `which`, by network, system, depth and cores, in the order in which they first occur.
#[must_use]
pub fn groups<'a>(rows: &'a [Row], which: impl Fn(&Row) -> bool) -> Vec<Group<'a>> {
    let key = |row: &'a Row| {
        let Row {
            comparison,
            network,
            system,
            depth,
            cores,
            ..
        } = row;
        (comparison, network, system, depth, cores)
    };
    let mut groups: Vec<Group<'a>> = Vec::new();
    for row in rows.iter().filter(|row| which(row)) {
        let same = groups
            .iter_mut()
            .find(|g| g.any().map(key) == Some(key(row)));
        match same {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { rows: vec![row] }),
        }
    }
    groups
}

/// Different values of a text column, in the order in which they occur.
#[must_use]
pub fn distinct<'a>(rows: &'a [Row], of: impl Fn(&'a Row) -> &'a str) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for value in rows.iter().map(of) {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// Names of Pleat's modes in the rows; the first is what a user gets who says nothing.
pub const MODES: [&str; 2] = ["tree", "chain"];

/// The mode that others are compared with: the first that there are rows of.
#[must_use]
pub fn base(rows: &[Row]) -> Option<&'static str> {
    MODES
        .into_iter()
        .find(|mode| rows.iter().any(|r| r.system == *mode))
}

/// The rows of one network on so many cores.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The network.
    pub network: String,
    /// Logical processors.
    pub cores: usize,
    /// At least one.
    pub rows: Vec<Row>,
}

impl Panel {
    /// `dense 16, 2 cores`
    #[must_use]
    pub fn title(&self) -> String {
        let Self { network, cores, .. } = self;
        let s = if *cores == 1 { "" } else { "s" };
        format!("{network}, {cores} core{s}")
    }

    /// The depths, ascending.
    #[must_use]
    pub fn depths(&self) -> Vec<usize> {
        let mut depths: Vec<usize> = self.rows.iter().map(|r| r.depth).collect();
        depths.sort_unstable();
        depths.dedup();
        depths
    }

    /// The rows of one system at one depth.
    #[must_use]
    pub fn group(&self, system: &str, depth: usize) -> Option<Group<'_>> {
        let own = |r: &Row| r.system == system && r.depth == depth;
        groups(&self.rows, own).into_iter().next()
    }

    /// `(depth, median)` of a system, in ascending depth.
    #[must_use]
    pub fn curve(&self, system: &str, metric: Metric) -> Vec<(usize, f64)> {
        curve(&self.rows, &self.network, system, metric)
    }
}

/// Rows by network, in the order in which they first occur, and by cores, most first.
#[must_use]
pub fn panels(rows: &[Row]) -> Vec<Panel> {
    let mut panels = Vec::new();
    for network in distinct(rows, |r| &r.network) {
        let own: Vec<&Row> = rows.iter().filter(|r| r.network == network).collect();
        let mut cores: Vec<usize> = own.iter().map(|r| r.cores).collect();
        cores.sort_unstable_by(|a, b| b.cmp(a));
        cores.dedup();
        for cores in cores {
            let rows = own.iter().filter(|r| r.cores == cores);
            panels.push(Panel {
                network: network.to_owned(),
                cores,
                rows: rows.map(|r| (*r).clone()).collect(),
            });
        }
    }
    panels
}

/// `(depth, median)` of a network and system, in ascending depth.
#[must_use]
pub fn curve(rows: &[Row], network: &str, system: &str, metric: Metric) -> Vec<(usize, f64)> {
    let groups = groups(rows, |r| r.network == network && r.system == system);
    let mut curve: Vec<(usize, f64)> = groups
        .iter()
        .filter_map(|g| Some((g.any()?.depth, g.median(metric)?)))
        .collect();
    curve.sort_by_key(|(depth, _)| *depth);
    curve
}

/// Where the first system's curve is below the second's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossover {
    /// At all depths at which both were measured.
    Always,
    /// From this depth on.
    From(usize),
    /// Up to this depth, not beyond.
    Until(usize),
    /// At no depth.
    Never,
    /// Here and there.
    Mixed,
    /// There is nothing to compare.
    Unknown,
}

/// Compares two curves at the depths that they share.
#[must_use]
pub fn crossover(first: &[(usize, f64)], second: &[(usize, f64)]) -> Crossover {
    let below: Vec<(usize, bool)> = first
        .iter()
        .filter_map(|(depth, value)| {
            let other = second.iter().find(|(d, _)| d == depth)?;
            Some((*depth, *value < other.1))
        })
        .collect();
    let changes = below.windows(2).filter(|w| w[0].1 != w[1].1).count();
    match (below.first(), below.last(), changes) {
        (None, _, _) | (_, None, _) => Crossover::Unknown,
        (Some((_, true)), Some(_), 0) => Crossover::Always,
        (Some((_, false)), Some(_), 0) => Crossover::Never,
        (Some((_, false)), Some(_), 1) => {
            let from = below.iter().find(|(_, b)| *b);
            from.map_or(Crossover::Unknown, |(d, _)| Crossover::From(*d))
        }
        (Some((_, true)), Some(_), 1) => {
            let until = below.iter().rev().find(|(_, b)| *b);
            until.map_or(Crossover::Unknown, |(d, _)| Crossover::Until(*d))
        }
        _ => Crossover::Mixed,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn crossovers() {
        let pleat = [(1, 3.0), (2, 3.1), (4, 3.2), (8, 3.3)];
        let grows = [(1, 1.0), (2, 2.0), (4, 4.0), (16, 16.0)];
        assert_eq!(crossover(&pleat, &grows), Crossover::From(4));
        assert_eq!(crossover(&grows, &pleat), Crossover::Until(2));
        assert_eq!(crossover(&pleat, &[(1, 9.0)]), Crossover::Always);
        assert_eq!(crossover(&pleat, &[(8, 0.5)]), Crossover::Never);
        assert_eq!(crossover(&pleat, &[(7, 0.5)]), Crossover::Unknown);
        let waves = [(1, 1.0), (2, 9.0), (4, 1.0)];
        assert_eq!(crossover(&pleat, &waves), Crossover::Mixed);
    }

    #[test]
    fn cores_are_not_mixed() {
        let row = |system: &str, cores, wall| Row {
            network: "dense 4".to_owned(),
            system: system.to_owned(),
            cores,
            wall: Some(wall),
            status: "ok".to_owned(),
            ..Row::default()
        };
        let rows = [
            row("chain", 1, 4.0),
            row("chain", 2, 2.0),
            row("clear", 2, 1.0),
        ];
        assert_eq!(groups(&rows, |_| true).len(), 3);
        let panels = panels(&rows);
        let titles: Vec<String> = panels.iter().map(Panel::title).collect();
        assert_eq!(titles, ["dense 4, 2 cores", "dense 4, 1 core"]);
        assert_eq!(panels[0].curve("chain", |r| r.wall), [(0, 2.0)]);
        assert_eq!(panels[1].curve("chain", |r| r.wall), [(0, 4.0)]);
        assert_eq!((base(&rows), base(&rows[2..])), (Some("chain"), None));
    }

    #[test]
    fn medians_are_of_runs_that_all_succeeded() {
        let row = |depth, wall: Option<f64>| Row {
            depth,
            wall,
            status: if wall.is_some() { "ok" } else { "out of time" }.to_owned(),
            ..Row::default()
        };
        let rows = [
            row(1, Some(3.0)),
            row(1, Some(1.0)),
            row(1, Some(8.0)),
            row(2, Some(1.0)),
            row(2, None),
        ];
        let groups = groups(&rows, |_| true);
        let [one, two]: [Group<'_>; 2] = groups.try_into().unwrap();
        assert_eq!(
            (one.len(), one.median(|r| r.wall), one.status()),
            (3, Some(3.0), None)
        );
        assert_eq!(
            (two.median(|r| r.wall), two.status()),
            (None, Some("out of time"))
        );
        assert_eq!(curve(&rows, "", "", |r| r.wall), [(1, 3.0)]);
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
    }
}
