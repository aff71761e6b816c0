-- Old answers are forgotten. A month's answers are most of a database: without an index all of them would be read each hour.
CREATE INDEX idempotency_keys_answered ON idempotency_keys (created_at) WHERE answer_body IS NOT NULL;
