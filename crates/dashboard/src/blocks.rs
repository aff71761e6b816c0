//! What pages are made of: facts, tables, forms. A page says what there is; how it looks is the template's.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::chrome::Chrome;
use crate::forgery::random_text;
use crate::form::{Form, METADATA};
use crate::headers::page;
use crate::pager::Pager;
use crate::trouble::Told;

/// A page of blocks.
#[derive(Template)]
#[template(path = "sheet.html")]
pub(crate) struct Sheet {
    pub(crate) chrome: Chrome,
    /// The section that the page belongs to, when it is not the section itself.
    pub(crate) crumb: Option<(&'static str, String)>,
    /// The state of what is shown.
    pub(crate) badge: Option<String>,
    /// Ways to other pages, beside the title.
    pub(crate) links: Vec<Way>,
    pub(crate) blocks: Vec<Block>,
}

/// A way to another page.
pub(crate) struct Way {
    pub(crate) label: &'static str,
    pub(crate) path: String,
    pub(crate) is_primary: bool,
}

/// A part of a page.
pub(crate) enum Block {
    Facts(Facts),
    Table(Table),
    Entry(Entry),
    Code {
        title: &'static str,
        text: String,
    },
    Secret {
        title: &'static str,
        text: String,
        note: &'static str,
    },
    /// An SVG that was made here.
    Picture {
        title: &'static str,
        svg: String,
        note: &'static str,
    },
    Note {
        tone: &'static str,
        text: String,
    },
}

/// Names and values.
pub(crate) struct Facts {
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<(String, Cell)>,
}

/// Rows under columns.
pub(crate) struct Table {
    pub(crate) title: Option<&'static str>,
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What is said where there are no rows.
    pub(crate) empty: (&'static str, &'static str),
    pub(crate) filters: Option<Filters>,
    pub(crate) pager: Option<Pager>,
    /// Where it is asked for again, every few seconds.
    pub(crate) is_live: bool,
}

/// What a table is confined by.
pub(crate) struct Filters {
    pub(crate) path: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) is_set: bool,
}

/// Something to fill in.
pub(crate) struct Entry {
    pub(crate) title: &'static str,
    pub(crate) note: &'static str,
    pub(crate) path: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) button: &'static str,
    /// A second button, which shows the form again with more to fill in.
    pub(crate) more: Option<&'static str>,
    /// Whether it takes something away for good.
    pub(crate) is_danger: bool,
    /// Whether it is shown when it is asked for, so that what it does takes two steps.
    pub(crate) is_folded: bool,
    /// What makes it happen once.
    pub(crate) once: String,
}

/// A field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: String,
    pub(crate) value: String,
    pub(crate) is_needed: bool,
    pub(crate) kind: Kind,
}

/// How a field is filled in.
pub(crate) enum Kind {
    /// A line; the type and the autocompletion as HTML has them.
    Line(&'static str, &'static str),
    Area,
    /// One of some values, each with its name.
    Choice(Vec<(String, String)>),
    /// Any of some values, with those that are ticked.
    Boxes(Vec<(String, bool)>),
    /// Rows of lines, under columns with the names of their fields.
    Rows(&'static [Column], Vec<Vec<String>>),
}

/// A column of rows to fill in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// Whether what stands in it is short.
    pub(crate) is_narrow: bool,
}

/// A value.
pub(crate) enum Cell {
    Text(String),
    Mono(String),
    Link { text: String, path: String, is_mono: bool },
    Money(i64, String),
    State(String),
    Time(String),
    Nothing,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// A text that may be missing.
    pub(crate) fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Cell::Nothing, |text| Cell::Text(text.into()))
    }

    pub(crate) fn maybe_time(time: Option<String>) -> Self {
        time.map_or(Cell::Nothing, Cell::Time)
    }

    pub(crate) fn link(text: impl Into<String>, path: String) -> Self {
        Cell::Link { text: text.into(), path, is_mono: false }
    }

    pub(crate) fn id(text: impl Into<String>, path: String) -> Self {
        Cell::Link { text: text.into(), path, is_mono: true }
    }
}

impl Field {
    pub(crate) fn line(name: &'static str, label: &'static str) -> Self {
        let kind = Kind::Line("text", "off");
        Field { name, label, hint: String::new(), value: String::new(), is_needed: false, kind }
    }

    pub(crate) fn area(name: &'static str, label: &'static str) -> Self {
        Field { kind: Kind::Area, ..Field::line(name, label) }
    }

    /// One of some words of the API; an empty one for any or none.
    pub(crate) fn choice(name: &'static str, label: &'static str, none: &str, words: &[&str]) -> Self {
        let none = Some((String::new(), none.to_owned())).filter(|(_, none)| !none.is_empty());
        let words = words.iter().map(|word| ((*word).to_owned(), crate::show::label(word)));
        Field { kind: Kind::Choice(none.into_iter().chain(words).collect()), ..Field::line(name, label) }
    }

    /// The caller's own data, as the form was filled in.
    pub(crate) fn metadata(form: &Form) -> Self {
        let hint = "Your own data: a pair on each line, such as order=1001.";
        Field::area(METADATA, "Metadata").value(form.shown(METADATA)).hint(hint)
    }

    pub(crate) fn boxes(name: &'static str, label: &'static str, words: &[&str], ticked: &[String]) -> Self {
        let of = |word: &&str| ((*word).to_owned(), ticked.iter().any(|other| other == word));
        Field { kind: Kind::Boxes(words.iter().map(of).collect()), ..Field::line(name, label) }
    }

    pub(crate) fn typed(self, kind: &'static str, autocomplete: &'static str) -> Self {
        Field { kind: Kind::Line(kind, autocomplete), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Field { hint: hint.into(), ..self }
    }

    pub(crate) fn value(self, value: impl Into<String>) -> Self {
        Field { value: value.into(), ..self }
    }

    pub(crate) fn needed(self) -> Self {
        Field { is_needed: true, ..self }
    }
}

impl Entry {
    pub(crate) fn new(title: &'static str, path: String, fields: Vec<Field>, button: &'static str) -> Self {
        let once = random_text().unwrap_or_default();
        let more = None;
        Entry { title, note: "", path, fields, button, more, is_danger: false, is_folded: false, once }
    }

    pub(crate) fn note(self, note: &'static str) -> Self {
        Entry { note, ..self }
    }

    pub(crate) fn folded(self) -> Self {
        Entry { is_folded: true, ..self }
    }

    pub(crate) fn danger(self) -> Self {
        Entry { is_danger: true, is_folded: true, ..self }
    }
}

impl Table {
    pub(crate) fn new(columns: &'static [&'static str], rows: Vec<Vec<Cell>>) -> Self {
        let empty = ("Nothing here yet", "");
        Table { title: None, columns, rows, empty, filters: None, pager: None, is_live: false }
    }

    /// Whether there are objects at which nobody has looked.
    fn is_cut(&self) -> bool {
        self.pager.as_ref().is_some_and(|pager| pager.is_cut)
    }

    /// The columns with the values of a row.
    fn named<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = (&'static str, &'a Cell)> {
        self.columns.iter().copied().zip(row)
    }
}

impl Sheet {
    pub(crate) fn new(chrome: Chrome, blocks: Vec<Block>) -> Self {
        Sheet { chrome, crumb: None, badge: None, links: Vec::new(), blocks }
    }

    /// The same below a section, to which it leads back.
    pub(crate) fn below(self, section: &'static str, path: String) -> Self {
        Sheet { crumb: Some((section, path)), ..self }
    }

    /// The same with the state of what is shown.
    pub(crate) fn badged(self, state: String) -> Self {
        Sheet { badge: Some(state), ..self }
    }

    /// The same with a way to another page.
    pub(crate) fn leading_to(mut self, label: &'static str, path: String, is_primary: bool) -> Self {
        self.links.push(Way { label, path, is_primary });
        self
    }

    /// The page, at the status of what it tells.
    pub(crate) fn answer(&self) -> HttpResponse {
        page(self.chrome.told.as_ref().map_or(StatusCode::OK, Told::status), self)
    }
}
