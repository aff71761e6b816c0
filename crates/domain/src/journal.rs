//! The journal: one transaction for each movement of money, from one account to another.
//!
//! A transaction takes one amount from the account that is credited to the account that is debited, so it is balanced by
//! construction. An account's balance is what was debited less what was credited; all balances of a currency sum to zero.
//! [`movements`] derives from a payment before and after a change what has moved, so no change of a payment's sums
//! can be forgotten, and none can be booked twice.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::{
    Actor, Amount, Currency, CustomerId, Metadata, MethodType, Mode, Notes, Payment, PaymentId, ReferenceId,
    RefundId, TenantId, Total, TransactionId,
};

named_enum! {
    /// What moved, and why.
    TransactionType {
        /// Money was taken from a payer.
        Charge => "charge",
        /// A payer's bank took a debit back after it had cleared.
        ChargeReturn => "charge_return",
        /// Money was given back to a payer.
        Refund => "refund",
        /// A refund that had been reported as done failed after all.
        RefundReversal => "refund_reversal",
        /// A customer was given credits.
        CreditGrant => "credit_grant",
        /// A customer paid with credits.
        CreditSpend => "credit_spend",
        /// Credits were given back by a refund.
        CreditReturn => "credit_return",
    }
}

/// Where money is, or whose it is.
///
/// As text: `processor_clearing:<name>`, `merchant`, `offline_cash` or `customer_credits`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Money that a processor holds for the merchant, or has paid out.
    ProcessorClearing(String),
    /// What the merchant has earned: a credit balance, so below zero.
    Merchant,
    /// Money that changed hands outside.
    OfflineCash,
    /// What all customers may still spend of their credits: a credit balance, so below zero.
    CustomerCredits,
}

/// Refused because a text names no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not an account; send merchant, offline_cash, customer_credits or processor_clearing:<processor>"
)]
pub struct UnknownAccount {
    /// What was given.
    pub found: String,
}

const CLEARING: &str = "processor_clearing:";

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::ProcessorClearing(processor) => write!(f, "{CLEARING}{processor}"),
            Account::Merchant => f.write_str("merchant"),
            Account::OfflineCash => f.write_str("offline_cash"),
            Account::CustomerCredits => f.write_str("customer_credits"),
        }
    }
}

impl FromStr for Account {
    type Err = UnknownAccount;

    /// ```
    /// use florin_domain::Account;
    /// let account: Account = "processor_clearing:sandbox".parse().unwrap();
    /// assert_eq!(account.to_string(), "processor_clearing:sandbox");
    /// ```
    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        match text {
            "merchant" => Ok(Account::Merchant),
            "offline_cash" => Ok(Account::OfflineCash),
            "customer_credits" => Ok(Account::CustomerCredits),
            _ => match text.strip_prefix(CLEARING) {
                Some(processor) if !processor.is_empty() => {
                    Ok(Account::ProcessorClearing(processor.to_owned()))
                }
                _ => Err(UnknownAccount { found: text.to_owned() }),
            },
        }
    }
}

/// What moves: an amount from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Why.
    pub kind: TransactionType,
    /// How much, in minor units.
    pub amount: Amount,
    /// The account that has more afterwards.
    pub debit: Account,
    /// The account that has less afterwards.
    pub credit: Account,
}

/// A movement, written down for ever. Only what follows `metadata` may be amended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The transaction; its time is the id's own.
    pub id: TransactionId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What moved.
    pub movement: Movement,
    /// Of what.
    pub currency: Currency,
    /// The payment that it belongs to; none for a grant of credits.
    pub payment_id: Option<PaymentId>,
    /// The refund that it belongs to.
    pub refund_id: Option<RefundId>,
    /// Whose credits were moved; none when no credits were.
    pub customer_id: Option<CustomerId>,
    /// Who caused it.
    pub created_by: Actor,
    /// The merchant's own data.
    pub metadata: Metadata,
    /// The merchant's own reference, such as a booking number.
    pub reference_id: Option<ReferenceId>,
    /// The merchant's notes.
    pub notes: Option<Notes>,
    /// Counts the amendments, from 1.
    pub revision: i64,
    /// Who amended it last.
    pub updated_by: Actor,
    /// When it was amended last.
    pub updated_at: DateTime<Utc>,
}

/// What an amendment sets; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// Other metadata.
    pub metadata: Option<Metadata>,
    /// Another reference, or none.
    pub reference_id: Option<Option<ReferenceId>>,
    /// Other notes, or none.
    pub notes: Option<Option<Notes>>,
}

impl Transaction {
    /// The amounts that each account gains: positive where it is debited, negative where it is credited. They sum to
    /// zero.
    pub fn postings(&self) -> [(&Account, i64); 2] {
        let minor = self.movement.amount.minor();
        [(&self.movement.debit, minor), (&self.movement.credit, minor.saturating_neg())]
    }

    /// The transaction with other words beside the money.
    #[must_use]
    pub fn amend(&self, amendment: Amendment, at: DateTime<Utc>, by: Actor) -> Transaction {
        let mut next = self.clone();
        if let Some(metadata) = amendment.metadata {
            next.metadata = metadata;
        }
        if let Some(reference_id) = amendment.reference_id {
            next.reference_id = reference_id;
        }
        if let Some(notes) = amendment.notes {
            next.notes = notes;
        }
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }
}

/// What has moved between two moments of a payment.
///
/// ```
/// # use florin_domain::*;
/// # let uuid = "pay_01jcy1p2bqfz0bkmjj3c4nx7g5".parse::<PaymentId>().unwrap().uuid();
/// # let at = PaymentId::from_uuid(uuid).created_at();
/// # let payment = Payment::create(NewPayment {
/// #     id: PaymentId::from_uuid(uuid), tenant_id: TenantId::from_uuid(uuid), mode: Mode::Test,
/// #     amount: Amount::new(1000).unwrap(), currency: Currency::parse("USD").unwrap(),
/// #     capture_method: CaptureMethod::Automatic, payment_method: None, method_type: MethodType::Offline,
/// #     customer_id: None, destination: None, request_id: None, description: None, metadata: Metadata::default(),
/// #     idempotency_key: None, return_url: None, off_session: false, created_by: Actor::System,
/// # });
/// # let start = AttemptStart {
/// #     id: AttemptId::from_uuid(uuid), processor: "offline".to_owned(), lease_until: at, at, by: Actor::System,
/// # };
/// let (charging, attempt) = payment.start_charge(start, None).unwrap();
/// assert!(movements(&payment, &charging).is_empty());
/// let settled = charging.settle_charge(&attempt, &Settlement::Succeeded, None, at, Actor::System).unwrap();
/// let moved = movements(&charging, &settled.payment);
/// assert_eq!(moved[0].kind, TransactionType::Charge);
/// assert_eq!(moved[0].debit, Account::OfflineCash);
/// ```
pub fn movements(before: &Payment, after: &Payment) -> Vec<Movement> {
    let (was, is) = (before.facts.sums(), after.facts.sums());
    let is_credits = after.method_type == MethodType::Credits;
    let (charge, refund) = if is_credits {
        (TransactionType::CreditSpend, TransactionType::CreditReturn)
    } else {
        (TransactionType::Charge, TransactionType::Refund)
    };
    let changes = [
        (charge, was.captured, is.captured, Direction::In),
        (TransactionType::ChargeReturn, was.returned, is.returned, Direction::Out),
        (refund, was.refunded, is.refunded, Direction::Out),
        (TransactionType::RefundReversal, is.refunded, was.refunded, Direction::In),
    ];
    let moved = changes.into_iter().filter_map(|(kind, less, more, direction)| {
        let amount = more.checked_sub(less).and_then(|total| Amount::try_from(total).ok())?;
        let outside = after.outside_account();
        let (debit, credit) = match direction {
            Direction::In => (outside, Account::Merchant),
            Direction::Out => (Account::Merchant, outside),
        };
        Some(Movement { kind, amount, debit, credit })
    });
    moved.collect()
}

/// The movement of a grant of credits.
pub fn credit_grant(amount: Amount) -> Movement {
    let (debit, credit) = (Account::Merchant, Account::CustomerCredits);
    Movement { kind: TransactionType::CreditGrant, amount, debit, credit }
}

enum Direction {
    In,
    Out,
}

impl Payment {
    /// Where this payment's money comes from.
    fn outside_account(&self) -> Account {
        match self.method_type {
            MethodType::Card | MethodType::Ach => {
                Account::ProcessorClearing(self.processor.clone().unwrap_or_default())
            }
            MethodType::Offline => Account::OfflineCash,
            MethodType::Credits => Account::CustomerCredits,
        }
    }

    /// What the payment has brought in less what went out again: what its transactions sum to on the merchant's side.
    pub fn net(&self) -> i64 {
        let facts = &self.facts;
        let minor = Total::minor;
        minor(facts.captured())
            .saturating_sub(minor(facts.refunded()))
            .saturating_sub(minor(facts.returned()))
    }
}
