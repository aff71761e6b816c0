//! Reading: payments, refunds and attempts, alone and in lists.

use florin_domain::{AttemptKind, PaymentId, Refund, RefundId, State};
use florin_storage::read::{Listed, PaymentQuery, Position as SlicePosition, RefundQuery, Slice};
use florin_storage::{Realm, StorageError, read};

use crate::access::Context;
use crate::commands::{Requester, payment_json};
use crate::engine::{Engine, Inner};
use crate::point_reads::Found;
use crate::requests::{Page, PaymentFilter, Position, RefundFilter};
use crate::views::{Answer, AttemptResponse, List, PaymentResponse, RefundResponse, Refused};

impl Engine {
    /// A payment.
    pub async fn find_payment(&self, context: Context, id: PaymentId) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.payment(requester.realm, id).await {
            Ok(Some(found)) => Answer {
                status: 200,
                body: payment_json(&found.0, found.1.iter()),
                replayed: false,
                retry_after_seconds: None,
            },
            Ok(None) => requester.refuse(Refused::payment_not_found()),
            Err(refused) => requester.refuse(refused),
        }
    }

    /// A list of payments.
    pub async fn list_payments(&self, context: Context, filter: PaymentFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let query = payment_query(requester.realm, filter);
        let slice = slice(page);
        match self.inner.read(move |connection| read::list_payments(connection, &query, slice)).await {
            Ok(listed) => list_answer(&listed, |(payment, attempts)| {
                (payment.id.to_string(), PaymentResponse::new(payment, attempts))
            }),
            Err(error) => requester.refuse(unavailable(&error)),
        }
    }

    /// The charges of a payment.
    pub async fn list_attempts(&self, context: Context, id: PaymentId) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.payment(requester.realm, id).await {
            Ok(Some(found)) => {
                let charges = found.1.iter().filter(|attempt| attempt.kind == AttemptKind::Charge);
                let data: Vec<_> = charges.rev().map(AttemptResponse::new).collect();
                let total_count = u64::try_from(data.len()).unwrap_or(u64::MAX);
                Answer::new(200, &List { data, has_more: false, total_count, next_cursor: None })
            }
            Ok(None) => requester.refuse(Refused::payment_not_found()),
            Err(refused) => requester.refuse(refused),
        }
    }

    /// A refund.
    pub async fn find_refund(&self, context: Context, id: RefundId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        match self.inner.read(move |connection| read::find_refund(connection, realm, id)).await {
            Ok(Some(refund)) => Answer::new(200, &RefundResponse::new(&refund)),
            Ok(None) => requester.refuse(Refused::refund_not_found()),
            Err(error) => requester.refuse(unavailable(&error)),
        }
    }

    /// A list of refunds: all, or those of one payment.
    pub async fn list_refunds(&self, context: Context, filter: RefundFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        if let Some(payment_id) = filter.payment_id {
            match self.inner.payment(realm, payment_id).await {
                Ok(Some(_)) => {}
                Ok(None) => return requester.refuse(Refused::payment_not_found()),
                Err(refused) => return requester.refuse(refused),
            }
        }
        let query = RefundQuery {
            realm,
            payment_id: filter.payment_id,
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let slice = slice(page);
        match self.inner.read(move |connection| read::list_refunds(connection, &query, slice)).await {
            Ok(listed) => {
                list_answer(&listed, |refund: &Refund| (refund.id.to_string(), RefundResponse::new(refund)))
            }
            Err(error) => requester.refuse(unavailable(&error)),
        }
    }
}

impl Inner {
    async fn payment(&self, realm: Realm, id: PaymentId) -> Result<Found, Refused> {
        self.point_reads.read(realm, id).await.map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &StorageError) -> Refused {
    match error {
        StorageError::Corrupt { .. } => {
            tracing::error!(%error, "a stored row is corrupt");
            Refused::internal()
        }
        _ => {
            tracing::warn!(%error, "the database could not be read");
            Refused::overloaded()
        }
    }
}

fn list_answer<'a, T, V: serde::Serialize>(
    listed: &'a Listed<T>,
    view: impl Fn(&'a T) -> (String, V),
) -> Answer {
    let (ids, data): (Vec<String>, Vec<V>) = listed.items.iter().map(view).unzip();
    let next_cursor = if listed.has_more { ids.into_iter().next_back() } else { None };
    let total_count = u64::try_from(listed.total_count).unwrap_or_default();
    Answer::new(200, &List { data, has_more: listed.has_more, total_count, next_cursor })
}

fn slice(page: Page) -> Slice {
    let position = match page.position {
        Position::Offset(offset) => SlicePosition::Offset(offset),
        Position::StartingAfter(id) => SlicePosition::After(id.into_bytes()),
        Position::EndingBefore(id) => SlicePosition::Before(id.into_bytes()),
    };
    Slice { limit: page.limit, position }
}

fn payment_query(realm: Realm, filter: PaymentFilter) -> PaymentQuery {
    let wanted = |state: &State| {
        filter.status.is_none_or(|status| state.status() == status)
            && filter.payment_status.is_none_or(|status| state.payment_status() == status)
    };
    let by_state = filter.status.is_some() || filter.payment_status.is_some();
    PaymentQuery {
        realm,
        states: by_state.then(|| State::ALL.into_iter().filter(wanted).collect()),
        currency: filter.currency,
        method_type: filter.payment_method_type,
        idempotency_key: filter.idempotency_key.map(|key| key.as_str().to_owned()),
        metadata: filter.metadata,
        q: filter.q,
        created_after: filter.created_after,
        created_before: filter.created_before,
        // No payment has a customer or a destination yet.
        nothing: filter.customer_id.is_some() || filter.destination_id.is_some(),
    }
}
