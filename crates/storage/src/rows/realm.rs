//! A tenant's objects of one mode, and which objects belong to one.

use florin_domain::{
    Attempt, CreditAccount, Customer, Invoice, Mode, OpenItem, Payment, PaymentRequest, ProcessorAccount,
    ProcessorRoutes, Refund, Session, StoredMethod, TenantId, Transaction, WebhookEndpoint,
};

use crate::batch::Value;

/// A tenant's objects of one mode: what every query is confined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm {
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
}

impl Realm {
    /// The realm of these two columns.
    pub(crate) fn values<'a>(self) -> [Value<'a>; 2] {
        [Value::Id(self.tenant_id.bytes()), Value::Bool(self.mode.is_live())]
    }
}

/// What belongs to a tenant and a mode.
pub trait InRealm {
    /// Its realm.
    fn realm(&self) -> Realm;
}

macro_rules! in_realm {
    ($($object:ty),+ $(,)?) => {$(
        impl InRealm for $object {
            fn realm(&self) -> Realm {
                Realm { tenant_id: self.tenant_id, mode: self.mode }
            }
        }
    )+};
}

in_realm!(
    Attempt,
    CreditAccount,
    Customer,
    Invoice,
    OpenItem,
    Payment,
    PaymentRequest,
    ProcessorAccount,
    ProcessorRoutes,
    Refund,
    Session,
    StoredMethod,
    Transaction,
    WebhookEndpoint,
);
