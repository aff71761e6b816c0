//! Stored payment methods.

use florin_domain::{StoredMethod, StoredMethodId};
use florin_storage::read::{self, MethodQuery};

use crate::access::Context;
use crate::commands::{Detach, Requester};
use crate::engine::Engine;
use crate::reading::{list_answer, slice};
use crate::requests::{CreateMethod, Idempotency, MethodFilter, Page};
use crate::views::{Answer, PaymentMethodResponse, Refused};

impl Engine {
    /// Stores a payment method.
    pub async fn create_payment_method(
        &self,
        context: Context,
        request: CreateMethod,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let mut request = request;
        match self.inner.sender(requester.realm).await {
            Ok(sender) => match &request.processor {
                Some(name) if !sender.routes.has_account(name) => {
                    return requester.refuse(Refused::processor_account_not_found().param("processor"));
                }
                Some(_) => {}
                None => request.processor = sender.routes.owner_of(&request.token, request.method_type),
            },
            Err(refused) => return requester.refuse(refused),
        }
        self.inner.change(requester, request, 201, idempotency).await
    }

    /// Detaches a payment method, so that it can't be charged any more.
    pub async fn detach_payment_method(&self, context: Context, id: StoredMethodId) -> Answer {
        self.inner.change(Requester::from(&context), Detach { id }, 200, None).await
    }

    /// A stored payment method, detached ones included.
    pub async fn find_payment_method(&self, context: Context, id: StoredMethodId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::find_method(connection, realm, id);
        let answer = |found: Option<StoredMethod>| {
            let method = found.ok_or_else(Refused::stored_method_not_found)?;
            Ok(Answer::new(200, &PaymentMethodResponse::new(&method)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A list of the payment methods that are not detached.
    pub async fn list_payment_methods(&self, context: Context, filter: MethodFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let query = MethodQuery {
            realm: requester.realm,
            customer_id: filter.customer_id,
            include_detached: false,
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_methods(connection, &query, slice(page));
        let answer = |listed| {
            Ok(list_answer(&listed, |method: &StoredMethod| {
                (method.id.to_string(), PaymentMethodResponse::new(method))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }
}
