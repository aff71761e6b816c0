//! The commands: each names what it needs, and decides by the domain's rules over what was loaded.

mod accounts;
mod booking;
mod change;
mod chargeable;
mod create;
mod customers;
mod endpoints;
mod events;
mod expire;
mod gate;
mod go_on;
mod invoices;
mod items;
mod keys;
mod late;
mod lease;
mod methods;
mod operations;
mod pay;
mod payment_requests;
mod request;
mod returned;
mod schedule;
mod sessions;
mod settle;
mod telling;
mod tenant;
mod transactions;
mod update;
mod users;

pub(crate) use accounts::{AddAccount, Alter, AlterAccount, SetRoutes};
pub(crate) use change::{Asked, Change, Desk};
pub(crate) use chargeable::stored_id;
pub(crate) use create::Create;
pub(crate) use customers::{ChangeCustomer, Grant};
pub(crate) use endpoints::{
    AlterEndpoint, DeleteEndpoint, GiveUpEndpoint, MakeEndpoint, RotateSecret, TestEndpoint,
};
pub(crate) use events::{Names, NoteEvent, Noted};
pub(crate) use expire::Expire;
pub(crate) use gate::KeyUse;
pub(crate) use invoices::VoidInvoice;
pub(crate) use items::{CloseItem, Raise, Resolve, Resolved, Review};
pub(crate) use keys::{IssueKey, ReplaceKey, RevokeKey};
pub(crate) use lease::{EndLookUp, Leased, TakeLease};
pub(crate) use methods::Detach;
pub(crate) use operations::{Cancel, Capture, MakeRefund, Process};
pub(crate) use pay::{Pay, PayBegun};
pub(crate) use payment_requests::{
    BeginSend, CancelRequest, EndSend, NewRequest, RequestCanceled, SendBegun,
};
pub(crate) use request::{Operation, Request};
pub(crate) use returned::{TakeReturned, is_worth_a_look};
pub(crate) use sessions::{BeginSession, EndSession, Exchanged, RefreshSession};
pub(crate) use settle::{Settled, Settling};
pub(crate) use telling::{Requester, payment_json};
pub(crate) use tenant::ChangeTenant;
pub(crate) use transactions::Amend;
pub(crate) use update::ChangePayment;
pub(crate) use users::{AddUser, AlterUser, Alteration};

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use florin_domain::{Attempt, Payment};
use florin_storage::IdempotencyRecord;

use crate::routing::Routes;
use crate::views::Answer;

/// What a command that may reach a processor decides.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is over: this is the answer.
    Answered(Answer),
    /// An attempt has to be sent, and the answer depends on it.
    Send(Box<Sending>),
}

/// An attempt to send, with all that is known around it.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    /// The payment, as it was committed.
    pub(crate) payment: Payment,
    /// The attempt to send.
    pub(crate) attempt: Attempt,
    /// The idempotency keys that wait for the answer.
    pub(crate) keys: Vec<IdempotencyRecord>,
    /// Whether nobody else can have changed the payment: it is new.
    pub(crate) is_new: bool,
    /// The HTTP status that success is answered with.
    pub(crate) success_status: u16,
    /// Where a charge goes next, should this attempt's account not take it: the names of accounts, in order.
    pub(crate) others: Vec<Arc<str>>,
}

impl Sending {
    /// An attempt that Florin makes by itself, and for whose outcome no caller waits.
    fn unasked(payment: Payment, attempt: Attempt) -> Sending {
        Sending { payment, attempt, keys: Vec::new(), is_new: false, success_status: 200, others: Vec::new() }
    }
}

/// How attempts start: which processors there are, and how long their sender may take.
#[derive(Clone)]
pub(crate) struct Sender {
    /// What the tenant and mode has to charge with.
    pub(crate) routes: Arc<Routes>,
    /// The processor's deadline and some time to commit.
    pub(crate) lease: Duration,
}

impl Sender {
    /// Until when an attempt that starts now belongs to its sender.
    fn lease_until(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        schedule::leased_until(self.lease, at)
    }
}
