//! The tables of sessions, their tokens, and users.

diesel::table! {
    users (tenant_id, id) {
        tenant_id -> Binary,
        id -> Binary,
        email -> Text,
        revision -> BigInt,
        name -> Nullable<Text>,
        role -> Text,
        password_hash -> Text,
        epoch -> BigInt,
        totp_secret -> Nullable<Binary>,
        totp_key_id -> Nullable<Text>,
        totp_last_step -> Nullable<BigInt>,
        recovery_digests -> Nullable<Text>,
        disabled_at -> Nullable<BigInt>,
        logged -> BigInt,
        created_by -> Text,
        updated_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    sessions (tenant_id, livemode, id) {
        tenant_id -> Binary,
        livemode -> Bool,
        id -> Binary,
        key_id -> Nullable<Binary>,
        user_id -> Nullable<Binary>,
        user_epoch -> Nullable<BigInt>,
        expires_at -> BigInt,
        revision -> BigInt,
        device_id -> Nullable<Text>,
        client_version -> Nullable<Text>,
        number -> BigInt,
        refresh_expires_at -> BigInt,
        access_expires_at -> BigInt,
        rotated_at -> Nullable<BigInt>,
        nonce -> Nullable<Binary>,
        ended_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        end_cause -> Nullable<Text>,
        end_reason -> Nullable<Text>,
        ended_tokens -> Nullable<BigInt>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    session_tokens (tenant_id, livemode, session_id, digest) {
        tenant_id -> Binary,
        livemode -> Bool,
        session_id -> Binary,
        digest -> Binary,
        kind -> Text,
        number -> BigInt,
        expires_at -> BigInt,
    }
}
