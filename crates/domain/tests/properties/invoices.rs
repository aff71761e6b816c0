use florin_domain::strategies::{Action, History, action, amount, invoice_number, new_payment, time};
use florin_domain::{
    Actor, Amount, Invoice, InvoiceId, InvoiceRefused, InvoiceStatus, Metadata, NewPayment, Payment, State,
    Total, counted_number, is_counted_number,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn invoice() -> impl Strategy<Value = Invoice> {
    (new_payment(), amount(), invoice_number(), time()).prop_map(|(terms, amount_due, number, at)| Invoice {
        id: InvoiceId::from_uuid(terms.id.uuid()),
        tenant_id: terms.tenant_id,
        mode: terms.mode,
        number,
        customer_id: None,
        currency: terms.currency,
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
        created_by: terms.created_by,
        updated_by: terms.created_by,
        updated_at: at,
    })
}

/// What is done to which of an invoice's payments.
type Deed = (usize, Action);

/// Does a deed to a payment, and to its invoice what follows. A charge that the invoice has no room for is not begun.
fn carry_out(invoice: &mut Invoice, history: &mut History, action: &Action) -> Result<(), TestCaseError> {
    let mut next = history.clone();
    let _refused = next.apply(action);
    let (before, after) = (history.payment.invoice_share(), next.payment.invoice_share());
    let takes_hold = before.held.is_zero() && before.paid.is_zero() && !after.held.is_zero();
    let payment = &next.payment;
    if takes_hold && invoice.check_payable(payment.amount, payment.currency).is_err() {
        return Ok(());
    }
    let changed = invoice.with_share(before, after, payment.updated_at, Actor::System);
    prop_assert!(changed.is_ok(), "{changed:?} after {action:?}: {before:?} to {after:?}");
    *invoice = changed.unwrap_or_else(|_| invoice.clone());
    *history = next;
    Ok(())
}

fn portion(due: Amount, hundredths: u8) -> Amount {
    let minor = due.minor().saturating_mul(i64::from(hundredths)) / 100;
    Amount::new(minor.clamp(1, Amount::MAX_MINOR)).unwrap_or(due)
}

fn payments(invoice: &Invoice, terms: Vec<(NewPayment, u8)>) -> Vec<History> {
    let towards = |(terms, hundredths)| NewPayment {
        amount: portion(invoice.amount_due, hundredths),
        currency: invoice.currency,
        ..terms
    };
    terms.into_iter().map(|terms| History::of(towards(terms), &[])).collect()
}

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn payments_together_never_exceed_their_invoice(
        invoice in invoice(),
        terms in vec((new_payment(), 1..=120_u8), 1..4),
        deeds in vec((0..4_usize, action()), 1..60),
    ) {
        let mut invoice = invoice;
        let mut payments = payments(&invoice, terms);
        for (which, action) in deeds as Vec<Deed> {
            let count = payments.len();
            carry_out(&mut invoice, &mut payments[which % count], &action)?;
            let sum = |share: fn(&Payment) -> Total| -> i64 {
                payments.iter().map(|history| share(&history.payment).minor()).sum()
            };
            prop_assert_eq!(invoice.amount_paid.minor(), sum(|payment| payment.invoice_share().paid));
            prop_assert_eq!(invoice.amount_held.minor(), sum(|payment| payment.invoice_share().held));
            prop_assert!(invoice.amount_paid.minor() + invoice.amount_held.minor() <= invoice.amount_due.minor());
            let is_paid = invoice.status() == InvoiceStatus::Paid;
            prop_assert_eq!(is_paid, invoice.amount_paid == Total::from(invoice.amount_due));
            prop_assert_eq!(is_paid, invoice.paid_at.is_some());
        }
    }

    #[test]
    fn an_invoice_is_voided_only_while_nothing_is_paid_or_held(
        invoice in invoice(),
        terms in new_payment(),
        deeds in vec(action(), 0..12),
    ) {
        let mut invoice = invoice;
        let mut payments = payments(&invoice, vec![(terms, 50)]);
        for action in &deeds {
            carry_out(&mut invoice, &mut payments[0], action)?;
        }
        let is_free = invoice.amount_paid.is_zero() && invoice.amount_held.is_zero();
        match invoice.void(invoice.updated_at, Actor::System) {
            Ok(void) => {
                prop_assert!(is_free);
                prop_assert_eq!(void.status(), InvoiceStatus::Void);
                let refused = void.check_payable(portion(void.amount_due, 1), void.currency);
                prop_assert_eq!(refused, Err(InvoiceRefused::NotPayable(InvoiceStatus::Void)));
                prop_assert!(void.void(void.updated_at, Actor::System).is_err());
            }
            Err(_) => prop_assert!(!is_free),
        }
    }

    #[test]
    fn a_canceled_payment_has_brought_nothing(terms in new_payment(), actions in vec(action(), 1..30)) {
        let history = History::of(terms, &actions);
        if history.payment.state() == State::Canceled {
            prop_assert_eq!(history.payment.invoice_share(), Default::default());
        }
    }

    #[test]
    fn a_counted_number_is_known_by_its_shape(count in 1..i64::MAX) {
        let number = counted_number(count).to_string();
        prop_assert!(is_counted_number(&number));
        prop_assert!(is_counted_number(&number.to_lowercase()));
        prop_assert!(number.len() >= "INV-000001".len());
    }
}
