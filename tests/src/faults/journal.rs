//! The client's own journal: what it is about to ask, before it asks, and the answer, before it goes on. Each line is on
//! the disk before the client acts on it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::Reply;

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Intent { number: usize, key: String, path: String, body: Value },
    Answer { number: usize, status: u16, text: String },
}

/// A question and, unless it got lost, its last answer.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) answer: Option<(u16, String)>,
}

impl Asked {
    /// The answer as JSON; null when there is none.
    pub(crate) fn json(&self) -> Value {
        self.answer.as_ref().and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// The journal, to which many clients write.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    lines: Sender<(String, oneshot::Sender<()>)>,
    number: AtomicUsize,
    answered: AtomicUsize,
    lost: AtomicUsize,
}

impl Journal {
    /// A new journal.
    pub(crate) fn create(path: PathBuf) -> Journal {
        let file = File::create(&path).expect("a journal can be made");
        let (lines, waiting) = channel();
        std::thread::spawn(move || write_lines(file, &waiting));
        let zero = AtomicUsize::default;
        Journal { path, lines, number: zero(), answered: zero(), lost: zero() }
    }

    /// Notes what is about to be asked.
    pub(crate) async fn intend(&self, key: &str, path: &str, body: &Value) -> usize {
        let number = self.number.fetch_add(1, Ordering::SeqCst);
        let line = Line::Intent { number, key: key.to_owned(), path: path.to_owned(), body: body.clone() };
        self.write(&line).await;
        number
    }

    /// Notes an answer.
    pub(crate) async fn note(&self, number: usize, reply: &Reply) {
        self.write(&Line::Answer { number, status: reply.status, text: reply.text.clone() }).await;
        self.answered.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts an answer that did not come.
    pub(crate) fn note_lost(&self) {
        self.lost.fetch_add(1, Ordering::SeqCst);
    }

    /// How many answers came, and how many did not.
    pub(crate) fn answered_and_lost(&self) -> (usize, usize) {
        (self.answered.load(Ordering::SeqCst), self.lost.load(Ordering::SeqCst))
    }

    /// All that was asked, read from the disk.
    pub(crate) fn read(&self) -> Vec<Asked> {
        read(&self.path)
    }

    async fn write(&self, line: &Line) {
        let text = serde_json::to_string(line).expect("a line can be written as JSON");
        let (done, waiting) = oneshot::channel();
        self.lines.send((text, done)).expect("the journal's thread lives as long as the journal");
        waiting.await.expect("the journal is written");
    }
}

/// Writes all lines that wait, and lets those who wait go on once the lines are on the disk.
fn write_lines(mut file: File, lines: &Receiver<(String, oneshot::Sender<()>)>) {
    while let Ok(first) = lines.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(lines.try_iter()).collect();
        let text: String = batch.iter().map(|(line, _)| format!("{line}\n")).collect();
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).expect("the journal can be written");
        batch.into_iter().for_each(|(_, done)| done.send(()).unwrap_or_default());
    }
}

fn read(path: &Path) -> Vec<Asked> {
    let file = File::open(path).expect("the journal is there");
    let mut asked: BTreeMap<usize, Asked> = BTreeMap::new();
    for line in BufReader::new(file).lines() {
        let line = line.expect("the journal can be read");
        match serde_json::from_str(&line).expect("the journal has whole lines") {
            Line::Intent { number, key, path, body } => {
                asked.insert(number, Asked { key, path, body, answer: None });
            }
            Line::Answer { number, status, text } => {
                asked.get_mut(&number).expect("an intent comes before").answer = Some((status, text));
            }
        }
    }
    asked.into_values().collect()
}
