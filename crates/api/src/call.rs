//! A call as a handler sees it: admitted, with what it carries at hand.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use florin_engine::access::Context;
use florin_engine::views::Refused;

use crate::json::{Object, parse_object};
use crate::query::Query;
use crate::state::State;
use crate::{body, card_numbers};

/// A call whose caller is known and allowed to make it.
pub(crate) struct Call {
    pub(crate) state: State,
    pub(crate) request: HttpRequest,
    pub(crate) payload: Payload,
    pub(crate) context: Context,
}

/// A call of somebody who need not be known: what they bring is looked at by the handler.
pub(crate) struct OpenCall {
    pub(crate) state: State,
    pub(crate) request: HttpRequest,
    pub(crate) payload: Payload,
    pub(crate) request_id: String,
    pub(crate) address: Option<IpAddr>,
}

impl OpenCall {
    /// The body, as [`Call::body`].
    pub(crate) async fn body(&mut self) -> Result<Object, Refused> {
        read_object(&self.state, &self.request, &mut self.payload).await
    }
}

impl Call {
    /// The id in the path. One that nobody was ever given names nothing, so a malformed id is refused as `missing`.
    pub(crate) fn path_id<T: std::str::FromStr>(
        &self,
        missing: impl FnOnce() -> Refused,
    ) -> Result<T, Refused> {
        let text = self.request.match_info().get("id").unwrap_or_default();
        text.parse().map_err(|_| missing())
    }

    /// The query parameters, of which none but the known ones may be there.
    pub(crate) fn query(&self, known: &[&str]) -> Result<Query, Refused> {
        Query::parse(self.request.query_string(), known)
    }

    /// The body, as a JSON object without card numbers; no body is an empty one. A call with a body takes no query
    /// parameters.
    pub(crate) async fn body(&mut self) -> Result<Object, Refused> {
        read_object(&self.state, &self.request, &mut self.payload).await
    }
}

async fn read_object(state: &State, request: &HttpRequest, payload: &mut Payload) -> Result<Object, Refused> {
    Query::parse(request.query_string(), &[])?;
    let bytes = body::read(request, payload, state.settings.body_deadline).await?;
    let object = parse_object(&bytes)?;
    card_numbers::refuse_in_body(&object)?;
    Ok(object)
}
