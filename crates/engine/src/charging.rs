//! Between the two commits: calling the processor, with a deadline, never inside a transaction.
//!
//! States and crash points of one attempt:
//!
//! | the process dies | what is stored | what follows |
//! | --- | --- | --- |
//! | before the first commit | nothing | the caller sends again |
//! | after it, before or during the call | attempt `sending`, its lease runs out | recovery looks it up at the processor |
//! | after the call, before the second commit | the same | the same: the look-up finds the outcome |
//! | after the second commit | the outcome | a retry with the same key gets the stored answer |
//!
//! A process that stands still instead of dying is the subject of [`crate::lease`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use florin_domain::{
    Attempt, AttemptKind, AttemptStatus, Failure, FailureCode, MethodRef, Payment, Settlement,
};
use florin_processors::{
    CaptureRequest, ChargeRequest, Outcome, Processor, RefundRequest, Request, VoidRequest, lease::Lease,
};

use florin_storage::faults::{Bug, Point, pass};
use florin_storage::{InRealm, StorageError, read};

use crate::commands::{Leased, Requester, Review, Sending, Settled, Settling, stored_id};
use crate::engine::Inner;
use crate::views::{Answer, Refused};
use crate::writer::WriteFailed;

/// When a processor is asked about what was sent at the very end of a lease, and was taken for failed meanwhile.
const LOOKED_AT_AFTER: Duration = Duration::from_secs(1);

impl Inner {
    /// Sends an attempt and settles it, and whatever follows from that; gives back the answer to the caller.
    pub(crate) async fn carry_out(self: &Arc<Self>, sending: Sending, requester: Requester) -> Answer {
        let began = Instant::now();
        let mut sending = sending;
        loop {
            pass(Point::CallBegins);
            if sending.attempt.kind == AttemptKind::Charge {
                pass(Point::ChargeBegins);
            }
            let sent = self.try_send(&sending).await;
            pass(Point::CallEnded);
            let others = self.others(&sending, &sent, began);
            let settled = self.settle_or_go_on(&sending, &requester, sent, others).await;
            pass(Point::OutcomeSettled);
            if let Some(follow_up) = settled.follow_up {
                self.undo(*follow_up, requester.clone());
            }
            match settled.next {
                Some(next) => sending = *next,
                None => return settled.answer,
            }
        }
    }

    /// The accounts that a charge may go on to after what became of it. None while its caller would have to wait too
    /// long, or when it is not sure which accounts are still enabled.
    fn others(&self, sending: &Sending, sent: &Sent, began: Instant) -> Vec<Arc<str>> {
        let payment = &sending.payment;
        let realm = payment.realm();
        let may_go_on = sent.may_go_on
            && !sending.others.is_empty()
            && began.elapsed() < self.settings.processor_timeout
            && !self.is_closed()
            && self.directory.is_current(realm);
        if may_go_on { sending.others.clone() } else { Vec::new() }
    }

    /// Carries out what undoes a charge that succeeded after its cancellation had been asked for. Nobody waits for it.
    pub(crate) fn undo(self: &Arc<Self>, sending: Sending, requester: Requester) {
        let inner = Arc::clone(self);
        let requester = Requester { actor: florin_domain::Actor::System, ..requester };
        self.track(async move {
            let (settlement, reference) = inner.send(&sending).await;
            inner.settle(&sending, &requester, settlement, reference).await;
        });
    }

    /// Sends an attempt to its processor.
    pub(crate) async fn send(&self, sending: &Sending) -> (Settlement, Option<String>) {
        let sent = self.try_send(sending).await;
        (sent.settlement, sent.reference)
    }

    /// Sends an attempt to its processor, and tells whether another may be tried.
    async fn try_send(&self, sending: &Sending) -> Sent {
        let (payment, attempt) = (&sending.payment, &sending.attempt);
        let realm = payment.realm();
        let Some(processor) = self.processor_named(realm, &attempt.processor) else {
            return Sent { may_go_on: true, ..Sent::nothing("no such processor is configured") };
        };
        let method = match self.processors_own(sending).await {
            Ok(method) => method,
            Err(error) => {
                tracing::warn!(%error, "a stored payment method could not be read");
                return Sent::nothing("the stored payment method could not be read");
            }
        };
        let Some(request) = method.and_then(|method| request(payment, attempt, method)) else {
            return Sent::nothing("the attempt names no payment method or no charge to act on");
        };
        let sent = self.send_request(&processor, request, attempt).await;
        if let Some(is_clear) = sent.is_clear() {
            self.answering.note(realm, &attempt.processor, is_clear, Instant::now());
        }
        sent
    }

    /// The payment method as its processor names it, where it may be one that is stored here. The token of a stored one
    /// never changes.
    async fn processors_own(&self, sending: &Sending) -> Result<Option<MethodRef>, StorageError> {
        let Some(method) = sending.attempt.payment_method.clone() else { return Ok(None) };
        let Some(id) = stored_id(&method) else { return Ok(Some(method)) };
        let payment = &sending.payment;
        let realm = payment.realm();
        let stored = self.read(move |connection| read::find_method(connection, realm, id)).await?;
        Ok(Some(stored.map_or(method, |stored| stored.token)))
    }

    /// Sends a request, and gives it up when the attempt's lease ends: from then on others may take what they do not find
    /// for something that never happened.
    async fn send_request(
        &self,
        processor: &Arc<dyn Processor>,
        request: Request,
        attempt: &Attempt,
    ) -> Sent {
        let lease = self.lease_of(attempt);
        let Some(left) = lease.left() else { return Sent::too_late(attempt) };
        let deadline = self.settings.processor_timeout.min(left);
        let is_held = lease.clone();
        let sending = Lease::new(move || is_held.is_held()).hold(processor.send(request));
        match tokio::time::timeout(deadline, sending).await {
            Ok(Outcome::NotSent { .. }) if !lease.is_held() => Sent::too_late(attempt),
            Ok(outcome) => {
                let may_go_on = may_go_on(&outcome);
                let (settlement, reference) = settlement_of(outcome);
                Sent { settlement, reference, may_go_on }
            }
            Err(_) => Sent { settlement: nobody_knows(), reference: None, may_go_on: false },
        }
    }

    /// Writes what became of an attempt. While the database is away the outcome is kept here and tried again; should
    /// the process die meanwhile, recovery finds it out from the processor.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        sending: &Sending,
        requester: &Requester,
        settlement: Settlement,
        reference: Option<String>,
    ) -> Settled {
        let sent = Sent { settlement, reference, may_go_on: false };
        self.settle_or_go_on(sending, requester, sent, Vec::new()).await
    }

    /// The same; a charge that has failed goes on to the first of `others` that still takes it, in the same commit.
    async fn settle_or_go_on(
        self: &Arc<Self>,
        sending: &Sending,
        requester: &Requester,
        sent: Sent,
        others: Vec<Arc<str>>,
    ) -> Settled {
        let mut wait = Duration::from_millis(50);
        loop {
            let command = Settling {
                requester: requester.clone(),
                payment_id: sending.payment.id,
                attempt_id: sending.attempt.id,
                refund_id: sending.attempt.refund_id,
                settlement: sent.settlement.clone(),
                reference: sent.reference.clone(),
                keys: sending.keys.clone(),
                known: sending.is_new.then(|| (sending.payment.clone(), sending.attempt.clone())),
                success_status: sending.success_status,
                sender: self.sender_now(requester.realm),
                others: others.clone(),
                review: (sending.attempt.status == AttemptStatus::NeedsReview)
                    .then_some(Review { note: None }),
                revision: sending.attempt.revision,
            };
            match self.write_always(command).await {
                Ok(mut settled) => {
                    if let Some(late) = settled.late.take() {
                        self.follow_late_effect(*late, sent).await;
                    }
                    return settled;
                }
                Err(WriteFailed::NotWritten | WriteFailed::Unknown) if !self.is_closed() => {
                    tracing::warn!(attempt = %sending.attempt.id, "an outcome could not be written yet");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(2));
                }
                Err(_) => {
                    let answer = Refused::outcome_unknown().to_answer(&requester.request_id);
                    return Settled::told(answer);
                }
            }
        }
    }

    /// What was taken for failed happened all the same, or may have: tells of it.
    async fn follow_late_effect(self: &Arc<Self>, (payment, attempt): (Payment, Attempt), sent: Sent) {
        if sent.settlement != Settlement::Unknown {
            return self.tell_of_late_effect(&payment, &attempt, sent.reference).await;
        }
        let inner = Arc::clone(self);
        self.track(async move {
            tokio::time::sleep(LOOKED_AT_AFTER).await;
            inner.check_failed(&Leased::new(payment, &attempt, attempt.clone())).await;
        });
    }
}

/// What became of sending an attempt.
struct Sent {
    settlement: Settlement,
    reference: Option<String>,
    /// Whether nothing was charged, and another processor may see it differently.
    may_go_on: bool,
}

impl Sent {
    /// Nothing was sent, and nothing else can be.
    fn nothing(reason: &str) -> Sent {
        Sent { settlement: not_sent(reason), reference: None, may_go_on: false }
    }

    /// It was not sent, since its time was over. A charge has failed by that; all else is a decision that stands, and
    /// recovery sends it.
    fn too_late(attempt: &Attempt) -> Sent {
        metrics::counter!("florin_sent_too_late_total").increment(1);
        let nothing = Sent::nothing("the attempt's lease was over before it was sent");
        match attempt.kind {
            AttemptKind::Charge => nothing,
            AttemptKind::Capture | AttemptKind::Void | AttemptKind::Refund => {
                Sent { settlement: Settlement::Unknown, ..nothing }
            }
        }
    }

    /// Whether the processor answered clearly; none when it was not asked.
    fn is_clear(&self) -> Option<bool> {
        match &self.settlement {
            Settlement::Failed(failure) if failure.code == FailureCode::NotSent => None,
            settlement => Some(*settlement != Settlement::Unknown),
        }
    }
}

/// Whether a charge of this outcome may be tried at another processor: never while it may have had an effect.
fn may_go_on(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::NotSent { .. } => true,
        Outcome::Declined { may_retry_elsewhere, .. } => *may_retry_elsewhere,
        Outcome::Succeeded { .. }
        | Outcome::Pending { .. }
        | Outcome::RequiresAction { .. }
        | Outcome::Unknown { .. } => false,
    }
}

/// What an attempt asks of its processor. None when it lacks what the request needs.
fn request(payment: &Payment, attempt: &Attempt, payment_method: MethodRef) -> Option<Request> {
    let (attempt_id, payment_id) = (attempt.id, payment.id);
    let charge_reference = payment.processor_reference.clone();
    Some(match attempt.kind {
        AttemptKind::Charge => {
            let charge = ChargeRequest {
                attempt_id,
                payment_id,
                amount: attempt.amount,
                currency: payment.currency,
                payment_method,
                method_type: payment.method_type,
                description: payment.description.as_ref().map(|text| text.as_str().to_owned()),
                return_url: payment.return_url.clone(),
                off_session: payment.off_session,
            };
            if attempt.capture { Request::Charge(charge) } else { Request::Authorize(charge) }
        }
        AttemptKind::Capture => Request::Capture(CaptureRequest {
            attempt_id,
            payment_id,
            reference: charge_reference?,
            amount: attempt.amount,
            currency: payment.currency,
            payment_method,
        }),
        AttemptKind::Void => Request::Void(VoidRequest {
            attempt_id,
            payment_id,
            reference: charge_reference?,
            payment_method,
        }),
        AttemptKind::Refund => Request::Refund(RefundRequest {
            attempt_id,
            refund_id: attempt.refund_id?,
            payment_id,
            reference: charge_reference?,
            amount: attempt.amount,
            currency: payment.currency,
            payment_method,
        }),
    })
}

/// What a processor's answer means for an attempt.
pub(crate) fn settlement_of(outcome: Outcome) -> (Settlement, Option<String>) {
    match outcome {
        Outcome::Succeeded { reference } => (Settlement::Succeeded, Some(reference)),
        Outcome::Declined { code, message, .. } => {
            (Settlement::Failed(Failure { code: code.into(), message }), None)
        }
        Outcome::Pending { reference } => (Settlement::Pending, Some(reference)),
        Outcome::RequiresAction { reference, url } => (Settlement::RequiresAction { url }, Some(reference)),
        Outcome::NotSent { reason } => (not_sent(&reason), None),
        Outcome::Unknown { reason } => {
            tracing::info!(reason, "a processor's answer leaves the outcome unknown");
            (nobody_knows(), None)
        }
    }
}

/// Neither success nor failure.
fn nobody_knows() -> Settlement {
    if Bug::TimeOutIsFailure.is_planted() { not_sent("no answer") } else { Settlement::Unknown }
}

fn not_sent(reason: &str) -> Settlement {
    tracing::warn!(reason, "an attempt could not be sent");
    Settlement::Failed(Failure {
        code: FailureCode::NotSent,
        message: "The payment processor could not be reached, and nothing was charged. Try again later."
            .to_owned(),
    })
}
