-- PostgreSQL parses every CHECK of a table anew for each statement that writes to it. What the domain checks when a row
-- is written and again when it is read, words and counts, is not checked a third time in the tables that every payment
-- writes to; limits of money are (docs/design.md).
ALTER TABLE payments
    DROP CONSTRAINT payments_capture_method_check,
    DROP CONSTRAINT payments_charge_count_check,
    DROP CONSTRAINT payments_currency_check,
    DROP CONSTRAINT payments_event_count_check,
    DROP CONSTRAINT payments_payment_method_type_check,
    DROP CONSTRAINT payments_revision_check,
    DROP CONSTRAINT payments_state_check,
    DROP CONSTRAINT payments_under_way_check;
ALTER TABLE attempts
    DROP CONSTRAINT attempts_kind_check,
    DROP CONSTRAINT attempts_lookups_check,
    DROP CONSTRAINT attempts_number_check,
    DROP CONSTRAINT attempts_revision_check,
    DROP CONSTRAINT attempts_status_check;
ALTER TABLE events DROP CONSTRAINT events_sequence_check;
