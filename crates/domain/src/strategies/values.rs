//! Amounts, currencies, ids, texts and metadata.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;
use uuid::Uuid;

use crate::{
    Actor, Amount, AttemptId, Currency, CustomerId, DeliveryId, Description, EventId, IdempotencyKey,
    InvoiceId, InvoiceNumber, KeyId, Metadata, MethodRef, Mode, Money, PaymentId, PaymentRequestId, Percent,
    Reason, RefundId, Rounding, SessionId, StoredMethodId, TenantId, Total, TransactionId, UserId,
    WebhookEndpointId,
};

/// Any currency.
pub fn currency() -> impl Strategy<Value = Currency> {
    select(Currency::all().collect::<Vec<_>>())
}

/// Any amount: mostly everyday ones, and the limits often enough.
pub fn amount() -> impl Strategy<Value = Amount> {
    let max = Amount::MAX_MINOR;
    prop_oneof![6 => 1..=100_000_i64, 3 => 1..=max, 1 => Just(1), 1 => Just(max)]
        .prop_filter_map("within the limits", |minor: i64| Amount::new(minor).ok())
}

/// Any total, nothing included.
pub fn total() -> impl Strategy<Value = Total> {
    prop_oneof![1 => Just(Total::ZERO), 9 => amount().prop_map(Total::from)]
}

/// Any sum of money, negative and huge ones included.
pub fn money() -> impl Strategy<Value = Money> {
    let minor = prop_oneof![
        6 => -1_000_000..=1_000_000_i64,
        3 => any::<i64>(),
        1 => select(vec![0, 1, -1, i64::MAX, i64::MIN]),
    ];
    (minor, currency()).prop_map(|(minor, currency)| Money::new(minor, currency))
}

/// A percentage, mostly between -200 and 200 %, half a unit of rounding included.
pub fn percent() -> impl Strategy<Value = Percent> {
    prop_oneof![
        4 => (-2_000_000..=2_000_000_i64).prop_map(Percent::from_millionths),
        2 => (-20_000..=20_000).prop_map(Percent::from_basis_points),
        1 => any::<i64>().prop_map(Percent::from_millionths),
        1 => Just(Percent::from_basis_points(5_000)),
    ]
}

/// Any way of rounding.
pub fn rounding() -> impl Strategy<Value = Rounding> {
    select(Rounding::ALL.to_vec())
}

/// Test or live.
pub fn mode() -> impl Strategy<Value = Mode> {
    any::<bool>().prop_map(Mode::from_live)
}

/// A time from 2020 to 2100, to the millisecond.
pub fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (1_577_836_800_000..4_102_444_800_000_i64)
        .prop_filter_map("a time", DateTime::<Utc>::from_timestamp_millis)
}

/// A UUID of version 7 from 2020 to 2100, as an id is made of.
pub fn uuid_v7() -> impl Strategy<Value = Uuid> {
    (1_577_836_800_000..4_102_444_800_000_u64, any::<[u8; 10]>()).prop_map(|(milliseconds, random)| {
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
    })
}

macro_rules! id_strategies {
    ($($function:ident: $id:ident, $doc:literal;)+) => {$(
        #[doc = $doc]
        pub fn $function() -> impl Strategy<Value = $id> {
            uuid_v7().prop_map($id::from_uuid)
        }
    )+};
}

id_strategies! {
    payment_id: PaymentId, "Any payment's id.";
    refund_id: RefundId, "Any refund's id.";
    attempt_id: AttemptId, "Any attempt's id.";
    transaction_id: TransactionId, "Any transaction's id.";
    stored_method_id: StoredMethodId, "Any stored payment method's id.";
    customer_id: CustomerId, "Any customer's id.";
    invoice_id: InvoiceId, "Any invoice's id.";
    payment_request_id: PaymentRequestId, "Any payment request's id.";
    event_id: EventId, "Any event's id.";
    webhook_endpoint_id: WebhookEndpointId, "Any webhook endpoint's id.";
    delivery_id: DeliveryId, "Any delivery's id.";
    session_id: SessionId, "Any session's id.";
    key_id: KeyId, "Any API key's id.";
    tenant_id: TenantId, "Any tenant's id.";
    user_id: UserId, "Any user's id.";
}

/// Anybody who may ask for a change.
pub fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        key_id().prop_map(Actor::Key),
        user_id().prop_map(Actor::User),
        Just(Actor::System),
        Just(Actor::Payer)
    ]
}

/// Any description, the empty and the longest ones included.
pub fn description() -> impl Strategy<Value = Description> {
    free_text(Description::MAX_CHARS).prop_filter_map("allowed", |text| Description::parse(text).ok())
}

/// Any reason, the empty and the longest ones included.
pub fn reason() -> impl Strategy<Value = Reason> {
    free_text(Reason::MAX_CHARS).prop_filter_map("allowed", |text| Reason::parse(text).ok())
}

/// Any reference to a payment method.
pub fn method_ref() -> impl Strategy<Value = MethodRef> {
    token(MethodRef::MAX_CHARS).prop_filter_map("allowed", |text| MethodRef::parse(text).ok())
}

/// Any idempotency key.
pub fn idempotency_key() -> impl Strategy<Value = IdempotencyKey> {
    token(IdempotencyKey::MAX_CHARS).prop_filter_map("allowed", |text| IdempotencyKey::parse(text).ok())
}

/// Any invoice's number.
pub fn invoice_number() -> impl Strategy<Value = InvoiceNumber> {
    token(InvoiceNumber::MAX_CHARS).prop_filter_map("allowed", |text| InvoiceNumber::parse(text).ok())
}

/// Any metadata, mostly of few keys.
pub fn metadata() -> impl Strategy<Value = Metadata> {
    metadata_map().prop_filter_map("allowed", |map| Metadata::new(map).ok())
}

/// What metadata may be made of, card numbers not ruled out.
pub fn metadata_map() -> impl Strategy<Value = BTreeMap<String, String>> {
    let key = || regex(&format!("[^\\x00]{{1,{}}}", Metadata::MAX_KEY_CHARS));
    let value = || free_text(Metadata::MAX_VALUE_CHARS);
    prop_oneof![
        30 => btree_map(key(), value(), 0..4),
        1 => btree_map(key(), value(), 0..=Metadata::MAX_KEYS),
    ]
}

/// The number of a card that does not exist, with as many digits as its issuer gives.
pub fn card_number() -> impl Strategy<Value = String> {
    select(ISSUERS.to_vec()).prop_flat_map(|(prefix, length)| {
        let free = usize::from(length).saturating_sub(prefix.len()).saturating_sub(1);
        vec(0..=9_u8, free).prop_map(move |middle| {
            let digits = middle.iter().map(u8::to_string);
            let mut number: String = std::iter::once(prefix.to_owned()).chain(digits).collect();
            number.push(luhn_check_digit(&number));
            number
        })
    })
}

/// Beginnings of card numbers, and how many digits the number has.
const ISSUERS: [(&str, u8); 32] = [
    ("4", 13),
    ("4", 16),
    ("4", 19),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("6011", 19),
    ("644", 16),
    ("649", 17),
    ("65", 18),
    ("300", 14),
    ("305", 16),
    ("36", 14),
    ("38", 14),
    ("39", 19),
    ("3528", 16),
    ("3589", 19),
    ("62", 16),
    ("62", 19),
    ("50", 13),
    ("56", 16),
    ("58", 19),
    ("63", 16),
    ("67", 15),
    ("60", 16),
    ("81", 16),
    ("2200", 16),
    ("9792", 16),
];

/// The digit that makes `number` pass Luhn's check when it is put behind it.
fn luhn_check_digit(number: &str) -> char {
    let sum: u32 = number
        .chars()
        .rev()
        .filter_map(|digit| digit.to_digit(10))
        .enumerate()
        .map(|(position, digit)| match (position % 2, digit) {
            (0, 5..) => digit.saturating_mul(2).saturating_sub(9),
            (0, _) => digit.saturating_mul(2),
            (_, _) => digit,
        })
        .sum();
    let missing = 10_u32.saturating_sub(sum % 10) % 10;
    char::from_digit(missing, 10).unwrap_or('0')
}

fn free_text(max_chars: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        20 => regex("[^\\x00]{0,40}"),
        10 => regex("[ -~]{0,40}"),
        1 => regex(&format!("[^\\x00]{{{max_chars}}}")),
    ]
}

fn token(max_chars: usize) -> impl Strategy<Value = String> {
    prop_oneof![20 => regex("[!-~]{1,40}"), 1 => regex(&format!("[!-~]{{{max_chars}}}"))]
}

/// The expressions are all written in this file; a wrong one would draw nothing and be noticed at once.
fn regex(expression: &str) -> BoxedStrategy<String> {
    string_regex(expression).map_or_else(|_| Just(String::new()).boxed(), Strategy::boxed)
}
