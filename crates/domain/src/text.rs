//! Texts that people and programs send along with a payment, each with its limit.
//!
//! None may hold a card number, so that no row, log or backup ever does, and none may hold U+0000, which one
//! of the databases can't store.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::card_number::contains_card_number;
use crate::processor::check_processor_name;

/// Checks a text of at most `max_chars` characters.
///
/// # Errors
/// [`TextRefused::TooLong`], [`TextRefused::ContainsNul`] or [`TextRefused::ContainsCardNumber`].
///
/// ```
/// use florin_domain::{TextRefused, check_text};
/// assert_eq!(check_text("Grüße", 5), Ok(()));
/// assert_eq!(check_text("Grüße!", 5), Err(TextRefused::TooLong { max: 5, actual: 6 }));
/// assert_eq!(check_text("4242 4242 4242 4242", 500), Err(TextRefused::ContainsCardNumber));
/// ```
pub fn check_text(text: &str, max_chars: usize) -> Result<(), TextRefused> {
    // No text has more characters than bytes, so most need no counting.
    if text.len() > max_chars {
        let actual = text.chars().count();
        if actual > max_chars {
            return Err(TextRefused::TooLong { max: max_chars, actual });
        }
    }
    if text.contains('\0') {
        return Err(TextRefused::ContainsNul);
    }
    if contains_card_number(text) {
        return Err(TextRefused::ContainsCardNumber);
    }
    Ok(())
}

/// Why a text is refused. It never says what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextRefused {
    /// There is no character where one is needed.
    #[error("the text is empty; send at least one character")]
    Empty,
    /// There are too many characters.
    #[error("the text has {actual} characters; send at most {max}")]
    TooLong {
        /// How many characters are allowed.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// There is a blank, a control character, or something beyond ASCII.
    #[error("the text may have visible ASCII characters only, without blanks")]
    NotVisibleAscii,
    /// There is no @ between other characters, or there is a blank.
    #[error("the text is not an e-mail address; send one such as ada@example.com")]
    NotEmail,
    /// It does not begin with a lower-case letter, or there is something else than such letters, digits, `-` and `_`.
    #[error(
        "the text may have lower-case letters, digits, - and _ only, after a letter; send one such as stripe-eu"
    )]
    NotProcessorName,
    /// There are not exactly 24 letters and digits.
    #[error("the text is not the name of a page: that has 24 letters and digits")]
    NotPageToken,
    /// There is a U+0000.
    #[error("the text contains the character U+0000; send it without")]
    ContainsNul,
    /// There is something that looks like the number of a payment card.
    #[error("the text contains a card number; card numbers are not stored here, so send it without")]
    ContainsCardNumber,
}

fn check_free_text(text: &str, max_chars: usize) -> Result<(), TextRefused> {
    check_text(text, max_chars)
}

fn check_some_text(text: &str, max_chars: usize) -> Result<(), TextRefused> {
    if text.is_empty() { Err(TextRefused::Empty) } else { check_text(text, max_chars) }
}

fn check_email(text: &str, max_chars: usize) -> Result<(), TextRefused> {
    check_some_text(text, max_chars)?;
    let is_address = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if is_address && !text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Ok(())
    } else {
        Err(TextRefused::NotEmail)
    }
}

fn check_token(text: &str, max_chars: usize) -> Result<(), TextRefused> {
    if text.is_empty() {
        return Err(TextRefused::Empty);
    }
    check_text(text, max_chars)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(TextRefused::NotVisibleAscii) }
}

/// A name that can't be guessed: exactly so many letters and digits.
fn check_page_token(text: &str, chars: usize) -> Result<(), TextRefused> {
    check_some_text(text, chars)?;
    let is_token = text.len() == chars && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_token { Ok(()) } else { Err(TextRefused::NotPageToken) }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $check:ident up to $max:literal, like $example:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// How many characters it may have.
            pub const MAX_CHARS: usize = $max;

            /// Takes a text over, once it is checked.
            ///
            /// # Errors
            /// [`TextRefused`], which says what is wrong and never repeats the text.
            ///
            /// ```
            #[doc = concat!("use florin_domain::{", stringify!($name), ", TextRefused};")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::parse(\"", $example, "\")?.as_str(), \"", $example, "\");")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::parse(\"4242-4242-4242-4242\"), Err(TextRefused::ContainsCardNumber));")]
            /// # Ok::<(), TextRefused>(())
            /// ```
            pub fn parse(text: impl Into<String>) -> Result<Self, TextRefused> {
                let text = text.into();
                $check(&text, Self::MAX_CHARS)?;
                Ok(Self(text.into_boxed_str()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextRefused;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::serde_text::parse(deserializer)
            }
        }
    )+};
}

texts! {
    /// What a payment is for, in up to 500 characters.
    Description: check_free_text up to 500, like "Two tickets";
    /// Why a payment was canceled or refunded, in up to 500 characters.
    Reason: check_free_text up to 500, like "Requested by the customer";
    /// A payment method as its processor names it: opaque here, 1 to 255 visible ASCII characters.
    MethodRef: check_token up to 255, like "pm_1234567890";
    /// The caller's own key of a request: 1 to 255 visible ASCII characters.
    IdempotencyKey: check_token up to 255, like "order-1001";
    /// What a customer is called, in 1 to 200 characters.
    CustomerName: check_some_text up to 200, like "Ada Lovelace";
    /// An e-mail address: 3 to 254 visible characters with an @ between others.
    Email: check_email up to 254, like "ada@example.com";
    /// A merchant's own name for a customer: 1 to 255 visible ASCII characters.
    ExternalId: check_token up to 255, like "customer-17";
    /// A card's brand, in 1 to 40 characters.
    CardBrand: check_some_text up to 40, like "visa";
    /// A bank's name, in 1 to 100 characters.
    BankName: check_some_text up to 100, like "First Bank";
    /// An invoice's number: 1 to 64 visible ASCII characters.
    InvoiceNumber: check_token up to 64, like "2026/11-7";
    /// A merchant's reference of a transaction, such as a booking number: 1 to 255 visible ASCII characters.
    ReferenceId: check_token up to 255, like "booking-4711";
    /// What a processor account or a connector is called: 1 to 40 lower-case letters, digits, `-` and `_`, after a letter.
    ProcessorName: check_processor_name up to 40, like "stripe-eu";
    /// A merchant's notes on a transaction, in up to 2000 characters.
    Notes: check_free_text up to 2000, like "Checked by accounting";
    /// What a user is called, in 1 to 200 characters.
    UserName: check_some_text up to 200, like "Ada Lovelace";
    /// Which device a session is used on, as its client says, in 1 to 255 characters.
    DeviceId: check_some_text up to 255, like "web-3f92ab1c";
    /// The version of a client, in 1 to 100 characters.
    ClientVersion: check_some_text up to 100, like "2.4.1";
    /// What the page of a payment request is found by: 24 letters and digits that nobody can guess.
    PageToken: check_page_token up to 24, like "0a1b2c3d4e5f6g7h8i9jKLMN";
    /// What a person notes about an open item when it is closed, in 1 to 2000 characters.
    ClosingNote: check_some_text up to 2000, like "Claimed back by letter";
}
