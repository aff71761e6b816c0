//! Invoices: what is due, what payments have brought towards it, and what payments under way hold of it.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::{
    Actor, Amount, AmountRefused, Currency, CustomerId, Description, InvoiceId, InvoiceNumber, Metadata,
    Mode, Payment, State, TenantId, Total,
};

named_enum! {
    /// Where an invoice stands.
    InvoiceStatus {
        /// Something of it is not paid.
        Open => "open",
        /// All of it is paid.
        Paid => "paid",
        /// Nothing of it is due any more.
        Void => "void",
    }
}

/// A position of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InvoiceLine {
    /// What for.
    pub description: Description,
    /// How many, from 1.
    pub quantity: u32,
    /// How much each, in minor units.
    pub unit_amount: Amount,
}

/// What a payment has brought towards its invoice, and what it holds of it. One of the two is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvoiceShare {
    /// Captured, less returned. Refunds do not reopen an invoice.
    pub paid: Total,
    /// Held from the start of an attempt until its outcome.
    pub held: Total,
}

/// A claim of a merchant on somebody.
///
/// `amount_paid + amount_held ≤ amount_due`, so that payments together never exceed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The invoice; its creation time is the id's own.
    pub id: InvoiceId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// Its number: no other invoice of the tenant and mode has it.
    pub number: InvoiceNumber,
    /// Who owes it.
    pub customer_id: Option<CustomerId>,
    /// Of what.
    pub currency: Currency,
    /// How much is due, in minor units.
    pub amount_due: Amount,
    /// The positions; they sum up to what is due, or there are none.
    pub lines: Vec<InvoiceLine>,
    /// What payments have brought, in minor units.
    pub amount_paid: Total,
    /// What payments under way hold, in minor units.
    pub amount_held: Total,
    /// Until when it should be paid.
    pub due_at: Option<DateTime<Utc>>,
    /// When all of it was paid, while it is.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was voided.
    pub voided_at: Option<DateTime<Utc>>,
    /// The merchant's own data.
    pub metadata: Metadata,
    /// Counts the changes from 1.
    pub revision: i64,
    /// How many events told of it.
    pub event_count: i64,
    /// Who created it.
    pub created_by: Actor,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// Why an invoice can't take a payment, or can't be voided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefused {
    /// It is not open.
    #[error("the invoice is {0}")]
    NotPayable(InvoiceStatus),
    /// It is of another currency.
    #[error("the invoice is in {invoice}, the payment in {payment}")]
    OtherCurrency {
        /// The invoice's.
        invoice: Currency,
        /// The payment's.
        payment: Currency,
    },
    /// More than remains.
    #[error("{} was to be paid, {} remains", requested.minor(), remaining.minor())]
    Exceeds {
        /// What was to be paid.
        requested: Amount,
        /// What is neither paid nor held.
        remaining: Total,
    },
    /// It can't be voided: payments have been made towards it or are under way.
    #[error("{} is paid and {} is held by payments under way", paid.minor(), held.minor())]
    HasPayments {
        /// What is paid.
        paid: Total,
        /// What is held.
        held: Total,
    },
    /// The shares of its payments would not add up.
    #[error("the sums of the invoice would break its rules")]
    Inconsistent,
}

impl Invoice {
    /// Where the invoice stands.
    pub fn status(&self) -> InvoiceStatus {
        if self.voided_at.is_some() {
            InvoiceStatus::Void
        } else if self.amount_paid == Total::from(self.amount_due) {
            InvoiceStatus::Paid
        } else {
            InvoiceStatus::Open
        }
    }

    /// What is not paid, in minor units; payments under way may hold some of it. Nothing of a void invoice.
    pub fn amount_remaining(&self) -> Total {
        match self.status() {
            InvoiceStatus::Void => Total::ZERO,
            InvoiceStatus::Open | InvoiceStatus::Paid => {
                Total::from(self.amount_due).checked_sub(self.amount_paid).unwrap_or(Total::ZERO)
            }
        }
    }

    /// What is neither paid nor held, in minor units: what a new payment may be for.
    pub fn amount_payable(&self) -> Total {
        self.amount_remaining().checked_sub(self.amount_held).unwrap_or(Total::ZERO)
    }

    /// Checks whether a payment of `amount` may be made towards the invoice.
    ///
    /// # Errors
    /// [`InvoiceRefused`], which says why not.
    pub fn check_payable(&self, amount: Amount, currency: Currency) -> Result<(), InvoiceRefused> {
        match self.status() {
            InvoiceStatus::Open => {}
            status @ (InvoiceStatus::Paid | InvoiceStatus::Void) => {
                return Err(InvoiceRefused::NotPayable(status));
            }
        }
        if self.currency != currency {
            return Err(InvoiceRefused::OtherCurrency { invoice: self.currency, payment: currency });
        }
        let remaining = self.amount_payable();
        if Total::from(amount) > remaining {
            return Err(InvoiceRefused::Exceeds { requested: amount, remaining });
        }
        Ok(())
    }

    /// The invoice after the share of one of its payments has changed.
    ///
    /// # Errors
    /// [`InvoiceRefused::Inconsistent`] when the sums would break the rule; whoever raises a share has to
    /// [`Invoice::check_payable`] before.
    pub fn with_share(
        &self,
        before: InvoiceShare,
        after: InvoiceShare,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<Invoice, InvoiceRefused> {
        let shift = |sum: Total, was: Total, is: Total| {
            sum.checked_sub(was).and_then(|rest| rest.checked_add(is)).ok_or(InvoiceRefused::Inconsistent)
        };
        let paid = shift(self.amount_paid, before.paid, after.paid)?;
        let held = shift(self.amount_held, before.held, after.held)?;
        let spoken_for = paid.checked_add(held).ok_or(InvoiceRefused::Inconsistent)?;
        if spoken_for > Total::from(self.amount_due) {
            return Err(InvoiceRefused::Inconsistent);
        }
        let mut next = self.changed(at, by);
        (next.amount_paid, next.amount_held) = (paid, held);
        next.paid_at = match next.status() {
            InvoiceStatus::Paid => self.paid_at.or(Some(at)),
            InvoiceStatus::Open | InvoiceStatus::Void => None,
        };
        Ok(next)
    }

    /// The invoice, voided.
    ///
    /// # Errors
    /// [`InvoiceRefused::NotPayable`] when it is void already, [`InvoiceRefused::HasPayments`] when something was paid or
    /// is held.
    pub fn void(&self, at: DateTime<Utc>, by: Actor) -> Result<Invoice, InvoiceRefused> {
        if self.status() == InvoiceStatus::Void {
            return Err(InvoiceRefused::NotPayable(InvoiceStatus::Void));
        }
        if !self.amount_paid.is_zero() || !self.amount_held.is_zero() {
            return Err(InvoiceRefused::HasPayments { paid: self.amount_paid, held: self.amount_held });
        }
        let mut next = self.changed(at, by);
        next.voided_at = Some(at);
        Ok(next)
    }

    fn changed(&self, at: DateTime<Utc>, by: Actor) -> Invoice {
        let mut next = self.clone();
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }
}

/// The sum of lines, in minor units.
///
/// # Errors
/// [`AmountRefused`] when it is nothing or too much.
pub fn sum_of_lines(lines: &[InvoiceLine]) -> Result<Amount, AmountRefused> {
    let sum = lines.iter().fold(0_i64, |sum, line| {
        sum.saturating_add(line.unit_amount.minor().saturating_mul(i64::from(line.quantity)))
    });
    Amount::new(sum)
}

/// What a given number must not look like: `INV-` and digits, in any case, is how numbers are counted up.
pub fn is_counted_number(number: &str) -> bool {
    match number.split_at_checked(COUNTED.len()) {
        Some((prefix, digits)) => {
            prefix.eq_ignore_ascii_case(COUNTED)
                && !digits.is_empty()
                && digits.bytes().all(|digit| digit.is_ascii_digit())
        }
        None => false,
    }
}

const COUNTED: &str = "INV-";

/// The `count`th number that is counted up, from 1: `INV-000001`.
pub fn counted_number(count: i64) -> CountedNumber {
    CountedNumber(count)
}

/// A number that was counted up; its text is `INV-` and at least six digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedNumber(i64);

impl fmt::Display for CountedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{COUNTED}{:06}", self.0)
    }
}

impl Payment {
    /// What this payment has brought towards its invoice, and what it holds of it.
    ///
    /// It holds its amount from the start of an attempt until the outcome, an authorization included, and what is
    /// captured while a cancellation is still to be carried out is not yet brought either. A payment that was canceled or
    /// that failed brings nothing.
    pub fn invoice_share(&self) -> InvoiceShare {
        let nothing = InvoiceShare::default();
        match self.state() {
            State::Processing | State::Authorized => {
                InvoiceShare { held: Total::from(self.amount), ..nothing }
            }
            State::Captured | State::PartiallyRefunded | State::Refunded | State::Failed => {
                let paid = self.facts.captured().checked_sub(self.facts.returned());
                InvoiceShare { paid: paid.unwrap_or(Total::ZERO), ..nothing }
            }
            State::Pending | State::Canceled => nothing,
        }
    }
}
