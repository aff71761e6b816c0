ALTER TABLE payments ADD COLUMN customer_id BYTEA;
ALTER TABLE payments ADD COLUMN invoice_id BYTEA;
ALTER TABLE payments ADD COLUMN invoice_number TEXT;

CREATE INDEX payments_by_customer ON payments (tenant_id, livemode, customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX payments_by_invoice ON payments (tenant_id, livemode, invoice_id, id) WHERE invoice_id IS NOT NULL;

-- A bank debit that has cleared is looked at for some time more: it may be returned.
CREATE INDEX attempts_watched ON attempts (due_at) WHERE status = 'succeeded' AND due_at IS NOT NULL;

-- What a key of another request than for a payment or refund is bound to: the object's id as text.
ALTER TABLE idempotency_keys ADD COLUMN object_id TEXT;

CREATE TABLE customers (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    name TEXT,
    email TEXT,
    external_id TEXT,
    metadata TEXT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
);

CREATE UNIQUE INDEX customers_by_external_id ON customers (tenant_id, livemode, external_id)
    WHERE external_id IS NOT NULL;

CREATE TABLE payment_methods (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    event_count BIGINT NOT NULL CHECK (event_count >= 0),
    customer_id BYTEA,
    type TEXT NOT NULL CHECK (type IN ('CARD', 'ACH')),
    token TEXT NOT NULL,
    brand TEXT,
    last4 TEXT CHECK (length(last4) = 4),
    exp_year BIGINT,
    exp_month BIGINT CHECK (exp_month BETWEEN 1 AND 12),
    bank_name TEXT,
    metadata TEXT NOT NULL,
    detached_at BIGINT,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, customer_id) REFERENCES customers (tenant_id, livemode, id),
    CHECK ((exp_year IS NULL) = (exp_month IS NULL))
);

CREATE INDEX payment_methods_by_customer ON payment_methods (tenant_id, livemode, customer_id, id)
    WHERE customer_id IS NOT NULL;

CREATE TABLE invoices (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    event_count BIGINT NOT NULL CHECK (event_count >= 0),
    number TEXT NOT NULL,
    customer_id BYTEA,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    amount_due BIGINT NOT NULL CHECK (amount_due BETWEEN 1 AND 999999999999),
    amount_paid BIGINT NOT NULL,
    amount_held BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'void')),
    lines TEXT NOT NULL,
    due_at BIGINT,
    paid_at BIGINT,
    voided_at BIGINT,
    metadata TEXT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, customer_id) REFERENCES customers (tenant_id, livemode, id),
    CONSTRAINT invoice_never_overpaid CHECK (amount_paid >= 0 AND amount_held >= 0 AND amount_paid + amount_held <= amount_due)
);

CREATE UNIQUE INDEX invoices_by_number ON invoices (tenant_id, livemode, number);
CREATE INDEX invoices_by_customer ON invoices (tenant_id, livemode, customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX invoices_by_status ON invoices (tenant_id, livemode, status, id);

-- The last number that was counted up.
CREATE TABLE invoice_counts (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    last BIGINT NOT NULL CHECK (last >= 0),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    PRIMARY KEY (tenant_id, livemode)
);

CREATE TABLE credit_accounts (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    customer_id BYTEA NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    balance BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, customer_id, currency),
    CONSTRAINT credits_never_below_zero CHECK (balance BETWEEN 0 AND 999999999999)
);

-- The journal. One row moves one amount from one account to another, so each is balanced. No foreign keys: a row is
-- written by the commit that has written or locked its payment.
CREATE TABLE transactions (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL,
    type TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 999999999999),
    currency TEXT NOT NULL,
    debit_account TEXT NOT NULL,
    credit_account TEXT NOT NULL CHECK (credit_account <> debit_account),
    payment_id BYTEA,
    refund_id BYTEA,
    customer_id BYTEA,
    created_by TEXT NOT NULL,
    revision BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    reference_id TEXT,
    notes TEXT,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
);

CREATE INDEX transactions_by_payment ON transactions (tenant_id, livemode, payment_id, id)
    WHERE payment_id IS NOT NULL;
CREATE INDEX transactions_by_customer ON transactions (tenant_id, livemode, customer_id, id)
    WHERE customer_id IS NOT NULL;

-- Who amended a transaction, when, from what to what.
CREATE TABLE amendments (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    transaction_id BYTEA NOT NULL,
    number BIGINT NOT NULL CHECK (number >= 1),
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    amended_by TEXT NOT NULL,
    amended_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, transaction_id, number),
    FOREIGN KEY (tenant_id, livemode, transaction_id) REFERENCES transactions (tenant_id, livemode, id)
);

CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % of % is refused', lower(TG_OP), TG_TABLE_NAME;
END
$$;

CREATE TRIGGER transactions_keep_core BEFORE UPDATE ON transactions FOR EACH ROW
    WHEN ((OLD.tenant_id, OLD.livemode, OLD.id, OLD.type, OLD.amount, OLD.currency, OLD.debit_account,
           OLD.credit_account, OLD.payment_id, OLD.refund_id, OLD.customer_id, OLD.created_by)
        IS DISTINCT FROM
          (NEW.tenant_id, NEW.livemode, NEW.id, NEW.type, NEW.amount, NEW.currency, NEW.debit_account,
           NEW.credit_account, NEW.payment_id, NEW.refund_id, NEW.customer_id, NEW.created_by))
    EXECUTE FUNCTION refuse_journal_change();
CREATE TRIGGER transactions_stay BEFORE DELETE OR TRUNCATE ON transactions EXECUTE FUNCTION refuse_journal_change();
CREATE TRIGGER amendments_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON amendments
    EXECUTE FUNCTION refuse_journal_change();

-- What had moved before there was a journal. An id begins with the milliseconds of its time.
INSERT INTO transactions
SELECT p.tenant_id, p.livemode,
    decode(lpad(to_hex(p.moved_at / 1000), 12, '0') || '7' || substr(p.random, 1, 3) || '8' || substr(p.random, 4, 15), 'hex'),
    p.type, p.amount, p.currency,
    CASE p.type WHEN 'charge' THEN 'processor_clearing:' || p.processor ELSE 'merchant' END,
    CASE p.type WHEN 'charge' THEN 'merchant' ELSE 'processor_clearing:' || p.processor END,
    p.payment_id, p.refund_id, NULL, 'system', 1, '{}', NULL, NULL, 'system', p.moved_at
FROM (
    SELECT tenant_id, livemode, 'charge' AS type, amount_captured AS amount, currency, processor, id AS payment_id,
        NULL::bytea AS refund_id, coalesce(succeeded_at, updated_at) AS moved_at, md5(encode(id, 'hex')) AS random
    FROM payments WHERE amount_captured > 0
    UNION ALL
    SELECT r.tenant_id, r.livemode, 'refund', r.amount, r.currency, p.processor, p.id,
        r.id, r.updated_at, md5(encode(r.id, 'hex'))
    FROM refunds r JOIN payments p ON p.tenant_id = r.tenant_id AND p.livemode = r.livemode AND p.id = r.payment_id
    WHERE r.status = 'succeeded'
) AS p;

INSERT INTO counters (tenant_id, livemode, name, slot, total)
SELECT tenant_id, livemode, 'transactions.' || type, 0, count(*) FROM transactions GROUP BY tenant_id, livemode, type
UNION ALL
SELECT tenant_id, livemode, 'balance:' || account || ':' || currency, 0, sum(amount)
FROM (
    SELECT tenant_id, livemode, debit_account AS account, currency, amount FROM transactions
    UNION ALL
    SELECT tenant_id, livemode, credit_account, currency, -amount FROM transactions
) AS postings
GROUP BY tenant_id, livemode, account, currency HAVING sum(amount) <> 0;
