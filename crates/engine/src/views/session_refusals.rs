//! Refusals about sessions, signing in, and users.

use super::{ErrorCode, Refused};

impl Refused {
    /// The refresh token is unknown, mistyped, or of a session that has ended.
    pub fn refresh_token_invalid() -> Self {
        let message = "The refresh token is wrong, was replaced, or its session has ended; begin a new session by POST \
                       /v1/auth/token.";
        Refused::new(ErrorCode::RefreshTokenInvalid, message)
    }

    /// The refresh token, or its session, has had its time.
    pub fn refresh_token_expired() -> Self {
        let message = "The refresh token has expired; begin a new session by POST /v1/auth/token.";
        Refused::new(ErrorCode::RefreshTokenExpired, message)
    }

    /// The token was replaced a moment ago, so it can't be kept.
    pub fn token_rotation_failed() -> Self {
        let message = "This refresh token was replaced a moment ago, so it can't stay valid; send it again at once \
                       without rotate_refresh_token: false to get its successor.";
        Refused::new(ErrorCode::TokenRotationFailed, message)
    }

    /// No session of that id is the caller's to see.
    pub fn session_not_found() -> Self {
        let message = "There is no such session of this API key or user in this tenant and mode.";
        Refused::new(ErrorCode::SessionNotFound, message)
    }

    /// Address, password or code are wrong, or the user may not sign in. Which of them is nobody's business.
    pub fn login_failed() -> Self {
        let message = "The e-mail address, the password or the code is wrong, or the user is disabled; where an address \
                       is used in several tenants, send tenant_id too.";
        Refused::new(ErrorCode::LoginFailed, message)
    }

    /// The password is right, and a code is needed.
    pub fn totp_required() -> Self {
        let message = "This user signs in with a second factor; send the authenticator's code, or a recovery code, as \
                       totp_code.";
        Refused::new(ErrorCode::TotpRequired, message).param("totp_code")
    }

    /// Too many attempts to sign in have failed.
    pub fn login_throttled(seconds: u32) -> Self {
        let message = format!(
            "Too many attempts to sign in have failed; nothing was checked. Wait for {seconds} s, then try again."
        );
        Refused::new(ErrorCode::LoginThrottled, message).retry_after(seconds)
    }

    /// Sessions are exchanged for API keys and passwords, not for other sessions.
    pub fn exchanges_no_session() -> Self {
        let message = "An access token can't be exchanged; send an API key, or use POST /v1/auth/refresh.";
        Refused::new(ErrorCode::PermissionDenied, message)
    }

    /// No user of that id is the caller's to see.
    pub fn user_not_found() -> Self {
        Refused::new(ErrorCode::UserNotFound, "There is no such user in this tenant.")
    }

    /// Another user of the tenant has the address.
    pub fn email_taken() -> Self {
        let message = "Another user of this tenant has this e-mail address; send another.";
        Refused::new(ErrorCode::EmailTaken, message).param("email")
    }

    /// The password that was to be replaced is another one.
    pub fn password_wrong() -> Self {
        let message = "The current password is wrong.";
        Refused::new(ErrorCode::PermissionDenied, message).param("current_password")
    }

    /// The password is too short, or far too long.
    pub fn password_unacceptable() -> Self {
        let message = "Send a password of at least 12 characters and at most 1024 bytes.";
        Refused::new(ErrorCode::ParameterInvalid, message).param("password")
    }

    /// There is a second factor already.
    pub fn totp_already_on() -> Self {
        let message = "The user's second factor is on; switch it off by DELETE before another one is set up.";
        Refused::new(ErrorCode::TotpNotPending, message)
    }

    /// There is no second factor that waits for a code.
    pub fn totp_not_pending() -> Self {
        let message = "No second factor waits for a code; POST /v1/users/{id}/totp begins one.";
        Refused::new(ErrorCode::TotpNotPending, message)
    }

    /// The code is not the one of now.
    pub fn totp_code_wrong() -> Self {
        let message = "The code is wrong; send the six digits that the authenticator shows now.";
        Refused::new(ErrorCode::ParameterInvalid, message).param("code")
    }

    /// Users have access to both modes, which a key for one of them can't grant.
    pub fn users_need_live_access() -> Self {
        let message = "Users have access to both modes, so that a test key can't manage them; use a live key with the \
                       scope admin, or sign in as an administrator.";
        Refused::new(ErrorCode::PermissionDenied, message)
    }

    /// Somebody else's password or second factor.
    pub fn only_the_user_themself() -> Self {
        let message = "Only the users themselves can do this, in a session of theirs.";
        Refused::new(ErrorCode::PermissionDenied, message)
    }

    /// There is no key that the second factor could be encrypted with.
    pub fn factor_has_no_key() -> Self {
        let message = "The server has no key to encrypt second factors with, or not the one this user's is encrypted \
                       with; its operator sets FLORIN_CREDENTIALS_KEY.";
        Refused::new(ErrorCode::CredentialsKeyMissing, message)
    }
}
