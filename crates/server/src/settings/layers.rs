//! Where settings come from: defaults, a TOML file, the environment, flags. The later wins.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::mistake::Mistake;
use super::table::{SETTINGS, variable};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Florin itself.
    Default,
    /// The settings file at this path.
    File(String),
    /// A variable.
    Environment,
    /// The command line.
    Flag,
}

const DEFAULT: &str = "default";
const ENVIRONMENT: &str = "environment";
const FLAG: &str = "flag";

impl Source {
    fn of(metadata: &Metadata) -> Source {
        match metadata.name.as_ref() {
            DEFAULT => Source::Default,
            ENVIRONMENT => Source::Environment,
            FLAG => Source::Flag,
            path => Source::File(path.to_owned()),
        }
    }

    /// How a setting is called there, and where that is.
    pub(crate) fn name_of(&self, key: &str) -> String {
        self.written(&self.written_name(key))
    }

    /// How a setting is called there.
    pub(crate) fn written_name(&self, key: &str) -> String {
        match self {
            Source::Default | Source::Environment => variable(key),
            Source::Flag => format!("--{}", key.replace('_', "-")),
            Source::File(_) => key.to_owned(),
        }
    }

    /// A name that stands there, and where that is when the name does not tell.
    pub(crate) fn written(&self, name: &str) -> String {
        match self {
            Source::File(path) => format!("{name} in {path}"),
            Source::Default | Source::Environment | Source::Flag => name.to_owned(),
        }
    }
}

/// Variables that begin like Florin's settings and are none: the project's own tests and scripts use them.
fn is_for_scripts(name: &str) -> bool {
    matches!(name, "FLORIN_BIN" | "FLORIN_HOOKS" | "FLORIN_KEY") || name.starts_with("FLORIN_TEST_")
}

/// Named values from one place.
struct Layer {
    name: String,
    values: Dict,
}

impl Layer {
    fn of_texts<K: Into<String>, V: Into<String>>(
        name: &str,
        texts: impl IntoIterator<Item = (K, V)>,
    ) -> Layer {
        let text = |(key, text): (K, V)| (key.into(), Value::String(Tag::Default, text.into()));
        Layer { name: name.to_owned(), values: texts.into_iter().map(text).collect() }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// The values of all settings, each from the last place that has one.
pub(crate) struct Layers {
    figment: Figment,
}

/// A value as it was found.
pub(crate) enum Found {
    /// A text, or what a text would say: a number, true, false.
    Text(String),
    /// Something that no setting is: a list, a table.
    Other(&'static str),
}

impl Layers {
    /// Defaults of the table, and `defaults` of the command instead of or beside them.
    pub(crate) fn of_defaults(defaults: &[(&'static str, &'static str)]) -> Layers {
        let table = SETTINGS.iter().filter_map(|setting| Some((setting.key, setting.default?)));
        let figment = Figment::from(Layer::of_texts(DEFAULT, table));
        Layers { figment: figment.merge(Layer::of_texts(DEFAULT, defaults.iter().copied())) }
    }

    /// Adds a settings file.
    pub(crate) fn add_file(&mut self, path: &Path, mistakes: &mut Vec<Mistake>) {
        let name = path.display().to_string();
        let refused = |reason| Mistake::File { path: name.clone(), reason };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return mistakes.push(refused(error.to_string())),
        };
        match Toml::string(&text).data() {
            Err(error) => mistakes.push(refused(brief(&error))),
            Ok(profiles) => {
                let values = profiles.into_values().next().unwrap_or_default();
                self.add(Layer { name: name.clone(), values }, &Source::File(name), mistakes);
            }
        }
    }

    /// Adds the environment; gives back the file that it names.
    pub(crate) fn add_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        mistakes: &mut Vec<Mistake>,
    ) {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let key =
                name.strip_prefix("FLORIN_").filter(|key| *key != "CONFIG" && !is_for_scripts(&name))?;
            Some((key.to_owned(), value))
        });
        let layer = Layer::of_texts(ENVIRONMENT, ours);
        // Variables are told apart by case, so `FLORIN_listen` is none of ours.
        let (known, unknown): (Dict, Dict) = layer
            .values
            .into_iter()
            .partition(|(name, _)| SETTINGS.iter().any(|s| s.key.to_ascii_uppercase() == *name));
        for name in unknown.into_keys() {
            mistakes.push(Mistake::Unknown { name: format!("FLORIN_{name}"), source: Source::Environment });
        }
        let values = known.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        self.add(Layer { name: layer.name, values }, &Source::Environment, mistakes);
    }

    /// Adds the command line.
    pub(crate) fn add_flags(&mut self, flags: &Flags, mistakes: &mut Vec<Mistake>) {
        let texts = [
            ("listen", flags.listen.map(|listen| listen.to_string())),
            ("database_url", flags.database_url.clone()),
        ];
        let given = texts.into_iter().filter_map(|(key, text)| Some((key, text?)));
        self.add(Layer::of_texts(FLAG, given), &Source::Flag, mistakes);
    }

    fn add(&mut self, layer: Layer, source: &Source, mistakes: &mut Vec<Mistake>) {
        let is_known = |name: &str| SETTINGS.iter().any(|setting| setting.key == name);
        for name in layer.values.keys().filter(|name| !is_known(name)) {
            mistakes.push(Mistake::Unknown { name: name.clone(), source: source.clone() });
        }
        self.figment = std::mem::take(&mut self.figment).merge(layer);
    }

    /// A setting's value and where it comes from.
    pub(crate) fn find(&self, key: &str) -> Option<(Found, Source)> {
        let value = self.figment.find_value(key).ok()?;
        let source = self.figment.get_metadata(value.tag()).map_or(Source::Default, Source::of);
        let found = match value {
            Value::String(_, text) => Found::Text(text),
            Value::Char(_, character) => Found::Text(character.to_string()),
            Value::Bool(_, truth) => Found::Text(truth.to_string()),
            Value::Num(_, number) => match (number.to_i128(), number.to_f64()) {
                (Some(whole), _) => Found::Text(whole.to_string()),
                (None, Some(fraction)) => Found::Text(fraction.to_string()),
                (None, None) => Found::Other("a number out of range"),
            },
            Value::Empty(..) => Found::Other("nothing"),
            Value::Dict(..) => Found::Other("a table"),
            Value::Array(..) => Found::Other("a list"),
        };
        Some((found, source))
    }
}

/// What TOML has to say, without the line that it quotes: that may hold a password.
fn brief(error: &Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    match lines.next_back() {
        Some(last) if !last.contains(['|', '"', '=']) => format!("{first}: {last}"),
        _ => first,
    }
}

/// What the command line may set.
#[derive(Clone, Default)]
pub(crate) struct Flags {
    /// The settings file.
    pub(crate) config: Option<PathBuf>,
    /// The database.
    pub(crate) database_url: Option<String>,
    /// Where to listen.
    pub(crate) listen: Option<std::net::SocketAddr>,
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags")
            .field("config", &self.config)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
