//! A view as a row of CSV: its JSON, with a cell for each key.
//!
//! The cells are made of the JSON text, so that both formats say the same and a key can't be forgotten in one of them.

use std::borrow::Cow;
use std::fmt;
use std::io;

use csv::{Terminator, Writer, WriterBuilder};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Rows of CSV that wait to be handed on.
pub(super) struct Cells {
    columns: &'static [&'static str],
    writer: Writer<Vec<u8>>,
    /// The JSON of one object; kept for its memory.
    json: Vec<u8>,
}

impl Cells {
    /// The header.
    pub(super) fn begin(columns: &'static [&'static str]) -> io::Result<Self> {
        let mut cells = Cells { columns, writer: writer(), json: Vec::new() };
        cells.writer.write_record(columns)?;
        Ok(cells)
    }

    /// Adds the row of an object, which writes its JSON.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        self.json.clear();
        write(&mut self.json)?;
        let Members(members) = serde_json::from_slice(&self.json)?;
        let mut wanted = self.columns.iter().peekable();
        for (key, value) in members {
            if wanted.next_if(|column| **column == key).is_some() {
                self.writer.write_field(cell(value.get())?.as_ref())?;
            }
        }
        if let Some(column) = wanted.next() {
            return Err(io::Error::other(format!("the view has no {column} where it is expected")));
        }
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    /// How many bytes wait, but for those that the writer holds back.
    pub(super) fn len(&self) -> usize {
        self.writer.get_ref().len()
    }

    /// All that waits.
    pub(super) fn take(&mut self) -> io::Result<Vec<u8>> {
        let full = std::mem::replace(&mut self.writer, writer());
        full.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

fn writer() -> Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new())
}

/// The members of an object, in order.
struct Members<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::with_capacity(48);
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A value as a cell: a text as it is, nothing for null, and all else as JSON.
fn cell(json: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Ok(harmless(Cow::Borrowed(plain))),
        Some(_) => Ok(harmless(Cow::Owned(serde_json::from_str(json)?))),
        None if json == "null" => Ok(Cow::Borrowed("")),
        None => Ok(Cow::Borrowed(json)),
    }
}

/// A spreadsheet takes a cell that begins like this for a formula, which may do harm on the computer of who opens it.
/// The full-width signs are what some take for the others.
const SUSPECT: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A text that no spreadsheet takes for a formula: behind an apostrophe, as people write it. A text that begins with an
/// apostrophe gets one more, so that who takes one away has the text again.
fn harmless(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.starts_with(SUSPECT) || text.starts_with('\'') {
        return Cow::Owned(format!("'{text}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_cell_is_the_text_itself_or_json_or_nothing() {
        for (json, expected) in [
            ("null", ""),
            (r#""null""#, "null"),
            ("1000", "1000"),
            ("-1000", "-1000"),
            ("true", "true"),
            (r#"{"a":"=1"}"#, r#"{"a":"=1"}"#),
            (r#""""#, ""),
            (r#""plain, and \"quoted\"""#, "plain, and \"quoted\""),
            (r#""a\nb\\ü""#, "a\nb\\ü"),
            (r#""a = b""#, "a = b"),
        ] {
            assert_eq!(cell(json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn a_text_that_looks_like_a_formula_stands_behind_an_apostrophe_and_can_be_had_again() {
        for text in
            ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠A", "'quoted'"]
        {
            let json = serde_json::to_string(text).unwrap();
            let cell = cell(&json).unwrap();
            assert_eq!(cell.strip_prefix('\''), Some(text));
        }
    }

    #[test]
    fn a_view_that_lacks_a_column_is_an_error_and_what_is_no_column_is_left_out() {
        let add = |cells: &mut Cells, view: &str| cells.add(|json| json.write_all(view.as_bytes()));
        let mut cells = Cells::begin(&["a", "c"]).unwrap();
        add(&mut cells, r#"{"a":1,"b":[2],"c":"x,y"}"#).unwrap();
        for view in [r#"{"a":1}"#, r#"{"c":1,"a":2}"#, "{}"] {
            let mut cells = Cells::begin(&["a", "c"]).unwrap();
            assert!(add(&mut cells, view).is_err(), "{view}");
        }
        assert_eq!(cells.take().unwrap(), b"a,c\r\n1,\"x,y\"\r\n");
        assert_eq!(cells.take().unwrap(), b"");
    }
}
