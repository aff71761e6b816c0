//! What can be found wrong.

/// A rule that does not hold, and for which object.
///
/// Objects are named by their ids as the API writes them, or by their bytes in hexadecimal where those are no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The domain does not accept a row.
    #[error("{id} in {table}: {reason}")]
    CorruptRow {
        /// The table.
        table: &'static str,
        /// The row's object.
        id: String,
        /// What the domain says.
        reason: String,
    },
    /// A sum of a payment is not that of its parts.
    #[error("{payment_id}: {column} is {stored}, its parts come to {recomputed}")]
    SumDiffers {
        /// The payment.
        payment_id: String,
        /// The sum.
        column: &'static str,
        /// As it stands, in minor units.
        stored: i64,
        /// As it should be.
        recomputed: i64,
    },
    /// More than one charge of a payment succeeded.
    #[error("{payment_id}: {succeeded} charges succeeded, one may")]
    ChargedTwice {
        /// The payment.
        payment_id: String,
        /// How many did.
        succeeded: usize,
    },
    /// More than one capture of a payment succeeded.
    #[error("{payment_id}: {succeeded} captures succeeded, one may")]
    CapturedTwice {
        /// The payment.
        payment_id: String,
        /// How many did.
        succeeded: usize,
    },
    /// What a payment waits for is not what is open.
    #[error("{payment_id}: {under_way:?} is under way, open are {open:?}")]
    UnderWayDiffers {
        /// The payment.
        payment_id: String,
        /// What the payment says.
        under_way: Option<String>,
        /// The kinds of its open attempts.
        open: Vec<String>,
    },
    /// The charges of a payment are not numbered from 1 to its count of charges.
    #[error("{payment_id}: charge_count is {stored}, its charges are numbered {numbers:?}")]
    ChargesMisnumbered {
        /// The payment.
        payment_id: String,
        /// The count as it stands.
        stored: i64,
        /// The numbers in order.
        numbers: Vec<i64>,
    },
    /// An attempt moves another amount than it should.
    #[error("{attempt_id} of {payment_id}: a {kind} of {amount}, {allowed} it should be")]
    AttemptAmount {
        /// The attempt.
        attempt_id: String,
        /// Its payment.
        payment_id: String,
        /// Its kind.
        kind: String,
        /// Its amount, in minor units.
        amount: i64,
        /// The amount of the payment or refund that it serves; for a capture, what is authorized at most.
        allowed: i64,
    },
    /// A void succeeded, and the payment is not canceled.
    #[error("{payment_id}: {attempt_id} voided it, and it is not canceled")]
    VoidedNotCanceled {
        /// The payment.
        payment_id: String,
        /// The void.
        attempt_id: String,
    },
    /// A refund is in another currency than its payment.
    #[error("{refund_id} of {payment_id}: refunds {refund}, the payment is in {payment}")]
    RefundCurrency {
        /// The refund.
        refund_id: String,
        /// Its payment.
        payment_id: String,
        /// The refund's currency.
        refund: String,
        /// The payment's.
        payment: String,
    },
    /// A refund is larger than what was captured.
    #[error("{refund_id} of {payment_id}: refunds {amount}, {captured} was captured")]
    RefundExceedsCaptured {
        /// The refund.
        refund_id: String,
        /// Its payment.
        payment_id: String,
        /// Its amount, in minor units.
        amount: i64,
        /// What was captured.
        captured: i64,
    },
    /// The attempts of a refund don't bear out its status.
    #[error("{refund_id} is {status}, with {open} open and {succeeded} succeeded attempts")]
    RefundAttempts {
        /// The refund.
        refund_id: String,
        /// What the refund says.
        status: String,
        /// How many of its attempts are open.
        open: usize,
        /// How many succeeded.
        succeeded: usize,
    },
    /// The events of an object are not numbered from 1 to its count of events.
    #[error("{object_id}: event_count is {stored}, there are {events} events, numbered {first} to {last}")]
    EventsMisnumbered {
        /// The object.
        object_id: String,
        /// The count as it stands.
        stored: i64,
        /// How many different numbers there are.
        events: i64,
        /// The lowest.
        first: i64,
        /// The highest.
        last: i64,
    },
    /// An object's first event does not tell of its creation, or a later one does.
    #[error("{event_id}: event {sequence} of {object_id} is {kind}")]
    CreationMisplaced {
        /// The event.
        event_id: String,
        /// Its object.
        object_id: String,
        /// Its number.
        sequence: i64,
        /// Its type.
        kind: String,
    },
    /// The snapshot of an event is not one of its object.
    #[error("{event_id} of {object_id}: the snapshot {reason}")]
    SnapshotDiffers {
        /// The event.
        event_id: String,
        /// Its object.
        object_id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The transactions of a payment do not come to what it has moved.
    #[error("{payment_id}: its transactions of type {kind} come to {booked}, {moved} has moved")]
    JournalDiffers {
        /// The payment.
        payment_id: String,
        /// The type of transaction; reversals are taken from the refunds.
        kind: &'static str,
        /// What the transactions come to, in minor units.
        booked: i64,
        /// What the payment says.
        moved: i64,
    },
    /// Something that happens to a payment once was booked more often.
    #[error("{payment_id}: it has {transactions} transactions of type {kind}, one it may have")]
    BookedTwice {
        /// The payment.
        payment_id: String,
        /// The type of transaction.
        kind: &'static str,
        /// How many there are.
        transactions: usize,
    },
    /// The transactions of a refund don't bear out its status.
    #[error("{refund_id} is {status}, with {booked} transactions and {reversed} reversals")]
    RefundBooked {
        /// The refund.
        refund_id: String,
        /// What the refund says.
        status: String,
        /// How many transactions it has.
        booked: usize,
        /// How many transactions reverse it.
        reversed: usize,
    },
    /// A transaction has something else than what it follows from.
    #[error("{transaction_id}: {column} is {stored}, it should be {expected}")]
    TransactionDiffers {
        /// The transaction.
        transaction_id: String,
        /// What differs.
        column: &'static str,
        /// As it stands.
        stored: String,
        /// As it should be.
        expected: String,
    },
    /// The amendments of a transaction are not numbered from 1 to its changes.
    #[error("{transaction_id}: revision is {revision}, its amendments are numbered {numbers:?}")]
    AmendmentsMisnumbered {
        /// The transaction.
        transaction_id: String,
        /// One more than the amendments there should be.
        revision: i64,
        /// The numbers in order.
        numbers: Vec<i64>,
    },
    /// An amendment does not fit the one before, or the transaction.
    #[error("{transaction_id}: amendment {number} {reason}")]
    AmendmentDiffers {
        /// The transaction.
        transaction_id: String,
        /// The amendment's number.
        number: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// A sum of an invoice is not that of its payments.
    #[error("{invoice_id}: {column} is {stored}, its payments come to {recomputed}")]
    InvoiceSumDiffers {
        /// The invoice.
        invoice_id: String,
        /// The sum.
        column: &'static str,
        /// As it stands, in minor units.
        stored: i64,
        /// As it should be.
        recomputed: i64,
    },
    /// Payments have brought towards an invoice, or hold of it, more than is due.
    #[error("{invoice_id}: {paid} is paid and {held} is held, {due} is due")]
    InvoiceOverpaid {
        /// The invoice.
        invoice_id: String,
        /// What is due, in minor units.
        due: i64,
        /// What is paid.
        paid: i64,
        /// What is held.
        held: i64,
    },
    /// An invoice contradicts itself.
    #[error("{invoice_id}: {reason}")]
    InvoiceContradictory {
        /// The invoice.
        invoice_id: String,
        /// In what.
        reason: &'static str,
    },
    /// A payment has something else than the invoice that it is for.
    #[error("{payment_id} for {invoice_id}: {column} is {payment}, the invoice's is {invoice}")]
    InvoiceOfPaymentDiffers {
        /// The payment.
        payment_id: String,
        /// The invoice.
        invoice_id: String,
        /// What differs.
        column: &'static str,
        /// The payment's.
        payment: String,
        /// The invoice's.
        invoice: String,
    },
    /// A payment request contradicts itself, its payment, or its events.
    #[error("{payment_request_id}: {reason}")]
    RequestContradictory {
        /// The payment request.
        payment_request_id: String,
        /// In what.
        reason: &'static str,
    },
    /// A payment has something else than the payment request that it is for.
    #[error("{payment_id} for {payment_request_id}: {column} is {payment}, the request's is {request}")]
    RequestOfPaymentDiffers {
        /// The payment.
        payment_id: String,
        /// The payment request.
        payment_request_id: String,
        /// What differs.
        column: &'static str,
        /// The payment's.
        payment: String,
        /// The request's.
        request: String,
    },
    /// Several invoices have one number.
    #[error("{invoice_id}: {invoices} invoices have its number {number}")]
    NumberTwice {
        /// One of them.
        invoice_id: String,
        /// The number.
        number: String,
        /// How many have it.
        invoices: usize,
    },
    /// A number looks as though it had been counted, and no count gives it.
    #[error("{invoice_id}: no count gives its number {number}")]
    NumberNotCounted {
        /// The invoice.
        invoice_id: String,
        /// The number.
        number: String,
    },
    /// The counted numbers of invoices do not go from 1 to the last.
    #[error(
        "{tenant_id}, livemode {livemode}: the last invoice counted is {last}, {numbers} are counted, {first} to {highest}"
    )]
    InvoicesMiscounted {
        /// Whose.
        tenant_id: String,
        /// Test or live.
        livemode: bool,
        /// The last one according to the count.
        last: i64,
        /// How many counted numbers there are.
        numbers: i64,
        /// The lowest.
        first: i64,
        /// The highest.
        highest: i64,
    },
    /// A customer's credits are not what the journal says.
    #[error("{customer_id}: its credits are {balance} {currency}, its transactions come to {recomputed}")]
    CreditsDiffer {
        /// The customer.
        customer_id: String,
        /// Of what.
        currency: String,
        /// As they stand, in minor units.
        balance: i64,
        /// As they should be.
        recomputed: i64,
    },
    /// What was done to an object is not all in the audit log, or something is that was not done.
    #[error("{object_id}: it was changed {changes} times by somebody, the audit log has {entries} entries")]
    AuditIncomplete {
        /// The object.
        object_id: String,
        /// How often somebody changed it, its making included.
        changes: i64,
        /// How many entries tell of it.
        entries: i64,
    },
    /// An attempt waits for a person, and nobody is told.
    #[error("{payment_id}: {attempt_id} needs review, and no open item says so")]
    ReviewUntold {
        /// The attempt.
        attempt_id: String,
        /// Its payment.
        payment_id: String,
    },
    /// A row belongs to an object that does not exist.
    #[error("{id} in {table} belongs to {parent}, which does not exist")]
    Orphan {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// What it belongs to.
        parent: String,
    },
    /// A counter is not the true count.
    #[error("{tenant_id}, livemode {livemode}: counter {name} is {stored}, the count is {counted}")]
    CounterDiffers {
        /// Whose.
        tenant_id: String,
        /// Test or live.
        livemode: bool,
        /// The counter.
        name: String,
        /// The sum over its slots.
        stored: i64,
        /// The truth.
        counted: i64,
    },
}
