//! Customers' credits as rows: one per customer and currency.

use diesel::prelude::*;
use florin_domain::{CreditAccount, Currency, CustomerId, Mode, TenantId, Total};

use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("credit_accounts");

/// What a credit account is found by.
pub(crate) type CreditKey = (Realm, CustomerId, Currency);

static TABLE: Table = Table {
    name: "credit_accounts",
    key: &[REALM[0], REALM[1], ("customer_id", Kind::Bytes), ("currency", Kind::Text)],
    fixed: &[],
    changing: &[("revision", Kind::Int), ("balance", Kind::Int)],
};

const COLUMNS: &str = "tenant_id, livemode, customer_id, currency, revision, balance";

static BY_KEY: Selection = Selection {
    table: "credit_accounts",
    join: "",
    columns: &[COLUMNS],
    key: &[REALM[0], REALM[1], ("customer_id", Kind::Bytes), ("currency", Kind::Text)],
    order: "tenant_id, livemode, customer_id, currency",
};

/// All accounts of a customer.
pub(crate) static CREDITS_OF_CUSTOMER: Selection = Selection {
    table: "credit_accounts",
    join: "",
    columns: &[COLUMNS],
    key: &[REALM[0], REALM[1], ("customer_id", Kind::Bytes)],
    order: "tenant_id, livemode, customer_id, currency",
};

/// A row of credit accounts, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct CreditRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) customer_id: Vec<u8>,
    pub(crate) currency: String,
    revision: i64,
    pub(crate) balance: i64,
}

impl TryFrom<CreditRow> for CreditAccount {
    type Error = StorageError;

    fn try_from(row: CreditRow) -> Result<CreditAccount, StorageError> {
        Ok(CreditAccount {
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            customer_id: IN.id(&row.customer_id, CustomerId::from_bytes)?,
            currency: IN.parse(&row.currency)?,
            balance: IN.check(Total::new(row.balance))?,
            revision: IN.revision(row.revision)?,
        })
    }
}

/// The values of a credit account's key.
pub(crate) fn credit_key<'a>((realm, customer_id, currency): CreditKey) -> Row<'a> {
    let mut row = object_key(realm, customer_id.bytes());
    row.push(Value::text(Some(currency.code())));
    row
}

impl Stored for CreditAccount {
    type Key = CreditKey;

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        (self.realm(), self.customer_id, self.currency)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        credit_key(self.key())
    }

    fn push_fixed<'a>(&'a self, _row: &mut Row<'a>) {}

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([Value::Int(self.revision), Value::Int(self.balance.minor())]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::credit_accounts::SqlType, CreditRow, Self>(connection, &BY_KEY, lock, keys)
    }
}
