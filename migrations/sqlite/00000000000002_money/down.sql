DROP TABLE amendments;
DROP TABLE transactions;
DROP TABLE credit_accounts;
DROP TABLE invoice_counts;
DROP TABLE invoices;
DROP TABLE payment_methods;
DROP TABLE customers;
DROP INDEX attempts_watched;
DROP INDEX payments_by_invoice;
DROP INDEX payments_by_customer;
ALTER TABLE idempotency_keys DROP COLUMN object_id;
ALTER TABLE payments DROP COLUMN invoice_number;
ALTER TABLE payments DROP COLUMN invoice_id;
ALTER TABLE payments DROP COLUMN customer_id;
DELETE FROM events WHERE type LIKE 'invoice.%' OR type LIKE 'payment_method.%';
DELETE FROM counters WHERE name LIKE 'transactions.%' OR name LIKE 'balance:%' OR name LIKE 'invoices.%'
    OR name IN ('customers', 'payment_methods');
