//! Credentials at rest: encrypted with XChaCha20-Poly1305, by a key of the settings that the database never sees.
//!
//! The tenant, the mode and the account are authenticated together with the credentials, so that nobody who can write to
//! the database can make one account use another's. Nonces are random: with 192 bits they never repeat.
//!
//! Several keys may be given. The first encrypts; all of them open. So a key is replaced without a gap: put the new one
//! first, restart, run `florin processors reencrypt`, which encrypts everything anew, take the old one away.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use florin_domain::{ProcessorAccountId, SealedCredentials, TenantId, UserId, WebhookEndpointId};
use florin_processors::Credentials;
use florin_storage::Realm;
use florin_storage::sealed::SecretOf;
use sha2::{Digest, Sha256};

use crate::totp::TotpSecret;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// What the authenticated data begins with, so that it is never taken for something else.
const PURPOSE: &[u8] = b"florin/processor-account/v1";
/// The same for a user's second factor.
const FACTOR_PURPOSE: &[u8] = b"florin/second-factor/v1";
/// The same for what signs webhooks.
const WEBHOOKS: &[u8] = b"florin/webhook-endpoint/v1";

/// The keys that encrypt credentials; none, where none is configured.
#[derive(Clone, Default)]
pub struct Vault(Arc<[VaultKey]>);

struct VaultKey {
    /// The beginning of a digest of the key: says which key it is, and nothing about it.
    id: String,
    cipher: XChaCha20Poly1305,
}

/// Refused because a text is no list of keys. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("64 hexadecimal digits, as `openssl rand -hex 32` prints them; several keys with a comma in between")]
pub struct MalformedKeys;

/// Why credentials can't be encrypted or decrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no key at all.
    #[error(
        "no key encrypts credentials: set FLORIN_CREDENTIALS_KEY to 64 hexadecimal digits (openssl rand -hex 32)"
    )]
    NoKey,
    /// The key that they are encrypted with is not among those configured.
    #[error("the credentials are encrypted with the key {0}, which FLORIN_CREDENTIALS_KEY does not name")]
    UnknownKey(String),
    /// They were not encrypted for this account, or were changed.
    #[error("the stored credentials are not this account's, or were changed")]
    Forged,
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
}

impl Vault {
    /// Reads keys: 64 hexadecimal digits each, with commas in between. The first encrypts. No text means no key.
    ///
    /// # Errors
    /// [`MalformedKeys`] for anything else.
    pub fn parse(text: &str) -> Result<Vault, MalformedKeys> {
        if text.trim().is_empty() {
            return Ok(Vault::default());
        }
        text.split(',')
            .map(|key| VaultKey::parse(key.trim()))
            .collect::<Result<Vec<_>, _>>()
            .map(|keys| Vault(keys.into()))
    }

    /// Which key encrypts; none where none is configured.
    pub fn key_id(&self) -> Option<&str> {
        self.0.first().map(|key| key.id.as_str())
    }

    /// Encrypts the credentials of an account.
    ///
    /// # Errors
    /// [`VaultError::NoKey`] and [`VaultError::Random`].
    pub fn seal(
        &self,
        realm: Realm,
        id: ProcessorAccountId,
        credentials: &Credentials,
    ) -> Result<SealedCredentials, VaultError> {
        use secrecy::ExposeSecret;
        self.seal_bytes(credentials.to_json().expose_secret().as_bytes(), &whose(PURPOSE, realm, id.bytes()))
    }

    /// Encrypts what signs an endpoint's webhooks; none where there is no key.
    ///
    /// # Errors
    /// [`VaultError::Random`].
    pub(crate) fn seal_webhook_secret(
        &self,
        realm: Realm,
        id: WebhookEndpointId,
        secret: &[u8],
    ) -> Result<Option<SealedCredentials>, VaultError> {
        match self.seal_bytes(secret, &whose(WEBHOOKS, realm, id.bytes())) {
            Ok(sealed) => Ok(Some(sealed)),
            Err(VaultError::NoKey) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Decrypts what signs an endpoint's webhooks.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub(crate) fn open_webhook_secret(
        &self,
        realm: Realm,
        id: WebhookEndpointId,
        sealed: &SealedCredentials,
    ) -> Result<Vec<u8>, VaultError> {
        self.open_bytes(sealed, &whose(WEBHOOKS, realm, id.bytes()))
    }

    /// Encrypts the secret of a user's second factor.
    pub(crate) fn seal_factor(
        &self,
        tenant: TenantId,
        id: UserId,
        secret: &TotpSecret,
    ) -> Result<SealedCredentials, VaultError> {
        self.seal_bytes(secret.as_bytes(), &whose_factor(tenant, id))
    }

    /// Encrypts a secret with the first key that another one encrypts; none where the first one does.
    ///
    /// # Errors
    /// As [`Vault::open`] and [`Vault::seal`].
    pub(crate) fn reseal(
        &self,
        of: SecretOf,
        sealed: &SealedCredentials,
    ) -> Result<Option<SealedCredentials>, VaultError> {
        if Some(&*sealed.key_id) == self.key_id() {
            return Ok(None);
        }
        let whose = match of {
            SecretOf::Factor(tenant, id) => whose_factor(tenant, id),
            SecretOf::Endpoint(realm, id) => whose(WEBHOOKS, realm, id.bytes()),
        };
        self.seal_bytes(&self.open_bytes(sealed, &whose)?, &whose).map(Some)
    }

    fn seal_bytes(&self, msg: &[u8], aad: &[u8]) -> Result<SealedCredentials, VaultError> {
        let key = self.0.first().ok_or(VaultError::NoKey)?;
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| VaultError::Random(error.to_string()))?;
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad });
        let sealed = sealed.map_err(|_| VaultError::Forged)?;
        Ok(SealedCredentials { key_id: key.id.clone(), bytes: [nonce.as_slice(), &sealed].concat() })
    }

    fn open_bytes(&self, sealed: &SealedCredentials, aad: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.0.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| VaultError::UnknownKey(sealed.key_id.clone()))?;
        let (nonce, msg) = sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Forged)?;
        key.cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad }).map_err(|_| VaultError::Forged)
    }

    /// Decrypts the credentials of an account.
    ///
    /// # Errors
    /// [`VaultError`] when the key is not there, or the bytes are not this account's.
    pub fn open(
        &self,
        realm: Realm,
        id: ProcessorAccountId,
        sealed: &SealedCredentials,
    ) -> Result<Credentials, VaultError> {
        let text = self.open_bytes(sealed, &whose(PURPOSE, realm, id.bytes()))?;
        let text = secrecy::SecretString::from(String::from_utf8(text).map_err(|_| VaultError::Forged)?);
        Credentials::from_json(secrecy::ExposeSecret::expose_secret(&text)).map_err(|_| VaultError::Forged)
    }

    /// Decrypts the secret of a user's second factor.
    pub(crate) fn open_factor(
        &self,
        tenant: TenantId,
        id: UserId,
        sealed: &SealedCredentials,
    ) -> Result<TotpSecret, VaultError> {
        let bytes = self.open_bytes(sealed, &whose_factor(tenant, id))?;
        TotpSecret::from_bytes(&bytes).ok_or(VaultError::Forged)
    }
}

impl VaultKey {
    fn parse(text: &str) -> Result<VaultKey, MalformedKeys> {
        let mut bytes = [0; KEY_BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| MalformedKeys)?;
        let digest = Sha256::new().chain_update(b"florin/key-id/v1").chain_update(bytes).finalize();
        let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| MalformedKeys)?;
        Ok(VaultKey { id: hex::encode(&digest[..8]), cipher })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

/// What a secret is bound to.
fn whose(purpose: &[u8], realm: Realm, id: [u8; 16]) -> Vec<u8> {
    [purpose, &realm.tenant_id.bytes(), &[u8::from(realm.mode.is_live())], &id].concat()
}

/// What the secret of a user's second factor is bound to.
fn whose_factor(tenant: TenantId, id: UserId) -> Vec<u8> {
    [FACTOR_PURPOSE, &tenant.bytes(), &id.bytes()].concat()
}

#[cfg(test)]
mod tests {
    use florin_domain::Mode;
    use secrecy::ExposeSecret;

    use super::*;

    const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const NEW: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

    fn realm(tenant: u8, mode: Mode) -> Realm {
        Realm { tenant_id: TenantId::from_bytes([tenant; 16]), mode }
    }

    fn id(number: u8) -> ProcessorAccountId {
        ProcessorAccountId::from_bytes([number; 16])
    }

    fn credentials() -> Credentials {
        Credentials::from_json(r#"{"secret_key": "sk_test_secret"}"#).unwrap()
    }

    fn sealed(vault: &Vault) -> SealedCredentials {
        vault.seal(realm(1, Mode::Test), id(1), &credentials()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_its_own_account_only() {
        let vault = Vault::parse(OLD).unwrap();
        let sealed = sealed(&vault);
        assert!(!sealed.bytes.windows(6).any(|bytes| bytes == b"secret"));
        let opened = vault.open(realm(1, Mode::Test), id(1), &sealed).unwrap();
        assert_eq!(opened.get("secret_key").unwrap().expose_secret(), "sk_test_secret");
        for (realm, id) in
            [(realm(2, Mode::Test), id(1)), (realm(1, Mode::Live), id(1)), (realm(1, Mode::Test), id(2))]
        {
            assert_eq!(vault.open(realm, id, &sealed).unwrap_err(), VaultError::Forged);
        }
    }

    #[test]
    fn a_second_factor_opens_for_its_own_user_only() {
        let vault = Vault::parse(OLD).unwrap();
        let secret = TotpSecret::random().unwrap();
        let (tenant, user) = (TenantId::from_bytes([1; 16]), UserId::from_bytes([1; 16]));
        let sealed = vault.seal_factor(tenant, user, &secret).unwrap();
        assert_eq!(vault.open_factor(tenant, user, &sealed).unwrap().as_bytes(), secret.as_bytes());
        for (tenant, user) in [(TenantId::from_bytes([2; 16]), user), (tenant, UserId::from_bytes([2; 16]))] {
            assert!(vault.open_factor(tenant, user, &sealed).is_err());
        }
        assert!(vault.open(realm(1, Mode::Test), id(1), &sealed).is_err(), "nor as credentials");
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let vault = Vault::parse(OLD).unwrap();
        let sealed = sealed(&vault);
        for index in 0..sealed.bytes.len() {
            let mut forged = sealed.clone();
            forged.bytes[index] ^= 1;
            let opened = vault.open(realm(1, Mode::Test), id(1), &forged);
            assert_eq!(opened.unwrap_err(), VaultError::Forged, "byte {index}");
        }
        let short = SealedCredentials { bytes: vec![0; 23], ..sealed };
        assert_eq!(vault.open(realm(1, Mode::Test), id(1), &short).unwrap_err(), VaultError::Forged);
    }

    #[test]
    fn a_new_key_comes_first_and_the_old_one_still_opens() {
        let old = Vault::parse(OLD).unwrap();
        let both = Vault::parse(&format!("{NEW}, {OLD}")).unwrap();
        let new = Vault::parse(NEW).unwrap();
        let before = sealed(&old);
        let opened = both.open(realm(1, Mode::Test), id(1), &before).unwrap();
        let after = both.seal(realm(1, Mode::Test), id(1), &opened).unwrap();
        assert_eq!(both.key_id(), Some(after.key_id.as_str()));
        assert!(new.open(realm(1, Mode::Test), id(1), &after).is_ok());
        let unknown = new.open(realm(1, Mode::Test), id(1), &before).unwrap_err();
        assert_eq!(unknown, VaultError::UnknownKey(before.key_id));
    }

    #[test]
    fn keys_are_read_strictly_and_never_shown() {
        for text in ["00", &OLD[1..], &format!("{OLD}0"), &format!("{OLD},"), "zz", &OLD.replace('0', "g")] {
            assert_eq!(Vault::parse(text).unwrap_err(), MalformedKeys, "{text}");
        }
        let vault = Vault::parse(OLD).unwrap();
        assert!(!format!("{vault:?}").contains("000102"));
        assert_eq!(
            Vault::default().seal(realm(1, Mode::Test), id(1), &credentials()),
            Err(VaultError::NoKey)
        );
    }
}
