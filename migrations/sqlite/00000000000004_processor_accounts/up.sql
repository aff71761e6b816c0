CREATE TABLE processor_accounts (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    connector TEXT NOT NULL CHECK (length(connector) BETWEEN 1 AND 40),
    settings TEXT NOT NULL,
    -- Which key encrypts the credentials, and what it makes of them. Never the credentials themselves.
    credentials_key TEXT NOT NULL CHECK (length(credentials_key) = 16),
    credentials BLOB NOT NULL CHECK (length(credentials) >= 40),
    credentials_changed_at INTEGER NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    position INTEGER NOT NULL CHECK (position BETWEEN 0 AND 1000000),
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
) STRICT;

CREATE UNIQUE INDEX processor_accounts_by_name ON processor_accounts (tenant_id, livemode, name);

CREATE TABLE processor_routes (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    rules TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode)
) STRICT;

-- The name of the account that the token belongs to; null when it belongs to none in particular.
ALTER TABLE payment_methods ADD COLUMN processor TEXT;
