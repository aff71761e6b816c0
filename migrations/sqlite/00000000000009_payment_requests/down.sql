DROP TABLE payment_requests;
DROP INDEX payments_by_request;
ALTER TABLE payments DROP COLUMN payment_request_id;
