//! Enums whose variants have one fixed word in the API and in the database.

/// Refused because a word is none of an enum's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {}", allowed.join(", "))]
pub struct UnknownWord {
    /// What was given.
    pub found: String,
    /// What would have been accepted.
    pub allowed: &'static [&'static str],
}

macro_rules! named_enum {
    (
        $(#[$doc:meta])*
        $name:ident { $( $(#[$variant_doc:meta])* $variant:ident => $word:literal, )+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum $name {
            $( $(#[$variant_doc])* #[cfg_attr(feature = "serde", serde(rename = $word))] $variant, )+
        }

        impl $name {
            /// All values, in order.
            pub const ALL: &'static [$name] = &[$( $name::$variant, )+];
            /// All values as words.
            pub const WORDS: &'static [&'static str] = &[$( $word, )+];

            /// The word that stands for the value in the API and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $( $name::$variant => $word, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::named_enum::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $( $word => Ok($name::$variant), )+
                    _ => Err($crate::named_enum::UnknownWord { found: word.to_owned(), allowed: Self::WORDS }),
                }
            }
        }
    };
}
