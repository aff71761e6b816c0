//! What the books say afterwards: reading them, and summing up what really happened.
//!
//! Everything here only reads, and may do so while sandboxes write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use florin_domain::{Amount, AttemptId, AttemptKind, PaymentId};

use super::books::{Books, BooksError};
use super::entry::{Entry, EntryOutcome};
use super::line::{self, Line};

/// What really happened to a payment's money, in minor units of its currency. Only what succeeded counts: nothing that
/// is pending, waits for the payer or was declined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaymentTally {
    /// How many charges succeeded; two are a double charge.
    pub charges: u32,
    /// Reserved by charges, whether or not they also took the money.
    pub authorized: i64,
    /// Taken, by charges and by captures.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Taken back by the bank.
    pub returned: i64,
    /// How many captures succeeded.
    pub captures: u32,
    /// How many voids succeeded.
    pub voids: u32,
    /// How many refunds succeeded.
    pub refunds: u32,
}

impl Books {
    /// Reads the books at `path` from the beginning, entry by entry.
    ///
    /// Half-written lines are left out: they never counted.
    ///
    /// # Errors
    /// When the file can't be opened; and for each line that is no entry.
    pub fn read(path: &Path) -> Result<impl Iterator<Item = Result<Entry, BooksError>>, BooksError> {
        let file = File::open(path).map_err(|source| BooksError::Io { path: path.to_owned(), source })?;
        Ok(Entries { path: path.to_owned(), lines: BufReader::new(file), at_position: 0, line: Vec::new() })
    }

    /// The last entry of each attempt: where it stands. Holds all attempts in memory.
    ///
    /// # Errors
    /// As [`Books::read`].
    pub fn latest(path: &Path) -> Result<BTreeMap<AttemptId, Entry>, BooksError> {
        Books::read(path)?.map(|entry| entry.map(|entry| (entry.attempt_id, entry))).collect()
    }

    /// What really happened to each payment that the books know. Holds all attempts in memory.
    ///
    /// # Errors
    /// As [`Books::read`].
    pub fn tally(path: &Path) -> Result<BTreeMap<PaymentId, PaymentTally>, BooksError> {
        let mut tallies: BTreeMap<PaymentId, PaymentTally> = BTreeMap::new();
        for entry in Books::latest(path)?.values() {
            tallies.entry(entry.payment_id).or_default().add(entry);
        }
        Ok(tallies)
    }
}

impl PaymentTally {
    fn add(&mut self, entry: &Entry) {
        let amount = entry.amount.map_or(0, Amount::minor);
        match entry.outcome {
            EntryOutcome::Succeeded => {}
            EntryOutcome::Returned => self.returned += amount,
            EntryOutcome::Declined { .. } | EntryOutcome::Pending | EntryOutcome::RequiresAction => return,
        }
        match entry.kind {
            AttemptKind::Charge => {
                self.charges += 1;
                self.authorized += amount;
                if entry.capture == Some(true) {
                    self.captured += amount;
                }
            }
            AttemptKind::Capture => {
                self.captures += 1;
                self.captured += amount;
            }
            AttemptKind::Void => self.voids += 1,
            AttemptKind::Refund => {
                self.refunds += 1;
                self.refunded += amount;
            }
        }
    }
}

struct Entries {
    path: PathBuf,
    lines: BufReader<File>,
    at_position: u64,
    line: Vec<u8>,
}

impl Iterator for Entries {
    type Item = Result<Entry, BooksError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at_position = self.at_position;
            self.line.clear();
            if let Err(source) = self.lines.read_until(b'\n', &mut self.line) {
                return Some(Err(BooksError::Io { path: self.path.clone(), source }));
            }
            self.at_position += line::length(&self.line);
            match line::classify(&self.line) {
                Line::Unfinished => return None,
                Line::Torn => {}
                Line::Entry(text) => {
                    return Some(line::parse(text, at_position).map_err(|reason| BooksError::NoEntry {
                        path: self.path.clone(),
                        at_position,
                        reason,
                    }));
                }
            }
        }
    }
}
