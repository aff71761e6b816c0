//! One's own account: sessions, password, second factor.

use actix_web::{HttpRequest, HttpResponse, web};
use florin_domain::{SessionId, UserId};
use florin_engine::requests::{Page, Position, RevokeSession, SessionFilter, SetPassword};
use florin_engine::views::Refused;

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Sheet, Table};
use crate::form::{Form, missing};
use crate::qr;
use crate::show;
use crate::sign_in::{forget, user_of};
use crate::trouble::{Told, Trouble, go_to};
use crate::views::{Listed, RecoveryCodes, Session, TotpOffer};
use crate::visit::{Posted, Visit, seen};

const SECTION: &str = "/account";

/// `GET /account`
pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Trouble> {
    show_page(&visit, None).await
}

async fn show_page(visit: &Visit, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let chrome = visit.chrome("Your account", SECTION).await?.telling(told);
    let user = chrome.user.clone();
    let page = Page::new(100, Position::Offset(0));
    let answer = visit.desk.engine.list_sessions(visit.context(), SessionFilter::default(), page).await;
    let listed: Listed<Session> = seen(&answer)?;
    let facts = vec![
        ("E-mail".to_owned(), Cell::text(user.email)),
        ("Name".to_owned(), Cell::maybe(user.name)),
        ("Role".to_owned(), Cell::text(show::label(&user.role))),
        ("Second factor".to_owned(), Cell::text(show::label(&user.totp))),
        ("Id".to_owned(), Cell::Mono(user.id)),
    ];
    let rows = rows_of(listed.data, |session| {
        let what = session.client_version.unwrap_or_else(|| "Unknown".to_owned());
        let this = if session.current { "This one".to_owned() } else { "Another".to_owned() };
        let path = visit.path(&format!("{SECTION}/sessions/{}", session.id));
        vec![
            Cell::link(this, path),
            Cell::text(what),
            Cell::Time(session.last_seen_at),
            Cell::Time(session.created_at),
        ]
    });
    let mut sessions = Table::new(&["Session", "Browser", "Last seen", "Began"], rows);
    sessions.title = Some("Sessions of this mode");
    let mut blocks = vec![Block::Facts(Facts { title: "You", rows: facts }), Block::Table(sessions)];
    blocks.extend(entries(visit, &user.totp));
    Ok(Sheet::new(chrome, blocks).answer())
}

fn entries(visit: &Visit, totp: &str) -> Vec<Block> {
    let path = |act: &str| visit.path(&format!("{SECTION}/{act}"));
    let password = vec![
        Field::line("current_password", "The password so far").typed("password", "current-password").needed(),
        Field::line("password", "The new password")
            .typed("password", "new-password")
            .needed()
            .hint("12 characters at least."),
    ];
    let factor = if totp == "on" {
        Entry::new("Switch the second factor off", path("totp-off"), Vec::new(), "Switch it off")
            .note("Then a password is all that is needed. All of your sessions end.")
            .danger()
    } else {
        Entry::new("Second factor", path("totp"), Vec::new(), "Set it up")
            .note("A code of an authenticator app is asked for whenever you sign in.")
    };
    let everywhere = Entry::new("Sign out everywhere", path("sign-out"), Vec::new(), "End all sessions")
        .note("Every session of yours ends, in both modes and on all devices, this one included.");
    let password = Entry::new("Change the password", path("password"), password, "Change it");
    let password = password.note("All of your sessions end, this one included.").folded();
    [factor, password, everywhere.danger()].into_iter().map(Block::Entry).collect()
}

/// `POST /account/{act}`
pub(crate) async fn act(
    request: HttpRequest,
    posted: Posted,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    let id = user_of(&visit.context.caller).ok_or_else(Trouble::nothing_here)?;
    let engine = &visit.desk.engine;
    let answer = match path.1.as_str() {
        "totp" => return offer(&visit, id).await,
        "totp-confirm" => return confirm(&visit, id, &form).await,
        "totp-off" => engine.drop_totp(visit.context(), id).await,
        "sign-out" => engine.end_sessions(visit.context(), id).await,
        "password" => match new_password(&form) {
            Ok(request) => engine.set_password(visit.context(), id, request).await,
            Err(refused) => return show_page(&visit, Some(refused.into())).await,
        },
        _ => return Err(Trouble::nothing_here()),
    };
    match Told::check(&answer) {
        // Each of these ends all sessions.
        Ok(()) => {
            forget(&visit.desk, &request);
            Ok(go_to("/dashboard/sign-in?signed-out=yes"))
        }
        Err(told) => show_page(&visit, Some(told)).await,
    }
}

fn new_password(form: &Form) -> Result<SetPassword, Refused> {
    Ok(SetPassword {
        current: form.exact("current_password").map(Into::into),
        password: form.exact("password").ok_or_else(|| missing("password"))?.into(),
    })
}

/// Hands out the secret of a second factor, to be confirmed by a code.
async fn offer(visit: &Visit, id: UserId) -> Result<HttpResponse, Trouble> {
    match seen::<TotpOffer>(&visit.desk.engine.offer_totp(visit.context(), id).await) {
        Ok(offer) => {
            let drawn = qr::svg(&offer.otpauth_url, "The secret as a QR code").map(|svg| Block::Picture {
                title: "Scan it",
                svg,
                note: "With your authenticator app. It is shown this once.",
            });
            let mut blocks: Vec<Block> = drawn.into_iter().collect();
            blocks.extend([
                Block::Secret {
                    title: "Secret",
                    text: offer.secret,
                    note: "Or type this into your authenticator app. It is shown this once.",
                },
                Block::Secret {
                    title: "As an address",
                    text: offer.otpauth_url,
                    note: "For apps that take one.",
                },
                confirmation(visit),
            ]);
            let sheet = Sheet::new(visit.chrome("Second factor", SECTION).await?, blocks);
            Ok(sheet.below("Your account", visit.path(SECTION)).answer())
        }
        Err(told) => show_page(visit, Some(told)).await,
    }
}

fn confirmation(visit: &Visit) -> Block {
    let code = Field::line("code", "Code")
        .typed("text", "one-time-code")
        .needed()
        .hint("The one that the app shows now.");
    Block::Entry(Entry::new("Confirm it", visit.path("/account/totp-confirm"), vec![code], "Switch it on"))
}

async fn confirm(visit: &Visit, id: UserId, form: &Form) -> Result<HttpResponse, Trouble> {
    let code = form.get("code").unwrap_or_default().to_owned();
    let (blocks, told) = match seen::<RecoveryCodes>(
        &visit.desk.engine.confirm_totp(visit.context(), id, code).await,
    ) {
        Ok(codes) => {
            let note = "The second factor is on. Keep these codes where you find them without your phone: each opens \
                        your account once. They are shown this once.";
            let note = Block::Note { tone: "good", text: note.to_owned() };
            (vec![note, Block::Code { title: "Recovery codes", text: codes.recovery_codes.join("\n") }], None)
        }
        Err(told) => (vec![confirmation(visit)], Some(told)),
    };
    let sheet = Sheet::new(visit.chrome("Second factor", SECTION).await?.telling(told), blocks);
    Ok(sheet.below("Your account", visit.path(SECTION)).answer())
}

/// `GET /account/sessions/{id}`: asks whether to end one.
pub(crate) async fn session(
    visit: Visit,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Trouble> {
    let id: SessionId = path.1.parse().map_err(|_malformed| Refused::session_not_found())?;
    let entry = Entry::new(
        "End this session",
        visit.path(&format!("{SECTION}/sessions/{id}")),
        Vec::new(),
        "End the session",
    );
    let entry = entry.note("Whoever uses it has to sign in again.");
    let blocks = vec![Block::Entry(Entry { is_danger: true, ..entry })];
    let sheet = Sheet::new(visit.chrome("Session", SECTION).await?, blocks);
    Ok(sheet.below("Your account", visit.path(SECTION)).answer())
}

/// `POST /account/sessions/{id}`
pub(crate) async fn end_session(
    posted: Posted,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Trouble> {
    let visit = posted.visit;
    let id: SessionId = path.1.parse().map_err(|_malformed| Refused::session_not_found())?;
    let answer = visit.desk.engine.revoke_session(visit.context(), RevokeSession { id, reason: None }).await;
    match Told::check(&answer) {
        Ok(()) => Ok(done(&visit, SECTION, "ended")),
        Err(told) => Err(told.into()),
    }
}
