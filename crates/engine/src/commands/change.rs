//! What all changes of objects around payments have in common: one commit, in which the idempotency key is answered too.

use std::sync::Arc;

use florin_domain::{Actor, AuditAction, AuditEntryId, CustomerId, Mode};
use florin_storage::access::AuditEntry;
use florin_storage::{Needs, Realm, WorkingSet};
use serde::Serialize;

use super::Requester;
use super::gate::{Bound, Gate, KeyUse, finish};
use super::telling::answer;
use crate::views::{Answer, Refused};
use crate::writer::{Command, Deciding};

/// A change that somebody asks for. No processor has to be asked.
pub(crate) struct Asked<C> {
    pub(crate) requester: Requester,
    pub(crate) key: Option<KeyUse>,
    pub(crate) change: C,
}

/// A change of an object.
pub(crate) trait Change: Send + 'static {
    /// Names what has to be claimed and loaded.
    fn needs(&self, realm: Realm, needs: &mut Needs);

    /// Decides, by the domain's rules. A refusal has to leave the set as it was.
    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused>;

    /// Whether it has taken something from a credential that exists, if this is the status of its answer. It is answered
    /// when every process has heard of it.
    fn takes_access(_status: u16) -> bool {
        false
    }
}

/// What a change is decided over.
pub(crate) struct Desk<'a> {
    pub(crate) set: &'a mut WorkingSet,
    pub(crate) deciding: &'a Deciding<'a>,
    pub(crate) realm: Realm,
    /// Who asks.
    pub(crate) actor: Actor,
    /// The same, with where and by which request.
    pub(crate) requester: &'a Requester,
}

/// What a change comes to: what is answered, and the object that it made or changed.
pub(crate) struct Made {
    answer: Answer,
    /// What is answered instead, this once: what is stored for repetitions is `answer`.
    shown_once: Option<Answer>,
    object_id: String,
}

impl Made {
    /// The object of that id, answered as its view.
    pub(super) fn new<T: Serialize>(status: u16, view: &T, object_id: impl ToString) -> Self {
        Made { answer: Answer::new(status, view), shown_once: None, object_id: object_id.to_string() }
    }

    /// The object of that id, whose view is JSON already.
    pub(super) fn of_json(status: u16, body: Arc<str>, object_id: impl ToString) -> Self {
        Made { answer: answer(status, body), shown_once: None, object_id: object_id.to_string() }
    }

    /// That answer, which may be a refusal that has an effect, about the object of that id.
    pub(super) fn of_answer(answer: Answer, object_id: impl ToString) -> Self {
        Made { answer, shown_once: None, object_id: object_id.to_string() }
    }

    /// The same, answered the first time with what is never stored.
    pub(super) fn shown_once<T: Serialize>(mut self, view: &T) -> Self {
        self.shown_once = Some(Answer::new(self.answer.status, view));
        self
    }

    /// What is answered, which is the object's view.
    pub(super) fn body(&self) -> &Arc<str> {
        &self.answer.body
    }
}

impl Desk<'_> {
    /// Adds an entry to the audit log, in the commit of what it tells of.
    pub(crate) fn log(&mut self, action: AuditAction, object_id: impl ToString, details: &serde_json::Value) {
        self.log_in(self.realm, action, object_id, details);
    }

    /// The same for what concerns both modes.
    pub(crate) fn log_in_both_modes(
        &mut self,
        action: AuditAction,
        object_id: impl ToString + Copy,
        details: &serde_json::Value,
    ) {
        for mode in [Mode::Test, Mode::Live] {
            self.log_in(Realm { mode, ..self.realm }, action, object_id, details);
        }
    }

    fn log_in(
        &mut self,
        realm: Realm,
        action: AuditAction,
        object_id: impl ToString,
        details: &serde_json::Value,
    ) {
        let id = AuditEntryId::from_uuid(self.deciding.new_id());
        let entry = self.requester.audit_entry(id, action, object_id, details);
        self.set.put_audit_entry(AuditEntry { realm, actor: self.actor, ..entry });
    }

    /// Checks that the customer of that id exists, if one is named.
    pub(super) fn check_customer(&self, id: Option<CustomerId>) -> Result<(), Refused> {
        match id {
            Some(id) if self.set.customer(self.realm, id).is_none() => {
                Err(Refused::customer_not_found().param("customer_id"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl<C: Change> Command for Asked<C> {
    type Answer = Answer;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        self.change.needs(self.requester.realm, needs);
        if let Some(key) = &self.key {
            key.need(needs);
        }
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Answer {
        let key = self.key.as_ref();
        if let Gate::Closed(answer) = Gate::check(set, deciding, key, &self.requester) {
            return answer;
        }
        let requester = &self.requester;
        let (realm, actor) = (requester.realm, requester.actor);
        match self.change.make(&mut Desk { set, deciding, realm, actor, requester }) {
            Ok(Made { answer, shown_once, object_id }) => {
                let answer = finish(set, deciding, key, Bound::Object(object_id), answer);
                shown_once.unwrap_or(answer)
            }
            Err(refused) => finish(set, deciding, key, Bound::Nothing, self.requester.refuse(refused)),
        }
    }
}
