//! The one checker of all experiments. It knows three things: what the client has written down, what the processor has,
//! and what Florin tells; and it has `florin verify` recompute every rule.
//!
//! After the faults have stopped and everything had its time to settle:
//!
//! - each success that was answered is there, as it was answered or as it may have become since, and its key gives the
//!   same answer again;
//! - a payment and a key have one effect at most;
//! - our sums are the processor's, and the processor knows no payment that Florin does not know;
//! - nothing is left unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use florin_processors::sandbox::PaymentTally;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use super::effects::Effects;
use super::journal::{Asked, Journal};
use super::{Plan, Report};
use crate::{Client, Database, Reply};

/// How many questions the checker asks at a time.
const AT_ONCE: usize = 16;

/// What is checked.
pub(crate) struct Checked<'a> {
    pub(crate) database: &'a Database,
    pub(crate) client: Client,
    pub(crate) journal: &'a Journal,
    pub(crate) effects: &'a Effects,
    /// How many effects may have come too late, each told by an open item; none where no such item excuses anything.
    pub(crate) late_effects: Option<usize>,
}

/// Checks everything.
pub(crate) async fn check(checked: &Checked<'_>, plan: &Plan) -> Report {
    let mut report = Report::default();
    checked.settle(&mut report, plan).await;
    let asked = checked.journal.read();
    let (answered, lost) = checked.journal.answered_and_lost();
    report.add("questions", asked.len());
    report.add("answers", answered);
    report.add("answers lost", lost);
    let payments_of_keys = checked.ask_again(&mut report, &asked, plan).await;
    checked.check_successes(&mut report, &asked).await;
    checked.settle(&mut report, plan).await;
    let payments = checked.client.all_payments().await;
    check_keys(&mut report, &payments, &payments_of_keys);
    let told = checked.told_by_items().await;
    let late = compare(&mut report, &payments, checked.effects.tally(), &told);
    if late > checked.late_effects.unwrap_or(0) {
        report.violation(format!("{late} effects were sent after their sender was given up"));
    }
    let verified = checked.database.florin(&["verify"]);
    if verified.code != Some(0) {
        report.violation(format!("florin verify found: {}{}", verified.stdout, verified.stderr));
    }
    report
}

impl Checked<'_> {
    /// Nothing is left unknown.
    async fn settle(&self, report: &mut Report, plan: &Plan) {
        let began = Instant::now();
        let mut open = self.database.open_attempts();
        while open > 0 && began.elapsed() < Duration::from_secs(plan.settle_seconds) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            open = self.database.open_attempts();
        }
        if open > 0 {
            let seconds = plan.settle_seconds;
            let some = self.database.describe_open_attempts().join("; ");
            report
                .violation(format!("{open} attempts are still without an outcome after {seconds} s: {some}"));
        }
    }

    /// Asks each question once more with its key: the same answer, byte for byte, where it
    /// was one to keep. Gives back the payment of each key.
    async fn ask_again(&self, report: &mut Report, asked: &[Asked], plan: &Plan) -> BTreeMap<String, String> {
        let again =
            stream::iter(asked).map(|asked| async move { (asked, self.final_answer(asked, plan).await) });
        let replies: Vec<(&Asked, Option<Reply>)> = again.buffer_unordered(AT_ONCE).collect().await;
        let mut payments = BTreeMap::new();
        for (asked, reply) in replies {
            let Some(reply) = reply else {
                report.violation(format!("no final answer to {} with key {}", asked.path, asked.key));
                continue;
            };
            if !matches!(reply.status, 200..=202 | 400 | 402 | 409 | 422) {
                report.violation(format!("{} {}: {} {}", asked.path, asked.key, reply.status, reply.text));
            }
            if let Some((status, text)) = &asked.answer
                && is_kept(*status)
                && (*status, text) != (reply.status, &reply.text)
            {
                report.violation(format!(
                    "{} with key {} was answered with {status} {text} and now with {} {}",
                    asked.path, asked.key, reply.status, reply.text
                ));
            }
            if asked.path == "/v1/payments"
                && let Some(id) = payment_id(&reply.body)
            {
                payments.insert(asked.key.clone(), id);
            }
        }
        payments
    }

    async fn final_answer(&self, asked: &Asked, plan: &Plan) -> Option<Reply> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(plan.settle_seconds) {
            if let Ok(reply) = self.client.post_once(&asked.path, &asked.body, &asked.key).await
                && reply.status != 503
                && reply.code() != "idempotency_key_in_use"
            {
                return Some(reply);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// Each success that was answered is there.
    async fn check_successes(&self, report: &mut Report, asked: &[Asked]) {
        let checks = stream::iter(asked).map(|asked| self.check_success(asked)).buffer_unordered(AT_ONCE);
        let found: Vec<Option<String>> = checks.collect().await;
        report.violations.extend(found.into_iter().flatten());
    }

    /// The payments about which an open item says that the processor did what it was taken not to have received.
    async fn told_by_items(&self) -> BTreeSet<String> {
        if self.late_effects.is_none() {
            return BTreeSet::new();
        }
        let items = self.client.get("/v1/open_items?type=missing_here&limit=100").await.body;
        let items = items["data"].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|item| Some(item["payment_id"].as_str()?.to_owned())).collect()
    }

    async fn check_success(&self, asked: &Asked) -> Option<String> {
        let (status, text) = asked.answer.as_ref()?;
        let body = asked.json();
        let is_refund = asked.path.ends_with("/refund");
        let id = match (asked.path.as_str(), status) {
            ("/v1/payments", 201 | 202 | 402) => payment_id(&body)?,
            (_, 200..=299) => body["id"].as_str()?.to_owned(),
            _ => return None,
        };
        let path = if is_refund { format!("/v1/refunds/{id}") } else { format!("/v1/payments/{id}") };
        let Ok(now) = self.client.send(reqwest::Method::GET, &path, None, None).await else {
            return Some(format!("{path} could not be read"));
        };
        let may_be = later(is_refund, *status, body["status"].as_str());
        let is_so = now.status == 200 && now.body["status"].as_str().is_some_and(|now| may_be.contains(&now));
        (!is_so).then(|| {
            format!("{path} was answered with {status} {text} and is now {} {}", now.status, now.text)
        })
    }
}

/// Whether an answer is kept for its key: not where a request was refused without effect, nor while the outcome was open.
fn is_kept(status: u16) -> bool {
    matches!(status, 200 | 201 | 402 | 404 | 409 | 422)
}

/// What may have become of something since it was answered.
fn later(is_refund: bool, status: u16, told: Option<&str>) -> &'static [&'static str] {
    match (is_refund, status, told) {
        (true, _, Some("succeeded")) => &["succeeded"],
        (true, _, _) => &["pending", "succeeded", "failed"],
        (false, 402, _) => &["failed"],
        (false, _, Some("succeeded" | "refunded")) => &["succeeded", "refunded"],
        (false, _, Some("canceled")) => &["canceled"],
        // Authorized only, or its outcome was unknown then.
        (false, _, _) => &["pending", "succeeded", "refunded", "failed", "canceled"],
    }
}

/// The payment that an answer to its creation is about, declined or not.
fn payment_id(body: &Value) -> Option<String> {
    body["id"].as_str().or(body["error"]["payment_id"].as_str()).map(str::to_owned)
}

/// Each payment that there is belongs to one key, and to the one that it says.
fn check_keys(report: &mut Report, payments: &[Value], by_key: &BTreeMap<String, String>) {
    let mut seen = BTreeSet::new();
    for payment in payments {
        let Some(key) = payment["idempotency_key"].as_str() else { continue };
        if !seen.insert(key) {
            report.violation(format!("two payments of the key {key}"));
        }
        if by_key.get(key).map(String::as_str) != payment["id"].as_str() {
            report.violation(format!("the key {key} answers with another payment than {}", payment["id"]));
        }
    }
}

/// Our sums are the processor's, but for effects that came too late and are told by an item. Gives back how many those are.
fn compare(
    report: &mut Report,
    payments: &[Value],
    mut tallies: BTreeMap<String, PaymentTally>,
    told: &BTreeSet<String>,
) -> usize {
    let (mut captured, mut late) = (0, 0);
    for payment in payments {
        let id = payment["id"].as_str().unwrap_or_default();
        let tally = tallies.remove(id).unwrap_or_default();
        captured += usize::try_from(tally.captured).unwrap_or(0);
        if let Some(difference) = difference(payment, &tally) {
            if told.contains(id) && tally.charges == 1 {
                late += 1;
                continue;
            }
            report.violation(format!("{difference}: the processor has {tally:?}, Florin {payment}"));
        }
    }
    for (id, tally) in tallies {
        if tally != PaymentTally::default() {
            report.violation(format!("the processor knows {id}, and Florin does not: {tally:?}"));
        }
    }
    report.add("payments", payments.len());
    report.add("minor units captured", captured);
    if late > 0 {
        report.add("late effects told by open items", late);
    }
    late
}

fn difference(payment: &Value, tally: &PaymentTally) -> Option<&'static str> {
    let told = |field: &str| payment[field].as_i64().unwrap_or(-1);
    let ours = (told("amount_captured"), told("amount_refunded"), told("amount_returned"));
    if tally.charges > 1 || tally.captures > 1 || tally.voids > 1 {
        return Some("charged, captured or voided twice");
    }
    if tally.captures + tally.voids > 1 {
        return Some("captured and voided");
    }
    if tally.refunded > tally.captured {
        return Some("more was refunded than captured");
    }
    if ours != (tally.captured, tally.refunded, tally.returned) {
        return Some("the sums differ");
    }
    let is_held = tally.authorized > 0 && tally.captured == 0 && tally.voids == 0;
    if is_held && matches!(payment["status"].as_str(), Some("failed" | "canceled")) {
        return Some("the payer's money is held for a payment that is over");
    }
    None
}
