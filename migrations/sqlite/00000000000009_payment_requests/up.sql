-- What a merchant asks somebody to pay on a page (docs/payment-requests.md). A payment names its request, so that a request
-- can't have two.
ALTER TABLE payments ADD COLUMN payment_request_id BLOB;

CREATE UNIQUE INDEX payments_by_request ON payments (tenant_id, livemode, payment_request_id)
    WHERE payment_request_id IS NOT NULL;

CREATE TABLE payment_requests (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    -- What its page is found by.
    token TEXT NOT NULL CHECK (length(token) = 24),
    type TEXT NOT NULL CHECK (type IN ('product', 'subscription', 'invoice')),
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 999999999999),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    description TEXT,
    customer_id BLOB,
    invoice_id BLOB,
    invoice_number TEXT,
    capture_method TEXT NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    expires_at INTEGER,
    success_url TEXT,
    metadata TEXT NOT NULL,
    -- That it has expired follows from the time.
    state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'canceled')),
    payment_id BLOB,
    charging INTEGER NOT NULL CHECK (charging IN (0, 1)),
    paid_at INTEGER,
    canceled_at INTEGER,
    cancel_requested_at INTEGER,
    cancellation_reason TEXT,
    last_sent_at INTEGER,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, customer_id) REFERENCES customers (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, invoice_id) REFERENCES invoices (tenant_id, livemode, id),
    CHECK ((type = 'invoice') = (invoice_id IS NOT NULL) AND (invoice_id IS NULL) = (invoice_number IS NULL)),
    CONSTRAINT request_paid_by_a_payment CHECK (payment_id IS NOT NULL OR (state <> 'paid' AND NOT charging)),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL) AND (state = 'canceled') = (canceled_at IS NOT NULL)),
    CHECK (state = 'open' OR NOT charging)
) STRICT;

CREATE UNIQUE INDEX payment_requests_by_token ON payment_requests (token);
CREATE UNIQUE INDEX payment_requests_by_payment ON payment_requests (tenant_id, livemode, payment_id)
    WHERE payment_id IS NOT NULL;
CREATE INDEX payment_requests_by_state ON payment_requests (tenant_id, livemode, state, id);
CREATE INDEX payment_requests_by_customer ON payment_requests (tenant_id, livemode, customer_id, id)
    WHERE customer_id IS NOT NULL;
CREATE INDEX payment_requests_by_invoice ON payment_requests (tenant_id, livemode, invoice_id, id)
    WHERE invoice_id IS NOT NULL;
