//! Which samples of DATA are meant: one, or several side by side.

use std::fmt;
use std::str::FromStr;

/// Samples, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// The first, counted from 0.
    pub first: usize,
    /// How many; at least 1.
    pub count: usize,
}

impl Default for Samples {
    fn default() -> Self {
        Self::FIRST
    }
}

impl Samples {
    /// The first one alone.
    pub const FIRST: Self = Self { first: 0, count: 1 };
}

impl FromStr for Samples {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse::<usize>().ok();
        let parsed = match text.split_once("..") {
            None => number(text).map(|first| Self { first, count: 1 }),
            Some((first, end)) => number(first).zip(number(end)).and_then(|(first, end)| {
                let count = end.checked_sub(first).filter(|count| *count > 0)?;
                Some(Self { first, count })
            }),
        };
        parsed.ok_or_else(|| {
            format!("{text} is neither a sample, as 7 is, nor several, as 0..64 is: 0 to 63")
        })
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.first),
            count => write!(f, "{}..{}", self.first, self.first.saturating_add(count)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_are_written() {
        for (text, first, count) in [("7", 7, 1), ("0..64", 0, 64), ("3..5", 3, 2)] {
            let samples: Samples = text.parse().unwrap();
            assert_eq!(samples, Samples { first, count });
            assert_eq!(samples.to_string(), text);
        }
        for bad in ["", "x", "-1", "5..5", "5..4", "..4", "4..", "0..x", "1..=2"] {
            assert!(bad.parse::<Samples>().is_err(), "{bad}");
        }
    }
}
