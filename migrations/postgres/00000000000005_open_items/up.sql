-- What no program may decide. The cause keeps it from being raised twice. No foreign keys: an item is written by the
-- commit that has written or locked what it is about.
CREATE TABLE open_items (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    type TEXT NOT NULL,
    cause TEXT NOT NULL,
    message TEXT NOT NULL,
    payment_id BYTEA,
    refund_id BYTEA,
    attempt_id BYTEA,
    processor TEXT,
    processor_reference TEXT,
    amount_here BIGINT,
    currency_here TEXT CHECK (length(currency_here) = 3),
    amount_there BIGINT,
    currency_there TEXT CHECK (length(currency_there) = 3),
    status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
    resolution TEXT CHECK (resolution IN ('succeeded', 'failed')),
    note TEXT,
    closed_at BIGINT,
    closed_by TEXT,
    PRIMARY KEY (tenant_id, livemode, id),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL AND closed_by IS NOT NULL))
);

CREATE UNIQUE INDEX open_items_by_cause ON open_items (tenant_id, livemode, cause);
CREATE INDEX open_items_open ON open_items (tenant_id, livemode, id) WHERE status = 'open';
CREATE INDEX open_items_by_payment ON open_items (tenant_id, livemode, payment_id, id) WHERE payment_id IS NOT NULL;

-- The events of processors that have come, each once. The digest is of account and event id.
CREATE TABLE processor_events (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    processor TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, digest)
);

-- Old ones are forgotten.
CREATE INDEX processor_events_by_time ON processor_events (received_at);

-- Which windows of which processors were compared, or are being compared by the process that has the lease.
CREATE TABLE reconciliations (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    processor TEXT NOT NULL,
    window_from BIGINT NOT NULL,
    window_until BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    finished_at BIGINT,
    compared BIGINT NOT NULL,
    raised BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, processor, window_from, window_until),
    CHECK (window_from < window_until)
);

-- Authorizations whose time is over are given up.
CREATE INDEX payments_expiring ON payments (authorization_expires_at) WHERE state = 'authorized';

-- What needed review before there were items. An id begins with the milliseconds of its time.
INSERT INTO open_items
SELECT tenant_id, livemode,
    decode(lpad(to_hex(updated_at / 1000), 12, '0') || '7' || substr(random, 1, 3) || '8' || substr(random, 4, 15), 'hex'),
    1, 'needs_review', 'needs_review:' || encode(id, 'hex'),
    'The outcome of the attempt is unknown: ask the processor, and resolve the attempt.',
    payment_id, refund_id, id, processor, processor_reference, amount, NULL, NULL, NULL, 'open', NULL, NULL, NULL, NULL
FROM (SELECT *, md5(encode(id, 'hex')) AS random FROM attempts WHERE status = 'needs_review') AS a;
