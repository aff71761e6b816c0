//! Secrets that are encrypted at rest beside processors' credentials, of all tenants, for an operator who replaces the key.

use diesel::sql_types::{Binary, Bool, Nullable, Text};
use florin_domain::{Mode, SealedCredentials, TenantId, UserId, WebhookEndpointId};

use crate::batch::{Statement, Value};
use crate::rows::{Reader, Realm};
use crate::{AnyConnection, StorageError};

/// What a secret belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOf {
    /// A user's second factor.
    Factor(TenantId, UserId),
    /// A webhook endpoint; the secret that signs, or the one before it.
    Endpoint(Realm, WebhookEndpointId),
}

/// A column of secrets: its table, the column, and the one that names the key.
struct Column {
    table: &'static str,
    livemode: &'static str,
    secret: &'static str,
    key: &'static str,
}

const FACTORS: Column =
    Column { table: "users", livemode: "NULL", secret: "totp_secret", key: "totp_key_id" };
const SIGNING: Column =
    Column { table: "webhook_endpoints", livemode: "livemode", secret: "secret", key: "secret_key" };
const SIGNED_BEFORE: Column =
    Column { table: "webhook_endpoints", livemode: "livemode", secret: "old_secret", key: "old_secret_key" };

type RowType = (Binary, Nullable<Bool>, Binary, Binary, Text);
type Row = (Vec<u8>, Option<bool>, Vec<u8>, Vec<u8>, String);

/// The secrets that are encrypted.
///
/// # Errors
/// As the database and its rows give cause.
pub fn sealed_secrets(
    connection: &mut AnyConnection,
) -> Result<Vec<(SecretOf, SealedCredentials)>, StorageError> {
    let mut secrets = Vec::new();
    for column in [FACTORS, SIGNING, SIGNED_BEFORE] {
        let Column { table, livemode, secret, key } = column;
        let select = format!(
            "SELECT tenant_id, CAST({livemode} AS BOOLEAN), id, {secret}, {key} FROM {table} \
             WHERE {key} IS NOT NULL ORDER BY tenant_id, id"
        );
        let rows: Vec<Row> = Statement::<RowType>::new(select).rare().load(connection)?;
        for (tenant_id, livemode, id, bytes, key_id) in rows {
            let tenant_id = Reader(table).id(&tenant_id, TenantId::from_bytes)?;
            let of = match livemode {
                None => SecretOf::Factor(tenant_id, Reader(table).id(&id, UserId::from_bytes)?),
                Some(livemode) => {
                    let realm = Realm { tenant_id, mode: Mode::from_live(livemode) };
                    SecretOf::Endpoint(realm, Reader(table).id(&id, WebhookEndpointId::from_bytes)?)
                }
            };
            secrets.push((of, SealedCredentials { key_id, bytes }));
        }
    }
    Ok(secrets)
}

/// Puts the same secret in the place of one, encrypted otherwise; says whether it was still there. Whoever changes the
/// object meanwhile has to load it afresh.
///
/// # Errors
/// As the database gives cause.
pub fn replace_sealed_secret(
    connection: &mut AnyConnection,
    of: SecretOf,
    before: &SealedCredentials,
    after: &SealedCredentials,
) -> Result<bool, StorageError> {
    let (columns, tenant_id, mode, id): (&[Column], _, _, _) = match of {
        SecretOf::Factor(tenant_id, id) => (&[FACTORS], tenant_id, None, id.bytes()),
        SecretOf::Endpoint(Realm { tenant_id, mode }, id) => {
            (&[SIGNING, SIGNED_BEFORE], tenant_id, Some(mode), id.bytes())
        }
    };
    let mut replaced = 0;
    for Column { table, secret, key, .. } in columns {
        let update = Statement::<()>::new(format!("UPDATE {table} SET revision = revision + 1, {secret} = "))
            .rare()
            .value(Value::Bytes(&after.bytes))
            .sql(format!(", {key} = "))
            .value(Value::text(Some(&after.key_id)))
            .sql(format!(" WHERE {secret} = "))
            .value(Value::Bytes(&before.bytes));
        let update = update.sql(" AND tenant_id = ").value(Value::Id(tenant_id.bytes()));
        let update = update.sql(" AND id = ").value(Value::Id(id));
        let update = match mode {
            Some(mode) => update.sql(" AND livemode = ").value(Value::Bool(mode.is_live())),
            None => update,
        };
        replaced += update.execute(connection)?;
    }
    Ok(replaced > 0)
}
