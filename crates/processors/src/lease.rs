//! Until when a request may be sent: as long as its attempt belongs to its sender.
//!
//! A process that was stopped, or a machine that slept, goes on where it was, as if no time had passed. Meanwhile others may
//! have asked the processor, have been told that it knows nothing, and have drawn their conclusions. So what was about to be
//! sent then has to stay here. Whoever sends asks at the last moment: [`HttpClient`](crate::http::HttpClient) does, once
//! the connection stands, right before the request's body leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use reqwest::Body;

tokio::task_local! {
    static LEASE: Lease;
}

/// The right to send one attempt.
#[derive(Clone)]
pub struct Lease {
    is_held: Arc<dyn Fn() -> bool + Send + Sync>,
    withheld: Arc<AtomicBool>,
}

impl Lease {
    /// A right that ends when `is_held` says so.
    pub fn new(is_held: impl Fn() -> bool + Send + Sync + 'static) -> Lease {
        Lease { is_held: Arc::new(is_held), withheld: Arc::default() }
    }

    /// Carries out `sending`, which sends nothing once the right has ended.
    pub async fn hold<F: Future>(self, sending: F) -> F::Output {
        LEASE.scope(self, sending).await
    }

    /// The right under which this task sends; none where nothing limits it, as for what only reads.
    pub(crate) fn current() -> Option<Lease> {
        LEASE.try_with(Clone::clone).ok()
    }

    pub(crate) fn is_held(&self) -> bool {
        (self.is_held)()
    }

    /// Whether a body was kept back, so that the request was never whole.
    pub(crate) fn has_withheld(&self) -> bool {
        self.withheld.load(Ordering::SeqCst)
    }

    /// A body that leaves only while the right is held.
    pub(crate) fn watch(&self, body: Body) -> Body {
        Body::wrap(Watched { body, lease: self.clone() })
    }
}

/// Whether what this task is about to send may still be sent. To be asked right before, by whatever sends without
/// [`HttpClient`](crate::http::HttpClient); where it says no, the outcome is [`Outcome::NotSent`](crate::Outcome::NotSent).
pub fn may_be_sent() -> bool {
    Lease::current().is_none_or(|lease| lease.is_held())
}

/// Why nothing was sent.
pub(crate) const OVER: &str = "the attempt's time to be sent is over";

struct Watched {
    body: Body,
    lease: Lease,
}

impl http_body::Body for Watched {
    type Data = <Body as http_body::Body>::Data;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if !self.lease.is_held() {
            self.lease.withheld.store(true, Ordering::SeqCst);
            return Poll::Ready(Some(Err(OVER.into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    // Known beforehand, so that the head names the length, and a head without its body is no request.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
