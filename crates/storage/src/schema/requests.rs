//! Payment requests, as diesel sees them.

diesel::table! {
    payment_requests (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        revision -> BigInt,
        event_count -> BigInt,
        token -> Text,
        #[sql_name = "type"]
        kind -> Text,
        amount -> BigInt,
        currency -> Text,
        description -> Nullable<Text>,
        customer_id -> Nullable<Binary>,
        invoice_id -> Nullable<Binary>,
        invoice_number -> Nullable<Text>,
        capture_method -> Text,
        expires_at -> Nullable<BigInt>,
        success_url -> Nullable<Text>,
        metadata -> Text,
        state -> Text,
        payment_id -> Nullable<Binary>,
        charging -> Bool,
        paid_at -> Nullable<BigInt>,
        canceled_at -> Nullable<BigInt>,
        cancel_requested_at -> Nullable<BigInt>,
        cancellation_reason -> Nullable<Text>,
        last_sent_at -> Nullable<BigInt>,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}
