//! All routes on one screen: path, method, scope, handler.

use actix_web::web::{self, ServiceConfig};
use florin_engine::access::Scope::{
    Admin, CustomersRead, CustomersWrite, InvoicesRead, InvoicesWrite, PaymentsRead, PaymentsWrite,
    RefundsWrite, TransactionsRead, TransactionsWrite, WebhooksRead, WebhooksWrite,
};

use crate::endpoint::{COMMON_FORM, Resource};
use crate::state::State;
use crate::{
    ApiState, access, auth, customers, events, exports, flexprice, invoices, open_items, payment_methods,
    payment_requests, payments, processor_webhooks, processors, refunds, reply, system, transactions, users,
    webhook_endpoints,
};

/// Adds every route of the API to an actix application; whatever else is asked for is answered 404.
pub fn configure(config: &mut ServiceConfig, state: ApiState) {
    let state = state.0;
    let at = |path| Resource::at(path, &state);

    at("/v1/payments")
        .get(PaymentsRead, payments::list)
        .post(PaymentsWrite, payments::create)
        .register(config);
    at("/v1/payments/{id}")
        .get(PaymentsRead, payments::find)
        .patch(PaymentsWrite, payments::update)
        .register(config);
    at("/v1/payments/{id}/process").post(PaymentsWrite, payments::process).register(config);
    at("/v1/payments/{id}/capture").post(PaymentsWrite, payments::capture).register(config);
    at("/v1/payments/{id}/cancel").post(PaymentsWrite, payments::cancel).register(config);
    at("/v1/payments/{id}/refund").post(RefundsWrite, payments::refund).register(config);
    at("/v1/payments/{id}/refunds").get(PaymentsRead, refunds::list_of_payment).register(config);
    at("/v1/payments/{id}/attempts").get(PaymentsRead, payments::attempts).register(config);

    at("/v1/refunds").get(PaymentsRead, refunds::list).register(config);
    at("/v1/refunds/{id}").get(PaymentsRead, refunds::find).register(config);

    at("/v1/customers")
        .get(CustomersRead, customers::list)
        .post(CustomersWrite, customers::create)
        .register(config);
    at("/v1/customers/{id}")
        .get(CustomersRead, customers::find)
        .patch(CustomersWrite, customers::update)
        .register(config);
    at("/v1/customers/{id}/credits")
        .get(CustomersRead, customers::credits)
        .post(CustomersWrite, customers::grant)
        .register(config);

    at("/v1/payment_methods")
        .get(CustomersRead, payment_methods::list)
        .post(CustomersWrite, payment_methods::create)
        .register(config);
    at("/v1/payment_methods/{id}")
        .get(CustomersRead, payment_methods::find)
        .delete(CustomersWrite, payment_methods::detach)
        .register(config);

    at("/v1/invoices")
        .get(InvoicesRead, invoices::list)
        .post(InvoicesWrite, invoices::create)
        .register(config);
    at("/v1/invoices/{id}").get(InvoicesRead, invoices::find).register(config);
    at("/v1/invoices/{id}/void").post(InvoicesWrite, invoices::void).register(config);

    at("/v1/transactions").get(TransactionsRead, transactions::list).register(config);
    at("/v1/transactions/{id}")
        .get(TransactionsRead, transactions::find)
        .patch(TransactionsWrite, transactions::amend)
        .register(config);
    at("/v1/transactions/{id}/amendments").get(TransactionsRead, transactions::amendments).register(config);
    at("/v1/balances").get(TransactionsRead, transactions::balances).register(config);

    at("/v1/exports/payments").get(PaymentsRead, exports::payments).register(config);
    at("/v1/exports/refunds").get(PaymentsRead, exports::refunds).register(config);
    at("/v1/exports/transactions").get(TransactionsRead, exports::transactions).register(config);

    configure_requests(config, &state);
    configure_open_items(config, &state);
    processor_webhooks::register(config, &state);
    configure_processors(config, &state);
    configure_access(config, &state);
    configure_sessions(config, &state);
    configure_webhooks(config, &state);
    configure_flexprice(config, &state);

    system::page("/healthz", &state, system::healthz).register(config);
    system::page("/readyz", &state, system::readyz).register(config);
    system::page("/metrics", &state, system::metrics).register(config);
    system::page("/openapi.json", &state, system::openapi).register(config);
    system::page("/docs", &state, system::docs).register(config);
    system::page("/docs/style.css", &state, system::docs_style).register(config);

    config.default_service(web::to(reply::path_not_found(&state, COMMON_FORM)));
}

/// What somebody is asked to pay on a page.
fn configure_requests(config: &mut ServiceConfig, state: &State) {
    let at = |path| Resource::at(path, state);
    at("/v1/payment_requests")
        .get(PaymentsRead, payment_requests::list)
        .post(PaymentsWrite, payment_requests::create)
        .register(config);
    at("/v1/payment_requests/{id}").get(PaymentsRead, payment_requests::find).register(config);
    at("/v1/payment_requests/{id}/cancel").post(PaymentsWrite, payment_requests::cancel).register(config);
    at("/v1/payment_requests/{id}/send").post(PaymentsWrite, payment_requests::send).register(config);
}

/// What a person has to decide about.
fn configure_open_items(config: &mut ServiceConfig, state: &State) {
    let at = |path| Resource::at(path, state);
    at("/v1/open_items").get(Admin, open_items::list).register(config);
    at("/v1/open_items/{id}").get(Admin, open_items::find).register(config);
    at("/v1/open_items/{id}/close").post(Admin, open_items::close).register(config);
    at("/v1/attempts/{id}/resolve").post(Admin, open_items::resolve).register(config);
}

/// Processor accounts, which only administrators see.
fn configure_processors(config: &mut ServiceConfig, state: &State) {
    let at = |path| Resource::at(path, state);
    at("/v1/processor_accounts")
        .get(Admin, processors::list)
        .post(Admin, processors::create)
        .register(config);
    at("/v1/processor_accounts/{id}")
        .get(Admin, processors::find)
        .patch(Admin, processors::update)
        .delete(Admin, processors::disable)
        .register(config);
    at("/v1/processor_accounts/{id}/rotate_credentials").post(Admin, processors::rotate).register(config);
    at("/v1/processor_routes")
        .get(Admin, processors::routes)
        .put(Admin, processors::set_routes)
        .register(config);
}

/// What opens the API, to whom, and who did what.
fn configure_access(config: &mut ServiceConfig, state: &State) {
    let at = |path| Resource::at(path, state);
    at("/v1/api_keys").get(Admin, access::list_keys).post(Admin, access::create_key).register(config);
    at("/v1/api_keys/{id}").get(Admin, access::find_key).delete(Admin, access::revoke_key).register(config);
    at("/v1/api_keys/{id}/rotate").post(Admin, access::rotate_key).register(config);
    at("/v1/audit_log").get(Admin, access::list_audit_log).register(config);
    at("/v1/audit_log/{id}").get(Admin, access::find_audit_entry).register(config);
    at("/v1/tenant").get(Admin, access::find_tenant).patch(Admin, access::change_tenant).register(config);
}

/// Sessions, which tell their errors in two forms at once, and the users who begin them.
fn configure_sessions(config: &mut ServiceConfig, state: &State) {
    let auth_at = |path| Resource::at(path, state).with_errors(auth::in_session_form);
    auth_at("/v1/auth/token").open_post(auth::token).register(config);
    auth_at("/v1/auth/refresh").open_post(auth::refresh).register(config);
    auth_at("/v1/auth/session").delete_by_anyone(auth::revoke).register(config);
    auth_at("/v1/auth/sessions").get_by_anyone(auth::list).register(config);
    let at = |path| Resource::at(path, state);
    at("/v1/users").get(Admin, users::list).post(Admin, users::create).register(config);
    at("/v1/users/{id}").get_by_anyone(users::find).patch(Admin, users::update).register(config);
    at("/v1/users/{id}/password").post_by_anyone(users::set_password).register(config);
    at("/v1/users/{id}/totp")
        .post_by_anyone(users::offer_totp)
        .delete_by_anyone(users::drop_totp)
        .register(config);
    at("/v1/users/{id}/totp/confirm").post_by_anyone(users::confirm_totp).register(config);
}

/// Events, and who hears of them.
fn configure_webhooks(config: &mut ServiceConfig, state: &State) {
    let at = |path| Resource::at(path, state);
    at("/v1/events").get(WebhooksRead, events::list).register(config);
    // Before the events themselves, whose ids look otherwise.
    at("/v1/events/stream").get(WebhooksRead, events::stream).register(config);
    at("/v1/events/{id}").get(WebhooksRead, events::find).register(config);
    at("/v1/events/{id}/redeliver").post(WebhooksWrite, events::redeliver).register(config);

    at("/v1/webhook_endpoints")
        .get(WebhooksRead, webhook_endpoints::list)
        .post(WebhooksWrite, webhook_endpoints::create)
        .register(config);
    at("/v1/webhook_endpoints/{id}")
        .get(WebhooksRead, webhook_endpoints::find)
        .patch(WebhooksWrite, webhook_endpoints::update)
        .delete(WebhooksWrite, webhook_endpoints::delete)
        .register(config);
    at("/v1/webhook_endpoints/{id}/rotate_secret")
        .post(WebhooksWrite, webhook_endpoints::rotate_secret)
        .register(config);
    at("/v1/webhook_endpoints/{id}/test").post(WebhooksWrite, webhook_endpoints::test).register(config);
    at("/v1/webhook_endpoints/{id}/redeliver")
        .post(WebhooksWrite, webhook_endpoints::redeliver)
        .register(config);
    at("/v1/webhook_endpoints/{id}/deliveries")
        .get(WebhooksRead, webhook_endpoints::deliveries)
        .register(config);
}

/// The facade, which tells its errors in Flexprice's form.
fn configure_flexprice(config: &mut ServiceConfig, state: &State) {
    let flexprice_at = |path| Resource::at(path, state).with_errors(flexprice::in_flexprice_form);
    flexprice_at("/flexprice/v1/payments")
        .get(PaymentsRead, flexprice::list)
        .post(PaymentsWrite, flexprice::create)
        .register(config);
    flexprice_at("/flexprice/v1/payments/{id}")
        .get(PaymentsRead, flexprice::find)
        .put(PaymentsWrite, flexprice::update)
        .delete(PaymentsWrite, flexprice::cancel)
        .register(config);
    flexprice_at("/flexprice/v1/payments/{id}/process")
        .post(PaymentsWrite, flexprice::process)
        .register(config);
    config.route("/flexprice/{rest:.*}", web::to(reply::path_not_found(state, flexprice::in_flexprice_form)));
}
