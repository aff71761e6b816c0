//! What payments of the model are made by, and what they share.

/// The sandbox's payment methods, by what becomes of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Success,
    Decline,
    InsufficientFunds,
    Expired,
    Ach,
    AchReturn,
    Timeout,
    TimeoutLost,
    RequiresAction,
    ProcessorError,
    RefundFails,
    RefundPending,
    NoSuch,
}

impl Method {
    pub(crate) const ALL: [Method; 13] = [
        Method::Success,
        Method::Decline,
        Method::InsufficientFunds,
        Method::Expired,
        Method::Ach,
        Method::AchReturn,
        Method::Timeout,
        Method::TimeoutLost,
        Method::RequiresAction,
        Method::ProcessorError,
        Method::RefundFails,
        Method::RefundPending,
        Method::NoSuch,
    ];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Method::Success => "pm_test_success",
            Method::Decline => "pm_test_decline",
            Method::InsufficientFunds => "pm_test_insufficient_funds",
            Method::Expired => "pm_test_expired",
            Method::Ach => "pm_test_ach",
            Method::AchReturn => "pm_test_ach_return",
            Method::Timeout => "pm_test_timeout",
            Method::TimeoutLost => "pm_test_timeout_lost",
            Method::RequiresAction => "pm_test_requires_action",
            Method::ProcessorError => "pm_test_processor_error",
            Method::RefundFails => "pm_test_refund_fails",
            Method::RefundPending => "pm_test_refund_pending",
            Method::NoSuch => "pm_test_no_such_method",
        }
    }

    /// Why it can't be charged at all.
    pub(crate) fn refused(self) -> Option<Told> {
        match self {
            Method::Expired => Some((422, Some("payment_method_invalid"))),
            Method::NoSuch => Some((404, Some("payment_method_not_found"))),
            _ => None,
        }
    }
}

impl Method {
    pub(crate) fn is_bank_debit(self) -> bool {
        matches!(self, Method::Ach | Method::AchReturn)
    }
}

/// Who moves the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Money {
    Processor,
    Offline,
    Credits,
}

/// What payments share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// What the customer has left.
    pub credits: i64,
    /// What the invoice is for, what payments have brought towards it, and what they hold of it.
    pub due: i64,
    pub paid: i64,
    pub held: i64,
}

impl Around {
    /// Why the invoice can't take a payment.
    pub(crate) fn refused(&self, amount: i64) -> Option<Told> {
        if self.paid == self.due {
            return Some((409, Some("invoice_not_payable")));
        }
        (amount > self.due - self.paid - self.held).then_some((422, Some("amount_exceeds_invoice")))
    }
}

/// An answer's status and, of an error, its code.
pub(crate) type Told = (u16, Option<&'static str>);

/// What a payment is made of.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub amount: i64,
    pub method: Option<Method>,
    pub manual: bool,
    pub process: bool,
    pub off_session: bool,
    pub money: Money,
    /// Whether it is for the merchant's invoice.
    pub invoice: bool,
}
