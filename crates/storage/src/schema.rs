//! The tables as diesel sees them; `tests/storage/schema.rs` holds them against both databases.

mod access;

pub(crate) use access::{session_tokens, sessions, users};
mod requests;

pub(crate) use requests::payment_requests;
mod webhooks;

pub(crate) use webhooks::webhook_endpoints;

diesel::table! {
    tenants (id) {
        id -> Binary,
        name -> Text,
    }
}

diesel::table! {
    api_keys (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        secret_digest -> Binary,
        secret_hint -> Text,
        name -> Text,
        scopes -> Text,
        limit_per_minute -> Nullable<BigInt>,
        limit_per_second -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        rotated_to -> Nullable<Binary>,
        revision -> BigInt,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    api_key_uses (tenant_id, livemode, key_id) {
        tenant_id -> Binary,
        livemode -> Bool,
        key_id -> Binary,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    tenant_settings (tenant_id, livemode) {
        tenant_id -> Binary,
        livemode -> Bool,
        revision -> BigInt,
        currencies -> Nullable<Text>,
        limit_per_minute -> Nullable<BigInt>,
        limit_per_second -> Nullable<BigInt>,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    access_generation (id) {
        id -> BigInt,
        generation -> BigInt,
    }
}

diesel::table! {
    audit_log (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        action -> Text,
        object_id -> Text,
        actor -> Text,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        details -> Text,
    }
}

diesel::table! {
    payments (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        event_count -> BigInt,
        state -> Text,
        amount -> BigInt,
        currency -> Text,
        amount_authorized -> BigInt,
        amount_captured -> BigInt,
        amount_refunded -> BigInt,
        amount_held -> BigInt,
        amount_returned -> BigInt,
        capture_method -> Text,
        payment_method_id -> Nullable<Text>,
        payment_method_type -> Text,
        idempotency_key -> Nullable<Text>,
        description -> Nullable<Text>,
        metadata -> Text,
        return_url -> Nullable<Text>,
        off_session -> Bool,
        under_way -> Nullable<Text>,
        charge_count -> BigInt,
        processor -> Nullable<Text>,
        processor_reference -> Nullable<Text>,
        next_action_url -> Nullable<Text>,
        failure_code -> Nullable<Text>,
        failure_message -> Nullable<Text>,
        cancel_requested_at -> Nullable<BigInt>,
        cancellation_reason -> Nullable<Text>,
        authorization_expires_at -> Nullable<BigInt>,
        authorized_at -> Nullable<BigInt>,
        succeeded_at -> Nullable<BigInt>,
        failed_at -> Nullable<BigInt>,
        canceled_at -> Nullable<BigInt>,
        refunded_at -> Nullable<BigInt>,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
        customer_id -> Nullable<Binary>,
        invoice_id -> Nullable<Binary>,
        invoice_number -> Nullable<Text>,
        payment_request_id -> Nullable<Binary>,
    }
}

diesel::table! {
    refunds (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        payment_id -> Binary,
        revision -> BigInt,
        event_count -> BigInt,
        amount -> BigInt,
        currency -> Text,
        status -> Text,
        reason -> Nullable<Text>,
        metadata -> Text,
        processor_reference -> Nullable<Text>,
        failure_code -> Nullable<Text>,
        failure_message -> Nullable<Text>,
        created_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    attempts (tenant_id, livemode, payment_id, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        payment_id -> Binary,
        id -> Binary,
        revision -> BigInt,
        refund_id -> Nullable<Binary>,
        kind -> Text,
        number -> BigInt,
        status -> Text,
        amount -> BigInt,
        capture -> Bool,
        payment_method_id -> Nullable<Text>,
        processor -> Text,
        processor_reference -> Nullable<Text>,
        failure_code -> Nullable<Text>,
        failure_message -> Nullable<Text>,
        due_at -> Nullable<BigInt>,
        lookups -> BigInt,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    transactions (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        #[sql_name = "type"]
        kind -> Text,
        amount -> BigInt,
        currency -> Text,
        debit_account -> Text,
        credit_account -> Text,
        payment_id -> Nullable<Binary>,
        refund_id -> Nullable<Binary>,
        customer_id -> Nullable<Binary>,
        created_by -> Text,
        revision -> BigInt,
        metadata -> Text,
        reference_id -> Nullable<Text>,
        notes -> Nullable<Text>,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    events (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        #[sql_name = "type"]
        kind -> Text,
        object_id -> Binary,
        sequence -> BigInt,
        snapshot -> Text,
    }
}

diesel::table! {
    idempotency_keys (tenant_id, livemode, digest) {
        tenant_id -> Binary,
        livemode -> Bool,
        digest -> Binary,
        revision -> BigInt,
        request_digest -> Binary,
        payment_id -> Nullable<Binary>,
        refund_id -> Nullable<Binary>,
        created_at -> BigInt,
        running_until -> BigInt,
        success_status -> BigInt,
        answer_status -> Nullable<BigInt>,
        answer_body -> Nullable<Text>,
        object_id -> Nullable<Text>,
    }
}

diesel::table! {
    counters (tenant_id, livemode, name, slot) {
        tenant_id -> Binary,
        livemode -> Bool,
        name -> Text,
        slot -> BigInt,
        total -> BigInt,
    }
}

diesel::table! {
    customers (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        name -> Nullable<Text>,
        email -> Nullable<Text>,
        external_id -> Nullable<Text>,
        metadata -> Text,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    payment_methods (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        event_count -> BigInt,
        customer_id -> Nullable<Binary>,
        #[sql_name = "type"]
        kind -> Text,
        token -> Text,
        brand -> Nullable<Text>,
        last4 -> Nullable<Text>,
        exp_year -> Nullable<BigInt>,
        exp_month -> Nullable<BigInt>,
        bank_name -> Nullable<Text>,
        metadata -> Text,
        detached_at -> Nullable<BigInt>,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
        processor -> Nullable<Text>,
    }
}

diesel::table! {
    processor_accounts (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        name -> Text,
        connector -> Text,
        settings -> Text,
        credentials_key -> Text,
        credentials -> Binary,
        credentials_changed_at -> BigInt,
        enabled -> Bool,
        position -> BigInt,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    processor_routes (tenant_id, livemode) {
        tenant_id -> Binary,
        livemode -> Bool,
        revision -> BigInt,
        rules -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    invoices (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        event_count -> BigInt,
        number -> Text,
        customer_id -> Nullable<Binary>,
        currency -> Text,
        amount_due -> BigInt,
        amount_paid -> BigInt,
        amount_held -> BigInt,
        status -> Text,
        lines -> Text,
        due_at -> Nullable<BigInt>,
        paid_at -> Nullable<BigInt>,
        voided_at -> Nullable<BigInt>,
        metadata -> Text,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    invoice_counts (tenant_id, livemode) {
        tenant_id -> Binary,
        livemode -> Bool,
        last -> BigInt,
        revision -> BigInt,
    }
}

diesel::table! {
    credit_accounts (tenant_id, livemode, customer_id, currency) {
        tenant_id -> Binary,
        livemode -> Bool,
        customer_id -> Binary,
        currency -> Text,
        revision -> BigInt,
        balance -> BigInt,
    }
}

diesel::table! {
    amendments (tenant_id, livemode, transaction_id, number) {
        tenant_id -> Binary,
        livemode -> Bool,
        transaction_id -> Binary,
        number -> BigInt,
        before -> Text,
        after -> Text,
        amended_by -> Text,
        amended_at -> BigInt,
    }
}

diesel::table! {
    open_items (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        #[sql_name = "type"]
        kind -> Text,
        cause -> Text,
        message -> Text,
        payment_id -> Nullable<Binary>,
        refund_id -> Nullable<Binary>,
        attempt_id -> Nullable<Binary>,
        processor -> Nullable<Text>,
        processor_reference -> Nullable<Text>,
        amount_here -> Nullable<BigInt>,
        currency_here -> Nullable<Text>,
        amount_there -> Nullable<BigInt>,
        currency_there -> Nullable<Text>,
        status -> Text,
        resolution -> Nullable<Text>,
        note -> Nullable<Text>,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
    }
}
