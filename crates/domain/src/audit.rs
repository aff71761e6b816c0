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
