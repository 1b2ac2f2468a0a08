//! Ids of jobs: in the order of submission, and not to be guessed.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use rand_core::{OsRng, RngCore};

use crate::service::models::lock;

/// Hexadecimal digits: 12 of milliseconds, 4 of a count within one, 32 random.
const DIGITS: usize = 48;

/// A job's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(String);

impl JobId {
    /// As a pattern of JSON Schema.
    pub const PATTERN: &'static str = "^[0-9a-f]{48}$";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the job was submitted, in milliseconds since 1970.
    pub fn submitted(&self) -> u64 {
        let digits = self.0.get(..12).unwrap_or_default();
        u64::from_str_radix(digits, 16).unwrap_or(0)
    }
}

impl FromStr for JobId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let good = text.len() == DIGITS && text.bytes().all(is_digit);
        good.then(|| Self(text.to_owned())).ok_or(())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes ids, each above the one before.
#[derive(Default)]
pub struct Clock(Mutex<(u64, u16)>);

impl Clock {
    /// A fresh id.
    pub fn next(&self) -> JobId {
        let mut random = [0; 16];
        OsRng.fill_bytes(&mut random);
        let mut last = lock(&self.0);
        let (before, count) = *last;
        let now = millis();
        *last = match count.checked_add(1) {
            Some(count) if now <= before => (before, count),
            None if now <= before => (before + 1, 0),
            _ => (now, 0),
        };
        let (time, count) = *last;
        JobId(format!(
            "{time:012x}{count:04x}{:032x}",
            u128::from_be_bytes(random)
        ))
    }

    /// Ids will be above this one.
    pub fn after(&self, id: &JobId) {
        let mut last = lock(&self.0);
        last.0 = last.0.max(id.submitted() + 1);
    }
}

/// Milliseconds since 1970.
pub fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn they_ascend_and_are_read_back() {
        let clock = Clock::default();
        let ids: Vec<JobId> = (0..10_000).map(|_| clock.next()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids[0].as_str().parse(), Ok(ids[0].clone()));
        for bad in ["", "..", &"A".repeat(48), &"a".repeat(47), &"g".repeat(48)] {
            assert_eq!(bad.parse::<JobId>(), Err(()));
        }
    }
}
