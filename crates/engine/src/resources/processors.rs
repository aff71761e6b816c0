//! Processor accounts and routes. What has changed is used at once by this process, and after a second by the others.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use florin_domain::{
    AccountChange, Metadata, ProcessorAccount, ProcessorAccountId, ProcessorRoutes, RouteRule,
};
use florin_processors::{Credentials, Processor};
use florin_storage::{Realm, read};

use crate::access::Context;
use crate::commands::{AddAccount, Alter, AlterAccount, Change, Requester, SetRoutes};
use crate::engine::{Engine, Inner};
use crate::reading::{list_answer, page_of, unavailable};
use crate::requests::{AttemptFilter, CreateProcessorAccount, Idempotency, Page};
use crate::views::{Answer, ProcessorAccountResponse, ProcessorRoutesResponse, Refused};

impl Engine {
    /// Adds a processor account.
    pub async fn create_processor_account(
        &self,
        context: Context,
        request: CreateProcessorAccount,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let id = ProcessorAccountId::from_uuid(self.inner.ids.next(self.inner.now()));
        let opener = self.inner.directory.opener();
        let connector = request.connector.as_str();
        let settings = opener.refuse_operators_settings(connector, &Metadata::default(), &request.settings);
        match settings.and_then(|()| opener.prepare(requester.realm, id, request, requester.actor)) {
            Ok(account) => {
                self.inner.change_directory(requester, AddAccount(account), 201, idempotency).await
            }
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Changes an account's settings or place, enables or disables it.
    pub async fn update_processor_account(
        &self,
        context: Context,
        id: ProcessorAccountId,
        change: AccountChange,
    ) -> Answer {
        let requester = Requester::from(&context);
        if let Some(settings) = &change.settings {
            let checked = self.inner.processor_account(requester.realm, id).await;
            let opener = self.inner.directory.opener();
            let checked = checked.and_then(|account| {
                opener.refuse_operators_settings(account.connector.as_str(), &account.settings, settings)?;
                opener.check_settings(&account, settings)
            });
            if let Err(refused) = checked {
                return requester.refuse(refused);
            }
        }
        let alter = AlterAccount { id, alter: Alter::Change(change) };
        self.inner.change_directory(requester, alter, 200, None).await
    }

    /// Gives an account other credentials.
    pub async fn rotate_processor_credentials(
        &self,
        context: Context,
        id: ProcessorAccountId,
        credentials: Credentials,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let account = self.inner.processor_account(requester.realm, id).await;
        let sealed =
            account.and_then(|account| self.inner.directory.opener().prepare_rotation(&account, credentials));
        match sealed {
            Ok(sealed) => {
                let alter = AlterAccount { id, alter: Alter::Rotate(sealed) };
                self.inner.change_directory(requester, alter, 200, idempotency).await
            }
            Err(refused) => requester.refuse(refused),
        }
    }

    /// A processor account.
    pub async fn find_processor_account(&self, context: Context, id: ProcessorAccountId) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.processor_account(requester.realm, id).await {
            Ok(account) => Answer::new(200, &ProcessorAccountResponse::new(&account)),
            Err(refused) => requester.refuse(refused),
        }
    }

    /// A list of the processor accounts, disabled ones included.
    pub async fn list_processor_accounts(
        &self,
        context: Context,
        created_after: Option<DateTime<Utc>>,
        created_before: Option<DateTime<Utc>>,
        page: Page,
    ) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::accounts_of(connection, realm);
        let answer = |mut accounts: Vec<ProcessorAccount>| {
            let wanted = AttemptFilter { created_after, created_before };
            accounts.retain(|account| wanted.wants(account.id.created_at()));
            accounts.reverse();
            let listed = page_of(accounts, |account| account.id.uuid(), page);
            Ok(list_answer(&listed, |account: &ProcessorAccount| {
                (account.id.to_string(), ProcessorAccountResponse::new(account))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// The routes.
    pub async fn find_processor_routes(&self, context: Context) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::routes_of(connection, realm);
        let answer = |routes: Option<ProcessorRoutes>| {
            Ok(Answer::new(200, &ProcessorRoutesResponse::new(realm, routes.as_ref())))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// Sets all rules of the routes.
    pub async fn set_processor_routes(&self, context: Context, rules: Vec<RouteRule>) -> Answer {
        self.inner.change_directory(Requester::from(&context), SetRoutes(rules), 200, None).await
    }
}

impl Inner {
    /// The processor of an account, and whose it is, for whoever does not know its tenant yet.
    pub(crate) fn account(&self, id: ProcessorAccountId) -> Option<(Realm, Arc<dyn Processor>)> {
        self.directory.account(id)
    }

    /// All accounts of all tenants that can be reached, disabled ones too.
    pub(crate) fn accounts(&self) -> Vec<(Realm, ProcessorAccountId, Arc<dyn Processor>)> {
        self.directory.accounts()
    }
}

impl Inner {
    async fn change_directory<C: Change>(
        self: &Arc<Self>,
        requester: Requester,
        change: C,
        success_status: u16,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let answer = self.change(requester, change, success_status, idempotency).await;
        if let Err(error) = self.refresh_directory().await {
            tracing::warn!(%error, "the processor accounts could not be read");
        }
        answer
    }

    async fn processor_account(
        &self,
        realm: Realm,
        id: ProcessorAccountId,
    ) -> Result<ProcessorAccount, Refused> {
        let found = self.read(move |connection| read::find_account(connection, realm, id)).await;
        found.map_err(|error| unavailable(&error))?.ok_or_else(Refused::processor_account_not_found)
    }
}
