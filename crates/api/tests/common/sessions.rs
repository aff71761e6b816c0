//! Sessions as tests begin and use them.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::Value;

use super::{Api, Reply};

/// A request with this credential, or none.
pub(crate) async fn by(api: &Api, credential: &str, method: Method, path: &str, body: &str) -> Reply {
    let request =
        TestRequest::default().method(method).uri(path).peer_addr("192.0.2.7:4711".parse().unwrap());
    let request = request.insert_header(("content-type", "application/json"));
    let request = match credential {
        "" => request,
        some => request.insert_header(("authorization", format!("Bearer {some}"))),
    };
    api.send(request.set_payload(body.to_owned())).await
}

/// The same, with a POST.
pub(crate) async fn post(api: &Api, credential: &str, path: &str, body: &str) -> Reply {
    by(api, credential, Method::POST, path, body).await
}

/// An error in both of its forms, which say the same.
pub(crate) fn session_error(reply: &Reply) -> (u16, String) {
    let (code, _) = reply.error();
    let body = reply.json();
    assert_eq!(body["error_code"], code.as_str(), "{reply:?}");
    assert_eq!(body["error_description"], body["error"]["message"]);
    assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()));
    (reply.status, code)
}

/// A text of an answer.
pub(crate) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("{name}: {body}")).to_owned()
}

/// Exchanges a key.
pub(crate) async fn begin(api: &Api, key: &str) -> Value {
    let reply = post(api, key, "/v1/auth/token", "{}").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}
