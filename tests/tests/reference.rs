//! The dokiapp document: each example by curl as written, each answer's fields and headers, each status code.

use florin_tests::{Client, Curl, Database, Example, Kind, Reply, Server, eventually};
use rstest::rstest;
use serde_json::{Value, json};

const CREATE: Example = Example(
    r#"curl -X POST https://api.dokiapp.com/v1/payments \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "amount": 1000,
    "currency": "USD",
    "payment_method_id": "pm_1234567890",
    "description": "Payment for order #12345"
  }'"#,
);

const RETRIEVE: Example = Example(
    r#"curl -X GET https://api.dokiapp.com/v1/payments/pay_1234567890abcdef \
  -H "Authorization: Bearer YOUR_API_KEY""#,
);

const LIST: Example = Example(
    r#"curl -X GET "https://api.dokiapp.com/v1/payments?status=succeeded&limit=20" \
  -H "Authorization: Bearer YOUR_API_KEY""#,
);

const REFUND: Example = Example(
    r#"curl -X POST https://api.dokiapp.com/v1/payments/pay_1234567890abcdef/refund \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "amount": 500,
    "reason": "Product returned"
  }'"#,
);

/// The document shows this call's body, but no curl line.
const CANCEL: Example = Example(
    r#"curl -X POST https://api.dokiapp.com/v1/payments/pay_1234567890abcdef/cancel \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
  "reason": "Customer requested cancellation"
}'"#,
);

const NOBODY: &str = "pay_01jgfjjz00e008000000000001";

fn serve(kind: Kind) -> Option<(Database, Server)> {
    let database = Database::make(kind)?;
    let server = database.launch().without_setting("RATE_LIMIT_PER_MINUTE").start();
    Some((database, server))
}

/// Everything that an answer of the documented API has beside its body.
#[track_caller]
fn check_headers(reply: &Reply) {
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(reply.header("ratelimit").contains("r="), "{:?}", reply.headers);
    assert!(reply.header("ratelimit-policy").contains("q=100"), "{:?}", reply.headers);
    assert!(reply.header("x-request-id").starts_with("req_"), "{:?}", reply.headers);
}

#[track_caller]
fn check_fields(object: &Value, expected: &Value) {
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&object[field], value, "{field} of {object}");
    }
}

/// As `2025-11-06T19:54:00Z`, maybe with a fraction.
#[track_caller]
fn check_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    assert!(text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T', "{text}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_run_by_curl_as_they_are_written(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some((_database, server)) = serve(kind) else { return };
    let curl = Curl::new(server.url());

    let created = curl.run(CREATE, "").expect_status(201);
    check_headers(&created);
    let id = created.id();
    assert!(id.starts_with("pay_"), "{id}");
    let payment = json!({
        "amount": 1000, "currency": "USD", "status": "succeeded", "payment_method_id": "pm_1234567890",
        "description": "Payment for order #12345", "metadata": {},
    });
    check_fields(&created.body, &payment);
    check_time(&created.body["created_at"]);

    let retrieved = curl.run(RETRIEVE, &id).expect_status(200);
    check_headers(&retrieved);
    check_fields(&retrieved.body, &payment);
    assert_eq!(retrieved.body["created_at"], created.body["created_at"]);
    check_time(&retrieved.body["updated_at"]);

    let listed = curl.run(LIST, "").expect_status(200);
    check_headers(&listed);
    check_fields(&listed.body, &json!({ "has_more": false, "total_count": 1 }));
    assert_eq!(listed.body["data"], json!([retrieved.body]));

    let refunded = curl.run(REFUND, &id).expect_status(200);
    check_headers(&refunded);
    assert!(refunded.id().starts_with("ref_"), "{}", refunded.text);
    let refund = json!({
        "payment_id": id, "amount": 500, "currency": "USD", "status": "succeeded", "reason": "Product returned",
    });
    check_fields(&refunded.body, &refund);
    check_time(&refunded.body["created_at"]);
    check_fields(&curl.run(RETRIEVE, &id).body, &json!({ "status": "refunded", "amount_refunded": 500 }));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_bodies_are_answered_as_documented(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some((database, server)) = serve(kind) else { return };
    let client = database.client(&server);
    let mut body = json!({
        "amount": 1000, "currency": "USD", "payment_method_id": "pm_1234567890",
        "description": "Payment for order #12345",
        "metadata": { "order_id": "12345", "customer_id": "cust_abc123" },
    });
    let created = client.post("/v1/payments", &body).await.expect_status(201);
    check_fields(&created.body, &body);

    body["process_payment"] = json!(false);
    let pending = client.post("/v1/payments", &body).await.expect_status(201);
    check_fields(&pending.body, &json!({ "status": "pending" }));
    let canceled = Curl::new(server.url()).run(CANCEL, &pending.id()).expect_status(200);
    check_headers(&canceled);
    let fields = json!({
        "id": pending.id(), "amount": 1000, "currency": "USD", "status": "canceled",
        "payment_method_id": "pm_1234567890", "description": "Payment for order #12345",
        "cancellation_reason": "Customer requested cancellation",
    });
    check_fields(&canceled.body, &fields);
    check_time(&canceled.body["canceled_at"]);

    let full =
        client.post(&format!("/v1/payments/{}/refund", created.id()), &json!({})).await.expect_status(200);
    check_fields(&full.body, &json!({ "amount": 1000, "status": "succeeded", "reason": null }));
    check_fields(&client.payment(&created.id()).await, &json!({ "status": "refunded" }));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_test_payment_method_has_its_documented_result(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some((database, server)) = serve(kind) else { return };
    let client = database.client(&server);
    let pay = async |method: &str| {
        client
            .post("/v1/payments", &json!({ "amount": 1000, "currency": "USD", "payment_method_id": method }))
            .await
    };
    check_fields(&pay("pm_test_success").await.expect_status(201).body, &json!({ "status": "succeeded" }));
    for (method, code) in
        [("pm_test_decline", "payment_declined"), ("pm_test_insufficient_funds", "insufficient_funds")]
    {
        let declined = pay(method).await.expect_error(402, code);
        check_headers(&declined);
        assert_eq!(declined.body["error"]["type"], "payment_error");
        let id = declined.body["error"]["payment_id"].as_str().expect("a declined payment has an id");
        check_fields(&client.payment(id).await, &json!({ "status": "failed", "error_code": code }));
    }
    // The document's own example of an error.
    let expired = pay("pm_test_expired").await.expect_error(422, "payment_method_invalid");
    let fields = json!({ "type": "invalid_request_error", "param": "payment_method_id" });
    check_fields(&expired.body["error"], &fields);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_list_takes_the_documented_parameters(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = database.client(&server);
    let mut ids = Vec::new();
    for amount in 1..=12 {
        ids.push(client.pay(amount).await);
    }
    ids.reverse();
    let page =
        async |query: String| client.get(&format!("/v1/payments?{query}")).await.expect_status(200).body;
    let ids_of = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().expect("a list");
        data.iter().map(|payment| payment["id"].as_str().expect("an id").to_owned()).collect()
    };

    let first = page(String::new()).await;
    assert_eq!(ids_of(&first), ids[..10]);
    check_fields(&first, &json!({ "has_more": true, "total_count": 12 }));
    let second = page("limit=5&offset=10".to_owned()).await;
    assert_eq!(ids_of(&second), ids[10..]);
    check_fields(&second, &json!({ "has_more": false, "total_count": 12 }));
    for (status, count) in [("succeeded", 12), ("pending", 0), ("failed", 0), ("canceled", 0)] {
        assert_eq!(page(format!("status={status}")).await["total_count"], count, "{status}");
    }
    let time = client.payment(&ids[4]).await["created_at"].as_str().expect("a time").to_owned();
    let (after, before) = (format!("created_after={time}"), format!("created_before={time}"));
    let times = |page: &Value| page["total_count"].as_i64().expect("a count");
    let (newer, older) = (page(after).await, page(before).await);
    assert!(times(&newer) <= 4 && times(&older) <= 7, "the instant itself is in neither: {newer} {older}");
    assert!(times(&newer) + times(&older) >= 9, "payments of other instants are missing: {newer} {older}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_with_the_documented_codes(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = database.client(&server);
    let create = async |body: Value| client.post("/v1/payments", &body).await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" });
        body[field] = value;
        body
    };
    for (field, value, status, code) in [
        ("amount", json!("1000"), 400, "parameter_invalid"),
        ("amount", json!(10.5), 400, "parameter_invalid"),
        ("amount", json!(0), 400, "parameter_invalid"),
        ("amount", json!(-5), 400, "parameter_invalid"),
        ("amount", json!(1_000_000_000_000_u64), 400, "parameter_invalid"),
        ("amount", Value::Null, 400, "parameter_missing"),
        ("currency", json!("XYZ"), 422, "currency_not_supported"),
        ("payment_method_id", json!("pm_nobody_knows"), 404, "payment_method_not_found"),
        ("payment_method_id", json!("pm_test_expired"), 422, "payment_method_invalid"),
        ("capture_metod", json!("manual"), 400, "parameter_unknown"),
    ] {
        let refused = create(with(field, value)).await.expect_error(status, code);
        assert_eq!(refused.body["error"]["param"], field, "{}", refused.text);
    }
    for query in ["limit=0", "limit=101", "offset=-1", "status=paid", "created_after=yesterday", "sort=asc"] {
        let refused = client.get(&format!("/v1/payments?{query}")).await.expect_status(400);
        assert_eq!(refused.body["error"]["param"], query.split('=').next().unwrap_or_default());
    }
    assert_eq!(client.all_payments().await, Vec::<Value>::new(), "a refused request left a payment behind");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_call_refuses_a_missing_and_a_wrong_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some((database, server)) = serve(kind) else { return };
    let curl = Curl::new(server.url());
    let id = database.client(&server).pay(1000).await;
    for Example(text) in [CREATE, RETRIEVE, LIST, REFUND, CANCEL] {
        let wrong = curl.run_with(Example(text), &id, "sk_test_0000000000000000000000000000");
        let refused = wrong.expect_error(401, "authentication_error");
        assert_eq!(refused.body["error"]["type"], "authentication_error");
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{:?}", refused.headers);
        curl.run_with(Example(text), &id, "").expect_error(401, "authentication_error");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn cancel_and_refund_refuse_what_the_state_forbids(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = database.client(&server);
    let act = async |id: &str, what: &str, body: Value| {
        client.post(&format!("/v1/payments/{id}/{what}"), &body).await
    };
    let (paid, refunded) = (client.pay(1000).await, client.pay(1000).await);
    let recorded = json!({
        "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success", "process_payment": false,
    });
    let pending = client.post("/v1/payments", &recorded).await.expect_status(201).id();

    act(&paid, "cancel", json!({})).await.expect_error(400, "payment_not_cancelable");
    act(&pending, "refund", json!({})).await.expect_error(400, "payment_not_refundable");
    act(&pending, "cancel", json!({})).await.expect_status(200);
    act(&pending, "cancel", json!({})).await.expect_error(409, "payment_already_canceled");
    act(&refunded, "refund", json!({})).await.expect_status(200);
    act(&refunded, "refund", json!({ "amount": 1 })).await.expect_error(409, "payment_already_refunded");
    let too_much = act(&paid, "refund", json!({ "amount": 1001 })).await;
    let too_much = too_much.expect_error(422, "refund_exceeds_available");
    assert!(too_much.body["error"]["message"].as_str().is_some_and(|text| text.contains("1000")));
    act(&paid, "refund", json!({ "amount": 0 })).await.expect_error(400, "parameter_invalid");
    for unknown in [NOBODY, "pay_1234567890abcdef", "nonsense"] {
        act(unknown, "cancel", json!({})).await.expect_error(404, "payment_not_found");
        act(unknown, "refund", json!({})).await.expect_error(404, "payment_not_found");
        client.get(&format!("/v1/payments/{unknown}")).await.expect_error(404, "payment_not_found");
    }
    database.check_all_rules();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_of_a_payment_under_way_is_a_conflict(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().setting("SANDBOX_LATENCY_MS", 5000).start();
    let client = database.client(&server);
    let body = json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" });
    let first = {
        let (client, body) = (client.clone(), body.clone());
        tokio::spawn(async move { client.post_once("/v1/payments", &body, "order-1").await })
    };
    eventually("the first request to be under way", 30, async || {
        let listed = client.get("/v1/payments?idempotency_key=order-1").await;
        (listed.body["total_count"] == 1).then_some(())
    })
    .await;
    let duplicate = client.post_once("/v1/payments", &body, "order-1").await.expect("the server answers");
    let duplicate = duplicate.expect_error(409, "idempotency_key_in_use");
    assert!(duplicate.header("retry-after").parse::<u32>().is_ok(), "{:?}", duplicate.headers);

    let first = first.await.expect("no panic").expect("the server answers").expect_status(201);
    let again = client.post_once("/v1/payments", &body, "order-1").await.expect("the server answers");
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
}

#[rstest]
#[case::in_a_second("RATE_LIMIT_PER_SECOND", 20, 2)]
#[case::in_a_minute("RATE_LIMIT_PER_MINUTE", 100, 61)]
#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_documented_are_too_many(
    #[case] limit: &str,
    #[case] allowed: usize,
    #[case] longest_wait: u32,
) {
    let database = Database::sqlite();
    let server = database.launch().without_setting(limit).start();
    let client: Client = database.client(&server);
    // A bucket fills up again while it is emptied, so there may be some more.
    let replies = futures_util::future::join_all((0..allowed * 3).map(|_| client.get("/v1/payments"))).await;
    let (answered, refused): (Vec<Reply>, Vec<Reply>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert!((allowed..allowed * 2).contains(&answered.len()), "{} were answered", answered.len());
    for reply in refused {
        let reply = reply.expect_error(429, "rate_limit_exceeded");
        assert_eq!(reply.body["error"]["type"], "rate_limit_error");
        // A request counts until its slot, a five-hundredth of the window, is a whole window old: 1.002 or 60.12 s at most.
        let wait: u32 = reply.header("retry-after").parse().expect("whole seconds");
        assert!((1..=longest_wait).contains(&wait), "{wait}");
    }
}
