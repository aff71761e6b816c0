//! Deadlines on a connection for what actix does not watch: the heads of all requests after the first.
//!
//! actix gives the first head of a connection a deadline, and an idle connection another; the first byte of the next
//! head ends that one, and the rest may then take for ever. So the stream under actix watches each head, and ends the
//! connection when one is late. Bodies are not its business: the API has a deadline for them. On the way out it gives
//! actix's own answers the form of ours: see [`own_answers`].

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::web::Bytes;
use florin_api::ApiState;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::own_answers;
use super::security::SecurityHeaders;
use super::transport::Transport;

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// From a head's first byte to its last.
    pub(super) head: Duration,
    /// From an answer to the next head's first byte.
    pub(super) keep_alive: Duration,
}

/// What a connection is doing. Shared between its stream and the service that answers its requests.
#[derive(Clone)]
pub(super) struct Watch(Rc<Cell<Phase>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has arrived since the last answer, or since the beginning.
    Idle { since: Instant },
    /// A part of a head has arrived.
    Head { since: Instant },
    /// The head was complete, and the answer is not ready.
    Busy,
    /// The answer is ready, and nothing of it has been sent.
    Answered,
}

impl Watch {
    fn new() -> Self {
        Watch(Rc::new(Cell::new(Phase::Idle { since: Instant::now() })))
    }

    /// A head has arrived in full.
    pub(super) fn head_is_complete(&self) {
        self.0.set(Phase::Busy);
    }

    /// The answer is ready to be sent.
    pub(super) fn answer_is_ready(&self) {
        self.0.set(Phase::Answered);
    }

    fn bytes_arrived(&self) {
        if matches!(self.0.get(), Phase::Idle { .. }) {
            self.0.set(Phase::Head { since: Instant::now() });
        }
    }

    /// While an answer is on its way each part of it counts: who takes none of it is as idle as who sends nothing.
    fn bytes_left(&self) {
        if matches!(self.0.get(), Phase::Answered | Phase::Idle { .. }) {
            self.0.set(Phase::Idle { since: Instant::now() });
        }
    }

    fn deadline(&self, deadlines: Deadlines) -> Option<Instant> {
        match self.0.get() {
            Phase::Idle { since } => Some(since + deadlines.keep_alive + deadlines.head),
            Phase::Head { since } => Some(since + deadlines.head),
            Phase::Busy | Phase::Answered => None,
        }
    }
}

/// A connection that ends when a head is late.
pub(super) struct WatchedStream {
    stream: Transport,
    watch: Watch,
    deadlines: Deadlines,
    /// Wakes up no later than the deadline, and is set anew only when it would be later: nearly no request does so.
    alarm: Pin<Box<Sleep>>,
    state: ApiState,
    security: SecurityHeaders,
    /// What is still to be sent of an answer that replaces actix's own.
    replacement: Option<Bytes>,
}

impl WatchedStream {
    pub(super) fn new(
        stream: Transport,
        deadlines: Deadlines,
        state: ApiState,
        security: SecurityHeaders,
    ) -> Self {
        let alarm = Box::pin(sleep_until(Instant::now() + deadlines.head));
        WatchedStream { stream, watch: Watch::new(), deadlines, alarm, state, security, replacement: None }
    }

    /// The watch, for those who know of its requests.
    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(deadline) = self.watch.deadline(self.deadlines) {
            if self.alarm.deadline() > deadline {
                self.alarm.as_mut().reset(deadline);
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Sends an answer of actix's own as the API would have given it.
    fn poll_own_answer(&mut self, cx: &mut Context<'_>, answer: &[u8]) -> Poll<io::Result<usize>> {
        let (state, security) = (&self.state, self.security);
        let rest =
            self.replacement.get_or_insert_with(|| own_answers::complete(answer, state, security).into());
        while !rest.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Ok(0));
            }
            let _sent = rest.split_to(sent);
        }
        self.replacement = None;
        Poll::Ready(Ok(answer.len()))
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if polled.is_pending() && this.poll_deadline(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if buffer.filled().len() > before {
            this.watch.bytes_arrived();
        }
        polled
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match own_answers::find(bytes) {
            None => Pin::new(&mut this.stream).poll_write(cx, bytes),
            Some(0) => this.poll_own_answer(cx, bytes),
            Some(start) => Pin::new(&mut this.stream).poll_write(cx, &bytes[..start]),
        };
        if polled.is_ready() {
            this.watch.bytes_left();
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
