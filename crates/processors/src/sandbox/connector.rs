//! Sandbox accounts: tenants may have any number, to try out routes. All share one sandbox and its books.

use std::sync::Arc;

use crate::{Account, AccountRefused, Connector, Processor};

/// Makes processors of accounts with the connector `sandbox`.
pub struct SandboxConnector(Option<Arc<dyn Processor>>);

impl SandboxConnector {
    /// Accounts that are all served by this sandbox.
    pub fn new(sandbox: Arc<dyn Processor>) -> Self {
        SandboxConnector(Some(sandbox))
    }

    /// For commands that only check accounts, and serve none.
    pub fn unconnected() -> Self {
        SandboxConnector(None)
    }
}

impl Connector for SandboxConnector {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn check(&self, account: &Account) -> Result<(), AccountRefused> {
        if account.mode.is_live() {
            return Err(AccountRefused::Mode("the sandbox takes no live payments; use mode test".to_owned()));
        }
        account.refuse_unknown(&[], &[])
    }

    fn connect(&self, account: &Account) -> Result<Arc<dyn Processor>, AccountRefused> {
        self.check(account)?;
        let unconnected = || AccountRefused::Mode("there is no sandbox here".to_owned());
        self.0.clone().ok_or_else(unconnected)
    }
}
