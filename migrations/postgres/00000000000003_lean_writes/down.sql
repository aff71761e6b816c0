ALTER TABLE events ADD CONSTRAINT events_sequence_check CHECK (sequence >= 1);
ALTER TABLE attempts
    ADD CONSTRAINT attempts_kind_check CHECK (kind IN ('charge', 'capture', 'void', 'refund')),
    ADD CONSTRAINT attempts_lookups_check CHECK (lookups >= 0),
    ADD CONSTRAINT attempts_number_check CHECK (number >= 0),
    ADD CONSTRAINT attempts_revision_check CHECK (revision >= 1),
    ADD CONSTRAINT attempts_status_check CHECK (status IN ('sending', 'unknown', 'pending', 'requires_action', 'succeeded', 'failed', 'needs_review'));
ALTER TABLE payments
    ADD CONSTRAINT payments_capture_method_check CHECK (capture_method IN ('automatic', 'manual')),
    ADD CONSTRAINT payments_charge_count_check CHECK (charge_count >= 0),
    ADD CONSTRAINT payments_currency_check CHECK (length(currency) = 3),
    ADD CONSTRAINT payments_event_count_check CHECK (event_count >= 0),
    ADD CONSTRAINT payments_payment_method_type_check CHECK (payment_method_type IN ('CARD', 'ACH', 'OFFLINE', 'CREDITS')),
    ADD CONSTRAINT payments_revision_check CHECK (revision >= 1),
    ADD CONSTRAINT payments_state_check CHECK (state IN ('pending', 'processing', 'authorized', 'captured', 'partially_refunded', 'refunded', 'failed', 'canceled')),
    ADD CONSTRAINT payments_under_way_check CHECK (under_way IN ('charge', 'capture', 'void'));
