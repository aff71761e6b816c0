//! Signing in and out.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use florin_domain::{MAX_PASSWORD_BYTES, Mode, TenantId, normalize_email};
use florin_engine::access::{Caller, Context};
use florin_engine::requests::{RevokeSession, SignIn};
use florin_engine::views::Refused;

use crate::browser_names::device;
use crate::cookies::Jar;
use crate::dashboard::{Shared, Tried};
use crate::forgery;
use crate::form::Form;
use crate::headers::page;
use crate::signed_in::{by_own_session, take_tokens};
use crate::trouble::{Told, Trouble, go_to};
use crate::visit::{Posted, form_secret, read_form, set_cookie, stranger};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    form_token: String,
    next: String,
    email: String,
    team: String,
    told: Option<Told>,
    asks_for_code: bool,
    is_signed_out: bool,
}

/// `GET /dashboard`: on to the mode that was used last, or to sign in.
pub(crate) async fn door(desk: web::Data<Shared>, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let stranger = stranger(&desk, &request);
    for mode in [Mode::Test, Mode::Live] {
        if by_own_session(&desk, &request, mode, &stranger).await?.is_some() {
            return Ok(go_to(&format!("/dashboard/{mode}")));
        }
    }
    Ok(go_to("/dashboard/sign-in"))
}

/// `GET /dashboard/sign-in`
pub(crate) async fn show(desk: web::Data<Shared>, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    let query = Form::parse(request.query_string().as_bytes());
    let page_of = SignInPage {
        form_token: forgery::token(&form_secret(&desk, &request)?, forgery::SIGN_IN),
        next: next_of(&query),
        email: String::new(),
        team: String::new(),
        told: None,
        asks_for_code: false,
        is_signed_out: query.get("signed-out").is_some(),
    };
    Ok(page(StatusCode::OK, &page_of))
}

/// `POST /dashboard/sign-in`
pub(crate) async fn enter(
    desk: web::Data<Shared>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Trouble> {
    let form = read_form(&request, payload.into_inner()).await?;
    let secret = Jar::Forms.read(&request, desk.settings.is_secure);
    forgery::check(&request, secret.as_deref(), forgery::SIGN_IN, form.get(forgery::FIELD))?;
    let next = next_of(&form);
    let mode = Mode::from_live(next.starts_with("/dashboard/live"));
    let told = match sign_in(&desk, &request, &form, mode).await {
        Ok(()) => return Ok(go_to(&next)),
        Err(told) => told,
    };
    let page_of = SignInPage {
        form_token: forgery::token(&form_secret(&desk, &request)?, forgery::SIGN_IN),
        next,
        email: form.shown("email"),
        team: form.shown("tenant_id"),
        asks_for_code: told.code == "totp_required" || form.get("totp_code").is_some(),
        is_signed_out: false,
        told: Some(told.clone()),
    };
    Ok(page(told.status(), &page_of))
}

async fn sign_in(desk: &Shared, request: &HttpRequest, form: &Form, mode: Mode) -> Result<(), Told> {
    let email = form.needed_text("email", |text| normalize_email(&text)).map_err(Told::from)?;
    let password = form.exact("password").filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| Told::from(crate::form::missing("password")))?;
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(Refused::login_failed().into());
    }
    let stranger = stranger(desk, request);
    let admitted = (desk.settings.admit)(Tried::SignIn, stranger.address).await;
    admitted.map_err(Refused::login_throttled)?;
    let tenant_id: Option<TenantId> = form.id("tenant_id", Refused::login_failed)?;
    let asked = SignIn {
        email,
        password: password.into(),
        code: form.get("totp_code").map(Into::into),
        tenant_id,
        livemode: mode.is_live(),
        device: device(request),
    };
    let answer = desk.engine.sign_in(stranger, asked).await;
    take_tokens(desk, request, mode, &answer).map(drop)
}

/// `GET /dashboard/enter/{secret}`: by a link that the server printed.
pub(crate) async fn enter_by_link(
    desk: web::Data<Shared>,
    request: HttpRequest,
    secret: web::Path<String>,
) -> Result<HttpResponse, Trouble> {
    let Some(link) = desk.take_link(&secret) else {
        let message =
            "The link was used before, or is too old. Restart the server for another one, or sign in.";
        return Err(Refused::new(florin_engine::views::ErrorCode::Unauthenticated, message).into());
    };
    let (stranger, device) = (stranger(&desk, &request), device(&request));
    let answer = desk.engine.enter_by_link(stranger, link.tenant_id, link.user_id, Mode::Test, device).await;
    take_tokens(&desk, &request, Mode::Test, &answer)?;
    Ok(go_to("/dashboard/test"))
}

/// `POST /dashboard/{mode}/sign-out`: the browser's sessions of both modes end.
pub(crate) async fn leave(request: HttpRequest, posted: Posted) -> Result<HttpResponse, Trouble> {
    let desk = posted.visit.desk.clone();
    let stranger = stranger(&desk, &request);
    for mode in [Mode::Test, Mode::Live] {
        if let Some(caller) = by_own_session(&desk, &request, mode, &stranger).await? {
            let context =
                Context { caller, request_id: stranger.request_id.clone(), address: stranger.address };
            end_session(&desk, context).await?;
        }
    }
    forget(&desk, &request);
    Ok(go_to("/dashboard/sign-in?signed-out=yes"))
}

async fn end_session(desk: &Shared, context: Context) -> Result<(), Trouble> {
    let Some(id) = context.caller.session_id() else { return Ok(()) };
    let answer = desk.engine.revoke_session(context, RevokeSession { id, reason: None }).await;
    if answer.status < 400 { Ok(()) } else { Err(Told::of(&answer).into()) }
}

/// Lets the browser forget its sessions.
pub(crate) fn forget(desk: &Shared, request: &HttpRequest) {
    for mode in [Mode::Test, Mode::Live] {
        for jar in [Jar::Access(mode), Jar::Refresh(mode)] {
            set_cookie(request, jar.emptied(desk.settings.is_secure));
        }
    }
}

/// The user of a caller who signed in.
pub(crate) fn user_of(caller: &Caller) -> Option<florin_domain::UserId> {
    match caller.actor() {
        florin_domain::Actor::User(id) => Some(id),
        _ => None,
    }
}

/// Where it goes on: a path of the dashboard, and nowhere else.
fn next_of(form: &Form) -> String {
    let is_ours = |next: &&str| {
        (*next == "/dashboard" || next.starts_with("/dashboard/"))
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && !next.starts_with("/dashboard/sign-in")
            && !next.starts_with("/dashboard/enter")
    };
    form.get("next").filter(is_ours).unwrap_or("/dashboard/test").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_in_the_dashboard_only() {
        for (next, goes_to) in [
            ("/dashboard/live/payments?q=a", "/dashboard/live/payments?q=a"),
            ("https://evil.example/dashboard/", "/dashboard/test"),
            ("//evil.example/dashboard/", "/dashboard/test"),
            ("/dashboardevil", "/dashboard/test"),
            ("/dashboard/\\evil", "/dashboard/test"),
            ("/dashboard/sign-in", "/dashboard/test"),
            ("", "/dashboard/test"),
        ] {
            let encoded = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
            assert_eq!(next_of(&Form::parse(encoded.as_bytes())), goes_to, "{next}");
        }
    }
}
