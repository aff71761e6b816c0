DROP TABLE counters;
DROP TABLE idempotency_keys;
DROP TABLE events;
DROP TABLE attempts;
DROP TABLE refunds;
DROP TABLE payments;
DROP TABLE api_keys;
DROP TABLE tenants;
