//! The reference's examples, run by curl as they are written.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::client::{DOCUMENTED_KEY, Reply};

/// What the reference writes where a reader puts something of their own.
const BASE_URL: &str = "https://api.dokiapp.com/v1";
const KEY: &str = "YOUR_API_KEY";
const PAYMENT_ID: &str = "pay_1234567890abcdef";

/// An example of the reference, word by word.
#[derive(Clone, Copy, Debug)]
pub struct Example(pub &'static str);

/// Runs examples against one server.
#[derive(Debug)]
pub struct Curl {
    folder: tempfile::TempDir,
    url: String,
}

impl Curl {
    /// For the server at `url`.
    ///
    /// # Panics
    /// When there is no room for curl's own files.
    pub fn new(url: &str) -> Curl {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let headers = folder.path().join("headers");
        // All that is not in the examples is in curl's own configuration file.
        let settings =
            format!("silent\nshow-error\nnoproxy = \"*\"\ndump-header = \"{}\"\n", headers.display());
        std::fs::write(folder.path().join(".curlrc"), settings).expect("a temporary file can be written");
        Curl { folder, url: url.to_owned() }
    }

    /// Runs an example, about that payment where it names one, with the documented key.
    ///
    /// # Panics
    /// When curl is not there or gets no answer.
    pub fn run(&self, example: Example, payment_id: &str) -> Reply {
        self.run_with(example, payment_id, DOCUMENTED_KEY)
    }

    /// The same with another key.
    ///
    /// # Panics
    /// When curl is not there or gets no answer.
    pub fn run_with(&self, example: Example, payment_id: &str, key: &str) -> Reply {
        let Example(text) = example;
        assert!(text.contains(BASE_URL) && text.contains(KEY), "no example: {text}");
        let script = text
            .replace(BASE_URL, &format!("{}/v1", self.url))
            .replace(KEY, key)
            .replace(PAYMENT_ID, payment_id);
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("CURL_HOME", self.folder.path())
            .env("HOME", self.folder.path())
            .output()
            .expect("bash can be run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "curl: {stderr}\n{script}");
        let text = String::from_utf8(output.stdout).expect("an answer is UTF-8");
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let (status, headers) = read_head(&self.folder.path().join("headers"));
        Reply { status, headers, text, body }
    }
}

/// The last head in a file that curl wrote.
fn read_head(path: &Path) -> (u16, reqwest::header::HeaderMap) {
    let text = std::fs::read_to_string(path).expect("curl wrote down the head");
    let head = text.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| {
        let name =
            reqwest::header::HeaderName::from_bytes(name.as_bytes()).expect("a header has a good name");
        (name, value.trim().parse().expect("a header has a good value"))
    });
    (status.unwrap_or_else(|| panic!("no status: {head}")), headers.collect())
}
