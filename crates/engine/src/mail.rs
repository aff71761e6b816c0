//! Sending payment requests by e-mail, over SMTP.
//!
//! Never inside a transaction, and with a deadline. What people have written becomes text in a body or a part of a subject
//! that is encoded as a whole, so that none of it becomes a header. Deliberately not here: bounces, templates, queues.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use florin_domain::{Email, Mode, Money, PaymentRequest, PaymentRequestType};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Message, Tokio1Executor};

use crate::views::EmailStatus;

/// How long sending one e-mail may take in all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends e-mails by an SMTP server.
#[derive(Clone)]
pub struct Mailer {
    transport: Arc<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    patience: Duration,
}

/// Why there can't be a mailer with such settings. It never repeats the address, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailerRefused {
    /// The address of the server is not one.
    #[error(
        "not an address such as smtps://user:password@mail.example.com or smtp://mail.example.com:587?tls=required"
    )]
    Url,
    /// The sender is not one.
    #[error("not a sender such as \"Shop <pay@shop.example>\" or pay@shop.example")]
    From,
}

/// Why an e-mail was not sent, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum MailFailed {
    /// The address or text can't be an e-mail's.
    #[error("the e-mail can't be written: {0}")]
    Unwritable(#[from] lettre::error::Error),
    /// The mail server refused it, or could not be reached.
    #[error("the mail server did not take it: {0}")]
    Refused(SmtpError),
    /// No answer came in time, or the connection was lost.
    #[error("the mail server gave no answer")]
    NoAnswer,
}

impl MailFailed {
    /// What the caller is told.
    pub(crate) fn status(&self) -> EmailStatus {
        match self {
            MailFailed::Unwritable(_) | MailFailed::Refused(_) => EmailStatus::Failed,
            MailFailed::NoAnswer => EmailStatus::Unknown,
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from.to_string()).finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer by the server of that address (`smtps://`, or `smtp://` with `?tls=required` or, on a machine of one's
    /// own, without), which sends as `from`.
    ///
    /// # Errors
    /// [`MailerRefused`] when one of them is malformed.
    pub fn new(url: &str, from: &str) -> Result<Mailer, MailerRefused> {
        let from = from.parse().map_err(|_| MailerRefused::From)?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| MailerRefused::Url)?;
        let transport = Arc::new(builder.timeout(Some(PATIENCE)).build());
        Ok(Mailer { transport, from, patience: PATIENCE })
    }

    /// The same, for whom each e-mail may take so long.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Mailer {
        Mailer { patience, ..self }
    }

    /// How long sending one e-mail may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Sends a payment request of that merchant to somebody.
    pub(crate) async fn send(&self, to: &Email, mail: &RequestMail<'_>) -> Result<(), MailFailed> {
        let to = Mailbox::new(None, to.as_str().parse().map_err(|_| lettre::error::Error::MissingTo)?);
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject())
            .multipart(MultiPart::alternative_plain_html(mail.text(), mail.html()))?;
        match tokio::time::timeout(self.patience, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_clear(&error) => Err(MailFailed::Refused(error)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the mail server gave no clear answer");
                Err(MailFailed::NoAnswer)
            }
            Err(_) => Err(MailFailed::NoAnswer),
        }
    }
}

/// Whether the server said no, or was never reached. A connection that breaks or times out may have carried the e-mail.
fn is_clear(error: &SmtpError) -> bool {
    error.is_permanent()
        || error.is_transient()
        || error.is_client()
        || error.is_tls()
        || is_connecting(error)
}

/// Whether an error happened before there was a connection.
fn is_connecting(error: &SmtpError) -> bool {
    error.to_string().starts_with("Connection error")
}

/// Whether an address can be one of an e-mail's.
pub(crate) fn is_deliverable(email: &Email) -> bool {
    email.as_str().parse::<lettre::Address>().is_ok()
}

/// A payment request as an e-mail tells of it.
pub(crate) struct RequestMail<'a> {
    pub(crate) request: &'a PaymentRequest,
    pub(crate) merchant: &'a str,
    pub(crate) url: &'a str,
}

impl RequestMail<'_> {
    fn subject(&self) -> String {
        let test = if self.request.mode == Mode::Test { "[Test] " } else { "" };
        format!("{test}{} asks you to pay {}", one_line(self.merchant), self.amount())
    }

    fn text(&self) -> String {
        let (merchant, amount) = (one_line(self.merchant), self.amount());
        let mut text = format!("{merchant} asks you to pay {amount}{}.\n\n", self.purpose());
        if let Some(description) = &self.request.description {
            text.push_str(&one_line(description.as_str()));
            text.push_str("\n\n");
        }
        text.push_str(&format!("Pay on this page:\n{}\n\n", self.url));
        text.push_str(&self.end());
        text.push('\n');
        text
    }

    fn html(&self) -> String {
        let description = self
            .request
            .description
            .as_ref()
            .map_or_else(String::new, |text| format!("<p>{}</p>\n", escape(&one_line(text.as_str()))));
        let [merchant, amount, url] = [&one_line(self.merchant), &self.amount(), self.url].map(escape);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{amount}</title></head>\n<body>\n\
             <p>{merchant} asks you to pay <strong>{amount}</strong>{}.</p>\n{description}\
             <p><a href=\"{url}\">Pay {amount}</a></p>\n<p>{url}</p>\n<p>{}</p>\n</body>\n</html>\n",
            escape(&self.purpose()),
            escape(&self.end()),
        )
    }

    fn amount(&self) -> String {
        Money::new(self.request.amount.minor(), self.request.currency).to_string()
    }

    fn purpose(&self) -> String {
        match (self.request.kind, &self.request.destination) {
            (PaymentRequestType::Invoice, Some(invoice)) => {
                format!(" for invoice {}", one_line(invoice.invoice_number.as_str()))
            }
            (PaymentRequestType::Subscription, _) => " for a subscription".to_owned(),
            (PaymentRequestType::Invoice | PaymentRequestType::Product, _) => String::new(),
        }
    }

    fn end(&self) -> String {
        let until = self.request.expires_at.map_or_else(String::new, |expires_at| {
            format!("The page can be paid until {} UTC. ", expires_at.format("%Y-%m-%d %H:%M"))
        });
        format!("{until}If you did not expect this, you need not do anything.")
    }
}

/// A text without line breaks and other characters that nobody sees, of at most 500 characters.
fn one_line(text: &str) -> String {
    let seen = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}');
    text.chars().map(|c| if seen(c) { c } else { ' ' }).take(500).collect()
}

/// A text as HTML has it, in elements and in attributes with double quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
