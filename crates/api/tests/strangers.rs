//! Every route of the OpenAPI document, asked for by those whose it is not: another tenant, and the other mode.

mod common;

use std::collections::BTreeMap;

use actix_web::http::Method;
use common::{Api, FOREIGN_KEY, KEY, LIVE_KEY, Reply, request, unlimited, with_api};
use serde_json::{Value, json};

/// The objects of one tenant in one mode, by the name of the id's schema.
type Objects = BTreeMap<&'static str, String>;

/// One operation of the document.
struct Route {
    method: Method,
    path: String,
    /// The schema of the id in the path, if there is one.
    id_schema: Option<String>,
    /// A body that its owner could send.
    body: Option<Value>,
    /// The names of the parameters and fields that take ids, with the ids' schemas.
    queries: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

/// What of a list is a filter by an id, or a cursor.
fn id_schema(schema: &Value) -> Option<String> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    name.ends_with("Id").then(|| name.to_owned())
}

/// Objects that no call makes: recovery and reconciliation raise them. Nobody finds these ids, and their owners' are
/// tested where they can be made.
const NOT_MADE: [(&str, &str); 1] = [("OpenItemId", "item_01k9dcq4w0e7qs9x3v5m8ffh2a")];

/// A body with what is required, where the document shows none.
fn without_example(object: &Value) -> Value {
    let mut body = json!({});
    for name in object["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        body[name] = match name {
            "credentials" => json!({ "secret_key": "sk_test_other" }),
            "outcome" => json!("failed"),
            "note" => json!("seen"),
            "since" => json!("2025-11-06T19:54:00Z"),
            other => panic!("say in this test what to send as {other}"),
        };
    }
    body
}

fn routes() -> Vec<Route> {
    let document = serde_json::to_value(florin_api::openapi()).expect("JSON");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            // Calls without a key: the server itself, and processors' webhooks, which are signed.
            if operation["security"].is_null() || operation["tags"][0] == "System" {
                continue;
            }
            // A stream has no end that could be waited for: the whole-server tests let a stranger read one.
            if operation["operationId"] == "streamEvents" {
                continue;
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let of = |place: &str| -> Vec<(String, String)> {
                let there = parameters.iter().filter(|parameter| parameter["in"] == place);
                let named = |parameter: &Value| {
                    Some((parameter["name"].as_str()?.to_owned(), id_schema(&parameter["schema"])?))
                };
                there.filter_map(named).collect()
            };
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let schema = schema.as_str().and_then(|name| name.rsplit('/').next());
            let schema = schema.map(|name| document["components"]["schemas"][name].clone());
            let object = |schema: &Value| {
                if schema["allOf"].is_array() { schema["allOf"][0].clone() } else { schema.clone() }
            };
            let object = schema.as_ref().map(object);
            let fields = object.as_ref().and_then(|object| object["properties"].as_object().cloned());
            let known =
                [("customer_id", "CustomerId"), ("destination_id", "InvoiceId"), ("session_id", "SessionId")];
            let fields =
                known.iter().filter(|(name, _)| fields.as_ref().is_some_and(|all| all.contains_key(*name)));
            let body = object.map(|object| match &object["examples"][0] {
                Value::Null => without_example(&object),
                example => example.clone(),
            });
            routes.push(Route {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                id_schema: of("path").into_iter().next().map(|(_, schema)| schema),
                body: body.map(|body| if body.is_object() { body } else { json!({}) }),
                queries: of("query"),
                fields: fields.map(|(name, schema)| ((*name).to_owned(), (*schema).to_owned())).collect(),
            });
        }
    }
    // The facade is no part of the document.
    for (method, path, body) in [
        (Method::GET, "/flexprice/v1/payments/{id}", None),
        (Method::PUT, "/flexprice/v1/payments/{id}", Some(json!({ "metadata": {} }))),
        (Method::DELETE, "/flexprice/v1/payments/{id}", None),
        (Method::POST, "/flexprice/v1/payments/{id}/process", Some(json!({}))),
    ] {
        let id_schema = Some("PaymentId".to_owned());
        let (queries, fields) = (Vec::new(), Vec::new());
        routes.push(Route { method, path: path.to_owned(), id_schema, body, queries, fields });
    }
    routes
}

fn is_made(schema: &str) -> bool {
    NOT_MADE.iter().all(|(not_made, _)| *not_made != schema)
}

async fn send(api: &Api, key: &str, method: &Method, path: &str, body: Option<&Value>) -> Reply {
    let request = request(method.clone(), path).insert_header(("authorization", format!("Bearer {key}")));
    api.send(request.set_payload(body.map(Value::to_string).unwrap_or_default())).await
}

fn id_of(objects: &Objects, schema: &str) -> String {
    let id = objects.get(schema);
    id.unwrap_or_else(|| panic!("make an object with a {schema} in this test, so that its routes are walked"))
        .clone()
}

async fn made(api: &Api, path: &str, body: Value) -> String {
    let reply = send(api, KEY, &Method::POST, path, Some(&body)).await;
    assert!(matches!(reply.status, 200 | 201), "{path}: {reply:?}");
    reply.json()["id"].as_str().expect("an id").to_owned()
}

/// One object of each kind.
async fn make_objects(api: &Api) -> Objects {
    let customer = made(api, "/v1/customers", json!({ "name": "Ada" })).await;
    let invoice = json!({ "currency": "USD", "amount_due": 5000, "customer_id": customer });
    let invoice = made(api, "/v1/invoices", invoice).await;
    let method = json!({ "token": "pm_test_success", "type": "CARD", "customer_id": customer });
    let method = made(api, "/v1/payment_methods", method).await;
    let payment = api.pay(1000).await;
    let refund = made(api, &format!("/v1/payments/{payment}/refund"), json!({ "amount": 1 })).await;
    let asked = json!({ "type": "product", "amount": 500, "currency": "USD" });
    let asked = made(api, "/v1/payment_requests", asked).await;
    let key = made(api, "/v1/api_keys", json!({ "scopes": ["payments:read"] })).await;
    let session = send(api, KEY, &Method::POST, "/v1/auth/token", None).await;
    let session = session.json()["session_id"].as_str().expect("an id").to_owned();
    let user = json!({ "email": "ada@example.com", "role": "viewer", "password": "correct horse battery" });
    let user = send(api, LIVE_KEY, &Method::POST, "/v1/users", Some(&user)).await;
    let user = user.json()["id"].as_str().expect("an id").to_owned();
    // After the payment, which it would take.
    let account =
        made(api, "/v1/processor_accounts", json!({ "name": "second", "connector": "sandbox" })).await;
    let first = async |path: &str| {
        let reply = api.get(path).await;
        reply.json()["data"][0]["id"].as_str().expect("an id").to_owned()
    };
    let endpoint = json!({ "url": "https://example.com/webhooks" });
    let endpoint = made(api, "/v1/webhook_endpoints", endpoint).await;
    let event = first("/v1/events").await;
    let transaction = first("/v1/transactions").await;
    let entry = first("/v1/audit_log").await;
    let attempt = first(&format!("/v1/payments/{payment}/attempts")).await;
    [
        ("CustomerId", customer),
        ("InvoiceId", invoice),
        ("StoredMethodId", method),
        ("PaymentId", payment),
        ("RefundId", refund),
        ("PaymentRequestId", asked),
        ("KeyId", key),
        ("TransactionId", transaction),
        ("AuditEntryId", entry),
        ("AttemptId", attempt),
        ("SessionId", session),
        ("UserId", user),
        ("ProcessorAccountId", account),
        ("WebhookEndpointId", endpoint),
        ("EventId", event),
    ]
    .into_iter()
    .chain(NOT_MADE.map(|(schema, id)| (schema, id.to_owned())))
    .collect()
}

/// All that the owner can see of each object.
async fn as_they_stand(api: &Api, objects: &Objects) -> Vec<String> {
    let mut found = Vec::new();
    for route in routes().iter().filter(|route| route.method == Method::GET) {
        if let Some(schema) = route.id_schema.as_ref().filter(|schema| is_made(schema)) {
            let reply = api.get(&route.path.replace("{id}", &id_of(objects, schema))).await;
            assert_eq!(reply.status, 200, "{} {reply:?}", route.path);
            found.push(reply.body);
        }
    }
    found
}

/// Users have no mode: the tenant's other key is no stranger to them.
fn is_no_stranger(stranger: &str, route: &Route) -> bool {
    stranger == LIVE_KEY && route.path.starts_with("/v1/users")
}

async fn check_is_told_nothing(api: &Api, stranger: &str, route: &Route, objects: &Objects) {
    let Route { method, path, body, .. } = route;
    if is_no_stranger(stranger, route) {
        return;
    }
    if let Some(schema) = &route.id_schema {
        let path = path.replace("{id}", &id_of(objects, schema));
        let reply = send(api, stranger, method, &path, body.as_ref()).await;
        assert_eq!(reply.status, 404, "{method} {path}: {reply:?}");
        assert!(
            reply.body.contains("not_found") || path.starts_with("/flexprice"),
            "{method} {path}: {reply:?}"
        );
        return;
    }
    if *method == Method::GET {
        let mut asked = vec![path.clone()];
        asked.extend(
            route.queries.iter().map(|(name, schema)| format!("{path}?{name}={}", id_of(objects, schema))),
        );
        for path in asked {
            let reply = send(api, stranger, method, &path, None).await;
            assert!(matches!(reply.status, 200 | 400 | 404), "{path}: {reply:?}");
            // The tenant's other key reads in its audit log who was made.
            let of_others = objects.iter().filter(|(schema, _)| stranger != LIVE_KEY || **schema != "UserId");
            for (_, id) in of_others {
                assert!(!reply.body.contains(id.as_str()), "{path} tells of {id}: {reply:?}");
            }
        }
        return;
    }
    for (field, schema) in &route.fields {
        let mut body = body.clone().unwrap_or_else(|| json!({}));
        body[field] = json!(id_of(objects, schema));
        if field == "destination_id" {
            body["destination_type"] = json!("INVOICE");
        }
        let reply = send(api, stranger, method, path, Some(&body)).await;
        assert_eq!(reply.status, 404, "{method} {path} with {field}: {reply:?}");
    }
}

#[test]
fn another_tenants_keys_and_the_other_modes_find_nothing_on_any_route() {
    with_api(unlimited(), |api| async move {
        let objects = make_objects(&api).await;
        let before = as_they_stand(&api, &objects).await;
        for stranger in [FOREIGN_KEY, LIVE_KEY] {
            for route in routes() {
                check_is_told_nothing(&api, stranger, &route, &objects).await;
            }
        }
        assert_eq!(as_they_stand(&api, &objects).await, before, "a stranger changed something");
    });
}

#[test]
fn the_owner_gets_through_on_every_route_that_strangers_do_not() {
    with_api(unlimited(), |api| async move {
        let objects = make_objects(&api).await;
        for route in routes() {
            // The attempt that is made here needs no decision.
            let is_there = |schema: &&String| is_made(schema) && !route.path.ends_with("/resolve");
            let Some(schema) = route.id_schema.as_ref().filter(is_there) else { continue };
            let id = match schema.as_str() {
                // One that was deleted on the way is found no more.
                "WebhookEndpointId" => {
                    let url = json!({ "url": "https://example.com/webhooks" });
                    made(&api, "/v1/webhook_endpoints", url).await
                }
                schema => id_of(&objects, schema),
            };
            let path = route.path.replace("{id}", &id);
            let reply = send(&api, KEY, &route.method, &path, route.body.as_ref()).await;
            assert_ne!(reply.status, 404, "{} {path}: {reply:?}", route.method);
        }
    });
}

#[test]
fn a_key_gets_in_nowhere_but_where_its_scope_is_asked_for() {
    with_api(unlimited(), |api| async move {
        let objects = make_objects(&api).await;
        let made = api.post("/v1/api_keys", r#"{"scopes":["webhooks:read"]}"#).await;
        let key = made.json()["secret"].as_str().expect("it is shown").to_owned();
        let reads_webhooks = |route: &Route| {
            let path = &route.path;
            let is_of_webhooks = path.starts_with("/v1/events") || path.starts_with("/v1/webhook_endpoints");
            route.method == Method::GET && is_of_webhooks
        };
        // Sessions are everybody's own, whatever they may do with payments.
        let is_own = |route: &Route| route.path.starts_with("/v1/auth/");
        for route in routes().into_iter().filter(|route| !reads_webhooks(route) && !is_own(route)) {
            let id = route.id_schema.as_ref().map(|schema| id_of(&objects, schema)).unwrap_or_default();
            let path = route.path.replace("{id}", &id);
            let reply = send(&api, &key, &route.method, &path, route.body.as_ref()).await;
            assert_eq!(reply.status, 403, "{} {path}: {reply:?}", route.method);
        }
    });
}
