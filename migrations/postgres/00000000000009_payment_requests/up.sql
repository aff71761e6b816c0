-- What a merchant asks somebody to pay on a page (docs/payment-requests.md). A payment names its request, so that a request
-- can't have two.
ALTER TABLE payments ADD COLUMN payment_request_id BYTEA;

CREATE UNIQUE INDEX payments_by_request ON payments (tenant_id, livemode, payment_request_id)
    WHERE payment_request_id IS NOT NULL;

CREATE TABLE payment_requests (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    event_count BIGINT NOT NULL CHECK (event_count >= 0),
    -- What its page is found by.
    token TEXT NOT NULL CHECK (length(token) = 24),
    type TEXT NOT NULL CHECK (type IN ('product', 'subscription', 'invoice')),
    amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 999999999999),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    description TEXT,
    customer_id BYTEA,
    invoice_id BYTEA,
    invoice_number TEXT,
    capture_method TEXT NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    expires_at BIGINT,
    success_url TEXT,
    metadata TEXT NOT NULL,
    -- That it has expired follows from the time.
    state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'canceled')),
    payment_id BYTEA,
    charging BOOLEAN NOT NULL,
    paid_at BIGINT,
    canceled_at BIGINT,
    cancel_requested_at BIGINT,
    cancellation_reason TEXT,
    last_sent_at BIGINT,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, customer_id) REFERENCES customers (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, invoice_id) REFERENCES invoices (tenant_id, livemode, id),
    CHECK ((type = 'invoice') = (invoice_id IS NOT NULL) AND (invoice_id IS NULL) = (invoice_number IS NULL)),
    CONSTRAINT request_paid_by_a_payment CHECK (payment_id IS NOT NULL OR (state <> 'paid' AND NOT charging)),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL) AND (state = 'canceled') = (canceled_at IS NOT NULL)),
    CHECK (state = 'open' OR NOT charging)
);

CREATE UNIQUE INDEX payment_requests_by_token ON payment_requests (token);
CREATE UNIQUE INDEX payment_requests_by_payment ON payment_requests (tenant_id, livemode, payment_id)
    WHERE payment_id IS NOT NULL;
CREATE INDEX payment_requests_by_state ON payment_requests (tenant_id, livemode, state, id);
CREATE INDEX payment_requests_by_customer ON payment_requests (tenant_id, livemode, customer_id, id)
    WHERE customer_id IS NOT NULL;
CREATE INDEX payment_requests_by_invoice ON payment_requests (tenant_id, livemode, invoice_id, id)
    WHERE invoice_id IS NOT NULL;
