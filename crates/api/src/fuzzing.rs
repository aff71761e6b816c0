//! Doors for the fuzzers of `tests/fuzz`: what reads bytes that anybody may send, without a server around it.

use florin_domain::{PaymentId, contains_card_number};
use florin_engine::requests::{CreatePayment, Page};

use crate::card_numbers;
use crate::flexprice;
use crate::json::{Object, canonical_digest, parse_object};
use crate::payments;
use crate::query::{PAGE_PARAMETERS, Query};

/// A body that was read.
pub struct Body(Object);

impl Body {
    /// Reads a body as every call does; none when it is refused.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        parse_object(bytes).ok().map(Body)
    }

    /// What tells whether two requests are the same.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        canonical_digest(&self.0)
    }

    /// The body as JSON again.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::Value::Object(self.0.clone()).to_string()
    }

    /// Whether it is let through, as far as card numbers go.
    #[must_use]
    pub fn is_without_card_numbers(&self) -> bool {
        card_numbers::refuse_in_body(&self.0).is_ok()
    }

    /// Whether one of its members by itself is a text with a card number.
    #[must_use]
    pub fn has_text_with_card_number(&self) -> bool {
        self.0.values().any(|value| value.as_str().is_some_and(contains_card_number))
    }

    /// Reads it as a payment to create.
    #[must_use]
    pub fn create_payment(self) -> Option<CreatePayment> {
        payments::parse_create(self.0, None).ok()
    }

    /// Reads it as Flexprice's clients write a payment to create.
    #[must_use]
    pub fn create_payment_of_flexprice(self) -> Option<CreatePayment> {
        flexprice::parse_create(self.0, None).ok()
    }
}

/// Reads the query string of a list of payments; none when it is refused.
#[must_use]
pub fn read_page(query: &str) -> Option<Page> {
    Query::parse(query, &PAGE_PARAMETERS).ok()?.page("pay", PaymentId::uuid).ok()
}
