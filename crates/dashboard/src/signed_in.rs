//! Who is signed in: found by the cookies of a browser, whose tokens are refreshed on the way.

use std::sync::Arc;

use actix_web::HttpRequest;
use chrono::DateTime;
use florin_domain::Mode;
use florin_engine::Stranger;
use florin_engine::access::{Caller, Context, Credential};
use florin_engine::requests::RefreshTokens;
use florin_engine::views::Answer;
use serde::Deserialize;

use crate::browser_names::device;
use crate::cookies::{Jar, seconds_until};
use crate::dashboard::Shared;
use crate::trouble::{Told, Trouble};
use crate::visit::{seen, set_cookie};

/// What a session's holder gets, as the engine answers it.
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    expires_at: String,
    refresh_token_expires_at: String,
}

/// Sets the cookies of a session that was begun or refreshed, and tells its access token.
pub(crate) fn take_tokens(
    desk: &Shared,
    request: &HttpRequest,
    mode: Mode,
    answer: &Answer,
) -> Result<String, Told> {
    let tokens: Tokens = seen(answer)?;
    let (now, is_secure) = (desk.engine.now(), desk.settings.is_secure);
    let until = |text: &str| {
        let then = DateTime::parse_from_rfc3339(text).ok()?;
        Some(seconds_until(then.to_utc(), now))
    };
    let access_until = until(&tokens.expires_at);
    set_cookie(request, Jar::Access(mode).filled(tokens.access_token.clone(), access_until, is_secure));
    let refresh_until = until(&tokens.refresh_token_expires_at);
    set_cookie(request, Jar::Refresh(mode).filled(tokens.refresh_token, refresh_until, is_secure));
    Ok(tokens.access_token)
}

/// Who is signed in: by the access token, else by a new one for the refresh token, else by the other mode's session.
pub(crate) async fn find_caller(
    desk: &Arc<Shared>,
    request: &HttpRequest,
    mode: Mode,
    stranger: &Stranger,
) -> Result<Option<Caller>, Trouble> {
    if let Some(caller) = by_own_session(desk, request, mode, stranger).await? {
        return Ok(Some(caller));
    }
    let other = Mode::from_live(!mode.is_live());
    let Some(caller) = by_own_session(desk, request, other, stranger).await? else { return Ok(None) };
    let Stranger { request_id, address } = stranger.clone();
    let context = Context { caller, request_id, address };
    let answer = desk.engine.enter_mode(context, mode, device(request)).await;
    match take_tokens(desk, request, mode, &answer) {
        Ok(access) => by_access(desk, &access, mode).await,
        Err(told) if told.status == 401 => Ok(None),
        Err(told) => Err(told.into()),
    }
}

/// Who the session of a mode belongs to, if there is one.
pub(crate) async fn by_own_session(
    desk: &Shared,
    request: &HttpRequest,
    mode: Mode,
    stranger: &Stranger,
) -> Result<Option<Caller>, Trouble> {
    let is_secure = desk.settings.is_secure;
    if let Some(access) = Jar::Access(mode).read(request, is_secure) {
        let caller = by_access(desk, &access, mode).await?;
        if caller.is_some() {
            return Ok(caller);
        }
    }
    let Some(refresh) = Jar::Refresh(mode).read(request, is_secure) else { return Ok(None) };
    // Parts of pages are asked for beside whole ones, and may be answered after them: they leave the token as it is.
    let rotates = !request.headers().contains_key("hx-request");
    let tokens = RefreshTokens { token: refresh.into(), rotates, device: device(request) };
    let answer = desk.engine.refresh_session(stranger.clone(), tokens).await;
    match take_tokens(desk, request, mode, &answer) {
        Ok(access) => by_access(desk, &access, mode).await,
        Err(told) if matches!(told.status, 401 | 409) => Ok(None),
        Err(told) => Err(told.into()),
    }
}

async fn by_access(desk: &Shared, access: &str, mode: Mode) -> Result<Option<Caller>, Trouble> {
    let caller = desk.engine.authenticate(access).await?;
    let is_person = |caller: &Caller| matches!(caller.credential, Credential::UserSession { .. });
    Ok(caller.filter(|caller| caller.mode == mode && is_person(caller)))
}
