DROP TABLE audit_log;
DROP FUNCTION refuse_audit_change;
DROP TABLE tenant_settings;
DROP TABLE api_key_uses;
DROP TRIGGER api_keys_changed ON api_keys;
DROP FUNCTION count_access_change;
DROP TABLE access_generation;
ALTER TABLE api_keys
    DROP COLUMN expires_at,
    DROP COLUMN rotated_to,
    DROP COLUMN revision,
    DROP COLUMN created_by,
    DROP COLUMN updated_by,
    DROP COLUMN updated_at;
