//! The lines of the books, as bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use florin_domain::AttemptId;

use super::entry::Entry;

/// What ends a line that was left half written.
pub(super) const TORN_MARK: &[u8] = b" #torn\n";

/// How each entry begins, so that its attempt is known without reading it all.
const BEGINNING: &[u8] = br#"{"attempt_id":""#;

/// What is wrong with a line that is no entry.
pub(super) const NO_ATTEMPT: &str = "it does not name its attempt first";

/// What a line is.
pub(super) enum Line<'a> {
    /// It has no end, or there is none.
    Unfinished,
    /// It was left half written, and never counted.
    Torn,
    /// An entry, without its newline.
    Entry(&'a [u8]),
}

/// Tells what a line is, by its end.
pub(super) fn classify(line: &[u8]) -> Line<'_> {
    match line.strip_suffix(b"\n") {
        None => Line::Unfinished,
        Some(_) if line.ends_with(TORN_MARK) => Line::Torn,
        Some(text) => Line::Entry(text),
    }
}

/// Whether an unfinished line can be what is left of an entry. It is not in a file that is something else.
pub(super) fn may_be_torn(line: &[u8]) -> bool {
    line.starts_with(BEGINNING) || BEGINNING.starts_with(line)
}

/// Whose entry a line is.
pub(super) fn attempt_id(line: &[u8]) -> Result<AttemptId, String> {
    let id = line
        .strip_prefix(BEGINNING)
        .and_then(|rest| rest.split(|byte| *byte == b'"').next())
        .and_then(|id| std::str::from_utf8(id).ok())
        .ok_or(NO_ATTEMPT)?;
    id.parse().map_err(|refused| format!("{refused}"))
}

/// Reads the entry on a line.
pub(super) fn parse(line: &[u8], at_position: u64) -> Result<Entry, String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|refused| refused.to_string())?;
    Ok(Entry { at_position, ..entry })
}

/// Puts an entry into `line`, with its newline.
pub(super) fn write(entry: &Entry, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    serde_json::to_writer(&mut *line, entry)?;
    line.push(b'\n');
    Ok(())
}

/// Where the last entry of an attempt begins, among those between two bytes of the file.
pub(super) fn find_last(path: &Path, id: AttemptId, from: u64, until: u64) -> io::Result<Option<u64>> {
    if from >= until {
        return Ok(None);
    }
    let beginning = [BEGINNING, id.to_string().as_bytes(), b"\""].concat();
    // A handle of its own: its place in the file is nobody else's.
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut lines = BufReader::with_capacity(buffer_size(until - from), file.take(until - from));
    let (mut at_position, mut found, mut line) = (from, None, Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        if line.starts_with(&beginning) && matches!(classify(&line), Line::Entry(_)) {
            found = Some(at_position);
        }
        at_position += length(&line);
        line.clear();
    }
    Ok(found)
}

/// How large a buffer to read that many bytes with.
pub(super) fn buffer_size(unread: u64) -> usize {
    usize::try_from(unread).map_or(LARGEST_BUFFER, |unread| unread.min(LARGEST_BUFFER))
}

const LARGEST_BUFFER: usize = 64 * 1024;

/// The length of a line as a distance in the file.
pub(super) fn length(line: &[u8]) -> u64 {
    u64::try_from(line.len()).expect("no machine has more memory than 64 bits address")
}
