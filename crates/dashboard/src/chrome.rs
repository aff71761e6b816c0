//! What is around every page: navigation, mode, who is signed in.

use florin_engine::access::Scope;
use futures_util::future::join;
use serde::Deserialize;

use crate::trouble::{Told, Trouble};
use crate::visit::{Visit, seen};

/// The frame of a page.
pub(crate) struct Chrome {
    pub(crate) title: String,
    pub(crate) is_live: bool,
    /// Where the pages of this mode begin: `/dashboard/test`.
    pub(crate) root: String,
    /// The same section in the other mode.
    pub(crate) other_mode: String,
    pub(crate) nav: Vec<Group>,
    pub(crate) user: Myself,
    pub(crate) tenant: String,
    pub(crate) form_token: String,
    /// That something was done.
    pub(crate) done: Option<&'static str>,
    /// Why something was not.
    pub(crate) told: Option<Told>,
}

/// A part of the navigation.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) items: Vec<Item>,
}

/// A link of the navigation.
pub(crate) struct Item {
    pub(crate) label: &'static str,
    pub(crate) path: String,
    pub(crate) is_current: bool,
}

/// Who is signed in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Myself {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: Option<String>,
    pub(crate) role: String,
    pub(crate) totp: String,
}

#[derive(Deserialize)]
struct Tenant {
    name: String,
}

/// A section's name, its path, and what a visitor needs to see it.
type Section = (&'static str, &'static str, Option<Scope>);

/// The sections, with what a visitor needs to see one.
const SECTIONS: &[(&str, &[Section])] = &[
    (
        "",
        &[
            ("Overview", "", Some(Scope::PaymentsRead)),
            ("Payments", "/payments", Some(Scope::PaymentsRead)),
            ("Payment requests", "/payment-requests", Some(Scope::PaymentsRead)),
            ("Invoices", "/invoices", Some(Scope::InvoicesRead)),
            ("Customers", "/customers", Some(Scope::CustomersRead)),
        ],
    ),
    (
        "Money",
        &[
            ("Transactions", "/transactions", Some(Scope::TransactionsRead)),
            ("Balances", "/balances", Some(Scope::TransactionsRead)),
            ("Open items", "/open-items", Some(Scope::Admin)),
        ],
    ),
    (
        "Developers",
        &[
            ("Webhooks", "/webhooks", Some(Scope::WebhooksRead)),
            ("Events", "/events", Some(Scope::WebhooksRead)),
            ("API keys", "/api-keys", Some(Scope::Admin)),
        ],
    ),
    (
        "Team",
        &[
            ("Users", "/users", Some(Scope::Admin)),
            ("Audit log", "/audit-log", Some(Scope::Admin)),
            ("Settings", "/settings", Some(Scope::Admin)),
        ],
    ),
];

/// What is told after something was done, by the word in the address.
const DONE: &[(&str, &str)] = &[
    ("captured", "The payment was captured."),
    ("capture-pending", "The capture is under way. Its outcome will show here."),
    ("canceled", "The payment was canceled."),
    ("cancel-pending", "The cancellation is remembered: should the charge succeed, it is undone."),
    ("refunded", "The refund was made."),
    ("refund-pending", "The refund is under way. Its outcome will show here."),
    ("refund-failed", "The refund failed. The amount can be refunded again; the refund below tells why."),
    ("request-canceled", "The request was canceled, or will be when the charge under way has ended."),
    ("request-sent", "The request was sent."),
    ("created", "It was created."),
    ("saved", "The changes were saved."),
    ("deleted", "It was deleted."),
    ("voided", "The invoice was voided."),
    ("granted", "The credits were granted."),
    ("sent", "It was sent. The delivery will show below in a moment."),
    ("revoked", "It was revoked, and opens nothing any more."),
    ("ended", "The session was ended."),
    ("signed-out-everywhere", "Every session of the user was ended."),
    ("closed", "The item was closed."),
    ("resolved", "The attempt was resolved."),
    ("totp-off", "The second factor was switched off."),
    ("password", "The password was changed. All sessions ended."),
];

impl Visit {
    /// The frame of a page of the section at this path.
    pub(crate) async fn chrome(&self, title: impl Into<String>, section: &str) -> Result<Chrome, Trouble> {
        let engine = &self.desk.engine;
        let florin_domain::Actor::User(id) = self.context.caller.actor() else {
            return Err(Trouble::nothing_here());
        };
        let (user, tenant) =
            join(engine.find_user(self.context(), id), engine.find_own_tenant(self.context())).await;
        let user: Myself = seen(&user)?;
        let tenant: Tenant = seen(&tenant)?;
        let other = if self.mode.is_live() { "test" } else { "live" };
        let word = self.query.get("done");
        Ok(Chrome {
            title: title.into(),
            is_live: self.mode.is_live(),
            root: self.path(""),
            other_mode: format!("/dashboard/{other}{section}"),
            nav: self.navigation(section),
            user,
            tenant: tenant.name,
            form_token: self.form_token.clone(),
            done: DONE.iter().find(|(known, _)| Some(*known) == word).map(|(_, text)| *text),
            told: None,
        })
    }

    fn navigation(&self, section: &str) -> Vec<Group> {
        let item = |&(label, path, scope): &Section| {
            let is_shown = scope.is_none_or(|scope| self.may(scope));
            is_shown.then(|| Item { label, path: self.path(path), is_current: path == section })
        };
        let groups = SECTIONS
            .iter()
            .map(|(name, items)| Group { name, items: items.iter().filter_map(item).collect() });
        groups.filter(|group| !group.items.is_empty()).collect()
    }
}

impl Chrome {
    /// The same, telling why something was not done.
    pub(crate) fn telling(self, told: Option<Told>) -> Self {
        Chrome { told, ..self }
    }

    /// What is wrong with the field of that name.
    pub(crate) fn error_of(&self, field: &str) -> Option<&str> {
        self.told.as_ref().filter(|told| told.is_about(field)).map(|told| told.message.as_str())
    }
}
