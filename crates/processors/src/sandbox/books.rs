//! The sandbox's books: an append-only file that several processes share.
//!
//! **Format.** One [`Entry`] a line, as JSON, in the order in which they happened. A line counts once its newline is
//! there. What a crash or a full disk left half written is marked with `#torn` at its end by whoever writes next.
//!
//! **Sharing.** Each operation takes the mutex of its process, then the advisory lock of the file; reads what other
//! processes have appended since; decides; appends at most one line in one write; and lets go. That is four system calls
//! and no wait for the disk (there is no fsync: books that lose their last lines with the machine's power are good
//! enough for tests). It takes some microseconds, so it is done in place and not on a thread for blocking work. The one
//! slow case, an attempt older than the index, reads the file before it takes any lock; see [`Books::post`].
//!
//! **Memory.** Only the positions of the newest attempts are kept, see [`Index`].

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use florin_domain::AttemptId;

use super::entry::Entry;
use super::index::{Index, Indexed};
use super::line::{self, Line, TORN_MARK};

/// The books of a sandbox. Other crates only read them, by `Books::read`, `Books::latest` and `Books::tally`.
#[derive(Debug)]
pub struct Books {
    path: PathBuf,
    file: File,
    reader: Mutex<Reader>,
}

/// The books can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The operating system refused.
    #[error("the sandbox's books {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is no entry: the file is something else, or was changed by hand.
    #[error("the sandbox's books {}: no entry begins at byte {at_position}: {reason}", path.display())]
    NoEntry {
        /// The file.
        path: PathBuf,
        /// Where the line begins.
        at_position: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is shorter than what was read from it: somebody has cut or replaced it.
    #[error("the sandbox's books {} were cut short; nothing may be removed while they are in use", path.display())]
    CutShort {
        /// The file.
        path: PathBuf,
    },
}

/// How far this process has read.
#[derive(Debug)]
struct Reader {
    index: Index,
    /// All lines before this byte are in the index.
    read_until: u64,
    /// Kept, so that an entry costs no allocation.
    line: Vec<u8>,
}

impl Books {
    /// Opens the books, and starts them where there are none.
    pub(super) fn open(path: &Path, index_capacity: usize) -> Result<Books, BooksError> {
        let failed = |source| BooksError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let reader = Reader { index: Index::new(index_capacity), read_until: 0, line: Vec::new() };
        let books = Books { path: path.to_owned(), file, reader: Mutex::new(reader) };
        // Long books take a while. What is there won't change, so nobody has to wait for us; the lock is taken for the
        // rest only.
        books.read_on(&mut books.reader())?;
        books.locked(|_| Ok(()))?;
        Ok(books)
    }

    /// Where the books are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Shows `decide` the last entry of an attempt, writes down the entry that it returns, if any, and gives back its
    /// answer. Nobody else writes in between.
    pub(super) fn post<R>(
        &self,
        id: AttemptId,
        decide: impl FnOnce(Option<Entry>) -> (R, Option<Entry>),
    ) -> Result<R, BooksError> {
        let searched = self.search_if_old(id)?;
        self.locked(|reader| {
            let position = match reader.index.find(id) {
                Indexed::At(position) => Some(position),
                Indexed::Nowhere => None,
                // What was appended since the search, if anything.
                Indexed::TooOld => line::find_last(&self.path, id, searched.until, reader.read_until)
                    .map_err(|source| self.failed(source))?
                    .or(searched.position),
            };
            let entry = position.map(|position| self.read_entry(position)).transpose()?;
            let (answer, next) = decide(entry);
            if let Some(next) = next {
                self.append(reader, &next)?;
            }
            Ok(answer)
        })
    }

    /// Searches the file for an attempt that is older than the index. No lock is held meanwhile: the lines that are
    /// there can't change.
    fn search_if_old(&self, id: AttemptId) -> Result<Searched, BooksError> {
        let until = {
            let reader = self.reader();
            if reader.index.find(id) != Indexed::TooOld {
                return Ok(Searched { until: 0, position: None });
            }
            reader.read_until
        };
        let position = line::find_last(&self.path, id, 0, until).map_err(|source| self.failed(source))?;
        Ok(Searched { until, position })
    }

    /// Runs `work` under both locks, with all that others have written read.
    fn locked<R>(&self, work: impl FnOnce(&mut Reader) -> Result<R, BooksError>) -> Result<R, BooksError> {
        let mut reader = self.reader();
        let _lock = FileLock::take(&self.file).map_err(|source| self.failed(source))?;
        if self.read_on(&mut reader)? == Tail::Torn {
            // Nobody is in the middle of writing, we have the lock: whoever wrote this is gone.
            (&self.file).write_all(TORN_MARK).map_err(|source| self.failed(source))?;
            self.read_on(&mut reader)?;
        }
        work(&mut reader)
    }

    /// Reads the lines that were appended since last time into the index.
    fn read_on(&self, reader: &mut Reader) -> Result<Tail, BooksError> {
        let mut file = &self.file;
        let end = file.seek(SeekFrom::End(0)).map_err(|source| self.failed(source))?;
        if end == reader.read_until {
            return Ok(Tail::Whole);
        }
        if end < reader.read_until {
            return Err(BooksError::CutShort { path: self.path.clone() });
        }
        file.seek(SeekFrom::Start(reader.read_until)).map_err(|source| self.failed(source))?;
        let unread = end - reader.read_until;
        let mut lines = BufReader::with_capacity(line::buffer_size(unread), file.take(unread));
        loop {
            reader.line.clear();
            let length = lines.read_until(b'\n', &mut reader.line).map_err(|source| self.failed(source))?;
            let at_position = reader.read_until;
            match line::classify(&reader.line) {
                Line::Unfinished if length == 0 => return Ok(Tail::Whole),
                Line::Unfinished if line::may_be_torn(&reader.line) => return Ok(Tail::Torn),
                Line::Unfinished => return Err(self.no_entry(at_position, line::NO_ATTEMPT.to_owned())),
                Line::Torn => {}
                Line::Entry(text) => {
                    let id = line::attempt_id(text).map_err(|reason| self.no_entry(at_position, reason))?;
                    reader.index.note(id, at_position);
                }
            }
            reader.read_until += line::length(&reader.line);
        }
    }

    fn read_entry(&self, at_position: u64) -> Result<Entry, BooksError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at_position)).map_err(|source| self.failed(source))?;
        let mut text = Vec::with_capacity(512);
        BufReader::with_capacity(512, file)
            .read_until(b'\n', &mut text)
            .map_err(|source| self.failed(source))?;
        line::parse(&text, at_position).map_err(|reason| self.no_entry(at_position, reason))
    }

    fn append(&self, reader: &mut Reader, entry: &Entry) -> Result<(), BooksError> {
        line::write(entry, &mut reader.line).map_err(|source| self.failed(source))?;
        // When this fails half-way, `read_until` stays, and the next operation finds a torn line.
        (&self.file).write_all(&reader.line).map_err(|source| self.failed(source))?;
        reader.index.note(entry.attempt_id, reader.read_until);
        reader.read_until += line::length(&reader.line);
        Ok(())
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        // The file is the truth and the index follows it line by line, so a panic in between leaves nothing wrong.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: io::Error) -> BooksError {
        BooksError::Io { path: self.path.clone(), source }
    }

    fn no_entry(&self, at_position: u64, reason: String) -> BooksError {
        BooksError::NoEntry { path: self.path.clone(), at_position, reason }
    }
}

/// How the file ends.
#[derive(PartialEq, Eq)]
enum Tail {
    Whole,
    Torn,
}

/// How far the file was searched for an old attempt, and where its last entry was.
struct Searched {
    until: u64,
    position: Option<u64>,
}

/// The advisory lock of the file, which the operating system gives back when a process dies.
struct FileLock<'a>(&'a File);

impl<'a> FileLock<'a> {
    fn take(file: &'a File) -> io::Result<FileLock<'a>> {
        loop {
            match file.lock() {
                Err(interrupted) if interrupted.kind() == io::ErrorKind::Interrupted => {}
                taken => return taken.map(|()| FileLock(file)),
            }
        }
    }
}

impl Drop for FileLock<'_> {
    fn drop(&mut self) {
        // Fails only when the file is not open any more, and then the lock is gone with it.
        let _ = self.0.unlock();
    }
}
