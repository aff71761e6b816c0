//! What follows from a change of a payment: transactions, credits and the share of an invoice, as the engine writes them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use florin_domain::{
    Account, Actor, Amount, CreditAccount, Currency, Customer, CustomerId, Invoice, InvoiceId, InvoiceNumber,
    Metadata, MethodType, Movement, Notes, Payment, RefundId, Total, Transaction, TransactionId,
    counted_number, credit_grant, movements,
};
use florin_storage::access::{Tenant, ensure_tenant};
use florin_storage::{AnyConnection, Needs, Realm, WorkingSet};

use crate::samples::{id_bytes, write};

/// Books what has moved since the payment was loaded, or since it was created.
pub(crate) fn book(set: &mut WorkingSet, after: &Payment, refund_id: Option<RefundId>) {
    let realm = Realm { tenant_id: after.tenant_id, mode: after.mode };
    let before = set.payment(realm, after.id).cloned();
    let before = before.unwrap_or_else(|| Payment::create(after.terms.clone()));
    let customer_id = after.customer_id.filter(|_| after.method_type == MethodType::Credits);
    for movement in movements(&before, after) {
        if let Some(customer_id) = customer_id {
            let account = set.credit_account(realm, customer_id, after.currency).unwrap();
            let account = match movement.credit {
                Account::CustomerCredits => account.add(movement.amount),
                _ => account.spend(movement.amount),
            };
            set.put_credit_account(account.unwrap());
        }
        let transaction = transaction(realm, movement, after.currency);
        set.add_transaction(Transaction {
            payment_id: Some(after.id),
            refund_id,
            customer_id,
            ..transaction
        });
    }
    if let Some(destination) = &after.destination {
        let (was, is) = (before.invoice_share(), after.invoice_share());
        let invoice = set.invoice(realm, destination.invoice_id).unwrap();
        let invoice = invoice.with_share(was, is, after.updated_at, Actor::System).unwrap();
        set.put_invoice(invoice);
    }
}

/// A transaction of its own time, of nobody yet.
fn transaction(realm: Realm, movement: Movement, currency: Currency) -> Transaction {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let id = TransactionId::from_bytes(id_bytes(4, NEXT.fetch_add(1, Ordering::Relaxed)));
    Transaction {
        id,
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        movement,
        currency,
        payment_id: None,
        refund_id: None,
        customer_id: None,
        created_by: Actor::System,
        metadata: Metadata::default(),
        reference_id: None,
        notes: None,
        revision: 1,
        updated_by: Actor::System,
        updated_at: id.created_at(),
    }
}

/// Stores the realm's tenant, unless it is there.
pub(crate) fn store_tenant(connection: &mut AnyConnection, realm: Realm) {
    let tenant = Tenant { id: realm.tenant_id, name: "Shop".to_owned() };
    ensure_tenant(connection, &tenant).unwrap();
}

/// Stores a customer.
pub(crate) fn store_customer(connection: &mut AnyConnection, realm: Realm, id: CustomerId) {
    let customer = Customer {
        id,
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        name: None,
        email: None,
        external_id: None,
        metadata: Metadata::default(),
        revision: 1,
        created_by: Actor::System,
        updated_by: Actor::System,
        updated_at: id.created_at(),
    };
    write(connection, &Needs::default(), |set| set.put_customer(customer)).unwrap();
}

/// Grants credits to a customer.
pub(crate) fn grant(
    connection: &mut AnyConnection,
    (realm, customer_id): (Realm, CustomerId),
    amount: Amount,
    currency: Currency,
) {
    let key = (realm, customer_id, currency);
    let needs = Needs { opened_credit_accounts: BTreeSet::from([key]), ..Needs::default() };
    write(connection, &needs, |set| {
        let account: CreditAccount = set.credit_account(realm, customer_id, currency).unwrap().clone();
        set.put_credit_account(account.add(amount).unwrap());
        let notes = Some(Notes::parse("Sorry for the delay").unwrap());
        let transaction = transaction(realm, credit_grant(amount), currency);
        set.add_transaction(Transaction { customer_id: Some(customer_id), notes, ..transaction });
    })
    .unwrap();
}

/// An invoice that nothing has happened to.
pub(crate) fn invoice(
    realm: Realm,
    id: InvoiceId,
    number: &str,
    (amount_due, currency): (Amount, Currency),
) -> Invoice {
    Invoice {
        id,
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        number: InvoiceNumber::parse(number).unwrap(),
        customer_id: None,
        currency,
        amount_due,
        lines: Vec::new(),
        amount_paid: Total::ZERO,
        amount_held: Total::ZERO,
        due_at: None,
        paid_at: None,
        voided_at: None,
        metadata: Metadata::default(),
        revision: 1,
        event_count: 0,
        created_by: Actor::System,
        updated_by: Actor::System,
        updated_at: id.created_at(),
    }
}

/// Stores an invoice; one without a number is given the next that counts up.
pub(crate) fn store_invoice(connection: &mut AnyConnection, invoice: Invoice, is_counted: bool) -> Invoice {
    let realm = Realm { tenant_id: invoice.tenant_id, mode: invoice.mode };
    let counted_invoices = is_counted.then_some(realm).into_iter().collect();
    let needs = Needs { counted_invoices, ..Needs::default() };
    let mut stored = invoice;
    write(connection, &needs, |set| {
        if is_counted {
            let count = set.next_invoice_count(realm).unwrap();
            stored.number = InvoiceNumber::parse(counted_number(count).to_string()).unwrap();
        }
        set.put_invoice(stored.clone());
    })
    .unwrap();
    stored
}
