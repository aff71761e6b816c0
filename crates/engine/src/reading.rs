//! Reading: payments, refunds and attempts, alone and in lists.

use std::cmp::Reverse;

use florin_domain::{Attempt, AttemptKind, DestinationType, PaymentId, Refund, RefundId, State};
use florin_storage::read::{Listed, PaymentQuery, Position as SlicePosition, Reach, RefundQuery, Slice};
use florin_storage::{Realm, StorageError, read};

use crate::access::Context;
use crate::commands::{Requester, payment_json};
use crate::engine::{Engine, Inner};
use crate::point_reads::Found;
use crate::requests::{AttemptFilter, Page, PaymentFilter, Position, RefundFilter};
use uuid::Uuid;

use crate::views::{Answer, AttemptResponse, List, ListCut, PaymentResponse, RefundResponse, Refused};

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
                (payment.id.to_string(), PaymentResponse::new(payment, attempts.iter()))
            }),
            Err(error) => requester.refuse(unavailable(&error)),
        }
    }

    /// A list of a payment's charges.
    pub async fn list_attempts(
        &self,
        context: Context,
        id: PaymentId,
        filter: AttemptFilter,
        page: Page,
    ) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.payment(requester.realm, id).await {
            Ok(Some(found)) => list_answer(&page_of_charges(&found.1, filter, page), |charge| {
                (charge.id.to_string(), AttemptResponse::new(charge))
            }),
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
    /// A payment with its attempts.
    pub(crate) async fn payment(&self, realm: Realm, id: PaymentId) -> Result<Found, Refused> {
        self.point_reads.read(realm, id).await.map_err(|error| unavailable(&error))
    }
}

pub(crate) fn unavailable(error: &StorageError) -> Refused {
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

/// A part of a list as an answer. A view comes with its object's id.
pub(crate) fn list_answer<'a, T, V: serde::Serialize>(
    listed: &'a Listed<T>,
    view: impl Fn(&'a T) -> (String, V),
) -> Answer {
    Answer::new(200, &list_of(listed, view))
}

/// A part of a list as callers see it.
pub(crate) fn list_of<'a, T, V>(listed: &'a Listed<T>, view: impl Fn(&'a T) -> (String, V)) -> List<V> {
    let (ids, data): (Vec<String>, Vec<V>) = listed.items.iter().map(view).unzip();
    let next_cursor = if listed.has_more { ids.into_iter().next_back() } else { None };
    let total_count = u64::try_from(listed.total_count).unwrap_or_default();
    let cut = listed
        .cut
        .map(|cut| ListCut { looked_until: cut.looked_until.map(|id| Uuid::from_bytes(id).to_string()) });
    List { data, has_more: listed.has_more, total_count, next_cursor, cut }
}

/// A page of charges, newest first. A payment has few, and they are read with it, so the database has nothing to do.
fn page_of_charges(attempts: &[Attempt], filter: AttemptFilter, page: Page) -> Listed<&Attempt> {
    let wanted =
        |attempt: &&Attempt| attempt.kind == AttemptKind::Charge && filter.wants(attempt.id.created_at());
    let mut items: Vec<&Attempt> = attempts.iter().filter(wanted).collect();
    items.sort_unstable_by_key(|charge| Reverse(charge.id));
    page_of(items, |charge| charge.id.uuid(), page)
}

/// A page of objects that are all at hand, newest first.
pub(crate) fn page_of<T>(mut items: Vec<T>, id_of: impl Fn(&T) -> Uuid, page: Page) -> Listed<T> {
    let total_count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    match page.position {
        Position::Offset(offset) => {
            let skipped = usize::try_from(offset).unwrap_or(usize::MAX).min(items.len());
            items.drain(..skipped);
        }
        Position::FromOldest(offset) => {
            items.truncate(items.len().saturating_sub(usize::try_from(offset).unwrap_or(usize::MAX)));
        }
        Position::StartingAfter(id) => items.retain(|item| id_of(item) < id),
        Position::EndingBefore(id) => items.retain(|item| id_of(item) > id),
    }
    let surplus = items.len().saturating_sub(limit);
    match page.position {
        // The page that ends right before the id, or so far from the oldest: what is too much is newer.
        Position::FromOldest(_) | Position::EndingBefore(_) => drop(items.drain(..surplus)),
        Position::Offset(_) | Position::StartingAfter(_) => items.truncate(limit),
    }
    Listed { items, has_more: surplus > 0, total_count, cut: None }
}

pub(crate) fn slice(page: Page) -> Slice {
    let position = match page.position {
        Position::Offset(offset) => SlicePosition::Offset(offset),
        Position::FromOldest(offset) => SlicePosition::FromOldest(offset),
        Position::StartingAfter(id) => SlicePosition::After(id.into_bytes()),
        Position::EndingBefore(id) => SlicePosition::Before(id.into_bytes()),
    };
    let reach = match page.is_bounded {
        true => Reach::Bounded { counted: Page::COUNTED, looked_at: Page::LOOKED_AT },
        false => Reach::Whole,
    };
    Slice { limit: page.limit, position, reach }
}

fn payment_query(realm: Realm, filter: PaymentFilter) -> PaymentQuery {
    let wanted = |state: &State| {
        filter.status.is_none_or(|status| state.status() == status)
            && filter.payment_statuses.as_ref().is_none_or(|any| any.contains(&state.payment_status()))
    };
    let by_state = filter.status.is_some() || filter.payment_statuses.is_some();
    PaymentQuery {
        realm,
        ids: filter.ids,
        states: by_state.then(|| State::ALL.into_iter().filter(wanted).collect()),
        currency: filter.currency,
        method_type: filter.payment_method_type,
        idempotency_key: filter.idempotency_key.map(|key| key.as_str().to_owned()),
        metadata: filter.metadata,
        q: filter.q,
        created_after: filter.created_after,
        created_before: filter.created_before,
        customer_id: filter.customer_id,
        invoice_id: filter.destination_id,
        only_towards_invoices: matches!(filter.destination_type, Some(DestinationType::Invoice)),
    }
}
