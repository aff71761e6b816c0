//! Metrics and the access log.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram};

/// Counts and times the requests of one method and path, and logs them.
///
/// The handles are looked up once and kept: a look-up for each request would cost more than the counting. They are
/// taken at the first request, when the recorder is surely installed.
pub(crate) struct Observer {
    method: &'static str,
    route: &'static str,
    by_status: Vec<(u16, OnceLock<Counter>)>,
    duration: OnceLock<Histogram>,
}

/// Every status that a handler answers.
const STATUSES: [u16; 17] =
    [200, 201, 202, 400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 503];

impl Observer {
    pub(crate) fn new(method: &'static str, route: &'static str) -> Self {
        let by_status = STATUSES.iter().map(|status| (*status, OnceLock::new())).collect();
        Observer { method, route, by_status, duration: OnceLock::new() }
    }

    /// Records a request that was answered.
    pub(crate) fn observe(&self, status: u16, request_id: &str, took: Duration) {
        match self.by_status.iter().find(|(known, _)| *known == status) {
            Some((_, counter)) => counter.get_or_init(|| self.counter(status)).increment(1),
            None => self.counter(status).increment(1),
        }
        self.duration.get_or_init(|| self.histogram()).record(took.as_secs_f64());
        let (method, route) = (self.method, self.route);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if status >= 500 {
            tracing::warn!(request_id, method, route, status, micros, "answered with a failure");
        } else {
            tracing::debug!(request_id, method, route, status, micros, "answered");
        }
    }

    fn counter(&self, status: u16) -> Counter {
        let labels = [
            ("method", self.method.to_owned()),
            ("route", self.route.to_owned()),
            ("status", status.to_string()),
        ];
        metrics::counter!("florin_http_requests_total", &labels)
    }

    fn histogram(&self) -> Histogram {
        metrics::histogram!("florin_http_request_duration_seconds", "method" => self.method, "route" => self.route)
    }
}
