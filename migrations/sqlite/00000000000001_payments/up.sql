-- Times are microseconds since 1970, ids are the 16 bytes of their UUIDv7, and an object's creation time is its id's.

CREATE TABLE tenants (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200)
) STRICT;

CREATE TABLE api_keys (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    secret_digest BLOB NOT NULL CHECK (length(secret_digest) = 32),
    secret_hint TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    limit_per_minute INTEGER CHECK (limit_per_minute >= 0),
    limit_per_second INTEGER CHECK (limit_per_second >= 0),
    revoked_at INTEGER,
    PRIMARY KEY (tenant_id, livemode, id)
) STRICT;

-- A key has no tenant yet when it is looked up.
CREATE UNIQUE INDEX api_keys_by_secret ON api_keys (secret_digest);

-- No foreign key to tenants: every payment's insert would lock its tenant's row, and tenants are never deleted.
CREATE TABLE payments (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    state TEXT NOT NULL CHECK (state IN ('pending', 'processing', 'authorized', 'captured', 'partially_refunded', 'refunded', 'failed', 'canceled')),
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    amount_authorized INTEGER NOT NULL,
    amount_captured INTEGER NOT NULL,
    amount_refunded INTEGER NOT NULL,
    amount_held INTEGER NOT NULL,
    amount_returned INTEGER NOT NULL,
    capture_method TEXT NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    payment_method_id TEXT,
    payment_method_type TEXT NOT NULL CHECK (payment_method_type IN ('CARD', 'ACH', 'OFFLINE', 'CREDITS')),
    idempotency_key TEXT,
    description TEXT,
    metadata TEXT NOT NULL,
    return_url TEXT,
    off_session INTEGER NOT NULL CHECK (off_session IN (0, 1)),
    under_way TEXT CHECK (under_way IN ('charge', 'capture', 'void')),
    charge_count INTEGER NOT NULL CHECK (charge_count >= 0),
    processor TEXT,
    processor_reference TEXT,
    next_action_url TEXT,
    failure_code TEXT,
    failure_message TEXT,
    cancel_requested_at INTEGER,
    cancellation_reason TEXT,
    authorization_expires_at INTEGER,
    authorized_at INTEGER,
    succeeded_at INTEGER,
    failed_at INTEGER,
    canceled_at INTEGER,
    refunded_at INTEGER,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    CONSTRAINT amount_in_range CHECK (amount BETWEEN 1 AND 999999999999),
    CONSTRAINT authorized_within_amount CHECK (amount_authorized BETWEEN 0 AND amount),
    CONSTRAINT captured_within_authorized CHECK (amount_captured BETWEEN 0 AND amount_authorized),
    CONSTRAINT refunds_within_captured CHECK (amount_refunded >= 0 AND amount_held >= 0 AND amount_refunded + amount_held <= amount_captured),
    CONSTRAINT returned_within_captured CHECK (amount_returned BETWEEN 0 AND amount_captured)
) STRICT;

-- Lists by status: all states but the commonest, which the primary key serves.
CREATE INDEX payments_by_state ON payments (tenant_id, livemode, state, id) WHERE state <> 'captured';
CREATE INDEX payments_by_idempotency_key ON payments (tenant_id, livemode, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE refunds (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    payment_id BLOB NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 999999999999),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    reason TEXT,
    metadata TEXT NOT NULL,
    processor_reference TEXT,
    failure_code TEXT,
    failure_message TEXT,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, payment_id) REFERENCES payments (tenant_id, livemode, id)
) STRICT;

CREATE INDEX refunds_by_payment ON refunds (tenant_id, livemode, payment_id, id);

-- No foreign key to payments: an attempt is written by the commit that has written or locked its payment, and the check
-- of each row would cost a tenth of a charge. `florin verify` looks for orphans.
CREATE TABLE attempts (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    payment_id BLOB NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    refund_id BLOB,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'capture', 'void', 'refund')),
    number INTEGER NOT NULL CHECK (number >= 0),
    status TEXT NOT NULL CHECK (status IN ('sending', 'unknown', 'pending', 'requires_action', 'succeeded', 'failed', 'needs_review')),
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 999999999999),
    capture INTEGER NOT NULL CHECK (capture IN (0, 1)),
    payment_method_id TEXT,
    processor TEXT NOT NULL,
    processor_reference TEXT,
    failure_code TEXT,
    failure_message TEXT,
    due_at INTEGER,
    lookups INTEGER NOT NULL CHECK (lookups >= 0),
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, payment_id, id),
    CHECK ((kind = 'refund') = (refund_id IS NOT NULL))
) STRICT;

-- These keep two attempts from racing, and lead recovery to what is open.
CREATE UNIQUE INDEX attempts_one_open_charge ON attempts (tenant_id, livemode, payment_id)
    WHERE kind = 'charge' AND status NOT IN ('succeeded', 'failed');
CREATE UNIQUE INDEX attempts_one_open_capture_or_void ON attempts (tenant_id, livemode, payment_id)
    WHERE kind IN ('capture', 'void') AND status NOT IN ('succeeded', 'failed');
CREATE UNIQUE INDEX attempts_one_open_refund ON attempts (tenant_id, livemode, refund_id)
    WHERE kind = 'refund' AND status NOT IN ('succeeded', 'failed');

CREATE TABLE events (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    type TEXT NOT NULL,
    object_id BLOB NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    snapshot TEXT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
) STRICT;

-- The answer is null while the first request runs; the digest is of method, path and key.
CREATE TABLE idempotency_keys (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    request_digest BLOB NOT NULL CHECK (length(request_digest) = 32),
    payment_id BLOB,
    refund_id BLOB,
    created_at INTEGER NOT NULL,
    running_until INTEGER NOT NULL,
    success_status INTEGER NOT NULL,
    answer_status INTEGER,
    answer_body TEXT,
    PRIMARY KEY (tenant_id, livemode, digest)
) STRICT;

-- Recovery answers for a process that died.
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (tenant_id, livemode, payment_id)
    WHERE answer_status IS NULL;

-- A count is the sum over its slots; each writer adds to its own, so that writers don't wait for each other.
CREATE TABLE counters (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    name TEXT NOT NULL,
    slot INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, name, slot)
) STRICT, WITHOUT ROWID;
