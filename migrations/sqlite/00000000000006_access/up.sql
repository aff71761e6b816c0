ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;
-- The key that takes its place.
ALTER TABLE api_keys ADD COLUMN rotated_to BLOB CHECK (length(rotated_to) = 16);
ALTER TABLE api_keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1);
ALTER TABLE api_keys ADD COLUMN created_by TEXT NOT NULL DEFAULT 'system';
ALTER TABLE api_keys ADD COLUMN updated_by TEXT NOT NULL DEFAULT 'system';
-- Null where nothing has changed since the key was made.
ALTER TABLE api_keys ADD COLUMN updated_at INTEGER;
UPDATE api_keys SET updated_at = revoked_at;

-- Apart from the keys, because it is written in the background, and says nothing about what a key may do.
CREATE TABLE api_key_uses (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    key_id BLOB NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, key_id),
    FOREIGN KEY (tenant_id, livemode, key_id) REFERENCES api_keys (tenant_id, livemode, id)
) STRICT;

CREATE TABLE tenant_settings (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    -- Codes with blanks between them; null for all there are.
    currencies TEXT,
    limit_per_minute INTEGER CHECK (limit_per_minute >= 0),
    limit_per_second INTEGER CHECK (limit_per_second >= 0),
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode)
) STRICT;

-- Counts whatever changes what a key may do. A process trusts what it remembers of keys as long as this stands still.
CREATE TABLE access_generation (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO access_generation VALUES (1, 1);

CREATE TRIGGER api_keys_changed AFTER UPDATE ON api_keys FOR EACH ROW
    BEGIN UPDATE access_generation SET generation = generation + 1; END;
CREATE TRIGGER api_keys_gone AFTER DELETE ON api_keys FOR EACH ROW
    BEGIN UPDATE access_generation SET generation = generation + 1; END;
CREATE TRIGGER tenant_settings_new AFTER INSERT ON tenant_settings FOR EACH ROW
    BEGIN UPDATE access_generation SET generation = generation + 1; END;
CREATE TRIGGER tenant_settings_changed AFTER UPDATE ON tenant_settings FOR EACH ROW
    BEGIN UPDATE access_generation SET generation = generation + 1; END;
CREATE TRIGGER tenant_settings_gone AFTER DELETE ON tenant_settings FOR EACH ROW
    BEGIN UPDATE access_generation SET generation = generation + 1; END;

CREATE TABLE audit_log (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    action TEXT NOT NULL,
    object_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    details TEXT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
) STRICT;

CREATE INDEX audit_log_by_object ON audit_log (tenant_id, livemode, object_id, id);

CREATE TRIGGER audit_log_keep BEFORE UPDATE ON audit_log FOR EACH ROW
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: update of audit_log is refused'); END;
CREATE TRIGGER audit_log_stay BEFORE DELETE ON audit_log FOR EACH ROW
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: delete of audit_log is refused'); END;
