//! Invoices.

use florin_domain::{Invoice, InvoiceId};
use florin_storage::read::{self, InvoiceQuery};

use crate::access::Context;
use crate::commands::{Requester, VoidInvoice};
use crate::engine::Engine;
use crate::reading::{list_answer, slice};
use crate::requests::{CreateInvoice, Idempotency, InvoiceFilter, Page};
use crate::views::{Answer, InvoiceResponse, Refused};

impl Engine {
    /// Creates an invoice.
    pub async fn create_invoice(
        &self,
        context: Context,
        request: CreateInvoice,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        if let Err(refused) = context.caller.check_currency(request.currency) {
            return requester.refuse(refused);
        }
        self.inner.change(requester, request, 201, idempotency).await
    }

    /// Voids an invoice that no payment was made towards.
    pub async fn void_invoice(
        &self,
        context: Context,
        id: InvoiceId,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        self.inner.change(Requester::from(&context), VoidInvoice { id }, 200, idempotency).await
    }

    /// An invoice.
    pub async fn find_invoice(&self, context: Context, id: InvoiceId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::find_invoice(connection, realm, id);
        let answer = |found: Option<Invoice>| {
            let invoice = found.ok_or_else(Refused::invoice_not_found)?;
            Ok(Answer::new(200, &InvoiceResponse::new(&invoice)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A list of invoices.
    pub async fn list_invoices(&self, context: Context, filter: InvoiceFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let query = InvoiceQuery {
            realm: requester.realm,
            status: filter.status,
            customer_id: filter.customer_id,
            number: filter.number.map(|number| number.as_str().to_owned()),
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_invoices(connection, &query, slice(page));
        let answer = |listed| {
            Ok(list_answer(&listed, |invoice: &Invoice| {
                (invoice.id.to_string(), InvoiceResponse::new(invoice))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }
}
