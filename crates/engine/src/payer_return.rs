//! A payer comes back to the page from where they had to act: what they did there is looked up at once, and not only when
//! the processor tells of it or recovery's schedule comes to it.
//!
//! | the process dies | what is stored | what follows |
//! | --- | --- | --- |
//! | before the attempt is taken | nothing | the processor's event, or the schedule |
//! | after that, before the look-up is settled | a lease | the look-up when the lease ends |
//!
//! Nothing is sent but a look-up, so nothing is charged; and what a look-up tells is settled as always: once.

use std::sync::Arc;
use std::time::Duration;

use florin_domain::PageToken;
use florin_storage::faults::{Point, pass};
use florin_storage::{InRealm, read};

use crate::commands::{TakeReturned, is_worth_a_look};
use crate::engine::{Engine, Inner};

/// How long a payer waits for the look-up before the page is shown as it stands.
const PATIENCE: Duration = Duration::from_secs(4);

impl Engine {
    /// Looks up what the payer of that token's request has just done at their bank, if they had to, and waits for that a
    /// few seconds at most. Does nothing where there is nothing to look up, or where that was done a moment ago. The page
    /// tells how things stand then.
    pub async fn payer_returned(&self, token: &PageToken) {
        let (inner, token) = (Arc::clone(&self.inner), token.clone());
        if inner.is_closed() {
            return;
        }
        // It goes on when the payer's browser hangs up, and when they have waited long enough.
        let looking = self.inner.outlive(async move { inner.look_up_returned(token).await });
        let _unfinished = tokio::time::timeout(PATIENCE, looking).await;
    }
}

impl Inner {
    async fn look_up_returned(self: &Arc<Self>, token: PageToken) {
        let found = self.read(move |connection| read::find_request_of_page(connection, &token)).await;
        let Ok(Some(request)) = found else { return };
        let Some(payment_id) = request.payment_id.filter(|_| request.charging) else { return };
        let realm = request.realm();
        let Ok(Some(payment)) = self.payment(realm, payment_id).await else { return };
        // A read tells most of those who come back too often, so that they write nothing.
        let (lease, now) = (self.lease(), self.now());
        if !payment.1.iter().any(|attempt| is_worth_a_look(attempt, lease, now)) {
            return;
        }
        if let Ok(Some(leased)) = self.write(TakeReturned { realm, payment_id, lease }).await {
            pass(Point::LeaseTaken);
            self.settle_by_look_up(realm, *leased).await;
        }
    }
}
