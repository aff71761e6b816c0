//! What an experiment is asked to do, and what it reports.

use std::fmt;

/// What an experiment is asked to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// From which all choices follow, but for what the machine's timing chooses.
    pub seed: u64,
    /// How many faults, or payments.
    pub count: usize,
    /// How long everything may take to settle after the last fault, in seconds.
    pub settle_seconds: u64,
    /// The bug that is planted, in a control.
    pub bug: Option<&'static str>,
}

impl Plan {
    /// A source of choices; `stream` keeps those of different parts apart.
    pub(crate) fn random(&self, stream: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(stream))
    }
}

/// What an experiment has done and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was done and seen, in the order in which it is printed.
    pub counts: Vec<(String, u64)>,
    /// What should not be, one line each.
    pub violations: Vec<String>,
}

impl Report {
    /// Adds to a count.
    pub(crate) fn add(&mut self, name: &str, by: usize) {
        let by = u64::try_from(by).unwrap_or(u64::MAX);
        match self.counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += by,
            None => self.counts.push((name.to_owned(), by)),
        }
    }

    /// Takes in what another part has found.
    pub(crate) fn merge(&mut self, other: Report) {
        for (name, count) in other.counts {
            self.add(&name, usize::try_from(count).unwrap_or(usize::MAX));
        }
        self.violations.extend(other.violations);
    }

    /// Notes something that should not be.
    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }
}

/// How many violations are shown; the rest is counted.
const SHOWN: usize = 6;
/// How much of each is shown, in bytes.
const LONGEST: usize = 400;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        write!(f, "  {}", counts.join(", "))?;
        for violation in self.violations.iter().take(SHOWN) {
            let (line, rest) = violation.split_at(violation.floor_char_boundary(LONGEST));
            write!(f, "\n  ! {line}{}", if rest.is_empty() { "" } else { "…" })?;
        }
        match self.violations.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, "\n  ! and {more} more"),
            _ => Ok(()),
        }
    }
}
