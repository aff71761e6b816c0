//! Creating and voiding invoices.

use std::sync::Arc;

use florin_domain::{AuditAction, Invoice, InvoiceId, InvoiceNumber, Total, counted_number};
use florin_storage::{InRealm, Needs, Realm, WorkingSet};
use serde_json::json;

use super::change::{Change, Desk, Made};
use super::telling::put_event;
use crate::requests::CreateInvoice;
use crate::views::{InvoiceResponse, Refused, to_json};
use crate::writer::Deciding;

impl Change for CreateInvoice {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.customers.extend(self.customer_id.map(|id| (realm, id)));
        match &self.number {
            Some(number) => drop(needs.invoice_numbers.insert((realm, number.as_str().to_owned()))),
            None => drop(needs.counted_invoices.insert(realm)),
        }
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        on.check_customer(self.customer_id)?;
        // Last, since what is refused must not count up.
        let number = self.take_number(on)?;
        let id = InvoiceId::from_uuid(on.deciding.new_id());
        let invoice = Invoice {
            id,
            tenant_id: on.realm.tenant_id,
            mode: on.realm.mode,
            number,
            customer_id: self.customer_id,
            currency: self.currency,
            amount_due: self.amount_due,
            lines: self.lines.clone(),
            amount_paid: Total::ZERO,
            amount_held: Total::ZERO,
            due_at: self.due_at,
            paid_at: None,
            voided_at: None,
            metadata: self.metadata.clone(),
            revision: 1,
            event_count: 0,
            created_by: on.actor,
            updated_by: on.actor,
            updated_at: id.created_at(),
        };
        let made = Made::new(201, &InvoiceResponse::new(&invoice), id);
        on.set.put_invoice(invoice);
        Ok(made)
    }
}

impl CreateInvoice {
    /// The number that was given, or the next one.
    fn take_number(&self, on: &mut Desk<'_>) -> Result<InvoiceNumber, Refused> {
        match &self.number {
            Some(number) if on.set.is_invoice_number_taken(on.realm, number.as_str()) => {
                Err(Refused::invoice_number_taken())
            }
            Some(number) => Ok(number.clone()),
            None => {
                let count = on.set.next_invoice_count(on.realm).ok_or_else(Refused::internal)?;
                Ok(InvoiceNumber::parse(counted_number(count).to_string())?)
            }
        }
    }
}

/// Voids an invoice that no payment was made towards.
pub(crate) struct VoidInvoice {
    pub(crate) id: InvoiceId,
}

impl Change for VoidInvoice {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.invoices.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let invoice = on.set.invoice(on.realm, self.id).ok_or_else(Refused::invoice_not_found)?;
        let voided = invoice.void(on.deciding.at, on.actor).map_err(Refused::invoice_not_voidable)?;
        let details = json!({ "number": voided.number.as_str() });
        let (_, body) = tell_invoice(on.set, on.deciding, "invoice.voided", voided);
        on.log(AuditAction::InvoiceVoided, self.id, &details);
        Ok(Made::of_json(200, body, self.id))
    }
}

/// Puts a changed invoice and an event that tells of it; gives back the invoice and its JSON.
pub(super) fn tell_invoice(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    kind: &'static str,
    mut invoice: Invoice,
) -> (Invoice, Arc<str>) {
    invoice.event_count = invoice.event_count.saturating_add(1);
    let realm = invoice.realm();
    let snapshot: Arc<str> = Arc::from(to_json(&InvoiceResponse::new(&invoice), 1024));
    put_event(set, deciding, realm, kind, (invoice.id.bytes(), invoice.event_count), &snapshot);
    set.put_invoice(invoice.clone());
    (invoice, snapshot)
}
