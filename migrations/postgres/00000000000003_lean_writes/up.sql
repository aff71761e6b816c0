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

-- Snapshots are most of what a payment writes. In place and packed they take half the room, in the log as well.
ALTER TABLE events ALTER COLUMN snapshot SET STORAGE MAIN;
ALTER TABLE events SET (toast_tuple_target = 256);
DO $$
BEGIN
    EXECUTE 'ALTER TABLE events ALTER COLUMN snapshot SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value OR syntax_error THEN
    -- Built without lz4: PostgreSQL's own compression costs more than it gives here.
    ALTER TABLE events ALTER COLUMN snapshot SET STORAGE EXTENDED;
    ALTER TABLE events RESET (toast_tuple_target);
END
$$;
