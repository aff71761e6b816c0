//! Booking: what a change of a payment means for the journal, written in the commit of that change.
//!
//! Every command that settles something passes here, so that no movement of money is without its transaction. What has
//! moved is derived from the payment before and after, so that none can be booked twice.

use florin_domain::{
    Metadata, MethodType, Movement, Payment, RefundId, Transaction, TransactionId, movements,
};
use florin_storage::WorkingSet;

use super::Requester;
use crate::writer::Deciding;

/// Writes what has moved between two moments of a payment, on behalf of a refund where it was one.
pub(super) fn book(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    requester: &Requester,
    (before, after): (&Payment, &Payment),
    refund_id: Option<RefundId>,
) {
    for movement in movements(before, after) {
        set.add_transaction(transaction(deciding, requester, after, movement, refund_id));
    }
}

fn transaction(
    deciding: &Deciding<'_>,
    requester: &Requester,
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
        created_by: requester.actor,
        metadata: Metadata::default(),
        reference_id: None,
        notes: None,
        revision: 1,
        updated_by: requester.actor,
        updated_at: deciding.at,
    }
}
