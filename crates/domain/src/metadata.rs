//! The caller's own notes on an object: keys and values that this system stores and never reads.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::text::{TextRefused, check_text};

/// Up to 50 keys of 1 to 40 characters, with values of up to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")
)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// How many keys there may be.
    pub const MAX_KEYS: usize = 50;
    /// How many characters a key may have.
    pub const MAX_KEY_CHARS: usize = 40;
    /// How many characters a value may have.
    pub const MAX_VALUE_CHARS: usize = 500;

    /// Takes a map over, once every key and value is checked.
    ///
    /// # Errors
    /// [`MetadataRefused`], which names the key unless the key itself must not be repeated.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use florin_domain::{Metadata, MetadataRefused};
    /// let metadata = Metadata::new(BTreeMap::from([("order_id".to_owned(), "1001".to_owned())]))?;
    /// assert_eq!(metadata.get("order_id"), Some("1001"));
    /// # Ok::<(), MetadataRefused>(())
    /// ```
    pub fn new(map: BTreeMap<String, String>) -> Result<Self, MetadataRefused> {
        check_count(map.len())?;
        map.iter().try_for_each(|(key, value)| check_entry(key, value))?;
        Ok(Self(map))
    }

    /// The metadata after `changes`: a value is set, `None` takes the key away.
    ///
    /// # Errors
    /// [`MetadataRefused`] when the outcome would not be allowed. Nothing is changed then.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use florin_domain::{Metadata, MetadataRefused};
    /// let before = Metadata::new(BTreeMap::from([("color".to_owned(), "red".to_owned())]))?;
    /// let changes = BTreeMap::from([("color".to_owned(), None), ("size".to_owned(), Some("L".to_owned()))]);
    /// let after = before.merge(changes)?;
    /// assert_eq!((after.get("color"), after.get("size")), (None, Some("L")));
    /// # Ok::<(), MetadataRefused>(())
    /// ```
    pub fn merge(&self, changes: BTreeMap<String, Option<String>>) -> Result<Self, MetadataRefused> {
        let mut map = self.0.clone();
        for (key, change) in changes {
            match change {
                Some(value) => {
                    check_entry(&key, &value)?;
                    map.insert(key, value);
                }
                None => {
                    map.remove(&key);
                }
            }
        }
        check_count(map.len())?;
        Ok(Self(map))
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The map itself.
    #[must_use]
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

fn check_count(actual: usize) -> Result<(), MetadataRefused> {
    if actual > Metadata::MAX_KEYS {
        return Err(MetadataRefused::TooManyKeys { max: Metadata::MAX_KEYS, actual });
    }
    Ok(())
}

fn check_entry(key: &str, value: &str) -> Result<(), MetadataRefused> {
    // A key is looked at in full before its length, so that what the error carries is known to be harmless.
    check_text(key, usize::MAX).map_err(|refused| MetadataRefused::KeyText { refused })?;
    let actual = key.chars().count();
    if actual == 0 || actual > Metadata::MAX_KEY_CHARS {
        return Err(MetadataRefused::KeyLength { key: key.into(), max: Metadata::MAX_KEY_CHARS, actual });
    }
    check_text(value, Metadata::MAX_VALUE_CHARS).map_err(|refused| match refused {
        TextRefused::TooLong { max, actual } => {
            MetadataRefused::ValueTooLong { key: key.into(), max, actual }
        }
        TextRefused::Empty
        | TextRefused::NotProcessorName
        | TextRefused::NotPageToken
        | TextRefused::NotVisibleAscii
        | TextRefused::NotEmail
        | TextRefused::ContainsNul
        | TextRefused::ContainsCardNumber => MetadataRefused::Text { key: key.into(), refused },
    })
}

/// Why metadata is refused. No card number is ever repeated in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataRefused {
    /// There are too many keys.
    #[error("the metadata has {actual} keys; send at most {max}")]
    TooManyKeys {
        /// How many keys are allowed.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// A key is empty or too long.
    #[error("a metadata key has {actual} characters; send 1 to {max}")]
    KeyLength {
        /// The key.
        key: String,
        /// How many characters are allowed.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// A key holds a card number or U+0000, and is therefore not repeated.
    #[error("a metadata key is refused: {refused}")]
    KeyText {
        /// What is wrong with the key.
        refused: TextRefused,
    },
    /// A value is too long.
    #[error("the metadata value of {key} has {actual} characters; send at most {max}")]
    ValueTooLong {
        /// The key of the value.
        key: String,
        /// How many characters are allowed.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// A value holds a card number or U+0000.
    #[error("the metadata value of {key} is refused: {refused}")]
    Text {
        /// The key of the value.
        key: String,
        /// What is wrong with the value.
        refused: TextRefused,
    },
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = MetadataRefused;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        Self::new(map)
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}
