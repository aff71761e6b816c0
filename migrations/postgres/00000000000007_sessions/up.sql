CREATE TABLE users (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    id BYTEA NOT NULL CHECK (length(id) = 16),
    -- Trimmed and in lower case.
    email TEXT NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 1),
    name TEXT,
    role TEXT NOT NULL,
    -- Argon2id, in PHC's string format.
    password_hash TEXT NOT NULL,
    -- A session of an earlier epoch has ended.
    epoch BIGINT NOT NULL CHECK (epoch >= 1),
    -- The secret of the second factor, encrypted, by which key; on or pending.
    totp_secret BYTEA,
    totp_key_id TEXT,
    -- Null while it is pending.
    totp_last_step BIGINT,
    -- SHA-256 of the recovery codes that are left, in hexadecimal, with blanks between them.
    recovery_digests TEXT,
    disabled_at BIGINT,
    -- How many of the changes are in the audit log.
    logged BIGINT NOT NULL CHECK (logged >= 0),
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((totp_secret IS NULL) = (totp_key_id IS NULL))
);

CREATE UNIQUE INDEX users_by_email ON users (email, tenant_id);

CREATE TABLE sessions (
    tenant_id BYTEA NOT NULL REFERENCES tenants (id),
    livemode BOOLEAN NOT NULL,
    id BYTEA NOT NULL CHECK (length(id) = 16),
    -- What it was exchanged for.
    key_id BYTEA,
    user_id BYTEA,
    user_epoch BIGINT,
    expires_at BIGINT NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 1),
    device_id TEXT,
    client_version TEXT,
    -- The number of the current refresh token.
    number BIGINT NOT NULL CHECK (number >= 1),
    refresh_expires_at BIGINT NOT NULL,
    access_expires_at BIGINT NOT NULL,
    -- While the current refresh token is unused: when it was made, and what from, beside the predecessor's secret.
    rotated_at BIGINT,
    nonce BYTEA CHECK (length(nonce) = 32),
    ended_at BIGINT,
    ended_by TEXT,
    end_cause TEXT,
    end_reason TEXT,
    ended_tokens BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, livemode, key_id) REFERENCES api_keys (tenant_id, livemode, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CHECK ((key_id IS NULL) <> (user_id IS NULL)),
    CHECK ((user_id IS NULL) = (user_epoch IS NULL)),
    CHECK ((rotated_at IS NULL) = (nonce IS NULL))
);

CREATE INDEX sessions_by_key ON sessions (tenant_id, livemode, key_id, id);
CREATE INDEX sessions_by_user ON sessions (tenant_id, livemode, user_id, id);

-- Every token that a session ever gave and that has not expired, and refresh tokens for as long as their session is
-- kept: by them a stolen one is recognized.
CREATE TABLE session_tokens (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    session_id BYTEA NOT NULL,
    -- SHA-256 of the token.
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    kind TEXT NOT NULL,
    -- The refresh token's number; an access token has that of the refresh token it came with.
    number BIGINT NOT NULL CHECK (number >= 1),
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, session_id, digest),
    FOREIGN KEY (tenant_id, livemode, session_id) REFERENCES sessions (tenant_id, livemode, id)
);

CREATE UNIQUE INDEX session_tokens_by_digest ON session_tokens (digest);

-- Apart from the sessions, because it is written in the background, and says nothing about what a session may do.
CREATE TABLE session_uses (
    tenant_id BYTEA NOT NULL,
    livemode BOOLEAN NOT NULL,
    session_id BYTEA NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, livemode, session_id),
    FOREIGN KEY (tenant_id, livemode, session_id) REFERENCES sessions (tenant_id, livemode, id)
);

-- Attempts to sign in that failed or are under way, by a digest of what they have in common.
CREATE TABLE login_failures (
    digest BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    failures BIGINT NOT NULL CHECK (failures >= 0),
    last_at BIGINT NOT NULL
);

-- Only what takes something away: beginning a session and refreshing it must not make everybody read keys anew.
CREATE TRIGGER sessions_ended AFTER UPDATE ON sessions FOR EACH ROW
    WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at OR OLD.expires_at IS DISTINCT FROM NEW.expires_at
        OR OLD.key_id IS DISTINCT FROM NEW.key_id OR OLD.user_id IS DISTINCT FROM NEW.user_id
        OR OLD.user_epoch IS DISTINCT FROM NEW.user_epoch)
    EXECUTE FUNCTION count_access_change();
CREATE TRIGGER session_tokens_changed AFTER UPDATE ON session_tokens FOR EACH ROW
    EXECUTE FUNCTION count_access_change();
CREATE TRIGGER users_changed AFTER UPDATE ON users FOR EACH ROW
    WHEN (OLD.role IS DISTINCT FROM NEW.role OR OLD.disabled_at IS DISTINCT FROM NEW.disabled_at
        OR OLD.epoch IS DISTINCT FROM NEW.epoch)
    EXECUTE FUNCTION count_access_change();

-- A statement that removes nothing, as most that forget what is over, changes nothing.
CREATE FUNCTION count_access_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone) THEN
        UPDATE access_generation SET generation = generation + 1;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER sessions_gone AFTER DELETE ON sessions REFERENCING OLD TABLE AS gone
    EXECUTE FUNCTION count_access_loss();
CREATE TRIGGER session_tokens_gone AFTER DELETE ON session_tokens REFERENCING OLD TABLE AS gone
    EXECUTE FUNCTION count_access_loss();
CREATE TRIGGER users_gone AFTER DELETE ON users REFERENCING OLD TABLE AS gone
    EXECUTE FUNCTION count_access_loss();
CREATE TRIGGER sessions_emptied AFTER TRUNCATE ON sessions EXECUTE FUNCTION count_access_change();
CREATE TRIGGER session_tokens_emptied AFTER TRUNCATE ON session_tokens EXECUTE FUNCTION count_access_change();
CREATE TRIGGER users_emptied AFTER TRUNCATE ON users EXECUTE FUNCTION count_access_change();
