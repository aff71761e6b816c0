DROP INDEX payments_expiring;
DROP TABLE reconciliations;
DROP TABLE processor_events;
DROP TABLE open_items;
