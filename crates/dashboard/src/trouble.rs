//! What a page can't be shown for: a person who has to sign in, and refusals, in the API's own words.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use florin_engine::views::{Answer, ErrorCode, Refused};
use serde::Deserialize;

use crate::headers::{add_page_headers, page};

/// Why there is another page than the one that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// Nobody is signed in; afterwards it goes on at this path.
    SignIn { next: String },
    /// The same for a part of a page, which can't go anywhere.
    SignedOut,
    /// A refusal.
    Told(Told),
}

/// An error as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// The field that is to blame.
    pub(crate) param: Option<String>,
    /// The payment that stands behind it.
    pub(crate) payment_id: Option<String>,
    /// In how many seconds it makes sense to try again.
    pub(crate) retry_after: Option<u32>,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    told: &'a Told,
    title: &'a str,
}

#[derive(Deserialize)]
struct Body {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    code: String,
    message: String,
    param: Option<String>,
    payment_id: Option<String>,
}

impl Told {
    /// What an answer refuses.
    pub(crate) fn of(answer: &Answer) -> Self {
        let body: Result<Body, _> = serde_json::from_str(&answer.body);
        match body {
            Ok(Body { error }) => Told {
                status: answer.status,
                code: error.code,
                message: error.message,
                param: error.param,
                payment_id: error.payment_id,
                retry_after: answer.retry_after_seconds,
            },
            Err(_) => Told::from(Refused::internal()),
        }
    }

    /// What an answer refuses, if it does.
    pub(crate) fn check(answer: &Answer) -> Result<(), Self> {
        if answer.status < 400 { Ok(()) } else { Err(Told::of(answer)) }
    }

    /// Whether it is about the field of that name.
    pub(crate) fn is_about(&self, field: &str) -> bool {
        self.param.as_deref() == Some(field)
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Refused> for Told {
    fn from(refused: Refused) -> Self {
        Told {
            status: refused.code.status(),
            code: refused.code.as_str().to_owned(),
            message: refused.message,
            param: refused.param,
            payment_id: refused.payment_id.map(|id| id.to_string()),
            retry_after: refused.retry_after_seconds,
        }
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Trouble::Told(refused.into())
    }
}

impl From<Told> for Trouble {
    fn from(told: Told) -> Self {
        Trouble::Told(told)
    }
}

impl Trouble {
    /// There is no such page.
    pub(crate) fn nothing_here() -> Self {
        Refused::new(ErrorCode::PathNotFound, "There is no such page.").into()
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::SignIn { .. } | Trouble::SignedOut => f.write_str("nobody is signed in"),
            Trouble::Told(told) => f.write_str(&told.message),
        }
    }
}

impl ResponseError for Trouble {
    fn status_code(&self) -> StatusCode {
        match self {
            Trouble::SignIn { .. } => StatusCode::SEE_OTHER,
            Trouble::SignedOut => StatusCode::UNAUTHORIZED,
            Trouble::Told(told) => told.status(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = match self {
            Trouble::SignIn { next } => return go_to(&sign_in_path(next)),
            Trouble::SignedOut => {
                HttpResponse::Unauthorized().content_type("text/plain; charset=utf-8").body("Signed out.")
            }
            Trouble::Told(told) => {
                let title = match told.status {
                    403 => "Not allowed",
                    404 => "Not found",
                    429 | 503 => "Try again in a moment",
                    500.. => "Something went wrong",
                    _ => "That was not done",
                };
                let mut answer = page(told.status(), &TroublePage { told, title });
                if let Some(seconds) = told.retry_after {
                    answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                return answer;
            }
        };
        add_page_headers(answer.headers_mut());
        answer
    }
}

/// The way to sign in and then to go on.
fn sign_in_path(next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("/dashboard/sign-in?{query}")
}

/// On to another page, by GET. It has a body, since answers without one are taken to be nobody's.
pub(crate) fn go_to(path: &str) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther()
        .insert_header((header::LOCATION, path))
        .content_type("text/plain; charset=utf-8")
        .body("It goes on at another page.");
    add_page_headers(answer.headers_mut());
    answer
}
