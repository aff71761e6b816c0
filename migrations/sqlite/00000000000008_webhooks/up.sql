-- What every commit of events asks for, in one row: who listens, and up to where the order of events is settled
-- (docs/webhooks.md).
CREATE TABLE event_log (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Counts whatever changes who listens.
    listeners INTEGER NOT NULL,
    -- No event is committed any more with an id up to this one, except by transactions that had begun before.
    sealed BLOB NOT NULL CHECK (length(sealed) = 16),
    -- Nor by those.
    settled BLOB NOT NULL CHECK (length(settled) = 16 AND settled <= sealed),
    -- Events with ids before this one may have been removed.
    removed BLOB NOT NULL CHECK (length(removed) = 16)
) STRICT;
INSERT INTO event_log VALUES (1, 1, zeroblob(16), zeroblob(16), zeroblob(16));

CREATE TABLE webhook_endpoints (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    url TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    -- Words with blanks between them; null for all.
    types TEXT,
    description TEXT,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    disabled_reason TEXT CHECK (disabled_reason IN ('gone', 'failing')),
    enabled_at INTEGER NOT NULL,
    max_concurrency INTEGER NOT NULL CHECK (max_concurrency BETWEEN 1 AND 100),
    -- Which key encrypts the secret; null where it is stored as it is.
    secret_key TEXT CHECK (length(secret_key) = 16),
    secret BLOB NOT NULL,
    old_secret_key TEXT CHECK (length(old_secret_key) = 16),
    old_secret BLOB,
    old_secret_until INTEGER,
    deleted_at INTEGER,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CHECK (deleted_at IS NULL OR NOT enabled)
) STRICT;

CREATE TRIGGER webhook_endpoints_added AFTER INSERT ON webhook_endpoints FOR EACH ROW
    BEGIN UPDATE event_log SET listeners = listeners + 1; END;
CREATE TRIGGER webhook_endpoints_changed AFTER UPDATE ON webhook_endpoints FOR EACH ROW
    BEGIN UPDATE event_log SET listeners = listeners + 1; END;
CREATE TRIGGER webhook_endpoints_removed AFTER DELETE ON webhook_endpoints FOR EACH ROW
    BEGIN UPDATE event_log SET listeners = listeners + 1; END;

-- Endpoints to which nothing could be delivered since a time. Apart from the endpoints, because deliveries write it.
CREATE TABLE failing_endpoints (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    endpoint_id BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, endpoint_id)
) STRICT;

-- An event on its way to an endpoint. The id follows from both. No foreign keys: a row is written by the commit of the
-- event.
CREATE TABLE webhook_deliveries (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    endpoint_id BLOB NOT NULL,
    id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed')),
    -- When it is tried next; while a process has it, the end of its lease.
    due_at INTEGER NOT NULL,
    -- Counts the leases: who finishes compares it.
    leases INTEGER NOT NULL DEFAULT 0 CHECK (leases >= 0),
    -- How many tries of the present schedule failed.
    failed_tries INTEGER NOT NULL DEFAULT 0 CHECK (failed_tries >= 0),
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, livemode, endpoint_id, id),
    CHECK ((status = 'pending') = (finished_at IS NULL))
) STRICT;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, livemode, endpoint_id, due_at)
    WHERE status = 'pending';

-- What came of each try.
CREATE TABLE webhook_tries (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    endpoint_id BLOB NOT NULL,
    delivery_id BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    tried_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),
    -- Null where no answer came.
    status_code INTEGER CHECK (status_code BETWEEN 100 AND 999),
    error TEXT,
    -- The first part of the answer.
    answer TEXT,
    PRIMARY KEY (tenant_id, livemode, endpoint_id, delivery_id, number)
) STRICT;
