-- One payment as Florin writes it, as separate prepared statements in two transactions. Its ids are 16 bytes that
-- ascend, as those of Florin do, so that indexes grow at their end. It has none of Florin's reads, and each client
-- has its own counters to add to.
-- chr(58) is a colon, which pgbench would take for the beginning of a variable.
\set n :n + 1
\set high :start + :n * 64 + :client_id
\set payment random(1, 9223372036854775807)
\set attempt random(1, 9223372036854775807)
\set created random(1, 9223372036854775807)
\set succeeded random(1, 9223372036854775807)
\set moved random(1, 9223372036854775807)
\set slot 1000 + :client_id

BEGIN;
INSERT INTO payments (tenant_id, livemode, id, revision, event_count, state, amount, currency,
  amount_authorized, amount_captured, amount_refunded, amount_held, amount_returned, capture_method,
  payment_method_id, payment_method_type, description, metadata, off_session, under_way, charge_count,
  created_by, updated_by, updated_at)
VALUES (:tenant, false, int8send(:high) || int8send(:payment), 1, 1, 'processing', 1000, 'USD',
  0, 0, 0, 0, 0, 'automatic',
  'pm_test_success', 'CARD', 'Payment for order #12345', '{"customer_id":"cust_abc123","order_id":"12345"}', false, 'charge', 1,
  'key_01h455vb4pex5vsknk084sn02q', 'key_01h455vb4pex5vsknk084sn02q', :start);
INSERT INTO attempts (tenant_id, livemode, payment_id, id, revision, kind, number,
  status, amount, capture, payment_method_id, processor, due_at, lookups, created_by, updated_by, updated_at)
VALUES (:tenant, false, int8send(:high) || int8send(:payment), int8send(:high) || int8send(:attempt), 1, 'charge', 1,
  'sending', 1000, true, 'pm_test_success', 'sandbox', :start, 0, 'key_01h455vb4pex5vsknk084sn02q', 'key_01h455vb4pex5vsknk084sn02q', :start);
INSERT INTO events (tenant_id, livemode, id, type, object_id, sequence, snapshot)
VALUES (:tenant, false, int8send(:high) || int8send(:created), 'payment.created', int8send(:high) || int8send(:payment), 1, :snapshot);
UPDATE counters SET total = total + 1
WHERE tenant_id = :tenant AND livemode = false AND name = 'payments.processing' AND slot = :slot;
COMMIT;

BEGIN;
UPDATE payments SET revision = 2, event_count = 2, state = 'captured', amount_authorized = 1000,
  amount_captured = 1000, under_way = NULL, processor = 'sandbox',
  processor_reference = 'sandbox_01h455vb4pex5vsknk084sn02q', authorized_at = :start, succeeded_at = :start, updated_at = :start
WHERE tenant_id = :tenant AND livemode = false AND id = int8send(:high) || int8send(:payment) AND revision = 1;
UPDATE attempts SET revision = 2, status = 'succeeded', processor_reference = 'sandbox_01h455vb4pex5vsknk084sn02q',
  due_at = NULL, updated_at = :start
WHERE tenant_id = :tenant AND livemode = false AND payment_id = int8send(:high) || int8send(:payment)
  AND id = int8send(:high) || int8send(:attempt) AND revision = 1;
INSERT INTO events (tenant_id, livemode, id, type, object_id, sequence, snapshot)
VALUES (:tenant, false, int8send(:high) || int8send(:succeeded), 'payment.succeeded', int8send(:high) || int8send(:payment), 2, :snapshot);
INSERT INTO transactions (tenant_id, livemode, id, type, amount, currency, debit_account, credit_account,
  payment_id, created_by, revision, metadata, updated_by, updated_at)
VALUES (:tenant, false, int8send(:high) || int8send(:moved), 'charge', 1000, 'USD', 'processor_clearing' || chr(58) || 'sandbox',
  'merchant', int8send(:high) || int8send(:payment), 'key_01h455vb4pex5vsknk084sn02q', 1, '{}',
  'key_01h455vb4pex5vsknk084sn02q', :start);
UPDATE counters SET total = total + CASE name WHEN 'payments.processing' THEN -1 WHEN 'balance' || chr(58) || 'merchant' || chr(58) || 'USD' THEN -1000
  WHEN 'balance' || chr(58) || 'processor_clearing' || chr(58) || 'sandbox' || chr(58) || 'USD' THEN 1000 ELSE 1 END
WHERE tenant_id = :tenant AND livemode = false AND name IN ('payments.captured', 'payments.processing',
  'transactions.charge', 'balance' || chr(58) || 'merchant' || chr(58) || 'USD', 'balance' || chr(58) || 'processor_clearing' || chr(58) || 'sandbox' || chr(58) || 'USD') AND slot = :slot;
COMMIT;
