-- For PostgreSQL alone; SQLite parses its CHECKs once.
SELECT 1;
