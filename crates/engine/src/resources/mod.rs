//! What can be done with the objects around payments: customers and their credits, payment methods, invoices, and the
//! journal's transactions.

mod access;
mod customers;
mod endpoints;
mod entering;
mod events;
mod invoices;
mod methods;
mod open_items;
mod payment_requests;
mod processors;
mod sessions;
mod transactions;
mod users;

pub use endpoints::new_webhook_secret;
pub(crate) use events::{PATIENCE, place_before};
pub use open_items::ItemsDesk;
pub(crate) use payment_requests::STALE_AGAIN;
pub use sessions::Stranger;

use florin_storage::{AnyConnection, StorageError};

use crate::commands::{Asked, Change, KeyUse, Requester};
use crate::engine::Inner;
use crate::generations::HEARD_AFTER;
use crate::payments::not_written;
use crate::reading::unavailable;
use crate::requests::Idempotency;
use crate::views::{Answer, Refused};

impl Inner {
    /// Writes a change whose success is answered with `success_status`.
    async fn change<C: Change>(
        &self,
        requester: Requester,
        change: C,
        success_status: u16,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let key = idempotency.map(|idempotency| KeyUse::new(requester.realm, &idempotency, success_status));
        let asked = Asked { requester: requester.clone(), key, change };
        let answer = self.write(asked).await.unwrap_or_else(|failed| not_written(failed, &requester));
        if C::takes_access(answer.status) {
            tokio::time::sleep(HEARD_AFTER).await;
        }
        answer
    }

    /// Reads, and makes an answer of what was found.
    async fn answer_with<T: Send + 'static>(
        &self,
        requester: &Requester,
        read: impl FnOnce(&mut AnyConnection) -> Result<T, StorageError> + Send + 'static,
        answer: impl FnOnce(T) -> Result<Answer, Refused>,
    ) -> Answer {
        let answered = match self.read(read).await {
            Ok(found) => answer(found),
            Err(error) => Err(unavailable(&error)),
        };
        answered.unwrap_or_else(|refused| requester.refuse(refused))
    }
}
