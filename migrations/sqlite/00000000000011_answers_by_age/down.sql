DROP INDEX idempotency_keys_answered;
