-- What every commit of events asks for, in one row: who listens, and up to where the order of events is settled
-- (docs/webhooks.md).
CREATE TABLE event_log (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Counts whatever changes who listens.
    listeners BIGINT NOT NULL,
    -- No event is committed any more with an id up to this one, except by transactions that had begun before.
    sealed BYTEA NOT NULL CHECK (length(sealed) = 16),
    -- Nor by those.
    settled BYTEA NOT NULL CHECK (length(settled) = 16 AND settled <= sealed),
    -- Events with ids before this one may have been removed.
    removed BYTEA NOT NULL CHECK (length(removed) = 16)
);
INSERT INTO event_log
VALUES (1, 1, decode(repeat('00', 16), 'hex'), decode(repeat('00', 16), 'hex'), decode(repeat('00', 16), 'hex'));

CREATE TABLE webhook_endpoints (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    event_count BIGINT NOT NULL CHECK (event_count >= 0),
    url TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    -- Words with blanks between them; null for all.
    types TEXT,
    description TEXT,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT CHECK (disabled_reason IN ('gone', 'failing')),
    enabled_at BIGINT NOT NULL,
    max_concurrency BIGINT NOT NULL CHECK (max_concurrency BETWEEN 1 AND 100),
    -- Which key encrypts the secret; null where it is stored as it is.
    secret_key TEXT CHECK (length(secret_key) = 16),
    secret BYTEA NOT NULL,
    old_secret_key TEXT CHECK (length(old_secret_key) = 16),
    old_secret BYTEA,
    old_secret_until BIGINT,
    deleted_at BIGINT,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CHECK (deleted_at IS NULL OR NOT enabled)
);

CREATE FUNCTION count_listeners_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_log SET listeners = listeners + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER webhook_endpoints_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webhook_endpoints
    EXECUTE FUNCTION count_listeners_change();

-- Endpoints to which nothing could be delivered since a time. Apart from the endpoints, because deliveries write it.
CREATE TABLE failing_endpoints (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    endpoint_id BYTEA NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, endpoint_id)
);

-- An event on its way to an endpoint. The id follows from both. No foreign keys: a row is written by the commit of the
-- event.
CREATE TABLE webhook_deliveries (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    endpoint_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    event_id BYTEA NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed')),
    -- When it is tried next; while a process has it, the end of its lease.
    due_at BIGINT NOT NULL,
    -- Counts the leases: who finishes compares it.
    leases BIGINT NOT NULL DEFAULT 0 CHECK (leases >= 0),
    -- How many tries of the present schedule failed.
    failed_tries BIGINT NOT NULL DEFAULT 0 CHECK (failed_tries >= 0),
    finished_at BIGINT,
    PRIMARY KEY (tenant_id, livemode, endpoint_id, id),
    CHECK ((status = 'pending') = (finished_at IS NULL))
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, livemode, endpoint_id, due_at)
    WHERE status = 'pending';

-- What came of each try.
CREATE TABLE webhook_tries (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    endpoint_id BYTEA NOT NULL,
    delivery_id BYTEA NOT NULL,
    number BIGINT NOT NULL CHECK (number >= 1),
    tried_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL CHECK (duration_ms >= 0),
    -- Null where no answer came.
    status_code BIGINT CHECK (status_code BETWEEN 100 AND 999),
    error TEXT,
    -- The first part of the answer.
    answer TEXT,
    PRIMARY KEY (tenant_id, livemode, endpoint_id, delivery_id, number)
);
