ALTER TABLE api_keys
    ADD COLUMN expires_at BIGINT,
    -- The key that takes its place.
    ADD COLUMN rotated_to BYTEA CHECK (length(rotated_to) = 16),
    ADD COLUMN revision BIGINT NOT NULL DEFAULT 1 CHECK (revision >= 1),
    ADD COLUMN created_by TEXT NOT NULL DEFAULT 'system',
    ADD COLUMN updated_by TEXT NOT NULL DEFAULT 'system',
    -- Null where nothing has changed since the key was made.
    ADD COLUMN updated_at BIGINT;
UPDATE api_keys SET updated_at = revoked_at;

-- Apart from the keys, because it is written in the background, and says nothing about what a key may do.
CREATE TABLE api_key_uses (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    key_id BYTEA NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, key_id),
    FOREIGN KEY (tenant_id, livemode, key_id) REFERENCES api_keys (tenant_id, livemode, id)
);

CREATE TABLE tenant_settings (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 1),
    -- Codes with blanks between them; null for all there are.
    currencies TEXT,
    limit_per_minute BIGINT CHECK (limit_per_minute >= 0),
    limit_per_second BIGINT CHECK (limit_per_second >= 0),
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode)
);

-- Counts whatever changes what a key may do. A process trusts what it remembers of keys as long as this stands still.
CREATE TABLE access_generation (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    generation BIGINT NOT NULL
);
INSERT INTO access_generation VALUES (1, 1);

CREATE FUNCTION count_access_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE access_generation SET generation = generation + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER api_keys_changed AFTER UPDATE OR DELETE OR TRUNCATE ON api_keys
    EXECUTE FUNCTION count_access_change();
CREATE TRIGGER tenant_settings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant_settings
    EXECUTE FUNCTION count_access_change();

CREATE TABLE audit_log (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    action TEXT NOT NULL,
    object_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    details TEXT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
);

CREATE INDEX audit_log_by_object ON audit_log (tenant_id, livemode, object_id, id);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % of % is refused', lower(TG_OP), TG_TABLE_NAME;
END
$$;

CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    EXECUTE FUNCTION refuse_audit_change();
