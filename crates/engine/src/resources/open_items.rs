//! Open items, and decisions about attempts that need review.

use std::sync::Arc;

use florin_domain::{Actor, AttemptId, ClosingNote, OpenItem, OpenItemId, cause_of_review};
use florin_storage::Realm;
use florin_storage::read::{self, OpenItemQuery};
use florin_storage::recovery::{AttemptName, find_open_attempts};

use crate::access::Context;
use crate::commands::{CloseItem, KeyUse, Requester, Resolve, Resolved};
use crate::engine::{Engine, Inner};
use crate::payments::not_written;
use crate::reading::{list_answer, slice, unavailable};
use crate::requests::{Idempotency, OpenItemFilter, Page, ResolveAttempt};
use crate::views::{Answer, OpenItemResponse, Refused};

impl Engine {
    /// An open item.
    pub async fn find_open_item(&self, context: Context, id: OpenItemId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::find_open_item(connection, realm, id);
        let answer = |found: Option<OpenItem>| {
            let item = found.ok_or_else(Refused::open_item_not_found)?;
            Ok(Answer::new(200, &OpenItemResponse::new(&item)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A list of open items, closed ones included unless the filter says otherwise.
    pub async fn list_open_items(&self, context: Context, filter: OpenItemFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let query = OpenItemQuery {
            realm: requester.realm,
            status: filter.status,
            kind: filter.kind,
            payment_id: filter.payment_id,
            processor: filter.processor.map(|processor| processor.as_str().to_owned()),
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_open_items(connection, &query, slice(page));
        let answer = |listed| {
            Ok(list_answer(&listed, |item: &OpenItem| (item.id.to_string(), OpenItemResponse::new(item))))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// Closes an open item with a note.
    pub async fn close_open_item(
        &self,
        context: Context,
        id: OpenItemId,
        note: ClosingNote,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        self.inner.change(Requester::from(&context), CloseItem { id, note }, 200, idempotency).await
    }

    /// Settles an attempt that needs review as a person has found out; answers with its open item.
    pub async fn resolve_attempt(
        &self,
        context: Context,
        id: AttemptId,
        decision: ResolveAttempt,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let resolving = self.inner.resolve(requester.clone(), id, decision, idempotency).await;
        resolving.unwrap_or_else(|refused| requester.refuse(refused))
    }
}

/// What an operator may do about a realm's open items from a command line.
pub struct ItemsDesk {
    inner: Arc<Inner>,
    requester: Requester,
}

impl Engine {
    /// What an operator may do about a realm's open items, as Florin itself.
    pub fn operator(&self, realm: Realm) -> ItemsDesk {
        let requester =
            Requester { realm, actor: Actor::System, request_id: Arc::from("req_operator"), address: None };
        ItemsDesk { inner: Arc::clone(&self.inner), requester }
    }
}

impl ItemsDesk {
    /// Closes an open item with a note.
    pub async fn close(self, id: OpenItemId, note: ClosingNote) -> Answer {
        self.inner.change(self.requester, CloseItem { id, note }, 200, None).await
    }

    /// Settles an attempt that needs review as a person has found out.
    pub async fn resolve(self, id: AttemptId, decision: ResolveAttempt) -> Answer {
        let resolving = self.inner.resolve(self.requester.clone(), id, decision, None).await;
        resolving.unwrap_or_else(|refused| self.requester.refuse(refused))
    }
}

impl Inner {
    /// Settles by a person's decision, in a task that outlives its caller, since a late success is undone.
    async fn resolve(
        self: &Arc<Self>,
        requester: Requester,
        id: AttemptId,
        decision: ResolveAttempt,
        idempotency: Option<Idempotency>,
    ) -> Result<Answer, Refused> {
        let item = self.review_of(&requester, id).await?;
        let payment_id = item.payment_id.ok_or_else(Refused::internal)?;
        let realm = requester.realm;
        let keys = move |connection: &mut _| florin_storage::unanswered_keys(connection, realm, payment_id);
        let mut waiting = self.read(keys).await.map_err(|error| unavailable(&error))?;
        waiting.retain(|key| key.refund_id == item.refund_id);
        let command = Resolve {
            key: idempotency.map(|idempotency| KeyUse::new(realm, &idempotency, 200)),
            payment_id,
            refund_id: item.refund_id,
            attempt_id: id,
            decision,
            success_status: waiting.first().map_or(200, |key| key.success_status),
            waiting,
            sender: self.sender_now(realm),
            requester: requester.clone(),
        };
        let inner = Arc::clone(self);
        let work = self.outlive(async move {
            match inner.write(command).await {
                Ok(Resolved { answer, follow_up }) => {
                    if let Some(follow_up) = follow_up {
                        inner.undo(*follow_up, requester);
                    }
                    answer
                }
                Err(failed) => not_written(failed, &requester),
            }
        });
        work.await.map_err(|_panicked| Refused::outcome_unknown())
    }

    /// The item about an attempt that needs, or needed, review.
    async fn review_of(&self, requester: &Requester, id: AttemptId) -> Result<OpenItem, Refused> {
        let realm = requester.realm;
        let found = self.read(move |connection| {
            let item = read::find_item_of(connection, realm, &cause_of_review(id))?;
            let is_open = match item {
                Some(_) => false,
                None => !find_open_attempts(connection, realm, AttemptName::Id(id))?.is_empty(),
            };
            Ok((item, is_open))
        });
        match found.await.map_err(|error| unavailable(&error))? {
            (Some(item), _) => Ok(item),
            (None, true) => Err(Refused::attempt_not_in_review(florin_domain::AttemptStatus::Unknown)),
            (None, false) => Err(Refused::attempt_not_found()),
        }
    }
}
