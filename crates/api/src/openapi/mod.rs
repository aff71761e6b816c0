//! The API as an OpenAPI 3.1 document, put together from the wire types and from the table of errors.
//!
//! `docs/openapi.json` is this document, and a test compares them.

mod access;
mod bodies;
mod call;
mod customers;
mod exports;
mod invoices;
mod journal;
mod open_items;
mod operations;
mod parameters;
mod payment_methods;
mod payment_requests;
mod processors;
mod responses;
mod sessions;
mod webhooks;

use florin_engine::views::schema::named;
use florin_engine::views::{
    AmendmentResponse, Annotations, ApiKeyResponse, ApiKeyStatus, AttemptResponse, AuditEntryResponse,
    BalanceResponse, BalancesResponse, CreditBalanceResponse, CreditsResponse, CustomerResponse, ErrorBody,
    ErrorCode, ErrorKind, ErrorResponse, InvoiceLineResponse, InvoiceResponse, NextAction, NextActionKind,
    OpenItemResponse, PaymentMethodResponse, PaymentResponse, PostingResponse, ProcessorAccountResponse,
    ProcessorRoutesResponse, RefundResponse, RouteRuleResponse, SumResponse, TenantResponse,
    TransactionResponse,
};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ArrayBuilder, Components, ComponentsBuilder, Info, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, Ref, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::processor_webhooks::WebhookReceived;
use crate::system::{Health, HealthStatus, Readiness, ReadinessStatus};

/// The OpenAPI document of the API.
pub fn openapi() -> OpenApi {
    let tag =
        |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(info())
        .paths(operations::paths())
        .components(Some(components()))
        .tags(Some([
            tag("Payments", "Create, read, charge, capture, cancel and refund payments."),
            tag("Refunds", "Read refunds."),
            tag("Customers", "Customers, and the credits that they pay with."),
            tag("Payment methods", "Processors' tokens for ways to pay."),
            tag("Invoices", "What is due, and what was paid of it."),
            tag("Payment requests", "What somebody is asked to pay on a page."),
            tag("Journal", "Every movement of money, and what each account has."),
            tag("Open items", "What no program may decide: findings for a person, and what was decided."),
            tag("Exports", "Payments, refunds and transactions as files."),
            tag(
                "Processor accounts",
                "Accounts with payment processors, and which of them take which charges.",
            ),
            tag("Events", "What happened to payments and to what surrounds them."),
            tag("Webhook endpoints", "Where events are sent to, and what came of that."),
            tag("API keys", "What opens this API, and to whom."),
            tag("Sessions", "Tokens that last for minutes, for an API key or a password. Errors have `error_code` and `error_description` beside `error`."),
            tag("Users", "People who sign in."),
            tag("Audit log", "Who did what."),
            tag("Tenant", "What the tenant takes."),
            tag("System", "The server itself."),
        ]))
        .build()
}

fn info() -> Info {
    let description = "A payments server. Amounts are integers in the currency's minor unit; times are RFC 3339 in \
                       UTC; every key of an object is always present. Unknown fields and query parameters are refused.";
    InfoBuilder::new()
        .title("Florin")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build(),
        ))
        .build()
}

/// What there are lists of.
const LISTED: [&str; 18] = [
    "Payment",
    "Refund",
    "Attempt",
    "Customer",
    "PaymentMethod",
    "Invoice",
    "PaymentRequest",
    "Transaction",
    "Amendment",
    "ProcessorAccount",
    "ApiKey",
    "AuditEntry",
    "OpenItem",
    "Session",
    "User",
    "Event",
    "WebhookEndpoint",
    "Delivery",
];

fn components() -> Components {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key or an access token: `Authorization: Bearer sk_…` or `Bearer at_…`."))
        .build();
    let api_key = ApiKeyValue::with_description("x-api-key", "The same API key in a header of its own.");
    let builder = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(api_key)));
    let builder = bodies::add(builder);
    let builder = [
        schema::<PaymentResponse<'_>>(),
        schema::<AttemptResponse<'_>>(),
        schema::<NextAction<'_>>(),
        schema::<NextActionKind>(),
        schema::<RefundResponse<'_>>(),
        schema::<CustomerResponse<'_>>(),
        schema::<CreditsResponse<'_>>(),
        schema::<CreditBalanceResponse>(),
        schema::<PaymentMethodResponse<'_>>(),
        schema::<InvoiceResponse<'_>>(),
        schema::<InvoiceLineResponse<'_>>(),
        schema::<TransactionResponse<'_>>(),
        schema::<PostingResponse<'_>>(),
        schema::<AmendmentResponse>(),
        schema::<Annotations>(),
        schema::<ApiKeyResponse<'_>>(),
        schema::<ApiKeyStatus>(),
        schema::<AuditEntryResponse<'_>>(),
        schema::<TenantResponse<'_>>(),
        schema::<OpenItemResponse<'_>>(),
        schema::<SumResponse>(),
        schema::<WebhookReceived>(),
        schema::<BalancesResponse>(),
        schema::<BalanceResponse>(),
        schema::<ProcessorAccountResponse<'_>>(),
        schema::<ProcessorRoutesResponse<'_>>(),
        schema::<RouteRuleResponse<'_>>(),
        schema::<ErrorResponse<'_>>(),
        schema::<ErrorBody<'_>>(),
        schema::<ErrorCode>(),
        schema::<ErrorKind>(),
        schema::<Health>(),
        schema::<HealthStatus>(),
        schema::<Readiness>(),
        schema::<ReadinessStatus>(),
    ]
    .into_iter()
    .chain(payment_requests::schemas())
    .chain(sessions::schemas())
    .chain(webhooks::schemas())
    .fold(builder, |builder, (name, schema)| builder.schema(name, schema));
    let builder = named().into_iter().fold(builder, |builder, (name, schema)| builder.schema(name, schema));
    let builder =
        LISTED.into_iter().fold(builder, |builder, item| builder.schema(format!("{item}List"), list(item)));
    builder.build()
}

/// A schema and its name.
type Named = (String, utoipa::openapi::RefOr<utoipa::openapi::Schema>);

fn schema<T: ToSchema + PartialSchema>() -> Named {
    (T::name().into_owned(), T::schema())
}

/// A page of objects of that name.
fn list(item: &str) -> ObjectBuilder {
    let count = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let data = ArrayBuilder::new()
        .items(Ref::from_schema_name(item))
        .description(Some("The objects, newest first."));
    let cursor = ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::Array(vec![Type::String, Type::Null]))
        .description(Some("The last id of the page, to go on after; null at the end."));
    let more = ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Whether there are more."));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("data", data)
        .property("has_more", more)
        .property(
            "total_count",
            count.description(Some("How many there are for the filter, whatever the page.")),
        )
        .property("next_cursor", cursor)
        .required("data")
        .required("has_more")
        .required("total_count")
        .required("next_cursor")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::access::{AUDIT_FILTERS, KEY_FIELDS, ROTATE_KEY_FIELDS, TENANT_FIELDS};
    use crate::auth::{REFRESH_FIELDS, REVOKE_FIELDS, TOKEN_FIELDS};
    use crate::customers::{CUSTOMER_FIELDS, CUSTOMER_FILTERS, GRANT_FIELDS};
    use crate::events::{EVENT_FILTERS, REDELIVER_FIELDS, STREAM_PARAMETERS};
    use crate::exports::EXPORT_PARAMETERS;
    use crate::invoices::{INVOICE_FIELDS, INVOICE_FILTERS, LINE_FIELDS};
    use crate::open_items::{CLOSE_FIELDS, OPEN_ITEM_FILTERS, RESOLVE_FIELDS};
    use crate::payment_methods::{METHOD_FIELDS, METHOD_FILTERS};
    use crate::payment_requests::{CANCEL_REQUEST_FIELDS, REQUEST_FIELDS, REQUEST_FILTERS, SEND_FIELDS};
    use crate::payments::{
        CANCEL_FIELDS, CAPTURE_FIELDS, CREATE_FIELDS, LIST_FILTERS, PROCESS_FIELDS, REFUND_FIELDS,
        UPDATE_FIELDS,
    };
    use crate::processors::{
        ACCOUNT_FIELDS, ROTATE_FIELDS, ROUTES_FIELDS, RULE_FIELDS, UPDATE_FIELDS as ACCOUNT_UPDATE_FIELDS,
    };
    use crate::query::PAGE_PARAMETERS;
    use crate::transactions::{AMEND_FIELDS, AMENDMENT_PARAMETERS, TRANSACTION_FILTERS};
    use crate::users::{CONFIRM_FIELDS, PASSWORD_FIELDS, UPDATE_FIELDS as USER_UPDATE_FIELDS, USER_FIELDS};
    use crate::webhook_endpoints::{
        DELIVERY_FILTERS, ENDPOINT_FIELDS, REDELIVER_SINCE_FIELDS, ROTATE_SECRET_FIELDS,
    };

    #[test]
    fn the_document_names_the_fields_that_the_handlers_take() {
        let document = serde_json::to_value(openapi()).unwrap();
        for (name, fields) in [
            ("CreatePayment", CREATE_FIELDS),
            ("UpdatePayment", UPDATE_FIELDS),
            ("ProcessPayment", PROCESS_FIELDS),
            ("CapturePayment", CAPTURE_FIELDS),
            ("CancelPayment", CANCEL_FIELDS),
            ("CreateRefund", REFUND_FIELDS),
            ("CreateCustomer", CUSTOMER_FIELDS),
            ("UpdateCustomer", CUSTOMER_FIELDS),
            ("GrantCredits", GRANT_FIELDS),
            ("CreatePaymentMethod", METHOD_FIELDS),
            ("CreateInvoice", INVOICE_FIELDS),
            ("CreateInvoiceLine", LINE_FIELDS),
            ("VoidInvoice", &[]),
            ("CreatePaymentRequest", REQUEST_FIELDS),
            ("CancelPaymentRequest", CANCEL_REQUEST_FIELDS),
            ("SendPaymentRequest", SEND_FIELDS),
            ("AmendTransaction", AMEND_FIELDS),
            ("CreateProcessorAccount", ACCOUNT_FIELDS),
            ("UpdateProcessorAccount", ACCOUNT_UPDATE_FIELDS),
            ("RotateProcessorCredentials", ROTATE_FIELDS),
            ("SetProcessorRoutes", ROUTES_FIELDS),
            ("SetRouteRule", RULE_FIELDS),
            ("CreateApiKey", KEY_FIELDS),
            ("RotateApiKey", ROTATE_KEY_FIELDS),
            ("UpdateTenant", TENANT_FIELDS),
            ("CreateSession", TOKEN_FIELDS),
            ("RefreshSession", REFRESH_FIELDS),
            ("RevokeSession", REVOKE_FIELDS),
            ("CreateUser", USER_FIELDS),
            ("UpdateUser", USER_UPDATE_FIELDS),
            ("SetUserPassword", PASSWORD_FIELDS),
            ("OfferUserTotp", &[]),
            ("ConfirmUserTotp", CONFIRM_FIELDS),
            ("CloseOpenItem", CLOSE_FIELDS),
            ("ResolveAttempt", RESOLVE_FIELDS),
            ("CreateWebhookEndpoint", ENDPOINT_FIELDS),
            ("UpdateWebhookEndpoint", ENDPOINT_FIELDS),
            ("RotateWebhookSecret", ROTATE_SECRET_FIELDS),
            ("TestWebhookEndpoint", &[]),
            ("RedeliverToWebhookEndpoint", REDELIVER_SINCE_FIELDS),
            ("RedeliverEvent", REDELIVER_FIELDS),
        ] {
            let schema = &document["components"]["schemas"][name];
            let object = if schema["allOf"].is_array() { &schema["allOf"][0] } else { schema };
            let properties = object["properties"].as_object().into_iter().flatten();
            let documented: BTreeSet<&str> = properties.map(|(name, _)| name.as_str()).collect();
            assert_eq!(documented, fields.iter().copied().collect(), "{name}");
            assert_eq!(object["additionalProperties"], false, "{name}");
        }
    }

    #[test]
    fn the_document_names_the_query_parameters_that_the_handlers_take() {
        let document = serde_json::to_value(openapi()).unwrap();
        let parameters = |path: &str| -> BTreeSet<String> {
            let all = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            let of_query = all.iter().filter(|parameter| parameter["in"] == "query");
            of_query.filter_map(|parameter| parameter["name"].as_str()).map(str::to_owned).collect()
        };
        let with_page = |filters: &[&str]| {
            filters.iter().chain(&PAGE_PARAMETERS).map(|name| (*name).to_owned()).collect()
        };
        assert_eq!(parameters("/v1/payments"), with_page(&LIST_FILTERS));
        assert_eq!(parameters("/v1/refunds"), with_page(&["payment_id"]));
        assert_eq!(parameters("/v1/payments/{id}/refunds"), with_page(&[]));
        assert_eq!(parameters("/v1/payments/{id}/attempts"), with_page(&[]));
        assert_eq!(parameters("/v1/customers"), with_page(&CUSTOMER_FILTERS));
        assert_eq!(parameters("/v1/customers/{id}/credits"), with_page(&[]));
        assert_eq!(parameters("/v1/payment_methods"), with_page(&METHOD_FILTERS));
        assert_eq!(parameters("/v1/invoices"), with_page(&INVOICE_FILTERS));
        assert_eq!(parameters("/v1/payment_requests"), with_page(&REQUEST_FILTERS));
        assert_eq!(parameters("/v1/processor_accounts"), with_page(&[]));
        assert_eq!(parameters("/v1/api_keys"), with_page(&[]));
        assert_eq!(parameters("/v1/auth/sessions"), with_page(&[]));
        assert_eq!(parameters("/v1/users"), with_page(&[]));
        assert_eq!(parameters("/v1/audit_log"), with_page(&AUDIT_FILTERS));
        assert_eq!(parameters("/v1/transactions"), with_page(&TRANSACTION_FILTERS));
        assert_eq!(parameters("/v1/open_items"), with_page(&OPEN_ITEM_FILTERS));
        assert_eq!(parameters("/v1/events"), with_page(&EVENT_FILTERS));
        assert_eq!(parameters("/v1/webhook_endpoints"), with_page(&[]));
        assert_eq!(parameters("/v1/webhook_endpoints/{id}/deliveries"), with_page(&DELIVERY_FILTERS));
        let of_stream = STREAM_PARAMETERS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(parameters("/v1/events/stream"), of_stream);
        for kind in ["payments", "refunds", "transactions"] {
            let all = EXPORT_PARAMETERS.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(parameters(&format!("/v1/exports/{kind}")), all);
        }
        let offsets = AMENDMENT_PARAMETERS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(parameters("/v1/transactions/{id}/amendments"), offsets);
    }

    #[test]
    fn every_link_leads_to_a_call_that_takes_the_id() {
        let document = serde_json::to_value(openapi()).unwrap();
        let calls = |item: &Value| item.as_object().unwrap().values().cloned().collect::<Vec<_>>();
        let paths = document["paths"].as_object().unwrap();
        for path in [
            "/v1/payments",
            "/v1/customers",
            "/v1/payment_methods",
            "/v1/invoices",
            "/v1/payment_requests",
            "/v1/processor_accounts",
            "/v1/api_keys",
            "/v1/users",
            "/v1/webhook_endpoints",
        ] {
            let one = format!("{path}/{{id}}");
            let of_one = paths.iter().filter(|(path, _)| path.starts_with(&one));
            let takers: BTreeSet<String> = of_one
                .flat_map(|(_, item)| calls(item))
                .filter_map(|call| call["operationId"].as_str().map(str::to_owned))
                .collect();
            let links = &document["paths"][path]["post"]["responses"]["201"]["links"];
            let linked = links.as_object().unwrap().values().map(|link| {
                assert_eq!(link["parameters"]["id"], "$response.body#/id");
                link["operationId"].as_str().unwrap().to_owned()
            });
            assert_eq!(linked.collect::<BTreeSet<_>>(), takers, "{path}");
        }
    }

    #[test]
    fn every_call_documents_the_errors_that_any_call_can_answer() {
        let document = serde_json::to_value(openapi()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| {
            // A processor's webhook has no key.
            path.starts_with("/v1") && !path.starts_with("/v1/processor_webhooks")
        }) {
            for (method, operation) in item.as_object().unwrap() {
                for status in ["400", "401", "403", "429", "500", "503"] {
                    let content = &operation["responses"][status]["content"]["application/json"];
                    let schema = content["schema"]["$ref"].as_str();
                    assert_eq!(schema, Some("#/components/schemas/Error"), "{method} {path} {status}");
                }
                assert_ne!(operation["security"], Value::Null, "{method} {path}");
            }
        }
    }
}
