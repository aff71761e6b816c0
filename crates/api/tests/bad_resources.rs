//! Bad input of the calls around payments, as a table: what is sent, and the status, code and parameter that come back.

mod common;

use actix_web::http::Method;
use common::{unlimited, with_api};

type Case = (&'static str, u16, &'static str, Option<&'static str>);

const CARD: &str = "4242 4242 4242 4242";

const CUSTOMERS: &[Case] = &[
    ("[]", 400, "json_invalid", None),
    (r#"{"nmae":"Ada"}"#, 400, "parameter_unknown", Some("nmae")),
    (r#"{"name":""}"#, 400, "parameter_invalid", Some("name")),
    (r#"{"name":5}"#, 400, "parameter_invalid", Some("name")),
    (r#"{"name":"a\u0000"}"#, 400, "parameter_invalid", Some("name")),
    (r#"{"email":"ada"}"#, 400, "parameter_invalid", Some("email")),
    (r#"{"email":"@example.com"}"#, 400, "parameter_invalid", Some("email")),
    (r#"{"email":"a da@example.com"}"#, 400, "parameter_invalid", Some("email")),
    (r#"{"external_id":""}"#, 400, "parameter_invalid", Some("external_id")),
    (r#"{"external_id":"a b"}"#, 400, "parameter_invalid", Some("external_id")),
    (r#"{"external_id":17}"#, 400, "parameter_invalid", Some("external_id")),
    (r#"{"metadata":{"a":1}}"#, 400, "parameter_invalid", Some("metadata")),
];

const METHODS: &[Case] = &[
    ("{}", 400, "parameter_missing", Some("token")),
    (r#"{"token":"pm_1"}"#, 400, "parameter_missing", Some("type")),
    (r#"{"token":"","type":"CARD"}"#, 400, "parameter_invalid", Some("token")),
    (r#"{"token":"a b","type":"CARD"}"#, 400, "parameter_invalid", Some("token")),
    (r#"{"token":"4242424242424242","type":"CARD"}"#, 400, "card_number_not_allowed", Some("token")),
    (r#"{"token":"pm_1","type":"OFFLINE"}"#, 400, "parameter_invalid", Some("type")),
    (r#"{"token":"pm_1","type":"card"}"#, 400, "parameter_invalid", Some("type")),
    (r#"{"token":"pm_1","type":1}"#, 400, "parameter_invalid", Some("type")),
    (r#"{"token":"pm_1","type":"CARD","customer_id":"x"}"#, 404, "customer_not_found", Some("customer_id")),
    (
        r#"{"token":"pm_1","type":"CARD","customer_id":"cus_01k9dcq4w0e7qs9x3v5m8ffh2a"}"#,
        404,
        "customer_not_found",
        Some("customer_id"),
    ),
    (r#"{"token":"pm_1","type":"CARD","brand":""}"#, 400, "parameter_invalid", Some("brand")),
    (r#"{"token":"pm_1","type":"CARD","last4":"42"}"#, 400, "parameter_invalid", Some("last4")),
    (r#"{"token":"pm_1","type":"CARD","last4":4242}"#, 400, "parameter_invalid", Some("last4")),
    (r#"{"token":"pm_1","type":"CARD","last4":"٤٢٤٢"}"#, 400, "parameter_invalid", Some("last4")),
    (r#"{"token":"pm_1","type":"CARD","exp_month":1}"#, 400, "parameter_missing", Some("exp_year")),
    (r#"{"token":"pm_1","type":"CARD","exp_year":2030}"#, 400, "parameter_missing", Some("exp_month")),
    (
        r#"{"token":"pm_1","type":"CARD","exp_month":13,"exp_year":2030}"#,
        400,
        "parameter_invalid",
        Some("exp_month"),
    ),
    (
        r#"{"token":"pm_1","type":"CARD","exp_month":12,"exp_year":30}"#,
        400,
        "parameter_invalid",
        Some("exp_year"),
    ),
    (
        r#"{"token":"pm_1","type":"CARD","exp_month":"12","exp_year":2030}"#,
        400,
        "parameter_invalid",
        Some("exp_month"),
    ),
    (r#"{"token":"pm_1","type":"CARD","bank_name":"First"}"#, 400, "parameters_conflict", Some("bank_name")),
    (r#"{"token":"pm_1","type":"ACH","brand":"visa"}"#, 400, "parameters_conflict", Some("brand")),
    (
        r#"{"token":"pm_1","type":"ACH","exp_month":1,"exp_year":2030}"#,
        400,
        "parameters_conflict",
        Some("exp_month"),
    ),
    (r#"{"token":"pm_1","type":"CARD","number":"1"}"#, 400, "parameter_unknown", Some("number")),
];

const INVOICES: &[Case] = &[
    ("{}", 400, "parameter_missing", Some("currency")),
    (r#"{"currency":"USD"}"#, 400, "parameter_missing", Some("amount_due")),
    (r#"{"currency":"USD","lines":[]}"#, 400, "parameter_missing", Some("amount_due")),
    (r#"{"currency":"USD","amount_due":0}"#, 400, "parameter_invalid", Some("amount_due")),
    (r#"{"currency":"USD","amount_due":1.5}"#, 400, "parameter_invalid", Some("amount_due")),
    (r#"{"currency":"XXQ","amount_due":1}"#, 422, "currency_not_supported", Some("currency")),
    (r#"{"currency":"USD","amount_due":1,"number":""}"#, 400, "parameter_invalid", Some("number")),
    (r#"{"currency":"USD","amount_due":1,"number":"a b"}"#, 400, "parameter_invalid", Some("number")),
    (r#"{"currency":"USD","amount_due":1,"number":"INV-1"}"#, 400, "parameter_invalid", Some("number")),
    (r#"{"currency":"USD","amount_due":1,"number":"inv-000001"}"#, 400, "parameter_invalid", Some("number")),
    (
        r#"{"currency":"USD","amount_due":1,"customer_id":"cus_01k9dcq4w0e7qs9x3v5m8ffh2a"}"#,
        404,
        "customer_not_found",
        Some("customer_id"),
    ),
    (r#"{"currency":"USD","amount_due":1,"due_at":"tomorrow"}"#, 400, "parameter_invalid", Some("due_at")),
    (r#"{"currency":"USD","amount_due":1,"due_at":"2026-12-24"}"#, 400, "parameter_invalid", Some("due_at")),
    (
        r#"{"currency":"USD","amount_due":1,"due_at":"9999-12-31T23:59:59-01:00"}"#,
        400,
        "parameter_invalid",
        Some("due_at"),
    ),
    (r#"{"currency":"USD","amount_due":1,"due_at":17}"#, 400, "parameter_invalid", Some("due_at")),
    (r#"{"currency":"USD","amount_due":1,"status":"paid"}"#, 400, "parameter_unknown", Some("status")),
];

/// Lines of an invoice of 10.00 USD.
const LINES: &[Case] = &[
    ("{}", 400, "parameter_invalid", Some("lines")),
    ("[5]", 400, "parameter_invalid", Some("lines")),
    (r#"[{"unit_amount":1000}]"#, 400, "parameter_missing", Some("lines[0].description")),
    (r#"[{"description":"a"}]"#, 400, "parameter_missing", Some("lines[0].unit_amount")),
    (
        r#"[{"description":"a","unit_amount":1000},{"description":"b","unit_amount":0}]"#,
        400,
        "parameter_invalid",
        Some("lines[1].unit_amount"),
    ),
    (
        r#"[{"description":"a","unit_amount":1000,"quantity":0}]"#,
        400,
        "parameter_invalid",
        Some("lines[0].quantity"),
    ),
    (
        r#"[{"description":"a","unit_amount":1000,"quantity":4294967296}]"#,
        400,
        "parameter_invalid",
        Some("lines[0].quantity"),
    ),
    (
        r#"[{"description":"a","unit_amount":1000,"quantity":1.5}]"#,
        400,
        "parameter_invalid",
        Some("lines[0].quantity"),
    ),
    (
        r#"[{"description":"a","unit_amount":1000,"quantitiy":1}]"#,
        400,
        "parameter_unknown",
        Some("lines[0].quantitiy"),
    ),
    (r#"[{"description":"a","unit_amount":999}]"#, 400, "parameters_conflict", Some("amount_due")),
    (
        r#"[{"description":"a","unit_amount":1000,"quantity":4294967295},{"description":"a","unit_amount":999999999999}]"#,
        400,
        "parameter_invalid",
        Some("lines"),
    ),
];

const GRANTS: &[Case] = &[
    ("{}", 400, "parameter_missing", Some("amount")),
    (r#"{"amount":0,"currency":"USD"}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":-5,"currency":"USD"}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":5}"#, 400, "parameter_missing", Some("currency")),
    (r#"{"amount":5,"currency":"XXQ"}"#, 422, "currency_not_supported", Some("currency")),
    (r#"{"amount":5,"currency":"USD","reason":5}"#, 400, "parameter_invalid", Some("reason")),
    (r#"{"amount":5,"currency":"USD","notes":"a"}"#, 400, "parameter_unknown", Some("notes")),
];

const AMENDMENTS: &[Case] = &[
    (r#"{"note":"x"}"#, 400, "parameter_unknown", Some("note")),
    (r#"{"notes":5}"#, 400, "parameter_invalid", Some("notes")),
    (r#"{"reference_id":""}"#, 400, "parameter_invalid", Some("reference_id")),
    (r#"{"reference_id":"a b"}"#, 400, "parameter_invalid", Some("reference_id")),
    (r#"{"metadata":{"a":1}}"#, 400, "parameter_invalid", Some("metadata")),
    (r#"{"metadata":[]}"#, 400, "parameter_invalid", Some("metadata")),
];

#[test]
fn a_body_that_is_wrong_is_refused_and_says_where() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await.json();
        let customer = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
        let credits = format!("{customer}/credits");
        let granted = api.post(&credits, r#"{"amount":5,"currency":"USD"}"#).await.json();
        let transaction = format!("/v1/transactions/{}", granted["id"].as_str().unwrap());
        let tables = [
            (Method::POST, "/v1/customers", CUSTOMERS),
            (Method::PATCH, customer.as_str(), CUSTOMERS),
            (Method::POST, "/v1/payment_methods", METHODS),
            (Method::POST, "/v1/invoices", INVOICES),
            (Method::POST, credits.as_str(), GRANTS),
            (Method::PATCH, transaction.as_str(), AMENDMENTS),
        ];
        for (method, path, table) in tables {
            for (body, status, code, param) in table {
                let reply = api.call(method.clone(), path, body).await;
                let expected = (*status, ((*code).to_owned(), param.map(str::to_owned)));
                assert_eq!((reply.status, reply.error()), expected, "{path} {body}: {reply:?}");
            }
        }
        for (lines, status, code, param) in LINES {
            let body = format!(r#"{{"currency":"USD","amount_due":1000,"lines":{lines}}}"#);
            let reply = api.post("/v1/invoices", &body).await;
            let expected = (*status, ((*code).to_owned(), param.map(str::to_owned)));
            assert_eq!((reply.status, reply.error()), expected, "{lines}: {reply:?}");
        }
        for (path, count) in
            [("/v1/customers", 1), ("/v1/payment_methods", 0), ("/v1/invoices", 0), ("/v1/transactions", 1)]
        {
            assert_eq!(api.get(path).await.json()["total_count"], count, "{path}: nothing was made");
        }
        assert_eq!(api.get(&transaction).await.json(), granted);
    });
}

#[test]
fn a_query_that_is_wrong_is_refused_and_says_where() {
    let cases: [Case; 21] = [
        ("/v1/customers?name=Ada", 400, "parameter_unknown", Some("name")),
        ("/v1/customers?email=ada", 400, "parameter_invalid", Some("email")),
        ("/v1/customers?external_id=", 400, "parameter_invalid", Some("external_id")),
        ("/v1/customers?external_id=4242424242424242", 400, "card_number_not_allowed", Some("external_id")),
        ("/v1/customers?starting_after=pay_1", 400, "parameter_invalid", Some("starting_after")),
        ("/v1/payment_methods?customer_id=x", 400, "parameter_invalid", Some("customer_id")),
        ("/v1/payment_methods?type=CARD", 400, "parameter_unknown", Some("type")),
        ("/v1/invoices?status=PAID", 400, "parameter_invalid", Some("status")),
        ("/v1/invoices?customer_id=inv_1", 400, "parameter_invalid", Some("customer_id")),
        ("/v1/invoices?number=", 400, "parameter_invalid", Some("number")),
        ("/v1/invoices?number=%00", 400, "parameter_invalid", Some("number")),
        ("/v1/transactions?type=payout", 400, "parameter_invalid", Some("type")),
        ("/v1/transactions?account=mine", 400, "parameter_invalid", Some("account")),
        ("/v1/transactions?account=processor_clearing:", 400, "parameter_invalid", Some("account")),
        ("/v1/transactions?account=processor_clearing:%00", 400, "parameter_invalid", Some("account")),
        ("/v1/transactions?payment_id=txn_1", 400, "parameter_invalid", Some("payment_id")),
        ("/v1/transactions?created_after=now", 400, "parameter_invalid", Some("created_after")),
        ("/v1/transactions/txn_1/amendments?starting_after=x", 404, "transaction_not_found", None),
        ("/v1/balances?currency=USD", 400, "parameter_unknown", Some("currency")),
        ("/v1/balances?limit=5", 400, "parameter_unknown", Some("limit")),
        ("/v1/invoices?limit=0", 400, "parameter_invalid", Some("limit")),
    ];
    with_api(unlimited(), |api| async move {
        for (path, status, code, param) in cases {
            let reply = api.get(path).await;
            let expected = (status, (code.to_owned(), param.map(str::to_owned)));
            assert_eq!((reply.status, reply.error()), expected, "{path}: {reply:?}");
        }
        let nobody = "txn_01k9dcq4w0e7qs9x3v5m8ffh2a";
        let reply = api.get(&format!("/v1/transactions/{nobody}/amendments?starting_after={nobody}")).await;
        assert_eq!(reply.error(), ("parameter_unknown".to_owned(), Some("starting_after".to_owned())));
    });
}

#[test]
fn card_numbers_are_refused_wherever_they_stand_and_never_repeated() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await.json();
        let customer = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
        let credits = format!("{customer}/credits");
        let granted = api.post(&credits, r#"{"amount":5,"currency":"USD"}"#).await.json();
        let transaction = format!("/v1/transactions/{}", granted["id"].as_str().unwrap());
        let due = r#""currency":"USD","amount_due":5"#;
        let cases = [
            (Method::POST, "/v1/customers", format!(r#"{{"name":"{CARD}"}}"#)),
            (Method::POST, "/v1/customers", r#"{"external_id":"4242424242424242"}"#.to_owned()),
            (Method::PATCH, &customer, format!(r#"{{"metadata":{{"a":"{CARD}"}}}}"#)),
            (Method::POST, &credits, format!(r#"{{"amount":5,"currency":"USD","reason":"{CARD}"}}"#)),
            (
                Method::POST,
                "/v1/payment_methods",
                r#"{"token":"4242-4242-4242-4242","type":"CARD"}"#.to_owned(),
            ),
            (
                Method::POST,
                "/v1/payment_methods",
                format!(r#"{{"token":"t","type":"CARD","brand":"{CARD}"}}"#),
            ),
            (Method::POST, "/v1/invoices", format!(r#"{{{due},"number":"4242424242424242"}}"#)),
            (
                Method::POST,
                "/v1/invoices",
                format!(r#"{{{due},"lines":[{{"description":"{CARD}","unit_amount":5}}]}}"#),
            ),
            (Method::PATCH, &transaction, format!(r#"{{"notes":"{CARD}"}}"#)),
            (Method::PATCH, &transaction, r#"{"reference_id":"4242424242424242"}"#.to_owned()),
        ];
        for (method, path, body) in cases {
            let reply = api.call(method, path, &body).await;
            assert_eq!((reply.status, reply.error().0.as_str()), (400, "card_number_not_allowed"), "{body}");
            assert!(!reply.body.contains("4242"), "{reply:?}");
        }
    });
}
