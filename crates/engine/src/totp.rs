//! The second factor: codes by RFC 6238 as every authenticator app makes them, and recovery codes for when it is lost.

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::secret::{NoRandomness, random_characters};

/// How many bytes a secret has, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// How long a code is good, in seconds.
const STEP_SECONDS: u64 = 30;
/// How many digits a code has.
const DIGITS: u8 = 6;
/// How many steps before and after the present one are taken, for clocks that differ.
const SKEW: u16 = 1;
/// What an address of a URI's path may not have as it is.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// The secret that a user's app gets.
pub(crate) struct TotpSecret([u8; SECRET_BYTES]);

impl TotpSecret {
    /// A new secret, random by the operating system.
    pub(crate) fn random() -> Result<TotpSecret, NoRandomness> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(TotpSecret(bytes))
    }

    /// The secret of these bytes, as it was stored.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<TotpSecret> {
        bytes.try_into().ok().map(TotpSecret)
    }

    /// What is stored, encrypted.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As people type it into an app.
    pub(crate) fn to_base32(&self) -> String {
        Secret::from(self.0).to_base32()
    }

    /// As apps read it from a QR code.
    pub(crate) fn to_url(&self, email: &str) -> String {
        let account = utf8_percent_encode(email, RESERVED);
        let secret = self.to_base32();
        format!(
            "otpauth://totp/Florin:{account}?secret={secret}&issuer=Florin&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
        )
    }

    /// The step whose code this is, if it is one of now or nearly so.
    pub(crate) fn step_of(&self, code: &str, now: DateTime<Utc>) -> Option<i64> {
        let seconds = u64::try_from(now.timestamp()).ok()?;
        let is_code = code.len() == usize::from(DIGITS) && code.bytes().all(|byte| byte.is_ascii_digit());
        if !is_code {
            return None;
        }
        self.totp().check(code, seconds).and_then(|step| i64::try_from(step).ok())
    }

    fn totp(&self) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(SKEW)
            .with_step_duration(STEP_SECONDS)
            .with_secret(Secret::from(self.0))
            .build_noncompliant()
    }

    /// The code of a time, as an app shows it.
    #[cfg(test)]
    fn code_at(&self, seconds: u64) -> String {
        self.totp().generate(seconds).to_string()
    }
}

/// A new recovery code: 20 of 62 characters, which nobody guesses.
pub(crate) fn recovery_code() -> Result<String, NoRandomness> {
    let random = random_characters()?;
    let groups: Vec<&str> = (0..4).filter_map(|group| random.get(group * 5..group * 5 + 5)).collect();
    Ok(groups.join("-"))
}

/// What is stored of a recovery code; blanks around it and dashes do not matter.
pub(crate) fn recovery_digest(code: &str) -> [u8; 32] {
    let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Sha256::new().chain_update(b"florin/recovery-code/v1").chain_update(code).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        // The last six digits of its appendix B.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(seconds), code);
            let seconds = i64::try_from(seconds).unwrap();
            assert_eq!(secret.step_of(code, at(seconds)), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_taken_a_step_early_or_late_and_no_more() {
        let secret = TotpSecret::random().unwrap();
        let code = secret.code_at(3000);
        for (seconds, step) in
            [(2969, None), (2970, Some(100)), (3029, Some(100)), (3059, Some(100)), (3060, None)]
        {
            let found = secret.step_of(&code, at(seconds));
            // One code in a million is that of another step, too.
            assert!(found == step || found.is_some_and(|found| found != 100), "{seconds}: {found:?}");
        }
        for wrong in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６"] {
            assert_eq!(secret.step_of(wrong, at(3000)), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_gets_the_secret_with_its_account() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let url = secret.to_url("ada+1@example.com");
        assert!(url.starts_with(
            "otpauth://totp/Florin:ada%2B1@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"
        ));
    }

    #[test]
    fn recovery_codes_are_read_with_or_without_dashes() {
        let code = recovery_code().unwrap();
        assert_eq!(code.len(), 23);
        assert_eq!(recovery_digest(&code), recovery_digest(&format!(" {} ", code.replace('-', ""))));
        assert_ne!(recovery_digest(&code), recovery_digest(&recovery_code().unwrap()));
    }
}
