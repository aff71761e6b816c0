//! Sorting more lines than memory should hold: in runs, which are written to files without a name and merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

/// How many lines are held in memory.
const RUN: usize = 20_000;

/// Takes lines in any order.
pub(super) struct Sorter {
    run: usize,
    lines: Vec<String>,
    files: Vec<File>,
}

/// Gives the lines back in their order.
pub(super) struct Sorted {
    runs: Vec<Run>,
    next: BinaryHeap<Reverse<(String, usize)>>,
}

enum Run {
    Memory(std::vec::IntoIter<String>),
    File(io::Lines<BufReader<File>>),
}

impl Sorter {
    pub(super) fn new() -> Self {
        Sorter::with_runs_of(RUN)
    }

    fn with_runs_of(run: usize) -> Self {
        Sorter { run, lines: Vec::new(), files: Vec::new() }
    }

    /// Takes a line, which has no line break in it.
    pub(super) fn push(&mut self, line: String) -> io::Result<()> {
        self.lines.push(line);
        if self.lines.len() < self.run {
            return Ok(());
        }
        self.lines.sort_unstable();
        let mut out = BufWriter::new(tempfile::tempfile()?);
        for line in self.lines.drain(..) {
            writeln!(out, "{line}")?;
        }
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.files.push(file);
        Ok(())
    }

    /// All lines, from now on in their order.
    pub(super) fn sorted(mut self) -> io::Result<Sorted> {
        self.lines.sort_unstable();
        let files = self.files.into_iter().map(|file| Run::File(BufReader::new(file).lines()));
        let mut sorted = Sorted { runs: files.collect(), next: BinaryHeap::new() };
        sorted.runs.push(Run::Memory(self.lines.into_iter()));
        for index in 0..sorted.runs.len() {
            sorted.advance(index)?;
        }
        Ok(sorted)
    }
}

impl Sorted {
    /// The next line.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        let Some(Reverse((line, index))) = self.next.pop() else { return Ok(None) };
        self.advance(index)?;
        Ok(Some(line))
    }

    fn advance(&mut self, index: usize) -> io::Result<()> {
        let line = match self.runs.get_mut(index) {
            Some(Run::Memory(lines)) => lines.next(),
            Some(Run::File(lines)) => lines.next().transpose()?,
            None => None,
        };
        self.next.extend(line.map(|line| Reverse((line, index))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_runs_come_back_as_one_order_with_all_lines() {
        for count in [0_u64, 1, 9, 10, 11, 1000] {
            let mut sorter = Sorter::with_runs_of(10);
            let lines: Vec<_> = (0..count).map(|number| format!("{:04}", number * 7919 % 1000)).collect();
            lines.iter().for_each(|line| sorter.push(line.clone()).unwrap());
            let mut sorted = sorter.sorted().unwrap();
            let mut found = Vec::new();
            while let Some(line) = sorted.next().unwrap() {
                found.push(line);
            }
            let mut expected = lines;
            expected.sort();
            assert_eq!(found, expected);
        }
    }
}
