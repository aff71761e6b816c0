//! Idempotency: whether a request is the first with its key, and what the others are answered.

use chrono::{DateTime, Duration, Utc};
use florin_domain::{PaymentId, RefundId};
use florin_storage::recovery::is_ahead;
use florin_storage::{DigestKey, IdempotencyRecord, Needs, Realm, StoredAnswer, WorkingSet};
use sha2::{Digest, Sha256};

use super::payment_requests::of_unknown_fate;
use super::telling::{answer, payment_json, refund_json};
use super::{Requester, Sender};
use crate::requests::Idempotency;
use crate::views::{Answer, Refused};
use crate::writer::Deciding;

/// How long an answer is kept.
const ANSWERS_KEPT: Duration = Duration::days(30);

/// The use of an idempotency key by one request.
#[derive(Clone, Debug)]
pub(crate) struct KeyUse {
    realm: Realm,
    digest: [u8; 32],
    request_digest: [u8; 32],
    success_status: u16,
}

/// The object that a key is bound to for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// None: the request was refused before there was one.
    Nothing,
    /// A payment.
    Payment(PaymentId),
    /// An object of another kind, by its id.
    Object(String),
}

impl From<Option<PaymentId>> for Bound {
    fn from(id: Option<PaymentId>) -> Self {
        id.map_or(Bound::Nothing, Bound::Payment)
    }
}

/// What the key says about a request.
pub(crate) enum Gate {
    /// It is the first, or uses no key.
    Open,
    /// It is not, and this is its answer.
    Closed(Answer),
}

impl KeyUse {
    /// The use of a key for a request whose success is answered with `success_status`.
    pub(crate) fn new(realm: Realm, idempotency: &Idempotency, success_status: u16) -> Self {
        let mut hash = Sha256::new();
        hash.update(idempotency.scope.as_bytes());
        hash.update([0]);
        hash.update(idempotency.key.as_str().as_bytes());
        KeyUse {
            realm,
            digest: hash.finalize().into(),
            request_digest: idempotency.request_digest,
            success_status,
        }
    }

    fn key(&self) -> DigestKey {
        (self.realm, self.digest)
    }

    /// The key's record, as this request claims it: an earlier request of the batch may have claimed and freed it.
    fn claimed(&self, set: &WorkingSet) -> Option<IdempotencyRecord> {
        let mut record = set.key(&self.key()).cloned()?;
        record.request_digest = self.request_digest;
        record.success_status = self.success_status;
        Some(record)
    }

    /// Asks for the key. The times are set when the batch claims it, by [`Gate::check`].
    pub(crate) fn need(&self, needs: &mut Needs) {
        // Another command of the batch may use the same key: the first in the queue is the one that is served.
        needs.keys.entry(self.key()).or_insert_with(|| IdempotencyRecord {
            realm: self.realm,
            digest: self.digest,
            request_digest: self.request_digest,
            payment_id: None,
            refund_id: None,
            object_id: None,
            created_at: DateTime::<Utc>::UNIX_EPOCH,
            running_until: DateTime::<Utc>::UNIX_EPOCH,
            success_status: self.success_status,
            answer: None,
            revision: 1,
        });
    }
}

impl Gate {
    /// Checks a request's key, if it has one.
    pub(crate) fn check(
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        key_use: Option<&KeyUse>,
        requester: &Requester,
    ) -> Gate {
        let Some(key_use) = key_use else { return Gate::Open };
        let key = key_use.key();
        if set.take_claim(&key) {
            return Gate::Open;
        }
        let Some(record) = set.key(&key).cloned() else {
            // The row was there when it was claimed and gone when it was loaded: its request was refused meanwhile.
            return Gate::Closed(requester.refuse(Refused::idempotency_key_in_use()));
        };
        if record.request_digest != key_use.request_digest {
            return Gate::Closed(requester.refuse(Refused::idempotency_key_reused()));
        }
        let expired = deciding.at.signed_duration_since(record.created_at) > ANSWERS_KEPT;
        Gate::Closed(match &record.answer {
            Some(StoredAnswer { status, body: Some(body) }) if !expired => {
                let replay = Answer::replay(*status, std::sync::Arc::clone(body));
                touch(set, record);
                replay
            }
            Some(_) => requester.refuse(expired_key(&record)),
            None if is_running(&record, deciding.at) => requester.refuse(Refused::idempotency_key_in_use()),
            None => {
                let as_it_stands = as_it_stands(set, deciding, &record, requester);
                touch(set, record);
                as_it_stands
            }
        })
    }
}

/// Whether the request of a key may still be running. One that began in the future was begun before the clock was set
/// back, and nobody knows until when.
fn is_running(record: &IdempotencyRecord, at: DateTime<Utc>) -> bool {
    at < record.running_until && !is_ahead(record.created_at, at)
}

/// Writes a row for a replay, so that with a synchronous standby nothing is acknowledged that the standby lacks.
fn touch(set: &mut WorkingSet, mut record: IdempotencyRecord) {
    record.revision = record.revision.saturating_add(1);
    set.put_key(record);
}

fn expired_key(record: &IdempotencyRecord) -> Refused {
    match (record.refund_id, record.payment_id, &record.object_id) {
        (Some(refund_id), payment_id, _) => Refused::idempotency_key_expired(refund_id, payment_id),
        (None, Some(payment_id), _) => Refused::idempotency_key_expired(payment_id, Some(payment_id)),
        (None, None, Some(object_id)) => Refused::idempotency_key_expired(object_id, None),
        (None, None, None) => Refused::idempotency_key_expired("a request that was refused", None),
    }
}

/// The object that a key is bound to whose process died before it could answer.
fn as_it_stands(
    set: &WorkingSet,
    deciding: &Deciding<'_>,
    record: &IdempotencyRecord,
    requester: &Requester,
) -> Answer {
    let refund = record.refund_id.and_then(|id| set.refund(record.realm, id));
    let payment = record.payment_id.and_then(|id| set.payment(record.realm, id));
    match (refund, payment) {
        (Some(refund), _) => answer(202, refund_json(refund)),
        (None, Some(payment)) => answer(202, payment_json(payment, set.attempts(record.realm, payment.id))),
        (None, None) => match of_unknown_fate(set, deciding, record) {
            Some(answer) => answer,
            None => requester.refuse(Refused::idempotency_key_in_use()),
        },
    }
}

/// Binds a claimed key to the object of its request while an attempt is under way; gives back the key's record.
pub(super) fn bind(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    key_use: Option<&KeyUse>,
    sender: &Sender,
    payment_id: PaymentId,
    refund_id: Option<RefundId>,
) -> Vec<IdempotencyRecord> {
    let Some(mut record) = key_use.and_then(|key_use| key_use.claimed(set)) else { return Vec::new() };
    record.payment_id = Some(payment_id);
    record.refund_id = refund_id;
    record.created_at = deciding.at;
    record.running_until = sender.lease_until(deciding.at);
    record.revision = record.revision.saturating_add(1);
    set.put_key(record.clone());
    vec![record]
}

/// Binds a claimed key to the object of its request while something outside is asked; gives back the key's record.
pub(super) fn bind_object(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    key_use: Option<&KeyUse>,
    object_id: String,
    until: DateTime<Utc>,
) -> Option<IdempotencyRecord> {
    let mut record = key_use?.claimed(set)?;
    record.object_id = Some(object_id);
    record.created_at = deciding.at;
    record.running_until = until;
    record.revision = record.revision.saturating_add(1);
    set.put_key(record.clone());
    Some(record)
}

/// Stores the answer of a request that is over with this commit, or frees its key when the answer is not one to keep.
pub(super) fn finish(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    key_use: Option<&KeyUse>,
    bound: impl Into<Bound>,
    answer: Answer,
) -> Answer {
    let Some(key_use) = key_use else { return answer };
    let key = key_use.key();
    let Some(mut record) = key_use.claimed(set) else { return answer };
    if !is_kept(&answer) {
        set.release_key(&key);
        return answer;
    }
    (record.payment_id, record.object_id) = match bound.into() {
        Bound::Nothing => (None, None),
        Bound::Payment(id) => (Some(id), None),
        Bound::Object(id) => (None, Some(id)),
    };
    record.created_at = deciding.at;
    record.running_until = deciding.at;
    set_answer(&mut record, &answer);
    set.put_key(record);
    answer
}

/// Stores the answer on a key that waited for it.
pub(super) fn set_answer(record: &mut IdempotencyRecord, answer: &Answer) {
    record.answer =
        Some(StoredAnswer { status: answer.status, body: Some(std::sync::Arc::clone(&answer.body)) });
    record.revision = record.revision.saturating_add(1);
}

/// Kept are successes, declined payments, and refusals by an object's state.
fn is_kept(answer: &Answer) -> bool {
    matches!(answer.status, 200..=299 | 402 | 404 | 409 | 422)
}
