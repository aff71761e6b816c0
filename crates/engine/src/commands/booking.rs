//! Booking: what follows from a change of a payment for the journal, its invoice, its payment request and its customer's
//! credits.
//!
//! Every change of a payment passes [`put_payment`], and what has moved is derived from the payment before and after it.
//! So no movement of money is without its transaction, none is booked twice, and the sums of invoices and credits change
//! in the commit of the payment's own.

use florin_domain::{
    Invoice, InvoiceStatus, Metadata, MethodType, Movement, Payment, PaymentRequestState, RefundId,
    Transaction, TransactionId, TransactionType, movements,
};
use florin_storage::{InRealm, WorkingSet};

use super::invoices::tell_invoice;
use super::payment_requests::tell_request;
use crate::writer::Deciding;

/// Puts a new or changed payment, and all that follows from the change; on behalf of a refund where it was one.
pub(super) fn put_payment(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    payment: Payment,
    refund_id: Option<RefundId>,
) {
    let realm = payment.realm();
    let before = set.payment(realm, payment.id);
    let moved = before.map_or_else(Vec::new, |before| movements(before, &payment));
    for movement in moved {
        let transaction = transaction(deciding, &payment, movement, refund_id);
        move_credits(set, &transaction);
        set.add_transaction(transaction);
    }
    share_in_invoice(set, deciding, &payment);
    follow_request(set, deciding, &payment);
    set.put_payment(payment);
}

fn transaction(
    deciding: &Deciding<'_>,
    payment: &Payment,
    movement: Movement,
    refund_id: Option<RefundId>,
) -> Transaction {
    let moves_credits = payment.method_type == MethodType::Credits;
    Transaction {
        id: TransactionId::from_uuid(deciding.new_id()),
        tenant_id: payment.tenant_id,
        mode: payment.mode,
        movement,
        currency: payment.currency,
        payment_id: Some(payment.id),
        refund_id,
        customer_id: payment.customer_id.filter(|_| moves_credits),
        created_by: payment.updated_by,
        metadata: Metadata::default(),
        reference_id: None,
        notes: None,
        revision: 1,
        updated_by: payment.updated_by,
        updated_at: deciding.at,
    }
}

/// Spends credits, or gives them back. Whoever began the payment or refund has made sure that it can be done.
fn move_credits(set: &mut WorkingSet, transaction: &Transaction) {
    let Some(customer_id) = transaction.customer_id else { return };
    let realm = transaction.realm();
    let account = set.credit_account(realm, customer_id, transaction.currency);
    let amount = transaction.movement.amount;
    let moved = account.map(|account| match transaction.movement.kind {
        TransactionType::CreditSpend => account.spend(amount),
        TransactionType::CreditReturn => account.add(amount),
        TransactionType::Charge
        | TransactionType::ChargeReturn
        | TransactionType::Refund
        | TransactionType::RefundReversal
        | TransactionType::CreditGrant => Ok(account.clone()),
    });
    match moved {
        Some(Ok(account)) => set.put_credit_account(account),
        Some(Err(error)) => tracing::error!(%error, customer = %customer_id, "credits could not be moved"),
        None => tracing::error!(customer = %customer_id, "credits could not be moved: there is no account"),
    }
}

/// Changes the sums of the payment's invoice by what the payment brings and holds now, and tells when that pays it.
fn share_in_invoice(set: &mut WorkingSet, deciding: &Deciding<'_>, payment: &Payment) {
    let Some(destination) = &payment.destination else { return };
    let realm = payment.realm();
    let before = set.payment(realm, payment.id).map(Payment::invoice_share).unwrap_or_default();
    let now = payment.invoice_share();
    if before == now {
        return;
    }
    let invoice = set.invoice(realm, destination.invoice_id);
    let Some(invoice) = invoice else {
        tracing::error!(invoice = %destination.invoice_id, "a payment's invoice is missing");
        return;
    };
    let was_paid = invoice.status() == InvoiceStatus::Paid;
    match invoice.with_share(before, now, deciding.at, payment.updated_by) {
        Ok(invoice) if !was_paid && invoice.status() == InvoiceStatus::Paid => {
            let _told: (Invoice, _) = tell_invoice(set, deciding, "invoice.paid", invoice);
        }
        Ok(invoice) => set.put_invoice(invoice),
        Err(error) => {
            tracing::error!(%error, invoice = %destination.invoice_id, "an invoice was not changed")
        }
    }
}

/// Changes the payment's request by where the payment stands now, and tells when that pays it.
fn follow_request(set: &mut WorkingSet, deciding: &Deciding<'_>, payment: &Payment) {
    let Some(id) = payment.request_id else { return };
    let realm = payment.realm();
    let Some(request) = set.payment_request(realm, id) else {
        tracing::error!(payment_request = %id, "a payment's request is missing");
        return;
    };
    match request.follow(payment, deciding.at) {
        Some(request) if request.state() == PaymentRequestState::Paid => {
            tell_request(set, deciding, "payment_request.paid", request);
        }
        Some(request) => set.put_payment_request(request),
        None => {}
    }
}
