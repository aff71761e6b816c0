ALTER TABLE payment_methods DROP COLUMN processor;
DROP TABLE processor_routes;
DROP TABLE processor_accounts;
