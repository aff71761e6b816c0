CREATE TABLE processor_accounts (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    connector TEXT NOT NULL CHECK (length(connector) BETWEEN 1 AND 40),
    settings TEXT NOT NULL,
    -- Which key encrypts the credentials, and what it makes of them. Never the credentials themselves.
    credentials_key TEXT NOT NULL CHECK (length(credentials_key) = 16),
    credentials BYTEA NOT NULL CHECK (length(credentials) >= 40),
    credentials_changed_at BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    position BIGINT NOT NULL CHECK (position BETWEEN 0 AND 1000000),
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
);

CREATE UNIQUE INDEX processor_accounts_by_name ON processor_accounts (tenant_id, livemode, name);

CREATE TABLE processor_routes (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 1),
    rules TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode)
);

-- The name of the account that the token belongs to; null when it belongs to none in particular.
ALTER TABLE payment_methods ADD COLUMN processor TEXT;
