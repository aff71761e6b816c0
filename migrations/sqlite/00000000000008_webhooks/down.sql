DROP TABLE webhook_tries;
DROP TABLE webhook_deliveries;
DROP TABLE failing_endpoints;
DROP TABLE webhook_endpoints;
DROP TABLE event_log;
