//! The tables of events on their way, as diesel sees them.

diesel::table! {
    event_log (id) {
        id -> BigInt,
        listeners -> BigInt,
        sealed -> Binary,
        settled -> Binary,
        removed -> Binary,
    }
}

diesel::table! {
    webhook_endpoints (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        event_count -> BigInt,
        url -> Text,
        types -> Nullable<Text>,
        description -> Nullable<Text>,
        enabled -> Bool,
        disabled_reason -> Nullable<Text>,
        enabled_at -> BigInt,
        max_concurrency -> BigInt,
        secret_key -> Nullable<Text>,
        secret -> Binary,
        old_secret_key -> Nullable<Text>,
        old_secret -> Nullable<Binary>,
        old_secret_until -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    failing_endpoints (tenant_id, livemode, endpoint_id) {
        tenant_id -> Binary,
        livemode -> Bool,
        endpoint_id -> Binary,
        since -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (tenant_id, livemode, endpoint_id, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        endpoint_id -> Binary,
        id -> Binary,
        event_id -> Binary,
        status -> Text,
        due_at -> BigInt,
        leases -> BigInt,
        failed_tries -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhook_tries (tenant_id, livemode, endpoint_id, delivery_id, number) {
        tenant_id -> Binary,
        livemode -> Bool,
        endpoint_id -> Binary,
        delivery_id -> Binary,
        number -> BigInt,
        tried_at -> BigInt,
        duration_ms -> BigInt,
        status_code -> Nullable<BigInt>,
        error -> Nullable<Text>,
        answer -> Nullable<Text>,
    }
}
