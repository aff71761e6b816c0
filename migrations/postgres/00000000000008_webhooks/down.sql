DROP TABLE webhook_tries;
DROP TABLE webhook_deliveries;
DROP TABLE failing_endpoints;
DROP TABLE webhook_endpoints;
DROP FUNCTION count_listeners_change();
DROP TABLE event_log;
