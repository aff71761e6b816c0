ALTER TABLE payments ADD COLUMN customer_id BLOB;
ALTER TABLE payments ADD COLUMN invoice_id BLOB;
ALTER TABLE payments ADD COLUMN invoice_number TEXT;

CREATE INDEX payments_by_customer ON payments (tenant_id, livemode, customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX payments_by_invoice ON payments (tenant_id, livemode, invoice_id, id) WHERE invoice_id IS NOT NULL;

-- A bank debit that has cleared is looked at for some time more: it may be returned.
CREATE INDEX attempts_watched ON attempts (due_at) WHERE status = 'succeeded' AND due_at IS NOT NULL;

-- What a key of another request than for a payment or refund is bound to: the object's id as text.
ALTER TABLE idempotency_keys ADD COLUMN object_id TEXT;

CREATE TABLE customers (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    name TEXT,
    email TEXT,
    external_id TEXT,
    metadata TEXT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
) STRICT;

CREATE UNIQUE INDEX customers_by_external_id ON customers (tenant_id, livemode, external_id)
    WHERE external_id IS NOT NULL;

CREATE TABLE payment_methods (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    customer_id BLOB,
    type TEXT NOT NULL CHECK (type IN ('CARD', 'ACH')),
    token TEXT NOT NULL,
    brand TEXT,
    last4 TEXT CHECK (length(last4) = 4),
    exp_year INTEGER,
    exp_month INTEGER CHECK (exp_month BETWEEN 1 AND 12),
    bank_name TEXT,
    metadata TEXT NOT NULL,
    detached_at INTEGER,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, customer_id) REFERENCES customers (tenant_id, livemode, id),
    CHECK ((exp_year IS NULL) = (exp_month IS NULL))
) STRICT;

CREATE INDEX payment_methods_by_customer ON payment_methods (tenant_id, livemode, customer_id, id)
    WHERE customer_id IS NOT NULL;

CREATE TABLE invoices (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL CHECK (length(id) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    number TEXT NOT NULL,
    customer_id BLOB,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    amount_due INTEGER NOT NULL CHECK (amount_due BETWEEN 1 AND 999999999999),
    amount_paid INTEGER NOT NULL,
    amount_held INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'void')),
    lines TEXT NOT NULL,
    due_at INTEGER,
    paid_at INTEGER,
    voided_at INTEGER,
    metadata TEXT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, customer_id) REFERENCES customers (tenant_id, livemode, id),
    CONSTRAINT invoice_never_overpaid CHECK (amount_paid >= 0 AND amount_held >= 0 AND amount_paid + amount_held <= amount_due)
) STRICT;

CREATE UNIQUE INDEX invoices_by_number ON invoices (tenant_id, livemode, number);
CREATE INDEX invoices_by_customer ON invoices (tenant_id, livemode, customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX invoices_by_status ON invoices (tenant_id, livemode, status, id);

-- The last number that was counted up.
CREATE TABLE invoice_counts (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    last INTEGER NOT NULL CHECK (last >= 0),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    PRIMARY KEY (tenant_id, livemode)
) STRICT;

CREATE TABLE credit_accounts (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    customer_id BLOB NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    balance INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, customer_id, currency),
    CONSTRAINT credits_never_below_zero CHECK (balance BETWEEN 0 AND 999999999999)
) STRICT;

-- The journal. One row moves one amount from one account to another, so each is balanced. No foreign keys: a row is
-- written by the commit that has written or locked its payment.
CREATE TABLE transactions (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 999999999999),
    currency TEXT NOT NULL,
    debit_account TEXT NOT NULL,
    credit_account TEXT NOT NULL CHECK (credit_account <> debit_account),
    payment_id BLOB,
    refund_id BLOB,
    customer_id BLOB,
    created_by TEXT NOT NULL,
    revision INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    reference_id TEXT,
    notes TEXT,
    updated_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id)
) STRICT;

CREATE INDEX transactions_by_payment ON transactions (tenant_id, livemode, payment_id, id)
    WHERE payment_id IS NOT NULL;
CREATE INDEX transactions_by_customer ON transactions (tenant_id, livemode, customer_id, id)
    WHERE customer_id IS NOT NULL;

-- Who amended a transaction, when, from what to what.
CREATE TABLE amendments (
    tenant_id BLOB NOT NULL,
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    transaction_id BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    amended_by TEXT NOT NULL,
    amended_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, livemode, transaction_id, number),
    FOREIGN KEY (tenant_id, livemode, transaction_id) REFERENCES transactions (tenant_id, livemode, id)
) STRICT;

CREATE TRIGGER transactions_keep_core BEFORE UPDATE ON transactions FOR EACH ROW
    WHEN OLD.tenant_id IS NOT NEW.tenant_id
        OR OLD.livemode IS NOT NEW.livemode
        OR OLD.id IS NOT NEW.id
        OR OLD.type IS NOT NEW.type
        OR OLD.amount IS NOT NEW.amount
        OR OLD.currency IS NOT NEW.currency
        OR OLD.debit_account IS NOT NEW.debit_account
        OR OLD.credit_account IS NOT NEW.credit_account
        OR OLD.payment_id IS NOT NEW.payment_id
        OR OLD.refund_id IS NOT NEW.refund_id
        OR OLD.customer_id IS NOT NEW.customer_id
        OR OLD.created_by IS NOT NEW.created_by
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: update of transactions is refused'); END;
CREATE TRIGGER transactions_stay BEFORE DELETE ON transactions FOR EACH ROW
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: delete of transactions is refused'); END;
CREATE TRIGGER amendments_keep BEFORE UPDATE ON amendments FOR EACH ROW
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: update of amendments is refused'); END;
CREATE TRIGGER amendments_stay BEFORE DELETE ON amendments FOR EACH ROW
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: delete of amendments is refused'); END;

-- What had moved before there was a journal. An id begins with the milliseconds of its time.
INSERT INTO transactions
SELECT p.tenant_id, p.livemode,
    unhex(printf('%012x7%s8%s', p.moved_at / 1000, substr(hex(randomblob(2)), 1, 3), substr(hex(randomblob(8)), 1, 15))),
    p.type, p.amount, p.currency,
    CASE p.type WHEN 'charge' THEN 'processor_clearing:' || p.processor ELSE 'merchant' END,
    CASE p.type WHEN 'charge' THEN 'merchant' ELSE 'processor_clearing:' || p.processor END,
    p.payment_id, p.refund_id, NULL, 'system', 1, '{}', NULL, NULL, 'system', p.moved_at
FROM (
    SELECT tenant_id, livemode, 'charge' AS type, amount_captured AS amount, currency, processor, id AS payment_id,
        NULL AS refund_id, coalesce(succeeded_at, updated_at) AS moved_at
    FROM payments WHERE amount_captured > 0
    UNION ALL
    SELECT r.tenant_id, r.livemode, 'refund', r.amount, r.currency, p.processor, p.id, r.id, r.updated_at
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
