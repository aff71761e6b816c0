//! Which account takes a charge: a pure choice over what a tenant and mode has.

use std::sync::Arc;

use florin_domain::{
    Amount, Currency, MethodRef, MethodType, ProcessorAccountId, ProcessorName, RouteRule, StoredMethod,
};
use florin_processors::{MethodCheck, Processor};

use super::guard::Guarded;
use crate::views::{ErrorCode, Refused};

/// A processor that a tenant and mode can use.
pub(crate) struct Account {
    /// None for a built-in processor.
    pub(super) id: Option<ProcessorAccountId>,
    pub(super) name: Arc<str>,
    /// Whether it takes new charges.
    pub(super) enabled: bool,
    pub(super) service: Service,
}

/// Who serves an account.
#[derive(Clone)]
pub(super) enum Service {
    /// A processor that comes with the server, which nothing has to guard.
    BuiltIn(Arc<dyn Processor>),
    /// The processor of an account.
    Guarded(Arc<Guarded>),
    /// Nobody: its connector is not there, or its credentials can't be opened. The log says why.
    Nobody,
}

/// What a tenant and mode has to charge with.
#[derive(Default)]
pub(crate) struct Routes {
    /// What takes new charges, in the order in which it is asked where no rule says otherwise. Accounts if there are any,
    /// else what is built in.
    pub(super) accounts: Vec<Arc<Account>>,
    /// What is built in, where there are accounts: payments from before still name it.
    pub(super) former: Vec<Arc<Account>>,
    pub(super) rules: Vec<RouteRule>,
}

/// What is to be charged.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) method: &'a MethodRef,
    /// The payment method as it is stored here, if it is.
    pub(crate) stored: Option<&'a StoredMethod>,
    /// The type that the caller says it has, for a processor that can't tell.
    pub(crate) named: Option<MethodType>,
    pub(crate) amount: Amount,
    pub(crate) currency: Currency,
}

/// Where a charge goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method_type: MethodType,
    /// The account that is asked first.
    pub(crate) processor: Arc<str>,
    /// Those that are asked after it, in this order.
    pub(crate) others: Vec<Arc<str>>,
}

impl Account {
    pub(crate) fn processor(&self) -> Option<&dyn Processor> {
        match &self.service {
            Service::BuiltIn(processor) => Some(processor.as_ref()),
            Service::Guarded(guarded) => Some(guarded.as_ref()),
            Service::Nobody => None,
        }
    }

    /// The same, to keep.
    pub(crate) fn shared(&self) -> Option<Arc<dyn Processor>> {
        match &self.service {
            Service::BuiltIn(processor) => Some(Arc::clone(processor)),
            Service::Guarded(guarded) => Some(Arc::clone(guarded) as Arc<dyn Processor>),
            Service::Nobody => None,
        }
    }

    /// Whether it can capture a part of what it has authorized. Nobody's is not known to be unable to.
    pub(crate) fn captures_parts(&self) -> bool {
        self.processor().is_none_or(|processor| processor.capabilities().partial_capture)
    }

    /// Checks that it can count an amount.
    ///
    /// # Errors
    /// When it counts the currency in coarser units.
    pub(crate) fn check_expressible(&self, amount: Amount, currency: Currency) -> Result<(), Refused> {
        let is_known = self.processor().is_some();
        if is_known && !self.can_express(amount, currency) { Err(inexpressible(currency)) } else { Ok(()) }
    }

    /// Whether a request would be sent rather than refused by the breaker.
    pub(super) fn is_ready(&self) -> bool {
        match &self.service {
            Service::BuiltIn(_) => true,
            Service::Guarded(guarded) => guarded.is_ready(),
            Service::Nobody => false,
        }
    }

    pub(super) fn check(&self, method: &MethodRef) -> MethodCheck {
        self.processor().map_or(MethodCheck::NotFound, |processor| processor.check_method(method))
    }

    pub(super) fn takes(&self, method_type: MethodType, currency: Currency) -> bool {
        self.processor().is_some_and(|processor| processor.capabilities().takes(method_type, currency))
    }

    pub(super) fn can_express(&self, amount: Amount, currency: Currency) -> bool {
        self.processor().is_some_and(|processor| processor.capabilities().to_units(amount, currency).is_ok())
    }
}

impl Routes {
    /// The account of that name, which may be disabled, or one that is built in.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Account>> {
        self.accounts.iter().chain(&self.former).find(|account| &*account.name == name)
    }

    /// Whether the account of that name takes new charges.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.accounts.iter().any(|account| account.enabled && &*account.name == name)
    }

    /// Whether there are accounts, rather than what is built in.
    fn has_accounts(&self) -> bool {
        self.accounts.iter().any(|account| account.id.is_some())
    }

    /// Where a charge goes.
    ///
    /// A stored payment method whose token belongs to an account goes there and nowhere else, whatever the rules say.
    ///
    /// # Errors
    /// When no account knows the payment method, or none takes such a charge.
    pub(crate) fn choose(&self, wanted: Wanted<'_>) -> Result<Route, Refused> {
        let owner = wanted.stored.and_then(|stored| stored.processor.as_ref());
        let token = wanted.stored.map_or(wanted.method, |stored| &stored.token);
        let method_type = self.method_type(wanted, owner, token)?;
        let mut takers = match owner {
            Some(owner) => self.accounts.iter().filter(|account| is_owner(account, owner)).collect(),
            None => self.in_order(method_type, wanted.currency),
        };
        takers.retain(|account| account.enabled && is_good_at(account, token, method_type));
        takers.retain(|account| account.takes(method_type, wanted.currency));
        if takers.is_empty() {
            return Err(no_taker(method_type, wanted.currency));
        }
        takers.retain(|account| account.can_express(wanted.amount, wanted.currency));
        // Those that would be refused by their breakers come last: one of them may be well again by then.
        takers.sort_by_key(|account| !account.is_ready());
        let mut takers = takers.into_iter();
        let first = takers.next().ok_or_else(|| inexpressible(wanted.currency))?;
        let others = takers.filter(|account| knows(account, token)).map(|account| Arc::clone(&account.name));
        Ok(Route { method_type, processor: Arc::clone(&first.name), others: others.collect() })
    }

    /// What kind of money a payment method moves: what an account says that knows it, or else what is said of it.
    fn method_type(
        &self,
        wanted: Wanted<'_>,
        owner: Option<&ProcessorName>,
        token: &MethodRef,
    ) -> Result<MethodType, Refused> {
        let asked =
            |account: &&Arc<Account>| account.enabled && owner.is_none_or(|owner| is_owner(account, owner));
        let (mut may_exist, mut is_invalid) = (false, false);
        for account in self.accounts.iter().filter(asked) {
            match account.check(token) {
                MethodCheck::Usable { method_type } => return Ok(method_type),
                MethodCheck::Unchecked => may_exist = true,
                MethodCheck::Invalid(_) => is_invalid = true,
                MethodCheck::NotFound => {}
            }
        }
        let named = wanted.named.filter(|named| named.needs_processor());
        let said = wanted.stored.map_or(named.unwrap_or(MethodType::Card), |stored| stored.method_type);
        match (may_exist, is_invalid, owner) {
            (true, _, _) => Ok(said),
            (false, true, _) => Err(Refused::payment_method_invalid()),
            (false, false, Some(owner)) => Err(owner_is_closed(owner)),
            (false, false, None) => Err(Refused::payment_method_not_found()),
        }
    }

    /// The accounts for such a charge: those of the first rule that is about it, or all.
    pub(super) fn in_order(&self, method_type: MethodType, currency: Currency) -> Vec<&Arc<Account>> {
        match self.rules.iter().find(|rule| rule.is_about(method_type, currency)) {
            None => self.accounts.iter().collect(),
            Some(rule) => {
                let of_id = |id: &ProcessorAccountId| {
                    self.accounts.iter().find(|account| account.id.as_ref() == Some(id))
                };
                rule.accounts.iter().filter_map(of_id).collect()
            }
        }
    }

    /// The account that a token belongs to which is stored here without one being named: the first in order that takes
    /// such tokens. None where tokens belong to no account in particular.
    pub(crate) fn owner_of(&self, token: &MethodRef, method_type: MethodType) -> Option<ProcessorName> {
        if !self.has_accounts() {
            return None;
        }
        let of_type = |account: &&Arc<Account>| {
            let processor = account.processor();
            account.enabled
                && processor.is_some_and(|found| found.capabilities().methods.contains(&method_type))
        };
        let mut known = self.accounts.iter().filter(of_type).filter(|account| knows_of(account, token));
        let first = known.next()?;
        // A token that is good at any account of its kind belongs to none.
        let is_bound = first.check(token) == MethodCheck::Unchecked;
        is_bound.then(|| ProcessorName::parse(&*first.name).ok()).flatten()
    }

    /// Whether a name is that of an account.
    pub(crate) fn has_account(&self, name: &ProcessorName) -> bool {
        self.accounts.iter().any(|account| account.id.is_some() && is_owner(account, name))
    }
}

fn is_owner(account: &Account, owner: &ProcessorName) -> bool {
    *account.name == *owner.as_str()
}

/// Whether an account may have such a token.
fn knows_of(account: &Account, token: &MethodRef) -> bool {
    matches!(account.check(token), MethodCheck::Usable { .. } | MethodCheck::Unchecked)
}

/// Whether an account says for certain that it can charge a token. A token that nobody can tell about is sent to one
/// account only: it may be that one's own.
fn knows(account: &Account, token: &MethodRef) -> bool {
    matches!(account.check(token), MethodCheck::Usable { .. })
}

fn is_good_at(account: &Account, token: &MethodRef, method_type: MethodType) -> bool {
    match account.check(token) {
        MethodCheck::Usable { method_type: own } => own == method_type,
        MethodCheck::Unchecked => true,
        MethodCheck::NotFound | MethodCheck::Invalid(_) => false,
    }
}

fn owner_is_closed(owner: &ProcessorName) -> Refused {
    let message = format!(
        "The payment method belongs to the processor account {owner}, which takes no charges now; send another payment_method_id."
    );
    Refused::new(ErrorCode::PaymentMethodInvalid, message).param("payment_method_id")
}

fn no_taker(method_type: MethodType, currency: Currency) -> Refused {
    let message = format!(
        "No processor account takes {method_type} in {}; send another currency or payment method, or change the routes.",
        currency.code()
    );
    Refused::new(ErrorCode::CurrencyNotSupported, message).param("currency")
}

fn inexpressible(currency: Currency) -> Refused {
    let message = format!(
        "The processor counts {} in coarser units; send an amount that is a multiple of them, mostly of 100.",
        currency.code()
    );
    Refused::new(ErrorCode::ParameterInvalid, message).param("amount")
}
