//! Processors' webhooks: verified, noted once, and believed only as a reason to look up.
//!
//! | the process dies | what is stored | what follows |
//! | --- | --- | --- |
//! | before the event is noted | nothing | the processor sends it again |
//! | after that, before the look-up | the event, and a lease of the attempt | the look-up when the lease ends |
//! | before the answer | the same | the processor sends it again; it is known already |

use std::sync::Arc;

use florin_domain::{AttemptId, PaymentId};
use florin_processors::{ProcessorEvent, Subject, WebhookRequest};
use florin_storage::recovery::{AttemptName, find_open_attempts};
use florin_storage::{ProcessorEventRecord, StorageError};
use sha2::{Digest, Sha256};

use crate::commands::{Names, NoteEvent, Noted};
use crate::engine::{Engine, Inner};
use crate::known_accounts::KnownAccount;
use crate::reading::unavailable;
use crate::views::Refused;
use crate::writer::WriteFailed;

/// The most characters of a processor's own words that are kept.
const KEPT_CHARS: usize = 255;

impl Engine {
    /// Whether there is an account of that id, to which webhooks may be sent.
    pub fn has_account(&self, id: &str) -> bool {
        self.inner.known_account(id).is_some()
    }

    /// Verifies a webhook. Nothing but which attempts to look up is believed of it.
    ///
    /// # Errors
    /// [`Refused`] when the account is unknown, or the webhook is not verified.
    pub fn verify_webhook<'a>(
        &self,
        account: &str,
        header: &'a dyn Fn(&str) -> Option<&'a str>,
        body: &'a [u8],
    ) -> Result<VerifiedWebhook, Refused> {
        let account = self.inner.known_account(account).ok_or_else(Refused::processor_account_unknown)?;
        let webhook = WebhookRequest { header, body, now: self.inner.now() };
        match account.processor.parse_webhook(&webhook) {
            Ok(events) => Ok(VerifiedWebhook { account, events }),
            Err(refused) => {
                let processor = account.processor.name().to_owned();
                tracing::warn!(processor, reason = %refused, "a webhook was not verified");
                metrics::counter!("florin_webhooks_refused_total", "processor" => processor).increment(1);
                Err(Refused::from(refused))
            }
        }
    }

    /// Notes the events of a webhook, and begins to look up what they name. Gives back how many had not come before.
    ///
    /// # Errors
    /// [`Refused`] when the database can't be used; the processor sends the webhook again then.
    pub async fn note_webhook(&self, webhook: VerifiedWebhook) -> Result<usize, Refused> {
        let VerifiedWebhook { account, events } = webhook;
        let mut new = 0;
        for event in events {
            new += usize::from(self.inner.note(&account, event).await?.is_new);
        }
        let processor = account.processor.name().to_owned();
        metrics::counter!("florin_webhooks_total", "processor" => processor).increment(1);
        Ok(new)
    }
}

/// A webhook that was sent by the processor of an account.
pub struct VerifiedWebhook {
    account: KnownAccount,
    events: Vec<ProcessorEvent>,
}

impl Inner {
    /// Notes an event, and begins to look up what it names. Nobody waits for that.
    async fn note(self: &Arc<Self>, account: &KnownAccount, event: ProcessorEvent) -> Result<Noted, Refused> {
        let realm = account.realm;
        let names = self.names(account, &event.subject).await.map_err(|error| unavailable(&error))?;
        let event = self.record(account, event);
        let mut noted = match self.write(NoteEvent { event, names, lease: self.lease() }).await {
            Ok(noted) => noted,
            Err(WriteFailed::NotWritten) => return Err(Refused::overloaded()),
            // Should it stand, the lease that it took ends, and the attempt is looked up then.
            Err(WriteFailed::Unknown) => return Err(Refused::outcome_unknown()),
        };
        for leased in std::mem::take(&mut noted.to_look_up) {
            let inner = Arc::clone(self);
            self.track(async move { inner.settle_by_look_up(realm, leased).await });
        }
        Ok(noted)
    }

    fn record(&self, account: &KnownAccount, event: ProcessorEvent) -> ProcessorEventRecord {
        let processor = account.processor.name().to_owned();
        let mut hash = Sha256::new();
        hash.update(processor.as_bytes());
        hash.update([0]);
        hash.update(event.id.as_bytes());
        ProcessorEventRecord {
            realm: account.realm,
            digest: hash.finalize().into(),
            processor,
            event_id: kept(&event.id),
            kind: kept(&event.kind),
            subject: kept(&in_words(&event.subject)),
            received_at: self.now(),
        }
    }

    /// What an event is about, as far as that can be told without a search through everything.
    async fn names(&self, account: &KnownAccount, subject: &Subject) -> Result<Names, StorageError> {
        let realm = account.realm;
        let found = match subject {
            Subject::Nothing => return Ok(Names::Nothing),
            Subject::Payment(id) => return Ok(Names::Payment(*id)),
            Subject::Attempt(id) => {
                let id = *id;
                self.read(move |connection| find_open_attempts(connection, realm, AttemptName::Id(id)))
                    .await?
            }
            Subject::Reference(reference) => {
                let (name, reference) = (account.processor.name().to_owned(), reference.clone());
                self.read(move |connection| {
                    find_open_attempts(connection, realm, AttemptName::Reference(&name, &reference))
                })
                .await?
            }
        };
        Ok(named(found))
    }
}

fn named(found: Vec<(PaymentId, AttemptId)>) -> Names {
    if found.is_empty() { Names::Nothing } else { Names::Attempts(found) }
}

fn in_words(subject: &Subject) -> String {
    match subject {
        Subject::Attempt(id) => id.to_string(),
        Subject::Payment(id) => id.to_string(),
        Subject::Reference(reference) => reference.clone(),
        Subject::Nothing => "nothing".to_owned(),
    }
}

/// A processor's own words, as far as they are kept; U+0000, which PostgreSQL can't store, is left out.
fn kept(words: &str) -> String {
    words.chars().filter(|letter| *letter != '\0').take(KEPT_CHARS).collect()
}
