//! Sessions that somebody begins who was recognized already: in the other mode, or by a link that the server printed.

use florin_domain::{Device, Mode, TenantId, UserId};
use florin_storage::Realm;

use super::sessions::Stranger;
use crate::access::{Context, Credential};
use crate::commands::{Exchanged, Requester};
use crate::engine::Engine;
use crate::views::{Answer, ErrorCode, Refused};

impl Engine {
    /// Begins a session in a mode for the user of a session in any: users work in both modes. Its second factor was
    /// proved by the session.
    pub async fn enter_mode(&self, context: Context, mode: Mode, device: Device) -> Answer {
        let requester = Requester::from(&context);
        let Credential::UserSession { user, epoch, .. } = context.caller.credential else {
            let message = "Only a person who signed in can change between test and live.";
            return requester.refuse(Refused::new(ErrorCode::PermissionDenied, message));
        };
        let requester = Requester { realm: Realm { mode, ..requester.realm }, ..requester };
        self.begin_trusted(requester, Exchanged::Trusted { id: user, epoch: Some(epoch) }, device).await
    }

    /// Begins a session for a user who has what only the one who started the server was given. Whether that is so is for
    /// the caller to know.
    pub async fn enter_by_link(
        &self,
        stranger: Stranger,
        tenant_id: TenantId,
        user: UserId,
        mode: Mode,
        device: Device,
    ) -> Answer {
        let requester = Requester {
            realm: Realm { tenant_id, mode },
            actor: florin_domain::Actor::User(user),
            request_id: stranger.request_id.as_str().into(),
            address: stranger.address,
        };
        self.begin_trusted(requester, Exchanged::Trusted { id: user, epoch: None }, device).await
    }

    async fn begin_trusted(&self, requester: Requester, exchanged: Exchanged, device: Device) -> Answer {
        match self.inner.new_session(requester.realm.mode, exchanged, device) {
            Ok(begin) => self.inner.change(requester, begin, 201, None).await,
            Err(refused) => requester.refuse(refused),
        }
    }
}
