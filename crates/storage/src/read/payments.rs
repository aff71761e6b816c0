//! Lists of payments.

use chrono::{DateTime, Utc};
use florin_domain::{Attempt, Currency, CustomerId, InvoiceId, MethodType, Payment, PaymentId, State};

use super::filter::Filter;
use super::{Listed, Slice, list_by_ids};
use crate::batch::Value;
use crate::counters::{payments_in, sum};
use crate::rows::Realm;
use crate::{AnyConnection, StorageError, load_payments};

/// Which payments are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentQuery {
    /// Whose.
    pub realm: Realm,
    /// With one of these ids.
    pub ids: Option<Vec<PaymentId>>,
    /// In one of these states.
    pub states: Option<Vec<State>>,
    /// Of this currency.
    pub currency: Option<Currency>,
    /// Of this kind of money.
    pub method_type: Option<MethodType>,
    /// Created with this idempotency key.
    pub idempotency_key: Option<String>,
    /// With these values of metadata, by key.
    pub metadata: Vec<(String, String)>,
    /// With this text somewhere in the description or the processor's reference (regardless of case; on SQLite that is
    /// so for ASCII letters), or with this id.
    pub q: Option<String>,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Towards this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Towards any invoice.
    pub only_towards_invoices: bool,
}

impl PaymentQuery {
    /// All payments of a realm.
    pub const fn all(realm: Realm) -> Self {
        PaymentQuery {
            realm,
            ids: None,
            states: None,
            currency: None,
            method_type: None,
            idempotency_key: None,
            metadata: Vec::new(),
            q: None,
            created_after: None,
            created_before: None,
            customer_id: None,
            invoice_id: None,
            only_towards_invoices: false,
        }
    }

    /// Whether a condition can't be met: there is no id to have, and no stored text has U+0000, which PostgreSQL would refuse, or is as long as what
    /// SQLite refuses to search for.
    fn is_impossible(&self) -> bool {
        const LONGEST: usize = 10_000;
        if self.ids.as_ref().is_some_and(Vec::is_empty) {
            return true;
        }
        let metadata = self.metadata.iter().flat_map(|(key, value)| [key, value]);
        let mut texts = self.idempotency_key.iter().chain(&self.q).chain(metadata);
        texts.any(|text| text.len() > LONGEST || text.contains('\0'))
    }

    /// `pattern` is what `q` is matched by, from [`pattern`].
    pub(super) fn filter<'a>(&'a self, pattern: Option<&'a str>, connection: &AnyConnection) -> Filter<'a> {
        let mut filter = Filter::new("payments", self.realm);
        if let Some(states) = &self.states {
            filter.add_states(states);
        }
        if let Some(ids) = &self.ids {
            let places = vec!["?"; ids.len()].join(", ");
            let values = ids.iter().map(|id| Value::Id(id.bytes())).collect();
            filter.add_rare(format!("id IN ({places})"), values);
        }
        filter.add_creation(self.created_after, self.created_before);
        if let Some(key) = &self.idempotency_key {
            let [tenant, mode] = self.realm.values();
            filter.add(WITH_KEY, vec![tenant, mode, Value::text(Some(key))]);
        }
        if let Some(currency) = self.currency {
            filter.add_unindexed("currency = ?", vec![Value::text(Some(currency.code()))]);
        }
        if let Some(method_type) = self.method_type {
            filter.add_unindexed("payment_method_type = ?", vec![Value::text(Some(method_type.as_str()))]);
        }
        if let Some(customer_id) = self.customer_id {
            filter.add("customer_id = ?", vec![Value::Id(customer_id.bytes())]);
        }
        if let Some(invoice_id) = self.invoice_id {
            filter.add("invoice_id = ?", vec![Value::Id(invoice_id.bytes())]);
        }
        if self.only_towards_invoices {
            filter.add("invoice_id IS NOT NULL", Vec::new());
        }
        for (key, value) in &self.metadata {
            let values =
                vec![Value::owned(json_pair(key, value)), Value::text(Some(key)), Value::text(Some(value))];
            filter.add_rare_unindexed(has_metadata(connection), values);
        }
        if let Some(pattern) = pattern {
            let id = self.q.as_deref().and_then(|q| q.parse::<PaymentId>().ok());
            filter.add_rare_unindexed(contains(connection, id.is_some()), text_values(pattern, id));
        }
        filter
    }
}

/// A list is in the order of the primary key, which SQLite would therefore rather walk than use the keys' own index.
const WITH_KEY: &str = "id IN (SELECT k.id FROM payments k \
    WHERE k.tenant_id = ? AND k.livemode = ? AND k.idempotency_key = ?)";

/// Most rows are ruled out by their text alone, before anybody parses it.
fn has_metadata(connection: &AnyConnection) -> &'static str {
    match connection {
        AnyConnection::Postgres(_) => "strpos(metadata, ?) > 0 AND metadata::jsonb ->> ? = ?",
        AnyConnection::Sqlite(_) => {
            "instr(metadata, ?) > 0 \
             AND EXISTS (SELECT 1 FROM json_each(metadata) AS m WHERE m.key = ? AND m.value = ?)"
        }
    }
}

/// A pair as it is written within a map of strings.
fn json_pair(key: &str, value: &str) -> String {
    format!("{}:{}", serde_json::Value::from(key), serde_json::Value::from(value))
}

fn contains(connection: &AnyConnection, or_id: bool) -> &'static str {
    match (connection, or_id) {
        (AnyConnection::Postgres(_), false) => {
            r"(description ILIKE ? ESCAPE '\' OR processor_reference ILIKE ? ESCAPE '\')"
        }
        (AnyConnection::Postgres(_), true) => {
            r"(description ILIKE ? ESCAPE '\' OR processor_reference ILIKE ? ESCAPE '\' OR id = ?)"
        }
        (AnyConnection::Sqlite(_), false) => {
            r"(description LIKE ? ESCAPE '\' OR processor_reference LIKE ? ESCAPE '\')"
        }
        (AnyConnection::Sqlite(_), true) => {
            r"(description LIKE ? ESCAPE '\' OR processor_reference LIKE ? ESCAPE '\' OR id = ?)"
        }
    }
}

fn text_values(pattern: &str, id: Option<PaymentId>) -> Vec<Value<'_>> {
    let texts = [Value::text(Some(pattern)), Value::text(Some(pattern))];
    texts.into_iter().chain(id.map(|id| Value::Id(id.bytes()))).collect()
}

/// A pattern that any text with `part` in it matches.
fn pattern(part: &str) -> String {
    let escaped = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// A part of a list of payments, each with its attempts, oldest first.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_payments(
    connection: &mut AnyConnection,
    query: &PaymentQuery,
    slice: Slice,
) -> Result<Listed<(Payment, Vec<Attempt>)>, StorageError> {
    if query.is_impossible() {
        return Ok(Listed::nothing());
    }
    let pattern = query.q.as_deref().map(pattern);
    let filter = query.filter(pattern.as_deref(), connection);
    let counters = counters(query, &filter);
    list_by_ids(connection, &filter, counters.as_deref(), slice, |connection, ids| {
        let keys = ids.iter().map(|id| (query.realm, PaymentId::from_bytes(*id))).collect();
        load_payments(connection, &keys)
    })
}

/// How many payments there are.
///
/// # Errors
/// As the database gives cause.
pub fn count_payments(connection: &mut AnyConnection, query: &PaymentQuery) -> Result<i64, StorageError> {
    if query.is_impossible() {
        return Ok(0);
    }
    let pattern = query.q.as_deref().map(pattern);
    let filter = query.filter(pattern.as_deref(), connection);
    match counters(query, &filter) {
        Some(names) => sum(connection, query.realm, &names),
        None => filter.count(connection, None),
    }
}

/// The counters that count a list, if any do.
fn counters(query: &PaymentQuery, filter: &Filter<'_>) -> Option<Vec<&'static str>> {
    let states = query.states.as_deref().unwrap_or(&State::ALL);
    filter.is_states_only().then(|| states.iter().map(|state| payments_in(*state)).collect())
}
