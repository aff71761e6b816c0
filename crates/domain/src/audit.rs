//! What the audit log tells of: acts that change who may do what, and acts by hand that move value.

named_enum! {
    /// What somebody did.
    AuditAction {
        /// An API key was made.
        ApiKeyCreated => "api_key.created",
        /// An API key was given a successor, and time to be replaced.
        ApiKeyRotated => "api_key.rotated",
        /// An API key was revoked.
        ApiKeyRevoked => "api_key.revoked",
        /// Somebody began a session.
        SessionCreated => "session.created",
        /// A session was ended.
        SessionRevoked => "session.revoked",
        /// A refresh token was presented that had been replaced: it was stolen, and the session has ended.
        SessionTokenReused => "session.refresh_token_reused",
        /// A session was refreshed from another device than before.
        SessionDeviceChanged => "session.device_changed",
        /// A user was made.
        UserCreated => "user.created",
        /// A user got another name or role.
        UserChanged => "user.changed",
        /// A user can't sign in any more.
        UserDisabled => "user.disabled",
        /// A user may sign in again.
        UserEnabled => "user.enabled",
        /// A user got another password.
        UserPasswordChanged => "user.password_changed",
        /// A user was handed a secret for a second factor.
        UserTotpOffered => "user.totp_offered",
        /// A user's second factor was switched on.
        UserTotpEnabled => "user.totp_enabled",
        /// A user's second factor was switched off.
        UserTotpDisabled => "user.totp_disabled",
        /// All sessions of a user were ended.
        UserSessionsEnded => "user.sessions_ended",
        /// A tenant was made.
        TenantCreated => "tenant.created",
        /// A tenant got another name.
        TenantRenamed => "tenant.renamed",
        /// What a tenant takes and how often it may ask was changed.
        TenantSettingsChanged => "tenant.settings_changed",
        /// A processor account was added.
        ProcessorAccountCreated => "processor_account.created",
        /// A processor account was enabled, disabled, or given other settings or another place.
        ProcessorAccountChanged => "processor_account.changed",
        /// A processor account was given other credentials.
        ProcessorCredentialsRotated => "processor_account.credentials_rotated",
        /// The rules by which charges go to processor accounts were set.
        ProcessorRoutesSet => "processor_routes.set",
        /// A customer was granted credits.
        CreditsGranted => "credits.granted",
        /// An invoice was voided.
        InvoiceVoided => "invoice.voided",
        /// A payment request was canceled, or is to be.
        PaymentRequestCanceled => "payment_request.canceled",
        /// A payment request was sent by e-mail.
        PaymentRequestSent => "payment_request.sent",
        /// A webhook endpoint was made.
        WebhookEndpointCreated => "webhook_endpoint.created",
        /// A webhook endpoint was changed, enabled or disabled.
        WebhookEndpointChanged => "webhook_endpoint.changed",
        /// A webhook endpoint got another secret.
        WebhookSecretRotated => "webhook_endpoint.secret_rotated",
        /// A webhook endpoint was taken away.
        WebhookEndpointDeleted => "webhook_endpoint.deleted",
        /// Florin disabled a webhook endpoint to which nothing could be delivered.
        WebhookEndpointGivenUp => "webhook_endpoint.given_up",
        /// Events were sent again that had been delivered, or had not.
        WebhookEventsRedelivered => "webhook_endpoint.redelivered",
    }
}
