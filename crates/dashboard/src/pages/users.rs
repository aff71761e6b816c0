//! The people of the team, for administrators.

use actix_web::{HttpRequest, HttpResponse, web};
use florin_domain::{Role, UserId, UserName, normalize_email};
use florin_engine::access::Scope;
use florin_engine::requests::{ChangeUser, CreateUser, Page, Position, SetPassword};
use florin_engine::views::{Answer, ErrorCode, Refused};

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Sheet, Table};
use crate::form::{Form, missing};
use crate::show;
use crate::sign_in::{forget, user_of};
use crate::trouble::{Told, Trouble, go_to};
use crate::views::{Listed, User};
use crate::visit::{Posted, Visit, seen};

const SECTION: &str = "/users";

/// `GET /users`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    let page = Page::new(100, Position::Offset(0));
    let answer = visit.desk.engine.list_users(visit.context(), None, None, page).await;
    let listed: Listed<User> = seen(&answer)?;
    let rows = rows_of(listed.data, |user| {
        let state = if user.enabled { "active" } else { "disabled" };
        vec![
            Cell::link(user.email, visit.path(&format!("{SECTION}/{}", user.id))),
            Cell::maybe(user.name),
            Cell::text(show::label(&user.role)),
            Cell::State(state.to_owned()),
            Cell::text(show::label(&user.totp)),
            Cell::Time(user.created_at),
        ]
    });
    let table = Table::new(&["E-mail", "Name", "Role", "State", "Second factor", "Since"], rows);
    let sheet = Sheet::new(visit.chrome("Users", SECTION).await?, vec![Block::Table(table)]);
    Ok(sheet.leading_to("New user", visit.path("/users/new"), true).answer())
}

/// `GET /users/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let fields = vec![
        Field::line("email", "E-mail address").typed("email", "off").needed().value(form.shown("email")),
        Field::line("name", "Name").value(form.shown("name")),
        role_field(form.get("role").unwrap_or("viewer")),
        password_field(),
    ];
    let entry = Entry::new("Who it is", visit.path("/users/new"), fields, "Add the user");
    let chrome = visit.chrome("New user", SECTION).await?.telling(told);
    let sheet = Sheet::new(chrome, vec![Block::Entry(entry)]);
    Ok(sheet.below("Users", visit.path(SECTION)).answer())
}

fn role_field(role: &str) -> Field {
    Field::choice("role", "Role", "", Role::WORDS)
        .needed()
        .value(role)
        .hint("Viewers read, operators work with payments, administrators do everything.")
}

fn password_field() -> Field {
    let hint = "12 characters at least. They can change it themselves.";
    Field::line("password", "Password").typed("password", "new-password").needed().hint(hint)
}

/// `POST /users/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    match do_create(&visit, &form).await {
        Ok(user) => Ok(done(&visit, &format!("{SECTION}/{}", user.id), "created")),
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<User, Told> {
    let request = CreateUser {
        email: form.needed_text("email", |text| normalize_email(&text))?,
        name: form.text("name", UserName::parse)?,
        role: form.word::<Role>("role")?.ok_or_else(|| missing("role"))?,
        password: form.exact("password").ok_or_else(|| missing("password"))?.into(),
    };
    let idempotency = form.idempotency("POST /users")?;
    seen(&visit.desk.engine.create_user(visit.context(), request, Some(idempotency)).await)
}

/// `GET /users/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    show_page(&visit, user_id(&path.1)?, None).await
}

fn user_id(text: &str) -> Result<UserId, Refused> {
    text.parse().map_err(|_malformed| Refused::user_not_found())
}

async fn show_page(visit: &Visit, id: UserId, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let user: User = seen(&visit.desk.engine.find_user(visit.context(), id).await)?;
    let facts = vec![
        ("E-mail".to_owned(), Cell::text(user.email.clone())),
        ("Name".to_owned(), Cell::maybe(user.name.clone())),
        ("Role".to_owned(), Cell::text(show::label(&user.role))),
        ("Second factor".to_owned(), Cell::text(show::label(&user.totp))),
        ("Since".to_owned(), Cell::Time(user.created_at.clone())),
        ("Id".to_owned(), Cell::Mono(user.id.clone())),
    ];
    let mut blocks = vec![Block::Facts(Facts { title: "Details", rows: facts })];
    blocks.extend(entries(visit, &user, user_of(&visit.context.caller) == Some(id)));
    let sheet = Sheet::new(visit.chrome(user.email, SECTION).await?.telling(told), blocks)
        .below("Users", visit.path(SECTION));
    Ok(sheet.badged(if user.enabled { "active" } else { "disabled" }.to_owned()).answer())
}

fn entries(visit: &Visit, user: &User, is_oneself: bool) -> Vec<Block> {
    let path = |act: &str| visit.path(&format!("{SECTION}/{}/{act}", user.id));
    let change = vec![
        Field::line("name", "Name").value(user.name.clone().unwrap_or_default()),
        role_field(&user.role),
    ];
    let mut entries = vec![Entry::new("Name and role", path("change"), change, "Save").folded()];
    if !is_oneself {
        let title = "Another password";
        let note = "All of their sessions end.";
        entries
            .push(Entry::new(title, path("password"), vec![password_field()], "Set it").note(note).folded());
    }
    if user.totp != "off" {
        let entry = Entry::new("Switch the second factor off", path("totp-off"), Vec::new(), "Switch it off");
        entries.push(entry.note("For who has lost it. All of their sessions end.").danger());
    }
    let everywhere = Entry::new("Sign out everywhere", path("sign-out"), Vec::new(), "End all sessions");
    entries.push(everywhere.note("Every session of theirs ends, in both modes, at once.").danger());
    let (act, title, button) = if user.enabled {
        ("disable", "Let them sign in no more", "Disable the user")
    } else {
        ("enable", "Let them sign in again", "Enable the user")
    };
    entries.push(Entry::new(title, path(act), Vec::new(), button).danger());
    entries.into_iter().map(Block::Entry).collect()
}

/// `POST /users/{id}/{act}`
pub(crate) async fn act(
    request: HttpRequest,
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    let id = user_id(&path.1)?;
    let outcome = do_act(&visit, id, &path.2, &form).await;
    let told = outcome.map_err(Told::from).and_then(|answer| Told::check(&answer));
    let is_oneself = user_of(&visit.context.caller) == Some(id);
    match (told, path.2.as_str()) {
        (Err(told), _) => show_page(&visit, id, Some(told)).await,
        // One's own sessions have ended, this one included.
        (Ok(()), "sign-out" | "disable" | "totp-off") if is_oneself => {
            forget(&visit.desk, &request);
            Ok(go_to("/dashboard/sign-in?signed-out=yes"))
        }
        (Ok(()), "sign-out") => Ok(done(&visit, &format!("{SECTION}/{id}"), "signed-out-everywhere")),
        (Ok(()), "totp-off") => Ok(done(&visit, &format!("{SECTION}/{id}"), "totp-off")),
        (Ok(()), "password") => Ok(done(&visit, &format!("{SECTION}/{id}"), "password")),
        (Ok(()), _) => Ok(done(&visit, &format!("{SECTION}/{id}"), "saved")),
    }
}

async fn do_act(visit: &Visit, id: UserId, act: &str, form: &Form) -> Result<Answer, Refused> {
    let engine = &visit.desk.engine;
    let enabled = |enabled| ChangeUser { enabled: Some(enabled), ..ChangeUser::default() };
    let change = match act {
        "change" => ChangeUser {
            name: Some(form.text("name", UserName::parse)?),
            role: form.word::<Role>("role")?,
            enabled: None,
        },
        "enable" => enabled(true),
        "disable" => enabled(false),
        "sign-out" => return Ok(engine.end_sessions(visit.context(), id).await),
        "totp-off" => return Ok(engine.drop_totp(visit.context(), id).await),
        "password" => {
            let password = form.exact("password").ok_or_else(|| missing("password"))?.into();
            return Ok(engine
                .set_password(visit.context(), id, SetPassword { current: None, password })
                .await);
        }
        _ => return Err(Refused::new(ErrorCode::PathNotFound, "There is no such page.")),
    };
    Ok(engine.change_user(visit.context(), id, change).await)
}
